import assert from "node:assert/strict";
import fc from "fast-check";
import { EnergyError } from "../../../lib/errors.ts";
import { explain, languages } from "../../../lib/messages.ts";
import { encodeReadings } from "../../../lib/store/columns.ts";
import { parseReading } from "../../../lib/telemetry/parse.ts";
import type { WireReading } from "../../../lib/telemetry/reading.ts";
import { parseInstant } from "../../../lib/telemetry/time.ts";

const plain = { site: "demo", machine: "furnace-1", time: "2026-11-22T10:00:00+09:00", powerKw: 42.1 };
const refusal = (value: unknown) => {
	const { rejected } = parseReading(value);
	assert.ok(rejected, "was taken");
	return rejected;
};

describe("reading at the edge", () => {
	it("takes a plain reading as it is, with its instant", () => {
		const parsed = parseReading(plain);
		assert.deepEqual(parsed, { reading: plain, timeMs: Date.UTC(2026, 10, 22, 1) });
	});

	it("fills site and machine from where the message came", () => {
		const parsed = parseReading({ time: plain.time, energyKwh: 1 }, { site: "demo", machine: "m1" });
		assert.deepEqual("reading" in parsed && parsed.reading, {
			site: "demo",
			machine: "m1",
			time: plain.time,
			energyKwh: 1,
		});
	});

	it("drops fields that are not ours, and takes null as absent", () => {
		const parsed = parseReading({ ...plain, voltageV: null, firmware: "1.2", __proto__: { powerKw: 1 } });
		assert.deepEqual("reading" in parsed && parsed.reading, plain);
	});

	const refused: [string, unknown, string, string][] = [
		["a number that is text", { ...plain, powerKw: "42,1" }, "telemetry.not-a-number", "powerKw"],
		["a number in quotes", { ...plain, powerKw: "42.1" }, "telemetry.number-as-text", "powerKw"],
		["a value that is not finite", { ...plain, powerKw: Number.NaN }, "telemetry.not-a-number", "powerKw"],
		["a time without offset", { ...plain, time: "2026-11-22T10:00:00" }, "telemetry.time-without-offset", "time"],
		["a date alone", { ...plain, time: "2026-11-22" }, "telemetry.time-without-offset", "time"],
		["a time in epoch milliseconds", { ...plain, time: 1795309200000 }, "telemetry.time-epoch", "time"],
		["a day that does not exist", { ...plain, time: "2026-02-30T10:00:00Z" }, "telemetry.time-invalid", "time"],
		["a time missing", { ...plain, time: undefined }, "telemetry.field-missing", "time"],
		[
			"a time under another name",
			{ ...plain, time: undefined, timestamp: 5 },
			"telemetry.field-named-otherwise",
			"time",
		],
		["a reading without power and energy", { ...plain, powerKw: null }, "telemetry.field-missing", "powerKw"],
		["a machine with a slash", { ...plain, machine: "a/b" }, "telemetry.id-invalid", "machine"],
		["a state that is none", { ...plain, state: "on" }, "telemetry.word-unknown", "state"],
		["an array inside the array", [plain], "telemetry.not-a-reading", ""],
		["nothing", null, "telemetry.not-a-reading", ""],
	];
	for (const [reason, quality] of [
		["Good_LocalOverride", "good"],
		["Uncertain_SubNormal", "uncertain"],
		["Bad_CommunicationError", "bad"],
	] as const) {
		it(`takes ${reason} of OPC UA, for which we have no word, as ${quality}: what passes can be stored`, () => {
			const { reading, timeMs } = parseReading({ ...plain, reason }) as { reading: WireReading; timeMs: number };
			assert.deepEqual([reading.quality, reading.reason], [quality, undefined]);
			assert.doesNotThrow(() => encodeReadings([{ ...reading, timeMs }]));
		});
	}

	for (const [what, value, code, field] of refused) {
		it(`refuses ${what} and names field, value and rule`, () => {
			const found = refusal(value);
			assert.deepEqual([found.code, found.field], [code, field]);
			assert.notEqual(found.rule, "");
			for (const language of languages) {
				const { field, value, rule, more } = found;
				const text = explain(new EnergyError(code, { field, value: value ?? "–", rule, ...more }), language);
				assert.doesNotMatch(text, /\{\w+\}/, `${language} leaves a place open`);
			}
		});
	}

	it("says how an epoch number would be written", () => {
		assert.equal(refusal({ ...plain, time: 1795309200 }).more?.hint, "2026-11-22T01:00:00.000Z");
	});

	it("never throws and never lets a non-number through, whatever comes", () => {
		const anything = fc.record(
			{
				site: fc.anything(),
				machine: fc.anything(),
				time: fc.anything(),
				powerKw: fc.anything(),
				energyKwh: fc.anything(),
			},
			{ requiredKeys: [] },
		);
		fc.assert(
			fc.property(fc.oneof(fc.anything(), anything), (value) => {
				const parsed = parseReading(value, { site: "s", machine: "m" });
				if (parsed.rejected) return;
				assert.ok(Number.isFinite(parsed.timeMs));
				assert.ok(Number.isFinite(parsed.reading.powerKw ?? parsed.reading.energyKwh));
			}),
		);
	});
});

describe("instants", () => {
	const instant = fc.date({ min: new Date("1971-01-01"), max: new Date("2200-01-01"), noInvalidDate: true });
	it("agree with the language for every ISO text it writes", () => {
		fc.assert(
			fc.property(instant, (date) =>
				assert.deepEqual(parseInstant(date.toISOString()), { timeMs: date.getTime(), canonical: true }),
			),
		);
	});

	it("agree with the language for every offset", () => {
		fc.assert(
			fc.property(instant, fc.integer({ min: -14 * 60, max: 14 * 60 }), (date, offset) => {
				const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
				const two = (n: number) => String(Math.trunc(Math.abs(n))).padStart(2, "0");
				const text = `${local}${offset < 0 ? "-" : "+"}${two(offset / 60)}:${two(offset % 60)}`;
				assert.deepEqual(parseInstant(text), { timeMs: date.getTime(), canonical: true });
				assert.equal(Date.parse(text), date.getTime());
			}),
		);
	});

	it("of rarer forms are read and marked to be rewritten", () => {
		for (const text of ["2026-11-22 10:00:00+09:00", "2026-11-22T10:00+0900", "2026-11-22t10:00:00,0+09"])
			assert.deepEqual(parseInstant(text), { timeMs: Date.UTC(2026, 10, 22, 1), canonical: false });
	});

	it("that are none are told apart from those without offset", () => {
		assert.equal(parseInstant("2026-11-22T10:00:00").problem, "offset");
		assert.equal(parseInstant("2026-11-22T25:00:00Z").problem, "calendar");
		for (const text of ["", "yesterday", "22.11.2026 10:00", "2026-11-22T10:00:00+9", "2026-11-22T10:00:00+090000"])
			assert.equal(parseInstant(text).problem, "format", text);
	});
});
