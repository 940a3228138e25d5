// Labelled outlier sets, the last column 1 for an outlier: ROC-AUC over ten splits beside scikit-learn on the same ones.
import { join } from "node:path";
import { AnomalyEnsemble } from "../../models/anomaly/ensemble.ts";
import { IsolationForest } from "../../models/anomaly/isolation-forest.ts";
import { LocalOutlierFactor } from "../../models/anomaly/local-outlier-factor.ts";
import { PrincipalComponents } from "../../models/anomaly/principal-components.ts";
import { type Matrix, pickRows } from "../../models/matrix.ts";
import { Random } from "../../models/random.ts";
import type { Figures } from "../run.ts";
import { askSklearn } from "./peers.ts";
import { columnNamed, filesBelow, labelsOf, matrixOfColumns, numericColumns, readEach, readTable } from "./tables.ts";

const TRIALS = 10;
/** Forests a trial: what one seed gives strays by a hundredth or two. */
const SEEDS = 8;
/** Fewer where a set is large: its area hardly strays. */
const FEWER_FROM_ROWS = 10_000;
const FEWER_SEEDS = 2;
/** Rows that the outlier factor is fitted on at most, both ours and the peer's: the same ones. */
const MOST_NEIGHBOURS = 5_000;
const TRAIN_SHARE = 0.6;
const LABEL_NAMES = ["label", "labels", "outlier", "is_outlier", "anomaly", "is_anomaly"];

interface LabelledSet {
	name: string;
	x: Matrix;
	y: number[];
	train: Int32Array[];
	/** Forests a trial. */
	seeds: number;
}

export function outlierSection(folder: string): Figures | undefined {
	const names = filesBelow(folder, [".csv", ".tsv", ".txt"]);
	const { read: sets, skipped } = readEach(names, (name) => {
		const set = readSet(folder, name);
		return { set, ours: auc(set) };
	});
	if (sets.length === 0) return skipped.length > 0 ? { sets: [], skipped } : undefined;
	const peer = askSklearn({
		sets: sets.map(({ set: { x, y, train, seeds } }) => ({
			...{ x: rowsOf(x), y, seeds, mostNeighbours: MOST_NEIGHBOURS },
			train: train.map((rows) => Array.from(rows)),
		})),
	});
	return {
		trials: TRIALS,
		peer: peer ? `scikit-learn ${peer.version}` : "scikit-learn is not installed",
		skipped,
		sets: sets.map(({ set, ours }, index) => {
			const theirs = peer?.auc?.[index];
			return {
				...{ set: set.name, rows: set.x.rows, columns: set.x.columns, forests: TRIALS * set.seeds },
				forest: round(ours.forest),
				forestSklearn: theirs ? round(theirs.forest) : null,
				forestDifference: theirs ? round(ours.forest - theirs.forest) : null,
				lof: round(ours.lof),
				lofSklearn: theirs ? round(theirs.lof) : null,
				pcaT2: round(ours.t2),
				pcaQ: round(ours.q),
				ensemble: round(ours.ensemble),
			};
		}),
	};
}

/**
 * The label is the column named so, else the last one; rows without a label or with a gap are left out.
 * @throws Error that says why the file can't be judged by
 */
export function readSet(folder: string, name: string): LabelledSet {
	const table = readTable(join(folder, name));
	const named = columnNamed(table, LABEL_NAMES);
	const label = named < 0 ? table.columns.length - 1 : named;
	const all = labelsOf(table, label);
	const places = table.columns.flatMap((column, place) => (place === label || column === "" ? [] : [place]));
	const columns = numericColumns(table, places);
	if (columns.length === 0) throw new Error("has no column of numbers");
	const whole = matrixOfColumns(columns.map(({ values }) => values));
	const kept = Int32Array.from(all.keys()).filter(
		(row) =>
			!Number.isNaN(all[row] as number) &&
			whole.data.subarray(row * whole.columns, (row + 1) * whole.columns).every(Number.isFinite),
	);
	const x = pickRows(whole, kept);
	const y = Array.from(kept, (row) => all[row] as number);
	const train = Array.from({ length: TRIALS }, (_, trial) => drawn(x.rows, trial));
	for (const [trial, rows] of train.entries()) {
		const used = new Set(rows);
		const rest = y.filter((_, row) => !used.has(row));
		if (rows.length < 50 || !rest.includes(0) || !rest.includes(1)) {
			throw new Error(`has ${y.length} rows with ${y.filter(Boolean).length} outliers: too few for split ${trial + 1}`);
		}
	}
	const seeds = x.rows >= FEWER_FROM_ROWS ? FEWER_SEEDS : SEEDS;
	return { name: name.replace(/\.[a-z]+$/i, ""), x, y, train, seeds };
}

