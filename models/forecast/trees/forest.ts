import type { FloatMatrix } from "../../float-matrix.ts";
import { Random } from "../../random.ts";
import { type BinnedMatrix, binned, cutsOf, sharedBins } from "./bins.ts";
import { checkTargets } from "./boosting.ts";
import { ForestGrower, slotsByColumn } from "./forest-grower.ts";
import { growAll, threadsFor } from "./grow-pool.ts";
import { joinTrees, type TreeArrays, TreeBuffer, TreeEnsemble } from "./tree-ensemble.ts";

export interface ForestOptions {
	/** Default 200. */
	trees?: number;
	/** Rows in a leaf at least, counted as often as drawn; default 5, as is usual for regression. */
	minRows?: number;
	/** Share of the columns tried at each node; default one third. */
	columnShare?: number;
	/** Default 60: no limit in practice. */
	maxDepth?: number;
	/** Most bins of a column; default 255. */
	bins?: number;
	/** Threads to grow on; default the machine's cores, at most 4. */
	threads?: number;
	seed: number;
}

/** Some trees of a forest: what one thread grows. */
export interface ForestPart {
	kind: "forest";
	seeds: number[];
	options: Omit<ForestOptions, "seed" | "trees" | "threads">;
}

/**
 * Random forest for regression. A tree depends on its own seed only, so the forest is the same on any number of threads.
 *
 * @throws RangeError for no rows or a target that isn't finite
 */
export async function fitForest(x: FloatMatrix, y: Float64Array, options: ForestOptions): Promise<TreeEnsemble> {
	checkTargets(x, y);
	const threads = threadsFor(options.threads);
	const bins = binned(x, cutsOf(x, options.bins));
	const parts = forestParts(options, threads);
	const jobs = parts.map((part) => ({ x: threads > 1 ? sharedBins(bins) : bins, y, part }));
	return forestOf(await growAll(jobs, threads), x.columns);
}

/** A forest cut into parts of equal size. */
export function forestParts({ trees = 200, seed, ...options }: ForestOptions, parts: number): ForestPart[] {
	const random = new Random(seed);
	const seeds = Array.from({ length: trees }, () => random.next());
	const size = Math.ceil(trees / parts);
	return Array.from({ length: Math.ceil(trees / size) }, (_, i) => ({
		kind: "forest",
		seeds: seeds.slice(i * size, (i + 1) * size),
		options,
	}));
}

/** The parts as one forest, which answers with the mean of its trees. */
function forestOf(parts: readonly TreeEnsemble[], columns: number): TreeEnsemble {
	const arrays = joinTrees(parts.map((part) => part.arrays));
	return new TreeEnsemble(arrays, columns, 0, 1 / (arrays.offsets.length - 1));
}

/** Grows the trees of one part. */
export function growTrees(x: BinnedMatrix, y: Float64Array, { seeds, options }: ForestPart): TreeArrays {
	const out = new TreeBuffer();
	const columnsTried = Math.max(1, Math.round((options.columnShare ?? 1 / 3) * x.columns));
	const slots = slotsByColumn(x);
	for (const seed of seeds) {
		const grown = { minRows: options.minRows ?? 5, columnsTried, maxDepth: options.maxDepth ?? 60 };
		new ForestGrower(x, slots, y, grown, new Random(seed)).grow(out);
	}
	return out.arrays();
}
