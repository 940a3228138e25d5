import type { Reading } from "../telemetry/reading.ts";
import type { Machine, Site } from "../telemetry/site.ts";
import type { Signal } from "./book.ts";
import { type Known, type Measure, measures, type Watch, watch } from "./condition.ts";
import type { AlarmRule } from "./rules.ts";
import type { AlarmIdentity, Cause, Priority } from "./types.ts";

/** A reading as it may come from anomaly-detect, and with what the efficiency of now says. */
export interface ScoredReading extends Reading {
	/** 0…1, of anomaly detection. */
	score?: number;
	/** What anomaly detection says of the machine as of this reading. */
	anomaly?: AnomalyAlert;
}

/** What anomaly-detect says of a machine. */
export interface AnomalyAlert {
	machine: string;
	/** `normal` ends it. */
	level: "normal" | "warning" | "critical";
	score: number;
	method: string;
	/** What is unusual, the most unusual first. */
	contributions: readonly Contribution[];
	/** Power above the usual, kW. */
	excessKw: number | null;
}

export interface Contribution {
	feature: string;
	value?: number;
	/** What it usually is under these circumstances. */
	usual?: number;
	/** How far from usual, in usual spreads; negative is below. */
	deviations?: number;
	/** Where a rule judged: what it must not pass. */
	limit?: number;
}

/** What demand control says of the running quarter-hour. */
export interface DemandWord {
	state: string;
	predictedKw: number | null;
	limitKw: number | null;
	/** What the prediction would cost, KRW. */
	krw: number | null;
}

/** What the board of the production plan says: as it is now, so that nothing is missed by who was not there. */
export interface ScheduleWord {
	/** Machines that stand still by a fault. */
	down: ReadonlySet<string>;
	/** The plan that had to end and has no successor in force; null where all is well, undefined where nobody knows. */
	broken: Cause | null | undefined;
}

/** What else is known of a machine beside its readings. */
export type Derived = Partial<Record<"efficiency" | "idleShare" | "specificEnergyKwh", number>>;

/** Values that came longer ago are no longer known. */
const FRESH_MS = 300_000;
/** Readings further behind the clock are history, not news. */
const MAX_AGE_MS = 300_000;
/** Excess power of single readings jumps; what it costs is told by their mean over about so long. */
const EXCESS_MS = 120_000;

/** An anomaly that lasts: its cause stays that of its beginning, its excess follows the readings. */
interface Lasting {
	level: AnomalyAlert["level"];
	cause: Cause;
	excessKw: number | null;
	atMs: number;
}

interface Memory {
	machine: Machine | undefined;
	known: Partial<Record<Measure, number>> & { state?: string };
	/** When each was last told. */
	atMs: Partial<Record<Measure | "state", number>>;
	newestMs: number;
	/** Of the newest scored reading. */
	scoredMs: number;
	anomaly?: Lasting;
	watches: readonly { rule: AlarmRule; one: Watch; identity: AlarmIdentity }[];
}

/** Holds what comes in against the rules and says so as signals. */
export class Sentinel {
	readonly #rules: readonly AlarmRule[];
	readonly #machines: ReadonlyMap<string, Machine>;
	readonly #site: string;
	readonly #memory = new Map<string, Memory>();
	readonly #silent = new Map<string, Set<string>>();
	/** Machines that stand still, by rule. */
	readonly #down = new Map<string, Set<string>>();
	/** Loads that did not follow a command in the running quarter-hour. */
	readonly #disobedient = new Set<string>();
	/** What demand control said beside the figures in the running quarter-hour. */
	#worse: Cause | undefined;

	constructor(site: Pick<Site, "id" | "machines">, rules: readonly AlarmRule[]) {
		this.#site = site.id;
		this.#rules = rules;
		this.#machines = new Map(site.machines.map((machine) => [machine.id, machine]));
	}

	/** A rule and a machine that an alarm may still be about. */
	lives({ rule, machine }: { rule: string; machine: string }): boolean {
		const found = this.#rules.find(({ id }) => id === rule);
		if (!found) return false;
		return machine === "" || found.machines.size === 0 || found.machines.has(machine);
	}

