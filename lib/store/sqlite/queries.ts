import type { StatementSync } from "node:sqlite";
import { EnergyError } from "../../errors.ts";
import { GOOD_COVERAGE } from "../../telemetry/aggregate.ts";
import { QUARTER_HOUR_MS } from "../../telemetry/interval.ts";
import type { LocalDays } from "../../telemetry/local-days.ts";
import { type IntervalColumns, intervalFields, NO_CODE, type ReadingColumns } from "../columns.ts";
import type {
	EnergyToday,
	IntervalsQuery,
	Page,
	QuarantineEntry,
	QuarantineQuery,
	ReadingsQuery,
	Resolution,
} from "../store.ts";
import { cursorOf, limitOf, type Position, positionOf } from "./cursor.ts";
import type { Database, Row } from "./database.ts";
import { type KeyedRow, mergeByTime } from "./merge.ts";
import { readingColumns } from "./migrations.ts";
import { Names } from "./names.ts";
import { Partitions } from "./partitions.ts";
import type { ColumnPage, Operations } from "./protocol.ts";

const readingSelect = `machine, time_ms AS time, ${readingColumns.join(", ")}`;
const figureSelect = "energy_kwh, estimated_kwh, mean_kw, max_kw, min_kw, coverage, samples, quality, span_ms";

/** Answers questions from one consistent snapshot each; every answer is bounded. */
export class Queries {
	readonly database: Database;
	readonly names: Names;
	readonly partitions: Partitions;

	constructor(database: Database) {
		this.database = database;
		this.names = new Names(database);
		this.partitions = new Partitions(database);
	}

	/** Another connection writes, so nothing is remembered from one question to the next. */
	forget(): void {
		this.names.forget();
		this.partitions.forget();
	}

	/** Numbers and names of a site's machines, or of the one asked for; empty where the store does not know them. */
	machines(site: string, only?: string): { id: number; name: string }[] {
		const siteId = this.names.siteId(site);
		if (siteId === undefined) return [];
		return this.database
			.all(
				"SELECT id, name FROM machines WHERE site = ?1 AND (?2 IS NULL OR name = ?2) ORDER BY id",
				siteId,
				only ?? null,
			)
			.map((row) => ({ id: Number(row.id), name: String(row.name) }));
	}

	daysOf(site: string): LocalDays {
		return this.names.daysOf(this.names.siteId(site) ?? -1);
	}

	latest(site: string): ReadingColumns {
		const rows: KeyedRow[] = [];
		const months = this.partitions.all().toReversed();
		const machines = this.machines(site);
		for (const { id } of machines) {
			for (const { name } of months) {
				const row = this.database.get(
					`SELECT ${readingSelect} FROM ${name} WHERE machine = ? ORDER BY time_ms DESC LIMIT 1`,
					id,
				);
				if (!row) continue;
				rows.push(row as KeyedRow);
				break;
			}
		}
		return readingsOf(site, machines, rows);
	}

	readings(query: ReadingsQuery): ColumnPage<ReadingColumns> {
		checkSpan(query);
		checkThinning(query);
		const order = query.order ?? "asc";
		const limit = limitOf(query.limit);
		const after = query.cursor === undefined ? undefined : positionOf(query.cursor, order);
		const machines = this.machines(query.site, query.machine);
		const span = narrow(query, after, order);
		const months = this.partitions.between(span.fromMs, span.toMs);
		const rows: KeyedRow[] = [];
		for (const { name } of order === "asc" ? months : months.reverse()) {
			const select = `SELECT ${readingSelect} FROM ${name} WHERE machine = ? AND time_ms >= ? AND time_ms < ?`;
			const sources = machines.map(({ id }) =>
				query.everyMs === undefined
					? this.#rows(`${select} ORDER BY time_ms ${order}`, machines.length, limit, id, span)
					: this.#thinned(`${select} AND quality < 2 ORDER BY time_ms LIMIT 1`, id, query, after),
			);
			take(mergeByTime(sources, order), after, order, limit, rows);
			if (rows.length > limit) break;
		}
		return page(rows, limit, order, (kept) => readingsOf(query.site, machines, kept));
	}

