import type { Quantities } from "./reading.ts";
import { quantityNames } from "./reading.ts";
import type { Machine, MachineRules } from "./site.ts";

/** Rules of one machine with every gap filled; the arrays follow the order of `quantityNames`. */
export interface ResolvedRules {
	min: Float64Array;
	max: Float64Array;
	/** Infinity where there is no limit. */
	maxRatePerS: Float64Array;
	/** NaN where the rating is not known. */
	ratedKw: number;
	/** Below this a machine counts as standing, kW: its power may rest at one value. */
	standbyKw: number;
	/** Above this and within max the value is uncertain, kW. */
	suspectAboveKw: number;
	flatLineMs: number;
	/** Undefined: learned from the machine's own rhythm. */
	noDataMs: number | undefined;
	maxFutureMs: number;
	maxAgeMs: number;
	counterRolloverKwh: number | undefined;
}

const HOUR = 3_600_000;

/**
 * Defaults of the validation. Ranges are those of physics and of industrial supply; what a rating adds is below.
 * A clock two minutes ahead is a clock that runs wrong; ten years back is one that lost its battery (1970, 2000).
 */
export const defaultRules = {
	flatLineMs: HOUR / 4,
	noDataMs: 120_000,
	maxFutureMs: 120_000,
	maxAgeMs: 3652 * 24 * HOUR,
	/** Of the rating: inrush of a second reaches three times, a mean never does. */
	maxOfRating: 3,
	suspectOfRating: 1.25,
	standbyOfRating: 0.02,
	/** Whole rating twice a second: only a jump that no machine makes. */
	rateOfRating: 2,
} as const;

const ranges: Readonly<Record<keyof Quantities, readonly [min: number, max: number, maxRatePerS: number]>> = {
	powerKw: [-200_000, 200_000, Number.POSITIVE_INFINITY],
	energyKwh: [0, 1e12, Number.POSITIVE_INFINITY],
	powerFactor: [-1.01, 1.01, Number.POSITIVE_INFINITY],
	reactivePowerKvar: [-200_000, 200_000, Number.POSITIVE_INFINITY],
	voltageV: [0, 500_000, Number.POSITIVE_INFINITY],
	currentA: [0, 200_000, Number.POSITIVE_INFINITY],
	frequencyHz: [0, 70, 2],
	temperatureC: [-80, 2_500, 50],
	productionCount: [0, 1e12, Number.POSITIVE_INFINITY],
};

/** Fills the rules of a machine: its own first, then those of its rating, then those of physics. */
export function resolveRules(machine: Pick<Machine, "ratedKw" | "rules"> = {}): ResolvedRules {
	const own: MachineRules = machine.rules ?? {};
	const rated = machine.ratedKw && machine.ratedKw > 0 ? machine.ratedKw : Number.NaN;
	const min = new Float64Array(quantityNames.length);
	const max = new Float64Array(quantityNames.length);
	const maxRatePerS = new Float64Array(quantityNames.length);
	for (const [index, name] of quantityNames.entries()) {
		const byRating = !Number.isNaN(rated) && (name === "powerKw" || name === "reactivePowerKvar");
		const limit = byRating ? defaultRules.maxOfRating * rated : ranges[name][1];
		const rule = own.quantities?.[name];
		min[index] = rule?.min ?? (byRating ? -limit : ranges[name][0]);
		max[index] = rule?.max ?? limit;
		maxRatePerS[index] = rule?.maxRatePerS ?? (byRating ? defaultRules.rateOfRating * rated : ranges[name][2]);
	}
	return {
		min,
		max,
		maxRatePerS,
		ratedKw: rated,
		standbyKw: Number.isNaN(rated) ? 0.1 : defaultRules.standbyOfRating * rated,
		suspectAboveKw: Number.isNaN(rated) ? Number.POSITIVE_INFINITY : defaultRules.suspectOfRating * rated,
		flatLineMs: own.flatLineMs ?? defaultRules.flatLineMs,
		noDataMs: own.noDataMs,
		maxFutureMs: own.maxFutureMs ?? defaultRules.maxFutureMs,
		maxAgeMs: own.maxAgeMs ?? defaultRules.maxAgeMs,
		counterRolloverKwh: own.counterRolloverKwh,
	};
}
