import { EnergyError } from "../../errors.ts";
import { MAX_GAP_MS, quarterOf } from "../../telemetry/aggregate.ts";
import { QUARTER_HOUR_MS } from "../../telemetry/interval.ts";
import { type Quantities, quantityNames } from "../../telemetry/reading.ts";
import { type Line, thin, withGaps } from "../../telemetry/thin.ts";
import type { SeriesQuery } from "../store.ts";
import { readingColumns } from "./migrations.ts";
import type { SeriesColumns } from "./protocol.ts";
import { checkSpan, type Queries } from "./queries.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Most rows that one chart may read, all its machines together: about 150 ms. */
const MAX_ROWS = 500_000;
/** Most quarter-hours that one chart may read before it is drawn from hours, and those before it is drawn from days. */
const MAX_INTERVALS = 200_000;
const MAX_POINTS = 10_000;
const MAX_MACHINES = 200;
/** Up to here a chart shows readings; beyond it only where its points are this much finer than quarter-hours. */
const RAW_SPAN_MS = 2 * DAY_MS;
const RAW_STEP_MS = QUARTER_HOUR_MS / 3;
/** Readings looked at in each stretch of a line that is too dense to be read as a whole. */
const PROBE = 32;

const intervalSources = [
	{ table: "quarters", stepMs: QUARTER_HOUR_MS },
	{ table: "hours", stepMs: HOUR_MS },
	{ table: "days", stepMs: DAY_MS },
] as const;
type IntervalSource = (typeof intervalSources)[number];

/**
 * The lines of a chart. Power comes from raw readings while there are few enough to read, then from the mean power of
 * quarter-hours, hours or days; energy from the same intervals, so coarse that no bar has to be left out.
 */
export function series(queries: Queries, query: SeriesQuery): SeriesColumns[] {
	checkQuery(query);
	const known = new Map(queries.machines(query.site).map(({ id, name }) => [name, id]));
	const ids = query.machines.map((name) => known.get(name));
	const present = ids.filter((id) => id !== undefined);
	const lines = linesOf(queries, query, present);
	if (query.sum) return [{ machine: "total", ...thin(total(lines, query), query.maxPoints) }];
	let next = 0;
	return query.machines.map((machine, index) => {
		const line = ids[index] === undefined ? emptyLine() : (lines.lines[next++] as Line);
		return { machine, ...thin(line, query.maxPoints) };
	});
}

interface Lines {
	lines: Line[];
	/** Distance of the points where it is fixed; raw readings come as they like. */
	stepMs: number | undefined;
}

function linesOf(queries: Queries, query: SeriesQuery, ids: readonly number[]): Lines {
	if (query.measure === "energyKwh") {
		const source =
			intervalSources.find(({ stepMs }) => (query.toMs - query.fromMs) / stepMs <= query.maxPoints) ??
			intervalSources[intervalSources.length - 1];
		return intervalLines(queries, query, ids, source as IntervalSource, "energy_kwh");
	}
	const spanMs = query.toMs - query.fromMs;
	const fine = spanMs <= RAW_SPAN_MS || spanMs / query.maxPoints < RAW_STEP_MS;
	const rows = query.measure === "powerKw" && !fine ? Number.POSITIVE_INFINITY : countReadings(queries, query, ids);
	if (query.measure === "powerKw" && (rows === 0 || rows > MAX_ROWS)) {
		const machineMs = (query.toMs - query.fromMs) * Math.max(1, ids.length);
		const source =
			intervalSources.find(({ stepMs }) => machineMs / stepMs <= MAX_INTERVALS) ??
			intervalSources[intervalSources.length - 1];
		return intervalLines(queries, query, ids, source as IntervalSource, "mean_kw");
	}
	const read = rows > MAX_ROWS ? probedLine : rawLine;
	return { lines: ids.map((id) => read(queries, query, id)), stepMs: undefined };
}

