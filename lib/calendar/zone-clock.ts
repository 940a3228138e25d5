import { Temporal } from "temporal-polyfill";
import { EnergyError } from "../errors.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import { DAY_MS, type DayNumber } from "./civil.ts";

/** A span during which a zone keeps one offset from UTC. */
interface OffsetSpan {
	fromMs: number;
	toMs: number;
	offsetMs: number;
}

/**
 * Local time of one zone, fast: Temporal is asked only where the offset changes, everything between is addition.
 * A clock is cheap and keeps what it learned; one per zone is enough for a process.
 */
export class ZoneClock {
	readonly timeZone: string;
	#last: OffsetSpan;

	/** @throws EnergyError `calendar.time-zone` for a zone that Intl doesn't know */
	constructor(timeZone: string) {
		this.timeZone = timeZone;
		try {
			this.#last = spanAt(timeZone, Date.UTC(2026, 0, 1));
		} catch (cause) {
			throw new EnergyError("calendar.time-zone", { value: timeZone }, { cause });
		}
	}

	/** Local minus UTC at an instant, ms. */
	offsetAt(epochMs: number): number {
		if (epochMs < this.#last.fromMs || epochMs >= this.#last.toMs) this.#last = spanAt(this.timeZone, epochMs);
		return this.#last.offsetMs;
	}

	/** First instant after epochMs at which the offset is another one; Infinity where there is none. */
	nextChange(epochMs: number): number {
		this.offsetAt(epochMs);
		return this.#last.toMs;
	}

	/** The local date of an instant. */
	dayAt(epochMs: number): DayNumber {
		return Math.floor((epochMs + this.offsetAt(epochMs)) / DAY_MS);
	}

	/** Minute of the local day by the wall clock, 0…1439. */
	minuteAt(epochMs: number): number {
		const local = epochMs + this.offsetAt(epochMs);
		return Math.floor((local - Math.floor(local / DAY_MS) * DAY_MS) / 60_000);
	}

	/** First instant of a local day (in zones that skip midnight, the first that exists). */
	startOfDay(day: DayNumber): number {
		const local = day * DAY_MS;
		const early = local - this.offsetAt(local - DAY_MS);
		const late = local - this.offsetAt(local + DAY_MS);
		if (early === late) return early;
		// The offset changes around here: the first instant is the earlier one that lies in this day.
		for (const candidate of [Math.min(early, late), Math.max(early, late)]) {
			if (this.dayAt(candidate) === day && this.dayAt(candidate - 1) < day) return candidate;
		}
		// Midnight itself is skipped: the day begins at the change.
		return this.nextChange(Math.min(early, late) - 1);
	}

	/** Quarter-hours of a local day: 96, or 92 and 100 where clocks change by an hour. */
	quarterHoursOf(day: DayNumber): number {
		return (this.startOfDay(day + 1) - this.startOfDay(day)) / QUARTER_HOUR_MS;
	}

	/** ISO 8601 with offset, e.g. `2026-08-01T15:00:00+09:00`. */
	isoAt(epochMs: number): string {
		const offsetMs = this.offsetAt(epochMs);
		const local = new Date(epochMs + offsetMs).toISOString().slice(0, 19);
		const minutes = Math.abs(offsetMs) / 60_000;
		const part = (value: number): string => String(Math.floor(value)).padStart(2, "0");
		return `${local}${offsetMs < 0 ? "-" : "+"}${part(minutes / 60)}:${part(minutes % 60)}`;
	}
}

function spanAt(timeZone: string, epochMs: number): OffsetSpan {
	const here = Temporal.Instant.fromEpochMilliseconds(epochMs).toZonedDateTimeISO(timeZone);
	const next = here.getTimeZoneTransition("next");
	// "previous" is strictly before; asked a millisecond later it includes a change at this very instant.
	const previous = here.add({ milliseconds: 1 }).getTimeZoneTransition("previous");
	return {
		fromMs: previous?.epochMilliseconds ?? Number.NEGATIVE_INFINITY,
		toMs: next?.epochMilliseconds ?? Number.POSITIVE_INFINITY,
		offsetMs: here.offsetNanoseconds / 1e6,
	};
}

const clocks = new Map<string, ZoneClock>();

/** The clock of a zone, shared. */
export function clockOf(timeZone: string): ZoneClock {
	let clock = clocks.get(timeZone);
	if (!clock) {
		clock = new ZoneClock(timeZone);
		clocks.set(timeZone, clock);
	}
	return clock;
}
