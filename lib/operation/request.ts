import type { JobSpec, OperationSpec, PlannedOperation } from "../scheduling/problem.ts";
import { activeRun, ceilTo, floorTo, isJobDone, iso, operationsOf, remainingOf } from "./progress.ts";
import { isActive, type JobRecord, keyOf, type PlanRequest } from "./records.ts";
import type { PlanReason, StoredPlan } from "./types.ts";

export interface Surface {
	jobs: ReadonlyMap<string, JobRecord>;
	/** The plan in force. */
	current: StoredPlan | null;
	/** The one that was in force last, where it had to end. */
	before: StoredPlan | null;
	down: ReadonlyMap<string, number>;
	intervalMinutes: number;
	frozenMs: number;
	repairMs: number;
	/** A start may come so late. */
	lateMs: number;
	horizonMs: number;
}

/** What the planner is asked: everything that can still be decided, and what it has to plan around. */
export function requestOf(surface: Surface, reason: PlanReason, by: string, nowMs: number): PlanRequest {
	const { jobs, down, intervalMinutes } = surface;
	const stepMs = intervalMinutes * 60_000;
	const request: PlanRequest = {
		...{ reason, by, nowMs, jobs: [], frozen: [], pinned: [], running: [], families: {} },
		...{
			currentId: surface.current?.id ?? null,
			current: null,
			before: null,
			missedDeadlines: [],
			givenUp: givenUpBy(surface.current),
		},
		down: [...down].map(([machine, sinceMs]) => ({
			machine,
			untilMs: ceilTo(backAtMs(sinceMs, surface.repairMs, nowMs), stepMs),
		})),
	};
	request.families = familiesOf(jobs);
	const waiting = heldJobs(jobs, intervalMinutes);
	const placed = placesOf(surface.current);
	// What is only about to begin is a start of its own; everything later is up to the planner.
	const earliestMs = ceilTo(nowMs, stepMs);
	for (const record of jobs.values()) {
		for (const run of record.runs.filter(isActive)) {
			request.running.push({
				...{ job: record.order.id, operation: run.operation, machine: run.machine },
				// What comes next may wait a little: a minute too long does not take a quarter-hour, nor do its last seconds.
				...{
					fromMs: run.plannedStartMs,
					endMs: Math.max(ceilTo(run.endMs - surface.lateMs, stepMs), floorTo(nowMs, stepMs)),
				},
				powerKw: run.powerKw,
			});
		}
		if (waiting.has(record.order.id)) continue;
		const left = remainingOf(record, nowMs, intervalMinutes, surface.lateMs);
		if (!left || Date.parse(left.release ?? iso(0)) >= nowMs + surface.horizonMs) continue;
		request.jobs.push(specOf(surface, record, left, earliestMs, placed, request));
	}
	request.jobs = withTheirPredecessors(request.jobs);
	request.current = currentOf(request.jobs, placed, floorTo(nowMs, stepMs));
	const before = surface.current ?? surface.before;
	request.before = currentOf(request.jobs, placesOf(before), floorTo(nowMs, stepMs));
	return request;
}

/**
 * When a machine that stands still is expected back: a time that stays, so that a plan that waits for it stays right; once
 * that is past, as long again as it has stood by then.
 */
export function backAtMs(sinceMs: number, repairMs: number, nowMs: number): number {
	let span = Math.max(60_000, repairMs);
	while (sinceMs + span <= nowMs) span *= 2;
	return sinceMs + span;
}

/** Jobs whose deadline the plan in force could not keep. */
const givenUpBy = (plan: StoredPlan | null): string[] =>
	(plan?.conflicts ?? []).flatMap(({ code, job }) => (code === "operation.deadline-given-up" && job ? [job] : []));

/** What each machine made last. */
function familiesOf(jobs: ReadonlyMap<string, JobRecord>): Record<string, string> {
	const last = new Map<string, { startMs: number; family: string | undefined }>();
	for (const record of jobs.values()) {
		for (const run of record.runs) {
			if ((last.get(run.machine)?.startMs ?? Number.NEGATIVE_INFINITY) > run.plannedStartMs) continue;
			const spec = operationsOf(record).find(({ id }) => id === run.operation)?.spec;
			last.set(run.machine, { startMs: run.plannedStartMs, family: spec?.family });
		}
	}
	return Object.fromEntries([...last].flatMap(([machine, { family }]) => (family ? [[machine, family]] : [])));
}

/** Without jobs that wait for one which is not released within the horizon. */
function withTheirPredecessors(jobs: JobSpec[]): JobSpec[] {
	const known = new Set(jobs.map(({ id }) => id));
	const kept = jobs.filter(({ after = [] }) => after.every(({ job }) => known.has(job)));
	return kept.length === jobs.length ? jobs : withTheirPredecessors(kept);
}

