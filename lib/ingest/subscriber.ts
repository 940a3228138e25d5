import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from "mqtt";
import { EnergyError } from "../errors.ts";
import { shownUrl } from "../shown-url.ts";
import { type BrokerTls, brokerTlsOptions } from "../tls/broker.ts";

export interface SubscriberOptions {
	/** mqtt://, mqtts://, ws:// or wss:// */
	url: string;
	/** The one to ask for; a broker that does not know 5 (the embedded one) is asked again with 3.1.1. */
	protocol: "3.1.1" | "5";
	clientId: string;
	/** Topic filter; `$share/…` groups work too. */
	topic: string;
	/** 1: the broker keeps what is not acknowledged; 0: take what comes. */
	qos: 0 | 1;
	/** Whether the broker keeps the session (and messages) while we are away. */
	persistent: boolean;
	username?: string;
	password?: string;
	tls?: BrokerTls;
	/** How many messages a broker that speaks MQTT 5 may have under way; for 3.1.1 its own setting counts. */
	receiveMaximum: number;
	/** First pause before connecting again, ms; it doubles up to a minute. */
	retryMs?: number;
}

export interface SubscriberEvents {
	/** `packetId` is undefined at QoS 0. The payload belongs to the receiver. */
	message(topic: string, payload: Buffer, packetId: number | undefined): void;
	connecting(): void;
	connected(): void;
	/** Packet ids handed out before are void: the broker will deliver those messages again. */
	disconnected(reason: EnergyError): void;
}

/** Sessions of MQTT 5 outlive a long holiday; 3.1.1 knows no end, there the broker's setting counts. */
const SESSION_EXPIRY_S = 14 * 86_400;
/** A broker that is back should be found soon; a store that fails deserves rest. */
const MAX_RETRY_MS = { connection: 10_000, commit: 60_000 };
/** A connection that held for so long had no lasting trouble. */
const HELD_MS = 10_000;
const KEEPALIVE_S = 30;
const withheld = new Error("acknowledged later");

/** Which filter a session was last subscribed to in this process; a redeploy with another one has to end the old. */
const lastTopics = new Map<string, string>();

/**
 * A subscriber that decides itself when a message is acknowledged. mqtt.js acknowledges a QoS-1 message when its
 * handleMessage calls back, and handles one message at a time; calling back with an error at once sends no PUBACK and
 * goes on, and the PUBACKs of a whole batch are written by `acknowledge` in one piece.
 *
 * Every connection is a client of its own, so nothing of a broken one can leak into the next.
 */
export class Subscriber {
	readonly #options: SubscriberOptions;
	readonly #events: SubscriberEvents;
	#client: MqttClient | undefined;
	#timer: NodeJS.Timeout | undefined;
	#protocol: SubscriberOptions["protocol"];
	#failures = 0;
	#closed = false;
	#resume: (() => void) | undefined;
	#paused = false;

	constructor(options: SubscriberOptions, events: SubscriberEvents) {
		this.#options = options;
		this.#protocol = options.protocol;
		this.#events = events;
	}

