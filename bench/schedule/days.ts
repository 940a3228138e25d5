import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSolver } from "../../lib/scheduling/highs.ts";
import { compile } from "../../lib/scheduling/instance.ts";
import { modelOf } from "../../lib/scheduling/model.ts";
import { type Answer, optimize } from "../../lib/scheduling/optimize.ts";
import type { SchedulingProblem } from "../../lib/scheduling/problem.ts";
import type { Matrix } from "../../lib/scheduling/rows.ts";
import type { Progress } from "../../lib/scheduling/solve.ts";
import type { Figures } from "../run.ts";
import { factoryDay } from "./factory.ts";

interface DaysOptions {
	seconds: number;
	seeds: number[];
	jobs: number[];
	/** Whether CBC and javascript-lp-solver solve the same days. */
	peers: boolean;
}

/** Gap at which ours and CBC are timed. */
const GAP = 0.005;
const PEER_SECONDS = 300;

/** Ours on each day; CBC on the same model and gap up to 300 jobs; javascript-lp-solver on the smallest. */
export async function factoryDays({ seconds, seeds, jobs, peers }: DaysOptions): Promise<Figures> {
	const days: Figures[] = [];
	for (const { count, seed } of jobs.flatMap((count) => seeds.map((seed) => ({ count, seed })))) {
		const problem = factoryDay(count, seed);
		const freePeakKw = await peakWithoutLimits(problem);
		const seen: Progress[] = [];
		const answer = await optimize(problem, { seconds, gap: GAP, seed, onProgress: (progress) => seen.push(progress) });
		const day: Figures = {
			...{ jobs: count, seed },
			intervals: problem.intervals,
			machines: problem.machines.length,
			...ours(answer, seen),
			capKw: problem.cap?.kw,
			peakKwWithoutCapAndCharge: Math.round(freePeakKw),
			...(count <= 300 ? await relaxation(problem) : {}),
			...(peers && count <= 300 ? cbc(problem, seconds) : {}),
			...(peers && count <= 20 ? jsLpSolver(problem) : {}),
		};
		days.push(day);
	}
	return { gapAsked: GAP, days };
}

function ours(answer: Answer, seen: readonly Progress[]): Figures {
	const gapOf = ({ costKrw, boundKrw }: Progress) =>
		costKrw !== null && boundKrw !== null ? (costKrw - boundKrw) / costKrw : Number.POSITIVE_INFINITY;
	const first = seen.find(({ costKrw }) => costKrw !== null);
	const within = (gap: number) => seen.find((progress) => gapOf(progress) <= gap)?.seconds ?? null;
	return {
		cost: Math.round(answer.cost?.totalKrw ?? 0),
		bound: answer.boundKrw === null ? null : Math.round(answer.boundKrw),
		gapPercent: answer.gap === null ? null : round(answer.gap * 100),
		seconds: round(answer.seconds),
		firstPlanSeconds: first ? round(first.seconds) : null,
		halfPercentSeconds: rounded(within(GAP)),
		threePercentSeconds: rounded(within(0.03)),
		method: answer.method,
		asSoonAsPossible: Math.round(answer.savings.asSoonAsPossible?.costKrw ?? 0),
	};
}

/** Peak of the day's cheapest plan when neither cap nor demand charge holds it down: above the cap, they bind. */
async function peakWithoutLimits(problem: SchedulingProblem): Promise<number> {
	const { cap: _cap, demandCharges: _charges, ...open } = problem;
	const { cost } = await optimize(open, { seconds: 10, rounds: 2, exact: false });
	return cost?.peakKw ?? 0;
}

/** The LP relaxation by itself: where its bound lies below the best plan, what lies between is for the search. */
async function relaxation(problem: SchedulingProblem): Promise<Figures> {
	const solver = await loadSolver();
	const model = modelOf(compile(problem));
	const options = { integer: false, seconds: PEER_SECONDS, gap: 0, stopped: () => false };
	const lp = solver?.solve(model.rows.matrix(), options);
	if (!lp?.prices) return {};
	const priced = (rows: Int32Array) => rows.filter((row) => row >= 0 && (lp.prices?.[row] ?? 0) > 1e-6).length;
	return { lpBound: Math.round(lp.objective + model.offsetKrw), capPricedIntervals: priced(model.capRows) };
}

