import type { Site } from "../telemetry/site.ts";
import type { Engine } from "./engine.ts";
import { activeRun, isDone, isJobDone, iso, modeOn } from "./progress.ts";
import { isActive, type JobRecord, keyOf, type OperationEvent, type Run } from "./records.ts";
import { backAtMs } from "./request.ts";
import { labelOf } from "./stored.ts";
import type { Job, OperationState, PlacedOperation, PlanSummary, ScheduleBoard, StoredPlan, Words } from "./types.ts";
import { wordsOf, wordsWith } from "./words.ts";
import { windowsOf } from "./working-time.ts";

const MINUTE_MS = 60_000;
/** Jobs on a board; more are asked for by the API. */
const MOST_JOBS = 200;
/** What ended within this stays in the picture. */
const PAST_MS = 12 * 3_600_000;

/** A job as the API answers it. */
export function wireJob(record: JobRecord, intervalMinutes: number): Job {
	const { order, held, pins, createdMs, changedMs, by } = record;
	const state = isJobDone(record, intervalMinutes)
		? "done"
		: activeRun(record)
			? "running"
			: held
				? "held"
				: record.runs.at(-1)?.state === "failed"
					? "failed"
					: "open";
	return {
		...order,
		state,
		...(pins.length > 0 ? { pins } : {}),
		createdAt: iso(createdMs),
		changedAt: iso(changedMs),
		by,
	};
}

/** A plan without its series: what lists carry. */
export function summaryOf(plan: StoredPlan): PlanSummary {
	const {
		operations: _,
		siteLoadKw: __,
		baseLoadKw: ___,
		safeBaseLoadKw: ____,
		capKw: _____,
		prices: ______,
		sources: _______,
		...rest
	} = plan;
	return rest;
}

/** A plan with what became of its operations until now. */
export function decorated(plan: StoredPlan, engine: Pick<Engine, "jobs" | "options">, nowMs: number): StoredPlan {
	if (plan.status !== "dispatched" && plan.status !== "approved" && plan.status !== "proposed") return plan;
	const operations = plan.operations.map((placed) => {
		const record = engine.jobs.get(placed.job);
		return record ? withState(placed, record, plan, engine.options, nowMs) : { ...placed, state: "withdrawn" as const };
	});
	return { ...plan, operations };
}

function withState(
	placed: PlacedOperation,
	record: JobRecord,
	plan: StoredPlan,
	{ lateMs, frozenMs, intervalMinutes }: Engine["options"],
	nowMs: number,
): PlacedOperation {
	const startMs = Date.parse(placed.start);
	const run = record.runs.findLast((each) => each.operation === placed.operation && each.plannedStartMs >= startMs);
	const state = ((): OperationState => {
		if (run && isActive(run)) return nowMs > run.plannedEndMs + lateMs ? "late" : "running";
		if (run?.state === "failed") return "failed";
		if (run && isDone(record, placed.operation, intervalMinutes)) return "done";
		if (placed.state === "withdrawn") return "withdrawn";
		if (record.held) return "held";
		if (!run && plan.status === "dispatched" && nowMs > startMs + lateMs) return "late";
		return plan.status === "dispatched" && startMs - nowMs < frozenMs ? "frozen" : "planned";
	})();
	const asRun = run && asRunOf(run);
	return { ...placed, state, ...(asRun ? { asRun } : {}) };
}

function asRunOf(run: Run): NonNullable<PlacedOperation["asRun"]> {
	const startMs = run.startedMs ?? run.commandedMs;
	const endMs = run.endedMs ?? Math.max(run.endMs, run.plannedEndMs);
	return {
		start: iso(startMs),
		...(run.endedMs === undefined ? {} : { end: iso(run.endedMs) }),
		lateMinutes: Math.max(0, Math.round((startMs - run.plannedStartMs) / MINUTE_MS)),
		overrunMinutes: Math.max(0, Math.round((endMs - run.plannedEndMs) / MINUTE_MS)),
	};
}

