import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { readData } from "../data.ts";
import { EnergyError } from "../errors.ts";
import { parseInstant } from "../telemetry/time.ts";
import {
	capKw,
	type Issue,
	intervalMinutesOf,
	type JobSpec,
	type MachineSpec,
	type ModeSpec,
	modeLength,
	modePowerKw,
	type OperationSpec,
	operationId,
	type SchedulingProblem,
	type Window,
} from "./problem.ts";

let schema: ValidateFunction | undefined;

/**
 * Everything that is wrong with a problem, at once: first its form, and where that holds, its sense.
 * An empty list means that it can be solved or shown to be infeasible.
 */
export function issuesOf(input: unknown): Issue[] {
	schema ??= new Ajv({ allErrors: true, allowUnionTypes: true, strict: false }).compile(
		readData<object>("lib/scheduling/problem.schema.json"),
	);
	if (!schema(input)) return (schema.errors ?? []).filter((error) => error.keyword !== "if").map(formIssue);
	const problem = input as SchedulingProblem;
	return [
		...timeIssues(problem),
		...seriesIssues(problem),
		...baseIssues(problem),
		...problem.machines.flatMap(machineIssues),
		...duplicates(problem),
		...problem.jobs.flatMap((job, index) => jobIssues(problem, job, index)),
		...cycleIssues(problem),
		...recipeIssues(problem),
	];
}

/** @throws EnergyError `scheduling.problem-invalid` with every issue in `issues` */
export function parseProblem(input: unknown): SchedulingProblem {
	const issues = issuesOf(input);
	if (issues.length === 0) return input as SchedulingProblem;
	const first = issues[0] as Issue;
	throw new EnergyError("scheduling.problem-invalid", {
		count: issues.length,
		issues,
		first: `${first.code.replace("scheduling.", "")} ${first.field}`,
	});
}

function formIssue(error: ErrorObject): Issue {
	const detail = "additionalProperty" in error.params ? ` (${error.params.additionalProperty})` : "";
	return {
		code: "scheduling.form",
		field: error.instancePath || "/",
		rule: `${error.message ?? error.keyword}${detail}`,
	};
}

const validTime = (time: string): boolean => {
	const parsed = parseInstant(time);
	return parsed.problem === undefined && parsed.canonical;
};
const ms = (time: string): number => Date.parse(time);

function timeIssues(problem: SchedulingProblem): Issue[] {
	const issues: Issue[] = [];
	const look = (time: string | undefined, field: string) => {
		if (time !== undefined && !validTime(time)) issues.push({ code: "scheduling.time", field, value: time });
	};
	const windows = (list: Window[] | undefined, field: string) =>
		list?.forEach(({ start, end }, index) => {
			look(start, `${field}/${index}/start`);
			look(end, `${field}/${index}/end`);
			if (validTime(start) && validTime(end) && ms(end) <= ms(start)) {
				issues.push({ code: "scheduling.window-empty", field: `${field}/${index}`, start, end });
			}
		});
	look(problem.start, "/start");
	const minutes = intervalMinutesOf(problem);
	if (validTime(problem.start) && ms(problem.start) % (Math.max(15, minutes) * 60_000) !== 0) {
		// Intervals of an hour may begin at any quarter-hour; shorter ones fill quarter-hours of the utility's clock.
		if (ms(problem.start) % 900_000 !== 0) {
			issues.push({ code: "scheduling.start-unaligned", field: "/start", value: problem.start });
		}
	}
	problem.machines.forEach((machine, index) => {
		windows(machine.shifts, `/machines/${index}/shifts`);
		windows(machine.maintenance, `/machines/${index}/maintenance`);
	});
	problem.jobs.forEach((job, index) => {
		look(job.release, `/jobs/${index}/release`);
		look(job.due, `/jobs/${index}/due`);
		look(job.deadline, `/jobs/${index}/deadline`);
		job.operations.forEach(({ fixed, release }, k) => {
			look(fixed?.start, `/jobs/${index}/operations/${k}/fixed/start`);
			look(release, `/jobs/${index}/operations/${k}/release`);
		});
	});
	return issues;
}

