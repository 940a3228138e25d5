import { createHash, randomUUID } from "node:crypto";
import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { EnergyError } from "../../lib/errors.ts";
import { Batcher } from "../../lib/ingest/batcher.ts";
import { type Decoded, Decoder } from "../../lib/ingest/decode.ts";
import { Ledger } from "../../lib/ingest/ledger.ts";
import { Subscriber, type SubscriberOptions } from "../../lib/ingest/subscriber.ts";
import { explain } from "../../lib/messages.ts";
import { brokerTlsOf } from "../../lib/tls/broker.ts";
import { logLanguage, statusText } from "../on-input.ts";
import { type IngestTag, waitForSettlement } from "../settlement.ts";
import { DEFAULT_TOPIC, type EnergyIngestConfig, type EnergyIngestCredentials } from "./config.ts";

type IngestNode = Node<EnergyIngestCredentials>;

interface Arrived extends Decoded {
	topic: string;
	/** Undefined at QoS 0: nothing to acknowledge. */
	packetId: number | undefined;
}

const DEFAULT_BROKER = "mqtt://127.0.0.1:1883";
const BATCH = { maxAgeMs: 100, idleMs: 3, maxItems: 500 };
/** Beyond these the socket is not read, so that a slow store fills the broker's queue and not our memory. */
const MAX_WAITING_MESSAGES = 20_000;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const RECEIVE_MAXIMUM = 5_000;
const SETTLE_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 1_000;

