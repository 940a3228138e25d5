import type { Matrix } from "../matrix.ts";

/** The k nearest rows of each query: index and distance, nearest first, k a query. */
export interface Neighbours {
	k: number;
	index: Int32Array;
	distance: Float64Array;
}

const LEAF_ROWS = 24;

/**
 * Exact k-nearest-neighbour search (Euclidean) over fixed rows: a k-d tree whose leaves hold their rows side by side.
 * In many dimensions its bounds stop nothing, and it degrades into a scan of contiguous blocks, no worse.
 * Equal distances are ordered by row.
 */
export class NeighbourSearch {
	readonly columns: number;
	readonly rows: number;
	/** Rows in tree order. */
	readonly #points: Float64Array;
	/** Row of the fitted matrix at each place of the tree's order. */
	readonly #order: Int32Array;
	// Nodes: split column (−1 leaf), split value, first and last place, right child (left is the next node).
	readonly #column: Int32Array;
	readonly #split: Float64Array;
	readonly #from: Int32Array;
	readonly #to: Int32Array;
	readonly #right: Int32Array;

	constructor({ data, rows, columns }: Matrix) {
		this.rows = rows;
		this.columns = columns;
		this.#order = Int32Array.from({ length: rows }, (_, row) => row);
		const nodes = Math.max(1, 4 * Math.ceil(rows / LEAF_ROWS));
		this.#column = new Int32Array(nodes);
		this.#split = new Float64Array(nodes);
		this.#from = new Int32Array(nodes);
		this.#to = new Int32Array(nodes);
		this.#right = new Int32Array(nodes);
		this.#build(data, { from: 0, to: rows, node: 0 });
		this.#points = new Float64Array(rows * columns);
		for (let place = 0; place < rows; place++) {
			const row = this.#order[place] as number;
			this.#points.set(data.subarray(row * columns, (row + 1) * columns), place * columns);
		}
	}

	/** @returns the next free node */
	#build(data: Float64Array, { from, to, node }: { from: number; to: number; node: number }): number {
		this.#from[node] = from;
		this.#to[node] = to;
		const column = to - from > LEAF_ROWS ? this.#widest(data, from, to) : -1;
		this.#column[node] = column;
		if (column < 0) return node + 1;
		const middle = (from + to) >> 1;
		const part = this.#order.subarray(from, to);
		const { columns } = this;
		part.sort((a, b) => (data[a * columns + column] as number) - (data[b * columns + column] as number) || a - b);
		this.#split[node] = data[(this.#order[middle] as number) * columns + column] as number;
		const right = this.#build(data, { from, to: middle, node: node + 1 });
		this.#right[node] = right;
		return this.#build(data, { from: middle, to, node: right });
	}

	/** The column with the largest spread here; −1 where all rows are the same. */
	#widest(data: Float64Array, from: number, to: number): number {
		let best = -1;
		let bestSpread = 0;
		for (let column = 0; column < this.columns; column++) {
			let min = Infinity;
			let max = -Infinity;
			for (let place = from; place < to; place++) {
				const value = data[(this.#order[place] as number) * this.columns + column] as number;
				if (value < min) min = value;
				if (value > max) max = value;
			}
			if (max - min > bestSpread) {
				bestSpread = max - min;
				best = column;
			}
		}
		return best;
	}

	/**
	 * @param queries same columns as the fitted rows
	 * @param k at most the fitted rows (less one with `excludeSelf`)
	 * @param excludeSelf query i is fitted row i and is not its own neighbour
	 */
	nearest(queries: Matrix, k: number, excludeSelf = false): Neighbours {
		const index = new Int32Array(queries.rows * k);
		const distance = new Float64Array(queries.rows * k);
		const heap = new NearestHeap(k);
		const offsets = new Float64Array(this.columns);
		for (let row = 0; row < queries.rows; row++) {
			heap.clear();
			offsets.fill(0);
			const query = queries.data.subarray(row * this.columns, (row + 1) * this.columns);
			this.#visit(0, 0, { query, heap, offsets, self: excludeSelf ? row : -1 });
			heap.drain(index, distance, row * k);
		}
		return { k, index, distance };
	}

	#visit(
		node: number,
		/** Squared distance from the query to this node's box, as far as the splits tell. */
		bound: number,
		search: { query: Float64Array; heap: NearestHeap; offsets: Float64Array; self: number },
	): void {
		const column = this.#column[node] as number;
		const { heap, offsets } = search;
		if (column < 0) {
			this.#scan(node, search);
			return;
		}
		const gap = (search.query[column] as number) - (this.#split[node] as number);
		const right = this.#right[node] as number;
		this.#visit(gap < 0 ? node + 1 : right, bound, search);
		const before = offsets[column] as number;
		const farBound = bound - before * before + gap * gap;
		if (farBound <= heap.worst) {
			offsets[column] = gap;
			this.#visit(gap < 0 ? right : node + 1, farBound, search);
			offsets[column] = before;
		}
	}

	#scan(node: number, { query, heap, self }: { query: Float64Array; heap: NearestHeap; self: number }): void {
		const { columns } = this;
		const points = this.#points;
		const to = this.#to[node] as number;
		for (let place = this.#from[node] as number; place < to; place++) {
			let squared = 0;
			const base = place * columns;
			for (let column = 0; column < columns; column++) {
				const d = (points[base + column] as number) - (query[column] as number);
				squared += d * d;
			}
			if (squared <= heap.worst) {
				const row = this.#order[place] as number;
				if (row !== self) heap.offer(squared, row);
			}
		}
	}
}

