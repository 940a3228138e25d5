import assert from "node:assert/strict";
import { Baseline } from "../../../models/anomaly/baseline.ts";
import { AnomalyEnsemble } from "../../../models/anomaly/ensemble.ts";
import { type Matrix, matrixOf } from "../../../models/matrix.ts";
import { Random } from "../../../models/random.ts";

/** Two channels with noise of ±1; the first one warms up by 10 in 1,000 rows. */
function warming(fromRow: number, rows: number, more: (row: number) => number = () => 0): Matrix {
	const random = new Random(1 + fromRow);
	const noise = (): number => 2 * random.unit() - 1;
	return matrixOf(
		Array.from({ length: rows }, (_, n) => [(fromRow + n) / 100 + noise() + more(fromRow + n), 50 + noise()]),
	);
}
const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("a baseline that follows what wanders", () => {
	const fit = { horizon: 0.75, follow: 3 };

	it("goes with a channel that warms up on as it did in training, where one that stays does not", () => {
		const train = warming(0, 1_000);
		const later = warming(1_000, 2_000);
		const followed = AnomalyEnsemble.fit(train, fit).score(later).score;
		const stayed = AnomalyEnsemble.fit(train, { ...fit, follow: 0 }).score(later).score;
		assert(mean(followed.subarray(1_500)) < 0.2, String(mean(followed.subarray(1_500))));
		assert(mean(stayed.subarray(1_500)) > 0.5, String(mean(stayed.subarray(1_500))));
	});
	it("does not go with a step: what it would need longest for stands out till then", () => {
		const ensemble = AnomalyEnsemble.fit(warming(0, 1_000), fit);
		const { score } = ensemble.score(warming(1_000, 300, (row) => (row >= 1_100 ? 30 : 0)));
		assert(Math.max(...score.subarray(0, 100)) < 0.7);
		assert(Math.min(...score.subarray(110)) > 0.7);
	});
	it("says what is usual now, not what was in training", () => {
		const ensemble = AnomalyEnsemble.fit(warming(0, 1_000), fit);
		const rows = warming(1_000, 1_100, (row) => (row >= 2_090 ? 40 : 0));
		const [first] = ensemble.contributions(rows, ensemble.score(rows), 1_099);
		assert.equal(first?.column, 0);
		assert(Math.abs((first?.usual ?? 0) - 21) < 2, String(first?.usual));
		assert(Math.abs((first?.value ?? 0) - 61) < 8, String(first?.value));
	});
	it("moves by the time that passed, at most by ten rows at once, and passes over what is missing", () => {
		const { baseline } = Baseline.learn(warming(0, 1_000), { speed: 3, fixed: [], steps: undefined });
		const moved = (step: number, value = 1e3): number => {
			const now = baseline.memory("end");
			const before = now[0] as number;
			baseline.apply(matrixOf([[value, 50]]), now, Float64Array.of(step));
			return (now[0] as number) - before;
		};
		const one = moved(1);
		assert(one > 0);
		assert(Math.abs(moved(0.5) - one / 2) < 1e-12);
		assert(Math.abs(moved(500) - 10 * one) < 1e-12);
		assert.equal(moved(1, Number.NaN), 0);
	});
	it("scores the same after it was saved and read back, wherever it had got to", () => {
		const ensemble = AnomalyEnsemble.fit(warming(0, 1_000), fit);
		const copy = AnomalyEnsemble.fromState(structuredClone(ensemble.state));
		const [memory, other] = [ensemble.memory(), copy.memory()];
		for (const from of [1_000, 1_400]) {
			const rows = warming(from, 400);
			assert.deepEqual(ensemble.score(rows, memory).score, copy.score(rows, other).score);
		}
	});
});