/** Readings in the span, counted no further than one past the bound. */
function countReadings(queries: Queries, query: SeriesQuery, ids: readonly number[]): number {
	let rows = 0;
	for (const { name } of queries.partitions.between(query.fromMs, query.toMs)) {
		for (const id of ids) {
			const row = queries.database.get(
				`SELECT count(*) AS n FROM (SELECT 1 FROM ${name} WHERE machine = ? AND time_ms >= ? AND time_ms < ? LIMIT ?)`,
				id,
				query.fromMs,
				query.toMs,
				MAX_ROWS + 1 - rows,
			);
			rows += Number(row?.n);
			if (rows > MAX_ROWS) return rows;
		}
	}
	return rows;
}

function intervalLines(
	queries: Queries,
	query: SeriesQuery,
	ids: readonly number[],
	{ table, stepMs }: IntervalSource,
	column: "energy_kwh" | "mean_kw",
): Lines {
	// A day of 25 hours is no gap.
	const gapMs = stepMs === DAY_MS ? stepMs + 2 * HOUR_MS : stepMs;
	const lines = ids.map((id) => {
		const rows = queries.database.pairs(
			`SELECT start_ms, ${column} FROM ${table} WHERE machine = ? AND start_ms >= ? AND start_ms < ? ORDER BY start_ms`,
			id,
			query.fromMs,
			query.toMs,
		);
		return withGaps(lineOf(rows), gapMs);
	});
	return { lines, stepMs };
}

function rawLine(queries: Queries, query: SeriesQuery, id: number): Line {
	const column = columnOf(query.measure);
	const rows = queries.partitions.between(query.fromMs, query.toMs).flatMap(({ name }) =>
		queries.database.pairs(
			`SELECT time_ms, ${column} FROM ${name} WHERE machine = ? AND time_ms >= ? AND time_ms < ?
				AND quality < 2 AND ${column} IS NOT NULL ORDER BY time_ms`,
			id,
			query.fromMs,
			query.toMs,
		),
	);
	const gapMs = gapOf(lineOf(rows));
	if (query.measure === "powerKw") fillFromQuarters(queries, query, id, rows);
	return withGaps(lineOf(rows), gapMs);
}

/** Where there are no readings (imported history, months that were dropped), power is that of measured quarter-hours. */
function fillFromQuarters(queries: Queries, query: SeriesQuery, id: number, rows: [number, number][]): void {
	const seen = new Set(rows.map(([at]) => quarterOf(at)));
	const quarters = queries.database.all(
		`SELECT start_ms, mean_kw FROM quarters WHERE machine = ? AND start_ms >= ? AND start_ms < ? AND coverage > 0
			LIMIT ${MAX_INTERVALS}`,
		id,
		query.fromMs,
		query.toMs,
	);
	const known = rows.length;
	for (const { start_ms, mean_kw } of quarters) {
		const startMs = Number(start_ms);
		if (seen.has(startMs)) continue;
		// A quarter-hour is a step: its mean holds from its start to its end.
		for (let at = startMs; at < startMs + QUARTER_HOUR_MS; at += RAW_STEP_MS) rows.push([at, Number(mean_kw)]);
	}
	if (rows.length > known) rows.sort((a, b) => a[0] - b[0]);
}

/** A line of too many readings: of each stretch of time only its first ones are read. */
function probedLine(queries: Queries, query: SeriesQuery, id: number): Line {
	const rows: [number, number][] = [];
	const column = columnOf(query.measure);
	const stretches = Math.ceil(query.maxPoints / 2);
	const widthMs = (query.toMs - query.fromMs) / stretches;
	for (const partition of queries.partitions.between(query.fromMs, query.toMs)) {
		const sql = `SELECT time_ms, ${column} FROM ${partition.name} WHERE machine = ? AND time_ms >= ? AND time_ms < ?
			AND quality < 2 AND ${column} IS NOT NULL ORDER BY time_ms LIMIT ${PROBE}`;
		for (let stretch = 0; stretch < stretches; stretch++) {
			const fromMs = query.fromMs + stretch * widthMs;
			if (fromMs >= partition.endMs || fromMs + widthMs <= partition.startMs) continue;
			rows.push(...queries.database.pairs(sql, id, fromMs, fromMs + widthMs));
		}
	}
	return withGaps(lineOf(rows), Math.max(MAX_GAP_MS, 2.5 * widthMs));
}

