import type { Quality } from "./reading.ts";

export const QUARTER_HOUR_MS = 900_000;

/**
 * Energy of one machine over [startMs, startMs + durationMs), labelled by its start.
 * The demand of a quarter-hour is energyKwh × 4, kW.
 */
export interface Interval {
	site: string;
	machine: string;
	/** Epoch milliseconds, UTC; quarter-hours are aligned to the epoch, days and months to the site's time zone. */
	startMs: number;
	durationMs: number;
	/** Measured and estimated energy together, kWh. */
	energyKwh: number;
	/** The part of energyKwh that was bridged over a gap, kWh. */
	estimatedKwh: number;
	meanKw: number;
	maxKw: number;
	minKw: number;
	/** Share of the span that measurements cover, 0…1. */
	coverage: number;
	quality: Quality;
	/** Readings that fell into the span; 0 for imported intervals. */
	samples: number;
}
