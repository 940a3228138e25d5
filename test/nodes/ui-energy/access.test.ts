import assert from "node:assert/strict";
import type { Node } from "node-red";
import type { AccessContext } from "../../../lib/access/context.ts";
import { mayUseWidget } from "../../../lib/access/widget-rights.ts";
import { deviceOf } from "../../../nodes/ui-energy/ui/access/device.ts";
import { diffOf, linesOf } from "../../../nodes/ui-energy/ui/access/diff.ts";
import { nodeSet, useNodeRed } from "../harness.ts";

describe("what the audit shows of a change", () => {
	it("is what differs, part by part, and nothing else", () => {
		const before = { role: "viewer", sites: { pohang: "viewer" }, tags: [], name: "kim" };
		const after = { role: "operator", sites: { gwangyang: "admin" }, tags: [], name: "kim" };
		assert.deepEqual(diffOf(before, after), [
			{ path: "role", before: "viewer", after: "operator" },
			{ path: "sites.pohang", before: "viewer", after: undefined },
			{ path: "sites.gwangyang", before: undefined, after: "admin" },
		]);
	});

	it("is all of what was made, or removed, and the plain value of what has no parts", () => {
		assert.deepEqual(diffOf(null, { limitKw: 1250, on: false }), [
			{ path: "limitKw", before: undefined, after: "1250" },
			{ path: "on", before: undefined, after: "false" },
		]);
		assert.deepEqual(diffOf({ a: null }, null), [{ path: "a", before: "null", after: undefined }]);
		const sites = { path: "sites.demo", before: undefined, after: "viewer" };
		assert.deepEqual(diffOf({ sites: {} }, { sites: { demo: "viewer" } }), [sites]);
		assert.deepEqual(diffOf({ sites: {} }, null), [{ path: "sites", before: "{}", after: undefined }]);
		assert.deepEqual(diffOf(1100, 1250), [{ path: "", before: "1100", after: "1250" }]);
		assert.deepEqual(diffOf(null, null), []);
	});

	it("stays readable where an imported flow has thousands of parts, or nests without end", () => {
		const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`part${n}`, n]));
		assert.equal(diffOf(null, wide).length, 200);
		let deep: object = { end: 1 };
		for (let level = 0; level < 50; level++) deep = { deep };
		const [line, ...others] = diffOf(null, deep);
		assert.deepEqual([line?.path.split(".").length, others.length], [6, 0]);
		assert.deepEqual(linesOf({ id: "a" }), [["id", "a"]]);
	});
});

describe("a sign-in", () => {
	for (const [agent, device] of [
		[
			"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
			"Edge, Windows",
		],
		["Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Whale/4.1 Safari/537.36", "Whale, Windows"],
		[
			"Mozilla/5.0 (Linux; Android 15; SM-S921N) AppleWebKit/537.36 SamsungBrowser/28.0 Chrome/130 Safari/537.36",
			"Samsung Internet, Android",
		],
		[
			"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Mobile Safari/604",
			"Safari, iOS",
		],
		["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"],
		["curl/8.14.1", "curl"],
		["", ""],
	] as const) {
		it(`of ${agent || "a program without a name"} is told as "${device}"`, () => assert.equal(deviceOf(agent), device));
	}
});

describe("cards of access", () => {
	const helper = useNodeRed();
	const who = (role: AccessContext["role"], sites: AccessContext["sites"] = {}): AccessContext => ({
		...{ user: "kim", role, sites },
		...{ language: "en-US", requestId: "s" },
	});

	it("are told to administrators of the whole alone, act over no socket, and know the sites; one's own account is everybody's", async () => {
		const registered: { id: string; config: { sites?: object[] }; events: { onSocket?: object } }[] = [];
		const dashboard = (RED: {
			nodes: { createNode(node: Node, config: object): void; registerType(type: string, node: unknown): void };
		}) => {
			RED.nodes.registerType("ui-group", function (this: Node & Record<string, unknown>, config: object) {
				RED.nodes.createNode(this, config);
				this.getBase = () => ({ stores: { data: { get: () => undefined } }, ui: { widgets: new Map() } });
				this.register = (node: Node, given: { sites?: object[] }, events: { onSocket?: object }) =>
					registered.push({ id: node.id, config: given, events });
			});
			RED.nodes.registerType("energy-site", function (this: Node, config: object) {
				RED.nodes.createNode(this, config);
			});
		};
		const cards = ["access-users", "access-keys", "access-audit", "account"];
		const flow = [
			{ id: "g", type: "ui-group" },
			{ id: "s", type: "energy-site", siteId: "gwangyang", name: "광양" },
			...cards.map((card) => ({ id: `n-${card}`, type: "ui-energy", z: "f", card, group: "g" })),
			{ id: "f", type: "tab" },
		];
		await helper.load([dashboard, nodeSet("ui-energy")], flow);
		assert.deepEqual(
			registered.map(({ id }) => id.slice(2)),
			cards,
		);
		for (const { id, config, events } of registered) {
			assert.equal(events.onSocket, undefined, id);
			assert.deepEqual(config.sites, [{ id: "gwangyang", name: "광양" }]);
			assert.ok(mayUseWidget(who("admin"), id, "viewer"));
			for (const other of [who("viewer"), who("engineer"), who(null, { gwangyang: "admin" })]) {
				assert.equal(mayUseWidget(other, id, "viewer"), id === "n-account", id);
			}
		}
	});
});
