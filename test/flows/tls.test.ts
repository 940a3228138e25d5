import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { type RequestOptions, request } from "node:https";
import { join } from "node:path";
import mqtt from "mqtt";
import WebSocket from "ws";
import { meterCertificate } from "../../lib/tls/certificates.ts";
import { freePort, password, type System, startSystem, until } from "./system.ts";

interface Answer {
	status: number;
	headers: IncomingHttpHeaders;
	body: string;
}

describe("a start with --tls self-signed", function () {
	this.timeout(180_000);
	let system: System;
	let mqttTls: number;
	let ca: Buffer;
	const ask = (port: number, options: RequestOptions, body?: string) =>
		new Promise<Answer>((resolve, reject) => {
			const sent = request({ host: "127.0.0.1", port, ca, ...options }, (answer) => {
				let text = "";
				answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
				answer.once("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }));
			});
			sent.once("error", reject).end(body);
		});
	before(async () => {
		mqttTls = await freePort();
		system = await startSystem({
			args: ["--tls", "self-signed"],
			env: { SMARTFACTORY_SYSTEM_MQTT_TLS_PORT: String(mqttTls), SMARTFACTORY_DATA_HISTORY_DAYS: "0" },
			answers: async (port, home) => {
				ca = readFileSync(join(home, "tls", "ca.pem"));
				return (await ask(port, { path: "/health" })).status === 200;
			},
		});
	});
	after(() => system?.stop());

	const signIn = async () => {
		const answer = await ask(
			system.port,
			{ path: "/api/v1/auth/login", method: "POST", headers: { "content-type": "application/json" } },
			JSON.stringify({ username: "admin", password, session: true }),
		);
		assert.equal(answer.status, 200);
		const { accessToken } = JSON.parse(answer.body) as { accessToken: string };
		return { answer, headers: { authorization: `Bearer ${accessToken}` } };
	};

	it("speaks no plain HTTP, and names addresses that work", async () => {
		await assert.rejects(fetch(`http://127.0.0.1:${system.port}/health`));
		assert.match(system.output(), /https:\/\/127\.0\.0\.1:\d+/);
		assert.match(system.output(), /wss:\/\//);
	});

	it("keeps the cookie to TLS, and browsers too", async () => {
		const { answer } = await signIn();
		assert.match(answer.headers["set-cookie"]?.[0] ?? "", /; Secure/);
		assert.match(answer.headers["strict-transport-security"] ?? "", /max-age=\d+/);
	});

	it("opens the live feed over wss", async () => {
		const { headers } = await signIn();
		const socket = new WebSocket(`wss://127.0.0.1:${system.port}/ws`, { ca, headers });
		const [first] = (await new Promise((resolve, reject) => {
			socket.once("message", (data) => resolve([String(data)]));
			socket.once("error", reject);
		})) as [string];
		assert.equal((JSON.parse(first) as { type: string }).type, "snapshot");
		socket.close();
	});

	it("takes readings over MQTT with TLS and stores them", async () => {
		const { username, password: secret } = JSON.parse(
			readFileSync(join(system.home, "secrets", "mqtt.json"), "utf8"),
		) as { username: string; password: string };
		const client = await mqtt.connectAsync(`mqtts://127.0.0.1:${mqttTls}`, { ca, username, password: secret });
		const time = new Date(Date.now() - 5_000).toISOString();
		const reading = { machine: "over-tls", time, powerKw: 300 };
		await client.publishAsync("smartfactory/demo/melt/over-tls/telemetry", JSON.stringify(reading), { qos: 1 });
		await client.endAsync();
		const { headers } = await signIn();
		const path = "/api/v1/data/sensors?machine=over-tls&resolution=raw";
		await until(
			async () => (await ask(system.port, { path, headers })).body.includes(time.slice(0, 19)),
			() => `the reading did not arrive:\n${system.output()}`,
		);
	});

	it("makes certificates for meters by the same authority", async () => {
		const { cert } = await meterCertificate(system.home, "furnace-1");
		assert.match(readFileSync(cert, "utf8"), /BEGIN CERTIFICATE/);
	});
});
