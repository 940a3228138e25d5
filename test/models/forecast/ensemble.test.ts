import assert from "node:assert/strict";
import fc from "fast-check";
import { combine, meanAbsolute, weigh } from "../../../models/forecast/combine.ts";
import { AdaptiveIntervals } from "../../../models/forecast/intervals.ts";
import { Random } from "../../../models/random.ts";

function noisy(rows: number, noise: number, seed: number): Float64Array {
	const random = new Random(seed);
	return Float64Array.from({ length: rows }, (_, i) => 50 + 20 * Math.sin(i / 10) + noise * (random.unit() - 0.5));
}

describe("weights of an ensemble", () => {
	const actual = noisy(2_000, 0, 1);
	const learners = [noisy(2_000, 8, 2), noisy(2_000, 8, 3), noisy(2_000, 60, 4)];

	it("favour who erred less, sum to one, and beat every single learner", () => {
		const combination = weigh(learners, actual);
		assert.ok(Math.abs(combination.weights.reduce((a, b) => a + b, 0) - 1) < 1e-9);
		assert.ok((combination.weights[0] as number) > (combination.weights[2] as number));
		const error = meanAbsolute(combine(learners, combination), actual);
		for (const learner of learners) assert.ok(error < meanAbsolute(learner, actual));
	});

	it("hardly move when a backtest is a week longer", () => {
		const before = weigh(
			learners.map((l) => l.subarray(0, 1_328)),
			actual.subarray(0, 1_328),
		).weights;
		const after = weigh(learners, actual).weights;
		for (const [k, weight] of after.entries()) assert.ok(Math.abs(weight - (before[k] as number)) < 0.1);
	});

	it("keep the answer between the learners', by mean and by median", () => {
		const value = fc.double({ min: -100, max: 100, noNaN: true });
		fc.assert(
			fc.property(
				fc.array(fc.tuple(value, fc.double({ min: 0.01, max: 1, noNaN: true })), { minLength: 1, maxLength: 6 }),
				(given) => {
					const sum = given.reduce((total, [, weight]) => total + weight, 0);
					const weights = given.map(([, weight]) => weight / sum);
					const forecasts = given.map(([own]) => Float64Array.of(own));
					for (const by of ["mean", "median"] as const) {
						const [said = Number.NaN] = combine(forecasts, { weights, by });
						assert.ok(
							said >= Math.min(...given.map(([v]) => v)) - 1e-9 && said <= Math.max(...given.map(([v]) => v)) + 1e-9,
						);
					}
				},
			),
		);
	});
});

describe("members of an ensemble", () => {
	const actual = noisy(3_000, 0, 1);

	it("have no share where they do not help", () => {
		const wild = Float64Array.from(actual, (value, i) => value + (i % 2 === 0 ? 400 : -300));
		const { weights } = weigh([noisy(3_000, 8, 2), wild, noisy(3_000, 8, 3)], actual);
		assert.equal(weights[1], 0);
	});

	it("leave their share to the others where they have no answer", () => {
		const one = Float64Array.of(1, Number.NaN, Number.NaN);
		const two = Float64Array.of(3, 3, Number.NaN);
		const three = Float64Array.of(8, 5, Number.NaN);
		const shares = [0.5, 0.3, 0.2];
		const mean = combine([one, two, three], { weights: shares, by: "mean" });
		assert.ok(Math.abs((mean[0] as number) - 3) < 1e-12 && Math.abs((mean[1] as number) - 3.8) < 1e-12);
		const median = combine([one, two, three], { weights: shares, by: "median" });
		assert.ok((median[1] as number) >= 3 && (median[1] as number) <= 5);
		assert.ok(Number.isNaN(mean[2]) && Number.isNaN(median[2]));
	});

	it("count alike where no backtest says more", () => {
		const { weights } = weigh([new Float64Array(0), new Float64Array(0)], new Float64Array(0));
		assert.deepEqual(weights, [0.5, 0.5]);
	});
});

describe("adaptive intervals", () => {
	/** Values around 100 whose spread triples half-way; learned bounds know nothing of it. */
	function coverage(share: number): { before: number; after: number } {
		const random = new Random(5);
		const intervals = new AdaptiveIntervals(share, 14 * 96, 96);
		const held: boolean[] = [];
		for (let i = 0; i < 96 * 200; i++) {
			const spread = i < 96 * 100 ? 10 : 30;
			const value = 100 + spread * (random.unit() + random.unit() - 1);
			const [low, high] = intervals.bounds(98, 102, 1);
			const inside = value >= low && value <= high;
			held.push(inside);
			intervals.learn(value, 98, 102, 1, inside);
		}
		const share0 = (part: boolean[]): number => part.filter(Boolean).length / part.length;
		return { before: share0(held.slice(96 * 20, 96 * 100)), after: share0(held.slice(96 * 120)) };
	}

	it("hold what they promise, before and after the plant changed", () => {
		for (const share of [0.8, 0.9]) {
			const { before, after } = coverage(share);
			assert.ok(Math.abs(before - share) < 0.02, `${share} before: ${before}`);
			assert.ok(Math.abs(after - share) < 0.02, `${share} after: ${after}`);
		}
	});

	it("go on from what they had learned", () => {
		const intervals = new AdaptiveIntervals(0.9, 100, 96);
		for (let i = 0; i < 150; i++) intervals.learn(i % 20, 5, 10, 1, i % 20 <= 10);
		const again = new AdaptiveIntervals(0.9, 100, 96, JSON.parse(JSON.stringify(intervals.state)));
		assert.deepEqual(again.bounds(5, 10, 1), intervals.bounds(5, 10, 1));
	});

	it("learn nothing from what is unknown", () => {
		const intervals = new AdaptiveIntervals(0.9, 100, 96);
		intervals.learn(Number.NaN, 5, 10, 1, false);
		assert.deepEqual(intervals.state, { scores: [], aim: 1 - 0.9 });
	});
});
