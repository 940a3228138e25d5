// `npm run bench -- ingest [--seconds 60] [--rate 10000] [--broker mosquitto|embedded] [--machines 1000]
// [--detect] [--no-peer]`
// Single-reading MQTT QoS-1 messages through the whole flow in a real Node-RED: energy-ingest → sensor-validate →
// energy-store, beside mqtt in → json → function with one committed insert a message. The publisher, the broker and
// Node-RED are three processes; on Linux all are bound to the same two cores where taskset is there.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { packageRoot } from "../lib/package-root.cjs";
import { openStore } from "../lib/store/open.ts";
import type { Reading } from "../lib/telemetry/reading.ts";
import { machineModelKind } from "../models/anomaly/machine-model.ts";
import { columnsOf } from "../models/anomaly/readings.ts";
import { openRegistry } from "../models/registry.ts";
import type { Benchmark, Figures } from "./run.ts";

interface Options {
	seconds: number;
	rate: number;
	machines: number;
	/** Score every reading with a model of its machine, beside the store. */
	detect: boolean;
	broker: string;
}

interface Gauges {
	stored: number;
	duplicates: number;
	replaced: number;
	messages: number;
	p50Ms: number;
	p99Ms: number;
	loopDelayP99Ms: number;
	loopDelayMaxMs: number;
	activeMs: number;
	utilization: number;
	rssMb: number;
}

const here = join(packageRoot, "bench", "peers", "ingest");
const mosquittoPaths = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"];
const hasTaskset = process.platform === "linux" && spawnSync("taskset", ["--version"]).status === 0;

/** Node and its arguments, kept to two cores where that can be said. */
function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv, ipc: boolean): ChildProcess {
	const [command, rest] = hasTaskset ? ["taskset", ["-c", "0,1", program, ...args]] : [program, [...args]];
	return spawn(command, rest, {
		env: { ...process.env, ...env },
		stdio: ["ignore", "pipe", "inherit", ...(ipc ? (["ipc"] as const) : [])],
	});
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const address = server.address();
	server.close();
	await once(server, "close");
	if (!address || typeof address === "string") throw new Error("No free port");
	return address.port;
}

async function stop(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null) return;
	const gone = once(child, "exit");
	child.kill("SIGTERM");
	await gone;
}

async function startBroker(kind: string, home: string): Promise<{ port: number; child: ChildProcess }> {
	const port = await freePort();
	const program = mosquittoPaths.find((path) => existsSync(path));
	if (kind === "mosquitto" && program) {
		const config = join(home, "mosquitto.conf");
		// By default Mosquitto queues 1,000 messages a client and then drops: too few for any pause at this rate.
		writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n`);
		const child = start(program, ["-c", config], {}, false);
		await reachable(port);
		return { port, child };
	}
	if (kind === "mosquitto") throw new Error("mosquitto is not installed; try --broker embedded");
	const child = start(process.execPath, [join(here, "broker.ts"), String(port), join(home, "spool")], {}, false);
	await reachable(port);
	return { port, child };
}

async function reachable(port: number): Promise<void> {
	const { connect } = await import("node:net");
	for (let attempt = 0; attempt < 100; attempt++) {
		const socket = connect(port, "127.0.0.1");
		const open = await new Promise<boolean>((done) => {
			socket.once("connect", () => done(true));
			socket.once("error", () => done(false));
		});
		socket.destroy();
		if (open) return;
		await pause(50);
	}
	throw new Error(`Nothing listens on port ${port}`);
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

function oursFlow(port: number, detect: boolean): object[] {
	return [
		{ id: "tab", type: "tab", label: "bench" },
		{
			id: "site",
			type: "energy-site",
			siteId: "bench",
			timeZone: "Asia/Seoul",
			storeUrl: "",
			unknownMachines: "accept",
			machines: [],
		},
		{
			id: "in",
			type: "energy-ingest",
			z: "tab",
			mode: "store",
			protocol: "5",
			broker: `mqtt://127.0.0.1:${port}`,
			topic: "smartfactory/+/+/+/telemetry",
			wires: [["check"], ["keep"]],
		},
		{
			id: "check",
			type: "sensor-validate",
			z: "tab",
			site: "site",
			dryRun: false,
			summaryS: 0,
			wires: [detect ? ["before", "detect"] : ["before"], ["keep"], []],
		},
		...(detect
			? [{ id: "detect", type: "anomaly-detect", z: "tab", configVersion: 1, site: "site", wires: [[], [], []] }]
			: []),
		{ id: "before", type: "bench-probe", z: "tab", side: "before", wires: [["store"]] },
		{ id: "store", type: "energy-store", z: "tab", site: "site", operation: "write", wires: [["after"]] },
		{ id: "after", type: "bench-probe", z: "tab", side: "after", wires: [[]] },
		{ id: "keep", type: "energy-store", z: "tab", site: "site", operation: "quarantine", wires: [[]] },
	];
}

