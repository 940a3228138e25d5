import { type DayNumber, parseDate } from "../calendar/civil.ts";
import { clockOf } from "../calendar/zone-clock.ts";
import { EnergyError } from "../errors.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import { type Problem, problemText } from "./check.ts";
import type { PriceCalendar } from "./price-calendar.ts";

/**
 * Energy of each quarter-hour of a calendar from CSV text: a header with a time column (`time`, `start`, `date` …) and
 * an energy column (`kWh`, `energyKwh`, `usage` …), or one bare column of figures in order. Times are interval starts,
 * ISO 8601; without an offset they are local. Quarter-hours that the text doesn't have stay NaN, rows of other months
 * are passed over.
 *
 * @param quarters quarter-hours of a row: a longer row is taken to be even within
 * @throws EnergyError `tariff.csv` naming every line that can't be read and every time that comes twice
 */
export function csvLoad(text: string, calendar: PriceCalendar, quarters = 1): Float64Array {
	const rows = text
		.replace(/^\uFEFF/, "")
		.split(/\r?\n/)
		.map((row, index) => ({ row: row.trim(), line: index + 1 }))
		.filter(({ row }) => row !== "");
	const problems: Problem[] = [];
	const separator = rows[0]?.row.includes(";") ? ";" : rows[0]?.row.includes("\t") ? "\t" : ",";
	const cells = rows.map(({ row, line }) => ({
		line,
		cells: cellsOf(row, separator),
	}));
	const { timeColumn, energyColumn, headed } = columnsOf(cells[0]?.cells ?? []);
	const values = new Float64Array(calendar.count).fill(Number.NaN);
	const body = headed ? cells.slice(1) : cells;
	for (const [order, { line, cells: row }] of body.entries()) {
		const at = (rule: string, value: unknown): number => problems.push({ path: `line ${line}`, value, rule });
		const cell = row[energyColumn] ?? "";
		const energy = cell === "" ? Number.NaN : Number(cell);
		if (cell !== "" && !Number.isFinite(energy)) {
			at("energy must be a number of kWh", cell);
			continue;
		}
		if (timeColumn === undefined) {
			if (order * quarters < values.length) values[order * quarters] = energy;
			else at("more lines than the month has quarter-hours", cell);
			continue;
		}
		const ms = timeOf(row[timeColumn] ?? "", calendar.tariff.book.timeZone);
		if (ms === undefined) at("time must be ISO 8601", row[timeColumn]);
		else if ((ms - calendar.startMs) % (quarters * QUARTER_HOUR_MS) !== 0)
			at(
				quarters > 1 ? "time must be the start of an interval" : "time must be the start of a quarter-hour",
				row[timeColumn],
			);
		else if (ms >= calendar.startMs && ms < calendar.endMs) {
			const index = (ms - calendar.startMs) / QUARTER_HOUR_MS;
			if (!Number.isNaN(values[index])) at("each time once", row[timeColumn]);
			values[index] = energy;
		}
	}
	if (problems.length > 0) throw new EnergyError("tariff.csv", { list: problemText(problems), problems });
	return quarters > 1 ? quarterHours(everyNth(values, quarters), quarters) : values;
}

const everyNth = (values: Float64Array, n: number): Float64Array => values.filter((_, index) => index % n === 0);

/** The quarter-hours of longer intervals, each of which is even within; a gap stays one. */
export function quarterHours(kwh: ArrayLike<number | null>, quarters: number): Float64Array {
	const values = new Float64Array(kwh.length * quarters);
	for (let i = 0; i < kwh.length; i++) {
		const energy = kwh[i];
		values.fill(typeof energy === "number" ? energy / quarters : Number.NaN, i * quarters, (i + 1) * quarters);
	}
	return values;
}

/** A separator between quotes is part of its cell: `"1,234"` is one cell, and no number, rather than 1 kWh. */
function cellsOf(row: string, separator: string): string[] {
	const cells = [""];
	let quoted = false;
	for (const letter of row) {
		if (letter === '"') quoted = !quoted;
		else if (letter === separator && !quoted) cells.push("");
		else cells[cells.length - 1] += letter;
	}
	return cells.map((cell) => cell.trim());
}

/** Columns by their header; a first row of figures is data. */
function columnsOf(first: readonly string[]): { timeColumn?: number; energyColumn: number; headed: boolean } {
	const names = first.map((name) => name.toLowerCase());
	const time = names.findIndex((name) => /time|start|date|일시|시각|시간/.test(name));
	const energy = names.findIndex((name, index) => index !== time && /kwh|energy|usage|value|전력량|사용량/.test(name));
	if (energy >= 0) return { ...(time >= 0 ? { timeColumn: time } : {}), energyColumn: energy, headed: true };
	return first.length > 1 ? { timeColumn: 0, energyColumn: 1, headed: false } : { energyColumn: 0, headed: false };
}

/** Epoch ms of ISO text; without an offset it is local time of the zone. */
function timeOf(text: string, timeZone: string): number | undefined {
	const match = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/.exec(text);
	if (!match) return undefined;
	const [, date = "", hour, minute, second = "00", offset] = match;
	// 24:00 is the end of the day in ISO 8601; later hours would slip into another day unnoticed.
	const inDay = Number(hour) * 60 + Number(minute) + Number(second) / 60;
	if (inDay > 1440 || Number(minute) > 59 || Number(second) > 59) return undefined;
	if (offset) {
		const ms = Date.parse(`${date}T${hour}:${minute}:${second}${offset}`);
		return Number.isNaN(ms) ? undefined : ms;
	}
	let day: DayNumber;
	try {
		day = parseDate(date);
	} catch {
		return undefined;
	}
	const clock = clockOf(timeZone);
	const local = day * 86_400_000 + (Number(hour) * 60 + Number(minute)) * 60_000 + Number(second) * 1000;
	const guess = local - clock.offsetAt(local);
	return local - clock.offsetAt(guess);
}
