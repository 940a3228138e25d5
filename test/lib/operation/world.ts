import { PeakBudget } from "../../../lib/demand/budget.ts";
import { OperationDesk } from "../../../lib/operation/desk.ts";
import { defaultOptions, type EngineOptions } from "../../../lib/operation/engine-types.ts";
import type { Solver } from "../../../lib/operation/planner.ts";
import type { PlannerOptions } from "../../../lib/operation/problem-of.ts";
import type { JobMessage, MachineEvent, OperationEvent } from "../../../lib/operation/records.ts";
import type { Order, ScheduleBoard } from "../../../lib/operation/types.ts";
import { checkPlan } from "../../../lib/scheduling/check.ts";
import { explainConflict } from "../../../lib/scheduling/conflict.ts";
import { compile, planOf } from "../../../lib/scheduling/instance.ts";
import { answerOf } from "../../../lib/scheduling/optimize.ts";
import { constructed } from "../../../lib/scheduling/search.ts";
import { solve } from "../../../lib/scheduling/solve.ts";
import { openStore } from "../../../lib/store/open.ts";
import type { Store } from "../../../lib/store/store.ts";
import { openContract, pricerOf, readContract, type SiteContract } from "../../../lib/tariff/contract.ts";
import type { Pricer } from "../../../lib/tariff/pricer.ts";
import type { PricePoint } from "../../../lib/tariff/series.ts";
import type { Machine, Site } from "../../../lib/telemetry/site.ts";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
/** A weekday evening: the night ahead is cheap. */
export const START = Date.parse("2026-11-18T18:00:00+09:00");
export const at = (text: string): string => new Date(Date.parse(`2026-11-${text}:00+09:00`)).toISOString();

/** List scheduling in this thread: milliseconds, and the same plan each time. */
export const quickSolver: Solver = async (problem, { current }) => {
	const instance = compile(problem);
	const limits = { stopAtMs: Number.POSITIVE_INFINITY, stopped: () => false };
	const found = constructed(instance, limits);
	const plan = found.missing === 0 ? planOf(instance, found.placements) : null;
	const { cost, loadKw } = checkPlan(problem, plan ?? { operations: [] });
	const shared = { boundKrw: null, gap: null, method: "search", fallback: null, seconds: 0, iterations: 0 } as const;
	const status = plan ? "feasible" : "unknown";
	return answerOf(problem, { ...shared, status, plan, cost: plan && cost, loadKw }, null, current);
};

/** The real search, in this thread: it also says why there is no plan. */
export const thoroughSolver: Solver = async (problem, { current }) => {
	const watch = { stopped: () => false };
	const solution = await solve(problem, { seconds: 30, exact: false, rounds: 0, seed: 1 }, watch);
	const conflict = solution.plan ? null : await explainConflict(problem, { seconds: 30, exact: false }, watch);
	return answerOf(problem, solution, conflict, current);
};

export const site = (machines: readonly Partial<Machine>[] = []): Site => ({
	id: "works",
	name: "Works",
	timeZone: "Asia/Seoul",
	unknownMachines: "reject",
	machines: ["saw", "oven"].map((id) => ({
		...{ id, name: id, area: "hall", role: "sub" as const, ratedKw: 200, controllable: true },
		...machines.find((each) => each.id === id),
	})),
});

/** An order of one operation. */
export const order = (id: string, minutes: number, powerKw: number | number[], more: Partial<Order> = {}): Order => ({
	...{ id, product: id, release: new Date(START).toISOString() },
	operations: [{ modes: [{ machine: "saw", minutes, powerKw }] }],
	...more,
});

/** A machine that does what it is told, tells what becomes of it, and can be broken or made slow. */
class Machines {
	readonly running = new Map<string, { messages: JobMessage[]; endMs: number }>();
	readonly broken = new Set<string>();
	readonly deaf = new Set<string>();
	/** Minutes that jobs on it take longer. */
	readonly slow = new Map<string, number>();

	obey(message: JobMessage, nowMs: number): MachineEvent | undefined {
		const { machine, job, operation, command, batch } = message;
		if (this.deaf.has(machine)) return undefined;
		const now = this.running.get(machine);
		if (command === "start") {
			if (this.broken.has(machine)) return { machine, job, operation, state: "refused", reason: "broken" };
			const same = now?.messages.some((each) => each.job === job && each.operation === operation);
			const joins = batch !== undefined && now?.messages[0]?.batch === batch;
			const minutes = (message.minutes ?? 0) - (message.elapsedMinutes ?? 0) + (this.slow.get(machine) ?? 0);
			if (joins && !same) now.messages.push(message);
			else if (!same) this.running.set(machine, { messages: [message], endMs: nowMs + minutes * MINUTE });
			return { machine, job, operation, state: "started" };
		}
		if (command === "stop" && now?.messages.some((each) => each.job === job)) {
			this.running.delete(machine);
			return { machine, job, operation, state: "stopped" };
		}
		return undefined;
	}

