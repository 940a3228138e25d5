import assert from "node:assert/strict";
import mqtt from "mqtt";
import { type Broker, startBroker } from "../../../lib/broker/broker.ts";
import { Subscriber } from "../../../lib/ingest/subscriber.ts";

const credentials = { username: "plant", password: "secret-for-tests" };

describe("ingest subscriber at the embedded broker", () => {
	let broker: Broker;
	before(async () => {
		broker = await startBroker({ port: 0, ...credentials });
	});
	after(() => broker.close());

	const open = (
		events: Partial<ConstructorParameters<typeof Subscriber>[1]>,
		more: Partial<ConstructorParameters<typeof Subscriber>[0]> = {},
	): Subscriber => {
		const subscriber = new Subscriber(
			{
				url: broker.url,
				protocol: "5",
				clientId: "ingest",
				topic: "smartfactory/+/+/+/telemetry",
				qos: 1,
				persistent: true,
				receiveMaximum: 5000,
				retryMs: 10,
				...credentials,
				...more,
			},
			{ message() {}, connecting() {}, connected() {}, disconnected() {}, ...events },
		);
		subscriber.open();
		return subscriber;
	};

	it("never tells a password that stands in the broker's address", async () => {
		const own = await startBroker({ port: 0, username: "plant", password: "p@ss" });
		const url = own.url.replace("//", "//plant:p@ss@");
		const told: string[] = [];
		let subscriber: Subscriber | undefined;
		await new Promise<void>((resolve) => {
			subscriber = open(
				{
					connected: () => void own.close(),
					disconnected: (reason) => {
						told.push(JSON.stringify(reason.details));
						if (reason.code === "ingest.unreachable") resolve();
					},
				},
				{ url, username: "plant", password: "p@ss" },
			);
		});
		await subscriber?.close(false);
		assert.ok(told.length > 1);
		for (const text of told) assert.doesNotMatch(text, /p@ss|ss@/);
	});

	it("asks for MQTT 5, takes 3.1.1, and gets again what it did not acknowledge", async () => {
		const trouble: string[] = [];
		const got: string[] = [];
		let subscriber: Subscriber | undefined;
		const arrived = new Promise<void>((resolve) => {
			subscriber = open({
				disconnected: (reason) => trouble.push(reason.code),
				message: (_topic, payload) => {
					got.push(payload.toString());
					resolve();
				},
				connected: async () => {
					const publisher = await mqtt.connectAsync(broker.url, credentials);
					await publisher.publishAsync("smartfactory/demo/a/b/telemetry", "1", { qos: 1 });
					await publisher.endAsync();
				},
			});
		});
		await arrived;
		assert.deepEqual(trouble, [], "falling back is no failure");
		await subscriber?.close(false);
		const again = new Promise<void>((resolve) => {
			subscriber = open({
				message: (_topic, payload, id) => {
					got.push(payload.toString());
					subscriber?.acknowledge([id ?? 0]);
					resolve();
				},
			});
		});
		await again;
		assert.deepEqual(got, ["1", "1"]);
		while ((await broker.stats()).waiting > 0) await new Promise((resolve) => setTimeout(resolve, 10));
		await subscriber?.close(true);
	});
});
