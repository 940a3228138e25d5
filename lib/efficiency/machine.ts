import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { Reading } from "../telemetry/reading.ts";
import type { Basis, Efficiency, EfficiencyMemory, Figure, Past, Quarter } from "./types.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Four weeks of hours are what "its own best" means. */
const PAST_HOURS = 28 * 24;
/** Fewer hours than a day tell no decile. */
const LEARNED_HOURS = 24;
/** A silence longer than this is not bridged. */
const MAX_STEP_MS = 300_000;
/** Specific energy looks back until it has seen so many steps of the production counter… */
const ENOUGH_STEPS = 10;
/** …but not further than this: half a day ago is not now. */
const LOOK_BACK = 48;
/** Share of the time that a machine works at least when its idling is judged. */
const LEAST_WORK = 0.25;
/** Share of a quarter-hour that must be covered for it to say anything. */
const LEAST_COVERAGE = 0.5;

/**
 * The efficiency of one machine from its readings, against the best decile of its own last four weeks. Time comes from
 * the readings, in order; what is older than the newest is ignored.
 */
export class MachineEfficiency {
	readonly #machine: string;
	#quarters: Quarter[];
	#past: Past[];
	#last: Reading | undefined;
	#best: Record<Basis, number | null> | undefined;

	constructor(machine: string, memory?: EfficiencyMemory) {
		this.#machine = machine;
		this.#quarters = memory ? [...memory.quarters] : [];
		this.#past = memory ? [...memory.past] : [];
	}

	/** @returns whether an hour was closed, so that the memory is worth keeping */
	take(reading: Reading): boolean {
		if (reading.quality === "bad") return false;
		const last = this.#last;
		if (last && reading.timeMs <= last.timeMs) return false;
		this.#last = reading;
		const quarter = this.#quarterOf(last && reading.timeMs - last.timeMs <= MAX_STEP_MS ? last.timeMs : reading.timeMs);
		if (!quarter) return false;
		if (last && reading.timeMs - last.timeMs <= MAX_STEP_MS) add(quarter, last, reading);
		return this.#closeHour(reading.timeMs);
	}

