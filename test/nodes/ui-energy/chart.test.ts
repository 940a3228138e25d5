import assert from "node:assert/strict";
import fc from "fast-check";
import { type ChartModel, layOut, readAt } from "../../../nodes/ui-energy/ui/chart/model.ts";
import { bandPath, linePath, nearest, runs, spread } from "../../../nodes/ui-energy/ui/chart/path.ts";
import { linear, niceTicks } from "../../../nodes/ui-energy/ui/chart/scale.ts";

const same = linear(0, 100, 0, 100);

describe("chart of the dashboard", () => {
	it("breaks a line at a gap and never bridges it", () => {
		assert.equal(linePath([0, 10, 20, 30, 40], [1, 2, null, 3, 4], same, same), "M0.0 1.0L10.0 2.0M30.0 3.0L40.0 4.0");
	});

	it("shows a lone value between two gaps as a dot", () => {
		assert.equal(linePath([0, 10, 20], [null, 5, null], same, same), "M10.0 5.0h0");
	});

	it("closes the band of a forecast over each run of both bounds", () => {
		const path = bandPath([0, 10, 20, 30], [1, 1, null, 1], [3, 3, 3, 3], same, same);
		assert.equal(path, "M0.0 3.0L10.0 3.0L10.0 1.0L0.0 1.0ZM30.0 3.0L30.0 1.0Z");
	});

	it("keeps every value in exactly one run", () => {
		fc.assert(
			fc.property(fc.array(fc.option(fc.double({ noNaN: true }), { nil: null })), (values) => {
				const inRuns = runs(values).flatMap(([start, end]) => values.slice(start, end));
				assert.deepEqual(
					inRuns,
					values.filter((value) => value !== null),
				);
			}),
		);
	});

	it("ticks at round values that enclose the data", () => {
		assert.deepEqual(niceTicks(0, 1834, 4), [0, 500, 1000, 1500, 2000]);
		assert.deepEqual(niceTicks(-3, 11, 4), [-5, 0, 5, 10, 15]);
		fc.assert(
			fc.property(fc.double({ min: 0.001, max: 1e7, noNaN: true }), fc.integer({ min: 2, max: 12 }), (high, count) => {
				const ticks = niceTicks(0, high, count);
				assert.equal(ticks[0], 0);
				assert.ok((ticks.at(-1) ?? 0) >= high * 0.999999);
				assert.ok(ticks.length <= count + 2, `${ticks.length} ticks for ${count}`);
			}),
		);
	});

	it("spreads labels so that none covers another", () => {
		fc.assert(
			fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 9 }), (wishes) => {
				const placed = spread(wishes, 18, 9, 291).sort((a, b) => a - b);
				placed.forEach((y, i) => {
					const before = placed[i - 1];
					assert.ok(before === undefined || y - before >= 18 - 1e-9, `${before} and ${y}`);
				});
			}),
		);
	});

	it("finds the nearest instant", () => {
		assert.equal(nearest([], 5), -1);
		assert.equal(nearest([0, 10, 20], 14), 1);
		assert.equal(nearest([0, 10, 20], 99), 2);
		fc.assert(
			fc.property(fc.uniqueArray(fc.integer(), { minLength: 1 }), fc.integer(), (times, ms) => {
				const sorted = times.sort((a, b) => a - b);
				const found = sorted[nearest(sorted, ms)] ?? Number.NaN;
				assert.equal(Math.abs(found - ms), Math.min(...sorted.map((time) => Math.abs(time - ms))));
			}),
		);
	});

	const hour = 3_600_000;
	const model: ChartModel = {
		fromMs: 0,
		toMs: 24 * hour,
		zone: "Asia/Seoul",
		nowMs: 24 * hour,
		lines: [
			{ id: "total", label: "Total", colour: "#000", times: [0, 12 * hour, 24 * hour], values: [400, 900, 850] },
			{ id: "mill", label: "Mill", colour: "#00f", times: [0, 12 * hour, 24 * hour], values: [100, null, 120] },
		],
	};

	it("draws power from zero, with the clock of the site", () => {
		const drawing = layOut(model, 1000, 300);
		assert.equal(drawing.yTicks[0], 0);
		assert.equal(drawing.y(0), drawing.box.bottom);
		assert.ok(
			drawing.xTicks.some(({ label, day, ms }) => day && label === "01-02" && ms === 15 * hour),
			"midnight in Seoul",
		);
	});

	it("makes room for a limit above all lines", () => {
		const drawing = layOut({ ...model, limits: [{ value: 1400, label: "Contract" }] }, 1000, 300);
		assert.ok((drawing.yTicks.at(-1) ?? 0) >= 1400);
		assert.ok((drawing.limits[0]?.y ?? 0) >= drawing.box.top);
	});

	it("names lines at their ends only where there is room", () => {
		assert.equal(layOut(model, 1000, 300).labels.length, 2);
		assert.equal(layOut(model, 358, 280).labels.length, 0);
	});

	it("cuts a price band at the edges of the window", () => {
		const shade = { fromMs: -hour, toMs: 2 * hour, level: 2 as const, label: "on-peak" };
		const drawing = layOut({ ...model, shades: [shade] }, 1000, 300);
		assert.equal(drawing.shades[0]?.x, drawing.box.left);
	});

	it("reads all lines at one time, and a gap as nothing", () => {
		const reading = readAt(model, 12.2 * hour, hour / 10);
		assert.equal(reading?.ms, 12 * hour);
		assert.deepEqual(
			reading?.readings.map(({ line, value }) => [line.id, value]),
			[
				["total", 900],
				["mill", null],
			],
		);
	});
});