function drawn(rows: number, trial: number): Int32Array {
	const random = new Random(1_000 + trial);
	const order = Int32Array.from({ length: rows }, (_, row) => row);
	for (let i = rows - 1; i > 0; i--) {
		const j = random.below(i + 1);
		[order[i], order[j]] = [order[j] as number, order[i] as number];
	}
	return order.subarray(0, Math.round(TRAIN_SHARE * rows)).sort();
}

type Detector = "forest" | "lof" | "t2" | "q" | "ensemble";

function auc({ x, y, train, seeds }: LabelledSet): Record<Detector, number> {
	const sums: Record<Detector, number> = { forest: 0, lof: 0, t2: 0, q: 0, ensemble: 0 };
	for (const [trial, rows] of train.entries()) {
		const used = new Set(rows);
		const rest = y.flatMap((_, row) => (used.has(row) ? [] : [row]));
		const a = pickRows(x, rows);
		const { fitted, apply } = zScored(a);
		const b = apply(pickRows(x, rest));
		const labels = rest.map((row) => y[row] as number);
		const { tSquared, residual } = PrincipalComponents.fit(fitted).score(b);
		for (let seed = 0; seed < seeds; seed++) {
			const forest = IsolationForest.fit(fitted, { seed: 1_000 * trial + seed }).score(b);
			sums.forest += rocAuc(forest, labels) / train.length / seeds;
		}
		const near = thinned(fitted, MOST_NEIGHBOURS);
		const scores: Record<Exclude<Detector, "forest">, Float64Array> = {
			lof: new LocalOutlierFactor(near, Math.min(20, near.rows - 1)).score(b),
			t2: tSquared,
			q: residual,
			// Rows without an order in time: each is judged alone, and nothing wanders.
			ensemble: eachAlone(fitted, b, trial),
		};
		for (const name of Object.keys(scores) as (keyof typeof scores)[]) {
			sums[name] += rocAuc(scores[name], labels) / train.length;
		}
	}
	return sums;
}

function eachAlone(train: Matrix, rows: Matrix, seed: number): Float64Array {
	const ensemble = AnomalyEnsemble.fit(train, {
		horizon: 0,
		seed,
		references: Math.min(train.rows, MOST_NEIGHBOURS),
		neighbours: 20,
	});
	return ensemble.score(rows, ensemble.memory(), new Float64Array(rows.rows).fill(Number.NaN)).score;
}

/** Evenly spread rows, as the peer takes them. */
function thinned(x: Matrix, most: number): Matrix {
	const step = Math.ceil(x.rows / most);
	return step === 1
		? x
		: pickRows(
				x,
				Int32Array.from({ length: Math.floor((x.rows - 1) / step) + 1 }, (_, i) => i * step),
			);
}

function zScored(x: Matrix): { fitted: Matrix; apply: (rows: Matrix) => Matrix } {
	const mean = new Float64Array(x.columns);
	const deviation = new Float64Array(x.columns);
	for (let i = 0; i < x.data.length; i++)
		mean[i % x.columns] = (mean[i % x.columns] as number) + (x.data[i] as number) / x.rows;
	for (let i = 0; i < x.data.length; i++) {
		const c = i % x.columns;
		deviation[c] = (deviation[c] as number) + ((x.data[i] as number) - (mean[c] as number)) ** 2 / x.rows;
	}
	const apply = (rows: Matrix): Matrix => ({
		...rows,
		data: rows.data.map(
			(value, i) => (value - (mean[i % x.columns] as number)) / (Math.sqrt(deviation[i % x.columns] as number) || 1),
		),
	});
	return { fitted: apply(x), apply };
}

/** Area under the ROC curve: how often an outlier scores above a usual row, ties half. */
export function rocAuc(scores: ArrayLike<number>, labels: readonly number[]): number {
	const order = labels.map((_, row) => row).sort((a, b) => (scores[a] as number) - (scores[b] as number));
	let rankSum = 0;
	for (let from = 0; from < order.length; ) {
		let to = from;
		while (to < order.length && scores[order[to] as number] === scores[order[from] as number]) to++;
		const rank = (from + to + 1) / 2;
		for (let place = from; place < to; place++) if (labels[order[place] as number] === 1) rankSum += rank;
		from = to;
	}
	const outliers = labels.filter((label) => label === 1).length;
	return (rankSum - (outliers * (outliers + 1)) / 2) / (outliers * (labels.length - outliers));
}

function rowsOf({ data, rows, columns }: Matrix): number[][] {
	return Array.from({ length: rows }, (_, row) => Array.from(data.subarray(row * columns, (row + 1) * columns)));
}

const round = (value: number): number => Math.round(value * 1e4) / 1e4;
