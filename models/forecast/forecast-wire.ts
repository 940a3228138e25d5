import type { EnergyError } from "../../lib/errors.ts";
import { explain, languages } from "../../lib/messages.ts";
import { type Reader, type WireProblem, wireProblem } from "../desk-wire.ts";
import type { Served } from "../serving/protocol.ts";
import type { ForecastAccuracy, ForecastPoint } from "./forecast-types.ts";
import type { Engine, Fallback, IssuedForecast, IssuedMethod } from "./issued.ts";

const iso = (timeMs: number): string => new Date(timeMs).toISOString();

/** A quarter-hour of a forecast; mean power in kW is energy × 4. */
export interface WirePoint {
	start: string;
	energyKwh: number;
	lowerKwh: number;
	upperKwh: number;
}

/** What did the arithmetic, and why not what was asked for. */
export type WireEngine = Omit<Engine, "failure"> & { problem?: WireProblem };

function wireEngine({ failure, ...engine }: Engine, reader: Reader): WireEngine {
	return { ...engine, ...(failure && { problem: wireProblem(failure, reader) }) };
}

/** A forecast as messages and the API show it. */
export interface WireForecast {
	machine: string;
	issued: string;
	stepMinutes: number;
	method: IssuedMethod;
	methods: Partial<Record<IssuedMethod, number>>;
	fallback?: Fallback;
	/** Why the model that should have answered did not. */
	problem?: WireProblem;
	modelId?: string;
	memberId?: string;
	engine: WireEngine;
	/** Share of values that the bounds are to hold. */
	share: number;
	points: (WirePoint & { quantiles?: Record<string, number> })[];
}

type Origin = Pick<
	Served,
	"issuedMs" | "stepMs" | "method" | "methods" | "fallback" | "failure" | "modelId" | "memberId" | "engine"
>;

/** Whence a forecast is: by what means, for what, and why no better one. */
function originOf(
	machine: string,
	{ issuedMs, stepMs, method, methods, fallback, failure, modelId, memberId, engine }: Origin,
	reader: Reader,
): Omit<WireForecast, "share" | "points"> {
	return {
		...{ machine, issued: iso(issuedMs), stepMinutes: stepMs / 60_000, method, methods },
		...(fallback && { fallback }),
		...(failure && { problem: wireProblem(failure, reader) }),
		...(modelId && { modelId }),
		...(memberId && { memberId }),
		engine: wireEngine(engine, reader),
	};
}

/** Energies by quarter-hour with their times. */
export function wireForecast(issued: IssuedForecast, reader: Reader): WireForecast {
	const { machine, issuedMs, stepMs, share } = issued;
	return {
		...originOf(machine, issued, reader),
		share,
		points: issued.energyKwh.map((energyKwh, i) => ({
			start: iso(issuedMs + i * stepMs),
			energyKwh,
			lowerKwh: issued.lowerKwh[i] as number,
			upperKwh: issued.upperKwh[i] as number,
		})),
	};
}

/** Bands that hold the quantiles asked for: the 0.9 quantile is the upper end of the band of 80 %. */
export function sharesFor(quantiles: readonly number[]): number[] {
	const shares = quantiles.filter((level) => level !== 0.5).map((level) => shareOf(level));
	return [...new Set(shares)];
}

const shareOf = (level: number): number => Math.round(Math.abs(2 * level - 1) * 1e6) / 1e6;

/** Quantiles by name at one lead. */
function quantilesAt({ forecast, bands }: Served, quantiles: readonly number[], i: number): Record<string, number> {
	const at = quantiles.map((level) => {
		const band = bands.find(({ share }) => share === shareOf(level));
		const value = level === 0.5 || !band ? forecast[i] : (level < 0.5 ? band.lower : band.upper)[i];
		return [String(level), watts(value as number)];
	});
	return Object.fromEntries(at) as Record<string, number>;
}

const watts = (kwh: number): number => Math.round(kwh * 1000) / 1000;

/** A forecast that was asked for, with its quantiles. */
export function wireServed(
	machine: string,
	served: Served,
	quantiles: readonly number[],
	reader: Reader,
): WireForecast {
	const { issuedMs, stepMs, forecast, bands } = served;
	const [band] = bands;
	return {
		...originOf(machine, served, reader),
		share: band?.share ?? 0,
		points: Array.from(forecast, (value, i) => ({
			start: iso(issuedMs + i * stepMs),
			energyKwh: watts(value),
			lowerKwh: watts(band?.lower[i] as number),
			upperKwh: watts(band?.upper[i] as number),
			...(quantiles.length > 0 && { quantiles: quantilesAt(served, quantiles, i) }),
		})),
	};
}

/** What was forecast for some time, beside what came. */
export interface WirePast {
	site: string;
	machine: string;
	from: string;
	to: string;
	leadMinutes: number;
	asOf?: string;
	items: (WirePoint & { issued: string; actualKwh: number | null })[];
	accuracy: Omit<ForecastAccuracy, "machine"> | null;
	/** The newest forecast that was known by then. */
	newest: Omit<WireForecast, "points"> | null;
}

export function wirePoint({ startMs, issuedMs, ...values }: ForecastPoint, actualKwh: number | undefined) {
	const actual = actualKwh !== undefined && Number.isFinite(actualKwh) ? watts(actualKwh) : null;
	return { start: iso(startMs), issued: iso(issuedMs), ...values, actualKwh: actual };
}

/** Without its points: where it stands and who made it. */
export function wireHeading(issued: IssuedForecast, reader: Reader): Omit<WireForecast, "points"> {
	const { points: _points, ...heading } = wireForecast(
		{ ...issued, energyKwh: [], lowerKwh: [], upperKwh: [] },
		reader,
	);
	return heading;
}

/** Why there is no forecast of a machine, as messages tell it. */
export function wireMissing(machine: string, error: EnergyError): object {
	return {
		machine,
		status: "no-forecast",
		failure: { code: error.code, details: error.details },
		detail: inWords(error),
	};
}

const inWords = (error: EnergyError): object =>
	Object.fromEntries(languages.map((language) => [language, explain(error, language)]));
