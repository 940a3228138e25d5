import { Blocks, blockStep, isNear, strideOf } from "./blocks.ts";
import type { Horizon } from "./horizon.ts";
import { Lstm } from "./lstm.ts";
import type { FitPathsOptions, LoadView } from "./path-learners.ts";

/** Furthest path, in blocks: beyond two days of hours the last state holds too little of each. */
const MAX_AHEAD = 48;
const INPUTS = 7;

export interface PathLstmOptions extends Omit<FitPathsOptions, "before"> {
	before?: PathLstm | undefined;
	/** Units of the network; default 24, near by 16. */
	hidden?: number;
	/** Passes over the sequences; default 12, and 4 where it goes on from an earlier fit. */
	epochs?: number;
}

/** What the network reads at each block, ready for any issue of one phase. */
interface Channels {
	blocks: Blocks;
	/** Blocks that the load of earlier days lies back: what stands at the last `ahead` steps is that of the path's times. */
	lags: readonly number[];
}

/**
 * A network that reads the newest blocks of a load (quarter-hours near by, hours further out), beside each the load of
 * earlier days at the time that lies a path ahead and what the calendar or the plan says of both, and answers with the path.
 */
export class PathLstm {
	readonly id = "lstm";
	readonly anchored = false;
	/** Intervals of a block. */
	readonly step: number;
	/** Blocks that are read. */
	readonly past: number;
	readonly lstm: Lstm;
	readonly mean: number;
	readonly deviation: number;

	/** Whether it answers the distance from the newest block instead of the load. */
	readonly relative: boolean;

	constructor(
		{ step, past, relative }: Pick<PathLstm, "step" | "past" | "relative">,
		lstm: Lstm,
		mean: number,
		deviation: number,
	) {
		this.relative = relative;
		this.step = step;
		this.past = past;
		this.lstm = lstm;
		this.mean = mean;
		this.deviation = deviation;
	}

	/** Blocks that are answered. */
	get ahead(): number {
		return this.lstm.shape.outputs;
	}

	/** @returns undefined beyond two days, and where too few known sequences lie in the load */
	static fit(view: LoadView, horizon: Horizon, options: PathLstmOptions): PathLstm | undefined {
		const { from, to, before, seed, progress, sequences = 2_000 } = options;
		const step = blockStep(horizon, view.grid.perDay);
		const ahead = Math.ceil(horizon.toLead / step);
		if (ahead > MAX_AHEAD) return undefined;
		const near = isNear(horizon, view.grid.perDay);
		const past = near ? 32 : Math.max(ahead, 48);
		const known = { ...view, values: view.values.subarray(0, to) };
		const channels = channelsOf(known, step, ahead);
		const { mean, deviation } = before ?? scaleOf(view.values.subarray(from, to));
		const origins: number[] = [];
		const first = from + past * step;
		const stride = strideOf((to - first) / sequences);
		for (let origin = first; origin + ahead * step <= to; origin += stride) {
			const phase = origin % step;
			const at = (origin - phase) / step;
			const path = channels.blocks.known(phase).subarray(at, at + ahead);
			const read = channels.blocks.filled(phase).subarray(at - past, at);
			if (path.every(Number.isFinite) && read.every(Number.isFinite)) origins.push(origin);
		}
		if (origins.length < 50) return undefined;
		const sample = (n: number, x: Float64Array, y: Float64Array): void => {
			const origin = origins[n] as number;
			readPast(channels, view, origin, past, ahead, mean, deviation, x);
			const phase = origin % step;
			const blocks = channels.blocks.known(phase);
			const at = (origin - phase) / step;
			const base = near ? (channels.blocks.filled(phase)[at - 1] as number) : mean;
			for (let h = 0; h < ahead; h++) y[h] = ((blocks[at + h] as number) - base) / deviation;
		};
		const lstm = Lstm.fit(
			{ count: origins.length, steps: past, sample },
			{
				...{ inputs: INPUTS, outputs: ahead, hidden: options.hidden ?? (near ? 16 : 24), seed },
				...{ epochs: options.epochs ?? (before ? 4 : 12), learningRate: before ? 0.002 : 0.005 },
				// What counts is the absolute error; squares would chase the few highest peaks.
				...{ delta: 0.3, start: before?.lstm },
				...(progress && { progress }),
			},
		);
		return new PathLstm({ step, past, relative: near }, lstm, mean, deviation);
	}

