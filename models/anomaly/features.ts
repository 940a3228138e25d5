import { koreanHolidays } from "../../lib/calendar/holidays.ts";
import { clockOf, type ZoneClock } from "../../lib/calendar/zone-clock.ts";
import type { Matrix } from "../matrix.ts";
import type { Json, ModelState } from "../model.ts";
import { nested, part } from "../state.ts";
import { Curve, PowerExpectation } from "./expectation.ts";
import { PowerHabits, slotOf } from "./habits.ts";
import type { ReadingColumns } from "./readings.ts";
import { quantileOf } from "./scaling.ts";
import { WeatherDependence } from "./weather.ts";
import { WindowMean } from "./window-mean.ts";

/**
 * What a model sees of a reading. A gap is the measured value less the one that is usual in its context: power at that
 * hour of the week in that state (in spreads of just that context), power factor and temperature at that power. A mean gap
 * is that of the mean power of the last half-hour or hour, whatever the states within: a compressor that loads as hard as ever but
 * twice as often is unusual there alone. None of it knows a price.
 *
 * Where the machine's temperature is that of the air outside and its power follows it, means are less what the weather
 * added to them. Single powers are not: a spread that narrow has the tails of every start and stop.
 */
export const featureNames = [
	"powerKw",
	"powerGap",
	"powerChangeKw",
	"powerFactorGap",
	"apparentGapKw",
	"counterGapKw",
	"temperatureGapC",
	"voltageV",
	"frequencyHz",
	"unchanged",
	"meanGap",
	"longMeanGap",
] as const;
export type FeatureName = (typeof featureNames)[number];

/** What a stretch of readings leaves behind for the next one. */
export interface FeatureMemory {
	timeMs: number;
	powerKw: number;
	energyKwh: number;
	/** The reading about one cadence ago that changes are counted from. */
	referenceMs: number;
	referenceKw: number;
	/** Cadences for which the power has not moved at all. */
	unchanged: number;
	/** The counter's last reading that power was held against, what power made since, and what came of the last time. */
	counterMs: number;
	counterKwh: number;
	integralKwh: number;
	counterGapKw: number;
	/** One for each window; none until the first reading. */
	means: readonly WindowMean[];
	/** The same of what the weather added. */
	weather: readonly WindowMean[];
	temperatureC: number;
}

/** kW, less what the weather added; NaN where the window is not full. */
export interface WindowColumns {
	meanKw: Float64Array;
	usualKw: Float64Array;
	/** What the weather added. */
	weatherKw: Float64Array;
}

export interface Features {
	x: Matrix;
	/** Time since the row before in cadences; NaN where a row does not follow on the one before. */
	steps: Float64Array;
	/** What power is usual in the context of each row, kW. */
	usualKw: Float64Array;
	/** For each window: mean power at each row and what that usually is. */
	means: readonly WindowColumns[];
	/**
	 * Power above what is usual, kW: of the first window's mean, so that a machine's own cycle does not make it jump; while
	 * that is not (yet) unusual, of the row's power where that is far out. NaN where neither is.
	 */
	excessKw: Float64Array;
}

/**
 * Power is held against the counter over at least this time: meters count in steps (0.016 kWh in a float32 of six
 * digits, which is 56 kW of one second, but 0.1 kW of ten minutes).
 */
