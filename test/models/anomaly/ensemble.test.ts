import assert from "node:assert/strict";
import fc from "fast-check";
import { DriftProfile } from "../../../models/anomaly/drift.ts";
import { AnomalyEnsemble } from "../../../models/anomaly/ensemble.ts";
import { LevelTracker } from "../../../models/anomaly/level.ts";
import { PrincipalComponents } from "../../../models/anomaly/principal-components.ts";
import { Tail } from "../../../models/anomaly/tail.ts";
import { type Matrix, matrixOf } from "../../../models/matrix.ts";
import { Random } from "../../../models/random.ts";

/** Standard normal values, by Box and Muller. */
function normals(rows: number, columns: number, seed: number): Matrix {
	const random = new Random(seed);
	const data = Float64Array.from(
		{ length: rows * columns },
		() => Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit()),
	);
	return { data, rows, columns };
}

describe("tail", () => {
	it("counts inside the sample", () => {
		const tail = Tail.fit(Float64Array.from({ length: 10_000 }, (_, i) => i));
		assert(Math.abs(tail.decades(5_000) - Math.log10(2)) < 0.01);
		assert(Math.abs(tail.decades(8_900) - Math.log10(1 / 0.11)) < 0.05);
	});

	it("goes on beyond it: an exponential's tail to within half a decade at one in a million", () => {
		const random = new Random(5);
		const tail = Tail.fit(Float64Array.from({ length: 20_000 }, () => -Math.log(1 - random.unit())));
		assert(Math.abs(tail.decades(6 * Math.LN10) - 6) < 1, String(tail.decades(6 * Math.LN10)));
	});

	it("never falls as the value rises, and is read back the same", () => {
		fc.assert(
			fc.property(
				fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 }),
				fc.array(fc.double({ min: -1e7, max: 1e7, noNaN: true }), { minLength: 2, maxLength: 20 }),
				(sample, values) => {
					const tail = Tail.fit(sample);
					const copy = Tail.fromState(tail.state);
					let last = 0;
					for (const value of values.sort((a, b) => a - b)) {
						const decades = tail.decades(value);
						assert(decades >= last - 1e-9 && decades <= 12, `${decades} after ${last}`);
						assert.equal(copy.decades(value), decades);
						last = decades;
					}
				},
			),
		);
	});

	it("is bolder with more rows: a small sample's tail is taken for heavier", () => {
		const random = new Random(3);
		const sample = Array.from({ length: 20_000 }, () => -Math.log(1 - random.unit()));
		assert(Tail.fit(sample.slice(0, 150)).decades(20) < Tail.fit(sample).decades(20));
	});
});

describe("principal components", () => {
	it("find the one habit of two channels, and the row that breaks it", () => {
		const base = normals(500, 1, 2).data;
		const noise = normals(500, 1, 3).data;
		const x = matrixOf(Array.from(base, (value, i) => [value, value + 0.05 * (noise[i] as number)]));
		const fitted = PrincipalComponents.fit(x);
		assert.equal(fitted.components, 1);
		const { tSquared, residual } = fitted.score(
			matrixOf([
				[3, 3],
				[1, -1],
			]),
		);
		assert((tSquared[0] as number) > 5 && (residual[0] as number) < 0.1);
		assert((tSquared[1] as number) < 0.1 && (residual[1] as number) > 1.5);
	});
});

