import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import type { AuditEvent } from "../../lib/access/audit.ts";
import { markAccess } from "../../lib/access/context.ts";
import { Deed } from "../../lib/access/deed.ts";
import type { WireAlarm, WireBoard, WireRecord } from "../../lib/alarms/wire.ts";
import type { WireEfficiency } from "../../lib/efficiency/wire.ts";
import { openStore } from "../../lib/store/open.ts";
import type { Store } from "../../lib/store/store.ts";
import { holidaysFor } from "../../lib/tariff/calculate-cost.ts";
import { Pricer } from "../../lib/tariff/pricer.ts";
import { shippedTariffs } from "../../lib/tariff/registry.ts";
import type { Reading } from "../../lib/telemetry/reading.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import type { EnergySiteNode } from "../../nodes/energy-site/config.ts";
import { until } from "../support/mqtt.ts";
import { next, nodeSet, useNodeRed } from "./harness.ts";

interface Happened extends NodeMessage {
	topic: string;
	event?: string;
	payload: { type: string; from: string; to: string; by: string; announce: boolean; alarm: WireAlarm };
}
interface Answer<T> extends NodeMessage {
	payload: T;
}

const site: Site = {
	...{ id: "demo", name: "Demo", timeZone: "Asia/Seoul", unknownMachines: "reject" as const },
	machines: [
		{ id: "main", name: "Main meter", area: "grid", role: "main" },
		{ id: "compressor-1", name: "Air compressor 1", area: "utilities", role: "sub", ratedKw: 75 },
	],
};
const tariff = shippedTariffs().get("kepco/industrial-b/high-a/II");
const pricer = new Pricer({ tariff, holidays: holidaysFor(tariff, {}) });
const rules = [
	{ id: "high-power", source: "condition", condition: "powerKw > 60 clears 55", priority: "high" },
	{ id: "anomaly", source: "anomaly" },
	{ id: "silent", source: "silent" },
];
const id = "high-power.compressor-1";

