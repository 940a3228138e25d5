import assert from "node:assert/strict";
import { LocalDays } from "../../../lib/telemetry/local-days.ts";

const HOUR = 3_600_000;
const hours = ({ startMs, endMs }: { startMs: number; endMs: number }): number => (endMs - startMs) / HOUR;

describe("local days", () => {
	const berlin = new LocalDays("Europe/Berlin");

	it("last 23 or 25 hours where the clock is changed", () => {
		assert.equal(hours(berlin.dayOf(Date.parse("2026-03-29T12:00:00Z"))), 23);
		assert.equal(hours(berlin.dayOf(Date.parse("2026-10-25T12:00:00Z"))), 25);
		assert.equal(hours(berlin.monthOf(Date.parse("2026-10-25T12:00:00Z"))), 31 * 24 + 1);
	});

	it("meet without a gap, as do hours and months", () => {
		for (const zone of ["Asia/Seoul", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago"]) {
			const days = new LocalDays(zone);
			let at = days.monthOf(Date.parse("2026-01-15T00:00:00Z")).startMs;
			for (let month = 0; month < 12; month++) {
				const { endMs } = days.monthOf(at);
				while (at < endMs) {
					const day = days.dayOf(at);
					assert.equal(day.startMs, at);
					for (let hour = at; hour < day.endMs; ) {
						const span = days.hourOf(hour);
						assert.equal(span.startMs, hour);
						hour = span.endMs;
					}
					at = day.endMs;
				}
				assert.equal(at, endMs);
			}
		}
	});

	it("begin where the site is, not where the program runs", () => {
		const { startMs } = new LocalDays("Asia/Seoul").dayOf(Date.parse("2026-11-22T15:30:00Z"));
		assert.equal(new Date(startMs).toISOString(), "2026-11-22T15:00:00.000Z");
	});
});
