import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateHistory } from "../../../lib/plant/history.ts";
import { plantHolidays } from "../../../lib/plant/holidays.ts";
import { Plant } from "../../../lib/plant/plant.ts";
import { openStore } from "../../../lib/store/open.ts";
import type { Store } from "../../../lib/store/store.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
/** A Tuesday, not on a quarter-hour. */
const until = Date.parse("2026-11-17T10:07:30+09:00");

describe("history of the simulated plant", () => {
	let folder: string;
	let store: Store;

	before(async () => {
		folder = await mkdtemp(join(tmpdir(), "plant-history-"));
		store = await openStore(`sqlite:///${join(folder, "plant.db")}`);
		await generateHistory(store, { untilMs: until, days: 5, rawDays: 1 });
	});
	after(async () => {
		await store.close();
		await rm(folder, { recursive: true, force: true });
	});

	const plantAt = (timeMs: number) =>
		new Plant({ isHoliday: plantHolidays("Asia/Seoul") }).advanceTo(timeMs).map(({ reading }) => reading);

	it("ends within the last two minutes, where the live plant goes on: counters and all", async () => {
		const newest = await store.latest("demo");
		assert.equal(newest.length, 11);
		const endMs = newest[0]?.timeMs ?? 0;
		assert(endMs <= until && endMs > until - 2 * MINUTE, `${until - endMs} ms before`);
		const expected = plantAt(endMs);
		for (const reading of newest) {
			const live = expected.find(({ machine }) => machine === reading.machine);
			assert.equal(reading.timeMs, endMs);
			assert.equal(reading.powerKw, live?.powerKw);
			assert.equal(reading.energyKwh, live?.energyKwh);
		}
	});

	it("has every quarter-hour of each machine, whole and good, across the seam of intervals and readings", async () => {
		const from = Math.ceil((until - 5 * DAY) / (15 * MINUTE)) * 15 * MINUTE;
		const to = Math.floor(until / (15 * MINUTE)) * 15 * MINUTE;
		for (const machine of ["furnace-1", "main-meter"]) {
			const { items } = await store.intervals({
				site: "demo",
				machine,
				fromMs: from,
				toMs: to,
				resolution: "15min",
				limit: 10_000,
			});
			assert.equal(items.length, (to - from) / (15 * MINUTE));
			let energy = 0;
			for (const interval of items) {
				assert.equal(interval.estimatedKwh, 0, new Date(interval.startMs).toISOString());
				assert.ok(interval.coverage > 0.99);
				energy += interval.energyKwh;
			}
			const [a, b] = [from, to].map((t) => plantAt(t).find((reading) => reading.machine === machine)?.energyKwh ?? 0);
			assert.ok(
				Math.abs(energy - ((b ?? 0) - (a ?? 0))) < 0.01,
				`${machine}: ${energy}, by the counter ${(b ?? 0) - (a ?? 0)}`,
			);
		}
	});

	it("can be repeated without harm, and tells how far it is", async () => {
		const before = await store.stats();
		const shares: number[] = [];
		const summary = await generateHistory(store, {
			untilMs: until,
			days: 5,
			rawDays: 1,
			onProgress: (share) => shares.push(share),
		});
		const after = await store.stats();
		assert.equal(after.readings, before.readings);
		assert.equal(after.intervals, before.intervals);
		assert.ok(
			summary.readings > 11 * 1440 && summary.intervals === 4 * 96 * 11,
			`${summary.readings} ${summary.intervals}`,
		);
		assert.deepEqual(
			shares,
			shares.toSorted((a, b) => a - b),
		);
		assert.equal(shares.at(-1), 1);
	});
});
