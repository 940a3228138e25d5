import { parentPort, workerData } from "node:worker_threads";
import type { CostLines } from "./check.ts";
import { type Conflict, explainConflict } from "./conflict.ts";
import type { Plan, SchedulingProblem } from "./problem.ts";
import { type Progress, type Solution, type SolveOptions, solve, type Watch } from "./solve.ts";

export interface WorkerTask {
	problem: SchedulingProblem;
	options: SolveOptions;
	/** Not 0: stop. */
	flag: SharedArrayBuffer;
}

export type WorkerMessage =
	| { kind: "progress"; progress: Progress }
	| { kind: "plan"; plan: Plan; cost: CostLines }
	| { kind: "done"; solution: Solution; conflict: Conflict | null };

async function work({ problem, options, flag }: WorkerTask): Promise<void> {
	const started = performance.now();
	const stop = new Int32Array(flag);
	const say = (message: WorkerMessage) => parentPort?.postMessage(message);
	const watch: Watch = {
		stopped: () => Atomics.load(stop, 0) !== 0,
		onProgress: (progress) => say({ kind: "progress", progress }),
		onPlan: (plan, cost) => say({ kind: "plan", plan, cost }),
	};
	const solution = await solve(problem, options, watch);
	const seconds = (options.seconds ?? 30) - (performance.now() - started) / 1000;
	const conflict =
		solution.status === "infeasible" ? await explainConflict(problem, { ...options, seconds }, watch) : null;
	say({ kind: "done", solution, conflict });
}

if (parentPort) void work(workerData as WorkerTask);
