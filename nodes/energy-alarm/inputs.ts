import type { AnomalyAlert, Contribution, DemandWord, ScheduleWord, ScoredReading } from "../../lib/alarms/sentinel.ts";
import type { Cause } from "../../lib/alarms/types.ts";
import { EnergyError } from "../../lib/errors.ts";
import type { WireReading } from "../../lib/telemetry/reading.ts";

/** What a message that is no command and no request brings. */
export type Input =
	| { kind: "readings"; readings: ScoredReading[] }
	| { kind: "alerts"; alerts: AnomalyAlert[] }
	| { kind: "silence"; silent: Map<string, number> }
	| { kind: "demand"; word: DemandWord }
	| { kind: "schedule"; word: ScheduleWord }
	| { kind: "demand-event"; code: string; details: Record<string, unknown>; text: Cause["text"] }
	/** Of another site, or an event that is none of ours to judge. */
	| { kind: "nothing" };

type Loose = Record<string, unknown>;

const isObject = (value: unknown): value is Loose =>
	typeof value === "object" && value !== null && !Array.isArray(value);
const numberOrNull = (value: unknown): number | null =>
	typeof value === "number" && Number.isFinite(value) ? value : null;
const listOf = (payload: unknown): readonly unknown[] => (Array.isArray(payload) ? payload : [payload]);

/**
 * Tells by topic and shape what came: the nodes before this one are wired to its one input.
 *
 * @throws EnergyError `alarms.bad-input`
 */
export function inputOf(topic: unknown, payload: unknown, site: string): Input {
	if (isObject(payload) && payload.site !== undefined && payload.site !== site) return { kind: "nothing" };
	if (isObject(payload) && Array.isArray(payload.silent)) return { kind: "silence", silent: silentOf(payload.silent) };
	if (topic === "demand" && isObject(payload)) return { kind: "demand", word: demandOf(payload) };
	if (topic === "schedule" && isObject(payload)) return { kind: "schedule", word: scheduleOf(payload) };
	if (isObject(payload) && typeof payload.code === "string") {
		if (!payload.code.startsWith("demand.")) return { kind: "nothing" };
		const { code, details, text } = payload;
		return {
			...{ kind: "demand-event", code: String(code), details: isObject(details) ? details : {} },
			text: isObject(text) ? (text as Cause["text"]) : undefined,
		};
	}
	const items = listOf(payload);
	if (items.length > 0 && items.every(isAlert)) return { kind: "alerts", alerts: items.map(alertOf) };
	return { kind: "readings", readings: items.flatMap((item) => readingOf(item, site)) };
}

function silentOf(list: readonly unknown[]): Map<string, number> {
	return new Map(
		list
			.filter(isObject)
			.flatMap(({ machine, silentS }) =>
				typeof machine === "string" ? [[machine, numberOrNull(silentS) ?? 0] as const] : [],
			),
	);
}

function demandOf({ state, predictedKw, limitKw, price }: Loose): DemandWord {
	return {
		state: String(state),
		...{ predictedKw: numberOrNull(predictedKw), limitKw: numberOrNull(limitKw) },
		krw: isObject(price) ? numberOrNull(price.krw) : null,
	};
}

/** Why a plan that was in force ends without a person: a rule that it no longer keeps, or nobody could check it. */
const brokenBy: readonly unknown[] = ["operation.plan-broken", "operation.plan-stale"];

/** What the board of production-plan says of machines, and of the plan that was in force last. */
function scheduleOf({ machines, history, jobs, current }: Loose): ScheduleWord {
	const list = (value: unknown): Loose[] => (Array.isArray(value) ? value.filter(isObject) : []);
	const down = new Set(list(machines).flatMap(({ id, down }) => (down === true && typeof id === "string" ? [id] : [])));
	const reason = ({ endedWhy }: Loose): Loose => (isObject(endedWhy) ? endedWhy : {});
	const last = list(history).find((plan) => plan.dispatchedAt !== undefined || brokenBy.includes(reason(plan).code));
	const toDo = list(jobs).some(({ state }) => state === "open" || state === "failed");
	const inForce = isObject(current) && current.status === "dispatched";
	if (!toDo) return { down, broken: null };
	if (inForce) return { down, broken: partOf(current, list(jobs)) };
	if (!last) return { down, broken: undefined };
	const { code, text } = reason(last);
	if (!brokenBy.includes(code)) return { down, broken: null };
	const said = isObject(text) ? (text as Cause["text"]) : undefined;
	return { down, broken: { code: "alarms.cause.plan-broken", details: {}, ...(said && { text: said }) } };
}

/** Jobs that had to leave the plan in force, as long as they are to do and no other plan holds them. */
function partOf({ conflicts }: Loose, jobs: readonly Loose[]): Cause | null {
	const toDo = new Set(jobs.filter(({ state }) => state === "open" || state === "failed").map(({ id }) => id));
	const left = (Array.isArray(conflicts) ? conflicts.filter(isObject) : []).find(
		({ code, job }) => code === "operation.part-withdrawn" && toDo.has(job),
	);
	if (!left) return null;
	const said = isObject(left.text) ? (left.text as Cause["text"]) : undefined;
	return { code: "alarms.cause.plan-broken", details: {}, ...(said && { text: said }) };
}

/** An alert tells of a change of level, so it knows the one before; a scored reading does not. */
function isAlert(value: unknown): boolean {
	return isObject(value) && isLevel(value.level) && typeof value.machine === "string" && "previous" in value;
}

function isLevel(value: unknown): value is AnomalyAlert["level"] {
	return value === "normal" || value === "warning" || value === "critical";
}

/** What anomaly detection says, in an alert or beside a reading. */
function alertOf(value: unknown): AnomalyAlert {
	const alert = value as Loose & { machine: string; level: AnomalyAlert["level"] };
	const given = Array.isArray(alert.contributions) ? alert.contributions : [];
	const { machine, level, score, method, excessKw } = alert;
	return {
		...{ machine, level, contributions: given.filter(isObject).map(contributionOf) },
		...{ score: numberOrNull(score) ?? 0, method: String(method ?? "") },
		excessKw: numberOrNull(excessKw),
	};
}

function contributionOf(one: Loose): Contribution {
	const contribution: Contribution = { feature: String(one.feature ?? "") };
	for (const name of ["value", "usual", "deviations", "limit"] as const) {
		const number = numberOrNull(one[name]);
		if (number !== null) contribution[name] = number;
	}
	return contribution;
}

function readingOf(value: unknown, site: string): ScoredReading[] {
	const reading = value as Partial<WireReading> | null | undefined;
	const timeMs = typeof reading?.time === "string" ? Date.parse(reading.time) : Number.NaN;
	if (typeof reading?.machine !== "string" || Number.isNaN(timeMs)) {
		const rule =
			"readings, scored readings, alerts, summaries of sensor-validate, states of demand-guard or boards of production-plan";
		throw new EnergyError("alarms.bad-input", { rule });
	}
	if (reading.site !== undefined && reading.site !== site) return [];
	const scored: ScoredReading = { ...(reading as WireReading), site, timeMs };
	if (isLevel((value as Loose).level)) scored.anomaly = alertOf(value);
	return [scored];
}
