import { DAY_MS, type DayNumber, weekdayOf } from "../../lib/calendar/civil.ts";
import type { HolidayCalendar } from "../../lib/calendar/holidays.ts";
import { clockOf } from "../../lib/calendar/zone-clock.ts";

/** One load on a regular grid: what every forecast is learned from. */
export interface LoadSeries {
	/** Start of the first interval, epoch ms. */
	startMs: number;
	/** Length of an interval; a day must hold a whole number of them. */
	stepMs: number;
	/** Energy of each interval, kWh (or mean power, kW: a forecast has the unit of its series); NaN where unknown. */
	values: Float64Array;
}

/** Where a plant lies in time: its zone and which days it may stand still. */
export interface PlantCalendar {
	timeZone: string;
	holidays: Pick<HolidayCalendar, "isHoliday">;
}

/** What a day is to a plant: as good a predictor of standing still as the calendar offers. */
const dayKinds = { workday: 0, saturday: 1, sunday: 2, holiday: 3 } as const;

/** Local time of every interval of a grid, ready for arithmetic on indexes; longer than the series by its horizon. */
export class CalendarGrid {
	readonly startMs: number;
	readonly stepMs: number;
	readonly length: number;
	/** Intervals of a day of 24 hours. */
	readonly perDay: number;
	/** Local day of each interval, counted from `firstDay`. */
	readonly day: Int32Array;
	readonly firstDay: DayNumber;
	/** Interval of the local day by the wall clock, 0…perDay − 1. */
	readonly slot: Int16Array;
	/** First interval of each local day of the grid (the first may begin before it), and one past the last. */
	readonly dayStart: Int32Array;
	/** Monday 1 … Sunday 7, of each local day and one beyond either end: day d stands at d + 1. */
	readonly weekday: Uint8Array;
	/** dayKinds of each local day, and of one beyond either end: day d stands at d + 1. */
	readonly kind: Uint8Array;
	/** Intervals by which local time is ahead of UTC. */
	readonly #offset: Int32Array;

	constructor(startMs: number, stepMs: number, length: number, { timeZone, holidays }: PlantCalendar) {
		this.startMs = startMs;
		this.stepMs = stepMs;
		this.length = length;
		this.perDay = Math.round(DAY_MS / stepMs);
		const clock = clockOf(timeZone);
		this.firstDay = clock.dayAt(startMs);
		this.day = new Int32Array(length);
		this.slot = new Int16Array(length);
		this.#offset = new Int32Array(length);
		for (let i = 0; i < length; i++) {
			const local = startMs + i * stepMs + clock.offsetAt(startMs + i * stepMs);
			const day = Math.floor(local / DAY_MS);
			this.day[i] = day - this.firstDay;
			this.slot[i] = Math.floor((local - day * DAY_MS) / stepMs);
			this.#offset[i] = Math.round(clock.offsetAt(startMs + i * stepMs) / stepMs);
		}
		const days = length === 0 ? 0 : (this.day[length - 1] as number) + 1;
		this.dayStart = new Int32Array(days + 1);
		for (let i = 1; i < length; i++) {
			if (this.day[i] !== this.day[i - 1]) this.dayStart[this.day[i] as number] = i;
		}
		this.dayStart[days] = length;
		this.weekday = new Uint8Array(days + 2);
		this.kind = new Uint8Array(days + 2);
		for (let d = -1; d <= days; d++) {
			const weekday = weekdayOf(this.firstDay + d);
			this.weekday[d + 1] = weekday;
			this.kind[d + 1] = holidays.isHoliday(this.firstDay + d)
				? dayKinds.holiday
				: weekday === 7
					? 2
					: weekday === 6
						? 1
						: 0;
		}
	}

	/** Index of the same wall-clock time some days earlier; below 0 before the grid begins. */
	back(index: number, days: number): number {
		const plain = index - days * this.perDay;
		if (plain < 0) return plain;
		return plain + (this.#offset[index] as number) - (this.#offset[plain] as number);
	}
}
