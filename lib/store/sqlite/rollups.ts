import { GOOD_COVERAGE, type QuarterFigures } from "../../telemetry/aggregate.ts";
import { QUARTER_HOUR_MS } from "../../telemetry/interval.ts";
import type { Span } from "../../telemetry/local-days.ts";
import { type IntervalColumns, intervalFields } from "../columns.ts";
import type { WriteOutcome } from "../store.ts";
import type { Database } from "./database.ts";
import type { KnownMachine, Names } from "./names.ts";

const figureNames = "energy_kwh, estimated_kwh, mean_kw, max_kw, min_kw, coverage, span_ms, quality, samples".split(
	", ",
);

const putQuarter = `INSERT INTO quarters (machine, start_ms, ${figureNames.join(", ")}, source)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
	${figureNames.map((name) => `${name} = excluded.${name}`).join(", ")}, source = excluded.source`;
/** An imported quarter-hour stands above a computed one. */
const putComputed = `${putQuarter} WHERE source = 0`;

/** How the figures of parts make the figures of the whole; a whole that is not fully there is uncertain. */
const summary = (weight: string): string => `
	sum(energy_kwh), sum(estimated_kwh),
	coalesce(sum(energy_kwh) * 3600000.0 / nullif(sum(span_ms), 0), avg(mean_kw)), max(max_kw), min(min_kw),
	min(1.0, sum(coverage * ${weight}) / ?1), sum(span_ms),
	CASE WHEN max(quality) > 0 OR sum(coverage * ${weight}) / ?1 < ${GOOD_COVERAGE} THEN 1 ELSE 0 END, sum(samples)`;

const rollUp = (into: string, from: string, weight: string): string => `
	INSERT OR REPLACE INTO ${into} (machine, start_ms, duration_ms, ${figureNames.join(", ")})
	SELECT machine, ?3, ?1, ${summary(weight)} FROM ${from}
	WHERE machine = ?2 AND start_ms >= ?3 AND start_ms < ?4 GROUP BY machine`;
const rollUpHour = rollUp("hours", "quarters", `${QUARTER_HOUR_MS}.0`);
const rollUpDay = rollUp("days", "hours", "duration_ms");

/**
 * Quarter-hours and what is made of them. Every change of a quarter-hour remakes its hour and its day within the same
 * transaction, so no crash leaves them apart; months are summed from days when asked for.
 */
export class RollUps {
	readonly #database: Database;
	readonly #names: Names;
	/** Hours to remake before the transaction ends, per machine: start → end. */
	#hours = new Map<number, Map<number, number>>();

	constructor(database: Database, names: Names) {
		this.#database = database;
		this.#names = names;
	}

	/** Forgets what a rolled-back transaction would have remade. */
	forget(): void {
		this.#hours.clear();
	}

	putComputed(machine: KnownMachine, quarters: readonly QuarterFigures[]): void {
		const statement = this.#database.statement(putComputed);
		for (const quarter of quarters) {
			statement.run(
				machine.id,
				quarter.startMs,
				quarter.energyKwh,
				quarter.estimatedKwh,
				quarter.meanKw,
				quarter.maxKw,
				quarter.minKw,
				quarter.coverage,
				quarter.spanMs,
				quarter.uncertain ? 1 : 0,
				quarter.samples,
				0,
			);
			this.#touch(machine, quarter.startMs);
		}
	}

	/** Quarter-hours whose readings are gone can't be computed anew: a late reading must not undo them. */
	freeze(untilMs: number): void {
		this.#database.run("UPDATE quarters SET source = 2 WHERE source = 0 AND start_ms <= ?", untilMs);
	}

	/** Takes back computed quarter-hours of [fromMs, toMs) before they are computed anew. */
	clearComputed(machine: KnownMachine, fromMs: number, toMs: number): void {
		const rows = this.#database.all(
			"DELETE FROM quarters WHERE machine = ? AND start_ms >= ? AND start_ms < ? AND source = 0 RETURNING start_ms",
			machine.id,
			fromMs,
			toMs,
		);
		for (const row of rows) this.#touch(machine, Number(row.start_ms));
	}

	/** Writes rows [from, to) of a batch of ready-made quarter-hours. */
	putImported(batch: IntervalColumns, from: number, to: number): WriteOutcome {
		const machines = this.#names.ofBatch(batch);
		const outcome: WriteOutcome = { inserted: 0, duplicates: 0, replaced: 0 };
		for (let row = from; row < to; row++) {
			const machine = machines[batch.machine[row] as number] as KnownMachine;
			const startMs = batch.timeMs[row] as number;
			const at = (field: (typeof intervalFields)[number]): number =>
				batch.values[intervalFields.indexOf(field) * batch.length + row] as number;
			const coverage = at("coverage");
			const values = [
				at("energyKwh"),
				at("estimatedKwh"),
				at("meanKw"),
				at("maxKw"),
				at("minKw"),
				coverage,
				QUARTER_HOUR_MS,
				batch.quality[row] as number,
				at("samples"),
			];
			const old = this.#database.get("SELECT * FROM quarters WHERE machine = ? AND start_ms = ?", machine.id, startMs);
			if (old?.source === 1 && figureNames.every((name, index) => old[name] === values[index])) {
				outcome.duplicates++;
				continue;
			}
			this.#database.statement(putQuarter).run(machine.id, startMs, ...values, 1);
			this.#touch(machine, startMs);
			outcome[old ? "replaced" : "inserted"]++;
		}
		return outcome;
	}

	/** Remakes the hours and days of all quarter-hours that changed; the last step of a transaction. */
	remake(): void {
		for (const [id, hours] of this.#hours) {
			const days = this.#names.daysOf(this.#names.machine(id).site);
			const changedDays = new Map<number, Span>();
			for (const [startMs, endMs] of hours) {
				this.#make("hours", rollUpHour, id, { startMs, endMs });
				const day = days.dayOf(startMs);
				changedDays.set(day.startMs, day);
			}
			for (const day of changedDays.values()) this.#make("days", rollUpDay, id, day);
		}
		this.#hours.clear();
	}

	/** Makes hours and days of a site anew: its time zone changed. */
	remakeSite(site: number): void {
		for (const row of this.#database.all("SELECT id FROM machines WHERE site = ?", site)) {
			const machine = this.#names.machine(Number(row.id));
			// Hours that were to be remade are those of the old zone.
			this.#hours.delete(machine.id);
			this.#database.run("DELETE FROM hours WHERE machine = ?", machine.id);
			this.#database.run("DELETE FROM days WHERE machine = ?", machine.id);
			const starts = this.#database.all("SELECT start_ms FROM quarters WHERE machine = ?", machine.id);
			for (const start of starts) this.#touch(machine, Number(start.start_ms));
		}
		this.remake();
	}

	#make(table: "hours" | "days", sql: string, machine: number, { startMs, endMs }: Span): void {
		if (this.#database.run(sql, endMs - startMs, machine, startMs, endMs) === 0) {
			this.#database.run(`DELETE FROM ${table} WHERE machine = ? AND start_ms = ?`, machine, startMs);
		}
	}

	#touch(machine: KnownMachine, startMs: number): void {
		let hours = this.#hours.get(machine.id);
		if (!hours) {
			hours = new Map();
			this.#hours.set(machine.id, hours);
		}
		const hour = this.#names.daysOf(machine.site).hourOf(startMs);
		hours.set(hour.startMs, hour.endMs);
	}
}
