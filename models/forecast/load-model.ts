import { EnergyError } from "../../lib/errors.ts";
import type { FitOutcome, Json, Model, ModelDescription, ModelKind, ModelState } from "../model.ts";
import { nested, part } from "../state.ts";
import { defaultTraining, type TrainingSettings } from "../training/settings.ts";
import {
	dayMeansOf,
	FeatureBuilder,
	type FeatureSpec,
	featureNames,
	type KnownAhead,
	operatingLevelOf,
} from "./features.ts";
import type { Horizon } from "./horizon.ts";
import {
	type Asked,
	baselines,
	columnOf,
	type HorizonModel,
	memberNames,
	predictHorizon,
	trainHorizon,
} from "./horizon-model.ts";
import { horizonFromState, horizonState } from "./horizon-state.ts";
import { pathLearners } from "./path-learners.ts";
import type { Coverage } from "./rolling-intervals.ts";
import { CalendarGrid, type LoadSeries, type PlantCalendar } from "./series.ts";
import { servedIntervals } from "./served-intervals.ts";
import { pointLearners, type TreeLearner } from "./tree-learners.ts";

/** Options of a fit, as JSON. */
export type LoadModelOptions = {
	/** IANA name. */
	timeZone: string;
	/** Days of the plant's calendar that are holidays, as day numbers (days since 1970-01-01): past and to come. */
	holidays: number[];
	/** Share of values that an interval is to hold; default 0.9. */
	share?: number;
	/** Threads to learn on; default 1, so that a training takes one core at most from the plant's data. */
	threads?: number;
	/** Furthest lead, intervals; default 7 days. */
	toLead?: number;
	/** Rows that each horizon learns from at most; default 12,000. Fewer make a training shorter and its model coarser. */
	maxRows?: number;
	/** Boostings of few trees only: a small file. */
	light?: boolean;
} & Partial<TrainingSettings>;

/** A load, and what was and will be known ahead of it. */
export interface LoadHistory extends LoadSeries {
	known?: KnownAhead;
}

/** What is asked: the leads 1…toLead after the end of the history. */
export interface LoadQuestion {
	history: LoadHistory;
	toLead: number;
}

/** Rungs of the ladder, best first. */
export type ForecastMethod = "ensemble" | "single-learner" | "seasonal-naive" | "last-value";

export interface LoadForecast {
	/** Start of the first interval after the history: when it is issued, epoch ms. */
	issuedMs: number;
	stepMs: number;
	/** By lead, in the unit of the series. */
	forecast: Float64Array;
	lower: Float64Array;
	upper: Float64Array;
	/** Share of values that the bounds are to hold. */
	share: number;
	/** The lowest rung that any of the leads stands on. */
	method: ForecastMethod;
	/** Leads on each rung. */
	methods: Partial<Record<ForecastMethod, number>>;
	/**
	 * By horizon: the share of values of the last weeks that the bounds held which were issued for them, as far as the
	 * history tells. Absent where no model answered.
	 */
	coverage?: Record<string, Coverage>;
}

/** What one horizon's learners are asked. */
export interface HorizonRows {
	model: HorizonModel;
	builder: FeatureBuilder;
	asked: Asked;
}

/** Days that a model needs to learn anything of a week. */
export const MIN_DAYS = 9;
const LAG_DAYS = 28;

/** Fewer members than the benchmark's: a model of each machine is fitted nightly on one core. */
const learners: readonly TreeLearner[] = pointLearners
	.filter(({ id }) => id !== "forest")
	.map((learner) => ({
		...learner,
		size: learner.kind === "forest" ? 30 : 1,
		backtestSize: learner.kind === "forest" ? 15 : 1,
		...(learner.boosting ? { boosting: { ...learner.boosting, trees: 120 } } : {}),
	}));

const lightLearners: readonly TreeLearner[] = learners
	.filter(({ kind }) => kind === "boosting")
	.map((learner) => ({ ...learner, ...(learner.boosting ? { boosting: { ...learner.boosting, trees: 60 } } : {}) }));

/** Backtests, one after the other: the second one tells what the intervals of the first have learned. */
const FOLDS = 2;

