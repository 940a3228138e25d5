// The Numenta Anomaly Benchmark: its scoring function with the standard profile, and our stream detector on its files.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ALARM_DECADES } from "../../models/anomaly/channels.ts";
import { StreamDetector } from "../../models/anomaly/stream.ts";
import type { Figures } from "../run.ts";
import { columnNamed, filesBelow, numbersOf, readEach, readTable, type Skipped } from "./tables.ts";

export interface NabFile {
	name: string;
	timesMs: number[];
	values: number[];
	/** First and last row of each labelled window. */
	windows: [number, number][];
}

/** Weights of the standard profile; a true negative weighs nothing in the score. */
const STANDARD = { tp: 1, fp: 0.11, fn: 1 };
/** Share of a file, at most of 5,000 rows, in which detections do not count. */
const PROBATION_SHARE = 0.15;
const PROBATION_ROWS = 750;

/** Where the list of windows may lie: as given with a part of the corpus, and as NAB itself is laid out. */
const LISTS = [
	"windows.json",
	"combined_windows.json",
	"labels/combined_windows.json",
	"../labels/combined_windows.json",
];

/**
 * @param folder holds a list of windows (file → list of [first time, last time]) and the files named there, below it or
 * below its `data`; files that no list names are left out, for they have nothing to judge by
 * @throws Error where the list itself can't be read
 */
export function readNab(folder: string): { read: NabFile[]; skipped: Skipped[]; absent: number } {
	const list = LISTS.find((name) => existsSync(join(folder, name)));
	const names = filesBelow(folder, [".csv"]);
	if (!list) {
		const why = `no list of windows beside it (${LISTS.join(", ")})`;
		return { read: [], skipped: names.map((file) => ({ file, why })), absent: 0 };
	}
	const windows = windowsOf(join(folder, list));
	/** A file is named from the folder of the data; where that was renamed, its own name tells. */
	const spansOf = (file: string): [string, string][] | undefined => {
		const known = Object.keys(windows).filter((name) => file === name || file.endsWith(`/${name}`));
		const alike = Object.keys(windows).filter((name) => name.split("/").at(-1) === file.split("/").at(-1));
		const name = known[0] ?? (alike.length === 1 ? alike[0] : undefined);
		return name === undefined ? undefined : windows[name];
	};
	const files = readEach(names, (name): NabFile => {
		const spans = spansOf(name);
		if (!spans) throw new Error(`is not named in ${list}`);
		return readSeries(join(folder, name), name, spans);
	});
	return { ...files, absent: Math.max(0, Object.keys(windows).length - names.filter(spansOf).length) };
}

function windowsOf(path: string): Record<string, [string, string][]> {
	const list: unknown = JSON.parse(readFileSync(path, "utf8").replace(/^\uFEFF/, ""));
	if (typeof list !== "object" || list === null || Array.isArray(list)) {
		throw new Error(`${path} holds no windows by file`);
	}
	return list as Record<string, [string, string][]>;
}

function readSeries(path: string, name: string, spans: [string, string][]): NabFile {
	const table = readTable(path);
	const named = columnNamed(table, ["timestamp", "datetime", "time", "date"]);
	const at = named < 0 ? 0 : named;
	const valued = columnNamed(table, ["value"]);
	const place = valued < 0 ? table.columns.findIndex((_, column) => column !== at) : valued;
	if (place < 0) throw new Error("has a column of times and no other");
	const timesMs = table.rows.map((row) => timeOf(row[at] ?? ""));
	const odd = timesMs.findIndex(Number.isNaN);
	if (odd >= 0) throw new Error(`row ${odd + 1} begins with "${table.rows[odd]?.[at]}", which is no time`);
	const values = Array.from(numbersOf(table, place));
	if (!values.some(Number.isFinite)) throw new Error(`"${table.columns[place]}" holds no number`);
	const windows = spans.map(([from, to]): [number, number] => {
		const [first, last] = rowsOf(timesMs, timeOf(from), timeOf(to));
		if (first < 0 || last < first) throw new Error(`holds no row of the window from ${from} to ${to}`);
		return [first, last];
	});
	return { name, timesMs, values, windows };
}

/** Times of NAB name no zone: only their differences mean anything. */
function timeOf(text: string): number {
	return Date.parse(`${text.trim().replace(" ", "T").slice(0, 19)}Z`);
}

function rowsOf(timesMs: readonly number[], fromMs: number, toMs: number): [number, number] {
	const first = timesMs.findIndex((timeMs) => timeMs >= fromMs);
	const last = timesMs.findLastIndex((timeMs) => timeMs <= toMs);
	return [first, last];
}

