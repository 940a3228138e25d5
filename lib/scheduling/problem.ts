/** What a person or a program asks to be scheduled, as it travels. Times are ISO 8601 with offset, powers kW. */
export interface SchedulingProblem {
	/** First instant of the horizon; intervals follow each other from here. */
	start: string;
	/** Intervals of the horizon. Prices and forecasts that end sooner are refused, never guessed. */
	intervals: number;
	/** Length of an interval: a divisor of 15, or a multiple of it; default 15. */
	intervalMinutes?: number;
	/** Energy price of each interval; null where it is not known yet, which is refused. */
	energyPriceKrwPerKwh: (number | null)[];
	/** Band of each interval (off-peak, mid-peak, on-peak): cost lines are told apart by it. */
	bands?: string[];
	carbon?: CarbonPrice;
	/** Load of the site beside the jobs, kW in each interval, or one value. */
	baseLoadKw?: number | (number | null)[];
	/** The same load where it should be held safe: an upper quantile of its forecast. The cap is kept against it. */
	baseLoadQuantile?: { quantile: number; kw: (number | null)[] };
	cap?: SiteCap;
	demandCharges?: DemandPrice[];
	machines: MachineSpec[];
	jobs: JobSpec[];
}

export interface CarbonPrice {
	krwPerTonne: number;
	/** Of one kWh, for all intervals or each. */
	kgPerKwh: number | number[];
}

/** The 15-minute-average power of the site that must not be exceeded. */
export interface SiteCap {
	/** kW, for all intervals or each; else peakPowerLimitKw × (1 − safetyMargin). */
	kw?: number | number[];
	peakPowerLimitKw?: number;
	/** Default 0.1. */
	safetyMargin?: number;
}

/**
 * What the highest counted demand of a billing month costs: each kW above a step's threshold at the step's price, which
 * is what it adds to the billing demand of this and the next months (the projected ratchet).
 */
export interface DemandPrice {
	name?: string;
	/** Thresholds rising; below the first a kW is free. */
	steps: { aboveKw: number; krwPerKw: number }[];
	/** Which intervals count; all where left out. */
	counted?: boolean[];
}

export interface Window {
	start: string;
	end: string;
	reason?: string;
}

export interface MachineSpec {
	id: string;
	name?: string;
	/** When it is manned; always where left out. Work lies wholly within. */
	shifts?: Window[];
	/** When it cannot work. */
	maintenance?: Window[];
	/** A batch machine takes operations of one family together, as many units as this. Default 1: one at a time. */
	batchSize?: number;
	/** Once stopped it rests at least so long. */
	minPauseMinutes?: number;
	/** Once started it runs at least so long without a gap: operations follow each other at once. Setups are gaps. */
	minRunMinutes?: number;
	/** Between operations of different families; pairs that are not named cost nothing. */
	setups?: SetupSpec[];
	/** What it is set up for at the start of the horizon. */
	initialFamily?: string;
}

export interface SetupSpec {
	from: string;
	to: string;
	minutes: number;
	costKrw?: number;
}

export interface JobSpec {
	id: string;
	name?: string;
	release?: string;
	/** Later than this costs; later than the deadline is not allowed. */
	due?: string;
	deadline?: string;
	/** Weight of its tardiness, default 1. */
	priority?: number;
	tardinessKrwPerHour?: number;
	/**
	 * Jobs that must be finished before it begins, so long before at least (default 0) and at most (default any time):
	 * between whatever ends the other job and whatever begins this one.
	 */
	after?: { job: string; lagMinutes?: number; maxLagMinutes?: number }[];
	operations: OperationSpec[];
}

export interface OperationSpec {
	/** Default: its number, from 1. */
	id?: string;
	/** For setups and batches. */
	family?: string;
	/** Units it takes in a batch, default 1. */
	size?: number;
	/** Not before this; counts beside the release of its job. */
	release?: string;
	/** Operations of its own job that come first; default: the one before it. */
	after?: { operation: string; lagMinutes?: number; maxLagMinutes?: number }[];
	modes: ModeSpec[];
	/** Whether it may be interrupted and go on later on the same machine. */
	preemptible?: boolean;
	/** Of a preemptible operation: how long a piece runs at least, and how long an interruption lasts at least. */
	minRunMinutes?: number;
	minPauseMinutes?: number;
	/** It is running, or is held where a person put it: machine and start are given. */
	fixed?: { machine: string; start: string };
}

/** A machine that can do an operation. */
export interface ModeSpec {
	machine: string;
	/** Default: as many intervals as powerKw has. A part of an interval takes the whole of it. */
	minutes?: number;
	/** Mean power, one value or one for each interval of its run. */
	powerKw: number | number[];
}

/** When everything is done. */
export interface Plan {
	operations: PlannedOperation[];
}

export interface PlannedOperation {
	job: string;
	operation: string;
	machine: string;
	/** In order; one piece unless it was interrupted. */
	pieces: { start: string; end: string }[];
}

/** Something in a problem that does not hold together; `code` names its message. */
export interface Issue {
	code: string;
	/** JSON pointer to where it stands. */
	field: string;
	[detail: string]: unknown;
}

export const operationId = (operation: OperationSpec, index: number): string => operation.id ?? String(index + 1);
export const intervalMinutesOf = (problem: SchedulingProblem): number => problem.intervalMinutes ?? 15;

/** Intervals an operation takes on a machine. */
export function modeLength(mode: ModeSpec, intervalMinutes: number): number {
	if (mode.minutes !== undefined) return Math.ceil(mode.minutes / intervalMinutes - 1e-9);
	return Array.isArray(mode.powerKw) ? mode.powerKw.length : 1;
}

/** kW in the k-th interval of a run; a profile that is too short goes on with its last value. */
export function modePowerKw(mode: ModeSpec, k: number): number {
	if (!Array.isArray(mode.powerKw)) return mode.powerKw;
	return mode.powerKw[Math.min(k, mode.powerKw.length - 1)] ?? 0;
}

/** The site cap of each interval, kW; infinite where there is none. */
export function capKw(problem: SchedulingProblem, interval: number): number {
	const { cap } = problem;
	if (!cap) return Number.POSITIVE_INFINITY;
	if (Array.isArray(cap.kw)) return cap.kw[interval] ?? Number.POSITIVE_INFINITY;
	if (cap.kw !== undefined) return cap.kw;
	if (cap.peakPowerLimitKw === undefined) return Number.POSITIVE_INFINITY;
	return cap.peakPowerLimitKw * (1 - (cap.safetyMargin ?? 0.1));
}
