import { EnergyError } from "../../lib/errors.ts";
import type { Matrix } from "../matrix.ts";
import type { FitContext, Json, ModelState } from "../model.ts";
import { nested, part } from "../state.ts";
import { defaultTraining, type TrainingSettings } from "../training/settings.ts";
import { Baseline, type Baselines } from "./baseline.ts";
import { type MemberName, type MemberScores, Members, memberNames, type View } from "./members.ts";
import { type LeftOut, Scaling } from "./scaling.ts";
import { Smoothing } from "./smoothing.ts";
import { Tail } from "./tail.ts";

/** `trainRatio` says how much the calibration's members learn from (three quarters of it), `scaling` see Scaling. */
export interface EnsembleOptions extends Partial<TrainingSettings> {
	/** How long the model will be used, in multiples of the span it learns from; see Scaling. Default 1.5. */
	horizon?: number;
	/**
	 * How fast what is usual may move while the model is in use, in multiples of how fast each column wandered in
	 * training; see Baseline. Default 0: it stays.
	 */
	follow?: number;
	/** Default 100. */
	trees?: number;
	/** Default 10. */
	neighbours?: number;
	/** Default 256: what more rows find is not worth their time on the loop. */
	references?: number;
	/** Default 1. */
	seed?: number;
	/** Least spread of each column, in its unit: what is below the resolution of a sensor is no deviation. */
	floors?: ArrayLike<number>;
	/** Columns that are means of a while by themselves: they get a view of their own and are in no other. */
	means?: readonly number[];
	/** Columns whose running means say nothing: they swing with what is done, and only a row can be unusual. */
	rowOnly?: readonly number[];
}

/** What a stretch of rows leaves behind for the next one: the running means. One per machine. */
export interface Memory {
	steady: Smoothing;
	slow: Smoothing | undefined;
	baselines: Baselines | undefined;
}

export interface EnsembleScores {
	/** 0…1: min(1, −log10(p) / 6) of the false-alarm probability p; NaN where a row can't be judged. */
	score: Float64Array;
	/** Which member found the row least usual, by its place in memberNames. */
	leader: Uint8Array;
	/** Used columns that were missing in each row. */
	missing: Uint16Array;
	view: View;
	/** The rows less their baselines. */
	apart: Matrix;
}

/** One channel's part in a score. */
export interface Contribution {
	/** Place of the column in the rows given. */
	column: number;
	value: number;
	usual: number;
	/** How far from usual, in usual spreads; negative is below. */
	deviations: number;
	/** Whether it is this row alone, or the running mean of the last ones. */
	over: "row" | "steady" | "slow";
}

const DECADES_OF_ONE = 6;
const MIN_ROWS = 40;
/** Rows from which slow means are learnt. */
const SLOW_ROWS = 4_000;
const STEADY_WEIGHT = 0.2;
const SLOW_WEIGHT = 1 / 64;
/**
 * The first part is what the calibration's members learn from; the rest, later in time, is what they are tried on: this
 * much of the ratio that trainings are told, for a tail needs more rows than a mean error does.
 */
const LEARNING_SHARE = 0.75;

/**
 * Several views of the same rows, each calibrated to false-alarm probabilities on rows that came later than those it
 * learnt from, and joined so that the result is a false-alarm probability again: the least p of k views, times k
 * (Bonferroni), whatever they have in common.
 */
export class AnomalyEnsemble {
	readonly scaling: Scaling;
	readonly leftOut: readonly LeftOut[];
	readonly columns: number;
	readonly #members: Members;
	readonly #tails: Partial<Record<MemberName, Tail>>;
	readonly #means: readonly number[];
	readonly #rowOnly: readonly number[];
	readonly #split: Split;
	readonly #baseline: Baseline | undefined;

	private constructor(parts: {
		columns: number;
		scaling: Scaling;
		leftOut: LeftOut[];
		members: Members;
		tails: Partial<Record<MemberName, Tail>>;
		means: readonly number[];
		rowOnly: readonly number[];
		baseline: Baseline | undefined;
	}) {
		this.columns = parts.columns;
		this.scaling = parts.scaling;
		this.leftOut = parts.leftOut;
		this.#members = parts.members;
		this.#tails = parts.tails;
		this.#means = parts.means;
		this.#rowOnly = parts.rowOnly;
		this.#baseline = parts.baseline;
		this.#split = splitOf(parts.scaling, parts.means, parts.rowOnly);
	}

