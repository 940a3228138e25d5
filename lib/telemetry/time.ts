/** What reading a time came to; `rule` names what was wrong. */
export type TimeParse =
	| { timeMs: number; canonical: boolean; problem?: undefined }
	| { problem: "format" | "offset" | "calendar" };

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const format: TimeParse = { problem: "format" };
const calendar: TimeParse = { problem: "calendar" };
const withoutOffset: TimeParse = { problem: "offset" };

/** `count` digits from `at` as a number, or -1. */
function digits(text: string, at: number, count: number): number {
	let value = 0;
	for (let i = at; i < at + count; i++) {
		const digit = text.charCodeAt(i) - 48;
		if (!(digit >= 0 && digit <= 9)) return -1;
		value = value * 10 + digit;
	}
	return value;
}

export function daysInMonth(year: number, month: number): number {
	const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
	return leap ? 29 : (MONTH_DAYS[month - 1] ?? 0);
}

/** `Z`, `+09:00`, `+0900` or `+09` from `at` to the end, in minutes; undefined when it is none of them. */
function offsetMinutes(text: string, at: number): number | undefined {
	const sign = text[at];
	if ((sign === "Z" || sign === "z") && text.length === at + 1) return 0;
	if (sign !== "+" && sign !== "-") return undefined;
	const hours = digits(text, at + 1, 2);
	const rest = text.length - at;
	let minutes = -1;
	if (rest === 3) minutes = 0;
	else if (rest === 5) minutes = digits(text, at + 3, 2);
	else if (rest === 6 && text[at + 3] === ":") minutes = digits(text, at + 4, 2);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined;
	return (sign === "-" ? -1 : 1) * (hours * 60 + minutes);
}

/**
 * Reads an ISO 8601 instant with offset, down to the millisecond; days and hours that do not exist are refused where
 * Date.parse would roll them over. Written by hand because it runs once per reading.
 *
 * @returns `canonical` where Date.parse is sure to read the same text alike
 */
export function parseInstant(text: string): TimeParse {
	const year = digits(text, 0, 4);
	const month = digits(text, 5, 2);
	const day = digits(text, 8, 2);
	const hour = digits(text, 11, 2);
	const minute = digits(text, 14, 2);
	if (year < 0 || month < 0 || day < 0 || text[4] !== "-" || text[7] !== "-") return format;
	const separator = text[10];
	if (hour < 0 || minute < 0 || text[13] !== ":") return text.length === 10 ? withoutOffset : format;
	if (separator !== "T" && separator !== "t" && separator !== " ") return format;
	let at = 16;
	let second = 0;
	let millis = 0;
	if (text[at] === ":") {
		second = digits(text, at + 1, 2);
		at += 3;
		if (second < 0) return format;
		if (text[at] === "." || text[at] === ",") {
			const from = ++at;
			while (text.charCodeAt(at) >= 48 && text.charCodeAt(at) <= 57) at++;
			if (at === from || at - from > 9) return format;
			millis = digits(`${text.slice(from, Math.min(at, from + 3))}00`, 0, 3);
		}
	}
	if (at === text.length) return withoutOffset;
	const offset = offsetMinutes(text, at);
	if (offset === undefined) return format;
	if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return calendar;
	if (hour > 23 || minute > 59 || second > 59) return calendar;
	const timeMs = Date.UTC(year, month - 1, day, hour, minute, second, millis) - offset * 60_000;
	const canonical = separator === "T" && (text.length === at + 6 || text[at] === "Z") && !text.includes(",");
	return { timeMs, canonical };
}
