import type { Json, ModelState } from "../model.ts";
import { nested, part } from "../state.ts";
import type { Scale } from "../training/scale.ts";
import type { Combination } from "./combine.ts";
import type { Horizon } from "./horizon.ts";
import type { HorizonModel } from "./horizon-model.ts";
import { WindowRidge } from "./linear.ts";
import { Lstm, type LstmShape } from "./lstm.ts";
import type { FittedPath } from "./path-learners.ts";
import { PathLstm } from "./path-lstm.ts";
import { PathRidge } from "./path-ridge.ts";
import type { FittedTrees } from "./tree-learners.ts";
import { TreeEnsemble } from "./trees/tree-ensemble.ts";

/** A horizon's model taken apart; its inverse is below. */
export function horizonState(model: HorizonModel): ModelState {
	const { horizon, combination, intervals, floor, backtest, coverage, rows, trainedToMs } = model;
	const { learners, paths, bounds } = model;
	const facts: Record<string, Json> = {
		horizon: { ...horizon },
		combination: { by: combination.by, weights: combination.weights },
		aim: intervals.aim,
		floor,
		backtest,
		...(coverage !== undefined && { coverage }),
		rows,
		trainedToMs,
		learners: learners.map(({ id }) => id),
		paths: paths.map(({ id }) => id),
		bounds: bounds.map(({ id }) => id),
	};
	const parts = Object.fromEntries([
		...[...learners, ...bounds].map((one) => [one.id, treesState(one)] as const),
		...paths.map((one) => [one.id, pathState(one)] as const),
	]);
	const { facts: allFacts, arrays } = nested(facts, parts);
	return { facts: allFacts, arrays: { ...arrays, scores: Float64Array.from(intervals.scores) } };
}

/** A horizon as it was taken apart for the file. */
export function horizonFromState(state: ModelState): HorizonModel {
	const { facts, arrays } = state;
	const all = (names: Json | undefined): FittedTrees[] =>
		(names as string[]).map((id) => treesFrom(id, part(state, id)));
	return {
		horizon: facts.horizon as unknown as Horizon,
		combination: facts.combination as unknown as Combination,
		intervals: { scores: Array.from(arrays.scores as Float64Array), aim: facts.aim as number },
		floor: facts.floor as number,
		backtest: facts.backtest as Record<string, number>,
		...(facts.coverage !== undefined && { coverage: facts.coverage as number }),
		rows: facts.rows as number,
		trainedToMs: facts.trainedToMs as number,
		learners: all(facts.learners),
		paths: (facts.paths as FittedPath["id"][]).map((id) => pathFrom(id, part(state, id))),
		bounds: all(facts.bounds),
	};
}

function pathState(path: FittedPath): ModelState {
	if (path.id === "ridge") {
		const { window, horizon, weights, bias } = path.ridge;
		return { facts: { step: path.step, window, horizon }, arrays: { weights, bias } };
	}
	const { step, past, relative, scale, lstm } = path;
	return {
		facts: { step, past, relative, scale: { ...scale }, shape: { ...lstm.shape } },
		arrays: { ...lstm.weights },
	};
}

function pathFrom(id: FittedPath["id"], { facts, arrays }: ModelState): FittedPath {
	const step = facts.step as number;
	const array = (name: string): Float64Array => arrays[name] as Float64Array;
	if (id === "ridge") {
		const { window, horizon } = facts as { window: number; horizon: number };
		return new PathRidge(step, new WindowRidge(window, horizon, array("weights"), array("bias")));
	}
	const lstm = new Lstm(facts.shape as unknown as LstmShape, {
		...{ w: array("w"), r: array("r"), b: array("b"), head: array("head"), headBias: array("headBias") },
	});
	const read = { step, past: facts.past as number, relative: facts.relative as boolean };
	return new PathLstm(read, lstm, scaleFrom(facts));
}

/** Files from before the scale could be chosen hold mean and deviation. */
function scaleFrom({ scale, mean, deviation }: ModelState["facts"]): Scale {
	if (scale) return scale as unknown as Scale;
	return { offset: mean as number, size: deviation as number, usual: mean as number };
}

function treesState({ anchored, trees }: FittedTrees): ModelState {
	const { columns, base, scale, arrays } = trees;
	return { facts: { anchored, columns, base, scale }, arrays: { ...arrays } };
}

function treesFrom(id: string, { facts, arrays }: ModelState): FittedTrees {
	return {
		id,
		anchored: facts.anchored as boolean,
		trees: new TreeEnsemble(
			{
				offsets: arrays.offsets as Int32Array,
				feature: arrays.feature as Int32Array,
				value: arrays.value as Float32Array,
				left: arrays.left as Int32Array,
				missingLeft: arrays.missingLeft as Uint8Array,
			},
			facts.columns as number,
			facts.base as number,
			facts.scale as number,
		),
	};
}
