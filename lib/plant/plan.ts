import { type MachineState, machineStates } from "../telemetry/reading.ts";
import type { PlantCalendar, PlantDay } from "./calendar.ts";
import { type DayTable, type MachineDay, PlantDays } from "./day.ts";
import type { LoadDefinition, PlantDefinition } from "./definition.ts";
import { compressorState, OFF } from "./profiles.ts";
import { hash, hashText } from "./random.ts";

/** A load at one instant: power in kW, its counters in kWh and pieces. */
export interface LoadNow {
	kw: number;
	kwh: number;
	made: number;
	state: MachineState;
}

const HARMONICS = [1, 2, 3, 5, 8, 13] as const;
/** Of a swing between marks some seconds apart: a reading a second still follows it. */
const SHORT_HARMONICS = [1, 2] as const;
/** Days of drawings with leaks that are kept, of two compressors. */
const LEAKING_KEPT = 6;
const TEXTURE = 0x74657874;

/**
 * What every load does while nobody interferes: a pure function of seed and time. Power is piecewise linear between marks
 * (of minutes; of ten seconds where a machine switches like a compressor) plus a swing that adds up to nothing between two
 * marks; the counters are its exact integral.
 */
export class PlantPlan {
	readonly loads: readonly LoadDefinition[];
	/** A seed a load, from its id. */
	readonly seeds: readonly number[];
	readonly #seed: number;
	readonly #days: PlantDays;
	/** Power of compressors on days with a leak, by load and day. */
	readonly #leaking = new Map<string, Float64Array>();
	#leaks = 0;

	/** @param commissioned local date on which all counters stood at zero */
	constructor(definition: PlantDefinition, seed: number, calendar: PlantCalendar, commissioned: string) {
		this.#seed = seed;
		this.loads = definition.machines.filter((machine) => machine.role === "sub");
		this.seeds = this.loads.map(({ id }) => hashText(id));
		this.#days = new PlantDays(definition, this.loads, seed, calendar, commissioned);
	}

	/** Epoch ms before which nothing can be asked for. */
	get startMs(): number {
		return this.#days.startMs;
	}

	dayAt(timeMs: number): DayTable {
		return this.#days.at(timeMs);
	}

	/** A load by its plan: linear between marks, plus the swing until the next mark and its integral. */
	at(index: number, timeMs: number, { day, machines }: DayTable = this.dayAt(timeMs)): LoadNow {
		const { perMinute, kw, kwh, state, made } = machines[index] as MachineDay;
		const load = this.loads[index] as LoadDefinition;
		const { i, f } = placeOf(day, timeMs, perMinute);
		const a = kw[i] as number;
		const b = kw[i + 1] as number;
		let power = a + (b - a) * f;
		let area = (a + (b - a) * (f / 2)) * f;
		const swing = load.texture * Math.min(a, b);
		if (swing > 0 && f > 0) {
			const seed = hash(this.#seed, TEXTURE, this.seeds[index] as number, (day.startMs / 60_000) * perMinute + i);
			for (const [n, k] of (perMinute === 1 ? HARMONICS : SHORT_HARMONICS).entries()) {
				// Five bits each make a weight of −1…1; a sixth of it so that all six together stay below the swing.
				const weight = (((seed >>> (n * 5)) & 31) / 15.5 - 1) * (swing / 6);
				const angle = 2 * Math.PI * k * f;
				power += weight * Math.sin(angle);
				area += (weight * (1 - Math.cos(angle))) / (2 * Math.PI * k);
			}
		}
		return {
			kw: power,
			kwh: (kwh[i] as number) + area / (60 * perMinute),
			made: (made[i] as number) + ((made[i + 1] as number) - (made[i] as number)) * f,
			state:
				machineStates[load.profile === "compressor" ? compressorState(power / load.ratedKw) : (state[i] ?? OFF)] ??
				"off",
		};
	}

	/**
	 * What a compressor draws while air leaks, kW.
	 *
	 * @param leakAt what leaks at an instant, as a share of one compressor's output
	 * @param leaks changes whenever `leakAt` answers otherwise than before
	 */
	leakingKw(index: number, timeMs: number, leakAt: (timeMs: number) => number, leaks: number): number {
		if (leaks !== this.#leaks) this.#leaking.clear();
		this.#leaks = leaks;
		const table = this.dayAt(timeMs);
		const key = `${index}:${table.day.number}`;
		let kw = this.#leaking.get(key);
		if (!kw) {
			kw = this.#days.leaking(table, index, leakAt);
			this.#leaking.set(key, kw);
			const oldest = this.#leaking.keys().next().value;
			if (this.#leaking.size > LEAKING_KEPT && oldest !== undefined) this.#leaking.delete(oldest);
		}
		const { i, f } = placeOf(table.day, timeMs, (table.machines[index] as MachineDay).perMinute);
		const a = kw[i] as number;
		return a + ((kw[i + 1] as number) - a) * f;
	}
}

/** The mark before an instant of a day, and how far it is to the next one, 0…1. */
function placeOf(day: PlantDay, timeMs: number, perMinute: number): { i: number; f: number } {
	const place = ((timeMs - day.startMs) / 60_000) * perMinute;
	const i = Math.min(Math.floor(place), day.minutes * perMinute - 1);
	return { i, f: place - i };
}