	/** Signals of one reading, in the order of the rules; none for history and for bad values. */
	read(reading: ScoredReading, derived: Derived | undefined, nowMs: number): Signal[] {
		if (reading.quality === "bad" || nowMs - reading.timeMs > MAX_AGE_MS) return [];
		const memory = this.#remember(reading.machine);
		if (reading.timeMs < memory.newestMs) {
			// Scoring takes a moment, in which the next unscored reading may have come by a shorter way.
			const late = reading.anomaly && reading.timeMs > memory.scoredMs;
			if (late) memory.scoredMs = reading.timeMs;
			return late && reading.anomaly ? this.alert(reading.anomaly, nowMs) : [];
		}
		memory.newestMs = reading.timeMs;
		if (reading.anomaly) memory.scoredMs = reading.timeMs;
		learn(memory, reading, derived);
		const signals: Signal[] = [];
		for (const { rule, one, identity } of memory.watches) {
			const on = one.update(memory.known);
			const suppress = this.#suppression(rule, memory);
			signals.push({
				...identity,
				...{ on, suppress, onDelayMs: rule.onDelayMs, offDelayMs: rule.offDelayMs },
				priority: rule.priority === "auto" ? "medium" : rule.priority,
				cause: on === true ? causeOf(one, reading.machine) : noCause,
				excessKw: on === true ? excessOf(one, memory.known) : null,
			});
		}
		return reading.anomaly ? [...signals, ...this.alert(reading.anomaly, nowMs)] : signals;
	}

