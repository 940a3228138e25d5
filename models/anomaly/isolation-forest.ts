import type { Matrix } from "../matrix.ts";
import { Random } from "../random.ts";

export interface IsolationForestOptions {
	/** Default 100. */
	trees?: number;
	/** Rows drawn without replacement for each tree; default 256, at most all. */
	sampleSize?: number;
	seed: number;
}

const EULER_GAMMA = 0.5772156649015329;

/**
 * Mean path length of an unsuccessful search in a binary search tree of n rows: what a leaf of n rows adds to its depth.
 * @see Liu, Ting, Zhou 2008, equation 1
 */
export function averagePathLength(n: number): number {
	if (n <= 1) return 0;
	if (n === 2) return 1;
	return 2 * (Math.log(n - 1) + EULER_GAMMA) - (2 * (n - 1)) / n;
}

/** The trees of a forest, flattened: node i of tree t stands at offsets[t] + i, its right child beside its left. */
export interface ForestTrees {
	/** First node of each tree, and one past the last. */
	offsets: Int32Array;
	/** Column that a node splits on, −1 in a leaf. */
	feature: Int32Array;
	/** Split value (left where x ≤ value); in a leaf its depth plus averagePathLength(rows). */
	value: Float64Array;
	/** Index of the left child in these arrays; the right one is the next. */
	left: Int32Array;
}

/**
 * Isolation forest: rows that random splits isolate early are unlike the rest.
 * Scores equal those of scikit-learn given the same trees; rows may not hold NaN.
 * @see Liu, Ting, Zhou: Isolation Forest, ICDM 2008
 */
export class IsolationForest {
	readonly columns: number;
	readonly sampleSize: number;
	readonly trees: ForestTrees;

	constructor(trees: ForestTrees, sampleSize: number, columns: number) {
		this.trees = trees;
		this.sampleSize = sampleSize;
		this.columns = columns;
	}

	/** @throws RangeError for an empty matrix */
	static fit(x: Matrix, options: IsolationForestOptions): IsolationForest {
		if (x.rows === 0 || x.columns === 0) throw new RangeError("an isolation forest needs at least one row and column");
		const sampleSize = Math.min(options.sampleSize ?? 256, x.rows);
		return new IsolationForest(
			grow(x, options.trees ?? 100, sampleSize, new Random(options.seed)),
			sampleSize,
			x.columns,
		);
	}

	/**
	 * @returns for each row 0…1: about 0.5 and less is usual, towards 1 is isolated at once; scikit-learn's
	 * `score_samples` negated
	 */
	score(x: Matrix): Float64Array {
		const depths = new Float64Array(x.rows);
		const { offsets, feature, value, left } = this.trees;
		const { data, columns, rows } = x;
		const trees = offsets.length - 1;
		// Tree by tree: one tree's nodes stay in the cache while all rows pass through.
		for (let tree = 0; tree < trees; tree++) {
			const root = offsets[tree] as number;
			for (let row = 0, base = 0; row < rows; row++, base += columns) {
				let node = root;
				let column = feature[node] as number;
				while (column >= 0) {
					const right = (data[base + column] as number) > (value[node] as number) ? 1 : 0;
					node = (left[node] as number) + right;
					column = feature[node] as number;
				}
				depths[row] = (depths[row] as number) + (value[node] as number);
			}
		}
		const unit = averagePathLength(this.sampleSize) * trees;
		for (let row = 0; row < rows; row++) depths[row] = unit === 0 ? 0.5 : 2 ** (-(depths[row] as number) / unit);
		return depths;
	}
}

function grow(x: Matrix, trees: number, sampleSize: number, random: Random): ForestTrees {
	const capacity = trees * (2 * sampleSize - 1);
	const feature = new Int32Array(capacity);
	const value = new Float64Array(capacity);
	const left = new Int32Array(capacity);
	const offsets = new Int32Array(trees + 1);
	const maxDepth = Math.ceil(Math.log2(Math.max(sampleSize, 2)));
	const order = Int32Array.from({ length: x.rows }, (_, row) => row);
	const builder = new TreeBuilder(x, sampleSize, maxDepth, random, { offsets, feature, value, left });
	let next = 0;
	for (let tree = 0; tree < trees; tree++) {
		offsets[tree] = next;
		// A partial Fisher–Yates shuffle draws without replacement and leaves a permutation for the next tree.
		for (let i = 0; i < sampleSize; i++) {
			const j = i + random.below(x.rows - i);
			const drawn = order[j] as number;
			order[j] = order[i] as number;
			order[i] = drawn;
		}
		next = builder.build(order, next);
	}
	offsets[trees] = next;
	return { offsets, feature: feature.slice(0, next), value: value.slice(0, next), left: left.slice(0, next) };
}

