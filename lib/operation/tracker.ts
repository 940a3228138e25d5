import type { ModeSpec } from "../scheduling/problem.ts";
import {
	activeRun,
	ceilTo,
	doneIntervals,
	isDone,
	isJobDone,
	modeOn,
	operationsOf,
	powersOf,
	type WaitsFor,
} from "./progress.ts";
import {
	isActive,
	type JobMessage,
	type JobRecord,
	type MachineEvent,
	type OperationEvent,
	type Run,
} from "./records.ts";
import type { PlacedOperation, PlanReason, StoredPlan } from "./types.ts";

/** A machine that never says what becomes of a job is taken to be at it so long after the command. */
const CONFIRM_MS = 60_000;
/** A start that is not answered is told again so often. */
const REPEAT_MS = 10_000;
/** Below this share of a job's power a machine does not work on it. */
const STANDING = 0.1;
/** A reading older than this says nothing of now. */
const FRESH_MS = 120_000;
/** After its end a machine has so long to say that it has finished. */
const FINISH_MS = 120_000;

export interface TrackerOptions {
	intervalMinutes: number;
	lateMs: number;
}

export interface Ears {
	command(message: JobMessage): void;
	event(code: string, severity: OperationEvent["severity"], atMs: number, details: OperationEvent["details"]): void;
	changed(record: JobRecord): void;
	wish(reason: PlanReason): void;
	/** What an operation still waits for. */
	waits(record: JobRecord, operation: string, nowMs: number): WaitsFor | null;
	/** Those that the plan has in one batch with an operation, itself among them. */
	together(placed: PlacedOperation, plan: StoredPlan): { record: JobRecord; placed: PlacedOperation }[];
	/** What is active on a machine. */
	on(machine: string): { job: string; run: Run }[];
	down(machine: string): boolean;
}

/** How late a start may come: what a person puts into the quarter-hour that runs is meant at once. */
export const lateFor = (pinned: true | undefined, { lateMs, intervalMinutes }: TrackerOptions): number =>
	pinned ? Math.max(lateMs, intervalMinutes * 60_000) : lateMs;

/** What the machine draws where the run's share is so much, kW. */
const wholeKw = ({ batch }: Run, kw: number): number => (batch ? Math.round(kw * batch.runs * 1000) / 1000 : kw);

/** The same for all that begin together on a machine. */
function batchName(batch: readonly { placed: PlacedOperation }[], startMs: number): string {
	const [first = ""] = batch.map(({ placed }) => `${placed.job}/${placed.operation}`).sort();
	return `${first}@${new Date(startMs).toISOString()}`.slice(-200);
}

/** Follows operations from their start to their end, against their plan. */
export class Tracker {
	private readonly options: TrackerOptions;
	private readonly ears: Ears;
	private readonly seen = new Map<string, { state: string | undefined; powerKw: number | undefined; atMs: number }>();
	/** When a start was told last. */
	private readonly toldMs = new WeakMap<Run, number>();
	/** Starts that were found late or held, so that it is said once: `plan/job/operation`. */
	private readonly late = new Set<string>();

	constructor(options: TrackerOptions, ears: Ears) {
		this.options = options;
		this.ears = ears;
	}

	reading(machine: string, state: string | undefined, powerKw: number | undefined, atMs: number): void {
		this.seen.set(machine, { state, powerKw, atMs });
	}

