import type { FloatMatrix } from "../float-matrix.ts";
import type { TrainingSettings } from "../training/settings.ts";
import { isNear } from "./blocks.ts";
import { type Combination, combine, meanAbsolute, weigh } from "./combine.ts";
import { type FeatureBuilder, featureNames } from "./features.ts";
import { type Horizon, knownPairs, type Pairs, pairsOf } from "./horizon.ts";
import { type IntervalState, scoreOf } from "./intervals.ts";
import {
	type FittedPath,
	fitPaths,
	type LoadView,
	type PathLearnerName,
	pathAnswers,
	pathLearners,
} from "./path-learners.ts";
import { type Bounds, issueNumber, learnsFrom, RollingIntervals } from "./rolling-intervals.ts";
import type { CalendarGrid } from "./series.ts";
import {
	answerOf,
	averageTrees,
	type FittedTrees,
	fitTrees,
	pointLearners,
	quantileLearners,
	type TreeLearner,
} from "./tree-learners.ts";
import type { TreeEnsemble } from "./trees/tree-ensemble.ts";

/** Forecasts of one learner or of all, by row. */
export interface Answers extends Bounds {
	/** By learner, in the order of the model. */
	learners: Float64Array[];
	forecast: Float64Array;
}

/** What was learned for one horizon. */
export interface HorizonModel {
	horizon: Horizon;
	learners: FittedTrees[];
	/** Members that read the load itself, after the others in the combination. */
	paths: FittedPath[];
	bounds: FittedTrees[];
	combination: Combination;
	/** Scores of the backtests: where the intervals begin. */
	intervals: IntervalState;
	/** Least width of an interval that counts, in the unit of the series. */
	floor: number;
	/** Mean absolute error in the backtests: of each learner, the ensemble and the baselines. */
	backtest: Record<string, number>;
	/** Share of the last backtest's values that the intervals held which had learned from the ones before. */
	coverage?: number;
	/** Target rows the final fit learned from. */
	rows: number;
	/** End of what it learned from, epoch ms. */
	trainedToMs: number;
}

export interface TrainOptions {
	seed: number;
	/** Share of values that an interval is to hold; default 0.9. */
	share?: number;
	threads?: number | undefined;
	/** Backtests, each on a stretch held out after what it was fitted on; default 3. */
	folds?: number;
	/** Days of a stretch; default 21. */
	foldDays?: number;
	/** First interval to learn from: earlier ones only feed lags. */
	from: number;
	/** One past the last interval to learn from. */
	to: number;
	/** Rows to learn from at most; more are thinned evenly. Default 60,000. */
	maxRows?: number;
	learners?: readonly TreeLearner[];
	/** Members that read the load itself; default all of them. */
	paths?: readonly PathLearnerName[];
	/** What the members that read the load are told by the configuration. */
	settings?: Readonly<TrainingSettings>;
	progress?: (share: number) => void;
}

/** A day of quarter-hours: fewer rows teach nothing. */
const MIN_ROWS = 96;
/** Sequences that a network learns from at most: each holds some dozens of rows. */
const MAX_SEQUENCES = 2_000;

const anchorsNear = ["last1", "last2", "mean4", "sameSlotDay1", "sameSlotWeek1"];
const anchorsFar = ["sameSlotOperatingDays", "sameSlotMean7Days", "sameSlotMean4Weeks", "mean96", "last1"];

/** What anchored learners start from, row by row: the first of a few columns that is known, else 0. */
function anchorOf(x: FloatMatrix, names: readonly string[], horizon: Horizon, perDay: number): Float64Array {
	const near = isNear(horizon, perDay);
	const [usual, planned] = [near ? anchorsNear : anchorsFar, ["sameSlotIdleDays", "min96", "last1"]].map((wanted) =>
		wanted.map((name) => names.indexOf(name)),
	) as [number[], number[]];
	const plan = near ? -1 : names.indexOf("plan");
	const anchor = new Float64Array(x.rows);
	for (let row = 0; row < x.rows; row++) {
		// A day planned to stand still is told from the days that stood still.
		const standstill = plan >= 0 && x.data[row * x.columns + plan] === 0;
		for (const column of standstill ? planned : usual) {
			const value = x.data[row * x.columns + column] as number;
			if (Number.isNaN(value)) continue;
			anchor[row] = value;
			break;
		}
	}
	return anchor;
}

