import {
	type JobSpec,
	type ModeSpec,
	modeLength,
	modePowerKw,
	type OperationSpec,
	operationId,
} from "../scheduling/problem.ts";
import { isActive, type JobRecord, type Run } from "./records.ts";
import type { Order } from "./types.ts";

const MINUTE_MS = 60_000;

/** Runs of an operation, in the order they began. */
const runsOf = (record: JobRecord, operation: string): Run[] =>
	record.runs.filter((run) => run.operation === operation);

export const activeRun = (record: JobRecord, operation?: string): Run | undefined =>
	record.runs.find((run) => isActive(run) && (operation === undefined || run.operation === operation));

export const operationsOf = ({ order }: JobRecord): { id: string; spec: OperationSpec; index: number }[] =>
	order.operations.map((spec, index) => ({ id: operationId(spec, index), spec, index }));

/** Intervals of an operation that are done: what was interrupted counts, what failed counts only where it may be resumed. */
export function doneIntervals(record: JobRecord, operation: string): number {
	const spec = operationsOf(record).find(({ id }) => id === operation)?.spec;
	let done = 0;
	for (const run of runsOf(record, operation)) {
		if (run.state === "done") done = run.before + run.powerKw.length;
		else if ((run.state === "stopped" || run.state === "failed") && spec?.preemptible) {
			const ran = Math.floor(
				((run.endedMs ?? run.plannedStartMs) - (run.startedMs ?? run.plannedStartMs)) / run.stepMs,
			);
			done = run.before + Math.max(0, Math.min(run.powerKw.length, ran));
		}
	}
	return done;
}

/** Whether an operation is finished on the machine that it ran on. */
export function isDone(record: JobRecord, operation: string, intervalMinutes: number): boolean {
	const last = runsOf(record, operation).at(-1);
	if (last?.state !== "done") return false;
	const mode = modeOn(record, operation, last.machine);
	return !mode || doneIntervals(record, operation) >= modeLength(mode, intervalMinutes);
}

export function modeOn(record: JobRecord, operation: string, machine: string): ModeSpec | undefined {
	const spec = operationsOf(record).find(({ id }) => id === operation)?.spec;
	return spec?.modes.find((mode) => mode.machine === machine);
}

export const isJobDone = (record: JobRecord, intervalMinutes: number): boolean =>
	operationsOf(record).every(({ id }) => isDone(record, id, intervalMinutes));

/** The mode that is left of an operation after so many intervals. */
export function trimmed(mode: ModeSpec, done: number, intervalMinutes: number): ModeSpec {
	if (done === 0) return mode;
	const length = Math.max(1, modeLength(mode, intervalMinutes) - done);
	const powerKw = Array.from({ length }, (_, k) => modePowerKw(mode, done + k));
	return { machine: mode.machine, minutes: length * intervalMinutes, powerKw };
}

/** kW of so many intervals of an operation on a machine, from one of them on. */
export function powersOf(mode: ModeSpec, from: number, length: number): number[] {
	return Array.from({ length }, (_, k) => modePowerKw(mode, from + k));
}

/**
 * What is left of a job, as the solvers take it: done operations and those that run are left out, and the operations
 * that wait for them are released when they end.
 *
 * @param lateMs what comes next may wait so long: a minute too long does not take a quarter-hour
 * @returns null where nothing is left to place
 */
export function remainingOf(record: JobRecord, nowMs: number, intervalMinutes: number, lateMs: number): JobSpec | null {
	const { order } = record;
	const all = operationsOf(record);
	const gone = new Map<string, number>();
	for (const { id } of all) {
		const active = activeRun(record, id);
		const mode = active && modeOn(record, id, active.machine);
		const whole = !active || !mode || active.before + active.powerKw.length >= modeLength(mode, intervalMinutes);
		if (active && whole) gone.set(id, active.endMs);
		else if (isDone(record, id, intervalMinutes)) gone.set(id, runsOf(record, id).at(-1)?.endedMs ?? nowMs);
	}
	const operations: OperationSpec[] = [];
	for (const { id, spec, index } of all) {
		if (gone.has(id)) continue;
		const before = spec.after ?? (index > 0 ? [{ operation: all[index - 1]?.id ?? "" }] : []);
		const kept = before.filter(({ operation }) => !gone.has(operation));
		// Only what waits is released later: the rest of the job does not wait with it.
		let releaseMs = spec.release === undefined ? Number.NEGATIVE_INFINITY : Date.parse(spec.release);
		for (const { operation, lagMinutes = 0 } of before) {
			const ended = gone.get(operation);
			if (ended !== undefined) releaseMs = Math.max(releaseMs, ended - lateMs + lagMinutes * MINUTE_MS);
		}
		const active = activeRun(record, id);
		if (active) releaseMs = Math.max(releaseMs, active.endMs - lateMs);
		operations.push({
			...operationLeft(record, id, spec, kept, intervalMinutes),
			...(releaseMs > Number.NEGATIVE_INFINITY ? { release: iso(ceilTo(releaseMs, intervalMinutes * MINUTE_MS)) } : {}),
		});
	}
	return operations.length === 0 ? null : { ...shared(order), operations };
}

