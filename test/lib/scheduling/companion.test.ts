import assert from "node:assert/strict";
import { checkPlan } from "../../../lib/scheduling/check.ts";
import { Companion } from "../../../lib/scheduling/companion.ts";
import { compile, planOf } from "../../../lib/scheduling/instance.ts";
import type { SchedulingProblem } from "../../../lib/scheduling/problem.ts";
import { asSoonAsPossible, type Found } from "../../../lib/scheduling/search.ts";

const problem: SchedulingProblem = {
	...{ start: "2026-11-23T00:00:00Z", intervals: 24, cap: { kw: 60 }, machines: [{ id: "a" }, { id: "b" }] },
	energyPriceKrwPerKwh: Array.from({ length: 24 }, (_, t) => (t < 12 ? 200 : 100)),
	jobs: Array.from({ length: 8 }, (_, k) => ({
		id: `J${k}`,
		operations: [{ modes: ["a", "b"].map((machine) => ({ machine, minutes: 45, powerKw: 15 + 5 * (k % 4) })) }],
	})),
};

describe("a second search in a thread of its own", function () {
	this.timeout(120_000);

	it("tells a better plan to a thread that only looks now and then, and ends when it is told to", async () => {
		const instance = compile(problem);
		const from = asSoonAsPossible(instance);
		const limits = { seed: 7, iterations: 3000, spanMs: 60_000, goalKrw: 0 };
		const companion = new Companion({ problem, guide: null, from, ...limits });
		let best: Found | null = null;
		while (!best || best.krw >= from.krw) {
			await new Promise((resolve) => setTimeout(resolve, 20));
			best = companion.look() ?? best;
		}
		companion.end();
		const { violations, cost } = checkPlan(problem, planOf(instance, best.placements));
		assert.deepEqual(violations, []);
		assert.ok(Math.abs(cost.totalKrw - best.krw) < 1e-6 * best.krw);
		assert.equal(companion.look(Number.POSITIVE_INFINITY), null);
	});
});
