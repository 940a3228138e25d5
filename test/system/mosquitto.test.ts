import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openStore } from "../../lib/store/open.ts";
import { publisher } from "../support/mqtt.ts";

const root = new URL("../../", import.meta.url).pathname;
const mosquitto = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"].find((path) =>
	existsSync(path),
);
const topic = "smartfactory/demo/melt-shop/furnace-1/telemetry";
const start = Date.parse("2026-11-22T00:00:00Z");
const reading = (second: number) =>
	JSON.stringify({ time: new Date(start + second * 1000).toISOString(), powerKw: 40 + (second % 7) });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function stop(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
	if (!child || child.exitCode !== null || child.signalCode !== null) return;
	const gone = once(child, "exit");
	child.kill(signal);
	await gone;
}

describe("Mosquitto and a real Node-RED", function () {
	this.timeout(300_000);
	let home: string;
	let port: number;
	let broker: ChildProcess | undefined;
	let red: ChildProcess | undefined;
	let url: string;

	before(function () {
		if (mosquitto) return;
		if (process.env.CI) throw new Error("mosquitto is not installed");
		console.log("      (skipped: mosquitto is not installed)");
		this.skip();
	});

	beforeEach(async () => {
		home = mkdtempSync(join(tmpdir(), "mosquitto-"));
		url = pathToFileURL(join(home, "energy.db")).href.replace(/^file:/, "sqlite:");
		const free = createServer().listen(0, "127.0.0.1");
		await once(free, "listening");
		port = (free.address() as AddressInfo).port;
		free.close();
		await once(free, "close");
		await startBroker();
	});
	afterEach(async () => {
		await stop(red, "SIGKILL");
		await stop(broker, "SIGTERM");
		rmSync(home, { recursive: true, force: true });
	});

	async function startBroker(): Promise<void> {
		const config = join(home, "mosquitto.conf");
		const lines = [
			`listener ${port} 127.0.0.1`,
			"allow_anonymous true",
			"max_queued_messages 0",
			"persistence true",
			`persistence_location ${home}/`,
			"user root",
		];
		writeFileSync(config, `${lines.join("\n")}\n`);
		broker = spawn(mosquitto ?? "", ["-c", config], { stdio: "ignore" });
		for (let attempt = 0; attempt < 2_000; attempt++) {
			const socket = connect(port, "127.0.0.1");
			const [open] = await Promise.race([
				once(socket, "connect").then(() => [true]),
				once(socket, "error").then(() => []),
			]).catch(() => []);
			socket.destroy();
			if (open) return;
			await pause(25);
		}
		throw new Error("Mosquitto did not start");
	}

	/** energy-ingest → sensor-validate → energy-store, in a process of its own. */
	async function startNodeRed(protocol: string): Promise<void> {
		const site = { siteId: "demo", timeZone: "Asia/Seoul", storeUrl: url, unknownMachines: "accept", machines: [] };
		const place = (x: number) => ({ z: "f", x, y: 40 });
		const flow = [
			{ id: "f", type: "tab", label: "test" },
			{ id: "site", type: "energy-site", ...site },
			{
				id: "in",
				type: "energy-ingest",
				mode: "store",
				protocol,
				broker: `mqtt://127.0.0.1:${port}`,
				topic: "smartfactory/+/+/+/telemetry",
				wires: [["judge"], ["keep"]],
				...place(100),
			},
			{ id: "judge", type: "sensor-validate", site: "site", wires: [["write"], ["keep"], []], ...place(300) },
			{ id: "write", type: "energy-store", site: "site", operation: "write", wires: [[]], ...place(500) },
			{ id: "keep", type: "energy-store", site: "site", operation: "quarantine", wires: [[]], ...place(700) },
		];
		writeFileSync(join(home, "flows.json"), JSON.stringify(flow));
		writeFileSync(
			join(home, "settings.js"),
			`module.exports = { httpAdminRoot: false, httpNodeRoot: false, flowFile: "flows.json",
				nodesDir: [${JSON.stringify(root)}], telemetry: { enabled: false }, credentialSecret: "test" };`,
		);
		const args = [join(root, "node_modules/node-red/red.js"), "-s", join(home, "settings.js"), "-u", home];
		const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
		red = child;
		await new Promise<void>((resolve, reject) => {
			let log = "";
			child.stdout.on("data", (chunk: Buffer) => {
				log += chunk.toString();
				// The subscription stands when the broker has it; see subscribed().
				if (log.includes("Started flows")) resolve();
			});
			child.once("exit", () => reject(new Error(`Node-RED ended:\n${log}`)));
		});
	}

	async function stored(): Promise<number> {
		const store = await openStore(url);
		try {
			return (await store.stats()).readings;
		} finally {
			await store.close();
		}
	}

	async function untilStored(count: number): Promise<void> {
		for (let attempt = 0; attempt < 900; attempt++) {
			if ((await stored()) >= count) break;
			await pause(100);
		}
		assert.equal(await stored(), count);
	}

	/** Waits until the node listens: a retained message would be delivered late, so one is published until it is stored. */
	async function listening(): Promise<void> {
		const client = await publisher(`mqtt://127.0.0.1:${port}`);
		for (let attempt = 0; attempt < 600 && (await stored()) === 0; attempt++) {
			await client.publishAsync(topic, reading(0), { qos: 1 });
			await pause(100);
		}
		await client.endAsync();
		assert.equal(await stored(), 1);
	}

	for (const protocol of ["3.1.1", "5"]) {
		it(`stores what mosquitto_pub sends, over MQTT ${protocol}`, async () => {
			await startNodeRed(protocol);
			await listening();
			const version = protocol === "5" ? "mqttv5" : "mqttv311";
			const args = ["-V", version, "-p", String(port), "-q", "1", "-t", topic];
			const sent = spawnSync("mosquitto_pub", [...args, "-m", reading(1)]);
			assert.equal(sent.status, 0, String(sent.stderr ?? sent.error));
			const lines = Array.from({ length: 500 }, (_, index) => reading(index + 2)).join("\n");
			assert.equal(spawnSync("mosquitto_pub", [...args, "-l"], { input: lines }).status, 0);
			await untilStored(502);
		});

		it(`loses nothing when Node-RED is killed again and again, over MQTT ${protocol}`, async () => {
			await startNodeRed(protocol);
			await listening();
			const client = await publisher(`mqtt://127.0.0.1:${port}`);
			const total = 6_000;
			let second = 0;
			const publishing = (async () => {
				while (second < total) {
					const slice = Array.from({ length: 60 }, () => client.publishAsync(topic, reading(++second), { qos: 1 }));
					await Promise.all(slice);
					await pause(20);
				}
			})();
			for (let crash = 0; crash < 2; crash++) {
				await pause(500 + crash * 130);
				await stop(red, "SIGKILL");
				await startNodeRed(protocol);
			}
			await publishing;
			await client.endAsync();
			await untilStored(total + 1);
		});
	}

	it("goes on by itself after the broker was restarted", async () => {
		await startNodeRed("5");
		await listening();
		await stop(broker, "SIGTERM");
		await startBroker();
		const client = await publisher(`mqtt://127.0.0.1:${port}`);
		await client.publishAsync(topic, reading(1), { qos: 1 });
		await client.endAsync();
		await untilStored(2);
	});
});