	memory(): EfficiencyMemory {
		return { version: 1, quarters: this.#quarters, past: this.#past };
	}

	/** Time of the newest reading; undefined before the first. */
	get newestMs(): number | undefined {
		return this.#last?.timeMs ?? this.#quarters.at(-1)?.startMs;
	}

	/** The figures of now, as of the newest reading. */
	now(): Efficiency {
		const atMs = this.newestMs ?? 0;
		const day = this.#since(atMs - DAY_MS);
		const idle = idleShareOf(day);
		const energyKwh = sum(day, "energyKwh");
		const best = this.#bestOf();
		const specificEnergyKwh = lower(specificEnergyOf(this.#quarters), best.specificEnergy);
		// A machine that hardly ran says nothing about how it runs.
		const usefulShare = higher(idle === null || !ran(day) ? null : 1 - idle, best.usefulShare);
		const hour = this.#since(atMs - HOUR_MS);
		const powerFactor = { ...higher(powerFactorOf(hour), best.powerFactor), ...(worked(hour) ? {} : { ratio: null }) };
		const [basis, efficiency] = judged(specificEnergyKwh, usefulShare, powerFactor);
		return {
			...{ machine: this.#machine, atMs, specificEnergyKwh, usefulShare, powerFactor },
			...{ idleShare: idle, loadFactor: loadFactorOf(day), energyKwh, efficiency, basis },
			reason: efficiency !== null ? null : energyKwh === 0 ? "no-data" : this.#learned() ? "idle" : "learning",
			hours: this.#past.length,
		};
	}

	#learned(): boolean {
		return this.#past.length >= LEARNED_HOURS;
	}

	#since(fromMs: number): Quarter[] {
		return this.#quarters.filter(({ startMs }) => startMs > fromMs - QUARTER_HOUR_MS);
	}

	#quarterOf(timeMs: number): Quarter | undefined {
		const startMs = Math.floor(timeMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
		const last = this.#quarters.at(-1);
		if (last?.startMs === startMs) return last;
		if (last && last.startMs > startMs) return undefined;
		const quarter = { startMs, coveredMs: 0, energyKwh: 0, statedKwh: 0, idleKwh: 0, restMs: 0 };
		const fresh: Quarter = { ...quarter, pfKwh: 0, pfOfKwh: 0, units: 0, unitSteps: 0 };
		this.#quarters.push(fresh);
		const kept = startMs - DAY_MS;
		while ((this.#quarters[0] as Quarter).startMs < kept) this.#quarters.shift();
		return fresh;
	}

	/** At the end of each hour its figures join the past. */
	#closeHour(timeMs: number): boolean {
		const hourMs = Math.floor(timeMs / HOUR_MS) * HOUR_MS;
		const lastMs = this.#past.at(-1)?.atMs;
		if (lastMs === undefined ? this.#quarters.length < 5 : hourMs <= lastMs) return false;
		const closed = this.#quarters.filter(({ startMs }) => startMs < hourMs);
		const hour = closed.filter(({ startMs }) => startMs >= hourMs - HOUR_MS);
		if (sum(hour, "coveredMs") < LEAST_COVERAGE * HOUR_MS) return false;
		const before = closed.filter(({ startMs }) => startMs >= hourMs - DAY_MS);
		const idle = ran(before) ? idleShareOf(before) : null;
		this.#past.push({
			atMs: hourMs,
			// An hour in which nothing was made says nothing about making.
			specificEnergyKwh: sum(hour, "units") > 0 ? specificEnergyOf(closed) : null,
			usefulShare: idle === null ? null : 1 - idle,
			powerFactor: worked(hour) ? powerFactorOf(hour) : null,
		});
		if (this.#past.length > PAST_HOURS) this.#past.splice(0, this.#past.length - PAST_HOURS);
		this.#best = undefined;
		return true;
	}

	#bestOf(): Record<Basis, number | null> {
		this.#best ??= {
			specificEnergy: decile(
				this.#past.map((hour) => hour.specificEnergyKwh),
				0.1,
			),
			usefulShare: decile(
				this.#past.map((hour) => hour.usefulShare),
				0.9,
			),
			powerFactor: decile(
				this.#past.map((hour) => hour.powerFactor),
				0.9,
			),
		};
		return this.#best;
	}
}

/** What happened between two readings: the earlier one's state and power factor held. */
function add(quarter: Quarter, last: Reading, next: Reading): void {
	const ms = next.timeMs - last.timeMs;
	const counted = last.energyKwh === undefined || next.energyKwh === undefined ? -1 : next.energyKwh - last.energyKwh;
	const power = Math.max(0, last.powerKw ?? next.powerKw ?? 0);
	// A counter that steps back or leaps was reset or exchanged; power then knows better.
	const plausible = counted >= 0 && counted <= (10 * Math.max(power, next.powerKw ?? 0, 1) * ms) / HOUR_MS + 1;
	const kwh = plausible ? counted : (power * ms) / HOUR_MS;
	quarter.coveredMs += ms;
	quarter.energyKwh += kwh;
	if (last.state !== undefined) {
		quarter.statedKwh += kwh;
		if (last.state === "idle") quarter.idleKwh += kwh;
		if (last.state === "idle" || last.state === "off") quarter.restMs += ms;
	}
	if (last.powerFactor !== undefined) {
		quarter.pfKwh += Math.abs(last.powerFactor) * kwh;
		quarter.pfOfKwh += kwh;
	}
	const made = (next.productionCount ?? 0) - (last.productionCount ?? next.productionCount ?? 0);
	if (made > 0) {
		quarter.units += made;
		quarter.unitSteps++;
	}
}

type Sums = { [K in keyof Quarter]: Quarter[K] extends number ? K : never }[keyof Quarter];

function sum(quarters: readonly Quarter[], name: Sums): number {
	let total = 0;
	for (const quarter of quarters) total += quarter[name];
	return total;
}

/** kWh a unit over the newest quarter-hours of production that hold enough of them. */
function specificEnergyOf(quarters: readonly Quarter[]): number | null {
	let energyKwh = 0;
	let units = 0;
	let steps = 0;
	for (const quarter of quarters.slice(-LOOK_BACK).toReversed()) {
		// Rest between two jobs is idle energy, not a worse product.
		if (quarter.restMs > quarter.coveredMs / 2 && quarter.units === 0) continue;
		energyKwh += quarter.energyKwh;
		units += quarter.units;
		steps += quarter.unitSteps;
		if (steps >= ENOUGH_STEPS) return units > 0 && energyKwh > 0 ? energyKwh / units : null;
	}
	return null;
}

function idleShareOf(quarters: readonly Quarter[]): number | null {
	const stated = sum(quarters, "statedKwh");
	return stated > 0 ? sum(quarters, "idleKwh") / stated : null;
}

/** An hour of work together, and a quarter of the time: a Sunday of stand-by is no worse way to work. */
function ran(quarters: readonly Quarter[]): boolean {
	const coveredMs = sum(quarters, "coveredMs");
	return coveredMs - sum(quarters, "restMs") >= Math.max(HOUR_MS, LEAST_WORK * coveredMs);
}

/** A motor that idles has a poor power factor, and no worse efficiency. */
function worked(quarters: readonly Quarter[]): boolean {
	return sum(quarters, "restMs") <= sum(quarters, "coveredMs") / 2;
}

function powerFactorOf(quarters: readonly Quarter[]): number | null {
	const known = sum(quarters, "pfOfKwh");
	return known > 0 ? sum(quarters, "pfKwh") / known : null;
}

function loadFactorOf(quarters: readonly Quarter[]): number | null {
	const covered = quarters.filter(({ coveredMs }) => coveredMs >= LEAST_COVERAGE * QUARTER_HOUR_MS);
	const kws = covered.map(({ energyKwh, coveredMs }) => (energyKwh * HOUR_MS) / coveredMs);
	const most = Math.max(0, ...kws);
	return most > 0 ? kws.reduce((total, kw) => total + kw, 0) / kws.length / most : null;
}

/** The value below which a share of the known ones lies, between neighbours in proportion; null while there are few. */
function decile(values: readonly (number | null)[], share: number): number | null {
	const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
	if (sorted.length < LEARNED_HOURS) return null;
	const at = share * (sorted.length - 1);
	const low = sorted[Math.floor(at)] as number;
	const high = sorted[Math.ceil(at)] as number;
	return low + (high - low) * (at - Math.floor(at));
}

const cut = (ratio: number): number => Math.min(1, Math.max(0, ratio));

function lower(value: number | null, best: number | null): Figure {
	return { value, best, ratio: value === null || best === null || value <= 0 ? null : cut(best / value) };
}

function higher(value: number | null, best: number | null): Figure {
	return { value, best, ratio: value === null || best === null || best <= 0 ? null : cut(value / best) };
}

/** What makes things is judged by energy a unit; what makes none by its idling, and only then by its power factor. */
function judged(specific: Figure, useful: Figure, factor: Figure): [Basis | null, number | null] {
	if (specific.best !== null) return specific.ratio === null ? [null, null] : ["specificEnergy", specific.ratio];
	if (useful.best !== null) return useful.ratio === null ? [null, null] : ["usefulShare", useful.ratio];
	return factor.ratio === null ? [null, null] : ["powerFactor", factor.ratio];
}