	intervals(query: IntervalsQuery): ColumnPage<IntervalColumns> {
		checkSpan(query);
		const order = query.order ?? "asc";
		const limit = limitOf(query.limit);
		const after = query.cursor === undefined ? undefined : positionOf(query.cursor, order);
		const machines = this.machines(query.site, query.machine);
		const rows: KeyedRow[] = [];
		const span = narrow(query, after, order);
		const sources = machines.map(({ id }) => this.#figures(id, query, span, machines.length, limit));
		take(mergeByTime(sources, order), after, order, limit, rows);
		return page(rows, limit, order, (kept) => intervalsOf(query.site, machines, kept));
	}

	/** Intervals of one machine that start in the span, in the order that is asked for. */
	#figures(machine: number, query: IntervalsQuery, span: Span, machines: number, limit: number): Iterable<Row> {
		const between = `WHERE machine = ? AND start_ms >= ? AND start_ms < ? ORDER BY start_ms ${query.order === "desc" ? "DESC" : "ASC"}`;
		const sql: Record<Exclude<Resolution, "month">, string> = {
			"15min": `SELECT machine, start_ms AS time, ${QUARTER_HOUR_MS} AS duration, ${figureSelect} FROM quarters ${between}`,
			hour: `SELECT machine, start_ms AS time, duration_ms AS duration, ${figureSelect} FROM hours ${between}`,
			day: `SELECT machine, start_ms AS time, duration_ms AS duration, ${figureSelect} FROM days ${between}`,
		};
		if (query.resolution === "month") {
			const months = this.#months(machine, this.daysOf(query.site), span);
			return query.order === "desc" ? [...months].reverse() : months;
		}
		const text = sql[query.resolution];
		if (!text) {
			throw new EnergyError("store.bad-query", {
				field: "resolution",
				value: query.resolution,
				rule: "15min, hour, day, month",
			});
		}
		return this.#rows(text, machines, limit, machine, span);
	}

