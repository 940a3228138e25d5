import { FORECAST_JOURNAL, type IssuedForecast, unpackForecast } from "../../models/forecast/issued.ts";
import { clockOf } from "../calendar/zone-clock.ts";
import { metersOf } from "../demand/site-meters.ts";
import type { Store } from "../store/store.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { Site } from "../telemetry/site.ts";
import type { JobRecord } from "./records.ts";

const DAY_MS = 86_400_000;
/** Whole weeks, so that each day of the week is there equally often. */
const HISTORY_DAYS = 28;
/** A forecast older than this is none. */
const FORECAST_MAX_AGE_MS = 6 * 3_600_000;
/** Name of the whole site among the machines that are forecast. */
const TOTAL = "total";
const PAGE = 5_000;
/** Of the history of a quarter-hour, the share that the safe base load covers. */
const QUANTILE = 0.9;

/** What the site draws beside the jobs of the plan, kW in each quarter-hour; and an upper quantile of it. */
export interface BaseLoad {
	source: "forecast" | "history" | "none";
	kw: number[];
	safeKw: number[];
	quantile: number;
	/** When the forecast was issued; 0 where there was none. */
	issuedMs: number;
}

export type LoadStore = Pick<Store, "journal" | "intervals">;

/**
 * The load of the site without jobs: its newest forecast, or where that is missing or too short the mean of the same
 * quarter-hour in the last four weeks (of the same kind of day first). What past jobs drew is taken off both, for the
 * meters do not tell them apart.
 */
export async function baseLoadOf(
	store: LoadStore,
	site: Site,
	jobs: Iterable<JobRecord>,
	startMs: number,
	count: number,
): Promise<BaseLoad> {
	const fromMs = startMs - HISTORY_DAYS * DAY_MS;
	const jobKw = jobLoad(jobs, fromMs, startMs);
	const issued = await newestForecast(store, site.id, startMs);
	const slots = daySlots(site.timeZone, startMs, count);
	const learnt = meanBySlot(jobKw, site.timeZone, fromMs);
	if (issued && issued.issuedMs + issued.energyKwh.length * issued.stepMs >= startMs + count * QUARTER_HOUR_MS) {
		const skip = Math.round((startMs - issued.issuedMs) / issued.stepMs);
		const kw = (of: number[], k: number) => Math.max(0, (of[skip + k] ?? 0) * 4 - (learnt[slots[k] ?? 0] ?? 0));
		return {
			...{ source: "forecast", issuedMs: issued.issuedMs, quantile: rounded(0.5 + issued.share / 2) },
			kw: Array.from({ length: count }, (_, k) => rounded(kw(issued.energyKwh, k))),
			safeKw: Array.from({ length: count }, (_, k) =>
				rounded(Math.max(kw(issued.upperKwh, k), kw(issued.energyKwh, k))),
			),
		};
	}
	const history = await siteKw(store, site, fromMs, startMs);
	for (let i = 0; i < history.length; i++) history[i] = Math.max(0, (history[i] as number) - (jobKw[i] ?? 0));
	return fromHistory(history, site.timeZone, fromMs, startMs, count);
}

/** When the newest forecast of the site was issued, 0 where there is none that counts. */
export async function forecastIssued(store: LoadStore, site: string, nowMs: number): Promise<number> {
	return (await newestForecast(store, site, nowMs))?.issuedMs ?? 0;
}

async function newestForecast(store: LoadStore, site: string, nowMs: number): Promise<IssuedForecast | undefined> {
	const query = { site, kind: FORECAST_JOURNAL, subject: TOTAL, limit: 1 };
	const page = await store.journal({ ...query, fromMs: nowMs - FORECAST_MAX_AGE_MS, toMs: nowMs + QUARTER_HOUR_MS });
	const [entry] = page.items;
	const issued = entry && unpackForecast(entry);
	return issued?.stepMs === QUARTER_HOUR_MS ? issued : undefined;
}

/** What jobs drew in each quarter-hour of a span, kW, as they were commanded. */
function jobLoad(jobs: Iterable<JobRecord>, fromMs: number, toMs: number): Float64Array {
	const kw = new Float64Array(Math.round((toMs - fromMs) / QUARTER_HOUR_MS));
	for (const { runs } of jobs) {
		for (const run of runs) {
			const begunMs = run.startedMs ?? run.plannedStartMs;
			const endedMs = Math.min(run.endedMs ?? toMs, toMs);
			run.powerKw.forEach((power, k) => {
				const last = k === run.powerKw.length - 1;
				const stepEnd = last ? endedMs : Math.min(endedMs, begunMs + (k + 1) * run.stepMs);
				spread(kw, fromMs, begunMs + k * run.stepMs, stepEnd, power);
			});
		}
	}
	return kw;
}

