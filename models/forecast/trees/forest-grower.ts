import type { Random } from "../../random.ts";
import type { BinnedMatrix } from "./bins.ts";
import type { TreeBuffer } from "./tree-ensemble.ts";

export interface ForestGrowOptions {
	/** Rows (counted as often as drawn) that a leaf holds at least. */
	minRows: number;
	/** Columns tried at each node. */
	columnsTried: number;
	maxDepth: number;
}

/** Rows of a node from which on a histogram is quicker than sorting them. */
const FEW = 16;

/** Slots column by column: a node reads one column at a time, which then stays in the cache. */
export function slotsByColumn({ slots, rows, columns }: BinnedMatrix): Uint16Array {
	const turned = new Uint16Array(slots.length);
	for (let row = 0; row < rows; row++) {
		for (let column = 0; column < columns; column++) {
			turned[column * rows + row] = slots[row * columns + column] as number;
		}
	}
	return turned;
}

/**
 * Grows the deep trees of a random forest: bootstrapped rows, a few columns drawn at each node, mean targets in the
 * leaves. Missing values count as larger than all others.
 * @see Breiman: Random forests, Machine Learning 45, 2001
 */
export class ForestGrower {
	readonly #x: BinnedMatrix;
	readonly #y: Float64Array;
	readonly #options: ForestGrowOptions;
	readonly #random: Random;
	/** Weight of each row in this tree: how often the bootstrap drew it. */
	readonly #weights: Float64Array;
	readonly #order: Int32Array;
	readonly #moved: Int32Array;
	/** Targets and weights of a node's rows, in its order: read once for each column tried. */
	readonly #sums: Float64Array;
	readonly #histogram: Float64Array;
	readonly #columns: Int32Array;
	readonly #slots: Uint16Array;
	/** Slots, targets and weights of a node of few rows, in the order of the slots. */
	readonly #fewSlots = new Int32Array(FEW);
	readonly #fewSums = new Float64Array(2 * FEW);
	/** Pending nodes: node, from, to, depth. */
	readonly #stack: number[] = [];

	/** @param slots of `slotsByColumn` */
	constructor(x: BinnedMatrix, slots: Uint16Array, y: Float64Array, options: ForestGrowOptions, random: Random) {
		this.#x = x;
		this.#slots = slots;
		this.#y = y;
		this.#options = options;
		this.#random = random;
		this.#weights = new Float64Array(x.rows);
		this.#order = new Int32Array(x.rows);
		this.#moved = new Int32Array(x.rows);
		this.#sums = new Float64Array(2 * x.rows);
		this.#histogram = new Float64Array(2 * 257);
		this.#columns = Int32Array.from({ length: x.columns }, (_, column) => column);
	}

	grow(out: TreeBuffer): void {
		const rows = this.#bootstrap();
		const stack = this.#stack;
		stack.push(out.add(1), 0, rows, 0);
		while (stack.length > 0) {
			const depth = stack.pop() as number;
			const to = stack.pop() as number;
			const from = stack.pop() as number;
			const node = stack.pop() as number;
			this.#node(node, from, to, depth, out);
		}
		out.endTree();
	}