/** Series that end before the horizon does, and prices that are not known: tomorrow's are the usual ones. */
function seriesIssues(problem: SchedulingProblem): Issue[] {
	const issues: Issue[] = [];
	const { intervals } = problem;
	const timeOf = (k: number) =>
		validTime(problem.start)
			? new Date(ms(problem.start) + k * intervalMinutesOf(problem) * 60_000).toISOString()
			: String(k);
	const missing = (series: unknown, field: string, code: string) => {
		if (!Array.isArray(series)) return;
		let count = 0;
		let from = -1;
		for (let k = 0; k < intervals; k++) {
			if (series[k] !== null && series[k] !== undefined) continue;
			count++;
			if (from < 0) from = k;
		}
		if (count > 0) issues.push({ code, field, count, from: timeOf(from), length: series.length, intervals });
	};
	missing(problem.energyPriceKrwPerKwh, "/energyPriceKrwPerKwh", "scheduling.price-missing");
	missing(problem.baseLoadKw, "/baseLoadKw", "scheduling.series-short");
	missing(problem.baseLoadQuantile?.kw, "/baseLoadQuantile/kw", "scheduling.series-short");
	missing(problem.bands, "/bands", "scheduling.series-short");
	missing(problem.carbon?.kgPerKwh, "/carbon/kgPerKwh", "scheduling.series-short");
	missing(problem.cap?.kw, "/cap/kw", "scheduling.series-short");
	problem.demandCharges?.forEach(({ counted, steps }, index) => {
		missing(counted, `/demandCharges/${index}/counted`, "scheduling.series-short");
		if (steps.some((step, k) => k > 0 && step.aboveKw <= (steps[k - 1]?.aboveKw ?? 0))) {
			issues.push({ code: "scheduling.steps-unordered", field: `/demandCharges/${index}/steps` });
		}
	});
	return issues;
}

/** A base load above the cap leaves no room for anything, and no plan could repair it. */
function baseIssues(problem: SchedulingProblem): Issue[] {
	const base = problem.baseLoadQuantile?.kw ?? problem.baseLoadKw;
	if (base === undefined || !problem.cap || !validTime(problem.start)) return [];
	const over: { k: number; kw: number }[] = [];
	const width = Math.max(1, Math.round(15 / intervalMinutesOf(problem)));
	for (let k = 0; k < problem.intervals; k += width) {
		let kw = 0;
		let limit = Number.POSITIVE_INFINITY;
		for (let i = k; i < k + width; i++) {
			kw += ((Array.isArray(base) ? base[i] : base) ?? 0) / width;
			limit = Math.min(limit, capKw(problem, i));
		}
		if (kw > limit + 1e-9) over.push({ k, kw });
	}
	const worst = over.reduce((most, entry) => (entry.kw > most.kw ? entry : most), over[0] ?? { k: 0, kw: 0 });
	if (over.length === 0) return [];
	return [
		{
			code: "scheduling.base-above-cap",
			field: problem.baseLoadQuantile ? "/baseLoadQuantile/kw" : "/baseLoadKw",
			count: over.length,
			at: new Date(ms(problem.start) + worst.k * intervalMinutesOf(problem) * 60_000).toISOString(),
			baseKw: Math.round(worst.kw * 10) / 10,
			capKw: Math.round(capKw(problem, worst.k) * 10) / 10,
		},
	];
}

function machineIssues(machine: MachineSpec, index: number): Issue[] {
	const seen = new Set<string>();
	const twice = (machine.setups ?? []).filter(({ from, to }) => {
		const key = JSON.stringify([from, to]);
		return seen.size === seen.add(key).size;
	});
	return twice.map(({ from, to }) => ({
		code: "scheduling.setup-twice",
		field: `/machines/${index}/setups`,
		machine: machine.id,
		from,
		to,
	}));
}

