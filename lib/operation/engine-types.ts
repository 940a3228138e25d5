import type { JobMessage, JobRecord, KeptState, OperationEvent } from "./records.ts";
import type { StoredPlan } from "./types.ts";

export interface EngineOptions {
	site: string;
	/** Who says that a plan is carried out. */
	approval: "operator" | "automatic";
	intervalMinutes: number;
	horizonMs: number;
	/** Without any reason a plan is made anew so often. */
	everyMs: number;
	/** What starts within it stays where it is. */
	frozenMs: number;
	/** A start that is later than this, or an end, is a reason to plan anew. */
	lateMs: number;
	/** A plan that could not be checked against the present for so long is withdrawn. */
	staleMs: number;
	/** A machine that stands still is expected back after this. */
	repairMs: number;
	/** A plan that costs less by a smaller share than this is not worth a change. */
	worth: number;
}

export const defaultOptions: Omit<EngineOptions, "site"> = {
	approval: "operator",
	intervalMinutes: 15,
	horizonMs: 24 * 3_600_000,
	everyMs: 15 * 60_000,
	frozenMs: 30 * 60_000,
	lateMs: 5 * 60_000,
	staleMs: 60 * 60_000,
	repairMs: 4 * 3_600_000,
	worth: 0.005,
};

/** What has to be kept and sent after a step. */
export interface Effects {
	jobs: JobRecord[];
	removedJobs: string[];
	plans: StoredPlan[];
	state: KeptState | null;
	events: OperationEvent[];
	commands: JobMessage[];
}

export interface Kept {
	jobs: JobRecord[];
	/** Plans that are not over, and their number. */
	plans: StoredPlan[];
	state: KeptState | null;
}

export const emptyEffects = (): Effects => ({
	jobs: [],
	removedJobs: [],
	plans: [],
	state: null,
	events: [],
	commands: [],
});
