import { EnergyError } from "../errors.ts";
import { activeOn, together } from "./batches.ts";
import { type Effects, type EngineOptions, emptyEffects, type Kept } from "./engine-types.ts";
import { withoutPart } from "./part.ts";
import { pinned } from "./pin.ts";
import { isJobDone, iso, waitsFor } from "./progress.ts";
import {
	type Draft,
	isActive,
	type JobRecord,
	keyOf,
	type MachineEvent,
	type OperationEvent,
	type PlanRequest,
} from "./records.ts";
import { requestOf } from "./request.ts";
import { lateFor, Tracker } from "./tracker.ts";
import type { Order, Override, PlanReason, PlanStatus, StoredPlan, Words } from "./types.ts";
import { decorated } from "./wire.ts";
import { wordsOf, wordsWith } from "./words.ts";

/** Reasons in the order of their urgency. */
const urgency: readonly PlanReason[] = [
	...(["breakdown", "repair", "override", "asked", "job", "deviation", "demand"] as const),
	...(["price", "forecast", "restart", "clock"] as const),
];

/**
 * Rolling operation of one site as a state machine over a clock and what happens: it keeps jobs and plans, says when a
 * plan has to be made and out of what, and turns the plan in force into commands. It neither waits nor sends nor stores:
 * whoever steps it takes the effects, keeps them, and only then sends the commands.
 */
export class Engine {
	readonly options: EngineOptions;
	readonly jobs = new Map<string, JobRecord>();
	readonly down = new Map<string, number>();
	/** Dispatched, or else approved. */
	current: StoredPlan | null = null;
	proposed: StoredPlan | null = null;
	/** Approved while another plan is being carried out. */
	waiting: StoredPlan | null = null;
	/** The plan that was in force last, where it had to end: new ones are compared with it until one is dispatched. */
	private before: StoredPlan | null = null;
	paused = false;
	demoDay: string | undefined;
	private readonly tracker: Tracker;
	private planVersion = 0;
	private readonly wishes = new Map<PlanReason, string>();
	private plannedMs = Number.NEGATIVE_INFINITY;
	/** When the plan in force was last found to keep every rule. */
	private provenMs: number;
	private effects: Effects = emptyEffects();

	constructor(options: EngineOptions, kept: Kept, nowMs: number) {
		this.options = options;
		this.tracker = new Tracker(options, {
			command: (message) => this.effects.commands.push(message),
			event: (code, severity, atMs, details) => this.event(code, severity, atMs, this.current?.id ?? "", details),
			changed: (record) => this.changed(record),
			wish: (reason) => this.wish(reason),
			down: (machine) => this.down.has(machine),
			waits: (record, operation, nowMs) => waitsFor(record, operation, this.jobs, this.options.intervalMinutes, nowMs),
			together: (placed, plan) => together(plan, placed, this.jobs, this.options.intervalMinutes),
			on: (machine) => activeOn(machine, this.jobs),
		});
		for (const record of kept.jobs) this.jobs.set(record.order.id, record);
		for (const plan of kept.plans) {
			if (plan.status === "proposed") this.proposed = newer(this.proposed, plan);
			else if (plan.status === "dispatched") this.current = newer(this.current, plan);
			else if (plan.status === "approved") this.waiting = newer(this.waiting, plan);
		}
		if (!this.current) [this.current, this.waiting] = [this.waiting, null];
		const { planVersion = 0, down = {}, paused = false, demoDay } = kept.state ?? {};
		this.planVersion = Math.max(planVersion, ...kept.plans.map(({ version }) => version));
		for (const [machine, sinceMs] of Object.entries(down)) this.down.set(machine, sinceMs);
		this.paused = paused;
		this.demoDay = demoDay;
		this.provenMs = nowMs;
		if (kept.plans.length > 0 || kept.jobs.length > 0) this.resume(nowMs);
	}

	/** After a restart: what ran may have ended meanwhile, and machines may have forgotten what they were at. */
	private resume(nowMs: number): void {
		for (const record of this.jobs.values()) this.tracker.resume(record, nowMs);
		this.wish("restart");
	}

	takeEffects(): Effects {
		const { effects } = this;
		this.effects = emptyEffects();
		return effects;
	}