export default (RED: NodeAPI): void => {
	/** The same for this node in this installation, so that the broker finds its session again. */
	function stableClientId(id: string): string {
		const home = process.env.SMARTFACTORY_HOME ?? RED.settings.userDir ?? process.cwd();
		return `sf-${createHash("sha256").update(`${home}\n${id}`).digest("hex").slice(0, 20)}`;
	}

	function subscription(node: IngestNode, config: EnergyIngestConfig): SubscriberOptions {
		const env = process.env;
		const url = config.broker || env.SMARTFACTORY_MQTT_BROKER || DEFAULT_BROKER;
		const username = node.credentials?.username || env.SMARTFACTORY_MQTT_USERNAME;
		const password = node.credentials?.password || env.SMARTFACTORY_MQTT_PASSWORD;
		const whole = brokerTlsOf(env);
		const stores = config.mode !== "follow";
		return {
			url,
			protocol: config.protocol === "3.1.1" ? "3.1.1" : "5",
			clientId: stores ? stableClientId(node.id) : `sf-follow-${randomUUID().slice(0, 12)}`,
			topic: config.topic || DEFAULT_TOPIC,
			qos: stores ? 1 : 0,
			persistent: stores,
			...(username ? { username } : {}),
			...(password ? { password } : {}),
			tls: {
				ca: config.caFile || whole.ca,
				cert: config.certFile || whole.cert,
				key: config.keyFile || whole.key,
				verify: config.verifyServer !== false,
			},
			receiveMaximum: RECEIVE_MAXIMUM,
		};
	}

	function EnergyIngest(this: IngestNode, config: EnergyIngestConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		const ledger = new Ledger();
		const decoder = new Decoder({ maxBytes: (Number(config.maxKb) || 256) * 1024 });
		const status = statusOf(this);
		let waiting = { messages: 0, bytes: 0 };
		let lastSaid = "";

		const hasRoom = (): boolean =>
			ledger.messages + waiting.messages < MAX_WAITING_MESSAGES && ledger.bytes + waiting.bytes < MAX_WAITING_BYTES;

		const batcher = new Batcher<Arrived>(BATCH, (arrived) => {
			const readings = arrived.flatMap((message) => message.readings);
			const rejected = arrived.flatMap((message) => message.rejected);
			const ids = arrived.flatMap((message) => message.packetId ?? []);
			const { bytes } = waiting;
			waiting = { messages: 0, bytes: 0 };
			const total = readings.length + rejected.length;
			const tagged = total > 0 && ids.length > 0;
			const ingest: IngestTag | undefined = tagged
				? { source: this.id, batch: ledger.enter(ids, total, bytes, Date.now()) }
				: undefined;
			if (total === 0) subscriber.acknowledge(ids);
			if (hasRoom()) subscriber.resume();
			if (total === 0) return;
			// A topic stands on the message where it is true of all its readings.
			const topic = arrived.every((message) => message.topic === arrived[0]?.topic) ? arrived[0]?.topic : undefined;
			const message = (payload: object[]): NodeMessage | null => {
				if (payload.length === 0) return null;
				return { payload, ...(topic === undefined ? {} : { topic }), ...(ingest ? { ingest: { ...ingest } } : {}) };
			};
			this.send([message(readings), message(rejected)]);
		});

		const subscriber = new Subscriber(subscription(this, config), {
			message: (topic, payload, packetId) => {
				const decoded = decoder.decode(topic, payload, Date.now());
				const count = decoded.readings.length + decoded.rejected.length;
				status.received(count);
				waiting.messages++;
				waiting.bytes += payload.length;
				if (!hasRoom()) subscriber.pause();
				batcher.add({ ...decoded, topic, packetId }, Math.max(count, 1));
			},
			connecting: () => status.connecting(),
			connected: () => {
				lastSaid = "";
				status.connected();
			},
			disconnected: (reason) => {
				ledger.forget();
				batcher.drop();
				waiting = { messages: 0, bytes: 0 };
				complain(reason);
			},
		});

		/** Once per kind of trouble, not once per attempt. */
		const complain = (reason: EnergyError): void => {
			status.failed(statusText(RED, reason));
			if (lastSaid === reason.code) return;
			lastSaid = reason.code;
			this.warn(explain(reason, logLanguage));
		};

		const stopWaiting = waitForSettlement(this.id, {
			settled: (batch, count) => {
				const ids = ledger.settle(batch, count);
				if (ids.length === 0) return;
				subscriber.acknowledge(ids);
				subscriber.succeeded();
				if (hasRoom()) subscriber.resume();
			},
			failed: (batch, error) => {
				if (!ledger.has(batch)) return;
				const reason = error instanceof EnergyError ? explain(error, logLanguage) : String(error);
				subscriber.restart(new EnergyError("ingest.commit-failed", { reason }, { cause: error }));
			},
		});

		const look = setInterval(() => {
			const late = ledger.overdue(Date.now(), SETTLE_WITHIN_MS);
			if (late.batches === 0) return;
			const seconds = SETTLE_WITHIN_MS / 1000;
			subscriber.restart(new EnergyError("ingest.not-settled", { readings: late.readings, seconds }));
		}, LOOK_EVERY_MS);

		subscriber.open();

		this.on("close", (removed: boolean, done: () => void) => {
			clearInterval(look);
			stopWaiting();
			batcher.drop();
			ledger.forget();
			status.stop();
			subscriber.close(removed).finally(done);
		});
	}

	type Definition = EnergyIngestConfig & NodeDef;
	RED.nodes.registerType<IngestNode, Definition, object, EnergyIngestCredentials>("energy-ingest", EnergyIngest, {
		credentials: { username: { type: "text" }, password: { type: "password" } },
	});
};

/** Yellow ring, green dot with the readings of the last second, red ring with the reason; at most one a second. */
function statusOf(node: Node) {
	let count = 0;
	let shown = -1;
	let live = false;
	const tick = setInterval(() => {
		if (live && count !== shown) node.status({ fill: "green", shape: "dot", text: `${count}/s` });
		if (live) shown = count;
		count = 0;
	}, 1000);
	return {
		received(readings: number): void {
			count += readings;
		},
		connecting(): void {
			live = false;
			node.status({ fill: "yellow", shape: "ring", text: "status.connecting" });
		},
		connected(): void {
			live = true;
			shown = -1;
			node.status({ fill: "green", shape: "dot", text: "status.connected" });
		},
		failed(text: string): void {
			live = false;
			node.status({ fill: "red", shape: "ring", text });
		},
		stop(): void {
			clearInterval(tick);
			node.status({});
		},
	};
}
