import assert from "node:assert/strict";
import { checkPlan } from "../../../lib/scheduling/check.ts";
import { loadSolver } from "../../../lib/scheduling/highs.ts";
import { compile } from "../../../lib/scheduling/instance.ts";
import { modelOf } from "../../../lib/scheduling/model.ts";
import type { SchedulingProblem } from "../../../lib/scheduling/problem.ts";
import { solve } from "../../../lib/scheduling/solve.ts";
import { issuesOf } from "../../../lib/scheduling/validate.ts";
import { bruteForce } from "./brute-force.ts";
import { randomProblem } from "./random-problem.ts";

// 10,000 in the proof: SCHEDULING_PROBLEMS=10000 npm test -- test/lib/scheduling/properties.test.ts
const COUNT = Number(process.env.SCHEDULING_PROBLEMS ?? 100);
const watch = { stopped: () => false };

/** Too many plans to try: a model of its own, solved for whole numbers, has no solution. */
async function provenInfeasible(problem: SchedulingProblem): Promise<boolean> {
	const model = modelOf(compile(problem));
	if (model.impossible) return true;
	const solver = await loadSolver();
	const options = { integer: true, seconds: 20, gap: 0, stopped: () => false };
	return solver?.solve(model.rows.matrix(), options).status === "infeasible";
}

describe(`${COUNT} random problems`, () => {
	it("get plans that the checker passes, as cheap as brute force finds, and no plan only where there is none", async function () {
		this.timeout(120_000 + COUNT * 2000);
		const seen = { tried: 0, optimal: 0, feasible: 0, infeasible: 0, compared: 0 };
		for (let seed = 1; seed <= COUNT; seed++) {
			const problem = randomProblem(seed, 2 + (seed % 3));
			assert.deepEqual(issuesOf(problem), [], `seed ${seed}`);
			const solution = await solve(problem, { seconds: 20, gap: 0 }, watch);
			if (seed % 1000 === 0) console.log(`      ${seed}: ${JSON.stringify(seen)}`);
			seen.tried++;
			assert.notEqual(solution.status, "unknown", `seed ${seed}: ${JSON.stringify(solution)}`);
			if (solution.plan) {
				assert.deepEqual(checkPlan(problem, solution.plan).violations, [], `seed ${seed}`);
			}
			seen[solution.status as "optimal"]++;
			const best = bruteForce(problem, 5000);
			if (best === undefined) {
				if (solution.status === "infeasible") assert.equal(await provenInfeasible(problem), true, `seed ${seed}`);
				continue;
			}
			seen.compared++;
			assert.equal(solution.plan === null, best === null, `seed ${seed}: a plan exists or not`);
			if (!best || !solution.cost) continue;
			const slack = 1e-6 * Math.max(1, best.cost.totalKrw);
			assert.ok(solution.cost.totalKrw >= best.cost.totalKrw - slack, `seed ${seed}: nothing is cheaper than the best`);
			assert.ok((solution.boundKrw ?? -1) <= best.cost.totalKrw + slack, `seed ${seed}: the bound holds`);
			if (solution.status === "optimal") {
				assert.ok(solution.cost.totalKrw <= best.cost.totalKrw + slack, `seed ${seed}: ${best.cost.totalKrw}`);
			}
		}
		console.log(`      ${JSON.stringify(seen)}`);
		assert.ok(seen.compared > COUNT / 4);
	});
});
