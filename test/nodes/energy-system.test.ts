import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Node, NodeMessage } from "node-red";
import { siteNode, useTemporaryStore } from "../support/store-site.ts";
import { next, nodeSet, useNodeRed } from "./harness.ts";

interface Answer {
	payload: Record<string, unknown>;
	statusCode?: number;
	headers?: Record<string, string>;
	kept?: string;
}

describe("energy-system node", () => {
	const helper = useNodeRed();
	const store = useTemporaryStore(helper);

	async function start(operation: string, storeUrl = store.url): Promise<void> {
		const flow = [
			{ id: "f", type: "tab" },
			siteNode(storeUrl),
			{ id: "n", type: "energy-system", site: "site", operation, wires: [["out"]], z: "f" },
			{ id: "out", type: "helper", z: "f" },
		];
		await helper.load([nodeSet("energy-site"), nodeSet("energy-system")], flow);
	}
	function ask(msg: object = {}): Promise<Answer> {
		const answer = next<Answer>("out");
		helper.getNode("n").receive(msg as NodeMessage);
		return answer;
	}
	function failure(msg: object = {}): Promise<string> {
		const node = helper.getNode("n") as Node;
		return new Promise((resolve) => {
			node.once("call:error", (call: { firstArg: Error }) => resolve(String(call.firstArg)));
			node.receive(msg as NodeMessage);
		});
	}

	it("answers any message with statistics, and leaves the rest of it alone", async () => {
		await start("statistics");
		const { payload, kept } = await ask({ kept: "so" });
		assert.equal(kept, "so");
		for (const part of ["power", "ingest", "store", "queues", "api", "process", "eventLoop", "disk"]) {
			assert(part in payload, part);
		}
		assert.equal(payload.alarms, null, "no node of this flow keeps alarms");
	});

	it("tells each thing that a message asks for", async () => {
		await start("from-message");
		assert.deepEqual((await ask({ operation: "jobs" })).payload, { items: [] });
		const metrics = await ask({ operation: "metrics" });
		assert.match(String(metrics.payload), /^# HELP smartfactory_info /);
		assert.match(metrics.headers?.["content-type"] ?? "", /^text\/plain/);
		const { payload } = await ask({ operation: "dashboard" });
		assert((payload.missing as string[]).includes("demand"));
		assert.match(await failure({ operation: "everything" }), /statistics, dashboard, health, metrics, jobs/);
	});

	it("says why a store does not answer", async () => {
		// A folder cannot be made below a file.
		await start("health", `sqlite://${process.execPath}/energy.db`);
		const { payload, statusCode } = await ask();
		assert.equal(statusCode, 503);
		const { store: part } = payload.parts as { store: { status: string; detail: string } };
		assert.equal(payload.status, "failed");
		assert.equal(part.status, "failed");
		assert(part.detail.includes(process.execPath), part.detail);
	});

	it("survives a missing site, and says so", async () => {
		const flow = [{ id: "n", type: "energy-system", site: "nowhere", operation: "statistics", wires: [[]] }];
		await helper.load([nodeSet("energy-system")], flow);
		assert.match(await failure(), /site-missing/);
	});

	it("ships an example that imports without missing types", () => {
		const example = JSON.parse(readFileSync("examples/energy-system.json", "utf8")) as { type: string; z?: string }[];
		const known = new Set(["tab", "comment", "inject", "debug", "energy-site", "energy-system"]);
		assert.deepEqual(
			example.filter(({ type }) => !known.has(type)),
			[],
		);
		assert(example.every(({ type, z }) => type === "tab" || type === "energy-site" || z === "esys-tab"));
	});
});