/** What ended lately and no longer stands in the plan. */
function pastOf(engine: Pick<Engine, "jobs">, plan: StoredPlan, nowMs: number): PlacedOperation[] {
	const there = new Set(
		plan.operations.map(({ job, operation, start }) => `${keyOf(job, operation)}@${Date.parse(start)}`),
	);
	const past: PlacedOperation[] = [];
	for (const record of engine.jobs.values()) {
		for (const run of record.runs) {
			const key = `${keyOf(record.order.id, run.operation)}@${run.plannedStartMs}`;
			if (run.endedMs === undefined || run.endedMs < nowMs - PAST_MS || there.has(key)) continue;
			const mode = modeOn(record, run.operation, run.machine);
			past.push({
				...{ job: record.order.id, operation: run.operation, label: labelOf(record), machine: run.machine },
				...{ start: iso(run.plannedStartMs), end: iso(run.plannedEndMs), costKrw: 0 },
				powerKw: mode && run.powerKw.every((kw) => kw === run.powerKw[0]) ? (run.powerKw[0] ?? 0) : run.powerKw,
				reason: { code: "operation.reason-over", text: wordsOf("operation.reason-over", {}) },
				state: run.state === "failed" ? "failed" : "done",
				asRun: asRunOf(run),
			});
		}
	}
	return past;
}

/** Everything a card draws. */
export function boardOf(
	engine: Engine,
	site: Site,
	nowMs: number,
	told: Pick<ScheduleBoard, "planning" | "problem" | "history">,
): ScheduleBoard {
	const { current, proposed, waiting } = engine;
	const shown = current ?? waiting;
	const used = new Set(
		[...engine.jobs.values()].flatMap(({ order }) =>
			order.operations.flatMap(({ modes }) => modes.map(({ machine }) => machine)),
		),
	);
	const plan = shown && decorated(shown, engine, nowMs);
	return {
		site: site.id,
		time: iso(nowMs),
		timeZone: site.timeZone,
		approval: engine.options.approval,
		machines: site.machines
			.filter(({ id }) => used.has(id) || engine.down.has(id))
			.map(({ id, name, names, work }) => ({
				...{ id, name, ...(names ? { names } : {}), down: engine.down.has(id) },
				closed: closedOf(engine, id, work, site.timeZone, nowMs),
			})),
		current: plan && { ...plan, operations: [...pastOf(engine, plan, nowMs), ...plan.operations] },
		proposed: proposed ?? (current && waiting ? waiting : null),
		held: [...engine.jobs.values()]
			.filter(({ held }) => held)
			.map((record) => ({ id: record.order.id, label: labelOf(record) })),
		frozenUntil: current?.status === "dispatched" ? iso(nowMs + engine.options.frozenMs) : null,
		jobs: jobsOf(engine),
		jobCount: engine.jobs.size,
		...told,
	};
}

const jobOrder: readonly Job["state"][] = ["running", "failed", "open", "held", "done"];

/** Those still to do first, by what they are due; done ones newest first. */
function jobsOf(engine: Engine): Job[] {
	const jobs = [...engine.jobs.values()].map((record) => wireJob(record, engine.options.intervalMinutes));
	const place = ({ state }: Job): number => jobOrder.indexOf(state);
	const due = ({ due, deadline }: Job): string => due ?? deadline ?? "9";
	return jobs
		.sort((a, b) => {
			if (a.state === "done" && b.state === "done") return b.changedAt.localeCompare(a.changedAt);
			return place(a) - place(b) || due(a).localeCompare(due(b)) || a.id.localeCompare(b.id);
		})
		.slice(0, MOST_JOBS);
}

type Closed = ScheduleBoard["machines"][number]["closed"];

function closedOf(
	engine: Engine,
	id: string,
	work: Site["machines"][number]["work"],
	timeZone: string,
	nowMs: number,
): Closed {
	const [fromMs, toMs] = [nowMs - PAST_MS, nowMs + engine.options.horizonMs];
	const { shifts, maintenance } = windowsOf(work, timeZone, fromMs, toMs);
	const closed: Closed = maintenance.map(({ start, end }) => ({ start, end, why: "maintenance" as const }));
	if (shifts) {
		let at = fromMs;
		for (const { start, end } of shifts) {
			if (Date.parse(start) > at) closed.push({ start: iso(at), end: start, why: "shift" });
			at = Math.max(at, Date.parse(end));
		}
		if (at < toMs) closed.push({ start: iso(at), end: iso(toMs), why: "shift" });
	}
	const sinceMs = engine.down.get(id);
	if (sinceMs !== undefined) {
		closed.push({ start: iso(sinceMs), end: iso(backAtMs(sinceMs, engine.options.repairMs, nowMs)), why: "breakdown" });
	}
	return closed;
}

/** An event as it goes to the live feed and into the journal. */
export function wireEvent(
	event: OperationEvent,
	site: string,
): { site: string; text: Words } & Record<string, unknown> {
	const { code, severity, atMs, plan, details, why } = event;
	return { site, code, severity, time: iso(atMs), plan, details, text: wordsWith(code, details, why) };
}