function duplicates(problem: SchedulingProblem): Issue[] {
	const of = (ids: string[], field: string): Issue[] =>
		[...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))].map((id) => ({
			code: "scheduling.duplicate",
			field,
			id,
		}));
	return [
		...of(
			problem.machines.map(({ id }) => id),
			"/machines",
		),
		...of(
			problem.jobs.map(({ id }) => id),
			"/jobs",
		),
		...problem.jobs.flatMap((job, index) => of(job.operations.map(operationId), `/jobs/${index}/operations`)),
	];
}

function jobIssues(problem: SchedulingProblem, job: JobSpec, index: number): Issue[] {
	const issues: Issue[] = [];
	const field = `/jobs/${index}`;
	const { release, deadline } = job;
	if (deadline !== undefined && validTime(deadline)) {
		const releases = [release, ...job.operations.map((operation) => operation.release)];
		const late = releases.find((each) => each !== undefined && validTime(each) && ms(deadline) <= ms(each));
		if (late !== undefined) {
			issues.push({ code: "scheduling.deadline-before-release", field, job: job.id, release: late, deadline });
		} else if (validTime(problem.start) && ms(deadline) <= ms(problem.start)) {
			issues.push({ code: "scheduling.deadline-past", field, job: job.id, deadline });
		}
	}
	const jobs = new Set(problem.jobs.map(({ id }) => id));
	for (const other of job.after ?? []) {
		if (!jobs.has(other.job)) {
			issues.push({ code: "scheduling.unknown-job", field: `${field}/after`, job: job.id, other: other.job });
		}
		issues.push(...lagIssues(job, other.job, other, `${field}/after`));
	}
	const ids = new Set(job.operations.map(operationId));
	job.operations.forEach((operation, k) => {
		issues.push(...operationIssues(problem, job, operation, `${field}/operations/${k}`, operationId(operation, k)));
		for (const other of operation.after ?? []) {
			issues.push(...lagIssues(job, other.operation, other, `${field}/operations/${k}/after`));
			if (ids.has(other.operation)) continue;
			issues.push({
				code: "scheduling.unknown-operation",
				field: `${field}/operations/${k}/after`,
				job: job.id,
				operation: operationId(operation, k),
				other: other.operation,
			});
		}
	});
	return issues;
}

function lagIssues(
	job: JobSpec,
	other: string,
	{ lagMinutes = 0, maxLagMinutes }: { lagMinutes?: number; maxLagMinutes?: number },
	field: string,
): Issue[] {
	if (maxLagMinutes === undefined || maxLagMinutes >= lagMinutes) return [];
	return [{ code: "scheduling.lag-order", field, job: job.id, other, lagMinutes, maxLagMinutes }];
}

function operationIssues(
	problem: SchedulingProblem,
	job: JobSpec,
	operation: OperationSpec,
	field: string,
	id: string,
): Issue[] {
	const issues: Issue[] = [];
	const named = { job: job.id, operation: id };
	const machines = new Map(problem.machines.map((machine) => [machine.id, machine]));
	const seen = new Set<string>();
	operation.modes.forEach((mode, index) => {
		const at = { field: `${field}/modes/${index}`, ...named, machine: mode.machine };
		const machine = machines.get(mode.machine);
		if (!machine) issues.push({ code: "scheduling.unknown-machine", ...at });
		if (seen.has(mode.machine)) issues.push({ code: "scheduling.mode-twice", ...at });
		seen.add(mode.machine);
		const length = modeLength(mode, intervalMinutesOf(problem));
		if (!(length > 0)) issues.push({ code: "scheduling.zero-length", ...at });
		else if (Array.isArray(mode.powerKw) && mode.minutes !== undefined && mode.powerKw.length !== length) {
			issues.push({ code: "scheduling.profile-length", ...at, length: mode.powerKw.length, intervals: length });
		}
		const batch = machine?.batchSize ?? 1;
		if (batch > 1 && operation.preemptible) issues.push({ code: "scheduling.batch-preemptible", ...at });
		if (machine && (operation.size ?? 1) > batch) {
			issues.push({ code: "scheduling.too-large", ...at, size: operation.size ?? 1, batchSize: batch });
		}
	});
	if (operation.fixed && !operation.modes.some(({ machine }) => machine === operation.fixed?.machine)) {
		issues.push({ code: "scheduling.fixed-mode", field: `${field}/fixed`, ...named, machine: operation.fixed.machine });
	}
	return issues;
}

