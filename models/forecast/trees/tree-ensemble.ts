import type { FloatMatrix } from "../../float-matrix.ts";

/** Regression trees whose values add up; node i's right child stands right after its left one. */
export interface TreeArrays {
	/** First node of each tree, and one past the last. */
	offsets: Int32Array;
	/** Column a node splits on, −1 in a leaf. */
	feature: Int32Array;
	/** Left where x ≤ threshold; single precision, so that every runtime compares the same numbers. In a leaf its value. */
	value: Float32Array;
	/** Index of the left child in these arrays. */
	left: Int32Array;
	/** 1 where a missing value goes left. */
	missingLeft: Uint8Array;
}

/** What any trained set of trees answers with: base + sum of the leaves, times scale (1 ÷ trees for a forest). */
export class TreeEnsemble {
	readonly arrays: TreeArrays;
	readonly columns: number;
	readonly base: number;
	readonly scale: number;

	constructor(arrays: TreeArrays, columns: number, base: number, scale = 1) {
		this.arrays = arrays;
		this.columns = columns;
		this.base = base;
		this.scale = scale;
	}

	get trees(): number {
		return this.arrays.offsets.length - 1;
	}

	/** One value for each row, in the unit of the target. */
	predict(x: FloatMatrix): Float64Array {
		if (x.columns !== this.columns) throw new RangeError(`rows of ${x.columns} columns, not ${this.columns}`);
		const out = new Float64Array(x.rows);
		const { offsets, feature, value, left, missingLeft } = this.arrays;
		const { data, rows, columns } = x;
		// Tree by tree: one tree's nodes stay in the cache while all rows pass through.
		for (let tree = 0; tree + 1 < offsets.length; tree++) {
			const root = offsets[tree] as number;
			for (let row = 0, at = 0; row < rows; row++, at += columns) {
				let node = root;
				let column = feature[node] as number;
				while (column >= 0) {
					const v = data[at + column] as number;
					const child = left[node] as number;
					if (v <= (value[node] as number)) node = child;
					else if (!Number.isNaN(v)) node = child + 1;
					else node = missingLeft[node] === 1 ? child : child + 1;
					column = feature[node] as number;
				}
				out[row] = (out[row] as number) + (value[node] as number);
			}
		}
		for (let row = 0; row < rows; row++) out[row] = this.base + (out[row] as number) * this.scale;
		return out;
	}
}

/** Trees while they grow: arrays that double. */
export class TreeBuffer {
	offsets: number[] = [0];
	feature = new Int32Array(1024);
	value = new Float32Array(1024);
	left = new Int32Array(1024);
	missingLeft = new Uint8Array(1024);
	/** Histogram slot (times two) that a node splits at: rows by bins walk by it. */
	slot = new Int32Array(1024);
	length = 0;

	/** @returns the first of `count` fresh nodes */
	add(count: number): number {
		const first = this.length;
		this.length += count;
		if (this.length > this.feature.length) {
			this.feature = grown(this.feature);
			this.value = grown(this.value);
			this.left = grown(this.left);
			this.missingLeft = grown(this.missingLeft);
			this.slot = grown(this.slot);
		}
		return first;
	}

	endTree(): void {
		this.offsets.push(this.length);
	}

	/** The first `trees` trees, as they are stored. */
	arrays(trees = this.offsets.length - 1): TreeArrays {
		const end = this.offsets[trees] as number;
		return {
			offsets: Int32Array.from(this.offsets.slice(0, trees + 1)),
			feature: this.feature.slice(0, end),
			value: this.value.slice(0, end),
			left: this.left.slice(0, end),
			missingLeft: this.missingLeft.slice(0, end),
		};
	}
}

function grown<T extends Int32Array | Float32Array | Uint8Array>(array: T): T {
	const larger = new (array.constructor as new (length: number) => T)(array.length * 2);
	larger.set(array);
	return larger;
}

/** Trees of several parts as one, in the order given. */
export function joinTrees(parts: readonly TreeArrays[]): TreeArrays {
	const total = parts.reduce((sum, part) => sum + part.feature.length, 0);
	const joined: TreeArrays = {
		offsets: new Int32Array(parts.reduce((sum, part) => sum + part.offsets.length - 1, 1)),
		feature: new Int32Array(total),
		value: new Float32Array(total),
		left: new Int32Array(total),
		missingLeft: new Uint8Array(total),
	};
	let node = 0;
	let tree = 0;
	for (const part of parts) {
		joined.feature.set(part.feature, node);
		joined.value.set(part.value, node);
		joined.missingLeft.set(part.missingLeft, node);
		for (let i = 0; i < part.left.length; i++) joined.left[node + i] = (part.left[i] as number) + node;
		for (let i = 1; i < part.offsets.length; i++) joined.offsets[++tree] = (part.offsets[i] as number) + node;
		node += part.feature.length;
	}
	return joined;
}
