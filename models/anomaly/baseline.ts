import type { Matrix } from "../matrix.ts";
import type { ModelState } from "../model.ts";
import { columnOf, quantileOf, wanderOf } from "./scaling.ts";

/** Parts of the training span whose medians tell how fast a column wanders. */
const BLOCKS = 4;
/** Rows of a step at most: after a gap nobody knows which way it went. */
const MOST_ROWS = 10;

/** Where the baseline of each column stands now. */
export type Baselines = Float64Array;

/**
 * What is usual of a column while that wanders, as pressures and temperatures do: a baseline that moves towards each
 * row, but no faster than a few times as fast as the column wandered in training. So weather and warming up are followed,
 * and a step, which would take it far longer than it took to come, is not.
 */
export class Baseline {
	/** Of each column: most that it moves with a row, and the distance from which on it moves that fast. */
	readonly #rates: Float64Array;
	readonly #spreads: Float64Array;
	/** Where it stood before the training, and where after it. */
	readonly #start: Float64Array;
	readonly #end: Float64Array;

	private constructor(rates: Float64Array, spreads: Float64Array, start: Float64Array, end: Float64Array) {
		this.#rates = rates;
		this.#spreads = spreads;
		this.#start = start;
		this.#end = end;
	}

	/**
	 * @param x rows in the order of their time
	 * @param speed in multiples of how fast each column wandered
	 * @param fixed columns whose baseline stays at 0
	 * @returns the rows less their baselines too
	 */
	static learn(
		x: Matrix,
		{ speed, fixed, steps }: { speed: number; fixed: readonly number[]; steps: Float64Array | undefined },
	): { baseline: Baseline; apart: Matrix } {
		const rates = new Float64Array(x.columns);
		const spreads = new Float64Array(x.columns).fill(1);
		const start = new Float64Array(x.columns);
		for (let column = 0; column < x.columns; column++) {
			if (fixed.includes(column)) continue;
			const values = columnOf(x, column);
			const first = blockOf(values, 0);
			if (first.length === 0) continue;
			start[column] = quantileOf(first, 0.5);
			const spread = spreadWithin(values);
			if (!(spread > 0)) continue;
			spreads[column] = spread;
			rates[column] = (speed * wanderOf(values)) / Math.max(1, Math.floor(x.rows / BLOCKS));
		}
		const baseline = new Baseline(rates, spreads, start, start);
		const now = start.slice();
		const apart = baseline.apply(x, now, steps);
		return { baseline: new Baseline(rates, spreads, start, now), apart };
	}

	static fromState({ arrays }: ModelState): Baseline {
		return new Baseline(
			arrays.rates as Float64Array,
			arrays.spreads as Float64Array,
			arrays.start as Float64Array,
			arrays.end as Float64Array,
		);
	}

	get state(): ModelState {
		const arrays = { rates: this.#rates, spreads: this.#spreads, start: this.#start, end: this.#end };
		return { facts: {}, arrays };
	}

	/** As it stood after the training, or before it. */
	memory(from: "start" | "end"): Baselines {
		return (from === "end" ? this.#end : this.#start).slice();
	}

	/** @param now is moved on; @param steps time since the row before in rows, see Smoothing; @returns rows less baselines */
	apply({ data, rows, columns }: Matrix, now: Baselines, steps?: Float64Array): Matrix {
		const out = new Float64Array(data.length);
		for (let row = 0, at = 0; row < rows; row++) {
			const step = steps ? (steps[row] as number) : 1;
			const passed = Number.isNaN(step) ? 1 : Math.min(MOST_ROWS, Math.max(0, step));
			for (let column = 0; column < columns; column++, at++) {
				const base = now[column] as number;
				const apart = (data[at] as number) - base;
				out[at] = apart;
				if (!Number.isFinite(apart)) continue;
				const pull = Math.max(-1, Math.min(1, apart / (this.#spreads[column] as number)));
				now[column] = base + pull * passed * (this.#rates[column] as number);
			}
		}
		return { data: out, rows, columns };
	}
}

function blockOf(values: Float64Array, block: number): Float64Array {
	const length = Math.floor(values.length / BLOCKS);
	return values
		.subarray(block * length, (block + 1) * length)
		.filter(Number.isFinite)
		.sort();
}

/** Standard deviation about the mean of each block. */
function spreadWithin(values: Float64Array): number {
	let [squared, count] = [0, 0];
	for (let block = 0; block < BLOCKS; block++) {
		const part = blockOf(values, block);
		const mean = part.reduce((sum, value) => sum + value, 0) / part.length;
		for (const value of part) squared += (value - mean) ** 2;
		count += part.length;
	}
	return Math.sqrt(squared / Math.max(1, count));
}
