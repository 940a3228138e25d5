import assert from "node:assert/strict";
import fc from "fast-check";
import type { FloatMatrix } from "../../../models/float-matrix.ts";
import { binned, cutsOf } from "../../../models/forecast/trees/bins.ts";
import { fitBoosting } from "../../../models/forecast/trees/boosting.ts";
import { fitForest } from "../../../models/forecast/trees/forest.ts";
import { derive, type Loss, meanLoss, quantile } from "../../../models/forecast/trees/loss.ts";
import { type TreeArrays, TreeEnsemble } from "../../../models/forecast/trees/tree-ensemble.ts";
import { Random } from "../../../models/random.ts";
import { sharedJson } from "../../shared-data.ts";

interface GivenTree {
	left: number[];
	right: number[];
	feature: number[];
	threshold: number[];
	value: number[];
}

interface References {
	rf_forced_trees: { X: number[][]; trees: GivenTree[]; predict: number[] };
	gbt_deterministic: {
		train_X: number[][];
		train_y: number[];
		params: { learning_rate: number };
		init: number;
		trees: GivenTree[];
		X: number[][];
		predict: number[];
		train_mse_per_stage: number[];
	};
}

function rowsOf(rows: readonly (readonly number[])[]): FloatMatrix {
	return { data: Float32Array.from(rows.flat()), rows: rows.length, columns: rows[0]?.length ?? 0 };
}

/** Trees as scikit-learn numbers their nodes, in our order: a right child beside its left one. */
function arraysOf(trees: readonly GivenTree[]): TreeArrays {
	const offsets = [0];
	const feature: number[] = [];
	const value: number[] = [];
	const left: number[] = [];
	for (const tree of trees) {
		const root = feature.length;
		feature.push(0);
		const pending: [number, number][] = [[0, root]];
		for (let next = pending.shift(); next; next = pending.shift()) {
			const [theirs, ours] = next;
			if ((tree.left[theirs] as number) < 0) {
				feature[ours] = -1;
				value[ours] = tree.value[theirs] as number;
				left[ours] = 0;
				continue;
			}
			feature[ours] = tree.feature[theirs] as number;
			value[ours] = tree.threshold[theirs] as number;
			left[ours] = feature.length;
			feature.push(0, 0);
			pending.push([tree.left[theirs] as number, left[ours] as number]);
			pending.push([tree.right[theirs] as number, (left[ours] as number) + 1]);
		}
		offsets.push(feature.length);
	}
	return {
		offsets: Int32Array.from(offsets),
		feature: Int32Array.from(feature),
		value: Float32Array.from(value),
		left: Int32Array.from(left),
		missingLeft: new Uint8Array(feature.length),
	};
}

/** Friedman's first function with noise: a standard task for regression. */
function friedman(rows: number, seed: number): { x: FloatMatrix; y: Float64Array } {
	const random = new Random(seed);
	const columns = 6;
	const data = Float32Array.from({ length: rows * columns }, () => random.unit());
	const y = new Float64Array(rows);
	for (let i = 0; i < rows; i++) {
		const [a, b, c, d, e] = data.subarray(i * columns, i * columns + 5) as unknown as [
			number,
			number,
			number,
			number,
			number,
		];
		y[i] = 10 * Math.sin(Math.PI * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e + random.unit() - 0.5;
	}
	return { x: { data, rows, columns }, y };
}

const rootMeanSquare = (a: Float64Array, b: Float64Array): number =>
	Math.sqrt(a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0) / a.length);

