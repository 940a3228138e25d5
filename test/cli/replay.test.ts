import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { Aedes } from "aedes";
import type { WireReading } from "../../lib/telemetry/reading.ts";
import { serverCertificate } from "../../lib/tls/certificates.ts";
import { run, useHome } from "./run.ts";

describe("npm run replay", () => {
	const home = useHome();
	let broker: Aedes;
	let server: Server;
	let got: { topic: string; reading: WireReading }[] = [];
	let url = "";
	let heard: () => void = () => undefined;

	beforeEach(async () => {
		got = [];
		broker = await Aedes.createBroker({
			authenticate: (_client, username, password, done) =>
				done(null, username === "plant" && String(password) === "secret"),
		});
		broker.on("publish", (packet, client) => {
			if (!client) return;
			got.push({ topic: packet.topic, reading: JSON.parse(String(packet.payload)) });
			heard();
		});
		server = createServer((socket) => broker.handle(socket));
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
		mkdirSync(join(home.path(), "secrets"));
		writeFileSync(join(home.path(), "secrets", "mqtt.json"), '{"username":"plant","password":"secret"}');
		writeFileSync(
			join(home.path(), "load.csv"),
			"time,kWh\n2026-08-01 00:00,2\n2026-08-01 00:15,3\n2026-08-01 00:30,4\n",
		);
	});
	afterEach(async () => {
		await new Promise<void>((resolve) => broker.close(() => resolve()));
		server.close();
	});
	const tool = (...options: string[]) =>
		run("replay", home.path(), [
			join(home.path(), "load.csv"),
			"--machine",
			"press",
			"--area",
			"hall",
			"--speed",
			"100000",
			...options,
		]);

	it("publishes each row's power, stamped now, with the application's own login", async () => {
		const before = Date.now();
		const { code, stdout, stderr } = await tool("--broker", url).ended;
		assert.equal(code, 0, stderr);
		assert.match(stdout, /3 readings published/);
		assert.deepEqual(
			got.map(({ topic, reading }) => [topic, reading.machine, reading.powerKw]),
			[
				["smartfactory/demo/hall/press/telemetry", "press", 8],
				["smartfactory/demo/hall/press/telemetry", "press", 12],
				["smartfactory/demo/hall/press/telemetry", "press", 16],
			],
		);
		for (const { reading } of got) assert.ok(Date.parse(reading.time) >= before);
		assert.ok(got.every(({ reading }) => reading.energyKwh === undefined));
	});

	it("keeps the file's times when told to", async () => {
		await tool("--broker", url, "--time", "original").ended;
		assert.equal(got[0]?.reading.time, "2026-07-31T15:00:00.000Z");
	});

	it("reaches a broker with TLS by the authority that the configuration names, and no other", async () => {
		const { cert, key, ca } = await serverCertificate(home.path(), ["localhost", "127.0.0.1"]);
		const safe = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) =>
			broker.handle(socket),
		);
		await new Promise<void>((resolve) => safe.listen(0, "127.0.0.1", resolve));
		const secure = `mqtts://127.0.0.1:${(safe.address() as AddressInfo).port}`;
		const options = [join(home.path(), "load.csv"), "--machine", "press", "--speed", "100000", "--broker", secure];
		const strange = run("replay", home.path(), options);
		while (!/SELF_SIGNED|UNABLE_TO/.test(strange.outcome.stdout))
			await new Promise((resolve) => setTimeout(resolve, 20));
		strange.stop("SIGINT");
		await strange.ended;
		assert.equal(got.length, 0);
		const { code, stderr } = await run("replay", home.path(), options, { SMARTFACTORY_SYSTEM_MQTT_CA: ca }).ended;
		safe.close();
		assert.equal(code, 0, stderr);
		assert.equal(got.length, 3);
		const wrong = await run("replay", home.path(), options, { SMARTFACTORY_SYSTEM_MQTT_CA: `${ca}.not` }).ended;
		assert.equal(wrong.code, 1);
		assert.match(wrong.stderr, /ca\.pem\.not can't be read/);
	});

	it("says that a login is refused, and ends", async () => {
		const { code, stderr, stdout } = await tool("--broker", url, "--password", "wrong").ended;
		assert.equal(code, 1);
		assert.match(stderr, /refuses the login/);
		assert.doesNotMatch(stderr + stdout, /wrong"|secret/);
	});

	it("ends at once and cleanly on Ctrl-C, also while it waits for a broker", async () => {
		const running = tool("--broker", url, "--loop", "--speed", "1");
		await new Promise<void>((resolve) => {
			heard = resolve;
		});
		running.stop("SIGINT");
		const { code, stdout } = await running.ended;
		assert.equal(code, 0);
		assert.match(stdout, /1 readings published/);
	});

	it("waits for a broker that is not there yet, and says so", async () => {
		const taken = createServer();
		await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
		const { port } = taken.address() as AddressInfo;
		await new Promise<void>((resolve) => taken.close(() => resolve()));
		const waiting = tool("--broker", `mqtt://127.0.0.1:${port}`);
		while (!/is not there/.test(waiting.outcome.stdout)) await new Promise((resolve) => setTimeout(resolve, 20));
		const late = createServer((socket) => broker.handle(socket));
		await new Promise<void>((resolve) => late.listen(port, "127.0.0.1", resolve));
		const { code } = await waiting.ended;
		late.close();
		assert.equal(code, 0);
		assert.equal(got.length, 3);
	});
});
