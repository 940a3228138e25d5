import { readData } from "../data.ts";
import { EnergyError } from "../errors.ts";
import {
	holds,
	type MeterProfile,
	onWire,
	parseProfile,
	type RegisterBlock,
	type RegisterField,
	type RegisterType,
	registerTypes,
	unitDivisors,
	type WordOrder,
} from "./meter-profile.ts";
import { type Quantities, quantityNames, type WireReading } from "./reading.ts";

let shipped: readonly MeterProfile[] | undefined;

/** The meters we know, from `lib/telemetry/meters.json`. */
export function meterProfiles(): readonly MeterProfile[] {
	shipped ??= readData<{ profiles: unknown[] }>("lib/telemetry/meters.json").profiles.map(parseProfile);
	return shipped;
}

/** @throws EnergyError `telemetry.unknown-profile` */
export function meterProfile(id: string): MeterProfile {
	const found = meterProfiles().find((profile) => profile.id === id);
	if (found) return found;
	const rule = meterProfiles()
		.map((profile) => profile.id)
		.join(", ");
	throw new EnergyError("telemetry.unknown-profile", { field: "profile", value: id, rule });
}

const view = new DataView(new ArrayBuffer(8));

/** Lays the registers out as one big-endian value at the start of `view`. */
function layOut(words: ArrayLike<number>, at: number, count: number, order: WordOrder): void {
	const swapWords = order === "CDAB" || order === "DCBA";
	const swapBytes = order === "BADC" || order === "DCBA";
	for (let i = 0; i < count; i++) {
		const word = words[at + (swapWords ? count - 1 - i : i)] as number;
		view.setUint16(2 * i, word, swapBytes);
	}
}

/** The shortest decimal that is the same 32-bit float: 42.1, not 42.099998474121094. */
function shortest32(value: number): number {
	for (let digits = 6; digits < 9; digits++) {
		const short = Number(value.toPrecision(digits));
		if (Math.fround(short) === value) return short;
	}
	return value;
}

/** What meters send where they have no value: the ends of an integer's range, and 0x8000 in every register. */
function isFiller(type: RegisterType, count: number): boolean {
	let same = true;
	for (let i = 1; i < count; i++) same &&= view.getUint16(2 * i) === view.getUint16(0);
	const first = view.getUint16(0);
	if (type.startsWith("u")) return same && first === 0xffff;
	if (same && first === 0x8000) return true;
	if (type.startsWith("float")) return false;
	let rest = 0;
	for (let i = 1; i < count; i++) rest += view.getUint16(2 * i);
	return (first === 0x7fff && rest === 0xffff * (count - 1)) || (first === 0x8000 && rest === 0);
}

function readView(type: RegisterType): number {
	switch (type) {
		case "int16":
			return view.getInt16(0);
		case "uint16":
			return view.getUint16(0);
		case "int32":
			return view.getInt32(0);
		case "uint32":
			return view.getUint32(0);
		case "float32":
			return shortest32(view.getFloat32(0));
		case "int64":
			return Number(view.getBigInt64(0));
		case "uint64":
			return Number(view.getBigUint64(0));
		case "float64":
			return view.getFloat64(0);
	}
}

/**
 * One value out of registers.
 *
 * @param words 16-bit registers
 * @param at index of the value's first register among them
 * @returns undefined where the registers hold a filler or no finite number
 */
export function decodeRegisters(
	words: ArrayLike<number>,
	at: number,
	type: RegisterType,
	order: WordOrder,
	absent: readonly number[] = [],
): number | undefined {
	const count = registerTypes[type];
	layOut(words, at, count, order);
	if (isFiller(type, count)) return undefined;
	const raw = readView(type);
	return Number.isFinite(raw) && !absent.includes(raw) ? raw + 0 : undefined;
}

/** In our unit; the noise that binary division leaves behind the last digit of a double is cut off. */
function inUnit(raw: number, { unit, divisor = 1 }: RegisterField): number {
	const by = unitDivisors[unit] * divisor;
	return by === 1 ? raw : Number((raw / by).toPrecision(15));
}

/** Registers as they came from the meter. */
export interface RegisterRun {
	/** Undefined where the message did not say; then the address decides alone. */
	functionCode?: number;
	/** 0-based, as on the wire. */
	start: number;
	words: ArrayLike<number>;
}

/** All quantities of the profile that lie in this run of registers; a field cut by its end is left out. */
export function decodeRun(profile: MeterProfile, run: RegisterRun): Quantities {
	const wire = onWire(profile);
	const values: Quantities = {};
	for (const name of quantityNames) {
		const field = wire.fields[name];
		if (!field || !covers(run, field)) continue;
		const raw = decodeRegisters(run.words, field.address - run.start, field.type, wire.wordOrder, field.absent);
		if (raw !== undefined) values[name] = inUnit(raw, field);
	}
	return values;
}

