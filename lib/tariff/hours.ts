import type { Hours } from "./book.ts";

/** Quarter-hours of a day by the wall clock. */
export const QUARTERS = 96;

/**
 * Quarter-hours that a window such as `22:00-08:00` covers; it may run past midnight, and `00:00-24:00` is the day.
 * @returns undefined where it doesn't begin and end on a quarter-hour
 */
export function quartersOf(window: string): number[] | undefined {
	const [from = "", to = ""] = window.split("-");
	const quarter = (clock: string): number => {
		const [hour, minute] = clock.split(":").map(Number);
		return ((hour ?? Number.NaN) * 60 + (minute ?? Number.NaN)) / 15;
	};
	const first = quarter(from);
	const last = quarter(to);
	if (!Number.isInteger(first) || !Number.isInteger(last) || last > QUARTERS) return undefined;
	const length = last > first ? last - first : last - first + QUARTERS;
	return Array.from({ length }, (_, index) => (first + index) % QUARTERS);
}

/** For each quarter-hour of the day the bands whose windows cover it: exactly one, in a file that is right. */
export function bandOfEachQuarter(hours: Hours): string[][] {
	const found: string[][] = Array.from({ length: QUARTERS }, () => []);
	for (const [band, windows] of Object.entries(hours)) {
		for (const window of windows) {
			for (const quarter of quartersOf(window) ?? []) found[quarter]?.push(band);
		}
	}
	return found;
}
