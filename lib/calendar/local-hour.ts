import { Temporal } from "temporal-polyfill";

/**
 * The newest moment, not after `nowMs`, at which the clocks of a zone showed an hour of the day. An hour that a change
 * of the clocks skips is taken where it would have been, one that comes twice the first time.
 *
 * @param hour 0 up to but not including 24; parts of an hour count, to the minute
 * @returns epoch ms
 */
export function lastLocalHour(hour: number, timeZone: string, nowMs: number): number {
	const today = dateAt(nowMs, timeZone);
	const atMs = momentOf(today, hour, timeZone);
	return atMs <= nowMs ? atMs : momentOf(today.subtract({ days: 1 }), hour, timeZone);
}

/** The next such moment after `nowMs`, epoch ms. */
export function nextLocalHour(hour: number, timeZone: string, nowMs: number): number {
	const today = dateAt(nowMs, timeZone);
	const atMs = momentOf(today, hour, timeZone);
	return atMs > nowMs ? atMs : momentOf(today.add({ days: 1 }), hour, timeZone);
}

function dateAt(ms: number, timeZone: string): Temporal.PlainDate {
	return Temporal.Instant.fromEpochMilliseconds(Math.floor(ms)).toZonedDateTimeISO(timeZone).toPlainDate();
}

function momentOf(date: Temporal.PlainDate, hour: number, timeZone: string): number {
	const minutes = Math.round(hour * 60);
	const plainTime = { hour: Math.floor(minutes / 60), minute: minutes % 60 };
	return date.toZonedDateTime({ timeZone, plainTime }).epochMilliseconds;
}