function covers({ functionCode, start, words }: RegisterRun, field: RegisterField): boolean {
	const code = (functionCode ?? field.functionCode) as RegisterBlock["functionCode"];
	return holds({ functionCode: code, start, count: words.length }, field);
}

/**
 * Puts the blocks of one poll together into one reading. A value is used once: a block that did not come leaves its
 * quantities absent, so that an old value never gets a new time.
 */
export class MeterPoll {
	readonly profile: MeterProfile;
	readonly #names: readonly (keyof Quantities)[];
	#values: Quantities = {};
	#covered = new Set<keyof Quantities>();
	#timeMs = Number.NaN;

	constructor(profile: MeterProfile) {
		this.profile = onWire(profile);
		this.#names = quantityNames.filter((name) => profile.fields[name] !== undefined);
	}

	/** Whether blocks wait for the rest of their poll. */
	get pending(): boolean {
		return this.#covered.size > 0;
	}

	/**
	 * Takes one block in.
	 *
	 * @returns the readings that are finished: of the poll before, where this block belongs to the next one already,
	 * and of this poll, once all its fields are there
	 * @throws EnergyError `telemetry.no-field-in-block` where the profile has nothing in these registers
	 */
	add(run: RegisterRun, nowMs: number): (Quantities & { timeMs: number })[] {
		const covered = this.#names.filter((name) => covers(run, this.profile.fields[name] as RegisterField));
		if (covered.length === 0) {
			const rule = this.profile.blocks.map((b) => `FC${b.functionCode} ${b.start}+${b.count}`).join(", ");
			const value = `FC${run.functionCode ?? "?"} ${run.start}+${run.words.length}`;
			throw new EnergyError("telemetry.no-field-in-block", { field: "address", value, rule });
		}
		const finished = covered.some((name) => this.#covered.has(name)) ? this.flush() : [];
		Object.assign(this.#values, decodeRun(this.profile, run));
		for (const name of covered) this.#covered.add(name);
		this.#timeMs = nowMs;
		return this.#covered.size === this.#names.length ? [...finished, ...this.flush()] : finished;
	}

	/** Ends the poll with what has come; nothing where that holds neither power nor energy. */
	flush(): (Quantities & { timeMs: number })[] {
		const { powerKw, energyKwh } = this.#values;
		const found = powerKw !== undefined || energyKwh !== undefined;
		const readings = found ? [{ ...this.#values, timeMs: this.#timeMs }] : [];
		this.drop();
		return readings;
	}

	/** Forgets the poll: its meter answered with an error. */
	drop(): void {
		this.#values = {};
		this.#covered.clear();
	}
}

/** A decoded poll as it travels on. */
export function meterReading(
	site: string,
	machine: string,
	{ timeMs, ...quantities }: Quantities & { timeMs: number },
): WireReading {
	return { site, machine, time: new Date(timeMs).toISOString(), ...quantities };
}

const isWord = (value: unknown): boolean =>
	typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff;

/**
 * The registers in a message of node-red-contrib-modbus (read, getter and flex-getter): words in `payload`, or bytes in
 * `payload` or `responseBuffer.buffer`; which ones they are stands in `input.payload`.
 *
 * @param fallback where the message does not say its start address
 * @throws EnergyError `telemetry.no-registers`
 */
export function registersOf(
	msg: { payload?: unknown; responseBuffer?: unknown; input?: unknown },
	fallback: RegisterBlock | undefined,
): RegisterRun {
	const buffer = Buffer.isBuffer(msg.payload)
		? msg.payload
		: (msg.responseBuffer as { buffer?: unknown } | undefined)?.buffer;
	let words: number[] | undefined;
	if (Array.isArray(msg.payload) && msg.payload.length > 0 && msg.payload.every(isWord))
		words = msg.payload as number[];
	else if (Buffer.isBuffer(buffer) && buffer.length >= 2) words = wordsOf(buffer);
	if (!words) {
		const value = Array.isArray(msg.payload) ? `array of ${msg.payload.length}` : typeof msg.payload;
		throw new EnergyError("telemetry.no-registers", { field: "payload", value, rule: "[0…65535, …]" });
	}
	const asked = (msg.input as { payload?: { fc?: unknown; address?: unknown } } | undefined)?.payload;
	const start = Number(asked?.address ?? fallback?.start ?? Number.NaN);
	if (!Number.isInteger(start))
		throw new EnergyError("telemetry.no-address", { field: "input.payload.address", value: "–", rule: "0…65535" });
	const code = Number(asked?.fc ?? fallback?.functionCode ?? Number.NaN);
	return { start, words, ...(code === 3 || code === 4 ? { functionCode: code } : {}) };
}

function wordsOf(buffer: Buffer): number[] {
	return Array.from({ length: buffer.length >> 1 }, (_, i) => buffer.readUInt16BE(2 * i));
}
