import { type MachineState, machineStates } from "../telemetry/reading.ts";
import { type Command, type CommandAnswer, Drive, type DriveState, type Wish } from "./control.ts";
import type { DayTable } from "./day.ts";
import type { LoadDefinition } from "./definition.ts";
import { changesPower, faultyKw, leakAt, type PlantFaults, reaches, severityAt } from "./faults.ts";
import { type JobCommand, type JobReport, MachineJobs, type PlantJob } from "./jobs.ts";
import type { LoadNow, PlantPlan } from "./plan.ts";
import { compressorState, RUNNING } from "./profiles.ts";

/** What outlives a load's object: by how much its counters left their plan, and what was asked of it. */
export interface LoadState {
	kwh: number;
	made: number;
	drive: DriveState | null;
	job: PlantJob | null;
}

/**
 * What lies above the plan of one load: commands, jobs, faults, and what they did to its counters, integrated second by
 * second.
 */
export class LoadOverlay {
	readonly #plan: PlantPlan;
	readonly #faults: PlantFaults;
	readonly #index: number;
	readonly #load: LoadDefinition;
	readonly #jobs = new MachineJobs();
	#drive: Drive | null = null;
	#offsetKwh = 0;
	#offsetMade = 0;
	/** Last whole second up to which offsets are integrated. */
	#doneMs = Number.NEGATIVE_INFINITY;
	/** Power at that second, kW. */
	#kw = 0;

	constructor(plan: PlantPlan, faults: PlantFaults, index: number) {
		this.#plan = plan;
		this.#faults = faults;
		this.#index = index;
		this.#load = plan.loads[index] as LoadDefinition;
	}

	obey(command: Command, nowMs: number): CommandAnswer {
		if (!this.#drive) {
			this.#settle(nowMs);
			this.#drive = new Drive(this.#load, this.#kw);
		}
		return this.#drive.obey(command, nowMs);
	}

	/** @throws EnergyError `plant.job-busy`, `plant.job-unknown` */
	obeyJob(order: JobCommand, nowMs: number): JobReport | undefined {
		this.settleIdle(nowMs);
		return this.#jobs.obey(order, this.#load.id, nowMs);
	}

	/** What became of jobs: of one, or of those of a batch. */
	reportsOfJobs(nowMs: number): JobReport[] {
		return this.#jobs.settle(this.#load.id, nowMs, this.isBroken(nowMs));
	}

	isBroken(timeMs: number): boolean {
		return this.#faults.severity(this.#load.id, "breakdown", timeMs) > 0;
	}