function peerFlow(port: number): object[] {
	const func =
		"const [, , , machine] = msg.topic.split('/'); global.get('store')({ ...msg.payload, machine }); return null;";
	return [
		{ id: "tab", type: "tab", label: "peer" },
		{
			id: "broker",
			type: "mqtt-broker",
			broker: "127.0.0.1",
			port: String(port),
			clientid: "peer",
			protocolVersion: "4",
			keepalive: "60",
			cleansession: true,
			autoConnect: true,
		},
		{
			id: "in",
			type: "mqtt in",
			z: "tab",
			topic: "smartfactory/+/+/+/telemetry",
			qos: "1",
			datatype: "utf8",
			broker: "broker",
			wires: [["json"]],
		},
		{ id: "json", type: "json", z: "tab", property: "payload", action: "obj", wires: [["function"]] },
		{ id: "function", type: "function", z: "tab", func, outputs: 1, libs: [], wires: [[]] },
	];
}

/** Node-RED takes a node without coordinates for a config node. */
const placed = (node: object, index: number) => ("z" in node ? { ...node, x: 100 + index * 160, y: 80 } : node);

interface Runtime {
	ask(question: "reset" | "gauges"): Promise<Gauges>;
	stop(): Promise<void>;
}

async function startNodeRed(home: string, flow: object[], nodes: string[], env: NodeJS.ProcessEnv): Promise<Runtime> {
	const userDir = mkdtempSync(join(home, "red-"));
	writeFileSync(join(userDir, "flows.json"), JSON.stringify(flow.map(placed)));
	writeFileSync(join(userDir, "flows_cred.json"), JSON.stringify({ broker: { user: "bench", password: "bench" } }));
	writeFileSync(join(userDir, "package.json"), "{}");
	const red = resolve(packageRoot, "node_modules", "node-red", "red.js");
	const child = start(
		process.execPath,
		["--disable-warning=ExperimentalWarning", red, "-s", join(here, "settings.cjs"), "-u", userDir],
		{ ...env, BENCH_NODES: JSON.stringify(nodes), BENCH_LOG: "info" },
		true,
	);
	let log = "";
	await new Promise<void>((ready, fail) => {
		child.stdout?.on("data", (chunk: Buffer) => {
			log += chunk.toString();
			if (log.includes("Started flows")) ready();
			if (/missing types/i.test(log)) fail(new Error(`Nodes are missing; build first:\n${log}`));
		});
		child.once("exit", () => fail(new Error(`Node-RED ended:\n${log}`)));
	});
	return {
		ask: async (question) => {
			child.send(question);
			const [answer] = await once(child, "message");
			return answer as Gauges;
		},
		stop: async () => {
			await stop(child);
			const complaints = log.split("\n").filter((line) => /\[(warn|error)\] \[/.test(line));
			if (complaints.length > 0) console.error(complaints.slice(0, 10).join("\n"));
		},
	};
}

/** Publishes, then waits until nothing more is stored. */
async function load(runtime: Runtime, port: number, options: Options): Promise<{ sent: number; gauges: Gauges }> {
	await pause(1500);
	await runtime.ask("reset");
	const { rate, seconds, machines } = options;
	const publisher = start(
		process.execPath,
		[join(here, "publisher.ts"), ...[port, rate, seconds, machines].map(String)],
		{ NODE_OPTIONS: "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON" },
		false,
	);
	let output = "";
	publisher.stdout?.on("data", (chunk: Buffer) => {
		output += chunk.toString();
	});
	await once(publisher, "exit");
	const { sent } = JSON.parse(output) as { sent: number };
	let gauges = await runtime.ask("gauges");
	for (let quiet = 0; gauges.stored < sent && quiet < 50; ) {
		await pause(100);
		const later = await runtime.ask("gauges");
		quiet = later.stored === gauges.stored ? quiet + 1 : 0;
		gauges = later;
	}
	return { sent, gauges };
}

const round = (value: number, digits = 1) => Number(value.toFixed(digits));

function row(name: string, sent: number, stored: number, gauges: Gauges): Figures {
	return {
		flow: name,
		sent,
		stored,
		lost: sent - stored,
		duplicated: gauges.duplicates + gauges.replaced,
		"p50 ms": gauges.p50Ms,
		"p99 ms": gauges.p99Ms,
		"loop delay p99 ms": round(gauges.loopDelayP99Ms),
		"loop delay max ms": round(gauges.loopDelayMaxMs),
		"loop µs/reading": round((gauges.activeMs * 1000) / Math.max(1, gauges.stored)),
		"loop busy %": round(gauges.utilization * 100),
		"readings/message": round(gauges.stored / Math.max(1, gauges.messages)),
		"RSS MB": round(gauges.rssMb, 0),
	};
}

async function ours(home: string, options: Options): Promise<Figures> {
	const { port, child } = await startBroker(options.broker, home);
	if (options.detect) await learnMachines(home, options.machines);
	const url = pathToFileURL(join(home, "ours.db")).href.replace(/^file:/, "sqlite:");
	const runtime = await startNodeRed(home, oursFlow(port, options.detect), [packageRoot, join(here, "nodes")], {
		SMARTFACTORY_HOME: home,
		SMARTFACTORY_DB_URL: url,
		SMARTFACTORY_MQTT_USERNAME: "bench",
		SMARTFACTORY_MQTT_PASSWORD: "bench",
	});
	const { sent, gauges } = await load(runtime, port, options);
	await runtime.stop();
	await stop(child);
	const store = await openStore(url);
	const { readings } = await store.stats();
	await store.close();
	return row("ours", sent, readings, gauges);
}

async function peer(home: string, options: Options): Promise<Figures> {
	const { port, child } = await startBroker(options.broker, home);
	const runtime = await startNodeRed(home, peerFlow(port), [join(here, "nodes")], {
		BENCH_PEER_DB: join(home, "peer.db"),
	});
	const { sent, gauges } = await load(runtime, port, { ...options, seconds: Math.min(options.seconds, 15) });
	await runtime.stop();
	await stop(child);
	return row("mqtt in → json → function → insert", sent, gauges.stored, gauges);
}

/** An active model for every machine of the publisher, fitted once on a week of minutes. */
async function learnMachines(home: string, machines: number): Promise<void> {
	const fromMs = Date.now() - 7 * 86_400_000;
	const readings = Array.from({ length: 7 * 1440 }, (_, minute): Reading => {
		const powerKw = 50 + 30 * Math.sin(minute / 97) + ((minute * 7919) % 101) / 10;
		return { site: "bench", machine: "machine-0", timeMs: fromMs + minute * 60_000, powerKw };
	});
	const context = { seed: 1, progress: () => undefined };
	const { model, metrics } = await machineModelKind.fit(columnsOf(readings), { timeZone: "Asia/Seoul" }, context);
	const registry = openRegistry(home);
	for (let index = 0; index < machines; index++) {
		const address = { task: "anomaly", site: "bench", machine: `machine-${index}` };
		const order = { kind: machineModelKind.kind, options: {}, seed: 1, reason: "bench" };
		const { id } = await registry.begin(address, order);
		await registry.complete(id, { state: model.serialise(), metrics, description: model.describe(), durationMs: 0 });
		await registry.promote(id);
	}
}

const benchmark: Benchmark = async (args) => {
	const { values } = parseArgs({
		args: [...args],
		options: {
			seconds: { type: "string", default: "60" },
			rate: { type: "string", default: "10000" },
			machines: { type: "string", default: "1000" },
			broker: { type: "string", default: mosquittoPaths.some((path) => existsSync(path)) ? "mosquitto" : "embedded" },
			detect: { type: "boolean", default: false },
			"no-peer": { type: "boolean", default: false },
		},
	});
	const options: Options = {
		seconds: Number(values.seconds),
		rate: Number(values.rate),
		machines: Number(values.machines),
		broker: values.broker,
		detect: values.detect,
	};
	const home = mkdtempSync(join(tmpdir(), "bench-ingest-"));
	try {
		const flows = [await ours(home, options), ...(values["no-peer"] ? [] : [await peer(home, options)])];
		return { broker: options.broker, "messages per second": options.rate, seconds: options.seconds, flows };
	} finally {
		rmSync(home, { recursive: true, force: true });
	}
};

export default benchmark;
