import { demandConfigOf } from "../../../lib/demand/config.ts";
import { DemandGuard, type DemandOptions } from "../../../lib/demand/guard.ts";
import type { DemandConfig, DemandStatus, LoadCommand, PeakPrice } from "../../../lib/demand/types.ts";
import type { Reading } from "../../../lib/telemetry/reading.ts";

/** A quarter-hour boundary: 2026-11-23 10:00 in Seoul, a Monday. */
export const START = Date.UTC(2026, 10, 23, 1);
export const QUARTER = 900_000;

export const configOf = (given: Record<string, unknown> = {}): DemandConfig =>
	demandConfigOf({
		meters: ["main"],
		main: true,
		plausibleKw: 2000,
		limit: { kind: "target", kw: 300 },
		...given,
	});

export const reading = (timeMs: number, powerKw?: number, energyKwh?: number, machine = "main"): Reading => ({
	site: "demo",
	machine,
	timeMs,
	...(powerKw === undefined ? {} : { powerKw }),
	...(energyKwh === undefined ? {} : { energyKwh }),
});

/** A price that charges every kW above the incumbent, for a year. */
export const raises =
	(incumbentKw: number, krwPerKw = 8320) =>
	(kw: number): PeakPrice => {
		const over = Math.max(0, kw - incumbentKw);
		const reason = over > 0 ? "raises" : "covered";
		return { krw: over * krwPerKw * 9, krwPerMonth: over * krwPerKw, until: "2027-08", incumbentKw, reason };
	};

export const notCounted = (): PeakPrice => ({
	...{ krw: 0, krwPerMonth: 0, until: null, incumbentKw: 250, reason: "not-counted" },
});

export interface Seen {
	atMs: number;
	status: DemandStatus;
	commands: LoadCommand[];
	events: DemandStatus["events"];
}

/** A small plant that does what it is told: its power is the base load and the loads that are not shed. */
export class Plant {
	readonly guard: DemandGuard;
	readonly seen: Seen[] = [];
	readonly off = new Set<string>();
	/** Machines that do not listen. */
	readonly deaf = new Set<string>();
	private readonly loadsKw: Record<string, number>;

	constructor(given: Record<string, unknown>, options: DemandOptions = {}, loadsKw: Record<string, number> = {}) {
		this.guard = new DemandGuard(configOf(given), options);
		this.loadsKw = loadsKw;
	}

	powerKw(baseKw: number): number {
		return Object.entries(this.loadsKw).reduce((sum, [id, kw]) => sum + (this.off.has(id) ? 0 : kw), baseKw);
	}

	/** Runs from one instant to another in steps of five seconds. */
	run(fromMs: number, toMs: number, baseKw: (atMs: number) => number, stepMs = 5000): this {
		for (let at = fromMs; at < toMs; at += stepMs) {
			const machines = Object.entries(this.loadsKw).map(([id, kw]) =>
				reading(at, this.off.has(id) ? 0 : kw, undefined, id),
			);
			this.keep(at, this.guard.take([reading(at, this.powerKw(baseKw(at))), ...machines], at));
		}
		return this;
	}

	/** Only the clock runs: nobody reports. */
	silence(fromMs: number, toMs: number): this {
		for (let at = fromMs; at < toMs; at += 1000) this.keep(at, this.guard.tick(at));
		return this;
	}

	private keep(atMs: number, status: DemandStatus): void {
		for (const { machine, command } of status.commands) {
			if (this.deaf.has(machine)) continue;
			if (command === "release") this.off.delete(machine);
			else this.off.add(machine);
		}
		this.seen.push({ atMs, status: { ...status }, commands: [...status.commands], events: [...status.events] });
	}

	get commands(): (LoadCommand & { atMs: number })[] {
		return this.seen.flatMap(({ atMs, commands }) => commands.map((command) => ({ ...command, atMs })));
	}

	get events(): DemandStatus["events"][number][] {
		return this.seen.flatMap(({ events }) => events);
	}

	/** Demand that the quarter-hour was said to have ended with. */
	demandOf(startMs: number): number {
		const start = new Date(startMs).toISOString();
		const closed = this.events.find(({ code, details }) => code === "demand.closed" && details.windowStart === start);
		return Number(closed?.details.demandKw);
	}
}