	/** Puts the second grid of an idle overlay at the present, before something new begins. */
	settleIdle(nowMs: number): void {
		if (!this.#busy(nowMs)) this.#settle(nowMs);
	}

	get state(): LoadState {
		return {
			kwh: this.#offsetKwh,
			made: this.#offsetMade,
			drive: this.#drive?.state ?? null,
			job: this.#jobs.current ?? null,
		};
	}

	restore({ kwh, made, drive, job }: LoadState): void {
		this.#offsetKwh = kwh;
		this.#offsetMade = made;
		if (drive) this.#drive = Drive.from(this.#load, drive);
		if (job) this.#jobs.restore(job);
	}

	/** Walks in whole seconds up to an instant: counters take what power does above its plan. */
	integrate(timeMs: number): void {
		const last = Math.floor(timeMs / 1000) * 1000;
		if (this.#doneMs === Number.NEGATIVE_INFINITY) this.#begin(last);
		let from = this.#doneMs;
		let plannedKwh = Number.NaN;
		while (from < last) {
			const to = from + 1000;
			if (!this.#busy(from) && !this.#busy(to)) {
				from = Math.max(to, this.#idleUntil(from, last));
				this.#kw = this.#wish(from).kw;
				plannedKwh = Number.NaN;
				continue;
			}
			if (Number.isNaN(plannedKwh)) plannedKwh = this.#wish(from).planned.kwh;
			const wish = this.#wish(to);
			const before = this.#kw;
			this.#step(wish, from, to);
			this.#offsetKwh += (before + this.#kw) / 7200 - (wish.planned.kwh - plannedKwh);
			if (this.#drive && this.#kw < 0.3 * wish.planned.kw) this.#offsetMade -= this.#madeIn(from, to);
			plannedKwh = wish.planned.kwh;
			if (this.#drive?.follows(wish)) this.#drive = null;
			from = to;
		}
		this.#doneMs = from;
	}

	/** The load as it is. */
	at(timeMs: number, table: DayTable): LoadNow {
		const planned = this.#plan.at(this.#index, timeMs, table);
		if (!this.#busy(this.#doneMs)) {
			// Until the next whole second: what begins in between begins there.
			return { ...planned, kwh: planned.kwh + this.#offsetKwh, made: planned.made + this.#offsetMade };
		}
		const wish = this.#wish(timeMs);
		const kw = this.#drive ? this.#drive.towards(wish, this.#doneMs, timeMs) : wish.kw;
		const sinceKwh = ((this.#kw + kw) / 2) * ((timeMs - this.#doneMs) / 3_600_000);
		const done = this.#plan.at(this.#index, this.#doneMs);
		return {
			kw,
			kwh: done.kwh + this.#offsetKwh + sinceKwh,
			made: (this.#drive ? done.made : planned.made) + this.#offsetMade,
			state: this.#stateOf(wish, planned.state, timeMs),
		};
	}

	/** What was at work before a restart goes on at its power; what ran meanwhile is in nobody's counter. */
	#begin(secondMs: number): void {
		this.#doneMs = secondMs;
		this.#kw = this.#drive?.kw ?? this.#wish(secondMs).kw;
	}

	/** Whether something lies above the plan at an instant. */
	#busy(timeMs: number): boolean {
		return (
			this.#drive !== null ||
			this.#jobs.runsAt(timeMs) ||
			this.#faults.all.some((fault) => this.#isMoved(fault) && timeMs >= fault.startMs && timeMs < fault.endMs)
		);
	}

	#isMoved(fault: PlantFaults["all"][number]): boolean {
		return reaches(fault, this.#load) && changesPower(fault.fault);
	}

	/** Nothing happens until the second before the next fault begins. */
	#idleUntil(fromMs: number, lastMs: number): number {
		return this.#faults.all
			.filter((fault) => this.#isMoved(fault) && fault.startMs > fromMs)
			.reduce((least, fault) => Math.min(least, fault.startMs - 1000), lastMs);
	}

	#settle(nowMs: number): void {
		this.#doneMs = Math.floor(nowMs / 1000) * 1000;
		this.#kw = this.#wish(this.#doneMs).kw;
	}

	/** What the load does by its plan, its job and its faults. */
	#wish(timeMs: number): Wish & { planned: LoadNow } {
		const planned = this.#plan.at(this.#index, timeMs);
		const { all, leaks } = this.#faults;
		const leaking = this.#load.profile === "compressor" && leakAt(all, timeMs) > 0;
		const own = leaking ? this.#plan.leakingKw(this.#index, timeMs, (atMs) => leakAt(all, atMs), leaks) : planned.kw;
		let kw = own + this.#jobs.kwAt(timeMs);
		for (const fault of all) {
			if (fault.machine === this.#load.id) kw = faultyKw(fault, this.#load, kw, timeMs);
		}
		return { kw, working: planned.state === "running" || planned.state === "starting", planned };
	}

	#step(wish: Wish, from: number, to: number): void {
		if (this.#drive) {
			this.#drive.step(wish, from, to);
			this.#kw = this.#drive.kw;
		} else this.#kw = wish.kw;
	}

	#madeIn(from: number, to: number): number {
		return this.#plan.at(this.#index, to).made - this.#plan.at(this.#index, from).made;
	}

	#stateOf(wish: Wish, planned: MachineState, timeMs: number): MachineState {
		const { id, profile, ratedKw } = this.#load;
		const stops = this.#faults.all.some(
			(fault) =>
				fault.machine === id &&
				(fault.fault === "lost-phase" || fault.fault === "breakdown") &&
				severityAt(fault, timeMs) > 0,
		);
		if (stops) return "fault";
		if (!this.#drive && profile === "compressor") return machineStates[compressorState(wish.kw / ratedKw)] ?? planned;
		if (!this.#drive) return planned !== "off" || wish.kw < 1 ? planned : (machineStates[RUNNING] ?? planned);
		const phase = this.#drive.phase(wish, timeMs);
		if (phase !== "running") return phase;
		return this.#drive.mode === "start" ? "running" : planned;
	}
}
