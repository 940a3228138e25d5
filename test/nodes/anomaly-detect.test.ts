import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import type { NodeMessage } from "node-red";
import { toWire } from "../../lib/telemetry/reading.ts";
import { DAY, steadyReadings } from "../models/anomaly/machines.ts";
import { demoSite } from "./fake-site.ts";
import { next, nodeSet, useNodeRed } from "./harness.ts";
import { trainerOf, useModelHome } from "./model-home.ts";

type Sent = NodeMessage & { payload: Record<string, unknown> };
const flow = (nodes: object[]) => nodes as { id: string; type: string }[];

describe("anomaly-detect node", () => {
	const helper = useNodeRed();
	const at = useModelHome(demoSite);
	const load = (config: object = {}) =>
		helper.load(
			[at.site, nodeSet("anomaly-detect")] as never,
			flow([
				{ id: "f", type: "tab" },
				{ id: "s", type: "energy-site" },
				{ id: "n", z: "f", type: "anomaly-detect", site: "s", wires: [["scored"], ["alerts"], ["models"]], ...config },
				...["scored", "alerts", "models"].map((id) => ({ id, z: "f", type: "helper" })),
			]),
		);
	const send = (payload: unknown, rest: object = {}) =>
		helper.getNode("n").receive({ payload, ...rest } as NodeMessage);
	const reading = (powerKw: number, rest: object = {}) => ({
		...{ site: "demo", machine: "press", time: new Date().toISOString(), powerKw },
		...rest,
	});

	it("scores one reading by rules where there is no model, says so, and leaves the rest of the message alone", async () => {
		await load();
		const out = next<Sent>("scored");
		send(reading(55, { note: "mine" }), { topic: "t" });
		const { payload, topic } = await out;
		assert.equal(topic, "t");
		const { score, level, method, fallback, note, machine } = payload;
		assert.deepEqual(
			{ score, level, method, fallback, note, machine },
			{
				...{ score: 0.35, level: "normal", method: "rules", fallback: "no-model", note: "mine", machine: "press" },
			},
		);
	});

	it("alerts once when it lasts and once when it is over; an array stays an array", async () => {
		await load();
		const alerts: Sent[] = [];
		helper.getNode("alerts").on("input", (msg: unknown) => alerts.push(msg as Sent));
		const out = next<NodeMessage & { payload: { level: string }[] }>("scored");
		const time = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
		send([...[115, 115, 115, 115], ...[50, 50, 50, 50, 50]].map((kw, i) => reading(kw, { time: time(i) })));
		assert.deepEqual(
			(await out).payload.map(({ level }) => level).join(" "),
			"normal normal warning warning warning warning warning warning normal",
		);
		// What a node sends on its outputs arrives one after another.
		while (alerts.length < 2) await new Promise((resolve) => setImmediate(resolve));
		assert.deepEqual(
			alerts.map(({ payload, topic }) => [topic, payload.level, payload.previous, payload.time, payload.excessKw]),
			[
				["press", "warning", "normal", time(2), 5],
				["press", "normal", "warning", time(8), null],
			],
		);
	});

	it("takes thresholds of its own for a machine", async () => {
		await load({ powerThresholdKw: 500, machines: [{ machine: "press", powerThresholdKw: 40, warning: "" }] });
		const out = next<Sent>("scored");
		send(reading(40));
		assert.equal((await out).payload.score, 0.7);
	});

	it("learns from the store when asked, and judges by the model from then on", async function () {
		this.timeout(60_000);
		const now = Math.floor(Date.now() / 60_000) * 60_000;
		await at.store.write(steadyReadings("press", now - 3 * DAY * 60_000, 3 * DAY));
		await load();
		const events: string[] = [];
		const active = new Promise<void>((resolve) => {
			trainerOf(at.home).onEnded(() => resolve());
		});
		helper.getNode("models").on("input", (msg: unknown) => {
			const { payload } = msg as Sent;
			events.push(String(payload.event ?? payload.status));
		});
		send({ train: "press" });
		await active;
		const out = next<Sent>("scored");
		send(toWire(steadyReadings("press", now, 1)[0] as never));
		const { payload } = await out;
		assert.deepEqual([payload.method, payload.model], ["ensemble", "anomaly.demo.press.1"]);
		assert((payload.score as number) < 0.7, JSON.stringify(payload));
		assert.deepEqual(events.sort(), ["model-active", "training", "training-asked"]);
	});

	it("tells in words why a training failed, and rules go on", async () => {
		await load();
		const failed = new Promise<Sent>((resolve) => {
			helper.getNode("models").on("input", (msg: unknown) => {
				if ((msg as Sent).payload.event === "training-failed") resolve(msg as Sent);
			});
		});
		send({ train: "press" });
		const { payload } = await failed;
		assert.match(JSON.stringify(payload.detail), /too few to learn from.*규칙으로 감시/);
	});

	it("fails the message, not the flow, for what is no reading or where the site is missing", async () => {
		await load();
		const failure = () =>
			new Promise<{ firstArg: Error }>((resolve) => (helper.getNode("n") as EventEmitter).once("call:error", resolve));
		let error = failure();
		send([{ machine: "press" }]);
		assert.match(String((await error).firstArg), /store\.bad-reading/);
		await helper.unload();
		await load({ site: "nowhere" });
		error = failure();
		send(reading(1));
		assert.match(String((await error).firstArg), /nodes\.site-missing/);
	});

	it("has an example that imports", async () => {
		const example = JSON.parse(readFileSync("examples/anomaly-detect.json", "utf8")) as { type: string; z?: string }[];
		assert(example.some(({ type }) => type === "anomaly-detect"));
		assert(example.every(({ type, z }) => type === "tab" || type === "energy-site" || z === "ad-tab"));
	});
});
