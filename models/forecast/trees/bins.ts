import type { FloatMatrix } from "../../float-matrix.ts";

/** Most bins of a column; one more holds its missing values. */
const MAX_BINS = 255;

/**
 * Where the columns of a matrix are cut into bins. A value lies in the first bin whose cut is not below it; thresholds
 * of trees are cuts, and cuts are single-precision numbers, so that a tree walks the same way in any runtime.
 */
export interface Cuts {
	/** Ascending cuts of each column; a column of n cuts has n + 1 bins. */
	readonly cuts: readonly Float32Array[];
	/** First slot of each column in a histogram over all of them, and one past the last; a column's last slot is for missing values. */
	readonly offsets: Int32Array;
}

/** A matrix by bins: for every row and column the slot of a histogram over all columns, times two (gradient, hessian). */
export interface BinnedMatrix {
	readonly cuts: Cuts;
	readonly slots: Uint16Array;
	readonly rows: number;
	readonly columns: number;
}

/** The matrix with its slots in memory that threads share. */
export function sharedBins(x: BinnedMatrix): BinnedMatrix {
	const slots = new Uint16Array(new SharedArrayBuffer(x.slots.byteLength));
	slots.set(x.slots);
	return { ...x, slots };
}

/** @throws RangeError beyond 127 columns, which is more than the slots can number */
export function cutsOf(x: FloatMatrix, maxBins = MAX_BINS): Cuts {
	if (x.columns > 127) throw new RangeError("at most 127 columns");
	const offsets = new Int32Array(x.columns + 1);
	const cuts: Float32Array[] = [];
	const values = new Float32Array(x.rows);
	for (let column = 0; column < x.columns; column++) {
		let known = 0;
		for (let row = 0, at = column; row < x.rows; row++, at += x.columns) {
			const value = x.data[at] as number;
			if (!Number.isNaN(value)) values[known++] = value;
		}
		const own = cutsOfColumn(values.subarray(0, known).sort(), Math.min(maxBins, MAX_BINS));
		cuts.push(own);
		offsets[column + 1] = (offsets[column] as number) + own.length + 2;
	}
	return { cuts, offsets };
}

function cutsOfColumn(sorted: Float32Array, maxBins: number): Float32Array {
	const distinct: number[] = [];
	const upTo: number[] = [];
	for (let i = 0; i < sorted.length; i++) {
		if (i + 1 < sorted.length && sorted[i] === sorted[i + 1]) continue;
		distinct.push(sorted[i] as number);
		upTo.push(i + 1);
	}
	if (distinct.length <= maxBins) {
		return Float32Array.from(distinct.slice(1), (value, i) => between(distinct[i] as number, value));
	}
	// Equal shares of the rows; a value that fills several shares gets one bin, and the rest share what is left.
	const cuts: number[] = [];
	let taken = 0;
	for (let i = 0; i + 1 < distinct.length && cuts.length + 1 < maxBins; i++) {
		const share = (sorted.length - taken) / (maxBins - cuts.length);
		if ((upTo[i] as number) - taken < share) continue;
		cuts.push(between(distinct[i] as number, distinct[i + 1] as number));
		taken = upTo[i] as number;
	}
	return Float32Array.from(cuts);
}

/** A single-precision number t with a ≤ t < b, their middle where precision allows. */
function between(a: number, b: number): number {
	const middle = Math.fround((a + b) / 2);
	return middle < b ? middle : a;
}

/** Every value by the slot of its bin (twice its number, as histograms count), the last one of a column for what is missing. */
export function binned(x: FloatMatrix, cuts: Cuts): BinnedMatrix {
	const slots = new Uint16Array(x.rows * x.columns);
	for (let column = 0; column < x.columns; column++) {
		const own = cuts.cuts[column] as Float32Array;
		const offset = cuts.offsets[column] as number;
		for (let row = 0, at = column; row < x.rows; row++, at += x.columns) {
			const value = x.data[at] as number;
			slots[at] = 2 * (offset + (Number.isNaN(value) ? own.length + 1 : binOf(own, value)));
		}
	}
	return { cuts, slots, rows: x.rows, columns: x.columns };
}

function binOf(cuts: Float32Array, value: number): number {
	let low = 0;
	let high = cuts.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (value <= (cuts[middle] as number)) high = middle;
		else low = middle + 1;
	}
	return low;
}
