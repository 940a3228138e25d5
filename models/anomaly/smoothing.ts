import type { Matrix } from "../matrix.ts";

/**
 * Exponentially weighted means of each column, a row at a time. Noise goes, what lasts stays: a small shift that no
 * single row shows stands out of the mean of many.
 */
export class Smoothing {
	readonly weight: number;
	readonly #mean: Float64Array;
	#rows = 0;

	/** @param weight of the newest row, 0…1 */
	constructor(columns: number, weight: number) {
		this.weight = weight;
		this.#mean = new Float64Array(columns);
	}

	/** @param breaks 1 where a row doesn't follow on the one before: after a gap a mean of both sides says nothing */
	apply({ data, rows, columns }: Matrix, breaks?: Uint8Array): Matrix {
		const out = new Float64Array(rows * columns);
		const mean = this.#mean;
		for (let row = 0, base = 0; row < rows; row++, base += columns) {
			if (breaks?.[row]) this.#rows = 0;
			// Starts as the plain mean, so that the first row does not stand for many.
			const weight = Math.max(this.weight, 1 / ++this.#rows);
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
