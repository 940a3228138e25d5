import { loadSolver } from "./highs.ts";
import { compile } from "./instance.ts";
import { modelOf } from "./model.ts";
import { type JobSpec, operationId, type SchedulingProblem } from "./problem.ts";
import { constructed, Search } from "./search.ts";
import { type SolveOptions, solve, type Watch } from "./solve.ts";

/** One thing that is asked of a plan; `code` names the message that says it. */
export interface Requirement {
	code:
		| "scheduling.require-job"
		| "scheduling.require-deadline"
		| "scheduling.require-release"
		| "scheduling.require-cap"
		| "scheduling.require-maintenance"
		| "scheduling.require-shifts"
		| "scheduling.require-order"
		| "scheduling.require-setups"
		| "scheduling.require-rests"
		| "scheduling.require-fixed";
	job?: string;
	operation?: string;
	machine?: string;
	/** The deadline, the cap, … as the problem has it. */
	value?: string | number;
}

export interface Relaxation {
	code: "scheduling.relax-deadline" | "scheduling.relax-cap" | "scheduling.relax-drop";
	requirement: Requirement;
	/** Minutes later, or kW more. */
	amount: number;
	/** What the plan would cost with it. */
	costKrw: number | null;
	/** Whether it makes the whole problem feasible, or only these requirements. */
	whole: boolean;
}

export interface Conflict {
	/** Requirements that cannot hold together. */
	requirements: Requirement[];
	/** Whether any one of them could be given up to free the others; false where time ran out. */
	irreducible: boolean;
	/** The cheapest ways out, best first. */
	relaxations: Relaxation[];
}

type Kept = ReadonlySet<Requirement>;
type Feasible = boolean | "unknown";

/**
 * The least set of requirements of an infeasible problem that conflict, found by giving up one after the other (in
 * halves while many are left) within the time, and the cheapest way to give in.
 */
