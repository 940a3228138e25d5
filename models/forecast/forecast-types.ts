import type { EnergyError } from "../../lib/errors.ts";
import type { LoadHistory } from "./load-model.ts";

/** A machine for which there is no forecast, and why. */
export interface Unissued {
	machine: string;
	error: EnergyError;
}

/** What a forecast is asked for without being issued. */
export interface Prediction {
	machine: string;
	/** Quarter-hours ahead, 1…672. */
	toLead: number;
	/** This version instead of the one in use. */
	model?: string;
	/** Quarter-hours that stand above the stored ones; the forecast begins where they end. */
	recent?: LoadHistory;
	/** Further bands that are wanted, by share. */
	shares?: number[];
}

/** Issued forecasts beside what came. */
export interface ForecastAccuracy {
	machine: string;
	/** Pairs of forecast and measurement. */
	values: number;
	maeKwh: number;
	/** Error in shares of the energy. */
	wape: number;
	/** Share of measurements inside the issued bounds, and the share that was promised. */
	coverage: number;
	promised: number;
}

/** A point of a series of forecasts: the newest that was issued early enough. */
export interface ForecastPoint {
	startMs: number;
	issuedMs: number;
	energyKwh: number;
	lowerKwh: number;
	upperKwh: number;
}

/** What had been forecast at one distance, kWh by quarter-hour; NaN where nothing was. */
export interface PastPath {
	/** Quarter-hours. */
	lead: number;
	energy: Float64Array;
	lower: Float64Array;
	upper: Float64Array;
	/** Share of values that the bounds were to hold. */
	promised: number;
}

/** Models that come with the package. */
export interface Pretrained {
	/** The command that made them. */
	madeWith: string;
	source: string;
	models: { site: string; machine: string; meter: string; file: string; metrics: Readonly<Record<string, number>> }[];
}
