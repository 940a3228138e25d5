import type { Matrix } from "../matrix.ts";
import type { ModelState } from "../model.ts";

/** Share of the variance that the components keep. */
const KEPT_VARIANCE = 0.9;

/**
 * Hotelling's T² and the residual Q (squared prediction error) of scaled rows: T² is how far a row lies from the
 * middle within the habits of the channels together, Q how far it breaks these habits.
 *
 * @see Jackson and Mudholkar 1979
 */
export class PrincipalComponents {
	readonly columns: number;
	/** Kept directions, one a row. */
	readonly #directions: Float64Array;
	/** Variance along each kept direction. */
	readonly #variances: Float64Array;

	private constructor(columns: number, directions: Float64Array, variances: Float64Array) {
		this.columns = columns;
		this.#directions = directions;
		this.#variances = variances;
	}

	/**
	 * @param x columns centred and scaled to about unit variance
	 * @param count directions to keep, where there are as many; absent: as many as make up nine tenths of the variance
	 */
	static fit({ data, rows, columns }: Matrix, count?: number): PrincipalComponents {
		const covariance = new Float64Array(columns * columns);
		for (let row = 0; row < rows; row++) {
			for (let a = 0; a < columns; a++) {
				const va = data[row * columns + a] as number;
				for (let b = 0; b <= a; b++) {
					covariance[a * columns + b] =
						(covariance[a * columns + b] as number) +
						(va * (data[row * columns + b] as number)) / Math.max(1, rows - 1);
				}
			}
		}
		for (let a = 0; a < columns; a++) {
			for (let b = 0; b < a; b++) covariance[b * columns + a] = covariance[a * columns + b] as number;
		}
		const { values, vectors } = eigenOf(covariance, columns);
		const order = Array.from(values.keys()).sort((a, b) => (values[b] as number) - (values[a] as number));
		const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
		const kept: number[] = [];
		let explained = 0;
		for (const index of order) {
			const enough = count === undefined ? explained >= KEPT_VARIANCE * total : kept.length >= count;
			if (enough || (values[index] as number) <= 1e-12 * total) break;
			kept.push(index);
			explained += values[index] as number;
		}
		const directions = new Float64Array(kept.length * columns);
		for (const [place, index] of kept.entries()) {
			for (let c = 0; c < columns; c++) directions[place * columns + c] = vectors[c * columns + index] as number;
		}
		return new PrincipalComponents(
			columns,
			directions,
			Float64Array.from(kept, (index) => values[index] as number),
		);
	}

	static fromState({ facts, arrays }: ModelState): PrincipalComponents {
		return new PrincipalComponents(
			facts.columns as number,
			arrays.directions as Float64Array,
			arrays.variances as Float64Array,
		);
	}

	get state(): ModelState {
		return {
			facts: { columns: this.columns },
			arrays: { directions: this.#directions, variances: this.#variances },
		};
	}

	get components(): number {
		return this.#variances.length;
	}

	score({ data, rows, columns }: Matrix): { tSquared: Float64Array; residual: Float64Array } {
		const tSquared = new Float64Array(rows);
		const residual = new Float64Array(rows);
		for (let row = 0, base = 0; row < rows; row++, base += columns) {
			let length = 0;
			for (let c = 0; c < columns; c++) length += (data[base + c] as number) ** 2;
			let t = 0;
			for (let k = 0; k < this.#variances.length; k++) {
				let along = 0;
				for (let c = 0; c < columns; c++) {
					along += (data[base + c] as number) * (this.#directions[k * columns + c] as number);
				}
				t += along ** 2 / (this.#variances[k] as number);
				length -= along ** 2;
			}
			tSquared[row] = t;
			residual[row] = Math.max(0, length);
		}
		return { tSquared, residual };
	}
}

/** Eigenvalues and vectors (columns) of a symmetric matrix by Jacobi's rotations. */
function eigenOf(symmetric: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
	const a = symmetric.slice();
	const v = new Float64Array(n * n);
	for (let i = 0; i < n; i++) v[i * n + i] = 1;
	const at = (matrix: Float64Array, row: number, column: number): number => matrix[row * n + column] as number;
	for (let sweep = 0; sweep < 60; sweep++) {
		let off = 0;
		let diagonal = 0;
		for (let p = 0; p < n; p++) {
			diagonal += at(a, p, p) ** 2;
			for (let q = 0; q < p; q++) off += at(a, p, q) ** 2;
		}
		if (off <= 1e-24 * (diagonal + off)) break;
		for (let p = 0; p < n; p++) {
			for (let q = p + 1; q < n; q++) {
				if (at(a, p, q) === 0) continue;
				const theta = (at(a, q, q) - at(a, p, p)) / (2 * at(a, p, q));
				const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
				const c = 1 / Math.hypot(t, 1);
				const s = t * c;
				for (let k = 0; k < n; k++) {
					const akp = at(a, k, p);
					const akq = at(a, k, q);
					a[k * n + p] = c * akp - s * akq;
					a[k * n + q] = s * akp + c * akq;
				}
				for (let k = 0; k < n; k++) {
					const apk = at(a, p, k);
					const aqk = at(a, q, k);
					a[p * n + k] = c * apk - s * aqk;
					a[q * n + k] = s * apk + c * aqk;
					const vkp = at(v, k, p);
					const vkq = at(v, k, q);
					v[k * n + p] = c * vkp - s * vkq;
					v[k * n + q] = s * vkp + c * vkq;
				}
			}
		}
	}
	return { values: Float64Array.from({ length: n }, (_, i) => at(a, i, i)), vectors: v };
}
