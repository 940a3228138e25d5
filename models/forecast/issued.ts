import type { JournalEntry } from "../../lib/store/store.ts";
import type { Json } from "../model.ts";
import type { ForecastMethod } from "./load-model.ts";

/** Rungs of the ladder in the order they are stood on: a model that somebody brought stands for itself. */
export type IssuedMethod = ForecastMethod | "brought-model";

/** Why a forecast did not come from the model that should have made it. */
export type Fallback = "no-model" | "model-unusable" | "gaps-in-history" | "short-horizon" | "pretrained";

/** What did the arithmetic. */
export interface Engine {
	name: "typescript" | "onnxruntime";
	/** Execution provider of onnxruntime. */
	provider?: string;
	/** Why it was not onnxruntime, which was asked for. */
	failure?: { code: string; details: { [name: string]: Json } };
}

/** A forecast as it was issued: what was believed at that time. Energies in kWh by quarter-hour. */
export interface IssuedForecast {
	machine: string;
	issuedMs: number;
	stepMs: number;
	method: IssuedMethod;
	/** Quarter-hours on each rung. */
	methods: Partial<Record<IssuedMethod, number>>;
	/** Absent where the models answered that should. */
	fallback?: Fallback;
	/** The fault behind the fallback, where there was one. */
	failure?: { code: string; details: { [name: string]: Json } };
	modelId?: string;
	/** The brought model that has a say in the ensemble. */
	memberId?: string;
	engine: Engine;
	share: number;
	energyKwh: number[];
	lowerKwh: number[];
	upperKwh: number[];
}

/** Journal that issued forecasts are written to; its subjects are machines, and `total`. */
export const FORECAST_JOURNAL = "forecast";

type Facts = Omit<IssuedForecast, "machine" | "issuedMs" | "energyKwh" | "lowerKwh" | "upperKwh">;

interface Packed extends Facts {
	/** Watt-hours, all of `energyKwh`, then the lower, then the upper bounds: little-endian integers in base64. */
	wh: string;
	bytes: 2 | 4;
}

/**
 * A forecast as a line of the journal: whole watt-hours in base64, two or four bytes each. A week of them that is
 * issued every quarter-hour is 672 lines a machine; so packed they are read in a tenth of the time of lists of numbers.
 */
export function packForecast(issued: IssuedForecast): JournalEntry {
	const { machine, issuedMs, energyKwh, lowerKwh, upperKwh, ...facts } = issued;
	const wh = [...energyKwh, ...lowerKwh, ...upperKwh].map((kwh) => Math.round(kwh * 1000));
	const narrow = wh.every((value) => value >= -32_768 && value <= 32_767);
	const array = narrow ? Int16Array.from(wh) : Int32Array.from(wh, (value) => clamped(value));
	const packed: Packed = {
		...facts,
		wh: Buffer.from(array.buffer).toString("base64"),
		bytes: narrow ? 2 : 4,
	};
	return { atMs: issuedMs, subject: machine, value: packed };
}

const clamped = (value: number): number => Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1);

/** The inverse; undefined for what no forecast of ours is. */
export function unpackForecast({ atMs, subject, value }: JournalEntry): IssuedForecast | undefined {
	const { wh, bytes, ...facts } = value as Partial<Packed>;
	if (typeof wh !== "string" || (bytes !== 2 && bytes !== 4)) return undefined;
	const raw = Buffer.from(wh, "base64");
	const memory = raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength);
	const all = bytes === 2 ? new Int16Array(memory) : new Int32Array(memory);
	const length = all.length / 3;
	const part = (first: number): number[] => Array.from(all.subarray(first, first + length), (value) => value / 1000);
	return {
		...(facts as Facts),
		machine: subject,
		issuedMs: atMs,
		energyKwh: part(0),
		lowerKwh: part(length),
		upperKwh: part(2 * length),
	};
}
