import assert from "node:assert/strict";
import fc from "fast-check";
import { counterDifference, type QuarterFigures, QuarterFold, quartersOf } from "../../../lib/telemetry/aggregate.ts";

const SECOND = 1_000;
const MIN = 60 * SECOND;
const QUARTER = 15 * MIN;
const START = Date.UTC(2026, 10, 22, 1);

/** [time, power, counter]; null where the reading has none. */
type Sample = readonly [number, number | null, number | null];

function quarters(samples: readonly Sample[], rolloverKwh?: number): QuarterFigures[] {
	return quartersOf(
		{
			timeMs: Float64Array.from(samples, ([at]) => at),
			powerKw: Float64Array.from(samples, ([, power]) => power ?? Number.NaN),
			energyKwh: Float64Array.from(samples, ([, , energy]) => energy ?? Number.NaN),
			uncertain: new Uint8Array(samples.length),
		},
		rolloverKwh,
	);
}

const minutes = (from: number, to: number, sample: (minute: number) => readonly [number | null, number | null]) =>
	Array.from({ length: to - from }, (_, i): Sample => [START + (from + i) * MIN, ...sample(from + i)]);
const energies = (figures: readonly QuarterFigures[]): number[] =>
	figures.map(({ energyKwh }) => Math.round(energyKwh * 1e6) / 1e6);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const near = (actual: number, expected: number, scale = 1): void =>
	assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(scale)), `${actual} is not ${expected}`);

describe("quarter-hours from power", () => {
	it("integrates a constant power exactly", () => {
		const [first] = quarters(minutes(0, 16, () => [60, null]));
		assert.equal(first?.energyKwh, 15);
		assert.equal(first?.meanKw, 60);
		assert.equal(first?.coverage, 1);
		assert.equal(first?.uncertain, false);
		assert.equal(first?.samples, 15);
	});

	it("integrates a ramp by the trapezoid rule and splits it at the edge", () => {
		const figures = quarters(minutes(0, 31, (minute) => [minute, null]));
		assert.deepEqual(energies(figures).slice(0, 2), [1.875, 5.625]);
	});

	it("keeps the peak and the dip of the samples", () => {
		const [first] = quarters(minutes(0, 16, (minute) => [minute === 7 ? 500 : minute === 9 ? 1 : 60, null]));
		assert.deepEqual([first?.maxKw, first?.minKw], [500, 1]);
	});

	it("calls the energy over a gap estimated, and does not let it count as covered", () => {
		const [first] = quarters([...minutes(0, 3, () => [60, null]), ...minutes(13, 16, () => [60, null])]);
		near(first?.energyKwh ?? 0, 15);
		near(first?.estimatedKwh ?? 0, 11);
		near(first?.coverage ?? 0, 4 / 15);
		assert.equal(first?.uncertain, true);
	});

	it("makes up no energy over a silence of more than an hour", () => {
		const figures = quarters([...minutes(0, 16, () => [60, null]), ...minutes(120, 136, () => [60, null])]);
		assert.deepEqual(energies(figures), [15, 0, 15, 0]);
	});
});

describe("quarter-hours from a counter", () => {
	it("take the difference of the counter, not the power beside it", () => {
		const [first] = quarters(minutes(0, 16, (minute) => [999, 100 + minute * 2]));
		assert.equal(first?.energyKwh, 30);
		assert.equal(first?.meanKw, 120);
		assert.equal(first?.maxKw, 999);
	});

	it("never push the energy of a missed poll into the next quarter-hour", () => {
		const all = minutes(0, 31, (minute) => [null, minute]);
		const missed = all.filter((_, minute) => minute < 13 || minute > 17);
		assert.deepEqual(energies(quarters(missed)), energies(quarters(all)));
	});

	it("spread what was counted over a long gap evenly, as an estimate", () => {
		const figures = quarters([
			[START, null, 100],
			[START + 4 * QUARTER, null, 140],
		]);
		assert.deepEqual(energies(figures), [10, 10, 10, 10]);
		for (const { estimatedKwh, coverage, uncertain } of figures) {
			assert.deepEqual([Math.round(estimatedKwh), coverage, uncertain], [10, 0, true]);
		}
	});

	it("know the energy of a quarter-hour that is polled only at its edges, give or take some seconds", () => {
		const figures = quarters([
			[START + 2 * SECOND, null, 100],
			[START + QUARTER + 5 * SECOND, null, 115],
			[START + 2 * QUARTER + 1 * SECOND, null, 130],
		]);
		assert.deepEqual(
			figures.slice(0, 2).map(({ estimatedKwh, uncertain }) => [estimatedKwh, uncertain]),
			[
				[0, false],
				[0, false],
			],
		);
	});

	it("overrule, once they arrive, what power said meanwhile", () => {
		const power = minutes(0, 40, () => [60, null]);
		const counters: Sample[] = [
			[START, null, 100],
			[START + 30 * MIN + SECOND, null, 160],
		];
		const figures = quarters([...power, ...counters].sort((a, b) => a[0] - b[0]));
		near(sum(figures.map(({ energyKwh }) => energyKwh)), 60 + (60 * (9 * MIN - SECOND)) / 3_600_000);
	});

	it("are shared out as power went, where the counter is read seldom", () => {
		const figures = quarters(
			minutes(0, 61, (minute) => [minute < 30 ? 120 : 40, minute === 0 ? 1_000 : minute === 60 ? 1_088 : null]),
		);
		assert.deepEqual(
			figures
				.slice(0, 4)
				.map(({ energyKwh, estimatedKwh, uncertain }) => [Math.round(energyKwh), estimatedKwh, uncertain]),
			[
				[33, 0, false],
				[33, 0, false],
				[11, 0, false],
				[11, 0, false],
			],
		);
		near(sum(figures.map(({ energyKwh }) => energyKwh)), 88);
	});

	it("leave power to speak after the counter has stopped", () => {
		const figures = quarters(minutes(0, 46, (minute) => [60, minute <= 15 ? 100 + minute : null]));
		assert.deepEqual(energies(figures).slice(0, 3), [15, 15, 15]);
	});
});

