import { EnergyError } from "../../lib/errors.ts";
import type { Matrix } from "../matrix.ts";
import type { FitContext, Json, ModelState } from "../model.ts";
import { nested, part } from "../state.ts";
import { type MemberName, type MemberScores, Members, memberNames, type View } from "./members.ts";
import { type LeftOut, Scaling } from "./scaling.ts";
import { Smoothing } from "./smoothing.ts";
import { Tail } from "./tail.ts";

export interface EnsembleOptions {
	/** How long the model will be used, in multiples of the span it learns from; see Scaling. Default 1.5. */
	horizon?: number;
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
}

/** What a stretch of rows leaves behind for the next one: the running means. One per machine. */
export interface Memory {
	steady: Smoothing;
	slow: Smoothing | undefined;
}

export interface EnsembleScores {
	/** 0…1: min(1, −log10(p) / 6) of the false-alarm probability p; NaN where a row can't be judged. */
	score: Float64Array;
	/** Which member found the row least usual, by its place in memberNames. */
	leader: Uint8Array;
	/** Used columns that were missing in each row. */
	missing: Uint16Array;
	view: View;
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

export const DECADES_OF_ONE = 6;
const MIN_ROWS = 40;
/** Rows from which slow means are learnt. */
const SLOW_ROWS = 4_000;
const STEADY_WEIGHT = 0.2;
const SLOW_WEIGHT = 1 / 64;
/** The first part is what the calibration's members learn from; the rest, later in time, is what they are tried on. */
const LEARNING_SHARE = 0.6;

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

	private constructor(
		columns: number,
		scaling: Scaling,
		leftOut: LeftOut[],
		members: Members,
		tails: Partial<Record<MemberName, Tail>>,
	) {
		this.columns = columns;
		this.scaling = scaling;
		this.leftOut = leftOut;
		this.#members = members;
		this.#tails = tails;
	}

	/**
	 * @param x rows in the order of their time; NaN where a value is missing
	 * @param steps time since the row before; see Smoothing
	 * @throws EnergyError `models.too-little-data`
	 */
	static fit(
		x: Matrix,
		options: EnsembleOptions = {},
		progress: FitContext["progress"] = () => undefined,
		steps?: Float64Array,
	): AnomalyEnsemble {
		const { horizon = 1.5, trees = 100, neighbours = 10, references = 256, seed = 1, floors } = options;
		if (x.rows < MIN_ROWS) throw new EnergyError("models.too-little-data", { rows: x.rows, needed: MIN_ROWS });
		const slow = x.rows >= SLOW_ROWS;
		const learnt = Math.round(x.rows * LEARNING_SHARE);
		const memberOptions = { trees, neighbours, references, seed };
		const fitted = (rows: Matrix): { scaling: Scaling; leftOut: LeftOut[]; members: Members } => {
			const { scaling, leftOut } = Scaling.fit(rows, { horizon, ...(floors && { floors }) });
			if (scaling.used.length === 0) throw new EnergyError("models.too-little-data", { rows: 0, needed: MIN_ROWS });
			return { scaling, leftOut, members: Members.fit(scaling.apply(rows), memberOptions) };
		};
		progress(0.05);
		const early = fitted(firstRows(x, learnt));
		progress(0.3);
		const scores = early.members.score(
			viewOf(early.scaling.apply(x), memoryOf(early.scaling.used.length, slow), steps),
		);
		progress(0.6);
		const tails: Partial<Record<MemberName, Tail>> = {};
		for (const name of memberNames) {
			const values = scores[name];
			if (values) tails[name] = Tail.fit(values.subarray(learnt));
		}
		const { scaling, leftOut, members } = fitted(x);
		progress(1);
		return new AnomalyEnsemble(x.columns, scaling, leftOut, members, tails);
	}

	static fromState(state: ModelState): AnomalyEnsemble {
		const tails: Partial<Record<MemberName, Tail>> = {};
		for (const name of state.facts.members as MemberName[]) tails[name] = Tail.fromState(part(state, `tail-${name}`));
		return new AnomalyEnsemble(
			state.facts.columns as number,
			Scaling.fromState(part(state, "scaling")),
			state.facts.leftOut as LeftOut[],
			Members.fromState(part(state, "members")),
			tails,
		);
	}

	get state(): ModelState {
		const tails = Object.entries(this.#tails).map(([name, tail]) => [`tail-${name}`, tail.state] as const);
		return nested(
			{ columns: this.columns, leftOut: this.leftOut as unknown as Json, members: Object.keys(this.#tails) },
			{ scaling: this.scaling.state, members: this.#members.state, ...Object.fromEntries(tails) },
		);
	}

	/** A memory in which nothing has been seen yet. */
	memory(): Memory {
		return memoryOf(this.scaling.used.length, this.#tails.slow !== undefined);
	}

	/**
	 * Scores rows in the order of their time; the memory goes on with the next call.
	 *
	 * @param steps time since the row before; see Smoothing
	 * @throws RangeError for rows with another number of columns
	 */
	score(x: Matrix, memory: Memory = this.memory(), steps?: Float64Array): EnsembleScores {
		if (x.columns !== this.columns) throw new RangeError(`rows of ${x.columns} columns, not ${this.columns}`);
		const view = viewOf(this.scaling.apply(x), memory, steps);
		const scores = this.#members.score(view);
		const missing = this.#missing(x);
		const { score, leader } = this.#join(scores, x.rows);
		// With more than half of its channels gone a row says too little.
		for (let row = 0; row < x.rows; row++) {
			if ((missing[row] as number) * 2 > this.scaling.used.length) score[row] = Number.NaN;
		}
		return { score, leader, missing, view };
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

	/** The channels of a scored row that are farthest from usual, farthest first. */
	contributions(x: Matrix, { view, leader }: EnsembleScores, row: number, count = 3): Contribution[] {
		const over = { steady: "steady", slow: "slow" }[memberNames[leader[row] as number] as string] as
			| "steady"
			| "slow"
			| undefined;
		const seen = (over && view[over]) ?? view.plain;
		const { used, centre, spread, plain } = this.scaling;
		return Array.from(used, (column, place): Contribution => {
			// Means were scaled with room for wandering; what a person is told is in plain spreads.
			const z = seen.data[row * used.length + place] as number;
			const distance = z * (spread[place] as number);
			return {
				column,
				value: over ? (centre[place] as number) + distance : (x.data[row * x.columns + column] as number),
				usual: centre[place] as number,
				deviations: distance / (plain[place] as number),
				over: over ?? "row",
			};
		})
			.filter(({ value, deviations }) => Number.isFinite(value) && deviations !== 0)
			.sort((a, b) => Math.abs(b.deviations) - Math.abs(a.deviations))
			.slice(0, count);
	}
}

function firstRows({ data, columns }: Matrix, rows: number): Matrix {
	return { data: data.subarray(0, rows * columns), rows, columns };
}

function memoryOf(columns: number, slow: boolean): Memory {
	return {
		steady: new Smoothing(columns, STEADY_WEIGHT),
		slow: slow ? new Smoothing(columns, SLOW_WEIGHT) : undefined,
	};
}

function viewOf(plain: Matrix, { steady, slow }: Memory, steps: Float64Array | undefined): View {
	return { plain, steady: steady.apply(plain, steps), slow: slow?.apply(plain, steps) };
}
