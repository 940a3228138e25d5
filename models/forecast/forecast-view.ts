import { startOfDayMs } from "../../lib/live/local-day.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import { type WireForecast, wireHeading } from "./forecast-wire.ts";
import type { IssuedForecast } from "./issued.ts";
import type { SiteForecast } from "./site-forecast.ts";

const STEP_MS = 900_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Quarter-hours ahead that a look back compares at. */
const LEADS = [1, 4, 24, 96];
/** Days whose forecasts are measured against what came. */
const MEASURED_DAYS = 7;

type Points = (number | null)[];

/** Values of a span by quarter-hour, kW (mean power of it). */
export interface ForecastPath {
	/** ISO 8601. */
	start: string;
	kw: Points;
	lowKw: Points;
	highKw: Points;
}

/** What had been forecast at one distance since yesterday's midnight, and what a week of that was worth. */
export interface LookBack extends Omit<ForecastPath, "start"> {
	leadMinutes: number;
	accuracy: { values: number; coverage: number; promised: number; maeKw: number; wape: number } | null;
}

/** One load as the card shows it: what came since yesterday, what is to come until tomorrow's end. */
export interface ForecastView extends Omit<WireForecast, "points"> {
	type: "forecast";
	site: string;
	/** Yesterday's midnight in the plant, ISO 8601; `actualKw` and `back` begin there. */
	from: string;
	actualKw: Points;
	ahead: ForecastPath;
	back: LookBack[];
	/** Highest quarter-hours ahead of today and of tomorrow; null where the day is over or not reached. */
	peaks: { today: Peak | null; tomorrow: Peak | null };
	/** What is agreed with the supplier, kW; null where it is not known, or for one machine. */
	contractKw: number | null;
}

export interface Peak {
	start: string;
	kw: number;
	lowKw: number;
	highKw: number;
}

const iso = (ms: number): string => new Date(ms).toISOString();
const kw = (kwh: number | undefined): number | null =>
	kwh === undefined || !Number.isFinite(kwh) ? null : Math.round(kwh * 4_000) / 1_000;

/**
 * The view of a forecast that was just issued.
 *
 * @param contractKw of the site; a machine has none
 */
export async function viewOf(
	forecasts: SiteForecast,
	site: Site,
	issued: IssuedForecast,
	contractKw: number | null,
): Promise<ForecastView> {
	const { machine, issuedMs, energyKwh, lowerKwh, upperKwh } = issued;
	const today = startOfDayMs(issuedMs, site.timeZone);
	const fromMs = startOfDayMs(today - 2 * HOUR_MS, site.timeZone);
	const tomorrow = startOfDayMs(today + 26 * HOUR_MS, site.timeZone);
	const endMs = startOfDayMs(tomorrow + 26 * HOUR_MS, site.timeZone);
	const weekMs = Math.min(fromMs, issuedMs - MEASURED_DAYS * DAY_MS);
	const { values } = await forecasts.actual(machine, weekMs, issuedMs);
	const shown = (fromMs - weekMs) / STEP_MS;
	const length = Math.min(energyKwh.length, (endMs - issuedMs) / STEP_MS);
	const all = (list: readonly number[]): Points => list.slice(0, length).map(kw);
	const back = await forecasts.lookBack(machine, weekMs, issuedMs, LEADS);
	return {
		type: "forecast",
		site: site.id,
		...wireHeading(issued, null),
		from: iso(fromMs),
		actualKw: Array.from(values.subarray(shown), kw),
		ahead: { start: iso(issuedMs), kw: all(energyKwh), lowKw: all(lowerKwh), highKw: all(upperKwh) },
		back: back.map(({ lead, energy, lower, upper, promised }) => ({
			leadMinutes: lead * 15,
			kw: Array.from(energy.subarray(shown), kw),
			lowKw: Array.from(lower.subarray(shown), kw),
			highKw: Array.from(upper.subarray(shown), kw),
			accuracy: accuracyOf(values, energy, lower, upper, promised),
		})),
		peaks: {
			today: peakIn(issued, issuedMs, tomorrow),
			tomorrow: peakIn(issued, tomorrow, endMs),
		},
		contractKw,
	};
}

function peakIn({ issuedMs, stepMs, energyKwh, lowerKwh, upperKwh }: IssuedForecast, fromMs: number, toMs: number) {
	let at = -1;
	for (const [i, value] of energyKwh.entries()) {
		const startMs = issuedMs + i * stepMs;
		if (startMs < fromMs || startMs >= toMs) continue;
		if (at < 0 || value > (energyKwh[at] as number)) at = i;
	}
	if (at < 0) return null;
	return {
		start: iso(issuedMs + at * stepMs),
		kw: kw(energyKwh[at]) ?? 0,
		lowKw: kw(lowerKwh[at]) ?? 0,
		highKw: kw(upperKwh[at]) ?? 0,
	};
}

function accuracyOf(
	actual: Float64Array,
	energy: Float64Array,
	lower: Float64Array,
	upper: Float64Array,
	promised: number,
): LookBack["accuracy"] {
	let values = 0;
	let error = 0;
	let sum = 0;
	let held = 0;
	for (const [i, value] of actual.entries()) {
		const said = energy[i] as number;
		if (!Number.isFinite(value) || !Number.isFinite(said)) continue;
		values++;
		error += Math.abs(said - value);
		sum += Math.abs(value);
		if (value >= (lower[i] as number) && value <= (upper[i] as number)) held++;
	}
	if (values === 0) return null;
	return { values, promised, coverage: held / values, maeKw: (4 * error) / values, wape: error / (sum || 1) };
}
