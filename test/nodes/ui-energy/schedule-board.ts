import type { Job, PlacedOperation, PlanSummary, ScheduleBoard, StoredPlan } from "../../../lib/operation/types.ts";

const HOUR = 3_600_000;
const QUARTER = HOUR / 4;
export const words = (text: string) => ({ "en-US": text, ko: text });

/** An operation of a test's plan: machine, hours from the plan's start, hours long. */
export type Laid = [job: string, machine: string, startH: number, hours: number, more?: Partial<PlacedOperation>];

const iso = (ms: number): string => new Date(ms).toISOString();

/** A plan of 24 hours with the bands of a summer's day: cheap till 8, dear from 10 to 12. */
export function planOf(startMs: number, laid: readonly Laid[], more: Partial<StoredPlan> = {}): StoredPlan {
	const operations = laid.map(([job, machine, startH, hours, rest]): PlacedOperation => {
		const start = iso(startMs + startH * HOUR);
		const end = iso(startMs + (startH + hours) * HOUR);
		return {
			...{ job, operation: "1", label: job, machine, start, end, powerKw: 100, costKrw: hours * 100 * 120 },
			...{ reason: { code: "scheduling.reason-cheapest", text: words("No place costs less.") }, state: "planned" },
			...rest,
		};
	});
	const baseLoadKw = Array.from({ length: 96 }, () => 300);
	const siteLoadKw = baseLoadKw.map((kw, i) => {
		const atMs = startMs + i * QUARTER;
		const running = operations.filter(({ start, end }) => Date.parse(start) <= atMs && Date.parse(end) > atMs);
		return kw + running.length * 100;
	});
	const cost = {
		...{ totalKrw: 0, energyKrw: 0, carbonKrw: 0, demandKrw: 200_000, tardinessKrw: 0, setupKrw: 0 },
	};
	cost.energyKrw = operations.reduce((sum, { costKrw }) => sum + costKrw, 0);
	cost.totalKrw = cost.energyKrw + cost.demandKrw;
	const soon = { ...cost, energyKrw: cost.energyKrw + 90_000, demandKrw: 350_000, totalKrw: cost.totalKrw + 240_000 };
	return {
		...{ id: "plan-3", version: 3, site: "demo", status: "proposed", reason: "job", by: "planner" },
		createdAt: iso(startMs),
		horizon: { start: iso(startMs), end: iso(startMs + 24 * HOUR), intervalMinutes: 15 },
		cost: { plan: cost, asSoonAsPossible: soon, current: null },
		...{ peakKw: Math.max(...siteLoadKw), peakAt: iso(startMs), jobs: operations.length },
		...{ solution: "feasible", method: "mip", gap: 0.004, boundKrw: cost.totalKrw * 0.996, seconds: 3, conflicts: [] },
		...{ operations, siteLoadKw, baseLoadKw, safeBaseLoadKw: baseLoadKw, capKw: baseLoadKw.map(() => 900) },
		prices: [
			{ start: iso(startMs), band: "off-peak", krwPerKwh: 87 },
			{ start: iso(startMs + 8 * HOUR), band: "mid-peak", krwPerKwh: 140 },
			{ start: iso(startMs + 10 * HOUR), band: "on-peak", krwPerKwh: 220 },
			{ start: iso(startMs + 12 * HOUR), band: "mid-peak", krwPerKwh: 140 },
			{ start: iso(startMs + 18 * HOUR), band: "off-peak", krwPerKwh: 87 },
		],
		sources: { baseLoad: "forecast", quantile: 0.9, tariff: "kepco" },
		...more,
	};
}

export function summaryOf(plan: StoredPlan): PlanSummary {
	const { operations: _o, siteLoadKw: _s, baseLoadKw: _b, safeBaseLoadKw: _q, capKw: _c, ...rest } = plan;
	const { prices: _p, sources: _r, ...summary } = rest;
	return summary;
}

export function boardOf(more: Partial<ScheduleBoard> = {}): ScheduleBoard {
	const machines = ["furnace-1", "mill-1", "cnc-1"].map((id) => ({ id, name: id, down: false, closed: [] }));
	return {
		...{ site: "demo", time: "2026-11-22T00:00:00.000Z", timeZone: "Asia/Seoul", approval: "operator", machines },
		...{ current: null, proposed: null, held: [], frozenUntil: null, jobs: [], jobCount: 0, history: [] },
		...{ planning: null, problem: null },
		...more,
	};
}

export function jobOf(id: string, more: Partial<Job> = {}): Job {
	return {
		...{ id, operations: [{ modes: [{ machine: "mill-1", minutes: 60, powerKw: 100 }] }], state: "open" },
		...{ createdAt: "2026-11-21T00:00:00.000Z", changedAt: "2026-11-21T00:00:00.000Z", by: "kim" },
		...more,
	};
}
