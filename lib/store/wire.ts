import { EnergyError } from "../errors.ts";
import type { Interval } from "../telemetry/interval.ts";
import { quantityNames, type Reading, type WireReading } from "../telemetry/reading.ts";
import { encodeReadings } from "./columns.ts";
import type { Page, QuarantineEntry, Series, StoreStats } from "./store.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const two = (value: number): string => String(value).padStart(2, "0");
const minutes = Array.from({ length: 1440 }, (_, i) => `T${two(Math.floor(i / 60))}:${two(i % 60)}:00.000Z`);
let dayMs = Number.NaN;
let dayText = "";

/** ISO 8601 in UTC. Intervals start at full minutes, and a page of them shares its days: both texts are at hand. */
function iso(ms: number): string {
	const rest = ((ms % DAY_MS) + DAY_MS) % DAY_MS;
	if (rest % MINUTE_MS !== 0) return new Date(ms).toISOString();
	if (ms - rest !== dayMs) {
		dayMs = ms - rest;
		dayText = new Date(dayMs).toISOString().slice(0, -14);
	}
	return dayText + minutes[rest / MINUTE_MS];
}

/** A list as every query answers it over JSON. */
export interface WirePage<T> {
	items: T[];
	nextCursor?: string;
}

export function wirePage<T, W>(page: Page<T>, each: (item: T) => W): WirePage<W> {
	return {
		items: page.items.map(each),
		...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }),
	};
}

/** To a millionth: what is beyond is the noise of binary fractions, not of any meter. */
export const tidy = (value: number): number => Math.round(value * 1e6) / 1e6;

/** An interval with ISO times, [start, end). */
export function wireInterval(interval: Interval): object {
	const { startMs, durationMs, energyKwh, estimatedKwh, meanKw, ...rest } = interval;
	return {
		start: iso(startMs),
		end: iso(startMs + durationMs),
		energyKwh: tidy(energyKwh),
		estimatedKwh: tidy(estimatedKwh),
		meanKw: tidy(meanKw),
		...rest,
	};
}

export function wireSeries({ machine, timesMs, values }: Series): object {
	return { machine, times: timesMs.map(iso), values };
}

export function wireQuarantined({ atMs, ...rest }: QuarantineEntry): object {
	return { at: iso(atMs), ...rest };
}

export function wireStats({ oldestMs, newestMs, ...rest }: StoreStats): object {
	return {
		...rest,
		oldest: oldestMs === null ? null : iso(oldestMs),
		newest: newestMs === null ? null : iso(newestMs),
	};
}

function fail(index: number, field: string, value: unknown, rule: string): never {
	throw new EnergyError("store.bad-reading", { index, field, value: value ?? "", rule });
}

/**
 * A reading at the door of the store. sensor-validate has done the judging; this only keeps what has no such shape
 * out of the database where somebody wired around it.
 *
 * @throws EnergyError `store.bad-reading` with index, field, value and rule
 */
export function storable(value: unknown, index: number): Reading {
	if (typeof value !== "object" || value === null) return fail(index, "reading", value, "an object");
	const reading = value as WireReading & Partial<Reading>;
	if (typeof reading.site !== "string" || reading.site === "") fail(index, "site", reading.site, "the id of a site");
	if (typeof reading.machine !== "string" || reading.machine === "") {
		fail(index, "machine", reading.machine, "the id of a machine");
	}
	const timeMs = reading.timeMs ?? Date.parse(reading.time);
	if (!Number.isSafeInteger(timeMs)) fail(index, "time", reading.time, "an ISO 8601 time with offset or Z");
	const stored: Reading = { site: reading.site, machine: reading.machine, timeMs };
	let measured = 0;
	for (const name of quantityNames) {
		const quantity = reading[name];
		if (quantity === undefined || quantity === null) continue;
		if (!Number.isFinite(quantity)) fail(index, name, quantity, "a finite number");
		stored[name] = quantity;
		measured++;
	}
	if (measured === 0) fail(index, "powerKw", undefined, "at least one measured quantity");
	if (reading.state !== undefined) stored.state = reading.state;
	if (reading.quality !== undefined) stored.quality = reading.quality;
	if (reading.reason !== undefined) stored.reason = reading.reason;
	return stored;
}

/**
 * Parts readings into those that the store can take and those that it never will: where others wait for the whole, one of
 * these must not hold up the rest for ever.
 *
 * @param ofSite whose quarantine takes what names no site
 */
export function sortedOut(
	values: readonly unknown[],
	ofSite: string,
	nowMs: number,
): { readings: Reading[]; refused: QuarantineEntry[] } {
	const sorted: ReturnType<typeof sortedOut> = { readings: [], refused: [] };
	for (const [index, value] of values.entries()) {
		try {
			const reading = storable(value, index);
			encodeReadings([reading]);
			sorted.readings.push(reading);
		} catch (error) {
			if (!(error instanceof EnergyError)) throw error;
			const { site, machine } = (value ?? {}) as { site?: unknown; machine?: unknown };
			const { field, value: found, rule } = error.details;
			sorted.refused.push({
				...{ atMs: nowMs, site: String(site || ofSite).slice(0, 200), machine: String(machine ?? "").slice(0, 200) },
				...{ reason: "Bad_Malformed", detail: `${field} is “${String(found).slice(0, 100)}”; it has to be ${rule}.` },
				...{ source: "energy-store", payload: String(JSON.stringify(value)).slice(0, 4096) },
			});
		}
	}
	return sorted;
}

/** Entries as sensor-validate and energy-ingest make them. @throws EnergyError `store.bad-reading` */
export function quarantinable(value: unknown, index: number): QuarantineEntry {
	if (typeof value !== "object" || value === null) return fail(index, "entry", value, "an object");
	const entry: { [K in keyof QuarantineEntry]?: unknown } = value;
	if (typeof entry.reason !== "string" || entry.reason === "")
		fail(index, "reason", entry.reason, "why it was rejected");
	const text = (part: unknown): string =>
		typeof part === "string" ? part : part === undefined ? "" : JSON.stringify(part);
	return {
		atMs: typeof entry.atMs === "number" ? entry.atMs : Date.now(),
		site: text(entry.site),
		machine: text(entry.machine),
		reason: entry.reason as string,
		detail: text(entry.detail),
		source: text(entry.source),
		payload: text(entry.payload).slice(0, 4096),
	};
}

/** CSV by RFC 4180: one line for each item, columns in the order they first appear; cells that start a formula are quoted off. */
export function csvOf(items: readonly object[]): string {
	const columns = [...new Set(items.flatMap((item) => Object.keys(item)))];
	const lines = items.map((item) => {
		const cells: Record<string, unknown> = { ...item };
		return columns.map((column) => cell(cells[column])).join(",");
	});
	return `${[columns.join(","), ...lines].join("\r\n")}\r\n`;
}

function cell(value: unknown): string {
	if (value === undefined || value === null) return "";
	if (typeof value === "number") return String(value);
	const text = typeof value === "object" ? JSON.stringify(value) : String(value);
	const safe = /^[=+@\t\r-]/.test(text) ? `'${text}` : text;
	return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
