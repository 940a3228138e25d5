import assert from "node:assert/strict";
import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { detectFormats, plainMs, readTime, toInstant } from "../../../../lib/telemetry/csv/dates.ts";
import { detectDecimal, readNumber } from "../../../../lib/telemetry/csv/numbers.ts";

const local = (text: string): { localMs: number } => ({ localMs: Date.parse(`${text}Z`) });
const read = (text: string, format: string): string | undefined => {
	const time = readTime(text, format);
	return time && new Date(plainMs(time)).toISOString().slice(0, 19);
};

describe("times of a file", () => {
	for (const [text, format, expected] of [
		["31-12-2018 23:45", "DD-MM-YYYY HH:mm", "2018-12-31T23:45:00"],
		["2018/1/5 7:05:30", "YYYY/MM/DD HH:mm:ss", "2018-01-05T07:05:30"],
		["12/31/2018 11:45 PM", "MM/DD/YYYY hh:mm A", "2018-12-31T23:45:00"],
		["2018-01-05 오전 12:05", "YYYY-MM-DD A hh:mm", "2018-01-05T00:05:00"],
		["20180105 24:00", "YYYYMMDD HH:mm", "2018-01-06T00:00:00"],
		["201801050715", "YYYYMMDDHHmm", "2018-01-05T07:15:00"],
		["1514764800", "epoch-s", "2018-01-01T00:00:00"],
		["2018-01-01T00:00:00+09:00", "ISO", "2017-12-31T15:00:00"],
		["2018-01-01T07:00", "YYYY-MM-DD HH:mm", "2018-01-01T07:00:00"],
	] as const)
		it(`are read as ${format}`, () => assert.equal(read(text, format), expected));

	it("that do not exist are none", () => {
		for (const text of ["31-02-2018 00:00", "01-13-2018 00:00", "01-01-2018 24:15", "01-01-2018 12:60", "x"])
			assert.equal(read(text, "DD-MM-YYYY HH:mm"), undefined, text);
	});

	it("give their format away by rising evenly, where day and month could be either", () => {
		const days = ["01/02/2018 00:00", "02/02/2018 00:00", "03/02/2018 00:00"];
		const months = ["02/01/2018 00:00", "02/02/2018 00:00", "02/03/2018 00:00"];
		assert.equal(detectFormats(days)[0], "DD/MM/YYYY HH:mm");
		assert.equal(detectFormats(months)[0], "MM/DD/YYYY HH:mm");
		assert.deepEqual(detectFormats(["furnace"]), []);
	});

	it("become the instants that the zone's own calendar says", () => {
		const at = fc.integer({ min: Date.UTC(2015, 0, 1), max: Date.UTC(2030, 0, 1) });
		fc.assert(
			fc.property(at, fc.constantFrom("Asia/Seoul", "Europe/Berlin", "America/New_York"), (localMs, zone) => {
				const rounded = Math.floor(localMs / 60_000) * 60_000;
				const instant = toInstant({ localMs: rounded }, zone, undefined);
				const plain = Temporal.PlainDateTime.from(new Date(rounded).toISOString().slice(0, 19));
				const expected = plain.toZonedDateTime(zone, { disambiguation: "earlier" });
				const exists = expected.toPlainDateTime().equals(plain);
				assert.deepEqual(instant, exists ? { ms: expected.epochMilliseconds } : { problem: "gap" });
			}),
		);
	});

	it("of the hour that comes twice follow the row before", () => {
		let previous: number | undefined;
		const utc = ["01:45", "02:00", "02:45", "02:00", "02:45", "03:00"].map((clock) => {
			const found = toInstant(local(`2026-10-25T${clock}:00`), "Europe/Berlin", previous);
			previous = "ms" in found ? found.ms : previous;
			return new Date(previous ?? 0).toISOString().slice(11, 16);
		});
		assert.deepEqual(utc, ["23:45", "00:00", "00:45", "01:00", "01:45", "02:00"]);
	});
});

describe("numbers of a file", () => {
	it("are read with either decimal sign", () => {
		assert.equal(readNumber(" 3.17 ", { decimal: "." }), 3.17);
		assert.equal(readNumber("1,234.5", { decimal: "." }), 1234.5);
		assert.equal(readNumber("3,17", { decimal: "," }), 3.17);
		assert.equal(readNumber("1.234,5", { decimal: "," }), 1234.5);
		assert.equal(readNumber("-1e-3", { decimal: "." }), -0.001);
	});
	it("that are none are not guessed", () => {
		for (const text of ["", "-", "n/a", "1,23,4", "3.1.7", "12 kWh", "NaN", "Infinity"])
			assert.equal(readNumber(text, { decimal: "." }), undefined, text);
	});
	it("tell their decimal sign", () => {
		assert.equal(detectDecimal(["3,17", "4"]), ",");
		assert.equal(detectDecimal(["3.17", "4"]), ".");
		assert.equal(detectDecimal(["3", "4"]), ".");
	});
});
