/** How forecasts of several learners become one. */
export interface Combination {
	/** Share of each learner, in their order; they sum to 1, and one that does not help has 0. */
	weights: number[];
	/** A weighted mean, or the weighted median: the value with half of the weight on either side. */
	by: "mean" | "median";
}

const STEPS = 400;
/** Share of the equal weights that is kept among those that help: backtests are short, and a favourite is partly luck. */
const SHRINK = 0.3;
/** A learner whose share comes out below this is left out. */
const LEAST_SHARE = 0.03;
/** Rows that the weights are worked out on at most, evenly taken. */
const MAX_ROWS = 20_000;

/**
 * One forecast out of those of the learners, row by row. A learner without an answer (NaN) leaves its share to the
 * others; NaN where none with a share answers.
 */
export function combine(forecasts: readonly Float64Array[], { weights, by }: Combination): Float64Array {
	const used = forecasts.map((_, k) => k).filter((k) => (weights[k] as number) > 0);
	return by === "mean" ? combinedMean(forecasts, weights, used) : combinedMedian(forecasts, weights, used);
}

function combinedMean(
	forecasts: readonly Float64Array[],
	weights: readonly number[],
	used: readonly number[],
): Float64Array {
	const out = new Float64Array(forecasts[0]?.length ?? 0);
	const shares = new Float64Array(out.length);
	for (const k of used) {
		const forecast = forecasts[k] as Float64Array;
		const weight = weights[k] as number;
		for (let i = 0; i < out.length; i++) {
			const value = forecast[i] as number;
			if (Number.isNaN(value)) continue;
			out[i] = (out[i] as number) + weight * value;
			shares[i] = (shares[i] as number) + weight;
		}
	}
	for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) / (shares[i] as number);
	return out;
}

function combinedMedian(
	forecasts: readonly Float64Array[],
	weights: readonly number[],
	used: readonly number[],
): Float64Array {
	const out = new Float64Array(forecasts[0]?.length ?? 0);
	const order = [...used];
	for (let i = 0; i < out.length; i++) {
		// Insertion sort of a handful of learners; nearly sorted from row to row. Those without an answer come last.
		let total = 0;
		let known = 0;
		for (let a = 0; a < order.length; a++) {
			const moved = order[a] as number;
			const value = forecasts[moved]?.[i] as number;
			let b = a - 1;
			if (Number.isNaN(value)) continue;
			total += weights[moved] as number;
			known++;
			for (; b >= 0 && !((forecasts[order[b] as number]?.[i] as number) <= value); b--) {
				order[b + 1] = order[b] as number;
			}
			order[b + 1] = moved;
		}
		out[i] = weightedMedian(forecasts, weights, order, known, total, i);
	}
	return out;
}

/** Between the two learners whose weights meet in the middle: moves smoothly with the weights. */
function weightedMedian(
	forecasts: readonly Float64Array[],
	weights: readonly number[],
	order: readonly number[],
	known: number,
	total: number,
	row: number,
): number {
	const half = total / 2;
	let before = 0;
	let place = 0;
	let value = Number.NaN;
	for (let a = 0; a < known; a++) {
		const k = order[a] as number;
		const weight = weights[k] as number;
		const middle = before + weight / 2;
		const own = forecasts[k]?.[row] as number;
		if (middle >= half) {
			if (Number.isNaN(value) || middle === place) return own;
			return value + ((half - place) / (middle - place)) * (own - value);
		}
		before += weight;
		place = middle;
		value = own;
	}
	return value;
}

/**
 * Weights that would have erred least in the backtests: mean absolute error over the simplex by exponentiated
 * subgradients (Kivinen, Warmuth 1997). Learners that come out with next to nothing get nothing; the others' shares
 * are drawn towards equal ones, so that they hardly move from one training to the next. Mean or median, whichever
 * erred less with them. Only rows that every learner answered count.
 */
export function weigh(forecasts: readonly Float64Array[], actual: Float64Array): Combination {
	const learners = forecasts.length;
	const rows = rowsOf(forecasts, actual);
	if (rows.length === 0) return { weights: new Array<number>(learners).fill(1 / learners), by: "median" };
	const real = Float64Array.from(rows, (i) => actual[i] as number);
	const said = forecasts.map((forecast) => Float64Array.from(rows, (i) => forecast[i] as number));
	const best = descend(said, real);
	const kept = [...best.keys()].filter((k) => (best[k] as number) >= LEAST_SHARE);
	// Again without the others: what they held goes where it helps most, not to all alike.
	const again = descend(
		kept.map((k) => said[k] as Float64Array),
		real,
	);
	const weights = new Array<number>(learners).fill(0);
	for (const [at, k] of kept.entries()) {
		weights[k] = (1 - SHRINK) * (again[at] as number) + SHRINK / kept.length;
	}
	const mean: Combination = { weights, by: "mean" };
	const median: Combination = { weights, by: "median" };
	return meanAbsolute(combine(said, mean), real) <= meanAbsolute(combine(said, median), real) ? mean : median;
}

function rowsOf(forecasts: readonly Float64Array[], actual: Float64Array): Int32Array {
	const every = Math.max(1, Math.ceil(actual.length / MAX_ROWS));
	const rows: number[] = [];
	for (let i = 0; i < actual.length; i += every) {
		if (forecasts.every((forecast) => !Number.isNaN(forecast[i] as number))) rows.push(i);
	}
	return Int32Array.from(rows);
}

/** Mean of the weights along the way of the exponentiated subgradients. */
function descend(forecasts: readonly Float64Array[], actual: Float64Array): number[] {
	const learners = forecasts.length;
	let weights = new Array<number>(learners).fill(1 / learners);
	const averaged = new Array<number>(learners).fill(0);
	const scale = actual.reduce((sum, value) => sum + Math.abs(value), 0) / Math.max(1, actual.length) || 1;
	for (let step = 0; step < STEPS; step++) {
		const slopes = slopesOf(forecasts, actual, weights);
		const rate = 4 / (scale * Math.sqrt(step + 1));
		const raised = weights.map((weight, k) => weight * Math.exp(-rate * (slopes[k] as number)));
		const sum = raised.reduce((total, value) => total + value, 0);
		weights = raised.map((value) => value / sum);
		for (let k = 0; k < learners; k++) averaged[k] = (averaged[k] as number) + (weights[k] as number) / STEPS;
	}
	return averaged;
}

function slopesOf(forecasts: readonly Float64Array[], actual: Float64Array, weights: readonly number[]): number[] {
	const rows = actual.length;
	const combined = new Float64Array(rows);
	for (const [k, forecast] of forecasts.entries()) {
		const weight = weights[k] as number;
		for (let i = 0; i < rows; i++) combined[i] = (combined[i] as number) + weight * (forecast[i] as number);
	}
	return forecasts.map((forecast) => {
		let slope = 0;
		for (let i = 0; i < rows; i++) {
			const said = combined[i] as number;
			slope += Math.sign(said - (actual[i] as number)) * ((forecast[i] as number) - said);
		}
		return slope / Math.max(1, rows);
	});
}

/** Over the rows that both know. */
export function meanAbsolute(forecast: Float64Array, actual: Float64Array): number {
	let sum = 0;
	let count = 0;
	for (let i = 0; i < actual.length; i++) {
		const error = Math.abs((forecast[i] as number) - (actual[i] as number));
		if (Number.isNaN(error)) continue;
		sum += error;
		count++;
	}
	return sum / count;
}
