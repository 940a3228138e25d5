import type { Matrix } from "../matrix.ts";
import { pickRows } from "../matrix.ts";
import type { ModelState } from "../model.ts";
import { Random } from "../random.ts";
import { nested, part } from "../state.ts";
import { IsolationForest } from "./isolation-forest.ts";
import { LocalOutlierFactor } from "./local-outlier-factor.ts";
import { PrincipalComponents } from "./principal-components.ts";

/**
 * The views of an ensemble: `forest` and `lof` find rows unlike the rest, `t2` and `q` (principal components) rows far
 * out and rows that break the habits between channels, `channel` a single channel that is off, `steady` and `slow`
 * channels that are off a little but for long, `above` and `below` a channel that is the mean of a while by itself: what stands still now and
 * then says nothing of how much is too much.
 */
export const memberNames = ["forest", "lof", "t2", "q", "channel", "steady", "slow", "above", "below"] as const;
export type MemberName = (typeof memberNames)[number];

export interface MemberOptions {
	trees: number;
	/** Neighbours of the local outlier factor. */
	neighbours: number;
	/** Rows that it compares with; drawn from all where there are more. */
	references: number;
	seed: number;
	/** Principal components to keep; absent: by their variance. */
	components?: number;
}

/** Rows as the members see them: scaled, and smoothed at each weight. */
export interface View {
	plain: Matrix;
	steady: Matrix;
	/** Only where the history is long enough to know how slow means behave. */
	slow: Matrix | undefined;
	/** Columns that are means by themselves, where there are any; none of the other views has them. */
	mean: Matrix | undefined;
}

export type MemberScores = Partial<Record<MemberName, Float64Array>>;

/** The fitted parts of an ensemble, before their scores are calibrated. */
export class Members {
	readonly #forest: IsolationForest;
	/** What the local outlier factor was fitted on: it is fitted again when it is read back, exactly the same. */
	readonly #references: Matrix;
	readonly #lof: LocalOutlierFactor;
	readonly #components: PrincipalComponents;

	private constructor(
		forest: IsolationForest,
		references: Matrix,
		lof: LocalOutlierFactor,
		components: PrincipalComponents,
	) {
		this.#forest = forest;
		this.#references = references;
		this.#lof = lof;
		this.#components = components;
	}

	static fit(x: Matrix, { trees, neighbours, references, seed, components }: MemberOptions): Members {
		const forest = IsolationForest.fit(x, { trees, seed });
		const chosen = x.rows > references ? pickRows(x, draw(x.rows, references, seed)) : x;
		const lof = new LocalOutlierFactor(chosen, neighbours);
		return new Members(forest, { ...chosen, data: chosen.data.slice() }, lof, PrincipalComponents.fit(x, components));
	}

	/** Principal components that were kept. */
	get components(): number {
		return this.#components.components;
	}

	static fromState(state: ModelState): Members {
		const forest = part(state, "forest");
		const { data } = part(state, "references").arrays;
		const { rows, columns, neighbours, sampleSize } = state.facts as Record<string, number>;
		const references = { data: data as Float64Array, rows: rows as number, columns: columns as number };
		const { offsets, feature, value, left } = forest.arrays as {
			offsets: Int32Array;
			feature: Int32Array;
			value: Float64Array;
			left: Int32Array;
		};
		return new Members(
			new IsolationForest({ offsets, feature, value, left }, sampleSize as number, columns as number),
			references,
			new LocalOutlierFactor(references, neighbours),
			PrincipalComponents.fromState(part(state, "components")),
		);
	}

	get state(): ModelState {
		const { rows, columns, data } = this.#references;
		const { offsets, feature, value, left } = this.#forest.trees;
		return nested(
			{ rows, columns, neighbours: this.#lof.k, sampleSize: this.#forest.sampleSize },
			{
				forest: { facts: {}, arrays: { offsets, feature, value, left } },
				references: { facts: {}, arrays: { data } },
				components: this.#components.state,
			},
		);
	}

	score({ plain, steady, slow, mean }: View): MemberScores {
		const { tSquared, residual } = this.#components.score(plain);
		return {
			forest: this.#forest.score(plain),
			lof: this.#lof.score(plain),
			t2: tSquared,
			q: residual,
			channel: largest(plain),
			steady: largest(steady),
			...(slow && { slow: largest(slow) }),
			// A mean of much is nearly normal, and the square of what is normal has the tail that is fitted beyond the sample.
			...(mean && {
				above: farthest(mean, 1).map((far) => far ** 2),
				below: farthest(mean, -1).map((far) => far ** 2),
			}),
		};
	}
}

/** The largest distance from usual among the columns of each row. */
function largest({ data, rows, columns }: Matrix): Float64Array {
	const most = new Float64Array(rows);
	for (let row = 0, at = 0; row < rows; row++) {
		let value = 0;
		for (let column = 0; column < columns; column++, at++) value = Math.max(value, Math.abs(data[at] as number));
		most[row] = value;
	}
	return most;
}

/** The largest distance on one side of usual among the columns of each row; 0 where none is on that side. */
function farthest({ data, rows, columns }: Matrix, side: 1 | -1): Float64Array {
	const most = new Float64Array(rows);
	for (let row = 0, at = 0; row < rows; row++) {
		for (let column = 0; column < columns; column++, at++) {
			most[row] = Math.max(most[row] as number, side * (data[at] as number));
		}
	}
	return most;
}

/** Distinct rows, in order. */
function draw(rows: number, count: number, seed: number): Int32Array {
	const random = new Random(seed ^ 0x1f0);
	const order = Int32Array.from({ length: rows }, (_, row) => row);
	for (let i = 0; i < count; i++) {
		const j = i + random.below(rows - i);
		[order[i], order[j]] = [order[j] as number, order[i] as number];
	}
	return order.slice(0, count).sort();
}
