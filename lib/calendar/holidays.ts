import { createRequire } from "node:module";
import { join } from "node:path";
import type DateHolidays from "date-holidays";
import { EnergyError } from "../errors.ts";
import { packageRoot } from "../package-root.cjs";
import { civilOf, type DayNumber, parseDate } from "./civil.ts";
import { koreaFirstYear, koreanOptions, koreanYear, koreanYearIsComputed } from "./korea.ts";

/** A name in each language a bill may be written in. */
export interface Words {
	"en-US": string;
	ko: string;
}

/** Holidays of one year by day. */
export type HolidayYear = ReadonlyMap<DayNumber, Words>;

/** Which days a tariff treats as public holidays. */
export interface HolidayCalendar {
	readonly country: string;
	isHoliday(day: DayNumber): boolean;
	/** Name of the holiday on that day, undefined on any other day. */
	nameOf(day: DayNumber): Words | undefined;
	/** True for a year whose holidays are computed ahead of their announcement: a bill for it says so. */
	isProvisional(year: number): boolean;
}

export interface HolidayChoices {
	/** Further days off by date, e.g. `["2026-05-01"]`: what a site knows better than the shipped data. */
	add?: readonly string[];
	/** Days that do not count although the data lists them. */
	remove?: readonly string[];
	/** Open questions of the calendar answered otherwise than by default, e.g. `{ "labour-day": true }`. */
	options?: Readonly<Record<string, boolean>>;
}

const ownHoliday: Words = { "en-US": "Site holiday", ko: "사업장 지정 휴일" };

/** A calendar over any source of years, with the site's own additions and removals. */
function calendarOver(
	country: string,
	yearOf: (year: number) => HolidayYear,
	isProvisional: (year: number) => boolean,
	choices: HolidayChoices = {},
): HolidayCalendar {
	const added = new Set((choices.add ?? []).map(parseDate));
	const removed = new Set((choices.remove ?? []).map(parseDate));
	const years = new Map<number, HolidayYear>();
	const nameOf = (day: DayNumber): Words | undefined => {
		if (removed.has(day)) return undefined;
		const { year } = civilOf(day);
		let known = years.get(year);
		if (!known) {
			known = yearOf(year);
			years.set(year, known);
		}
		return known.get(day) ?? (added.has(day) ? ownHoliday : undefined);
	};
	return { country, nameOf, isHoliday: (day) => nameOf(day) !== undefined, isProvisional };
}

/**
 * Korean public holidays as KEPCO's tariff counts them: substitute holidays and elections, no temporary ones.
 * 2018–2027 as announced; later years computed by the law's rules and marked provisional.
 *
 * @throws EnergyError `calendar.year` for years before 2018, `calendar.option`, `calendar.date`
 */
export function koreanHolidays(choices: HolidayChoices = {}): HolidayCalendar {
	const known = koreanOptions();
	for (const option of Object.keys(choices.options ?? {})) {
		if (!known.includes(option)) {
			throw new EnergyError("calendar.option", { option, country: "KR", known: known.join(", ") });
		}
	}
	const yearOf = (year: number): HolidayYear => {
		if (year < koreaFirstYear()) {
			throw new EnergyError("calendar.year", { country: "KR", year, first: koreaFirstYear() });
		}
		return koreanYear(year, choices.options ?? {});
	};
	return calendarOver("KR", yearOf, koreanYearIsComputed, choices);
}

/** No day is a holiday but those the site lists: for tariffs that know none. */
export function siteHolidays(choices: HolidayChoices = {}): HolidayCalendar {
	return calendarOver(
		"",
		() => new Map(),
		() => false,
		choices,
	);
}

/**
 * Public holidays of any country: Korea's from our own data, because the optional package `date-holidays`, which knows
 * the others, is wrong for Seollal.
 *
 * @param country ISO 3166 code with optional state and region, e.g. `KR`, `DE`, `US-CA`, `DE-BY-A`; `none` for no day but
 * the site's own
 * @throws EnergyError `calendar.country` where the package is missing or doesn't know the country
 */
export function holidaysOf(country: string, choices: HolidayChoices = {}): HolidayCalendar {
	if (country === "none") return siteHolidays(choices);
	if (country === "KR") return koreanHolidays(choices);
	const [code = "", state, region] = country.split("-");
	const Holidays = dateHolidays(country);
	const source = new Holidays({ country: code, ...(state ? { state } : {}), ...(region ? { region } : {}) });
	if (!source.getCountries()[code]) throw new EnergyError("calendar.country", { country });
	const yearOf = (year: number): HolidayYear =>
		new Map(
			source
				.getHolidays(year, "en")
				.filter((holiday) => holiday.type === "public")
				.map((holiday) => [parseDate(holiday.date.slice(0, 10)), { "en-US": holiday.name, ko: holiday.name }]),
		);
	return calendarOver(country, yearOf, () => false, choices);
}

/** The optional package; required, not imported, because prices are asked for without waiting. */
function dateHolidays(country: string): typeof DateHolidays {
	try {
		return createRequire(join(packageRoot, "package.json"))("date-holidays") as typeof DateHolidays;
	} catch (cause) {
		throw new EnergyError("calendar.country", { country }, { cause });
	}
}
