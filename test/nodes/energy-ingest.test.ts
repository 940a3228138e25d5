import assert from "node:assert/strict";
import { createRequire } from "node:module";
import type { Node } from "node-red";
import type { QuarantineEntry } from "../../lib/store/store.ts";
import type { WireReading } from "../../lib/telemetry/reading.ts";
import type * as Settlement from "../../nodes/settlement.ts";
import { publisher, TestBroker, until } from "../support/mqtt.ts";
import { nodeSet, useNodeRed } from "./harness.ts";

const built = createRequire(import.meta.url);
const topic = "smartfactory/demo/melt-shop/furnace-1/telemetry";
const reading = (minute: number) => ({ time: `2026-11-22T10:${String(minute).padStart(2, "0")}:00Z`, powerKw: minute });

interface Batch {
	payload: unknown[];
	ingest?: { source: string; batch: number };
}

describe("energy-ingest node", () => {
	const helper = useNodeRed();
	const broker = new TestBroker();
	let readings: Batch[] = [];
	let unreadable: Batch[] = [];
	let settlement: typeof Settlement;

	before(async () => {
		settlement = built("../../dist/nodes/settlement.js");
		await broker.start();
	});
	after(() => broker.close());
	let test = 0;
	beforeEach(() => {
		test++;
	});

	/** Loads the node; each test has an id, and with it a session, of its own. */
	async function start(config: object = {}): Promise<string> {
		readings = [];
		unreadable = [];
		const id = `ingest-${test}`;
		const subscribed = broker.subscribed();
		const flow = [
			{ id: "f", type: "tab" },
			{
				id,
				type: "energy-ingest",
				mode: "store",
				broker: broker.url,
				protocol: "3.1.1",
				topic: "smartfactory/+/+/+/telemetry",
				wires: [["good"], ["bad"]],
				z: "f",
				...config,
			},
			{ id: "good", type: "helper", z: "f" },
			{ id: "bad", type: "helper", z: "f" },
		];
		await helper.load(nodeSet("energy-ingest"), flow);
		(helper.getNode("good") as Node).on("input", (msg) => readings.push(msg as Batch));
		(helper.getNode("bad") as Node).on("input", (msg) => unreadable.push(msg as Batch));
		await subscribed;
		return id;
	}

	const all = (batches: readonly Batch[]) => batches.flatMap((batch) => batch.payload);
	const acknowledgements = () => broker.acknowledged.filter((ack) => ack.clientId.startsWith("sf-")).length;
	async function publish(...payloads: (string | Buffer)[]): Promise<void> {
		const client = await publisher(broker.url);
		for (const payload of payloads) await client.publishAsync(topic, payload, { qos: 1 });
		await client.endAsync();
	}

	it("takes one reading or an array of them, and what they do not say from the topic", async () => {
		await start();
		await publish(
			JSON.stringify(reading(1)),
			JSON.stringify([reading(2), { ...reading(3), machine: "mill-1", site: "other" }]),
		);
		await until("three readings", () => all(readings).length === 3);
		assert.deepEqual(
			(all(readings) as WireReading[]).map(({ site, machine, powerKw }) => ({ site, machine, powerKw })),
			[
				{ site: "demo", machine: "furnace-1", powerKw: 1 },
				{ site: "demo", machine: "furnace-1", powerKw: 2 },
				{ site: "other", machine: "mill-1", powerKw: 3 },
			],
		);
	});

	it("gathers a burst into few messages", async () => {
		await start();
		const client = await publisher(broker.url);
		await Promise.all(
			Array.from({ length: 200 }, (_, minute) =>
				client.publishAsync(topic, JSON.stringify(reading(minute % 60)), { qos: 1 }),
			),
		);
		await client.endAsync();
		await until("200 readings", () => all(readings).length === 200);
		assert.ok(readings.length < 50, `${readings.length} messages`);
	});

	it("acknowledges a message only when all its readings are settled, whatever became of them", async () => {
		await start();
		const before = acknowledgements();
		await publish(JSON.stringify([reading(1), reading(2), 42]));
		await until("both outputs", () => all(readings).length === 2 && all(unreadable).length === 1);
		const tag = readings[0]?.ingest;
		assert.deepEqual(unreadable[0]?.ingest, tag);
		settlement.settle(structuredClone(tag), 2);
		await publish(JSON.stringify(reading(9)));
		await until("the second message", () => all(readings).length === 3);
		assert.equal(acknowledgements(), before, "two of three are not enough");
		settlement.settle(tag, 1);
		await until("the first is acknowledged", () => acknowledgements() === before + 1);
	});

	it("gets again, after a crash, what was not settled before it, and nothing else", async () => {
		await start();
		await publish(JSON.stringify(reading(1)));
		await until("the first", () => readings.length === 1);
		const before = acknowledgements();
		settlement.settle(readings[0]?.ingest, 1);
		await until("its acknowledgement", () => acknowledgements() === before + 1);
		await publish(JSON.stringify(reading(2)));
		await until("the second", () => readings.length === 2);
		await helper.unload();
		await publish(JSON.stringify(reading(3)));
		await start();
		await until("two come again", () => all(readings).length === 2);
		assert.deepEqual(
			(all(readings) as WireReading[]).map(({ powerKw }) => powerKw),
			[2, 3],
		);
	});

	it("gets again what the store failed to commit, after a pause", async () => {
		await start();
		await publish(JSON.stringify(reading(7)));
		await until("it came", () => readings.length === 1);
		settlement.unsettle(readings[0]?.ingest, new Error("disk full"));
		await until("it came again", () => readings.length === 2);
		const before = acknowledgements();
		settlement.settle(readings[0]?.ingest, 1);
		settlement.settle(readings[1]?.ingest, 1);
		await until("the second delivery is acknowledged", () => acknowledgements() === before + 1);
	});

	it("quarantines what is no JSON, no object or too large, with its topic, and goes on", async () => {
		await start({ maxKb: 64 });
		const before = acknowledgements();
		await publish("{broken", "7", Buffer.alloc(10 * 1024 * 1024, 0x20), JSON.stringify(reading(5)));
		await until("three rejected and one taken", () => all(unreadable).length === 3 && all(readings).length === 1);
		const entries = all(unreadable) as QuarantineEntry[];
		for (const entry of entries) {
			assert.equal(entry.source, topic);
			assert.equal(entry.machine, "furnace-1");
			assert.equal(entry.reason, "Bad_Malformed");
			assert.ok(entry.payload.length <= 4096);
		}
		assert.match(entries.map((entry) => entry.detail).join("\n"), /no JSON[\s\S]*something else[\s\S]*10485760 bytes/);
		for (const batch of [...readings, ...unreadable]) settlement.settle(batch.ingest, batch.payload.length);
		await until("all four are acknowledged", () => acknowledgements() === before + 4);
	});

	it("acknowledges an empty message, which only deletes a retained one", async () => {
		await start();
		const before = acknowledgements();
		await publish("");
		await until("it is acknowledged", () => acknowledgements() === before + 1);
	});

	it("comes back by itself when the broker was away", async () => {
		await start();
		await broker.stop();
		const subscribed = broker.subscribed();
		await broker.start();
		await subscribed;
		await publish(JSON.stringify(reading(8)));
		await until("a reading", () => all(readings).length === 1);
	});

	it("looks on without acknowledging in follow mode", async () => {
		await start({ mode: "follow" });
		const before = acknowledgements();
		await publish(JSON.stringify(reading(4)));
		await until("a reading", () => all(readings).length === 1);
		assert.equal(readings[0]?.ingest, undefined);
		assert.equal(acknowledgements(), before);
	});

	it("says so when there is no broker, and does not stop the flow", async () => {
		const flow = [
			{ id: "f", type: "tab" },
			{ id: "n", type: "energy-ingest", mode: "store", broker: "mqtt://127.0.0.1:1", wires: [[], []], z: "f" },
		];
		await helper.load(nodeSet("energy-ingest"), flow);
		const node = helper.getNode("n") as Node & { status: { args: [{ fill: string; text: string }][] } };
		await until("a red ring", () => node.status.args.some(([status]) => status.fill === "red"));
	});
});
