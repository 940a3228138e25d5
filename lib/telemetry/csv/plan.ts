import { EnergyError } from "../../errors.ts";
import { detectFormats, plainMs, readTime, type TimeFormat, usualStep } from "./dates.ts";
import { detectDecimal, readNumber } from "./numbers.ts";

/** What a column of a file holds. */
export const measures = ["energyKwh", "powerKw", "counterKwh"] as const;
export type Measure = (typeof measures)[number];
export type Label = "start" | "end";

/** A regular grid: row i begins at startMs + i × stepMs, whatever its own time says. */
export interface Grid {
	/** On the wall clock of the file's zone, as if it were UTC. */
	startLocalMs: number;
}

/** How a file is to be read; everything that was not said is found in the file. */
export interface Plan {
	timeColumn: string;
	valueColumn: string;
	measure: Measure;
	/** Multiplies the file's values: 0.001 for Wh and W, 1000 for MWh and MW. */
	factor: number;
	format: TimeFormat;
	decimal: "." | ",";
	label: Label;
	stepMs: number;
	grid?: Grid;
	/** What was found and not said, and why: codes of messages with what fills them. */
	notes: { code: string; details: Record<string, string | number> }[];
	/** The file's own times are not fit to be used; `grid` is what is proposed instead. */
	timesBroken: boolean;
}

/** What the caller knows; the rest is found. */
export interface PlanOptions {
	timeColumn?: string;
	valueColumn?: string;
	measure?: Measure;
	factor?: number;
	format?: TimeFormat;
	decimal?: "." | ",";
	label?: Label;
	stepMs?: number;
	/** `true`: on the grid that begins with the first row. */
	grid?: Grid | true;
}

const timeNames = /^(date|time|datetime|date_?time|timestamp|ts|start|from|일시|시각|시간|날짜|측정일시|검침일시)/i;
const valueNames: readonly [RegExp, Measure, number][] = [
	[/(counter|cumul|total.*import|누적|지침).*kwh|kwh.*(counter|cumul|누적|지침)/i, "counterKwh", 1],
	[/mwh/i, "energyKwh", 1000],
	[/kwh/i, "energyKwh", 1],
	[/(^|[^a-z])wh([^a-z]|$)/i, "energyKwh", 0.001],
	[/(^|[^a-z])mw([^a-z]|$)/i, "powerKw", 1000],
	[/kw([^a-z]|$)/i, "powerKw", 1],
	[/(^|[^a-z])w([^a-z]|$)/i, "powerKw", 0.001],
	[/energy|usage|consumption|사용량|전력량/i, "energyKwh", 1],
	[/power|demand|load|전력|부하/i, "powerKw", 1],
];
const DAY = 86_400_000;
/** Rows in a row whose time may slip and still count as slips. */
const MAX_SLIP = 4;

type Row = Readonly<Record<string, string>>;

/**
 * Decides how a file is to be read, from its head and what the caller said.
 *
 * @param rows the first rows of the file, a few days at least, for a file whose dates are in doubt
 * @throws EnergyError `telemetry.import-column`, `telemetry.import-time-format`, `telemetry.import-step`,
 *   `telemetry.import-empty`
 */
export function planImport(header: readonly string[], rows: readonly Row[], options: PlanOptions = {}): Plan {
	if (rows.length === 0) throw new EnergyError("telemetry.import-empty");
	const notes: Plan["notes"] = [];
	const note = (code: string, details: Record<string, string | number> = {}): void => {
		notes.push({ code: `telemetry.import-${code}`, details });
	};
	const timeColumn = timeColumnOf(header, rows, options.timeColumn);
	const value = valueColumnOf(header, timeColumn, options);
	if (!options.valueColumn) note("found-value", { column: value.column, measure: value.measure, factor: value.factor });
	const times = rows.map((row) => row[timeColumn] ?? "");
	const format = options.format ?? formatOf(times, timeColumn);
	if (!options.format) note("found-format", { column: timeColumn, format });
	const decimal = options.decimal ?? detectDecimal(rows.map((row) => row[value.column] ?? ""));
	const read = times.map((text) => readTime(text, format)).filter((time) => time !== undefined);
	if (read.length === 0)
		throw new EnergyError("telemetry.import-time-format", { column: timeColumn, value: times[0] ?? "" });
	const plain = read.map(plainMs);
	const found = usualStep(plain);
	const stepMs = options.stepMs ?? found;
	if (stepMs === undefined || stepMs <= 0 || stepMs > DAY)
		throw new EnergyError("telemetry.import-step", { column: timeColumn });
	if (options.stepMs === undefined) note("found-step", { minutes: stepMs / 60_000 });
	else if (found !== undefined && found !== stepMs)
		note("step-differs", { minutes: stepMs / 60_000, found: found / 60_000 });
	const label = options.label ?? labelOf(plain, stepMs, value.measure);
	if (!options.label) note(label === "end" ? "found-end" : "found-start", { first: times[0] ?? "" });
	const first = (plain[0] as number) - (label === "end" ? stepMs : 0);
	const broken = options.grid === undefined ? brokenTimes(plain, stepMs, times) : undefined;
	if (broken) note("found-grid", broken);
	const grid = options.grid === true || broken ? { startLocalMs: first } : options.grid;
	return {
		timeColumn,
		valueColumn: value.column,
		measure: value.measure,
		factor: value.factor,
		format,
		decimal,
		label,
		stepMs,
		...(grid && { grid }),
		notes,
		timesBroken: broken !== undefined,
	};
}