	/** Starts an operation of the plan in force whose time has come. */
	begin(record: JobRecord, placed: PlacedOperation, plan: StoredPlan, starts: boolean, nowMs: number): void {
		const { operation, machine } = placed;
		for (const piece of placed.pieces ?? [placed]) {
			const startMs = Date.parse(piece.start);
			if (nowMs < startMs) return;
			if (record.runs.some((run) => run.operation === operation && run.plannedStartMs >= startMs)) continue;
			if (isDone(record, operation, this.options.intervalMinutes)) return;
			const mode = modeOn(record, operation, machine);
			if (!mode || activeRun(record, operation)) return;
			const isLate = nowMs - startMs > lateFor(placed.pinned, this.options);
			// A batch begins as one: what one of it waits for, all wait for.
			const batch = this.ears.together(placed, plan);
			const waits = batch.reduce<WaitsFor | null>(
				(found, mate) => found ?? this.ears.waits(mate.record, mate.placed.operation, nowMs),
				null,
			);
			const busy = this.ears
				.on(machine)
				.some(({ job, run }) => !batch.some((mate) => mate.placed.job === job && run.plannedStartMs === startMs));
			// What comes first may take seconds longer; more than that is said, and the rest is planned around it.
			if (waits && nowMs - startMs >= CONFIRM_MS) this.tellWaiting(placed, plan, waits, startMs, nowMs);
			else if (isLate) this.tellLate(record, placed, plan, startMs, nowMs);
			if (isLate || busy || !starts || waits || this.ears.down(machine)) return;
			this.start(record, placed, mode, plan, { startMs, endMs: Date.parse(piece.end), batch }, nowMs);
			return;
		}
	}

	/** A start that is held because what comes first is not over: once for each start, and again a reason once it is late. */
	private tellWaiting(
		{ job, operation, machine, pinned }: PlacedOperation,
		plan: StoredPlan,
		waits: WaitsFor,
		startMs: number,
		nowMs: number,
	): void {
		const key = `${plan.id}/${job}/${operation}/${startMs}`;
		if (this.once(`${key}/waits`)) {
			const other = waits.job === job ? waits.operation : `${waits.job}/${waits.operation}`;
			this.ears.event("operation.start-held", "warning", nowMs, { job, operation, machine, other });
			this.ears.wish("deviation");
		}
		if (nowMs - startMs > lateFor(pinned, this.options) && this.once(key)) this.ears.wish("deviation");
	}

	private once(key: string): boolean {
		return this.late.size < this.late.add(key).size;
	}

	private tellLate(record: JobRecord, placed: PlacedOperation, plan: StoredPlan, startMs: number, nowMs: number): void {
		const key = `${plan.id}/${placed.job}/${placed.operation}/${startMs}`;
		if (!this.once(key)) return;
		const minutes = Math.round((nowMs - startMs) / 60_000);
		const { id: job } = record.order;
		const { operation, machine } = placed;
		this.ears.event("operation.start-missed", "warning", nowMs, { job, operation, machine, minutes });
		this.ears.wish("deviation");
	}

	private start(
		record: JobRecord,
		placed: PlacedOperation,
		mode: ModeSpec,
		plan: StoredPlan,
		{ startMs, endMs, batch }: { startMs: number; endMs: number; batch: readonly { placed: PlacedOperation }[] },
		nowMs: number,
	): void {
		const { intervalMinutes } = this.options;
		const stepMs = intervalMinutes * 60_000;
		const before = doneIntervals(record, placed.operation);
		const length = Math.round((endMs - startMs) / stepMs);
		const lateMs = Math.max(0, nowMs - startMs);
		const run: Run = {
			...{ operation: placed.operation, machine: placed.machine, plan: plan.version },
			...{ plannedStartMs: startMs, plannedEndMs: endMs, endMs: endMs + lateMs, stepMs, before },
			...{
				powerKw: powersOf(mode, before, length).map((kw) => kw / batch.length),
				...(batch.length > 1 ? { batch: { name: batchName(batch, startMs), runs: batch.length } } : {}),
				state: "starting",
				commandedMs: nowMs,
				reports: false,
				toldStep: 0,
			},
		};
		record.runs.push(run);
		this.ears.changed(record);
		this.tellStart(record, run, plan.id, 0);
	}

