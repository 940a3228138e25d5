import type { PeakBudget } from "../demand/budget.ts";
import type { MachineSpec, SchedulingProblem, Window } from "../scheduling/problem.ts";
import { modeLength, modePowerKw } from "../scheduling/problem.ts";
import type { Store } from "../store/store.ts";
import { gridFactor } from "../tariff/carbon.ts";
import type { SiteContract } from "../tariff/contract.ts";
import type { Pricer } from "../tariff/pricer.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { Site } from "../telemetry/site.ts";
import { type BaseLoad, baseLoadOf } from "./base-load.ts";
import { batchesThatFit } from "./batches.ts";
import { DemandPricer, type EnergyPrices, energyPrices } from "./prices.ts";
import { floorTo, iso } from "./progress.ts";
import type { JobRecord, PlanRequest } from "./records.ts";
import type { PlanConflict } from "./types.ts";
import { wordsOf } from "./words.ts";
import { windowsOf } from "./working-time.ts";

/** What the planner asks of the house. */
export interface House {
	site: Site;
	store: () => Promise<Pick<Store, "journal" | "intervals">>;
	contract: () => SiteContract;
	pricer: () => Pricer;
	budget: PeakBudget;
}

export interface PlannerOptions {
	horizonMs: number;
	/** The plan keeps this share below the limit of demand control. */
	margin: number;
	/** Limit where no demand control runs in this process, kW; 0: the contract demand. A demand that is paid for anyway is no less. */
	peakLimitKw: number;
	/** 0: emissions cost nothing. */
	carbonKrwPerTonne: number;
	/** Of the factors in lib/tariff/data. */
	grid: string;
	seconds: number;
	gap: number;
	seed: number;
}

/** A problem with where its figures come from. */
export interface Prepared {
	problem: SchedulingProblem;
	base: BaseLoad;
	prices: EnergyPrices;
	capKw: (number | null)[];
	/** The limit itself, without the margin below it, and the safe base load as it is: what a plan in force must keep. */
	hard: { limitKw: number[]; safeKw: number[] };
	/** Named and worth knowing, though the plan goes on. */
	notes: PlanConflict[];
	tariff: string;
}

/** The least horizon that is worth a plan: an hour. */
const LEAST_INTERVALS = 4;
/** Stands for "no cap". */
const NO_CAP_KW = 1e7;
const STEP_MS = QUARTER_HOUR_MS;

/** Builds the scheduling problem of a request from prices, forecast, ratchet, shifts and the limit of demand control. */
export async function problemOf(
	request: PlanRequest,
	records: Iterable<JobRecord>,
	house: House,
	options: PlannerOptions,
): Promise<Prepared> {
	const notes: PlanConflict[] = [];
	const startMs = floorTo(request.nowMs, STEP_MS);
	const wanted = intervalsOf(request, startMs, options);
	const prices = energyPrices(house.pricer(), startMs, wanted);
	let count = wanted;
	if (prices.known < wanted) {
		const details = { from: iso(startMs + prices.known * STEP_MS), intervals: wanted - prices.known };
		notes.push(note("operation.prices-unknown", details, house.site.timeZone));
		// Without an hour of prices there is nothing to plan by: the problem then says itself what is missing.
		if (prices.known >= LEAST_INTERVALS) count = prices.known;
	}
	const store = await house.store();
	const base = await baseLoadOf(store, house.site, records, startMs, count);
	if (base.source === "none") notes.push(note("operation.no-base-load", {}));
	const contract = house.contract();
	const demand = await DemandPricer.of(contract, house.pricer(), store, house.site, request.nowMs);
	const capKw = capsOf(house, contract, demand, options, startMs, count);
	const { kw, safeKw } = withRunning(request, base, startMs);
	const hard = {
		limitKw: capKw.map((cap) => (cap === null ? NO_CAP_KW : cap / (1 - options.margin))),
		safeKw: [...safeKw],
	};
	notes.push(...cutAtCap(safeKw, kw, capKw, startMs, house.site.timeZone));
	const { machines, jobs, alone } = batchesThatFit(request.jobs, machinesOf(request, house.site, startMs, count));
	for (const each of alone) notes.push(note("operation.batch-alone", each));
	for (const job of request.missedDeadlines) notes.push(note("operation.deadline-missed", { job }));
	const problem: SchedulingProblem = {
		...{ start: iso(startMs), intervals: count },
		intervalMinutes: 15,
		energyPriceKrwPerKwh: prices.krwPerKwh.slice(0, count),
		bands: prices.bands.slice(0, count),
		...carbonOf(options, startMs),
		baseLoadKw: kw,
		baseLoadQuantile: { quantile: base.quantile, kw: safeKw },
		cap: { kw: capKw.map((cap) => cap ?? NO_CAP_KW) },
		demandCharges: demand.charges(startMs, count, highest(request, kw)),
		machines,
		jobs,
	};
	return { problem, base, prices, capKw, hard, notes, tariff: contract.tariff.id };
}

/** As far as asked, and as far as what a person put somewhere. */
function intervalsOf(request: PlanRequest, startMs: number, options: PlannerOptions): number {
	let endMs = startMs + options.horizonMs;
	for (const { operations } of request.jobs) {
		for (const { fixed, modes } of operations) {
			const mode = fixed && modes.find(({ machine }) => machine === fixed.machine);
			if (mode) endMs = Math.max(endMs, Date.parse(fixed.start) + modeLength(mode, 15) * STEP_MS);
		}
	}
	return Math.min(672, Math.ceil((endMs - startMs) / STEP_MS));
}