/** An operation of the same job, or of one before it, that another still waits for. */
export interface WaitsFor {
	job: string;
	operation: string;
	/** When it is over, with the time between; undefined where nobody knows. */
	untilMs?: number;
}

/** What an operation still waits for now: what comes before it in its job, and the jobs before its job. */
export function waitsFor(
	record: JobRecord,
	operation: string,
	jobs: ReadonlyMap<string, JobRecord>,
	intervalMinutes: number,
	nowMs: number,
): WaitsFor | null {
	const all = operationsOf(record);
	const own = all.find(({ id }) => id === operation);
	if (!own) return { job: record.order.id, operation };
	const inside = own.spec.after ?? (own.index > 0 ? [{ operation: all[own.index - 1]?.id ?? "" }] : []);
	for (const { operation: id, lagMinutes } of inside) {
		const found = notOver(record, id, lagMinutes, intervalMinutes, nowMs);
		if (found) return found;
	}
	for (const { job, lagMinutes } of record.order.after ?? []) {
		const other = jobs.get(job);
		// A job that was removed is waited for no more.
		for (const { id } of other ? operationsOf(other) : []) {
			const found = other && notOver(other, id, lagMinutes, intervalMinutes, nowMs);
			if (found) return found;
		}
	}
	return null;
}

function notOver(
	record: JobRecord,
	operation: string,
	lagMinutes: number | undefined,
	intervalMinutes: number,
	nowMs: number,
): WaitsFor | null {
	const which = { job: record.order.id, operation };
	if (!isDone(record, operation, intervalMinutes)) return which;
	const untilMs = (runsOf(record, operation).at(-1)?.endedMs ?? 0) + (lagMinutes ?? 0) * MINUTE_MS;
	return untilMs <= nowMs ? null : { ...which, untilMs };
}

function operationLeft(
	record: JobRecord,
	id: string,
	spec: OperationSpec,
	after: NonNullable<OperationSpec["after"]>,
	intervalMinutes: number,
): OperationSpec {
	const active = activeRun(record, id);
	const done = active ? active.before + active.powerKw.length : doneIntervals(record, id);
	const last = runsOf(record, id).at(-1);
	const modes = done > 0 && last ? spec.modes.filter(({ machine }) => machine === last.machine) : spec.modes;
	const { family, size, preemptible, minPauseMinutes } = spec;
	const left = modes.map((mode) => (modeLength(mode, intervalMinutes) - done) * intervalMinutes);
	// The last piece may be shorter than pieces have to be.
	const minRunMinutes = spec.minRunMinutes && Math.max(intervalMinutes, Math.min(spec.minRunMinutes, ...left));
	return {
		id,
		after,
		modes: modes.map((mode) => trimmed(mode, done, intervalMinutes)),
		...(family === undefined ? {} : { family }),
		...(size === undefined ? {} : { size }),
		...(preemptible === undefined ? {} : { preemptible }),
		...(minRunMinutes === undefined ? {} : { minRunMinutes }),
		...(minPauseMinutes === undefined ? {} : { minPauseMinutes }),
	};
}

function shared(order: Order): Omit<JobSpec, "operations"> {
	const { id, name, release, due, deadline, priority, tardinessKrwPerHour, after } = order;
	return {
		id,
		...(name === undefined ? {} : { name }),
		...(release === undefined ? {} : { release }),
		...(due === undefined ? {} : { due }),
		...(deadline === undefined ? {} : { deadline }),
		...(priority === undefined ? {} : { priority }),
		...(tardinessKrwPerHour === undefined ? {} : { tardinessKrwPerHour }),
		...(after === undefined ? {} : { after }),
	};
}

export const iso = (ms: number): string => new Date(ms).toISOString();
export const ceilTo = (ms: number, stepMs: number): number => Math.ceil(ms / stepMs - 1e-9) * stepMs;
export const floorTo = (ms: number, stepMs: number): number => Math.floor(ms / stepMs + 1e-9) * stepMs;
