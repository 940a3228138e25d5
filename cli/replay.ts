// `npm run replay`: the rows of a CSV file over MQTT, as if the machine were running now.
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { connect, type MqttClient } from "mqtt";
import { brokerUrl, type Config } from "../lib/config/config.ts";
import { EnergyError } from "../lib/errors.ts";
import { languageOfTerminal } from "../lib/messages.ts";
import { asOption, fileOptions, planOf, rowsOf } from "../lib/telemetry/csv/file.ts";
import { CsvImporter } from "../lib/telemetry/csv/importer.ts";
import { dueMs, replayReading } from "../lib/telemetry/csv/replay.ts";
import type { Span } from "../lib/telemetry/csv/resample.ts";
import { type BrokerTlsOptions, brokerTlsOptions } from "../lib/tls/broker.ts";
import { loadApp } from "./app.ts";
import { line, reasonOf, say } from "./say.ts";

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());

void main().catch((error: unknown) => {
	console.error(reasonOf(error));
	process.exitCode = 1;
});

function commandLine() {
	return parseArgs({
		allowPositionals: true,
		options: {
			...fileOptions,
			// Here --time chooses the stamp; the column is --time-column.
			time: { type: "string", default: "now" },
			"time-column": { type: "string" },
			site: { type: "string", default: "demo" },
			area: { type: "string", default: "replay" },
			machine: { type: "string" },
			speed: { type: "string", default: "900" },
			from: { type: "string", default: "1" },
			rows: { type: "string" },
			loop: { type: "boolean" },
			broker: { type: "string" },
			username: { type: "string" },
			password: { type: "string" },
			help: { type: "boolean", short: "h" },
		},
	});
}

type Values = ReturnType<typeof commandLine>["values"];

interface Orders {
	site: string;
	area: string;
	machine: string;
	speed: number;
	original: boolean;
	loop: boolean;
}

async function main(): Promise<void> {
	const { values, positionals } = commandLine();
	const [file] = positionals;
	if (values.help || file === undefined) {
		say("telemetry.replay-usage");
		process.exitCode = values.help ? 0 : 2;
		return;
	}
	const orders = ordersOf(values);
	const spans = await spansOf(file, values, orders);
	const login = loginOf(values);
	const client = await connected(login);
	if (!client) return;
	say("telemetry.replay-connected", { broker: login.shown, topic: topicOf(orders) });
	let published = 0;
	try {
		do published += await publishAll(client, spans, orders);
		while (orders.loop && !stopping.signal.aborted);
	} finally {
		// Waits for the acknowledgements under way, but not for a broker that is gone.
		await client.endAsync(!client.connected);
	}
	say("telemetry.replay-done", { rows: published });
}

function wrong(option: string, value: string, rule: string): never {
	throw new EnergyError("telemetry.import-option", { option, value: value || "–", rule });
}

function ordersOf(values: Values): Orders {
	const id = (option: string, value = ""): string =>
		/^[A-Za-z0-9_-]{1,64}$/.test(value) ? value : wrong(option, value, "[A-Za-z0-9_-]{1,64}");
	const speed = Number(values.speed);
	if (!(speed > 0 && speed <= 1e6)) wrong("--speed", values.speed, "0…1000000");
	if (values.time !== "now" && values.time !== "original") wrong("--time", values.time, "now, original");
	return {
		site: id("--site", values.site),
		area: id("--area", values.area),
		machine: id("--machine", values.machine),
		speed,
		original: values.time === "original",
		loop: values.loop === true,
	};
}

const topicOf = ({ site, area, machine }: Orders): string => `smartfactory/${site}/${area}/${machine}/telemetry`;

/** The rows to publish; those that can't be read are left out, as import would put them aside. */
async function spansOf(file: string, values: Values, { site, machine }: Orders): Promise<Span[]> {
	const { time: _stamp, "time-column": timeColumn, ...rest } = values;
	const { plan, delimiter } = await planOf(
		file,
		{ ...rest, ...(timeColumn !== undefined && { time: timeColumn }) },
		asOption,
	);
	const importer = new CsvImporter(plan, {
		site,
		machine,
		timeZone: values.zone,
		file: basename(file),
		language: languageOfTerminal(process.env),
	});
	const first = Number(values.from);
	const count = values.rows === undefined ? Number.POSITIVE_INFINITY : Number(values.rows);
	if (!(first >= 1)) wrong("--from", values.from, "≥ 1");
	if (!(count >= 1)) wrong("--rows", values.rows ?? "", "≥ 1");
	const spans: Span[] = [];
	for await (const { row, line: number } of rowsOf(file, delimiter)) {
		const { span } = importer.add(row, number);
		if (span && importer.rows >= first) spans.push(span);
		if (spans.length >= count) break;
	}
	if (spans.length === 0) throw new EnergyError("telemetry.import-empty");
	return spans;
}

interface Login {
	url: string;
	/** Without the password. */
	shown: string;
	username?: string;
	password?: string;
	tls: BrokerTlsOptions;
}