/** A stretch without its weekend says little of a plant. */
const LEAST_FOLD_DAYS = 7;

/**
 * Days of a backtest: together they hold out what the configuration leaves to validate on, at least a week each or,
 * of a shorter history, a quarter.
 */
export function foldDaysOf(days: number, trainRatio: number): number {
	const least = Math.min(LEAST_FOLD_DAYS, Math.floor(days / 4));
	return Math.max(1, least, Math.round(((1 - trainRatio) * days) / FOLDS));
}

/** Near, day and week ahead; each learns what matters at its distance. */
export function horizonsTo(toLead: number, perDay: number): Horizon[] {
	const hour = Math.max(1, Math.round(perDay / 24));
	const day = 2 * perDay;
	const horizons: Horizon[] = [
		{ name: "hour", fromLead: 1, toLead: hour, issueEvery: 1 },
		{ name: "day", fromLead: hour + 1, toLead: day, issueEvery: Math.max(1, perDay / 8) },
		{ name: "week", fromLead: day + 1, toLead: 7 * perDay, issueEvery: perDay },
	];
	return horizons
		.filter((horizon) => horizon.fromLead <= toLead)
		.map((horizon) => ({ ...horizon, toLead: Math.min(horizon.toLead, toLead) }));
}

const calendarOf = ({ timeZone, holidays }: { timeZone: string; holidays: readonly number[] }): PlantCalendar => {
	const days = new Set(holidays);
	return { timeZone, holidays: { isHoliday: (day) => days.has(day) } };
};

/** Forecasts of one load, learned from its own history. */
export class LoadModel implements Model<LoadQuestion, LoadForecast> {
	readonly kind = "load-forecast";
	readonly seed: number;
	readonly spec: FeatureSpec;
	readonly options: Required<LoadModelOptions>;
	readonly stepMs: number;
	readonly horizons: readonly HorizonModel[];

	constructor(
		seed: number,
		stepMs: number,
		spec: FeatureSpec,
		options: Required<LoadModelOptions>,
		horizons: readonly HorizonModel[],
	) {
		this.seed = seed;
		this.stepMs = stepMs;
		this.spec = spec;
		this.options = options;
		this.horizons = horizons;
	}

	/**
	 * Forecasts every lead up to the one asked for; a lead that no learner can answer takes the next rung of the ladder.
	 *
	 * @throws EnergyError `models.too-little-data` where not even one value of the last week is known
	 */
	predict(question: LoadQuestion): LoadForecast {
		return this.answer(question, this.rows(question));
	}

	/** What the learners of each horizon are asked: rows of features, for whoever runs their trees elsewhere. */
	rows({ history, toLead }: LoadQuestion): HorizonRows[] {
		const { startMs, stepMs, values, known } = history;
		const origin = values.length;
		const grid = new CalendarGrid(startMs, stepMs, origin + toLead, calendarOf(this.options));
		const builder = new FeatureBuilder(grid, values, this.spec, known ?? {});
		const names = featureNames(this.spec);
		const view = { grid, values, plan: builder.plan };
		return this.horizons.flatMap((model) => {
			const { fromLead, toLead: last } = model.horizon;
			const count = Math.min(last, toLead) - fromLead + 1;
			if (count <= 0) return [];
			const targets = Int32Array.from({ length: count }, (_, i) => origin + fromLead - 1 + i);
			const origins = new Int32Array(count).fill(origin);
			const x = builder.matrix(origins, targets);
			return [{ model, builder, asked: { x, names, view, pairs: { origins, targets } } }];
		});
	}