/** Jobs that a person holds, and those that wait for them. */
function heldJobs(jobs: ReadonlyMap<string, JobRecord>, intervalMinutes: number): Set<string> {
	const held = new Set([...jobs.values()].filter((record) => record.held).map(({ order }) => order.id));
	for (let more = true; more; ) {
		more = false;
		for (const { order } of jobs.values()) {
			if (held.has(order.id)) continue;
			const stuck = (order.after ?? []).some(({ job }) => {
				const other = jobs.get(job);
				return other && held.has(job) && !isJobDone(other, intervalMinutes);
			});
			if (stuck) {
				held.add(order.id);
				more = true;
			}
		}
	}
	return held;
}

function placesOf(plan: StoredPlan | null): Map<string, PlannedOperation> {
	const places = new Map<string, PlannedOperation>();
	for (const { job, operation, machine, start, end, pieces, state } of plan?.operations ?? []) {
		if (state === "withdrawn") continue;
		places.set(keyOf(job, operation), { job, operation, machine, pieces: pieces ?? [{ start, end }] });
	}
	return places;
}

function specOf(
	surface: Surface,
	record: JobRecord,
	left: JobSpec,
	earliestMs: number,
	placed: ReadonlyMap<string, PlannedOperation>,
	request: PlanRequest,
): JobSpec {
	const { jobs, intervalMinutes } = surface;
	let awaitedMs = 0;
	const after = (left.after ?? []).filter(({ job, lagMinutes = 0 }) => {
		const other = jobs.get(job);
		if (!other) return false;
		const ends = other.runs.map(({ endMs, endedMs }) => endedMs ?? endMs);
		const rest = remainingOf(other, request.nowMs, intervalMinutes, surface.lateMs);
		// Running operations of the other job count by their end; those that are still to be placed by the plan.
		if (ends.length > 0)
			awaitedMs = Math.max(
				awaitedMs,
				ceilTo(Math.max(...ends) - surface.lateMs + lagMinutes * 60_000, 60_000 * intervalMinutes),
			);
		return rest !== null;
	});
	const { deadline, after: _, ...spec } = left;
	const own = left.operations.map((operation) => releaseOf(operation));
	const releaseMs = Math.max(earliestMs, releaseOf(left), awaitedMs);
	const missed = deadline !== undefined && Date.parse(deadline) <= Math.max(releaseMs, ...own);
	if (missed) request.missedDeadlines.push(left.id);
	return {
		...spec,
		release: iso(releaseMs),
		...(after.length > 0 ? { after } : {}),
		...(deadline === undefined || missed ? {} : { deadline }),
		...(missed && spec.due === undefined ? { due: deadline } : {}),
		operations: left.operations.map((operation) => fixedOf(surface, record, operation, placed, request, awaitedMs)),
	};
}

const releaseOf = ({ release }: { release?: string }): number => (release === undefined ? 0 : Date.parse(release));

/** An operation that a person put somewhere, or that starts so soon that it stays where it is. */
function fixedOf(
	surface: Surface,
	record: JobRecord,
	operation: OperationSpec,
	placed: ReadonlyMap<string, PlannedOperation>,
	request: PlanRequest,
	awaitedMs: number,
): OperationSpec {
	const { nowMs } = request;
	const id = operation.id ?? "";
	const key = keyOf(record.order.id, id);
	const pin = record.pins.find((each) => each.operation === id);
	if (pin && Date.parse(pin.start) >= floorTo(nowMs, surface.intervalMinutes * 60_000)) {
		request.pinned.push(key);
		return { ...operation, fixed: { machine: pin.machine, start: pin.start } };
	}
	const place = placed.get(key);
	const start = place?.pieces[0]?.start;
	const soon = start !== undefined && Date.parse(start) - nowMs < surface.frozenMs;
	const stands = place !== undefined && place.pieces.length === 1 && !surface.down.has(place.machine);
	const whole =
		operationsOf(record).length > 0 && !activeRun(record, id) && record.runs.every((run) => run.operation !== id);
	// A start that was missed is no longer one.
	const ahead = start !== undefined && Date.parse(start) + surface.lateMs > nowMs;
	// Nor is one before the end of what overruns ahead of it.
	const released = Date.parse(start ?? iso(0)) >= Math.max(awaitedMs, releaseOf(operation));
	if (!place || !start || !soon || !stands || !whole || !ahead || !released) return operation;
	if (surface.current?.status !== "dispatched") return operation;
	request.frozen.push(key);
	return { ...operation, fixed: { machine: place.machine, start } };
}

/** The rest of the plan in force, as a plan of these jobs. */
function currentOf(
	jobs: readonly JobSpec[],
	placed: ReadonlyMap<string, PlannedOperation>,
	fromMs: number,
): PlanRequest["current"] {
	const operations = jobs.flatMap(({ id, operations }) =>
		operations.flatMap((operation) => {
			const place = placed.get(keyOf(id, operation.id ?? ""));
			const pieces = place?.pieces.filter(({ start }) => Date.parse(start) >= fromMs) ?? [];
			return place && pieces.length > 0 ? [{ ...place, pieces }] : [];
		}),
	);
	return operations.length > 0 ? { operations } : null;
}
