import { EnergyError } from "../errors.ts";
import type { Store } from "../store/store.ts";
import type { Site } from "../telemetry/site.ts";
import { forecastIssued } from "./base-load.ts";
import { demoDayOf, demoOrders } from "./demo.ts";
import { Engine } from "./engine.ts";
import type { EngineOptions } from "./engine-types.ts";
import { OperationKeeper } from "./keeper.ts";
import { Lease } from "./lease.ts";
import { makePlan, type Solver } from "./planner.ts";
import { energyPrices, pricesDiffer } from "./prices.ts";
import type { House, PlannerOptions } from "./problem-of.ts";
import { isJobDone } from "./progress.ts";
import type { JobMessage, MachineEvent, OperationEvent } from "./records.ts";
import type { PlanSummary, ScheduleBoard, StoredPlan, Words } from "./types.ts";
import { boardOf, summaryOf } from "./wire.ts";
import { wordsOf } from "./words.ts";

/** How often forecast and prices are looked at. */
const LOOK_MS = 60_000;
/** The clock of plans that stay where they are moves the board no more often than this. */
const BOARD_MS = 60_000;
/** How far a plan is, is told no more often than this. */
const PROGRESS_MS = 2_000;
/** Between two plans there is at least so much time. */
const BREATH_MS = 2_000;
const DAY_MS = 86_400_000;
/** The load that forecasts learn from is cleared of jobs of the last weeks. */
const KEEP_JOBS_MS = 35 * DAY_MS;
const KEEP_JOURNAL_MS = 400 * DAY_MS;
const HISTORY = 20;
const LEASE_MS = 12_000;
/** Of its time the right to plan is renewed so often. */
const RENEWALS = 3;
/** Fewer orders than this to do, and the demonstration writes those of another day. */
const FEW_ORDERS = 4;

export interface DeskOptions {
	house: House & { store: () => Promise<Store> };
	engine: EngineOptions;
	planner: PlannerOptions;
	/** Writes demonstration orders where there are few. */
	demo: boolean;
	solver?: Solver;
	now?: () => number;
	/** How long the right to plan lasts without being renewed. */
	leaseMs?: number;
	/** Whether a command that is sent now can arrive; nothing is started else. */
	connected: () => boolean;
	command: (message: JobMessage) => void;
	happened: (event: OperationEvent) => void;
	board: (board: ScheduleBoard) => void;
	/** Something that a person has to mend; once for each kind. */
	problem: (error: unknown) => void;
	/** Another process plans for the site, or no longer does. */
	standby?: (on: boolean) => void;
}

interface Asker {
	resolve: (plan: StoredPlan | null) => void;
	reject: (error: unknown) => void;
}

/**
 * Rolling operation of a site: steps the engine along the clock, makes the plans that it wishes for, keeps what changed
 * and then sends what follows from it.
 */
export class OperationDesk {
	readonly keeper: OperationKeeper;
	private readonly options: DeskOptions;
	private readonly now: () => number;
	private readonly lease: Lease;
	private opened: Engine | undefined;
	/** Whether another process plans; undefined before it is known. */
	private standing: boolean | undefined;
	private renewedMs = Number.NEGATIVE_INFINITY;
	private leasing: Promise<void> | undefined;
	private saving: Promise<void> = Promise.resolve();
	private planning: ScheduleBoard["planning"] = null;
	private abort: AbortController | undefined;
	private problem: { code: string; text: Words } | null = null;
	private history: PlanSummary[] = [];
	private seen = { forecastMs: 0, prices: "" };
	private lookedMs = Number.NEGATIVE_INFINITY;
	private prunedMs = Number.NEGATIVE_INFINITY;
	private plannedMs = Number.NEGATIVE_INFINITY;
	private boardMs = Number.NEGATIVE_INFINITY;
	private boardDue = false;
	/** Who waits for the plan that is asked for next, and for the one that is being made. */
	private askers: Asker[] = [];
	private closed = false;
	private work: Promise<void> = Promise.resolve();

	constructor(options: DeskOptions) {
		this.options = options;
		this.now = options.now ?? Date.now;
		const { site, store } = options.house;
		this.lease = new Lease({ site: site.id, store, now: this.now, leaseMs: options.leaseMs ?? LEASE_MS });
		this.keeper = new OperationKeeper(site.id, store, () => this.lease.condition);
	}

	/** Another process on the same store plans for the site: it is to be asked, and this one takes its place when it ends. */
	get standby(): boolean {
		return this.standing === true;
	}

	/** @throws EnergyError `operation.starting` before what is kept was read */
	get engine(): Engine {
		if (!this.opened) throw new EnergyError("operation.starting");
		return this.opened;
	}

	get site(): Site {
		return this.options.house.site;
	}

	get house(): DeskOptions["house"] {
		return this.options.house;
	}