function loginOf(values: Values): Login {
	const { home, config } = loadApp();
	const text = values.broker ?? brokerUrl(config.system) ?? `mqtt://127.0.0.1:${config.system.mqtt_port}`;
	if (!URL.canParse(text)) wrong("--broker", text, "mqtt://host:1883");
	const url = new URL(text);
	const own = join(home, "secrets", "mqtt.json");
	const file: { username?: string; password?: string } = existsSync(own) ? JSON.parse(readFileSync(own, "utf8")) : {};
	const env = process.env;
	const username =
		values.username ?? (decodeURIComponent(url.username) || env.SMARTFACTORY_MQTT_USERNAME || file.username);
	const password =
		values.password ?? (decodeURIComponent(url.password) || env.SMARTFACTORY_MQTT_PASSWORD || file.password);
	url.username = "";
	url.password = "";
	return {
		url: url.href,
		shown: url.href,
		...(username && { username }),
		...(password && { password }),
		tls: tlsOf(url.href, config.system),
	};
}

function tlsOf(url: string, { mqtt_ca: ca, mqtt_cert: cert, mqtt_key: key }: Config["system"]): BrokerTlsOptions {
	return brokerTlsOptions(url, { ca, cert, key });
}

/** Waits for the broker as long as it takes; undefined when stopped meanwhile. A refused login ends it at once. */
async function connected({ url, shown, username, password, tls }: Login): Promise<MqttClient | undefined> {
	const login = { ...(username && { username }), ...(password && { password }) };
	const client = connect(url, { reconnectPeriod: 2000, ...login, ...tls });
	let waiting = "";
	const wait = (reason: string): void => {
		if (waiting !== reason) say("telemetry.replay-waiting", { broker: shown, reason });
		waiting = reason;
	};
	client.on("connect", () => {
		waiting = "";
	});
	client.on("offline", () => {
		if (!stopping.signal.aborted) wait("offline");
	});
	const ready = await new Promise<boolean>((resolve, reject) => {
		client.once("connect", () => resolve(true));
		stopping.signal.addEventListener("abort", () => resolve(false));
		client.on("error", (error: Error & { code?: unknown }) => {
			// CONNACK codes of MQTT 3.1.1 and 5 that say "not you".
			if ([4, 5, 134, 135].includes(Number(error.code)))
				reject(new EnergyError("telemetry.replay-refused", { broker: shown, reason: error.message }));
			else wait(String(error.code ?? error.message));
		});
	}).catch(async (error: unknown) => {
		await client.endAsync(true);
		throw error;
	});
	if (ready) return client;
	await client.endAsync(true);
	return undefined;
}

/** @returns how many the broker has acknowledged */
async function publishAll(client: MqttClient, spans: readonly Span[], orders: Orders): Promise<number> {
	const topic = topicOf(orders);
	const startedMs = performance.now();
	const firstMs = spans[0]?.startMs ?? 0;
	let pausedMs = 0;
	let published = 0;
	for (const [index, span] of spans.entries()) {
		await sleep(startedMs + pausedMs + dueMs(span, firstMs, orders.speed) - performance.now());
		if (stopping.signal.aborted) break;
		const reading = replayReading(span, orders, orders.original ? undefined : Date.now());
		const sentMs = performance.now();
		if (!(await acknowledged(client, topic, JSON.stringify(reading)))) break;
		// While the broker was away, the replay stood still; it does not catch up in one rush.
		const lateMs = performance.now() - sentMs;
		if (lateMs > 1000) pausedMs += lateMs;
		published++;
		progress(index + 1, spans.length, span, reading.powerKw ?? 0);
	}
	if (process.stderr.isTTY) process.stderr.write("\n");
	return published;
}

/** Resolves with true once the broker has it, across reconnections; with false when stopped first. */
function acknowledged(client: MqttClient, topic: string, payload: string): Promise<boolean> {
	return new Promise((resolve, reject) => {
		const stop = (): void => resolve(false);
		stopping.signal.addEventListener("abort", stop, { once: true });
		client.publish(topic, payload, { qos: 1 }, (error) => {
			stopping.signal.removeEventListener("abort", stop);
			if (error && !stopping.signal.aborted) reject(error);
			else resolve(!error);
		});
	});
}

function sleep(ms: number): Promise<void> {
	if (ms <= 0) return Promise.resolve();
	return new Promise((resolve) => {
		const timer = setTimeout(done, ms);
		stopping.signal.addEventListener("abort", done, { once: true });
		function done(): void {
			clearTimeout(timer);
			stopping.signal.removeEventListener("abort", done);
			resolve();
		}
	});
}

let shownMs = 0;

function progress(row: number, rows: number, span: Span, kw: number): void {
	const nowMs = performance.now();
	if (!process.stderr.isTTY || nowMs - shownMs < 200) return;
	shownMs = nowMs;
	const time = new Date(span.startMs).toISOString();
	process.stderr.write(`\r\x1b[K${line("telemetry.replay-progress", { row, rows, time, kw: kw.toFixed(2) })}`);
}
