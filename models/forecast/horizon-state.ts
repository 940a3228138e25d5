import type { Json, ModelState } from "../model.ts";
import { nested, part } from "../state.ts";
import type { Combination } from "./combine.ts";
import type { Horizon } from "./horizon.ts";
import type { HorizonModel } from "./horizon-model.ts";
import type { FittedTrees } from "./tree-learners.ts";
import { TreeEnsemble } from "./trees/tree-ensemble.ts";

/** A horizon's model taken apart; its inverse is below. */
export function horizonState(model: HorizonModel): ModelState {
	const { horizon, combination, intervals, floor, backtest, rows, learners, bounds } = model;
	const facts: Record<string, Json> = {
		horizon: { ...horizon },
		combination: { by: combination.by, weights: combination.weights },
		aim: intervals.aim,
		floor,
		backtest,
		rows,
		learners: learners.map(({ id }) => id),
		bounds: bounds.map(({ id }) => id),
	};
	const trees = Object.fromEntries([...learners, ...bounds].map((one) => [one.id, treesState(one)]));
	const { facts: allFacts, arrays } = nested(facts, trees);
	return { facts: allFacts, arrays: { ...arrays, scores: Float64Array.from(intervals.scores) } };
}

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
		rows: facts.rows as number,
		learners: all(facts.learners),
		bounds: all(facts.bounds),
	};
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