export async function explainConflict(
	problem: SchedulingProblem,
	options: SolveOptions,
	watch: Watch,
): Promise<Conflict | null> {
	const stopAtMs = performance.now() + (options.seconds ?? 10) * 1000;
	const all = requirementsOf(problem);
	const test = (kept: Kept) => feasible(reduced(problem, kept), stopAtMs, watch);
	let kept = all;
	let irreducible = true;
	// In pieces, large ones first: most jobs have nothing to do with it.
	for (let size = Math.ceil(all.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
		for (let at = 0; at < kept.length; ) {
			if (performance.now() > stopAtMs || watch.stopped()) {
				irreducible = false;
				break;
			}
			const without = [...kept.slice(0, at), ...kept.slice(at + size)];
			const answer = await test(new Set(without));
			if (answer === false) kept = without;
			else {
				if (answer === "unknown" && size === 1) irreducible = false;
				at += size;
			}
		}
	}
	if (kept.length === 0) return null;
	const relaxations = await relaxationsOf(problem, kept, stopAtMs, watch);
	return { requirements: kept, irreducible, relaxations };
}

/** Releases of a job and of its operations, the latest last. */
const releasesOf = ({ release, operations }: JobSpec): string[] =>
	[release, ...operations.map((operation) => operation.release)]
		.filter((each) => each !== undefined)
		.sort((a, b) => Date.parse(a) - Date.parse(b));

function requirementsOf(problem: SchedulingProblem): Requirement[] {
	const jobs = problem.jobs.flatMap((job): Requirement[] => [
		{ code: "scheduling.require-job", job: job.id },
		...(job.deadline === undefined
			? []
			: [{ code: "scheduling.require-deadline" as const, job: job.id, value: job.deadline }]),
		...releasesOf(job)
			.slice(-1)
			.map((value) => ({ code: "scheduling.require-release" as const, job: job.id, value })),
		...(job.operations.length > 1 || job.after?.length
			? [{ code: "scheduling.require-order" as const, job: job.id }]
			: []),
		...job.operations.flatMap((operation, k): Requirement[] =>
			operation.fixed
				? [
						{
							code: "scheduling.require-fixed",
							job: job.id,
							operation: operationId(operation, k),
							machine: operation.fixed.machine,
							value: operation.fixed.start,
						},
					]
				: [],
		),
	]);
	const machines = problem.machines.flatMap((machine): Requirement[] => [
		...(machine.maintenance?.length ? [{ code: "scheduling.require-maintenance" as const, machine: machine.id }] : []),
		...(machine.shifts ? [{ code: "scheduling.require-shifts" as const, machine: machine.id }] : []),
		...(machine.setups?.length ? [{ code: "scheduling.require-setups" as const, machine: machine.id }] : []),
		...(machine.minRunMinutes || machine.minPauseMinutes
			? [{ code: "scheduling.require-rests" as const, machine: machine.id }]
			: []),
	]);
	const { cap } = problem;
	const kw = Array.isArray(cap?.kw) ? Math.min(...cap.kw) : (cap?.kw ?? cap?.peakPowerLimitKw);
	const limit = cap ? [{ code: "scheduling.require-cap" as const, value: kw ?? 0 }] : [];
	return [...jobs, ...machines, ...limit];
}

/** The problem with only what is kept; a job that is given up is left out. */
function reduced(problem: SchedulingProblem, kept: Kept): SchedulingProblem {
	const has = (code: Requirement["code"], of: Partial<Requirement>) =>
		[...kept].some(
			(entry) =>
				entry.code === code &&
				entry.job === of.job &&
				entry.machine === (of.machine ?? entry.machine) &&
				entry.operation === (of.operation ?? entry.operation),
		);
	const stays = new Set(
		problem.jobs.filter(({ id }) => has("scheduling.require-job", { job: id })).map(({ id }) => id),
	);
	const jobs = problem.jobs
		.filter(({ id }) => stays.has(id))
		.map((job) => {
			const { deadline, release, after, ...rest } = job;
			const ordered = has("scheduling.require-order", { job: job.id });
			const released = has("scheduling.require-release", { job: job.id });
			return {
				...rest,
				...(deadline !== undefined && has("scheduling.require-deadline", { job: job.id }) ? { deadline } : {}),
				...(release !== undefined && released ? { release } : {}),
				...(after && ordered ? { after: after.filter((other) => stays.has(other.job)) } : {}),
				operations: job.operations.map((operation, k) => {
					const { fixed, release: own, ...open } = operation;
					const id = operationId(operation, k);
					return {
						...open,
						id,
						...(own !== undefined && released ? { release: own } : {}),
						...(ordered ? {} : { after: [] }),
						...(fixed && has("scheduling.require-fixed", { job: job.id, operation: id }) ? { fixed } : {}),
					};
				}),
			};
		});
	const machines = problem.machines.map((machine) => {
		const { maintenance, shifts, setups, minRunMinutes, minPauseMinutes, ...rest } = machine;
		const rests = {
			...(minRunMinutes === undefined ? {} : { minRunMinutes }),
			...(minPauseMinutes === undefined ? {} : { minPauseMinutes }),
		};
		const of = (code: Requirement["code"]) =>
			[...kept].some((entry) => entry.code === code && entry.machine === machine.id);
		return {
			...rest,
			...(maintenance && of("scheduling.require-maintenance") ? { maintenance } : {}),
			...(shifts && of("scheduling.require-shifts") ? { shifts } : {}),
			...(setups && of("scheduling.require-setups") ? { setups } : {}),
			...(of("scheduling.require-rests") ? rests : {}),
		};
	});
	const { cap, ...others } = problem;
	const limited = [...kept].some(({ code }) => code === "scheduling.require-cap");
	return { ...others, ...(cap && limited ? { cap } : {}), machines, jobs };
}

/** Whether there is any plan; costs do not matter. */
async function feasible(problem: SchedulingProblem, stopAtMs: number, watch: Watch): Promise<Feasible> {
	const left = (stopAtMs - performance.now()) / 1000;
	if (left <= 0) return "unknown";
	const instance = compile(problem);
	const stopped = watch.stopped;
	if (instance.ops.every(({ fixed }) => !fixed)) {
		let best = constructed(instance, { stopAtMs, stopped });
		if (best.missing > 0)
			best = new Search(instance, { seed: 1, iterations: 300, stopAtMs, stopped, from: best }).run();
		if (best.missing === 0) return true;
		const solver = await loadSolver();
		const model = modelOf(instance);
		if (model.impossible) return false;
		if (solver) {
			const matrix = model.rows.matrix();
			const { status } = solver.solve(matrix, { integer: false, seconds: left, gap: 0, stopped });
			if (status === "infeasible") return false;
		}
	}
	const solution = await solve(problem, { seconds: Math.min(left, 5), gap: 1e9, seed: 1 }, { stopped });
	return solution.plan ? true : solution.status === "infeasible" ? false : "unknown";
}

async function relaxationsOf(
	problem: SchedulingProblem,
	kept: readonly Requirement[],
	stopAtMs: number,
	watch: Watch,
): Promise<Relaxation[]> {
	const found: Relaxation[] = [];
	const subset = reduced(problem, new Set(kept));
	for (const requirement of kept) {
		if (performance.now() > stopAtMs) break;
		const ways = relaxedBy(requirement, problem);
		if (!ways) continue;
		// The whole problem first: a way out of this conflict alone may leave another.
		for (const whole of [true, false]) {
			const amount = await least(whole ? problem : subset, ways, stopAtMs, watch);
			if (amount === null) continue;
			const eased = ways.apply(whole ? problem : subset, amount);
			const seconds = Math.min(2, Math.max(0.2, (stopAtMs - performance.now()) / 1000));
			const { cost } = await solve(eased, { seconds, exact: false }, { stopped: watch.stopped });
			found.push({ code: ways.code, requirement, amount, costKrw: cost?.totalKrw ?? null, whole });
			break;
		}
	}
	const worth = ({ whole, costKrw }: Relaxation) => (whole ? 0 : 1e15) + (costKrw ?? 1e14);
	return found.sort((a, b) => worth(a) - worth(b));
}

interface Way {
	code: Relaxation["code"];
	step: number;
	most: number;
	apply: (problem: SchedulingProblem, amount: number) => SchedulingProblem;
}

function relaxedBy(requirement: Requirement, problem: SchedulingProblem): Way | null {
	const minutes = problem.intervalMinutes ?? 15;
	if (requirement.code === "scheduling.require-deadline") {
		return {
			code: "scheduling.relax-deadline",
			step: minutes,
			most: problem.intervals * minutes,
			apply: (of, amount) => ({
				...of,
				jobs: of.jobs.map((job) =>
					job.id === requirement.job && job.deadline !== undefined
						? { ...job, deadline: new Date(Date.parse(job.deadline) + amount * 60_000).toISOString() }
						: job,
				),
			}),
		};
	}
	if (requirement.code === "scheduling.require-cap") {
		return {
			code: "scheduling.relax-cap",
			step: 1,
			most: 1_000_000,
			apply: (of, amount) => {
				const more = (kw: number) => kw + amount;
				const limit = of.cap?.kw ?? (of.cap?.peakPowerLimitKw ?? 0) * (1 - (of.cap?.safetyMargin ?? 0.1));
				return { ...of, cap: { kw: Array.isArray(limit) ? limit.map(more) : more(limit) } };
			},
		};
	}
	return null;
}

/** The least amount, in steps, that helps: doubled until it does, then halved in between. */
async function least(problem: SchedulingProblem, way: Way, stopAtMs: number, watch: Watch): Promise<number | null> {
	let low = 0;
	let high = way.step;
	const helps = async (amount: number) => (await feasible(way.apply(problem, amount), stopAtMs, watch)) === true;
	while (!(await helps(high))) {
		if (high >= way.most || performance.now() > stopAtMs) return null;
		[low, high] = [high, Math.min(way.most, high * 2)];
	}
	while (high - low > way.step) {
		const middle = low + Math.ceil((high - low) / way.step / 2) * way.step;
		if (middle >= high) break;
		if (await helps(middle)) high = middle;
		else low = middle;
	}
	return high;
}