	/** The page of one machine comes in one piece; several machines are read side by side, each as far as it is needed. */
	#rows(sql: string, machines: number, limit: number, machine: number, { fromMs, toMs }: Span): Iterable<Row> {
		// Two more than the page: one to know that there are more, one that the cursor itself names.
		return machines === 1
			? this.database.all(`${sql} LIMIT ?`, machine, fromMs, toMs, limit + 2)
			: this.#fresh(sql).iterate(machine, fromMs, toMs);
	}

	/** One look into the index for each row that is kept: what lies between them is not read at all. */
	*#thinned(
		sql: string,
		machine: number,
		{ fromMs, toMs, everyMs = 1 }: ReadingsQuery,
		after: Position | undefined,
	): Generator<Row> {
		const next = this.#fresh(sql);
		// A page may end within a span: from its beginning, to know which of the machines are done with it.
		const spanMs = after ? Math.floor(after.timeMs / everyMs) * everyMs : fromMs;
		for (let atMs = Math.max(fromMs, spanMs); atMs < toMs; ) {
			const row = next.get(machine, atMs, toMs) as KeyedRow | undefined;
			if (!row) return;
			if (!after || row.time >= after.timeMs) yield row;
			atMs = (Math.floor(row.time / everyMs) + 1) * everyMs;
		}
	}

	/** Months are summed from their days; a month belongs to the span when it starts in it. */
	*#months(machine: number, days: LocalDays, span: Span): Generator<Row> {
		const known = this.database.get(
			"SELECT min(start_ms) AS oldest, max(start_ms) AS newest FROM days WHERE machine = ?",
			machine,
		);
		if (known?.oldest === null || known?.oldest === undefined) return;
		const newest = Number(known.newest);
		let month = days.monthOf(Math.max(Number(known.oldest), span.fromMs));
		if (month.startMs < span.fromMs) month = days.monthOf(month.endMs);
		for (; month.startMs < span.toMs && month.startMs <= newest; month = days.monthOf(month.endMs)) {
			const durationMs = month.endMs - month.startMs;
			const row = this.database.get(
				`SELECT ?1 AS machine, ?2 AS time, ?4 AS duration,
					sum(energy_kwh) AS energy_kwh, sum(estimated_kwh) AS estimated_kwh,
					coalesce(sum(energy_kwh) * 3600000.0 / nullif(sum(span_ms), 0), avg(mean_kw)) AS mean_kw,
					max(max_kw) AS max_kw, min(min_kw) AS min_kw, min(1.0, sum(coverage * duration_ms) / ?4) AS coverage,
					sum(samples) AS samples, sum(span_ms) AS span_ms,
					CASE WHEN max(quality) > 0 OR sum(coverage * duration_ms) / ?4 < ${GOOD_COVERAGE} THEN 1 ELSE 0 END AS quality
					FROM days WHERE machine = ?1 AND start_ms >= ?2 AND start_ms < ?3 HAVING count(*) > 0`,
				machine,
				month.startMs,
				month.endMs,
				durationMs,
			);
			if (row) yield row;
		}
	}

	energySince(site: string, fromMs: number, nowMs: number): EnergyToday[] {
		return this.machines(site).map(({ id, name }) => {
			const row = this.database.get(
				`SELECT coalesce(sum(energy_kwh), 0.0) AS energy, coalesce(sum(estimated_kwh), 0.0) AS estimated
					FROM quarters WHERE machine = ? AND start_ms >= ? AND start_ms <= ?`,
				id,
				fromMs,
				nowMs,
			);
			return { machine: name, energyKwh: Number(row?.energy), estimatedKwh: Number(row?.estimated) };
		});
	}

	/** Newest first. */
	quarantined(query: QuarantineQuery): Page<QuarantineEntry> {
		const limit = limitOf(query.limit);
		const after = query.cursor === undefined ? undefined : positionOf(query.cursor);
		const rows = this.database.all(
			`SELECT * FROM quarantine
				WHERE (?1 IS NULL OR site = ?1) AND (?2 IS NULL OR machine = ?2) AND (?3 IS NULL OR reason = ?3)
				AND at_ms >= ?4 AND at_ms < ?5 AND (at_ms, id) < (?6, ?7) ORDER BY at_ms DESC, id DESC LIMIT ?8`,
			query.site ?? null,
			query.machine ?? null,
			query.reason ?? null,
			query.fromMs ?? 0,
			query.toMs ?? Number.MAX_SAFE_INTEGER,
			after?.timeMs ?? Number.MAX_SAFE_INTEGER,
			after?.id ?? Number.MAX_SAFE_INTEGER,
			limit + 1,
		);
		const last = rows.length > limit ? rows[limit - 1] : undefined;
		return {
			items: rows.slice(0, limit).map((row) => ({
				atMs: Number(row.at_ms),
				site: String(row.site),
				machine: String(row.machine),
				reason: String(row.reason),
				detail: String(row.detail),
				source: String(row.source),
				payload: String(row.payload),
			})),
			...(last ? { nextCursor: cursorOf({ timeMs: Number(last.at_ms), id: Number(last.id) }) } : {}),
		};
	}

	stats(): Operations["stats"]["answer"] {
		const one = (sql: string): number => Number(this.database.get(sql)?.value ?? 0);
		const counts = this.database.all("SELECT reason, rejected FROM quarantine_counts ORDER BY reason");
		const byReason = Object.fromEntries(counts.map((row) => [String(row.reason), Number(row.rejected)]));
		return {
			engine: "sqlite",
			readings: one("SELECT sum(readings) AS value FROM partitions"),
			intervals: one("SELECT count(*) AS value FROM quarters"),
			quarantined: Object.values(byReason).reduce((sum, count) => sum + count, 0),
			quarantinedByReason: byReason,
			...this.#extent(),
			bytes: one("SELECT page_count * page_size AS value FROM pragma_page_count(), pragma_page_size()"),
		};
	}

	/** Times of the oldest and newest reading. */
	#extent(): { oldestMs: number | null; newestMs: number | null } {
		const machines = this.database.all("SELECT id FROM machines").map((row) => Number(row.id));
		const edge = (name: string, order: "min" | "max"): number[] =>
			machines.flatMap((id) => {
				const row = this.database.get(`SELECT ${order}(time_ms) AS time FROM ${name} WHERE machine = ?`, id);
				return typeof row?.time === "number" ? [row.time] : [];
			});
		const months = this.partitions.all();
		const oldest = months.map(({ name }) => edge(name, "min")).find((times) => times.length > 0);
		const newest = months
			.toReversed()
			.map(({ name }) => edge(name, "max"))
			.find((times) => times.length > 0);
		return { oldestMs: oldest ? Math.min(...oldest) : null, newestMs: newest ? Math.max(...newest) : null };
	}

	/** A statement of its own: several machines are read side by side. */
	#fresh(sql: string): StatementSync {
		return this.database.connection.prepare(sql);
	}
}

