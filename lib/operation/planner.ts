import { EnergyError } from "../errors.ts";
import { checkPlan } from "../scheduling/check.ts";
import type { Requirement } from "../scheduling/conflict.ts";
import { compile, planOf } from "../scheduling/instance.ts";
import { type Answer, answerOf, type OptimizeOptions, optimize } from "../scheduling/optimize.ts";
import {
	type Issue,
	type JobSpec,
	type OperationSpec,
	operationId,
	type Plan,
	type SchedulingProblem,
} from "../scheduling/problem.ts";
import { constructed } from "../scheduling/search.ts";
import type { Progress, Solution } from "../scheduling/solve.ts";
import { parseProblem } from "../scheduling/validate.ts";
import { brokenRules } from "./broken.ts";
import { type Leaving, leavingOf } from "./part.ts";
import { type House, note, type PlannerOptions, type Prepared, problemOf } from "./problem-of.ts";
import { iso } from "./progress.ts";
import { type Draft, type JobRecord, keyOf, type PlanRequest } from "./records.ts";
import { storedOf } from "./stored.ts";
import type { PlanConflict } from "./types.ts";
import { wordsOf } from "./words.ts";

/** The solver; another one in tests of what happens when it fails. */
export type Solver = (problem: SchedulingProblem, options: OptimizeOptions) => Promise<Answer>;

/** How often a part of what is asked is given up before the rest is placed by list scheduling. */
const MOST_GIVEN_UP = 3;
/** Time for a plan by list scheduling, ms: it takes milliseconds, and bounds what is left of a deadline. */
const GREEDY_MS = 2_000;

/**
 * Makes a plan of a request. Where not everything can be done, the least is given up, and named: first that what starts
 * soon stays where it is, then a deadline, then a job; never the peak. Where the solver fails, list scheduling plans.
 *
 * @throws EnergyError `scheduling.problem-invalid` with every issue, and those of contract, prices and store
 */
export async function makePlan(
	request: PlanRequest,
	records: ReadonlyMap<string, JobRecord>,
	house: House,
	options: PlannerOptions,
	how: { solver?: Solver; signal?: AbortSignal; onProgress?: (progress: Progress) => void } = {},
): Promise<Draft> {
	const prepared = await problemOf(request, records.values(), house, options);
	parseProblem(prepared.problem);
	const notes = [...prepared.notes];
	let problem = withFixedThatHold(prepared.problem, new Set(request.pinned), notes, house.site.timeZone);
	const against = comparison(problem, request, prepared.hard);
	const said = (issues: readonly Issue[]) => brokenRules(issues, against.softened, house.site, records);
	const breaks = said(against.violations);
	const parts = against.leaving.flatMap(({ job, issue }) => said([issue]).map((rule) => ({ job, ...rule })));
	const ladder = new Ladder(options, how.solver ?? optimize, how, house.site.timeZone);
	const begunMs = performance.now();
	const result = await ladder.climb(problem, against.usable, notes);
	({ problem } = result);
	const leftOut = request.jobs.filter(({ id }) => !problem.jobs.some((job) => job.id === id)).map(({ id }) => id);
	const seconds = Math.round(performance.now() - begunMs) / 1000;
	return {
		request,
		stored: storedOf({
			request,
			prepared,
			problem,
			answer: result.answer,
			fallback: result.fallback,
			notes,
			seconds,
			records,
			site: house.site,
		}),
		plan: result.answer.plan?.operations ?? null,
		cost: result.answer.cost,
		leftOut,
		currentKrw: against.krw,
		currentBreaks: breaks,
		currentParts: parts,
		currentLacks: lacking(problem, request, against.known, new Set(parts.map(({ job }) => job))),
		seen: { forecastMs: prepared.base.issuedMs, prices: prepared.prices.fingerprint },
	};
}

/** The plan in force beside the problem of today. */
interface Comparison {
	/** The rest of it, where it holds all jobs and keeps every rule. */
	usable: Plan | undefined;
	/** What its jobs cost, where they keep every rule with the margin; null where there is none. */
	krw: number | null;
	/** Against the limit itself. */
	violations: readonly Issue[];
	/** The problem it was held against: its own jobs, without deadlines that it gave up before. */
	softened: SchedulingProblem;
	/** Jobs that it holds. */
	known: ReadonlySet<string>;
	/** Those that have to leave it so that the rest keeps every rule; empty where nothing could stay. */
	leaving: readonly Leaving[];
}

