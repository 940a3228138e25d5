import { civilOf, dayNumberOf } from "../calendar/civil.ts";
import { clockOf, type ZoneClock } from "../calendar/zone-clock.ts";

/** [startMs, endMs) of an hour, day or month, epoch ms. */
export interface Span {
	startMs: number;
	endMs: number;
}

const HOUR_MS = 3_600_000;

/** Hours, days and months of a time zone as spans of time; days of 23, 24 and 25 hours exist. */
export class LocalDays {
	readonly #clock: ZoneClock;
	#last: Span = { startMs: 0, endMs: 0 };

	/** @throws EnergyError `calendar.time-zone` for a name that is no IANA time zone */
	constructor(timeZone: string) {
		this.#clock = clockOf(timeZone);
	}

	get timeZone(): string {
		return this.#clock.timeZone;
	}

	dayOf(timeMs: number): Span {
		if (timeMs >= this.#last.startMs && timeMs < this.#last.endMs) return this.#last;
		const day = this.#clock.dayAt(timeMs);
		this.#last = { startMs: this.#clock.startOfDay(day), endMs: this.#clock.startOfDay(day + 1) };
		return this.#last;
	}

	/** Hours are counted from local midnight; where a clock change leaves a rest, the day's last one is shorter. */
	hourOf(timeMs: number): Span {
		const day = this.dayOf(timeMs);
		const startMs = day.startMs + Math.floor((timeMs - day.startMs) / HOUR_MS) * HOUR_MS;
		return { startMs, endMs: Math.min(startMs + HOUR_MS, day.endMs) };
	}

	monthOf(timeMs: number): Span {
		const { year, month } = civilOf(this.#clock.dayAt(timeMs));
		return {
			startMs: this.#clock.startOfDay(dayNumberOf(year, month, 1)),
			endMs: this.#clock.startOfDay(dayNumberOf(year, month + 1, 1)),
		};
	}
}
