import assert from "node:assert/strict";
import fc from "fast-check";
import { averagePathLength, type ForestTrees, IsolationForest } from "../../../models/anomaly/isolation-forest.ts";
import { LocalOutlierFactor } from "../../../models/anomaly/local-outlier-factor.ts";
import { NeighbourSearch } from "../../../models/anomaly/neighbours.ts";
import { type Matrix, matrixOf, pickRows } from "../../../models/matrix.ts";
import { Random } from "../../../models/random.ts";
import { sharedJson, sharedRows } from "../../shared-data.ts";

interface Tree {
	left: number[];
	right: number[];
	feature: number[];
	threshold: number[];
	n: number[];
}

interface References {
	average_path_length: { n: number[]; c: number[] };
	lof_toy8: { X: number[][]; k: number; lof: number[] };
	lof_cardio_trial0: { k: number; test_lof: number[] };
	iforest_forced_trees: {
		max_samples: number;
		X: number[][];
		trees: Tree[];
		features: number[][];
		score_samples: number[];
	};
}

const references = (test: Mocha.Context) => sharedJson<References>(test, "conformance/sklearn_1.2.1_refs.json");

/** Lays trees of left and right pointers out as ours: siblings side by side. */
function layOut(trees: readonly Tree[]): ForestTrees {
	const feature: number[] = [];
	const value: number[] = [];
	const left: number[] = [];
	const offsets = [0];
	for (const tree of trees) {
		const queue = [{ node: 0, depth: 0, at: feature.length }];
		let next = feature.length + 1;
		for (const { node, depth, at } of queue) {
			const leaf = tree.left[node] === -1;
			feature[at] = leaf ? -1 : (tree.feature[node] as number);
			value[at] = leaf ? depth + averagePathLength(tree.n[node] as number) : (tree.threshold[node] as number);
			left[at] = leaf ? 0 : next;
			if (leaf) continue;
			queue.push({ node: tree.left[node] as number, depth: depth + 1, at: next });
			queue.push({ node: tree.right[node] as number, depth: depth + 1, at: next + 1 });
			next += 2;
		}
		offsets.push(feature.length);
	}
	return {
		offsets: Int32Array.from(offsets),
		feature: Int32Array.from(feature),
		value: Float64Array.from(value),
		left: Int32Array.from(left),
	};
}

/** Columns scaled by mean and deviation of the training rows. */
function zScored(train: number[][], rows: number[][]): Matrix {
	const columns = (train[0] as number[]).map((_, column) => train.map((row) => row[column] as number));
	const scales = columns.map((values) => {
		const mean = values.reduce((a, b) => a + b) / values.length;
		return { mean, deviation: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length) || 1 };
	});
	return matrixOf(rows.map((row) => scales.map(({ mean, deviation }, c) => ((row[c] as number) - mean) / deviation)));
}

function randomMatrix(rows: number, columns: number, seed: number): Matrix {
	const random = new Random(seed);
	return { data: Float64Array.from({ length: rows * columns }, () => random.unit()), rows, columns };
}

