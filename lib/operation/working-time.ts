import { clockOf } from "../calendar/zone-clock.ts";
import type { Window } from "../scheduling/problem.ts";
import type { WorkingTime } from "../telemetry/site.ts";

const dayNames: readonly string[] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** Days of the week of `mon-fri`, `sat,sun` or `daily`, 0 is Sunday; undefined where it reads as none. */
export function daysOf(text: string): Set<number> | undefined {
	if (text.trim().toLowerCase() === "daily") return new Set([0, 1, 2, 3, 4, 5, 6]);
	const days = new Set<number>();
	for (const part of text
		.toLowerCase()
		.split(/[,\s]+/)
		.filter(Boolean)) {
		const [from, to, more] = part.split("-").map((name) => dayNames.indexOf(name));
		if (from === undefined || from < 0 || to === -1 || more !== undefined) return undefined;
		for (let day = from; ; day = (day + 1) % 7) {
			days.add(day);
			if (day === (to ?? from)) break;
		}
	}
	return days.size > 0 ? days : undefined;
}

/** Minutes of a clock time, `24:00` included; undefined where it is none. */
export function minutesOf(text: string): number | undefined {
	const [, hours, minutes] = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(text) ?? [];
	const all = Number(hours) * 60 + Number(minutes);
	return hours === undefined || all > 1440 ? undefined : all;
}

/**
 * The shifts and maintenance of a machine within a horizon. A shift that ends before it begins ends on the next day.
 *
 * @returns no `shifts` where it is always manned
 */
export function windowsOf(
	work: WorkingTime | undefined,
	timeZone: string,
	fromMs: number,
	toMs: number,
): { shifts?: Window[]; maintenance: Window[] } {
	const overlaps = ({ start, end }: Window): boolean => Date.parse(start) < toMs && Date.parse(end) > fromMs;
	const maintenance = (work?.maintenance ?? []).filter(overlaps);
	if (!work?.shifts?.length) return { maintenance };
	const clock = clockOf(timeZone);
	const spans: [number, number][] = [];
	for (let day = clock.dayAt(fromMs) - 1; day <= clock.dayAt(toMs); day++) {
		const midnight = clock.startOfDay(day);
		// Day 0 of the epoch was a Thursday.
		const weekday = (((day + 4) % 7) + 7) % 7;
		for (const { days, from, to } of work.shifts) {
			const [begin, end] = [minutesOf(from), minutesOf(to)];
			if (begin === undefined || end === undefined || !daysOf(days)?.has(weekday)) continue;
			// By the wall clock: a shift of a day on which clocks change still begins at six.
			const at = (minute: number): number => wall(clock, midnight, minute);
			spans.push([at(begin), at(end > begin ? end : end + 1440)]);
		}
	}
	return { shifts: joined(spans).map(([start, end]) => ({ start: iso(start), end: iso(end) })), maintenance };
}

function wall(clock: ReturnType<typeof clockOf>, midnight: number, minute: number): number {
	const plain = midnight + minute * 60_000;
	return plain + clock.offsetAt(midnight) - clock.offsetAt(plain);
}

function joined(spans: [number, number][]): [number, number][] {
	const result: [number, number][] = [];
	for (const [start, end] of spans.sort((a, b) => a[0] - b[0])) {
		const last = result.at(-1);
		if (last && start <= last[1]) last[1] = Math.max(last[1], end);
		else result.push([start, end]);
	}
	return result;
}

const iso = (ms: number): string => new Date(ms).toISOString();
