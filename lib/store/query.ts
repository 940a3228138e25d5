import { EnergyError } from "../errors.ts";
import { orderFrom } from "../listing.ts";
import { startOfDayMs } from "../live/local-day.ts";
import { type Quantities, quantityNames } from "../telemetry/reading.ts";
import type { Site } from "../telemetry/site.ts";
import type { IntervalsQuery, QuarantineQuery, ReadingsQuery, Resolution, SeriesQuery } from "./store.ts";

/** What a caller asked for: `msg.query`, or the query string of a request (then every value is text). */
export type Parameters = Readonly<Record<string, unknown>>;

const DAY_MS = 86_400_000;
const MAX_LIMIT = 10_000;
const MAX_POINTS = 10_000;
const DEFAULT_POINTS = 1_000;
const resolutions: readonly Resolution[] = ["15min", "hour", "day", "month"];
/** ISO 8601 with offset or Z; a local time without one would mean another instant on every machine. */
const isoPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/;

/** @throws EnergyError `store.bad-query` */
export function fail(field: string, value: unknown, rule: string): never {
	throw new EnergyError("store.bad-query", { field, value: value ?? "", rule });
}

/** Whether a parameter says anything. */
export function given(value: unknown): boolean {
	return value !== undefined && value !== null && value !== "";
}

/**
 * An instant of a query. A `+` of an offset that a caller forgot to escape arrives as a space.
 * @throws EnergyError `store.bad-query`
 */
export function timeMs(field: string, value: unknown): number {
	if (typeof value === "number" && Number.isSafeInteger(value)) return value;
	if (value instanceof Date && !Number.isNaN(value.getTime())) return value.getTime();
	if (typeof value !== "string") fail(field, value, "an ISO 8601 time with offset or Z");
	const text = value.trim().replace(/ (\d{2}:?\d{2})$/, "+$1");
	const ms = isoPattern.test(text) ? Date.parse(text) : Number.NaN;
	return Number.isNaN(ms) ? fail(field, value, "an ISO 8601 time with offset or Z") : ms;
}

/** @throws EnergyError `store.bad-query` */
export function wholeNumber(field: string, value: unknown, min: number, max: number): number {
	const number = typeof value === "string" ? Number(value) : value;
	if (typeof number !== "number" || !Number.isInteger(number) || number < min || number > max) {
		fail(field, value, `a whole number from ${min} to ${max}`);
	}
	return number;
}

/** @throws EnergyError `store.bad-query` */
export function oneOf<T extends string>(field: string, value: unknown, allowed: readonly T[], otherwise: T): T {
	if (!given(value)) return otherwise;
	return allowed.find((word) => word === value) ?? fail(field, value, `one of ${allowed.join(", ")}`);
}

function text(field: string, value: unknown): string {
	return typeof value === "string" ? value : fail(field, value, "one text");
}

/** Whoever names another site is told so, instead of being answered with this one's data. */
export function checkSite(site: Site, parameters: Parameters): void {
	if (given(parameters.site) && parameters.site !== site.id) fail("site", parameters.site, site.id);
}

function machineIn(site: Site, value: unknown): string {
	const id = text("machine", value);
	if (site.unknownMachines === "reject" && !site.machines.some((machine) => machine.id === id)) {
		fail("machine", id, `one of ${site.machines.map((machine) => machine.id).join(", ")}`);
	}
	return id;
}

/** From inclusive, to exclusive; by default the 24 hours that end now. */
function rangeOf(parameters: Parameters, nowMs: number): { fromMs: number; toMs: number } {
	const toMs = given(parameters.to) ? timeMs("to", parameters.to) : nowMs;
	const fromMs = given(parameters.from) ? timeMs("from", parameters.from) : toMs - DAY_MS;
	if (fromMs >= toMs) fail("from", new Date(fromMs).toISOString(), `before to, ${new Date(toMs).toISOString()}`);
	return { fromMs, toMs };
}

