import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import type { NodeMessage } from "node-red";
import { checkPlan } from "../../lib/scheduling/check.ts";
import type { Answer } from "../../lib/scheduling/optimize.ts";
import type { SchedulingProblem } from "../../lib/scheduling/problem.ts";
import { demoSite, fakeSite } from "./fake-site.ts";
import { next, nodeSet, useNodeRed } from "./harness.ts";

const example = JSON.parse(readFileSync("examples/schedule-optimize.json", "utf8")) as {
	id: string;
	payload: string;
}[];
const problem = JSON.parse(example.find(({ id }) => id === "so-day")?.payload ?? "") as SchedulingProblem;

describe("schedule-optimize node", function () {
	this.timeout(60_000);
	const helper = useNodeRed();
	const load = () =>
		helper.load(
			[fakeSite(demoSite()), nodeSet("schedule-optimize")] as never,
			[
				{ id: "f", type: "tab" },
				{ id: "s", type: "energy-site" },
				{
					...{ id: "n", z: "f", type: "schedule-optimize", site: "s", seconds: 20, gapPercent: 0, seed: 1 },
					wires: [["plan"], ["progress"]],
				},
				{ id: "plan", z: "f", type: "helper" },
				{ id: "progress", z: "f", type: "helper" },
			] as never,
		);
	const send = (msg: object) => helper.getNode("n").receive(msg as NodeMessage);

	it("answers a day's orders with a checked plan, and tells its progress", async () => {
		await load();
		const [answered, progressed] = [next("plan"), next("progress")];
		send({ payload: problem });
		const answer = (await answered).payload as unknown as Answer;
		assert.equal(answer.status, "optimal");
		assert.ok(answer.plan);
		assert.deepEqual(checkPlan(problem, answer.plan).violations, []);
		assert.ok((await progressed).payload);
	});

	it("names what is wrong with a problem, once, in its status and to catch nodes", async () => {
		await load();
		const failed = new Promise<{ firstArg: Error & { code: string; details: { count: number } } }>((resolve) => {
			(helper.getNode("n") as EventEmitter).once("call:error", resolve);
		});
		send({ payload: { ...problem, energyPriceKrwPerKwh: [100], machines: [] } });
		const { firstArg } = await failed;
		assert.equal(firstArg.code, "scheduling.problem-invalid");
		assert.equal(firstArg.details.count, 4);
	});
});