	private tellStart({ order }: JobRecord, run: Run, plan: string, elapsedMinutes: number): void {
		const powerKw = run.powerKw.map((kw) => wholeKw(run, kw));
		const flat = powerKw.every((kw) => kw === powerKw[0]);
		this.ears.command({
			...{ machine: run.machine, command: "start", job: order.id, operation: run.operation, plan },
			...(run.batch ? { batch: run.batch.name } : {}),
			powerKw: flat ? (powerKw[0] ?? 0) : powerKw,
			minutes: run.powerKw.length * (run.stepMs / 60_000),
			stepMinutes: run.stepMs / 60_000,
			...(elapsedMinutes > 0 ? { elapsedMinutes } : {}),
		});
	}

	private tell(command: "stop" | "set-point" | "release", { order }: JobRecord, run: Run, powerKw?: number): void {
		this.ears.command({
			...{ machine: run.machine, command, job: order.id, operation: run.operation, plan: `plan-${run.plan}` },
			...(powerKw === undefined ? {} : { powerKw }),
		});
	}

	/**
	 * After a restart: the start is told again, with what is done of it, until the machine says that it is at it; what has
	 * ended meanwhile is taken to be done.
	 */
	resume(record: JobRecord, nowMs: number): void {
		for (const run of record.runs.filter((each) => isActive(each) && !each.released)) {
			const endMs = Math.max(run.endMs, (run.startedMs ?? run.commandedMs) + run.powerKw.length * run.stepMs);
			if (nowMs >= endMs) this.finish(record, run, "done", endMs, "operation.ended-unseen");
			else {
				run.state = "starting";
				run.commandedMs = nowMs;
				this.repeat(record, run, nowMs);
				this.ears.changed(record);
			}
		}
	}

	/** A start changes nothing where the machine is at it already. */
	private repeat(record: JobRecord, run: Run, nowMs: number): void {
		const elapsedMinutes = run.startedMs === undefined ? 0 : Math.max(0, (nowMs - run.startedMs) / 60_000);
		this.toldMs.set(run, nowMs);
		this.tellStart(record, run, `plan-${run.plan}`, Math.round(elapsedMinutes * 100) / 100);
	}

	/** Set-points, ends and overruns of what runs. */
	watch(record: JobRecord, nowMs: number): void {
		for (const run of record.runs) {
			if (run.state === "starting") this.confirm(record, run, nowMs);
			if (run.state === "running") this.follow(record, run, nowMs);
		}
	}

	/** A start is told again until it is answered; a machine that never answers is seen by its power, where it has a meter. */
	private confirm(record: JobRecord, run: Run, nowMs: number): void {
		if (nowMs - run.commandedMs < CONFIRM_MS) {
			if (nowMs - (this.toldMs.get(run) ?? run.commandedMs) >= REPEAT_MS) this.repeat(record, run, nowMs);
			return;
		}
		const seen = this.seen.get(run.machine);
		const fresh = seen && nowMs - seen.atMs < FRESH_MS && seen.powerKw !== undefined;
		const stands = fresh && (seen.powerKw ?? 0) < STANDING * Math.max(...run.powerKw);
		if (stands || run.reports) this.finish(record, run, "failed", nowMs, "operation.not-started");
		else this.started(record, run, run.commandedMs);
	}

	private started(record: JobRecord, run: Run, atMs: number): void {
		run.state = "running";
		run.startedMs ??= atMs;
		run.endMs = Math.max(run.endMs, run.startedMs + run.powerKw.length * run.stepMs);
		this.ears.changed(record);
	}

	private follow(record: JobRecord, run: Run, nowMs: number): void {
		const step = Math.floor((nowMs - (run.startedMs ?? nowMs)) / run.stepMs);
		const kw = run.powerKw[step];
		if (kw !== undefined && step > run.toldStep) {
			const changed = kw !== run.powerKw[run.toldStep];
			run.toldStep = step;
			if (changed && !run.released) this.tell("set-point", record, run, wholeKw(run, kw));
			this.ears.changed(record);
		}
		if (nowMs < run.endMs) return;
		if (!run.reports) {
			if (!run.released) this.tell("stop", record, run);
			this.finish(record, run, "done", run.endMs, "operation.finished");
		} else if (nowMs > run.endMs + FINISH_MS) {
			const minutes = Math.round((nowMs - run.plannedEndMs) / 60_000);
			run.endMs = ceilTo(nowMs + 1, run.stepMs);
			const { operation, machine } = run;
			this.ears.event("operation.overrun", "warning", nowMs, { job: record.order.id, operation, machine, minutes });
			this.ears.changed(record);
			this.ears.wish("deviation");
		}
	}

