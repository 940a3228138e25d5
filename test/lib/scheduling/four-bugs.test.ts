import assert from "node:assert/strict";
import { checkPlan } from "../../../lib/scheduling/check.ts";
import type { SchedulingProblem } from "../../../lib/scheduling/problem.ts";
import { solve } from "../../../lib/scheduling/solve.ts";

const watch = { stopped: () => false };
const START = "2026-11-23T00:00:00.000Z";
const at = (slot: number) => new Date(Date.parse(START) + slot * 900_000).toISOString();

/** Cheap until the third interval, dear from then on. */
const problem = (change: Partial<SchedulingProblem> = {}): SchedulingProblem => ({
	start: START,
	intervals: 8,
	energyPriceKrwPerKwh: [90, 10, 100, 100, 100, 20, 20, 20],
	machines: [{ id: "press" }],
	jobs: [{ id: "A", operations: [{ modes: [{ machine: "press", minutes: 45, powerKw: 40 }] }] }],
	...change,
});
const startOf = (plan: { operations: { job: string; pieces: { start: string }[] }[] } | null, job: string) =>
	plan?.operations.find((entry) => entry.job === job)?.pieces[0]?.start;

describe("bugs of a public energy manager that this one must not have", () => {
	it("prices every interval of a run, not the whole job at the rate of its first", async () => {
		const { plan, cost } = await solve(problem(), { seconds: 5 }, watch);
		// At the rate of the start, 00:15 would look cheapest (10 won); by its intervals it costs 2,100 against 600 won.
		assert.equal(startOf(plan, "A"), at(5));
		assert.equal(cost?.totalKrw, 40 * 0.25 * 60);
	});

	it("keeps deadlines, even where a later run is cheaper", async () => {
		const jobs = problem().jobs.map((job) => ({ ...job, deadline: at(4) }));
		const { plan } = await solve(problem({ jobs }), { seconds: 5 }, watch);
		assert.equal(startOf(plan, "A"), at(0));
		const late = {
			operations: [{ job: "A", operation: "1", machine: "press", pieces: [{ start: at(5), end: at(8) }] }],
		};
		assert.deepEqual(
			checkPlan(problem({ jobs }), late).violations.map(({ code }) => code),
			["scheduling.plan-deadline"],
		);
	});

	it("never has two jobs on a machine at once, though both would be cheapest there", async () => {
		const [job] = problem().jobs;
		assert.ok(job);
		const twins = problem({ jobs: [job, { ...job, id: "B" }] });
		const { plan } = await solve(twins, { seconds: 5 }, watch);
		assert.ok(plan);
		assert.deepEqual(checkPlan(twins, plan).violations, []);
		const piece = [{ start: at(5), end: at(8) }];
		const both = { operations: ["A", "B"].map((id) => ({ job: id, operation: "1", machine: "press", pieces: piece })) };
		assert.equal(checkPlan(twins, both).violations[0]?.code, "scheduling.plan-overlap");
	});

	it("keeps the cap on every path: without the exact solver, and with no time at all", async () => {
		const machines = ["a", "b", "c"].map((id) => ({ id }));
		const jobs = machines.map(({ id }) => ({
			id,
			operations: [{ modes: [{ machine: id, minutes: 30, powerKw: 40 }] }],
		}));
		const capped = problem({ machines, jobs, cap: { kw: 90 }, baseLoadKw: 5 });
		for (const options of [{ seconds: 5 }, { seconds: 5, exact: false }, { seconds: 0.001 }]) {
			const { plan, cost } = await solve(capped, options, watch);
			assert.ok(plan, JSON.stringify(options));
			assert.deepEqual(checkPlan(capped, plan).violations, []);
			assert.ok((cost?.peakKw ?? 0) <= 90);
		}
	});

	it("gives no plan rather than one over the cap, and says so", async () => {
		const hopeless = problem({ cap: { kw: 30 } });
		const { status, plan } = await solve(hopeless, { seconds: 5 }, watch);
		assert.equal(status, "infeasible");
		assert.equal(plan, null);
	});
});
