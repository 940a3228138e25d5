import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as tcp } from "node:net";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { type Broker, startBroker } from "../../../lib/broker/broker.ts";
import type { EnergyError } from "../../../lib/errors.ts";

const credentials = { username: "plant", password: "secret-for-tests" };

describe("embedded broker", () => {
	let broker: Broker;
	const refusals: EnergyError[] = [];
	const clients: MqttClient[] = [];

	before(async () => {
		broker = await startBroker({ port: 0, ...credentials, onRefusal: (reason) => refusals.push(reason) });
	});
	after(() => broker.close());
	afterEach(async () => {
		await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
	});

	async function join(options: IClientOptions = {}): Promise<MqttClient> {
		const client = await mqtt.connectAsync(broker.url, { ...credentials, reconnectPeriod: 0, ...options });
		clients.push(client);
		return client;
	}
	const until = async (what: () => boolean | Promise<boolean>): Promise<void> => {
		while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 10));
	};
	const collect = (client: MqttClient): string[] => {
		const got: string[] = [];
		client.on("message", (_topic, payload) => got.push(payload.toString()));
		return got;
	};

	it("lets in who knows user name and password, and nobody else", async () => {
		await join();
		const before = (await broker.stats()).unauthorized;
		for (const wrong of [
			{ username: undefined, password: undefined },
			{ username: "plant", password: "secret-for-test" },
			{ username: "plan", password: "secret-for-tests" },
		]) {
			await assert.rejects(join(wrong), { code: 4 });
		}
		assert.equal((await broker.stats()).unauthorized, before + 3);
	});

	it("answers a client of MQTT 5 that it speaks 3.1.1", async () => {
		await assert.rejects(join({ protocolVersion: 5 }), /Unacceptable protocol version|Connection refused/i);
		await join({ protocolVersion: 4 });
	});

	it("carries messages at QoS 0, 1 and 2", async () => {
		const [subscriber, publisher] = [await join(), await join()];
		const got = collect(subscriber);
		await subscriber.subscribeAsync("q/#", { qos: 2 });
		for (const qos of [0, 1, 2] as const) await publisher.publishAsync(`q/${qos}`, String(qos), { qos });
		await until(() => got.length === 3);
		assert.deepEqual(got.sort(), ["0", "1", "2"]);
	});

	it("keeps messages for a persistent session that is away", async () => {
		const session = { clientId: "away", clean: false };
		const first = await join(session);
		await first.subscribeAsync("away/#", { qos: 1 });
		await first.endAsync();
		const publisher = await join();
		for (let n = 0; n < 500; n++) await publisher.publishAsync("away/x", String(n), { qos: 1 });
		const again = mqtt.connect(broker.url, { ...credentials, ...session, reconnectPeriod: 0 });
		clients.push(again);
		const got = collect(again);
		await until(() => got.length === 500);
		assert.deepEqual(
			got,
			Array.from({ length: 500 }, (_, n) => String(n)),
			"in the order they were published",
		);
		await until(async () => (await broker.stats()).waiting === 0);
	});

	it("delivers again what a persistent session did not acknowledge", async () => {
		const session = { clientId: "forgetful", clean: false };
		const first = await join(session);
		const held: string[] = [];
		// Takes messages and never acknowledges them.
		first.handleMessage = (packet) => held.push((packet as { payload: Buffer }).payload.toString());
		await first.subscribeAsync("held/#", { qos: 1 });
		const publisher = await join();
		await publisher.publishAsync("held/x", "one", { qos: 1 });
		await until(() => held.length === 1);
		const { clients: before } = await broker.stats();
		first.stream.destroy();
		// What is published before the broker has noticed goes to the lost connection, and is a repetition later, too.
		await until(async () => (await broker.stats()).clients < before);
		await publisher.publishAsync("held/x", "two", { qos: 1 });
		const again = mqtt.connect(broker.url, { ...credentials, ...session, reconnectPeriod: 0 });
		clients.push(again);
		const got: [string, boolean][] = [];
		again.on("message", (_topic, payload, packet) => got.push([payload.toString(), packet.dup]));
		await until(() => got.length === 2);
		assert.deepEqual(got, [
			["one", true],
			["two", false],
		]);
	});

	it("completes QoS 2 for a persistent session across a lost connection", async () => {
		const session = { clientId: "exact", clean: false };
		const first = await join(session);
		await first.subscribeAsync("exact/#", { qos: 2 });
		await first.endAsync();
		const publisher = await join();
		for (let n = 0; n < 50; n++) await publisher.publishAsync("exact/x", String(n), { qos: 2 });
		const again = mqtt.connect(broker.url, { ...credentials, ...session, reconnectPeriod: 0 });
		clients.push(again);
		const got = collect(again);
		await until(async () => got.length >= 50 && (await broker.stats()).waiting === 0);
		assert.equal(new Set(got).size, 50);
		assert.equal(got.length, 50);
	});

	it("starts a clean session empty", async () => {
		const first = await join({ clientId: "fresh", clean: false });
		await first.subscribeAsync("fresh/#", { qos: 1 });
		await first.endAsync();
		const publisher = await join();
		await publisher.publishAsync("fresh/x", "old", { qos: 1 });
		await join({ clientId: "fresh", clean: true });
		await until(async () => (await broker.stats()).waiting === 0);
	});

	it("refuses a message of 10 MB without harm to anyone else", async () => {
		const [subscriber, good, bad] = [await join(), await join(), await join({ clientId: "gateway-7" })];
		const got = collect(subscriber);
		await subscriber.subscribeAsync("size/#", { qos: 1 });
		const before = (await broker.stats()).oversized;
		bad.on("error", () => undefined);
		const closed = new Promise<void>((resolve) => bad.once("close", () => resolve()));
		bad.publish("size/big", Buffer.alloc(10 * 1024 * 1024), { qos: 1 });
		await closed;
		await good.publishAsync("size/fits", Buffer.alloc(200 * 1024, "x"), { qos: 1 });
		await until(() => got.length === 1);
		assert.equal(got[0]?.length, 200 * 1024);
		assert.equal((await broker.stats()).oversized, before + 1);
		assert.equal(refusals.at(-1)?.code, "broker.packet-large");
		const { client, bytes, limit } = refusals.at(-1)?.details ?? {};
		assert.deepEqual([client, limit], ["gateway-7", 262_144]);
		assert.ok(Number(bytes) > 10 * 1024 * 1024);
	});

	it("outlives garbage on its port", async () => {
		const socket = tcp(broker.port, "127.0.0.1");
		socket.on("error", () => undefined);
		socket.write("GET / HTTP/1.1\r\nHost: plant\r\n\r\n");
		await once(socket, "close");
		await join();
	});

	it("says clearly that its port is taken", async () => {
		await assert.rejects(startBroker({ port: broker.port, ...credentials }), {
			code: "broker.port-in-use",
			details: {
				host: "127.0.0.1",
				port: broker.port,
				reason: `listen EADDRINUSE: address already in use 127.0.0.1:${broker.port}`,
			},
		});
	});

	it("says so where it cannot listen at all", async () => {
		await assert.rejects(startBroker({ host: "203.0.113.1", port: 0, ...credentials }), { code: "broker.failed" });
	});

	it("never starts without credentials", async () => {
		await assert.rejects(startBroker({ port: 0, username: "", password: "" }), { code: "broker.credentials-missing" });
	});

	it("loses nothing to a subscriber that acknowledges late", async () => {
		const subscriber = await join({ clientId: "slow", clean: false });
		holdAcks(subscriber, 100);
		const got = new Set<string>();
		subscriber.on("message", (_topic, payload) => got.add(payload.toString()));
		await subscriber.subscribeAsync("slow/#", { qos: 1 });
		const publisher = await join();
		await Promise.all(
			Array.from({ length: 20_000 }, (_, n) => publisher.publishAsync("slow/x", String(n), { qos: 1 })),
		);
		await until(() => got.size === 20_000);
		await until(async () => (await broker.stats()).waiting === 0);
		assert.equal((await broker.stats()).dropped, 0);
	});
});

