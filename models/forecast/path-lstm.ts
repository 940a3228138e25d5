import { type Scale, scaleOf } from "../training/scale.ts";
import { defaultTraining } from "../training/settings.ts";
import { Blocks, blockStep, isNear, strideOf } from "./blocks.ts";
import type { Horizon } from "./horizon.ts";
import { Lstm } from "./lstm.ts";
import type { FitPathsOptions, LoadView } from "./path-learners.ts";

/** Furthest path, in blocks: beyond two days of hours the last state holds too little of each. */
const MAX_AHEAD = 48;
const INPUTS = 7;
/** The first of them are load, the others say what time it is and whether the plant is to run. */
export const LOAD_INPUTS = 3;

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
	/** How the network sees the load. */
	readonly scale: Scale;
	/** Whether it answers the distance from the newest block instead of the load. */
	readonly relative: boolean;

	constructor({ step, past, relative }: Pick<PathLstm, "step" | "past" | "relative">, lstm: Lstm, scale: Scale) {
		this.relative = relative;
		this.step = step;
		this.past = past;
		this.lstm = lstm;
		this.scale = scale;
	}

	/** Blocks that are answered. */
	get ahead(): number {
		return this.lstm.shape.outputs;
	}

	/** @returns undefined beyond two days, and where too few known sequences lie in the load */
	static fit(view: LoadView, horizon: Horizon, options: PathLstmOptions): PathLstm | undefined {
		const { from, to, before, seed, progress, sequences = 2_000, scaling = defaultTraining.scaling } = options;
		const step = blockStep(horizon, view.grid.perDay);
		const ahead = Math.ceil(horizon.toLead / step);
		if (ahead > MAX_AHEAD) return undefined;
		const near = isNear(horizon, view.grid.perDay);
		const past = near ? 32 : Math.max(ahead, 48);
		const known = { ...view, values: view.values.subarray(0, to) };
		const channels = channelsOf(known, step, ahead);
		const scale = before?.scale ?? scaleOf(view.values.subarray(from, to), scaling);
		const { offset, size } = scale;
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
			readPast(channels, view, origin, past, ahead, scale.usual, x);
			scaleLoad(x, scale);
			const phase = origin % step;
			const blocks = channels.blocks.known(phase);
			const at = (origin - phase) / step;
			const base = near ? (channels.blocks.filled(phase)[at - 1] as number) : offset;
			for (let h = 0; h < ahead; h++) y[h] = ((blocks[at + h] as number) - base) / size;
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
		return new PathLstm({ step, past, relative: near }, lstm, scale);
	}

	/** Answers an issue with the path of blocks that follows it; NaN throughout where the newest past is unknown. */
	reader(view: LoadView): (origin: number) => Float64Array {
		const { ahead, scale } = this;
		const { offset, size } = scale;
		const read = this.#sequences(view);
		return (origin) => {
			const x = read(origin);
			// An unknown load stands for itself: the answer is unknown too, and the other members carry it.
			if (!x) return new Float64Array(ahead).fill(Number.NaN);
			scaleLoad(x, scale);
			const last = offset + size * (x[(this.past - 1) * INPUTS] as number);
			const base = this.relative ? last : offset;
			return this.lstm.predict(x).map((value) => base + size * value);
		};
	}

	/** What the network reads of an issue, before its scale: steps × inputs, kWh where it is load; undefined where unknown. */
	sequence(view: LoadView, origin: number): Float64Array | undefined {
		return this.#sequences(view)(origin);
	}

	/** One buffer for all issues. */
	#sequences(view: LoadView): (origin: number) => Float64Array | undefined {
		const { step, past, ahead, scale } = this;
		const channels = channelsOf(view, step, ahead);
		const x = new Float64Array(past * INPUTS);
		return (origin) => {
			if (origin < past * step) return undefined;
			readPast(channels, view, origin, past, ahead, scale.usual, x);
			for (let t = 0; t < past; t++) if (Number.isNaN(x[t * INPUTS] as number)) return undefined;
			return x;
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
	usual: number,
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
		x[at] = load[block] as number;
		for (const [k, lag] of lags.entries()) {
			const earlier = load[block + ahead - lag];
			// A load before the history counts as usual.
			x[at + 1 + k] = earlier === undefined || Number.isNaN(earlier) ? usual : earlier;
		}
		const angle = (2 * Math.PI * (grid.slot[phase + block * step] as number)) / grid.perDay;
		x[at + 3] = Math.sin(angle);
		x[at + 4] = Math.cos(angle);
		x[at + 5] = runs(block);
		x[at + 6] = runs(block + ahead);
	}
}

/** In place: the inputs that are load. */
function scaleLoad(x: Float64Array, { offset, size }: Scale): void {
	for (let at = 0; at < x.length; at += INPUTS) {
		for (let k = 0; k < LOAD_INPUTS; k++) x[at + k] = ((x[at + k] as number) - offset) / size;
	}
}
