import assert from "node:assert/strict";
import fc from "fast-check";
import { PowerHabits, slotOf } from "../../../models/anomaly/habits.ts";
import { WindowMean } from "../../../models/anomaly/window-mean.ts";
import { Random } from "../../../models/random.ts";

const MINUTE = 60_000;

/** Half-hourly means of working days, three values each half-hour; `at` says what a day's half-hour shows. */
function history(days: number, at: (day: number, slot: number, random: () => number) => number) {
	const random = new Random(3);
	const means: number[] = [];
	const slots: number[] = [];
	const dayOf: number[] = [];
	for (let day = 0; day < days; day++) {
		for (let slot = 0; slot < 48; slot++) {
			for (let n = 0; n < 3; n++) {
				means.push(at(day, slot, () => random.unit()));
				slots.push(slot);
				dayOf.push(day);
			}
		}
	}
	return { means: Float64Array.from(means), slots: Uint8Array.from(slots), days: Int32Array.from(dayOf) };
}
const fitted = (days: number, at: Parameters<typeof history>[1]) => {
	const { means, slots, days: dayOf } = history(days, at);
	return PowerHabits.fit(means, slots, dayOf, 0.5);
};

describe("habits of a machine's mean power", () => {
	const NOON = 24;
	it("are what was seen at that half-hour; what is beyond is counted in spreads, above and below", () => {
		const habits = fitted(20, (_, slot, random) => (slot < 16 ? 10 : 60) + 4 * random());
		assert.equal(habits.gap(62, NOON), 0);
		assert.ok(habits.gap(75, NOON) > 5 && habits.gap(50, NOON) < -5);
		assert.ok(habits.gap(62, 4) > 20, "usual by day, not at night");
		assert.ok(Math.abs(habits.usual(75, NOON) - 62) < 1);
	});

	it("are two where machines take turns: what lies between is as unusual as what lies beyond", () => {
		const habits = fitted(20, (day, _, random) => (Math.floor(day / 5) % 2 ? 68 : 22) + 4 * random());
		assert.equal(habits.gap(24, NOON), 0);
		assert.equal(habits.gap(70, NOON), 0);
		assert.ok(habits.gap(45, NOON) !== 0 && Math.abs(habits.gap(45, NOON)) > 5);
		assert.ok(Math.abs(habits.usual(35, NOON) - 24) < 1);
	});

	it("are not made by one day", () => {
		const habits = fitted(20, (day, _, random) => (day === 7 ? 68 : 22) + 4 * random());
		assert.ok(Math.abs(habits.gap(69, NOON)) > 5);
	});

	it("say nothing of a kind of day that was hardly seen", () => {
		assert.ok(Number.isNaN(fitted(20, () => 10).gap(10, slotOf(6, 720))));
	});

	it("judge a day they learn from by the other days", () => {
		const { means, slots, days } = history(20, (day, _, random) => (day === 7 ? 68 : 22) + 4 * random());
		const gaps = PowerHabits.unseen(means, slots, days, 0.5);
		for (let row = 0; row < gaps.length; row++) {
			if (days[row] === 7) assert.ok((gaps[row] as number) > 5);
			else assert.ok(Math.abs(gaps[row] as number) < 3);
		}
	});

	it("count a shift that ended half an hour late as usual", () => {
		const habits = fitted(20, (_, slot) => (slot < 44 ? 60 : 5));
		assert.equal(habits.gap(60, 44), 0);
		assert.ok(habits.gap(60, 46) > 20);
	});

	it("are read back as they were", () => {
		const habits = fitted(20, (_, slot, random) => slot + random());
		const copy = PowerHabits.fromState(habits.state);
		assert.equal(copy.gap(99, NOON), habits.gap(99, NOON));
	});
});

describe("mean power of a window", () => {
	it("is that of the counter, however readings fall, and power needs not be known", () => {
		const gaps = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 60, maxLength: 200 });
		fc.assert(
			fc.property(gaps, (seconds) => {
				const window = new WindowMean(30 * MINUTE);
				let timeMs = 0;
				let mean = Number.NaN;
				// 36 kW without a pause is a hundredth of a kWh a second.
				for (const gap of seconds) {
					timeMs += gap * 1000;
					mean = window.add(timeMs, Number.NaN, timeMs / 100_000);
				}
				const span = timeMs - (seconds[0] as number) * 1000;
				assert.ok(span < 30 * MINUTE ? Number.isNaN(mean) : Math.abs(mean - 36) < 1e-6, `${mean} after ${span} ms`);
			}),
		);
	});

	it("integrates power where there is no counter, and while one is missing", () => {
		for (const counter of [() => Number.NaN, (s: number) => (s % 300 < 100 ? Number.NaN : s / 100)]) {
			const window = new WindowMean(30 * MINUTE);
			let mean = Number.NaN;
			for (let s = 0; s <= 3_600; s += 10) mean = window.add(s * 1000, 36, counter(s));
			assert.ok(Math.abs(mean - 36) < 1e-6, `${mean}`);
		}
	});

	it("follows what changes within the window, and passes over a counter that starts again", () => {
		const window = new WindowMean(30 * MINUTE);
		let mean = Number.NaN;
		let kwh = 500;
		for (let s = 0; s <= 3_600; s += 10) {
			const kw = s <= 2_700 ? 20 : 40;
			if (s > 0) kwh += kw / 360;
			if (s === 1_800) kwh = 0;
			mean = window.add(s * 1000, kw, kwh);
		}
		assert.ok(Math.abs(mean - 30) < 0.2, `${mean}`);
	});

	it("takes a gap from the counter, and begins anew where none tells of it or it was longer than the window", () => {
		const afterGap = (gapMin: number, counted: boolean): number => {
			const window = new WindowMean(30 * MINUTE);
			const kwh = (s: number) => (counted ? s / 360 : Number.NaN);
			for (let s = 0; s <= 3_600; s += 60) window.add(s * 1000, 10, kwh(s));
			const s = 3_600 + gapMin * 60;
			return window.add(s * 1000, 10, kwh(s), false);
		};
		assert.ok(Math.abs(afterGap(20, true) - 10) < 1e-6);
		assert.ok(Number.isNaN(afterGap(20, false)));
		assert.ok(Number.isNaN(afterGap(40, true)));
	});
});
