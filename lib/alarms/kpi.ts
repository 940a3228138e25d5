import type { LocalDays } from "../telemetry/local-days.ts";
import { FLOOD_ABOVE, FLOOD_WINDOW_MS } from "./flood.ts";
import { stateOf } from "./state.ts";
import { type Alarm, type JournalLine, type Priority, priorities } from "./types.ts";

/** Bands of ISA-18.2 for one operator: about `acceptable`, at most `manageable`. */
const rateBands = {
	day: { acceptable: 150, manageable: 300 },
	hour: { acceptable: 6, manageable: 12 },
	tenMinutes: { acceptable: 1, manageable: 2 },
} as const;
/** Shares of high, medium and low that leave an operator able to tell what matters. */
const priorityTargets: Readonly<Record<Priority, number>> = { high: 0.05, medium: 0.15, low: 0.8 };

export type RateVerdict = "acceptable" | "manageable" | "overloaded";

export interface Rate {
	average: number;
	most: number;
	verdict: RateVerdict;
}

export interface KpiReport {
	fromMs: number;
	toMs: number;
	/** Alarms that an operator was shown. */
	alarms: number;
	day: Rate;
	hour: Rate;
	tenMinutes: Rate;
	/** Share of 10-minute spans with more alarms than a flood has. */
	floodShare: number;
	floods: { fromMs: number; toMs: number; alarms: number }[];
	/** Raised three times or more within a minute. */
	chattering: { alarm: string; bursts: number }[];
	/** Active, or waiting for an acknowledgement, for more than a day. */
	stale: { alarm: string; sinceMs: number }[];
	/** The ten most frequent, with their share of all. */
	top: { alarm: string; alarms: number; share: number }[];
	priorities: Record<Priority, { alarms: number; share: number; target: number }>;
	/** Median time from raised to acknowledged, ms; null where none was. */
	acknowledgedAfterMs: number | null;
	/** Of each day of the span, where the days of the site are known. */
	perDay: { fromMs: number; alarms: number }[];
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const CHATTER = 3;
const MOST_FLOODS = 100;

/** Reads a journal line by line, oldest first, and reports how the alarms of the span served their operators. */
export class KpiCounter {
	readonly #fromMs: number;
	readonly #toMs: number;
	readonly #tens: Uint32Array;
	readonly #hours: Uint32Array;
	readonly #raised = new Map<string, number[]>();
	readonly #priorities: Record<Priority, number> = { high: 0, medium: 0, low: 0 };
	readonly #waiting = new Map<string, number>();
	readonly #delays: number[] = [];
	readonly #days: LocalDays | undefined;
	readonly #perDay = new Map<number, number>();
	#alarms = 0;

