import { EnergyError } from "../errors.ts";
import { type Quantities, quantityNames } from "./reading.ts";

/** Order of the four bytes of a 32-bit value in its registers; 64-bit values follow the same pattern. */
export const wordOrders = ["ABCD", "CDAB", "BADC", "DCBA"] as const;
export type WordOrder = (typeof wordOrders)[number];

/** How a value lies in registers, and how many it takes. */
export const registerTypes = {
	int16: 1,
	uint16: 1,
	int32: 2,
	uint32: 2,
	float32: 2,
	int64: 4,
	uint64: 4,
	float64: 4,
} as const;
export type RegisterType = keyof typeof registerTypes;

/** What the registers hold per unit of ours. */
export const unitDivisors = {
	"1": 1,
	"%": 100,
	V: 1,
	kV: 0.001,
	A: 1,
	Hz: 1,
	"°C": 1,
	W: 1000,
	kW: 1,
	MW: 0.001,
	var: 1000,
	kvar: 1,
	Wh: 1000,
	kWh: 1,
	MWh: 0.001,
} as const;
export type RegisterUnit = keyof typeof unitDivisors;

export interface RegisterField {
	functionCode: 3 | 4;
	/** As the profile counts, see `addressBase`. */
	address: number;
	type: RegisterType;
	unit: RegisterUnit;
	/** What the register holds is this many times the value in `unit`. */
	divisor?: number;
	/** Raw values that stand for "no value", beside the usual fillers. */
	absent?: readonly number[];
	/** For people: shown in the editor. */
	note?: string;
	/** Taken from a document, but not seen on a meter. */
	unverified?: boolean;
}

/** One read request: at most 125 registers go in one. */
export interface RegisterBlock {
	functionCode: 3 | 4;
	start: number;
	count: number;
}

export interface MeterProfile {
	id: string;
	name: string;
	source: string;
	wordOrder: WordOrder;
	/** 1 where the addresses are written as many manuals do, one above those on the wire. */
	addressBase: 0 | 1;
	/** What to read; every field lies inside of one. */
	blocks: readonly RegisterBlock[];
	fields: Readonly<Partial<Record<keyof Quantities, RegisterField>>>;
	note?: string;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
	typeof value === "object" && value !== null && !Array.isArray(value);

function fail(field: string, value: unknown, rule: string): never {
	throw new EnergyError("telemetry.bad-profile", { field, value: value === undefined ? "–" : value, rule });
}

function whole(value: unknown, field: string, min: number, max: number): number {
	if (!Number.isInteger(value) || (value as number) < min || (value as number) > max)
		fail(field, value, `${min}…${max}`);
	return value as number;
}

function oneOf<T extends string | number>(value: unknown, field: string, allowed: readonly T[]): T {
	if (!allowed.includes(value as T)) fail(field, value, allowed.join(", "));
	return value as T;
}

function fieldOf(value: unknown, name: string): RegisterField {
	if (!isObject(value)) return fail(name, value, "{functionCode, address, type, unit}");
	const { divisor, absent, note, unverified } = value;
	if (divisor !== undefined && !(typeof divisor === "number" && Number.isFinite(divisor) && divisor !== 0))
		fail(`${name}.divisor`, divisor, "≠ 0");
	if (absent !== undefined && !(Array.isArray(absent) && absent.every((raw) => typeof raw === "number")))
		fail(`${name}.absent`, absent, "[number, …]");
	return {
		functionCode: oneOf(value.functionCode, `${name}.functionCode`, [3, 4]),
		address: whole(value.address, `${name}.address`, 0, 65_536),
		type: oneOf(value.type, `${name}.type`, Object.keys(registerTypes) as RegisterType[]),
		unit: oneOf(value.unit, `${name}.unit`, Object.keys(unitDivisors) as RegisterUnit[]),
		...(typeof divisor === "number" && { divisor }),
		...(Array.isArray(absent) && { absent: absent as number[] }),
		...(typeof note === "string" && { note }),
		...(unverified === true && { unverified }),
	};
}

function blockOf(value: unknown, index: number): RegisterBlock {
	const name = `blocks[${index}]`;
	if (!isObject(value)) return fail(name, value, "{functionCode, start, count}");
	return {
		functionCode: oneOf(value.functionCode, `${name}.functionCode`, [3, 4]),
		start: whole(value.start, `${name}.start`, 0, 65_536),
		count: whole(value.count, `${name}.count`, 1, 125),
	};
}

/** Whether a run of registers holds all of a field. */
export function holds(block: RegisterBlock, field: RegisterField): boolean {
	const end = field.address + registerTypes[field.type];
	return block.functionCode === field.functionCode && field.address >= block.start && end <= block.start + block.count;
}

/**
 * Checks a profile that somebody wrote, and fills what may be left out (word order ABCD, addresses from 0).
 *
 * @throws EnergyError `telemetry.bad-profile` with field, value and rule
 */
export function parseProfile(value: unknown): MeterProfile {
	if (!isObject(value)) return fail("profile", value, "{id, name, blocks, fields}");
	if (!isObject(value.fields)) return fail("fields", value.fields, quantityNames.join(", "));
	if (!Array.isArray(value.blocks) || value.blocks.length === 0) return fail("blocks", value.blocks, "≥ 1");
	const blocks = value.blocks.map(blockOf);
	const fields: Partial<Record<keyof Quantities, RegisterField>> = {};
	for (const [name, entry] of Object.entries(value.fields)) {
		const field = fieldOf(entry, `fields.${name}`);
		fields[oneOf(name, "fields", quantityNames)] = field;
		if (!blocks.some((block) => holds(block, field))) fail(`fields.${name}.address`, field.address, "blocks");
	}
	if (!fields.powerKw && !fields.energyKwh) fail("fields", Object.keys(fields), "powerKw | energyKwh");
	const text = (entry: unknown, fallback: string): string => (typeof entry === "string" && entry ? entry : fallback);
	return {
		id: text(value.id, "custom"),
		name: text(value.name, text(value.id, "custom")),
		source: text(value.source, "–"),
		wordOrder: value.wordOrder === undefined ? "ABCD" : oneOf(value.wordOrder, "wordOrder", wordOrders),
		addressBase: value.addressBase === undefined ? 0 : oneOf(value.addressBase, "addressBase", [0, 1]),
		blocks,
		fields,
		...(typeof value.note === "string" && { note: value.note }),
	};
}

/** A profile as text, as the node's dialog holds it. @throws EnergyError `telemetry.bad-profile` */
export function parseProfileText(text: string): MeterProfile {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (error) {
		return fail("profile", text.slice(0, 80), error instanceof Error ? error.message : "JSON");
	}
	return parseProfile(value);
}

/** The same profile with addresses as they go over the wire. */
export function onWire(profile: MeterProfile): MeterProfile {
	if (profile.addressBase === 0) return profile;
	const fields: Partial<Record<keyof Quantities, RegisterField>> = {};
	for (const name of quantityNames) {
		const field = profile.fields[name];
		if (field) fields[name] = { ...field, address: field.address - 1 };
	}
	return {
		...profile,
		addressBase: 0,
		blocks: profile.blocks.map((block) => ({ ...block, start: block.start - 1 })),
		fields,
	};
}