/**
 * Whether the rest of the plan in force would still be allowed: looked at by the independent checker. The margin below
 * the limit is there for forecasts that change: a plan that needs a part of it is worth another one, but not broken.
 */
function comparison(
	problem: SchedulingProblem,
	{ current, givenUp, nowMs }: PlanRequest,
	{ limitKw, safeKw }: Prepared["hard"],
): Comparison {
	const nothing = { usable: undefined, krw: null, violations: [], leaving: [] };
	const none: Comparison = { ...nothing, softened: problem, known: new Set<string>() };
	if (!current) return none;
	const places = new Map(current.operations.map((entry) => [keyOf(entry.job, entry.operation), entry]));
	// What had to be freed, or was put elsewhere since, is no longer where the plan has it.
	const stays = (key: string, { fixed }: OperationSpec): boolean => {
		const place = places.get(key);
		const start = place?.pieces[0]?.start ?? "";
		return fixed?.machine === place?.machine && Date.parse(fixed?.start ?? "") === Date.parse(start);
	};
	const holds = (job: JobSpec): boolean =>
		job.operations.every((operation, k) => {
			const key = keyOf(job.id, operationId(operation, k));
			const start = places.get(key)?.pieces[0]?.start;
			// A start that was missed makes the plan late, not wrong.
			return start !== undefined && (stays(key, operation) || Date.parse(start) >= nowMs);
		});
	const jobs = problem.jobs.filter(holds);
	const known = new Set(jobs.map(({ id }) => id));
	const without = new Set(givenUp);
	const softened: SchedulingProblem = {
		...problem,
		jobs: jobs.map((job) => ({
			...(without.has(job.id) ? withoutDeadline(job) : job),
			after: (job.after ?? []).filter(({ job: other }) => known.has(other)),
			operations: job.operations.map((operation, k) => {
				const { fixed: _, ...free } = operation;
				return stays(keyOf(job.id, operationId(operation, k)), operation) ? operation : free;
			}),
		})),
	};
	const plan = { operations: current.operations.filter(({ job }) => known.has(job)) };
	const { violations, cost } = checkPlan(softened, plan);
	const quantile = softened.baseLoadQuantile?.quantile ?? 0.5;
	const against = { ...softened, cap: { kw: limitKw }, baseLoadQuantile: { quantile, kw: safeKw } };
	const strict = jobs.some(({ id, deadline }) => without.has(id) && deadline !== undefined);
	const usable = violations.length === 0 && !strict && jobs.length === problem.jobs.length;
	const broken = checkPlan(against, plan).violations;
	const leaving = broken.length > 0 ? leavingOf(against, plan.operations) : [];
	return {
		usable: usable ? plan : undefined,
		krw: violations.length === 0 && jobs.length > 0 ? cost.totalKrw : null,
		violations: broken,
		...{ softened, known },
		leaving: leaving.length < jobs.length ? leaving : [],
	};
}

/** Whether a new plan does more than the plan in force: a job it lacks, or a deadline it gave up. */
const lacking = (
	{ jobs }: SchedulingProblem,
	{ givenUp }: PlanRequest,
	known: ReadonlySet<string>,
	leaving: ReadonlySet<string>,
): boolean =>
	jobs.some(
		({ id, deadline }) => !known.has(id) || leaving.has(id) || (deadline !== undefined && givenUp.includes(id)),
	);

/** What should have been done by then is due then. */
function withoutDeadline({ deadline, ...rest }: JobSpec): JobSpec {
	return { ...rest, ...(rest.due === undefined && deadline !== undefined ? { due: deadline } : {}) };
}