function columnOf(measure: keyof Quantities): string {
	return readingColumns[quantityNames.indexOf(measure)] as string;
}

function lineOf(rows: readonly (readonly [number, number])[]): Line {
	return { timeMs: Float64Array.from(rows, (row) => row[0]), value: Float64Array.from(rows, (row) => row[1]) };
}

const emptyLine = (): Line => ({ timeMs: new Float64Array(0), value: new Float64Array(0) });

/** What counts as a gap in readings that come at their own pace. */
function gapOf({ timeMs }: Line): number {
	if (timeMs.length < 3) return MAX_GAP_MS;
	const steps = timeMs.slice(1).map((at, index) => at - (timeMs[index] as number));
	return Math.max(MAX_GAP_MS, 2.5 * (steps.sort()[steps.length >> 1] as number));
}

/**
 * Adds lines up. Raw readings of several machines never come at the same instants, so their means over the steps of the
 * chart are added. A sum counts the machines that have a value; where none has, it is a gap.
 */
function total({ lines, stepMs }: Lines, query: SeriesQuery): Line {
	const width = stepMs ?? Math.max(1_000, Math.ceil((query.toMs - query.fromMs) / query.maxPoints));
	const cell = stepMs
		? (at: number) => at
		: (at: number) => query.fromMs + Math.floor((at - query.fromMs) / width) * width;
	const sums = new Map<number, number>();
	for (const line of lines) {
		for (const [at, value] of stepMs ? valuesOf(line) : means(line, cell, width)) {
			sums.set(at, (sums.get(at) ?? 0) + value);
		}
	}
	const times = Float64Array.from(sums.keys()).sort();
	const values = times.map((at) => sums.get(at) as number);
	return withGaps(
		{ timeMs: times, value: values },
		stepMs === DAY_MS ? DAY_MS + 2 * HOUR_MS : Math.max(width, stepMs ? 0 : MAX_GAP_MS),
	);
}

function* valuesOf({ timeMs, value }: Line): Generator<[number, number]> {
	for (let i = 0; i < timeMs.length; i++) {
		const here = value[i] as number;
		if (!Number.isNaN(here)) yield [timeMs[i] as number, here];
	}
}

/** Mean of a line in each cell; a cell between two readings that belong together holds the earlier one's value. */
function* means(line: Line, cell: (at: number) => number, width: number): Generator<[number, number]> {
	let at = Number.NaN;
	let sum = 0;
	let count = 0;
	let last = Number.NaN;
	for (let i = 0; i < line.timeMs.length; i++) {
		const value = line.value[i] as number;
		const here = cell(line.timeMs[i] as number);
		if (count > 0 && here !== at) {
			yield [at, sum / count];
			if (!Number.isNaN(value)) for (let hold = at + width; hold < here; hold += width) yield [hold, last];
			sum = 0;
			count = 0;
		}
		if (Number.isNaN(value)) continue;
		at = here;
		sum += value;
		count++;
		last = value;
	}
	if (count > 0) yield [at, sum / count];
}

function checkQuery(query: SeriesQuery): void {
	checkSpan(query);
	const refuse = (field: string, value: unknown, rule: string): never => {
		throw new EnergyError("store.bad-query", { field, value, rule });
	};
	if (!quantityNames.includes(query.measure)) refuse("measure", query.measure, quantityNames.join(", "));
	if (!Number.isInteger(query.maxPoints) || query.maxPoints < 1 || query.maxPoints > MAX_POINTS) {
		refuse("maxPoints", query.maxPoints, `1…${MAX_POINTS}`);
	}
	if (query.machines.length > MAX_MACHINES) refuse("machines", query.machines.length, `at most ${MAX_MACHINES}`);
}
