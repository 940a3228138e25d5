import { randomUUID } from "node:crypto";
import { EnergyError } from "../errors.ts";
import type { JobSource, WireJob } from "../jobs/sources.ts";
import { noteChange } from "../log/scope.ts";
import { explain, type Language } from "../messages.ts";
import { problemOf } from "../problem.ts";
import { type Answer, optimize } from "../scheduling/optimize.ts";
import type { SchedulingProblem } from "../scheduling/problem.ts";
import type { Progress } from "../scheduling/solve.ts";
import { parseProblem } from "../scheduling/validate.ts";
import type { Solver } from "./planner.ts";
import type { OptimizeJob } from "./types.ts";

/** Up to this many operations × machines × intervals a problem is answered at once. */
const SMALL = 20_000;
const SMALL_SECONDS = 5;
const MOST_SECONDS = 600;
/** Solvers at once; each takes a thread. */
const MOST_RUNNING = 2;
/** Finished ones that are still answered. */
const MOST_KEPT = 50;

interface Solve {
	id: string;
	startedMs: number;
	endedMs: number | null;
	of: number;
	state: OptimizeJob["state"];
	progress: Progress | null;
	answer: Answer | null;
	error: unknown;
	abort: AbortController;
}

export interface SolveOrder {
	problem: unknown;
	seconds?: number;
	gapPercent?: number;
	seed?: number;
}

/** Problems that programs bring along and want solved, without any order of ours. */
export class Solves {
	private readonly solves = new Map<string, Solve>();
	private readonly solver: Solver;

	constructor(solver: Solver = optimize) {
		this.solver = solver;
	}

	/**
	 * @returns the answer of a small problem, or the job of a larger one
	 * @throws EnergyError `scheduling.problem-invalid`, `operation.order-field`, `operation.solver-busy`
	 */
	async solve(order: SolveOrder, language: Language): Promise<{ answer: Answer } | { job: OptimizeJob }> {
		const problem = parseProblem(order.problem);
		const number = (
			field: "seconds" | "gapPercent" | "seed",
			fallback: number,
			least: number,
			most: number,
		): number => {
			const value = order[field] ?? fallback;
			if (typeof value === "number" && value >= least && value <= most) return value;
			throw new EnergyError("operation.order-field", { field, value: String(value), rule: `${least}…${most}` });
		};
		const small = sizeOf(problem) <= SMALL;
		const options = {
			seconds: number("seconds", small ? SMALL_SECONDS : 30, 0.1, MOST_SECONDS),
			gap: number("gapPercent", 0.1, 0, 50) / 100,
			seed: number("seed", 1, 1, 2_147_483_647),
		};
		const running = [...this.solves.values()].filter(({ state }) => state === "running").length;
		if (running >= MOST_RUNNING) throw new EnergyError("operation.solver-busy", { most: MOST_RUNNING });
		const solve = this.begin(options.seconds);
		const work = this.run(solve, problem, options);
		if (!small || options.seconds > SMALL_SECONDS) {
			noteChange({ target: solve.id, before: null, after: { type: "schedule", state: solve.state, ...options } });
			return { job: wireSolve(solve, language) };
		}
		await work;
		this.solves.delete(solve.id);
		if (solve.error !== null) throw solve.error;
		return { answer: solve.answer as Answer };
	}

	/** @throws EnergyError `operation.solve-unknown` */
	job(id: string, language: Language): OptimizeJob {
		return wireSolve(this.find(id), language);
	}

	/** @throws EnergyError `operation.solve-unknown` */
	cancel(id: string, language: Language): OptimizeJob {
		const solve = this.find(id);
		if (solve.state === "running") {
			solve.state = "cancelled";
			solve.abort.abort();
			noteChange({ target: id, before: { state: "running" }, after: { state: "cancelled" } });
		}
		return wireSolve(solve, language);
	}

	/** The same as jobs among others of a site: their progress is the time they have used of theirs. */
	offeredAs(site: string): JobSource {
		const wired = (solve: Solve, language: Language): WireJob => {
			const { progress, startedAt, ...rest } = wireSolve(solve, language);
			const share = solve.endedMs === null ? Math.min(1, progress.seconds / Math.max(0.1, progress.of)) : 1;
			const error = solve.error === null ? null : problemOf(solve.error, language);
			return { ...rest, site, by: null, progress: share, queuedAt: startedAt, startedAt, problem: error };
		};
		const known = (id: string): Solve | undefined => this.solves.get(id);
		return {
			job: async (id, language) => {
				const solve = known(id);
				return solve && wired(solve, language);
			},
			cancel: async (id, language) => {
				const solve = known(id);
				if (!solve) return undefined;
				if (solve.state === "done" || solve.state === "failed") {
					throw new EnergyError("jobs.ended", { job: id, state: solve.state });
				}
				this.cancel(id, language);
				return wired(solve, language);
			},
			jobs: async (language) => [...this.solves.values()].map((solve) => wired(solve, language)),
		};
	}

	close(): void {
		for (const { abort } of this.solves.values()) abort.abort();
	}

	private find(id: string): Solve {
		const solve = this.solves.get(id);
		if (!solve) throw new EnergyError("operation.solve-unknown", { id });
		return solve;
	}

	private begin(of: number): Solve {
		const ended = [...this.solves.values()].filter(({ endedMs }) => endedMs !== null);
		for (const { id } of ended.slice(0, Math.max(0, ended.length - MOST_KEPT))) this.solves.delete(id);
		const solve: Solve = {
			...{ id: randomUUID(), startedMs: Date.now(), endedMs: null, of, state: "running", progress: null },
			...{ answer: null, error: null, abort: new AbortController() },
		};
		this.solves.set(solve.id, solve);
		return solve;
	}

	private async run(
		solve: Solve,
		problem: SchedulingProblem,
		options: { seconds: number; gap: number; seed: number },
	): Promise<void> {
		const onProgress = (progress: Progress): void => {
			solve.progress = progress;
		};
		try {
			solve.answer = await this.solver(problem, { ...options, signal: solve.abort.signal, onProgress });
			if (solve.state === "running") solve.state = "done";
		} catch (error) {
			solve.error = error;
			solve.state = "failed";
		}
		solve.endedMs = Date.now();
	}
}

function sizeOf({ jobs, intervals }: SchedulingProblem): number {
	return (
		jobs.reduce((sum, { operations }) => sum + operations.reduce((all, { modes }) => all + modes.length, 0), 0) *
		intervals
	);
}

function wireSolve(solve: Solve, language: Language): OptimizeJob {
	const { progress, error } = solve;
	const code = error instanceof EnergyError ? error.code : "nodes.unexpected";
	return {
		...{ id: solve.id, type: "schedule", state: solve.state, startedAt: new Date(solve.startedMs).toISOString() },
		endedAt: solve.endedMs === null ? null : new Date(solve.endedMs).toISOString(),
		progress: {
			...{ seconds: Math.round(((solve.endedMs ?? Date.now()) - solve.startedMs) / 100) / 10, of: solve.of },
			...{ costKrw: finite(progress?.costKrw), boundKrw: finite(progress?.boundKrw), method: progress?.method ?? null },
		},
		result: solve.answer,
		problem: error === null ? null : { title: code, detail: explain(error, language) },
	};
}

const finite = (value: number | null | undefined): number | null =>
	value === null || value === undefined || !Number.isFinite(value) ? null : Math.round(value);
