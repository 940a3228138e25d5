import assert from "node:assert/strict";
import type { Node } from "node-red";
import { EnergyError } from "../../../lib/errors.ts";
import { settle } from "../../../nodes/asked.ts";
import { next, nodeSet, useNodeRed } from "../harness.ts";

interface Registered {
	node: Node;
	events: {
		beforeSend(msg: object): { payload: unknown };
		onInput(msg: object): void;
		onSocket?: Record<string, (socket: object, given: object, answer: (reply: object) => void) => void>;
	};
}

const delta = {
	type: "delta",
	site: "demo",
	seq: 2,
	time: "2026-11-22T10:00:01.000Z",
	totalKw: 12,
	totalQuality: "good",
	energyTodayKwh: 3,
	machines: [],
	flow: { readingsPerS: 1, rejectedPerMin: 0, silent: [], lastReadingTime: null },
};

describe("ui-energy node", () => {
	const helper = useNodeRed();
	const tab = { id: "f", type: "tab" };
	const card = (group: string) => ({ id: "n", type: "ui-energy", z: "f", card: "power-now", group });

	/** Stands where Dashboard 2.0's group and base stand, as far as a widget talks to them. */
	function dashboard(registered: Registered[], saved: object[], widgets = new Map<string, { src?: unknown }>()) {
		return (RED: {
			nodes: { createNode(node: Node, config: object): void; registerType(type: string, node: unknown): void };
		}) => {
			RED.nodes.registerType("ui-group", function (this: Node & Record<string, unknown>, config: object) {
				RED.nodes.createNode(this, config);
				this.getBase = () => ({
					stores: {
						data: { save: (_base: unknown, _node: unknown, msg: object) => saved.push(msg), get: () => undefined },
					},
					ui: { widgets },
				});
				this.register = (node: Node, _config: unknown, events: Registered["events"]) => {
					widgets.set(node.id, {});
					registered.push({ node, events });
				};
			});
		};
	}

	it("says what is missing where there is no dashboard, and stays alive", async () => {
		await helper.load(nodeSet("ui-energy"), [card("gone"), tab]);
		const node = helper.getNode("n") as Node & { status: { args: [{ text: string }][] }; error: { args: string[][] } };
		assert.equal(node.status.args[0]?.[0].text, "ui-energy.status.no-group");
		assert.equal(node.error.args.length, 1);
	});

	it("hands a page only what its card shows, and keeps the state for pages that open later", async () => {
		const registered: Registered[] = [];
		const saved: object[] = [];
		const flow = [{ id: "g", type: "ui-group" }, card("g"), tab];
		await helper.load([dashboard(registered, saved), nodeSet("ui-energy")], flow);
		const { events } = registered[0] as Registered;
		const sent = events.beforeSend({ payload: delta });
		assert.equal((sent.payload as { kind: string }).kind, "delta");
		events.onInput(sent);
		assert.deepEqual(Object.keys(saved[0] ?? {}), ["picture"]);

		// Dashboard fails on a message that is null, so what the card does not show becomes an empty one.
		const ignored = events.beforeSend({ payload: { type: "heartbeat", time: delta.time } });
		assert.deepEqual(ignored, { payload: null });
		events.onInput(ignored);
		assert.equal(saved.length, 1);
		assert.throws(() => events.beforeSend({ payload: "what" }), /nodes\.card-message/);
	});

	it("hands Dashboard's store a chart when the store answered, not with each live message", async () => {
		const registered: Registered[] = [];
		const saved: object[] = [];
		const flow = [{ id: "g", type: "ui-group" }, { ...card("g"), card: "load-24h" }, tab];
		await helper.load([dashboard(registered, saved), nodeSet("ui-energy")], flow);
		const { events } = registered[0] as Registered;
		const take = (payload: object) => events.onInput(events.beforeSend({ payload }));
		const at = (second: number) => new Date(Date.parse(delta.time) + second * 1000).toISOString();
		const line = { machine: "total", times: [at(-60), at(0)], values: [1, 2] };
		take({ measure: "powerKw", from: at(-86_400), to: at(0), items: [line] });
		take({ ...delta, time: at(1) });
		take({ ...delta, time: at(2) });
		assert.deepEqual(saved.map(Object.keys), [["load"], ["picture"], ["picture"]]);
		// The store's next answer is overdue: the chart goes on with what is known.
		take({ ...delta, time: at(180) });
		assert.deepEqual(Object.keys(saved.at(-1) ?? {}).sort(), ["load", "picture"]);
	});

	it("tells Dashboard where its bundle is, also in installations that Dashboard does not look into", async () => {
		const widgets = new Map<string, { src?: unknown }>();
		const flow = [{ id: "g", type: "ui-group" }, card("g"), tab];
		await helper.load([dashboard([], [], widgets), nodeSet("ui-energy")], flow);
		assert.deepEqual(widgets.get("n")?.src, {
			package: "@smartfactory/node-red-energy",
			name: "ui-energy",
			src: "ui-energy.js",
			component: "UIEnergy",
		});
	});

	it("sends what an operator presses down the wire, and tells the page what the next node made of it", async () => {
		const registered: Registered[] = [];
		const flow = [
			{ id: "g", type: "ui-group" },
			{ ...card("g"), card: "schedule-plan", wires: [["out"]] },
			{ id: "out", type: "helper", z: "f" },
			tab,
		];
		await helper.load([dashboard(registered, []), nodeSet("ui-energy")], flow);
		const { events } = registered[0] as Registered;
		const press = events.onSocket?.["smart-energy-act:n"];
		assert.ok(press);
		const socket = { data: { access: { user: "kim", role: "operator", language: "ko", requestId: "1" } } };
		const sent = next<{ topic: string; payload: object; by: string; asked: string }>("out");
		const reply = new Promise<object>((resolve) => {
			press(socket, { type: "approve", id: "plan-9" }, resolve);
		});
		const { topic, payload, by, asked } = await sent;
		assert.deepEqual({ topic, payload, by }, { topic: "approve", payload: { id: "plan-9" }, by: "kim" });
		settle({ asked }, new EnergyError("operation.plan-unknown", { plan: "plan-9" }));
		const { ok, message } = (await reply) as { ok: boolean; message: string };
		assert.equal(ok, false);
		assert.match(message, /plan-9.*없습니다/);
	});
});