	/** A reason to plan anew; the most urgent one names the plan. */
	wish(reason: PlanReason, by = "planner"): void {
		this.wishes.set(reason, by);
	}

	/** Whether a plan has to be made now, and out of what; asked again it waits for new reasons. */
	request(nowMs: number): PlanRequest | null {
		if (nowMs - this.plannedMs >= this.options.everyMs && this.jobs.size > 0) this.wish("clock");
		const reason = urgency.find((each) => this.wishes.has(each));
		if (!reason) return null;
		const by = this.wishes.get(reason) ?? "planner";
		this.wishes.clear();
		this.plannedMs = nowMs;
		const { jobs, current, before, down } = this;
		return requestOf({ ...this.options, jobs, current, before, down }, reason, by, nowMs);
	}

	/** The plan in force holds no more than what is done or under way: it can break no rule. */
	proven(nowMs: number): void {
		this.provenMs = nowMs;
	}

	// ——— Jobs ———

	/** Takes orders that were checked; one of the same id is replaced. @throws EnergyError `operation.job-running` */
	putJobs(orders: readonly Order[], by: string, nowMs: number): JobRecord[] {
		for (const { id } of orders)
			if (this.jobs.get(id)?.runs.some(isActive)) throw new EnergyError("operation.job-running", { job: id });
		const records = orders.map((order): JobRecord => {
			const known = this.jobs.get(order.id);
			const same = known && JSON.stringify(known.order.operations) === JSON.stringify(order.operations);
			return {
				...{
					version: 1,
					order,
					held: known?.held ?? false,
					pins: same ? known.pins : [],
					runs: same ? known.runs : [],
				},
				...{ createdMs: known?.createdMs ?? nowMs, changedMs: nowMs, by },
			};
		});
		for (const record of records) this.changed(record);
		if (records.length > 0) this.wish("job", by);
		return records;
	}

	/** @throws EnergyError `operation.job-unknown`, `operation.job-running` */
	removeJob(id: string, by: string, nowMs: number): void {
		const record = this.job(id);
		if (record.runs.some(isActive)) throw new EnergyError("operation.job-running", { job: id });
		this.jobs.delete(id);
		this.effects.removedJobs.push(id);
		this.event("operation.job-removed", "info", nowMs, "", { job: id, by });
		this.wish("job", by);
	}

	/** Forgets jobs that were finished before an instant. */
	forgetBefore(beforeMs: number): void {
		for (const [id, record] of this.jobs) {
			const ended = record.runs.at(-1)?.endedMs ?? Number.POSITIVE_INFINITY;
			if (ended >= beforeMs || !isJobDone(record, this.options.intervalMinutes)) continue;
			this.jobs.delete(id);
			this.effects.removedJobs.push(id);
		}
	}

	/** @throws EnergyError `operation.job-unknown` */
	job(id: string): JobRecord {
		const record = this.jobs.get(id);
		if (!record) throw new EnergyError("operation.job-unknown", { job: id });
		return record;
	}

	/**
	 * What a person decides about a job: held jobs do not start and what runs of them is stopped where it may be
	 * interrupted; a pin fixes machine and start of an operation.
	 *
	 * @throws EnergyError `operation.job-unknown`, `operation.pin-invalid`
	 */
	override(id: string, override: Override, by: string, nowMs: number): JobRecord {
		const record = this.job(id);
		if ("pin" in override) record.pins = pinned(record, override.pin, this.options.intervalMinutes, nowMs);
		else if ("hold" in override) {
			record.held = true;
			this.tracker.interrupt(record, nowMs);
		} else {
			record.held = false;
			record.pins = [];
		}
		record.changedMs = nowMs;
		this.changed(record);
		const what = "pin" in override ? "operation.pinned" : "hold" in override ? "operation.held" : "operation.freed";
		this.event(what, "info", nowMs, this.current?.id ?? "", { job: id, by });
		this.wish("override", by);
		return record;
	}

	// ——— Plans ———

