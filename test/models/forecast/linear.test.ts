import assert from "node:assert/strict";
import { WindowRidge } from "../../../models/forecast/linear.ts";
import { Random } from "../../../models/random.ts";

const rhythm = (length: number, level = 0): Float64Array =>
	Float64Array.from({ length }, (_, i) => level + Math.sin(i / 3) + 0.4 * Math.cos(i / 7));

describe("ridge on last-value-normalised windows", () => {
	const ridgeOn = (values: Float64Array, lambda = 1e-6) =>
		WindowRidge.fit([values], { window: 24, horizon: 6, lambdas: [lambda] })[0] as WindowRidge;

	it("finds the recurrence of a rhythm exactly, at any level", () => {
		const model = ridgeOn(rhythm(400));
		const shifted = rhythm(500, 1_000);
		const path = model.predict(shifted, 450);
		for (const [h, value] of path.entries()) assert.ok(Math.abs(value - (shifted[450 + h] as number)) < 1e-3);
	});

	it("solves the normal equations", () => {
		const random = new Random(2);
		const values = Float64Array.from({ length: 300 }, () => random.unit());
		const model = WindowRidge.fit([values], { window: 3, horizon: 1, lambdas: [5] })[0] as WindowRidge;
		// At the minimum of the penalised squares the slope along every weight is zero.
		const slopes = [0, 0, 0];
		for (let end = 3; end < 300; end++) {
			const last = values[end - 1] as number;
			const residual = (values[end] as number) - (model.predict(values, end)[0] as number);
			for (let i = 0; i < 3; i++)
				slopes[i] = (slopes[i] as number) - residual * ((values[end - 3 + i] as number) - last);
		}
		for (let i = 0; i < 2; i++) assert.ok(Math.abs((slopes[i] as number) + 5 * (model.weights[i] as number)) < 1e-9);
	});

	it("leaves windows with gaps out, and says nothing after one", () => {
		const values = rhythm(400);
		values.fill(Number.NaN, 200, 210);
		const model = ridgeOn(values);
		assert.ok(model.predict(values, 215).every(Number.isNaN));
		assert.ok(model.predict(values, 300).every(Number.isFinite));
		assert.ok(model.predict(values, 10).every(Number.isNaN));
	});

	it("refuses a series without one whole window", () => {
		assert.throws(() => ridgeOn(rhythm(20)), RangeError);
	});

	it("averages models of different windows into one", () => {
		const values = rhythm(400);
		const parts = [12, 24].map(
			(window) => WindowRidge.fit([values], { window, horizon: 6, lambdas: [1] })[0] as WindowRidge,
		);
		const mean = WindowRidge.mean(parts).predict(values, 300);
		const [a, b] = parts.map((part) => part.predict(values, 300)) as [Float64Array, Float64Array];
		for (const [h, value] of mean.entries())
			assert.ok(Math.abs(value - ((a[h] as number) + (b[h] as number)) / 2) < 1e-9);
	});
});