	/** Connects, and again after each failure with growing pauses, until `close`. */
	open(): void {
		if (this.#closed) return;
		this.#events.connecting();
		try {
			this.#attach(connect(this.#options.url, this.#clientOptions()));
		} catch (error) {
			this.#retry(failureOf(error, this.#options.url));
		}
	}

	/** Acknowledges QoS-1 messages of the present connection: one write for all of them. */
	acknowledge(packetIds: readonly number[]): void {
		const client = this.#client;
		if (!client?.connected || packetIds.length === 0) return;
		// A PUBACK is the same four bytes in MQTT 3.1.1 and, for success, in 5: type 4, length 2, packet id.
		const bytes = Buffer.allocUnsafe(packetIds.length * 4);
		let at = 0;
		for (const id of packetIds) {
			at = bytes.writeUInt16BE(0x4002, at);
			at = bytes.writeUInt16BE(id, at);
		}
		client.stream.write(bytes);
	}

	/** Stops reading from the socket: the broker keeps the rest. */
	pause(): void {
		this.#paused = true;
	}

	resume(): void {
		this.#paused = false;
		const resume = this.#resume;
		this.#resume = undefined;
		resume?.();
	}

	/** A commit worked: the next failure starts with a short pause again. */
	succeeded(): void {
		this.#failures = 0;
	}

	/** Drops the connection and comes back after a pause; the broker then delivers what was not acknowledged. */
	restart(reason: EnergyError): void {
		if (!this.#closed && this.#client) this.#lost(this.#client, reason, MAX_RETRY_MS.commit);
	}

	/** @param forgetSession also ends the broker's session: the node was removed, nobody will fetch what it keeps */
	async close(forgetSession: boolean): Promise<void> {
		this.#closed = true;
		clearTimeout(this.#timer);
		const client = this.#client;
		this.#client = undefined;
		if (client) {
			this.resume();
			await ended(client, false);
		}
		if (forgetSession && this.#options.persistent) await this.#forgetSession();
	}

	#clientOptions(): IClientOptions {
		const { url, clientId, username, password, tls = {}, persistent, receiveMaximum } = this.#options;
		const mqtt5 = this.#protocol === "5";
		return {
			protocolVersion: mqtt5 ? 5 : 4,
			clientId,
			clean: !persistent,
			reconnectPeriod: 0,
			connectTimeout: 10_000,
			keepalive: KEEPALIVE_S,
			resubscribe: false,
			...(username ? { username } : {}),
			...(password ? { password } : {}),
			...(mqtt5
				? { properties: { receiveMaximum, ...(persistent ? { sessionExpiryInterval: SESSION_EXPIRY_S } : {}) } }
				: {}),
			...brokerTlsOptions(url, tls),
		};
	}

	#attach(client: MqttClient): void {
		this.#client = client;
		this.#paused = false;
		let reason: EnergyError | undefined;
		let connectedMs = Number.POSITIVE_INFINITY;
		client.handleMessage = (packet, callback) => {
			// What a lost connection still holds comes again; its packet ids mean nothing on the next one.
			if (this.#client === client) this.#receive(packet, callback);
			else callback(withheld);
		};
		client.on("error", (error) => {
			if (this.#protocol === "5" && versionRefusals.includes((error as { code?: unknown }).code)) {
				this.#protocol = "3.1.1";
				this.#client = undefined;
				void ended(client, true);
				this.open();
				return;
			}
			reason = failureOf(error, this.#options.url);
		});
		client.on("connect", () => {
			connectedMs = Date.now();
			this.#subscribe(client).then(
				() => {
					if (this.#client === client) this.#events.connected();
				},
				(error) => this.#lost(client, failureOf(error, this.#options.url)),
			);
		});
		client.on("disconnect", (packet) => {
			reason = new EnergyError("ingest.disconnected", {
				url: shownUrl(this.#options.url),
				reason: packet.reasonCode ?? 0,
			});
		});
		client.on("close", () => {
			if (this.#client === client && Date.now() - connectedMs > HELD_MS) this.#failures = 0;
			this.#lost(
				client,
				reason ?? new EnergyError("ingest.disconnected", { url: shownUrl(this.#options.url), reason: "" }),
			);
		});
	}

	#receive(packet: IPublishPacket, callback: (error?: Error) => void): void {
		const { payload } = packet;
		const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
		this.#events.message(packet.topic.toString(), bytes, packet.qos === 0 ? undefined : packet.messageId);
		const goOn = () => (packet.qos === 0 ? callback() : callback(withheld));
		if (this.#paused) this.#resume = goOn;
		else goOn();
	}

	async #subscribe(client: MqttClient): Promise<void> {
		const { clientId, topic, qos } = this.#options;
		const granted = await client.subscribeAsync(topic, this.#protocol === "5" ? { qos, rh: 1 } : { qos });
		// A grant above 2 is a refusal.
		const refused = granted.find((grant) => grant.qos > 2);
		if (refused) throw new EnergyError("ingest.subscription-refused", { topic });
		const before = lastTopics.get(clientId);
		if (before !== undefined && before !== topic) await client.unsubscribeAsync(before);
		lastTopics.set(clientId, topic);
	}

	#lost(client: MqttClient, reason: EnergyError, maxRetryMs = MAX_RETRY_MS.connection): void {
		if (this.#client !== client) return;
		this.#client = undefined;
		this.resume();
		void ended(client, true);
		this.#retry(reason, maxRetryMs);
	}

	#retry(reason: EnergyError, maxRetryMs = MAX_RETRY_MS.connection): void {
		if (this.#closed) return;
		this.#events.disconnected(reason);
		const pause = Math.min((this.#options.retryMs ?? 1000) * 2 ** this.#failures, maxRetryMs);
		this.#failures++;
		// Spread, so that a plant's clients do not all knock at the same moment after a power cut.
		this.#timer = setTimeout(() => this.open(), pause * (0.75 + Math.random() / 2));
	}

	async #forgetSession(): Promise<void> {
		lastTopics.delete(this.#options.clientId);
		const { properties: _, ...options } = this.#clientOptions();
		const client = connect(this.#options.url, { ...options, clean: true, connectTimeout: 2000 });
		await new Promise<void>((resolve) => {
			client.once("connect", () => resolve());
			client.once("error", () => resolve());
			client.once("close", () => resolve());
		});
		await ended(client, false);
	}
}

/** Late errors of a client that is on its way out concern nobody. */
function ended(client: MqttClient, force: boolean): Promise<void> {
	client.removeAllListeners();
	client.on("error", () => {});
	return new Promise((resolve) => {
		const impatient = setTimeout(resolve, 2000);
		client.end(force, () => {
			clearTimeout(impatient);
			resolve();
		});
	});
}

const tlsCodes = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/;
/** "Unacceptable protocol version" in the words of 3.1.1 and of 5. */
const versionRefusals: readonly unknown[] = [1, 0x84];
/** 3.1.1: 4 bad user name or password, 5 not authorized; 5: 0x86, 0x87. */
const refusals: readonly unknown[] = [4, 5, 0x86, 0x87];

function failureOf(error: unknown, url: string): EnergyError {
	const { code, message } = error as { code?: unknown; message?: unknown };
	const said = error instanceof EnergyError ? error.details.reason : message;
	const details = { url: shownUrl(url), reason: String(said ?? error) };
	if (code === "tls.unreadable") return new EnergyError("ingest.tls", details, { cause: error });
	if (error instanceof EnergyError) return error;
	if (refusals.includes(code)) return new EnergyError("ingest.login-refused", details, { cause: error });
	if (typeof code === "string" && tlsCodes.test(code)) return new EnergyError("ingest.tls", details, { cause: error });
	return new EnergyError("ingest.unreachable", details, { cause: error });
}