	/** An alert, or what a scored reading says as of itself: level and cause hold until the next. */
	alert(alert: AnomalyAlert, nowMs: number): Signal[] {
		const { level, machine } = alert;
		const memory = this.#remember(machine);
		memory.anomaly = last(memory.anomaly, alert, nowMs);
		const { cause, excessKw } = memory.anomaly;
		return this.#of(machine, "anomaly").map((rule) => ({
			...this.#identity(rule, machine),
			...{ on: level !== "normal", suppress: this.#suppression(rule, memory), excessKw, cause },
			...{ onDelayMs: rule.onDelayMs, offDelayMs: rule.offDelayMs },
			priority: priorityOf(rule, level === "critical" ? "high" : "medium"),
		}));
	}

	/**
	 * Which machines are silent now, as sensor-validate counts them; those that were and are not speak again.
	 *
	 * @param silent seconds of silence by machine
	 */
	silence(silent: ReadonlyMap<string, number>): Signal[] {
		return this.#rules
			.filter(({ source }) => source === "silent")
			.flatMap((rule) => {
				const before = this.#silent.get(rule.id) ?? new Set();
				const now = new Set([...silent.keys()].filter((id) => rule.machines.size === 0 || rule.machines.has(id)));
				this.#silent.set(rule.id, now);
				return [...new Set([...before, ...now])].map((machine): Signal => {
					const main = this.#machines.get(machine)?.role === "main";
					return {
						...this.#identity(rule, machine),
						// While a meter is silent its machine's state is old news.
						...{ on: now.has(machine), suppress: null, excessKw: null },
						...{ onDelayMs: rule.onDelayMs, offDelayMs: rule.offDelayMs },
						priority: priorityOf(rule, main ? "high" : "medium"),
						cause: { code: "alarms.cause.silent", details: { seconds: silent.get(machine) ?? 0 } },
					};
				});
			});
	}

	/** An alarm that stands from before a restart: its end, too, is told only to who remembers it. */
	expect({ rule, machine }: { rule: string; machine: string }): void {
		const source = this.#rules.find(({ id }) => id === rule)?.source;
		if (source === "demand" && machine !== "") this.#disobedient.add(machine);
		if (source === "schedule" && machine !== "") {
			const down = this.#down.get(rule) ?? new Set();
			this.#down.set(rule, down.add(machine));
		}
		if (source !== "silent") return;
		const known = this.#silent.get(rule) ?? new Set();
		this.#silent.set(rule, known.add(machine));
	}

	/** Machines that stand still and were planned with, one alarm each; and a plan that had to end, until one is in force. */
	schedule({ down, broken }: ScheduleWord): Signal[] {
		return this.#rules
			.filter(({ source }) => source === "schedule")
			.flatMap((rule) => {
				const before = this.#down.get(rule.id) ?? new Set();
				const now = new Set([...down].filter((id) => rule.machines.size === 0 || rule.machines.has(id)));
				this.#down.set(rule.id, now);
				const shared = { suppress: null, excessKw: null, onDelayMs: rule.onDelayMs, offDelayMs: rule.offDelayMs };
				const priority = priorityOf(rule, "high");
				const machines = [...new Set([...before, ...now])].map((machine): Signal => {
					const cause: Cause = { code: "alarms.cause.machine-down", details: {} };
					return { ...this.#identity(rule, machine), ...shared, on: now.has(machine), priority, cause };
				});
				const on = broken === undefined ? null : broken !== null;
				return [...machines, { ...this.#identity(rule, ""), ...shared, on, priority, cause: broken ?? noCause }];
			});
	}

	demand({ state, predictedKw, limitKw, krw }: DemandWord): Signal[] {
		const over = predictedKw !== null && limitKw !== null && predictedKw > limitKw;
		const silent = state === "silent";
		const cause: Cause = silent
			? { code: "alarms.cause.demand-silent", details: {} }
			: (this.#worse ?? demandCause(predictedKw, limitKw, krw));
		return this.#of("", "demand").map((rule) => ({
			...this.#identity(rule, ""),
			// The first minutes of a quarter-hour are still a guess.
			...{ on: state === "lockout" ? null : over || silent, suppress: null, excessKw: null },
			...{ onDelayMs: rule.onDelayMs, offDelayMs: rule.offDelayMs },
			...{ priority: priorityOf(rule, "high"), cause },
		}));
	}

	/**
	 * What demand control says beside the figures: too little to shed, a load that does not follow. Both end with the
	 * quarter-hour; a load also when it is restored.
	 */
	demandEvent(code: string, details: Readonly<Record<string, unknown>>, text: Cause["text"]): Signal[] {
		const cause: Cause = { code: `alarms.cause.${code}`, details: {}, ...(text && { text }) };
		const load = (machine: string, on: boolean): Signal[] =>
			this.#of(machine, "demand").map((rule) => ({
				...this.#identity(rule, machine),
				...{ on, suppress: null, excessKw: null, onDelayMs: 0, offDelayMs: 0 },
				...{ priority: priorityOf(rule, "high"), cause },
			}));
		const machine = typeof details.machine === "string" ? details.machine : "";
		if (code === "demand.not-enough") this.#worse = cause;
		if (code === "demand.not-followed" && machine !== "") {
			this.#disobedient.add(machine);
			return load(machine, true);
		}
		if (code === "demand.restored" && this.#disobedient.delete(machine)) return load(machine, false);
		if (code !== "demand.closed") return [];
		this.#worse = undefined;
		const followed = [...this.#disobedient].flatMap((one) => load(one, false));
		this.#disobedient.clear();
		return followed;
	}

	/** Rules about a machine (empty: the site); only those of a source where one is named. */
	#of(machine: string, source?: AlarmRule["source"]): AlarmRule[] {
		return this.#rules.filter(
			(rule) =>
				(source === undefined || rule.source === source) &&
				(machine === "" || rule.machines.size === 0 || rule.machines.has(machine)),
		);
	}

	#identity(rule: AlarmRule, machine: string): AlarmIdentity {
		const area = this.#machines.get(machine)?.area ?? "";
		const groups = {
			machine: machine === "" ? `site:${this.#site}` : `machine:${machine}`,
			area: `area:${area}`,
			site: `site:${this.#site}`,
			none: `rule:${rule.id}:${machine}`,
		};
		return { rule: rule.id, machine, group: groups[rule.group] };
	}

	#suppression(rule: AlarmRule, { known }: Memory): string | null {
		return known.state !== undefined && rule.suppressWhen.has(known.state) ? `state:${known.state}` : null;
	}

	#remember(machine: string): Memory {
		let memory = this.#memory.get(machine);
		if (!memory) {
			const watches = this.#of(machine).flatMap((rule) =>
				rule.condition ? [{ rule, one: watch(rule.condition), identity: this.#identity(rule, machine) }] : [],
			);
			const never = Number.NEGATIVE_INFINITY;
			const times = { newestMs: never, scoredMs: never };
			memory = { machine: this.#machines.get(machine), known: {}, atMs: {}, ...times, watches };
			this.#memory.set(machine, memory);
		}
		return memory;
	}
}

const round = (value: number): number => Number(value.toPrecision(4));
const priorityOf = (rule: AlarmRule, said: Priority): Priority => (rule.priority === "auto" ? said : rule.priority);
const noCause: Cause = { code: "alarms.cause.condition", details: {} };
const measureNames = Object.keys(measures) as Measure[];