/** Columns that answer by themselves: what every trained model must beat. */
export const baselines = {
	"last-value": "last1",
	"seasonal-naive": "sameSlotWeek1",
	"same-slot-mean": "sameSlotMean4Weeks",
} as const;

export function columnOf(x: FloatMatrix, column: number): Float64Array {
	return Float64Array.from({ length: x.rows }, (_, row) => x.data[row * x.columns + column] as number);
}

/** Names of a model's members, in the order of its weights. */
export function memberNames({ learners, paths }: Pick<HorizonModel, "learners" | "paths">): string[] {
	return [...learners, ...paths].map(({ id }) => id);
}

interface Rows {
	pairs: Pairs;
	x: FloatMatrix;
	y: Float64Array;
	anchor: Float64Array;
}

/** A stretch held out: what the learners said of it, fitted on what came before. */
interface Held {
	rows: Rows;
	/** By name; a member that could not be fitted is missing. */
	said: Map<string, Float64Array>;
	/** Rows that the intervals learn from, with their learned bounds. */
	calibration: Rows & Bounds;
}

/**
 * Learns one horizon: backtests on stretches held out one after the other give the weights and the first intervals,
 * then all learners are fitted on everything.
 *
 * @returns undefined where the history holds too few pairs of issue and target to learn from
 */
export async function trainHorizon(
	builder: FeatureBuilder,
	grid: CalendarGrid,
	values: Float64Array,
	horizon: Horizon,
	options: TrainOptions,
): Promise<HorizonModel | undefined> {
	const { from, to, share = 0.9, folds = 3, foldDays = 21, seed, threads, maxRows = 60_000, progress } = options;
	const { learners = pointLearners, paths: pathNames = pathLearners, settings } = options;
	const view: LoadView = { grid, values, plan: builder.plan };
	const all = [...learners, ...quantileLearners(share)];
	const names = featureNames(builder.spec);
	const data = (pairs: Pairs): Rows => {
		const x = builder.matrix(pairs.origins, pairs.targets);
		const y = Float64Array.from(pairs.targets, (target) => values[target] as number);
		return { pairs, x, y, anchor: anchorOf(x, names, horizon, grid.perDay) };
	};
	const rows = (issued: Horizon, first: number, last: number, atMost = maxRows): Rows => {
		const pairs = knownPairs(pairsOf(grid, issued, first, last), values);
		const keepEvery = Math.ceil(pairs.targets.length / atMost);
		return data(keepEvery <= 1 ? pairs : knownPairs(pairsOf(grid, issued, first, last, keepEvery), values));
	};
	const oftener = oftenerIssued(horizon, grid.perDay, builder.plan !== undefined);
	const train = rows(horizon, from, to);
	if (train.y.length < MIN_ROWS) return undefined;
	const steps = folds + 2;
	const held: Held[] = [];
	let paths: FittedPath[] = [];
	const learn = async (past: Rows, end: number, backtest: boolean, done: number, weight: number) => {
		const told = (part: number): void => progress?.((done + weight * part) / steps);
		// The same learners on rows of other issues are averaged with those on its own.
		const sets = oftener ? [past, rows(oftener, from, end, past.y.length)] : [past];
		const grown: FittedTrees[][] = [];
		for (const [at, { x, y, anchor }] of sets.entries()) {
			const share = (part: number): void => told((0.7 * (at + part)) / sets.length);
			grown.push(await fitTrees(all, x, y, anchor, { seed: seed + at, threads, backtest, progress: share }));
		}
		const trees = (grown[0] as FittedTrees[]).map((_, k) => averageTrees(grown.map((one) => one[k] as FittedTrees)));
		paths = fitPaths(pathNames, view, horizon, {
			...{ seed, from: 0, to: end, before: paths, sequences: Math.min(MAX_SEQUENCES, Math.ceil(maxRows / 6)) },
			...settings,
			progress: (part: number) => told(0.7 + 0.3 * part),
		});
		return trees;
	};
	for (let fold = folds; fold > 0; fold--) {
		const start = to - fold * foldDays * grid.perDay;
		if (start - from < Math.min(7, foldDays) * grid.perDay) continue;
		const past = rows(horizon, from, start);
		const end = start + foldDays * grid.perDay;
		const test = rows(horizon, start, end);
		if (past.y.length < MIN_ROWS || test.y.length === 0) continue;
		const trees = await learn(past, start, true, folds - fold, 1);
		const calibration = data(learnedPairs(grid, values, horizon, start, end));
		const said = new Map(trees.slice(0, learners.length).map((one) => [one.id, answerOf(one, test.x, test.anchor)]));
		for (const path of paths) said.set(path.id, pathAnswers(path, view, test.pairs));
		held.push({ rows: test, said, calibration: { ...calibration, ...boundsOf(trees.slice(-2), calibration) } });
	}
	const fitted = await learn(train, to, false, folds, 2);
	const points = fitted.slice(0, learners.length);
	const floor = floorOf(train.y);
	const members = memberNames({ learners: points, paths });
	const actual = joined(held.map(({ rows: { y } }) => y));
	const own = members.map((id) => joined(held.map(({ said, rows: { y } }) => said.get(id) ?? unknown(y.length))));
	const combination = held.length > 0 ? weigh(own, actual) : equalShares(points.length, paths.length);
	const coverage = coverageOf(held, grid, share, floor);
	return {
		...{ horizon, learners: points, paths, bounds: fitted.slice(learners.length), combination, floor },
		intervals: { scores: held.flatMap(({ calibration }) => scoresOf(calibration, floor)), aim: 1 - share },
		backtest: backtestOf(members, own, actual, combination, held, names),
		...(coverage !== undefined && { coverage }),
		rows: train.y.length,
		trainedToMs: grid.startMs + to * grid.stepMs,
	};
}