class TreeBuilder {
	readonly #x: Matrix;
	readonly #maxDepth: number;
	readonly #random: Random;
	readonly #out: ForestTrees;
	/** The drawn rows, copied together: splitting them touches one small block of memory. */
	readonly #sample: Float64Array;
	readonly #index: Int32Array;
	readonly #columns: Int32Array;
	/** Pending nodes: node, from, to, depth. */
	readonly #stack: Int32Array;

	constructor(x: Matrix, sampleSize: number, maxDepth: number, random: Random, out: ForestTrees) {
		this.#x = x;
		this.#maxDepth = maxDepth;
		this.#random = random;
		this.#out = out;
		this.#sample = new Float64Array(sampleSize * x.columns);
		this.#index = new Int32Array(sampleSize);
		this.#columns = Int32Array.from({ length: x.columns }, (_, column) => column);
		this.#stack = new Int32Array(4 * (2 * maxDepth + 4));
	}

	/** @returns one past the last node */
	build(order: Int32Array, root: number): number {
		const { feature, value, left } = this.#out;
		const { columns, data } = this.#x;
		const size = this.#index.length;
		for (let row = 0; row < size; row++) {
			const from = (order[row] as number) * columns;
			for (let column = 0; column < columns; column++) {
				this.#sample[row * columns + column] = data[from + column] as number;
			}
			this.#index[row] = row;
		}
		let next = root + 1;
		let top = 0;
		const push = (node: number, from: number, to: number, depth: number) => {
			this.#stack[top++] = node;
			this.#stack[top++] = from;
			this.#stack[top++] = to;
			this.#stack[top++] = depth;
		};
		push(root, 0, size, 0);
		while (top > 0) {
			const depth = this.#stack[--top] as number;
			const to = this.#stack[--top] as number;
			const from = this.#stack[--top] as number;
			const node = this.#stack[--top] as number;
			const column = depth < this.#maxDepth && to - from > 1 ? this.#splitColumn(from, to) : -1;
			feature[node] = column;
			if (column < 0) {
				value[node] = depth + averagePathLength(to - from);
				continue;
			}
			const middle = this.#partition(column, this.#threshold, from, to);
			value[node] = this.#threshold;
			left[node] = next;
			push(next, from, middle, depth + 1);
			push(next + 1, middle, to, depth + 1);
			next += 2;
		}
		return next;
	}

	#threshold = 0;

	/** Draws columns until one is not constant here, then a threshold in its range; −1 where all are constant. */
	#splitColumn(from: number, to: number): number {
		const columns = this.#columns;
		const sample = this.#sample;
		for (let left = columns.length; left > 0; left--) {
			const drawn = this.#random.below(left);
			const column = columns[drawn] as number;
			columns[drawn] = columns[left - 1] as number;
			columns[left - 1] = column;
			let min = Infinity;
			let max = -Infinity;
			for (let i = from; i < to; i++) {
				const v = sample[(this.#index[i] as number) * columns.length + column] as number;
				if (v < min) min = v;
				if (v > max) max = v;
			}
			if (max > min) {
				const threshold = min + this.#random.unit() * (max - min);
				// Rounding may reach the maximum, which would leave the right side empty.
				this.#threshold = threshold < max ? threshold : min;
				return column;
			}
		}
		return -1;
	}

	#partition(column: number, threshold: number, from: number, to: number): number {
		const index = this.#index;
		let low = from;
		let high = to - 1;
		while (low <= high) {
			const row = index[low] as number;
			if ((this.#sample[row * this.#x.columns + column] as number) <= threshold) low++;
			else {
				index[low] = index[high] as number;
				index[high] = row;
				high--;
			}
		}
		return low;
	}
}
