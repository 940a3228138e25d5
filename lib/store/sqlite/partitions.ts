import type { Database } from "./database.ts";
import { partitionSchema } from "./migrations.ts";

/** One month of raw readings. */
export interface Partition {
	name: string;
	startMs: number;
	endMs: number;
}

/** The tables of raw readings: one a month, UTC, so that retention drops a table instead of deleting rows. */
export class Partitions {
	readonly #database: Database;
	#known: Partition[] | undefined;
	#last: Partition | undefined;

	constructor(database: Database) {
		this.#database = database;
	}

	forget(): void {
		this.#known = undefined;
		this.#last = undefined;
	}

	/** All months that have readings, oldest first. */
	all(): readonly Partition[] {
		this.#known ??= this.#database
			.all("SELECT name, start_ms, end_ms FROM partitions ORDER BY start_ms")
			.map((row) => ({ name: String(row.name), startMs: Number(row.start_ms), endMs: Number(row.end_ms) }));
		return this.#known;
	}

	/** Months that overlap [fromMs, toMs), oldest first. */
	between(fromMs: number, toMs: number): Partition[] {
		return this.all().filter((partition) => partition.endMs > fromMs && partition.startMs < toMs);
	}

	/** The month of an instant, made where it is new. */
	ensure(timeMs: number): Partition {
		if (this.#last && timeMs >= this.#last.startMs && timeMs < this.#last.endMs) return this.#last;
		let found = this.all().find((partition) => timeMs >= partition.startMs && timeMs < partition.endMs);
		if (!found) {
			found = monthOf(timeMs);
			this.#database.exec(partitionSchema(found.name));
			this.#database.run(
				"INSERT INTO partitions (name, start_ms, end_ms) VALUES (?, ?, ?)",
				found.name,
				found.startMs,
				found.endMs,
			);
			this.#known = undefined;
		}
		this.#last = found;
		return found;
	}

	/** Drops the months that end before an instant; answers how many, and when the last of them ended. */
	dropBefore(beforeMs: number): { partitions: number; endMs: number } {
		const old = this.all().filter((partition) => partition.endMs <= beforeMs);
		for (const { name } of old) {
			this.#database.exec(`DROP TABLE ${name}`);
			this.#database.run("DELETE FROM partitions WHERE name = ?", name);
		}
		this.forget();
		return { partitions: old.length, endMs: old.at(-1)?.endMs ?? Number.NEGATIVE_INFINITY };
	}
}

function monthOf(timeMs: number): Partition {
	const date = new Date(timeMs);
	const year = date.getUTCFullYear();
	const month = date.getUTCMonth();
	return {
		name: `readings_${String(year).padStart(4, "0")}_${String(month + 1).padStart(2, "0")}`,
		startMs: Date.UTC(year, month, 1),
		endMs: Date.UTC(year, month + 1, 1),
	};
}