	/** A forecast from rows and, where they were worked out elsewhere, the answers of the trees to them. */
	answer({ history, toLead }: LoadQuestion, rows: readonly HorizonRows[]): LoadForecast {
		const { values } = history;
		const origin = values.length;
		const out: LoadForecast = { ...emptyForecast(history, toLead, this.options.share), coverage: {} };
		for (const { model, builder, asked } of rows) {
			const { fromLead } = model.horizon;
			const { x, names, view } = asked;
			const count = x.rows;
			const answers = predictHorizon(model, asked);
			const intervals = servedIntervals(model, this.options.share, builder, view, origin);
			if (out.coverage && intervals.coverage) out.coverage[model.horizon.name] = intervals.coverage;
			const naive = columnOf(x, names.indexOf(baselines["seasonal-naive"]));
			for (let i = 0; i < count; i++) {
				const [value, method] = rungOf(answers.forecast[i] as number, answers.learners, i, naive[i] as number);
				if (method === "last-value") continue;
				const [low, high] = intervals.bounds(answers.lower[i] as number, answers.upper[i] as number);
				const at = fromLead - 1 + i;
				out.forecast[at] = value;
				out.lower[at] = Number.isFinite(low) ? Math.min(low, value) : value;
				out.upper[at] = Number.isFinite(high) ? Math.max(high, value) : value;
				count1(out, method);
			}
		}
		// A load that was never negative isn't forecast to be: only plants that generate feed back.
		if (values.every((value) => !(value < 0))) {
			for (const part of [out.forecast, out.lower, out.upper])
				part.forEach((value, i) => {
					if (value < 0) part[i] = 0;
				});
		}
		return withLastValue(out, values);
	}

	/** The same model with the holidays known today: its own end some days after its training. */
	withHolidays(holidays: readonly number[]): LoadModel {
		const options = { ...this.options, holidays: [...holidays] };
		return new LoadModel(this.seed, this.stepMs, this.spec, options, this.horizons);
	}

	describe(): ModelDescription {
		const backtest = Object.fromEntries(this.horizons.map(({ horizon, backtest }) => [horizon.name, { ...backtest }]));
		const weights = Object.fromEntries(
			this.horizons.map((model) => [
				model.horizon.name,
				{
					by: model.combination.by,
					...Object.fromEntries(memberNames(model).map((id, k) => [id, model.combination.weights[k] ?? 0])),
				},
			]),
		);
		return {
			inputs: featureNames(this.spec),
			facts: {
				timeZone: this.options.timeZone,
				share: this.options.share,
				trainRatio: this.options.trainRatio,
				scaling: this.options.scaling,
				operatingLevel: this.spec.operatingLevel,
				stepMs: this.stepMs,
				weights,
				backtestMae: backtest,
				coverage: Object.fromEntries(
					this.horizons.flatMap(({ horizon, coverage }) => (coverage === undefined ? [] : [[horizon.name, coverage]])),
				),
				rows: Object.fromEntries(this.horizons.map(({ horizon, rows }) => [horizon.name, rows])),
			},
			notes: this.horizons
				.filter(({ backtest }) => Object.keys(backtest).length === 0)
				.map(({ horizon }) => `no backtest of “${horizon.name}”: the history is too short, its learners count equally`),
		};
	}

	serialise(): ModelState {
		const facts: Record<string, Json> = {
			seed: this.seed,
			stepMs: this.stepMs,
			operatingLevel: this.spec.operatingLevel,
			known: [...this.spec.known],
			options: this.options,
			horizons: this.horizons.map(({ horizon }) => horizon.name),
		};
		return nested(facts, Object.fromEntries(this.horizons.map((one) => [one.horizon.name, horizonState(one)])));
	}

	static deserialise(state: ModelState): LoadModel {
		const { facts } = state;
		const names = facts.horizons as string[];
		const spec = { operatingLevel: facts.operatingLevel as number, known: facts.known as (keyof KnownAhead)[] };
		return new LoadModel(
			facts.seed as number,
			facts.stepMs as number,
			spec,
			// A file from before the configuration had a say was fitted with its defaults.
			{ ...defaultTraining, ...(facts.options as Required<LoadModelOptions>) },
			names.map((name) => horizonFromState(part(state, name))),
		);
	}
}

const count1 = (out: LoadForecast, method: ForecastMethod): void => {
	out.methods[method] = (out.methods[method] ?? 0) + 1;
};

/** The best rung that has an answer. */
function rungOf(
	ensemble: number,
	learners: readonly Float64Array[],
	row: number,
	naive: number,
): [number, ForecastMethod] {
	if (Number.isFinite(ensemble)) return [ensemble, "ensemble"];
	const healthy = learners.find((learner) => Number.isFinite(learner[row]));
	if (healthy) return [healthy[row] as number, "single-learner"];
	return Number.isFinite(naive) ? [naive, "seasonal-naive"] : [Number.NaN, "last-value"];
}