	/** Draws as many rows as there are, with replacement. @returns how many different ones */
	#bootstrap(): number {
		const { rows } = this.#x;
		this.#weights.fill(0);
		for (let i = 0; i < rows; i++) {
			// One draw of 32 bits is fine enough here, and half as dear.
			const row = Math.floor(this.#random.next() * 2 ** -32 * rows);
			this.#weights[row] = (this.#weights[row] as number) + 1;
		}
		let count = 0;
		for (let row = 0; row < rows; row++) if ((this.#weights[row] as number) > 0) this.#order[count++] = row;
		return count;
	}

	#column = -1;
	#slot = 0;

	#node(node: number, from: number, to: number, depth: number, out: TreeBuffer): void {
		let sum = 0;
		let weight = 0;
		let low = Infinity;
		let high = -Infinity;
		for (let i = from; i < to; i++) {
			const row = this.#order[i] as number;
			const own = this.#weights[row] as number;
			const target = this.#y[row] as number;
			this.#sums[2 * i] = own * target;
			this.#sums[2 * i + 1] = own;
			sum += own * target;
			weight += own;
			if (target < low) low = target;
			if (target > high) high = target;
		}
		const splits =
			depth < this.#options.maxDepth &&
			weight >= 2 * this.#options.minRows &&
			high > low &&
			this.#search(from, to, sum, weight);
		if (!splits) {
			out.feature[node] = -1;
			out.value[node] = sum / weight;
			return;
		}
		const column = this.#column;
		const child = out.add(2);
		out.feature[node] = column;
		const bin = this.#slot / 2 - (this.#x.cuts.offsets[column] as number);
		out.value[node] = (this.#x.cuts.cuts[column] as Float32Array)[bin] as number;
		out.left[node] = child;
		const middle = this.#partition(from, to);
		this.#stack.push(child, from, middle, depth + 1, child + 1, middle, to, depth + 1);
	}

	/** Tries columns until enough had something to split on; the best split is left in the fields. */
	#search(from: number, to: number, sum: number, weight: number): boolean {
		const columns = this.#columns;
		this.#column = -1;
		let best = (sum * sum) / weight + 1e-9;
		let tried = 0;
		for (let left = columns.length; left > 0 && tried < this.#options.columnsTried; left--) {
			const drawn = this.#random.below(left);
			const column = columns[drawn] as number;
			columns[drawn] = columns[left - 1] as number;
			columns[left - 1] = column;
			const score =
				to - from <= FEW
					? this.#tryFew(column, from, to, sum, weight, best)
					: this.#tryColumn(column, from, to, sum, weight, best);
			if (score < 0) continue;
			tried++;
			best = score;
		}
		return this.#column >= 0;
	}

	/** @returns the best score so far, −1 where the column is constant here */
	#tryColumn(column: number, from: number, to: number, sum: number, weight: number, best: number): number {
		const { rows, cuts } = this.#x;
		const slots = this.#slots;
		const first = column * rows;
		const histogram = this.#histogram;
		const sums = this.#sums;
		const order = this.#order;
		const base = 2 * (cuts.offsets[column] as number);
		let low = 65535;
		let high = 0;
		for (let i = from; i < to; i++) {
			const slot = slots[first + (order[i] as number)] as number;
			if (slot < low) low = slot;
			if (slot > high) high = slot;
			const at = slot - base;
			histogram[at] = (histogram[at] as number) + (sums[2 * i] as number);
			histogram[at + 1] = (histogram[at + 1] as number) + (sums[2 * i + 1] as number);
		}
		const { minRows } = this.#options;
		let sumLeft = 0;
		let weightLeft = 0;
		for (let slot = low; slot < high; slot += 2) {
			const own = histogram[slot - base + 1] as number;
			if (own === 0) continue;
			sumLeft += histogram[slot - base] as number;
			weightLeft += own;
			if (weightLeft < minRows) continue;
			const weightRight = weight - weightLeft;
			if (weightRight < minRows) break;
			const sumRight = sum - sumLeft;
			const score = (sumLeft * sumLeft) / weightLeft + (sumRight * sumRight) / weightRight;
			if (score > best) {
				best = score;
				this.#column = column;
				this.#slot = slot;
			}
		}
		// Only what was touched is wiped.
		histogram.fill(0, low - base, high - base + 2);
		return low === high ? -1 : best;
	}

	/** The same for a node of few rows: they are put in order instead of counted by bin. */
	#tryFew(column: number, from: number, to: number, sum: number, weight: number, best: number): number {
		const first = column * this.#x.rows;
		const slots = this.#fewSlots;
		const sums = this.#fewSums;
		const count = to - from;
		for (let a = 0; a < count; a++) {
			const slot = this.#slots[first + (this.#order[from + a] as number)] as number;
			let b = a - 1;
			for (; b >= 0 && (slots[b] as number) > slot; b--) {
				slots[b + 1] = slots[b] as number;
				sums[2 * b + 2] = sums[2 * b] as number;
				sums[2 * b + 3] = sums[2 * b + 1] as number;
			}
			slots[b + 1] = slot;
			sums[2 * b + 2] = this.#sums[2 * (from + a)] as number;
			sums[2 * b + 3] = this.#sums[2 * (from + a) + 1] as number;
		}
		if (slots[0] === slots[count - 1]) return -1;
		const { minRows } = this.#options;
		let sumLeft = 0;
		let weightLeft = 0;
		for (let a = 0; a + 1 < count; a++) {
			sumLeft += sums[2 * a] as number;
			weightLeft += sums[2 * a + 1] as number;
			if (weightLeft < minRows || slots[a] === slots[a + 1]) continue;
			const weightRight = weight - weightLeft;
			if (weightRight < minRows) break;
			const sumRight = sum - sumLeft;
			const score = (sumLeft * sumLeft) / weightLeft + (sumRight * sumRight) / weightRight;
			if (score > best) {
				best = score;
				this.#column = column;
				this.#slot = slots[a] as number;
			}
		}
		return best;
	}

	#partition(from: number, to: number): number {
		const slots = this.#slots;
		const first = this.#column * this.#x.rows;
		const order = this.#order;
		let left = from;
		let right = 0;
		for (let i = from; i < to; i++) {
			const row = order[i] as number;
			if ((slots[first + row] as number) <= this.#slot) order[left++] = row;
			else this.#moved[right++] = row;
		}
		for (let i = 0; i < right; i++) order[left + i] = this.#moved[i] as number;
		return left;
	}
}
