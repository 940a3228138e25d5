import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeNewSecretFile } from "../lib/access/secrets.ts";
import type { Broker, BrokerTls } from "../lib/broker/broker.ts";
import { keepBroker } from "../lib/broker/keep.ts";
import { brokerUrl } from "../lib/config/config.ts";
import { EnergyError } from "../lib/errors.ts";
import type { App } from "./app.ts";
import { reasonOf } from "./say.ts";

interface Credentials {
	username: string;
	password: string;
}

/**
 * Starts the embedded broker where this process is the one to have it, and tells the flows where the broker is.
 * The api mode never starts one: it follows the broker of the process beside it.
 */
export async function startEmbeddedBroker(app: App): Promise<Pick<Broker, "close"> | null> {
	const external = brokerUrl(app.config.system);
	process.env.SMARTFACTORY_MQTT_BROKER = external ?? `mqtt://127.0.0.1:${app.config.system.mqtt_port}`;
	if (external) return null;
	const { username, password } = mqttCredentials(app.home);
	process.env.SMARTFACTORY_MQTT_USERNAME ??= username;
	process.env.SMARTFACTORY_MQTT_PASSWORD ??= password;
	if (app.mode === "api") return null;
	const { mqtt_host: host, mqtt_port: port } = app.config.system;
	const warn = (reason: Error): void => console.warn(reasonOf(reason));
	const spoolFolder = join(app.home, "broker");
	const tls = brokerTls(app);
	// With TLS the plain port is for this machine alone: the flows come that way.
	const plain = tls ? "127.0.0.1" : host;
	return keepBroker({
		host: plain,
		port,
		...(tls ? { tls } : {}),
		username,
		password,
		spoolFolder,
		onRefusal: warn,
		onFailure: warn,
	});
}

/** @throws EnergyError `tls.mqtt-without` */
function brokerTls({ config: { system } }: App): BrokerTls | undefined {
	const { mqtt_host: host, mqtt_tls_port: port, tls_cert: certFile, tls_key: keyFile, mqtt_tls_ca: caFile } = system;
	if (port === 0) return undefined;
	if (!certFile || !keyFile) throw new EnergyError("tls.mqtt-without");
	return { host, port, certFile, keyFile, ...(caFile ? { caFile } : {}) };
}

/** User of the embedded broker: made on first start, readable by its owner only. */
export function mqttCredentials(home: string): Credentials {
	const path = join(home, "secrets", "mqtt.json");
	// Of two processes that start on one home at once, one makes it and both take it.
	if (!existsSync(path)) {
		const made: Credentials = { username: "smartfactory", password: randomBytes(18).toString("base64url") };
		writeNewSecretFile(path, `${JSON.stringify(made)}\n`);
	}
	return JSON.parse(readFileSync(path, "utf8")) as Credentials;
}
