import { checkPlan } from "../scheduling/check.ts";
import {
	type Issue,
	type JobSpec,
	modePowerKw,
	operationId,
	type PlannedOperation,
	type SchedulingProblem,
} from "../scheduling/problem.ts";
import type { PartBroken } from "./records.ts";
import type { PlacedOperation, StoredPlan } from "./types.ts";
import { wordsOf, wordsWith } from "./words.ts";

const STEP_MS = 900_000;

/** A job that has to leave the plan in force, and the rule that it breaks. */
export interface Leaving {
	job: string;
	issue: Issue;
}

/**
 * The jobs that a plan in force can do without, so that the rest of it keeps every rule: taken out one at a time, as the
 * independent checker names them, together with those that wait for them. What matters more, and what begins soon, stays.
 *
 * @param problem as the plan in force is held against it
 * @returns those that leave; all of them where nothing can stay
 */
export function leavingOf(problem: SchedulingProblem, operations: readonly PlannedOperation[]): Leaving[] {
	const leaving: Leaving[] = [];
	let jobs = problem.jobs;
	while (jobs.length > 0) {
		const stays = new Set(jobs.map(({ id }) => id));
		const left = operations.filter(({ job }) => stays.has(job));
		const [issue] = checkPlan({ ...problem, jobs }, { operations: left }).violations;
		if (!issue) return leaving;
		const out = waitingFor(jobs, leastOf(jobs, left, issue));
		for (const id of out) leaving.push({ job: id, issue });
		jobs = jobs
			.filter(({ id }) => !out.has(id))
			.map((job) => (job.after ? { ...job, after: job.after.filter((other) => !out.has(other.job)) } : job));
	}
	return leaving;
}

/** A job, and all that wait for it. */
function waitingFor(jobs: readonly JobSpec[], job: string): Set<string> {
	const found = new Set([job]);
	for (let known = 0; known < found.size; ) {
		known = found.size;
		for (const { id, after = [] } of jobs) if (after.some((other) => found.has(other.job))) found.add(id);
	}
	return found;
}

/** Of the jobs that a broken rule is about the one that is missed least. */
function leastOf(jobs: readonly JobSpec[], operations: readonly PlannedOperation[], issue: Issue): string {
	const named = new Set(
		[issue.job, issue.operation, issue.other].flatMap((value) =>
			typeof value === "string" ? [ownerOf(value, jobs)] : [],
		),
	);
	named.delete(undefined);
	const atMs = typeof issue.at === "string" ? Date.parse(issue.at) : Number.NaN;
	const overKw = Number(issue.kw) - Number(issue.capKw);
	const about = jobs
		.filter(({ id }) => named.size === 0 || named.has(id))
		.map((job) => ({ job, ...standing(job, operations, atMs) }))
		.filter(({ kw }) => named.size > 0 || kw > 0);
	// The smallest that frees enough; where none does, the largest first.
	const frees = (kw: number): number => (kw >= overKw - 1e-6 ? kw : 1e9 - kw);
	about.sort(
		(a, b) =>
			(a.job.priority ?? 1) - (b.job.priority ?? 1) ||
			Number(a.fixed) - Number(b.fixed) ||
			(Number.isFinite(overKw) ? frees(a.kw) - frees(b.kw) : 0) ||
			b.startMs - a.startMs ||
			a.job.id.localeCompare(b.job.id),
	);
	// A rule that names no job it can be laid on takes the last that was placed: something has to go.
	return (about[0]?.job ?? jobs.at(-1))?.id ?? "";
}

/** The job of `job` or `job/operation`. */
const ownerOf = (key: string, jobs: readonly JobSpec[]): string | undefined =>
	jobs.find(({ id }) => key === id || key.startsWith(`${id}/`))?.id;

/** When a job begins, whether it is held where it is, and what it draws in a quarter-hour. */
function standing(
	job: JobSpec,
	operations: readonly PlannedOperation[],
	atMs: number,
): { startMs: number; fixed: boolean; kw: number } {
	let [startMs, kw] = [Number.POSITIVE_INFINITY, 0];
	for (const { operation, machine, pieces } of operations.filter((entry) => entry.job === job.id)) {
		const spec = job.operations.find((each, k) => operationId(each, k) === operation);
		const mode = spec?.modes.find((each) => each.machine === machine);
		let done = 0;
		for (const { start, end } of pieces) {
			const [from, to] = [Date.parse(start), Date.parse(end)];
			startMs = Math.min(startMs, from);
			if (mode && from <= atMs && atMs < to) kw += modePowerKw(mode, done + Math.floor((atMs - from) / STEP_MS));
			done += Math.round((to - from) / STEP_MS);
		}
	}
	return { startMs, fixed: job.operations.some(({ fixed }) => fixed !== undefined), kw };
}

/** Takes jobs out of a plan that goes on with the rest: their operations stay in the picture as withdrawn, with the reason. */
export function withoutPart(
	plan: StoredPlan,
	parts: readonly PartBroken[],
	begun: (job: string, operation: string) => boolean,
): void {
	const code = "operation.part-withdrawn";
	const left = new Map(parts.map((part) => [part.job, part]));
	const loads = [...plan.siteLoadKw];
	const startMs = Date.parse(plan.horizon.start);
	plan.operations = plan.operations.map((placed): PlacedOperation => {
		const part = left.get(placed.job);
		if (!part || begun(placed.job, placed.operation)) return placed;
		const shared = plan.operations.some(
			(other) => other !== placed && !left.has(other.job) && sharesBatch(placed, other),
		);
		if (!shared) takeOff(loads, placed, startMs);
		const text = wordsWith(code, { job: placed.job }, part.text);
		return { ...placed, state: "withdrawn", reason: { code, text } };
	});
	plan.siteLoadKw = loads;
	const said = new Set(plan.conflicts.flatMap((conflict) => (conflict.code === code ? [conflict.job] : [])));
	plan.conflicts = [
		...plan.conflicts,
		...parts
			.filter(({ job }) => !said.has(job))
			.map(({ job, text }) => ({ code, job, text: text ? wordsWith(code, { job }, text) : wordsOf(code, { job }) })),
	];
}

const sharesBatch = (a: PlacedOperation, b: PlacedOperation): boolean =>
	a.machine === b.machine && a.start === b.start && a.end === b.end && b.state !== "withdrawn";

function takeOff(loads: number[], { start, end, pieces, powerKw }: PlacedOperation, startMs: number): void {
	let done = 0;
	for (const piece of pieces ?? [{ start, end }]) {
		const from = Math.round((Date.parse(piece.start) - startMs) / STEP_MS);
		const to = Math.round((Date.parse(piece.end) - startMs) / STEP_MS);
		for (let t = from; t < to; t++, done++) {
			const kw = Array.isArray(powerKw) ? (powerKw[Math.min(done, powerKw.length - 1)] ?? 0) : powerKw;
			if (t >= 0 && t < loads.length) loads[t] = Math.round(((loads[t] ?? 0) - kw) * 10) / 10;
		}
	}
}
