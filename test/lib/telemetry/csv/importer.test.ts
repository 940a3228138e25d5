import assert from "node:assert/strict";
import { CsvImporter, type Row } from "../../../../lib/telemetry/csv/importer.ts";
import { type PlanOptions, planImport, readDuration } from "../../../../lib/telemetry/csv/plan.ts";

const target = { site: "demo", machine: "m", timeZone: "Asia/Seoul", file: "f.csv", language: "en-US" as const };
function imported(rows: Row[], options: PlanOptions = {}, zone = "Asia/Seoul") {
	const plan = planImport(Object.keys(rows[0] ?? {}), rows, options);
	const importer = new CsvImporter(plan, { ...target, timeZone: zone });
	const read = rows.map((row, i) => importer.add(row, i + 2));
	return { plan, importer, read, intervals: [...importer.resampler.intervals("demo", "m")] };
}
const two = (n: number): string => String(n).padStart(2, "0");
/** Days of 96 rows labelled by their ends, the 00:00 row keeping its day's date: the fault of the steel plant's file. */
function slippingDays(days: number): Row[] {
	return Array.from({ length: days * 96 }, (_, i) => {
		const minutes = ((i % 96) + 1) * 15;
		const clock = `${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}`;
		return { date: `${two(1 + Math.floor(i / 96))}-01-2018 ${clock}`, Usage_kWh: "1.5", Load_Type: "Light" };
	});
}

describe("reading a CSV file", () => {
	it("finds time, value, format, step and label by itself", () => {
		const { plan } = imported([
			{ id: "1", 일시: "2026-08-01 00:15", "전력사용량(kWh)": "3" },
			{ id: "2", 일시: "2026-08-01 00:30", "전력사용량(kWh)": "4" },
			{ id: "3", 일시: "2026-08-01 00:45", "전력사용량(kWh)": "5" },
		]);
		const { timeColumn, valueColumn, measure, label, stepMs, format } = plan;
		assert.deepEqual(
			[timeColumn, valueColumn, measure, label, stepMs, format],
			["일시", "전력사용량(kWh)", "energyKwh", "end", 900_000, "YYYY-MM-DD HH:mm"],
		);
	});

	it("proposes a grid, with the reason, where each day's last row keeps the day's date", () => {
		const { plan, intervals } = imported(slippingDays(5));
		assert.equal(plan.timesBroken, true);
		const note = plan.notes.find(({ code }) => code === "telemetry.import-found-grid");
		assert.equal(note?.details.example, "01-01-2018 00:00");
		assert.equal(intervals.length, 5 * 96);
		assert.equal(intervals[0]?.startMs, Date.parse("2018-01-01T00:00:00+09:00"));
		assert.equal(intervals.at(-1)?.startMs, Date.parse("2018-01-05T23:45:00+09:00"));
	});

	it("proposes none for a file that lost some hours, or whose clock was changed", () => {
		const hole = slippingDays(1).slice(0, 90);
		hole.splice(40, 8);
		assert.equal(imported(hole).plan.timesBroken, false);
		const autumn = ["01:00", "01:30", "02:00", "02:30", "02:00", "02:30", "03:00", "03:30", "04:00", "04:30", "05:00"];
		const rows = autumn.map((clock) => ({ time: `2026-10-25 ${clock}`, kWh: "1" }));
		const { plan, intervals } = imported(rows, {}, "Europe/Berlin");
		assert.equal(plan.timesBroken, false);
		assert.equal(intervals.length, 22);
		assert.equal(
			intervals.reduce((sum, one) => sum + one.energyKwh, 0),
			11,
		);
	});

	it("sets bad rows aside with file and line, and goes on", () => {
		const rows = ["1", "x", "3", ""].map((kWh, i) => ({ time: `2026-08-01 00:${two(i * 15)}`, kWh }));
		rows.push({ time: "2026-08-01 25:00", kWh: "1" });
		const { importer, intervals } = imported(rows);
		assert.equal(intervals.length, 2);
		assert.deepEqual(
			importer.rejected.map(({ source }) => source),
			["f.csv:3", "f.csv:5", "f.csv:6"],
		);
		assert.match(importer.rejected[0]?.detail ?? "", /“x” in column kWh/);
		assert.match(importer.rejected[0]?.payload ?? "", /"kWh":"x"/);
	});

	it("sets rows of the hour that spring leaves out aside", () => {
		const rows = ["01:30", "01:45", "02:00", "03:00", "03:15"].map((clock) => ({
			time: `2026-03-29 ${clock}`,
			kWh: "1",
		}));
		const { importer } = imported(rows, {}, "Europe/Berlin");
		assert.match(importer.rejected[0]?.detail ?? "", /does not exist in Europe\/Berlin/);
		assert.equal(importer.rejected.length, 1);
	});

	it("reads mean power, and units a thousand apart", () => {
		const rows = ["4000", "8000"].map((power, i) => ({ time: `2026-08-01 00:${two(i * 15)}`, "Power [W]": power }));
		assert.deepEqual(
			imported(rows).intervals.map((one) => one.energyKwh),
			[1, 2],
		);
	});

	it("reads a meter's counter by its differences, and sets a fall aside", () => {
		const rows = ["100", "101", "103", "5", "6"].map((kwh, i) => ({
			time: `2026-08-01 0${Math.floor(i / 4)}:${two((i % 4) * 15)}`,
			counter_kWh: kwh,
		}));
		const { intervals, importer, plan } = imported(rows);
		assert.equal(plan.measure, "counterKwh");
		assert.deepEqual(
			intervals.map((one) => one.energyKwh),
			[1, 2, 1],
		);
		assert.equal(importer.rejected.length, 1);
	});

	it("says what it can't find, and names what there is", () => {
		const rows = [{ a: "x", b: "y" }];
		assert.throws(() => planImport(["a", "b"], rows), { code: "telemetry.import-no-time" });
		assert.throws(() => planImport(["a", "b"], rows, { timeColumn: "c" }), { code: "telemetry.import-column" });
		assert.throws(() => planImport(["a"], []), { code: "telemetry.import-empty" });
		assert.throws(() => planImport(["time", "b"], [{ time: "2026-01-01 00:00", b: "1" }]), {
			code: "telemetry.import-no-value",
		});
		assert.throws(() => planImport(["time", "kWh"], [{ time: "2026-01-01 00:00", kWh: "1" }]), {
			code: "telemetry.import-step",
		});
		assert.throws(() => readDuration("a while"), { code: "telemetry.import-duration" });
	});
});
