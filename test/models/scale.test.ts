import assert from "node:assert/strict";
import fc from "fast-check";
import { scaleOf } from "../../models/training/scale.ts";
import { scalingMethods } from "../../models/training/settings.ts";

const near = (a: number, b: number): void => assert.ok(Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)), `${a} ${b}`);

describe("The scale of a column", () => {
	const load = Float64Array.of(0, Number.NaN, 10, 20, 30, 140);

	it("is what its name says, unknown values left out", () => {
		const standard = scaleOf(load, "standard");
		near(standard.offset, 40);
		near(standard.size, Math.sqrt((1600 + 900 + 400 + 100 + 10_000) / 5));
		assert.deepEqual(scaleOf(load, "minmax"), { offset: 0, size: 140, usual: 40 });
		assert.deepEqual(scaleOf(load, "robust"), { offset: 20, size: 20, usual: 20 });
		assert.deepEqual(scaleOf(load, "none"), { offset: 0, size: 1, usual: 40 });
	});

	it("takes the deviation where a machine stands still more than half of the time", () => {
		const idle = Float64Array.of(0, 0, 0, 0, 0, 0, 0, 80);
		assert.deepEqual(scaleOf(idle, "robust"), { offset: 0, size: scaleOf(idle, "standard").size, usual: 0 });
	});

	it("is always one that can be divided by, and goes along with the unit", () => {
		const value = fc.oneof(fc.constant(Number.NaN), fc.integer({ min: -1e6, max: 1e6 }));
		fc.assert(
			fc.property(
				fc.array(value, { maxLength: 50 }),
				fc.constantFrom(...scalingMethods),
				fc.constantFrom(0.5, 4, 1024),
				(values, method, by) => {
					const scale = scaleOf(Float64Array.from(values), method);
					assert.ok(scale.size > 0 && Object.values(scale).every(Number.isFinite));
					const other = scaleOf(
						Float64Array.from(values, (one) => one * by),
						method,
					);
					if (method === "none" || new Set(values.filter((one) => !Number.isNaN(one))).size < 2) return;
					near(other.offset / by, scale.offset);
					near(other.size / by, scale.size);
				},
			),
		);
	});
});
