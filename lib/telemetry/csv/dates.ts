import { clockOf } from "../../calendar/zone-clock.ts";
import { daysInMonth, parseInstant } from "../time.ts";

/** A time as a file has it: on a wall clock, or already an instant. */
export type FileTime = { localMs: number } | { instantMs: number };

/**
 * How times are written. Letters as in most tools: YYYY, YY, MM, DD, HH (0–24), hh (1–12 with A), mm, ss, A (AM/PM);
 * or one of the words `ISO` (with offset), `epoch-s`, `epoch-ms`.
 */
export type TimeFormat = string;

const tokens: Readonly<Record<string, string>> = {
	YYYY: "(?<year>\\d{4})",
	YY: "(?<short>\\d{2})",
	MM: "(?<month>\\d{1,2})",
	DD: "(?<day>\\d{1,2})",
	HH: "(?<hour>\\d{1,2})",
	hh: "(?<hour>\\d{1,2})",
	mm: "(?<minute>\\d{2})",
	ss: "(?<second>\\d{2})(?:[.,]\\d+)?",
	A: "(?<half>[AaPp][Mm]|오전|오후)",
};

const compiled = new Map<TimeFormat, RegExp>();

function patternOf(format: TimeFormat): RegExp {
	let pattern = compiled.get(format);
	if (!pattern) {
		const source = format.replace(/YYYY|YY|MM|DD|HH|hh|mm|ss|A|[^\w]|\w/g, (part) => {
			if (part === " ") return "[ T]+";
			return tokens[part] ?? part.replace(/[.*+?^${}()|[\]\\/]/, "\\$&");
		});
		pattern = new RegExp(`^${source}$`);
		compiled.set(format, pattern);
	}
	return pattern;
}

/** The formats that are tried, the plainer ones first. */
const knownFormats: readonly TimeFormat[] = [
	"ISO",
	...[
		"YYYY-MM-DD",
		"YYYY/MM/DD",
		"YYYY.MM.DD",
		"DD-MM-YYYY",
		"DD/MM/YYYY",
		"DD.MM.YYYY",
		"MM/DD/YYYY",
		"MM-DD-YYYY",
	].flatMap((date) => [`${date} HH:mm`, `${date} HH:mm:ss`, `${date} hh:mm A`, `${date} hh:mm:ss A`]),
	"YYYYMMDD HH:mm",
	"YYYYMMDDHHmm",
	"YYYYMMDDHHmmss",
	"YYYYMMDD HHmm",
	"epoch-ms",
	"epoch-s",
	"YYYY-MM-DD",
	"YYYYMMDD",
	"DD/MM/YYYY",
	"DD-MM-YYYY",
	"DD.MM.YYYY",
];

/** Reads a time as the file has it; undefined where it is none of this format or no day of the calendar. */
export function readTime(text: string, format: TimeFormat): FileTime | undefined {
	const trimmed = text.trim();
	if (format === "ISO") {
		const instant = parseInstant(trimmed);
		return instant.problem === undefined ? { instantMs: instant.timeMs } : undefined;
	}
	if (format === "epoch-s")
		return /^\d{9,10}(\.\d+)?$/.test(trimmed) ? { instantMs: Number(trimmed) * 1000 } : undefined;
	if (format === "epoch-ms") return /^\d{12,13}$/.test(trimmed) ? { instantMs: Number(trimmed) } : undefined;
	const groups = patternOf(format).exec(trimmed)?.groups;
	return groups ? civilTime(groups) : undefined;
}

function civilTime(groups: Readonly<Record<string, string | undefined>>): FileTime | undefined {
	const year = groups.year === undefined ? 2000 + Number(groups.short ?? 0) : Number(groups.year);
	const month = Number(groups.month ?? 1);
	const day = Number(groups.day ?? 1);
	const minute = Number(groups.minute ?? 0);
	const second = Number(groups.second ?? 0);
	let hour = Number(groups.hour ?? 0);
	if (groups.half !== undefined) {
		if (hour < 1 || hour > 12) return undefined;
		hour = (hour % 12) + (/^p|오후/i.test(groups.half) ? 12 : 0);
	}
	if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
	// 24:00 is the end of the day, as utilities write it.
	if (hour > 24 || minute > 59 || second > 59 || (hour === 24 && minute + second > 0)) return undefined;
	return { localMs: Date.UTC(year, month - 1, day, hour, minute, second) };
}

/** Share of the cells that a format has to read: an odd cell must not hide the format of all others. */
const READABLE = 0.8;

/**
 * Formats that read these times, best first: those that read most, then those whose times rise in even steps, so that
 * 03/04 is a day or a month as the file's order says.
 */
export function detectFormats(samples: readonly string[]): TimeFormat[] {
	const filled = samples.filter((text) => text.trim() !== "");
	return knownFormats
		.map((format) => {
			const times = filled.map((text) => readTime(text, format)).filter((time) => time !== undefined);
			return { format, read: times.length, even: evenness(times.map(plainMs)) };
		})
		.filter(({ read }) => read > 0 && read >= filled.length * READABLE)
		.sort((a, b) => b.read - a.read || b.even - a.even)
		.map(({ format }) => format);
}

/** The number behind a time, for comparing times of one file with each other. */
export function plainMs(time: FileTime): number {
	return "localMs" in time ? time.localMs : time.instantMs;
}

function evenness(times: readonly number[]): number {
	const step = usualStep(times);
	if (step === undefined) return 0;
	let even = 0;
	for (let i = 1; i < times.length; i++) if ((times[i] as number) - (times[i - 1] as number) === step) even++;
	return even / times.length;
}

/** The most frequent distance between neighbours, ms, where it is positive. */
export function usualStep(times: readonly number[]): number | undefined {
	const counts = new Map<number, number>();
	for (let i = 1; i < times.length; i++) {
		const step = (times[i] as number) - (times[i - 1] as number);
		if (step > 0) counts.set(step, (counts.get(step) ?? 0) + 1);
	}
	let best: number | undefined;
	for (const [step, count] of counts) if (best === undefined || count > (counts.get(best) ?? 0)) best = step;
	return best;
}

export type Instant = { ms: number } | { problem: "gap" };

/**
 * The instant of a wall-clock time. In the hour that comes twice in autumn the first one is meant, unless the row
 * before has already been there; the hour that spring leaves out is a problem.
 *
 * @param previousMs instant of the row before
 */
export function toInstant(time: FileTime, timeZone: string, previousMs: number | undefined): Instant {
	if ("instantMs" in time) return { ms: time.instantMs };
	const clock = clockOf(timeZone);
	const { localMs } = time;
	const first = localMs - clock.offsetAt(localMs - 86_400_000);
	const second = localMs - clock.offsetAt(localMs + 86_400_000);
	const fits = [Math.min(first, second), Math.max(first, second)].filter((ms) => ms + clock.offsetAt(ms) === localMs);
	const [early, late] = fits;
	if (early === undefined) return { problem: "gap" };
	if (late === undefined || late === early) return { ms: early };
	return { ms: previousMs !== undefined && previousMs >= early && previousMs < late + 3_600_000 ? late : early };
}