	step(nowMs: number): MachineEvent[] {
		return [...this.running].flatMap(([machine, { messages, endMs }]): MachineEvent[] => {
			if (!this.broken.has(machine) && nowMs < endMs) return [];
			this.running.delete(machine);
			const state = this.broken.has(machine) ? "failed" : "finished";
			return messages.map(({ job, operation }) => ({ machine, job, operation, state }));
		});
	}
}

/** A site with a clock that only moves when it is told to. */
export class World {
	nowMs = START;
	readonly machines = new Machines();
	readonly sent: (JobMessage & { atMs: number })[] = [];
	readonly events: OperationEvent[] = [];
	readonly problems: unknown[] = [];
	readonly budget = new PeakBudget();
	board: ScheduleBoard | undefined;
	store!: Store;
	desk!: OperationDesk;
	solver: Solver = quickSolver;
	connected = true;
	tariff = "kepco/industrial-b/high-a/II";
	/** What is wrong with the contract, so that no plan can be priced. */
	contractProblem: Error | undefined;
	private prices: readonly PricePoint[] | undefined;
	engine: EngineOptions;
	planner: PlannerOptions;
	private readonly site: Site;
	private heard: MachineEvent[] = [];
	private opened: SiteContract | undefined;
	private priced: Pricer | undefined;

	constructor(options: { site?: Site; engine?: Partial<EngineOptions>; planner?: Partial<PlannerOptions> } = {}) {
		this.site = options.site ?? site();
		this.engine = { site: this.site.id, ...defaultOptions, approval: "automatic", ...options.engine };
		this.planner = {
			...{ horizonMs: this.engine.horizonMs, margin: 0.1, peakLimitKw: 300, carbonKrwPerTonne: 0, grid: "KR" },
			...{ seconds: 5, gap: 0.001, seed: 1, ...options.planner },
		};
	}

	async open(): Promise<void> {
		this.store ??= await openStore("sqlite://:memory:");
		this.desk = new OperationDesk({
			house: {
				site: this.site,
				store: () => Promise.resolve(this.store),
				contract: () => this.contract(),
				pricer: () => this.pricer(),
				budget: this.budget,
			},
			...{ engine: this.engine, planner: this.planner, demo: false },
			solver: (problem, options) => this.solver(problem, options),
			...{ now: () => this.nowMs, leaseMs: 2 * MINUTE },
			connected: () => this.connected,
			command: (message) => {
				this.sent.push({ ...message, atMs: this.nowMs });
				const event = this.machines.obey(message, this.nowMs);
				if (event) this.heard.push(event);
			},
			happened: (event) => this.events.push(event),
			board: (board) => {
				this.board = board;
			},
			problem: (error) => this.problems.push(error),
		});
		await this.desk.begin();
	}

	/** The process is killed: nothing is said any more, what was not kept is lost, and its right to plan has run out. */
	async killed(): Promise<void> {
		await this.desk.idle();
		this.heard = [];
		const put = [{ id: "planner", atMs: 0, value: { owner: "nobody", fence: 1 } }];
		await this.store.saveDocuments({ site: this.site.id, kind: "schedule-lease", put });
		await this.open();
	}

	private contract(): SiteContract {
		if (this.contractProblem) throw this.contractProblem;
		this.opened ??= this.openContract();
		return this.opened;
	}

	private pricer(): Pricer {
		this.priced ??= pricerOf(this.contract());
		return this.priced;
	}

	/** Dynamic prices came, or others. */
	publish(prices: readonly PricePoint[]): void {
		this.prices = prices;
		this.opened = undefined;
		this.priced = undefined;
	}

	private openContract(): SiteContract {
		const rates = { baseRateKrwPerKwh: 150, touPeakRate: 220, touOffPeakRate: 90 };
		const around = { timeZone: this.site.timeZone, directory: ".", rates, contractKw: 300 };
		const settings = { tariff: this.tariff, contractKw: 300 };
		return openContract({ ...readContract(settings, around), ...(this.prices ? { prices: this.prices } : {}) });
	}

	/** Lets time pass in steps of half a minute. */
	async pass(ms: number): Promise<void> {
		for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) {
			this.nowMs += 30_000;
			for (const event of [...this.heard.splice(0), ...this.machines.step(this.nowMs)]) this.desk.told(event);
			for (const machine of ["saw", "oven"]) {
				const state = this.machines.broken.has(machine)
					? "fault"
					: this.machines.running.has(machine)
						? "running"
						: "idle";
				this.desk.reading(machine, state, this.machines.running.has(machine) ? 100 : 0, this.nowMs);
			}
			this.desk.tick();
			await this.desk.idle();
		}
	}

	put(...orders: Order[]): void {
		this.desk.engine.putJobs(orders, "tester", this.nowMs);
	}

	/** `start J1`, `stop J2` … in the order they were sent. */
	get commands(): string[] {
		return this.sent.map(({ command, job }) => `${command} ${job}`);
	}

	codes(): string[] {
		return this.events.map(({ code }) => code.replace("operation.", ""));
	}

	sentAt(command: string): string | undefined {
		const found = this.sent.find((message) => `${message.command} ${message.job}` === command);
		return found && new Date(Math.floor(found.atMs / MINUTE) * MINUTE).toISOString();
	}

	async close(): Promise<void> {
		await this.desk.close();
		await this.store.close();
	}
}
