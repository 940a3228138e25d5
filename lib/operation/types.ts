import type { JobSpec, OperationSpec } from "../scheduling/problem.ts";
import type { Method, Solution } from "../scheduling/solve.ts";

/** A production order as the API takes it: what is made, how much, when, and how. Times ISO 8601 with offset. */
export interface Order extends JobSpec {
	/** What is made. */
	product?: string;
	quantity?: number;
	unit?: string;
	operations: OrderOperation[];
}

export interface OrderOperation extends OperationSpec {
	name?: string;
}

/** What a person decided about a job. */
export type Override =
	/** Not before it is let go. */
	| { hold: true }
	/** This operation on this machine at this time, whatever it costs. */
	| { pin: { operation: string; machine: string; start: string } }
	/** As the planner likes again. */
	| { free: true };

/** A job as it is kept and answered. */
export interface Job extends Order {
	state: "open" | "held" | "running" | "done" | "failed";
	/** Operations that lie where a person put them. */
	pins?: { operation: string; machine: string; start: string }[];
	/** When it came, and last changed; ISO 8601, and by whom. */
	createdAt: string;
	changedAt: string;
	by: string;
}

export type PlanStatus = "proposed" | "approved" | "dispatched" | "superseded" | "withdrawn" | "failed";

/** Why a plan was made. */
export type PlanReason =
	| "asked"
	| "clock"
	| "job"
	| "forecast"
	| "price"
	| "breakdown"
	| "repair"
	| "deviation"
	| "demand"
	| "override"
	| "restart";

export type OperationState = "planned" | "frozen" | "running" | "late" | "done" | "failed" | "held" | "withdrawn";

/** Words in every language of ours. */
export type Words = Record<"en-US" | "ko", string>;

/** An operation where the plan has it, and what became of it. */
export interface PlacedOperation {
	job: string;
	operation: string;
	/** What is made, for a label. */
	label: string;
	machine: string;
	start: string;
	end: string;
	/** Where it is interrupted: its pieces in order. */
	pieces?: { start: string; end: string }[];
	/** kW in each interval of its run (interruptions left out); a single value where all are the same. */
	powerKw: number | number[];
	/** Energy, carbon and lateness of the operation where it lies, KRW. */
	costKrw: number;
	/** Why it lies where it does; code of lib/scheduling/messages.json. */
	reason: { code: string; text: Words };
	state: OperationState;
	/** Where a person put it. */
	pinned?: true;
	due?: string;
	/** How it really ran; absent before. */
	asRun?: { start: string; end?: string; lateMinutes: number; overrunMinutes: number };
}

/** What a plan costs, KRW before levies. */
export interface PlanCost {
	totalKrw: number;
	energyKrw: number;
	carbonKrw: number;
	demandKrw: number;
	tardinessKrw: number;
	setupKrw: number;
}

/** A job that has no place in the plan, or something else that a person should know of it. */
export interface PlanConflict {
	code: string;
	job?: string;
	machine?: string;
	text: Words;
}

/** What lists carry. */
export interface PlanSummary {
	/** `plan-<version>`. */
	id: string;
	/** Rises with every plan of the site. */
	version: number;
	site: string;
	status: PlanStatus;
	reason: PlanReason;
	/** Who asked; `planner` where nobody did. */
	by: string;
	createdAt: string;
	approvedAt?: string;
	approvedBy?: string;
	dispatchedAt?: string;
	/** When and why it ended. */
	endedAt?: string;
	endedWhy?: { code: string; text: Words };
	horizon: { start: string; end: string; intervalMinutes: number };
	/**
	 * The plan; everything as soon as possible; the plan that was in force, as if it could still be carried out. null where
	 * there was none.
	 */
	cost: { plan: PlanCost; asSoonAsPossible: PlanCost | null; current: PlanCost | null };
	peakKw: number;
	peakAt: string;
	jobs: number;
	/** What is known of the plan: optimal, feasible …; a failed plan says why there is none. */
	solution: SolutionStatus;
	method: Method | "fallback";
	/** (cost − bound) / cost; null where nothing is known. */
	gap: number | null;
	boundKrw: number | null;
	seconds: number;
	conflicts: PlanConflict[];
}

export type SolutionStatus = Solution["status"];

export interface StoredPlan extends PlanSummary {
	operations: PlacedOperation[];
	/** Of each interval of the horizon: mean power of the site with the plan, and beside the plan's jobs; kW. */
	siteLoadKw: number[];
	baseLoadKw: number[];
	/** The base load that the cap is kept against: an upper quantile. */
	safeBaseLoadKw: number[];
	/** The 15-minute average that the plan keeps below; null where there is none to keep. */
	capKw: (number | null)[];
	/** Runs of intervals of one band and price, first to last. */
	prices: { start: string; band: string; krwPerKwh: number }[];
	/** Where base load and prices come from, and what was missing. */
	sources: { baseLoad: "forecast" | "history" | "none"; quantile: number; tariff: string };
}

/** What a card draws. */
export interface ScheduleBoard {
	site: string;
	time: string;
	timeZone: string;
	approval: "operator" | "automatic";
	/** Machines that take jobs or stand still, in order of the site. */
	machines: {
		id: string;
		name: string;
		names?: Partial<Words>;
		down: boolean;
		closed: { start: string; end: string; why: "shift" | "maintenance" | "breakdown" }[];
	}[];
	/** The plan in force: dispatched, else approved. */
	current: StoredPlan | null;
	/** A newer one that waits for approval. */
	proposed: StoredPlan | null;
	/** Jobs that a person held. */
	held: { id: string; label: string }[];
	/** Operations that begin before this stay where they are. */
	frozenUntil: string | null;
	/** Jobs as they are kept, those still to do first; at most as many as a page holds. */
	jobs: Job[];
	/** How many jobs there are, where the list is cut. */
	jobCount: number;
	/** The newest plans, newest first, failed ones with their conflicts. */
	history: PlanSummary[];
	/** A plan is being made; `ofSeconds` is the time it may take. */
	planning: {
		reason: PlanReason;
		since: string;
		ofSeconds: number;
		costKrw: number | null;
		boundKrw: number | null;
	} | null;
	/** Last thing that went wrong; null when all is well. */
	problem: { code: string; text: Words } | null;
}

/** A problem that takes longer than a request: `GET optimize/{id}`. */
export interface OptimizeJob {
	id: string;
	type: "schedule";
	state: "running" | "done" | "failed" | "cancelled";
	startedAt: string;
	endedAt: string | null;
	progress: { seconds: number; of: number; costKrw: number | null; boundKrw: number | null; method: Method | null };
	/** An `Answer` of lib/scheduling/optimize.ts. */
	result: object | null;
	problem: { title: string; detail: string } | null;
}
