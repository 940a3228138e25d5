import type { ScalingMethod } from "./settings.ts";

/** (value − offset) ÷ size is what a learner sees. */
export interface Scale {
	offset: number;
	/** Above 0. */
	size: number;
	/** What stands for an unknown value: the mean, with `robust` the median. */
	usual: number;
}

/**
 * The scale of one column; NaN counts as unknown. Where a column has no size of the kind that was asked for (a machine
 * that stands still more than half of the time has no interquartile range), the standard deviation stands in, and 1
 * where there is none either.
 *
 * - `standard`: mean and standard deviation
 * - `minmax`: least value and range
 * - `robust`: median and interquartile range
 * - `none`: 0 and 1, values go in as they are
 */
export function scaleOf(values: Float64Array, method: ScalingMethod): Scale {
	const { mean, deviation } = momentsOf(values);
	if (method === "standard") return { offset: mean, size: deviation, usual: mean };
	const sorted = values.filter((value) => !Number.isNaN(value)).sort();
	if (method === "none" || sorted.length === 0) return { offset: 0, size: 1, usual: mean };
	const [least, low, middle, high, most] = [0, 0.25, 0.5, 0.75, 1].map((share) => quantileOf(sorted, share)) as [
		...[number, number, number, number, number],
	];
	if (method === "minmax") return { offset: least, size: most > least ? most - least : deviation, usual: mean };
	return { offset: middle, size: high > low ? high - low : deviation, usual: middle };
}

function momentsOf(values: Float64Array): { mean: number; deviation: number } {
	let sum = 0;
	let count = 0;
	for (const value of values) {
		if (Number.isNaN(value)) continue;
		sum += value;
		count++;
	}
	const mean = count === 0 ? 0 : sum / count;
	let squares = 0;
	for (const value of values) if (!Number.isNaN(value)) squares += (value - mean) ** 2;
	return { mean, deviation: Math.sqrt(squares / Math.max(1, count)) || 1 };
}

function quantileOf(sorted: Float64Array, share: number): number {
	const place = share * (sorted.length - 1);
	const low = sorted[Math.floor(place)] as number;
	const high = sorted[Math.ceil(place)] as number;
	return low + (place - Math.floor(place)) * (high - low);
}