const COUNTER_WINDOW_MS = 600_000;
/** Some cycles of a machine that switches itself on and off, and enough of them to tell a few from a few more. */
const MEAN_WINDOWS_MS = [1_800_000, 3_600_000] as const;
/** Readings that a window holds at least. */
const MEAN_CADENCES = 4;
/** After a silence of so many cadences nothing is carried over. */
const GAP_CADENCES = 10;
/** Least spreads that mean anything: shares of the power's range, and the resolution of common meters. */
const POWER_FLOOR = 0.01;
/** Of means: some spreads of it are what an operator can save something with. */
const MEAN_FLOOR = 0.02;
const floors: Partial<Record<FeatureName, number>> = {
	powerFactorGap: 0.005,
	temperatureGapC: 0.5,
	voltageV: 0.5,
	frequencyHz: 0.02,
	unchanged: 0.5,
	powerGap: 0.5,
	meanGap: 0.5,
	longMeanGap: 0.5,
};
/** Power alone, whatever the hour: how long a machine works says nothing; its means are judged by their habits. */
export const rowColumns: readonly number[] = [featureNames.indexOf("powerKw")];
const POWER_GAP = featureNames.indexOf("powerGap");
/** Spreads from which power by itself is far out. */
const FAR = 3;
/** Columns that are means of a while already, in the order of their windows. */
export const meanColumns: readonly number[] = [featureNames.indexOf("meanGap"), featureNames.indexOf("longMeanGap")];

/** The memory of a machine of which nothing was seen yet. */
export function freshMemory(): FeatureMemory {
	const never = Number.NaN;
	return {
		timeMs: never,
		powerKw: never,
		energyKwh: never,
		referenceMs: never,
		referenceKw: never,
		unchanged: 0,
		counterMs: never,
		counterKwh: never,
		integralKwh: 0,
		counterGapKw: never,
		means: [],
		weather: [],
		temperatureC: never,
	};
}

/** Turns readings of one machine into features, by what it learnt of that machine. */
export class Featurizer {
	readonly timeZone: string;
	/** Usual time between readings, ms. */
	readonly cadenceMs: number;
	/** Range of the power it has seen, kW. */
	readonly rangeKw: number;
	/** Active power per V × A × power factor; depends on how the meter counts phases. */
	readonly #apparentFactor: number;
	readonly #power: PowerExpectation;
	/** Of each window. */
	readonly #habits: readonly PowerHabits[];
	readonly #powerFactor: Curve | undefined;
	readonly #temperature: Curve | undefined;
	readonly #weather: WeatherDependence | undefined;
	readonly #clock: ZoneClock;
	readonly #isHoliday: (day: number) => boolean;
	#hourFromMs = Number.NaN;
	#hour = 0;
	#slot = 0;

	private constructor(
		facts: { timeZone: string; cadenceMs: number; rangeKw: number; apparentFactor: number },
		parts: {
			power: PowerExpectation;
			habits: readonly PowerHabits[];
			powerFactor: Curve | undefined;
			temperature: Curve | undefined;
			weather: WeatherDependence | undefined;
		},
	) {
		this.timeZone = facts.timeZone;
		this.cadenceMs = facts.cadenceMs;
		this.rangeKw = facts.rangeKw;
		this.#apparentFactor = facts.apparentFactor;
		this.#power = parts.power;
		this.#habits = parts.habits;
		this.#powerFactor = parts.powerFactor;
		this.#temperature = parts.temperature;
		this.#weather = parts.weather;
		this.#clock = clockOf(facts.timeZone);
		const korea = facts.timeZone === "Asia/Seoul" ? koreanHolidays() : undefined;
		this.#isHoliday = (day) => korea?.isHoliday(day) ?? false;
	}

