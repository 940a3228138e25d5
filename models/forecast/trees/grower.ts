import type { BinnedMatrix } from "./bins.ts";
import type { TreeBuffer } from "./tree-ensemble.ts";

export interface GrowOptions {
	maxDepth: number;
	/** Leaves of a tree; where they are limited, the node that gains most is split first. */
	maxLeaves: number;
	/** L2 penalty of a leaf. */
	lambda: number;
	/** Least sum of second derivatives in a leaf. */
	minChildWeight: number;
	/** Nodes of fewer than twice as many rows are not split. */
	minRows: number;
	/** What a split must gain. */
	minGain: number;
}

/** A finished leaf: rows order[from…to) end in this node. */
export interface Leaf {
	node: number;
	from: number;
	to: number;
}

/** Beyond the last cut only missing values go right: the largest single-precision number parts them. */
const LARGEST_FLOAT = 3.4028234663852886e38;

interface Pending {
	node: number;
	from: number;
	to: number;
	depth: number;
	gradient: number;
	hessian: number;
	histogram: Float64Array;
	split?: Split | undefined;
}

interface Split {
	gain: number;
	column: number;
	slot: number;
	bin: number;
	missingLeft: boolean;
	gradientLeft: number;
	hessianLeft: number;
}

/**
 * Grows one regression tree on histograms of gradient and hessian, depth first; the larger child's histogram is its
 * parent's less its sibling's. Missing values take the side that gains more.
 * @see Chen, Guestrin: XGBoost, KDD 2016; Ke et al.: LightGBM, NIPS 2017
 */
export class TreeGrower {
	readonly #x: BinnedMatrix;
	readonly #options: GrowOptions;
	readonly #spare: Float64Array[] = [];
	readonly #size: number;
	readonly #moved: Int32Array;
	/** Columns a tree may split on, and whether each may. */
	#columns: Int32Array;

	constructor(x: BinnedMatrix, options: GrowOptions) {
		this.#x = x;
		this.#options = options;
		this.#size = 2 * (x.cuts.offsets[x.columns] as number);
		this.#moved = new Int32Array(x.rows);
		this.#columns = Int32Array.from({ length: x.columns }, (_, column) => column);
	}

	/**
	 * @param order rows to grow on; reordered so that each leaf's rows lie together
	 * @param gradients pairs of gradient and hessian by row
	 * @param columns those a split may use
	 * @returns the leaves, their Newton step −G ÷ (H + λ) written as their value
	 */
	grow(order: Int32Array, gradients: Float64Array, columns: Int32Array, out: TreeBuffer): Leaf[] {
		this.#columns = columns;
		const leaves: Leaf[] = [];
		const histogram = this.#take();
		this.#accumulate(order, 0, order.length, gradients, histogram);
		const [gradient, hessian] = this.#totals(histogram);
		const root: Pending = { node: out.add(1), from: 0, to: order.length, depth: 0, gradient, hessian, histogram };
		root.split = this.#bestSplit(root);
		const open: Pending[] = [root];
		const { maxLeaves } = this.#options;
		// Depth first keeps few histograms alive; only a limit on the leaves makes the order matter.
		const limited = maxLeaves < 2 ** this.#options.maxDepth;
		while (open.length > 0) {
			const next = limited ? takeBest(open) : (open.pop() as Pending);
			if (next.split && leaves.length + open.length + 2 <= maxLeaves) {
				this.#branch(next, next.split, order, gradients, out, open);
			} else this.#end(next, out, leaves);
		}
		out.endTree();
		return leaves;
	}

	#end({ node, from, to, gradient, hessian, histogram }: Pending, out: TreeBuffer, leaves: Leaf[]): void {
		out.feature[node] = -1;
		out.value[node] = -gradient / (hessian + this.#options.lambda);
		leaves.push({ node, from, to });
		this.#spare.push(histogram);
	}

