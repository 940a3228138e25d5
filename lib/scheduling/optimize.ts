import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { EnergyError } from "../errors.ts";
import { packageRoot } from "../package-root.cjs";
import { type CostLines, checkPlan } from "./check.ts";
import type { Conflict } from "./conflict.ts";
import { compile, type Instance, type Placement, planOf } from "./instance.ts";
import type { Plan, SchedulingProblem } from "./problem.ts";
import { type Reason, reasonsOf } from "./reasons.ts";
import { asSoonAsPossible } from "./search.ts";
import type { Progress, Solution, SolveOptions } from "./solve.ts";
import { parseProblem } from "./validate.ts";
import type { WorkerMessage, WorkerTask } from "./worker.ts";

export interface OptimizeOptions extends SolveOptions {
	/** The plan in force: savings are told against it too. */
	current?: Plan;
	onProgress?: (progress: Progress) => void;
	/** Ends the work within a second; the best plan so far is the answer. */
	signal?: AbortSignal;
}

/** What a plan saves against another one, line by line. */
export interface Savings {
	/** Cost of the other plan. */
	costKrw: number;
	savedKrw: number;
	/** Positive where it saves: energy, carbon, demand, tardiness, setup. */
	waterfall: { line: "energy" | "carbon" | "demand" | "tardiness" | "setup"; krw: number }[];
	/** What the other plan breaks, codes of messages; empty where it keeps every rule. */
	violations: string[];
}

export interface Answer extends Solution {
	reasons: Reason[];
	savings: { asSoonAsPossible: Savings | null; current: Savings | null };
	/** Where no plan exists: why, and the least that would help. */
	conflict: Conflict | null;
}

/** A worker that does not end by itself is ended this long after its time. */
const GRACE_MS = 1000;

/**
 * Plans the jobs of a problem: in a worker that is ended at the deadline whatever it does. The plan has passed the
 * independent checker twice, in the worker and here.
 *
 * @param input a `SchedulingProblem`, not yet checked
 * @throws EnergyError `scheduling.problem-invalid` with all issues at once
 */
export async function optimize(input: unknown, options: OptimizeOptions = {}): Promise<Answer> {
	const problem = parseProblem(input);
	const { current, onProgress, signal, ...solve } = options;
	const { solution, conflict } = await inWorker({ problem, options: solve }, onProgress, signal);
	return answerOf(problem, solution, conflict, current);
}

/** The solution with its reasons and savings. */
export function answerOf(
	problem: SchedulingProblem,
	solution: Solution,
	conflict: Conflict | null,
	current?: Plan,
): Answer {
	const instance = compile(problem);
	const { plan, cost } = solution;
	if (!plan || !cost) return { ...solution, reasons: [], savings: { asSoonAsPossible: null, current: null }, conflict };
	const again = checkPlan(problem, plan);
	const broken = again.violations[0];
	if (broken) throw new EnergyError("scheduling.plan-refused", { rule: broken.code, job: broken.job ?? "" });
	const soon = asSoonAsPossible(instance);
	const soonPlan = soon.missing === 0 ? planOf(instance, soon.placements) : null;
	return {
		...solution,
		cost: again.cost,
		reasons: reasonsOf(instance, placementsOf(instance, plan)),
		savings: {
			asSoonAsPossible: soonPlan ? savings(problem, again.cost, soonPlan) : null,
			current: current ? savings(problem, again.cost, current) : null,
		},
		conflict,
	};
}

function savings(problem: SchedulingProblem, cost: CostLines, other: Plan): Savings {
	const { cost: before, violations } = checkPlan(problem, other);
	return {
		costKrw: before.totalKrw,
		savedKrw: before.totalKrw - cost.totalKrw,
		waterfall: [
			{ line: "energy", krw: before.energyKrw - cost.energyKrw },
			{ line: "carbon", krw: before.carbonKrw - cost.carbonKrw },
			{ line: "demand", krw: before.demandKrw - cost.demandKrw },
			{ line: "tardiness", krw: before.tardinessKrw - cost.tardinessKrw },
			{ line: "setup", krw: before.setupKrw - cost.setupKrw },
		],
		violations: [...new Set(violations.map(({ code }) => code))],
	};
}

/** A plan of the same problem as placements; null for what it does not hold. */
function placementsOf(instance: Instance, plan: Plan): (Placement | null)[] {
	const byKey = new Map(plan.operations.map((entry) => [`${entry.job}/${entry.operation}`, entry]));
	return instance.ops.map((op) => {
		const entry = byKey.get(op.key);
		const mode = op.modes.findIndex(({ machine }) => instance.machines[machine]?.id === entry?.machine);
		if (!entry || mode < 0) return null;
		const slot = (time: string) => Math.round((Date.parse(time) - instance.startMs) / instance.stepMs);
		return { mode, pieces: entry.pieces.flatMap(({ start, end }) => [slot(start), slot(end)]) };
	});
}

function inWorker(
	task: Omit<WorkerTask, "flag">,
	onProgress: ((progress: Progress) => void) | undefined,
	signal: AbortSignal | undefined,
): Promise<{ solution: Solution; conflict: Conflict | null }> {
	const started = performance.now();
	const flag = new SharedArrayBuffer(4);
	const workerData: WorkerTask = { ...task, flag };
	const worker = new Worker(join(packageRoot, "dist/lib/scheduling/worker.js"), { workerData });
	let latest: { plan: Plan; cost: CostLines } | null = null;
	let progress: Progress | null = null;
	return new Promise((resolve, reject) => {
		let timer: NodeJS.Timeout;
		const finish = (end: () => void) => {
			clearTimeout(timer);
			signal?.removeEventListener("abort", stop);
			void worker.terminate();
			end();
		};
		// What was found before the deadline counts; what the worker was still at does not.
		const cut = () => finish(() => resolve({ solution: cutShort(latest, progress, started), conflict: null }));
		const stop = () => {
			Atomics.store(new Int32Array(flag), 0, 1);
			clearTimeout(timer);
			timer = setTimeout(cut, GRACE_MS);
		};
		timer = setTimeout(cut, (task.options.seconds ?? 30) * 1000 + GRACE_MS);
		if (signal?.aborted) stop();
		signal?.addEventListener("abort", stop);
		worker.on("message", (message: WorkerMessage) => {
			if (message.kind === "plan") latest = message;
			else if (message.kind === "progress") {
				progress = message.progress;
				onProgress?.(message.progress);
			} else finish(() => resolve(message));
		});
		worker.on("error", (error) =>
			finish(() => reject(new EnergyError("scheduling.solver-failed", {}, { cause: error }))),
		);
	});
}

function cutShort(
	latest: { plan: Plan; cost: CostLines } | null,
	progress: Progress | null,
	startedMs: number,
): Solution {
	const boundKrw = progress?.boundKrw ?? null;
	const gap =
		latest && boundKrw !== null
			? Math.max(0, (latest.cost.totalKrw - boundKrw) / Math.max(1e-9, Math.abs(latest.cost.totalKrw)))
			: null;
	return {
		status: latest ? "feasible" : "unknown",
		plan: latest?.plan ?? null,
		cost: latest?.cost ?? null,
		loadKw: [],
		boundKrw,
		gap,
		method: progress?.method ?? "search",
		fallback: "scheduling.out-of-time",
		seconds: (performance.now() - startedMs) / 1000,
		iterations: 0,
	};
}
