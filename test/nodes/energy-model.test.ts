import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Node, NodeMessage } from "node-red";
import { DAY, steadyReadings } from "../models/anomaly/machines.ts";
import { demoSite } from "./fake-site.ts";
import { next, nodeSet, useNodeRed } from "./harness.ts";
import { trainerOf, useModelHome } from "./model-home.ts";

type Payload = Record<string, unknown> & {
	id: string;
	state: string;
	problem: { title: string; detail: { ko: string } };
};
type Sent = NodeMessage & { payload: Payload; mine?: string; event?: string };
const flow = (nodes: object[]) => nodes as { id: string; type: string }[];
const last = (all: Sent[]): Payload => (all.at(-1) as Sent).payload;
const press = { task: "anomaly", machine: "press" };

describe("energy-model node", function () {
	this.timeout(60_000);
	const helper = useNodeRed();
	const at = useModelHome(demoSite);
	const load = (config: object = {}) =>
		helper.load(
			[at.site, nodeSet("energy-model")] as never,
			flow([
				{ id: "f", type: "tab" },
				{ id: "s", type: "energy-site" },
				{
					id: "n",
					z: "f",
					type: "energy-model",
					site: "s",
					operation: "from-message",
					wires: [["out"], ["events"]],
					...config,
				},
				...["out", "events"].map((id) => ({ id, z: "f", type: "helper" })),
			]),
		);
	const send = (operation: string, payload: unknown, rest: object = {}) =>
		helper.getNode("n").receive({ payload, operation, ...rest } as NodeMessage);
	let asked = 0;
	/** The first message that answers: trainings ordered before go on telling theirs. */
	const ask = async (operation: string, payload: unknown) => {
		const mine = `question ${++asked}`;
		const answered = gather("out", (msg) => msg.mine === mine);
		send(operation, payload, { mine });
		return last(await answered);
	};
	/** What the node refuses, by its code. */
	const refused = (operation: string, payload: unknown): Promise<string> =>
		new Promise((resolve) => {
			const node = helper.getNode("n") as Node & { error(error: unknown): void };
			node.error = (error: unknown) => resolve(String((error as { code?: string }).code));
			send(operation, payload);
		});
	/** Everything that reaches a helper node until the condition holds. */
	const gather = (id: string, until: (msg: Sent) => boolean): Promise<Sent[]> =>
		new Promise((resolve) => {
			const all: Sent[] = [];
			helper.getNode(id).on("input", (msg: unknown) => {
				all.push(msg as Sent);
				if (until(msg as Sent)) resolve(all);
			});
		});
	const writeHistory = (days: number) => {
		const now = Math.floor(Date.now() / 60_000) * 60_000;
		return at.store.write(steadyReadings("press", now - days * DAY * 60_000, days * DAY));
	};

	it("trains: the job at once, then each step with what the message carried, and events for the live feed", async () => {
		await writeHistory(2);
		await load();
		const answers = gather("out", ({ payload }) => payload.state === "done");
		const events = gather("events", ({ payload }) => payload.step === "done");
		send("train", { ...press, by: "kim" }, { mine: "kept" });
		const all = await answers;
		assert(all.every(({ mine }) => mine === "kept"));
		assert.equal(all[0]?.payload.id, "anomaly.demo.press.1");
		assert(["queued", "running"].includes(String(all[0]?.payload.state)));
		const { result, progress, by } = last(all);
		assert.deepEqual([(result as { promoted: boolean }).promoted, progress, by], [true, 1, "kim"]);
		const told = await events;
		assert.deepEqual([told[0]?.topic, told[0]?.event], ["event", "training"]);
		const steps = told.map(({ payload }) => payload.step);
		assert.deepEqual(steps.slice(0, 2), ["queued", "started"]);
		assert(steps.includes("progress"));
		const shares = told.map(({ payload }) => (payload.job as { progress: number }).progress);
		assert.deepEqual(
			shares,
			shares.toSorted((a, b) => a - b),
		);
	});

	it("lists, tells, promotes and rolls back; asked twice it does it once", async () => {
		await writeHistory(2);
		await load();
		for (const _ of [1, 2, 3]) {
			const over = gather("out", ({ payload }) => payload.state === "done");
			send("train", press);
			await over;
		}
		const { items } = (await ask("list", { status: "active" })) as unknown as { items: Payload[] };
		assert.deepEqual(
			items.map(({ id }) => id),
			["anomaly.demo.press.3"],
		);
		for (const key of ["metrics", "trainingWindow", "dataFingerprint", "rows"]) assert(items[0]?.[key], key);
		for (const _ of [1, 2]) {
			const back = await ask("roll-back", { model: "anomaly.demo.press.3", by: "kim" });
			assert.deepEqual([back.id, back.status, back.promotedBy], ["anomaly.demo.press.2", "active", "kim"]);
		}
		assert.equal((await ask("status", press)).id, "anomaly.demo.press.2");
		assert.equal(await refused("roll-back", { model: "anomaly.demo.press.1" }), "models.not-active");
		const event = next<Sent>("events");
		assert.equal((await ask("promote", press)).id, "anomaly.demo.press.3");
		assert.deepEqual([(await event).event, (await event).payload.step], ["model", "promoted"]);
		const status = await ask("status", { model: "anomaly.demo.press.3" });
		assert.equal((status.job as Payload).state, "done");
		assert((status.description as { inputs: string[] }).inputs.includes("powerGap"));
	});

	it("pages through the list", async () => {
		await load();
		const { registry } = trainerOf(at.home);
		const order = { kind: "anomaly-machine", options: null, seed: 1, reason: "asked" };
		for (const machine of ["b", "a", "c"]) {
			for (const _ of [1, 2]) {
				const { id } = await registry.begin({ task: "anomaly", site: "demo", machine }, order);
				await registry.fail(id, new Error("no"));
			}
		}
		await registry.begin({ task: "anomaly", site: "other", machine: "a" }, order);
		const seen: string[] = [];
		let cursor: string | undefined;
		do {
			const page = (await ask("list", { limit: 4, cursor })) as unknown as { items: Payload[]; nextCursor?: string };
			seen.push(...page.items.map(({ id }) => id.slice("anomaly.demo.".length)));
			cursor = page.nextCursor;
		} while (cursor);
		assert.deepEqual(seen, ["a.2", "a.1", "b.2", "b.1", "c.2", "c.1"]);
	});

	it("says in both languages why a training failed", async () => {
		await load();
		const over = gather("out", ({ payload }) => payload.state === "failed");
		send("train", press);
		const { problem } = last(await over);
		assert.equal(problem.title, "models.too-little-data");
		assert.match(problem.detail.ko, /부족/);
	});

	it("cancels what runs and what waits, and says so of what has ended", async () => {
		await writeHistory(20);
		await load();
		const job = await ask("train", { ...press, historyDays: 28 });
		assert.deepEqual([(await ask("train", press)).id], [job.id], "the same one, not a second");
		const cancelled = gather("out", ({ payload }) => payload.state === "cancelled");
		send("cancel", { job: job.id });
		const { state, problem } = last(await cancelled);
		assert.deepEqual([state, problem.title], ["cancelled", "models.cancelled"]);
		assert.equal((await ask("cancel", { job: job.id })).state, "cancelled", "again is the same");
		assert.deepEqual(((await ask("list", { status: "active" })) as unknown as { items: [] }).items, []);
		assert.equal(await refused("promote", { model: job.id }), "models.not-promotable");
	});

	it("names what is wrong with an order", async () => {
		await load({ mostWaiting: 1 });
		assert.equal(await refused("train", { machine: "press" }), "models.bad-input");
		assert.equal(await refused("train", { task: "weather", machine: "press" }), "models.task-unknown");
		assert.equal(await refused("train", { ...press, kind: "oracle" }), "models.kind-unknown");
		assert.equal(await refused("train", { ...press, machine: "nowhere" }), "models.machine-unknown");
		assert.equal(await refused("train", { ...press, historyDays: "many" }), "models.bad-input");
		assert.equal(await refused("list", { site: "elsewhere" }), "models.bad-input");
		assert.equal(await refused("list", { cursor: "nonsense" }), "api.cursor-unfit");
		assert.equal(await refused("status", { model: "../../etc/passwd" }), "models.unknown");
		assert.equal(await refused("status", { model: "anomaly.other.press.1" }), "models.unknown");
		assert.equal(await refused("cancel", { job: "anomaly.demo.press.7" }), "models.job-unknown");
		assert.equal(await refused("explode", {}), "models.bad-input");
	});

	it("survives a missing site and says so", async () => {
		await load({ site: "gone" });
		assert.equal(await refused("list", {}), "nodes.site-missing");
	});

	it("has an example that imports", () => {
		const example = JSON.parse(readFileSync(new URL("../../examples/energy-model.json", import.meta.url), "utf8")) as {
			id: string;
			type: string;
			z?: string;
			wires?: string[][];
		}[];
		const ids = new Set(example.map(({ id }) => id));
		assert(example.some(({ type }) => type === "energy-model"));
		for (const { type, z, wires } of example) {
			assert(type === "tab" || type === "energy-site" || (z && ids.has(z)));
			for (const to of (wires ?? []).flat()) assert(ids.has(to));
		}
	});
});