function pageOf(parameters: Parameters): { limit?: number; cursor?: string } {
	return {
		...(given(parameters.limit) ? { limit: wholeNumber("limit", parameters.limit, 1, MAX_LIMIT) } : {}),
		...(given(parameters.cursor) ? { cursor: text("cursor", parameters.cursor) } : {}),
	};
}

function machineOf(site: Site, parameters: Parameters): { machine?: string } {
	return given(parameters.machine) ? { machine: machineIn(site, parameters.machine) } : {};
}

/** @throws EnergyError `store.bad-query` with field, value and rule, as all functions here */
export function readingsQuery(site: Site, parameters: Parameters, nowMs: number): ReadingsQuery {
	return {
		site: site.id,
		...machineOf(site, parameters),
		...rangeOf(parameters, nowMs),
		...pageOf(parameters),
		order: orderFrom(parameters, oneOf("order", parameters.order, ["asc", "desc"] as const, "asc")),
	};
}

export function intervalsQuery(site: Site, parameters: Parameters, nowMs: number): IntervalsQuery {
	return {
		site: site.id,
		...machineOf(site, parameters),
		...rangeOf(parameters, nowMs),
		...pageOf(parameters),
		order: orderFrom(parameters, oneOf("order", parameters.order, ["asc", "desc"] as const, "asc")),
		resolution: oneOf("resolution", parameters.resolution, resolutions, "15min"),
	};
}

/**
 * One series for each machine that is named (a list, or text with commas; `*` names every machine but the main meters);
 * without names the site's total: its main meters where it has any, else the sum of its machines. A site that lists no
 * machine yet has no series.
 */
export function seriesQuery(site: Site, parameters: Parameters, nowMs: number): SeriesQuery {
	const subs = site.machines.filter((machine) => machine.role === "sub").map((machine) => machine.id);
	const named = namesOf(parameters.machine).flatMap((name) => (name === "*" ? subs : machineIn(site, name)));
	const mains = site.machines.filter((machine) => machine.role === "main");
	const whole = (mains.length > 0 ? mains : site.machines).map((machine) => machine.id);
	return {
		site: site.id,
		machines: named.length > 0 ? named : whole,
		...(named.length === 0 ? { sum: true } : {}),
		...rangeOf(parameters, nowMs),
		measure: oneOf<keyof Quantities>("measure", parameters.measure, quantityNames, "powerKw"),
		maxPoints: given(parameters.maxPoints)
			? wholeNumber("maxPoints", parameters.maxPoints, 2, MAX_POINTS)
			: DEFAULT_POINTS,
	};
}

function namesOf(value: unknown): string[] {
	if (!given(value)) return [];
	const names = Array.isArray(value) ? value : text("machine", value).split(",");
	return names.map((name: unknown) => text("machine", name).trim()).filter((name) => name !== "");
}

/** Since `from`, by default since the site's last midnight. */
export function sinceMs(site: Site, parameters: Parameters, nowMs: number): number {
	return given(parameters.from) ? timeMs("from", parameters.from) : startOfDayMs(nowMs, site.timeZone);
}

/** What of the quarantine is asked for; no span means all of it. @throws EnergyError `store.bad-query` */
export function quarantineQuery(site: Site, parameters: Parameters): QuarantineQuery {
	return {
		site: site.id,
		...(given(parameters.machine) ? { machine: text("machine", parameters.machine) } : {}),
		...(given(parameters.reason) ? { reason: text("reason", parameters.reason) } : {}),
		...(given(parameters.from) ? { fromMs: timeMs("from", parameters.from) } : {}),
		...(given(parameters.to) ? { toMs: timeMs("to", parameters.to) } : {}),
		...pageOf(parameters),
	};
}

export type Format = "json" | "csv";

export function formatOf(parameters: Parameters): Format {
	return oneOf("format", parameters.format, ["json", "csv"], "json");
}
