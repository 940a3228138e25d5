import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import modbusSerial from "modbus-serial";
import mqtt, { type MqttClient } from "mqtt";
import type { Node } from "node-red";
import { type Broker, startBroker } from "../../lib/broker/broker.ts";
import type { WireReading } from "../../lib/telemetry/reading.ts";
import { demoSite, fakeSite } from "./fake-site.ts";
import { next, nodeSet, useHome, useNodeRed } from "./harness.ts";

const ModbusRTU = modbusSerial as unknown as typeof import("modbus-serial").default;
const credentials = { username: "plant", password: "secret-for-tests" };

interface Step {
	payload: WireReading[];
	labels: Record<string, { fault: string; severity: number }[]>;
}
interface Done {
	payload: Record<string, unknown>[];
}

async function listening(): Promise<{ server: Server; port: number }> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const address = server.address();
	return { server, port: typeof address === "object" && address ? address.port : 0 };
}
async function freePort(): Promise<number> {
	const { server, port } = await listening();
	server.close();
	await once(server, "close");
	return port;
}

describe("plant-simulate node", () => {
	const helper = useNodeRed();
	useHome();
	const flow = (settings: object) => [
		{ id: "site", type: "energy-site" },
		{
			id: "n",
			type: "plant-simulate",
			site: "site",
			seed: 1,
			periodS: 0.1,
			speed: 1,
			startHoursAgo: 0,
			brokerUrl: "",
			publishMqtt: true,
			modbusPort: "",
			modbusHost: "",
			wires: [["readings"], ["done"]],
			z: "f",
			...settings,
		},
		{ id: "readings", type: "helper", z: "f" },
		{ id: "done", type: "helper", z: "f" },
		{ id: "f", type: "tab" },
	];
	const load = (settings: object = {}, secrets: object = {}) =>
		helper.load([fakeSite(demoSite()), nodeSet("plant-simulate")], flow(settings), secrets);
	const node = (): Node => helper.getNode("n") as Node;
	const failure = (): Promise<string> =>
		new Promise((resolve) =>
			node().once("call:error", (call) => resolve(String((call as { firstArg: unknown }).firstArg))),
		);
	/** The next step in which something holds. */
	async function until(what: (step: Step) => boolean): Promise<Step> {
		for (;;) {
			const step = await next<Step>("readings");
			if (what(step)) return step;
		}
	}
	const stops = (step: Step) =>
		/stopping|off/.test(step.payload.find(({ machine }) => machine === "pumps-1")?.state ?? "");
	const kw = (step: Step, id: string) => step.payload.find(({ machine }) => machine === id)?.powerKw ?? Number.NaN;

	it("emits a reading of every machine each period, of the present and of its site", async () => {
		await load();
		const { payload } = await next<Step>("readings");
		assert.equal(payload.length, 11);
		for (const reading of payload) {
			assert.equal(reading.site, "demo");
			assert.ok(Math.abs(Date.parse(reading.time) - Date.now()) < 5_000, reading.time);
		}
	});

	it("catches up from the past at its speed", async () => {
		await load({ startHoursAgo: 24, speed: 600 });
		const times = [];
		for (let n = 0; n < 3; n++) times.push(Date.parse((await next<Step>("readings")).payload[0]?.time ?? ""));
		assert.ok((times[0] ?? 0) < Date.now() - 20 * 3_600_000);
		assert.ok((times[2] ?? 0) - (times[0] ?? 0) >= 60_000, "a minute of the plant in a tenth of a second");
	});

	it("obeys a command and says what it made of it", async () => {
		await load();
		await next("readings");
		const done = next<Done>("done");
		node().receive({ payload: { command: { machine: "pumps-1", command: "limit", limitKw: 1 } } });
		const [event] = (await done).payload;
		assert.equal(event?.event, "command");
		assert.equal(event?.limitKw, 12, "the technical minimum");
		const second = next<Done>("done");
		node().receive({ payload: { command: "stop", machine: "pumps-1" } });
		assert.equal((await second).payload[0]?.command, "stop");
		await until(stops);
	});

	it("takes faults, labels the readings with the truth, and repairs", async () => {
		await load();
		await next("readings");
		const set = next<Done>("done");
		node().receive({ payload: { inject: [{ fault: "stuck-sensor", machine: "cnc-1" }] } });
		assert.equal((await set).payload[0]?.event, "fault-set");
		const { labels } = await until((step) => "cnc-1" in step.labels);
		assert.equal(labels["cnc-1"]?.[0]?.fault, "stuck-sensor");
		assert.deepEqual(Object.keys(labels), ["cnc-1"]);
		node().receive({ payload: { clear: true } });
		await until((step) => !("cnc-1" in step.labels));
	});

	it("refuses what it does not understand, by field and rule, and runs on", async () => {
		await load();
		await next("readings");
		for (const [payload, code] of [
			["stop", /plant\.message-invalid/],
			[{ command: { machine: "mill-1", command: "explode" } }, /plant\.command-invalid.*start \| stop/],
			[{ command: { machine: "nobody", command: "stop" } }, /plant\.machine-unknown.*nobody/],
			[{ inject: { fault: "rust", machine: "mill-1" } }, /plant\.fault-invalid.*fault/],
			[{ inject: { fault: "lost-phase", machine: "mill-1", startTime: "soon" } }, /plant\.fault-invalid.*startMs/],
		] as const) {
			const failed = failure();
			node().receive({ payload });
			assert.match(await failed, code);
		}
		assert.equal((await next<Step>("readings")).payload.length, 11);
	});

	it("survives a missing site, and says so", async () => {
		await load({ site: "" });
		assert.match(await failure(), /names no site/);
		const failed = failure();
		node().receive({ payload: { clear: true } });
		assert.match(await failed, /nodes\.site-missing/);
	});

	it("goes on after a restart: counters, what commands saved included, and faults", async () => {
		await load();
		await next("readings");
		node().receive({ payload: { command: { machine: "pumps-1", command: "stop" } } });
		node().receive({ payload: { inject: { fault: "stuck-sensor", machine: "hvac-1" } } });
		const stopped = await until((step) => stops(step) && "hvac-1" in step.labels);
		const of = ({ payload }: Step, id: string) => payload.find(({ machine }) => machine === id);
		await helper.unload();
		await load();
		const again = await next<Step>("readings");
		assert.ok(stops(again));
		assert.ok((of(again, "pumps-1")?.energyKwh ?? 0) >= (of(stopped, "pumps-1")?.energyKwh ?? Number.NaN));
		assert.equal(again.labels["hvac-1"]?.[0]?.fault, "stuck-sensor");
		assert.equal(of(again, "hvac-1")?.powerKw, of(stopped, "hvac-1")?.powerKw);
	});

	it("ships an example that imports without missing types", async () => {
		const example = JSON.parse(readFileSync("examples/plant-simulate.json", "utf8")) as { type: string; z?: string }[];
		const known = new Set(["tab", "comment", "inject", "debug", "energy-site", "plant-simulate"]);
		assert.deepEqual(
			example.filter(({ type }) => !known.has(type)),
			[],
		);
		assert.ok(example.every(({ type, z }) => type === "tab" || type === "energy-site" || z === "ps-tab"));
	});

	describe("over MQTT", () => {
		let broker: Broker;
		let client: MqttClient;
		before(async () => {
			broker = await startBroker({ port: 0, ...credentials });
			client = await mqtt.connectAsync(broker.url, { ...credentials, reconnectPeriod: 0 });
			await client.subscribeAsync("smartfactory/#", { qos: 1 });
		});
		after(async () => {
			await client.endAsync(true);
			await broker.close();
		});
		/** Everything that comes until something does. */
		function listen(
			what: (topic: string, payload: Record<string, unknown>) => boolean,
		): Promise<Record<string, unknown>> {
			return new Promise((resolve) => {
				const hear = (topic: string, bytes: Buffer): void => {
					if (topic.endsWith("/command")) return;
					const payload = JSON.parse(bytes.toString()) as Record<string, unknown>;
					if (!what(topic, payload)) return;
					client.off("message", hear);
					resolve(payload);
				};
				client.on("message", hear);
			});
		}

		it("publishes each machine under its area, but those with a Modbus meter", async () => {
			const topics = new Set<string>();
			client.on("message", (topic) => topics.add(topic));
			await load({ brokerUrl: broker.url }, { n: credentials });
			const heard = await listen((topic) => topic === "smartfactory/demo/melt-shop/furnace-1/telemetry");
			assert.equal(heard.machine, "furnace-1");
			await listen((topic) => topic === "smartfactory/demo/building/lighting-1/telemetry");
			assert.equal(topics.size, 9);
			assert.ok(![...topics].some((topic) => /hvac-1|main-meter/.test(topic)));
		});

		it("obeys commands from the broker and answers on the event topic, refusals too", async () => {
			await load({ brokerUrl: broker.url }, { n: credentials });
			await listen((topic) => topic.endsWith("mill-1/telemetry"));
			const stopped = listen((topic) => topic === "smartfactory/demo/utilities/pumps-1/event");
			client.publish("smartfactory/demo/utilities/pumps-1/command", '{"command":"stop"}', { qos: 1 });
			assert.equal((await stopped).accepted, true);
			await listen((topic, { state }) => topic.endsWith("pumps-1/telemetry") && /stopping|off/.test(String(state)));
			for (const bad of ["{not json", '{"command":"melt"}', '{"command":"limit","limitKw":"much"}']) {
				const refused = listen((topic) => topic === "smartfactory/demo/utilities/pumps-1/event");
				client.publish("smartfactory/demo/utilities/pumps-1/command", bad, { qos: 1 });
				const { accepted, code } = await refused;
				assert.equal(accepted, false);
				assert.equal(code, "plant.command-invalid");
			}
		});

		it("says that the login is refused, and simulates on", async () => {
			await load({ brokerUrl: broker.url }, { n: { username: "plant", password: "wrong" } });
			const [call] = (await once(node(), "call:warn")) as [{ firstArg: string }];
			assert.match(call.firstArg, /refuses the simulated plant/);
			assert.equal((await next<Step>("readings")).payload.length, 11);
		});

		it("waits for a broker that is not there, comes by itself, and brings what it kept", async () => {
			const port = await freePort();
			await load({ brokerUrl: `mqtt://127.0.0.1:${port}` }, { n: credentials });
			const first = (await next<Step>("readings")).payload[0]?.time;
			const late = await startBroker({ port, ...credentials });
			const listener = await mqtt.connectAsync(late.url, { ...credentials, reconnectPeriod: 0 });
			const heard = new Promise<string>((resolve) =>
				listener.once("message", (_topic, bytes) => resolve((JSON.parse(bytes.toString()) as WireReading).time)),
			);
			await listener.subscribeAsync("smartfactory/+/+/+/telemetry", { qos: 1 });
			assert.equal(await heard, first, "the first reading, from before the broker was there");
			await listener.endAsync(true);
			await helper.unload();
			await late.close();
		});
	});

	describe("over Modbus TCP", () => {
		it("serves the two meters to a master, with what the outputs say", async () => {
			const port = await freePort();
			await load({ modbusPort: port, publishMqtt: false });
			await next("readings");
			const master = new ModbusRTU();
			await master.connectTCP("127.0.0.1", { port });
			const read = async (): Promise<{ hvac: number; main: number }> => {
				master.setID(1);
				const hvac = (await master.readInputRegisters(0x0034, 2)).buffer.readFloatBE(0);
				master.setID(2);
				return { hvac, main: (await master.readHoldingRegisters(0x0bf3, 2)).buffer.readFloatBE(0) };
			};
			const seen: Step[] = [];
			(helper.getNode("readings") as Node).on("input", (msg) => seen.push(msg as unknown as Step));
			await next("readings");
			const { hvac, main } = await read();
			assert.ok(seen.some((step) => Math.abs(kw(step, "hvac-1") * 1000 - hvac) < 0.01));
			assert.ok(seen.some((step) => Math.abs(kw(step, "main-meter") - main) < 0.001));
			await new Promise<void>((resolve) => master.close(() => resolve()));
			await helper.unload();
			const { server } = await new Promise<{ server: Server }>((resolve) => {
				const server = createServer().listen(port, "127.0.0.1", () => resolve({ server }));
			});
			server.close();
		});

		it("says that the port is taken, and simulates on", async () => {
			const { server, port } = await listening();
			await load({ modbusPort: port });
			const [call] = (await once(node(), "call:warn")) as [{ firstArg: string }];
			assert.match(call.firstArg, new RegExp(`127\\.0\\.0\\.1:${port}`));
			assert.equal((await next<Step>("readings")).payload.length, 11);
			server.close();
		});
	});
});
