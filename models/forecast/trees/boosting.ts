import type { FloatMatrix } from "../../float-matrix.ts";
import { Random } from "../../random.ts";
import { type BinnedMatrix, binned, cutsOf } from "./bins.ts";
import { type Leaf, TreeGrower } from "./grower.ts";
import { derive, type Loss, leafQuantile, meanLoss, quantile, startOf } from "./loss.ts";
import { TreeBuffer, TreeEnsemble } from "./tree-ensemble.ts";

export interface BoostingOptions {
	loss: Loss;
	/** Default 300; fewer where early stopping says so. */
	trees?: number;
	/** Default 6. */
	maxDepth?: number;
	/** Most leaves of a tree, split by gain; default as many as the depth allows. */
	maxLeaves?: number;
	/** Step of each tree; default 0.1. */
	learningRate?: number;
	/** L2 penalty of a leaf; default 1. */
	lambda?: number;
	/** Least sum of second derivatives in a leaf; default 1. */
	minChildWeight?: number;
	/** Least rows in a leaf (with pseudo-Huber loss, whose rows weigh less than one, `minChildWeight` decides); default 1. */
	minRows?: number;
	/** Share of the rows each tree sees; default 1. */
	rowShare?: number;
	/** Share of the columns each tree may split on; default 1. */
	columnShare?: number;
	/** Stops after this many trees without a better loss on `validation`; default 30. */
	patience?: number;
	/** Most bins of a column; default 255. */
	bins?: number;
	seed: number;
}

/** Rows that no tree is fitted on, watched for early stopping. */
export interface Validation {
	x: FloatMatrix;
	y: Float64Array;
}

/**
 * Gradient-boosted trees on histograms with second-order gradients: what XGBoost's `hist` does, in plain typed arrays.
 *
 * @param x rows of features, NaN where missing
 * @param y targets, finite
 * @throws RangeError for no rows or a target that isn't finite
 */
export function fitBoosting(
	x: FloatMatrix,
	y: Float64Array,
	options: BoostingOptions,
	validation?: Validation,
): TreeEnsemble {
	checkTargets(x, y);
	const cuts = cutsOf(x, options.bins);
	const held = validation && { x: binned(validation.x, cuts), y: validation.y };
	return new Boosting(binned(x, cuts), y, options, held).fit();
}

/** The same on rows that were binned before: many learners share one binning. */
export function fitBoostingOnBins(x: BinnedMatrix, y: Float64Array, options: BoostingOptions): TreeEnsemble {
	return new Boosting(x, y, options).fit();
}

export function checkTargets(x: FloatMatrix, y: Float64Array): void {
	if (x.rows === 0 || x.columns === 0 || x.rows !== y.length) throw new RangeError("no rows to learn from");
	for (const value of y) if (!Number.isFinite(value)) throw new RangeError("a target is not finite");
}

class Boosting {
	readonly #x: BinnedMatrix;
	readonly #y: Float64Array;
	readonly #options: Required<BoostingOptions>;
	readonly #held: { x: BinnedMatrix; y: Float64Array; prediction: Float64Array } | undefined;
	readonly #prediction: Float64Array;
	readonly #residuals: Float64Array;
	readonly #random: Random;
	readonly #out = new TreeBuffer();
	readonly #base: number;