/** Sends each PUBACK of a client this much later, as one does that commits first. */
function holdAcks(client: MqttClient, ms: number): void {
	const inner = client as unknown as { _sendPacket(packet: { cmd: string }, ...rest: unknown[]): void };
	const send = inner._sendPacket.bind(client);
	inner._sendPacket = (packet, ...rest) => {
		if (packet.cmd !== "puback") return send(packet, ...rest);
		setTimeout(() => send(packet), ms);
		// The library waits for its callback before it reads on; the acknowledgement alone is held.
		for (const done of rest) if (typeof done === "function") done();
	};
}

describe("embedded broker with a full queue", () => {
	it("gives up the oldest messages of a session that stays away, and counts them", async () => {
		const broker = await startBroker({ port: 0, ...credentials, maxQueuedMessages: 100 });
		const session = { clientId: "away", clean: false, ...credentials, reconnectPeriod: 0 };
		const first = await mqtt.connectAsync(broker.url, session);
		await first.subscribeAsync("x", { qos: 1 });
		await first.endAsync();
		const publisher = await mqtt.connectAsync(broker.url, { ...credentials, reconnectPeriod: 0 });
		for (let n = 0; n < 150; n++) await publisher.publishAsync("x", String(n), { qos: 1 });
		const again = mqtt.connect(broker.url, session);
		const got: string[] = [];
		again.on("message", (_topic, payload) => got.push(payload.toString()));
		while (got.length < 100) await new Promise((resolve) => setTimeout(resolve, 10));
		assert.equal(got[0], "50");
		assert.equal((await broker.stats()).dropped, 50);
		await Promise.all([again.endAsync(true), publisher.endAsync(true)]);
		await broker.close();
	});
});
