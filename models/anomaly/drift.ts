import type { Matrix } from "../matrix.ts";
import type { ModelState } from "../model.ts";
import { columnOf, quantileOf } from "./scaling.ts";

const BINS = 10;
/** By common usage below 0.1 nothing moved, above 0.25 the population is another one. */
const DRIFT_LIMIT = 0.25;
const WEEK_MS = 7 * 86_400_000;
/** A span that lacks a day of the week can't tell whether a week is as usual; a week less a night's maintenance can. */
const LEAST_SPAN_MS = 0.95 * WEEK_MS;
/** How much farther from the others than any week of the training a week has to be. */
const BEYOND = 1.25;

/**
 * How the values of each column were distributed when a model was fitted: edges between equal shares. Columns with few
 * different values have fewer bins.
 */
export class DriftProfile {
	readonly #edges: Float64Array;
	readonly #shares: Float64Array;
	readonly #limits: Float64Array;
	readonly columns: number;

	private constructor(columns: number, edges: Float64Array, shares: Float64Array, limits: Float64Array) {
		this.columns = columns;
		this.#edges = edges;
		this.#shares = shares;
		this.#limits = limits;
	}

	/**
	 * @param timeMs of each row: weeks of the training are held against each other, for a week of holidays or of an order
	 *   that is made once a month is another population and yet as usual. From less than a week nothing is judged.
	 */
	static fit(x: Matrix, timeMs?: Float64Array): DriftProfile {
		const edges = new Float64Array(x.columns * (BINS - 1));
		const shares = new Float64Array(x.columns * BINS);
		for (let column = 0; column < x.columns; column++) {
			const sorted = columnOf(x, column).filter(Number.isFinite).sort();
			for (let edge = 1; edge < BINS; edge++) {
				edges[column * (BINS - 1) + edge - 1] = sorted.length > 0 ? quantileOf(sorted, edge / BINS) : Number.NaN;
			}
			for (const value of sorted) {
				const place = column * BINS + binOf(edges, column, value);
				shares[place] = (shares[place] as number) + 1 / sorted.length;
			}
		}
		return new DriftProfile(x.columns, edges, shares, timeMs ? limitsOf(x, timeMs, edges) : plainLimits(x.columns));
	}

	static fromState({ facts, arrays }: ModelState): DriftProfile {
		const columns = facts.columns as number;
		const limits = (arrays.limits as Float64Array | undefined) ?? plainLimits(columns);
		return new DriftProfile(columns, arrays.edges as Float64Array, arrays.shares as Float64Array, limits);
	}

	get state(): ModelState {
		return {
			facts: { columns: this.columns },
			arrays: { edges: this.#edges, shares: this.#shares, limits: this.#limits },
		};
	}

	/** A count of what comes, to compare with. */
	watch(): DriftWatch {
		return new DriftWatch(this.columns, this.#edges, this.#shares);
	}

	/** Index of each column from which on it moved away. */
	get limits(): Float64Array {
		return this.#limits;
	}
}

/** Counts values as they come and says how far their distribution has moved. */
export class DriftWatch {
	readonly #edges: Float64Array;
	readonly #shares: Float64Array;
	readonly #columns: number;
	readonly #counts: Float64Array;
	#rows = 0;

	constructor(columns: number, edges: Float64Array, shares: Float64Array) {
		this.#columns = columns;
		this.#edges = edges;
		this.#shares = shares;
		this.#counts = new Float64Array(shares.length);
	}

	/** Rows counted, at the cadence of the training. */
	get rows(): number {
		return this.#rows;
	}

	/** @param steps time since the row before, in rows of the training: ones that come faster count for less */
	add({ data, rows, columns }: Matrix, steps?: ArrayLike<number>): void {
		for (let row = 0; row < rows; row++) {
			const weight = weightOf(steps?.[row] ?? 1);
			this.#rows += weight;
			for (let column = 0; column < columns; column++) {
				const value = data[row * columns + column] as number;
				if (!Number.isFinite(value)) continue;
				const place = column * BINS + binOf(this.#edges, column, value);
				this.#counts[place] = (this.#counts[place] as number) + weight;
			}
		}
	}

	/**
	 * Population stability index of each column, Σ (now − then) × ln(now / then) over its bins; 0 where nothing was
	 * counted. An empty bin counts as half a value.
	 */
	index(): Float64Array {
		return Float64Array.from({ length: this.#columns }, (_, column) => {
			const counts = this.#counts.subarray(column * BINS, (column + 1) * BINS);
			return indexOf(counts, this.#shares.subarray(column * BINS, (column + 1) * BINS));
		});
	}

	reset(): void {
		this.#counts.fill(0);
		this.#rows = 0;
	}
}

function indexOf(counts: Float64Array, shares: Float64Array): number {
	const total = counts.reduce((sum, count) => sum + count, 0);
	if (total === 0) return 0;
	let index = 0;
	for (let bin = 0; bin < BINS; bin++) {
		const least = 0.5 / total;
		const now = Math.max(least, (counts[bin] as number) / total);
		const before = shares[bin] as number;
		// A bin that was empty and still is says nothing.
		if (before === 0 && counts[bin] === 0) continue;
		const then = Math.max(least, before);
		index += (now - then) * Math.log(now / then);
	}
	return index;
}

function plainLimits(columns: number): Float64Array {
	return new Float64Array(columns).fill(DRIFT_LIMIT);
}

/** What each week of the training is apart from the others, and some more. */
function limitsOf(x: Matrix, timeMs: Float64Array, edges: Float64Array): Float64Array {
	const fromMs = timeMs[0] ?? 0;
	const spanMs = (timeMs[timeMs.length - 1] ?? 0) - fromMs;
	if (spanMs < LEAST_SPAN_MS) return new Float64Array(x.columns).fill(Number.POSITIVE_INFINITY);
	const weeks = Math.max(1, Math.round(spanMs / WEEK_MS));
	const weekOf = Uint16Array.from(timeMs, (ms) => Math.min(weeks - 1, Math.floor((ms - fromMs) / WEEK_MS)));
	return plainLimits(x.columns).map((plain, column) => {
		const counts = Array.from({ length: weeks }, () => new Float64Array(BINS));
		for (let row = 0; row < x.rows; row++) {
			const value = x.data[row * x.columns + column] as number;
			if (!Number.isFinite(value)) continue;
			const of = counts[weekOf[row] as number] as Float64Array;
			const bin = binOf(edges, column, value);
			of[bin] = (of[bin] as number) + 1;
		}
		if (weeks < 2) return plain;
		return counts.reduce((limit, week) => {
			const others = new Float64Array(BINS);
			for (const other of counts)
				if (other !== week)
					other.forEach((count, bin) => {
						others[bin] = (others[bin] as number) + count;
					});
			const total = others.reduce((sum, count) => sum + count, 0);
			return total === 0
				? limit
				: Math.max(
						limit,
						BEYOND *
							indexOf(
								week,
								others.map((count) => count / total),
							),
					);
		}, plain);
	});
}

/** Clocks jitter: what comes a little early is the next reading all the same. */
const WHOLE = 0.9;

/** What a reading counts for that comes so many cadences after the one before; NaN where it follows on none. */
export function weightOf(step: number): number {
	return step >= 0 && step < WHOLE ? step : 1;
}

function binOf(edges: Float64Array, column: number, value: number): number {
	const from = column * (BINS - 1);
	let bin = 0;
	while (bin < BINS - 1 && value > (edges[from + bin] as number)) bin++;
	return bin;
}
