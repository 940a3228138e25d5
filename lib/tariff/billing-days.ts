import { type DayNumber, dayOfMonth, type MonthNumber, monthOfDay } from "../calendar/civil.ts";
import { EnergyError } from "../errors.ts";

/** A day of the month on which the meter is read, from a date on. */
export interface BillingDayChange {
	/** First day on which it holds; the first of a list holds from the beginning. */
	fromDay: DayNumber;
	/** 1…31; past the end of a month it is the month's last day. */
	day: number;
}

/** Day on which a billing month begins: always the same, or as it changed, oldest first. */
export type BillingDays = number | readonly BillingDayChange[];

/** @throws EnergyError `tariff.billing-day` */
export function checkBillingDay(day: number): number {
	if (!Number.isInteger(day) || day < 1 || day > 31) throw new EnergyError("tariff.billing-day", { value: day });
	return day;
}

/** The day that a month's billing month begins on: the newest that holds by then. */
function dayIn(month: MonthNumber, days: BillingDays): number {
	if (typeof days === "number") return days;
	const held = days.findLast(({ fromDay, day }, index) => index === 0 || dayOfMonth(month, day) >= fromDay);
	return held?.day ?? 1;
}

/** First day of a billing month, which is named by the month that day lies in. */
export function firstDayOf(month: MonthNumber, days: BillingDays = 1): DayNumber {
	return dayOfMonth(month, checkBillingDay(dayIn(month, days)));
}

/** The days [first, end) of a billing month; one in which the billing day changes is longer or shorter. */
export function billingDays(month: MonthNumber, days: BillingDays = 1): [DayNumber, DayNumber] {
	return [firstDayOf(month, days), firstDayOf(month + 1, days)];
}

/** Days that a billing month would have had without a change of the billing day: what its shares are taken of. */
export function usualLength(month: MonthNumber, days: BillingDays = 1): number {
	return dayOfMonth(month + 1, dayIn(month, days)) - firstDayOf(month, days);
}

/** The billing month that a day lies in. */
export function billingMonthOf(day: DayNumber, days: BillingDays = 1): MonthNumber {
	const month = monthOfDay(day);
	return day >= firstDayOf(month, days) ? month : month - 1;
}

/** The billing day that holds on a day. */
export function billingDayOn(day: DayNumber, days: BillingDays = 1): number {
	if (typeof days === "number") return days;
	return days.findLast(({ fromDay }, index) => index === 0 || fromDay <= day)?.day ?? 1;
}