describe("trees given", () => {
	it("answer as scikit-learn's forest does with the same trees", function () {
		const { rf_forced_trees: given } = sharedJson<References>(this, "conformance/sklearn_1.2.1_refs.json");
		const model = new TreeEnsemble(arraysOf(given.trees), 4, 0, 1 / given.trees.length);
		const said = model.predict(rowsOf(given.X));
		for (const [i, expected] of given.predict.entries()) assert.ok(Math.abs((said[i] as number) / expected - 1) < 1e-6);
	});

	it("answer as scikit-learn's boosting does with the same trees", function () {
		const { gbt_deterministic: given } = sharedJson<References>(this, "conformance/sklearn_1.2.1_refs.json");
		const model = new TreeEnsemble(arraysOf(given.trees), 4, given.init, given.params.learning_rate);
		const said = model.predict(rowsOf(given.X));
		for (const [i, expected] of given.predict.entries()) assert.ok(Math.abs((said[i] as number) / expected - 1) < 1e-6);
	});

	it("are found again by our boosting: exact splits, the same error after every tree", function () {
		const { gbt_deterministic: given } = sharedJson<References>(this, "conformance/sklearn_1.2.1_refs.json");
		const x = rowsOf(given.train_X);
		const y = Float64Array.from(given.train_y);
		// 200 distinct values are fewer than the bins: histograms lose nothing.
		for (const trees of [1, 10, 30]) {
			const model = fitBoosting(x, y, {
				loss: { kind: "squared" },
				trees,
				maxDepth: 3,
				lambda: 0,
				minChildWeight: 0,
				seed: 1,
			});
			const error = rootMeanSquare(model.predict(x), y) ** 2;
			assert.ok(
				Math.abs(error / (given.train_mse_per_stage[trees - 1] as number) - 1) < 1e-4,
				`${trees} trees: ${error}`,
			);
		}
	});
});

describe("boosting", () => {
	const train = friedman(2_000, 1);
	const test = friedman(500, 2);

	it("learns a function that no single column explains", () => {
		const model = fitBoosting(train.x, train.y, { loss: { kind: "squared" }, trees: 200, maxDepth: 4, seed: 1 });
		assert.ok(rootMeanSquare(model.predict(test.x), test.y) < 1.2);
	});

	it("stops when held-out rows no longer gain", () => {
		const model = fitBoosting(
			train.x,
			train.y,
			{ loss: { kind: "absolute" }, trees: 2_000, learningRate: 0.3, patience: 10, seed: 1 },
			test,
		);
		assert.ok(model.trees < 1_000, `${model.trees} trees`);
	});

	it("answers a quantile: that share of the values lies below", () => {
		for (const level of [0.05, 0.5, 0.95]) {
			const model = fitBoosting(train.x, train.y, {
				loss: { kind: "quantile", level },
				trees: 60,
				minRows: 50,
				seed: 1,
			});
			const said = model.predict(train.x);
			const below = train.y.filter((value, i) => value <= (said[i] as number)).length / train.y.length;
			assert.ok(Math.abs(below - level) < 0.04, `${level}: ${below}`);
		}
	});

	it("sends missing values where they gain most", () => {
		const random = new Random(3);
		const data = Float32Array.from({ length: 800 }, () => random.below(100) / 100);
		const y = new Float64Array(800);
		for (let i = 0; i < 800; i++) {
			if (i % 4 === 0) data[i] = Number.NaN;
			// What is missing behaves like the largest, or like the smallest.
			y[i] = Number.isNaN(data[i] as number) ? -3 : (data[i] as number) > 0.5 ? 5 : -3;
		}
		const x = { data, rows: 800, columns: 1 };
		const model = fitBoosting(x, y, { loss: { kind: "squared" }, trees: 50, learningRate: 0.3, seed: 1 });
		assert.ok(rootMeanSquare(model.predict(x), y) < 0.05);
	});

	it("answers a row that lacks everything", () => {
		const model = fitBoosting(train.x, train.y, { loss: { kind: "squared" }, trees: 20, seed: 1 });
		const [said] = model.predict({ data: new Float32Array(6).fill(Number.NaN), rows: 1, columns: 6 });
		assert.ok(Number.isFinite(said));
	});

	it("is the same for the same seed, with rows and columns drawn", () => {
		const options = {
			loss: { kind: "pseudo-huber", delta: 2 },
			trees: 20,
			rowShare: 0.6,
			columnShare: 0.5,
			seed: 7,
		} as const;
		assert.deepEqual(fitBoosting(train.x, train.y, options).arrays, fitBoosting(train.x, train.y, options).arrays);
	});

	it("keeps to its leaves", () => {
		const model = fitBoosting(train.x, train.y, {
			loss: { kind: "squared" },
			trees: 5,
			maxDepth: 20,
			maxLeaves: 7,
			seed: 1,
		});
		for (let tree = 0; tree < 5; tree++) {
			const own = model.arrays.feature.slice(model.arrays.offsets[tree], model.arrays.offsets[tree + 1]);
			assert.equal(own.filter((column) => column < 0).length, 7);
		}
	});

	it("refuses a target that isn't finite", () => {
		assert.throws(
			() => fitBoosting(rowsOf([[1], [2]]), Float64Array.of(1, Number.NaN), { loss: { kind: "squared" }, seed: 1 }),
			RangeError,
		);
	});
});

