import { EnergyError } from "../../lib/errors.ts";
import type { FloatMatrix } from "../float-matrix.ts";
import { meanAbsolute } from "../forecast/combine.ts";
import { dayMeansOf, FeatureBuilder, type FeatureSpec, featureNames, operatingLevelOf } from "../forecast/features.ts";
import { baselines, columnOf } from "../forecast/horizon-model.ts";
import { horizonsTo, type LoadHistory, MIN_DAYS, naiveForecast } from "../forecast/load-model.ts";
import { CalendarGrid } from "../forecast/series.ts";
import type { FitOutcome, Json, Metrics, Model, ModelDescription, ModelKind, ModelState } from "../model.ts";
import { ServingHost } from "../serving/host.ts";
import { BROUGHT_KIND } from "./brought-kind.ts";
import { type ForeignManifest, ForeignModel, leadsOf } from "./foreign.ts";
import type { ExecutionProvider } from "./runtime.ts";

const DAY_MS = 86_400_000;
/** The model is tried on so many of the newest days, issued every three hours. */
const TRIAL_DAYS = 28;
const ISSUES_PER_DAY = 8;
/** Rows that go into onnxruntime at once. */
const BATCH = 8_192;
/** Misses that are kept of each horizon: quantiles need no more. */
const KEPT_MISSES = 2_000;

/** What is asked of a brought model. */
export interface BroughtQuestion {
	history: LoadHistory;
	toLead: number;
	/** Share of values that the band is to hold. */
	share: number;
	shares?: number[];
	calendar: { timeZone: string; holidays: readonly number[] };
}

/** What it says: NaN at leads outside of its horizon. */
export interface BroughtForecast {
	forecast: Float64Array;
	bands: { share: number; lower: Float64Array; upper: Float64Array }[];
	/** Leads that it answered. */
	leads: number;
}

/** A model to register: the file, what its maker says of it, and the load that it is tried on. */
export interface BroughtData {
	file: Uint8Array;
	manifest: ForeignManifest;
	history: LoadHistory;
}

export type BroughtOptions = { timeZone: string; holidays: number[]; share?: number };

/** The name of the distance: where our own models change hands too. */
export function horizonOf(lead: number): "hour" | "day" | "week" {
	return lead <= 4 ? "hour" : lead <= 192 ? "day" : "week";
}

const gridOf = (
	{ startMs, stepMs }: LoadHistory,
	length: number,
	calendar: BroughtQuestion["calendar"],
): CalendarGrid => {
	const days = new Set(calendar.holidays);
	const { timeZone } = calendar;
	return new CalendarGrid(startMs, stepMs, length, { timeZone, holidays: { isHoliday: (day) => days.has(day) } });
};

/** A model made elsewhere as one of the registry: its file, its manifest, and how it did on the plant's own load. */
export class BroughtModel implements Model<BroughtQuestion, Promise<BroughtForecast>> {
	readonly kind = BROUGHT_KIND;
	readonly seed = 0;
	readonly manifest: ForeignManifest;
	readonly #file: Uint8Array;
	readonly #spec: FeatureSpec;
	/** Sorted misses (actual − forecast) of the trial by horizon: its bands. */
	readonly #misses: ReadonlyMap<string, Float64Array>;
	readonly #metrics: Metrics;
	readonly #opened = new Map<ExecutionProvider, Promise<ForeignModel>>();

	constructor(
		manifest: ForeignManifest,
		file: Uint8Array,
		spec: FeatureSpec,
		misses: ReadonlyMap<string, Float64Array>,
		metrics: Metrics,
	) {
		this.manifest = manifest;
		this.#file = file;
		this.#spec = spec;
		this.#misses = misses;
		this.#metrics = metrics;
	}

	predict(question: BroughtQuestion): Promise<BroughtForecast> {
		return this.forecast(this.manifest.name, question, "cpu");
	}