	private finish(record: JobRecord, run: Run, state: "done" | "failed" | "stopped", atMs: number, code: string): void {
		const early = run.endMs - atMs;
		run.state = state;
		run.endedMs = atMs;
		this.ears.changed(record);
		const { operation, machine } = run;
		const severity = state === "failed" ? "alarm" : "info";
		this.ears.event(code, severity, atMs, { job: record.order.id, operation, machine });
		if (state === "failed") this.ears.wish("deviation");
		else if (state === "done" && early > run.stepMs) this.ears.wish("deviation");
		if (isJobDone(record, this.options.intervalMinutes)) {
			this.ears.event("operation.job-done", "info", atMs, { job: record.order.id });
		}
	}

	/** What a machine says of a job. */
	told(record: JobRecord, { operation, machine, state, reason }: MachineEvent, nowMs: number): void {
		const run = record.runs.find((each) => isActive(each) && each.operation === operation && each.machine === machine);
		if (!run) return;
		run.reports ||= state !== "refused";
		if (state === "started") {
			if (run.state === "starting") this.started(record, run, nowMs);
		} else if (state === "finished") this.finish(record, run, "done", nowMs, "operation.finished");
		else if (state === "stopped") {
			this.finish(record, run, "stopped", nowMs, "operation.stopped");
			this.ears.wish("deviation");
		} else if (state === "failed") this.finish(record, run, "failed", nowMs, "operation.failed");
		else {
			const { id: job } = record.order;
			this.ears.event("operation.refused", "alarm", nowMs, { job, operation, machine, reason: reason ?? "" });
			this.finish(record, run, "failed", nowMs, "operation.not-started");
		}
	}

	/** A machine broke down under what ran on it. */
	lost(record: JobRecord, machine: string, nowMs: number): void {
		for (const run of record.runs.filter((each) => isActive(each) && each.machine === machine)) {
			this.finish(record, run, "failed", nowMs, "operation.failed");
		}
	}

	/** Lets go what a plan commanded: it runs to its end as it began, and nobody sets it any more. */
	release(record: JobRecord, plan: string): void {
		for (const run of record.runs.filter((each) => isActive(each) && !each.released)) {
			run.released = true;
			this.ears.command({
				machine: run.machine,
				command: "release",
				job: record.order.id,
				operation: run.operation,
				plan,
			});
			this.ears.changed(record);
		}
	}

	/** Stops what may be interrupted of a job. @returns whether something was */
	interrupt(record: JobRecord, nowMs: number): boolean {
		const runs = record.runs.filter((run) => isActive(run) && this.mayInterrupt(record, run));
		for (const run of runs) {
			this.tell("stop", record, run);
			this.finish(record, run, "stopped", nowMs, "operation.stopped");
		}
		return runs.length > 0;
	}

	private mayInterrupt(record: JobRecord, run: Run): boolean {
		return operationsOf(record).find(({ id }) => id === run.operation)?.spec.preemptible === true;
	}

	movable(record: JobRecord, nowMs: number): { job: string; operation: string; machine: string; kw: number }[] {
		return record.runs
			.filter((run) => run.state === "running" && this.mayInterrupt(record, run))
			.map((run) => {
				const step = Math.max(0, Math.floor((nowMs - (run.startedMs ?? nowMs)) / run.stepMs));
				const kw = run.powerKw[Math.min(step, run.powerKw.length - 1)] ?? 0;
				return { job: record.order.id, operation: run.operation, machine: run.machine, kw };
			});
	}
}