export function probationOf(rows: number): number {
	return Math.floor(Math.min(PROBATION_SHARE * rows, PROBATION_ROWS));
}

/** NAB's sigmoid of a detection's place: −1 is the window's first row, 0 its end, above 0 is past it. */
export function scaledSigmoid(place: number): number {
	return place > 3 ? -1 : 2 / (1 + Math.exp(5 * place)) - 1;
}

interface Outcome {
	score: number;
	found: number;
	falseAlarms: number;
}

/**
 * Score of one file's detections: the earliest in a window earns up to 1 the earlier it is, a window without any costs
 * 1, and each detection outside costs up to 0.11, less just after a window.
 *
 * @see Lavin and Ahmad 2015; the reference implementation's sweeper
 */
export function scoreFile({ values, windows }: NabFile, detected: readonly number[]): Outcome {
	const probation = probationOf(values.length);
	const outcome: Outcome = { score: 0, found: 0, falseAlarms: 0 };
	const seen = new Set<number>();
	for (const row of detected) {
		if (row < probation) continue;
		const inside = windows.findIndex(([first, last]) => row >= first && row <= last);
		if (inside >= 0) {
			if (seen.has(inside)) continue;
			seen.add(inside);
			const [first, last] = windows[inside] as [number, number];
			const place = -(last - row + 1) / (last - first + 1);
			outcome.score += (STANDARD.tp * scaledSigmoid(place)) / scaledSigmoid(-1);
			continue;
		}
		outcome.falseAlarms++;
		const before = windows.findLast(([, last]) => last < row);
		const place = before ? (row - before[1]) / Math.max(1, before[1] - before[0]) : Infinity;
		outcome.score += STANDARD.fp * scaledSigmoid(place);
	}
	outcome.found = seen.size;
	outcome.score -= STANDARD.fn * (windows.length - seen.size);
	return outcome;
}

/** A corpus' score: 0 is a detector that never speaks, 100 one that finds every window at its first row. */
export function normalised(raw: number, windows: number): number {
	const silent = -STANDARD.fn * windows;
	const most = STANDARD.tp * windows - silent;
	// Without a window there is nothing to find.
	return most === 0 ? Number.NaN : (100 * (raw - silent)) / most;
}

/** Decades that our threshold stands at, whatever the file; what is in use. */
const THRESHOLD = ALARM_DECADES;

export function nabSection(folder: string): Figures | undefined {
	const { read: files, skipped, absent } = readNab(folder);
	if (files.length === 0) return skipped.length > 0 ? { files: 0, skipped } : undefined;
	const begunMs = performance.now();
	const decades = files.map(({ timesMs, values }) => {
		const detector = new StreamDetector();
		return values.map((value, row) => detector.add(timesMs[row] as number, value));
	});
	const ms = performance.now() - begunMs;
	const rows = files.reduce((sum, { values }) => sum + values.length, 0);
	const windows = files.reduce((sum, file) => sum + file.windows.length, 0);
	const days =
		files.reduce((sum, { timesMs }) => sum + (timesMs[timesMs.length - 1] as number) - (timesMs[0] as number), 0) /
		864e5;
	const at = (threshold: number) => {
		const of = files.map((file, index) =>
			scoreFile(
				file,
				(decades[index] as number[]).flatMap((value, row) => (value >= threshold ? [row] : [])),
			),
		);
		const sum = (name: keyof Outcome): number => of.reduce((total, one) => total + one[name], 0);
		return {
			threshold: round(threshold),
			standardScore: round(normalised(sum("score"), windows)),
			found: sum("found"),
			windows,
			falseAlarms: sum("falseAlarms"),
			falseAlarmsPerWeek: round((sum("falseAlarms") * 7) / days),
		};
	};
	const sweep = Array.from({ length: 61 }, (_, i) => at(2 + i * 0.05));
	const best = sweep.reduce((most, one) => (one.standardScore > most.standardScore ? one : most));
	return {
		files: files.length,
		/** Files that the list of windows names and the folder lacks. */
		absent,
		skipped,
		usPerValue: round((ms * 1e3) / rows),
		"at our threshold": at(THRESHOLD),
		/** As NAB itself reports: one threshold for the corpus, chosen afterwards. */
		"at the best threshold": best,
		curve: sweep.filter((_, i) => i % 5 === 0),
		perFile: files.map((file, index) => ({
			file: file.name,
			...scoreFile(
				file,
				(decades[index] as number[]).flatMap((value, row) => (value >= THRESHOLD ? [row] : [])),
			),
		})),
	};
}

const round = (value: number): number => Math.round(value * 100) / 100;
