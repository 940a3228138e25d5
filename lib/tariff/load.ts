import { EnergyError } from "../errors.ts";
import { type Problem, problemText } from "./check.ts";
import { QUARTERS } from "./hours.ts";
import type { PriceCalendar } from "./price-calendar.ts";

/**
 * Energy inside the engine is counted in whole units of a quarter of a milliwatt-hour: the energy of 1 mW over a
 * quarter-hour. A kWh is 4,000,000 of them, a kW of demand 1,000,000, so that every kWh or kW figure with up to six
 * decimals is a whole number and sums of them stay exact in a float64 (up to 2.25 TWh).
 */
export const UNITS_PER_KWH = 4_000_000;
export const UNITS_PER_KW = 1_000_000;

/** A load of quarter-hours, ready for billing. */
export interface Load {
	/** Energy taken from the grid in each interval, units; a gap holds its estimate, an export nothing. */
	units: Float64Array;
	/** Given to the grid, units. */
	exportUnits: number;
	/** Intervals that were missing and are estimated. */
	gaps: number;
	/** Energy of the estimates, units. */
	estimatedUnits: number;
	/** Quarter-hours of the load that have passed; the bill of a month in progress ends there. */
	known: number;
}

/** A flat load. @param kw at least 0 */
export function uniformLoad(kw: number, calendar: PriceCalendar): Load {
	const units = new Float64Array(calendar.count).fill(Math.round(kw * UNITS_PER_KW));
	return { units, exportUnits: 0, gaps: 0, estimatedUnits: 0, known: calendar.count };
}

export interface LoadOptions {
	/** Name of the field in messages. */
	path?: string;
	/** The month is in progress: what is missing at the end is the future, not a gap. */
	inProgress?: boolean;
}

/**
 * A load from the energy of each quarter-hour. A missing one (null, NaN, or beyond the end of the list) is estimated
 * by the mean of the same quarter-hour on days of the same type; a negative one is export.
 *
 * @param kwh one figure per quarter-hour of the calendar, in order
 * @throws EnergyError `tariff.load` naming every figure that is none, `tariff.load-length` for a list that is longer
 * than the calendar or has less than half of it
 */
export function intervalLoad(
	kwh: ArrayLike<number | null>,
	calendar: PriceCalendar,
	{ path = "load.intervals", inProgress = false }: LoadOptions = {},
): Load {
	const { count } = calendar;
	const units = new Float64Array(count).fill(Number.NaN);
	const problems: Problem[] = [];
	let exportUnits = 0;
	let missing = 0;
	const length = Math.min(kwh.length, count);
	for (let i = 0; i < length; i++) {
		const value = kwh[i];
		if (typeof value === "number" && value >= 0 && value < 1e9) units[i] = Math.round(value * UNITS_PER_KWH);
		else if (value === null || value === undefined || Number.isNaN(value)) missing++;
		else if (typeof value === "number" && value < 0 && value > -1e9) {
			units[i] = 0;
			exportUnits -= Math.round(value * UNITS_PER_KWH);
		} else problems.push({ path: `${path}[${i}]`, value, rule: "must be the kWh of a quarter-hour, or null" });
	}
	if (problems.length > 0) throw new EnergyError("tariff.load", { list: problemText(problems), problems });
	const known = inProgress ? length : count;
	if (!inProgress) missing += count - length;
	if (kwh.length > count || (!inProgress && missing * 2 > count)) {
		throw new EnergyError("tariff.load-length", {
			field: path,
			value: kwh.length,
			present: count - missing,
			expected: count,
		});
	}
	if (missing === 0) {
		if (known < count) units.fill(0, known);
		return { units, exportUnits, gaps: 0, estimatedUnits: 0, known };
	}
	const estimatedUnits = fillGaps(units, calendar, known);
	return { units, exportUnits, gaps: missing, estimatedUnits, known };
}

/** Puts an estimate into every NaN before `known` and 0 after; returns the energy of the estimates. */
function fillGaps(units: Float64Array, calendar: PriceCalendar, known: number): number {
	const sums = new Map<string, { units: number; count: number }>();
	const keysOf = (dayType: string, quarter: number): string[] => [`${dayType}|${quarter}`, `${quarter}`, ""];
	const eachInterval = (visit: (index: number, keys: string[]) => void): void => {
		for (const [at, { start, dayType }] of calendar.days.entries()) {
			const end = Math.min(calendar.days[at + 1]?.start ?? calendar.count, known);
			for (let i = start; i < end; i++) visit(i, keysOf(dayType, Math.min(i - start, QUARTERS - 1)));
		}
	};
	eachInterval((index, keys) => {
		const value = units[index] ?? Number.NaN;
		if (Number.isNaN(value)) return;
		for (const key of keys) {
			const sum = sums.get(key) ?? { units: 0, count: 0 };
			sum.units += value;
			sum.count++;
			sums.set(key, sum);
		}
	});
	let estimated = 0;
	eachInterval((index, keys) => {
		if (!Number.isNaN(units[index])) return;
		const sum = keys.map((key) => sums.get(key)).find((each) => each !== undefined);
		const value = sum ? Math.round(sum.units / sum.count) : 0;
		units[index] = value;
		estimated += value;
	});
	units.fill(0, known);
	return estimated;
}