/** Frees what cannot stay where it is fixed, one after the other; of pins that is said. */
function withFixedThatHold(
	problem: SchedulingProblem,
	pinned: ReadonlySet<string>,
	notes: PlanConflict[],
	timeZone: string,
): SchedulingProblem {
	const kept: JobSpec[] = [];
	const free = new Set<string>();
	for (const job of problem.jobs) {
		for (const [k, operation] of job.operations.entries()) {
			const { fixed } = operation;
			if (!fixed) continue;
			const { deadline: _, after: __, ...only } = job;
			const candidate = { ...only, id: `${job.id}/${k}`, operations: [{ ...operation, after: [] }] };
			const jobs = [...kept, candidate];
			const { plan } = fixedPlan(jobs);
			const { violations } = checkPlan({ ...problem, jobs }, plan);
			const first = violations[0];
			if (!first) {
				kept.push(candidate);
				continue;
			}
			const key = keyOf(job.id, operationId(operation, k));
			free.add(key);
			if (pinned.has(key)) {
				const why = wordsOf(first.code, { ...first, job: job.id }, timeZone);
				const found = note(
					"operation.pin-given-up",
					{ job: job.id, machine: fixed.machine, start: fixed.start },
					timeZone,
				);
				notes.push({
					...found,
					text: { "en-US": `${found.text["en-US"]} ${why["en-US"]}`, ko: `${found.text.ko} ${why.ko}` },
				});
			}
		}
	}
	return free.size === 0
		? problem
		: { ...problem, jobs: problem.jobs.map((job) => freed(job, (key) => free.has(key))) };
}

function fixedPlan(jobs: readonly JobSpec[]): { plan: Plan } {
	const operations = jobs.flatMap((job) =>
		job.operations.flatMap((operation, k) => {
			const { fixed } = operation;
			const mode = operation.modes.find(({ machine }) => machine === fixed?.machine);
			if (!fixed || !mode) return [];
			const startMs = Math.floor(Date.parse(fixed.start) / 900_000) * 900_000;
			const length = Math.ceil(
				(mode.minutes ?? (Array.isArray(mode.powerKw) ? mode.powerKw.length * 15 : 15)) / 15 - 1e-9,
			);
			const pieces = [{ start: iso(startMs), end: iso(startMs + length * 900_000) }];
			return [{ job: job.id, operation: operationId(operation, k), machine: fixed.machine, pieces }];
		}),
	);
	return { plan: { operations } };
}

function freed(job: JobSpec, which: (key: string) => boolean): JobSpec {
	return {
		...job,
		operations: job.operations.map((operation, k) => {
			if (!operation.fixed || !which(keyOf(job.id, operationId(operation, k)))) return operation;
			const { fixed: _, ...free } = operation;
			return free;
		}),
	};
}

interface Rung {
	problem: SchedulingProblem;
	answer: Answer;
	/** List scheduling made it, because the solver did not. */
	fallback: boolean;
}

/** From the whole problem down to what can be done of it. */
class Ladder {
	private readonly options: PlannerOptions;
	private readonly solver: Solver;
	private readonly how: { signal?: AbortSignal; onProgress?: (progress: Progress) => void };
	private readonly stopAtMs: number;
	private readonly timeZone: string;

	constructor(
		options: PlannerOptions,
		solver: Solver,
		how: { signal?: AbortSignal; onProgress?: (progress: Progress) => void },
		timeZone: string,
	) {
		this.timeZone = timeZone;
		this.options = options;
		this.solver = solver;
		this.how = how;
		this.stopAtMs = performance.now() + options.seconds * 1000;
	}

	async climb(whole: SchedulingProblem, current: Plan | undefined, notes: PlanConflict[]): Promise<Rung> {
		let problem = whole;
		for (let given = 0; given <= MOST_GIVEN_UP; given++) {
			const answer = await this.solved(problem, current, notes);
			if (!answer) break;
			if (answer.plan) return { problem, answer, fallback: false };
			const next = answer.conflict ? this.without(problem, answer, notes) : undefined;
			if (!next) break;
			problem = next;
		}
		return this.greedy(problem, notes);
	}