	/**
	 * @param rows in the order of their time; NaN where a value is missing
	 * @param steps time since the row before; see Smoothing
	 * @throws EnergyError `models.too-little-data`
	 */
	static fit(
		rows: Matrix,
		options: EnsembleOptions = {},
		progress: FitContext["progress"] = () => undefined,
		steps?: Float64Array,
	): AnomalyEnsemble {
		const {
			horizon = 1.5,
			follow = 0,
			trees = 100,
			neighbours = 10,
			references = 256,
			seed = 1,
			floors,
			means = [],
			rowOnly = [],
			trainRatio,
			scaling: method,
		} = { ...defaultTraining, ...options };
		if (rows.rows < MIN_ROWS) throw new EnergyError("models.too-little-data", { rows: rows.rows, needed: MIN_ROWS });
		const followed = follow > 0 ? Baseline.learn(rows, { speed: follow, fixed: means, steps }) : undefined;
		const x = followed?.apart ?? rows;
		const slow = x.rows >= SLOW_ROWS;
		const learnt = Math.round(x.rows * trainRatio * LEARNING_SHARE);
		const memberOptions = { trees, neighbours, references, seed };
		const fitted = (part: Matrix, components?: number) => {
			const { scaling, leftOut } = Scaling.fit(part, { horizon, method, ...(floors && { floors }) });
			const split = splitOf(scaling, means, rowOnly);
			if (split.rest.length === 0) throw new EnergyError("models.too-little-data", { rows: 0, needed: MIN_ROWS });
			const members = Members.fit(pickColumns(scaling.apply(part), split.rest), {
				...memberOptions,
				...(components !== undefined && { components }),
			});
			return { scaling, leftOut, split, members };
		};
		progress(0.05);
		const early = fitted(firstRows(x, learnt));
		progress(0.3);
		const memory = memoryOf(early.split.rest.length, slow);
		const scores = early.members.score(viewOf(early.scaling.apply(x), memory, steps, early.split));
		progress(0.6);
		const tails: Partial<Record<MemberName, Tail>> = {};
		for (const name of memberNames) {
			const values = scores[name];
			// Means come from habits of other days already: all of them were tried.
			if (values) tails[name] = Tail.fit(name === "above" || name === "below" ? values : values.subarray(learnt));
		}
		// With another number of components T² and Q are other statistics than those that were calibrated.
		const { scaling, leftOut, members } = fitted(x, early.members.components);
		progress(1);
		const baseline = followed?.baseline;
		return new AnomalyEnsemble({ columns: x.columns, scaling, leftOut, members, tails, means, rowOnly, baseline });
	}

	static fromState(state: ModelState): AnomalyEnsemble {
		const tails: Partial<Record<MemberName, Tail>> = {};
		for (const name of state.facts.members as MemberName[]) tails[name] = Tail.fromState(part(state, `tail-${name}`));
		return new AnomalyEnsemble({
			columns: state.facts.columns as number,
			scaling: Scaling.fromState(part(state, "scaling")),
			leftOut: state.facts.leftOut as LeftOut[],
			members: Members.fromState(part(state, "members")),
			tails,
			means: state.facts.means as number[],
			rowOnly: state.facts.rowOnly as number[],
			baseline: state.facts.follows ? Baseline.fromState(part(state, "baseline")) : undefined,
		});
	}

