// The Skoltech Anomaly Benchmark: each file is learnt from on its first 400 rows and judged on the rest; one setting for
// all files, and thresholds that are probabilities fixed beforehand, never fitted to the rest.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AnomalyEnsemble } from "../../models/anomaly/ensemble.ts";
import { type Matrix, matrixOf } from "../../models/matrix.ts";
import type { Figures } from "../run.ts";
import { askSklearn } from "./peers.ts";

const TRAIN_ROWS = 400;
/** The operator's default, and the setting of somebody who would rather look once too often. */
const SETTINGS = { default: { horizon: 1.5, threshold: 0.7 }, high: { horizon: 0.5, threshold: 0.3 } } as const;

interface SkabFile {
	name: string;
	x: Matrix;
	y: number[];
}

export function skabSection(folder: string): Figures | undefined {
	const files = read(folder);
	if (files.length === 0) return undefined;
	const scored = (horizon: number): Float64Array[] =>
		files.map(({ x }) => {
			const train = { ...x, data: x.data.subarray(0, TRAIN_ROWS * x.columns), rows: TRAIN_ROWS };
			return AnomalyEnsemble.fit(train, { horizon }).score(x).score;
		});
	const wide = scored(SETTINGS.default.horizon);
	const narrow = scored(SETTINGS.high.horizon);
	const peer = askSklearn({
		train: TRAIN_ROWS,
		files: files.map(({ x, y }) => ({
			x: Array.from({ length: x.rows }, (_, row) =>
				Array.from(x.data.subarray(row * x.columns, (row + 1) * x.columns)),
			),
			y,
		})),
	})?.skab;
	const thresholds = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];
	return {
		files: files.length,
		default: { ...SETTINGS.default, ...judge(files, wide, SETTINGS.default.threshold) },
		"high sensitivity": { ...SETTINGS.high, ...judge(files, narrow, SETTINGS.high.threshold) },
		"isolation forest of scikit-learn": peer
			? { f1: round(peer.f1), falseAlarmRate: round(peer.far), missedAlarmRate: round(peer.mar) }
			: "not installed",
		"curve, default": thresholds.map((threshold) => ({ threshold, ...judge(files, wide, threshold) })),
		"curve, high sensitivity": thresholds.map((threshold) => ({ threshold, ...judge(files, narrow, threshold) })),
	};
}

function read(folder: string): SkabFile[] {
	if (!existsSync(folder)) return [];
	return readdirSync(folder, { withFileTypes: true })
		.flatMap((entry) => {
			if (!entry.isDirectory()) return [entry.name];
			return readdirSync(join(folder, entry.name)).map((name) => join(entry.name, name));
		})
		.filter((name) => name.endsWith(".csv"))
		.sort()
		.flatMap((name) => {
			const [head, ...lines] = readFileSync(join(folder, name), "utf8").trim().split(/\r?\n/);
			const columns = (head ?? "").split(";");
			const label = columns.indexOf("anomaly");
			// A file without labels has nothing to judge by.
			if (label < 0) return [];
			const channels = columns.flatMap((column, i) =>
				["datetime", "anomaly", "changepoint"].includes(column) ? [] : [i],
			);
			const rows = lines.map((line) => line.split(";").map(Number));
			if (rows.length <= TRAIN_ROWS) return [];
			return [
				{
					name,
					x: matrixOf(rows.map((row) => channels.map((i) => row[i] as number))),
					y: rows.map((row) => row[label] as number),
				},
			];
		});
}

function judge(files: readonly SkabFile[], scores: readonly Float64Array[], threshold: number) {
	let [tp, fp, fn, tn] = [0, 0, 0, 0];
	for (const [index, { y }] of files.entries()) {
		for (let row = TRAIN_ROWS; row < y.length; row++) {
			const said = (scores[index]?.[row] as number) >= threshold;
			if (y[row] === 1) said ? tp++ : fn++;
			else said ? fp++ : tn++;
		}
	}
	return {
		f1: round((2 * tp) / (2 * tp + fp + fn)),
		falseAlarmRate: round(fp / (fp + tn)),
		missedAlarmRate: round(fn / (fn + tp)),
	};
}

const round = (value: number): number => Math.round(value * 1e4) / 1e4;
