import assert from "node:assert/strict";
import fc from "fast-check";
import { lastLocalHour, nextLocalHour } from "../../../lib/calendar/local-hour.ts";
import { clockOf } from "../../../lib/calendar/zone-clock.ts";

const at = (text: string): number => Date.parse(text);

describe("An hour of the day by the clocks of a zone", () => {
	it("was today or yesterday, and comes today or tomorrow", () => {
		const noon = at("2026-11-22T12:00:00+09:00");
		assert.equal(lastLocalHour(2, "Asia/Seoul", noon), at("2026-11-22T02:00:00+09:00"));
		assert.equal(lastLocalHour(13.5, "Asia/Seoul", noon), at("2026-11-21T13:30:00+09:00"));
		assert.equal(lastLocalHour(12, "Asia/Seoul", noon), noon);
		assert.equal(nextLocalHour(2, "Asia/Seoul", noon), at("2026-11-23T02:00:00+09:00"));
		assert.equal(nextLocalHour(12, "Asia/Seoul", noon), at("2026-11-23T12:00:00+09:00"));
	});

	it("is the clocks' hour on days of 23 and 25 hours, and on the days after them", () => {
		const berlin = "Europe/Berlin";
		assert.equal(lastLocalHour(3, berlin, at("2026-03-29T12:00:00+02:00")), at("2026-03-29T03:00:00+02:00"));
		assert.equal(lastLocalHour(5, berlin, at("2026-10-25T12:00:00+01:00")), at("2026-10-25T05:00:00+01:00"));
		assert.equal(lastLocalHour(2, berlin, at("2026-03-30T00:30:00+02:00")), at("2026-03-29T03:00:00+02:00"));
		assert.equal(nextLocalHour(2, berlin, at("2026-10-25T02:30:00+02:00")), at("2026-10-26T02:00:00+01:00"));
	});

	it("that the clocks skip is where it would have been, one that comes twice is the first", () => {
		const berlin = "Europe/Berlin";
		assert.equal(nextLocalHour(2, berlin, at("2026-03-29T00:00:00+01:00")), at("2026-03-29T03:00:00+02:00"));
		assert.equal(lastLocalHour(2, berlin, at("2026-10-25T02:30:00+01:00")), at("2026-10-25T02:00:00+02:00"));
	});

	it("comes once a day: the next one is never the last one, and they lie 23 to 25 hours apart", () => {
		const zone = fc.constantFrom("Asia/Seoul", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe");
		const now = fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2027-01-01T00:00:00Z") });
		fc.assert(
			fc.property(zone, now, fc.integer({ min: 0, max: 23 }), (timeZone, nowMs, hour) => {
				const [last, next] = [lastLocalHour(hour, timeZone, nowMs), nextLocalHour(hour, timeZone, nowMs)];
				assert.ok(last <= nowMs && nowMs < next);
				assert.ok(next - last >= 22 * 3_600_000 && next - last <= 26 * 3_600_000, `${last} ${next}`);
				assert.ok(Math.abs(clockOf(timeZone).minuteAt(next) - hour * 60) <= 60);
			}),
		);
	});
});
