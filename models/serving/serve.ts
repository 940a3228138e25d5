import { readFileSync } from "node:fs";
import { EnergyError } from "../../lib/errors.ts";
import { baselines } from "../forecast/horizon-model.ts";
import type { Engine, Fallback, IssuedMethod } from "../forecast/issued.ts";
import { type HorizonRows, type LoadForecast, LoadModel, naiveForecast } from "../forecast/load-model.ts";
import { kindOf } from "../kinds.ts";
import type { Json, Model } from "../model.ts";
import { decodeModel } from "../model-file.ts";
import { BROUGHT_KIND } from "../onnx/brought-kind.ts";
import { BroughtModel, horizonOf } from "../onnx/brought-model.ts";
import { withTreesRun } from "../onnx/run-trees.ts";
import { fileMissing } from "../records.ts";
import { runsOnnx } from "./engine.ts";
import type { Band, EngineChoice, Failure, ModelFile, ServeAnswer, Served, ServeQuestion } from "./protocol.ts";

/** An error as it crosses to another thread. */
export function failureFrom(error: unknown): Failure {
	if (error instanceof EnergyError) {
		return { code: error.code, details: JSON.parse(JSON.stringify(error.details)) as Failure["details"] };
	}
	return {
		code: "models.serving-failed",
		details: { reason: error instanceof Error ? error.message : String(error) } as { [name: string]: Json },
	};
}

/** Models kept read; the least used of late goes first. */
const KEPT = 128;

/** Read models by id: a version of a model never changes. */
export class ModelShelf {
	readonly #models = new Map<string, Model<never, unknown>>();

