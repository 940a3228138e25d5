import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import type { Site } from "../../lib/telemetry/site.ts";
import { plantContract } from "../lib/cost/contract.ts";
import { demoSite, fakeSite } from "./fake-site.ts";
import { next, nodeSet, useNodeRed } from "./harness.ts";

interface Sent<T> extends NodeMessage {
	payload: T;
	topic: string;
	event?: string;
}
interface State {
	state: string;
	predictedKw: number | null;
	limitKw: number | null;
	levels: { kind: string; kw: number }[];
	shedKw: number;
	text: Record<string, string>;
}

const site = (): Site => ({
	...demoSite(),
	machines: [
		{ id: "main", name: "Main meter", area: "hall", role: "main", ratedKw: 500 },
		{ id: "oven", name: "Oven", area: "hall", role: "sub", ratedKw: 80, controllable: true },
		{ id: "press", name: "Press", area: "hall", role: "sub", ratedKw: 100 },
	],
});
const oven = { machine: "oven", kw: "80", priority: "1", minOnS: "0", minOffS: "0", stepsKw: "" };

/** An energy-site whose store knows only what a test gives it. */
function siteWithStore(of: Site, store: object): (RED: NodeAPI) => void {
	return (RED) => {
		RED.nodes.registerType("energy-site", function (this: Node & { site?: Site; store?: unknown }, config: NodeDef) {
			RED.nodes.createNode(this, config);
			this.site = of;
			this.store = async () => store;
		});
	};
}