/**
 * Other issues to learn from where a forecast is issued once or twice a day and a plan is known. Whether the plant
 * runs is known then, and what is left depends little on the hour of the issue; without a plan other hours know other
 * things of the day, and their rows mislead.
 */
function oftenerIssued(horizon: Horizon, perDay: number, planned: boolean): Horizon | undefined {
	if (!planned || 2 * horizon.issueEvery < perDay) return undefined;
	return { ...horizon, issueEvery: Math.max(1, Math.round(horizon.issueEvery / 4)) };
}

/** Without a backtest the trees share alike; members that read the load itself must have proven themselves first. */
function equalShares(learners: number, paths: number): Combination {
	const weights = [...new Array<number>(learners).fill(1 / learners), ...new Array<number>(paths).fill(0)];
	return { weights, by: "median" };
}

/** Pairs whose issue lies in [from, to) that the intervals learn from, target known and before `to`. */
function learnedPairs(grid: CalendarGrid, values: Float64Array, horizon: Horizon, from: number, to: number): Pairs {
	const { origins, targets } = knownPairs(pairsOf(grid, horizon, from, to), values);
	const keep = Array.from(targets.keys()).filter((i) => {
		const origin = origins[i] as number;
		const issue = issueNumber(grid.startMs + origin * grid.stepMs, grid.stepMs, horizon);
		return learnsFrom(horizon, grid.perDay, issue, (targets[i] as number) - origin + 1);
	});
	return {
		origins: Int32Array.from(keep, (i) => origins[i] as number),
		targets: Int32Array.from(keep, (i) => targets[i] as number),
	};
}

/** Learned bounds of rows. */
function boundsOf(
	bounds: readonly FittedTrees[],
	{ x, anchor }: Pick<Rows, "x" | "anchor">,
	said?: Asked["said"],
): Bounds {
	const [lower, upper] = bounds.map((one) => answerOf(one, x, anchor, said?.get(one.trees)));
	return { lower: lower as Float64Array, upper: upper as Float64Array };
}

