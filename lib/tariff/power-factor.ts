import type { PowerFactor } from "./bill-demand.ts";
import type { PowerFactorRule, PowerFactorSide } from "./book.ts";
import { QUARTERS, quartersOf } from "./hours.ts";

export const HALF_HOUR_MS = 1_800_000;

/** Mean power of consecutive half-hours; NaN where it was not measured. */
export interface HalfHours {
	/** Start of the first, epoch ms. */
	fromMs: number;
	/** Active power taken from the grid, kW; nothing or less is no half-hour of taking. */
	kw: Float64Array;
	/** Reactive power, kvar: lagging positive, leading negative. */
	kvar: Float64Array;
}

/** A month's power factors and how many half-hours of taking tell them. */
export interface MeasuredPowerFactor extends PowerFactor {
	known: number;
}

/** Two decimals: a hundredth of a point moves a demand charge by 0.002 %. */
const STEPS = 100;

/**
 * Power factors of a month as the supply terms average them (KEPCO §41–43): that of each half-hour, clipped, by day
 * lagging and by night leading; a half-hour of the other direction counts as 100 %. Half-hours in which nothing was
 * taken have none. A side without any known half-hour is left out.
 *
 * @param minuteOf minute of the local day of an instant
 */
export function monthPowerFactor(
	rule: PowerFactorRule,
	{ fromMs, kw, kvar }: HalfHours,
	minuteOf: (epochMs: number) => number,
): MeasuredPowerFactor {
	const sums = { lagging: 0, leading: 0 };
	const counts = { lagging: 0, leading: 0 };
	const holds = { lagging: hoursOf(rule.lagging), leading: hoursOf(rule.leading) };
	let known = 0;
	for (const [at, active] of kw.entries()) {
		const reactive = kvar[at] ?? Number.NaN;
		if (!(active > 0) || Number.isNaN(reactive)) continue;
		known++;
		const minute = minuteOf(fromMs + at * HALF_HOUR_MS);
		for (const side of ["lagging", "leading"] as const) {
			if (holds[side][Math.floor(minute / 15)] !== 1) continue;
			const opposite = side === "lagging" ? reactive < 0 : reactive > 0;
			const percent = opposite ? 100 : (100 * active) / Math.hypot(active, reactive);
			sums[side] += clipped(rule[side], percent);
			counts[side]++;
		}
	}
	const mean = (side: "lagging" | "leading"): number => Math.round((sums[side] / counts[side]) * STEPS) / STEPS;
	return {
		known,
		...(counts.lagging > 0 ? { laggingDay: mean("lagging") } : {}),
		...(counts.leading > 0 ? { leadingNight: mean("leading") } : {}),
	};
}

/** 1 for each quarter-hour of the day that a side is measured in. */
function hoursOf({ hours }: PowerFactorSide): Uint8Array {
	const quarters = new Uint8Array(QUARTERS);
	for (const quarter of quartersOf(hours) ?? []) quarters[quarter] = 1;
	return quarters;
}

const clipped = ({ clipPercent: [low, high] }: PowerFactorSide, percent: number): number =>
	Math.min(high, Math.max(low, percent));

/** Whether a month at these power factors pays a surcharge: below the standard on either side. */
export function isSurcharged(rule: PowerFactorRule, { laggingDay, leadingNight }: PowerFactor): boolean {
	const below = (side: PowerFactorSide, percent: number | undefined): boolean =>
		percent !== undefined && percent < side.standardPercent;
	return below(rule.lagging, laggingDay) || below(rule.leading, leadingNight);
}