describe("anomaly ensemble", () => {
	const rows = normals(3_000, 4, 7);
	const ensemble = AnomalyEnsemble.fit(rows, { horizon: 0.25 });

	it("alarms about fresh usual rows no more often than the score says", () => {
		const { score } = ensemble.score(normals(20_000, 4, 8));
		const share = (limit: number): number => score.filter((value) => value >= limit).length / score.length;
		// One in 100 at 0.33 and one in 16,000 at 0.7; Bonferroni makes it less.
		assert(share(1 / 3) <= 0.02, String(share(1 / 3)));
		assert(share(0.7) <= 0.001, String(share(0.7)));
	});

	it("finds a far row and names its channel with the direction", () => {
		const odd = matrixOf([[0, -9, 0.3, 0]]);
		const scores = ensemble.score(odd);
		assert((scores.score[0] as number) > 0.7, String(scores.score[0]));
		const [first] = ensemble.contributions(odd, scores, 0);
		assert(first?.column === 1 && first.value === -9 && first.deviations < -7, JSON.stringify(first));
	});

	it("finds a small shift that lasts where no single row is odd", () => {
		const shifted = normals(200, 4, 9);
		for (let row = 100; row < 200; row++) shifted.data[row * 4] = (shifted.data[row * 4] as number) + 2.2;
		const { score } = ensemble.score(shifted);
		const most = (from: number, to: number): number => Math.max(...score.subarray(from, to));
		assert(most(120, 200) > most(0, 100), `${most(120, 200)} ${most(0, 100)}`);
		assert(most(120, 200) > 0.5);
	});

	it("is the same again for the same seed, and after a way through its state", () => {
		const again = AnomalyEnsemble.fit(rows, { horizon: 0.25 });
		const read = AnomalyEnsemble.fromState(ensemble.state);
		const { score } = ensemble.score(rows);
		assert.deepEqual(again.score(rows).score, score);
		assert.deepEqual(read.score(rows).score, score);
	});

	it("gives a batch the scores that its rows get one after another", () => {
		const few = normals(50, 4, 11);
		const memory = ensemble.memory();
		const single = Array.from({ length: 50 }, (_, row) => {
			const data = few.data.subarray(row * 4, row * 4 + 4);
			return ensemble.score({ data, rows: 1, columns: 4 }, memory).score[0] as number;
		});
		assert.deepEqual(single, [...ensemble.score(few).score]);
	});

	it("does not alarm about what it learnt where channels came to move together: it keeps the statistics it calibrated", () => {
		const noise = normals(3_000, 3, 11);
		// Alike by 0.6 at first and by 0.97 later: two principal components hold nine tenths of all rows, not of the first.
		const data = noise.data.slice();
		for (let row = 0; row < noise.rows; row++) {
			const alike = row < 1_800 ? 0.6 : 0.97;
			const own = data[row * 3 + 2] as number;
			data[row * 3 + 2] = alike * (data[row * 3] as number) + Math.sqrt(1 - alike ** 2) * own;
		}
		const { score } = AnomalyEnsemble.fit({ ...noise, data }, { horizon: 0.25 }).score({ ...noise, data });
		assert(score.filter((value) => value >= 0.7).length <= 3);
	});
	it("measures distances in what the configuration says, and is calibrated on what its ratio leaves", () => {
		const of = (options: object): string =>
			Array.from(
				AnomalyEnsemble.fit(rows, { horizon: 0.25, ...options })
					.score(rows)
					.score.subarray(0, 200),
			).join();
		const plain = of({});
		assert.equal(of({ trainRatio: 0.8, scaling: "standard" }), plain);
		const others = [{ scaling: "minmax" }, { scaling: "robust" }, { scaling: "none" }, { trainRatio: 0.5 }].map(of);
		assert.equal(new Set([plain, ...others]).size, 5);
	});
	it("tells a person distances in standard deviations, whatever its views measure in", () => {
		const odd = matrixOf([[0, -9, 0.3, 0]]);
		for (const scaling of ["minmax", "robust", "none"] as const) {
			const fitted = AnomalyEnsemble.fit(rows, { horizon: 0, scaling });
			const scores = fitted.score(odd);
			const first = fitted.contributions(odd, scores, 0).find(({ column }) => column === 1);
			assert(scores.score[0] !== undefined && scores.score[0] > 0.7, `${scaling}: ${scores.score[0]}`);
			assert(Math.abs((first?.deviations ?? 0) + 9) < 0.6, `${scaling}: ${first?.deviations}`);
		}
	});
	it("leaves constant and empty columns out and says so", () => {
		const x = normals(300, 4, 1);
		for (let row = 0; row < 300; row++) {
			x.data[row * 4 + 1] = 5;
			x.data[row * 4 + 2] = Number.NaN;
		}
		const fitted = AnomalyEnsemble.fit(x);
		assert.deepEqual(fitted.leftOut, [
			{ column: 1, why: "constant" },
			{ column: 2, why: "empty" },
		]);
		assert(fitted.score(x).score.every(Number.isFinite));
	});

	it("takes a missing value for usual and judges nothing where most are missing", () => {
		const { score, missing } = ensemble.score(
			matrixOf([
				[Number.NaN, 0, 0, 0],
				[Number.NaN, Number.NaN, Number.NaN, 9],
			]),
		);
		assert((score[0] as number) < 0.5);
		assert(Number.isNaN(score[1]));
		assert.deepEqual([...missing], [1, 3]);
	});

	it("refuses to learn from too few rows, and rows of another width", () => {
		assert.throws(() => AnomalyEnsemble.fit(normals(1, 4, 1)), { code: "models.too-little-data" });
		assert.throws(() => AnomalyEnsemble.fit(matrixOf(Array.from({ length: 50 }, () => [1]))), {
			code: "models.too-little-data",
		});
		assert.throws(() => ensemble.score(normals(2, 3, 1)), RangeError);
	});

	it("never gives a score outside 0…1, whatever the numbers", () => {
		fc.assert(
			fc.property(fc.array(fc.double(), { minLength: 4, maxLength: 4 }), (row) => {
				const { score } = ensemble.score(matrixOf([row]));
				const [value] = score as unknown as [number];
				assert(Number.isNaN(value) || (value >= 0 && value <= 1), String(value));
			}),
		);
	});
});

