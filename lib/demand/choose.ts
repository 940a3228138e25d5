/** A load as the choice sees it: what it may save now. */
export interface Candidate {
	machine: string;
	/** 1 is shed first. */
	priority: number;
	/** Reductions that it can make now, kW, ascending, all above 0. */
	optionsKw: readonly number[];
}

export interface Picked {
	machine: string;
	savesKw: number;
}

/** Picks reductions of equal priority that add up to at least `needKw`, with the least above it. */
export interface Chooser {
	/** How it chose last. */
	readonly method: "mip" | "greedy";
	/** Why that was not a MIP; empty where it was. */
	readonly why: string;
	cover(candidates: readonly Candidate[], needKw: number): Picked[];
}

const EPSILON_KW = 1e-6;
const most = (candidate: Candidate): number => candidate.optionsKw[candidate.optionsKw.length - 1] ?? 0;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const all = (candidates: readonly Candidate[]): Picked[] =>
	candidates.map((candidate) => ({ machine: candidate.machine, savesKw: most(candidate) }));

/**
 * Which loads to shed: those of priority 1 before any of 2, and so on; a protected load is touched only as far as the
 * less protected cannot cover the need, and then as little as possible. Within one priority the chooser finds the least
 * over-shedding.
 *
 * @returns at least `needKw` together where the candidates can give that much, else all they can give
 */
export function chooseLoads(candidates: readonly Candidate[], needKw: number, chooser: Chooser): Picked[] {
	const levels = [...new Set(candidates.map(({ priority }) => priority))]
		.sort((a, b) => a - b)
		.map((priority) => candidates.filter((candidate) => candidate.priority === priority));
	const below: number[] = [];
	let reach = 0;
	for (const level of levels) {
		below.push(reach);
		reach += sum(level.map(most));
	}
	const picked: Picked[] = [];
	let left = needKw;
	for (let k = levels.length - 1; k >= 0; k--) {
		const level = levels[k] ?? [];
		const need = left - (below[k] ?? 0);
		if (need <= EPSILON_KW) continue;
		const part = need >= sum(level.map(most)) ? all(level) : chooser.cover(level, need);
		picked.push(...part);
		left -= sum(part.map(({ savesKw }) => savesKw));
	}
	return picked;
}

/** Takes the largest reduction that still fits, and at the end the smallest that covers the rest. */
export function greedyChooser(why: string): Chooser {
	return {
		method: "greedy",
		why,
		cover(candidates, needKw) {
			const picked: Picked[] = [];
			const rest = [...candidates].sort((a, b) => most(b) - most(a));
			let left = needKw;
			while (left > EPSILON_KW && rest.length > 0) {
				const closing = smallestCovering(rest, left);
				const next = closing ?? { at: 0, savesKw: most(rest[0] as Candidate) };
				picked.push({ machine: (rest[next.at] as Candidate).machine, savesKw: next.savesKw });
				rest.splice(next.at, 1);
				left -= next.savesKw;
			}
			return picked;
		},
	};
}

function smallestCovering(candidates: readonly Candidate[], kw: number): { at: number; savesKw: number } | undefined {
	let best: { at: number; savesKw: number } | undefined;
	for (const [at, { optionsKw }] of candidates.entries()) {
		const savesKw = optionsKw.find((option) => option >= kw - EPSILON_KW);
		if (savesKw !== undefined && (best === undefined || savesKw < best.savesKw)) best = { at, savesKw };
	}
	return best;
}

/** The part of javascript-lp-solver that is used here; its own types differ between its two module formats. */
interface Solver {
	Solve(model: object): unknown;
}

/** The choice runs on the event loop, rarely; past this the rule of thumb takes over, unless it already is beaten. */
const SOLVE_MS = 25;
/**
 * With more reductions of one priority than this the proof takes seconds (24 loads of arbitrary kW: 5 s and more), while
 * the rule of thumb is then within a few kW of the best anyway.
 */
const MOST = 16;
/** Up to so many the answer is the very best; beyond, a hundredth above it will do. */
const FEW = 8;

/** Exact: one binary per reduction, at most one per load, at least the need, least total; then fewest loads. */
class MipChooser implements Chooser {
	method: "mip" | "greedy" = "mip";
	why = "";
	private readonly solver: Solver;
	private readonly deadlineMs: number;
	private readonly rule = greedyChooser("");

