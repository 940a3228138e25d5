import { Temporal } from "temporal-polyfill";

/** The local midnight at or before an instant, epoch ms; days of 23 and 25 hours are what the time zone says. */
export function startOfDayMs(atMs: number, timeZone: string): number {
	return zoned(atMs, timeZone).startOfDay().epochMilliseconds;
}

/** The local midnight after an instant, epoch ms. */
export function nextDayMs(atMs: number, timeZone: string): number {
	return zoned(atMs, timeZone).startOfDay().add({ days: 1 }).startOfDay().epochMilliseconds;
}

function zoned(atMs: number, timeZone: string): Temporal.ZonedDateTime {
	return Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone);
}
