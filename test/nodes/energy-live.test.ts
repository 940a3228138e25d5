import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { mock } from "node:test";
import type { NodeMessage } from "node-red";
import { WebSocket } from "ws";
import type { AccessContext } from "../../lib/access/context.ts";
import { LiveHub } from "../../lib/live/hub.ts";
import type { LiveMessage, Snapshot } from "../../lib/live/messages.ts";
import { LiveServer } from "../../lib/live/server.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import { misfits } from "../support/feed-contract.ts";
import { until } from "../support/mqtt.ts";
import { siteNode, useTemporaryStore } from "../support/store-site.ts";
import { nodeSet, useNodeRed } from "./harness.ts";

const machine = (id: string) => ({ id, name: id, area: "hall", role: "sub" as const });
const site: Site = {
	id: "demo",
	name: "Demo",
	timeZone: "Asia/Seoul",
	unknownMachines: "accept",
	machines: [machine("a"), machine("b")],
};
const viewer: AccessContext = { user: "u", role: "viewer", language: "en-US", requestId: "r" };

/** What any message of the feed had against asyncapi.yaml. */
const broken: string[] = [];

/** A client that keeps what it was told. */
class Listener {
	readonly messages: LiveMessage[] = [];
	readonly socket: WebSocket;

	constructor(url: string, token: string) {
		this.socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
		this.socket.on("message", (data) => {
			const message = JSON.parse(String(data)) as LiveMessage;
			this.messages.push(message);
			broken.push(...misfits(message));
		});
	}

	/** The status of a refused handshake. */
	refused(): Promise<number> {
		return new Promise((resolve) => {
			this.socket.on("error", () => {});
			this.socket.on("unexpected-response", (_, res: IncomingMessage) => resolve(res.statusCode ?? 0));
		});
	}

	of<T extends LiveMessage["type"]>(type: T): Extract<LiveMessage, { type: T }>[] {
		return this.messages.filter((message) => message.type === type) as Extract<LiveMessage, { type: T }>[];
	}
}