	get state(): ModelState {
		const tails = Object.entries(this.#tails).map(([name, tail]) => [`tail-${name}`, tail.state] as const);
		return nested(
			{
				...{ columns: this.columns, leftOut: this.leftOut as unknown as Json },
				...{ members: Object.keys(this.#tails), means: [...this.#means], rowOnly: [...this.#rowOnly] },
				follows: this.#baseline !== undefined,
			},
			{
				...{ scaling: this.scaling.state, members: this.#members.state, baseline: this.#baseline?.state },
				...Object.fromEntries(tails),
			},
		);
	}

	/** A memory in which nothing has been seen yet: for rows that follow on those of the training, or for these again. */
	memory(from: "start" | "end" = "end"): Memory {
		return memoryOf(this.#split.rest.length, this.#tails.slow !== undefined, this.#baseline?.memory(from));
	}

	/**
	 * Scores rows in the order of their time; the memory goes on with the next call.
	 *
	 * @param steps time since the row before; see Smoothing
	 * @throws RangeError for rows with another number of columns
	 */
	score(rows: Matrix, memory: Memory = this.memory(), steps?: Float64Array): EnsembleScores {
		if (rows.columns !== this.columns) throw new RangeError(`rows of ${rows.columns} columns, not ${this.columns}`);
		const x = this.#baseline && memory.baselines ? this.#baseline.apply(rows, memory.baselines, steps) : rows;
		const view = viewOf(this.scaling.apply(x), memory, steps, this.#split);
		const scores = this.#members.score(view);
		const missing = this.#missing(x);
		const { score, leader } = this.#join(scores, x.rows);
		// With more than half of its channels gone a row says too little.
		for (let row = 0; row < x.rows; row++) {
			if ((missing[row] as number) * 2 > this.scaling.used.length) score[row] = Number.NaN;
		}
		return { score, leader, missing, view, apart: x };
	}

	#join(scores: MemberScores, rows: number): Pick<EnsembleScores, "score" | "leader"> {
		const score = new Float64Array(rows);
		const leader = new Uint8Array(rows);
		let count = 0;
		for (const [place, name] of memberNames.entries()) {
			const values = scores[name];
			const tail = this.#tails[name];
			if (!values || !tail) continue;
			count++;
			for (let row = 0; row < rows; row++) {
				const decades = tail.decades(values[row] as number);
				if (decades > (score[row] as number)) {
					score[row] = decades;
					leader[row] = place;
				}
			}
		}
		const penalty = Math.log10(count);
		for (let row = 0; row < rows; row++) {
			score[row] = Math.min(1, Math.max(0, (score[row] as number) - penalty) / DECADES_OF_ONE);
		}
		return { score, leader };
	}

	#missing({ data, rows, columns }: Matrix): Uint16Array {
		const missing = new Uint16Array(rows);
		for (let row = 0; row < rows; row++) {
			let count = 0;
			for (const column of this.scaling.used) if (!Number.isFinite(data[row * columns + column] as number)) count++;
			missing[row] = count;
		}
		return missing;
	}

	/** The channels of a scored row that are farthest from usual, farthest first; those that its leader saw before others. */
	contributions(x: Matrix, scores: EnsembleScores, row: number, count = 3): Contribution[] {
		const { view, leader, apart } = scores;
		const name = memberNames[leader[row] as number] as MemberName;
		const over = name === "steady" || name === "slow" ? name : undefined;
		const of = { x, apart };
		const rest = this.#contributions(of, (over && view[over]) ?? view.plain, this.#split.rest, row, over);
		const means = view.mean ? this.#contributions(of, view.mean, this.#split.means, row, undefined) : [];
		const all = name === "above" || name === "below" ? [...means, ...rest] : [...rest, ...means];
		return all.slice(0, count);
	}

	#contributions(
		{ x, apart }: { x: Matrix; apart: Matrix },
		seen: Matrix,
		places: Int32Array,
		row: number,
		over: "steady" | "slow" | undefined,
	): Contribution[] {
		const { used, centre, spread, plain } = this.scaling;
		return Array.from(places, (place, n): Contribution => {
			const column = used[place] as number;
			// Means were scaled with room for wandering; what a person is told is in plain spreads.
			const at = row * x.columns + column;
			const shift = (x.data[at] as number) - (apart.data[at] as number);
			const usual = (centre[place] as number) + (Number.isNaN(shift) ? 0 : shift);
			const distance = (seen.data[row * seen.columns + n] as number) * (spread[place] as number);
			return {
				column,
				value: over ? usual + distance : (x.data[at] as number),
				usual,
				deviations: distance / (plain[place] as number),
				over: over ?? "row",
			};
		})
			.filter(({ value, deviations }) => Number.isFinite(value) && deviations !== 0)
			.sort((a, b) => Math.abs(b.deviations) - Math.abs(a.deviations));
	}
}

/** Places, among the columns that are used, of those that are means by themselves and of the rest. */
interface Split {
	means: Int32Array;
	rest: Int32Array;
	/** Places among the rest whose running means are looked at: 1, else 0. */
	smoothed: Float64Array;
}

function splitOf({ used }: Scaling, means: readonly number[], rowOnly: readonly number[]): Split {
	const places = Int32Array.from(used, (_, place) => place);
	const isMean = (place: number): boolean => means.includes(used[place] as number);
	const rest = places.filter((place) => !isMean(place));
	const smoothed = Float64Array.from(rest, (place) => (rowOnly.includes(used[place] as number) ? 0 : 1));
	return { means: places.filter(isMean), rest, smoothed };
}

function firstRows({ data, columns }: Matrix, rows: number): Matrix {
	return { data: data.subarray(0, rows * columns), rows, columns };
}

function memoryOf(columns: number, slow: boolean, baselines?: Baselines): Memory {
	return {
		baselines,
		steady: new Smoothing(columns, STEADY_WEIGHT),
		slow: slow ? new Smoothing(columns, SLOW_WEIGHT) : undefined,
	};
}

function viewOf(scaled: Matrix, { steady, slow }: Memory, steps: Float64Array | undefined, split: Split): View {
	const plain = pickColumns(scaled, split.rest);
	return {
		plain,
		steady: masked(steady.apply(plain, steps), split.smoothed),
		slow: slow && masked(slow.apply(plain, steps), split.smoothed),
		mean: split.means.length > 0 ? pickColumns(scaled, split.means) : undefined,
	};
}

/** In place: a column that is not looked at is as usual. */
function masked(matrix: Matrix, looked: Float64Array): Matrix {
	const { data, rows, columns } = matrix;
	for (let column = 0; column < columns; column++) {
		if (looked[column] === 1) continue;
		for (let row = 0; row < rows; row++) data[row * columns + column] = 0;
	}
	return matrix;
}

function pickColumns(matrix: Matrix, places: Int32Array): Matrix {
	const { data, rows, columns } = matrix;
	const width = places.length;
	if (width === columns) return matrix;
	const out = new Float64Array(rows * width);
	for (let row = 0; row < rows; row++) {
		for (let n = 0; n < width; n++) out[row * width + n] = data[row * columns + (places[n] as number)] as number;
	}
	return { data: out, rows, columns: width };
}