	get plannerOptions(): PlannerOptions {
		return this.options.planner;
	}

	/** Reads what is kept, where no other process plans for the site. @throws what the store throws */
	async begin(): Promise<void> {
		await this.lead();
	}

	/** Takes or renews the right to plan, and begins or ends with it. */
	private async lead(): Promise<void> {
		this.renewedMs = this.now();
		const ours = await this.lease.keep();
		if (this.closed) return this.lease.release();
		if (ours && !this.opened) await this.open();
		else if (!ours) this.stepDown();
	}

	private async open(): Promise<void> {
		const kept = await this.keeper.load();
		if (this.closed) return;
		this.history = kept.plans.slice(0, HISTORY).map(summaryOf);
		this.opened = new Engine(this.options.engine, kept, this.now());
		this.problem = null;
		this.stand(false);
		const { budget } = this.options.house;
		budget.movable = (nowMs) => this.opened?.movable(nowMs) ?? [];
		budget.move = ({ job }, nowMs) => {
			this.opened?.move(job, nowMs);
			void this.flush();
		};
		this.boardDue = true;
		await this.flush();
	}

	/** Another process plans: what this one did not keep yet is no longer true. */
	private stepDown(): void {
		if (this.opened) {
			this.opened = undefined;
			this.abort?.abort();
			this.keeper.forget();
			this.seen = { forecastMs: 0, prices: "" };
			this.letBudgetGo();
			this.refuseAskers();
		}
		this.stand(true);
	}

	private stand(on: boolean): void {
		if (this.standing === on) return;
		this.standing = on;
		this.options.standby?.(on);
	}

	/** Once a second. */
	tick(): void {
		if (this.closed) return;
		const nowMs = this.now();
		const { leaseMs = LEASE_MS } = this.options;
		if (!this.leasing && this.standing !== undefined && nowMs - this.renewedMs >= leaseMs / RENEWALS) {
			this.leasing = this.lead()
				.catch((error: unknown) => this.complain(error))
				.finally(() => {
					this.leasing = undefined;
				});
		}
		const { opened } = this;
		if (!opened) return;
		if (this.options.demo) this.demonstrate(opened, nowMs);
		const free = this.options.connected() && !this.options.house.budget.tight;
		opened.tick(nowMs, free && this.lease.valid);
		if (nowMs - this.lookedMs >= LOOK_MS) void this.look(opened, nowMs);
		this.plan(opened, nowMs);
		void this.flush();
		if (this.boardDue || nowMs - this.boardMs >= BOARD_MS) this.tellBoard();
	}

	/** A machine's reading: what it does, and what it draws. */
	reading(machine: string, state: string | undefined, powerKw: number | undefined, timeMs: number): void {
		this.opened?.machine(machine, state, powerKw, Math.min(timeMs, this.now()));
	}

	told(event: MachineEvent): void {
		this.opened?.told(event, this.now());
		void this.flush();
	}

	/** A plan now, whatever there is already; with the plans that are asked for meanwhile. */
	planNow(by: string): Promise<StoredPlan | null> {
		const { engine } = this;
		if ([...engine.jobs.values()].every((record) => isJobDone(record, engine.options.intervalMinutes))) {
			throw new EnergyError("operation.no-jobs");
		}
		engine.wish("asked", by);
		return new Promise((resolve, reject) => this.askers.push({ resolve, reject }));
	}

	/** Ends the plan that is being made with the best that was found. */
	cancel(): void {
		this.abort?.abort();
	}

	boardNow(): ScheduleBoard {
		const { planning, problem, history } = this;
		return boardOf(this.engine, this.site, this.now(), { planning, problem, history });
	}

	/** After each act: what changed is kept, then sent. Resolves when it is. */
	flush(): Promise<void> {
		const { opened } = this;
		if (!opened) return this.saving;
		const effects = opened.takeEffects();
		const { jobs, removedJobs, plans, state, events, commands } = effects;
		if (jobs.length + removedJobs.length + plans.length + events.length + commands.length === 0 && !state)
			return this.saving;
		this.keeper.take(effects);
		for (const plan of plans) this.remember(plan);
		this.boardDue = true;
		this.saving = this.saving.then(async () => {
			try {
				await this.keeper.save(this.now());
			} catch (error) {
				// Another process plans: what this one thought is nobody's command.
				if (error instanceof EnergyError && error.code === "store.changed") return this.lead();
				// Machines do not wait for a store; what is not kept yet goes with the next change.
				this.complain(error);
			}
			// What the store could not say is ours any more is not started: another process may be at it.
			const allowed = commands.filter(({ command }) => command !== "start" || this.lease.valid);
			for (const message of allowed) this.options.command(message);
			for (const event of events) this.options.happened(event);
		});
		return this.saving;
	}

