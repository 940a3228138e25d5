import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../../lib/store/open.ts";
import type { Store } from "../../../lib/store/store.ts";
import type { Interval } from "../../../lib/telemetry/interval.ts";
import type { Reading } from "../../../lib/telemetry/reading.ts";

const MIN = 60_000;
const QUARTER = 15 * MIN;
const HOUR = 60 * MIN;
const at = (iso: string): number => Date.parse(iso);

/** A machine at 60 kW, read each minute: power and a counter that agree, 1 kWh a minute. */
function steady(machine: string, fromMs: number, minutes: number, more: Partial<Reading> = {}): Reading[] {
	return Array.from({ length: minutes }, (_, i) => ({
		site: "works",
		machine,
		timeMs: fromMs + i * MIN,
		powerKw: 60,
		energyKwh: 1000 + i,
		quality: "good",
		...more,
	}));
}

describe("the store", () => {
	let folder: string;
	let store: Store;
	const start = at("2026-11-22T10:00:00+09:00");

	beforeEach(async () => {
		folder = mkdtempSync(join(tmpdir(), "store-"));
		store = await openStore(`sqlite://${folder}/plant.db`);
		await store.defineSite({ id: "works", timeZone: "Asia/Seoul" });
	});
	afterEach(async () => {
		await store.close();
		rmSync(folder, { recursive: true });
	});

	const quarters = (machine?: string): Promise<Interval[]> =>
		store
			.intervals({ site: "works", machine, fromMs: 0, toMs: at("2100-01-01T00:00:00Z"), resolution: "15min" })
			.then(({ items }) => items);

	it("gives back every field of a reading as it was written", async () => {
		const reading: Reading = {
			site: "works",
			machine: "furnace-1",
			timeMs: start,
			powerKw: 42.1,
			energyKwh: 1234.5,
			powerFactor: -0.94,
			reactivePowerKvar: 3,
			voltageV: 380.5,
			currentA: 71,
			frequencyHz: 59.98,
			temperatureC: 31,
			productionCount: 12,
			state: "running",
			quality: "uncertain",
			reason: "Uncertain_FlatLine",
		};
		assert.deepEqual(await store.write([reading]), { inserted: 1, duplicates: 0, replaced: 0 });
		const page = await store.readings({ site: "works", fromMs: start, toMs: start + 1 });
		assert.deepEqual(page, { items: [reading] });
		assert.deepEqual(await store.latest("works"), [reading]);
	});

	it("stores a reading once, however often it comes, and lets a correction stand", async () => {
		const [reading] = steady("furnace-1", start, 1) as [Reading];
		await store.write([reading]);
		assert.deepEqual(await store.write([reading, reading]), { inserted: 0, duplicates: 2, replaced: 0 });
		const corrected = { ...reading, powerKw: 55 };
		assert.deepEqual(await store.write([corrected]), { inserted: 0, duplicates: 0, replaced: 1 });
		assert.deepEqual((await store.readings({ site: "works", fromMs: 0, toMs: start + 1 })).items, [corrected]);
		assert.equal((await store.stats()).readings, 1);
	});

	it("measures quarter-hours by the counter, splitting at their edges", async () => {
		await store.write(steady("furnace-1", start - 30_000, 62));
		const [before, first, second] = await quarters();
		assert.equal(before?.energyKwh, 0.5);
		assert.deepEqual(first, {
			site: "works",
			machine: "furnace-1",
			startMs: start,
			durationMs: QUARTER,
			energyKwh: 15,
			estimatedKwh: 0,
			meanKw: 60,
			maxKw: 60,
			minKw: 60,
			coverage: 1,
			quality: "good",
			samples: 15,
		});
		assert.equal(second?.energyKwh, 15);
	});

	it("keeps imported quarter-hours above computed ones", async () => {
		await store.write(steady("furnace-1", start, 16));
		const imported: Interval = { ...((await quarters())[0] as Interval), energyKwh: 99, samples: 0 };
		assert.deepEqual(await store.writeIntervals([imported]), { inserted: 0, duplicates: 0, replaced: 1 });
		assert.deepEqual(await store.writeIntervals([imported]), { inserted: 0, duplicates: 1, replaced: 0 });
		await store.write(steady("furnace-1", start + 20_000, 10));
		assert.equal((await quarters())[0]?.energyKwh, 99);
	});

	it("rolls up to the hours, days and months of the site's time zone", async () => {
		const night = at("2026-11-30T22:00:00+09:00");
		await store.write(steady("furnace-1", night, 4 * 60 + 1));
		const sums = async (resolution: "hour" | "day" | "month"): Promise<[string, number][]> =>
			(await store.intervals({ site: "works", fromMs: 0, toMs: at("2100-01-01T00:00:00Z"), resolution })).items.map(
				({ startMs, energyKwh }) => [new Date(startMs + 9 * HOUR).toISOString().slice(0, 13), energyKwh],
			);
		assert.deepEqual((await sums("hour")).slice(0, 4), [
			["2026-11-30T22", 60],
			["2026-11-30T23", 60],
			["2026-12-01T00", 60],
			["2026-12-01T01", 60],
		]);
		assert.deepEqual(await sums("day"), [
			["2026-11-30T00", 120],
			["2026-12-01T00", 120],
		]);
		assert.deepEqual(await sums("month"), [
			["2026-11-01T00", 120],
			["2026-12-01T00", 120],
		]);
		await store.defineSite({ id: "works", timeZone: "UTC" });
		assert.deepEqual(await sums("month"), [["2026-11-01T09", 240]]);
	});

	it("thins out: a machine's first reading of each span, page by page, across months", async () => {
		const from = at("2026-10-31T23:50:00Z");
		const readings = ["mill", "press"].flatMap((machine, n) =>
			steady(machine, from, 20 * 6).map((reading, i) => ({ ...reading, timeMs: from + i * 10_000 + n })),
		);
		await store.write(readings);
		const kept: Reading[] = [];
		for (let cursor: string | undefined, more = true; more; ) {
			const query = { site: "works", fromMs: from + 1, toMs: from + 19 * MIN, everyMs: 5 * MIN, limit: 3 };
			const page = await store.readings({ ...query, ...(cursor && { cursor }) });
			kept.push(...page.items);
			cursor = page.nextCursor;
			more = cursor !== undefined;
		}
		const times = (machine: string) =>
			kept.filter((reading) => reading.machine === machine).map(({ timeMs }) => timeMs - from);
		assert.deepEqual(times("mill"), [10_000, 5 * MIN, 10 * MIN, 15 * MIN]);
		assert.deepEqual(times("press"), [1, 5 * MIN + 1, 10 * MIN + 1, 15 * MIN + 1]);
		// What a span tells must not depend on how its first reading was.
		const bad = readings.filter(({ timeMs }) => timeMs % (5 * MIN) < 10_000);
		await store.write(bad.map((reading) => ({ ...reading, quality: "bad" as const })));
		const usable = { site: "works", machine: "mill", fromMs: from, toMs: from + 19 * MIN, everyMs: 5 * MIN };
		assert.deepEqual(
			(await store.readings(usable)).items.map(({ timeMs, quality }) => [timeMs - from, quality]),
			[0, 5, 10, 15].map((minute) => [minute * MIN + 10_000, "good"]),
		);
		const wrong = { site: "works", fromMs: 0, toMs: start };
		await assert.rejects(store.readings({ ...wrong, everyMs: 0 }), { code: "store.bad-query" });
		await assert.rejects(store.readings({ ...wrong, everyMs: MIN, order: "desc" }), { code: "store.bad-query" });
	});

	it("pages through several machines in the order of time, either way, missing none", async () => {
		const readings = ["a", "b", "c"].flatMap((machine) => steady(machine, at("2026-10-31T23:50:00Z"), 20));
		await store.write(readings);
		for (const order of ["asc", "desc"] as const) {
			const seen: Reading[] = [];
			for (let cursor: string | undefined, more = true; more; ) {
				const page = await store.readings({ site: "works", fromMs: 0, toMs: start * 2, limit: 7, order, cursor });
				seen.push(...page.items);
				cursor = page.nextCursor;
				more = cursor !== undefined;
			}
			const expected = readings.toSorted((a, b) => a.timeMs - b.timeMs || (a.machine < b.machine ? -1 : 1));
			assert.deepEqual(seen, order === "asc" ? expected : expected.reverse());
		}
	});

	it("pages through intervals newest first as it does oldest first, and takes no cursor of the other way", async () => {
		const readings = ["a", "b"].flatMap((machine) => steady(machine, at("2026-10-31T12:50:00Z"), 200));
		await store.write(readings);
		for (const resolution of ["15min", "hour", "day", "month"] as const) {
			const query = { site: "works", fromMs: 0, toMs: start * 2, resolution };
			const oldestFirst = (await store.intervals(query)).items;
			const seen: Interval[] = [];
			for (let cursor: string | undefined, more = true; more; ) {
				const page = await store.intervals({ ...query, limit: 3, order: "desc", cursor });
				seen.push(...page.items);
				cursor = page.nextCursor;
				more = cursor !== undefined;
				if (cursor) await assert.rejects(store.intervals({ ...query, cursor }), { code: "store.bad-cursor" });
			}
			assert(seen.length > 1);
			assert.deepEqual(seen, oldestFirst.toReversed());
		}
	});
});