	/** @returns undefined where the solver failed, which is noted */
	private async solved(
		problem: SchedulingProblem,
		current: Plan | undefined,
		notes: PlanConflict[],
	): Promise<Answer | undefined> {
		const seconds = Math.max(1, (this.stopAtMs - performance.now()) / 1000);
		const { gap, seed } = this.options;
		try {
			return await this.solver(problem, { seconds, gap, seed, ...(current ? { current } : {}), ...this.how });
		} catch (error) {
			if (error instanceof EnergyError && error.code === "scheduling.problem-invalid") throw error;
			notes.push(note("operation.solver-failed", {}));
			return undefined;
		}
	}

	/** The problem without the cheapest of what stands in its way; the cap is not for sale. */
	private without(
		problem: SchedulingProblem,
		{ conflict }: Answer,
		notes: PlanConflict[],
	): SchedulingProblem | undefined {
		const way = conflict?.relaxations.find(({ code }) => code !== "scheduling.relax-cap");
		const job = way?.requirement.job;
		const why = conflict?.requirements.map((requirement) => said(requirement, this.timeZone)) ?? [];
		if (!way || job === undefined) return undefined;
		if (way.code === "scheduling.relax-deadline") {
			notes.push(because(note("operation.deadline-given-up", { job }), why));
			return {
				...problem,
				jobs: problem.jobs.map((each) => (each.id === job ? withoutDeadline(each) : each)),
			};
		}
		notes.push(because(note("operation.left-out", { job }), why));
		return withoutJobs(problem, new Set([job]));
	}

	/** List scheduling of as many jobs as find a place. */
	private greedy(whole: SchedulingProblem, notes: PlanConflict[]): Rung {
		const limits = { stopAtMs: performance.now() + GREEDY_MS, stopped: () => this.how.signal?.aborted === true };
		// What is fixed holds by itself but may leave the rest of its job no place.
		let problem = { ...whole, jobs: whole.jobs.map((job) => freed(job, () => true)) };
		for (let left = problem.jobs.length; left >= 0; left--) {
			const instance = compile(problem);
			const found = constructed(instance, limits);
			const missing = new Set(
				instance.ops.filter((op) => !found.placements[op.index]).map((op) => problem.jobs[op.job]?.id ?? ""),
			);
			const plan = planOf(instance, found.placements);
			const broken = missing.size === 0 ? checkPlan(problem, plan).violations : [];
			if (missing.size === 0 && broken.length === 0)
				return { problem, answer: this.answered(problem, plan), fallback: true };
			// What list scheduling places and the checker refuses goes, too: last comes a plan that does nothing.
			for (const { job } of broken) if (typeof job === "string") missing.add(job);
			const out = missing.size > 0 ? missing : new Set(problem.jobs.map(({ id }) => id));
			for (const job of out) notes.push(note("operation.left-out", { job }));
			problem = withoutJobs(problem, out);
		}
		return { problem, answer: this.answered(problem, { operations: [] }), fallback: true };
	}

	private answered(problem: SchedulingProblem, plan: Plan): Answer {
		const { cost, loadKw } = checkPlan(problem, plan);
		const solution: Solution = {
			...{ status: "feasible", plan, cost, loadKw, boundKrw: null, gap: null, method: "search" },
			...{ fallback: "scheduling.solver-failed", seconds: 0, iterations: 0 },
		};
		return answerOf(problem, solution, null);
	}
}

/** Without these, and without those that wait for them. */
function withoutJobs(problem: SchedulingProblem, out: ReadonlySet<string>): SchedulingProblem {
	const gone = new Set(out);
	for (let more = true; more; ) {
		more = false;
		for (const { id, after = [] } of problem.jobs) {
			if (gone.has(id) || !after.some(({ job }) => gone.has(job))) continue;
			gone.add(id);
			more = true;
		}
	}
	return { ...problem, jobs: problem.jobs.filter(({ id }) => !gone.has(id)) };
}

const said = (requirement: Requirement, timeZone: string): PlanConflict["text"] =>
	wordsOf(requirement.code, { ...requirement }, timeZone);

function because(conflict: PlanConflict, why: readonly PlanConflict["text"][]): PlanConflict {
	if (why.length === 0) return conflict;
	const joined = (language: "en-US" | "ko"): string =>
		[conflict.text[language], ...why.map((words) => words[language])].join(" ");
	return { ...conflict, text: { "en-US": joined("en-US"), ko: joined("ko") } };
}