describe("random forest", () => {
	it("learns, and is the same on one thread and on two", async () => {
		const train = friedman(600, 1);
		const one = await fitForest(train.x, train.y, { trees: 20, threads: 1, seed: 5 });
		assert.ok(rootMeanSquare(one.predict(train.x), train.y) < 2.5);
		const again = await fitForest(train.x, train.y, { trees: 20, threads: 2, seed: 5 });
		assert.deepEqual(again.predict(train.x), one.predict(train.x));
	});
});

describe("losses", () => {
	const losses: Loss[] = [{ kind: "squared" }, { kind: "pseudo-huber", delta: 3 }];
	for (const loss of losses) {
		it(`${loss.kind}: gradient and hessian are the derivatives of the loss`, () => {
			fc.assert(
				fc.property(fc.double({ min: -20, max: 20, noNaN: true }), (residual) => {
					const h = 1e-4;
					const at = (prediction: number): number => meanLoss(loss, Float64Array.of(0), Float64Array.of(prediction));
					// Squared loss is derived as half the square.
					const half = loss.kind === "squared" ? 0.5 : 1;
					const gradients = new Float64Array(2);
					derive(loss, Float64Array.of(0), Float64Array.of(residual), gradients);
					assert.ok(
						Math.abs((gradients[0] as number) - (half * (at(residual + h) - at(residual - h))) / (2 * h)) < 1e-4,
					);
					const second = (half * (at(residual + h) - 2 * at(residual) + at(residual - h))) / h ** 2;
					assert.ok(Math.abs((gradients[1] as number) - second) < 1e-3);
				}),
			);
		});
	}

	it("quantiles are those of the sorted values", () => {
		fc.assert(
			fc.property(
				fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 60 }),
				fc.double({ min: 0, max: 1, noNaN: true }),
				(values, level) => {
					const sorted = [...values].sort((a, b) => a - b);
					const at = (values.length - 1) * level;
					const low = sorted[Math.floor(at)] as number;
					const expected = low + (at - Math.floor(at)) * ((sorted[Math.ceil(at)] as number) - low);
					assert.ok(Math.abs(quantile(Float64Array.from(values), values.length, level) - expected) < 1e-9);
				},
			),
		);
	});
});

describe("bins", () => {
	it("part values exactly as the cuts do, in single precision", () => {
		const value = fc.float({ noNaN: true, min: -1000, max: 1000 });
		fc.assert(
			fc.property(fc.array(value, { minLength: 2, maxLength: 700 }), (values) => {
				const x = rowsOf(values.map((v) => [v]));
				const cuts = cutsOf(x);
				const slots = binned(x, cuts).slots;
				for (const [i, v] of x.data.entries()) {
					const bin = (slots[i] as number) / 2;
					const own = cuts.cuts[0] as Float32Array;
					assert.ok(bin === 0 || v > (own[bin - 1] as number));
					assert.ok(bin === own.length || v <= (own[bin] as number));
				}
			}),
		);
	});
});
