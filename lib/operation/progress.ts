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
export const runsOf = (record: JobRecord, operation: string): Run[] =>
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
 * What is left of a job, as the solvers take it: done operations and those that run are left out, and what waits for
 * them is released when they end.
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
	let releaseMs = order.release === undefined ? Number.NEGATIVE_INFINITY : Date.parse(order.release);
	const operations: OperationSpec[] = [];
	for (const { id, spec, index } of all) {
		if (gone.has(id)) continue;
		const before = spec.after ?? (index > 0 ? [{ operation: all[index - 1]?.id ?? "" }] : []);
		const kept = before.filter(({ operation }) => !gone.has(operation));
		for (const { operation, lagMinutes = 0 } of before) {
			const ended = gone.get(operation);
			if (ended !== undefined) releaseMs = Math.max(releaseMs, ended - lateMs + lagMinutes * MINUTE_MS);
		}
		const active = activeRun(record, id);
		if (active) releaseMs = Math.max(releaseMs, active.endMs - lateMs);
		operations.push(operationLeft(record, id, spec, kept, intervalMinutes));
	}
	if (operations.length === 0) return null;
	return {
		...shared(order),
		...(releaseMs > Number.NEGATIVE_INFINITY ? { release: iso(ceilTo(releaseMs, intervalMinutes * MINUTE_MS)) } : {}),
		operations,
	};
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

function shared({ id, name, due, deadline, priority, tardinessKrwPerHour, after }: Order): Omit<JobSpec, "operations"> {
	return {
		id,
		...(name === undefined ? {} : { name }),
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
