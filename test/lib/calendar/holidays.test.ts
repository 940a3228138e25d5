import assert from "node:assert/strict";
import { isoOf, parseDate } from "../../../lib/calendar/civil.ts";
import { holidaysOf, koreanHolidays } from "../../../lib/calendar/holidays.ts";
import { computeKoreanYear, koreanYear } from "../../../lib/calendar/korea.ts";

const dates = (days: Iterable<number>): string[] => [...days].map(isoOf).sort();

describe("Korean public holidays", () => {
	const calendar = koreanHolidays();
	const isHoliday = (date: string): boolean => calendar.isHoliday(parseDate(date));

	it("count substitute holidays and elections", () => {
		assert.equal(isHoliday("2026-03-02"), true, "substitute for 1 March, a Sunday");
		assert.equal(isHoliday("2026-06-03"), true, "local elections");
		assert.equal(calendar.nameOf(parseDate("2026-08-17"))?.ko, "광복절 대체공휴일");
	});

	it("leave temporary holidays out, also those announced under another name", () => {
		for (const date of ["2020-08-17", "2023-10-02", "2024-10-01", "2025-01-27", "2025-06-03"]) {
			assert.equal(isHoliday(date), false, date);
		}
	});

	it("have the three days of Seollal", () => {
		for (const date of ["2026-02-16", "2026-02-17", "2026-02-18"]) assert.equal(isHoliday(date), true, date);
		assert.equal(isHoliday("2026-02-19"), false);
	});

	it("have Constitution Day from 2026 on", () => {
		assert.equal(isHoliday("2025-07-17"), false);
		assert.equal(isHoliday("2026-07-17"), true);
	});

	it("are what the law's rules give, in every announced year", () => {
		for (let year = 2018; year <= 2027; year++) {
			assert.deepEqual(dates(computeKoreanYear(year).keys()), dates(koreanYear(year, {}).keys()), String(year));
		}
	});

	it("are computed for later years and say so", () => {
		assert.equal(calendar.isProvisional(2027), false);
		assert.equal(calendar.isProvisional(2028), true);
		assert.equal(isHoliday("2028-10-05"), true, "Chuseok meets Foundation Day: one day more");
		assert.equal(isHoliday("2028-04-12"), true, "National Assembly election");
		assert.equal(isHoliday("2029-09-24"), true, "Chuseok's third day is a Sunday");
		assert.equal(isHoliday("2030-02-05"), true, "Seollal is a Sunday");
		assert.equal(isHoliday("2030-06-12"), true, "local elections move a week: 6 June is the next day");
	});

	it("leave what is not settled to the site, off by default", () => {
		assert.equal(isHoliday("2026-05-01"), false);
		assert.equal(isHoliday("2027-07-19"), false);
		const chosen = koreanHolidays({ options: { "labour-day": true, "constitution-day-substitute": true } });
		assert.equal(chosen.isHoliday(parseDate("2026-05-01")), true);
		assert.equal(chosen.isHoliday(parseDate("2027-07-19")), true);
		assert.throws(() => koreanHolidays({ options: { "labor-day": true } }), { code: "calendar.option" });
	});

	it("take additions and removals of the site", () => {
		const own = koreanHolidays({ add: ["2026-04-20"], remove: ["2026-06-03"] });
		assert.equal(own.isHoliday(parseDate("2026-04-20")), true);
		assert.equal(own.isHoliday(parseDate("2026-06-03")), false);
	});

	it("refuse years before the data", () =>
		assert.throws(() => calendar.isHoliday(parseDate("2017-05-01")), { code: "calendar.year" }));
});

describe("holidays elsewhere", () => {
	it("come through date-holidays", () => {
		const germany = holidaysOf("DE-BY");
		assert.equal(germany.isHoliday(parseDate("2026-01-06")), true);
		assert.equal(germany.isHoliday(parseDate("2026-07-04")), false);
	});
	it("name a country that is not known", () => assert.throws(() => holidaysOf("XX"), { code: "calendar.country" }));
	it("may be none at all", () => assert.equal(holidaysOf("none").isHoliday(parseDate("2026-12-25")), false));
});
