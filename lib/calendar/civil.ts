import { EnergyError } from "../errors.ts";

/** A calendar date as the number of days since 1970-01-01, whatever the time zone. */
export type DayNumber = number;

export const DAY_MS = 86_400_000;

export interface CivilDate {
	year: number;
	/** 1…12 */
	month: number;
	/** 1…31 */
	day: number;
}

/** Date of a day number, proleptic Gregorian; Howard Hinnant, "chrono-compatible low-level date algorithms". */
export function civilOf(dayNumber: DayNumber): CivilDate {
	const z = dayNumber + 719_468;
	const era = Math.floor(z / 146_097);
	const dayOfEra = z - era * 146_097;
	const yearOfEra = Math.floor(
		(dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
	);
	const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
	const shifted = Math.floor((5 * dayOfYear + 2) / 153);
	const month = shifted < 10 ? shifted + 3 : shifted - 9;
	return {
		year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
		month,
		day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1,
	};
}

/** Day number of a date; a month outside 1…12 carries into the year, so month 13 is next January. */
export function dayNumberOf(year: number, month: number, day: number): DayNumber {
	return Math.floor(Date.UTC(year, month - 1, day) / DAY_MS);
}

/** 1 (Monday) … 7 (Sunday), as ISO 8601 counts. */
export function weekdayOf(dayNumber: DayNumber): number {
	return ((((dayNumber + 3) % 7) + 7) % 7) + 1;
}

const pad = (value: number): string => String(value).padStart(2, "0");

/** `2026-04-16` */
export function isoOf(dayNumber: DayNumber): string {
	const { year, month, day } = civilOf(dayNumber);
	return `${String(year).padStart(4, "0")}-${pad(month)}-${pad(day)}`;
}

/**
 * Day number of `2026-04-16`.
 * @throws EnergyError `calendar.date` for anything that is not a date of the calendar (2026-02-30 is none)
 */
export function parseDate(text: string): DayNumber {
	const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
	const dayNumber = match ? dayNumberOf(Number(match[1]), Number(match[2]), Number(match[3])) : Number.NaN;
	if (Number.isNaN(dayNumber) || isoOf(dayNumber) !== text) throw new EnergyError("calendar.date", { value: text });
	return dayNumber;
}

/** A month as the count of months since year 0: arithmetic on months is arithmetic on this number. */
export type MonthNumber = number;

/**
 * Month number of `2026-04`.
 * @throws EnergyError `calendar.month`
 */
export function parseMonth(text: string): MonthNumber {
	const match = /^(\d{4})-(\d{2})$/.exec(text);
	const month = Number(match?.[2]);
	if (!match || month < 1 || month > 12) throw new EnergyError("calendar.month", { value: text });
	return Number(match[1]) * 12 + month - 1;
}

/** `2026-04` */
export function monthText(month: MonthNumber): string {
	return `${String(Math.floor(month / 12)).padStart(4, "0")}-${pad(monthOfYear(month))}`;
}

/** 1…12 */
export function monthOfYear(month: MonthNumber): number {
	return (((month % 12) + 12) % 12) + 1;
}

/** First day of a month, or its `day`th where a billing month begins later; days past its end are its last. */
export function dayOfMonth(month: MonthNumber, day = 1): DayNumber {
	const year = Math.floor(month / 12);
	const first = dayNumberOf(year, monthOfYear(month), 1);
	const next = dayNumberOf(year, monthOfYear(month) + 1, 1);
	return Math.min(first + day - 1, next - 1);
}

/** Month that a day lies in. */
export function monthOfDay(dayNumber: DayNumber): MonthNumber {
	const { year, month } = civilOf(dayNumber);
	return year * 12 + month - 1;
}