	/** Takes what the planner found: a new plan, or nothing where the one in force is as good. @returns the plan */
	offer(draft: Draft, nowMs: number): StoredPlan | null {
		if (!this.fits(draft)) {
			// Something began or ended while it was made.
			this.wish("deviation");
			return null;
		}
		const [broken] = draft.currentBreaks;
		if (this.current?.status === "dispatched" && draft.currentParts.length > 0) {
			this.withdrawPart(this.current, draft.currentParts, nowMs);
		} else if (this.current && broken) {
			const details = { rule: broken.rule, ...broken.details };
			this.end(this.current, "failed", "operation.plan-broken", nowMs, details, broken.text);
		} else if (this.current) this.provenMs = nowMs;
		if (!draft.plan) return this.fail(draft, nowMs);
		if (this.current && this.keeps(draft)) {
			// What was proposed before is no better than what is in force.
			const { id } = this.current;
			if (this.proposed) this.end(this.proposed, "superseded", "operation.plan-superseded", nowMs, { by: id });
			return null;
		}
		const plan = this.stored(draft, "proposed", nowMs);
		if (this.proposed) this.end(this.proposed, "superseded", "operation.plan-superseded", nowMs, { by: plan.id });
		this.proposed = plan;
		this.event("operation.plan-proposed", "info", nowMs, plan.id, {
			plan: plan.id,
			krw: Math.round(plan.cost.plan.totalKrw),
		});
		if (this.options.approval === "automatic" && !this.paused) {
			this.approve(plan.id, "automatic", nowMs);
			this.dispatch(plan.id, "automatic", nowMs);
		}
		return plan;
	}

	/** What conflicts leaves the plan in force; the checker has proven that the rest keeps every rule, and it goes on. */
	private withdrawPart(plan: StoredPlan, parts: Draft["currentParts"], nowMs: number): void {
		withoutPart(plan, parts, (job, operation) =>
			(this.jobs.get(job)?.runs ?? []).some((run) => run.operation === operation && run.plan === plan.version),
		);
		this.provenMs = nowMs;
		this.effects.plans.push(plan);
		const [{ rule, details, text }] = parts as [Draft["currentParts"][number]];
		const jobs = parts.map(({ job }) => job).join(", ");
		const said = { rule, ...details, plan: plan.id, jobs };
		this.event("operation.plan-part-withdrawn", "alarm", nowMs, plan.id, said, text);
	}

	/** The plan in force is the one that it was compared with, and operations that run now are those it was made around. */
	private fits({ request, plan }: Draft): boolean {
		if (this.current && this.current.id !== request.currentId) return false;
		if (!plan) return true;
		const known = new Set(request.running.map(({ job, operation }) => keyOf(job, operation)));
		const fixed = new Set([...request.frozen, ...request.pinned]);
		for (const record of this.jobs.values()) {
			for (const run of record.runs) {
				const key = keyOf(record.order.id, run.operation);
				if (isActive(run) && !known.has(key) && !fixed.has(key)) return false;
			}
		}
		return true;
	}

	/** Whether the plan in force goes on: it keeps every rule, lacks no job, and the new one saves too little. */
	private keeps({ request, plan, cost, currentKrw, currentLacks }: Draft): boolean {
		if (currentLacks || !cost) return false;
		if (["asked", "override", "breakdown", "repair", "job"].includes(request.reason)) return false;
		// Nothing is left that could be placed otherwise.
		if (plan?.length === 0) return true;
		return currentKrw !== null && currentKrw - cost.totalKrw < this.options.worth * Math.max(1, Math.abs(currentKrw));
	}

	/** There is no plan: that is kept and told, too. */
	private fail(draft: Draft, nowMs: number): StoredPlan {
		const plan = this.stored(draft, "failed", nowMs);
		plan.endedAt = iso(nowMs);
		plan.endedWhy = { code: "operation.no-plan", text: wordsOf("operation.no-plan", {}) };
		this.effects.plans.push(plan);
		this.event("operation.no-plan", "alarm", nowMs, plan.id, { plan: plan.id });
		return plan;
	}

	private stored({ stored }: Draft, status: PlanStatus, nowMs: number): StoredPlan {
		this.planVersion++;
		const plan: StoredPlan = {
			...{ id: `plan-${this.planVersion}`, version: this.planVersion, status, createdAt: iso(nowMs) },
			...stored,
		};
		this.effects.plans.push(plan);
		this.keepState();
		return plan;
	}