/** Epoch ms, [fromMs, toMs). */
interface Span {
	fromMs: number;
	toMs: number;
}

/** @throws EnergyError `store.bad-query` for a span that ends before it begins, or has no ends */
export function checkSpan({ fromMs, toMs }: { fromMs: number; toMs: number }): void {
	if (Number.isFinite(fromMs) && Number.isFinite(toMs) && fromMs <= toMs) return;
	throw new EnergyError("store.bad-query", {
		field: "fromMs, toMs",
		value: [fromMs, toMs],
		rule: "epoch milliseconds, fromMs ≤ toMs",
	});
}

function checkThinning({ everyMs, order }: ReadingsQuery): void {
	if (everyMs === undefined) return;
	const fail = (field: string, value: unknown, rule: string): never => {
		throw new EnergyError("store.bad-query", { field, value, rule });
	};
	if (!(Number.isInteger(everyMs) && everyMs >= 1)) fail("everyMs", everyMs, "≥ 1");
	if (order === "desc") fail("order", order, "asc, with everyMs");
}

/** The part of a span that a cursor leaves. */
function narrow(
	{ fromMs, toMs }: { fromMs: number; toMs: number },
	after: Position | undefined,
	order: "asc" | "desc",
): { fromMs: number; toMs: number } {
	if (!after) return { fromMs, toMs };
	return order === "asc"
		? { fromMs: Math.max(fromMs, after.timeMs), toMs }
		: { fromMs, toMs: Math.min(toMs, after.timeMs + 1) };
}

/** Takes rows past the cursor until there is one more than the page holds. */
function take(
	rows: Iterable<KeyedRow>,
	after: Position | undefined,
	order: "asc" | "desc",
	limit: number,
	into: KeyedRow[],
): void {
	for (const row of rows) {
		if (after && row.time === after.timeMs && (order === "asc" ? row.machine <= after.id : row.machine >= after.id)) {
			continue;
		}
		into.push(row);
		if (into.length > limit) return;
	}
}

function page<T>(rows: KeyedRow[], limit: number, order: "asc" | "desc", pack: (rows: KeyedRow[]) => T): ColumnPage<T> {
	const kept = rows.slice(0, limit);
	const last = kept.at(-1);
	const more = rows.length > limit && last;
	return {
		columns: pack(kept),
		...(more ? { nextCursor: cursorOf({ timeMs: last.time, id: last.machine }, order) } : {}),
	};
}

function keysOf(site: string, machines: readonly { id: number; name: string }[], rows: readonly KeyedRow[]) {
	const index = new Map(machines.map(({ id }, at) => [id, at]));
	return {
		length: rows.length,
		sites: machines.map(() => site),
		machines: machines.map(({ name }) => name),
		machine: Uint32Array.from(rows, (row) => index.get(row.machine) ?? 0),
		timeMs: Float64Array.from(rows, (row) => row.time),
	};
}

function readingsOf(site: string, machines: readonly { id: number; name: string }[], rows: KeyedRow[]): ReadingColumns {
	const numbers = (name: string): Float64Array =>
		Float64Array.from(rows, (row) => (row[name] === null ? Number.NaN : Number(row[name])));
	const codes = (name: string): Uint8Array =>
		Uint8Array.from(rows, (row) => (row[name] === null ? NO_CODE : Number(row[name])));
	return {
		...keysOf(site, machines, rows),
		quantities: readingColumns.slice(0, 9).map(numbers),
		quality: codes("quality"),
		state: codes("state"),
		reason: codes("reason"),
	};
}

const intervalColumn: Record<(typeof intervalFields)[number], string> = {
	durationMs: "duration",
	energyKwh: "energy_kwh",
	estimatedKwh: "estimated_kwh",
	meanKw: "mean_kw",
	maxKw: "max_kw",
	minKw: "min_kw",
	coverage: "coverage",
	samples: "samples",
};

function intervalsOf(
	site: string,
	machines: readonly { id: number; name: string }[],
	rows: KeyedRow[],
): IntervalColumns {
	const values = new Float64Array(rows.length * intervalFields.length);
	for (const [f, field] of intervalFields.entries()) {
		const column = intervalColumn[field];
		for (let i = 0; i < rows.length; i++) values[f * rows.length + i] = Number(rows[i]?.[column]);
	}
	return { ...keysOf(site, machines, rows), values, quality: Uint8Array.from(rows, (row) => Number(row.quality)) };
}
