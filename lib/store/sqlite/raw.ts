import type { StatementSync } from "node:sqlite";
import type { ReadingColumns } from "../columns.ts";
import { NO_CODE, reasons } from "../columns.ts";
import type { Database, Row } from "./database.ts";
import { readingColumns } from "./migrations.ts";
import type { Partition, Partitions } from "./partitions.ts";

const QUANTITIES = 9;
const STATE = 9;
const REASON = 10;
const QUALITY = 11;
const BAD = 2;

/** Code of the reason that says a counter does not go on from the reading before. */
export const COUNTER_RESET = reasons.indexOf("Good_CounterReset");

/** What became of one row. */
export type Fate = "inserted" | "duplicate" | "replaced";

/** A reading as the aggregates need it; NaN where a quantity is absent. */
export interface UsableReading {
	timeMs: number;
	powerKw: number;
	energyKwh: number;
	uncertain: boolean;
	counterReset: boolean;
}

/** Readings that enter aggregates. */
const usable = "quality < 2 AND (power_kw IS NOT NULL OR energy_kwh IS NOT NULL)";

/** The raw readings: writing them once, and the look-ups that the aggregates need. */
export class RawReadings {
	readonly #database: Database;
	readonly #partitions: Partitions;
	/** Insert statements per month and set of columns present; a column that is absent is not bound. */
	#inserts = new Map<string, Map<number, { statement: StatementSync; columns: number[] }>>();
	#arguments: (number | null)[] = [];

	constructor(database: Database, partitions: Partitions) {
		this.#database = database;
		this.#partitions = partitions;
	}

	forget(): void {
		this.#inserts.clear();
	}

	/** Writes one row of a batch. */
	put(machine: number, batch: ReadingColumns, row: number): Fate {
		const timeMs = batch.timeMs[row] as number;
		const partition = this.#partitions.ensure(timeMs);
		const insert = this.#insertFor(partition, maskOf(batch, row));
		const values = this.#arguments;
		values.length = 0;
		values.push(machine, timeMs);
		for (const column of insert.columns) values.push(valueAt(batch, row, column));
		if (insert.statement.run(...values).changes) return "inserted";
		return this.#replace(partition, machine, timeMs, batch, row);
	}

