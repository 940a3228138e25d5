import assert from "node:assert/strict";
import { checkPlan } from "../../../lib/scheduling/check.ts";
import type { Plan, SchedulingProblem } from "../../../lib/scheduling/problem.ts";
import { type SolveOptions, solve } from "../../../lib/scheduling/solve.ts";

const START = "2026-11-23T00:00:00.000Z";
const at = (slot: number) => new Date(Date.parse(START) + slot * 900_000).toISOString();
const work = (id: string, minutes: number, more: object = {}, machine = "oven") => ({
	id,
	operations: [{ modes: [{ machine, minutes, powerKw: 40 }] }],
	...more,
});
/** Cheap at 00:15 and from 01:15 to 01:45, dear otherwise. */
const problem = (change: Partial<SchedulingProblem>): SchedulingProblem => ({
	start: START,
	intervals: 8,
	energyPriceKrwPerKwh: [100, 10, 100, 100, 100, 20, 30, 100],
	machines: [{ id: "oven" }, { id: "press" }],
	jobs: [],
	...change,
});
const solved = (input: SchedulingProblem, options: SolveOptions = {}) =>
	solve(input, { seconds: 10, gap: 0, ...options }, { stopped: () => false });
const slots = (plan: Plan | null) =>
	Object.fromEntries(
		(plan?.operations ?? []).map(({ job, pieces }) => [
			job,
			pieces.flatMap(({ start, end }) => [start, end].map((time) => (Date.parse(time) - Date.parse(START)) / 900_000)),
		]),
	);
const codes = (input: SchedulingProblem, plan: Plan) =>
	checkPlan(input, plan).violations.map(({ code }) => code.replace("scheduling.plan-", ""));
const planned = (...list: [job: string, from: number, to: number][]): Plan => ({
	operations: list.map(([job, from, to]) => ({
		...{ job, operation: "1", machine: "oven", pieces: [{ start: at(from), end: at(to) }] },
	})),
});

describe("a machine that must run a while once it is started", () => {
	const machines = [{ id: "oven", minRunMinutes: 45 }];
	const jobs = [work("A", 15), work("B", 30)];

	it("gets its jobs in one run, though apart they would be cheaper", async () => {
		for (const exact of [true, false]) {
			const { plan, status } = await solved(problem({ machines, jobs }), { exact });
			const { A, B } = slots(plan) as { A: number[]; B: number[] };
			assert.deepEqual(codes(problem({ machines, jobs }), plan as Plan), []);
			assert.ok(A[1] === B[0] || B[1] === A[0], JSON.stringify({ A, B }));
			if (exact) assert.equal(status, "optimal");
		}
		const free = await solved(problem({ jobs }));
		assert.deepEqual(slots(free.plan), { A: [1, 2], B: [5, 7] });
	});

	it("has no plan where the work is too short for a run", async () => {
		const { status, plan } = await solved(problem({ machines, jobs: [work("A", 30)] }));
		assert.deepEqual([status, plan], ["infeasible", null]);
		assert.deepEqual(codes(problem({ machines, jobs: [work("A", 30)] }), planned(["A", 5, 7])), ["machine-run-short"]);
	});

	it("is not filled by a batch of nothing", async () => {
		const operations = [{ family: "ring", modes: [{ machine: "oven", powerKw: [40, 40] }] }];
		const batch = problem({
			machines: [{ id: "oven", minRunMinutes: 45, batchSize: 2 }],
			jobs: [{ id: "A", operations }],
		});
		assert.equal((await solved(batch)).status, "infeasible");
	});

	it("counts what it has run before the horizon", async () => {
		const [job] = [work("A", 45)];
		const operations = job.operations.map((operation) => ({ ...operation, fixed: { machine: "oven", start: at(-2) } }));
		const { plan } = await solved(problem({ machines, jobs: [{ ...job, operations }] }));
		assert.deepEqual(slots(plan), { A: [-2, 1] });
	});
});

describe("a job that must follow another soon", () => {
	const following = (more: object) => work("B", 30, { after: [{ job: "A", ...more }] }, "press");

	it("starts within the longest lag, though later is cheaper, or has the other wait for it", async () => {
		const jobs = [work("A", 15, { deadline: at(3) }), following({ maxLagMinutes: 15 })];
		for (const exact of [true, false]) {
			const { plan } = await solved(problem({ jobs }), { exact });
			const { A, B } = slots(plan) as { A: number[]; B: number[] };
			assert.ok((B[0] as number) - (A[1] as number) <= 1, JSON.stringify({ A, B }));
			assert.deepEqual(codes(problem({ jobs }), plan as Plan), []);
		}
		const open = await solved(problem({ jobs: [jobs[0] as (typeof jobs)[0], following({})] }));
		assert.deepEqual(slots(open.plan), { A: [1, 2], B: [5, 7] });
	});

	it("is refused by the checker when it comes later", () => {
		const jobs = [work("A", 15), work("B", 30, { after: [{ job: "A", lagMinutes: 15, maxLagMinutes: 30 }] })];
		assert.deepEqual(codes(problem({ jobs }), planned(["A", 0, 1], ["B", 2, 4])), []);
		assert.deepEqual(codes(problem({ jobs }), planned(["A", 0, 1], ["B", 4, 6])), ["too-late-after"]);
		assert.deepEqual(codes(problem({ jobs }), planned(["A", 0, 1], ["B", 1, 3])), ["order"]);
	});

	it("follows what is running already, and has no plan where it cannot", async () => {
		const [first] = [work("A", 45)];
		const running = {
			...first,
			operations: first.operations.map((operation) => ({ ...operation, fixed: { machine: "oven", start: at(-1) } })),
		};
		const soon = await solved(problem({ jobs: [running, following({ maxLagMinutes: 15 })] }));
		assert.ok([2, 3].includes((slots(soon.plan).B ?? [])[0] as number));
		const late = following({ maxLagMinutes: 15 });
		const hopeless = await solved(problem({ jobs: [running, { ...late, release: at(5) }] }));
		assert.equal(hopeless.status, "infeasible");
	});
});