	/** Resolves when the plan that is being made is there, and all that follows from it is kept and sent. */
	async idle(): Promise<void> {
		await this.leasing;
		await this.work;
		await this.flush();
	}

	async close(): Promise<void> {
		this.closed = true;
		this.abort?.abort();
		this.letBudgetGo();
		this.refuseAskers();
		await this.flush();
		await this.lease.release().catch(() => undefined);
	}

	private letBudgetGo(): void {
		const { budget } = this.options.house;
		budget.movable = () => [];
		budget.move = () => {};
	}

	private refuseAskers(): void {
		for (const { reject } of this.askers.splice(0)) reject(new EnergyError("operation.starting"));
	}

	private remember(plan: StoredPlan): void {
		const rest = this.history.filter(({ id }) => id !== plan.id);
		this.history = [summaryOf(plan), ...rest].sort((a, b) => b.version - a.version).slice(0, HISTORY);
	}

	private tellBoard(): void {
		this.boardDue = false;
		this.boardMs = this.now();
		this.options.board(this.boardNow());
	}

	private complain(error: unknown): void {
		const code = error instanceof EnergyError ? error.code : "nodes.unexpected";
		const details = error instanceof EnergyError ? error.details : {};
		const known = this.problem?.code === code;
		this.problem = { code, text: wordsOf(code, details) };
		this.boardDue = true;
		if (!known) this.options.problem(error);
	}

	private plan(engine: Engine, nowMs: number): void {
		if (this.planning || nowMs - this.plannedMs < BREATH_MS) return;
		const request = engine.request(nowMs);
		if (!request) return;
		const askers = this.askers.splice(0);
		if (request.jobs.length === 0) {
			// Nothing is left to decide; what runs goes on.
			engine.proven(nowMs);
			for (const { resolve } of askers) resolve(null);
			return;
		}
		this.abort = new AbortController();
		this.planning = {
			...{ reason: request.reason, since: new Date(nowMs).toISOString(), ofSeconds: this.options.planner.seconds },
			...{ costKrw: null, boundKrw: null },
		};
		this.boardDue = true;
		this.work = this.made(engine, request, this.abort.signal).then(
			(plan) => {
				for (const { resolve } of askers) resolve(plan);
			},
			(error: unknown) => {
				if (askers.length === 0) this.complain(error);
				for (const { reject } of askers) reject(error);
				if (askers.length > 0) this.complain(error);
			},
		);
	}

	private async made(
		engine: Engine,
		request: Parameters<typeof makePlan>[0],
		signal: AbortSignal,
	): Promise<StoredPlan | null> {
		try {
			const draft = await makePlan(request, engine.jobs, this.options.house, this.options.planner, {
				...(this.options.solver ? { solver: this.options.solver } : {}),
				signal,
				onProgress: ({ costKrw, boundKrw }) => {
					if (!this.planning) return;
					this.planning = { ...this.planning, costKrw, boundKrw };
					if (this.now() - this.boardMs >= PROGRESS_MS) this.boardDue = true;
				},
			});
			if (this.closed || this.opened !== engine) return null;
			this.seen = draft.seen;
			this.problem = null;
			return engine.offer(draft, this.now()) ?? engine.current;
		} finally {
			this.planning = null;
			this.plannedMs = this.now();
			this.boardDue = true;
			void this.flush();
		}
	}

	/** Whether forecast or prices are others than those of the last plan. */
	private async look(engine: Engine, nowMs: number): Promise<void> {
		this.lookedMs = nowMs;
		engine.forgetBefore(nowMs - KEEP_JOBS_MS);
		try {
			if (nowMs - this.prunedMs > DAY_MS) {
				this.prunedMs = nowMs;
				await this.keeper.prune(nowMs - KEEP_JOURNAL_MS);
			}
			if (this.seen.prices === "") return;
			const { house, planner } = this.options;
			const count = Math.ceil(planner.horizonMs / 900_000);
			const prices = energyPrices(house.pricer(), nowMs, count);
			if (pricesDiffer(this.seen.prices, prices.fingerprint)) engine.wish("price");
			const issuedMs = await forecastIssued(await house.store(), house.site.id, nowMs);
			if (issuedMs > this.seen.forecastMs) engine.wish("forecast");
		} catch (error) {
			this.complain(error);
		}
	}

	private demonstrate(engine: Engine, nowMs: number): void {
		const day = demoDayOf(this.site, nowMs);
		if (engine.demoDay === day) return;
		const { intervalMinutes } = engine.options;
		const open = [...engine.jobs.values()].filter((record) => !isJobDone(record, intervalMinutes)).length;
		if (open >= FEW_ORDERS) return;
		const orders = demoOrders(this.site, nowMs).filter(({ id }) => !engine.jobs.has(id));
		engine.setDemoDay(day);
		engine.putJobs(orders, "demonstration", nowMs);
	}
}
