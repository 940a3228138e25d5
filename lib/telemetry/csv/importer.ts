import { type Language, text } from "../../messages.ts";
import type { QuarantineEntry } from "../../store/store.ts";
import { readTime, toInstant } from "./dates.ts";
import { type Plan, readValue } from "./plan.ts";
import { Resampler, type Span } from "./resample.ts";

export type Row = Readonly<Record<string, string>>;

/** Where rows come from and go to. */
export interface ImportTarget {
	site: string;
	machine: string;
	/** IANA zone of the times in the file. */
	timeZone: string;
	/** Name of the file, for the quarantine. */
	file: string;
	language: Language;
}

/** One row after reading, for a preview. */
export interface ReadRow {
	line: number;
	time: string;
	value: string;
	span?: Span;
	problem?: string;
}

const HOUR_MS = 3_600_000;

/**
 * Takes the rows of a file one after the other and ends with quarter-hours. A row that can't be read goes to the
 * quarantine with its line and never stops the rest.
 */
export class CsvImporter {
	readonly plan: Plan;
	readonly target: ImportTarget;
	readonly resampler = new Resampler();
	readonly rejected: QuarantineEntry[] = [];
	rows = 0;
	repeated = 0;
	/** Of the rows taken, kWh. */
	totalKwh = 0;
	#index = 0;
	#gridStartMs: number | undefined;
	#previousMs: number | undefined;
	#counter: { ms: number; kwh: number } | undefined;

	constructor(plan: Plan, target: ImportTarget) {
		this.plan = plan;
		this.target = target;
		if (plan.grid) {
			const start = toInstant({ localMs: plan.grid.startLocalMs }, target.timeZone, undefined);
			this.#gridStartMs = "ms" in start ? start.ms : plan.grid.startLocalMs;
		}
	}

	/** @param line of the file, from 1 with the header */
	add(row: Row, line: number): ReadRow {
		this.rows++;
		const index = this.#index++;
		const read: ReadRow = { line, time: row[this.plan.timeColumn] ?? "", value: row[this.plan.valueColumn] ?? "" };
		const startMs = this.#startOf(read.time, index);
		if (typeof startMs !== "number") return this.#reject(read, row, startMs.code, read.time);
		const value = readValue(this.plan, row);
		if (value === undefined) return this.#reject(read, row, "row-value", read.value);
		const span = this.#spanOf(startMs, value);
		if (span === undefined) return read;
		if (span.energyKwh < 0 && this.plan.measure === "counterKwh")
			return this.#reject(read, row, "row-counter", read.value);
		const outcome = this.resampler.add(span);
		if (outcome === "conflict") return this.#reject(read, row, "row-conflict", read.time);
		if (outcome === "repeated") this.repeated++;
		else this.totalKwh += span.energyKwh;
		return { ...read, span };
	}

	#startOf(time: string, index: number): number | { code: string } {
		if (this.#gridStartMs !== undefined) return this.#gridStartMs + index * this.plan.stepMs;
		const read = readTime(time, this.plan.format);
		if (!read) return { code: "row-time" };
		const instant = toInstant(read, this.target.timeZone, this.#previousMs);
		if ("problem" in instant) return { code: "row-gap" };
		this.#previousMs = instant.ms;
		return this.plan.label === "end" ? instant.ms - this.plan.stepMs : instant.ms;
	}

	/** The first reading of a counter only begins; undefined then. */
	#spanOf(startMs: number, value: number): Span | undefined {
		const { measure, stepMs } = this.plan;
		if (measure === "energyKwh") return { startMs, durationMs: stepMs, energyKwh: value };
		if (measure === "powerKw") return { startMs, durationMs: stepMs, energyKwh: (value * stepMs) / HOUR_MS };
		const before = this.#counter;
		this.#counter = { ms: startMs, kwh: value };
		if (!before || startMs <= before.ms) return undefined;
		return { startMs: before.ms, durationMs: startMs - before.ms, energyKwh: value - before.kwh };
	}

	#reject(read: ReadRow, row: Row, code: string, value: string): ReadRow {
		const { site, machine, file, language } = this.target;
		const details = {
			column: code === "row-value" || code === "row-counter" ? this.plan.valueColumn : this.plan.timeColumn,
			value,
			format: this.plan.format,
			zone: this.target.timeZone,
		};
		const problem = text(`telemetry.import-${code}`, details, language);
		this.rejected.push({
			atMs: Date.now(),
			site,
			machine,
			reason: code === "row-conflict" ? "Bad_Duplicate" : "Bad_Malformed",
			detail: problem,
			source: `${file}:${read.line}`,
			payload: JSON.stringify(row).slice(0, 4096),
		});
		return { ...read, problem };
	}
}
