/** Wall-clock arithmetic in the site's time zone; the reader's own zone never shows. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const formatters = new Map<string, Intl.DateTimeFormat>();

function partsIn(zone: string): Intl.DateTimeFormat {
	let format = formatters.get(zone);
	if (!format) {
		format = new Intl.DateTimeFormat("en-US", {
			timeZone: zone,
			hourCycle: "h23",
			year: "numeric",
			month: "numeric",
			day: "numeric",
			hour: "numeric",
			minute: "numeric",
			second: "numeric",
		});
		formatters.set(zone, format);
	}
	return format;
}

/** Clocks are set at quarter-hours only, and asking for one takes as long as drawing a line: each is asked for once. */
const QUARTER_HOUR = 15 * MINUTE;
const MOST_OFFSETS = 5_000;
const offsets = new Map<string, Map<number, number>>();

/** Milliseconds that the zone's clock is ahead of UTC at an instant. */
export function offsetAt(ms: number, zone: string): number {
	let known = offsets.get(zone);
	if (!known || known.size > MOST_OFFSETS) {
		known = new Map();
		offsets.set(zone, known);
	}
	const quarter = Math.floor(ms / QUARTER_HOUR);
	let offset = known.get(quarter);
	if (offset === undefined) {
		offset = offsetOf(quarter * QUARTER_HOUR, zone);
		known.set(quarter, offset);
	}
	return offset;
}

function offsetOf(ms: number, zone: string): number {
	const part = Object.fromEntries(
		partsIn(zone)
			.formatToParts(ms)
			.map(({ type, value }) => [type, Number(value)]),
	);
	const wall = Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day, part.hour, part.minute, part.second);
	return wall - Math.floor(ms / 1000) * 1000;
}

/** The instant at which the zone's clock shows a wall time, both as epoch ms. */
function fromWall(wall: number, zone: string): number {
	const guess = wall - offsetAt(wall, zone);
	return wall - offsetAt(guess, zone);
}

/** The instant of `2026-11-22T14:05` on the zone's clock, epoch ms; null where the text is no such time. */
export function instantOf(text: string, zone: string): number | null {
	const [, ...parts] = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::\d\d)?$/.exec(text) ?? [];
	if (parts.length === 0) return null;
	const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = parts.map(Number);
	const wall = Date.UTC(year, month - 1, day, hour, minute);
	// What the calendar does not have, such as the 31st of June, would become another day.
	if (new Date(wall).getUTCDate() !== day || hour > 23 || minute > 59) return null;
	return fromWall(wall, zone);
}

/** The last midnight of the zone's clock. */
export function dayStart(ms: number, zone: string): number {
	const wall = ms + offsetAt(ms, zone);
	return fromWall(Math.floor(wall / DAY) * DAY, zone);
}

const two = (n: number): string => String(n).padStart(2, "0");

/** `14:05` on the zone's clock; with seconds where they matter. */
export function clock(ms: number, zone: string, seconds = false): string {
	const wall = new Date(ms + offsetAt(ms, zone));
	const hhmm = `${two(wall.getUTCHours())}:${two(wall.getUTCMinutes())}`;
	return seconds ? `${hhmm}:${two(wall.getUTCSeconds())}` : hhmm;
}

/** `11-22`, month and day on the zone's calendar. */
export function monthDay(ms: number, zone: string): string {
	const wall = new Date(ms + offsetAt(ms, zone));
	return `${two(wall.getUTCMonth() + 1)}-${two(wall.getUTCDate())}`;
}

/** `2026-11-22 14:05` on the zone's clock. */
export function dateTime(ms: number, zone: string): string {
	const wall = new Date(ms + offsetAt(ms, zone));
	return `${wall.getUTCFullYear()}-${monthDay(ms, zone)} ${clock(ms, zone)}`;
}

/** The clock, preceded by the date when it is not today's. */
export function moment(ms: number, nowMs: number, zone: string): string {
	return dayStart(ms, zone) === dayStart(nowMs, zone) ? clock(ms, zone) : `${monthDay(ms, zone)} ${clock(ms, zone)}`;
}

export interface TimeTick {
	ms: number;
	label: string;
	/** A midnight: it shows the date. */
	day: boolean;
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440].map((minutes) => minutes * MINUTE);

/** Round instants of the zone's clock inside [fromMs, toMs], at most `most` of them. */
export function timeTicks(fromMs: number, toMs: number, zone: string, most: number): TimeTick[] {
	const step = steps.find((s) => (toMs - fromMs) / s <= most) ?? Math.ceil((toMs - fromMs) / most / DAY) * DAY;
	const ticks: TimeTick[] = [];
	const first = Math.ceil((fromMs + offsetAt(fromMs, zone)) / step) * step;
	for (let wall = first; ; wall += step) {
		const ms = fromWall(wall, zone);
		if (ms > toMs) return ticks;
		const day = wall % DAY === 0;
		if (ms >= fromMs && ms !== ticks.at(-1)?.ms)
			ticks.push({ ms, label: day ? monthDay(ms, zone) : clock(ms, zone), day });
	}
}
