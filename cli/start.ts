// `npm start`: makes the home ready, starts the embedded broker, then Node-RED in this process.
import { parseArgs } from "node:util";
import { unknownVariables } from "../lib/config/config.ts";
import { EnergyError } from "../lib/errors.ts";
import { shownUrl } from "../lib/shown-url.ts";
import { openStore } from "../lib/store/open.ts";
import { readCertificate, serverCertificate } from "../lib/tls/certificates.ts";
import { type App, loadApp, type Mode, modes } from "./app.ts";
import { startEmbeddedBroker } from "./broker.ts";
import { prepareFlows } from "./flows.ts";
import { holdsSimulatedPast, makeHistory } from "./history.ts";
import { portProblem } from "./ports.ts";
import { openPrompt } from "./prompt.ts";
import { keepRetention } from "./retention.ts";
import { fail, reasonOf, say } from "./say.ts";

const startedMs = Date.now();
/** `--tls self-signed`. */
let selfSigned = false;
void start(readCommandLine());

function readCommandLine(): App {
	const { values } = parse();
	if (values.help) {
		say("app.usage");
		process.exit(0);
	}
	const mode = (values.mode ?? "full") as Mode;
	if (!modes.includes(mode)) {
		fail("app.bad-option", { option: "--mode", value: mode, allowed: modes.join(", ") });
	}
	if (values.tls !== undefined && values.tls !== "self-signed") {
		fail("app.bad-option", { option: "--tls", value: values.tls, allowed: "self-signed" });
	}
	selfSigned = values.tls === "self-signed";
	try {
		return loadApp({
			mode,
			...(values.env ? { env: values.env } : {}),
			values: {
				system: {
					...(values.port === undefined ? {} : { api_port: numberOrText(values.port) }),
					...(values["log-level"] === undefined ? {} : { log_level: values["log-level"] }),
				},
			},
		});
	} catch (error) {
		if (!(error instanceof EnergyError)) throw error;
		console.error(reasonOf(error));
		process.exit(1);
	}
}