function emptyForecast({ startMs, stepMs, values }: LoadHistory, toLead: number, share: number): LoadForecast {
	const unknown = (): Float64Array => new Float64Array(toLead).fill(Number.NaN);
	return {
		issuedMs: startMs + values.length * stepMs,
		stepMs,
		forecast: unknown(),
		lower: unknown(),
		upper: unknown(),
		share,
		method: "ensemble",
		methods: {},
	};
}

const ladder: readonly ForecastMethod[] = ["ensemble", "single-learner", "seasonal-naive", "last-value"];

/** Fills what is still unknown with the newest known value and names the lowest rung. */
function withLastValue(out: LoadForecast, values: Float64Array): LoadForecast {
	const week = Math.round((7 * 86_400_000) / out.stepMs);
	const recent = values.subarray(Math.max(0, values.length - week));
	const last = recent[recent.findLastIndex(Number.isFinite)];
	// Without a model the band is what the load did in the week: wide, but not a lie.
	const [lower, upper] = quantilesOf(recent, out.share);
	for (let i = 0; i < out.forecast.length; i++) {
		if (!Number.isNaN(out.forecast[i] as number)) continue;
		if (last === undefined) throw new EnergyError("models.too-little-data", { rows: 0, needed: 1 });
		out.forecast[i] = last;
		out.lower[i] = Math.min(last, lower);
		out.upper[i] = Math.max(last, upper);
		count1(out, "last-value");
	}
	out.method = ladder.findLast((method) => out.methods[method]) ?? "ensemble";
	return out;
}

/** The values between which a share of the known ones lies; 0 and 0 where none is known. */
function quantilesOf(values: Float64Array, share: number): [number, number] {
	const sorted = values.filter(Number.isFinite).sort();
	const at = (level: number): number => sorted[Math.min(sorted.length - 1, Math.floor(level * sorted.length))] ?? 0;
	return [at((1 - share) / 2), at((1 + share) / 2)];
}

/**
 * The rungs of the ladder that need no model: last week's value at the same time, else the newest value. Its bounds are
 * the quantiles of what last week's value missed by in the weeks known.
 *
 * @throws EnergyError `models.too-little-data` where nothing of the last week is known
 */
export function naiveForecast(
	history: LoadHistory,
	calendar: { timeZone: string; holidays: readonly number[] },
	toLead: number,
	share = 0.9,
): LoadForecast {
	const { startMs, stepMs, values } = history;
	const origin = values.length;
	const grid = new CalendarGrid(startMs, stepMs, origin + toLead, calendarOf(calendar));
	const out = emptyForecast(history, toLead, share);
	const misses = Float64Array.from(values, (value, i) => {
		const week = grid.back(i, 7);
		return week < 0 ? Number.NaN : value - (values[week] as number);
	});
	const [lower, upper] = quantilesOf(misses, share);
	for (let i = 0; i < toLead; i++) {
		const weeks = Math.ceil((i + 1) / (7 * grid.perDay));
		const week = grid.back(origin + i, 7 * weeks);
		const value = week < 0 || week >= origin ? Number.NaN : (values[week] as number);
		if (!Number.isFinite(value)) continue;
		out.forecast[i] = value;
		out.lower[i] = Math.min(value, value + lower);
		out.upper[i] = Math.max(value, value + upper);
		count1(out, "seasonal-naive");
	}
	return withLastValue(out, values);
}

