import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { type Broker, startBroker } from "../../../lib/broker/broker.ts";
import { Deliveries } from "../../../lib/broker/deliveries.ts";
import { Spool } from "../../../lib/broker/spool.ts";
import { until } from "../../flows/system.ts";

const credentials = { username: "plant", password: "secret-for-tests" };
/** A file may go between being listed and being looked at. */
const bytesIn = (folder: string): number =>
	readdirSync(folder)
		.map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0)
		.reduce((sum, size) => sum + size, 0);

/** A disk that is full in the middle of what is written meanwhile. */
async function stoppingShort<T>(folder: string, work: () => Promise<T>): Promise<T> {
	const handle = await open(folder, "r");
	const files: { write: (this: FileHandle, bytes: Buffer) => Promise<unknown> } = Object.getPrototypeOf(handle);
	await handle.close();
	const { write } = files;
	files.write = async function (bytes) {
		await write.call(this, bytes.subarray(0, bytes.length - 3));
		throw Object.assign(new Error("no space"), { code: "ENOSPC" });
	};
	try {
		return await work();
	} finally {
		files.write = write;
	}
}

describe("the embedded broker with a spool", () => {
	let folder: string;
	let broker: Broker;
	const clients: MqttClient[] = [];

	beforeEach(async () => {
		folder = mkdtempSync(join(tmpdir(), "spool-"));
		broker = await startBroker({ port: 0, ...credentials, spoolFolder: folder });
	});
	afterEach(async () => {
		await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
		await broker.close();
		rmSync(folder, { recursive: true, force: true });
	});

	async function enter(options: IClientOptions = {}): Promise<MqttClient> {
		const client = await mqtt.connectAsync(broker.url, { ...credentials, reconnectPeriod: 0, ...options });
		clients.push(client);
		return client;
	}
	/** A lasting session, and what it got. */
	async function lasting(): Promise<{ got: string[]; client: MqttClient }> {
		const client = await enter({ clean: false, clientId: "plant-store" });
		const got: string[] = [];
		client.on("message", (_topic, payload) => got.push(payload.toString()));
		await client.subscribeAsync("t/#", { qos: 1 });
		return { got, client };
	}
	/** As a crash would: the thread is gone, the files stay. */
	async function restart(options: { graceMs?: number } = {}): Promise<void> {
		for (const client of clients.splice(0)) client.end(true);
		await broker.close();
		broker = await startBroker({ port: 0, ...credentials, spoolFolder: folder, ...options });
	}
	const onDisk = (): number => bytesIn(folder);

	it("keeps what it acknowledged until a lasting session has it, over a restart", async () => {
		const publisher = await enter();
		for (const text of ["one", "two", "three"]) await publisher.publishAsync("t/a", text, { qos: 1 });
		await restart();
		const { got } = await lasting();
		await until(
			() => got.length === 3,
			() => `got ${got}`,
		);
		assert.deepEqual(got, ["one", "two", "three"]);
	});

	it("forgets what was delivered, and what nobody lasting wants", async () => {
		await restart({ graceMs: 50 });
		const { got } = await lasting();
		const publisher = await enter();
		await publisher.publishAsync("t/a", "wanted", { qos: 1 });
		await publisher.publishAsync("other", "unwanted", { qos: 1 });
		await until(
			() => got.length === 1 && onDisk() === 0,
			() => `${onDisk()} bytes on disk`,
		);
		await restart();
		const again = await lasting();
		await (await enter()).publishAsync("t/a", "later", { qos: 1 });
		await until(
			() => again.got.length === 1,
			() => `got ${again.got}`,
		);
		assert.deepEqual(again.got, ["later"]);
	});

	it("keeps it for the session that wants it, whoever comes first after a restart", async () => {
		await (await enter()).publishAsync("t/a", "for the store", { qos: 1 });
		await restart();
		const machine = await enter({ clean: false, clientId: "machine" });
		await machine.subscribeAsync("commands/machine", { qos: 1 });
		const { got } = await lasting();
		await until(
			() => got.length === 1,
			() => "nothing came",
		);
		assert.deepEqual(got, ["for the store"]);
	});

	it("owes nothing to a session whose subscriptions overlap, once it has acknowledged", async () => {
		await restart({ graceMs: 50 });
		const { got, client } = await lasting();
		await client.subscribeAsync(["t/+", "t/a"], { qos: 1 });
		await (await enter()).publishAsync("t/a", "once", { qos: 1 });
		await until(
			() => got.length === 1 && onDisk() === 0,
			() => `got ${got}, ${onDisk()} bytes on disk`,
		);
	});

	it("keeps what a session that is away has not acknowledged", async () => {
		const { client } = await lasting();
		await client.endAsync(true);
		clients.splice(clients.indexOf(client), 1);
		await (await enter()).publishAsync("t/a", "waits", { qos: 1 });
		await restart();
		const { got } = await lasting();
		await until(
			() => got.length === 1,
			() => "nothing came",
		);
		assert.deepEqual(got, ["waits"]);
	});

	it("carries every quality of service as before", async () => {
		const { got } = await lasting();
		const publisher = await enter();
		for (const qos of [0, 1, 2] as const) await publisher.publishAsync("t/q", `qos ${qos}`, { qos });
		await until(
			() => got.length === 3,
			() => `got ${got}`,
		);
	});
});