describe("isolation forest", () => {
	it("knows the mean path length to 1e-12", function () {
		const { n, c } = references(this).average_path_length;
		for (const [index, rows] of n.entries()) {
			assert(Math.abs(averagePathLength(rows) - (c[index] as number)) <= 1e-12, `c(${rows})`);
		}
	});

	it("scores as scikit-learn does, given the same trees", function () {
		const { trees, X, score_samples, max_samples, features } = references(this).iforest_forced_trees;
		// Each tree counts columns among those it was given.
		const own = trees.map((tree, t) => ({
			...tree,
			feature: tree.feature.map((column) => (column < 0 ? -1 : (features[t]?.[column] as number))),
		}));
		const scores = new IsolationForest(layOut(own), max_samples, 6).score(matrixOf(X));
		for (const [row, expected] of score_samples.entries()) {
			assert(Math.abs((scores[row] as number) + expected) <= 1e-9, `row ${row}: ${scores[row]} for ${-expected}`);
		}
	});

	it("is the same forest for the same seed, and another for another", () => {
		const x = randomMatrix(500, 3, 1);
		const score = (seed: number) => IsolationForest.fit(x, { seed }).score(x);
		assert.deepEqual(score(7), score(7));
		assert.notDeepEqual(score(7), score(8));
	});

	it("sets a lone row apart from a crowd", () => {
		const x = randomMatrix(300, 2, 3);
		const scores = IsolationForest.fit(x, { seed: 1 }).score(
			matrixOf([
				[0.5, 0.5],
				[4, -3],
			]),
		);
		assert((scores[1] as number) > 0.65 && (scores[0] as number) < 0.5, String(scores));
	});

	it("bears constant columns and a single row", () => {
		const same = matrixOf([
			[1, 2],
			[1, 2],
			[1, 2],
		]);
		assert(IsolationForest.fit(same, { seed: 1 }).score(same).every(Number.isFinite));
		const one = matrixOf([[1, 2]]);
		assert.deepEqual([...IsolationForest.fit(one, { seed: 1 }).score(one)], [0.5]);
	});
});

describe("local outlier factor", () => {
	it("equals scikit-learn's on a toy", function () {
		const { X, k, lof } = references(this).lof_toy8;
		const { fitted } = new LocalOutlierFactor(matrixOf(X), k);
		for (const [row, expected] of lof.entries()) assert(Math.abs((fitted[row] as number) - expected) <= 1e-9);
	});

	it("equals scikit-learn's on new rows of cardio to 1e-6", function () {
		const { k, test_lof } = references(this).lof_cardio_trial0;
		const features = (rows: number[][]) => rows.map((row) => row.slice(0, 21));
		const train = features(sharedRows(this, "conformance/cardio_trial0_train.csv"));
		const test = features(sharedRows(this, "conformance/cardio_trial0_test.csv"));
		const scores = new LocalOutlierFactor(zScored(train, train), k).score(zScored(train, test));
		assert.equal(scores.length, test_lof.length);
		for (const [row, expected] of test_lof.entries()) assert(Math.abs((scores[row] as number) - expected) <= 1e-6);
	});

	it("stays finite where rows coincide", () => {
		const x = matrixOf(Array.from({ length: 30 }, () => [1, 1]));
		assert(
			new LocalOutlierFactor(x, 5)
				.score(
					matrixOf([
						[1, 1],
						[2, 2],
					]),
				)
				.every(Number.isFinite),
		);
	});
});

describe("neighbour search", () => {
	it("finds what a full search finds", () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 2, max: 120 }),
				fc.integer({ min: 1, max: 6 }),
				fc.integer({ min: 1, max: 10 }),
				fc.integer(),
				fc.boolean(),
				(rows, columns, wanted, seed, coarse) => {
					const x = randomMatrix(rows, columns, seed);
					// Coarse values make many equal distances.
					if (coarse) x.data.set(x.data.map((value) => Math.round(value * 3)));
					const k = Math.min(wanted, rows - 1);
					const found = new NeighbourSearch(x).nearest(x, k, true);
					for (let row = 0; row < rows; row++) {
						const full = Array.from({ length: rows }, (_, other) => ({ other, d: distance(x, row, other) }))
							.filter(({ other }) => other !== row)
							.sort((a, b) => a.d - b.d || a.other - b.other)
							.slice(0, k);
						assert.deepEqual(
							[...found.index.subarray(row * k, (row + 1) * k)],
							full.map(({ other }) => other),
						);
					}
				},
			),
			{ numRuns: 60 },
		);
	});
});

function distance(x: Matrix, a: number, b: number): number {
	const [p, q] = [pickRows(x, [a]).data, pickRows(x, [b]).data];
	return Math.sqrt(p.reduce((sum, value, i) => sum + (value - (q[i] as number)) ** 2, 0));
}