describe("drift watch", () => {
	it("stays low for the same population and rises for another", () => {
		const profile = DriftProfile.fit(normals(5_000, 2, 1));
		const same = profile.watch();
		same.add(normals(5_000, 2, 2));
		assert(same.index().every((value) => value < 0.02));
		const moved = profile.watch();
		const x = normals(5_000, 2, 3);
		for (let row = 0; row < x.rows; row++) x.data[row * 2] = (x.data[row * 2] as number) + 1;
		moved.add(x);
		const [first, second] = moved.index();
		assert((first as number) > 0.25 && (second as number) < 0.02);
	});
	it("lets a week be as far from the others as a week of the training was", () => {
		const HOUR_MS = 3_600_000;
		/** Four weeks of hours; in the second one the plant is closed. */
		const weeks = normals(4 * 168, 1, 3);
		const closed = weeks.data.slice();
		for (let hour = 168; hour < 336; hour++) closed[hour] = (closed[hour] as number) - 3;
		const times = Float64Array.from({ length: 4 * 168 }, (_, hour) => hour * HOUR_MS);
		const [plain] = DriftProfile.fit(weeks, times).limits;
		const profile = DriftProfile.fit({ ...weeks, data: closed }, times);
		const now = profile.watch();
		now.add({ ...normals(168, 1, 5), data: normals(168, 1, 5).data.map((value) => value - 3) });
		assert((plain as number) < 0.5, String(plain));
		assert((now.index()[0] as number) > 0.25);
		assert((now.index()[0] as number) < (profile.limits[0] as number), `${now.index()[0]} ${profile.limits[0]}`);
	});
	it("judges nothing by less than a week: who saw no Sunday can't tell whether a week is as usual", () => {
		const times = Float64Array.from({ length: 96 }, (_, hour) => hour * 3_600_000);
		assert.equal(DriftProfile.fit(normals(96, 1, 3), times).limits[0], Number.POSITIVE_INFINITY);
		const copy = DriftProfile.fromState(DriftProfile.fit(normals(96, 1, 3), times).state);
		assert.equal(copy.limits[0], Number.POSITIVE_INFINITY);
	});
	it("counts readings that come faster than it learnt for what they are: a part of one", () => {
		const profile = DriftProfile.fit(normals(5_000, 1, 1));
		const [slow, fast] = [profile.watch(), profile.watch()];
		slow.add(normals(600, 1, 2));
		fast.add(normals(600, 1, 2), new Float64Array(600).fill(1 / 60));
		assert.equal(slow.rows, 600);
		assert(Math.abs(fast.rows - 10) < 1e-9);
	});
});

describe("level of a machine", () => {
	const levels = (scores: number[]): string => {
		const tracker = new LevelTracker();
		return scores.map((score) => (tracker.add(score) ? tracker.level : ".")).join(" ");
	};
	it("rises after three readings in a row and falls after five that are clearly below", () => {
		assert.equal(levels([0.8, 0.8, 0.2, 0.8, 0.8, 0.8]), ". . . . . warning");
		assert.equal(levels([0.8, 0.8, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1]), ". . warning . . . . normal");
	});
	describe("of readings that come sixty times as fast as the model's", () => {
		/** Seconds until the level is raised, of a score at each second; undefined where it never is. */
		const raisedAfter = (score: (second: number) => number, seconds = 3_600): number | undefined => {
			const tracker = new LevelTracker();
			for (let second = 0; second < seconds; second++) {
				tracker.add(score(second), 1 / 60);
				if (tracker.level !== "normal") return second;
			}
			return undefined;
		};
		it("rises as late as at the cadence itself: with what lasts for three of its readings", () => {
			assert.equal(
				raisedAfter(() => 0.8),
				120,
			);
			assert.equal(
				raisedAfter((second) => (second % 600 < 90 ? 0.8 : 0.2)),
				undefined,
			);
		});
		it("is not put off by a single second that disagrees, but by one in three", () => {
			assert.equal((raisedAfter((second) => (second % 30 === 0 ? 0.2 : 0.8)) ?? 3_600) < 180, true);
			assert.equal(
				raisedAfter((second) => (second % 3 === 0 ? 0.2 : 0.8)),
				undefined,
			);
		});
		it("falls after what five readings of the cadence last", () => {
			const tracker = new LevelTracker();
			for (let n = 0; n < 3; n++) tracker.add(0.8);
			let seconds = 0;
			while (tracker.level !== "normal") {
				tracker.add(0.1, 1 / 60);
				seconds++;
			}
			assert(seconds >= 240 && seconds <= 300, String(seconds));
		});
	});
	it("does not fall while the score swings about its threshold", () => {
		assert.equal(
			levels([0.8, 0.8, 0.8, ...Array.from({ length: 20 }, (_, i) => (i % 2 ? 0.72 : 0.65))]).includes("normal"),
			false,
		);
	});
	it("goes on to critical, and from there through warning where the score stays there", () => {
		assert.equal(levels([0.75, 0.75, 0.75, 0.95, 0.95, 0.95]), ". . warning . . critical");
		assert.equal(levels([1, 1, 1, 0.75, 0.75, 0.75, 0.75, 0.75]), ". . critical . . . . warning");
	});
});
