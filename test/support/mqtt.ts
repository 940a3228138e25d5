import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { Aedes } from "aedes";
import mqtt, { type MqttClient } from "mqtt";

/** A real MQTT broker in this process; `stop` cuts its clients off, `start` comes back on the same port. */
export class TestBroker {
	#aedes: Aedes | undefined;
	#server: Server | undefined;
	readonly #sockets = new Set<Socket>();
	/** Stays with the sessions of its clients over a restart, as Mosquitto's does with persistence. */
	port = 0;
	/** Packet ids of PUBACKs by client id, in order. */
	readonly acknowledged: { clientId: string; messageId: number }[] = [];

	async start(): Promise<void> {
		this.#aedes ??= await Aedes.createBroker();
		const { handle } = this.#aedes;
		this.#aedes.removeAllListeners("ack");
		this.#aedes.on("ack", (packet, client) => {
			this.acknowledged.push({ clientId: client.id, messageId: packet?.messageId ?? 0 });
		});
		this.#server = createServer((socket) => {
			this.#sockets.add(socket);
			socket.on("close", () => this.#sockets.delete(socket));
			handle(socket);
		});
		this.#server.listen(this.port, "127.0.0.1");
		await once(this.#server, "listening");
		const address = this.#server.address();
		if (address && typeof address === "object") this.port = address.port;
	}

	/** The network goes away; sessions stay. */
	async stop(): Promise<void> {
		const server = this.#server;
		this.#server = undefined;
		for (const socket of this.#sockets) socket.destroy();
		if (server) await new Promise((resolve) => server.close(resolve));
	}

	async close(): Promise<void> {
		await this.stop();
		const aedes = this.#aedes;
		if (aedes) await new Promise<void>((resolve) => aedes.close(() => resolve()));
	}

	get url(): string {
		return `mqtt://127.0.0.1:${this.port}`;
	}

	/** Resolves when a client subscribes. */
	async subscribed(): Promise<void> {
		if (this.#aedes) await once(this.#aedes, "subscribe");
	}
}

/** A publisher; end it with `endAsync`. */
export function publisher(url: string, protocolVersion: 4 | 5 = 4): Promise<MqttClient> {
	return mqtt.connectAsync(url, { protocolVersion, reconnectPeriod: 0 });
}

/** Waits until a condition holds; fails with its name after half a minute. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
	const deadline = Date.now() + 30_000;
	while (!(await holds())) {
		if (Date.now() > deadline) throw new Error(`Never came true: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
}