describe("what a spool still owes", () => {
	let folder: string;
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "spool-"));
	});
	afterEach(() => rmSync(folder, { recursive: true, force: true }));
	const message = (payload: string, topic = "t/a") => ({
		...{ topic, payload: Buffer.from(payload), qos: 1 as const, retain: false },
	});
	const wide = { maxMessages: 100, maxBytes: 1_000_000 };
	const texts = (messages: readonly { payload: Buffer }[]) => messages.map(({ payload }) => payload.toString());
	const again = () => new Spool(folder).left.map(({ message: { payload } }) => payload.toString());

	it("is over for what was written and never published: its publisher was gone before the acknowledgement", async () => {
		const deliveries = new Deliveries(new Spool(folder), wide, 0);
		deliveries.subscribed(["t/#"], 0);
		deliveries.sweep(1);
		await deliveries.accept(message("x".repeat(5 * 1024 * 1024)), 0);
		deliveries.sweep(59_000);
		assert.equal(again().length, 1);
		deliveries.sweep(60_000);
		await until(
			() => bytesIn(folder) === 0,
			() => readdirSync(folder).join(),
		);
	});

	it("goes to each session that comes in time, and then to none", async () => {
		const first = new Spool(folder);
		for (const each of [message("one"), message("two", "u/b"), message("three", "u/c/d")]) await first.append(each);
		const deliveries = new Deliveries(new Spool(folder), wide, 1_000);
		assert.deepEqual(texts(deliveries.subscribed(["commands/+"], 0)), []);
		assert.deepEqual(texts(deliveries.subscribed(["t/+", "u/b"], 500)), ["one", "two"]);
		deliveries.sweep(1_000);
		assert.deepEqual(texts(deliveries.subscribed(["#"], 1_000)), []);
	});

	it("is bounded in bytes as in number while nobody comes", async () => {
		const deliveries = new Deliveries(new Spool(folder), { maxMessages: 3, maxBytes: 100 }, 1_000);
		for (const [text, bytes] of [
			["a", 10],
			["b", 10],
			["c", 10],
			["d", 10],
			["e", 95],
		] as const) {
			const sent = message(text.repeat(bytes));
			await deliveries.accept(sent, 0);
			deliveries.published(sent);
		}
		assert.deepEqual(texts(deliveries.subscribed(["#"], 0)), ["e".repeat(95)]);
		assert.equal(deliveries.dropped, 4);
	});
});

describe("the spool's files", () => {
	let folder: string;
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "spool-"));
	});
	afterEach(() => rmSync(folder, { recursive: true, force: true }));
	const message = (text: string) => ({ topic: "t/a", payload: Buffer.from(text), qos: 1 as const, retain: false });

	it("give back what was whole where the last record was cut off", async () => {
		const spool = new Spool(folder);
		await Promise.all(["one", "two", "three"].map((text) => spool.append(message(text))));
		const [name = ""] = readdirSync(folder);
		writeFileSync(join(folder, name), readFileSync(join(folder, name)).subarray(0, -2));
		const texts = new Spool(folder).left.map(({ message: { payload } }) => payload.toString());
		assert.deepEqual(texts, ["one", "two"]);
	});

	for (const [what, rest] of [
		["zeros", Buffer.alloc(4096)],
		[
			"what the disk held before",
			Buffer.from("\u0005\u0000\u0000\u0000\u0003\u0000\u0001t/xyz".repeat(40), "latin1").reverse(),
		],
	] as const) {
		it(`end at the last whole record, where a power cut left ${what} behind it`, async () => {
			const spool = new Spool(folder);
			await Promise.all(["one", "two"].map((text) => spool.append(message(text))));
			appendFileSync(join(folder, readdirSync(folder)[0] ?? ""), rest);
			const { left } = new Spool(folder);
			assert.deepEqual(
				left.map(({ message: { payload } }) => payload.toString()),
				["one", "two"],
			);
		});
	}

	it("give nothing back from a record whose bytes changed on", async () => {
		const spool = new Spool(folder);
		await Promise.all(["one", "two", "three"].map((text) => spool.append(message(text))));
		const path = join(folder, readdirSync(folder)[0] ?? "");
		const bytes = readFileSync(path);
		bytes[bytes.indexOf("two")] = 0;
		writeFileSync(path, bytes);
		assert.deepEqual(
			new Spool(folder).left.map(({ message: { payload } }) => payload.toString()),
			["one"],
		);
	});

	it("take records that were written without a checksum", () => {
		const bytes = Buffer.from("\u0006\u0000\u0000\u0000\u0003\u0000\u0001t/aone", "latin1");
		writeFileSync(join(folder, "0000000001.spool"), bytes);
		const [{ message: found } = assert.fail("nothing")] = new Spool(folder).left;
		assert.deepEqual([found.topic, found.payload.toString(), found.qos], ["t/a", "one", 1]);
	});

	it("never put a promise behind half a record: after a write that failed they go on in another file", async () => {
		const spool = new Spool(folder);
		await spool.append(message("first"));
		const [name = ""] = readdirSync(folder);
		await assert.rejects(
			stoppingShort(folder, () => spool.append(message("half"))),
			{ code: "ENOSPC" },
		);
		await spool.append(message("second"));
		assert(readdirSync(folder).some((other) => other !== name));
		const texts = new Spool(folder).left.map(({ message: { payload } }) => payload.toString());
		assert.deepEqual(texts, ["first", "second"]);
	});

	it("go when all of theirs was delivered, one after the other", async () => {
		const spool = new Spool(folder);
		const large = message("x".repeat(1024 * 1024));
		const entries = [];
		for (let i = 0; i < 10; i++) entries.push(await spool.append(large));
		assert(readdirSync(folder).length > 1);
		for (const entry of entries) spool.settle(entry);
		await until(
			() => bytesIn(folder) === 0,
			() => readdirSync(folder).join(),
		);
	});

	it("say what went wrong with the disk to who wanted to write", async () => {
		const spool = new Spool(folder);
		rmSync(folder, { recursive: true });
		await assert.rejects(spool.append(message("lost")), { code: "ENOENT" });
	});
});
