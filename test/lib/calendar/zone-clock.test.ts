import assert from "node:assert/strict";
import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import {
	civilOf,
	dayNumberOf,
	isoOf,
	monthText,
	parseDate,
	parseMonth,
	weekdayOf,
} from "../../../lib/calendar/civil.ts";
import { clockOf } from "../../../lib/calendar/zone-clock.ts";

describe("the local clock", () => {
	it("knows days of 92, 96 and 100 quarter-hours", () => {
		const newYork = clockOf("America/New_York");
		assert.equal(newYork.quarterHoursOf(parseDate("2026-03-08")), 92);
		assert.equal(newYork.quarterHoursOf(parseDate("2026-11-01")), 100);
		assert.equal(newYork.quarterHoursOf(parseDate("2026-07-01")), 96);
		assert.equal(clockOf("Asia/Seoul").quarterHoursOf(parseDate("2026-03-08")), 96);
	});

	it("begins a day where midnight is skipped", () => {
		// Chile turns its clocks at midnight: 2026-09-06 begins at 01:00.
		const day = parseDate("2026-09-06");
		const clock = clockOf("America/Santiago");
		assert.equal(clock.isoAt(clock.startOfDay(day)), "2026-09-06T01:00:00-03:00");
	});

	it("agrees with Temporal on every day and zone", () => {
		const zones = [
			"Asia/Seoul",
			"Europe/Berlin",
			"America/New_York",
			"Australia/Lord_Howe",
			"America/Santiago",
			"Asia/Kolkata",
		];
		fc.assert(
			fc.property(fc.constantFrom(...zones), fc.integer({ min: 17_000, max: 24_000 }), (zone, day) => {
				const expected = Temporal.PlainDate.from(isoOf(day)).toZonedDateTime(zone).epochMilliseconds;
				assert.equal(clockOf(zone).startOfDay(day), expected, `${zone} ${isoOf(day)}`);
			}),
			{ numRuns: 300 },
		);
	});
});

describe("civil dates", () => {
	it("go there and back", () =>
		fc.assert(
			fc.property(fc.integer({ min: -100_000, max: 100_000 }), (day) => {
				const { year, month, day: dayOfMonth } = civilOf(day);
				assert.equal(dayNumberOf(year, month, dayOfMonth), day);
			}),
		));
	it("know the weekday", () => assert.equal(weekdayOf(parseDate("2026-11-22")), 7));
	it("count months", () => assert.equal(monthText(parseMonth("2025-12") + 2), "2026-02"));
	it("refuse what the calendar doesn't have", () => {
		assert.throws(() => parseDate("2026-02-30"), { code: "calendar.date" });
		assert.throws(() => parseMonth("2026-13"), { code: "calendar.month" });
	});
});
