/** How forecasts of several learners become one. */
export interface Combination {
	/** Share of each learner, in their order; they sum to 1. */
	weights: number[];
	/** A weighted mean, or the weighted median: the value with half of the weight on either side. */
	by: "mean" | "median";
}

const STEPS = 400;
/** Share of the equal weights that is kept: backtests are short, and a favourite of theirs is partly luck. */
const SHRINK = 0.3;

/** One forecast out of those of the learners, row by row. */
export function combine(forecasts: readonly Float64Array[], { weights, by }: Combination): Float64Array {
	const rows = forecasts[0]?.length ?? 0;
	const out = new Float64Array(rows);
	if (by === "mean") {
		for (const [k, forecast] of forecasts.entries()) {
			const weight = weights[k] as number;
			for (let i = 0; i < rows; i++) out[i] = (out[i] as number) + weight * (forecast[i] as number);
		}
		return out;
	}
	const order = forecasts.map((_, k) => k);
	for (let i = 0; i < rows; i++) {
		// Insertion sort of a handful of learners; nearly sorted from row to row.
		for (let a = 1; a < order.length; a++) {
			const moved = order[a] as number;
			const value = forecasts[moved]?.[i] as number;
			let b = a - 1;
			for (; b >= 0 && (forecasts[order[b] as number]?.[i] as number) > value; b--) order[b + 1] = order[b] as number;
			order[b + 1] = moved;
		}
		out[i] = weightedMedian(forecasts, weights, order, i);
	}
	return out;
}

/** Between the two learners whose weights meet in the middle: moves smoothly with the weights. */
function weightedMedian(
	forecasts: readonly Float64Array[],
	weights: readonly number[],
	order: readonly number[],
	row: number,
): number {
	let before = 0;
	let place = 0;
	let value = Number.NaN;
	for (const k of order) {
		const weight = weights[k] as number;
		const middle = before + weight / 2;
		const own = forecasts[k]?.[row] as number;
		if (middle >= 0.5) {
			if (Number.isNaN(value) || middle === place) return own;
			return value + ((0.5 - place) / (middle - place)) * (own - value);
		}
		before += weight;
		place = middle;
		value = own;
	}
	return value;
}

/**
 * Weights that would have erred least in the backtests: mean absolute error over the simplex by exponentiated
 * subgradients (Kivinen, Warmuth 1997), then drawn towards equal shares, so that they hardly move from one training
 * to the next. Mean or median, whichever erred less with them.
 */
export function weigh(forecasts: readonly Float64Array[], actual: Float64Array): Combination {
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
	const final = averaged.map((weight) => (1 - SHRINK) * weight + SHRINK / learners);
	const mean: Combination = { weights: final, by: "mean" };
	const median: Combination = { weights: final, by: "median" };
	return meanAbsolute(combine(forecasts, mean), actual) <= meanAbsolute(combine(forecasts, median), actual)
		? mean
		: median;
}

function slopesOf(forecasts: readonly Float64Array[], actual: Float64Array, weights: readonly number[]): number[] {
	const combined = combine(forecasts, { weights: [...weights], by: "mean" });
	return forecasts.map((forecast) => {
		let slope = 0;
		for (let i = 0; i < actual.length; i++) {
			const residual = (combined[i] as number) - (actual[i] as number);
			slope += Math.sign(residual) * ((forecast[i] as number) - (combined[i] as number));
		}
		return slope / Math.max(1, actual.length);
	});
}

export function meanAbsolute(forecast: Float64Array, actual: Float64Array): number {
	let sum = 0;
	for (let i = 0; i < actual.length; i++) sum += Math.abs((forecast[i] as number) - (actual[i] as number));
	return sum / actual.length;
}