	/** @throws EnergyError `operation.plan-unknown`, `operation.plan-not-proposed`, `operation.plan-outdated` */
	approve(id: string, by: string, nowMs: number): StoredPlan {
		const plan = this.proposed;
		if (plan?.id !== id) throw this.notThere(id, "operation.plan-not-proposed");
		this.refuseOutdated(plan, nowMs);
		this.proposed = null;
		for (const other of [this.waiting, this.current])
			if (other?.status === "approved") this.supersede(other, plan, nowMs);
		if (this.current?.status !== "dispatched") this.current = null;
		plan.status = "approved";
		plan.approvedAt = iso(nowMs);
		plan.approvedBy = by;
		this.effects.plans.push(plan);
		this.event("operation.plan-approved", "info", nowMs, id, { plan: id, by });
		if (this.current) this.waiting = plan;
		else this.current = plan;
		return plan;
	}

	/** @throws EnergyError `operation.plan-unknown`, `operation.plan-not-approved`, `operation.plan-outdated` */
	dispatch(id: string, by: string, nowMs: number): StoredPlan {
		const plan = this.waiting?.id === id ? this.waiting : this.current?.id === id ? this.current : null;
		if (plan?.status === "dispatched") return plan;
		if (plan?.status !== "approved") throw this.notThere(id, "operation.plan-not-approved");
		this.refuseOutdated(plan, nowMs);
		if (this.current && this.current !== plan) this.supersede(this.current, plan, nowMs);
		this.waiting = null;
		this.before = null;
		this.current = plan;
		plan.status = "dispatched";
		plan.dispatchedAt = iso(nowMs);
		this.provenMs = nowMs;
		this.paused = false;
		this.keepState();
		this.effects.plans.push(plan);
		this.event("operation.plan-dispatched", "info", nowMs, id, { plan: id, by });
		return plan;
	}

	/** @throws EnergyError `operation.plan-unknown`, `operation.plan-over` */
	withdraw(id: string, by: string, nowMs: number): StoredPlan {
		const plan = [this.current, this.proposed, this.waiting].find((each) => each?.id === id);
		if (!plan) throw this.notThere(id, "operation.plan-over");
		// Nobody would understand a plan that comes back by itself a minute later.
		this.paused = true;
		this.keepState();
		this.end(plan, "withdrawn", "operation.plan-withdrawn", nowMs, { by });
		return plan;
	}

	private refuseOutdated(plan: StoredPlan, nowMs: number): void {
		const missed = plan.operations.find(({ job, operation, start, pinned }) => {
			const record = this.jobs.get(job);
			const began = record?.runs.some((run) => run.operation === operation);
			return record && !record.held && !began && Date.parse(start) + lateFor(pinned, this.options) < nowMs;
		});
		if (!missed) return;
		this.wish("asked");
		throw new EnergyError("operation.plan-outdated", { plan: plan.id, job: missed.job, start: missed.start });
	}

	private notThere(id: string, code: string): EnergyError {
		const { planVersion } = this;
		const version = Number(/^plan-(\d+)$/.exec(id)?.[1]);
		const status = [this.current, this.proposed, this.waiting].find((plan) => plan?.id === id)?.status ?? "–";
		return version > 0 && version <= planVersion
			? new EnergyError(code, { plan: id, status })
			: new EnergyError("operation.plan-unknown", { plan: id });
	}

	private supersede(plan: StoredPlan, by: StoredPlan, nowMs: number): void {
		plan.operations = decorated(plan, this, nowMs).operations;
		plan.status = "superseded";
		plan.endedAt = iso(nowMs);
		plan.endedWhy = { code: "operation.plan-superseded", text: wordsOf("operation.plan-superseded", { by: by.id }) };
		this.effects.plans.push(plan);
	}

