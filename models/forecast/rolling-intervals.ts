import type { Pairs } from "./horizon.ts";
import type { HorizonModel } from "./horizon-model.ts";
import { AdaptiveIntervals } from "./intervals.ts";

export interface IssuedIntervals {
	lower: Float64Array;
	upper: Float64Array;
}

/** Weeks of scores that the intervals learn from. */
const WINDOW_DAYS = 42;

/** Scores that a day of issues brings. */
export function scoresPerDay({ horizon }: HorizonModel, perDay: number): number {
	return (perDay / horizon.issueEvery) * (horizon.toLead - horizon.fromLead + 1);
}

/** Intervals that start from what the backtests of a model taught. */
export function intervalsOf(model: HorizonModel, share: number, perDay: number): AdaptiveIntervals {
	const daily = scoresPerDay(model, perDay);
	return new AdaptiveIntervals(share, Math.ceil(WINDOW_DAYS * daily), daily, model.intervals);
}

/**
 * Intervals as they would have been issued: each issue knows only the values before it, and learns from the forecasts
 * whose targets have passed by then.
 *
 * @param bounds learned bounds by row; rows in the order of their issues
 * @param actual values by row, NaN where unknown
 */
export function issueIntervals(
	model: HorizonModel,
	intervals: AdaptiveIntervals,
	{ origins, targets }: Pairs,
	bounds: IssuedIntervals,
	actual: Float64Array,
): IssuedIntervals {
	const rows = targets.length;
	const lower = new Float64Array(rows);
	const upper = new Float64Array(rows);
	const byTarget = Int32Array.from(targets.keys()).sort(
		(a, b) => (targets[a] as number) - (targets[b] as number) || a - b,
	);
	let learned = 0;
	for (let row = 0; row < rows; row++) {
		const origin = origins[row] as number;
		// A target has passed when it lies before the issue: then its forecast, issued earlier still, is done.
		while (learned < rows && (targets[byTarget[learned] as number] as number) < origin) {
			const done = byTarget[learned++] as number;
			const value = actual[done] as number;
			const held = value >= (lower[done] as number) && value <= (upper[done] as number);
			intervals.learn(value, bounds.lower[done] as number, bounds.upper[done] as number, model.floor, held);
		}
		const [low, high] = intervals.bounds(bounds.lower[row] as number, bounds.upper[row] as number, model.floor);
		lower[row] = low;
		upper[row] = high;
	}
	return { lower, upper };
}
