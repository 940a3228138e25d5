import { MAX_BRIDGE_MS, MAX_COUNTER_GAP_MS, QuarterFold, quarterOf } from "../../telemetry/aggregate.ts";
import { QUARTER_HOUR_MS } from "../../telemetry/interval.ts";
import type { IntervalColumns, ReadingColumns } from "../columns.ts";
import type { QuarantineEntry, SiteDefinition, WriteOutcome } from "../store.ts";
import type { Database } from "./database.ts";
import { type KnownMachine, Names } from "./names.ts";
import { Partitions } from "./partitions.ts";
import { COUNTER_RESET, isUsable, RawReadings, type UsableReading } from "./raw.ts";
import { RollUps } from "./rollups.ts";

/** Rejected readings kept for a look; of older ones only the count per reason remains. */
const QUARANTINE_KEPT = 100_000;
/** Changed readings closer than this are recomputed in one go. */
const REGION_GAP_MS = 4 * QUARTER_HOUR_MS;

/** Where a machine's newest readings have led; lets the next ones be added instead of recomputed. */
interface Live {
	fold: QuarterFold;
	newestMs: number;
}

/**
 * Everything that changes the database. Each method is called within a transaction, which ends with `finish`.
 *
 * Readings that follow the newest of their machine go through a fold kept in memory; late, corrected and out-of-order
 * ones recompute the quarter-hours they touch from the raw readings. Both give the same figures, to the bit.
 */
export class Writer {
	readonly #database: Database;
	readonly #names: Names;
	readonly #partitions: Partitions;
	readonly #raw: RawReadings;
	readonly #rollUps: RollUps;
	#live = new Map<number, Live>();

	constructor(database: Database) {
		this.#database = database;
		this.#names = new Names(database);
		this.#partitions = new Partitions(database);
		this.#raw = new RawReadings(database, this.#partitions);
		this.#rollUps = new RollUps(database, this.#names);
	}

	/** Drops everything remembered: a transaction was rolled back, or another process wrote. */
	forget(): void {
		this.#names.forget();
		this.#partitions.forget();
		this.#raw.forget();
		this.#rollUps.forget();
		this.#live.clear();
	}

