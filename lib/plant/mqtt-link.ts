import mqtt, { type MqttClient } from "mqtt";
import { EnergyError } from "../errors.ts";
import { shownUrl } from "../shown-url.ts";
import { type BrokerTls, brokerTlsOptions } from "../tls/broker.ts";

export interface MqttLinkOptions {
	url: string;
	clientId: string;
	username?: string;
	password?: string;
	tls?: BrokerTls;
	/** Filter of the topics on which commands come. */
	commandTopic: string;
	/** Messages that wait while the broker is away; beyond, the oldest go. */
	backlog?: number;
}

export interface MqttLinkEvents {
	command(topic: string, payload: Buffer): void;
	connected(): void;
	/** Reaches for the broker again by itself; told on each failed try. */
	disconnected(reason: EnergyError): void;
}

interface Outgoing {
	topic: string;
	payload: string;
}

/** How many publications wait for their acknowledgement at once. */
const IN_FLIGHT = 500;
const DEFAULT_BACKLOG = 20_000;
const RETRY_MS = 2_000;

/** The plant's line to its broker: QoS 1, its own reconnects, a bounded backlog while the broker is away. */
export class MqttLink {
	readonly #client: MqttClient;
	readonly #limit: number;
	#backlog: Outgoing[] = [];
	#inFlight = 0;
	#connected = false;
	/** Publications given up because the broker stayed away. */
	dropped = 0;

	/** @throws EnergyError `plant.broker-url`, `tls.unreadable` */
	constructor(options: MqttLinkOptions, events: MqttLinkEvents) {
		const { url, clientId, username, password, tls = {}, commandTopic, backlog = DEFAULT_BACKLOG } = options;
		if (!/^(mqtts?|wss?|tcp|tls|ssl):\/\/[^\s/]+/.test(url))
			throw new EnergyError("plant.broker-url", { value: shownUrl(url) });
		this.#limit = backlog;
		this.#client = mqtt.connect(url, {
			clientId,
			...(username ? { username } : {}),
			...(password ? { password } : {}),
			...brokerTlsOptions(url, tls),
			reconnectPeriod: RETRY_MS,
			connectTimeout: 10_000,
			// Commands are for now: an old one must not stop a machine hours later.
			clean: true,
		});
		let reason = "connection closed";
		let refused = false;
		this.#client.on("connect", () => {
			this.#connected = true;
			refused = false;
			reason = "connection closed";
			this.#client.subscribe(commandTopic, { qos: 1 });
			events.connected();
			this.#flush();
		});
		this.#client.on("error", (error: Error & { code?: number | string }) => {
			refused = error.code === 4 || error.code === 5;
			reason = error.message || String(error.code ?? "connection failed");
		});
		this.#client.on("close", () => {
			this.#connected = false;
			const details = { url: shownUrl(url), reason, limit: this.#limit };
			events.disconnected(new EnergyError(refused ? "plant.mqtt-refused" : "plant.mqtt-connection", details));
		});
		this.#client.on("message", (topic, payload) => events.command(topic, payload));
	}

	get waiting(): number {
		return this.#backlog.length + this.#inFlight;
	}

	publish(topic: string, value: object): void {
		this.#backlog.push({ topic, payload: JSON.stringify(value) });
		if (this.#backlog.length > this.#limit) {
			this.#backlog.shift();
			this.dropped++;
		}
		this.#flush();
	}

	/** Says good-bye where the broker listens, within a second; waits for nothing else. */
	async close(): Promise<void> {
		const ended = this.#client.endAsync(!this.#connected);
		let timer: NodeJS.Timeout | undefined;
		const late = new Promise<void>((resolve) => {
			timer = setTimeout(resolve, 1_000);
		});
		await Promise.race([ended, late]);
		clearTimeout(timer);
		this.#client.end(true);
	}

	#flush(): void {
		if (!this.#connected) return;
		let taken = 0;
		while (this.#inFlight < IN_FLIGHT && taken < this.#backlog.length) {
			const { topic, payload } = this.#backlog[taken++] as Outgoing;
			this.#inFlight++;
			this.#client.publish(topic, payload, { qos: 1 }, () => {
				this.#inFlight--;
				if (this.#backlog.length > 0) this.#flush();
			});
		}
		if (taken > 0) this.#backlog = this.#backlog.slice(taken);
	}
}