	#insertFor(partition: Partition, mask: number): { statement: StatementSync; columns: number[] } {
		let ofMonth = this.#inserts.get(partition.name);
		if (!ofMonth) {
			if (this.#inserts.size > 100) this.#inserts.clear();
			ofMonth = new Map();
			this.#inserts.set(partition.name, ofMonth);
		}
		let insert = ofMonth.get(mask);
		if (!insert) {
			const columns = readingColumns.map((_, column) => column).filter((column) => mask & (1 << column));
			const names = ["machine", "time_ms", ...columns.map((column) => readingColumns[column])];
			const sql = `INSERT INTO ${partition.name} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})
				ON CONFLICT DO NOTHING`;
			insert = { statement: this.#database.connection.prepare(sql), columns };
			ofMonth.set(mask, insert);
		}
		return insert;
	}

	#replace(partition: Partition, machine: number, timeMs: number, batch: ReadingColumns, row: number): Fate {
		const old = this.#database.get(
			`SELECT ${readingColumns.join(", ")} FROM ${partition.name} WHERE machine = ? AND time_ms = ?`,
			machine,
			timeMs,
		) as Row;
		const values = readingColumns.map((_, column) => valueAt(batch, row, column));
		if (readingColumns.every((name, column) => old[name] === values[column])) return "duplicate";
		this.#database.run(
			`UPDATE ${partition.name} SET ${readingColumns.map((name) => `${name} = ?`).join(", ")}
				WHERE machine = ? AND time_ms = ?`,
			...values,
			machine,
			timeMs,
		);
		return "replaced";
	}

	/** The usable readings of [fromMs, toMs), oldest first. */
	*usableBetween(machine: number, fromMs: number, toMs: number): Generator<UsableReading> {
		for (const { name } of this.#partitions.between(fromMs, toMs)) {
			const rows = this.#database.statement(
				`SELECT time_ms, power_kw, energy_kwh, quality, reason FROM ${name}
					WHERE machine = ? AND time_ms >= ? AND time_ms < ? AND ${usable} ORDER BY time_ms`,
			);
			for (const row of rows.iterate(machine, fromMs, toMs)) yield usableOf(row);
		}
	}

	/** Time of the machine's newest usable reading; -Infinity where there is none. */
	newestUsable(machine: number): number {
		for (const { name } of this.#partitions.all().toReversed()) {
			const row = this.#database.get(
				`SELECT time_ms FROM ${name} WHERE machine = ? AND ${usable} ORDER BY time_ms DESC LIMIT 1`,
				machine,
			);
			if (row) return Number(row.time_ms);
		}
		return Number.NEGATIVE_INFINITY;
	}

	/** The last usable reading in [fromMs, beforeMs) that has the quantity. */
	before(machine: number, column: "power_kw" | "energy_kwh", fromMs: number, beforeMs: number) {
		return this.#nearest(machine, column, fromMs, beforeMs, "DESC");
	}

	/** The first usable reading in [fromMs, toMs) that has the quantity. */
	after(machine: number, column: "power_kw" | "energy_kwh", fromMs: number, toMs: number) {
		return this.#nearest(machine, column, fromMs, toMs, "ASC");
	}

	#nearest(
		machine: number,
		column: "power_kw" | "energy_kwh",
		fromMs: number,
		toMs: number,
		order: "ASC" | "DESC",
	): UsableReading | undefined {
		const months = this.#partitions.between(fromMs, toMs);
		for (const { name } of order === "ASC" ? months : months.reverse()) {
			const row = this.#database.get(
				`SELECT time_ms, power_kw, energy_kwh, quality, reason FROM ${name}
					WHERE machine = ? AND time_ms >= ? AND time_ms < ? AND quality < 2 AND ${column} IS NOT NULL
					ORDER BY time_ms ${order} LIMIT 1`,
				machine,
				fromMs,
				toMs,
			);
			if (row) return usableOf(row);
		}
		return undefined;
	}
}

function usableOf(row: Row): UsableReading {
	return {
		timeMs: Number(row.time_ms),
		powerKw: row.power_kw === null ? Number.NaN : Number(row.power_kw),
		energyKwh: row.energy_kwh === null ? Number.NaN : Number(row.energy_kwh),
		uncertain: Number(row.quality) === 1,
		counterReset: row.reason === COUNTER_RESET,
	};
}

/** Whether a row of a batch enters aggregates. */
export function isUsable(batch: ReadingColumns, row: number): boolean {
	const power = batch.quantities[0]?.[row] ?? Number.NaN;
	const energy = batch.quantities[1]?.[row] ?? Number.NaN;
	return batch.quality[row] !== BAD && (!Number.isNaN(power) || !Number.isNaN(energy));
}

/** One bit per column that the row fills. */
function maskOf(batch: ReadingColumns, row: number): number {
	let mask = 0;
	for (let column = 0; column < QUANTITIES; column++) {
		const value = batch.quantities[column]?.[row];
		if (value !== undefined && !Number.isNaN(value)) mask |= 1 << column;
	}
	if (batch.state && batch.state[row] !== NO_CODE) mask |= 1 << STATE;
	if (batch.reason && batch.reason[row] !== NO_CODE) mask |= 1 << REASON;
	if (batch.quality[row] !== 0) mask |= 1 << QUALITY;
	return mask;
}

function valueAt(batch: ReadingColumns, row: number, column: number): number | null {
	if (column === QUALITY) return batch.quality[row] as number;
	if (column >= QUANTITIES) {
		const code = (column === STATE ? batch.state : batch.reason)?.[row];
		return code === undefined || code === NO_CODE ? null : code;
	}
	const value = batch.quantities[column]?.[row];
	return value === undefined || Number.isNaN(value) ? null : value;
}