/** A text that is no number goes to the check as it was typed, so that its error shows what was typed. */
function numberOrText(text: string): number | string {
	return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

function parse() {
	try {
		return parseArgs({
			options: {
				mode: { type: "string" },
				env: { type: "string" },
				port: { type: "string" },
				"log-level": { type: "string" },
				tls: { type: "string" },
				help: { type: "boolean", short: "h" },
			},
		});
	} catch (error) {
		console.error((error as Error).message);
		say("app.usage");
		process.exit(2);
	}
}

async function start(app: App): Promise<void> {
	for (const variable of unknownVariables(process.env)) say("app.unknown-variable", { ...variable });
	if (app.mode === "interactive") return openPrompt(app);
	const { api_host: host, api_port: port } = app.config.system;
	await prepareTls(app).catch((error: unknown) => {
		console.error(reasonOf(error));
		process.exit(1);
	});
	const reason = await portProblem(port, host);
	if (reason) fail("app.port-taken", { port, host, reason, other: port + 1 });

	// Held open for as long as we run: every node of every tab shares it, and a database that can't be used is said now.
	const store = await openStore(app.dbUrl, { batchSize: app.config.data.batch_size }).catch((error: unknown) => {
		console.error(reasonOf(error));
		process.exit(1);
	});
	if (app.mode !== "api") keepRetention(store, app.config.data.retention_days);
	const broker = await startEmbeddedBroker(app).catch((error: unknown) => {
		console.error(reasonOf(new EnergyError("app.broker-failed", { reason: reasonOf(error) })));
		return null;
	});
	const flows = prepareFlows(app.home, app.mode, app.config.system.simulate);
	if (flows.news === "updated") say("app.flows-updated");
	if (flows.news === "edited") say("app.flows-edited", { file: "flows/flows.json" });
	exportEnvironment(app, flows.file);
	// Before the flows start, so that what they read at their start (energy since midnight) is there.
	if (app.mode !== "api") await makeHistory(app, store);
	const { smartEnergy } = require("../settings.js") as typeof import("../settings.ts");
	let events: NodeJS.EventEmitter | undefined;
	runNodeRed(app, (RED) => {
		say("app.ready", { seconds: ((Date.now() - startedMs) / 1000).toFixed(1), mode: app.mode, env: app.env });
		greet(app, smartEnergy.firstPassword);
		events = RED.events;
	});
	for (const signal of ["SIGINT", "SIGTERM"] as const) {
		process.once(signal, () => {
			say("app.stopping");
			// Flows stop at each deploy too; only now it is for good.
			events?.once(
				"flows:stopped",
				() => void Promise.all([broker?.close(), smartEnergy.close().then(() => store.close())]),
			);
			// Node-RED waits up to 15 s for a node that will not close; nobody waits that long for Ctrl-C.
			setTimeout(() => process.exit(0), 4500).unref();
		});
	}
}

/** @throws EnergyError `tls.half`, `tls.unreadable`, `tls.package-missing`, `tls.mqtt-without` */
async function prepareTls({ home, config: { system } }: App): Promise<void> {
	if (selfSigned) {
		const { cert, key, ca } = await serverCertificate(home);
		Object.assign(system, { tls_cert: cert, tls_key: key, mqtt_tls_port: system.mqtt_tls_port || 8883 });
		say("app.self-signed", { ca });
	}
	const { tls_cert: cert, tls_key: key, mqtt_tls_port: mqttPort, mqtt_tls_ca: ca } = system;
	readCertificate({ ca: system.mqtt_ca, cert: system.mqtt_cert, key: system.mqtt_key });
	if ((cert === "") !== (key === "")) throw new EnergyError("tls.half");
	if (mqttPort > 0 && cert === "") throw new EnergyError("tls.mqtt-without");
	readCertificate({ cert, key, ca });
}

/** What settings.js, the flows and their nodes read. */
function exportEnvironment(app: App, flowFile: string): void {
	Object.assign(process.env, {
		SMARTFACTORY_ENV: app.env,
		SMARTFACTORY_MODE: app.mode,
		SMARTFACTORY_HOME: app.home,
		SMARTFACTORY_DB_URL: app.dbUrl,
		SMARTFACTORY_API_PORT: String(app.config.system.api_port),
		SMARTFACTORY_TLS_CERT: app.config.system.tls_cert,
		SMARTFACTORY_TLS_KEY: app.config.system.tls_key,
		SMARTFACTORY_MQTT_CA: app.config.system.mqtt_ca,
		SMARTFACTORY_MQTT_CERT: app.config.system.mqtt_cert,
		SMARTFACTORY_MQTT_KEY: app.config.system.mqtt_key,
		SMARTFACTORY_LOG_LEVEL: app.config.system.log_level,
		SMARTFACTORY_BATCH_SIZE: String(app.config.data.batch_size),
		SMARTFACTORY_DATA_TRAIN_RATIO: String(app.config.data.train_ratio),
		SMARTFACTORY_DATA_SCALING_METHOD: app.config.data.scaling_method,
		SMARTFACTORY_MODBUS_PORT: String(app.config.system.modbus_port),
		SMARTFACTORY_SIMULATE: String(app.config.system.simulate),
		SMARTFACTORY_FLOW_FILE: flowFile,
	});
	for (const [key, value] of Object.entries(app.config.power)) {
		process.env[`SMARTFACTORY_${key.toUpperCase()}`] = String(value);
	}
}

interface RedEvents {
	events: NodeJS.EventEmitter;
}

function runNodeRed(app: App, onStarted: (RED: RedEvents) => void): void {
	const settings = require.resolve("../settings.js");
	process.argv = [process.argv[0] as string, "node-red", "--settings", settings, "--userDir", app.home];
	// The tests run the same system under Node-RED 4.1, which is installed beside under another name.
	const nodeRed = process.env.SMARTFACTORY_NODE_RED || "node-red";
	const RED = require(nodeRed) as RedEvents;
	RED.events.once("flows:started", () => onStarted(RED));
	require(`${nodeRed}/red.js`);
}

/** Only what this mode serves: a link that answers 404 is worse than none. */
function greet(app: App, firstPassword: string | undefined): void {
	const { api_host, api_port, tls_cert } = app.config.system;
	const s = tls_cert ? "s" : "";
	const host = `${api_host === "0.0.0.0" ? "127.0.0.1" : api_host}:${api_port}`;
	const mqtt = shownUrl(process.env.SMARTFACTORY_MQTT_BROKER ?? "");
	if (app.mode !== "processing") say("app.links", { base: `http${s}://${host}`, ws: `ws${s}://${host}` });
	if (app.mode === "full") say("app.link-editor", { base: `http${s}://${host}` });
	if (app.mode === "processing") say("app.link-health", { base: `http${s}://${host}` });
	say("app.places", { mqtt, home: app.home });
	if (app.env === "production" && app.mode === "full") say("app.production-hint", { mqtt });
	if (!app.config.system.simulate && holdsSimulatedPast(app.home)) say("app.simulated-past", { home: app.home });
	if (firstPassword) say("app.first-password", { password: firstPassword });
}
