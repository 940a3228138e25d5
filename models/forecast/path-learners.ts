import type { ScalingMethod } from "../training/settings.ts";
import type { Horizon, Pairs } from "./horizon.ts";
import { PathLstm } from "./path-lstm.ts";
import { PathRidge } from "./path-ridge.ts";
import type { CalendarGrid } from "./series.ts";

/** A load and where it lies in time; the grid may be longer than the load, its rest is the future. */
export interface LoadView {
	grid: CalendarGrid;
	/** NaN where unknown. */
	values: Float64Array;
	/** Planned production by interval of the grid, where it is known ahead: above 0 the plant is to run. */
	plan?: Float64Array | undefined;
}

/** A learner that reads the load itself, as blocks of time, and answers with a whole path. */
export type FittedPath = PathRidge | PathLstm;

export interface FitPathsOptions {
	seed: number;
	/** First interval to learn from, and one past the last. */
	from: number;
	to: number;
	/** Sequences that a network learns from at most; default 2,000. */
	sequences?: number;
	/** How a network sees the load; default `standard`. A ridge answers alike whatever the unit, and takes none. */
	scaling?: ScalingMethod | undefined;
	/** Share of the past that a penalty is fitted on before the rest chooses it; default 0.8. */
	trainRatio?: number | undefined;
	/** Members that were fitted on an earlier stretch of the same load: an LSTM goes on from there. */
	before?: readonly FittedPath[] | undefined;
	/** Called between steps with the share that is done; may throw to stop. */
	progress?: ((share: number) => void) | undefined;
}

/** Names of the learners that a horizon is given, where there is history enough to fit them. */
export const pathLearners = ["ridge", "lstm"] as const;
export type PathLearnerName = (typeof pathLearners)[number];

/** Fits those of the learners that find enough known stretches in the load. */
export function fitPaths(
	names: readonly PathLearnerName[],
	view: LoadView,
	horizon: Horizon,
	{ before = [], progress = () => {}, ...options }: FitPathsOptions,
): FittedPath[] {
	const fitted: FittedPath[] = [];
	for (const [index, name] of names.entries()) {
		const own = {
			...options,
			before: before.find(({ id }) => id === name),
			progress: (share: number) => progress((index + share) / names.length),
		};
		const learner =
			name === "ridge"
				? PathRidge.fit(view, horizon, own)
				: PathLstm.fit(view, horizon, { ...own, before: own.before instanceof PathLstm ? own.before : undefined });
		if (learner) fitted.push(learner);
	}
	return fitted;
}

/** Answers of a path learner by pair: each issue's path is worked out once; NaN where it can't answer. */
export function pathAnswers(learner: FittedPath, view: LoadView, { origins, targets }: Pairs): Float64Array {
	const out = new Float64Array(targets.length);
	const path = learner.reader(view);
	let origin = -1;
	let said: Float64Array = new Float64Array(0);
	for (let row = 0; row < targets.length; row++) {
		if (origins[row] !== origin) {
			origin = origins[row] as number;
			said = path(origin);
		}
		out[row] = said[Math.floor(((targets[row] as number) - origin) / learner.step)] ?? Number.NaN;
	}
	return out;
}