/** How forecasts of a load are fitted and read back. */
export const loadModelKind: ModelKind<LoadHistory, LoadModelOptions, LoadQuestion, LoadForecast, LoadModel> = {
	kind: "load-forecast",
	task: "forecast",
	version: 2,
	async fit(data, options, { seed, progress }): Promise<FitOutcome<LoadModel>> {
		const { startMs, stepMs, values, known = {} } = data;
		const perDay = Math.round(86_400_000 / stepMs);
		const usable = values.reduce((count, value) => count + (Number.isFinite(value) ? 1 : 0), 0);
		if (usable < MIN_DAYS * perDay) {
			throw new EnergyError("models.too-little-data", { rows: usable, needed: MIN_DAYS * perDay });
		}
		const settings = {
			...{ share: 0.9, threads: 1, toLead: 7 * perDay, maxRows: 12_000, light: false },
			...defaultTraining,
			...options,
		};
		const grid = new CalendarGrid(startMs, stepMs, values.length, calendarOf(settings));
		const spec: FeatureSpec = {
			operatingLevel: operatingLevelOf(dayMeansOf(grid, values, values.length)),
			known: (["plan", "temperatureC", "shift"] as const).filter((name) => known[name]?.some(Number.isFinite)),
		};
		const builder = new FeatureBuilder(grid, values, spec, known);
		const from = Math.min(LAG_DAYS * perDay, Math.floor(values.length / 4));
		const foldDays = foldDaysOf((values.length - from) / perDay, settings.trainRatio);
		const wanted = horizonsTo(settings.toLead, perDay);
		const fitted: HorizonModel[] = [];
		for (const [index, horizon] of wanted.entries()) {
			const share = (part: number): void => progress((index + part) / wanted.length);
			const trained = await trainHorizon(builder, grid, values, horizon, {
				seed,
				share: settings.share,
				threads: settings.threads,
				folds: FOLDS,
				foldDays,
				from,
				to: values.length,
				maxRows: settings.maxRows,
				learners: settings.light ? lightLearners : learners,
				paths: settings.light ? [] : pathLearners,
				settings: { trainRatio: settings.trainRatio, scaling: settings.scaling },
				progress: share,
			});
			if (trained) fitted.push(trained);
		}
		const model = new LoadModel(seed, stepMs, spec, settings, fitted);
		return { model, metrics: metricsOf(fitted) };
	},
	deserialise: (state) => LoadModel.deserialise(state),
};

/**
 * By horizon: backtest errors of the ensemble and of the best baseline, the share that the intervals held in the last
 * backtest, and the share that the bounds held before their correction.
 */
function metricsOf(horizons: readonly HorizonModel[]): Record<string, number> {
	const metrics: Record<string, number> = {};
	for (const { horizon, backtest, intervals, coverage } of horizons) {
		const { ensemble } = backtest;
		if (ensemble === undefined) continue;
		metrics[`${horizon.name}Mae`] = ensemble;
		const best = Math.min(...Object.keys(baselines).map((name) => backtest[name] ?? Infinity));
		if (Number.isFinite(best)) metrics[`${horizon.name}BaselineMae`] = best;
		if (coverage !== undefined) metrics[`${horizon.name}Coverage`] = coverage;
		const { scores } = intervals;
		if (scores.length === 0) continue;
		metrics[`${horizon.name}LearnedCoverage`] = scores.filter((score) => score <= 0).length / scores.length;
	}
	return metrics;
}

/** Whether a fitted model may take over: better than every baseline, and not worse than the active one, in backtests. */
export function mayTakeOver(
	fitted: Readonly<Record<string, number>> | undefined,
	active: Readonly<Record<string, number>> | undefined,
): boolean {
	if (!fitted) return false;
	const names = ["hour", "day", "week"].filter((name) => fitted[`${name}Mae`] !== undefined);
	// Too short a history for a backtest: any model is better than none, none is better than the active one.
	if (names.length === 0) return active === undefined;
	const relative = (metrics: Readonly<Record<string, number>>, at: readonly string[]): number =>
		at.reduce((sum, name) => sum + (metrics[`${name}Mae`] ?? 0) / (metrics[`${name}BaselineMae`] || 1), 0) / at.length;
	// Errors are taken relative to the naive forecast of the same weeks: weeks differ in how hard they are.
	if (!(relative(fitted, names) < 1)) return false;
	// A model that somebody brought may know one distance only.
	const both = names.filter((name) => active?.[`${name}Mae`] !== undefined);
	return active === undefined || both.length === 0 || relative(fitted, both) <= 1.05 * relative(active, both);
}
