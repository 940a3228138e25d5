import { type CostLines, checkPlan } from "../scheduling/check.ts";
import type { Answer, Savings } from "../scheduling/optimize.ts";
import {
	type JobSpec,
	modePowerKw,
	operationId,
	type Plan,
	type PlannedOperation,
	type SchedulingProblem,
} from "../scheduling/problem.ts";
import type { Site } from "../telemetry/site.ts";
import type { Prepared } from "./problem-of.ts";
import { iso } from "./progress.ts";
import { type Draft, type JobRecord, keyOf, type PlanRequest } from "./records.ts";
import type { PlacedOperation, PlanConflict, PlanCost, StoredPlan } from "./types.ts";
import { wordsOf } from "./words.ts";

const STEP_MS = 900_000;

export interface Found {
	site: Site;
	request: PlanRequest;
	prepared: Prepared;
	/** What was planned in the end. */
	problem: SchedulingProblem;
	answer: Answer;
	fallback: boolean;
	notes: PlanConflict[];
	seconds: number;
	records: ReadonlyMap<string, JobRecord>;
}

/** A plan as it is kept and shown, with what it costs beside the other ways to do it. */
export function storedOf(found: Found): Draft["stored"] {
	const { site, request, prepared, problem, answer, notes, seconds } = found;
	const plan: Plan = answer.plan ?? { operations: [] };
	const { cost, loadKw } = checkPlan(problem, plan);
	const startMs = Date.parse(problem.start);
	const { asSoonAsPossible } = answer.savings;
	return {
		site: site.id,
		reason: request.reason,
		by: request.by,
		horizon: { start: problem.start, end: iso(startMs + problem.intervals * STEP_MS), intervalMinutes: 15 },
		cost: {
			plan: costOf(cost),
			asSoonAsPossible: asSoonAsPossible && otherCost(cost, asSoonAsPossible),
			current: beforeCost(found, plan),
		},
		peakKw: kw(cost.peakKw),
		peakAt: cost.peakAt,
		jobs: new Set([...plan.operations, ...request.running].map(({ job }) => job)).size,
		solution: answer.status,
		method: found.fallback ? "fallback" : answer.method,
		gap: answer.gap === null ? null : Math.round(answer.gap * 1e6) / 1e6,
		boundKrw: answer.boundKrw === null ? null : Math.round(answer.boundKrw),
		seconds,
		conflicts: notes,
		operations: [...runningOf(found), ...plan.operations.map((entry) => placedOf(found, entry))].sort(
			(a, b) => a.start.localeCompare(b.start) || a.machine.localeCompare(b.machine),
		),
		siteLoadKw: loadKw.map(kw),
		baseLoadKw: prepared.base.kw.slice(0, problem.intervals).map(kw),
		safeBaseLoadKw: prepared.base.safeKw.slice(0, problem.intervals).map(kw),
		capKw: prepared.capKw.slice(0, problem.intervals).map((cap) => (cap === null ? null : kw(cap))),
		prices: pricesOf(problem),
		sources: { baseLoad: prepared.base.source, quantile: prepared.base.quantile, tariff: prepared.tariff },
	};
}

const kw = (value: number): number => Math.round(value * 10) / 10;
const krw = (value: number): number => Math.round(value);

function costOf({ totalKrw, energyKrw, carbonKrw, demandKrw, tardinessKrw, setupKrw }: CostLines): PlanCost {
	return {
		...{ totalKrw: krw(totalKrw), energyKrw: krw(energyKrw), carbonKrw: krw(carbonKrw) },
		...{ demandKrw: krw(demandKrw), tardinessKrw: krw(tardinessKrw), setupKrw: krw(setupKrw) },
	};
}

/** The other plan's lines: this plan's, and what it saves on each. */
function otherCost(cost: CostLines, { waterfall, costKrw }: Savings): PlanCost {
	const more = (line: Savings["waterfall"][number]["line"]): number =>
		waterfall.find((entry) => entry.line === line)?.krw ?? 0;
	return {
		totalKrw: krw(costKrw),
		energyKrw: krw(cost.energyKrw + more("energy")),
		carbonKrw: krw(cost.carbonKrw + more("carbon")),
		demandKrw: krw(cost.demandKrw + more("demand")),
		tardinessKrw: krw(cost.tardinessKrw + more("tardiness")),
		setupKrw: krw(cost.setupKrw + more("setup")),
	};
}

/**
 * What the plan in force would have cost from here on, as if it could still be carried out; jobs that it lacks lie where
 * the new plan has them, so that both bills are of the same jobs.
 */
function beforeCost({ request, problem }: Found, plan: Plan): PlanCost | null {
	const places = new Map(request.before?.operations.map((entry) => [keyOf(entry.job, entry.operation), entry]));
	const kept = new Set(
		problem.jobs
			.filter(({ id, operations }) =>
				operations.every((operation, k) => places.has(keyOf(id, operationId(operation, k)))),
			)
			.map(({ id }) => id),
	);
	if (kept.size === 0) return null;
	const operations = plan.operations.map((entry) =>
		kept.has(entry.job) ? (places.get(keyOf(entry.job, entry.operation)) ?? entry) : entry,
	);
	return costOf(checkPlan(problem, { operations }).cost);
}