/** The k smallest seen so far, the largest of them on top; ties go to the lower row. */
class NearestHeap {
	readonly #k: number;
	readonly #squared: Float64Array;
	readonly #row: Int32Array;
	#size = 0;
	/** Squared distance beyond which nothing enters any more. */
	worst = Infinity;

	constructor(k: number) {
		this.#k = k;
		this.#squared = new Float64Array(k);
		this.#row = new Int32Array(k);
	}

	clear(): void {
		this.#size = 0;
		this.worst = Infinity;
	}

	#above(squared: number, row: number, place: number): boolean {
		const other = this.#squared[place] as number;
		return squared > other || (squared === other && row > (this.#row[place] as number));
	}

	#set(place: number, squared: number, row: number): void {
		this.#squared[place] = squared;
		this.#row[place] = row;
	}

	offer(squared: number, row: number): void {
		if (this.#size < this.#k) {
			let place = this.#size++;
			while (place > 0) {
				const parent = (place - 1) >> 1;
				if (!this.#above(squared, row, parent)) break;
				this.#set(place, this.#squared[parent] as number, this.#row[parent] as number);
				place = parent;
			}
			this.#set(place, squared, row);
		} else if (!this.#above(squared, row, 0)) this.#sink(squared, row);
		if (this.#size === this.#k) this.worst = this.#squared[0] as number;
	}

	/** Puts an entry in place of the top. */
	#sink(squared: number, row: number): void {
		let place = 0;
		for (;;) {
			let child = 2 * place + 1;
			if (child >= this.#size) break;
			if (
				child + 1 < this.#size &&
				this.#above(this.#squared[child + 1] as number, this.#row[child + 1] as number, child)
			) {
				child++;
			}
			const childSquared = this.#squared[child] as number;
			const childRow = this.#row[child] as number;
			if (squared > childSquared || (squared === childSquared && row > childRow)) break;
			this.#set(place, childSquared, childRow);
			place = child;
		}
		this.#set(place, squared, row);
	}

	/** Empties it into the arrays, nearest first. */
	drain(index: Int32Array, distance: Float64Array, at: number): void {
		for (let place = this.#size - 1; place >= 0; place--) {
			index[at + place] = this.#row[0] as number;
			distance[at + place] = Math.sqrt(this.#squared[0] as number);
			this.#size--;
			if (this.#size > 0) this.#sink(this.#squared[this.#size] as number, this.#row[this.#size] as number);
		}
	}
}
