import { koreanHolidays } from "../../lib/calendar/holidays.ts";
import { clockOf, type ZoneClock } from "../../lib/calendar/zone-clock.ts";
import type { Matrix } from "../matrix.ts";
import type { Json, ModelState } from "../model.ts";
import { nested, part } from "../state.ts";
import { Curve, PowerExpectation } from "./expectation.ts";
import type { ReadingColumns } from "./readings.ts";
import { quantileOf } from "./scaling.ts";

/**
 * What a model sees of a reading. A gap is the measured value less the one that is usual in its context: power at that
 * hour of the week in that state (in spreads of just that context), power factor and temperature at that power. None of it knows a price.
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
}

export interface Features {
	x: Matrix;
	/** Time since the row before in cadences; NaN where a row does not follow on the one before. */
	steps: Float64Array;
	/** What power is usual in the context of each row, kW. */
	usualKw: Float64Array;
}

/**
 * Power is held against the counter over at least this time: meters count in steps (0.016 kWh in a float32 of six
 * digits, which is 56 kW of one second, but 0.1 kW of ten minutes).
 */
const COUNTER_WINDOW_MS = 600_000;
/** After a silence of so many cadences nothing is carried over. */
const GAP_CADENCES = 10;
/** Least spreads that mean anything: shares of the power's range, and the resolution of common meters. */
const POWER_FLOOR = 0.01;
const floors: Partial<Record<FeatureName, number>> = {
	powerFactorGap: 0.005,
	temperatureGapC: 0.5,
	voltageV: 0.5,
	frequencyHz: 0.02,
	unchanged: 0.5,
	powerGap: 0.5,
};

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
	readonly #powerFactor: Curve | undefined;
	readonly #temperature: Curve | undefined;
	readonly #clock: ZoneClock;
	readonly #isHoliday: (day: number) => boolean;
	#hourFromMs = Number.NaN;
	#hour = 0;

	private constructor(
		facts: { timeZone: string; cadenceMs: number; rangeKw: number; apparentFactor: number },
		parts: { power: PowerExpectation; powerFactor: Curve | undefined; temperature: Curve | undefined },
	) {
		this.timeZone = facts.timeZone;
		this.cadenceMs = facts.cadenceMs;
		this.rangeKw = facts.rangeKw;
		this.#apparentFactor = facts.apparentFactor;
		this.#power = parts.power;
		this.#powerFactor = parts.powerFactor;
		this.#temperature = parts.temperature;
		this.#clock = clockOf(facts.timeZone);
		const korea = facts.timeZone === "Asia/Seoul" ? koreanHolidays() : undefined;
		this.#isHoliday = (day) => korea?.isHoliday(day) ?? false;
	}

	static fit(readings: ReadingColumns, timeZone: string): Featurizer {
		const power = readings.powerKw.filter(Number.isFinite).sort();
		const rangeKw =
			power.length > 0 ? Math.max(1e-3, quantileOf(power, 0.995) - Math.min(0, quantileOf(power, 0.005))) : 1;
		const facts = {
			timeZone,
			cadenceMs: cadenceOf(readings.timeMs),
			rangeKw,
			apparentFactor: apparentFactorOf(readings, rangeKw),
		};
		const clock = new Featurizer(facts, {
			power: PowerExpectation.fit(new Float64Array(), new Uint8Array(), new Uint8Array(), new Int32Array()),
			powerFactor: undefined,
			temperature: undefined,
		});
		const hours = Uint8Array.from(readings.timeMs, (timeMs) => clock.#hourAt(timeMs));
		const days = Int32Array.from(readings.timeMs, (timeMs) => clock.#clock.dayAt(timeMs));
		return new Featurizer(facts, {
			power: PowerExpectation.fit(readings.powerKw, readings.state, hours, days),
			powerFactor: Curve.fit(readings.powerKw, readings.powerFactor),
			temperature: Curve.fit(readings.powerKw, readings.temperatureC),
		});
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
		return new Featurizer(
			{ timeZone, cadenceMs, rangeKw, apparentFactor: apparentFactor ?? Number.NaN },
			{
				power: PowerExpectation.fromState(part(state, "power")),
				powerFactor: curve("powerFactor"),
				temperature: curve("temperature"),
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
			powerFactor: this.#powerFactor?.state,
			temperature: this.#temperature?.state,
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
		for (let row = 0; row < readings.rows; row++) {
			steps[row] = this.#row(readings, row, memory, data.subarray(row * width, (row + 1) * width));
			usualKw[row] = this.#power.middle(readings.state[row] as number, this.#hourAt(readings.timeMs[row] as number));
		}
		return { x: { data, rows: readings.rows, columns: width }, steps, usualKw };
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
		const state = readings.state[row] as number;
		const apparentKw =
			(readings.voltageV[row] as number) *
			(readings.currentA[row] as number) *
			Math.abs(readings.powerFactor[row] as number) *
			this.#apparentFactor;
		if (!follows) Object.assign(memory, freshMemory(), { referenceMs: timeMs, referenceKw: powerKw });
		else if (Math.abs(powerKw) > 1e-3 * this.rangeKw && powerKw === memory.powerKw) memory.unchanged += step;
		else memory.unchanged = 0;
		out[0] = powerKw;
		const hour = this.#hourAt(timeMs);
		out[1] = (powerKw - this.#power.middle(state, hour)) / this.#power.spread(state, hour);
		out[2] = powerKw - memory.referenceKw;
		out[3] = this.#powerFactor
			? Math.abs(readings.powerFactor[row] as number) - this.#powerFactor.at(powerKw)
			: Number.NaN;
		out[4] = powerKw - apparentKw;
		out[5] = this.#counterGap(timeMs, powerKw, readings.energyKwh[row] as number, memory, follows);
		out[6] = this.#temperature ? (readings.temperatureC[row] as number) - this.#temperature.at(powerKw) : Number.NaN;
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
		if (timeMs >= this.#hourFromMs && timeMs < this.#hourFromMs + 900_000) return this.#hour;
		const day = this.#clock.dayAt(timeMs);
		// 1970-01-01 was a Thursday.
		const weekday = this.#isHoliday(day) ? 6 : (((day + 3) % 7) + 7) % 7;
		this.#hour = weekday * 24 + Math.floor(this.#clock.minuteAt(timeMs) / 60);
		// Every zone's hours begin on a quarter-hour of UTC.
		this.#hourFromMs = Math.floor(timeMs / 900_000) * 900_000;
		return this.#hour;
	}
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