describe("a counter that falls", () => {
	const cases: [string, number, number, number | undefined, number, boolean][] = [
		["rolls over at its own limit", 9_990, 5, 10_000, 15, false],
		["rolls over at a limit it was seen to near", 99_999.5, 0.5, undefined, 1, false],
		["rolls over at 32 bits of Wh", 4_294_967, 0.704, undefined, 1, false],
		["was reset: what it shows since counts", 5_000, 3, undefined, 3, true],
		["was rounded down a little: sums still follow it", 5_000, 4_999.9, undefined, -0.1, false],
		["belongs to another meter: unknown", 5_000, 3_000, undefined, Number.NaN, true],
	];
	for (const [name, from, to, limit, kwh, reset] of cases) {
		it(name, () => {
			const difference = counterDifference(from, to, limit);
			if (Number.isNaN(kwh)) assert.ok(Number.isNaN(difference.kwh));
			else assert.ok(Math.abs(difference.kwh - kwh) < 1e-6, `${difference.kwh}`);
			assert.equal(difference.reset, reset);
		});
	}

	it("leaves the word to power where there is some", () => {
		const figures = quarters(minutes(0, 16, (minute) => [60, minute < 8 ? 5_000 + minute : minute - 8]));
		near(figures[0]?.energyKwh ?? 0, 15);
		assert.equal(figures[0]?.uncertain, true);
	});
});

describe("a meter exchanged for one that stands higher", () => {
	const run = (power: number | null) => {
		const fold = new QuarterFold(Number.NEGATIVE_INFINITY);
		for (let minute = 0; minute <= 15; minute++) {
			const counter = minute < 8 ? 1_000 + minute : 90_000 + minute;
			fold.push(START + minute * MIN, power ?? Number.NaN, counter, false, minute === 8);
		}
		return fold.drain()[0] as QuarterFigures;
	};

	it("adds no energy for the step up: power says what was drawn meanwhile", () => {
		near(run(60).energyKwh, 15);
	});

	it("leaves a gap where power is silent, never a peak", () => {
		const { energyKwh, coverage } = run(null);
		near(energyKwh, 14);
		near(coverage, 14 / 15);
	});
});

describe("whatever the readings", () => {
	const samples = fc
		.array(
			fc.record({
				gap: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 9_000 })),
				power: fc.option(fc.double({ min: -50, max: 500, noNaN: true })),
				step: fc.option(fc.double({ min: 0, max: 50, noNaN: true })),
			}),
			{ minLength: 2, maxLength: 80 },
		)
		.map((steps) => {
			let at = START;
			let counter = 1_000;
			return steps.map(({ gap, power, step }): Sample => {
				at += gap * SECOND;
				counter += step ?? 0;
				return [at, power, step === null ? null : counter];
			});
		});

	it("the energy of all quarter-hours is what the counter counted", () => {
		fc.assert(
			fc.property(samples, (all) => {
				const counted = all
					.filter(([, , counter]) => counter !== null)
					.map(([at, , counter]): Sample => [at, null, counter]);
				const [first, last] = [counted[0]?.[2] ?? 0, counted.at(-1)?.[2] ?? 0];
				near(sum(quarters(counted).map(({ energyKwh }) => energyKwh)), last - first, last);
			}),
		);
	});

	it("figures are in order: min ≤ mean ≤ max, coverage within 0…1, estimates within the energy's time", () => {
		fc.assert(
			fc.property(samples, (all) => {
				for (const { minKw, meanKw, maxKw, coverage, spanMs } of quarters(all)) {
					assert.ok(minKw <= meanKw && meanKw <= maxKw);
					assert.ok(coverage >= 0 && coverage <= 1 && spanMs <= QUARTER);
				}
			}),
		);
	});

	it("taking them in pieces changes nothing, not a bit", () => {
		fc.assert(
			fc.property(samples, fc.integer({ min: 1, max: 9 }), (all, piece) => {
				const fold = new QuarterFold(Number.NEGATIVE_INFINITY);
				const seen = new Map<number, QuarterFigures>();
				let redo = false;
				for (const [index, [at, power, energy]] of all.entries()) {
					// A counter that speaks after a long silence is the case where the store recomputes from its readings.
					if (energy !== null && !fold.holdsSinceCounter()) redo = true;
					fold.push(at, power ?? Number.NaN, energy ?? Number.NaN, false);
					if (index % piece === 0) for (const figures of fold.drain()) seen.set(figures.startMs, figures);
				}
				for (const figures of fold.drain()) seen.set(figures.startMs, figures);
				if (redo) return;
				assert.deepEqual(
					[...seen.values()].sort((a, b) => a.startMs - b.startMs),
					quarters(all),
				);
			}),
		);
	});
});
