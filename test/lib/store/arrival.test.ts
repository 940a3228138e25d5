import assert from "node:assert/strict";
import fc from "fast-check";
import { openStore } from "../../../lib/store/open.ts";
import { quartersOf } from "../../../lib/telemetry/aggregate.ts";
import type { Interval } from "../../../lib/telemetry/interval.ts";
import type { Reading } from "../../../lib/telemetry/reading.ts";

const SITE = "works";
const START = Date.UTC(2026, 9, 31, 22);
const END = Date.UTC(2100, 0, 1);

/** What the quarter-hours of one machine's readings must be, computed in one go. */
function expected(readings: readonly Reading[]): unknown[] {
	const usable = readings
		.filter(({ quality, powerKw, energyKwh }) => quality !== "bad" && (powerKw ?? energyKwh) !== undefined)
		.sort((a, b) => a.timeMs - b.timeMs);
	return quartersOf({
		timeMs: Float64Array.from(usable, ({ timeMs }) => timeMs),
		powerKw: Float64Array.from(usable, ({ powerKw }) => powerKw ?? Number.NaN),
		energyKwh: Float64Array.from(usable, ({ energyKwh }) => energyKwh ?? Number.NaN),
		uncertain: Uint8Array.from(usable, ({ quality }) => (quality === "uncertain" ? 1 : 0)),
		counterReset: Uint8Array.from(usable, ({ reason }) => (reason === "Good_CounterReset" ? 1 : 0)),
	}).map(({ startMs, energyKwh, estimatedKwh, meanKw, maxKw, minKw, coverage, uncertain, samples }) => ({
		...{ startMs, energyKwh, estimatedKwh, meanKw, maxKw, minKw, coverage, samples },
		quality: uncertain ? "uncertain" : "good",
	}));
}

const strip = (intervals: readonly Interval[]): unknown[] =>
	intervals.map(({ startMs, energyKwh, estimatedKwh, meanKw, maxKw, minKw, coverage, quality, samples }) => ({
		...{ startMs, energyKwh, estimatedKwh, meanKw, maxKw, minKw, coverage, samples },
		quality,
	}));

const reading = fc.record({
	machine: fc.constantFrom("a", "b"),
	// Seconds since a little before a month's end, in clusters: neighbours, gaps of minutes, gaps of hours.
	timeMs: fc
		.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 900 }))
		.map(([cluster, second]) => START + cluster * cluster * 300_000 + second * 1_000),
	powerKw: fc.option(fc.double({ min: 0, max: 500, noNaN: true }), { nil: undefined }),
	energyKwh: fc.option(fc.double({ min: 0, max: 20_000, noNaN: true }), { nil: undefined }),
	quality: fc.constantFrom("good" as const, "good" as const, "good" as const, "uncertain" as const, "bad" as const),
	reason: fc.option(fc.constant("Good_CounterReset" as const), { nil: undefined }),
});

describe("readings that come late, twice, corrected, in any order and in any batches", () => {
	it("lead to the same quarter-hours, hours and days as if they had come in order", async function () {
		this.timeout(60_000);
		const store = await openStore("sqlite://:memory:");
		let run = 0;
		await fc.assert(
			fc.asyncProperty(
				fc.array(reading, { minLength: 1, maxLength: 60 }),
				fc.integer({ min: 1, max: 20 }),
				fc.boolean(),
				async (drawn, batchSize, repeat) => {
					const site = `${SITE}-${run++}`;
					await store.defineSite({ id: site, timeZone: "Asia/Seoul" });
					const readings: Reading[] = drawn.map((each) => ({ site, ...each }));
					for (let at = 0; at < readings.length; at += batchSize) {
						await store.write(readings.slice(at, at + batchSize));
						if (repeat) await store.write(readings.slice(at, at + batchSize));
					}
					const final = new Map(readings.map((each) => [`${each.machine} ${each.timeMs}`, each]));
					for (const machine of ["a", "b"]) {
						const query = { site, machine, fromMs: 0, toMs: END, limit: 10_000 };
						const { items } = await store.intervals({ ...query, resolution: "15min" });
						assert.deepEqual(strip(items), expected([...final.values()].filter((each) => each.machine === machine)));
						const total = items.reduce((sum, { energyKwh }) => sum + energyKwh, 0);
						for (const resolution of ["hour", "day", "month"] as const) {
							const whole = await store.intervals({ ...query, resolution });
							const sum = whole.items.reduce((all, { energyKwh }) => all + energyKwh, 0);
							assert.ok(
								Math.abs(sum - total) <= 1e-6 * Math.max(1, Math.abs(total)),
								`${resolution}: ${sum} ≠ ${total}`,
							);
							assert.equal(
								whole.items.reduce((all, { samples }) => all + samples, 0),
								items.reduce((all, { samples }) => all + samples, 0),
							);
						}
					}
				},
			),
			{ numRuns: 150 },
		);
		await store.close();
	});

	it("also where a counter speaks seldom and power tells how its difference is shared out", async function () {
		this.timeout(60_000);
		const store = await openStore("sqlite://:memory:");
		let run = 0;
		const minute = fc.record({
			present: fc.integer({ min: 0, max: 20 }).map((n) => n > 0),
			powerKw: fc.integer({ min: 40, max: 80 }),
			counter: fc.integer({ min: 0, max: 30 }).map((n) => n === 0),
			order: fc.integer({ min: 0, max: 1_000 }),
		});
		await fc.assert(
			fc.asyncProperty(
				fc.array(minute, { minLength: 60, maxLength: 200 }),
				fc.integer({ min: 1, max: 80 }),
				fc.boolean(),
				async (minutes, batchSize, inOrder) => {
					const site = `${SITE}-${run++}`;
					const readings = minutes
						.map(({ present, powerKw, counter, order }, at): Reading & { order: number; present: boolean } => ({
							...{ site, machine: "a", timeMs: START + at * 60_000 + 7_000, powerKw, order, present },
							...(counter ? { energyKwh: 1_000 + at } : {}),
						}))
						.filter(({ present }) => present);
					const arriving = inOrder ? readings : readings.toSorted((a, b) => a.order - b.order);
					for (let at = 0; at < arriving.length; at += batchSize) await store.write(arriving.slice(at, at + batchSize));
					const { items } = await store.intervals({ site, fromMs: 0, toMs: END, resolution: "15min" });
					assert.deepEqual(strip(items), expected(readings));
				},
			),
			{ numRuns: 80 },
		);
		await store.close();
	});
});
