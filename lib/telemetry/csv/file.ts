// What importing by command, by request and replay share: the options on how to read a CSV file, its head, and its rows
// as a stream.
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { Transform, type TransformCallback } from "node:stream";
import type { ParseArgsOptionsConfig } from "node:util";
import { EnergyError } from "../../errors.ts";
import { parseInstant } from "../time.ts";
import type { Row } from "./importer.ts";
import { type Measure, measures, type Plan, type PlanOptions, planImport, readDuration } from "./plan.ts";

/** Rows that the plan is made from: some weeks of quarter-hours, so that slipping dates are seen. */
const HEAD_ROWS = 3000;

export const fileOptions = {
	map: { type: "string" },
	factor: { type: "string" },
	time: { type: "string" },
	format: { type: "string" },
	label: { type: "string" },
	step: { type: "string" },
	grid: { type: "string" },
	start: { type: "string" },
	zone: { type: "string", default: "Asia/Seoul" },
	delimiter: { type: "string" },
	decimal: { type: "string" },
} as const satisfies ParseArgsOptionsConfig;

/** How to read a file, as a person says it: on the command line, or as parameters of a request. */
export type FileValues = { [K in keyof typeof fileOptions]?: string };

/** How an option is called where it was said: `--map`, or `map`. */
type Naming = (option: string) => string;
export const asOption: Naming = (option) => `--${option}`;
export const asParameter: Naming = (option) => option;

/** @throws EnergyError `telemetry.import-option` naming option, value and what is allowed */
function planOptionsOf(values: FileValues, naming: Naming): PlanOptions {
	const bad = (option: string, value: string, rule: string): never => {
		throw new EnergyError("telemetry.import-option", { option: naming(option), field: naming(option), value, rule });
	};
	const [measure, column] = values.map?.split(/=(.*)/s) ?? [];
	if (values.map !== undefined && !(measures.includes(measure as Measure) && column))
		bad("map", values.map, measures.map((name) => `${name}=COLUMN`).join(", "));
	const factor = values.factor === undefined ? undefined : Number(values.factor);
	if (factor !== undefined && !(Number.isFinite(factor) && factor !== 0)) bad("factor", values.factor ?? "", "≠ 0");
	const label = values.label === "start" || values.label === "end" ? values.label : undefined;
	const decimal = values.decimal === "." || values.decimal === "," ? values.decimal : undefined;
	if (values.label !== undefined && !label) bad("label", values.label, "start, end");
	if (values.decimal !== undefined && !decimal) bad("decimal", values.decimal, ". ,");
	const step = values.grid ?? values.step;
	if (values.start !== undefined && values.grid === undefined) bad("start", values.start, naming("grid"));
	return {
		...(column !== undefined && { measure: measure as Measure, valueColumn: column }),
		...(factor !== undefined && { factor }),
		...(values.time !== undefined && { timeColumn: values.time }),
		...(values.format !== undefined && { format: values.format }),
		...(label !== undefined && { label }),
		...(decimal !== undefined && { decimal }),
		...(step !== undefined && { stepMs: readDuration(step) }),
		...(values.grid !== undefined && {
			grid: values.start === undefined ? (true as const) : { startLocalMs: localStart(values.start) },
		}),
	};

	function localStart(text: string): number {
		const instant = parseInstant(text.length === 10 ? `${text}T00:00Z` : `${text}Z`);
		return instant.problem === undefined ? instant.timeMs : bad("start", text, "2018-01-01T00:00");
	}
}

/** Reads the head of the file and decides how to read it all. */
export async function planOf(
	file: string,
	values: FileValues,
	naming: Naming,
): Promise<{ plan: Plan; delimiter: string }> {
	const delimiter = values.delimiter === "\\t" ? "\t" : (values.delimiter ?? (await delimiterOf(file)));
	const head: Row[] = [];
	for await (const { row } of rowsOf(file, delimiter)) {
		head.push(row);
		if (head.length >= HEAD_ROWS) break;
	}
	return { plan: planImport(Object.keys(head[0] ?? {}), head, planOptionsOf(values, naming)), delimiter };
}

/** The sign that parts the header into most columns. */
async function delimiterOf(file: string): Promise<string> {
	const bytes = await firstBytes(file);
	const [header = ""] = new TextDecoder(encodingOf(bytes)).decode(bytes).split(/\r?\n/, 1);
	const counts = [",", ";", "\t", "|"].map((sign) => ({ sign, count: header.split(sign).length }));
	return counts.reduce((best, next) => (next.count > best.count ? next : best)).sign;
}

/**
 * How the file's text is written. A byte order mark says so; text that is no UTF-8 is taken for CP949 (to browsers
 * "euc-kr"), in which Korean spreadsheets save CSV.
 */
function encodingOf(bytes: Uint8Array): "utf-8" | "utf-16le" | "euc-kr" {
	if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
	try {
		new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
		return "utf-8";
	} catch {
		return "euc-kr";
	}
}

/** The file's text as UTF-8, whatever it was; a character cut by the end of a chunk waits for the next. */
class ToUtf8 extends Transform {
	readonly #decoder: TextDecoder;

	constructor(encoding: string) {
		super();
		this.#decoder = new TextDecoder(encoding);
	}

	override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
		done(null, this.#decoder.decode(chunk, { stream: true }));
	}

	override _flush(done: TransformCallback): void {
		done(null, this.#decoder.decode());
	}
}

async function firstBytes(file: string): Promise<Uint8Array> {
	try {
		const handle = await open(file);
		try {
			const { buffer, bytesRead } = await handle.read(Buffer.alloc(65_536), 0, 65_536, 0);
			return buffer.subarray(0, bytesRead);
		} finally {
			await handle.close();
		}
	} catch (error) {
		throw new EnergyError("telemetry.import-file", { file, reason: (error as Error).message });
	}
}

/** An optional peer of the installed package: only who imports files needs it. */
async function csvParser(): Promise<typeof import("csv-parse").parse> {
	try {
		return (await import("csv-parse")).parse;
	} catch (cause) {
		throw new EnergyError("telemetry.import-parser-missing", { package: "csv-parse" }, { cause });
	}
}

export interface FileRow {
	row: Row;
	/** From 1, the header's. */
	line: number;
	/** Read so far, 0…1. */
	share: number;
}

/** The rows of a file one by one; its size does not matter. */
export async function* rowsOf(file: string, delimiter: string): AsyncGenerator<FileRow> {
	const { size } = await stat(file);
	const text = new ToUtf8(encodingOf(await firstBytes(file)));
	const parse = await csvParser();
	const source = createReadStream(file);
	try {
		const parser = source.pipe(text).pipe(
			parse({
				columns: true,
				delimiter,
				info: true,
				relax_column_count: true,
				relax_quotes: true,
				skip_empty_lines: true,
				trim: true,
			}),
		);
		source.on("error", (error) => parser.destroy(error));
		for await (const { record, info } of parser as AsyncIterable<{ record: Row; info: { lines: number } }>)
			yield { row: record, line: info.lines, share: size > 0 ? source.bytesRead / size : 1 };
	} catch (error) {
		const { code, lines = 1, message } = error as { code?: string; lines?: number; message: string };
		if (!code?.startsWith("CSV_")) throw error;
		throw new EnergyError("telemetry.import-csv", { line: lines, reason: message }, { cause: error });
	} finally {
		source.destroy();
	}
}