function placedOf({ site, request, problem, answer, records }: Found, entry: PlannedOperation): PlacedOperation {
	const job = problem.jobs.find(({ id }) => id === entry.job) as JobSpec;
	const spec = job.operations.find((operation, k) => operationId(operation, k) === entry.operation);
	const mode = spec?.modes.find(({ machine }) => machine === entry.machine);
	const intervals = entry.pieces.reduce(
		(sum, { start, end }) => sum + (Date.parse(end) - Date.parse(start)) / STEP_MS,
		0,
	);
	const reason = answer.reasons.find((each) => each.job === entry.job && each.operation === entry.operation);
	const key = keyOf(entry.job, entry.operation);
	const code =
		request.pinned.includes(key) && spec?.fixed ? "operation.reason-pinned" : (reason?.code ?? "operation.reason-list");
	// What shares a batch shares its power and its price.
	const mates = entry.pieces.length > 1 ? 1 : matesOf(answer.plan?.operations ?? [], entry);
	const profile = Array.from({ length: intervals }, (_, k) => (mode ? modePowerKw(mode, k) : 0));
	const energyKrw = profile.reduce((sum, power, k) => {
		const t =
			Math.round((Date.parse(entry.pieces[0]?.start ?? problem.start) - Date.parse(problem.start)) / STEP_MS) + k;
		return sum + (power / 4) * (problem.energyPriceKrwPerKwh[t] ?? 0);
	}, 0);
	return {
		job: entry.job,
		operation: entry.operation,
		label: labelOf(records.get(entry.job)),
		machine: entry.machine,
		start: entry.pieces[0]?.start ?? problem.start,
		end: entry.pieces.at(-1)?.end ?? problem.start,
		...(entry.pieces.length > 1 ? { pieces: entry.pieces } : {}),
		powerKw: lean(profile.map((power) => power / mates)),
		costKrw: krw((reason?.costKrw ?? 0) - energyKrw * (1 - 1 / mates)),
		reason: { code, text: wordsOf(code, reason?.details ?? {}, site.timeZone) },
		state: request.frozen.includes(key) && spec?.fixed ? "frozen" : "planned",
		...(request.pinned.includes(key) && spec?.fixed ? { pinned: true as const } : {}),
		...(job.due === undefined ? {} : { due: job.due }),
	};
}

/** Operations that run at the same time on the same machine: a batch. */
const matesOf = (operations: readonly PlannedOperation[], { machine, pieces }: PlannedOperation): number =>
	operations.filter(
		(other) => other.machine === machine && other.pieces.length === 1 && other.pieces[0]?.start === pieces[0]?.start,
	).length || 1;

/** What ran when the plan was made belongs to the picture, at its own power and the prices of its time. */
function runningOf({ request, problem, records }: Found): PlacedOperation[] {
	const startMs = Date.parse(problem.start);
	return request.running.map(({ job, operation, machine, fromMs, endMs, powerKw }) => {
		const due = records.get(job)?.order.due;
		const length = Math.max(1, Math.round((endMs - fromMs) / STEP_MS));
		const powers = Array.from({ length }, (_, k) => powerKw[Math.min(k, powerKw.length - 1)] ?? 0);
		const costKrw = powers.reduce((sum, power, k) => {
			const t = Math.round((fromMs - startMs) / STEP_MS) + k;
			return sum + (power / 4) * (problem.energyPriceKrwPerKwh[Math.max(0, t)] ?? 0);
		}, 0);
		return {
			...{ job, operation, label: labelOf(records.get(job)), machine, start: iso(fromMs), end: iso(endMs) },
			...{ powerKw: lean(powers), costKrw: krw(costKrw), state: "running" as const },
			reason: { code: "operation.reason-running", text: wordsOf("operation.reason-running", {}) },
			...(due === undefined ? {} : { due }),
		};
	});
}

export const labelOf = (record: JobRecord | undefined): string =>
	record?.order.product ?? record?.order.name ?? record?.order.id ?? "";

function lean(powers: number[]): number | number[] {
	const [first = 0] = powers;
	return powers.every((power) => power === first) ? first : powers.map(kw);
}

function pricesOf({ start, energyPriceKrwPerKwh, bands = [] }: SchedulingProblem): StoredPlan["prices"] {
	const steps: StoredPlan["prices"] = [];
	energyPriceKrwPerKwh.forEach((price, k) => {
		const last = steps.at(-1);
		const [krwPerKwh, band] = [price ?? 0, bands[k] ?? ""];
		if (last?.krwPerKwh === krwPerKwh && last.band === band) return;
		steps.push({ start: iso(Date.parse(start) + k * STEP_MS), band, krwPerKwh });
	});
	return steps;
}
