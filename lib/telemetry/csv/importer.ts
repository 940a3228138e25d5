import { type Language, text } from "../../messages.ts";
import type { QuarantineEntry } from "../../store/store.ts";
import { counterDifference } from "../aggregate.ts";
import type { Fault } from "../machine-track.ts";
import type { QualityReason } from "../reading.ts";
import { readTime, toInstant } from "./dates.ts";
import type { RowJudge } from "./judge.ts";
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
	/** Judges what the rows say; absent: whatever can be read is taken. */
	judge?: RowJudge | undefined;
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
/** What is filed as something else than malformed. */
const rowReasons: Readonly<Record<string, QualityReason>> = {
	"row-conflict": "Bad_Duplicate",
	"row-order": "Uncertain_OutOfOrder",
};

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
	/** Rows taken with a doubt. */
	uncertain = 0;
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
		return this.plan.measure === "counterKwh"
			? this.#addCounter(read, row, startMs, value)
			: this.#addSpan(read, row, this.#spanOf(startMs, value));
	}

	/** A reading of a counter; the first only begins. */
	#addCounter(read: ReadRow, row: Row, ms: number, kwh: number): ReadRow {
		const { judge } = this.target;
		const found = judge?.counter(ms, kwh);
		if (typeof found === "object") return this.#turnAway(read, row, found);
		const before = this.#counter;
		if (before && ms <= before.ms) {
			if (ms < before.ms || kwh !== before.kwh) return this.#reject(read, row, "row-order", read.time);
			this.repeated++;
			return read;
		}
		this.#counter = { ms, kwh };
		// Of a counter that began anew nobody knows what it counted meanwhile.
		if (!before || found === "Good_CounterReset") return read;
		const step =
			found === "Good_CounterRollover" ? counterDifference(before.kwh, kwh, judge?.rolloverKwh).kwh : kwh - before.kwh;
		if (!(step >= 0)) return this.#reject(read, row, "row-counter", read.value);
		return this.#addSpan(read, row, { startMs: before.ms, durationMs: ms - before.ms, energyKwh: step });
	}

	#addSpan(read: ReadRow, row: Row, span: Span): ReadRow {
		const found = this.target.judge?.row(span.startMs, span.durationMs, (span.energyKwh * HOUR_MS) / span.durationMs);
		if (typeof found === "object") return this.#turnAway(read, row, found);
		const doubtful = found?.startsWith("Uncertain") === true;
		const outcome = this.resampler.add(span, doubtful);
		if (outcome === "conflict") return this.#reject(read, row, "row-conflict", read.time);
		if (outcome === "repeated") this.repeated++;
		else {
			this.totalKwh += span.energyKwh;
			if (doubtful) this.uncertain++;
		}
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

	#spanOf(startMs: number, value: number): Span {
		const { measure, stepMs } = this.plan;
		const energyKwh = measure === "powerKw" ? (value * stepMs) / HOUR_MS : value;
		return { startMs, durationMs: stepMs, energyKwh };
	}

	/** What a row says cannot be; told as of a reading. */
	#turnAway(read: ReadRow, row: Row, { code, field, value, rule, reason, more }: Fault): ReadRow {
		const { machine, language } = this.target;
		const shown = typeof value === "number" ? Math.round(value * 1000) / 1000 : value;
		return this.#file(
			read,
			row,
			reason,
			text(`telemetry.${code}`, { machine, field, value: shown, rule, ...more }, language),
		);
	}

	#reject(read: ReadRow, row: Row, code: string, value: string): ReadRow {
		const details = {
			column: code === "row-value" || code === "row-counter" ? this.plan.valueColumn : this.plan.timeColumn,
			value,
			format: this.plan.format,
			zone: this.target.timeZone,
		};
		const problem = text(`telemetry.import-${code}`, details, this.target.language);
		return this.#file(read, row, rowReasons[code] ?? "Bad_Malformed", problem);
	}

	#file(read: ReadRow, row: Row, reason: QualityReason, problem: string): ReadRow {
		const { site, machine, file } = this.target;
		this.rejected.push({
			atMs: Date.now(),
			site,
			machine,
			reason,
			detail: problem,
			source: `${file}:${read.line}`,
			payload: JSON.stringify(row).slice(0, 4096),
		});
		return { ...read, problem };
	}
}