function spread(kw: Float64Array, fromMs: number, startMs: number, endMs: number, power: number): void {
	for (let at = Math.max(startMs, fromMs); at < endMs; ) {
		const index = Math.floor((at - fromMs) / QUARTER_HOUR_MS);
		const next = Math.min(endMs, fromMs + (index + 1) * QUARTER_HOUR_MS);
		if (index < kw.length) kw[index] = (kw[index] as number) + (power * (next - at)) / QUARTER_HOUR_MS;
		at = next;
	}
}

async function siteKw(store: LoadStore, site: Site, fromMs: number, toMs: number): Promise<Float64Array> {
	const kw = new Float64Array(Math.round((toMs - fromMs) / QUARTER_HOUR_MS));
	const known = new Uint8Array(kw.length);
	const { meters } = metersOf(site);
	for (const machine of meters) {
		let cursor: string | undefined;
		do {
			const page = await store.intervals({
				...{ site: site.id, machine, fromMs, toMs, resolution: "15min", limit: PAGE },
				...(cursor === undefined ? {} : { cursor }),
			});
			for (const { startMs, energyKwh, coverage } of page.items) {
				const index = Math.round((startMs - fromMs) / QUARTER_HOUR_MS);
				if (coverage < 0.5 || index < 0 || index >= kw.length) continue;
				kw[index] = (kw[index] as number) + energyKwh * 4;
				known[index] = (known[index] as number) + 1;
			}
			cursor = page.nextCursor;
		} while (cursor !== undefined);
	}
	// A sum is known where all its parts are.
	return kw.map((value, i) => (known[i] === meters.length ? value : Number.NaN));
}

/** Quarter-hour of the local day, Saturdays and Sundays apart: 0…95 weekday, then Saturday, then Sunday. */
function daySlots(timeZone: string, fromMs: number, count: number): Int16Array {
	const clock = clockOf(timeZone);
	return Int16Array.from({ length: count }, (_, k) => {
		const ms = fromMs + k * QUARTER_HOUR_MS;
		const weekday = (((clock.dayAt(ms) + 4) % 7) + 7) % 7;
		const kind = weekday === 6 ? 1 : weekday === 0 ? 2 : 0;
		return kind * 96 + Math.floor(clock.minuteAt(ms) / 15);
	});
}

function meanBySlot(values: Float64Array, timeZone: string, fromMs: number): Float64Array {
	const [sums, counts] = [new Float64Array(288), new Float64Array(288)];
	const slots = daySlots(timeZone, fromMs, values.length);
	for (let i = 0; i < values.length; i++) {
		const slot = slots[i] as number;
		sums[slot] = (sums[slot] as number) + (values[i] as number);
		counts[slot] = (counts[slot] as number) + 1;
	}
	return sums.map((sum, i) => sum / Math.max(1, counts[i] as number));
}

function fromHistory(
	history: Float64Array,
	timeZone: string,
	fromMs: number,
	startMs: number,
	count: number,
): BaseLoad {
	const past = daySlots(timeZone, fromMs, history.length);
	const bySlot = new Map<number, number[]>();
	const byQuarter = new Map<number, number[]>();
	for (let i = 0; i < history.length; i++) {
		const value = history[i] as number;
		if (Number.isNaN(value)) continue;
		const slot = past[i] as number;
		push(bySlot, slot, value);
		push(byQuarter, slot % 96, value);
	}
	const slots = daySlots(timeZone, startMs, count);
	const samples = Array.from(slots, (slot) => bySlot.get(slot) ?? byQuarter.get(slot % 96) ?? []);
	return {
		source: byQuarter.size > 0 ? "history" : "none",
		issuedMs: 0,
		quantile: QUANTILE,
		kw: samples.map((values) => rounded(values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length))),
		safeKw: samples.map((values) => rounded(upper(values))),
	};
}

/** The nine-tenths quantile; of few values the largest. */
function upper(values: number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	return (
		sorted[Math.min(sorted.length - 1, Math.ceil(QUANTILE * sorted.length) - 1 + (sorted.length < 5 ? 1 : 0))] ?? 0
	);
}

function push(map: Map<number, number[]>, key: number, value: number): void {
	const list = map.get(key);
	if (list) list.push(value);
	else map.set(key, [value]);
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;