	/** @throws EnergyError `models.file-…`, `models.kind-unknown` */
	take({ id, path, kind: name }: ModelFile): Model<never, unknown> {
		const key = `${id} ${path}`;
		const known = this.#models.get(key);
		this.#models.delete(key);
		const model = known ?? read(path, name);
		this.#models.set(key, model);
		const [oldest] = this.#models.keys();
		if (this.#models.size > KEPT && oldest !== undefined) this.#models.delete(oldest);
		return model;
	}
}

function read(path: string, name: string): Model<never, unknown> {
	const kind = kindOf(name);
	let file: Buffer;
	try {
		file = readFileSync(path);
	} catch (error) {
		fileMissing(path, error);
	}
	return kind.deserialise(decodeModel(file, { kind: kind.kind, version: kind.version, path }));
}

/** Answers a batch in its order; what goes wrong with one load is the answer of that one. */
export async function serveAll(
	shelf: ModelShelf,
	questions: readonly ServeQuestion[],
	choice: EngineChoice,
): Promise<ServeAnswer[]> {
	const answers: ServeAnswer[] = [];
	for (const question of questions) {
		const { machine } = question;
		try {
			answers.push({ machine, served: await serve(shelf, question, choice) });
		} catch (error) {
			answers.push({ machine, failure: failureFrom(error) });
		}
	}
	return answers;
}

/** What one rung says: NaN where it has nothing to say. */
interface Said {
	forecast: Float64Array;
	bands: Band[];
	method: IssuedMethod;
	/** Leads on each rung. */
	methods: Partial<Record<IssuedMethod, number>>;
	/** What ran it; absent for rules. */
	engine?: Engine;
}

/**
 * Forecasts one load down the ladder: the model in use (and the brought model beside it) → the one behind → last
 * week's value → the newest value. Every lead has an answer, and the answer says where it stands.
 *
 * @throws EnergyError `models.too-little-data` where nothing of the last week is known
 */
export async function serve(shelf: ModelShelf, question: ServeQuestion, choice: EngineChoice): Promise<Served> {
	const { history, model, behind, member, shipped } = question;
	const wrong: Pick<Served, "failure" | "unusable"> = {};
	const attempt = async (file: ModelFile | undefined): Promise<Said | undefined> => {
		if (!file) return undefined;
		try {
			return await ask(shelf, file, question, choice);
		} catch (error) {
			if (error instanceof EnergyError && error.code === "models.too-little-data") throw error;
			wrong.failure ??= failureFrom(error);
			if (file === model && error instanceof EnergyError && /^models\.(file-|kind-)/.test(error.code))
				wrong.unusable = true;
			return undefined;
		}
	};
	const used: Pick<Served, "modelId" | "memberId"> = {};
	let engine: Engine = { name: "typescript" };
	let said = await attempt(model);
	if (said && model) {
		used.modelId = model.id;
		engine = said.engine ?? engine;
		const beside = await attempt(member);
		if (beside && member) {
			said = together(said, beside, weightsOf(shelf, model, member, said.forecast.length));
			used.memberId = member.id;
			if (beside.engine?.name === "onnxruntime") engine = { ...engine, ...beside.engine };
		}
	}
	const gaps = said?.forecast.some((value) => !Number.isFinite(value)) ?? true;
	if (gaps) {
		// A brought model says nothing beyond its horizon; the one behind it goes on from there.
		const next = await attempt(behind);
		if (next && !said && behind && !shipped) used.modelId = behind.id;
		said = said && next ? filled(said, next) : (said ?? next);
		if (said?.forecast.some((value) => !Number.isFinite(value)) ?? true) {
			said = said ? filled(said, naive(question)) : naive(question);
		}
	}
	const { forecast, bands, method, methods } = atLeastZero(said as Said, history.values);
	const fallback = fallbackOf(question, wrong.failure, method);
	return {
		issuedMs: history.startMs + history.values.length * history.stepMs,
		stepMs: history.stepMs,
		...{ forecast, bands, method, methods, ...used, engine, ...wrong },
		...(fallback && { fallback }),
	};
}

/** A load that was never negative isn't forecast to be: only plants that generate feed back. */
function atLeastZero(said: Said, values: Float64Array): Said {
	if (values.some((value) => value < 0)) return said;
	for (const part of [said.forecast, ...said.bands.flatMap(({ lower, upper }) => [lower, upper])]) {
		for (const [i, value] of part.entries()) if (value < 0) part[i] = 0;
	}
	return said;
}

function fallbackOf({ model, shipped }: ServeQuestion, failure: Failure | undefined, method: IssuedMethod) {
	const learned = method === "ensemble" || method === "brought-model";
	if (failure) return "model-unusable" satisfies Fallback;
	if (!model) return (shipped && learned ? "pretrained" : "no-model") satisfies Fallback;
	if (learned) return undefined;
	return (model.kind === BROUGHT_KIND ? "short-horizon" : "gaps-in-history") satisfies Fallback;
}

async function ask(shelf: ModelShelf, file: ModelFile, question: ServeQuestion, choice: EngineChoice): Promise<Said> {
	const model = shelf.take(file);
	if (model instanceof LoadModel) return askOwn(model, file.id, question, choice);
	if (!(model instanceof BroughtModel)) throw new EnergyError("models.kind-unknown", { kind: file.kind, known: KINDS });
	const { forecast, bands, leads } = await model.forecast(file.id, question, choice.provider);
	const engine: Engine = { name: "onnxruntime", provider: choice.provider };
	return { forecast, bands, method: "brought-model", methods: { "brought-model": leads }, engine };
}

const KINDS = `load-forecast, ${BROUGHT_KIND}`;

/** The same models with another promise of their bands. */
const promising = new WeakMap<LoadModel, Map<number, LoadModel>>();

/** A conformal interval of any share: its level moves, the learned bounds and their scores stay. */
function promises(model: LoadModel, share: number): LoadModel {
	if (Math.abs(model.options.share - share) < 1e-9) return model;
	const known = promising.get(model) ?? new Map<number, LoadModel>();
	promising.set(model, known);
	let other = known.get(share);
	if (!other) {
		const horizons = model.horizons.map((one) => ({ ...one, intervals: { ...one.intervals, aim: 1 - share } }));
		other = new LoadModel(model.seed, model.stepMs, model.spec, { ...model.options, share }, horizons);
		known.set(share, other);
	}
	return other;
}

async function askOwn(model: LoadModel, id: string, question: ServeQuestion, choice: EngineChoice): Promise<Said> {
	const { history, toLead, share, shares = [], calendar } = question;
	const asked = { history, toLead };
	// The model's calendar ends with its training; the days ahead come from today's.
	const today = model.withHolidays(calendar.holidays);
	const rows = today.rows(asked);
	const { answered, engine } = await run(id, rows, choice);
	const said = saidBy(
		[share, ...shares].map((one) => {
			const promised = promises(model, one);
			const same = answered.map((row, i) => ({ ...row, model: promised.horizons[i] ?? row.model }));
			return promised.withHolidays(calendar.holidays).answer(asked, same);
		}),
	);
	return { ...said, engine };
}

/** Rows with the answers of onnxruntime where it is to run them and can; else TypeScript does, and says why. */
async function run(
	id: string,
	rows: HorizonRows[],
	choice: EngineChoice,
): Promise<{ answered: HorizonRows[]; engine: Engine }> {
	if (!runsOnnx(choice)) return { answered: rows, engine: { name: "typescript" } };
	const { provider } = choice;
	try {
		return { answered: await withTreesRun(id, rows, provider), engine: { name: "onnxruntime", provider } };
	} catch (error) {
		return { answered: rows, engine: { name: "typescript", failure: failureFrom(error) } };
	}
}

/** The rungs that need no model. */
function naive({ history, toLead, share, shares = [], calendar }: ServeQuestion): Said {
	return saidBy([share, ...shares].map((one) => naiveForecast(history, calendar, toLead, one)));
}

function saidBy(each: readonly LoadForecast[]): Said {
	const { forecast, method, methods } = each[0] as LoadForecast;
	return {
		...{ forecast, method, methods },
		bands: each.map(({ share, lower, upper }) => ({ share, lower, upper })),
	};
}

/** Leads that the better rung left open are taken from the next one. */
function filled(better: Said, next: Said): Said {
	let open = 0;
	for (const [i, value] of better.forecast.entries()) {
		if (Number.isFinite(value)) continue;
		open++;
		better.forecast[i] = next.forecast[i] as number;
		for (const [b, { lower, upper }] of better.bands.entries()) {
			lower[i] = next.bands[b]?.lower[i] as number;
			upper[i] = next.bands[b]?.upper[i] as number;
		}
	}
	const methods = { ...better.methods, [next.method]: (better.methods[next.method] ?? 0) + open };
	return { ...better, methods, method: open > 0 && isNaiveMethod(next.method) ? next.method : better.method };
}

const isNaiveMethod = (method: IssuedMethod): boolean => method === "seasonal-naive" || method === "last-value";

/** A share of the brought model at each lead: the better of the two in the backtests weighs more. */
function weightsOf(shelf: ModelShelf, own: ModelFile, member: ModelFile, leads: number): Float64Array {
	const brought = shelf.take(member);
	const errors = relativeErrors(shelf.take(own).describe().facts.backtestMae);
	return Float64Array.from({ length: leads }, (_, i) => {
		const theirs = brought instanceof BroughtModel ? brought.relativeErrorAt(i + 1) : undefined;
		const ours = errors.get(horizonOf(i + 1));
		if (theirs === undefined || ours === undefined || theirs + ours === 0) return 0.5;
		return Math.min(0.9, Math.max(0.1, ours / (theirs + ours)));
	});
}

/** Errors of the ensemble in multiples of the best baseline's, by horizon: weeks differ in how hard they are. */
function relativeErrors(backtest: Json | undefined): Map<string, number> {
	const found = new Map<string, number>();
	for (const [horizon, errors] of Object.entries((backtest ?? {}) as Record<string, Record<string, number>>)) {
		const best = Math.min(...Object.keys(baselines).map((name) => errors[name] ?? Number.POSITIVE_INFINITY));
		if (errors.ensemble !== undefined && Number.isFinite(best) && best > 0) found.set(horizon, errors.ensemble / best);
	}
	return found;
}

/** The weighted mean, within the band moved by as much; leads that the brought model leaves open stay as they were. */
function together(own: Said, beside: Said, weights: Float64Array): Said {
	for (const [i, value] of beside.forecast.entries()) {
		const before = own.forecast[i] as number;
		if (!Number.isFinite(value) || !Number.isFinite(before)) continue;
		const moved = (weights[i] as number) * (value - before);
		const floor = before >= 0 ? 0 : Number.NEGATIVE_INFINITY;
		own.forecast[i] = Math.max(floor, before + moved);
		for (const { lower, upper } of own.bands) {
			lower[i] = Math.max(Math.min(floor, lower[i] as number), (lower[i] as number) + moved);
			upper[i] = Math.max((upper[i] as number) + moved, own.forecast[i] as number);
		}
	}
	return own;
}
