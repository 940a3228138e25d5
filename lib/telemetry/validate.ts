import { type Language, text } from "../messages.ts";
import type { QuarantineEntry } from "../store/store.ts";
import { type Fault, MachineTrack, worse } from "./machine-track.ts";
import { parseReading, type Refusal, refuse, shown } from "./parse.ts";
import type { Quality, QualityReason, WireReading } from "./reading.ts";
import { type ResolvedRules, resolveRules } from "./rules.ts";
import type { Site } from "./site.ts";

/** One reading that was turned away: where it stood, and why, for a program and for a person. */
export interface Rejection {
	/** Position in the batch, from 0. */
	index: number;
	/** Empty where the reading did not say. */
	machine: string;
	reason: QualityReason;
	/** Code of the message. */
	code: string;
	/** The message, in the language asked for. */
	detail: string;
	field: string;
	value: unknown;
	rule: string;
}

export interface ValidationSummary {
	site: string;
	received: number;
	accepted: number;
	rejected: number;
	/** Accepted ones that repeat a known instant word for word; the store keeps one. */
	repeated: number;
	/** Accepted ones by quality. */
	quality: Record<Quality, number>;
	/** Readings by reason, accepted and rejected ones alike. */
	reasons: Partial<Record<QualityReason, number>>;
}

/** What became of each reading, in the batch's order; made on request. */
export interface ReadingVerdict {
	index: number;
	machine: string;
	verdict: "accepted" | "rejected";
	quality: Quality;
	reason?: QualityReason;
	detail?: string;
}

export interface Verdict {
	valid: WireReading[];
	rejected: Rejection[];
	summary: ValidationSummary;
	/** Only with `verdicts`. */
	verdicts?: ReadingVerdict[];
}

export interface CheckOptions {
	/** Judges without remembering anything. */
	dryRun?: boolean;
	/** Adds a verdict per reading. */
	verdicts?: boolean;
	language?: Language;
	/** For readings that do not name their machine. */
	machine?: string;
	/** The payload could not be read as a whole: that is the verdict. */
	refused?: Refusal;
}

/** A machine that has gone quiet. */
export interface SilentMachine {
	machine: string;
	reason: "Bad_NotConnected";
	/** Our clock at its last reading, epoch ms; null where none came since the start. */
	lastArrivalMs: number | null;
	silentMs: number;
}

/** Machines that are remembered at most; the longest unseen is forgotten first. */
const MAX_TRACKS = 10_000;

/**
 * Judges the readings of one site as they come, remembering a little of each machine.
 *
 * Turned away (for the quarantine): malformed, unknown machine, out of range, ahead of our clock, too old, another
 * value for a known instant, a counter that jumps or falls without being reset, a power or counter 1000 times off.
 * Taken with a mark: above the rating, too fast, flat, late by little (out of order), unit doubtful — `uncertain`;
 * backfill, counter reset and rollover — `good` with a reason.
 */
export class Validator {
	readonly site: Site;
	readonly #tracks = new Map<string, MachineTrack>();
	readonly #known: ReadonlyMap<string, Site["machines"][number]>;
	readonly #startMs: number;

	constructor(site: Site, nowMs: number = Date.now()) {
		this.site = site;
		this.#known = new Map(site.machines.map((machine) => [machine.id, machine]));
		this.#startMs = nowMs;
	}

	/**
	 * @param values readings as they came: objects, or JSON text of one
	 * @param nowMs our clock, epoch ms
	 */
	check(values: readonly unknown[], nowMs: number, options: CheckOptions = {}): Verdict {
		if (options.refused) {
			const run = new Run(this.site.id, 1, options);
			run.reject(0, options.machine ?? "", options.refused);
			return run.verdict();
		}
		const run = new Run(this.site.id, values.length, options);
		const tracks = options.dryRun ? new Map<string, MachineTrack>() : this.#tracks;
		const defaults = { site: this.site.id, ...(options.machine !== undefined && { machine: options.machine }) };
		for (let index = 0; index < values.length; index++) {
			const value = values[index];
			const parsed = typeof value === "string" ? fromText(value, defaults) : parseReading(value, defaults);
			if (parsed.rejected) {
				run.reject(index, machineOf(value, options.machine), parsed.rejected);
				continue;
			}
			const found = this.#judge(parsed.reading, parsed.timeMs, nowMs, tracks, run);
			if (typeof found === "object") run.fault(index, parsed.reading.machine, found);
			else run.accept(index, parsed.reading, found);
		}
		return run.verdict();
	}