	/** Ends a plan: of the one in force nothing more is started, and its machines are let go. */
	private end(
		plan: StoredPlan,
		status: PlanStatus,
		code: string,
		nowMs: number,
		details: Record<string, string | number>,
		why?: Words,
	): void {
		// What became of it until now stays with it.
		plan.operations = decorated(plan, this, nowMs).operations;
		plan.status = status;
		plan.endedAt = iso(nowMs);
		plan.endedWhy = { code, text: wordsWith(code, { ...details, plan: plan.id }, why) };
		this.effects.plans.push(plan);
		const severity = status === "failed" ? "alarm" : "info";
		if (status !== "superseded") this.event(code, severity, nowMs, plan.id, { ...details, plan: plan.id }, why);
		if (plan === this.proposed) this.proposed = null;
		if (plan === this.waiting) this.waiting = null;
		if (plan !== this.current) return;
		this.before = plan;
		this.current = null;
		for (const record of this.jobs.values()) this.tracker.release(record, plan.id);
	}

	// ——— What happens ———

	/** A machine says what it does: standing still by a fault, or back again. */
	machine(machine: string, state: string | undefined, powerKw: number | undefined, nowMs: number): void {
		this.tracker.reading(machine, state, powerKw, nowMs);
		if (state === undefined) return;
		if (state === "fault") this.broken(machine, nowMs);
		else if (this.down.has(machine)) {
			this.down.delete(machine);
			this.keepState();
			this.event("operation.machine-back", "info", nowMs, "", { machine });
			this.wish("repair");
		}
	}

	private broken(machine: string, nowMs: number): void {
		if (this.down.has(machine)) return;
		this.down.set(machine, nowMs);
		this.keepState();
		this.event("operation.machine-down", "alarm", nowMs, this.current?.id ?? "", { machine });
		for (const record of this.jobs.values()) this.tracker.lost(record, machine, nowMs);
		this.wish("breakdown");
	}

	/** A machine says what becomes of a job. */
	told(event: MachineEvent, nowMs: number): void {
		const record = this.jobs.get(event.job);
		if (record) this.tracker.told(record, event, nowMs);
	}

	/** Operations that may be interrupted now, for demand control. */
	movable(nowMs: number): { job: string; operation: string; machine: string; kw: number }[] {
		return [...this.jobs.values()].flatMap((record) => this.tracker.movable(record, nowMs));
	}

	/** Demand control takes an operation off its machine, to keep the peak that both keep. */
	move(job: string, nowMs: number): void {
		const record = this.jobs.get(job);
		if (!record || !this.tracker.interrupt(record, nowMs)) return;
		this.event("operation.moved-for-peak", "warning", nowMs, this.current?.id ?? "", { job });
		this.wish("demand");
	}

	/**
	 * One step of the clock: starts, set-points and ends of the plan in force, and what did not come true.
	 *
	 * @param starts whether something may begin now; demand control says no while the quarter-hour is at its limit
	 */
	tick(nowMs: number, starts = true): void {
		for (const record of this.jobs.values()) this.tracker.watch(record, nowMs);
		const { current } = this;
		if (current?.status !== "dispatched") return;
		if (nowMs - this.provenMs > this.options.staleMs) {
			const minutes = String(Math.round((nowMs - this.provenMs) / 60_000));
			this.end(current, "failed", "operation.plan-stale", nowMs, { minutes });
			this.wish("clock");
			return;
		}
		for (const placed of current.operations) {
			const record = this.jobs.get(placed.job);
			if (record && !record.held && placed.state !== "withdrawn")
				this.tracker.begin(record, placed, current, starts, nowMs);
		}
	}

	setDemoDay(day: string): void {
		this.demoDay = day;
		this.keepState();
	}

	private changed(record: JobRecord): void {
		this.jobs.set(record.order.id, record);
		if (!this.effects.jobs.includes(record)) this.effects.jobs.push(record);
	}

	private keepState(): void {
		const { planVersion, paused, demoDay, current } = this;
		this.effects.state = {
			...{ version: 1, planVersion, paused, down: Object.fromEntries(this.down) },
			...(current ? { current: current.id } : {}),
			...(demoDay === undefined ? {} : { demoDay }),
		};
	}

	private event(
		code: string,
		severity: OperationEvent["severity"],
		atMs: number,
		plan: string,
		details: OperationEvent["details"],
		why?: Words,
	): void {
		this.effects.events.push({ code, severity, atMs, plan, details, ...(why ? { why } : {}) });
	}
}

const newer = (a: StoredPlan | null, b: StoredPlan): StoredPlan => (a && a.version > b.version ? a : b);
