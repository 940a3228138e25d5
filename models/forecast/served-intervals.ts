import { type FeatureBuilder, featureNames } from "./features.ts";
import { type HorizonModel, predictBounds } from "./horizon-model.ts";
import type { LoadView } from "./path-learners.ts";
import { issueNumber, learnsFrom, RollingIntervals } from "./rolling-intervals.ts";

/** Days that are gone through again at most: after a restart, or where a model was trained long ago. */
const REPLAY_DAYS = 14;
/** Days of history that features reach back. */
const LAG_DAYS = 28;
const DAY_MS = 86_400_000;

/** What the intervals of a model have learned so far, and from which load. */
interface Served {
	share: number;
	rolling: RollingIntervals;
	/** Issues before this are gone through. */
	toMs: number;
	startMs: number;
	values: Float64Array;
}

const served = new WeakMap<HorizonModel, Served>();

/**
 * The intervals of a model at the end of a load: they have learned from every forecast that the model made, or would
 * have made, since it was trained and whose values are known by now. What they know follows from the model and the
 * load, so it needs no place to be kept and survives a restart; from one call to the next only new hours are gone
 * through.
 *
 * @param builder features of the load
 * @param origin the first interval not yet known: the end of the load
 */
export function servedIntervals(
	model: HorizonModel,
	share: number,
	builder: FeatureBuilder,
	view: LoadView,
	origin: number,
): RollingIntervals {
	const { startMs, stepMs } = view.grid;
	const endMs = startMs + origin * stepMs;
	const before = served.get(model);
	const goesOn = before && before.share === share && before.toMs <= endMs && sameLoad(before, view, stepMs);
	const state: Served = goesOn
		? before
		: {
				...{ share, rolling: new RollingIntervals(share, model.floor, model.intervals), startMs, values: view.values },
				toMs: Math.max(model.trainedToMs, startMs + LAG_DAYS * DAY_MS, endMs - REPLAY_DAYS * DAY_MS),
			};
	const from = Math.max(0, Math.ceil((state.toMs - startMs) / stepMs));
	replay(model, state.rolling, builder, view, from, origin);
	served.set(model, {
		...{ share, rolling: state.rolling, startMs },
		toMs: Math.max(state.toMs, endMs),
		values: view.values.slice(0, origin),
	});
	return state.rolling;
}

/** Whether the load is still what was learned from: corrected values are gone through again. */
function sameLoad(before: Served, { grid, values }: LoadView, stepMs: number): boolean {
	const shift = Math.round((grid.startMs - before.startMs) / stepMs);
	const first = Math.max(0, -shift);
	const last = Math.min(values.length, before.values.length - shift);
	for (let i = first; i < last; i++) if (!Object.is(values[i], before.values[i + shift])) return false;
	return last > first;
}

/** Issues of [from, to) in their order: first what became known until then is learned from, then each is remembered. */
function replay(
	model: HorizonModel,
	rolling: RollingIntervals,
	builder: FeatureBuilder,
	{ grid, values }: LoadView,
	from: number,
	to: number,
): void {
	const { horizon } = model;
	const origins: number[] = [];
	const targets: number[] = [];
	for (let origin = from; origin < to; origin++) {
		if ((grid.slot[origin] as number) % horizon.issueEvery !== 0) continue;
		const issue = issueNumber(grid.startMs + origin * grid.stepMs, grid.stepMs, horizon);
		for (let lead = horizon.fromLead; lead <= horizon.toLead; lead++) {
			// Beyond the grid there is no calendar yet; such far targets are not waited for.
			if (origin + lead > grid.length || !learnsFrom(horizon, grid.perDay, issue, lead)) continue;
			origins.push(origin);
			targets.push(origin + lead - 1);
		}
	}
	const x = builder.matrix(origins, targets);
	const { lower, upper } = predictBounds(model, x, featureNames(builder.spec), grid.perDay);
	const at = (i: number): number => grid.startMs + i * grid.stepMs;
	const valueAt = (ms: number): number => values[Math.round((ms - grid.startMs) / grid.stepMs)] ?? Number.NaN;
	for (const [row, origin] of origins.entries()) {
		if (row === 0 || origin !== origins[row - 1]) rolling.settle(at(origin), valueAt);
		rolling.issue(at(targets[row] as number), lower[row] as number, upper[row] as number);
	}
	rolling.settle(at(to), valueAt);
}
