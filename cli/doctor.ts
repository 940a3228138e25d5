// `npm run doctor`: what is wrong and what to do about it. Ends with the number of things to mend as its exit code.
import { existsSync, readdirSync, readFileSync, statfsSync, statSync } from "node:fs";
import { get as httpGet } from "node:http";
import { get as httpsGet } from "node:https";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { brokerUrl, unknownVariables } from "../lib/config/config.ts";
import { packageRoot } from "../lib/package-root.cjs";
import { shownUrl } from "../lib/shown-url.ts";
import { openStore } from "../lib/store/open.ts";
import { brokerTlsOptions } from "../lib/tls/broker.ts";
import { type App, loadApp } from "./app.ts";
import { mqttCredentials } from "./broker.ts";
import { portProblem } from "./ports.ts";
import { line, reasonOf, say } from "./say.ts";

let wrong = 0;

function report(what: string, todo: string | null): void {
	if (todo !== null) wrong++;
	say(todo === null ? "doctor.ok" : "doctor.bad", { what, todo });
}

async function examine(): Promise<void> {
	const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
	const modern = major > 22 || (major === 22 && minor >= 13);
	report(line("doctor.node", { version: process.version }), modern ? null : line("doctor.node-todo"));
	let app: App;
	try {
		app = loadApp();
	} catch (error) {
		report(line("doctor.config", { env: process.env.SMARTFACTORY_ENV ?? "development" }), reasonOf(error));
		return;
	}
	const unknown = unknownVariables(process.env).map((variable) => line("app.unknown-variable", { ...variable }));
	report(line("doctor.config", { env: app.env }), unknown.join(" ") || null);
	const running = await isRunning(app);
	if (!running) await examinePorts(app);
	await examineBroker(app, running);
	await examineStore(app);
	examineDisk(app);
	examinePeers();
	examineModels(app);
	examineSecrets(app);
}

async function isRunning({ config: { system } }: App): Promise<boolean> {
	const host = system.api_host === "0.0.0.0" ? "127.0.0.1" : system.api_host;
	const url = `http${system.tls_cert ? "s" : ""}://${host}:${system.api_port}/health`;
	if (!(await answers(url))) return false;
	report(line("doctor.running", { url }), null);
	return true;
}

/** Whether somebody is well there; whose certificate it is does not matter to ourselves. */
function answers(url: string): Promise<boolean> {
	return new Promise((resolve) => {
		const options = { timeout: 2000, rejectUnauthorized: false };
		const asked = (url.startsWith("https:") ? httpsGet : httpGet)(url, options, (answer) => {
			answer.resume();
			resolve(answer.statusCode === 200);
		});
		asked.once("error", () => resolve(false));
		asked.once("timeout", () => asked.destroy());
	});
}

async function examinePorts({ config: { system } }: App): Promise<void> {
	const wanted = [
		{ port: system.api_port, host: system.api_host, key: "system.api_port", use: "http" },
		...(brokerUrl(system)
			? []
			: [{ port: system.mqtt_port, host: system.mqtt_host, key: "system.mqtt_port", use: "mqtt" }]),
		...(system.simulate
			? [{ port: system.modbus_port, host: "127.0.0.1", key: "system.modbus_port", use: "modbus" }]
			: []),
	];
	for (const { port, host, key, use } of wanted) {
		const reason = await portProblem(port, host);
		report(line("doctor.port", { port, use }), reason ? line("doctor.port-todo", { reason, key }) : null);
	}
}

async function examineBroker(app: App, running: boolean): Promise<void> {
	const external = brokerUrl(app.config.system);
	if (!external && !running) return;
	const url = external ?? `mqtt://127.0.0.1:${app.config.system.mqtt_port}`;
	const user = external
		? { username: process.env.SMARTFACTORY_MQTT_USERNAME, password: process.env.SMARTFACTORY_MQTT_PASSWORD }
		: mqttCredentials(app.home);
	const { mqtt_ca: ca, mqtt_cert: cert, mqtt_key: key } = app.config.system;
	const connect = async () =>
		connectAsync(url, {
			...user,
			...brokerTlsOptions(url, { ca, cert, key }),
			connectTimeout: 3000,
			reconnectPeriod: 0,
		});
	const problem = await connect().then(
		(client) => client.endAsync().then(() => null),
		(error: unknown) => line("doctor.broker-todo", { reason: reasonOf(error) }),
	);
	report(line("doctor.broker", { url: shownUrl(url) }), problem);
}

async function examineStore({ dbUrl }: App): Promise<void> {
	const unknown = { url: dbUrl, readings: "–", intervals: "–", mb: "–" };
	try {
		const store = await openStore(dbUrl);
		const { readings, intervals, bytes } = await store.stats();
		await store.close();
		report(line("doctor.store", { url: dbUrl, readings, intervals, mb: (bytes / 1e6).toFixed(1) }), null);
	} catch (error) {
		report(line("doctor.store", unknown), reasonOf(error));
	}
}

function examineDisk({ home }: App): void {
	const { bavail, bsize } = statfsSync(home);
	const freeGb = (bavail * bsize) / 1e9;
	report(line("doctor.disk", { free: freeGb.toFixed(1), home }), freeGb < 1 ? line("doctor.disk-todo") : null);
}

const peers = [
	{ name: "@flowfuse/node-red-dashboard", use: "dashboard" },
	{ name: "node-red-contrib-modbus", use: "Modbus" },
	{ name: "aedes", use: "embedded broker" },
	{ name: "javascript-lp-solver", use: "least shedding" },
	{ name: "pdfkit", use: "PDF reports" },
	{ name: "@expo-google-fonts/nanum-gothic", use: "PDF reports" },
] as const;

function examinePeers(): void {
	for (const { name, use } of peers) {
		const path = join(packageRoot, "node_modules", name, "package.json");
		const version = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version : "";
		report(line("doctor.peer", { name, version }), version ? null : line("doctor.peer-todo", { name, use }));
	}
}

function examineModels({ home }: App): void {
	const folder = join(home, "models");
	const count = existsSync(folder) ? readdirSync(folder).length : 0;
	report(count > 0 ? line("doctor.models", { count, folder }) : line("doctor.models-none"), null);
}

function examineSecrets({ home }: App): void {
	const folder = join(home, "secrets");
	const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
	const open = process.platform === "win32" ? undefined : files.find((file) => (statSync(file).mode & 0o077) !== 0);
	report(line("doctor.secrets"), open ? line("doctor.secrets-todo", { file: open }) : null);
}

void examine().then(() => {
	say(wrong === 0 ? "doctor.all-well" : "doctor.some-wrong", { count: wrong });
	process.exit(wrong === 0 ? 0 : 1);
});