	/** Answers an issue with the path of blocks that follows it; NaN throughout where the newest past is unknown. */
	reader(view: LoadView): (origin: number) => Float64Array {
		const { step, past, ahead, mean, deviation } = this;
		const channels = channelsOf(view, step, ahead);
		const x = new Float64Array(past * INPUTS);
		return (origin) => {
			if (origin < past * step) return new Float64Array(ahead).fill(Number.NaN);
			readPast(channels, view, origin, past, ahead, mean, deviation, x);
			// An unknown load stands for itself: the answer is unknown too, and the other members carry it.
			for (let t = 0; t < past; t++) {
				if (Number.isNaN(x[t * INPUTS] as number)) return new Float64Array(ahead).fill(Number.NaN);
			}
			const last = mean + deviation * (x[(past - 1) * INPUTS] as number);
			const base = this.relative ? last : mean;
			return this.lstm.predict(x).map((value) => base + deviation * value);
		};
	}
}

function channelsOf(view: LoadView, step: number, ahead: number): Channels {
	const blocks = new Blocks(view, step);
	const day = blocks.perDay;
	const dayLag = day * Math.ceil(ahead / day);
	const weekLag = 7 * day * Math.ceil(ahead / (7 * day));
	// A path of whole days has the days before it among the newest blocks already.
	return { blocks, lags: [dayLag === ahead ? weekLag + 7 * day : dayLag, weekLag] };
}

function readPast(
	{ blocks, lags }: Channels,
	{ grid, plan }: LoadView,
	origin: number,
	past: number,
	ahead: number,
	mean: number,
	deviation: number,
	x: Float64Array,
): void {
	const { step } = blocks;
	const phase = origin % step;
	const load = blocks.filled(phase);
	const end = (origin - phase) / step;
	/** 1 where the plant is to run: as planned, else on a workday. */
	const runs = (block: number): number => {
		const at = Math.min(phase + block * step, grid.length - 1);
		const planned = plan?.[at] ?? Number.NaN;
		if (!Number.isNaN(planned)) return planned > 0 ? 1 : 0;
		return grid.kind[(grid.day[at] as number) + 1] === 0 ? 1 : 0;
	};
	for (let t = 0; t < past; t++) {
		const block = end - past + t;
		const at = t * INPUTS;
		x[at] = ((load[block] as number) - mean) / deviation;
		for (const [k, lag] of lags.entries()) {
			const earlier = load[block + ahead - lag];
			// A load before the history counts as usual.
			x[at + 1 + k] = earlier === undefined || Number.isNaN(earlier) ? 0 : (earlier - mean) / deviation;
		}
		const angle = (2 * Math.PI * (grid.slot[phase + block * step] as number)) / grid.perDay;
		x[at + 3] = Math.sin(angle);
		x[at + 4] = Math.cos(angle);
		x[at + 5] = runs(block);
		x[at + 6] = runs(block + ahead);
	}
}

function scaleOf(values: Float64Array): { mean: number; deviation: number } {
	let sum = 0;
	let count = 0;
	for (const value of values) {
		if (Number.isNaN(value)) continue;
		sum += value;
		count++;
	}
	const mean = count === 0 ? 0 : sum / count;
	let squares = 0;
	for (const value of values) if (!Number.isNaN(value)) squares += (value - mean) ** 2;
	return { mean, deviation: Math.sqrt(squares / Math.max(1, count)) || 1 };
}