/** Takes over what a reading tells, and forgets what was told too long ago. */
function learn(memory: Memory, reading: ScoredReading, derived: Derived | undefined): void {
	const { known, atMs } = memory;
	const { timeMs } = reading;
	const rated = memory.machine?.ratedKw;
	for (const name of measureNames) {
		const value =
			name === "loadPercent"
				? rated && reading.powerKw !== undefined
					? (100 * reading.powerKw) / rated
					: undefined
				: name === "efficiency" || name === "idleShare" || name === "specificEnergyKwh"
					? derived?.[name]
					: reading[name];
		if (value !== undefined && Number.isFinite(value)) {
			known[name] = value;
			atMs[name] = timeMs;
		} else if (known[name] !== undefined && timeMs - (atMs[name] ?? 0) > FRESH_MS) delete known[name];
	}
	if (reading.state !== undefined) {
		known.state = reading.state;
		atMs.state = timeMs;
	} else if (known.state !== undefined && timeMs - (atMs.state ?? 0) > FRESH_MS) delete known.state;
}

function causeOf(one: Watch, machine: string): Cause {
	const reason = one.reason();
	if (!reason) return { code: "alarms.cause.condition", details: { machine } };
	const { measure, above, limit, value } = reason;
	return {
		code: above ? "alarms.cause.above" : "alarms.cause.below",
		details: { measure, value: round(value), limit, unit: measures[measure] },
	};
}

/** What a condition says of power that should not be: above its limit, or lost to what is inefficient or idle. */
function excessOf(one: Watch, known: Known): number | null {
	const reason = one.reason();
	const { powerKw } = known;
	if (!reason || powerKw === undefined) return null;
	const { measure, above, limit, value } = reason;
	if (measure === "powerKw" && above) return Math.max(0, powerKw - limit);
	if (measure === "loadPercent" && above) return value > 0 ? Math.max(0, powerKw * (1 - limit / value)) : null;
	if (measure === "efficiency" && !above) return powerKw * (1 - Math.min(1, Math.max(0, value)));
	return null;
}

/** Features of anomaly detection that are no measures of a reading have no unit here. */
function unitOf(feature: string): string {
	if (powerMeans.includes(feature)) return measures.powerKw;
	return Object.hasOwn(measures, feature) ? measures[feature as Measure] : "";
}

function demandCause(predictedKw: number | null, limitKw: number | null, krw: number | null): Cause {
	const details = { predictedKw: round(predictedKw ?? 0), limitKw: round(limitKw ?? 0) };
	if (krw === null || krw <= 0) return { code: "alarms.cause.demand", details };
	return { code: "alarms.cause.demand-priced", details: { ...details, krw: Math.round(krw) } };
}

/** What is known of a machine's anomaly with one word more about it. */
function last(before: Lasting | undefined, alert: AnomalyAlert, nowMs: number): Lasting {
	const { level, contributions, excessKw } = alert;
	const goesOn =
		before?.level === level && (before.cause.code !== "alarms.cause.anomaly" || contributions.length === 0);
	const cause = goesOn && before ? before.cause : anomalyCause(alert);
	const share = before ? 1 - Math.exp(-(nowMs - before.atMs) / EXCESS_MS) : 1;
	const mean =
		level === "normal" || !before || before.level === "normal" || before.excessKw === null
			? excessKw
			: before.excessKw + share * ((excessKw ?? 0) - before.excessKw);
	return { level, cause, excessKw: mean, atMs: nowMs };
}

/** Means of power, told in kW beside what they usually are. */
const powerMeans: readonly string[] = ["meanGap", "longMeanGap"];
/** Features that are told in their own unit; the others are distances from what is usual in their context. */
const measured: readonly string[] = ["powerKw", "voltageV", "frequencyHz", ...powerMeans];

function anomalyCause({ contributions, method, level, score }: AnomalyAlert): Cause {
	const [first] = contributions;
	const details = { score: Math.round(score * 100) / 100, method, level };
	if (!first) return { code: "alarms.cause.anomaly", details };
	const { feature, value, usual, deviations, limit } = first;
	if (feature === "state") return { code: "alarms.cause.fault", details };
	if (limit !== undefined && value !== undefined) {
		const passed = { measure: feature, value: round(value), limit: round(limit), unit: unitOf(feature) };
		return { code: "alarms.cause.above", details: { ...details, ...passed } };
	}
	if (deviations !== undefined && !measured.includes(feature)) {
		const code = deviations >= 0 ? "alarms.cause.anomaly-far-above" : "alarms.cause.anomaly-far-below";
		return { code, details: { ...details, feature, deviations: Math.abs(round(deviations)) } };
	}
	if (value === undefined || usual === undefined) {
		return { code: "alarms.cause.anomaly-feature", details: { ...details, feature } };
	}
	const code = value >= usual ? "alarms.cause.anomaly-above" : "alarms.cause.anomaly-below";
	const figures = { value: round(value), usual: round(usual), unit: unitOf(feature) };
	return { code, details: { ...details, feature, ...figures } };
}
