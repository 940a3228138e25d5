import type { Matrix } from "../matrix.ts";
import { NeighbourSearch, type Neighbours } from "./neighbours.ts";

/** Keeps the density of rows that coincide finite, as scikit-learn does. */
const TINY = 1e-10;

/**
 * Local outlier factor in novelty mode: how much sparser a row's surroundings are than those of its neighbours among
 * the rows it was fitted on. About 1 is usual, well above 1 is an outlier.
 * @see Breunig, Kriegel, Ng, Sander: LOF, SIGMOD 2000
 */
export class LocalOutlierFactor {
	readonly k: number;
	/** Factors of the fitted rows themselves. */
	readonly fitted: Float64Array;
	readonly #search: NeighbourSearch;
	/** Distance of each fitted row to its k-th neighbour. */
	readonly #reach: Float64Array;
	readonly #density: Float64Array;

	/**
	 * @param k neighbours; 20 by default, at most rows − 1
	 * @throws RangeError for fewer than two rows
	 */
	constructor(x: Matrix, k = 20) {
		if (x.rows < 2) throw new RangeError("the local outlier factor needs at least two rows");
		this.k = Math.min(k, x.rows - 1);
		this.#search = new NeighbourSearch(x);
		const near = this.#search.nearest(x, this.k, true);
		this.#reach = new Float64Array(x.rows);
		for (let row = 0; row < x.rows; row++) this.#reach[row] = near.distance[(row + 1) * this.k - 1] as number;
		this.#density = this.#densities(near, x.rows);
		this.fitted = this.#factors(near, this.#density);
	}

	/** @returns the factor of each row */
	score(x: Matrix): Float64Array {
		const near = this.#search.nearest(x, this.k);
		return this.#factors(near, this.#densities(near, x.rows));
	}

	/** Local reachability density: the inverse of the mean reachability distance. */
	#densities({ index, distance, k }: Neighbours, rows: number): Float64Array {
		const density = new Float64Array(rows);
		for (let row = 0; row < rows; row++) {
			let sum = 0;
			for (let place = row * k; place < (row + 1) * k; place++) {
				sum += Math.max(distance[place] as number, this.#reach[index[place] as number] as number);
			}
			density[row] = 1 / (sum / k + TINY);
		}
		return density;
	}

	#factors({ index, k }: Neighbours, own: Float64Array): Float64Array {
		return own.map((density, row) => {
			let sum = 0;
			for (let place = row * k; place < (row + 1) * k; place++) sum += this.#density[index[place] as number] as number;
			return sum / k / density;
		});
	}
}
