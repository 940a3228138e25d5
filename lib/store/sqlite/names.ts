import { LocalDays } from "../../telemetry/local-days.ts";
import type { Keyed } from "../columns.ts";
import type { Database } from "./database.ts";

export interface KnownMachine {
	id: number;
	site: number;
	siteName: string;
	name: string;
	rolloverKwh: number | undefined;
	/** Newest reading with a counter; -Infinity where there is none. */
	counterMs: number;
}

/** Sites and machines by name and by number, remembered until something else may have changed them. */
export class Names {
	readonly #database: Database;
	#machines = new Map<string, KnownMachine>();
	#byId = new Map<number, KnownMachine>();
	#days = new Map<number, LocalDays>();

	constructor(database: Database) {
		this.#database = database;
	}

	forget(): void {
		this.#machines.clear();
		this.#byId.clear();
		this.#days.clear();
	}

	siteId(site: string): number | undefined {
		const row = this.#database.get("SELECT id FROM sites WHERE name = ?", site);
		return row ? Number(row.id) : undefined;
	}

	/** The site's number; a site that was never defined counts its days in UTC. */
	ensureSite(site: string): number {
		this.#database.run("INSERT INTO sites (name, time_zone) VALUES (?, 'UTC') ON CONFLICT DO NOTHING", site);
		return this.siteId(site) as number;
	}

	ensureMachine(site: string, name: string): KnownMachine {
		const key = `${site}\n${name}`;
		const known = this.#machines.get(key);
		if (known) return known;
		const siteId = this.ensureSite(site);
		this.#database.run("INSERT INTO machines (site, name) VALUES (?, ?) ON CONFLICT DO NOTHING", siteId, name);
		const row = this.#database.get("SELECT * FROM machines WHERE site = ? AND name = ?", siteId, name);
		const machine: KnownMachine = {
			id: Number(row?.id),
			site: siteId,
			siteName: site,
			name,
			rolloverKwh: typeof row?.rollover_kwh === "number" ? row.rollover_kwh : undefined,
			counterMs: typeof row?.counter_ms === "number" ? row.counter_ms : Number.NEGATIVE_INFINITY,
		};
		this.#machines.set(key, machine);
		this.#byId.set(machine.id, machine);
		return machine;
	}

	/** The machines of a batch's name table, in its order. */
	ofBatch(batch: Keyed): KnownMachine[] {
		return batch.machines.map((name, index) => this.ensureMachine(batch.sites[index] as string, name));
	}

	machine(id: number): KnownMachine {
		const known = this.#byId.get(id);
		if (known) return known;
		const row = this.#database.get(
			"SELECT sites.name AS site, machines.name AS name FROM machines JOIN sites ON sites.id = site WHERE machines.id = ?",
			id,
		);
		return this.ensureMachine(String(row?.site), String(row?.name));
	}

	daysOf(site: number): LocalDays {
		let days = this.#days.get(site);
		if (!days) {
			const row = this.#database.get("SELECT time_zone FROM sites WHERE id = ?", site);
			days = new LocalDays(String(row?.time_zone ?? "UTC"));
			this.#days.set(site, days);
		}
		return days;
	}
}
