import type { FloatMatrix } from "../float-matrix.ts";
import { Random } from "../random.ts";
import { binned, cutsOf, sharedBins } from "./trees/bins.ts";
import { type BoostingOptions, checkTargets } from "./trees/boosting.ts";
import { forestParts } from "./trees/forest.ts";
import { type GrowJob, growAll, threadsFor } from "./trees/grow-pool.ts";
import { joinTrees, TreeEnsemble } from "./trees/tree-ensemble.ts";

/** A learner made of trees: how it is grown and on what. */
export interface TreeLearner {
	id: string;
	/**
	 * Whether it learns the distance from the anchor (the newest value, or the mean of earlier days at that time)
	 * instead of the load: trees can't extrapolate, and the distance is what is left to learn.
	 */
	anchored: boolean;
	kind: "boosting" | "forest";
	/** Boostings that are averaged, each on other columns; or trees of a forest. */
	size: number;
	/** Size in a backtest, where many are fitted. */
	backtestSize: number;
	boosting?: Omit<BoostingOptions, "seed">;
}

/** Leaves chosen by gain, as LightGBM and scikit-learn do: deep where it pays. */
const leafWise = { trees: 300, maxDepth: 30, maxLeaves: 31, minRows: 20, lambda: 0.001, columnShare: 0.6 };

export const pointLearners: readonly TreeLearner[] = [
	{
		id: "boosting-anchored",
		anchored: true,
		kind: "boosting",
		size: 4,
		backtestSize: 1,
		boosting: { ...leafWise, loss: { kind: "absolute" } },
	},
	{
		id: "boosting",
		anchored: false,
		kind: "boosting",
		size: 3,
		backtestSize: 1,
		boosting: { ...leafWise, loss: { kind: "absolute" } },
	},
	{
		id: "boosting-huber",
		anchored: true,
		kind: "boosting",
		size: 2,
		backtestSize: 1,
		boosting: {
			...leafWise,
			loss: { kind: "pseudo-huber", delta: 5 },
			minChildWeight: 5,
			lambda: 1,
			rowShare: 0.5,
			learningRate: 0.05,
		},
	},
	{ id: "forest-anchored", anchored: true, kind: "forest", size: 100, backtestSize: 30 },
	{ id: "forest", anchored: false, kind: "forest", size: 100, backtestSize: 30 },
];

const quantileTrees = { ...leafWise, trees: 120, minRows: 60 };

/** Bounds of the interval before its conformal correction. */
export function quantileLearners(share: number): readonly TreeLearner[] {
	return [(1 - share) / 2, (1 + share) / 2].map((level, side) => ({
		id: side === 0 ? "lower" : "upper",
		anchored: true,
		kind: "boosting",
		size: 1,
		backtestSize: 1,
		boosting: { ...quantileTrees, loss: { kind: "quantile", level } },
	}));
}

export interface FittedTrees {
	id: string;
	anchored: boolean;
	trees: TreeEnsemble;
}

/**
 * Answers of one learner: the load, in the unit of the series.
 *
 * @param said what its trees say to these rows, where that was worked out elsewhere
 */
export function answerOf(
	{ anchored, trees }: FittedTrees,
	x: FloatMatrix,
	anchor: Float64Array,
	said?: Float64Array,
): Float64Array {
	const out = said ? said.slice() : trees.predict(x);
	if (anchored) for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) + (anchor[i] as number);
	return out;
}

/** Fits of one learner on different rows as one, which answers with their mean. */
export function averageTrees(fits: readonly FittedTrees[]): FittedTrees {
	const first = fits[0] as FittedTrees;
	if (fits.length === 1) return first;
	const arrays = joinTrees(fits.map(({ trees }) => trees.arrays));
	const base = fits.reduce((sum, { trees }) => sum + trees.base, 0) / fits.length;
	return { ...first, trees: new TreeEnsemble(arrays, first.trees.columns, base, first.trees.scale / fits.length) };
}

export interface FitTreesOptions {
	seed: number;
	threads?: number | undefined;
	/** In backtests a learner is fitted in its smaller size. */
	backtest?: boolean;
	/** Called with the share that is done, 0…1. */
	progress?: ((share: number) => void) | undefined;
}

/** Fits all learners on the same rows, binned once, side by side on threads. */
export async function fitTrees(
	learners: readonly TreeLearner[],
	x: FloatMatrix,
	y: Float64Array,
	anchor: Float64Array,
	{ seed, threads: asked, backtest = false, progress = () => {} }: FitTreesOptions,
): Promise<FittedTrees[]> {
	checkTargets(x, y);
	const threads = threadsFor(asked);
	const plain = binned(x, cutsOf(x));
	const rows = threads > 1 ? sharedBins(plain) : plain;
	const plainTargets = threads > 1 ? sharedCopy(y) : y;
	const distances = threads > 1 ? sharedCopy(y) : Float64Array.from(y);
	for (let i = 0; i < distances.length; i++) distances[i] = (distances[i] as number) - (anchor[i] as number);
	const random = new Random(seed);
	const jobs: (GrowJob & { learner: number })[] = learners.flatMap((learner, index) =>
		partsOf(learner, random, backtest, threads).map((part) => ({
			learner: index,
			x: rows,
			y: learner.anchored ? distances : plainTargets,
			part,
		})),
	);
	let done = 0;
	const grown = await growAll(jobs, threads, () => progress(++done / jobs.length));
	return learners.map(({ id, anchored, kind }, index) => ({
		id,
		anchored,
		trees: averageOf(
			grown.filter((_, job) => jobs[job]?.learner === index),
			kind === "forest",
		),
	}));
}

function partsOf(learner: TreeLearner, random: Random, backtest: boolean, threads: number): GrowJob["part"][] {
	const size = backtest ? learner.backtestSize : learner.size;
	if (learner.kind === "forest") return forestParts({ trees: size, seed: random.next() }, threads);
	const options = learner.boosting as Omit<BoostingOptions, "seed">;
	return Array.from({ length: size }, () => ({ kind: "boosting", options: { ...options, seed: random.next() } }));
}

/** Boostings averaged, or the parts of a forest put together. */
function averageOf(parts: readonly TreeEnsemble[], forest: boolean): TreeEnsemble {
	const first = parts[0] as TreeEnsemble;
	if (!forest && parts.length === 1) return first;
	const arrays = joinTrees(parts.map((part) => part.arrays));
	const base = parts.reduce((sum, part) => sum + part.base, 0) / parts.length;
	return new TreeEnsemble(arrays, first.columns, base, 1 / (forest ? arrays.offsets.length - 1 : parts.length));
}

function sharedCopy(values: Float64Array): Float64Array {
	const copy = new Float64Array(new SharedArrayBuffer(values.byteLength));
	copy.set(values);
	return copy;
}