/** Jobs that wait for each other in a ring, and operations of one job that do. */
function cycleIssues(problem: SchedulingProblem): Issue[] {
	const issues: Issue[] = [];
	const ring = ringIn(new Map(problem.jobs.map((job) => [job.id, (job.after ?? []).map((other) => other.job)])));
	if (ring) issues.push({ code: "scheduling.cycle", field: "/jobs", ring: ring.join(" → ") });
	problem.jobs.forEach((job, index) => {
		const before = (operation: OperationSpec, k: number): string[] => {
			const previous = job.operations[k - 1];
			if (operation.after) return operation.after.map((other) => other.operation);
			return previous ? [operationId(previous, k - 1)] : [];
		};
		const inside = ringIn(
			new Map(job.operations.map((operation, k) => [operationId(operation, k), before(operation, k)])),
		);
		if (inside) {
			const names = inside.map((id) => `${job.id}/${id}`).join(" → ");
			issues.push({ code: "scheduling.cycle", field: `/jobs/${index}/operations`, ring: names });
		}
	});
	return issues;
}

function ringIn(before: ReadonlyMap<string, readonly string[]>): string[] | undefined {
	const done = new Set<string>();
	for (const root of before.keys()) {
		const path: string[] = [];
		const next: number[] = [];
		if (!done.has(root)) {
			path.push(root);
			next.push(0);
		}
		while (path.length > 0) {
			const at = path[path.length - 1] as string;
			const k = next[next.length - 1] ?? 0;
			const to = before.get(at)?.[k];
			if (to === undefined) {
				done.add(at);
				path.pop();
				next.pop();
				continue;
			}
			next[next.length - 1] = k + 1;
			const seen = path.indexOf(to);
			// "a after b" reads a → b; said the way work flows, the ring is turned round.
			if (seen >= 0) return [...path.slice(seen), to].reverse();
			if (!done.has(to) && before.has(to)) {
				path.push(to);
				next.push(0);
			}
		}
	}
	return undefined;
}

/** What shares a batch runs as one: its operations need one length and one profile. */
function recipeIssues(problem: SchedulingProblem): Issue[] {
	const issues: Issue[] = [];
	const minutes = intervalMinutesOf(problem);
	const recipe = (mode: ModeSpec) =>
		Array.from({ length: modeLength(mode, minutes) }, (_, k) => modePowerKw(mode, k)).join();
	for (const machine of problem.machines.filter(({ batchSize }) => (batchSize ?? 1) > 1)) {
		const known = new Map<string, string>();
		problem.jobs.forEach((job, index) => {
			job.operations.forEach((operation, k) => {
				const mode = operation.modes.find((entry) => entry.machine === machine.id);
				if (!mode || operation.family === undefined) return;
				const mine = recipe(mode);
				if ((known.get(operation.family) ?? mine) !== mine) {
					issues.push({
						code: "scheduling.recipe",
						field: `/jobs/${index}/operations/${k}`,
						job: job.id,
						machine: machine.id,
						family: operation.family,
					});
				}
				known.set(operation.family, known.get(operation.family) ?? mine);
			});
		});
	}
	return issues;
}
