import type { MachineState, Quality, QualityReason, Quantities, WireReading } from "./reading.ts";
import { qualityReasons, quantityNames } from "./reading.ts";
import { parseInstant } from "./time.ts";

/** Why a reading was not taken: a catalogue code with what fills its message, and the quality word it is filed under. */
export interface Refusal {
	reason: QualityReason;
	/** Code of the message in `lib/telemetry/messages.json`. */
	code: string;
	/** The field at fault; empty where it is the reading as a whole. */
	field: string;
	/** Its value, shortened for display. */
	value: unknown;
	/** What would have been right. */
	rule: string;
	/** More of what the message names. */
	more?: Readonly<Record<string, unknown>>;
}

export type Parsed = { reading: WireReading; timeMs: number; rejected?: undefined } | { rejected: Refusal };

export interface ParseDefaults {
	/** For readings that do not name their site. */
	site?: string;
	/** For readings that do not name their machine, e.g. from the topic. */
	machine?: string;
}

const states: ReadonlySet<unknown> = new Set<MachineState>(["off", "idle", "starting", "running", "stopping", "fault"]);
const qualities: ReadonlySet<unknown> = new Set<Quality>(["good", "uncertain", "bad"]);
const idPattern = /^[A-Za-z0-9_-]{1,64}$/;
const reasons: ReadonlySet<unknown> = new Set(qualityReasons);
const reasonPattern = /^(Good|Uncertain|Bad)_[A-Za-z]{1,48}$/;
/** Names that other systems use for ours; named in the refusal so that the fix is plain. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
	time: ["timestamp", "ts", "datetime", "date", "timeMs", "Time"],
	machine: ["machineId", "machine_id", "device", "deviceId", "sensor_id", "sensorId", "id"],
	powerKw: ["power", "power_kw", "powerKW", "kw", "kW", "energy_kwh", "energy", "kwh", "kWh", "powerW", "value"],
};

/** A value as a person should see it: never longer than a line. */
export function shown(value: unknown): unknown {
	if (typeof value === "number" || typeof value === "boolean" || value === null || value === undefined) return value;
	if (typeof value === "string") return value.length > 80 ? `${value.slice(0, 80)}…` : value;
	if (Array.isArray(value)) return `array of ${value.length}`;
	return typeof value === "object" ? "object" : typeof value;
}

/** Why an input is no reading; `reason` is what its quarantine says of its quality. */
export function refuse(
	code: string,
	field: string,
	value: unknown,
	rule: string,
	reason: QualityReason = "Bad_Malformed",
	more?: Readonly<Record<string, unknown>>,
): { rejected: Refusal } {
	return { rejected: { reason, code: `telemetry.${code}`, field, value: shown(value), rule, ...(more && { more }) } };
}

function missing(source: Readonly<Record<string, unknown>>, field: string, rule: string): { rejected: Refusal } {
	const found = otherNames[field]?.find((name) => name in source);
	if (found) return refuse("field-named-otherwise", field, source[found], rule, "Bad_Malformed", { found });
	return refuse("field-missing", field, undefined, rule);
}

/** Rules are written in symbols: they stand in messages of every language. */
const idRule = "[A-Za-z0-9_-]{1,64}";
const timeRule = "YYYY-MM-DDThh:mm:ss±hh:mm | Z";

function refuseTime(source: Readonly<Record<string, unknown>>, time: unknown): { rejected: Refusal } {
	if (time === undefined || time === null) return missing(source, "time", timeRule);
	if (typeof time === "number") {
		const ms = Math.abs(time) > 1e11 ? time : time * 1000;
		const hint = Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : timeRule;
		return refuse("time-epoch", "time", time, timeRule, "Bad_Malformed", { hint });
	}
	return refuse("time-invalid", "time", time, timeRule);
}

function refuseNumber(field: string, value: unknown): { rejected: Refusal } {
	const text = typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value));
	return refuse(text ? "number-as-text" : "not-a-number", field, value, "finite number");
}

/** The words of a reading beside its numbers: state, quality, reason. */
function copyWords(source: Readonly<Record<string, unknown>>, reading: WireReading): Refusal | undefined {
	const { state, quality, reason } = source;
	if (state !== undefined && state !== null) {
		if (!states.has(state)) return refuse("word-unknown", "state", state, [...states].join(", ")).rejected;
		reading.state = state as MachineState;
	}
	if (quality !== undefined && quality !== null) {
		if (!qualities.has(quality)) return refuse("word-unknown", "quality", quality, [...qualities].join(", ")).rejected;
		reading.quality = quality as Quality;
	}
	if (reason !== undefined && reason !== null) {
		const [, family] = (typeof reason === "string" && reasonPattern.exec(reason)) || [];
		if (!family) return refuse("word-unknown", "reason", reason, "Good_…, Uncertain_…, Bad_…").rejected;
		reading.quality ??= family.toLowerCase() as Quality;
		// OPC UA has some hundred; of one that we have no word for, its family is what counts.
		if (reasons.has(reason)) reading.reason = reason as QualityReason;
	}
	return undefined;
}

/**
 * The edge of the plant: whatever came in becomes a reading that the rest may trust, or a refusal that names field,
 * value and rule. Fields that are not ours are dropped; a quantity that is null counts as absent; text that looks like
 * a number is refused, since a guess about a decimal comma is a wrong bill. Runs once per reading on the event loop
 * (about a microsecond), hence by hand and not through a schema compiler.
 */
export function parseReading(value: unknown, defaults: ParseDefaults = {}): Parsed {
	if (typeof value !== "object" || value === null || Array.isArray(value))
		return refuse("not-a-reading", "", value, "{machine, time, powerKw | energyKwh}");
	const source = value as Readonly<Record<string, unknown>>;
	const site = source.site ?? defaults.site;
	const machine = source.machine ?? defaults.machine;
	if (typeof site !== "string" || !idPattern.test(site))
		return site === undefined ? missing(source, "site", idRule) : refuse("id-invalid", "site", site, idRule);
	if (typeof machine !== "string" || !idPattern.test(machine))
		return machine === undefined
			? missing(source, "machine", idRule)
			: refuse("id-invalid", "machine", machine, idRule);
	const time = source.time;
	if (typeof time !== "string") return refuseTime(source, time);
	const instant = parseInstant(time);
	if (instant.problem !== undefined) {
		const code = instant.problem === "offset" ? "time-without-offset" : "time-invalid";
		return refuse(code, "time", time, timeRule);
	}
	const reading: WireReading = {
		site,
		machine,
		time: instant.canonical ? time : new Date(instant.timeMs).toISOString(),
	};
	for (const name of quantityNames) {
		const number = source[name];
		if (number === undefined || number === null) continue;
		if (typeof number !== "number" || !Number.isFinite(number)) return refuseNumber(name, number);
		reading[name as keyof Quantities] = number;
	}
	if (reading.powerKw === undefined && reading.energyKwh === undefined)
		return missing(source, "powerKw", "powerKw (kW) | energyKwh (kWh)");
	const words = copyWords(source, reading);
	return words ? { rejected: words } : { reading, timeMs: instant.timeMs };
}
