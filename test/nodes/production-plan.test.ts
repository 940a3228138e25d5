import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import type { NodeMessage } from "node-red";
import type { Job, ScheduleBoard } from "../../lib/operation/types.ts";
import { siteNode, temporaryStore } from "../support/store-site.ts";
import { next, nodeSet, useNodeRed } from "./harness.ts";

const operations = (minutes: number) => [{ modes: [{ machine: "press", minutes, powerKw: 50 }] }];

describe("production-plan node", function () {
	this.timeout(60_000);
	const helper = useNodeRed();
	let store: ReturnType<typeof temporaryStore>;
	before(() => {
		store = temporaryStore();
	});
	after(() => store.remove());
	const load = (more: object = {}) =>
		helper.load(
			[nodeSet("energy-site"), nodeSet("production-plan")] as never,
			[
				{ id: "f", type: "tab" },
				siteNode(store.url, { configVersion: 2, tariff: "kepco/industrial-b/high-a/II", contractKw: "300" }),
				{
					...{ id: "n", z: "f", type: "production-plan", site: "site", publishMqtt: false, seconds: 5, ...more },
					wires: [["answers"], ["commands"], ["board"], ["events"]],
				},
				...["answers", "commands", "board", "events"].map((id) => ({ id, z: "f", type: "helper" })),
			] as never,
		);
	const send = (msg: object) => helper.getNode("n").receive(msg as NodeMessage);
	/** The first board that fits. */
	const board = (fits: (board: ScheduleBoard) => boolean) =>
		new Promise<ScheduleBoard>((resolve) => {
			const emitter = helper.getNode("board") as unknown as EventEmitter;
			const look = (msg: NodeMessage) => {
				const told = msg.payload as ScheduleBoard;
				if (!fits(told)) return;
				emitter.off("input", look);
				resolve(told);
			};
			emitter.on("input", look);
		});
	const failure = () =>
		new Promise<{ code: string; details: Record<string, unknown> }>((resolve) => {
			const emitter = helper.getNode("n") as unknown as EventEmitter;
			emitter.on("call:error", ({ firstArg }: { firstArg: never }) => {
				// The constructor speaks in words; work fails with an error.
				if (typeof firstArg === "object") resolve(firstArg);
			});
		});

	it("keeps orders, proposes a plan, and dispatches what an operator approves", async () => {
		await load();
		await board(() => true);
		const saved = next("answers");
		send({ topic: "save-jobs", payload: [{ id: "A1", product: "Lids", operations: operations(30) }], by: "kim" });
		assert.equal(((await saved).payload as { items: Job[] }).items[0]?.by, "kim");
		const { proposed } = await board((told) => told.proposed !== null);
		assert.deepEqual(
			proposed?.operations.map(({ job, machine }) => [job, machine]),
			[["A1", "press"]],
		);
		send({ topic: "approve", payload: { id: proposed?.id, dispatch: true } });
		const { current } = await board((told) => told.current?.status === "dispatched");
		assert.equal(current?.id, proposed?.id);
	});

	it("knows jobs and plans again after a restart", async () => {
		await load();
		const { current, jobs } = await board((told) => told.current !== null);
		assert.equal(current?.status, "dispatched");
		assert.deepEqual(
			jobs.map(({ id }) => id),
			["A1"],
		);
	});

	it("takes CSV, and names every mistake of it with its line", async () => {
		await load();
		await board(() => true);
		const failed = failure();
		send({ topic: "save-jobs", payload: "id,machine,minutes,powerKw,due\nB1,press,30,40,\nB2,saw,0,x,soon" });
		const { code, details } = await failed;
		assert.equal(code, "operation.orders-invalid");
		const issues = details.issues as { line: number; code: string }[];
		assert.deepEqual(issues.map((issue) => `${issue.line} ${issue.code.replace(/^\w+\./, "")}`).toSorted(), [
			"3 csv-number",
			"3 csv-time",
			"3 unknown-machine",
			"3 zero-length",
		]);
	});

	it("says what is wrong with its settings, and with an act", async () => {
		await load({ horizonHours: "0" });
		const failed = failure();
		send({ topic: "board" });
		assert.equal((await failed).code, "operation.config");
		await helper.unload();
		await load();
		await board(() => true);
		const refused = failure();
		send({ topic: "approve", payload: { id: "plan-999" } });
		assert.equal((await refused).code, "operation.plan-unknown");
	});
});
