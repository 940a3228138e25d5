import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { openStore } from "../../../lib/store/open.ts";
import type { Series, SeriesQuery, Store } from "../../../lib/store/store.ts";
import type { Interval } from "../../../lib/telemetry/interval.ts";
import type { Reading } from "../../../lib/telemetry/reading.ts";
import { sharedData } from "../../shared-data.ts";

const SECOND = 1_000;
const QUARTER = 900_000;
const DAY = 86_400_000;
const START = Date.parse("2026-03-01T00:00:00+09:00");

const quarter = (machine: string, startMs: number, energyKwh: number): Interval => ({
	site: "works",
	machine,
	startMs,
	durationMs: QUARTER,
	energyKwh,
	estimatedKwh: 0,
	meanKw: energyKwh * 4,
	maxKw: energyKwh * 4,
	minKw: energyKwh * 4,
	coverage: 1,
	quality: "good",
	samples: 0,
});

describe("charts and history", () => {
	let store: Store;
	beforeEach(async () => {
		store = await openStore("sqlite://:memory:");
		await store.defineSite({ id: "works", timeZone: "Asia/Seoul" });
	});
	afterEach(() => store.close());

	const draw = async (query: Partial<SeriesQuery>): Promise<Series> => {
		const [line] = await store.series({
			...{ site: "works", machines: ["main"], fromMs: START, toMs: START + DAY, measure: "powerKw", maxPoints: 1_000 },
			...query,
		});
		return line as Series;
	};
	const readings = (machine: string, count: number, kw: (i: number) => number, stepMs = 10 * SECOND): Reading[] =>
		Array.from({ length: count }, (_, i) => ({ site: "works", machine, timeMs: START + i * stepMs, powerKw: kw(i) }));

	it("draws a day of readings with no more points than asked, peak and dip among them", async () => {
		await store.write(readings("main", 8_640, (i) => (i === 4_321 ? 900 : i === 7_000 ? -5 : 50 + (i % 10))));
		const { timesMs, values } = await draw({ maxPoints: 200 });
		assert.ok(values.length <= 200 && values.length > 150);
		assert.equal(values[timesMs.indexOf(START + 43_210 * SECOND)], 900);
		assert.equal(values[timesMs.indexOf(START + 70_000 * SECOND)], -5);
		assert.deepEqual(
			timesMs,
			timesMs.toSorted((a, b) => a - b),
		);
	});

	it("joins imported quarter-hours to the readings that follow them", async () => {
		await store.writeIntervals([0, 1].map((at) => quarter("main", START + at * QUARTER, 10)));
		await store.write(
			readings("main", 3, () => 50, 300 * SECOND).map((each) => ({ ...each, timeMs: each.timeMs + 2 * QUARTER })),
		);
		assert.deepEqual((await draw({})).values, [40, 40, 40, 40, 40, 40, 50, 50, 50]);
	});

	it("draws a short span as it is, and silence as a gap", async () => {
		await store.write([
			...readings("main", 3, () => 50),
			{ ...(readings("main", 1, () => 60)[0] as Reading), timeMs: START + 3_600_000 },
		]);
		assert.deepEqual((await draw({})).values, [50, 50, 50, null, 60]);
	});

	it("leaves out what is bad", async () => {
		await store.write(readings("main", 3, (i) => i).map((each, i) => (i === 1 ? { ...each, quality: "bad" } : each)));
		assert.deepEqual((await draw({})).values, [0, 2]);
	});

	it("draws a year of quarter-hours so that its highest demand is there", async () => {
		const year = Array.from({ length: 35_040 }, (_, i) =>
			quarter("main", START + i * QUARTER, i === 12_345 ? 500 : 10 + (i % 7)),
		);
		await store.writeIntervals(year);
		const { timesMs, values } = await draw({ toMs: START + 365 * DAY });
		assert.ok(values.length <= 1_000);
		assert.equal(values[timesMs.indexOf(START + 12_345 * QUARTER)], 2_000);
		const energy = await draw({ toMs: START + 365 * DAY, measure: "energyKwh" });
		assert.equal(energy.values.length, 365);
	});

	it("adds machines up, instants that differ notwithstanding", async () => {
		await store.write(readings("a", 60, () => 10));
		await store.write(readings("b", 60, () => 5).map((each) => ({ ...each, timeMs: each.timeMs + 3 * SECOND })));
		const total = await draw({ machines: ["a", "b"], sum: true, toMs: START + 600 * SECOND, maxPoints: 60 });
		assert.equal(total.machine, "total");
		assert.deepEqual([...new Set(total.values)], [15]);
	});

	it("answers for a machine it never heard of with an empty line", async () => {
		assert.deepEqual(await draw({ machines: ["nobody"] }), { machine: "nobody", timesMs: [], values: [] });
	});

	it("refuses a question without bounds", async () => {
		await assert.rejects(draw({ maxPoints: 1e9 }), { code: "store.bad-query" });
		await assert.rejects(draw({ fromMs: Number.NaN }), { code: "store.bad-query" });
		const span = { site: "works", fromMs: 0, toMs: 1 };
		await assert.rejects(store.readings({ ...span, limit: 10_001 }), { code: "store.bad-query" });
		await assert.rejects(store.readings({ ...span, cursor: "x" }), { code: "store.bad-cursor" });
	});

	it("drops whole months of readings and keeps their intervals", async () => {
		const months = [0, 31, 62].flatMap((day) =>
			readings("main", 20, () => 60, 60 * SECOND).map((each) => ({ ...each, timeMs: each.timeMs + day * DAY })),
		);
		await store.write(months);
		const before = await store.stats();
		assert.deepEqual(await store.dropReadingsBefore(START + 61 * DAY), { partitions: 2 });
		const after = await store.stats();
		assert.deepEqual([before.readings, after.readings], [60, 20]);
		assert.equal(after.intervals, before.intervals);
		assert.equal(after.oldestMs, START + 62 * DAY);
		const quarters = { site: "works", fromMs: 0, toMs: START + 40 * DAY, resolution: "15min" } as const;
		const kept = await store.intervals(quarters);
		const late = { ...(months[25] as Reading), powerKw: 61 };
		assert.deepEqual(await store.write([late]), { inserted: 1, duplicates: 0, replaced: 0 });
		assert.deepEqual(await store.intervals(quarters), kept);
	});

	it("counts today's energy from a local midnight until now, and nothing that is still to come", async () => {
		await store.writeIntervals([-1, 0, 1, 2, 9].map((at) => quarter("main", START + at * QUARTER, 7)));
		assert.deepEqual(await store.energySince("works", START, START + 2 * QUARTER - 1), [
			{ machine: "main", energyKwh: 14, estimatedKwh: 0 },
		]);
	});

	it("keeps what was rejected, by reason, newest first", async () => {
		const entry = {
			site: "works",
			machine: "main",
			detail: "powerKw 9e9 > 100",
			source: "mqtt",
			payload: "x".repeat(9_000),
		};
		await store.quarantine(
			["Bad_OutOfRange", "Bad_OutOfRange", "Bad_Malformed"].map((reason, i) => ({ ...entry, reason, atMs: START + i })),
		);
		const first = await store.quarantined({ reason: "Bad_OutOfRange", limit: 1 });
		assert.deepEqual(first.items, [
			{ ...entry, reason: "Bad_OutOfRange", atMs: START + 1, payload: "x".repeat(4_096) },
		]);
		const second = await store.quarantined({ reason: "Bad_OutOfRange", limit: 1, cursor: first.nextCursor });
		assert.deepEqual([second.items.length, second.nextCursor], [1, undefined]);
		const { quarantined, quarantinedByReason } = await store.stats();
		assert.deepEqual([quarantined, quarantinedByReason], [3, { Bad_Malformed: 1, Bad_OutOfRange: 2 }]);
	});

	it("sums a real plant's quarter-hours to the meter's own total", async function () {
		const lines = readFileSync(sharedData(this, "steel/steel-2018-jan-oct.csv"), "utf8").trim().split(/\r?\n/).slice(1);
		const first = Date.parse("2018-01-01T00:00:00+09:00");
		await store.writeIntervals(
			lines.map((line, i) => quarter("main", first + i * QUARTER, Number(line.split(",")[1]))),
		);
		const span = { site: "works", fromMs: 0, toMs: START };
		for (const resolution of ["day", "month"] as const) {
			const { items } = await store.intervals({ ...span, resolution });
			const total = items.reduce((sum, { energyKwh }) => sum + energyKwh, 0);
			assert.equal(total.toFixed(2), "813982.32");
			assert.equal(items.length, resolution === "month" ? 10 : 304);
		}
	});
});