function capsOf(
	{ budget }: House,
	contract: SiteContract,
	demand: DemandPricer,
	options: PlannerOptions,
	startMs: number,
	count: number,
): (number | null)[] {
	const own = (atMs: number): number | null =>
		options.peakLimitKw > 0 ? Math.max(options.peakLimitKw, demand.incumbentKw(atMs) ?? 0) : contract.contractKw;
	const limit = budget.limitKw ?? own;
	return Array.from({ length: count }, (_, k) => {
		const kw = limit(startMs + k * STEP_MS);
		return kw === null || !Number.isFinite(kw) ? null : rounded(kw * (1 - options.margin));
	});
}

/** What runs draws as long as it runs; nobody can plan it away. */
function withRunning(request: PlanRequest, base: BaseLoad, startMs: number): { kw: number[]; safeKw: number[] } {
	const [kw, safeKw] = [[...base.kw], [...base.safeKw]];
	for (const { fromMs, endMs, powerKw } of request.running) {
		for (let k = 0; k < kw.length && startMs + k * STEP_MS < endMs; k++) {
			const step = Math.max(0, Math.round((startMs + k * STEP_MS - fromMs) / STEP_MS));
			const power = powerKw[Math.min(step, powerKw.length - 1)] ?? 0;
			kw[k] = rounded((kw[k] ?? 0) + power);
			safeKw[k] = rounded((safeKw[k] ?? 0) + power);
		}
	}
	return { kw, safeKw };
}

/** Where the base load alone may exceed the cap no job can lie; that is named, and the other quarter-hours are planned. */
function cutAtCap(
	safeKw: number[],
	kw: number[],
	capKw: readonly (number | null)[],
	startMs: number,
	timeZone: string,
): PlanConflict[] {
	let [count, worst, at] = [0, 0, 0];
	safeKw.forEach((safe, k) => {
		const cap = capKw[k] ?? Number.POSITIVE_INFINITY;
		if (safe <= cap) return;
		safeKw[k] = cap;
		// The mean alone counts for the demand charge; that it lies above the cap is not for the plan to change.
		if (safe - cap > worst - (capKw[at] ?? 0) || count === 0) [worst, at] = [Math.max(safe, kw[k] ?? 0), k];
		count++;
	});
	if (count === 0) return [];
	const details = {
		count,
		baseKw: Math.round(worst),
		capKw: Math.round(capKw[at] ?? 0),
		at: iso(startMs + at * STEP_MS),
	};
	return [note("operation.base-above-cap", details, timeZone)];
}

function highest({ jobs }: PlanRequest, kw: readonly number[]): number {
	const most = jobs.flatMap(({ operations }) =>
		operations.map(({ modes }) =>
			Math.max(
				0,
				...modes.map((mode) => (Array.isArray(mode.powerKw) ? Math.max(...mode.powerKw) : modePowerKw(mode, 0))),
			),
		),
	);
	return Math.max(0, ...kw) + most.reduce((sum, power) => sum + power, 0);
}

function carbonOf({ carbonKrwPerTonne, grid }: PlannerOptions, startMs: number): Pick<SchedulingProblem, "carbon"> {
	if (carbonKrwPerTonne <= 0) return {};
	const kgPerKwh = gridFactor(grid, new Date(startMs).getUTCFullYear()).factor;
	return { carbon: { krwPerTonne: carbonKrwPerTonne, kgPerKwh } };
}

/** Machines that the jobs may use, with their hours, what runs on them, and what stands still. */
function machinesOf(request: PlanRequest, site: Site, startMs: number, count: number): MachineSpec[] {
	const used = new Set(
		request.jobs.flatMap(({ operations }) => operations.flatMap(({ modes }) => modes.map(({ machine }) => machine))),
	);
	const endMs = startMs + count * STEP_MS;
	return site.machines
		.filter(({ id }) => used.has(id))
		.map(({ id, name, work }): MachineSpec => {
			const { shifts, maintenance } = windowsOf(work, site.timeZone, startMs, endMs);
			const closed: Window[] = [
				...maintenance,
				...windowsTill(request.down, id, startMs, "breakdown"),
				...windowsTill(
					request.running.map((run) => ({ machine: run.machine, untilMs: run.endMs })),
					id,
					startMs,
					"running",
				),
			];
			const family = request.families[id];
			return {
				...{ id, name },
				...(shifts ? { shifts } : {}),
				...(closed.length > 0 ? { maintenance: closed } : {}),
				...((work?.batchSize ?? 1) > 1 ? { batchSize: work?.batchSize as number } : {}),
				...(work?.setups ? { setups: work.setups } : {}),
				...(work?.minPauseMinutes ? { minPauseMinutes: work.minPauseMinutes } : {}),
				...(family === undefined ? {} : { initialFamily: family }),
			};
		});
}

const windowsTill = (
	list: readonly { machine: string; untilMs: number }[],
	id: string,
	startMs: number,
	reason: string,
): Window[] =>
	list
		.filter(({ machine, untilMs }) => machine === id && untilMs > startMs)
		.map(({ untilMs }) => ({ start: iso(startMs), end: iso(untilMs), reason }));

/** What a person should know of a plan, in the words of each language; instants by the clock of the zone, where one is given. */
export function note(code: string, details: Record<string, string | number>, timeZone?: string): PlanConflict {
	const { job, machine } = details;
	return {
		code,
		...(typeof job === "string" ? { job } : {}),
		...(typeof machine === "string" ? { machine } : {}),
		text: wordsOf(code, details, timeZone),
	};
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;