	/**
	 * @param key names the file's content in the cache of sessions
	 * @throws EnergyError `models.onnx-missing`, `models.onnx-corrupt`, `models.onnx-run`, `models.onnx-nan`, …
	 */
	async forecast(key: string, question: BroughtQuestion, provider: ExecutionProvider): Promise<BroughtForecast> {
		const { history, toLead, share, shares = [], calendar } = question;
		const { fromLead, toLead: last } = this.manifest.horizon;
		const origin = history.values.length;
		const grid = gridOf(history, origin + Math.max(toLead, last), calendar);
		const forecast = new Float64Array(toLead).fill(Number.NaN);
		const leads = Math.max(0, Math.min(last, toLead) - fromLead + 1);
		if (leads > 0) {
			const model = await this.#open(key, provider);
			const [path = new Float64Array(0)] = await pathsOf(model, grid, history.values, this.#spec, [origin]);
			if (!path.every(Number.isFinite)) throw new EnergyError("models.onnx-nan", { model: this.manifest.name });
			forecast.set(path.subarray(0, leads), fromLead - 1);
		}
		const floor = history.values.every((value) => !(value < 0)) ? 0 : Number.NEGATIVE_INFINITY;
		for (let i = 0; i < toLead; i++) forecast[i] = Math.max(floor, forecast[i] as number);
		const bands = [share, ...shares].map((one) => this.#band(one, forecast, floor, question));
		return { forecast, bands, leads };
	}

	/** Error in multiples of the best baseline's, where it was tried at that distance. */
	relativeErrorAt(lead: number): number | undefined {
		const { fromLead, toLead } = this.manifest.horizon;
		const horizon = horizonOf(lead);
		const [mae, baseline] = [this.#metrics[`${horizon}Mae`], this.#metrics[`${horizon}BaselineMae`]];
		if (lead < fromLead || lead > toLead || mae === undefined || !baseline) return undefined;
		return mae / baseline;
	}

	#band(share: number, forecast: Float64Array, floor: number, question: BroughtQuestion): BroughtForecast["bands"][0] {
		const lower = new Float64Array(forecast.length);
		const upper = new Float64Array(forecast.length);
		let naive: ReturnType<typeof naiveForecast> | undefined;
		for (const [i, value] of forecast.entries()) {
			const misses = this.#misses.get(horizonOf(i + 1));
			if (misses && misses.length > 0) {
				lower[i] = value + Math.min(0, quantile(misses, (1 - share) / 2));
				upper[i] = value + Math.max(0, quantile(misses, (1 + share) / 2));
			} else {
				// Too short a history for a trial: as wide as the naive forecast misses.
				naive ??= naiveForecast(question.history, question.calendar, question.toLead, share);
				lower[i] = value - ((naive.forecast[i] as number) - (naive.lower[i] as number));
				upper[i] = value + ((naive.upper[i] as number) - (naive.forecast[i] as number));
			}
			lower[i] = Math.max(floor, lower[i] as number);
		}
		return { share, lower, upper };
	}

	#open(key: string, provider: ExecutionProvider): Promise<ForeignModel> {
		let opened = this.#opened.get(provider);
		if (!opened) {
			opened = ForeignModel.open(key, this.#file, this.manifest, provider);
			this.#opened.set(provider, opened);
			opened.catch(() => this.#opened.delete(provider));
		}
		return opened;
	}

	describe(): ModelDescription {
		const { name, features, window, horizon, serves = "alone", input, output } = this.manifest;
		return {
			inputs: features ?? [`the last ${window} quarter-hours`],
			facts: {
				...{ name, serves, input, output, horizon: { ...horizon }, bytes: this.#file.length },
				...(this.manifest.source !== undefined && { source: this.manifest.source }),
				operatingLevel: this.#spec.operatingLevel,
			},
			notes: Object.keys(this.#metrics).length === 0 ? ["not tried: the history is too short"] : [],
		};
	}

	serialise(): ModelState {
		const misses = Object.fromEntries([...this.#misses].map(([name, values]) => [`misses/${name}`, values]));
		return {
			facts: {
				manifest: this.manifest as unknown as Json,
				operatingLevel: this.#spec.operatingLevel,
				metrics: { ...this.#metrics },
			},
			// A plain array: a Buffer is one too, and its name would not be known when it is read back.
			arrays: { file: Uint8Array.from(this.#file), ...misses },
		};
	}

	static deserialise({ facts, arrays }: ModelState): BroughtModel {
		const misses = Object.entries(arrays)
			.filter(([name]) => name.startsWith("misses/"))
			.map(([name, values]) => [name.slice("misses/".length), values as Float64Array] as const);
		return new BroughtModel(
			facts.manifest as unknown as ForeignManifest,
			arrays.file as Uint8Array,
			{ operatingLevel: facts.operatingLevel as number, known: [] },
			new Map(misses),
			facts.metrics as Metrics,
		);
	}
}

/**
 * Forecasts from several issues: one value a lead of the model's horizon, fromLead first.
 *
 * @param origins first interval not yet known, of each issue
 */
async function pathsOf(
	model: ForeignModel,
	grid: CalendarGrid,
	values: Float64Array,
	spec: FeatureSpec,
	origins: readonly number[],
): Promise<Float64Array[]> {
	const { window } = model.manifest;
	const leads = leadsOf(model.manifest);
	if (window !== undefined) {
		const rows = Math.max(1, Math.floor(BATCH / 8));
		return inBatches(origins, rows, leads, (some) => model.predictWindows(values, some));
	}
	const builder = new FeatureBuilder(grid, values, spec);
	const names = featureNames(spec);
	const { fromLead } = model.manifest.horizon;
	const rows = Math.max(1, Math.floor(BATCH / leads));
	return inBatches(origins, rows, leads, (some) => {
		const all = Int32Array.from({ length: some.length * leads }, (_, i) => some[Math.floor(i / leads)] as number);
		const targets = all.map((origin, i) => origin + fromLead - 1 + (i % leads));
		return model.predict(builder.matrix(all, targets) satisfies FloatMatrix, names);
	});
}

async function inBatches(
	origins: readonly number[],
	size: number,
	leads: number,
	answer: (some: readonly number[]) => Promise<Float64Array>,
): Promise<Float64Array[]> {
	const paths: Float64Array[] = [];
	for (let from = 0; from < origins.length; from += size) {
		const some = origins.slice(from, from + size);
		const said = await answer(some);
		for (let k = 0; k < some.length; k++) paths.push(said.slice(k * leads, (k + 1) * leads));
	}
	return paths;
}

/** Of sorted values. */
function quantile(sorted: Float64Array, level: number): number {
	const at = Math.min(sorted.length - 1, Math.max(0, Math.round(level * (sorted.length + 1)) - 1));
	return sorted[at] as number;
}

interface Trial {
	metrics: Metrics;
	misses: Map<string, Float64Array>;
}

/** How the model would have done on the newest weeks of the load, by distance, beside the baselines. */
async function tryOut(
	model: ForeignModel,
	history: LoadHistory,
	spec: FeatureSpec,
	options: BroughtOptions,
): Promise<Trial> {
	const { values, stepMs } = history;
	const perDay = Math.round(DAY_MS / stepMs);
	const { share = 0.9 } = options;
	const days = Math.min(TRIAL_DAYS, Math.floor(values.length / perDay) - 7);
	const trial: Trial = { metrics: {}, misses: new Map() };
	if (days < 2) return trial;
	const { fromLead, toLead } = model.manifest.horizon;
	const grid = gridOf(history, values.length + toLead, options);
	const first = values.length - days * perDay;
	const step = Math.floor(perDay / ISSUES_PER_DAY);
	const origins = Array.from({ length: days * ISSUES_PER_DAY }, (_, i) => first + i * step);
	const paths = await pathsOf(model, grid, values, spec, origins);
	const builder = new FeatureBuilder(grid, values, spec);
	const names = featureNames(spec);
	const metrics: Record<string, number> = {};
	for (const horizon of horizonsTo(toLead, perDay)) {
		const within = { ...horizon, fromLead: Math.max(fromLead, horizon.fromLead), issueEvery: step };
		if (within.fromLead > within.toLead) continue;
		const said: number[] = [];
		const actual: number[] = [];
		const pairs: [number, number][] = [];
		for (const [k, origin] of origins.entries()) {
			for (let lead = within.fromLead; lead <= within.toLead; lead++) {
				const target = origin + lead - 1;
				const [value, forecast] = [values[target], paths[k]?.[lead - fromLead]];
				if (value === undefined || !Number.isFinite(value) || forecast === undefined) continue;
				said.push(forecast);
				actual.push(value);
				pairs.push([origin, target]);
			}
		}
		if (said.length < perDay) continue;
		const { name } = horizon;
		if (!said.every(Number.isFinite)) throw new EnergyError("models.onnx-nan", { model: model.manifest.name });
		metrics[`${name}Mae`] = meanAbsolute(Float64Array.from(said), Float64Array.from(actual));
		const x = builder.matrix(
			pairs.map(([origin]) => origin),
			pairs.map(([, target]) => target),
		);
		const errors = Object.values(baselines).map((column) => knownError(columnOf(x, names.indexOf(column)), actual));
		const best = Math.min(...errors.filter(Number.isFinite));
		if (Number.isFinite(best)) metrics[`${name}BaselineMae`] = best;
		const misses = actual.map((value, i) => value - (said[i] as number));
		metrics[`${name}Coverage`] = coverageOf(misses, share);
		trial.misses.set(name, thinned(Float64Array.from(misses).sort(), KEPT_MISSES));
	}
	return { ...trial, metrics };
}

function knownError(said: Float64Array, actual: readonly number[]): number {
	let sum = 0;
	let count = 0;
	for (const [i, value] of said.entries()) {
		if (!Number.isFinite(value)) continue;
		sum += Math.abs(value - (actual[i] as number));
		count++;
	}
	return sum / count;
}

/** What the band of the earlier half would have held of the later half. */
function coverageOf(misses: readonly number[], share: number): number {
	const half = Math.floor(misses.length / 2);
	const early = Float64Array.from(misses.slice(0, half)).sort();
	const [low, high] = [quantile(early, (1 - share) / 2), quantile(early, (1 + share) / 2)];
	const late = misses.slice(half);
	return late.filter((miss) => miss >= Math.min(0, low) && miss <= Math.max(0, high)).length / late.length;
}

function thinned(sorted: Float64Array, most: number): Float64Array {
	if (sorted.length <= most) return sorted;
	return Float64Array.from(
		{ length: most },
		(_, i) => sorted[Math.round((i * (sorted.length - 1)) / (most - 1))] as number,
	);
}

/**
 * Asks a brought file its own sample and tries it on the load. Runs native code: in a process of its own.
 *
 * @throws EnergyError `models.onnx-…`
 */
export async function tried(
	{ file, manifest, history }: BroughtData,
	options: BroughtOptions,
): Promise<{ state: ModelState; metrics: Metrics }> {
	const foreign = await ForeignModel.open(`trial of ${manifest.name}`, file, manifest);
	const { values, stepMs } = history;
	const perDay = Math.round(DAY_MS / stepMs);
	const usable = values.reduce((count, value) => count + (Number.isFinite(value) ? 1 : 0), 0);
	const grid = gridOf(history, values.length, options);
	const level = usable > 0 ? operatingLevelOf(dayMeansOf(grid, values, values.length)) : 0;
	const spec: FeatureSpec = { operatingLevel: Number.isFinite(level) ? level : 0, known: [] };
	const { metrics, misses }: Trial =
		usable >= MIN_DAYS * perDay ? await tryOut(foreign, history, spec, options) : { metrics: {}, misses: new Map() };
	return { state: new BroughtModel(manifest, file, spec, misses, metrics).serialise(), metrics };
}

/** How brought models are checked, tried on the plant's load and read back. */
export const broughtModelKind: ModelKind<
	BroughtData,
	BroughtOptions,
	BroughtQuestion,
	Promise<BroughtForecast>,
	BroughtModel
> = {
	kind: BROUGHT_KIND,
	task: "forecast",
	version: 1,
	async fit(data, options, { progress }): Promise<FitOutcome<BroughtModel>> {
		const host = new ServingHost("process");
		try {
			progress(0.1);
			const reply = await host.ask({ what: "try", data, options });
			if (!("tried" in reply)) throw new EnergyError("models.serving-failed", { reason: "no trial" });
			progress(0.9);
			const { state, metrics } = reply.tried;
			return { model: BroughtModel.deserialise(state), metrics };
		} finally {
			await host.close();
		}
	},
	deserialise: (state) => BroughtModel.deserialise(state),
};
