import type { Words } from "../calendar/holidays.ts";

// What the page of the schedule shows, as `msg.payload` and on the live feed. Times are ISO 8601; null is "not known"
// or "not so", never 0.

/** Where an operation stands. Late: it should have begun or ended and has not. Held: a person stopped it. */
export type OperationState = "planned" | "running" | "done" | "late" | "held" | "failed";

/** proposed: waits for approval. withdrawn: its set-points were taken back; `why` of the board's plan says for what. */
export type PlanState = "proposed" | "approved" | "dispatched" | "withdrawn" | "superseded" | "failed";

/** What made a plan be made anew. */
export type PlanCause =
	| "person"
	| "clock"
	| "forecast"
	| "price"
	| "job"
	| "breakdown"
	| "deviation"
	| "override"
	| "start";

export interface BoardOperation {
	job: string;
	operation: string;
	/** The job's name; its id where it has none. */
	name: string;
	machine: string;
	/** As planned, in order; one piece unless it is interrupted. */
	pieces: { start: string; end: string }[];
	/** As run; end null while it runs. */
	actual: { start: string; end: string | null } | null;
	state: OperationState;
	/** A person keeps it on this machine at this time. */
	pinned: boolean;
	/** Who pinned or held it. */
	by: string | null;
	/** Energy, carbon and lateness of it where it lies. */
	costKrw: number | null;
	/** Its energy by band, bands without any left out. */
	energy: { band: string; kwh: number; krw: number }[];
	/** Why it lies where it does. */
	reason: Words | null;
	release: string | null;
	due: string | null;
	deadline: string | null;
	/** Where the version before had it; null where it lies as it did, or is new. */
	before: { machine: string; start: string; end: string } | null;
}

/** What a plan costs, in the lines of the answer. */
export interface BoardCost {
	totalKrw: number;
	energy: { band: string; kwh: number; krw: number }[];
	energyKrw: number;
	carbonKrw: number;
	/** What the plan adds to the demand charge. */
	demandKrw: number;
	tardinessKrw: number;
	setupKrw: number;
	peakKw: number;
	peakAt: string | null;
}

/** What the plan saves against another one; positive where it saves. */
export interface BoardSavings {
	costKrw: number;
	savedKrw: number;
	waterfall: { line: "energy" | "carbon" | "demand" | "tardiness" | "setup"; krw: number }[];
	/** Rules that the other plan breaks, in words; empty where it keeps every one. */
	violations: Words[];
}

export interface BoardPlan {
	version: number;
	state: PlanState;
	made: string;
	cause: PlanCause;
	/** The cause in words, with what it was about: which machine broke, which job came. */
	why: Words;
	approvedBy: string | null;
	cost: BoardCost;
	/** Starting every job as soon as possible. */
	asSoonAsPossible: BoardSavings | null;
	/** The plan in force before this one. */
	current: BoardSavings | null;
	boundKrw: number | null;
	/** (cost − bound) / cost. */
	gap: number | null;
	optimal: boolean;
	method: "search" | "relaxation" | "mip";
	/** Why a weaker method was used. */
	fallback: Words | null;
	seconds: number;
}

/** An earlier plan, in the list of versions; the newest first. */
export interface BoardVersion {
	version: number;
	state: PlanState;
	made: string;
	cause: PlanCause;
	why: Words;
	totalKrw: number | null;
	/** Operations that lie elsewhere than in the version before, came, or went. */
	moved: number;
	added: number;
	removed: number;
	by: string | null;
}

/** An order in the list. */
export interface BoardOrder {
	job: string;
	name: string;
	/** `waiting`: not in the plan yet. */
	state: OperationState | "waiting";
	/** Machines that could do it, by operation. */
	operations: { operation: string; machines: string[]; minutes: number; powerKw: number }[];
	release: string | null;
	due: string | null;
	deadline: string | null;
	priority: number;
	/** As planned. */
	start: string | null;
	end: string | null;
	costKrw: number | null;
}

export interface BoardProgress {
	/** Share of the time it may take, 0…1. */
	share: number;
	seconds: number;
	costKrw: number | null;
	boundKrw: number | null;
	cause: PlanCause;
}

/** Why there is no plan, and the least that would help. */
export interface BoardConflict {
	/** Requirements that cannot all hold. */
	requirements: Words[];
	irreducible: boolean;
	/** The cheapest first. */
	relaxations: Words[];
}

export interface ScheduleBoard {
	type: "schedule";
	site: string;
	time: string;
	/** Intervals that the series below go by: prices, loads and cap. */
	axis: { start: string; minutes: number; intervals: number };
	/** Bands of the tariff, cheapest first. */
	bands: { band: string; name: Words }[];
	price: { band: string[]; krwPerKwh: (number | null)[] };
	/** Load of the site beside the plan, and with it. */
	baseKw: (number | null)[];
	loadKw: (number | null)[];
	/** Empty where the site has no cap. */
	capKw: (number | null)[];
	/** Operations that begin before this stay as they are. */
	frozenUntil: string | null;
	/** Rows, in the order of the site. */
	machines: { machine: string; name: string; names?: Partial<Words>; down: boolean }[];
	plan: BoardPlan | null;
	operations: BoardOperation[];
	orders: BoardOrder[];
	/** Orders and operations are cut to a number that a page can hold; how many there are. */
	counts: { orders: number; operations: number };
	versions: BoardVersion[];
	progress: BoardProgress | null;
	conflict: BoardConflict | null;
	/** What went wrong at last: a failed solver, a refused problem, a stale plan. */
	problem: Words | null;
}

/** What a person may want of the schedule; `by` is who has signed in. */
export type ScheduleCommand = { by: string } & (
	| { type: "plan" }
	| { type: "cancel" }
	| { type: "approve"; version: number }
	| { type: "dispatch"; version: number }
	| { type: "withdraw"; version: number }
	| { type: "pin"; job: string; operation: string }
	| { type: "hold"; job: string }
	| { type: "release"; job: string; operation?: string }
	| { type: "put-order"; order: OrderInput }
	| { type: "remove-order"; job: string }
	| { type: "import-orders"; csv: string }
);

/** An order as a form gives it; an order of more than one operation comes by the API or a file. */
export interface OrderInput {
	job: string;
	name: string;
	machines: string[];
	minutes: number;
	powerKw: number;
	release: string | null;
	due: string | null;
	deadline: string | null;
	priority: number;
}
