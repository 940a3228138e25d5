import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { packageRoot } from "../../../lib/package-root.cjs";
import type { BinnedMatrix } from "./bins.ts";
import { type BoostingOptions, fitBoostingOnBins } from "./boosting.ts";
import { type ForestPart, growTrees } from "./forest.ts";
import { type TreeArrays, TreeEnsemble } from "./tree-ensemble.ts";

/** A boosting, as it is handed to a thread. */
export interface BoostingPart {
	kind: "boosting";
	options: BoostingOptions;
}

/** Trees to grow on rows that are binned already; in shared memory they reach a thread without a copy. */
export interface GrowJob {
	x: BinnedMatrix;
	y: Float64Array;
	part: BoostingPart | ForestPart;
}

/** What a thread answers with. */
export interface Grown {
	arrays: TreeArrays;
	base: number;
}

/** Threads to use: as many as asked for, else the machine's cores, at most 4. */
export function threadsFor(asked?: number): number {
	return Math.max(1, asked ?? Math.min(availableParallelism(), 4));
}

export function grow({ x, y, part }: GrowJob): Grown {
	if (part.kind === "forest") return { arrays: growTrees(x, y, part), base: 0 };
	const { arrays, base } = fitBoostingOnBins(x, y, part.options);
	return { arrays, base };
}

/**
 * Runs the jobs on threads of their own, each thread taking the next job when it is done; answers in the order of the
 * jobs. A boosting's trees follow on one another, so the learners of an ensemble are what runs side by side: that
 * keeps all cores busy without a thread ever waiting for another.
 *
 * @param onDone called after each job
 */
export async function growAll(
	jobs: readonly GrowJob[],
	threads: number,
	onDone: () => void = () => {},
): Promise<TreeEnsemble[]> {
	const answers: TreeEnsemble[] = [];
	const keep = (index: number, { arrays, base }: Grown): void => {
		answers[index] = new TreeEnsemble(arrays, (jobs[index] as GrowJob).x.columns, base);
		onDone();
	};
	let next = 0;
	if (Math.min(threads, jobs.length) <= 1) {
		for (const [index, job] of jobs.entries()) keep(index, grow(job));
		return answers;
	}
	const serve = async (): Promise<void> => {
		const worker = new Worker(join(packageRoot, "dist/models/forecast/trees/grow-worker.js"));
		try {
			while (next < jobs.length) {
				const index = next++;
				keep(index, await ask(worker, jobs[index] as GrowJob));
			}
		} finally {
			await worker.terminate();
		}
	};
	await Promise.all(Array.from({ length: Math.min(threads, jobs.length) }, serve));
	return answers;
}

function ask(worker: Worker, job: GrowJob): Promise<Grown> {
	return new Promise((resolve, reject) => {
		const ended = (code: number): void => reject(new Error(`a growing thread ended early (${code})`));
		worker.once("exit", ended);
		worker.once("error", reject);
		worker.once("message", (grown: Grown) => {
			worker.off("exit", ended);
			worker.off("error", reject);
			resolve(grown);
		});
		worker.postMessage(job);
	});
}