function timeColumnOf(header: readonly string[], rows: readonly Row[], wanted: string | undefined): string {
	if (wanted !== undefined) {
		if (header.includes(wanted)) return wanted;
		throw new EnergyError("telemetry.import-column", { column: wanted, known: header.join(", ") });
	}
	const sample = (name: string): string[] => rows.slice(0, 20).map((row) => row[name] ?? "");
	const found =
		header.find((name) => timeNames.test(name) && detectFormats(sample(name)).length > 0) ??
		header.find((name) => detectFormats(sample(name)).length > 0);
	if (found !== undefined) return found;
	throw new EnergyError("telemetry.import-no-time", { known: header.join(", ") });
}

function valueColumnOf(
	header: readonly string[],
	timeColumn: string,
	{ valueColumn, measure, factor }: PlanOptions,
): { column: string; measure: Measure; factor: number } {
	const guess = (name: string) => valueNames.find(([pattern]) => pattern.test(name.replaceAll("_", " ")));
	if (valueColumn !== undefined) {
		if (!header.includes(valueColumn))
			throw new EnergyError("telemetry.import-column", { column: valueColumn, known: header.join(", ") });
		return { column: valueColumn, measure: measure ?? guess(valueColumn)?.[1] ?? "energyKwh", factor: factor ?? 1 };
	}
	for (const [pattern, kind, by] of valueNames) {
		const column = header.find((name) => name !== timeColumn && pattern.test(name.replaceAll("_", " ")));
		if (column !== undefined && (measure === undefined || measure === kind))
			return { column, measure: kind, factor: factor ?? by };
	}
	throw new EnergyError("telemetry.import-no-value", { known: header.join(", ") });
}

function formatOf(times: readonly string[], column: string): TimeFormat {
	const [best] = detectFormats(times);
	if (best !== undefined) return best;
	throw new EnergyError("telemetry.import-time-format", { column, value: times[0] ?? "" });
}

/**
 * Labels are ends where the file's first is one step after midnight, or its last is midnight: a day's data then runs
 * from 00:15 to 00:00. A counter is read at an instant, which begins the next span.
 */
function labelOf(plain: readonly number[], stepMs: number, measure: Measure): Label {
	if (measure === "counterKwh") return "start";
	return (plain[0] as number) % DAY === stepMs % DAY && stepMs < DAY ? "end" : "start";
}

/**
 * Whether the rows stand in even steps but their times do not: nearly every row lies where counting from the first
 * row puts it, and those that do not lie a whole number of hours beside it (a day that changes too late, a clock
 * change on a file that counts on).
 */
function brokenTimes(
	plain: readonly number[],
	stepMs: number,
	times: readonly string[],
): Record<string, string | number> | undefined {
	const first = plain[0] as number;
	let beside = 0;
	let run = 0;
	let example = -1;
	for (const [i, ms] of plain.entries()) {
		const off = ms - (first + i * stepMs);
		run = off === 0 ? 0 : run + 1;
		if (off === 0) continue;
		// Beside for long: that is another truth, not a slip.
		if (run > MAX_SLIP) return undefined;
		if (off % 3_600_000 !== 0 || Math.abs(off) > DAY) return undefined;
		beside++;
		if (example < 0) example = i;
	}
	if (beside === 0 || beside > plain.length * 0.05) return undefined;
	return { rows: beside, of: plain.length, before: times[example - 1] ?? "", example: times[example] ?? "" };
}

/** A cell's value in kWh or kW; undefined where it is none. */
export function readValue(plan: Plan, row: Row): number | undefined {
	const value = readNumber(row[plan.valueColumn] ?? "", plan);
	if (value === undefined) return undefined;
	return plan.factor < 1 ? value / Math.round(1 / plan.factor) : value * plan.factor;
}

/** `15min`, `5min`, `1h`, `30s` in ms. @throws EnergyError `telemetry.import-duration` */
export function readDuration(text: string): number {
	const found = /^(\d+)\s*(s|min|m|h)$/.exec(text.trim());
	const unit = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000 }[found?.[2] ?? ""];
	const ms = Number(found?.[1]) * (unit ?? Number.NaN);
	if (!(ms > 0 && ms <= DAY)) throw new EnergyError("telemetry.import-duration", { value: text });
	return ms;
}
