import type { ModelState } from "../model.ts";

/** Share of the sample that the tail is fitted to. */
const TAIL_SHARE = 0.1;
const MIN_TAIL_ROWS = 20;
/** Standard errors of the tail's shape that are added to it. */
const SHAPE_MARGIN = 1.64;
/** Points of the distribution below the tail. */
const GRID = 256;
/** Below this a probability means nothing any more; 10⁻¹². */
const MOST_DECADES = 12;

/**
 * The false-alarm probability of a statistic: the share of usual rows whose value is at least as large. Inside the
 * sample it is counted; beyond it a generalised Pareto distribution over the highest tenth goes on (peaks over
 * threshold).
 *
 * @see Pickands 1975; Hosking and Wallis 1987 for the fit by probability-weighted moments
 */
export class Tail {
	/** Values at equal shares from the least to the threshold. */
	readonly #grid: Float64Array;
	readonly #threshold: number;
	readonly #share: number;
	readonly #shape: number;
	readonly #scale: number;

	private constructor(grid: Float64Array, parameters: ArrayLike<number>) {
		this.#grid = grid;
		this.#threshold = parameters[0] as number;
		this.#share = parameters[1] as number;
		this.#shape = parameters[2] as number;
		this.#scale = parameters[3] as number;
	}

	/** @param sample values of rows that are taken for usual; not finite ones are left out */
	static fit(sample: ArrayLike<number>): Tail {
		const sorted = Float64Array.from(sample).filter(Number.isFinite).sort();
		const n = sorted.length;
		if (n === 0) return new Tail(new Float64Array(1), [0, 1, 0, 1]);
		const count = Math.min(n, Math.max(MIN_TAIL_ROWS, Math.ceil(n * TAIL_SHARE)));
		const tenth = sorted[n - count] as number;
		// Where most values are the same, as distances from a range are, only what is above them is a tail.
		const above = tenth === sorted[0] ? sorted.findIndex((value) => value > tenth) : n - count;
		const from = above < 0 || n - above < MIN_TAIL_ROWS ? n - count : above;
		const threshold = from === n - count ? (sorted[from] as number) : tenth;
		const excess = sorted.subarray(from).map((value) => value - threshold);
		const { shape, scale } = paretoOf(excess);
		const grid = Float64Array.from({ length: GRID }, (_, i) => sorted[Math.round((i / (GRID - 1)) * from)] as number);
		return new Tail(grid, [threshold, (n - from + 1) / (n + 1), shape, scale]);
	}

	static fromState({ arrays }: ModelState): Tail {
		return new Tail(arrays.grid as Float64Array, arrays.parameters as Float64Array);
	}

	get state(): ModelState {
		const parameters = Float64Array.of(this.#threshold, this.#share, this.#shape, this.#scale);
		return { facts: {}, arrays: { grid: this.#grid, parameters } };
	}

	/** −log10 of the false-alarm probability, 0…12: 3 is one false alarm in 1,000 usual rows. NaN stays NaN. */
	decades(value: number): number {
		if (value > this.#threshold) {
			const excess = (value - this.#threshold) / this.#scale;
			const log = Math.abs(this.#shape) < 1e-6 ? excess : Math.log1p(this.#shape * excess) / this.#shape;
			return Math.min(MOST_DECADES, log / Math.LN10 - Math.log10(this.#share));
		}
		if (Number.isNaN(value)) return Number.NaN;
		return -Math.log10(1 - (1 - this.#share) * this.#rank(value));
	}

	/** Share of the grid that lies below, 0…1. */
	#rank(value: number): number {
		const grid = this.#grid;
		let low = 0;
		let high = grid.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((grid[middle] as number) < value) low = middle + 1;
			else high = middle;
		}
		return low / grid.length;
	}
}

/**
 * Probability-weighted moments. The shape is held between 0 and ½: a tail with an end would call every value beyond
 * the sample impossible, and one heavier than ½ has no variance and would call nothing unusual. To that comes its
 * standard error, (1 + ξ) / √n, times a margin: from few rows nobody can tell how rare the very rare is, and a tail that
 * is taken for heavier gives fewer false alarms.
 */
function paretoOf(excess: Float64Array): { shape: number; scale: number } {
	const n = excess.length;
	let mean = 0;
	let weighted = 0;
	for (let i = 0; i < n; i++) {
		mean += (excess[i] as number) / n;
		weighted += ((excess[i] as number) * (1 - (i + 0.65) / n)) / n;
	}
	if (!(mean > 0)) return { shape: 0, scale: Math.max(1e-9, mean) };
	const shape = Math.min(0.5, Math.max(0, 2 - mean / (mean - 2 * weighted)));
	// The scale makes the mean of the distribution that of the sample.
	return { shape: shape + (SHAPE_MARGIN * (1 + shape)) / Math.sqrt(n), scale: mean * (1 - shape) };
}