describe("energy-alarm node", () => {
	const helper = useNodeRed();
	let folder: string;
	let stores: Store[];
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "energy-alarm-"));
		stores = [];
	});
	afterEach(async () => {
		await helper.unload();
		for (const store of stores) await store.close();
		rmSync(folder, { recursive: true, force: true });
	});

	/** A site with a store of its own, as energy-site has it. */
	const siteWithStore = (RED: NodeAPI): void => {
		RED.nodes.registerType("energy-site", function (this: Node & Partial<EnergySiteNode>, config: NodeDef) {
			RED.nodes.createNode(this, config);
			this.site = site;
			this.pricer = () => pricer;
			this.store = async () => {
				const store = await openStore(`sqlite://${folder}/plant.db`);
				stores.push(store);
				return store;
			};
		});
	};
	const deploy = async (config: object = {}, credentials: object = {}, more: object[] = []): Promise<void> => {
		const outputs = ["live", "mqtt", "answers", "board"];
		const flow = [
			{ id: "f", type: "tab" },
			{ id: "s", type: "energy-site" },
			{ ...{ id: "n", z: "f", type: "energy-alarm", site: "s", rules, wires: outputs.map((one) => [one]) }, ...config },
			...outputs.map((one) => ({ id: one, z: "f", type: "helper" })),
			...more,
		];
		await helper.load([siteWithStore, nodeSet("energy-alarm")] as never, flow as never, { n: credentials } as never);
	};
	/** The board comes first when what was kept is back. */
	const load = async (config: object = {}, credentials: object = {}): Promise<void> => {
		await deploy(config, credentials);
		await next("board", "alarms");
	};
	const send = (msg: object) => helper.getNode("n").receive(msg as NodeMessage);
	const reading = (powerKw: number, more = {}) => ({
		...{ site: "demo", machine: "compressor-1", time: new Date().toISOString(), powerKw, quality: "good" },
		...more,
	});
	const raise = async (): Promise<Happened> => {
		const happened = next<Happened>("live");
		send({ payload: reading(70) });
		return happened;
	};
	const ask = async <T>(topic: string, payload: object = {}): Promise<T> => {
		const answer = next<Answer<T>>("answers");
		send({ topic, payload });
		return (await answer).payload;
	};
	const failure = () =>
		new Promise<Error & { code?: string }>((resolve) => {
			(helper.getNode("n") as EventEmitter).on("call:error", (call: { firstArg: unknown }) => {
				if (call.firstArg instanceof Error) resolve(call.firstArg);
			});
		});

	it("raises an alarm, tells the live feed and MQTT of it, and keeps it", async () => {
		await load();
		const mqtt = next<Happened>("mqtt");
		const { topic, event, payload } = await raise();
		assert.deepEqual([topic, event, payload.type, payload.to], ["event", "alarm", "raised", "unacknowledged"]);
		assert.equal(payload.alarm.cause?.text["en-US"], "Power is 70 kW, above 60 kW.");
		assert.equal(payload.alarm.excessKw, 10);
		assert.ok((payload.alarm.krwPerHour ?? 0) > 400, "10 kW cost something");
		assert.equal((await mqtt).topic, "smartfactory/demo/utilities/compressor-1/event");
		const store = stores[0] as Store;
		assert.equal((await store.documents({ site: "demo", kind: "alarm" })).items[0]?.id, id);
		assert.equal((await store.journal({ site: "demo", kind: "alarm" })).items.length, 1);
	});

	it("does what an operator wants and answers with the alarm as it stands", async () => {
		await load();
		await raise();
		const acknowledged = await ask<WireAlarm>("ack", { id, by: "kim" });
		assert.deepEqual([acknowledged.state, acknowledged.acknowledgedBy], ["acknowledged", "kim"]);
		const shelved = await ask<WireAlarm>("shelve", { id, by: "kim", minutes: 30, reason: "valve ordered" });
		assert.deepEqual([shelved.state, shelved.shelving?.mode], ["shelved", "timed"]);
		assert.equal((await ask<WireAlarm>("assign", { id, assignee: "park" })).assignee, "park");
		assert.equal((await ask<WireAlarm>("comment", { id, text: "leak" })).comment?.text, "leak");
		assert.equal((await ask<WireAlarm>("unshelve", { id })).state, "acknowledged");
		const { items } = await ask<{ items: { type: string; by: string }[] }>("journal", { id });
		assert.deepEqual(
			items.map(({ type }) => type),
			["unshelved", "commented", "assigned", "shelved", "acknowledged", "raised"],
		);
		assert.equal(items.at(-2)?.by, "kim");
	});

	it("knows after a restart what stood before it", async () => {
		await load();
		await raise();
		await ask("ack", { id, by: "kim" });
		await helper.unload();
		await load();
		const { items } = await ask<{ items: WireAlarm[] }>("list");
		assert.deepEqual([items[0]?.id, items[0]?.state, items[0]?.acknowledgedBy], [id, "acknowledged", "kim"]);
		const returned = next<Happened>("live");
		send({ payload: reading(40) });
		assert.deepEqual([(await returned).payload.type, (await returned).payload.to], ["returned", "normal"]);
	});

	it("answers for another process on the same store, and hands it commands", async () => {
		await load();
		await raise();
		const follower = {
			...{ id: "m", z: "f", type: "energy-alarm", site: "s", rules, mode: "follow" },
			wires: [[], [], ["follower"], []],
		};
		await helper.unload();
		await deploy({}, {}, [follower, { id: "follower", z: "f", type: "helper" }]);
		await next("board", "alarms");
		const told = (msg: object): Promise<Answer<unknown>> => {
			const answer = next<Answer<unknown>>("follower");
			helper.getNode("m").receive(msg as NodeMessage);
			return answer;
		};
		const listed = (await told({ topic: "list", payload: {} })).payload as { items: WireAlarm[] };
		assert.equal(listed.items[0]?.id, id);
		const happened = next<Happened>("live");
		const acknowledged = (await told({ topic: "ack", payload: { id, by: "kim" } })).payload as WireAlarm;
		assert.equal(acknowledged.state, "acknowledged");
		assert.deepEqual([(await happened).payload.type, (await happened).payload.by], ["acknowledged", "kim"]);
	});

	it("makes one alarm of an anomaly, with its cause and its waste", async () => {
		await load();
		const happened = next<Happened>("live");
		const contributions = [{ feature: "powerKw", value: 68.4, usual: 51.2 }];
		const alert = {
			site: "demo",
			machine: "compressor-1",
			level: "critical",
			score: 0.93,
			method: "ensemble",
			...{ contributions, previous: "normal", excessKw: 17.2 },
		};
		send({ topic: "alert", payload: alert });
		send({ topic: "alert", payload: alert });
		const { alarm } = (await happened).payload;
		assert.deepEqual([alarm.priority, Math.round(alarm.excessKw ?? 0)], ["high", 17]);
		assert.match(alarm.cause?.text.ko ?? "", /전력 68\.4 kW, 이 시간대 평소 51\.2 kW보다 높음/);
		assert.equal((await ask<{ items: object[] }>("list")).items.length, 1);
	});

	it("raises a silent meter from the summary of sensor-validate", async () => {
		await load();
		const happened = next<Happened>("live");
		send({
			topic: "summary",
			payload: { site: "demo", received: 0, rejected: 0, silent: [{ machine: "main", silentS: 95 }] },
		});
		assert.equal((await happened).payload.alarm.id, "silent.main");
	});

	it("shows a board of what is not normal", async () => {
		await load();
		const board = next<Answer<WireBoard>>("board", "alarms");
		await raise();
		const { alarms, counts } = (await board).payload;
		assert.equal(alarms[0]?.id, id);
		assert.deepEqual([counts.unacknowledged.high, counts.shown], [1, 1]);
	});

	it("answers lists page by page, by state, machine and priority", async () => {
		await load();
		await raise();
		const list = (query: object) => ask<{ items: WireAlarm[]; nextCursor?: string }>("list", query);
		const silent = next<Happened>("live");
		send({ topic: "summary", payload: { silent: [{ machine: "main", silentS: 95 }] } });
		await silent;
		const first = await list({ limit: 1 });
		const second = await list({ limit: 1, cursor: first.nextCursor });
		assert.deepEqual([first.items[0]?.id, second.items[0]?.id, second.nextCursor].toSorted(), [
			id,
			"silent.main",
			undefined,
		]);
		assert.equal((await list({ machine: "main" })).items.length, 1);
		assert.equal((await list({ state: "acknowledged,shelved" })).items.length, 0);
		assert.equal((await list({ priority: "low" })).items.length, 0);
	});

	it("reports key figures and efficiencies", async () => {
		await load();
		await raise();
		const kpi = await ask<{ alarms: number; day: { verdict: string }; complete: boolean }>("kpi");
		assert.deepEqual([kpi.alarms, kpi.day.verdict, kpi.complete], [1, "acceptable", true]);
		const { threshold, items } = await ask<{ threshold: number; items: { machine: string; reason: string }[] }>(
			"efficiency",
		);
		assert.equal(threshold, 0.7);
		assert.deepEqual(items, [{ ...items[0], machine: "compressor-1", reason: "no-data" }]);
	});

	it("tells dashboards what happened lately, who did it, and how efficient machines are", async () => {
		await load();
		await raise();
		await ask("ack", { id, by: "kim" });
		await helper.unload();
		await deploy();
		const [record, efficiency] = await Promise.all([
			next<Answer<WireRecord>>("board", "record"),
			next<Answer<WireEfficiency>>("board", "efficiency"),
		]);
		const { lines, alarms, kpi } = record.payload;
		assert.deepEqual(
			lines.map(({ type, by }) => [type, by]),
			[
				["acknowledged", "kim"],
				["raised", "system"],
			],
		);
		assert.match(lines[1]?.cause?.text["en-US"] ?? "", /70 kW/);
		assert.deepEqual(alarms[id], { rule: "high-power", machine: "compressor-1" });
		assert.equal(
			kpi.perDay.reduce((sum, day) => sum + day.alarms, 0),
			1,
		);
		assert.deepEqual([efficiency.payload.threshold, efficiency.payload.site], [0.7, "demo"]);
	});

	it("learns what is efficient from the store, also of machines that are heard before", async () => {
		const store = await openStore(`sqlite://${folder}/plant.db`);
		const fromMs = Date.now() - 60 * 3_600_000;
		const past = Array.from(
			{ length: 60 * 12 },
			(_, i): Reading => ({
				...{ site: "demo", machine: "compressor-1", timeMs: fromMs + i * 300_000, quality: "good" as const },
				...{ powerKw: 50, powerFactor: 0.9, state: "running" as const },
			}),
		);
		await store.write(past);
		await store.close();
		await deploy({ rules: [...rules, { id: "efficiency", source: "efficiency" }] });
		send({ payload: reading(50, { state: "running" }) });
		await until("the machine is known by its past", async () => {
			const { items } = await ask<WireEfficiency>("efficiency");
			return (items.find(({ machine }) => machine === "compressor-1")?.hours ?? 0) >= 24;
		});
	});

	it("serves requests in the name of who is signed in, whatever the body says, and tells the audit what they changed", async () => {
		await load();
		await raise();
		const kept: AuditEvent[] = [];
		const deed = new Deed((event) => kept.push(event));
		const req = (url: string, more = {}): IncomingMessage => {
			const request = Object.assign(
				{ url, headers: {}, query: {}, params: {}, body: {} },
				more,
			) as unknown as IncomingMessage;
			markAccess(request, { user: "lee", role: "operator", language: "ko", requestId: "1", deed });
			return request;
		};
		const answered = next<Answer<WireAlarm>>("answers");
		send({ req: req(`/api/v1/alarms/${id}/ack`, { params: { id }, body: { by: "somebody else" } }) });
		assert.equal((await answered).payload.acknowledgedBy, "lee");
		deed.end({ who: "lee", what: "acknowledgeAlarm" });
		assert.equal(kept.length, 1);
		assert.equal(kept[0]?.target, id);
		const { before, after } = kept[0] as { before?: Partial<WireAlarm>; after?: Partial<WireAlarm> };
		assert.deepEqual([before?.state, before?.acknowledgedBy], ["unacknowledged", null]);
		assert.deepEqual([after?.state, after?.acknowledgedBy], ["acknowledged", "lee"]);
		const listed = next<Answer<{ items: WireAlarm[] }>>("answers");
		send({
			req: req("/api/v1/alarms?state=acknowledged", { query: { state: "acknowledged" } }),
			payload: { state: "normal" },
		});
		assert.equal((await listed).payload.items.length, 1);
	});

	for (const [name, msg, code] of [
		["an alarm that is not there", { topic: "ack", payload: { id: "nobody" } }, "alarms.unknown"],
		["a shelving that is too long", { topic: "shelve", payload: { id, minutes: 1e6 } }, "alarms.bad-command"],
		["an empty comment", { topic: "comment", payload: { id, text: " " } }, "alarms.bad-command"],
		["a state that does not exist", { topic: "list", payload: { state: "angry" } }, "alarms.bad-query"],
		["what is neither reading nor alert", { payload: { hello: "world" } }, "alarms.bad-input"],
	] as const) {
		it(`refuses ${name}`, async () => {
			await load();
			await raise();
			const failed = failure();
			send(msg);
			assert.equal((await failed).code, code);
		});
	}

	it("says on its face that a rule is wrong", async () => {
		await deploy({ rules: [{ id: "x", source: "condition", condition: "power is high" }] });
		const failed = failure();
		send({ payload: reading(70) });
		assert.equal((await failed).code, "alarms.bad-condition");
	});

	describe("tells others", () => {
		let server: Server;
		let url: string;
		const got: { body: Happened["payload"]; signature: string }[] = [];
		let status = 200;
		let arrived = (): void => {};
		const arrival = () =>
			new Promise<void>((resolve) => {
				arrived = resolve;
			});
		before((done) => {
			server = createServer((request, response) => {
				let body = "";
				request.setEncoding("utf8").on("data", (part: string) => {
					body += part;
				});
				request.on("end", () => {
					got.push({ body: JSON.parse(body), signature: String(request.headers["x-smartfactory-signature"]) });
					response.writeHead(status).end();
					arrived();
				});
			}).listen(0, "127.0.0.1", () => {
				url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
				done();
			});
		});
		after((done) => {
			server.close(done);
		});
		beforeEach(() => {
			got.length = 0;
			status = 200;
		});

		it("by webhook, once an alarm, and not of what is less urgent than asked", async () => {
			await load({ webhookUrl: url, tellFrom: "high" }, { webhookSecret: "s3cret" });
			const arrives = arrival();
			send({
				topic: "alert",
				payload: { machine: "compressor-1", level: "warning", previous: "normal", score: 0.8, contributions: [] },
			});
			await raise();
			await arrives;
			assert.deepEqual(
				got.map(({ body }) => body.alarm.id),
				[id],
			);
			assert.match(got[0]?.signature ?? "", /^sha256=[0-9a-f]{64}$/);
		});

		it("after a restart of what could not be told before it", async () => {
			status = 503;
			await load({ webhookUrl: url });
			const refused = arrival();
			await raise();
			await refused;
			await helper.unload();
			status = 200;
			const store = await openStore(`sqlite://${folder}/plant.db`);
			const kept = await store.document("demo", "alarm-state", "outbox");
			const posts = kept?.value as { nextMs: number }[];
			assert.equal(posts.length, 1);
			// Its pause is over, as after a while.
			const value = posts.map((post) => ({ ...post, nextMs: 0 }));
			await store.saveDocuments({ site: "demo", kind: "alarm-state", put: [{ id: "outbox", atMs: 1, value }] });
			await store.close();
			const delivered = arrival();
			await load({ webhookUrl: url });
			await delivered;
			assert.equal(got.at(-1)?.body.alarm.id, id);
		});

		it("by e-mail", async () => {
			const { port, letter, close } = await smtpServer();
			await load({ mailTo: "operator@plant.example", smtpHost: "127.0.0.1", smtpPort: port, language: "ko" });
			await raise();
			const text = await letter;
			assert.match(text, /To: operator@plant\.example/);
			assert.match(text, /Subject: =\?UTF-8\?/);
			await helper.unload();
			close();
		});
	});
});

/** A mail server that takes one letter. */
async function smtpServer() {
	let take: (letter: string) => void;
	const letter = new Promise<string>((resolve) => {
		take = resolve;
	});
	const server = createTcpServer((socket) => {
		let text = "";
		let body = false;
		socket.setEncoding("utf8");
		socket.write("220 test\r\n");
		socket.on("error", () => {});
		socket.on("data", (part: string) => {
			text += part;
			for (;;) {
				const end = body ? text.indexOf("\r\n.\r\n") : text.indexOf("\r\n");
				if (end < 0) return;
				const piece = text.slice(0, end);
				text = text.slice(end + (body ? 5 : 2));
				if (body) take(piece);
				const data = !body && piece.toUpperCase() === "DATA";
				body = data;
				socket.write(data ? "354 go on\r\n" : piece.toUpperCase() === "QUIT" ? "221 bye\r\n" : "250 ok\r\n");
			}
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return { port: (server.address() as AddressInfo).port, letter, close: () => server.close() };
}
