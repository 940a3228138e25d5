import type { FloatMatrix } from "../float-matrix.ts";
import { type Combination, combine, meanAbsolute, weigh } from "./combine.ts";
import { type FeatureBuilder, featureNames } from "./features.ts";
import { type Horizon, knownPairs, type Pairs, pairsOf } from "./horizon.ts";
import { type IntervalState, scoreOf } from "./intervals.ts";
import type { CalendarGrid } from "./series.ts";
import {
	answerOf,
	type FittedTrees,
	fitTrees,
	pointLearners,
	quantileLearners,
	type TreeLearner,
} from "./tree-learners.ts";

/** Forecasts of one learner or of all, by row. */
export interface Answers {
	/** By learner, in the order of the model. */
	learners: Float64Array[];
	forecast: Float64Array;
	lower: Float64Array;
	upper: Float64Array;
}

/** What was learned for one horizon. */
export interface HorizonModel {
	horizon: Horizon;
	learners: FittedTrees[];
	bounds: FittedTrees[];
	combination: Combination;
	/** Scores of the backtests: where the intervals begin. */
	intervals: IntervalState;
	/** Least width of an interval that counts, in the unit of the series. */
	floor: number;
	/** Mean absolute error in the backtests: of each learner, the ensemble and the baselines. */
	backtest: Record<string, number>;
	/** Target rows the final fit learned from. */
	rows: number;
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
	progress?: (share: number) => void;
}

/** A day of quarter-hours: fewer rows teach nothing. */
const MIN_ROWS = 96;

const anchorsNear = ["last1", "last2", "mean4", "sameSlotDay1", "sameSlotWeek1"];
const anchorsFar = ["sameSlotOperatingDays", "sameSlotMean7Days", "sameSlotMean4Weeks", "mean96", "last1"];

/** What anchored learners start from, row by row: the first of a few columns that is known, else 0. */
export function anchorOf(x: FloatMatrix, names: readonly string[], horizon: Horizon, perDay: number): Float64Array {
	const near = horizon.toLead * 12 <= perDay;
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
	const learners = options.learners ?? pointLearners;
	const bounds = quantileLearners(share);
	const all = [...learners, ...bounds];
	const rows = (first: number, last: number): Pairs => {
		const pairs = knownPairs(pairsOf(grid, horizon, first, last), values);
		const keepEvery = Math.ceil(pairs.targets.length / maxRows);
		return keepEvery <= 1 ? pairs : knownPairs(pairsOf(grid, horizon, first, last, keepEvery), values);
	};
	const names = featureNames(builder.spec);
	const data = (pairs: Pairs) => {
		const x = builder.matrix(pairs.origins, pairs.targets);
		const y = Float64Array.from(pairs.targets, (target) => values[target] as number);
		return { x, y, anchor: anchorOf(x, names, horizon, grid.perDay) };
	};
	const train = data(rows(from, to));
	if (train.y.length < MIN_ROWS) return undefined;
	const held: Answers[] = [];
	const heldRows: ReturnType<typeof data>[] = [];
	const steps = folds + 2;
	for (let fold = folds; fold > 0; fold--) {
		const start = to - fold * foldDays * grid.perDay;
		if (start - from < foldDays * grid.perDay) continue;
		const past = data(rows(from, start));
		const test = data(rows(start, start + foldDays * grid.perDay));
		if (past.y.length < MIN_ROWS || test.y.length === 0) continue;
		const fitted = await fitTrees(all, past.x, past.y, past.anchor, { seed, threads, backtest: true });
		const own = fitted.map((learner) => answerOf(learner, test.x, test.anchor));
		held.push(answersOf(own, learners.length, { weights: [], by: "mean" }));
		heldRows.push(test);
		progress?.((folds - fold + 1) / steps);
	}
	const actual = joined(heldRows.map(({ y }) => y));
	const own = learners.map((_, k) => joined(held.map((answers) => answers.learners[k] as Float64Array)));
	const combination: Combination =
		held.length > 0 ? weigh(own, actual) : { weights: learners.map(() => 1 / learners.length), by: "median" };
	const fitted = await fitTrees(all, train.x, train.y, train.anchor, {
		seed,
		threads,
		progress: (part) => progress?.((folds + 2 * part) / steps),
	});
	const floor = floorOf(train.y);
	const lower = joined(held.map((answers) => answers.lower));
	const upper = joined(held.map((answers) => answers.upper));
	const scores = Array.from(actual, (value, i) => scoreOf(value, lower[i] as number, upper[i] as number, floor));
	return {
		horizon,
		learners: fitted.slice(0, learners.length),
		bounds: fitted.slice(learners.length),
		combination,
		intervals: { scores, aim: 1 - share },
		floor,
		backtest: backtestOf(
			learners,
			own,
			actual,
			combination,
			heldRows.map(({ x }) => x),
			names,
		),
		rows: train.y.length,
	};
}

function backtestOf(
	learners: readonly TreeLearner[],
	own: readonly Float64Array[],
	actual: Float64Array,
	combination: Combination,
	held: readonly FloatMatrix[],
	names: readonly string[],
): Record<string, number> {
	if (actual.length === 0) return {};
	const errors: Record<string, number> = { ensemble: meanAbsolute(combine(own, combination), actual) };
	for (const [k, { id }] of learners.entries()) errors[id] = meanAbsolute(own[k] as Float64Array, actual);
	for (const [name, column] of Object.entries(baselines)) {
		const at = names.indexOf(column);
		const answers = joined(held.map((x) => columnOf(x, at)));
		const known = Array.from(answers.keys()).filter((i) => !Number.isNaN(answers[i] as number));
		errors[name] = meanAbsolute(
			Float64Array.from(known, (i) => answers[i] as number),
			Float64Array.from(known, (i) => actual[i] as number),
		);
	}
	return errors;
}

/** Answers of a fitted model for rows of features. */
export function predictHorizon(model: HorizonModel, x: FloatMatrix, names: readonly string[], perDay: number): Answers {
	const anchor = anchorOf(x, names, model.horizon, perDay);
	const own = [...model.learners, ...model.bounds].map((learner) => answerOf(learner, x, anchor));
	return answersOf(own, model.learners.length, model.combination);
}

function answersOf(own: Float64Array[], learners: number, combination: Combination): Answers {
	const points = own.slice(0, learners);
	return {
		learners: points,
		forecast: combination.weights.length > 0 ? combine(points, combination) : new Float64Array(0),
		lower: own[learners] as Float64Array,
		upper: own[learners + 1] as Float64Array,
	};
}

/** A hundredth of the mean load: narrower bounds count as this wide. */
function floorOf(y: Float64Array): number {
	let sum = 0;
	for (const value of y) sum += Math.abs(value);
	return Math.max(sum / y.length / 100, Number.MIN_VALUE);
}

function joined(parts: readonly Float64Array[]): Float64Array {
	const out = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
	let at = 0;
	for (const part of parts) {
		out.set(part, at);
		at += part.length;
	}
	return out;
}
