import type { CalendarGrid } from "./series.ts";

/** How far ahead a model looks and when its forecasts are issued. */
export interface Horizon {
	name: string;
	/** Leads it answers, in intervals: 1 is the interval that begins at the issue. */
	fromLead: number;
	toLead: number;
	/** Issued every so many intervals of the local day, from midnight on: 1 at each, 96 (of 15 minutes) once a day. */
	issueEvery: number;
	/** No target beyond the local day of the issue. */
	sameDay?: boolean;
}

/** Pairs of issue (first interval not yet known) and target. */
export interface Pairs {
	origins: Int32Array;
	targets: Int32Array;
}

/**
 * Every pair of a horizon whose issue lies in [from, to) and whose target lies before `to`.
 *
 * @param keepEvery 1 keeps all pairs, n every nth target of an issue, shifted from issue to issue so that all leads
 * and hours stay represented
 */
export function pairsOf(grid: CalendarGrid, horizon: Horizon, from: number, to: number, keepEvery = 1): Pairs {
	const origins: number[] = [];
	const targets: number[] = [];
	let issue = 0;
	for (let origin = Math.max(0, from); origin < to; origin++) {
		if ((grid.slot[origin] as number) % horizon.issueEvery !== 0) continue;
		const last = Math.min(origin + horizon.toLead - 1, to - 1);
		for (let target = origin + horizon.fromLead - 1 + (issue % keepEvery); target <= last; target += keepEvery) {
			if (horizon.sameDay && grid.day[target] !== grid.day[origin]) break;
			origins.push(origin);
			targets.push(target);
		}
		issue++;
	}
	return { origins: Int32Array.from(origins), targets: Int32Array.from(targets) };
}

/** Those pairs whose target is known. */
export function knownPairs({ origins, targets }: Pairs, values: Float64Array): Pairs {
	const keep = Array.from(targets.keys()).filter((i) => Number.isFinite(values[targets[i] as number]));
	return {
		origins: Int32Array.from(keep, (i) => origins[i] as number),
		targets: Int32Array.from(keep, (i) => targets[i] as number),
	};
}
