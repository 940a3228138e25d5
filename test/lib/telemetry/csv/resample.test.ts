import assert from "node:assert/strict";
import fc from "fast-check";
import { Resampler, type Span } from "../../../../lib/telemetry/csv/resample.ts";

const t0 = Date.UTC(2026, 0, 1);
const minute = 60_000;
function quarters(spans: Span[]) {
	const resampler = new Resampler();
	for (const span of spans) resampler.add(span);
	return [...resampler.intervals("demo", "m")];
}
const rows = (minutes: number, energies: number[], fromMs = t0): Span[] =>
	energies.map((energyKwh, i) => ({ startMs: fromMs + i * minutes * minute, durationMs: minutes * minute, energyKwh }));

describe("rows onto quarter-hours", () => {
	it("of 15 minutes pass through as measured", () => {
		const [one] = quarters(rows(15, [3.17]));
		assert.deepEqual(one, {
			site: "demo",
			machine: "m",
			startMs: t0,
			durationMs: 900_000,
			energyKwh: 3.17,
			estimatedKwh: 0,
			meanKw: 12.68,
			maxKw: 12.68,
			minKw: 12.68,
			coverage: 1,
			quality: "good",
			samples: 0,
		});
	});
	it("of 5 minutes are added up, with their highest and lowest power", () => {
		const [one] = quarters(rows(5, [1, 2, 3]));
		assert.deepEqual([one?.energyKwh, one?.maxKw, one?.minKw, one?.quality, one?.estimatedKwh], [6, 36, 12, "good", 0]);
	});
	it("of which one is missing leave a hole that is seen, and is not filled", () => {
		const [one] = quarters(rows(5, [1, 2]));
		assert.equal(one?.energyKwh, 3);
		assert.ok(Math.abs((one?.coverage ?? 0) - 2 / 3) < 1e-9);
		assert.equal(one?.quality, "uncertain");
		assert.equal(one?.meanKw, 18);
	});
	it("of an hour are shared out, and every share is an estimate", () => {
		const shares = quarters(rows(60, [8]));
		assert.deepEqual(
			shares.map((one) => one.energyKwh),
			[2, 2, 2, 2],
		);
		assert.deepEqual(
			shares.map((one) => [one.estimatedKwh, one.coverage, one.quality]),
			Array(4).fill([2, 0, "uncertain"]),
		);
	});
	it("across an edge are shared out by time", () => {
		const shares = quarters(rows(15, [3], t0 + 5 * minute));
		assert.deepEqual(
			shares.map((one) => one.energyKwh),
			[2, 1],
		);
	});
	it("that come twice count once; one that says otherwise is told", () => {
		const resampler = new Resampler();
		const [row] = rows(15, [3]);
		assert.ok(row);
		assert.equal(resampler.add(row), "added");
		assert.equal(resampler.add(row), "repeated");
		assert.equal(resampler.add({ ...row, energyKwh: 4 }), "conflict");
		assert.equal([...resampler.intervals("demo", "m")][0]?.energyKwh, 3);
	});
	it("keep every kWh, whatever their length, place and order", () => {
		const span = fc.record({
			startMs: fc.integer({ min: 0, max: 500 }).map((n) => t0 + n * minute),
			durationMs: fc.integer({ min: 1, max: 200 }).map((n) => n * minute),
			energyKwh: fc.float({ min: 0, max: 1000, noNaN: true }),
		});
		fc.assert(
			fc.property(fc.uniqueArray(span, { selector: (one) => one.startMs, maxLength: 30 }), (spans) => {
				const total = spans.reduce((sum, one) => sum + one.energyKwh, 0);
				const found = quarters(spans);
				assert.ok(Math.abs(found.reduce((sum, one) => sum + one.energyKwh, 0) - total) < 1e-6 * (1 + total));
				const backwards = quarters([...spans].reverse());
				assert.deepEqual(
					backwards.map((one) => one.startMs),
					found.map((one) => one.startMs),
				);
				for (const one of found) {
					assert.equal(one.startMs % 900_000, 0);
					assert.ok(one.coverage >= 0 && one.coverage <= 1);
					assert.ok(one.estimatedKwh <= one.energyKwh + 1e-9);
				}
			}),
		);
	});
});
