// Tables out of folders of files that somebody else made: any separator, quotes, a byte-order mark, header or none. One
// file that can't be used is told by its name and why, and the others go on.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Matrix } from "../../models/matrix.ts";

/** A file that was left out. */
export interface Skipped {
	file: string;
	why: string;
}

interface Table {
	/** Names in the header, trimmed; `column 1` … where the file has none. */
	columns: string[];
	/** As they stand; a row with more or fewer cells than the header is an error. */
	rows: string[][];
}

const SEPARATORS = [";", ",", "\t", "|"];
const MOST_FOLDERS_DEEP = 4;

/** Paths of the files below a folder that end in one of these, relative to it, in the order of their names. */
export function filesBelow(folder: string, endings: readonly string[]): string[] {
	const found: string[] = [];
	const walk = (path: string, depth: number): void => {
		for (const name of readdirSync(path).sort(byNumberToo)) {
			const at = join(path, name);
			// A link that leads nowhere is no file.
			const stat = statSync(at, { throwIfNoEntry: false });
			if (name.startsWith(".")) continue;
			if (stat?.isDirectory() && depth < MOST_FOLDERS_DEEP) walk(at, depth + 1);
			else if (stat?.isFile() && endings.some((ending) => name.toLowerCase().endsWith(ending))) found.push(at);
		}
	};
	if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) walk(folder, 0);
	return found.map((path) => relative(folder, path).split(sep).join("/"));
}

/** What each file becomes; those that can't be read are told beside. */
export function readEach<T>(names: readonly string[], read: (name: string) => T): { read: T[]; skipped: Skipped[] } {
	const good: T[] = [];
	const skipped: Skipped[] = [];
	for (const name of names) {
		try {
			good.push(read(name));
		} catch (error) {
			skipped.push({ file: name, why: error instanceof Error ? error.message : String(error) });
		}
	}
	return { read: good, skipped };
}

/** @throws Error that says what is wrong with the file */
export function readTable(path: string): Table {
	const lines = readFileSync(path, "utf8")
		.replace(/^\uFEFF/, "")
		.split(/\r\n|\n|\r/)
		.filter((line) => line.trim() !== "");
	const [first] = lines;
	if (first === undefined) throw new Error("is empty");
	const separator = SEPARATORS.reduce((most, one) => (first.split(one).length > first.split(most).length ? one : most));
	const cells = lines.map((line) => line.split(separator).map(unquoted));
	const head = cells[0] as string[];
	const named = head.some((cell) => cell !== "" && Number.isNaN(numberOf(cell)) && !/^nan$|^inf/i.test(cell));
	const columns = named ? head : head.map((_, place) => `column ${place + 1}`);
	const rows = named ? cells.slice(1) : cells;
	if (rows.length === 0) throw new Error("has a header and no rows");
	const broken = rows.findIndex((row) => row.length !== columns.length);
	if (broken >= 0) {
		const line = broken + (named ? 2 : 1);
		throw new Error(`line ${line} has ${rows[broken]?.length} cells and not ${columns.length}`);
	}
	return { columns, rows };
}

/** Place of the first column of one of these names, whatever their case; −1 where there is none. */
export function columnNamed({ columns }: Table, names: readonly string[]): number {
	return columns.findIndex((column) => names.includes(column.toLowerCase()));
}

/** Numbers of a column; NaN where a cell is empty or no number. */
export function numbersOf({ rows }: Table, place: number): Float64Array {
	return Float64Array.from(rows, (row) => numberOf(row[place] ?? ""));
}

/** Columns in which at least half of the rows have a number. */
export function numericColumns(table: Table, places: readonly number[]): { place: number; values: Float64Array }[] {
	return places
		.map((place) => ({ place, values: numbersOf(table, place) }))
		.filter(({ values }) => 2 * values.filter(Number.isFinite).length >= values.length);
}

/** @param columns of equal length */
export function matrixOfColumns(columns: readonly Float64Array[]): Matrix {
	const rows = columns[0]?.length ?? 0;
	const data = new Float64Array(rows * columns.length);
	for (const [place, values] of columns.entries()) {
		for (let row = 0; row < rows; row++) data[row * columns.length + place] = values[row] as number;
	}
	return { data, rows, columns: columns.length };
}

const LABELS: Readonly<Record<string, 0 | 1>> = {
	...{ true: 1, yes: 1, anomaly: 1, anomalous: 1, outlier: 1, o: 1, abnormal: 1 },
	...{ false: 0, no: 0, normal: 0, nominal: 0, inlier: 0, n: 0, usual: 0 },
};

/** 1 for an outlier, 0 for what is usual, NaN where a row has no label. @throws Error for a column that is no label */
export function labelsOf(table: Table, place: number): Float64Array {
	const texts = table.rows.map((row) => (row[place] ?? "").toLowerCase());
	const labels = Float64Array.from(texts, (text) => LABELS[text] ?? numberOf(text));
	const odd = labels.findIndex((label, row) => texts[row] !== "" && label !== 0 && label !== 1);
	if (odd >= 0) {
		throw new Error(
			`"${table.columns[place]}" is no column of labels: "${table.rows[odd]?.[place]}" is neither 0 nor 1`,
		);
	}
	return labels;
}

function numberOf(text: string): number {
	return text === "" ? Number.NaN : Number(text);
}

function unquoted(cell: string): string {
	return cell
		.trim()
		.replace(/^"(.*)"$/, "$1")
		.trim();
}

/** 2 before 10. */
function byNumberToo(a: string, b: string): number {
	return a.localeCompare(b, "en", { numeric: true });
}