	#branch(
		parent: Pending,
		split: Split,
		order: Int32Array,
		gradients: Float64Array,
		out: TreeBuffer,
		open: Pending[],
	): void {
		const { node, from, to, depth, histogram } = parent;
		const child = out.add(2);
		out.feature[node] = split.column;
		out.value[node] = this.#x.cuts.cuts[split.column]?.[split.bin] ?? LARGEST_FLOAT;
		out.slot[node] = split.slot;
		out.left[node] = child;
		out.missingLeft[node] = split.missingLeft ? 1 : 0;
		const middle = this.#partition(order, from, to, split);
		const left: Pending = {
			node: child,
			from,
			to: middle,
			depth: depth + 1,
			gradient: split.gradientLeft,
			hessian: split.hessianLeft,
			histogram,
		};
		const right: Pending = {
			node: child + 1,
			from: middle,
			to,
			depth: depth + 1,
			gradient: parent.gradient - split.gradientLeft,
			hessian: parent.hessian - split.hessianLeft,
			histogram,
		};
		const [small, large] = middle - from < to - middle ? [left, right] : [right, left];
		small.histogram = this.#take();
		// Children that are leaves by depth are never searched: nobody reads their histograms.
		if (depth + 1 < this.#options.maxDepth) {
			this.#accumulate(order, small.from, small.to, gradients, small.histogram);
			subtract(large.histogram, small.histogram);
			large.split = this.#bestSplit(large);
			small.split = this.#bestSplit(small);
		}
		open.push(large, small);
	}

	#take(): Float64Array {
		return this.#spare.pop() ?? new Float64Array(this.#size);
	}

	#accumulate(order: Int32Array, from: number, to: number, gradients: Float64Array, histogram: Float64Array): void {
		histogram.fill(0);
		const { slots, columns } = this.#x;
		if (this.#columns.length === columns) accumulateAll(slots, columns, order, from, to, gradients, histogram);
		else accumulateSome(slots, columns, this.#columns, order, from, to, gradients, histogram);
	}

	/** Sums over any one column are the sums over all rows. */
	#totals(histogram: Float64Array): [number, number] {
		const column = this.#columns[0] as number;
		const { offsets } = this.#x.cuts;
		let gradient = 0;
		let hessian = 0;
		for (let slot = offsets[column] as number; slot < (offsets[column + 1] as number); slot++) {
			gradient += histogram[2 * slot] as number;
			hessian += histogram[2 * slot + 1] as number;
		}
		return [gradient, hessian];
	}

	#bestSplit({ from, to, depth, gradient, hessian, histogram }: Pending): Split | undefined {
		const { lambda, minRows, maxDepth, minGain } = this.#options;
		// Sums that were subtracted leave dust where nothing is: an empty side must not pass for a leaf.
		const minChildWeight = Math.max(this.#options.minChildWeight, 1e-6);
		if (depth >= maxDepth || to - from < 2 * minRows || hessian < 2 * minChildWeight) return undefined;
		const parent = (gradient * gradient) / (hessian + lambda);
		let best = minGain + parent;
		let found: Split | undefined;
		const { offsets } = this.#x.cuts;
		for (const column of this.#columns) {
			const first = offsets[column] as number;
			const missing = (offsets[column + 1] as number) - 1;
			const missingHessian = histogram[2 * missing + 1] as number;
			for (let side = 0; side < (missingHessian > 0 ? 2 : 1); side++) {
				let gradientLeft = side ? (histogram[2 * missing] as number) : 0;
				let hessianLeft = side ? missingHessian : 0;
				// The last bin's cut would leave the right side to missing values alone: wanted only where there are some.
				const last = side === 0 && missingHessian > 0 ? missing - 1 : missing - 2;
				for (let slot = first; slot <= last; slot++) {
					gradientLeft += histogram[2 * slot] as number;
					hessianLeft += histogram[2 * slot + 1] as number;
					if (hessianLeft < minChildWeight) continue;
					const hessianRight = hessian - hessianLeft;
					if (hessianRight < minChildWeight) break;
					const gradientRight = gradient - gradientLeft;
					const score =
						(gradientLeft * gradientLeft) / (hessianLeft + lambda) +
						(gradientRight * gradientRight) / (hessianRight + lambda);
					if (score > best) {
						best = score;
						found = {
							gain: score - parent,
							column,
							slot: 2 * slot,
							bin: slot - first,
							missingLeft: side === 1,
							gradientLeft,
							hessianLeft,
						};
					}
				}
			}
		}
		return found;
	}

	/** Rows that go left first, both sides in their order. */
	#partition(order: Int32Array, from: number, to: number, { column, slot, missingLeft }: Split): number {
		const { slots, columns, cuts } = this.#x;
		const moved = this.#moved;
		// A missing value's slot is its column's last: above every cut, so only going left needs a word.
		const missing = missingLeft ? 2 * ((cuts.offsets[column + 1] as number) - 1) : -1;
		let left = from;
		let right = 0;
		for (let i = from; i < to; i++) {
			const row = order[i] as number;
			const own = slots[row * columns + column] as number;
			if (own <= slot || own === missing) order[left++] = row;
			else moved[right++] = row;
		}
		order.set(moved.subarray(0, right), left);
		return left;
	}
}

/** The open node that gains most; those without a split come last. */
function takeBest(open: Pending[]): Pending {
	let best = 0;
	for (let i = 1; i < open.length; i++) {
		if ((open[i]?.split?.gain ?? -1) > (open[best]?.split?.gain ?? -1)) best = i;
	}
	const [taken] = open.splice(best, 1);
	return taken as Pending;
}

function accumulateAll(
	slots: Uint16Array,
	columns: number,
	order: Int32Array,
	from: number,
	to: number,
	gradients: Float64Array,
	histogram: Float64Array,
): void {
	for (let i = from; i < to; i++) {
		const row = order[i] as number;
		const gradient = gradients[2 * row] as number;
		const hessian = gradients[2 * row + 1] as number;
		const end = (row + 1) * columns;
		for (let at = row * columns; at < end; at++) {
			const slot = slots[at] as number;
			histogram[slot] = (histogram[slot] as number) + gradient;
			histogram[slot + 1] = (histogram[slot + 1] as number) + hessian;
		}
	}
}

function accumulateSome(
	slots: Uint16Array,
	columns: number,
	used: Int32Array,
	order: Int32Array,
	from: number,
	to: number,
	gradients: Float64Array,
	histogram: Float64Array,
): void {
	const count = used.length;
	for (let i = from; i < to; i++) {
		const row = order[i] as number;
		const gradient = gradients[2 * row] as number;
		const hessian = gradients[2 * row + 1] as number;
		const base = row * columns;
		for (let k = 0; k < count; k++) {
			const slot = slots[base + (used[k] as number)] as number;
			histogram[slot] = (histogram[slot] as number) + gradient;
			histogram[slot + 1] = (histogram[slot + 1] as number) + hessian;
		}
	}
}

function subtract(from: Float64Array, part: Float64Array): void {
	for (let i = 0; i < from.length; i++) from[i] = (from[i] as number) - (part[i] as number);
}
