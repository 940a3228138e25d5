import assert from "node:assert/strict";
import { byHour, soFar, untilNow } from "../../../nodes/ui-energy/ui/hours.ts";
import { clock, dayStart, moment, timeTicks } from "../../../nodes/ui-energy/ui/zone.ts";

const at = (iso: string): number => Date.parse(iso);
const HOUR = 3_600_000;

describe("the site's clock on the dashboard", () => {
	it("shows the site's time, with the date when it is not today", () => {
		const now = at("2026-11-22T10:00:00+09:00");
		assert.equal(clock(now, "Asia/Seoul"), "10:00");
		assert.equal(moment(at("2026-11-22T00:05:00+09:00"), now, "Asia/Seoul"), "00:05");
		assert.equal(moment(at("2026-11-21T23:55:00+09:00"), now, "Asia/Seoul"), "11-21 23:55");
	});

	it("ticks at round hours of the clock, midnight by its date", () => {
		const ticks = timeTicks(at("2026-11-21T20:10:00+09:00"), at("2026-11-22T20:10:00+09:00"), "Asia/Seoul", 12);
		assert.deepEqual(
			ticks.map(({ label }) => label),
			["22:00", "11-22", "02:00", "04:00", "06:00", "08:00", "10:00", "12:00", "14:00", "16:00", "18:00", "20:00"],
		);
	});

	it("keeps round hours over the day when clocks are set forward", () => {
		const ticks = timeTicks(at("2026-03-28T18:00:00Z"), at("2026-03-29T18:00:00Z"), "Europe/Berlin", 12);
		assert.ok(ticks.every(({ label, day }) => day || label.endsWith(":00")));
		assert.ok(ticks.every(({ ms }, i) => i === 0 || ms > (ticks[i - 1]?.ms ?? 0)));
	});

	it("begins a day at the zone's midnight, also of a day with 23 hours", () => {
		assert.equal(dayStart(at("2026-11-22T00:00:00+09:00"), "Asia/Seoul"), at("2026-11-22T00:00:00+09:00"));
		assert.equal(dayStart(at("2026-03-29T12:00:00+02:00"), "Europe/Berlin"), at("2026-03-29T00:00:00+01:00"));
	});
});

describe("energy by hour", () => {
	const now = at("2026-11-22T02:30:00+09:00");
	const midnight = at("2026-11-22T00:00:00+09:00");
	const starts = [-24, -23, -22, -21, 0, 1, 2].map((hour) => midnight + hour * HOUR);
	const measured = { starts, kwh: [10, 20, 30, 40, 11, 21, 9], estimatedKwh: [0, 0, 0, 0, 0, 5, 0] };

	it("puts yesterday's hour beside today's", () => {
		const hours = byHour(measured, now, "Asia/Seoul");
		assert.equal(hours.length, 24);
		assert.deepEqual(hours[1], { startMs: midnight + HOUR, todayKwh: 21, estimated: true, yesterdayKwh: 20 });
		assert.deepEqual(hours[3], { startMs: midnight + 3 * HOUR, todayKwh: null, estimated: false, yesterdayKwh: 40 });
	});

	it("compares with yesterday by now, the running hour in proportion", () => {
		assert.equal(untilNow(byHour(measured, now, "Asia/Seoul"), now), 10 + 20 + 15);
	});

	it("compares with nothing where an hour of yesterday is missing", () => {
		const gappy = { starts: starts.slice(1), kwh: measured.kwh.slice(1), estimatedKwh: measured.estimatedKwh.slice(1) };
		assert.equal(untilNow(byHour(gappy, now, "Asia/Seoul"), now), null);
	});

	it("counts today from the store where the live count began anew", () => {
		const hours = byHour(measured, now, "Asia/Seoul");
		assert.deepEqual([soFar(hours, null), soFar(hours, 0.2), soFar(hours, 42), soFar([], null)], [41, 41, 42, null]);
	});

	it("has 25 hours on the day when clocks are set back", () => {
		const none = { starts: [], kwh: [], estimatedKwh: [] };
		assert.equal(byHour(none, at("2026-10-25T12:00:00+01:00"), "Europe/Berlin").length, 25);
	});
});