	/**
	 * @param fromMs inclusive; toMs exclusive, at most 400 days later
	 * @param days of the site's time zone
	 */
	constructor(fromMs: number, toMs: number, days?: LocalDays) {
		this.#fromMs = fromMs;
		this.#toMs = Math.max(toMs, fromMs + 1);
		this.#days = days;
		for (let at = fromMs; days && at < this.#toMs; at = days.dayOf(at).endMs)
			this.#perDay.set(days.dayOf(at).startMs, 0);
		this.#tens = new Uint32Array(Math.ceil((this.#toMs - fromMs) / FLOOD_WINDOW_MS));
		this.#hours = new Uint32Array(Math.ceil((this.#toMs - fromMs) / HOUR_MS));
	}

	add(line: JournalLine): void {
		const { alarm, atMs } = line;
		if (atMs < this.#fromMs || atMs >= this.#toMs) return;
		if (line.type === "acknowledged") {
			const raisedMs = this.#waiting.get(alarm);
			this.#waiting.delete(alarm);
			if (raisedMs !== undefined) this.#delays.push(atMs - raisedMs);
		}
		if (line.type !== "raised" || line.to !== "unacknowledged") return;
		this.#alarms++;
		this.#waiting.set(alarm, atMs);
		this.#priorities[line.priority]++;
		bump(this.#tens, (atMs - this.#fromMs) / FLOOD_WINDOW_MS);
		bump(this.#hours, (atMs - this.#fromMs) / HOUR_MS);
		const times = this.#raised.get(alarm);
		if (times) times.push(atMs);
		else this.#raised.set(alarm, [atMs]);
		const day = this.#days?.dayOf(atMs).startMs;
		if (day !== undefined) this.#perDay.set(day, (this.#perDay.get(day) ?? 0) + 1);
	}

	/** @param alarms as they stand now */
	report(alarms: Iterable<Alarm>, nowMs: number): KpiReport {
		const spanMs = this.#toMs - this.#fromMs;
		const counts = [...this.#raised].map(([alarm, times]) => ({ alarm, alarms: times.length }));
		const share = (count: number): number => (this.#alarms === 0 ? 0 : count / this.#alarms);
		const [floods, floodSpans] = this.#floods();
		return {
			...{ fromMs: this.#fromMs, toMs: this.#toMs, alarms: this.#alarms },
			day: rate(this.#alarms / (Math.max(spanMs, DAY_MS) / DAY_MS), this.#mostIn(DAY_MS), rateBands.day),
			hour: rate(this.#alarms / (Math.max(spanMs, HOUR_MS) / HOUR_MS), this.#mostIn(HOUR_MS), rateBands.hour),
			tenMinutes: rate(
				this.#alarms / (Math.max(spanMs, FLOOD_WINDOW_MS) / FLOOD_WINDOW_MS),
				this.#mostIn(FLOOD_WINDOW_MS),
				rateBands.tenMinutes,
			),
			...{ floods, floodShare: floodSpans / this.#tens.length },
			chattering: [...this.#raised]
				.map(([alarm, times]) => ({ alarm, bursts: burstsOf(times) }))
				.filter(({ bursts }) => bursts > 0)
				.sort((a, b) => b.bursts - a.bursts),
			stale: staleOf(alarms, nowMs),
			top: counts
				.sort((a, b) => b.alarms - a.alarms || a.alarm.localeCompare(b.alarm))
				.slice(0, 10)
				.map((one) => ({ ...one, share: share(one.alarms) })),
			priorities: Object.fromEntries(
				priorities.map((priority) => {
					const count = this.#priorities[priority];
					return [priority, { alarms: count, share: share(count), target: priorityTargets[priority] }];
				}),
			) as KpiReport["priorities"],
			acknowledgedAfterMs: medianOf(this.#delays),
			perDay: [...this.#perDay].map(([fromMs, count]) => ({ fromMs, alarms: count })),
		};
	}

	/** Most alarms of one whole span of a length. */
	#mostIn(lengthMs: number): number {
		const small = lengthMs < HOUR_MS;
		const source = small ? this.#tens : this.#hours;
		const step = Math.round(lengthMs / (small ? FLOOD_WINDOW_MS : HOUR_MS));
		let most = 0;
		for (let from = 0; from < source.length; from += step) {
			let sum = 0;
			for (let at = from; at < Math.min(source.length, from + step); at++) sum += source[at] as number;
			most = Math.max(most, sum);
		}
		return most;
	}

	/** Neighbouring spans of 10 minutes above the limit are one flood; the longest ones, and how many spans in all. */
	#floods(): [KpiReport["floods"], number] {
		const floods: KpiReport["floods"] = [];
		let spans = 0;
		for (let at = 0; at < this.#tens.length; at++) {
			const count = this.#tens[at] as number;
			if (count <= FLOOD_ABOVE) continue;
			spans++;
			const fromMs = this.#fromMs + at * FLOOD_WINDOW_MS;
			const toMs = Math.min(this.#toMs, fromMs + FLOOD_WINDOW_MS);
			const last = floods.at(-1);
			if (last?.toMs === fromMs) {
				last.toMs = toMs;
				last.alarms += count;
			} else floods.push({ fromMs, toMs, alarms: count });
		}
		return [floods.slice(-MOST_FLOODS), spans];
	}
}

function bump(counts: Uint32Array, at: number): void {
	const index = Math.floor(at);
	counts[index] = (counts[index] ?? 0) + 1;
}

function rate(average: number, most: number, band: { acceptable: number; manageable: number }): Rate {
	const verdict = average <= band.acceptable ? "acceptable" : average <= band.manageable ? "manageable" : "overloaded";
	return { average, most, verdict };
}

/** How often an alarm was raised three times within a minute; each raising belongs to one burst. */
function burstsOf(times: readonly number[]): number {
	let bursts = 0;
	for (let at = 0; at + CHATTER - 1 < times.length; at++) {
		if ((times[at + CHATTER - 1] as number) - (times[at] as number) > MINUTE_MS) continue;
		bursts++;
		at += CHATTER - 1;
	}
	return bursts;
}

function staleOf(alarms: Iterable<Alarm>, nowMs: number): KpiReport["stale"] {
	return [...alarms]
		.filter((alarm) => ["unacknowledged", "acknowledged", "returned-unacknowledged"].includes(stateOf(alarm)))
		.map(({ id, raisedMs }) => ({ alarm: id, sinceMs: raisedMs ?? nowMs }))
		.filter(({ sinceMs }) => nowMs - sinceMs > DAY_MS)
		.sort((a, b) => a.sinceMs - b.sinceMs);
}

function medianOf(values: readonly number[]): number | null {
	if (values.length === 0) return null;
	const sorted = values.toSorted((a, b) => a - b);
	const half = sorted.length >> 1;
	return sorted.length % 2 === 1
		? (sorted[half] as number)
		: ((sorted[half - 1] as number) + (sorted[half] as number)) / 2;
}
