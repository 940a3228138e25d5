import assert from "node:assert/strict";
import { normalised, probationOf, scaledSigmoid, scoreFile } from "../../../bench/anomaly/nab.ts";
import { StreamDetector } from "../../../models/anomaly/stream.ts";
import { Random } from "../../../models/random.ts";

const HOUR_MS = 3_600_000;

describe("stream detector", () => {
	const random = new Random(4);
	/** Sixty days of hours with a daily wave, a little noise and what is done to it. */
	const decades = (change: (value: number, hour: number) => number): number[] => {
		const detector = new StreamDetector();
		return Array.from({ length: 1_440 }, (_, hour) =>
			detector.add(hour * HOUR_MS, change(50 + 20 * Math.sin((hour * Math.PI) / 12) + random.unit(), hour)),
		);
	};
	const alarms = (of: number[]): number[] => of.flatMap((value, hour) => (value >= 3.25 ? [hour] : []));

	it("is quiet about what happens every day", () => assert.deepEqual(alarms(decades((value) => value)), []));
	it("alarms about a shift while it grows upon it, and no more while it lasts", () => {
		const found = alarms(decades((value, hour) => (hour >= 1_200 ? value + 30 : value)));
		assert.equal(found[0], 1_200);
		assert((found[found.length - 1] as number) < 1_224, String(found));
	});
	it("alarms about a day that did not happen", () => {
		const found = alarms(decades((value, hour) => (hour >= 1_200 && hour < 1_224 ? 50 : value)));
		assert((found[0] ?? 0) >= 1_200 && (found[0] ?? 0) < 1_224, String(found));
	});
	it("passes over what is no number", () => assert.equal(new StreamDetector().add(0, Number.NaN), 0));
});

describe("NAB's scoring function, standard profile", () => {
	const file = {
		name: "f",
		timesMs: Array.from({ length: 1_000 }, (_, i) => i),
		values: Array.from({ length: 1_000 }, () => 0),
		windows: [
			[300, 399],
			[700, 799],
		] as [number, number][],
	};
	const near = (a: number, b: number) => assert(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);

	it("gives 1 for the first row of a window and about nothing for its last", () => {
		near(scoreFile(file, [300, 700]).score, 2);
		assert(Math.abs(scoreFile(file, [399]).score + 1) < 0.03);
	});
	it("counts only the earliest in a window", () => {
		near(scoreFile(file, [300, 301, 350, 700]).score, 2);
	});
	it("takes 1 for a window without a detection", () => near(scoreFile(file, []).score, -2));
	it("takes 0.11 for a false alarm far from a window, less just after one, and nothing in probation", () => {
		near(scoreFile(file, [200, 300, 700]).score, 2 - 0.11);
		const after = 2 - scoreFile(file, [300, 405, 700]).score;
		assert(after > 0 && after < 0.02, String(after));
		near(scoreFile(file, [100, 300, 700]).score, 2);
		assert.deepEqual([probationOf(1_000), probationOf(20_000)], [150, 750]);
	});
	it("puts silence at 0 and the perfect detector at 100", () => {
		assert.deepEqual([normalised(-2, 2), normalised(2, 2)], [0, 100]);
	});
	it("has the sigmoid of the reference: 0.9866 at −1, 0 at the end, −1 far beyond", () => {
		assert(Math.abs(scaledSigmoid(-1) - 0.98661) < 1e-5);
		assert.deepEqual([scaledSigmoid(0), scaledSigmoid(3.1)], [0, -1]);
	});
});
