import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import type { NodeMessage } from "node-red";
import { demoSite, fakeSite } from "./fake-site.ts";
import { next, nodeSet, useNodeRed } from "./harness.ts";

const { markAccess } = createRequire(import.meta.url)("../../dist/lib/access/context.js");

type Sent = NodeMessage & Record<string, unknown>;
interface Validation {
	accepted: number;
	rejected: { index: number; field: string; detail: string }[];
}

function listOf<T>(msg: Sent | undefined): T[] {
	assert.ok(msg, "nothing was sent");
	return [msg.payload].flat() as T[];
}
function validationOf(msg: Sent | undefined): Validation {
	assert.ok(msg, "nothing was sent");
	return msg.validation as Validation;
}

/** The helper's types know no properties of our nodes. */
const flow = (nodes: object[]) => nodes as { id: string; type: string }[];

describe("sensor-validate node", () => {
	const helper = useNodeRed();
	const load = (config: object = {}, site = "s") =>
		helper.load(
			[fakeSite(demoSite()), nodeSet("sensor-validate")] as never,
			flow([
				{ id: "f", type: "tab" },
				{ id: "s", type: "energy-site" },
				{
					id: "n",
					z: "f",
					type: "sensor-validate",
					site,
					summaryS: 0,
					wires: [["valid"], ["rejected"], ["summary"]],
					...config,
				},
				...["valid", "rejected", "summary"].map((id) => ({ id, z: "f", type: "helper" })),
			]),
		);
	const reading = (rest: object = {}) => ({ machine: "press", time: new Date().toISOString(), powerKw: 42, ...rest });
	const send = (msg: object) => helper.getNode("n").receive(msg as NodeMessage);
	const failure = () =>
		new Promise<{ firstArg: Error }>((resolve) => {
			(helper.getNode("n") as EventEmitter).on("call:error", resolve);
		});
	/** Resolves when the node under test has called `done`, with what went out of each output. */
	async function outcome(msg: object) {
		const out: Record<string, Sent> = {};
		for (const id of ["valid", "rejected", "summary"])
			helper.getNode(id).on("input", (m) => {
				out[id] = m as never;
			});
		send(msg);
		await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
		return out;
	}

	it("gives one reading back as one, with its quality, and leaves other properties alone", async () => {
		await load();
		const out = await outcome({ payload: reading(), topic: "t", mine: 1 });
		assert.deepEqual(Object.keys(out), ["valid"]);
		const [taken] = listOf<{ site: string; quality: string }>(out.valid);
		assert.deepEqual([taken?.site, taken?.quality, out.valid?.mine, out.valid?.topic], ["demo", "good", 1, "t"]);
	});

	it("parts an array into valid readings and quarantine entries, both with the ingest tag", async () => {
		await load();
		const ingest = { source: "in", batch: 7 };
		const out = await outcome({ payload: [reading(), reading({ powerKw: "x" })], topic: "from/here", ingest });
		assert.equal(listOf(out.valid).length, 1);
		const [entry] = listOf<{ reason: string; source: string; payload: string; site: string }>(out.rejected);
		assert.ok(entry);
		assert.deepEqual([entry.reason, entry.source, entry.site], ["Bad_Malformed", "from/here", "demo"]);
		assert.match(entry.payload, /"powerKw":"x"/);
		assert.deepEqual([out.valid?.ingest, out.rejected?.ingest], [ingest, ingest]);
		assert.notEqual(out.valid, out.rejected);
		const { accepted, rejected } = validationOf(out.valid);
		assert.deepEqual([accepted, rejected[0]?.index, rejected[0]?.field], [1, 1, "powerKw"]);
	});

	it("sends nothing on an output that has nothing to say", async () => {
		await load();
		assert.deepEqual(Object.keys(await outcome({ payload: [{}] })), ["rejected"]);
	});

	it("reads what the core mqtt-in node gives, and takes the machine from the topic", async () => {
		await load();
		const { machine, ...anonymous } = reading();
		const out = await outcome({
			payload: Buffer.from(JSON.stringify(anonymous)),
			topic: `smartfactory/demo/hall/${machine}/telemetry`,
		});
		assert.equal(listOf<{ machine: string }>(out.valid)[0]?.machine, "press");
	});

	it("keeps malformed and far too long text out, and goes on", async () => {
		await load();
		assert.match(JSON.stringify((await outcome({ payload: '{"machine":' })).rejected?.payload), /not valid JSON/);
		const long = await outcome({ payload: Buffer.alloc(10_000_000, "x") });
		assert.match(JSON.stringify(long.rejected?.payload), /longer than/);
		assert.ok((await outcome({ payload: reading() })).valid);
	});

	it("fails a message of too many readings by name", async () => {
		await load();
		const error = failure();
		send({ payload: Array.from({ length: 50_001 }, () => ({})) });
		assert.match(String((await error).firstArg), /telemetry\.batch-too-large/);
	});

	it("fails the message, not the flow, where the site is missing", async () => {
		await load({}, "nowhere");
		const error = failure();
		send({ payload: reading() });
		assert.match(String((await error).firstArg), /nodes\.site-missing/);
	});

	describe("with a request", () => {
		const request = () => {
			const req = { method: "POST", url: "/api/v1/data/sensors?x=1", headers: {} } as IncomingMessage;
			markAccess(req, { user: "kim", role: "operator", language: "ko", requestId: "r1" });
			return req;
		};
		it("always goes on by the first output, in the caller's language; the quarantine has no request", async () => {
			await load();
			const out = await outcome({ payload: reading({ powerKw: 9e9 }), req: request(), res: {} });
			assert.deepEqual(out.valid?.payload, []);
			const { rejected } = validationOf(out.valid);
			assert.match(rejected[0]?.detail ?? "", /범위/);
			assert.ok(out.valid?.req && out.valid.res);
			assert.equal(out.rejected?.req, undefined);
			assert.match(JSON.stringify(out.rejected?.payload), /POST \/api\/v1\/data\/sensors r1/);
		});
		it("a dry run answers a verdict on every reading, quarantines nothing and remembers nothing", async () => {
			await load({ dryRun: true });
			const one = reading({ energyKwh: 5000 });
			const out = await outcome({ payload: [one, { ...one, powerKw: 1 }, 5], req: request(), res: {} });
			assert.equal(out.rejected, undefined);
			const [summary] = listOf<{ received: number; readings: { verdict: string }[] }>(out.summary);
			assert.ok(summary);
			const { readings, received } = summary;
			assert.equal(received, 3);
			assert.deepEqual(
				readings.map(({ verdict }) => verdict),
				["accepted", "rejected", "rejected"],
			);
			const again = await outcome({ payload: [{ ...one, powerKw: 1 }], req: request(), res: {} });
			assert.equal(listOf(again.valid).length, 1);
		});
	});

	it("sums up on its timer, with the machines that are silent", async () => {
		await load({ summaryS: 0.02 });
		send({ payload: [reading(), {}] });
		const { payload } = await next<NodeMessage & { payload: Record<string, unknown> }>("summary");
		assert.deepEqual([payload.received, payload.accepted, payload.rejected], [2, 1, 1]);
		assert.deepEqual(payload.silent, []);
	});
});