describe("live WebSocket", () => {
	let http: Server;
	let live: LiveServer;
	let hub: LiveHub;
	let url: string;
	const valid = new Set<string>();

	async function start(more: Partial<ConstructorParameters<typeof LiveServer>[0]> = {}): Promise<void> {
		hub = new LiveHub(site, Date.now());
		live = new LiveServer({
			path: "/ws",
			settingsLine: "the line",
			authenticate: async (req) => (valid.has(req.headers.authorization?.slice(7) ?? "") ? viewer : null),
			snapshot: () => hub.snapshot(Date.now()),
			resume: (stream, seq) => hub.resume(stream, seq, Date.now()),
			...more,
		});
		http = createServer();
		http.on("upgrade", live.upgrade);
		http.listen(0, "127.0.0.1");
		await once(http, "listening");
		url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/ws`;
	}
	beforeEach(() => {
		valid.add("good");
	});
	afterEach(async () => {
		live.close();
		http.closeAllConnections();
		await new Promise((resolve) => http.close(resolve));
		assert.deepEqual(broken.splice(0), []);
	});
	const read = (id: string, powerKw: number) =>
		hub.read([{ site: "demo", machine: id, time: new Date().toISOString(), powerKw }], Date.now());
	const tick = () => live.delta(hub.delta(Date.now()), Date.now());
	async function listen(): Promise<Listener> {
		const listener = new Listener(url, "good");
		await until("a snapshot", () => listener.of("snapshot").length > 0);
		return listener;
	}

	it("starts with the whole picture and goes on with what changed", async () => {
		await start();
		const listener = await listen();
		read("a", 5);
		tick();
		await until("a delta", () => listener.of("delta").length === 1);
		assert.deepEqual(
			listener.of("delta")[0]?.machines.map(({ machine: id, powerKw }) => ({ id, powerKw })),
			[{ id: "a", powerKw: 5 }],
		);
		assert.equal(listener.of("delta")[0]?.seq, (listener.of("snapshot")[0]?.seq ?? 0) + 1);
	});

	it("gives a client that comes back what it missed, in order and once", async () => {
		await start();
		const listener = await listen();
		const { stream, seq } = listener.of("snapshot")[0] as Snapshot;
		listener.socket.close();
		read("a", 5);
		tick();
		live.event(hub.event("alarm", { machine: "a" }, Date.now()));
		read("a", 6);
		tick();
		const back = new Listener(`${url}?resume=${stream}:${seq}`, "good");
		await until("all it missed", () => back.messages.length === 4);
		const kinds = back.messages.map(({ type }) => type);
		assert.deepEqual(kinds, ["resumed", "delta", "event", "delta"]);
		assert.deepEqual([...back.of("delta"), ...back.of("event")].map((message) => message.seq).sort(), [
			seq + 1,
			seq + 2,
			seq + 3,
		]);
		const { replayed, deltasComplete, eventsComplete } = back.of("resumed")[0] ?? {};
		assert.deepEqual(
			{ replayed, deltasComplete, eventsComplete },
			{
				...{ replayed: 3, deltasComplete: true, eventsComplete: true },
			},
		);
	});

	it("begins anew where it cannot know what was missed", async () => {
		await start();
		const { stream } = (await listen()).of("snapshot")[0] as Snapshot;
		for (const place of [`${stream}:99`, "another:0"]) {
			const back = new Listener(`${url}?resume=${place}`, "good");
			await until("a message", () => back.messages.length > 0);
			assert.equal(back.messages[0]?.type, "snapshot");
		}
		assert.equal(await new Listener(`${url}?resume=yesterday`, "good").refused(), 400);
	});

	it("sends a picture and the events where the deltas reach no longer so far back", async () => {
		await start();
		const { stream, seq } = (await listen()).of("snapshot")[0] as Snapshot;
		live.event(hub.event("alarm", { machine: "a" }, Date.now()));
		for (let index = 0; index < 200; index++) tick();
		const back = new Listener(`${url}?resume=${stream}:${seq}`, "good");
		await until("the picture", () => back.of("snapshot").length === 1);
		assert.deepEqual(
			back.messages.map(({ type }) => type),
			["resumed", "event", "snapshot"],
		);
		assert.equal(back.of("resumed")[0]?.deltasComplete, false);
	});

	it("sends only the topics that a client asked for, in the address or by message", async () => {
		await start();
		const alarms = new Listener(`${url}?topics=alarm`, "good");
		await until("the connection", () => live.clients === 1);
		const readings = await listen();
		readings.socket.send('{"type":"subscribe","topics":["readings","demand"]}');
		await until("a second snapshot", () => readings.of("snapshot").length === 2);
		for (const event of ["demand.over", "alarm"]) live.event(hub.event(event, {}, Date.now()));
		tick();
		await until("the messages", () => readings.of("delta").length === 1 && alarms.of("event").length === 1);
		assert.deepEqual(
			readings.of("event").map(({ event }) => event),
			["demand.over"],
		);
		assert.deepEqual(
			alarms.messages.map((message) => message.type === "event" && message.event),
			["alarm"],
		);
	});

	it("sends events at once", async () => {
		await start();
		const listener = await listen();
		live.event(hub.event("alarm", { machine: "a" }, Date.now()));
		await until("an event", () => listener.of("event").length === 1);
		assert.deepEqual(listener.of("event")[0]?.data, { machine: "a" });
	});

	it("sends only the machines that a client asked for", async () => {
		await start();
		const listener = await listen();
		listener.socket.send('{"type":"subscribe","machines":["b"]}');
		await until("a second snapshot", () => listener.of("snapshot").length === 2);
		read("a", 5);
		read("b", 6);
		tick();
		await until("a delta", () => listener.of("delta").length === 1);
		assert.deepEqual(
			listener.of("delta")[0]?.machines.map(({ machine: id }) => id),
			["b"],
		);
	});

	it("answers what it does not understand with a problem, and goes on", async () => {
		await start();
		const listener = await listen();
		for (const bad of ["{", "null", '{"type":"subscribe","machines":"all"}']) listener.socket.send(bad);
		await until("three problems", () => listener.of("problem").length === 3);
		assert.equal(listener.socket.readyState, WebSocket.OPEN);
	});

	it("closes on a message that is too large, or on too many", async () => {
		await start();
		const large = await listen();
		large.socket.send("x".repeat(20_000));
		assert.equal((await once(large.socket, "close"))[0], 1009);
		const many = await listen();
		for (let index = 0; index < 30; index++) many.socket.send("{}");
		assert.equal((await once(many.socket, "close"))[0], 1008);
	});

	it("refuses a stranger with 401", async () => {
		await start();
		assert.equal(await new Listener(url, "wrong").refused(), 401);
	});

	it("does not take a token from the address", async () => {
		await start();
		assert.equal(await new Listener(`${url}?access_token=good`, "").refused(), 401);
	});

	it("refuses everyone with 503 where no access check is installed", async () => {
		await start({ authenticate: undefined });
		assert.equal(await new Listener(url, "good").refused(), 503);
	});

	it("leaves other paths to other listeners", async () => {
		await start();
		let asked = "";
		http.on("upgrade", (req, socket) => {
			if (req.url?.startsWith("/ws")) return;
			asked = req.url ?? "";
			socket.end("HTTP/1.1 418 Mine\r\n\r\n");
		});
		assert.equal(await new Listener(url.replace("/ws", "/editor/comms"), "good").refused(), 418);
		assert.equal(asked, "/editor/comms");
	});

	it("ends the connections of a login that ended", async () => {
		await start({ beatMs: 20 });
		const listener = await listen();
		valid.delete("good");
		assert.equal((await once(listener.socket, "close"))[0], 1008);
	});

	describe("with beats", () => {
		beforeEach(() => mock.timers.enable({ apis: ["setInterval"] }));
		afterEach(() => mock.timers.reset());
		const beat = () => mock.timers.tick(15_000);
		/** Resolves when the server has read whatever the client sent until now. */
		async function heardOut(listener: Listener): Promise<void> {
			const before = listener.of("problem").length;
			listener.socket.send("{");
			await until("an answer", () => listener.of("problem").length > before);
		}

		it("tells that it lives, and cuts off a peer that does not answer", async () => {
			await start();
			const listener = await listen();
			const deaf = connect(Number(new URL(url).port), "127.0.0.1");
			deaf.write(
				"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer good\r\n" +
					"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n",
			);
			deaf.resume();
			deaf.on("error", () => {});
			await until("both connections", () => live.clients === 2);
			beat();
			await until("a heartbeat", () => listener.of("heartbeat").length === 1);
			await heardOut(listener);
			const cut = once(deaf, "close");
			beat();
			await cut;
			await heardOut(listener);
			assert.equal(live.clients, 1);
		});

		it("takes nobody for gone whose answer it had no time to read", async () => {
			await start();
			const listener = await listen();
			// The client has answered; then the process stands still until the next beat is due.
			listener.socket.once("ping", () => {
				setTimeout(beat, 1);
				for (const until = performance.now() + 5; performance.now() < until; );
			});
			beat();
			await until("two heartbeats", () => listener.of("heartbeat").length === 2);
			assert.equal(listener.socket.readyState, WebSocket.OPEN);
		});
	});

	it("gives a slow reader one fresh picture instead of all it missed, and keeps nothing for it", async () => {
		await start();
		const listener = await listen();
		listener.socket.pause();
		const big = "x".repeat(4 * 1024 * 1024);
		live.event(hub.event("large", big, Date.now()));
		for (let index = 0; index < 100; index++) {
			read("a", index);
			tick();
		}
		listener.socket.resume();
		await until("the large event", () => listener.of("event").length === 1);
		await until("a fresh picture", () => {
			tick();
			return listener.of("snapshot").length === 2;
		});
		const seen = listener.of("delta").length;
		assert.ok(seen < 100, `${seen} deltas`);
		assert.equal(listener.of("snapshot")[1]?.machines[0]?.powerKw, 99);
	});

	it("sends away a reader that stays too slow, with 1013", async () => {
		await start();
		const listener = await listen();
		listener.socket.pause();
		live.event(hub.event("large", "x".repeat(4 * 1024 * 1024), Date.now()));
		const now = Date.now();
		live.delta(hub.delta(now), now);
		live.delta(hub.delta(now + 20_000), now + 20_000);
		listener.socket.resume();
		assert.equal((await once(listener.socket, "close"))[0], 1013);
	});
});

describe("energy-live node", () => {
	const helper = useNodeRed();
	const store = useTemporaryStore(helper);

	async function start(): Promise<void> {
		const flow = [
			{ id: "f", type: "tab" },
			siteNode(store.url),
			{ id: "n", type: "energy-live", site: "site", path: "/ws", wires: [["out"]], z: "f" },
			{ id: "out", type: "helper", z: "f" },
		];
		await helper.load([nodeSet("energy-site"), nodeSet("energy-live")], flow);
	}
	const ask = async (): Promise<Snapshot> => {
		const answer = new Promise<Snapshot>((resolve) => {
			helper.getNode("out").on("input", (msg) => {
				if (msg.topic === "snapshot") resolve(msg.payload as Snapshot);
			});
		});
		helper.getNode("n").receive({ topic: "snapshot" } as NodeMessage);
		return answer;
	};

	it("turns valid readings, summaries and events into live messages", async () => {
		await start();
		const node = helper.getNode("n");
		node.receive({ payload: [{ site: "demo", machine: "press", time: new Date().toISOString(), powerKw: 7 }] });
		node.receive({ payload: { received: 3, accepted: 1, rejected: 2 } });
		const snapshot = await ask();
		assert.equal(snapshot.totalKw, 7);
		assert.equal(snapshot.flow.rejectedPerMin, 2);
		// Among the pictures and changes that the node tells by itself.
		const event = new Promise<{ event: string }>((resolve) => {
			helper.getNode("out").on("input", ({ topic, payload }) => {
				if (topic === "event") resolve(payload as { event: string });
			});
		});
		node.receive({ topic: "event", payload: { event: "alarm", data: 1 } } as NodeMessage);
		assert.equal((await event).event, "alarm");
	});

	it("fails a message that is no reading, and goes on", async () => {
		await start();
		const failed = once(helper.getNode("n"), "call:error");
		helper.getNode("n").receive({ payload: "hello" });
		assert.match(String((await failed)[0].firstArg), /bad-message/);
		assert.equal((await ask()).totalKw, null);
	});

	it("can be deployed again on the same path", async () => {
		await start();
		await helper.unload();
		await start();
		assert.equal((await ask()).type, "snapshot");
	});
});
