import type { CostLines } from "../scheduling/check.ts";
import type { JobSpec, Plan, PlannedOperation } from "../scheduling/problem.ts";
import type { BrokenRule } from "./broken.ts";
import type { Order, PlanReason, StoredPlan, Words } from "./types.ts";

/** One start of an operation on a machine, from its command to its end. */
export interface Run {
	operation: string;
	machine: string;
	/** Version of the plan that started it. */
	plan: number;
	plannedStartMs: number;
	/** When it should end; moves on while it overruns. */
	endMs: number;
	/** The end it was started for. */
	plannedEndMs: number;
	/** kW of each interval of this run; of a batch its share. */
	powerKw: number[];
	/** The batch that it runs in: a name that its runs share, and how many they are. */
	batch?: { name: string; runs: number };
	stepMs: number;
	/** Intervals of the operation that were done before this run. */
	before: number;
	state: "starting" | "running" | "done" | "stopped" | "failed";
	commandedMs: number;
	startedMs?: number;
	endedMs?: number;
	/** The machine tells what becomes of its jobs. */
	reports: boolean;
	/** Last interval whose set-point was told. */
	toldStep: number;
	/** Its controller let it go: nothing more is commanded. */
	released?: true;
}

/** All that is kept of a job. */
export interface JobRecord {
	version: 1;
	order: Order;
	held: boolean;
	pins: { operation: string; machine: string; start: string }[];
	runs: Run[];
	createdMs: number;
	changedMs: number;
	by: string;
}

/** What is kept beside jobs and plans. */
export interface KeptState {
	version: 1;
	/** Of the newest plan. */
	planVersion: number;
	/** Machines that stand still, since when; epoch ms. */
	down: Record<string, number>;
	/** A person withdrew a plan: the next ones wait for a person, too. */
	paused: boolean;
	/** The plan in force. */
	current?: string;
	/** When demonstration orders were written last; local date. */
	demoDay?: string;
}

/** What is asked of the planner. */
export interface PlanRequest {
	reason: PlanReason;
	by: string;
	nowMs: number;
	/** Free and frozen operations, without what runs or is done. */
	jobs: JobSpec[];
	/** Fixed in `jobs` because they start soon, and because a person put them there; `job/operation`. */
	frozen: string[];
	pinned: string[];
	/** What runs: it holds its machine, and its power counts as there. */
	running: { job: string; operation: string; machine: string; endMs: number; fromMs: number; powerKw: number[] }[];
	/** Machines that stand still, and until when that is assumed. */
	down: { machine: string; untilMs: number }[];
	/** Family that a machine is set up for; absent where nothing ran on it. */
	families: Record<string, string>;
	/** Id of the plan in force; null where there is none. */
	currentId: string | null;
	/** The rest of the plan in force, as far as it holds these jobs. */
	current: Plan | null;
	/** The same of the plan that was in force last, where it had to end: what the new one is compared with. */
	before: Plan | null;
	/** Jobs whose deadline is past: planned as late as they are. */
	missedDeadlines: string[];
	/** Jobs whose deadline the plan in force gave up, because no plan could keep it. */
	givenUp: string[];
}

/** A job that has to leave the plan in force, and why. */
export interface PartBroken extends BrokenRule {
	job: string;
}

/** What the planner found, still without a number. */
export interface Draft {
	request: PlanRequest;
	/** The plan as it will be kept, but for id, version and times of its life. */
	stored: Omit<StoredPlan, "id" | "version" | "status" | "createdAt">;
	/** null where there is none. */
	plan: PlannedOperation[] | null;
	cost: CostLines | null;
	/** Orders of `stored` that were left out, so that the others have a plan. */
	leftOut: string[];
	/** What the rest of the plan in force costs with today's figures; null where it breaks a rule, or there is none. */
	currentKrw: number | null;
	/** The rules that the plan in force breaks now, the best explanation first. */
	currentBreaks: BrokenRule[];
	/** Jobs that have to leave the plan in force so that the rest of it keeps every rule; empty where it does, or none can stay. */
	currentParts: PartBroken[];
	/** Whether the new plan holds jobs that the plan in force lacks, or a deadline that it gave up. */
	currentLacks: boolean;
	/** What was known of prices and forecast when it was made: others are a reason to plan anew. */
	seen: { forecastMs: number; prices: string };
}

/** A command to a machine, as it goes out. */
export interface JobMessage {
	machine: string;
	command: "start" | "stop" | "set-point" | "release";
	job: string;
	operation: string;
	plan: string;
	/** With a start: what has the same name runs together on the machine, and draws this power once. */
	batch?: string;
	powerKw?: number | number[];
	minutes?: number;
	stepMinutes?: number;
	elapsedMinutes?: number;
}

/** Something that happened, for the journal and the live feed. */
export interface OperationEvent {
	code: string;
	severity: "info" | "warning" | "alarm";
	atMs: number;
	/** Plan it is about; empty where about none. */
	plan: string;
	details: Record<string, string | number>;
	/** What explains it, for `{why}` of its message. */
	why?: Words;
}

/** What a machine says of a job. */
export interface MachineEvent {
	machine: string;
	job: string;
	operation: string;
	state: "started" | "finished" | "stopped" | "failed" | "refused";
	reason?: string;
}

export const keyOf = (job: string, operation: string): string => `${job}/${operation}`;
export const isActive = (run: Run): boolean => run.state === "starting" || run.state === "running";