function scoresOf({ y, lower, upper }: Rows & Bounds, floor: number): number[] {
	return Array.from(y, (value, i) => scoreOf(value, lower[i] as number, upper[i] as number, floor));
}

/** What the intervals of the last stretch held, having learned from the stretches before. */
function coverageOf(held: readonly Held[], grid: CalendarGrid, share: number, floor: number): number | undefined {
	const last = held.at(-1);
	if (!last || held.length < 2) return undefined;
	const scores = held.slice(0, -1).flatMap(({ calibration }) => scoresOf(calibration, floor));
	const rolling = new RollingIntervals(share, floor, { scores, aim: 1 - share });
	const { pairs, y, lower, upper } = last.calibration;
	const at = (i: number): number => grid.startMs + i * grid.stepMs;
	const values = new Map(Array.from(pairs.targets, (target, i) => [at(target), y[i] as number]));
	const valueAt = (ms: number): number => values.get(ms) ?? Number.NaN;
	for (const [row, origin] of pairs.origins.entries()) {
		if (row === 0 || origin !== pairs.origins[row - 1]) rolling.settle(at(origin), valueAt);
		rolling.issue(at(pairs.targets[row] as number), lower[row] as number, upper[row] as number);
	}
	rolling.settle(Number.POSITIVE_INFINITY, valueAt);
	return rolling.coverage?.share;
}

function backtestOf(
	members: readonly string[],
	own: readonly Float64Array[],
	actual: Float64Array,
	combination: Combination,
	held: readonly Held[],
	names: readonly string[],
): Record<string, number> {
	if (actual.length === 0) return {};
	const errors: Record<string, number> = { ensemble: meanAbsolute(combine(own, combination), actual) };
	for (const [k, id] of members.entries()) errors[id] = meanAbsolute(own[k] as Float64Array, actual);
	for (const [name, column] of Object.entries(baselines)) {
		const at = names.indexOf(column);
		errors[name] = meanAbsolute(joined(held.map(({ rows: { x } }) => columnOf(x, at))), actual);
	}
	// A member or a column that never answered has no error to tell.
	return Object.fromEntries(Object.entries(errors).filter(([, error]) => Number.isFinite(error)));
}

/** Rows to answer: their features, and the pairs that they belong to. */
export interface Asked {
	x: FloatMatrix;
	names: readonly string[];
	view: LoadView;
	pairs: Pairs;
	/** Answers of the trees to `x` that were worked out elsewhere, before their anchor; others are worked out here. */
	said?: ReadonlyMap<TreeEnsemble, Float64Array>;
}

/** Answers of a fitted model. */
export function predictHorizon(model: HorizonModel, { x, names, view, pairs, said }: Asked): Answers {
	const anchor = anchorOf(x, names, model.horizon, view.grid.perDay);
	const { learners, paths, combination } = model;
	const own = [
		...learners.map((learner) => answerOf(learner, x, anchor, said?.get(learner.trees))),
		...paths.map((path) => pathAnswers(path, view, pairs)),
	];
	return { learners: own, forecast: combine(own, combination), ...boundsOf(model.bounds, { x, anchor }, said) };
}

/** Learned bounds alone: what the intervals learn from. */
export function predictBounds(model: HorizonModel, x: FloatMatrix, names: readonly string[], perDay: number): Bounds {
	return boundsOf(model.bounds, { x, anchor: anchorOf(x, names, model.horizon, perDay) });
}

/** A hundredth of the mean load: narrower bounds count as this wide. */
function floorOf(y: Float64Array): number {
	let sum = 0;
	for (const value of y) sum += Math.abs(value);
	return Math.max(sum / y.length / 100, Number.MIN_VALUE);
}

const unknown = (length: number): Float64Array => new Float64Array(length).fill(Number.NaN);

function joined(parts: readonly Float64Array[]): Float64Array {
	const out = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
	let at = 0;
	for (const part of parts) {
		out.set(part, at);
		at += part.length;
	}
	return out;
}
