import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { checkPlan } from "../../lib/scheduling/check.ts";
import { type Answer, optimize } from "../../lib/scheduling/optimize.ts";
import type { Plan } from "../../lib/scheduling/problem.ts";
import type { Progress } from "../../lib/scheduling/solve.ts";
import { parseProblem } from "../../lib/scheduling/validate.ts";
import { explained } from "../../lib/scheduling/words.ts";
import { onInput } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import type { ScheduleOptimizeConfig } from "./config.ts";

export default (RED: NodeAPI): void => {
	function ScheduleOptimize(this: Node, config: ScheduleOptimizeConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		let running: AbortController | undefined;
		let last: Plan | undefined;

		onInput(RED, { node: this, site: config.site }, async (msg) => {
			if (msg.topic === "cancel") {
				running?.abort();
				return null;
			}
			const { site } = siteOf(RED, config.site);
			const problem = parseProblem(msg.payload);
			// Savings are told against the plan in force, as long as it would still be allowed.
			const current = last && checkPlan(problem, last).violations.length === 0 ? last : undefined;
			// A newer problem is the one that counts: what is still under way ends with the best it has.
			running?.abort();
			const mine = new AbortController();
			running = mine;
			this.status({ fill: "blue", shape: "dot", text: "status.solving" });
			const onProgress = (progress: Progress) =>
				this.send([null, { ...plain(msg), payload: { site: site.id, ...progress } }]);
			const answer = await optimize(problem, {
				seconds: Number(config.seconds) || 30,
				gap: Math.max(0, Number(config.gapPercent) || 0) / 100,
				seed: Number(config.seed) || 1,
				signal: mine.signal,
				onProgress,
				...(current ? { current } : {}),
			});
			if (running === mine) running = undefined;
			last = answer.plan ?? undefined;
			this.status(statusOf(answer));
			msg.payload = { site: site.id, ...explained(answer) };
			return [msg, null];
		});
		this.on("close", () => running?.abort());
	}
	RED.nodes.registerType("schedule-optimize", ScheduleOptimize);
};

/** Progress travels without the request and response of an http-in message. */
const plain = ({ topic }: NodeMessage): NodeMessage => (topic === undefined ? {} : { topic });

function statusOf({ status, gap }: Answer): { fill: "green" | "yellow" | "red"; shape: "dot" | "ring"; text: string } {
	if (status === "optimal") return { fill: "green", shape: "dot", text: "status.optimal" };
	if (status === "infeasible") return { fill: "red", shape: "ring", text: "status.infeasible" };
	if (status === "unknown") return { fill: "yellow", shape: "ring", text: "status.unknown" };
	return { fill: "green", shape: "dot", text: gap === null ? "status.planned" : `≤ ${(gap * 100).toFixed(2)} %` };
}