	/** A fault turns the reading away; a word marks it; undefined is plainly good. */
	#judge(
		reading: WireReading,
		timeMs: number,
		nowMs: number,
		tracks: Map<string, MachineTrack>,
		run: Run,
	): Fault | QualityReason | undefined {
		if (reading.site !== this.site.id) return fault("other-site", "site", reading.site, this.site.id);
		const track = this.#track(reading.machine, tracks);
		if (!track) return fault("unknown-machine", "machine", reading.machine, this.site.id);
		const refused = timeFault(reading, timeMs, nowMs, track.rules) ?? track.outOfRange(reading);
		if (refused) return refused;
		const repetition = track.repetition(reading, timeMs);
		if (repetition === "conflict") return conflict(reading);
		const late = nowMs - timeMs > Math.max(track.noDataMs, 60_000);
		let mark: QualityReason | undefined = late ? "Good_Backfill" : undefined;
		if (timeMs > track.lastTimeMs) {
			const counter = reading.energyKwh === undefined ? undefined : track.counter(reading.energyKwh, timeMs);
			if (typeof counter === "object") return counter;
			mark = worse(worse(mark, counter), track.marks(reading, timeMs));
			track.advance(reading, timeMs, nowMs);
		} else if (repetition === undefined && !late) mark = "Uncertain_OutOfOrder";
		if (repetition === undefined) track.remember(reading, timeMs);
		else run.repeated();
		return mark;
	}

	/** The machine's memory; undefined where the site does not take unknown machines and it is one. */
	#track(machine: string, tracks: Map<string, MachineTrack>): MachineTrack | undefined {
		const here = tracks.get(machine);
		if (here) return here;
		const known = this.#known.get(machine);
		if (!known && this.site.unknownMachines === "reject") return undefined;
		const track = this.#tracks.get(machine)?.clone() ?? new MachineTrack(resolveRules(known));
		if (tracks.size >= MAX_TRACKS) tracks.delete(tracks.keys().next().value ?? "");
		tracks.set(machine, track);
		return track;
	}

	/** Machines of the site that have been quiet for longer than their rule, or than three times their own rhythm. */
	silent(nowMs: number): SilentMachine[] {
		const quiet: SilentMachine[] = [];
		for (const machine of this.#known.keys()) {
			const track = this.#tracks.get(machine);
			const last = track && !Number.isNaN(track.lastArrivalMs) ? track.lastArrivalMs : null;
			const silentMs = nowMs - (last ?? this.#startMs);
			const allowed = track?.noDataMs ?? resolveRules(this.#known.get(machine)).noDataMs ?? 120_000;
			if (silentMs > allowed) quiet.push({ machine, reason: "Bad_NotConnected", lastArrivalMs: last, silentMs });
		}
		return quiet;
	}
}

function fault(
	code: string,
	field: string,
	value: unknown,
	rule: string,
	reason: QualityReason = "Bad_UnknownMachine",
	more?: Readonly<Record<string, unknown>>,
): Fault {
	return { code, field, value, rule, reason, ...(more && { more }) };
}

function timeFault(reading: WireReading, timeMs: number, nowMs: number, rules: ResolvedRules): Fault | undefined {
	if (timeMs > nowMs + rules.maxFutureMs) {
		const seconds = Math.round((timeMs - nowMs) / 1000);
		const rule = `≤ ${rules.maxFutureMs / 1000} s`;
		return fault("future-time", "time", reading.time, rule, "Bad_FutureTime", { seconds });
	}
	if (timeMs >= nowMs - rules.maxAgeMs) return undefined;
	return fault("too-old", "time", reading.time, new Date(nowMs - rules.maxAgeMs).toISOString(), "Bad_Stale");
}

function conflict({ time, powerKw, energyKwh }: WireReading): Fault {
	const values = { powerKw, energyKwh };
	return fault("other-value", "time", time, "1", "Bad_Duplicate", { values });
}

function fromText(text: string, defaults: { site: string; machine?: string }): ReturnType<typeof parseReading> {
	try {
		return parseReading(JSON.parse(text), defaults);
	} catch (error) {
		return refuse("not-json", "", text, error instanceof Error ? error.message : "JSON");
	}
}

function machineOf(value: unknown, fallback = ""): string {
	if (typeof value !== "object" || value === null) return fallback;
	const { machine } = value as { machine?: unknown };
	return typeof machine === "string" ? machine.slice(0, 64) : fallback;
}

const qualityOf = (reason: QualityReason | undefined): Quality =>
	reason === undefined || reason.startsWith("Good") ? "good" : reason.startsWith("Uncertain") ? "uncertain" : "bad";
const rank: Readonly<Record<Quality, number>> = { good: 0, uncertain: 1, bad: 2 };

/** Gathers the outcome of one call. */
class Run {
	readonly #options: CheckOptions;
	readonly #valid: WireReading[] = [];
	readonly #rejected: Rejection[] = [];
	readonly #verdicts: ReadingVerdict[] | undefined;
	readonly #summary: ValidationSummary;

	constructor(site: string, received: number, options: CheckOptions) {
		this.#options = options;
		this.#verdicts = options.verdicts ? [] : undefined;
		const quality = { good: 0, uncertain: 0, bad: 0 };
		this.#summary = { site, received, accepted: 0, rejected: 0, repeated: 0, quality, reasons: {} };
	}

	accept(index: number, reading: WireReading, mark: QualityReason | undefined): void {
		const found = qualityOf(mark);
		const told = reading.quality ?? "good";
		// What the source itself holds against its value stands, unless we found worse.
		const worseThanTold = rank[found] > rank[told] || (rank[found] === rank[told] && reading.reason === undefined);
		if (mark !== undefined && worseThanTold) reading.reason = mark;
		reading.quality = rank[found] > rank[told] ? found : told;
		this.#valid.push(reading);
		this.#summary.quality[reading.quality]++;
		this.#count(reading.reason);
		this.#verdicts?.push({
			index,
			machine: reading.machine,
			verdict: "accepted",
			quality: reading.quality,
			...(reading.reason !== undefined && { reason: reading.reason }),
		});
	}

	repeated(): void {
		this.#summary.repeated++;
	}

	fault(index: number, machine: string, found: Fault): void {
		this.reject(index, machine, { ...found, code: `telemetry.${found.code}`, value: shown(found.value) });
	}

	reject(index: number, machine: string, { reason, code, field, value, rule, more }: Refusal): void {
		const words = { machine, field, value: value === undefined ? "–" : value, rule, ...more };
		const detail = text(code, words, this.#options.language ?? "en-US");
		this.#rejected.push({ index, machine, reason, code, detail, field, value, rule });
		this.#count(reason);
		this.#verdicts?.push({ index, machine, verdict: "rejected", quality: "bad", reason, detail });
	}

	#count(reason: QualityReason | undefined): void {
		if (reason !== undefined) this.#summary.reasons[reason] = (this.#summary.reasons[reason] ?? 0) + 1;
	}

	verdict(): Verdict {
		this.#summary.accepted = this.#valid.length;
		this.#summary.rejected = this.#rejected.length;
		return {
			valid: this.#valid,
			rejected: this.#rejected,
			summary: this.#summary,
			...(this.#verdicts && { verdicts: this.#verdicts }),
		};
	}
}

const PAYLOAD_LIMIT = 4096;

/** The rejected thing as text of at most 4 kB, without ever writing a huge one out in full. */
export function payloadText(value: unknown): string {
	if (typeof value === "string") return value.slice(0, PAYLOAD_LIMIT);
	const brief = (_key: string, inner: unknown): unknown => {
		if (typeof inner === "string" && inner.length > 512) return `${inner.slice(0, 512)}…`;
		if (Array.isArray(inner) && inner.length > 64) return [...inner.slice(0, 64), `… ${inner.length - 64} more`];
		return inner;
	};
	try {
		return (JSON.stringify(value, brief) ?? String(value)).slice(0, PAYLOAD_LIMIT);
	} catch {
		return String(value).slice(0, PAYLOAD_LIMIT);
	}
}

/** A rejection as the store keeps it. */
export function quarantineEntry(
	rejection: Rejection,
	payload: unknown,
	origin: { site: string; source: string; atMs: number },
): QuarantineEntry {
	const { machine, reason, detail } = rejection;
	return { ...origin, machine, reason, detail, payload: payloadText(payload) };
}
