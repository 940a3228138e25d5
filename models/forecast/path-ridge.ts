import { defaultTraining } from "../training/settings.ts";
import { Blocks, blockStep, isNear, strideOf } from "./blocks.ts";
import { meanAbsolute } from "./combine.ts";
import type { Horizon } from "./horizon.ts";
import { WindowRidge } from "./linear.ts";
import type { FitPathsOptions, LoadView } from "./path-learners.ts";

/** Days of the past that a window holds, the longest first that leaves enough windows to learn from. */
const FAR_DAYS = [14, 7, 4, 2];
const NEAR_DAYS = [2, 1, 0.5];
/** Penalties to choose from, in shares of rows × variance. */
const PENALTIES = [0.003, 0.01, 0.03, 0.1, 0.3, 1];
const MAX_WINDOWS = 5_000;

/** A ridge on windows relative to their last value: quarter-hours near by, hours further out. */
export class PathRidge {
	readonly id = "ridge";
	readonly anchored = false;
	/** Intervals of a block. */
	readonly step: number;
	readonly ridge: WindowRidge;

	constructor(step: number, ridge: WindowRidge) {
		this.step = step;
		this.ridge = ridge;
	}

	/** @returns undefined where too few known windows with their path lie in the load */
	static fit(
		view: LoadView,
		horizon: Horizon,
		{
			from,
			to,
			progress,
			trainRatio = defaultTraining.trainRatio,
		}: Omit<FitPathsOptions, "before" | "sequences" | "seed" | "scaling">,
	): PathRidge | undefined {
		const { perDay } = view.grid;
		const step = blockStep(horizon, perDay);
		const ahead = Math.ceil(horizon.toLead / step);
		const blocks = new Blocks({ grid: view.grid, values: view.values.subarray(from, to) }, step);
		const series = Array.from({ length: step }, (_, phase) => blocks.known(phase));
		const length = (series[0] as Float64Array).length;
		const cut = Math.floor(trainRatio * length);
		const days = (isNear(horizon, perDay) ? NEAR_DAYS : FAR_DAYS).find((wanted) => {
			const own = wanted * blocks.perDay;
			return length >= 3 * own + 2 * ahead && cut >= 1.5 * own + ahead;
		});
		if (days === undefined) return undefined;
		const window = Math.round(days * blocks.perDay);
		const every = strideOf((length * step) / MAX_WINDOWS);
		const scale = ((length * step) / every) * varianceOf(series);
		const lambdas = PENALTIES.map((share) => share * scale + Number.MIN_VALUE);
		const half = (share: number) => progress?.(share / 2);
		try {
			const tried = WindowRidge.fit(
				series.map((one) => one.subarray(0, cut)),
				{ window, horizon: ahead, lambdas, every, progress: half },
			);
			const errors = tried.map((ridge) => errorAfter(ridge, series[0] as Float64Array, cut));
			const best = errors.reduce((least, error, k) => (error < (errors[least] as number) ? k : least), 0);
			const [ridge] = WindowRidge.fit(series, {
				...{ window, horizon: ahead, every, lambdas: [lambdas[best] as number] },
				progress: (share) => progress?.(0.5 + share / 2),
			});
			return ridge && new PathRidge(step, ridge);
		} catch (error) {
			// No known stretch is long enough: the others carry the forecast.
			if (error instanceof RangeError) return undefined;
			throw error;
		}
	}

	/** Answers an issue with the path of blocks that follows it. */
	reader(view: LoadView): (origin: number) => Float64Array {
		const blocks = new Blocks(view, this.step);
		return (origin) => {
			const phase = origin % this.step;
			return this.ridge.predict(blocks.filled(phase), (origin - phase) / this.step);
		};
	}
}

function varianceOf(series: readonly Float64Array[]): number {
	let sum = 0;
	let squares = 0;
	let count = 0;
	for (const values of series) {
		for (const value of values) {
			if (Number.isNaN(value)) continue;
			sum += value;
			squares += value * value;
			count++;
		}
	}
	return count === 0 ? 0 : Math.max(0, squares / count - (sum / count) ** 2);
}

/** Mean absolute error of the paths that begin at or after a block; Infinity where none is known. */
function errorAfter(ridge: WindowRidge, values: Float64Array, first: number): number {
	let sum = 0;
	let count = 0;
	for (let end = Math.max(first, ridge.window); end + ridge.horizon <= values.length; end += 5) {
		const error = meanAbsolute(ridge.predict(values, end), values.subarray(end, end + ridge.horizon));
		if (Number.isNaN(error)) continue;
		sum += error;
		count++;
	}
	return count === 0 ? Number.POSITIVE_INFINITY : sum / count;
}
