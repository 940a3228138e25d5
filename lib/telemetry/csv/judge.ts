import { type Fault, MachineTrack } from "../machine-track.ts";
import type { QualityReason } from "../reading.ts";
import { type ResolvedRules, resolveRules } from "../rules.ts";
import type { Machine } from "../site.ts";

const HOUR_MS = 3_600_000;
/** Rows are means, often of whole kWh: an evening at one value is no stuck sensor yet. */
const FLAT_MS = 6 * HOUR_MS;
/** Nothing that a machine does lies so far above everything else it does. */
const OTHER_UNIT = 100;
/** So few rows are slips; more of them are another truth, of which nobody knows which one it is. */
const SLIPS = 0.01;
const THOUSAND = 1000;

/** Which rows of a file stand out by their size, where no rating tells what the machine can do. */
export interface Sizes {
	/** Rows of more power than this are far above all others, kW; Infinity where there are none. */
	aboveKw: number;
	/** Rows of this file that are. */
	rows: number;
	/** They are too many to be slips: the file seems to have two units. */
	mixed: boolean;
}

/** Powers of all rows of a file, looked at together before any is judged. */
export class SizeFinder {
	readonly #kw: number[] = [];

	add(kw: number): void {
		const size = Math.abs(kw);
		if (size > 0) this.#kw.push(size);
	}

	/** The gap of two decades and more that parts the largest rows from all others, if there is one. */
	sizes(): Sizes {
		const sorted = Float64Array.from(this.#kw).sort();
		const ordinary = { aboveKw: Number.POSITIVE_INFINITY, rows: 0, mixed: false };
		for (let at = sorted.length - 1; at >= Math.max(1, sorted.length / 2); at--) {
			const below = sorted[at - 1] as number;
			if ((sorted[at] as number) < OTHER_UNIT * below) continue;
			const rows = sorted.length - at;
			return { aboveKw: below * Math.sqrt(OTHER_UNIT), rows, mixed: rows > Math.max(1, sorted.length * SLIPS) };
		}
		return ordinary;
	}
}

export interface JudgeOptions {
	/** The machine as the site knows it: its rating and rules; absent, physics and the file itself judge. */
	machine?: Pick<Machine, "ratedKw" | "rules"> | undefined;
	sizes?: Sizes | undefined;
	/** Rows that end later lie ahead of our clock. */
	nowMs: number;
}

/**
 * Judges the rows of a file as `sensor-validate` judges readings: range, unit, counter, flat line, rate of change, the
 * clock. Their age is no fault here: history is what files are for.
 */
export class RowJudge {
	readonly #rules: ResolvedRules;
	readonly #track: MachineTrack;
	/** Of the counter's readings, whose times are those of the rows' ends. */
	readonly #counter: MachineTrack;
	readonly #sizes: Sizes | undefined;
	readonly #nowMs: number;
	/** Rows with a mark or turned away, by reason. */
	readonly reasons: Partial<Record<QualityReason, number>> = {};

	constructor({ machine, sizes, nowMs }: JudgeOptions) {
		const rules = resolveRules(machine);
		this.#rules = machine?.rules?.flatLineMs === undefined ? { ...rules, flatLineMs: FLAT_MS } : rules;
		this.#track = new MachineTrack(this.#rules);
		this.#counter = new MachineTrack(this.#rules);
		this.#sizes = Number.isNaN(rules.ratedKw) ? sizes : undefined;
		this.#nowMs = nowMs;
	}

	/** Value at which the machine's counter starts again at 0, kWh, where it is known. */
	get rolloverKwh(): number | undefined {
		return this.#rules.counterRolloverKwh;
	}

	/**
	 * @param kw mean power of the row
	 * @returns a fault turns it away, a word marks it
	 */
	row(startMs: number, durationMs: number, kw: number): Fault | QualityReason | undefined {
		return this.#counted(this.#future(startMs + durationMs) ?? this.#power(startMs, kw));
	}

	/** A counter's reading: what it counted since the one before is a row of its own. */
	counter(timeMs: number, kwh: number): Fault | QualityReason | undefined {
		const found = this.#future(timeMs) ?? this.#counter.outOfRange({ ...reading, energyKwh: kwh });
		if (found) return this.#counted(found);
		if (timeMs <= this.#counter.lastTimeMs) return undefined;
		const judged = this.#counter.counter(kwh, timeMs);
		if (typeof judged !== "object") this.#counter.advance({ ...reading, energyKwh: kwh }, timeMs, timeMs);
		return this.#counted(judged);
	}

	#power(startMs: number, kw: number): Fault | QualityReason | undefined {
		const value = { ...reading, powerKw: kw };
		const fault = this.#track.outOfRange(value) ?? this.#size(kw);
		if (fault) return fault;
		if (startMs <= this.#track.lastTimeMs) return undefined;
		const mark = this.#track.marks(value, startMs);
		this.#track.advance(value, startMs, startMs);
		return mark;
	}

	/** Where no rating helps, the file's other rows tell. */
	#size(kw: number): Fault | QualityReason | undefined {
		if (!this.#sizes || Math.abs(kw) <= this.#sizes.aboveKw) return undefined;
		if (this.#sizes.mixed) return "Uncertain_UnitSuspect";
		const rule = `≤ ${Math.round(this.#sizes.aboveKw)}`;
		const common = { field: "powerKw", value: kw, rule };
		return { ...common, code: "unit-suspect", reason: "Uncertain_UnitSuspect", more: { ratio: THOUSAND } };
	}

	#future(endMs: number): Fault | undefined {
		const { maxFutureMs } = this.#rules;
		if (endMs <= this.#nowMs + maxFutureMs) return undefined;
		const seconds = Math.round((endMs - this.#nowMs) / 1000);
		const rule = `≤ ${maxFutureMs / 1000} s`;
		const value = new Date(endMs).toISOString();
		return { code: "future-time", field: "time", value, rule, reason: "Bad_FutureTime", more: { seconds } };
	}

	#counted(found: Fault | QualityReason | undefined): Fault | QualityReason | undefined {
		const reason = typeof found === "object" ? found.reason : found;
		if (reason !== undefined) this.reasons[reason] = (this.reasons[reason] ?? 0) + 1;
		return found;
	}
}

/** What judging asks of a reading, beside its values. */
const reading = { site: "", machine: "", time: "" };