describe("demand-guard node", () => {
	const helper = useNodeRed();
	let userDir: string;
	beforeEach(() => {
		userDir = mkdtempSync(join(tmpdir(), "demand-guard-"));
		helper.settings({ userDir } as never);
	});
	afterEach(() => rmSync(userDir, { recursive: true, force: true }));

	const load = (config: object = {}, of = site(), readings?: (query: { machine: string }) => Promise<object>) =>
		helper.load(
			[readings ? siteWithStore(of, { readings }) : fakeSite(of), nodeSet("demand-guard")] as never,
			[
				{ id: "f", type: "tab" },
				{ id: "s", type: "energy-site" },
				{
					...{ id: "n", z: "f", type: "demand-guard", site: "s", limitKind: "target", limitKw: "300", lockoutS: "0" },
					...{ silentPolicy: "hold", loads: [oven], dryRun: false },
					...{ wires: [["state"], ["commands"], ["events"], ["answers"]] },
					...config,
				},
				...["state", "commands", "events", "answers"].map((id) => ({ id, z: "f", type: "helper" })),
			] as { id: string; type: string }[],
		);
	const send = (msg: object) => helper.getNode("n").receive(msg as NodeMessage);
	const reading = (machine: string, powerKw: number) => ({ machine, time: new Date().toISOString(), powerKw });
	/** The failure of a message; what the constructor said before is a text. */
	const failure = () =>
		new Promise<{ firstArg: Error }>((resolve) => {
			(helper.getNode("n") as EventEmitter).on("call:error", (call: { firstArg: unknown }) => {
				if (call.firstArg instanceof Error) resolve(call as { firstArg: Error });
			});
		});

	it("tells the state of the quarter-hour, in numbers and in words", async () => {
		await load();
		const state = next<Sent<State>>("state");
		send({ payload: [reading("main", 240), reading("oven", 80), reading("press", 100)] });
		const { topic, payload } = await state;
		assert.equal(topic, "demand");
		assert.equal(payload.limitKw, 300);
		assert.deepEqual(payload.levels, [{ kind: "target", kw: 300 }]);
		assert.match(payload.text.ko ?? "", /15분 수요전력/);
	});

	it("sends a command that a machine understands, on its topic", async () => {
		await load();
		const command = next<Sent<{ machine: string; command: string; text: Record<string, string> }>>("commands");
		const event = next<Sent<{ code: string }>>("events");
		send({ payload: [reading("oven", 80), reading("main", 420)] });
		const { topic, payload } = await command;
		assert.equal(topic, "smartfactory/demo/hall/oven/command");
		assert.deepEqual([payload.machine, payload.command], ["oven", "stop"]);
		assert.match(payload.text["en-US"] ?? "", /limit 300 kW/);
		const { topic: kind, event: name } = await event;
		assert.deepEqual([kind, name], ["event", "demand.limit-ahead"]);
	});

	it("only advises until it is told to act", async () => {
		await load({ dryRun: undefined });
		helper.getNode("commands").on("input", () => assert.fail("a command left"));
		const seen: string[] = [];
		const advised = new Promise<Sent<{ text: Record<string, string> }>>((resolve) => {
			helper.getNode("events").on("input", (msg) => {
				const event = msg as Sent<{ text: Record<string, string> }>;
				seen.push(event.event ?? "");
				if (event.event === "demand.shed") resolve(event);
			});
		});
		send({ payload: [reading("oven", 80), reading("main", 420)] });
		assert.match((await advised).payload.text["en-US"] ?? "", /^Advice: shed oven/);
	});

	it("answers with the state when asked, and leaves the message's other properties alone", async () => {
		await load();
		send({ payload: reading("main", 100) });
		await next("state");
		const answer = next<Sent<State> & { mine?: number }>("answers");
		send({ topic: "status", mine: 1 });
		const { payload, mine } = await answer;
		assert.deepEqual([mine, payload.limitKw], [1, 300]);
	});

	it("remembers over a restart what it has shed", async () => {
		await load();
		const commanded = next("commands");
		send({ payload: [reading("oven", 80), reading("main", 420)] });
		await commanded;
		await helper.unload();
		const [file] = readdirSync(join(userDir, "state"));
		assert.equal(file, "demand-guard-n.json");
		assert.equal(JSON.parse(readFileSync(join(userDir, "state", file), "utf8")).version, 1);
		await load();
		const state = next<Sent<State>>("state");
		send({ payload: reading("main", 300) });
		assert.equal((await state).payload.shedKw, 80);
	});

	it("lets its loads go when it is deleted, and leaves nothing behind", async () => {
		await load();
		const commanded = next("commands");
		send({ payload: [reading("oven", 80), reading("main", 420)] });
		await commanded;
		const released = next<Sent<{ machine: string; command: string }>>("commands");
		await (helper.getNode("n") as unknown as { close(removed: boolean): Promise<void> }).close(true);
		const { payload } = await released;
		assert.deepEqual([payload.machine, payload.command], ["oven", "release"]);
		assert.deepEqual(readdirSync(join(userDir, "state")), []);
	});

	it("asks the store what happened in the quarter-hour before it started", async () => {
		const startMs = Math.floor(Date.now() / 900_000) * 900_000 - 60_000;
		const items = Array.from({ length: 200 }, (_, k) => ({
			...{ site: "demo", machine: "main", timeMs: startMs + k * 5000, powerKw: 100 },
		})).filter(({ timeMs }) => timeMs <= Date.now());
		await load({}, site(), async ({ machine }: { machine: string }) => ({ items: machine === "main" ? items : [] }));
		const state = next<Sent<State & { partial: boolean }>>("state");
		send({ payload: reading("main", 100) });
		const { partial, predictedKw } = (await state).payload;
		assert.equal(partial, false);
		assert.ok(Math.abs((predictedKw ?? 0) - 100) < 0.1);
	});

	it("says what is wrong with its settings, and survives", async () => {
		await load({ limitKw: "" });
		const failed = failure();
		send({ payload: reading("main", 100) });
		assert.match(String((await failed).firstArg), /demand\.config-invalid.*limit\.kw/);
	});

	it("refuses a load that the site does not let be commanded", async () => {
		await load({ loads: [{ ...oven, machine: "press" }] });
		const failed = failure();
		send({ payload: reading("main", 100) });
		assert.match(String((await failed).firstArg), /demand\.config-invalid.*press.*oven/);
	});

	it("needs a tariff where the limit follows the bill", async () => {
		await load({ limitKind: "bill" });
		const failed = failure();
		send({ payload: reading("main", 100) });
		assert.match(String((await failed).firstArg), /demand\.no-tariff/);
	});

	it("prices the quarter-hour under a tariff", async () => {
		const given = { tariff: "kepco/industrial-b/high-a/II", contractKw: "500", limitKind: "bill", limitKw: "" };
		await load(given);
		const state = next<Sent<State & { price: { krw: number; reason: string } }>>("state");
		send({ payload: reading("main", 100) });
		const { krw, reason } = (await state).payload.price;
		assert.equal(krw, 0, "below 30 % of the contract a kW never costs");
		assert.match(reason, /^(covered|not-counted)$/);
	});

	it("fails a message that holds no readings, not the flow", async () => {
		await load();
		const failed = failure();
		send({ payload: "hello" });
		assert.match(String((await failed).firstArg), /demand\.not-readings/);
	});

	it("survives a missing site", async () => {
		await load({ site: "none" });
		const failed = failure();
		send({ payload: reading("main", 100) });
		assert.match(String((await failed).firstArg), /nodes\.site-missing/);
	});

	it("takes tariff and contract demand of the site where it is told to", async () => {
		const priced = (RED: NodeAPI): void => {
			RED.nodes.registerType(
				"energy-site",
				function (this: Node & { site?: Site; contract?: unknown }, config: NodeDef) {
					RED.nodes.createNode(this, config);
					this.site = site();
					this.contract = () => plantContract({ contractKw: 640 });
				},
			);
		};
		await helper.load(
			[priced, nodeSet("demand-guard")] as never,
			[
				{ id: "f", type: "tab" },
				{ id: "s", type: "energy-site" },
				{
					...{
						id: "n",
						z: "f",
						type: "demand-guard",
						site: "s",
						limitKind: "contract",
						contractKw: "",
						tariff: "site",
					},
					...{ loads: [], dryRun: true, wires: [["state"]] },
				},
				{ id: "state", z: "f", type: "helper" },
			] as { id: string; type: string }[],
		);
		const said = next<Sent<State>>("state");
		send({ payload: [reading("main", 100)] });
		assert.ok((await said).payload.levels.some(({ kind, kw }) => kind === "contract" && kw === 640));
	});
});
