/** An operation of the schedule that demand control may take off its machine first. */
export interface Movable {
	job: string;
	operation: string;
	machine: string;
	/** What it draws now. */
	kw: number;
}

/**
 * The peak of one site, kept by two: demand control holds the quarter-hour that runs, the schedule plans those to come.
 * Each tells the other what it needs to know; without a counterpart either works alone.
 */
export class PeakBudget {
	/** Limit of the quarter-hour that starts at `atMs`, kW; null where nothing has to be kept. Set by demand control. */
	limitKw: ((atMs: number) => number | null) | undefined;
	/** The quarter-hour will end above its limit: nothing more may start in it. Set by demand control. */
	tight = false;
	/** What the plan can move now. Set by the schedule. */
	movable: (nowMs: number) => readonly Movable[] = () => [];
	/** Takes an operation off its machine. Set by the schedule. */
	move: (movable: Movable, nowMs: number) => void = () => {};
}

const budgets = new Map<string, PeakBudget>();

/** The budget of a site in this process. */
export function peakBudgetOf(site: string): PeakBudget {
	let budget = budgets.get(site);
	if (!budget) {
		budget = new PeakBudget();
		budgets.set(site, budget);
	}
	return budget;
}
