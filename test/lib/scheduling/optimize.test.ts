import assert from "node:assert/strict";
import { factoryDay } from "../../../bench/schedule/factory.ts";
import { checkPlan } from "../../../lib/scheduling/check.ts";
import { optimize } from "../../../lib/scheduling/optimize.ts";
import type { SchedulingProblem } from "../../../lib/scheduling/problem.ts";
import { explained } from "../../../lib/scheduling/words.ts";

const START = "2026-11-23T00:00:00.000Z";
const at = (slot: number) => new Date(Date.parse(START) + slot * 900_000).toISOString();

describe("a plan with its explanation", function () {
	this.timeout(180_000);

	const day: SchedulingProblem = {
		start: START,
		intervals: 12,
		energyPriceKrwPerKwh: [200, 200, 200, 200, 100, 100, 100, 100, 50, 50, 50, 50],
		bands: [...Array(4).fill("on-peak"), ...Array(4).fill("mid-peak"), ...Array(4).fill("off-peak")],
		baseLoadKw: 20,
		cap: { kw: 100 },
		demandCharges: [{ steps: [{ aboveKw: 60, krwPerKw: 1000 }] }],
		machines: [{ id: "press" }, { id: "oven" }],
		jobs: [
			{ id: "A", operations: [{ modes: [{ machine: "press", minutes: 60, powerKw: 40 }] }] },
			{ id: "B", operations: [{ modes: [{ machine: "oven", minutes: 60, powerKw: 40 }] }] },
			{ id: "C", operations: [{ modes: [{ machine: "press", minutes: 30, powerKw: 10 }] }] },
		],
	};

	it("tells cost in lines, savings against starting at once, and a reason for every job in both languages", async () => {
		const answer = await optimize(day, { seconds: 10, gap: 0 });
		assert.equal(answer.status, "optimal");
		assert.ok(answer.plan && answer.cost);
		const { energyKrw, carbonKrw, demandKrw, tardinessKrw, setupKrw, totalKrw } = answer.cost;
		assert.ok(Math.abs(energyKrw + carbonKrw + demandKrw + tardinessKrw + setupKrw - totalKrw) < 1e-6);
		// 40 kW more at once would cost 40 × 1,000 won of demand and save 2,000 won of energy.
		assert.equal(demandKrw, 0);
		const saved = answer.savings.asSoonAsPossible;
		assert.ok(saved && saved.savedKrw > 0);
		assert.ok(Math.abs(saved.waterfall.reduce((sum, { krw }) => sum + krw, 0) - saved.savedKrw) < 1e-6);
		assert.equal(answer.reasons.length, 3);
		const moved = answer.reasons.find(({ code }) => code === "scheduling.reason-demand");
		assert.ok(moved, JSON.stringify(answer.reasons));
		for (const language of ["en-US", "ko"] as const) {
			for (const { text } of explained(answer).reasons) assert.doesNotMatch(text[language], /\{|scheduling\./);
		}
	});

	it("is the same again for the same seed", async () => {
		for (const exact of [false, true]) {
			const problem = factoryDay(exact ? 6 : 20, 3);
			const options = { seconds: 120, rounds: 1, seed: 5, gap: 0, exact };
			const [first, second] = [await optimize(problem, options), await optimize(problem, options)];
			assert.deepEqual(first.plan, second.plan);
		}
	});

	it("is there at the deadline, and soon after a cancel", async () => {
		const problem = factoryDay(80, 1);
		const stop = new AbortController();
		const started = performance.now();
		const answer = await optimize(problem, {
			seconds: 120,
			gap: 0,
			signal: stop.signal,
			onProgress: ({ costKrw }) => costKrw !== null && stop.abort(),
		});
		assert.ok(performance.now() - started < 60_000);
		assert.ok(answer.plan);
		assert.deepEqual(checkPlan(problem, answer.plan).violations, []);
	});

	it("has a cost and a bound for what is fixed, and leaves it where it is", async () => {
		const fixed = { machine: "press", start: at(-1) };
		const [first, ...others] = day.jobs;
		assert.ok(first);
		const operations = first.operations.map((operation) => ({ ...operation, fixed }));
		const answer = await optimize({ ...day, jobs: [{ ...first, operations }, ...others] }, { seconds: 10, gap: 0 });
		assert.equal(answer.plan?.operations.find(({ job }) => job === "A")?.pieces[0]?.start, at(-1));
		assert.equal(answer.reasons.find(({ job }) => job === "A")?.code, "scheduling.reason-fixed");
	});

	it("is replaced by the conflict where there is none: the least set, in words, and the cheapest way out", async () => {
		const tight: SchedulingProblem = {
			...day,
			cap: { kw: 70 },
			jobs: day.jobs.map((job) => (job.id === "C" ? job : { ...job, deadline: at(5) })),
		};
		const answer = await optimize(tight, { seconds: 20 });
		assert.equal(answer.status, "infeasible");
		assert.equal(answer.plan, null);
		const conflict = answer.conflict;
		assert.ok(conflict?.irreducible);
		// A and B cannot both run before 01:15 under the cap; C has nothing to do with it.
		assert.deepEqual(
			conflict.requirements
				.map(({ code, job }) => `${code.replace("scheduling.require-", "")} ${job ?? ""}`.trim())
				.sort(),
			["cap", "deadline A", "deadline B", "job A", "job B"],
		);
		const [best] = conflict.relaxations;
		assert.ok(best?.whole);
		assert.ok(conflict.relaxations.some(({ code, amount }) => code === "scheduling.relax-cap" && amount === 30));
		assert.ok(conflict.relaxations.some(({ code, amount }) => code === "scheduling.relax-deadline" && amount === 45));
		for (const language of ["en-US", "ko"] as const) {
			assert.doesNotMatch(explained(answer).conflict?.text[language].join("\n") ?? "{", /\{|scheduling\./);
		}
	});
});
