import { Temporal } from "temporal-polyfill";
import { leads } from "./air.ts";
import { clockOf, dayAt, kindOf, minutesOf, numberOf, type PlantCalendar, type PlantDay, shiftOf } from "./calendar.ts";
import type { LoadDefinition, PlantDefinition } from "./definition.ts";
import { type DayScene, daySeedOf, draw, marksPerMinute } from "./profiles.ts";
import { hash, hashText, smooth } from "./random.ts";
import { dayMeanC, outdoorC } from "./weather.ts";

/** One machine's local day: power at each mark and its exact integral since the plant was commissioned. */
export interface MachineDay {
	/** Marks a minute: 1, more where a machine switches within seconds. */
	perMinute: number;
	kw: Float64Array;
	/** Counter at each mark, kWh. */
	kwh: Float64Array;
	state: Uint8Array;
	/** Production counter at each mark. */
	made: Float64Array;
	/** What the drawn power was multiplied by, so that the day has its energy. */
	scale: number;
}

export interface DayTable {
	day: PlantDay;
	/** At each minute mark, °C. */
	outdoorC: Float64Array;
	/** Parallel to the plant's loads. */
	machines: MachineDay[];
}

interface Totals {
	kwh: Float64Array;
	made: Float64Array;
}

const INTENSITY = 0x696e74;
/** How far the energy of a day strays from its kind and weather; a compressor's levels are given, and its duty has its own chance. */
const DAILY_CHANCE = 0.035;
const LOADED_CHANCE = 0.008;

/**
 * The plant's days, drawn when they are asked for. A counter at any instant must not need all days before it drawn
 * minute by minute; so each machine-day has its energy set in advance (kind of day, weather, a few per cent of chance),
 * the drawn shape is scaled to it, and the counter at a midnight is a plain sum over days.
 */
export class PlantDays {
	readonly #definition: PlantDefinition;
	readonly #seed: number;
	readonly #calendar: PlantCalendar;
	readonly #loads: readonly LoadDefinition[];
	readonly #seeds: readonly number[];
	readonly #firstDay: Temporal.PlainDate;
	readonly #tables = new Map<number, DayTable>();
	#totals: { day: Temporal.PlainDate; sum: Totals };

	constructor(
		definition: PlantDefinition,
		loads: readonly LoadDefinition[],
		seed: number,
		calendar: PlantCalendar,
		firstDay: string,
	) {
		this.#definition = definition;
		this.#loads = loads;
		this.#seed = seed;
		this.#calendar = calendar;
		this.#seeds = loads.map(({ id }) => hashText(id));
		this.#firstDay = Temporal.PlainDate.from(firstDay);
		this.#totals = { day: this.#firstDay, sum: this.#zero() };
	}

	/** When the counters stood at zero, epoch ms. */
	get startMs(): number {
		return this.#firstDay.toZonedDateTime(this.#calendar.timeZone).epochMilliseconds;
	}