	/**
	 * Learns from readings, and turns them into features as those of other days will be: the means of each day are held
	 * against the habits of the others.
	 */
	static learn(readings: ReadingColumns, timeZone: string): { featurizer: Featurizer; features: Features } {
		const power = readings.powerKw.filter(Number.isFinite).sort();
		const rangeKw =
			power.length > 0 ? Math.max(1e-3, quantileOf(power, 0.995) - Math.min(0, quantileOf(power, 0.005))) : 1;
		const facts = {
			timeZone,
			cadenceMs: cadenceOf(readings.timeMs),
			rangeKw,
			apparentFactor: apparentFactorOf(readings, rangeKw),
		};
		const nothing = {
			power: PowerExpectation.fit(new Float64Array(), new Uint8Array(), new Uint8Array(), new Int32Array()),
			...{ habits: [], powerFactor: undefined, temperature: undefined },
		};
		const clock = new Featurizer(facts, { ...nothing, weather: undefined });
		const hours = Uint8Array.from(readings.timeMs, (timeMs) => clock.#hourAt(timeMs));
		const days = Int32Array.from(readings.timeMs, (timeMs) => clock.#clock.dayAt(timeMs));
		const slots = Uint8Array.from(readings.timeMs, (timeMs) => clock.#slotAt(timeMs));
		const weather = WeatherDependence.fit(readings.powerKw, readings.temperatureC, hours, days);
		const { means } = new Featurizer(facts, { ...nothing, weather }).apply(readings, freshMemory());
		const floor = MEAN_FLOOR * rangeKw;
		const featurizer = new Featurizer(facts, {
			weather,
			power: PowerExpectation.fit(readings.powerKw, readings.state, hours, days),
			habits: means.map(({ meanKw }) => PowerHabits.fit(meanKw, slots, days, floor)),
			powerFactor: Curve.fit(readings.powerKw, readings.powerFactor),
			temperature: Curve.fit(readings.powerKw, readings.temperatureC),
		});
		const features = featurizer.apply(readings, freshMemory());
		for (const [n, { meanKw }] of means.entries()) {
			const column = meanColumns[n] as number;
			const gaps = PowerHabits.unseen(meanKw, slots, days, floor);
			for (let row = 0; row < readings.rows; row++)
				features.x.data[row * featureNames.length + column] = gaps[row] as number;
		}
		return { featurizer, features };
	}

	static fromState(state: ModelState): Featurizer {
		const { timeZone, cadenceMs, rangeKw, apparentFactor } = state.facts as {
			timeZone: string;
			cadenceMs: number;
			rangeKw: number;
			apparentFactor: number | null;
		};
		const curve = (name: string): Curve | undefined => {
			const found = part(state, name);
			return found.arrays.knots ? Curve.fromState(found) : undefined;
		};
		const weather = part(state, "weather");
		return new Featurizer(
			{ timeZone, cadenceMs, rangeKw, apparentFactor: apparentFactor ?? Number.NaN },
			{
				power: PowerExpectation.fromState(part(state, "power")),
				habits: MEAN_WINDOWS_MS.map((_, n) => PowerHabits.fromState(part(state, `habits-${n}`))),
				powerFactor: curve("powerFactor"),
				temperature: curve("temperature"),
				weather: weather.arrays.numbers ? WeatherDependence.fromState(weather) : undefined,
			},
		);
	}

	get state(): ModelState {
		const facts: Record<string, Json> = {
			timeZone: this.timeZone,
			cadenceMs: this.cadenceMs,
			rangeKw: this.rangeKw,
			apparentFactor: Number.isFinite(this.#apparentFactor) ? this.#apparentFactor : null,
		};
		return nested(facts, {
			power: this.#power.state,
			...Object.fromEntries(this.#habits.map((habits, n) => [`habits-${n}`, habits.state])),
			powerFactor: this.#powerFactor?.state,
			temperature: this.#temperature?.state,
			weather: this.#weather?.state,
		});
	}

	/** Least spread of each feature. */
	get floors(): Float64Array {
		return Float64Array.from(featureNames, (name) => floors[name] ?? POWER_FLOOR * this.rangeKw);
	}

	/** @param readings oldest first; @param memory is moved on */
	apply(readings: ReadingColumns, memory: FeatureMemory): Features {
		const width = featureNames.length;
		const data = new Float64Array(readings.rows * width);
		const steps = new Float64Array(readings.rows);
		const usualKw = new Float64Array(readings.rows);
		const means = MEAN_WINDOWS_MS.map(() => ({
			meanKw: new Float64Array(readings.rows),
			usualKw: new Float64Array(readings.rows).fill(Number.NaN),
			weatherKw: new Float64Array(readings.rows),
		}));
		for (let row = 0; row < readings.rows; row++) {
			const timeMs = readings.timeMs[row] as number;
			const out = data.subarray(row * width, (row + 1) * width);
			steps[row] = this.#row(readings, row, memory, out);
			const hour = this.#hourAt(timeMs);
			const weather = this.#weather?.at(memory.temperatureC, hour) ?? 0;
			const state = readings.state[row] as number;
			usualKw[row] = this.#power.middle(state, hour);
			out[POWER_GAP] = ((out[0] as number) - (usualKw[row] as number)) / this.#power.spread(state, hour);
			if (memory.means.length === 0) memory.means = this.#windows();
			if (memory.weather.length === 0 && this.#weather) memory.weather = this.#windows();
			const slot = this.#slotAt(timeMs);
			for (let n = 0; n < means.length; n++) {
				const columns = means[n] as WindowColumns;
				const habits = this.#habits[n];
				const follows = !Number.isNaN(steps[row] as number);
				const window = memory.means[n] as WindowMean;
				const measured = window.add(timeMs, out[0] as number, readings.energyKwh[row] as number, follows);
				const added = memory.weather[n]?.add(timeMs, weather, Number.NaN, follows) ?? 0;
				// The weather moves slowly: until its window is full, now stands for all of it.
				const mean = measured - (Number.isNaN(added) ? weather : added);
				columns.meanKw[row] = mean;
				columns.weatherKw[row] = measured - mean;
				if (habits) columns.usualKw[row] = habits.usual(mean, slot);
				out[meanColumns[n] as number] = habits ? habits.gap(mean, slot) : Number.NaN;
			}
		}
		const x = { data, rows: readings.rows, columns: width };
		return { x, steps, usualKw, means, excessKw: excessOf(x, usualKw, means[0]) };
	}

	#windows(): WindowMean[] {
		return MEAN_WINDOWS_MS.map((ms) => new WindowMean(Math.max(ms, MEAN_CADENCES * this.cadenceMs)));
	}

	/** Fills one row and moves the memory on; @returns its step */
	#row(readings: ReadingColumns, row: number, memory: FeatureMemory, out: Float64Array): number {
		const timeMs = readings.timeMs[row] as number;
		const step = (timeMs - memory.timeMs) / this.cadenceMs;
		const follows = step >= 0 && step <= GAP_CADENCES;
		const counterKw = ((readings.energyKwh[row] as number) - memory.energyKwh) / ((timeMs - memory.timeMs) / 3_600_000);
		const measured = readings.powerKw[row] as number;
		// A meter that only counts still tells the mean power since its last reading.
		const powerKw = Number.isNaN(measured) && follows && counterKw >= 0 ? counterKw : measured;
		const apparentKw =
			(readings.voltageV[row] as number) *
			(readings.currentA[row] as number) *
			Math.abs(readings.powerFactor[row] as number) *
			this.#apparentFactor;
		if (!follows) {
			const { means, weather, temperatureC } = memory;
			Object.assign(memory, freshMemory(), { means, weather, temperatureC, referenceMs: timeMs, referenceKw: powerKw });
		} else if (Math.abs(powerKw) > 1e-3 * this.rangeKw && powerKw === memory.powerKw) memory.unchanged += step;
		else memory.unchanged = 0;
		out[0] = powerKw;
		const temperatureC = readings.temperatureC[row] as number;
		if (Number.isFinite(temperatureC)) memory.temperatureC = temperatureC;
		out[2] = powerKw - memory.referenceKw;
		out[3] = this.#powerFactor
			? Math.abs(readings.powerFactor[row] as number) - this.#powerFactor.at(powerKw)
			: Number.NaN;
		out[4] = powerKw - apparentKw;
		out[5] = this.#counterGap(timeMs, powerKw, readings.energyKwh[row] as number, memory, follows);
		out[6] = this.#temperature ? temperatureC - this.#temperature.at(powerKw) : Number.NaN;
		out[7] = readings.voltageV[row] as number;
		out[8] = readings.frequencyHz[row] as number;
		out[9] = Math.log2(1 + memory.unchanged);
		memory.timeMs = timeMs;
		memory.powerKw = powerKw;
		if (Number.isFinite(readings.energyKwh[row] as number)) memory.energyKwh = readings.energyKwh[row] as number;
		if (timeMs - memory.referenceMs >= 0.9 * this.cadenceMs) {
			memory.referenceMs = timeMs;
			memory.referenceKw = powerKw;
		}
		return follows ? step : Number.NaN;
	}

	/** Mean power less what the counter counted meanwhile, kW; it stands until the next window is full. */
	#counterGap(timeMs: number, powerKw: number, counterKwh: number, memory: FeatureMemory, follows: boolean): number {
		if (Number.isNaN(counterKwh)) return memory.counterGapKw;
		const begins = !follows || !(counterKwh >= memory.counterKwh);
		if (!begins) {
			memory.integralKwh += (((powerKw + memory.powerKw) / 2) * (timeMs - memory.timeMs)) / 3_600_000;
			const hours = (timeMs - memory.counterMs) / 3_600_000;
			if (timeMs - memory.counterMs < Math.max(COUNTER_WINDOW_MS, this.cadenceMs)) return memory.counterGapKw;
			memory.counterGapKw = (memory.integralKwh - (counterKwh - memory.counterKwh)) / hours;
		}
		memory.counterMs = timeMs;
		memory.counterKwh = counterKwh;
		memory.integralKwh = 0;
		return memory.counterGapKw;
	}

	/** Hour of the week, 0 is Monday 00:00 local time; a public holiday counts as a Sunday. */
	#hourAt(timeMs: number): number {
		this.#look(timeMs);
		return this.#hour;
	}

	/** Half-hour of its kind of day; see slotOf. */
	#slotAt(timeMs: number): number {
		this.#look(timeMs);
		return this.#slot;
	}

	#look(timeMs: number): void {
		if (timeMs >= this.#hourFromMs && timeMs < this.#hourFromMs + 900_000) return;
		const day = this.#clock.dayAt(timeMs);
		// 1970-01-01 was a Thursday.
		const weekday = this.#isHoliday(day) ? 6 : (((day + 3) % 7) + 7) % 7;
		const minute = this.#clock.minuteAt(timeMs);
		this.#hour = weekday * 24 + Math.floor(minute / 60);
		this.#slot = slotOf(weekday, minute);
		// Every zone's hours begin on a quarter-hour of UTC.
		this.#hourFromMs = Math.floor(timeMs / 900_000) * 900_000;
	}
}

function excessOf(
	{ data, rows, columns }: Matrix,
	usualKw: Float64Array,
	mean: WindowColumns | undefined,
): Float64Array {
	const excess = new Float64Array(rows).fill(Number.NaN);
	for (let row = 0; row < rows; row++) {
		const base = row * columns;
		if (mean && (data[base + (meanColumns[0] as number)] as number) > 0) {
			excess[row] = (mean.meanKw[row] as number) - (mean.usualKw[row] as number);
		} else if ((data[base + POWER_GAP] as number) > FAR) {
			excess[row] = (data[base] as number) - (usualKw[row] as number);
		}
	}
	return excess;
}

/** Median time between readings, at least 100 ms; a minute where there is only one. */
function cadenceOf(timeMs: Float64Array): number {
	const between = Float64Array.from(
		{ length: Math.max(0, timeMs.length - 1) },
		(_, i) => (timeMs[i + 1] as number) - (timeMs[i] as number),
	)
		.filter((ms) => ms > 0)
		.sort();
	return between.length > 0 ? Math.max(100, quantileOf(between, 0.5)) : 60_000;
}

function apparentFactorOf(readings: ReadingColumns, rangeKw: number): number {
	const ratios: number[] = [];
	for (let row = 0; row < readings.rows; row++) {
		const power = readings.powerKw[row] as number;
		const apparent =
			(readings.voltageV[row] as number) *
			(readings.currentA[row] as number) *
			Math.abs(readings.powerFactor[row] as number);
		if (power > 0.05 * rangeKw && apparent > 0) ratios.push(power / apparent);
	}
	return ratios.length > 0 ? quantileOf(Float64Array.from(ratios).sort(), 0.5) : Number.NaN;
}
