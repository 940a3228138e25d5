import type { Matrix } from "../matrix.ts";

/**
 * Exponentially weighted means of scaled columns, a row at a time. Noise goes, what lasts stays: a small shift that no
 * single row shows stands out of the mean of many.
 */
export class Smoothing {
	readonly weight: number;
	readonly #mean: Float64Array;

	/** @param weight of the newest row, 0…1 */
	constructor(columns: number, weight: number) {
		this.weight = weight;
		this.#mean = new Float64Array(columns);
	}

	/**
	 * @param steps time since the row before, in the cadence that the model learnt at; NaN where a row doesn't follow on
	 * the one before: after a gap a mean of both sides says nothing. Absent means evenly spaced rows.
	 */
	apply({ data, rows, columns }: Matrix, steps?: Float64Array): Matrix {
		const out = new Float64Array(rows * columns);
		const mean = this.#mean;
		for (let row = 0, base = 0; row < rows; row++, base += columns) {
			const step = steps ? (steps[row] as number) : 1;
			// It starts from 0, which is usual: the first row alone does not stand for many.
			if (Number.isNaN(step)) mean.fill(0);
			const passed = step > 0 ? Math.min(step, 1) : 1;
			const weight = passed === 1 ? this.weight : 1 - (1 - this.weight) ** passed;
			for (let column = 0; column < columns; column++) {
				const before = mean[column] as number;
				const after = before + weight * ((data[base + column] as number) - before);
				mean[column] = after;
				out[base + column] = after;
			}
		}
		return { data: out, rows, columns };
	}
}
