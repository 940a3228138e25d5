import assert from "node:assert/strict";
import fc from "fast-check";
import { CsvImporter, type Row } from "../../../../lib/telemetry/csv/importer.ts";
import { RowJudge, SizeFinder } from "../../../../lib/telemetry/csv/judge.ts";
import { planImport } from "../../../../lib/telemetry/csv/plan.ts";
import type { Machine } from "../../../../lib/telemetry/site.ts";

const nowMs = Date.parse("2026-11-22T12:00:00Z");
const startMs = Date.parse("2026-05-04T00:00:00Z");

/** Imports a row every quarter-hour; a machine without a rating is judged by the file's own sizes. */
function imported(
	values: readonly number[],
	{ column = "kWh", from = startMs, machine }: { column?: string; from?: number; machine?: Partial<Machine> } = {},
) {
	const rows: Row[] = values.map((value, i) => ({
		time: new Date(from + i * 900_000).toISOString(),
		[column]: String(value),
	}));
	const plan = planImport(["time", column], rows);
	const finder = new SizeFinder();
	for (const value of values) finder.add(value * 4);
	const sizes = finder.sizes();
	const judge = new RowJudge({ machine, sizes: column === "counter kWh" ? undefined : sizes, nowMs });
	const target = { site: "demo", machine: "press", timeZone: "UTC", file: "f.csv", language: "en-US" as const, judge };
	const importer = new CsvImporter(plan, target);
	rows.forEach((row, i) => {
		importer.add(row, i + 2);
	});
	const intervals = [...importer.resampler.intervals("demo", "press")];
	return {
		importer,
		intervals,
		sizes,
		rejected: importer.rejected.map(({ source, reason }) => `${source} ${reason}`),
		reasons: judge.reasons,
		kwh: intervals.reduce((sum, { energyKwh }) => sum + energyKwh, 0),
	};
}
/** An ordinary day: 5…25 kWh a quarter-hour. */
const day = (length = 96): number[] => Array.from({ length }, (_, i) => 15 + 10 * Math.sin(i / 7));
const rated = { ratedKw: 100 };

describe("judging the rows of a file", () => {
	it("takes an ordinary day as it is", () => {
		const { rejected, reasons, intervals, kwh } = imported(day(), { machine: rated });
		assert.deepEqual([rejected, reasons], [[], {}]);
		assert(intervals.every(({ quality }) => quality === "good"));
		assert(Math.abs(kwh - day().reduce((sum, each) => sum + each, 0)) < 1e-9);
	});

	it("turns away what the machine cannot have used, with line, reason and words", () => {
		const { importer, rejected, kwh } = imported([...day(40), 40_000, ...day(40)], { machine: rated });
		assert.deepEqual(rejected, ["f.csv:42 Bad_OutOfRange"]);
		assert.match(importer.rejected[0]?.detail ?? "", /^press: powerKw 160000 lies outside -300…300/);
		assert(kwh < 2000, "its energy is in no quarter-hour");
	});

	it("knows Wh among kWh, by the rating or by the other rows", () => {
		const slip = [...day(200), 14_000, ...day(200)];
		for (const machine of [rated, {}]) {
			const { rejected, importer } = imported(slip, { machine });
			assert.deepEqual(rejected, ["f.csv:202 Uncertain_UnitSuspect"], JSON.stringify(machine));
			assert.match(importer.rejected[0]?.detail ?? "", /1000 times off/);
		}
	});

	it("marks rows above the rating and takes them", () => {
		const { rejected, intervals, importer, reasons } = imported([...day(10), 40, ...day(10)], { machine: rated });
		assert.deepEqual([rejected, importer.uncertain, reasons], [[], 1, { Uncertain_EngineeringUnitsExceeded: 1 }]);
		assert.equal(intervals[10]?.quality, "uncertain");
	});

	it("of a file with two units takes all, marks the larger and says so", () => {
		const { sizes, importer, rejected } = imported([...day(200), ...day(100).map((kwh) => kwh * 1000)]);
		assert.deepEqual([sizes.mixed, sizes.rows, rejected.length, importer.uncertain], [true, 100, 0, 100]);
	});

	it("marks a line that rests for six hours, sooner where the machine's own rule says so", () => {
		const flat = [...day(8), ...Array.from({ length: 40 }, () => 12), ...day(8)];
		assert.equal(imported(flat, { machine: rated }).reasons.Uncertain_FlatLine, 40 - 24);
		const strict = { ...rated, rules: { flatLineMs: 3_600_000 } };
		assert.equal(imported(flat, { machine: strict }).reasons.Uncertain_FlatLine, 40 - 9);
		assert.equal(
			imported(
				Array.from({ length: 96 }, () => 0),
				{ machine: rated },
			).importer.uncertain,
			0,
		);
	});

	it("turns away rows ahead of the clock", () => {
		const { rejected, intervals } = imported(day(8), { machine: rated, from: nowMs - 4 * 900_000 });
		assert.equal(intervals.length, 4);
		assert(rejected.length === 4 && rejected.every((each) => each.endsWith("Bad_FutureTime")));
	});

	describe("of a counter", () => {
		const counter = { column: "counter kWh", machine: rated };
		const read = (...kwh: number[]) => imported(kwh, counter);

		it("turns a jump away and goes on from the reading before", () => {
			const { rejected, kwh } = read(1000, 1010, 5000, 1030, 1040);
			assert.deepEqual([rejected, kwh], [["f.csv:4 Bad_OutOfRange"], 40]);
		});

		it("knows a counter that began anew, one that rolled over, and one read in Wh", () => {
			assert.deepEqual([read(1000, 1010, 2, 12).kwh, read(1000, 1010, 2, 12).reasons], [20, { Good_CounterReset: 1 }]);
			assert.equal(read(9980, 9990, 5, 15).kwh, 35);
			assert.deepEqual(read(1000, 1010, 1_020_000, 1030).rejected, ["f.csv:4 Uncertain_UnitSuspect"]);
		});

		it("puts a reading out of its order aside, and counts nothing twice", () => {
			const plan = planImport(
				["time", "counter kWh"],
				[0, 1, 2, 3].map((i) => ({ time: new Date(startMs + i * 900_000).toISOString(), "counter kWh": "1" })),
			);
			const target = { site: "demo", machine: "press", timeZone: "UTC", file: "f.csv", language: "en-US" as const };
			const importer = new CsvImporter(plan, target);
			for (const [i, kwh] of [
				[0, 100],
				[2, 120],
				[1, 110],
				[3, 130],
			] as const) {
				importer.add({ time: new Date(startMs + i * 900_000).toISOString(), "counter kWh": String(kwh) }, i + 2);
			}
			assert.equal(importer.totalKwh, 30);
			assert.deepEqual(
				importer.rejected.map(({ reason }) => reason),
				["Uncertain_OutOfOrder"],
			);
		});
	});

	it("loses and makes no energy: what is taken and what is turned away is the file", () => {
		const kwh = fc.integer({ min: -100_000, max: 100_000 }).map((value) => value / 100);
		fc.assert(
			fc.property(fc.array(kwh, { minLength: 4, maxLength: 60 }), fc.boolean(), (values, isRated) => {
				const { importer, intervals } = imported(values, isRated ? { machine: rated } : {});
				assert.equal(importer.rejected.length + intervals.length, values.length);
				const away = importer.rejected.reduce((sum, { payload }) => sum + Number(JSON.parse(payload).kWh), 0);
				const total = values.reduce((sum, each) => sum + each, 0);
				assert(Math.abs(importer.totalKwh + away - total) < 1e-6);
			}),
		);
	});
});