	/** The table of the day that holds this instant; the last few are kept. */
	at(timeMs: number): DayTable {
		for (const table of this.#tables.values()) {
			if (timeMs >= table.day.startMs && timeMs < table.day.endMs) return table;
		}
		const table = this.#draw(dayAt(timeMs, this.#calendar));
		this.#tables.set(table.day.number, table);
		const oldest = this.#tables.keys().next().value;
		if (this.#tables.size > 3 && oldest !== undefined) this.#tables.delete(oldest);
		return table;
	}

	#zero(): Totals {
		return { kwh: new Float64Array(this.#loads.length), made: new Float64Array(this.#loads.length) };
	}

	/** Counters at the midnight that begins a day; walks on from the last midnight asked for. */
	#before(date: Temporal.PlainDate): Totals {
		if (Temporal.PlainDate.compare(date, this.#totals.day) < 0) {
			this.#totals = { day: this.#firstDay, sum: this.#zero() };
		}
		let { day, sum } = this.#totals;
		sum = { kwh: sum.kwh.slice(), made: sum.made.slice() };
		for (; Temporal.PlainDate.compare(day, date) < 0; day = day.add({ days: 1 })) {
			const plan = this.#plan({ number: numberOf(day), dayOfYear: day.dayOfYear, kind: kindOf(day, this.#calendar) });
			for (const [index, { kwh, made }] of plan.entries()) {
				sum.kwh[index] = (sum.kwh[index] ?? 0) + kwh;
				sum.made[index] = (sum.made[index] ?? 0) + made;
			}
		}
		this.#totals = { day, sum };
		return sum;
	}

	/**
	 * Power of a load at its marks with more leaking from the air system than usual, kW. It is that of the plan until the
	 * first leak begins.
	 */
	leaking({ day, outdoorC, machines }: DayTable, index: number, leakAt: (timeMs: number) => number): Float64Array {
		const machine = this.#loads[index] as LoadDefinition;
		const { scale } = machines[index] as MachineDay;
		return draw({ ...this.#scene(day, outdoorC, index), leakAt }).kw.map((kw) => Math.min(machine.ratedKw, scale * kw));
	}

	#scene(day: PlantDay, outdoor: Float64Array, index: number): DayScene {
		const definition = this.#definition;
		const clock = clockOf(day, this.#calendar.timeZone);
		const onBreak = new Uint8Array(clock.length);
		for (const pause of definition.breaks) {
			const from = minutesOf(pause.at);
			for (let i = 0; i < clock.length; i++) {
				const now = clock[i] ?? 0;
				if (now >= from && now < from + pause.minutes) onBreak[i] = 1;
			}
		}
		return {
			...{ definition, day, seed: this.#seed, clock, outdoorC: outdoor, onBreak },
			machine: this.#loads[index] as LoadDefinition,
			daySeed: daySeedOf(this.#seed, this.#seeds[index] ?? 0, day.number),
			shift: shiftOf(definition, day.kind),
		};
	}

	/** What each load will have used and made at the end of a day. */
	#plan(day: Pick<PlantDay, "number" | "dayOfYear" | "kind">): { kwh: number; made: number }[] {
		const meanC = dayMeanC(this.#definition, this.#seed, day);
		return this.#loads.map((load, index) => {
			const chance = smooth(hash(this.#seed, INTENSITY, this.#seeds[index] ?? 0), day.number / 1.3);
			const daily = load.dailyLagging && !leads(load.id, day) ? load.dailyLagging : load.daily;
			const above = Math.max(0, meanC - (daily.balanceC ?? Infinity)) * (daily.perDegreeAbove ?? 0);
			const below = Math.max(0, (daily.heatBalanceC ?? -Infinity) - meanC) * (daily.perDegreeBelow ?? 0);
			const weather = (above + below) * (day.kind === "weekday" ? 1 : (daily.weatherShare?.[day.kind] ?? 1));
			return {
				kwh:
					(daily[day.kind] + weather) * (1 + (load.profile === "compressor" ? LOADED_CHANCE : DAILY_CHANCE) * chance),
				made: Math.round((load.production?.perDay[day.kind] ?? 0) * (1 + 0.06 * chance)),
			};
		});
	}

	#draw(day: PlantDay): DayTable {
		const meanC = dayMeanC(this.#definition, this.#seed, day);
		const outdoor = clockOf(day, this.#calendar.timeZone).map((minutes) => outdoorC(this.#definition, meanC, minutes));
		const before = this.#before(Temporal.PlainDate.from(day.date));
		const plan = this.#plan(day);
		const machines = this.#loads.map((machine, index) => {
			const { kwh, made } = plan[index] ?? { kwh: 0, made: 0 };
			const drawing = draw({ ...this.#scene(day, outdoor, index), kwh });
			const perMinute = marksPerMinute(machine.profile);
			const drawnKwh = areaOf(drawing.kw, perMinute);
			return {
				perMinute,
				kw: drawing.kw,
				kwh: scaleTo(drawing.kw, perMinute, kwh, machine.ratedKw, before.kwh[index] ?? 0),
				state: drawing.state,
				made: accumulate(drawing.made, made, before.made[index] ?? 0),
				scale: drawnKwh > 0 ? kwh / drawnKwh : 1,
			};
		});
		return { day, outdoorC: outdoor, machines };
	}
}

/** Energy of power that is linear between marks, kWh. */
function areaOf(kw: Float64Array, perMinute: number): number {
	const ends = ((kw[0] ?? 0) + (kw[kw.length - 1] ?? 0)) / 2;
	return (kw.reduce((sum, one) => sum + one, 0) - ends) / (60 * perMinute);
}

/**
 * Scales powers in place so that the day's integral is `kwh`, none above the rating: what that cuts off is spread over
 * the marks that have room. Returns the counter at each mark.
 */
function scaleTo(kw: Float64Array, perMinute: number, kwh: number, ratedKw: number, before: number): Float64Array {
	const last = kw.length - 1;
	const perHour = 60 * perMinute;
	for (let pass = 0; pass < 5; pass++) {
		const area = areaOf(kw, perMinute);
		const room = areaOf(
			kw.map((now) => (now < ratedKw ? now : 0)),
			perMinute,
		);
		if (area === 0) kw.fill(kwh / (last / perHour));
		if (area === 0) break;
		// The last pass keeps the day's energy whatever the rating says: the counter must meet the next midnight.
		const all = room === 0 || pass === 4;
		const scale = all ? kwh / area : 1 + (kwh - area) / room;
		for (let i = 0; i <= last; i++) {
			const now = kw[i] ?? 0;
			if (all) kw[i] = now * scale;
			else if (now < ratedKw) kw[i] = Math.min(ratedKw, now * scale);
		}
		if (all) break;
	}
	const counter = new Float64Array(last + 1);
	counter[0] = before;
	for (let i = 0; i < last; i++) counter[i + 1] = (counter[i] ?? 0) + ((kw[i] ?? 0) + (kw[i + 1] ?? 0)) / (2 * perHour);
	return counter;
}

/** Spreads what a day makes over the minutes by their weights; returns the counter at each mark. */
function accumulate(weight: Float64Array, total: number, before: number): Float64Array {
	const sum = weight.reduce((a, b) => a + b, 0);
	const counter = new Float64Array(weight.length);
	let done = 0;
	for (let i = 0; i < weight.length; i++) {
		counter[i] = before + (sum > 0 ? (total * done) / sum : 0);
		done += weight[i] ?? 0;
	}
	return counter;
}
