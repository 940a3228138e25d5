import { Temporal } from "temporal-polyfill";
import type { DayKind, PlantDefinition } from "./definition.ts";

/** One local day of the plant. */
export interface PlantDay {
	/** ISO, local. */
	date: string;
	/** Days since 1970-01-01 of the local calendar: the seed word of the day. */
	number: number;
	dayOfYear: number;
	kind: DayKind;
	/** Epoch ms of its first and of the next day's first instant. */
	startMs: number;
	endMs: number;
	/** 1,380, 1,440 or 1,500 where clocks change. */
	minutes: number;
}

const epoch = Temporal.PlainDate.from("1970-01-01");

export interface PlantCalendar {
	timeZone: string;
	isHoliday: (localDate: string) => boolean;
}

export function kindOf(date: Temporal.PlainDate, { isHoliday }: PlantCalendar): DayKind {
	if (date.dayOfWeek === 7 || isHoliday(date.toString())) return "closed";
	return date.dayOfWeek === 6 ? "saturday" : "weekday";
}

export function numberOf(date: Temporal.PlainDate): number {
	return epoch.until(date, { largestUnit: "days" }).days;
}

/** The local day that holds an instant. */
export function dayAt(timeMs: number, calendar: PlantCalendar): PlantDay {
	const date = Temporal.Instant.fromEpochMilliseconds(Math.floor(timeMs))
		.toZonedDateTimeISO(calendar.timeZone)
		.toPlainDate();
	const startMs = date.toZonedDateTime(calendar.timeZone).epochMilliseconds;
	const endMs = date.add({ days: 1 }).toZonedDateTime(calendar.timeZone).epochMilliseconds;
	return {
		date: date.toString(),
		number: numberOf(date),
		dayOfYear: date.dayOfYear,
		kind: kindOf(date, calendar),
		startMs,
		endMs,
		minutes: Math.round((endMs - startMs) / 60_000),
	};
}

/** Local clock (minutes after midnight) at each minute of the day, its end included; right where clocks change. */
export function clockOf(day: PlantDay, timeZone: string): Float64Array {
	const clock = new Float64Array(day.minutes + 1);
	if (day.minutes === 1440) {
		for (let i = 0; i <= day.minutes; i++) clock[i] = i;
		return clock;
	}
	const midnight = Temporal.PlainDate.from(day.date).toPlainDateTime();
	for (let i = 0; i <= day.minutes; i++) {
		const at = Temporal.Instant.fromEpochMilliseconds(day.startMs + i * 60_000).toZonedDateTimeISO(timeZone);
		clock[i] = midnight.until(at.toPlainDateTime(), { largestUnit: "minutes" }).minutes;
	}
	return clock;
}

export function minutesOf(clock: string): number {
	const [hours = 0, minutes = 0] = clock.split(":").map(Number);
	return hours * 60 + minutes;
}

/** Whether the crew works, for each minute of a local clock: inside the shifts, outside the breaks. */
export function shiftOf(definition: PlantDefinition, kind: DayKind): { from: number; to: number } | null {
	const shift = definition.shifts[kind];
	return shift ? { from: minutesOf(shift.from), to: minutesOf(shift.to) } : null;
}
