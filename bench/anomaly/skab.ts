// The Skoltech Anomaly Benchmark: each file is learnt from on its first 400 rows and judged on the rest; one setting for
// all files, and thresholds that are probabilities fixed beforehand, never fitted to the rest.
import { join } from "node:path";
import { AnomalyEnsemble } from "../../models/anomaly/ensemble.ts";
import type { Matrix } from "../../models/matrix.ts";
import type { Figures } from "../run.ts";
import { askSklearn } from "./peers.ts";
import { columnNamed, filesBelow, labelsOf, matrixOfColumns, numericColumns, readEach, readTable } from "./tables.ts";

const TRAIN_ROWS = 400;
/** The operator's default, and the setting of somebody who would rather look once too often. */
const SETTINGS = {
	default: { horizon: 0.75, follow: 3, threshold: 0.7 },
	high: { horizon: 0.75, follow: 0.5, threshold: 0.25 },
} as const;

const NO_CHANNELS = ["", "datetime", "timestamp", "time", "date", "anomaly", "label", "outlier", "changepoint"];

interface SkabFile {
	x: Matrix;
	/** NaN where a row has no label. */
	y: Float64Array;
}

type Setting = keyof typeof SETTINGS;
interface ScoredFile extends SkabFile {
	/** Of the rows that were not learnt from. */
	scores: Record<Setting, Float64Array>;
}

export function skabSection(folder: string): Figures | undefined {
	const { read: files, skipped } = readEach(filesBelow(folder, [".csv"]), (name) => scored(readSkab(folder, name)));
	if (files.length === 0) return skipped.length > 0 ? { files: 0, skipped } : undefined;
	const peer = askSklearn({
		train: TRAIN_ROWS,
		files: files.map(({ x, y }) => ({
			x: filled(x),
			y: Array.from(y, (label) => (Number.isNaN(label) ? null : label)),
		})),
	})?.skab;
	const thresholds = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];
	return {
		files: files.length,
		skipped,
		default: { ...SETTINGS.default, ...judge(files, "default") },
		"high sensitivity": { ...SETTINGS.high, ...judge(files, "high") },
		"isolation forest of scikit-learn": peer
			? { f1: round(peer.f1), falseAlarmRate: round(peer.far), missedAlarmRate: round(peer.mar) }
			: "not installed",
		"curve, default": thresholds.map((threshold) => ({ threshold, ...judge(files, "default", threshold) })),
		"curve, high sensitivity": thresholds.map((threshold) => ({ threshold, ...judge(files, "high", threshold) })),
	};
}

/** @throws Error that says why the file can't be judged by */
export function readSkab(folder: string, name: string): SkabFile {
	const table = readTable(join(folder, name));
	const label = columnNamed(table, ["anomaly", "label", "outlier"]);
	if (label < 0) throw new Error('has no column "anomaly": nothing to judge by');
	const places = table.columns.flatMap((column, place) =>
		place === label || NO_CHANNELS.includes(column.toLowerCase()) ? [] : [place],
	);
	const channels = numericColumns(table, places);
	if (channels.length === 0) throw new Error("has no channel of numbers");
	const rows = table.rows.length;
	if (rows <= TRAIN_ROWS) throw new Error(`has ${rows} rows: more than the ${TRAIN_ROWS} to learn from are needed`);
	return { x: matrixOfColumns(channels.map(({ values }) => values)), y: labelsOf(table, label) };
}

function scored({ x, y }: SkabFile): ScoredFile {
	const train = { ...x, data: x.data.subarray(0, TRAIN_ROWS * x.columns), rows: TRAIN_ROWS };
	const rest = { ...x, data: x.data.subarray(TRAIN_ROWS * x.columns), rows: x.rows - TRAIN_ROWS };
	const by = (setting: Setting): Float64Array => {
		const { horizon, follow } = SETTINGS[setting];
		return AnomalyEnsemble.fit(train, { horizon, follow }).score(rest).score;
	};
	return { x, y, scores: { default: by("default"), high: by("high") } };
}

/** Rows for a peer that takes no gaps: what is missing is as it was before. */
function filled({ data, rows, columns }: Matrix): number[][] {
	const last = new Array<number>(columns).fill(0);
	return Array.from({ length: rows }, (_, row) => {
		for (let column = 0; column < columns; column++) {
			const value = data[row * columns + column] as number;
			if (Number.isFinite(value)) last[column] = value;
		}
		return [...last];
	});
}

function judge(files: readonly ScoredFile[], setting: Setting, threshold: number = SETTINGS[setting].threshold) {
	let [tp, fp, fn, tn] = [0, 0, 0, 0];
	for (const { y, scores } of files) {
		for (let row = TRAIN_ROWS; row < y.length; row++) {
			const said = (scores[setting][row - TRAIN_ROWS] as number) >= threshold;
			if (Number.isNaN(y[row] as number)) continue;
			if (y[row] === 1) said ? tp++ : fn++;
			else said ? fp++ : tn++;
		}
	}
	return {
		f1: round((2 * tp) / Math.max(1, 2 * tp + fp + fn)),
		falseAlarmRate: round(fp / Math.max(1, fp + tn)),
		missedAlarmRate: round(fn / Math.max(1, fn + tp)),
	};
}

const round = (value: number): number => Math.round(value * 1e4) / 1e4;