	defineSite(site: SiteDefinition): void {
		const id = this.#names.ensureSite(site.id);
		if (this.#names.daysOf(id).timeZone !== site.timeZone) {
			this.#database.run("UPDATE sites SET time_zone = ? WHERE id = ?", site.timeZone, id);
			this.#names.forget();
			this.#rollUps.remakeSite(id);
		}
		for (const { id: name, rules } of site.machines ?? []) {
			const machine = this.#names.ensureMachine(site.id, name);
			if (machine.rolloverKwh === rules?.counterRolloverKwh) continue;
			this.#database.run(
				"UPDATE machines SET rollover_kwh = ? WHERE id = ?",
				rules?.counterRolloverKwh ?? null,
				machine.id,
			);
			this.#names.forget();
			this.#live.delete(machine.id);
		}
	}

	/** Writes rows [from, to) of a batch; of equal keys in one batch the later row stands. */
	write(batch: ReadingColumns, from: number, to: number): WriteOutcome {
		const outcome: WriteOutcome = { inserted: 0, duplicates: 0, replaced: 0 };
		const machines = this.#names.ofBatch(batch);
		const perMonth = new Map<string, number>();
		for (const [index, rows] of rowsPerMachine(batch, from, to)) {
			this.#writeMachine(machines[index] as KnownMachine, batch, rows, outcome, perMonth);
		}
		for (const [name, readings] of perMonth) {
			this.#database.run("UPDATE partitions SET readings = readings + ? WHERE name = ?", readings, name);
		}
		return outcome;
	}

	writeIntervals(batch: IntervalColumns, from: number, to: number): WriteOutcome {
		return this.#rollUps.putImported(batch, from, to);
	}

	/** The last step of a transaction: hours and days follow the quarter-hours that changed in it. */
	finish(): void {
		this.#rollUps.remake();
	}

	quarantine(entries: readonly QuarantineEntry[]): void {
		for (const { atMs, site, machine, reason, detail, source, payload } of entries) {
			this.#database.run(
				`INSERT INTO quarantine (at_ms, site, machine, reason, detail, source, payload) VALUES (?, ?, ?, ?, ?, ?, ?)`,
				atMs,
				site,
				machine,
				reason,
				detail,
				source,
				payload,
			);
			this.#database.run(
				`INSERT INTO quarantine_counts (reason, rejected) VALUES (?, 1)
					ON CONFLICT DO UPDATE SET rejected = rejected + 1`,
				reason,
			);
		}
		this.#database.run("DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?", QUARANTINE_KEPT);
	}

	dropReadingsBefore(beforeMs: number): number {
		const { partitions, endMs } = this.#partitions.dropBefore(beforeMs);
		if (partitions > 0) {
			this.#rollUps.freeze(endMs);
			// Not what is still to be remade: others may have written in the same transaction.
			this.#partitions.forget();
			this.#raw.forget();
			this.#live.clear();
		}
		return partitions;
	}

	#writeMachine(
		machine: KnownMachine,
		batch: ReadingColumns,
		rows: readonly number[],
		outcome: WriteOutcome,
		perMonth: Map<string, number>,
	): void {
		const live = this.#liveOf(machine);
		const energy = batch.quantities[1];
		let counterMs = machine.counterMs;
		let appends = true;
		let newestMs = live.newestMs;
		const changed: number[] = [];
		for (const row of rows) {
			const timeMs = batch.timeMs[row] as number;
			const fate = this.#raw.put(machine.id, batch, row);
			if (fate === "duplicate") {
				outcome.duplicates++;
				continue;
			}
			if (fate === "inserted") {
				outcome.inserted++;
				const { name } = this.#partitions.ensure(timeMs);
				perMonth.set(name, (perMonth.get(name) ?? 0) + 1);
			} else outcome.replaced++;
			const counts = isUsable(batch, row);
			if (!counts && fate === "inserted") continue;
			if (fate === "replaced" || timeMs <= newestMs) appends = false;
			if (counts) {
				newestMs = Math.max(newestMs, timeMs);
				const kwh = energy?.[row] ?? Number.NaN;
				if (!Number.isNaN(kwh) && timeMs > counterMs) counterMs = timeMs;
			}
			changed.push(row);
		}
		if (changed.length === 0) return;
		if (counterMs > machine.counterMs) {
			if (!live.fold.holdsSinceCounter()) appends = false;
			machine.counterMs = counterMs;
			this.#database.run("UPDATE machines SET counter_ms = ? WHERE id = ?", counterMs, machine.id);
		}
		if (appends) this.#append(machine, live, batch, changed);
		else
			this.#recompute(
				machine,
				changed.map((row) => batch.timeMs[row] as number),
				newestMs,
			);
	}

	#append(machine: KnownMachine, live: Live, batch: ReadingColumns, rows: readonly number[]): void {
		const [power, energy] = batch.quantities;
		for (const row of rows) {
			const timeMs = batch.timeMs[row] as number;
			live.fold.push(
				timeMs,
				power?.[row] ?? Number.NaN,
				energy?.[row] ?? Number.NaN,
				batch.quality[row] === 1,
				batch.reason?.[row] === COUNTER_RESET,
			);
			live.newestMs = timeMs;
		}
		this.#rollUps.putComputed(machine, live.fold.drain());
	}

	/** The fold of the machine's newest quarter-hour, read back where it is not at hand. */
	#liveOf(machine: KnownMachine): Live {
		let live = this.#live.get(machine.id);
		if (!live) {
			const newestMs = this.#raw.newestUsable(machine.id);
			const startMs = newestMs === Number.NEGATIVE_INFINITY ? newestMs : quarterOf(newestMs);
			const fold =
				newestMs === Number.NEGATIVE_INFINITY
					? new QuarterFold(newestMs, machine.rolloverKwh)
					: this.#fold(machine, startMs, startMs + QUARTER_HOUR_MS);
			fold.drain();
			live = { fold, newestMs };
			this.#live.set(machine.id, live);
		}
		return live;
	}

	/** Recomputes from raw readings the quarter-hours that readings of these times can have changed. */
	#recompute(machine: KnownMachine, timesMs: number[], newestMs: number): void {
		timesMs.sort((a, b) => a - b);
		for (let first = 0; first < timesMs.length; ) {
			let last = first;
			while (last + 1 < timesMs.length && (timesMs[last + 1] as number) - (timesMs[last] as number) <= REGION_GAP_MS) {
				last++;
			}
			const { fold, toMs } = this.#recomputeRegion(machine, timesMs[first] as number, timesMs[last] as number);
			first = last + 1;
			// A fold that went to the end is where the next readings go on.
			if (first === timesMs.length && newestMs < toMs) this.#live.set(machine.id, { fold, newestMs });
			else this.#live.delete(machine.id);
		}
	}

	/** A reading changes what lies between its neighbours, on each of the two tracks. */
	#recomputeRegion(machine: KnownMachine, firstMs: number, lastMs: number) {
		const [power, counter] = this.#anchorsBefore(machine, firstMs);
		const [nextPower, nextCounter] = this.#anchorsAfter(machine, lastMs + 1);
		const fromMs = quarterOf(Math.min(firstMs, power?.timeMs ?? firstMs, counter?.timeMs ?? firstMs));
		const toMs =
			quarterOf(Math.max(lastMs, nextPower?.timeMs ?? lastMs, nextCounter?.timeMs ?? lastMs)) + QUARTER_HOUR_MS;
		this.#rollUps.clearComputed(machine, fromMs, toMs);
		const fold = this.#fold(machine, fromMs, toMs);
		this.#rollUps.putComputed(
			machine,
			fold.drain().filter(({ startMs }) => startMs < toMs),
		);
		return { fold, toMs };
	}

	/** Folds the readings of [fromMs, toMs), beginning with the ones that reach into it and ending with those it reaches to. */
	#fold(machine: KnownMachine, fromMs: number, toMs: number): QuarterFold {
		const fold = new QuarterFold(fromMs, machine.rolloverKwh);
		let pushedMs = Number.NEGATIVE_INFINITY;
		const push = (reading: UsableReading | undefined): void => {
			if (!reading || reading.timeMs <= pushedMs) return;
			fold.push(reading.timeMs, reading.powerKw, reading.energyKwh, reading.uncertain, reading.counterReset);
			pushedMs = reading.timeMs;
		};
		const pushAll = (from: number, to: number): void => {
			for (const reading of this.#raw.usableBetween(machine.id, from, to)) push(reading);
		};
		const [power, counter] = this.#anchorsBefore(machine, fromMs);
		if (counter) {
			// How a counter's difference is shared out depends on all the power since the reading before.
			const at = counter.timeMs;
			push(this.#raw.before(machine.id, "power_kw", at - MAX_BRIDGE_MS, at));
			pushAll(at, fromMs);
		} else push(power);
		pushAll(fromMs, toMs);
		const [nextPower, nextCounter] = this.#anchorsAfter(machine, toMs);
		if (nextCounter) pushAll(toMs, nextCounter.timeMs + 1);
		push(nextPower);
		return fold;
	}

	#anchorsBefore(machine: KnownMachine, beforeMs: number) {
		const hasCounter = machine.counterMs > Number.NEGATIVE_INFINITY;
		return [
			this.#raw.before(machine.id, "power_kw", beforeMs - MAX_BRIDGE_MS, beforeMs),
			hasCounter ? this.#raw.before(machine.id, "energy_kwh", beforeMs - MAX_COUNTER_GAP_MS, beforeMs) : undefined,
		] as const;
	}

	#anchorsAfter(machine: KnownMachine, fromMs: number) {
		return [
			this.#raw.after(machine.id, "power_kw", fromMs, fromMs + MAX_BRIDGE_MS),
			machine.counterMs >= fromMs
				? this.#raw.after(machine.id, "energy_kwh", fromMs, fromMs + MAX_COUNTER_GAP_MS)
				: undefined,
		] as const;
	}
}

/** Row numbers of each machine of the batch in the order of time; rows of the same time stay in their order. */
function rowsPerMachine(batch: ReadingColumns, from: number, to: number): Map<number, number[]> {
	const groups = new Map<number, number[]>();
	const unordered = new Set<number>();
	for (let row = from; row < to; row++) {
		const machine = batch.machine[row] as number;
		const rows = groups.get(machine);
		if (!rows) {
			groups.set(machine, [row]);
			continue;
		}
		if ((batch.timeMs[row] as number) < (batch.timeMs[rows.at(-1) as number] as number)) unordered.add(machine);
		rows.push(row);
	}
	for (const machine of unordered) {
		groups.get(machine)?.sort((a, b) => (batch.timeMs[a] as number) - (batch.timeMs[b] as number) || a - b);
	}
	return groups;
}
