import { EnergyError } from "../errors.ts";
import { type Interval, QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import {
	machineStates,
	type Quality,
	type Quantities,
	qualityReasons,
	quantityNames,
	type Reading,
} from "../telemetry/reading.ts";

// Codes are kept in database files: add at the end, never change one.
export const qualities = ["good", "uncertain", "bad"] as const satisfies readonly Quality[];
export const reasons = qualityReasons;

const qualityCode = new Map<string, number>(qualities.map((name, code) => [name, code]));
const stateCode = new Map<string, number>(machineStates.map((name, code) => [name, code]));
const reasonCode = new Map<string, number>(reasons.map((name, code) => [name, code]));

/** Stands for "not there" in the code columns. */
export const NO_CODE = 255;

/** Which machine a row belongs to: an index into two parallel tables of names. */
export interface Keyed {
	length: number;
	sites: string[];
	machines: string[];
	machine: Uint32Array;
	timeMs: Float64Array;
}

/** Readings as columns: what travels between threads without being cloned. Absent quantities are NaN or no column. */
export interface ReadingColumns extends Keyed {
	/** In the order of quantityNames. */
	quantities: (Float64Array | null)[];
	quality: Uint8Array;
	state: Uint8Array | null;
	reason: Uint8Array | null;
}

/** Columns of IntervalColumns.values, in this order. */
export const intervalFields = [
	"durationMs",
	"energyKwh",
	"estimatedKwh",
	"meanKw",
	"maxKw",
	"minKw",
	"coverage",
	"samples",
] as const satisfies readonly (keyof Interval)[];

export interface IntervalColumns extends Keyed {
	/** One column after the other, each `length` long. */
	values: Float64Array;
	quality: Uint8Array;
}

/** Gives each pair of names a number within one batch. */
class NameTable {
	readonly sites: string[] = [];
	readonly machines: string[] = [];
	#index = new Map<string, Map<string, number>>();
	#lastSite = "";
	#lastMachine = "";
	#last = -1;

	indexOf(site: string, machine: string, row: number): number {
		if (machine === this.#lastMachine && site === this.#lastSite && this.#last >= 0) return this.#last;
		let ofSite = this.#index.get(site);
		if (!ofSite) {
			checkName("site", site, row);
			ofSite = new Map();
			this.#index.set(site, ofSite);
		}
		let index = ofSite.get(machine);
		if (index === undefined) {
			checkName("machine", machine, row);
			index = this.sites.push(site) - 1;
			this.machines.push(machine);
			ofSite.set(machine, index);
		}
		this.#lastSite = site;
		this.#lastMachine = machine;
		this.#last = index;
		return index;
	}
}

function checkName(field: string, value: unknown, index: number): void {
	if (typeof value !== "string" || value === "" || value.length > 200) {
		throw new EnergyError("store.bad-reading", { index, field, value, rule: "a name of 1…200 characters" });
	}
}

/** End of the year 9999: what ISO 8601 writes with four digits, and SQLite's tables name. */
const MAX_TIME_MS = 253_402_300_800_000;

function checkTime(field: string, value: unknown, index: number): number {
	if (typeof value !== "number" || !(value >= 0 && value < MAX_TIME_MS - 1)) {
		throw new EnergyError("store.bad-reading", { index, field, value, rule: "epoch milliseconds, 1970…9999" });
	}
	return Math.round(value);
}

/**
 * Packs readings for the trip to the engine.
 *
 * @throws EnergyError `store.bad-reading` naming index, field, value and rule
 */
export function encodeReadings(readings: readonly Reading[]): ReadingColumns {
	const length = readings.length;
	const names = new NameTable();
	const machine = new Uint32Array(length);
	const timeMs = new Float64Array(length);
	const quantities: (Float64Array | null)[] = quantityNames.map(() => null);
	const quality = new Uint8Array(length);
	let state: Uint8Array | null = null;
	let reason: Uint8Array | null = null;
	for (let i = 0; i < length; i++) {
		const reading = readings[i] as Reading;
		machine[i] = names.indexOf(reading.site, reading.machine, i);
		timeMs[i] = checkTime("timeMs", reading.timeMs, i);
		for (let q = 0; q < quantityNames.length; q++) {
			const name = quantityNames[q] as keyof Quantities;
			const value = reading[name];
			if (value === undefined || value === null) continue;
			if (!Number.isFinite(value)) {
				throw new EnergyError("store.bad-reading", { index: i, field: name, value, rule: "a finite number" });
			}
			let column = quantities[q];
			if (!column) {
				column = new Float64Array(length).fill(Number.NaN);
				quantities[q] = column;
			}
			column[i] = value;
		}
		if (reading.quality) quality[i] = codeOf(qualityCode, "quality", reading.quality, i);
		if (reading.state) {
			state ??= new Uint8Array(length).fill(NO_CODE);
			state[i] = codeOf(stateCode, "state", reading.state, i);
		}
		if (reading.reason) {
			reason ??= new Uint8Array(length).fill(NO_CODE);
			reason[i] = codeOf(reasonCode, "reason", reading.reason, i);
		}
	}
	return { length, sites: names.sites, machines: names.machines, machine, timeMs, quantities, quality, state, reason };
}

function codeOf(codes: ReadonlyMap<string, number>, field: string, value: string, index: number): number {
	const code = codes.get(value);
	if (code === undefined) {
		throw new EnergyError("store.bad-reading", { index, field, value, rule: [...codes.keys()].join(", ") });
	}
	return code;
}

/** Columns of a thread or a file as readings again. */
export function decodeReadings(columns: ReadingColumns): Reading[] {
	const { length, sites, machines, machine, timeMs, quantities, quality, state, reason } = columns;
	const readings = new Array<Reading>(length);
	for (let i = 0; i < length; i++) {
		const key = machine[i] as number;
		const reading: Reading = {
			site: sites[key] as string,
			machine: machines[key] as string,
			timeMs: timeMs[i] as number,
		};
		for (let q = 0; q < quantities.length; q++) {
			const value = quantities[q]?.[i];
			if (value !== undefined && !Number.isNaN(value)) reading[quantityNames[q] as keyof Quantities] = value;
		}
		const stateName = machineStates[state?.[i] ?? NO_CODE];
		if (stateName) reading.state = stateName;
		reading.quality = qualities[quality[i] as number] ?? "good";
		const reasonName = reasons[reason?.[i] ?? NO_CODE];
		if (reasonName) reading.reason = reasonName;
		readings[i] = reading;
	}
	return readings;
}

/** @throws EnergyError `store.bad-interval` naming index, field, value and rule */
export function encodeIntervals(intervals: readonly Interval[]): IntervalColumns {
	const length = intervals.length;
	const names = new NameTable();
	const machine = new Uint32Array(length);
	const timeMs = new Float64Array(length);
	const values = new Float64Array(length * intervalFields.length);
	const quality = new Uint8Array(length);
	for (let i = 0; i < length; i++) {
		const interval = intervals[i] as Interval;
		machine[i] = names.indexOf(interval.site, interval.machine, i);
		timeMs[i] = checkTime("startMs", interval.startMs, i);
		for (let f = 0; f < intervalFields.length; f++) {
			const field = intervalFields[f] as (typeof intervalFields)[number];
			const value = interval[field];
			if (!Number.isFinite(value)) {
				throw new EnergyError("store.bad-interval", { index: i, field, value, rule: "a finite number" });
			}
			values[f * length + i] = value;
		}
		if (interval.durationMs !== QUARTER_HOUR_MS || (timeMs[i] as number) % QUARTER_HOUR_MS !== 0) {
			const value = { startMs: interval.startMs, durationMs: interval.durationMs };
			throw new EnergyError("store.bad-interval", {
				index: i,
				field: "startMs",
				value,
				rule: "a whole quarter-hour",
			});
		}
		quality[i] = codeOf(qualityCode, "quality", interval.quality, i);
	}
	return { length, sites: names.sites, machines: names.machines, machine, timeMs, values, quality };
}

/** Columns of a thread or a file as intervals again. */
export function decodeIntervals(columns: IntervalColumns): Interval[] {
	const { length, sites, machines, machine, timeMs, values, quality } = columns;
	const at = (field: (typeof intervalFields)[number], i: number): number =>
		values[intervalFields.indexOf(field) * length + i] as number;
	return Array.from({ length }, (_, i) => ({
		site: sites[machine[i] as number] as string,
		machine: machines[machine[i] as number] as string,
		startMs: timeMs[i] as number,
		durationMs: at("durationMs", i),
		energyKwh: at("energyKwh", i),
		estimatedKwh: at("estimatedKwh", i),
		meanKw: at("meanKw", i),
		maxKw: at("maxKw", i),
		minKw: at("minKw", i),
		coverage: at("coverage", i),
		quality: qualities[quality[i] as number] ?? "good",
		samples: at("samples", i),
	}));
}

/** The buffers of a message that may change hands instead of being copied. */
export function buffersOf(value: object): ArrayBuffer[] {
	const buffers: ArrayBuffer[] = [];
	for (const part of Object.values(value).flat()) {
		if (ArrayBuffer.isView(part) && part.buffer instanceof ArrayBuffer) buffers.push(part.buffer);
	}
	return buffers;
}
