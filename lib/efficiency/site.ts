import type { Reading } from "../telemetry/reading.ts";
import type { Site } from "../telemetry/site.ts";
import { MachineEfficiency } from "./machine.ts";
import type { Efficiency, EfficiencyMemory } from "./types.ts";

/** The site as a whole, of its machines. */
export interface SiteEfficiency {
	/** Mean of the machines' efficiencies, each by its energy of the last 24 hours; null where none is known. */
	efficiency: number | null;
	idleShare: number | null;
	powerFactor: number | null;
	loadFactor: number | null;
	energyKwh: number;
}

/** A machine that nobody listed is watched too, but not without end. */
const MOST_MACHINES = 2_000;

/** Efficiencies of all machines of a site. */
export class EfficiencyBook {
	readonly #machines = new Map<string, MachineEfficiency>();
	readonly #mains: ReadonlySet<string>;

	constructor({ machines }: Pick<Site, "machines">, kept: Iterable<readonly [string, EfficiencyMemory]> = []) {
		this.#mains = new Set(machines.filter(({ role }) => role === "main").map(({ id }) => id));
		for (const [machine, memory] of kept) this.#machines.set(machine, new MachineEfficiency(machine, memory));
	}

	/** @returns whether the machine's memory is worth keeping again */
	take(reading: Reading): boolean {
		let machine = this.#machines.get(reading.machine);
		if (!machine) {
			if (this.#machines.size >= MOST_MACHINES) return false;
			machine = new MachineEfficiency(reading.machine);
			this.#machines.set(reading.machine, machine);
		}
		return machine.take(reading);
	}

	/** Undefined for a machine that was never heard of. */
	of(machine: string): MachineEfficiency | undefined {
		return this.#machines.get(machine);
	}

	/** Puts what was learned of a machine in the place of what was known. */
	set(machine: string, learned: MachineEfficiency): void {
		this.#machines.set(machine, learned);
	}

	now(): Efficiency[] {
		return [...this.#machines.values()].map((machine) => machine.now());
	}

	/** Main meters see everything once more, so the site is the sum of its other machines; of the main ones where there are no others. */
	site(all: readonly Efficiency[] = this.now()): SiteEfficiency {
		const subs = all.filter(({ machine }) => !this.#mains.has(machine));
		const mains = all.filter(({ machine }) => this.#mains.has(machine));
		const energy = (list: readonly Efficiency[]): number => list.reduce((sum, { energyKwh }) => sum + energyKwh, 0);
		const whole = mains.length > 0 ? mains : subs;
		return {
			efficiency: weighted(subs, ({ efficiency }) => efficiency),
			idleShare: weighted(subs, ({ idleShare }) => idleShare),
			powerFactor: weighted(whole, ({ powerFactor }) => powerFactor.value),
			loadFactor: weighted(whole, ({ loadFactor }) => loadFactor),
			energyKwh: energy(whole),
		};
	}
}

function weighted(list: readonly Efficiency[], figure: (one: Efficiency) => number | null): number | null {
	let sum = 0;
	let weight = 0;
	for (const one of list) {
		const value = figure(one);
		if (value === null) continue;
		sum += value * one.energyKwh;
		weight += one.energyKwh;
	}
	return weight > 0 ? sum / weight : null;
}
