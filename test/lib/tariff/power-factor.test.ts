import assert from "node:assert/strict";
import fc from "fast-check";
import { parseDate } from "../../../lib/calendar/civil.ts";
import { clockOf } from "../../../lib/calendar/zone-clock.ts";
import { ruleOn } from "../../../lib/report/power-factor.ts";
import type { PowerFactorRule } from "../../../lib/tariff/book.ts";
import { isSurcharged, monthPowerFactor } from "../../../lib/tariff/power-factor.ts";
import { shippedTariffs } from "../../../lib/tariff/registry.ts";

const clock = clockOf("Asia/Seoul");
const tariff = shippedTariffs().get("kepco/industrial-b/high-a/II");
const rule = ruleOn(tariff, parseDate("2026-11-01")) as PowerFactorRule;
const midnight = Date.parse("2026-11-02T00:00:00+09:00");

/** A day of half-hours from what each local hour has. */
function day(of: (hour: number) => { kw: number; kvar: number }, on: PowerFactorRule = rule) {
	const hours = Array.from({ length: 48 }, (_, at) => of(at / 2));
	const half = {
		fromMs: midnight,
		kw: Float64Array.from(hours, ({ kw }) => kw),
		kvar: Float64Array.from(hours, ({ kvar }) => kvar),
	};
	return monthPowerFactor(on, half, (at) => clock.minuteAt(at));
}
const isDay = (hour: number): boolean => hour >= 8 && hour < 22;

describe("a month's power factor from its half-hours", () => {
	it("averages the half-hours' own, not the energy: a small bad one weighs as much as a large good one", () => {
		const { laggingDay } = day((hour) => (hour % 1 ? { kw: 1, kvar: 4 / 3 } : { kw: 900, kvar: 0 }));
		// 60 % and 97 % (clipped) in turn.
		assert.equal(laggingDay, 78.5);
	});

	it("clips each half-hour to 60…97 % by day and to 60…100 % by night", () => {
		const awful = day((hour) => (isDay(hour) ? { kw: 1, kvar: 100 } : { kw: 1, kvar: -100 }));
		assert.deepEqual([awful.laggingDay, awful.leadingNight], [60, 60]);
		const perfect = day(() => ({ kw: 100, kvar: 0 }));
		assert.deepEqual([perfect.laggingDay, perfect.leadingNight], [97, 100]);
	});

	it("takes leading by day and lagging by night as 100 %", () => {
		const { laggingDay, leadingNight } = day((hour) => ({ kw: 3, kvar: isDay(hour) ? -4 : 4 }));
		assert.deepEqual([laggingDay, leadingNight], [97, 100]);
	});

	it("leaves out half-hours without energy taken, and a side that nothing is known of", () => {
		const { laggingDay, leadingNight, known } = day((hour) => ({
			kw: isDay(hour) ? (hour < 12 ? 4 : -4) : 5,
			kvar: isDay(hour) ? 3 : Number.NaN,
		}));
		assert.deepEqual([laggingDay, leadingNight, known], [80, undefined, 8]);
	});

	it("goes by the hours of the month's rule: 9 to 23 before 2023", () => {
		const before = ruleOn(tariff, parseDate("2022-12-01")) as PowerFactorRule;
		const bad = (hour: number) => ({ kw: 3, kvar: hour >= 22 && hour < 23 ? 4 : 0 });
		assert.equal(day(bad).laggingDay, 97);
		assert.equal(day(bad, before).laggingDay, Math.round(((26 * 95 + 2 * 60) / 28) * 100) / 100);
	});

	it("is surcharged below 92 % by day (90 % before 2025-02) or 95 % by night", () => {
		const before = ruleOn(tariff, parseDate("2025-01-01")) as PowerFactorRule;
		assert.deepEqual(
			[{ laggingDay: 91.99 }, { laggingDay: 92, leadingNight: 95 }, { leadingNight: 94.9 }].map((each) =>
				isSurcharged(rule, each),
			),
			[true, false, true],
		);
		assert.equal(isSurcharged(before, { laggingDay: 91 }), false);
	});

	it("stays within its bounds, whatever is measured", () => {
		const half = fc.record({
			kw: fc.double({ min: -1e6, max: 1e6, noDefaultInfinity: true }),
			kvar: fc.double({ min: -1e6, max: 1e6, noDefaultInfinity: true }),
		});
		fc.assert(
			fc.property(fc.array(half, { minLength: 48, maxLength: 48 }), (halves) => {
				const { laggingDay = 60, leadingNight = 60 } = day((hour) => halves[hour * 2] ?? { kw: 0, kvar: 0 });
				return laggingDay >= 60 && laggingDay <= 97 && leadingNight >= 60 && leadingNight <= 100;
			}),
		);
	});
});