	constructor(solver: Solver, deadlineMs: number) {
		this.solver = solver;
		this.deadlineMs = deadlineMs;
	}

	cover(candidates: readonly Candidate[], needKw: number): Picked[] {
		const byRule = this.rule.cover(candidates, needKw);
		const count = sum(candidates.map(({ optionsKw }) => optionsKw.length));
		if (count > MOST) {
			this.method = "greedy";
			this.why = `${count} reductions of one priority, more than ${MOST}`;
			return byRule;
		}
		const picked = this.solve(candidates, needKw);
		const savesKw = sum(picked.map((each) => each.savesKw));
		// A solver stopped at its deadline may answer short, or worse than the rule: what it says is checked.
		const good = savesKw >= needKw - 2 * EPSILON_KW && savesKw <= sum(byRule.map((each) => each.savesKw)) + EPSILON_KW;
		this.method = good || count <= FEW ? "mip" : "greedy";
		this.why = good
			? ""
			: count <= FEW
				? "the solver gave none, so all were tried"
				: `no better choice within ${this.deadlineMs} ms`;
		if (good) return picked;
		return count <= FEW ? leastOfAll(candidates, needKw) : byRule;
	}

	private solve(candidates: readonly Candidate[], needKw: number): Picked[] {
		const variables: Record<string, Record<string, number>> = {};
		const constraints: Record<string, { min?: number; max?: number }> = { need: { min: needKw - EPSILON_KW } };
		const binaries: Record<string, 1> = {};
		for (const [c, { optionsKw }] of candidates.entries()) {
			constraints[`once${c}`] = { max: 1 };
			for (const [o, kw] of optionsKw.entries()) {
				// A hundredth of a kW a load: of two choices alike, the one that stops fewer machines.
				variables[`${c}:${o}`] = { cost: kw + 0.01, need: kw, [`once${c}`]: 1 };
				binaries[`${c}:${o}`] = 1;
			}
		}
		const tolerance = Object.keys(variables).length > FEW ? 0.01 : 0;
		const options = { timeout: this.deadlineMs, exitOnCycles: true, tolerance };
		const model = { optimize: "cost", opType: "min", constraints, variables, binaries, options };
		const solved = this.solver.Solve(model) as Readonly<Record<string, unknown>>;
		return candidates.flatMap(({ machine, optionsKw }, c) =>
			optionsKw.flatMap((savesKw, o) => (Number(solved[`${c}:${o}`] ?? 0) > 0.5 ? [{ machine, savesKw }] : [])),
		);
	}
}

/** Tries every choice: at most 2⁸ of them where it is asked. */
function leastOfAll(candidates: readonly Candidate[], needKw: number): Picked[] {
	let choices: Picked[][] = [[]];
	for (const { machine, optionsKw } of candidates) {
		choices = choices.flatMap((picked) => [picked, ...optionsKw.map((savesKw) => [...picked, { machine, savesKw }])]);
	}
	const cost = (picked: readonly Picked[]): number => sum(picked.map(({ savesKw }) => savesKw + 0.01));
	const enough = choices.filter((picked) => sum(picked.map(({ savesKw }) => savesKw)) >= needKw - EPSILON_KW);
	return enough.reduce((best, picked) => (cost(picked) < cost(best) ? picked : best), enough[0] ?? []);
}

/**
 * The exact chooser where the optional package `javascript-lp-solver` is installed, else the rule of thumb, which says
 * so in `why`.
 *
 * @param deadlineMs what a choice may take at most
 */
export async function loadChooser(deadlineMs = SOLVE_MS): Promise<Chooser> {
	try {
		const { default: solver } = (await import("javascript-lp-solver")) as unknown as { default: Solver };
		const chooser = new MipChooser(solver, deadlineMs);
		// Once now, so that the first real choice does not wait for the compiler.
		chooser.cover(
			[3, 5, 7, 11].map((kw) => ({ machine: String(kw), priority: 1, optionsKw: [kw] })),
			12,
		);
		return chooser;
	} catch {
		return greedyChooser("javascript-lp-solver is not installed");
	}
}