/** The very model of ours, handed to CBC as an MPS file: time until it proves the same gap. */
function cbc(problem: SchedulingProblem, seconds: number): Figures {
	if (spawnSync("cbc", ["-quit"]).error) return { cbc: "not installed" };
	const model = modelOf(compile(problem));
	const folder = mkdtempSync(join(tmpdir(), "schedule-"));
	try {
		const file = join(folder, "day.mps");
		writeFileSync(file, mps(model.rows.matrix()));
		const limit = Math.max(seconds, PEER_SECONDS);
		const started = performance.now();
		const { stdout } = spawnSync("cbc", [file, "-ratio", String(GAP), "-sec", String(limit), "-solve", "-quit"], {
			encoding: "utf8",
			maxBuffer: 1 << 28,
		});
		const took = (performance.now() - started) / 1000;
		const cost = Number(/^Objective value:\s+(\S+)/m.exec(stdout)?.[1] ?? Number.NaN);
		const stopped = /Stopped on time/.test(stdout);
		return { cbcSeconds: round(took), cbcCost: Math.round(cost + model.offsetKrw), cbcReachedGap: !stopped };
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Free MPS; whole columns between markers. */
export function mps(matrix: Matrix): string {
	const lines = ["NAME day", "ROWS", " N cost"];
	const ranged: number[] = [];
	const rhs: string[] = [];
	for (let row = 0; row < matrix.rowUpper.length; row++) {
		const [low, high] = [matrix.rowLower[row] as number, matrix.rowUpper[row] as number];
		const kind = low === high ? "E" : Number.isFinite(high) ? "L" : Number.isFinite(low) ? "G" : "N";
		if (kind === "L" && Number.isFinite(low)) ranged.push(row);
		lines.push(` ${kind} r${row}`);
		const value = kind === "G" ? low : high;
		if (kind !== "N" && value !== 0) rhs.push(` RHS r${row} ${value}`);
	}
	lines.push("COLUMNS");
	let inside = false;
	for (let c = 0; c < matrix.cost.length; c++) {
		const whole = matrix.whole[c] === 1;
		if (whole !== inside) lines.push(` M${c} 'MARKER' ${whole ? "'INTORG'" : "'INTEND'"}`);
		inside = whole;
		if (matrix.cost[c] !== 0) lines.push(` c${c} cost ${matrix.cost[c]}`);
		for (let k = matrix.starts[c] as number; k < (matrix.starts[c + 1] as number); k++) {
			lines.push(` c${c} r${matrix.indices[k]} ${matrix.values[k]}`);
		}
	}
	if (inside) lines.push(" MEND 'MARKER' 'INTEND'");
	lines.push("RHS", ...rhs, "BOUNDS");
	for (let c = 0; c < matrix.cost.length; c++) {
		if ((matrix.lower[c] as number) !== 0) lines.push(` LO BND c${c} ${matrix.lower[c]}`);
		if (Number.isFinite(matrix.upper[c])) lines.push(` UP BND c${c} ${matrix.upper[c]}`);
	}
	return `${lines.join("\n")}\nENDATA\n`;
}

interface LpModel {
	optimize: string;
	opType: "min";
	constraints: Record<string, { min?: number; max?: number; equal?: number }>;
	variables: Record<string, Record<string, number>>;
	ints: Record<string, 1>;
	options: { timeout: number; tolerance: number };
}

function jsLpSolver(problem: SchedulingProblem): Figures {
	const model = modelOf(compile(problem));
	const matrix = model.rows.matrix();
	const lp: LpModel = {
		...{ optimize: "cost", opType: "min", constraints: {}, variables: {}, ints: {} },
		options: { timeout: PEER_SECONDS * 1000, tolerance: GAP },
	};
	for (let row = 0; row < matrix.rowUpper.length; row++) {
		const [low, high] = [matrix.rowLower[row] as number, matrix.rowUpper[row] as number];
		if (!Number.isFinite(low) && !Number.isFinite(high)) continue;
		lp.constraints[`r${row}`] =
			low === high
				? { equal: low }
				: { ...(Number.isFinite(low) ? { min: low } : {}), ...(Number.isFinite(high) ? { max: high } : {}) };
	}
	for (let c = 0; c < matrix.cost.length; c++) {
		const variable: Record<string, number> = { cost: matrix.cost[c] as number };
		for (let k = matrix.starts[c] as number; k < (matrix.starts[c + 1] as number); k++) {
			variable[`r${matrix.indices[k]}`] = matrix.values[k] as number;
		}
		if (Number.isFinite(matrix.upper[c])) {
			variable[`u${c}`] = 1;
			lp.constraints[`u${c}`] = { max: matrix.upper[c] as number };
		}
		lp.variables[`c${c}`] = variable;
		if (matrix.whole[c]) lp.ints[`c${c}`] = 1;
	}
	// In a process of its own: it looks at its timeout only between nodes.
	const started = performance.now();
	const { stdout } = spawnSync(process.execPath, ["-e", PEER_PROGRAM], {
		input: JSON.stringify(lp),
		encoding: "utf8",
		timeout: PEER_SECONDS * 1000,
	});
	const took = round((performance.now() - started) / 1000);
	const cost = stdout ? Number(JSON.parse(stdout)) : Number.NaN;
	return { jsLpSolverSeconds: took, jsLpSolverCost: Number.isFinite(cost) ? Math.round(cost + model.offsetKrw) : null };
}

const PEER_PROGRAM = `
const solver = require("javascript-lp-solver");
const { feasible, result } = (solver.default ?? solver).Solve(JSON.parse(require("fs").readFileSync(0, "utf8")));
console.log(JSON.stringify(feasible ? result : null));`;

const round = (value: number): number => Math.round(value * 1000) / 1000;
const rounded = (value: number | null): number | null => (value === null ? null : round(value));
