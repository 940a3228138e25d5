import type { Matrix } from "../matrix.ts";
import type { ModelState } from "../model.ts";
import { scaleOf } from "../training/scale.ts";
import type { ScalingMethod } from "../training/settings.ts";

/** Parts of the training span whose medians tell how far a column wanders. */
const BLOCKS = 4;

export type LeftOut = { column: number; why: "empty" | "constant" };

export interface ScalingOptions {
	/**
	 * How long the model will be used, in multiples of the span that it learns from. A column that wandered within the
	 * span is given that much more room; 0 gives none.
	 */
	horizon: number;
	/** Least spread of each column; a column with one that is above 0 is used although it was constant. */
	floors?: ArrayLike<number>;
	/**
	 * What the views measure distances in: `standard` (default) the standard deviation without outliers, `robust` the
	 * interquartile range, `minmax` the range, `none` the unit of the column. Where usual is, is the median for all of
	 * them, and a person is told distances in standard deviations.
	 */
	method?: ScalingMethod;
}

/**
 * What is usual of each column: its middle, its spread, and how far it is expected to wander while the model is in use.
 * Columns without any spread are left out; missing values count as usual.
 */
export class Scaling {
	/** Columns that are used, by their place in the rows given. */
	readonly used: Int32Array;
	readonly centre: Float64Array;
	/** What distances are measured in, with room for wandering. */
	readonly spread: Float64Array;
	/** Spread alone. */
	readonly plain: Float64Array;

	private constructor(used: Int32Array, centre: Float64Array, spread: Float64Array, plain: Float64Array) {
		this.used = used;
		this.centre = centre;
		this.spread = spread;
		this.plain = plain;
	}

	/** @param x rows in the order of their time */
	static fit(
		x: Matrix,
		{ horizon, floors, method = "standard" }: ScalingOptions,
	): { scaling: Scaling; leftOut: LeftOut[] } {
		const used: number[] = [];
		const found: { centre: number; spread: number; plain: number }[] = [];
		const leftOut: LeftOut[] = [];
		for (let column = 0; column < x.columns; column++) {
			const values = columnOf(x, column);
			const sorted = values.filter(Number.isFinite).sort();
			if (sorted.length < 2) leftOut.push({ column, why: "empty" });
			else if (sorted[0] === sorted[sorted.length - 1] && !floors?.[column]) leftOut.push({ column, why: "constant" });
			else {
				used.push(column);
				const floor = floors?.[column] ?? 0;
				const plain = Math.max(floor, spreadOf(sorted));
				const size =
					method === "standard" ? plain : method === "none" ? 1 : Math.max(floor, scaleOf(sorted, method).size);
				found.push({
					centre: quantileOf(sorted, 0.5),
					plain,
					spread: Math.hypot(size, wanderOf(values) * BLOCKS * horizon),
				});
			}
		}
		const scaling = new Scaling(
			Int32Array.from(used),
			Float64Array.from(found, ({ centre }) => centre),
			Float64Array.from(found, ({ spread }) => spread),
			Float64Array.from(found, ({ plain }) => plain),
		);
		return { scaling, leftOut };
	}

	static fromState({ arrays }: ModelState): Scaling {
		return new Scaling(
			arrays.used as Int32Array,
			arrays.centre as Float64Array,
			arrays.spread as Float64Array,
			arrays.plain as Float64Array,
		);
	}

	get state(): ModelState {
		return {
			facts: {},
			arrays: { used: this.used, centre: this.centre, spread: this.spread, plain: this.plain },
		};
	}

	/** Used columns only, how far each value is from its middle in spreads; a missing value is 0. */
	apply({ data, rows, columns }: Matrix): Matrix {
		const width = this.used.length;
		const out = new Float64Array(rows * width);
		for (let row = 0; row < rows; row++) {
			for (let place = 0; place < width; place++) {
				const value = data[row * columns + (this.used[place] as number)] as number;
				const z = (value - (this.centre[place] as number)) / (this.spread[place] as number);
				out[row * width + place] = Number.isFinite(z) ? z : 0;
			}
		}
		return { data: out, rows, columns: width };
	}
}

export function columnOf({ data, rows, columns }: Matrix, column: number): Float64Array {
	return Float64Array.from({ length: rows }, (_, row) => data[row * columns + column] as number);
}

/** Linear between neighbours of a sorted sample. */
export function quantileOf(sorted: Float64Array, share: number): number {
	const place = share * (sorted.length - 1);
	const low = Math.floor(place);
	const a = sorted[low] as number;
	const b = sorted[Math.min(sorted.length - 1, low + 1)] as number;
	return a + (b - a) * (place - low);
}

/** Standard deviation without the outermost half per cent on each side, which may be what is looked for. */
function spreadOf(sorted: Float64Array): number {
	const low = quantileOf(sorted, 0.005);
	const high = quantileOf(sorted, 0.995);
	const deviation = (values: Float64Array): number => {
		const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
		return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
	};
	return deviation(sorted.map((value) => Math.min(high, Math.max(low, value)))) || deviation(sorted);
}

/** Typical change of the median from one part of the span to the next. */
export function wanderOf(values: Float64Array): number {
	const length = Math.floor(values.length / BLOCKS);
	const medians: number[] = [];
	for (let block = 0; block < BLOCKS; block++) {
		const part = values
			.subarray(block * length, (block + 1) * length)
			.filter(Number.isFinite)
			.sort();
		if (part.length > 0) medians.push(quantileOf(part, 0.5));
	}
	if (medians.length < 2) return 0;
	let squared = 0;
	for (let i = 1; i < medians.length; i++) squared += ((medians[i] as number) - (medians[i - 1] as number)) ** 2;
	return Math.sqrt(squared / (medians.length - 1));
}
