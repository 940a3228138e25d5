import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync, rmSync, statSync } from "node:fs";
import mqtt, { type IClientOptions } from "mqtt";
import { type Broker, startBroker } from "../../lib/broker/broker.ts";
import { EnergyError } from "../../lib/errors.ts";
import {
	type CertificateFiles,
	meterCertificate,
	readCertificate,
	serverCertificate,
} from "../../lib/tls/certificates.ts";
import { temporaryHome } from "./access/harness.ts";

const withCode = (code: string) => (error: unknown) => error instanceof EnergyError && error.code === code;
const names = ["localhost", "127.0.0.1"];
const credentials = { username: "plant", password: "secret-for-tests" };

describe("certificates of a home's own", () => {
	let home: string;
	before(() => {
		home = temporaryHome();
	});
	after(() => rmSync(home, { recursive: true, force: true }));
	const read = (path: string) => readFileSync(path, "utf8");

	it("are made once, readable by their owner alone, for every name of the machine", async () => {
		const made = await serverCertificate(home, names);
		const certificate = new X509Certificate(read(made.cert));
		assert(certificate.verify(new X509Certificate(read(made.ca)).publicKey));
		assert.equal(certificate.checkIP("127.0.0.1"), "127.0.0.1");
		assert.equal(certificate.checkHost("localhost"), "localhost");
		assert.equal(certificate.checkHost("elsewhere.example"), undefined);
		assert.equal(statSync(made.key).mode & 0o077, 0);
		const before = read(made.cert);
		await serverCertificate(home, names);
		assert.equal(read(made.cert), before);
	});

	it("are made again for a new name, and before their time is over; the authority stays", async () => {
		const { cert, ca } = await serverCertificate(home, names);
		const [before, authority] = [read(cert), read(ca)];
		await serverCertificate(home, [...names, "plant.example"]);
		const renamed = read(cert);
		assert.notEqual(renamed, before);
		await serverCertificate(home, names, Date.now() + 380 * 86_400_000);
		assert.notEqual(read(cert), renamed);
		assert.equal(read(ca), authority);
	});

	it("name a machine, and nothing that is no machine", async () => {
		const { cert } = await meterCertificate(home, "furnace-1");
		assert.match(new X509Certificate(read(cert)).subject, /CN=furnace-1/);
		for (const name of ["../../etc/passwd", "a/b", "", "+"]) {
			await assert.rejects(meterCertificate(home, name), withCode("tls.meter-name"));
		}
	});

	it("say which file can't be read", () => {
		assert.throws(() => readCertificate({ cert: "/nowhere/cert.pem" }), withCode("tls.unreadable"));
	});
});

describe("the broker's port with TLS", () => {
	let home: string;
	let server: CertificateFiles;
	let meter: CertificateFiles;
	let broker: Broker;
	before(async () => {
		home = temporaryHome();
		server = await serverCertificate(home, names);
		meter = await meterCertificate(home, "furnace-1");
		const tls = { port: 0, certFile: server.cert, keyFile: server.key, caFile: server.ca };
		broker = await startBroker({ port: 0, ...credentials, tls });
	});
	after(async () => {
		await broker?.close();
		rmSync(home, { recursive: true, force: true });
	});
	const join = (options: IClientOptions = {}) =>
		mqtt.connectAsync(`mqtts://127.0.0.1:${broker.tlsPort}`, {
			ca: readFileSync(server.ca),
			reconnectPeriod: 0,
			connectTimeout: 10_000,
			...options,
		});
	/** A server that wants a certificate hangs up without a word; mqtt.js alone would wait for one. */
	const isRefused = (options: IClientOptions) =>
		new Promise<boolean>((resolve) => {
			const secure = { ca: readFileSync(server.ca), reconnectPeriod: 0, ...options };
			const client = mqtt.connect(`mqtts://127.0.0.1:${broker.tlsPort}`, secure);
			const end = (refused: boolean): void => {
				resolve(refused);
				client.end(true);
			};
			client.once("connect", () => end(false));
			client.on("error", () => end(true));
			client.once("close", () => end(true));
		});
	const shows = ({ cert, key }: CertificateFiles) => ({ cert: readFileSync(cert), key: readFileSync(key) });
	const until = async (what: () => boolean): Promise<void> => {
		while (!what()) await new Promise((resolve) => setTimeout(resolve, 10));
	};

	it("lets nobody in without a certificate of its authority, whatever password they know", async () => {
		assert.equal(await isRefused(credentials), true);
		const elsewhere = temporaryHome();
		assert.equal(await isRefused({ ...credentials, ...shows(await meterCertificate(elsewhere, "furnace-1")) }), true);
		assert.equal(await isRefused({ ...credentials, ...shows(meter) }), false);
		rmSync(elsewhere, { recursive: true });
		await assert.rejects(join({ ...shows(meter), username: "plant", password: "wrong" }), { code: 4 });
	});

	it("takes from a meter what is of its own machine, and nothing in another's name", async () => {
		const reader = await mqtt.connectAsync(broker.url, { ...credentials, reconnectPeriod: 0 });
		const got: string[] = [];
		reader.on("message", (topic) => got.push(topic));
		await reader.subscribeAsync("smartfactory/#", { qos: 1 });
		const own = "smartfactory/demo/melt/furnace-1/telemetry";
		const client = await join(shows(meter));
		await client.publishAsync(own, "{}", { qos: 1 });
		for (const foreign of ["smartfactory/demo/melt/mill-1/telemetry", "smartfactory/demo/melt/furnace-1/command"]) {
			const other = await join(shows(meter));
			const gone = new Promise<void>((resolve) => other.once("close", () => resolve()));
			other.publish(foreign, "{}", { qos: 1 });
			await gone;
			await other.endAsync(true);
		}
		await client.publishAsync(own, "{}", { qos: 1 });
		await until(() => got.length >= 2);
		assert.deepEqual(got, [own, own]);
		await client.endAsync(true);
		await reader.endAsync(true);
	});

	it("lets a meter listen to its own commands alone", async () => {
		const client = await join(shows(meter));
		const granted = async (topic: string) =>
			(await client.subscribeAsync(topic, { qos: 0 }).catch(() => [{ qos: 128 }]))[0];
		assert.equal((await granted("smartfactory/demo/melt/furnace-1/command"))?.qos, 0);
		for (const topic of [
			"smartfactory/#",
			"smartfactory/demo/melt/+/command",
			"#",
			"smartfactory/demo/melt/mill-1/command",
		]) {
			assert.equal((await granted(topic))?.qos, 128, topic);
		}
		await client.endAsync(true);
	});
});