	constructor(x: BinnedMatrix, y: Float64Array, options: BoostingOptions, held?: { x: BinnedMatrix; y: Float64Array }) {
		this.#x = x;
		this.#y = y;
		this.#options = {
			trees: 300,
			maxDepth: 6,
			maxLeaves: Infinity,
			learningRate: 0.1,
			lambda: 1,
			minChildWeight: 1,
			minRows: 1,
			rowShare: 1,
			columnShare: 1,
			patience: 30,
			bins: 255,
			...options,
		};
		this.#base = Math.fround(startOf(options.loss, y));
		this.#prediction = new Float64Array(x.rows).fill(this.#base);
		this.#held = held && { ...held, prediction: new Float64Array(held.x.rows).fill(this.#base) };
		this.#residuals = new Float64Array(x.rows);
		this.#random = new Random(options.seed);
	}

	fit(): TreeEnsemble {
		const { loss, trees, patience, maxDepth, maxLeaves, lambda, minChildWeight, minRows } = this.#options;
		const grower = new TreeGrower(this.#x, {
			maxDepth,
			maxLeaves,
			lambda,
			// Where every row's second derivative is one, the sum of them counts the rows.
			minChildWeight: loss.kind === "pseudo-huber" ? minChildWeight : Math.max(minChildWeight, minRows),
			minRows,
			minGain: 1e-9,
		});
		const gradients = new Float64Array(2 * this.#x.rows);
		let best = this.#held ? meanLoss(loss, this.#held.y, this.#held.prediction) : Infinity;
		let bestTrees = this.#held ? 0 : trees;
		for (let tree = 0; tree < trees; tree++) {
			derive(loss, this.#y, this.#prediction, gradients);
			const order = this.#drawRows();
			const leaves = grower.grow(order, gradients, this.#drawColumns(), this.#out);
			this.#settle(leaves, order);
			if (!this.#held) continue;
			this.#walk(this.#held.x, this.#held.prediction, tree);
			const now = meanLoss(loss, this.#held.y, this.#held.prediction);
			if (now < best) {
				best = now;
				bestTrees = tree + 1;
			} else if (tree + 1 - bestTrees >= patience) break;
		}
		return new TreeEnsemble(this.#out.arrays(bestTrees), this.#x.columns, this.#base);
	}

	#drawRows(): Int32Array {
		const { rows } = this.#x;
		const { rowShare } = this.#options;
		const order = new Int32Array(rows);
		if (rowShare >= 1) {
			for (let i = 0; i < rows; i++) order[i] = i;
			return order;
		}
		let drawn = 0;
		for (let i = 0; i < rows; i++) if (this.#random.unit() < rowShare) order[drawn++] = i;
		if (drawn === 0) order[drawn++] = this.#random.below(rows);
		return order.slice(0, drawn);
	}

	#drawColumns(): Int32Array {
		const all = Int32Array.from({ length: this.#x.columns }, (_, column) => column);
		const count = Math.max(1, Math.round(this.#options.columnShare * all.length));
		if (count >= all.length) return all;
		for (let i = 0; i < count; i++) {
			const j = i + this.#random.below(all.length - i);
			const drawn = all[j] as number;
			all[j] = all[i] as number;
			all[i] = drawn;
		}
		return all.slice(0, count).sort();
	}

	/** Writes the leaves' final values and moves the predictions on. */
	#settle(leaves: readonly Leaf[], order: Int32Array): void {
		const { learningRate, loss } = this.#options;
		const level = leafQuantile(loss);
		const { value } = this.#out;
		for (const { node, from, to } of leaves) {
			if (level !== undefined) {
				for (let i = from; i < to; i++) {
					const row = order[i] as number;
					this.#residuals[i - from] = (this.#y[row] as number) - (this.#prediction[row] as number);
				}
				value[node] = quantile(this.#residuals, to - from, level);
			}
			value[node] = learningRate * (value[node] as number);
			const step = value[node] as number;
			if (order.length < this.#x.rows) continue;
			for (let i = from; i < to; i++) {
				const row = order[i] as number;
				this.#prediction[row] = (this.#prediction[row] as number) + step;
			}
		}
		// Rows the tree didn't see lie in no leaf's range: all walk.
		if (order.length < this.#x.rows) this.#walk(this.#x, this.#prediction, this.#out.offsets.length - 2);
	}

	#walk(x: BinnedMatrix, prediction: Float64Array, tree: number): void {
		const { feature, slot, left, value, missingLeft, offsets } = this.#out;
		const { slots, columns, rows, cuts } = x;
		const root = offsets[tree] as number;
		for (let row = 0, at = 0; row < rows; row++, at += columns) {
			let node = root;
			let column = feature[node] as number;
			while (column >= 0) {
				const own = slots[at + column] as number;
				const goesLeft =
					own <= (slot[node] as number) ||
					(missingLeft[node] === 1 && own === 2 * ((cuts.offsets[column + 1] as number) - 1));
				node = (left[node] as number) + (goesLeft ? 0 : 1);
				column = feature[node] as number;
			}
			prediction[row] = (prediction[row] as number) + (value[node] as number);
		}
	}
}
