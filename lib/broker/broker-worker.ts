import { createHash, timingSafeEqual } from "node:crypto";
import type { EventEmitter } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { Readable } from "node:stream";
import { parentPort, workerData } from "node:worker_threads";
import type { Aedes, AedesOptions, AedesPublishPacket, AuthenticateError, Client, PublishPacket } from "aedes";
import type { BrokerOptions, BrokerReply, BrokerRequest, BrokerStats } from "./broker.ts";
import { Deliveries } from "./deliveries.ts";
import { PacketGuard } from "./packet-guard.ts";
import { MAX_ID, type QueuedPacket, SessionQueues } from "./sessions.ts";
import { Spool, type Spooled } from "./spool.ts";

const {
	host,
	port,
	username,
	password,
	maxPacketBytes = 256 * 1024,
	maxQueuedMessages = 500_000,
	maxQueuedBytes = 256 * 1024 * 1024,
	sessionExpiryMs = 86_400_000,
	spoolFolder,
} = workerData as BrokerOptions;

const counts = { received: 0, unauthorized: 0, oversized: 0 };
const deliveries = spoolFolder === undefined ? undefined : new Deliveries(new Spool(spoolFolder), maxQueuedMessages);
const sessions = new SessionQueues({ maxMessages: maxQueuedMessages, maxBytes: maxQueuedBytes }, deliveries);
/** Persistent sessions whose client is away, and since when. */
const away = new Map<string, number>();

const answer = (reply: BrokerReply): void => parentPort?.postMessage(reply);
const digest = (text: string | Uint8Array): Buffer => createHash("sha256").update(text).digest();
const wanted = { username: digest(username), password: digest(password) };

void start();

async function start(): Promise<void> {
	let library: typeof import("aedes", { with: { "resolution-mode": "import" }});
	try {
		library = await import("aedes");
	} catch (error) {
		answer({ answer: "failed", code: "broker.package-missing", reason: String(error) });
		return;
	}
	const broker = await library.Aedes.createBroker({
		authenticate,
		// No cap on messages in delivery at once: with one, a subscriber that stops acknowledging stops everybody.
		concurrency: 0,
		connectTimeout: 10_000,
		drainTimeout: 30_000,
		...(deliveries ? spooling(deliveries) : {}),
	});
	keepSessions(broker);
	if (deliveries) deliverEarly(broker, deliveries);
	broker.on("publish", (_packet, client) => {
		if (client) counts.received++;
	});
	// Errors of single clients end their connection and nothing else.
	(broker as EventEmitter).on("error", () => undefined);
	const server = createServer((socket) => {
		let client: Client | undefined;
		guard(socket, () => client?.id);
		client = broker.handle(socket);
	});
	server.on("error", (error: NodeJS.ErrnoException) => {
		const code = { EADDRINUSE: "broker.port-in-use", EACCES: "broker.port-denied" }[error.code ?? ""];
		answer({ answer: "failed", code: code ?? "broker.failed", reason: error.message });
	});
	server.listen({ host, port }, () => {
		const address = server.address();
		answer({ answer: "listening", port: typeof address === "object" && address ? address.port : (port ?? 0) });
	});
	serve(broker, server);
}

function serve(broker: Aedes, server: Server): void {
	parentPort?.on("message", (request: BrokerRequest) => {
		if (request.ask === "stats") {
			const stats: BrokerStats = {
				clients: broker.connectedClients,
				waiting: sessions.waiting,
				dropped: sessions.dropped + (deliveries?.dropped ?? 0),
				...counts,
			};
			answer({ answer: "stats", id: request.id, stats });
			return;
		}
		server.close();
		broker.close(() => process.exit(0));
	});
}

function authenticate(
	_client: Client,
	user: Readonly<string | undefined>,
	secret: Readonly<Buffer | undefined>,
	done: (error: AuthenticateError | null, success: boolean | null) => void,
): void {
	// Both compared always, over digests of equal length: the time says nothing about what was wrong.
	const userFits = timingSafeEqual(digest(user ?? ""), wanted.username);
	const secretFits = timingSafeEqual(digest(secret ?? ""), wanted.password);
	if (userFits && secretFits) {
		done(null, true);
		return;
	}
	counts.unauthorized++;
	done(Object.assign(new Error("bad user name or password"), { returnCode: 4 }), null);
}

/** Lets a publisher be told that a message is safe only when it is. */
function spooling(deliveries: Deliveries): Pick<AedesOptions, "authorizePublish" | "published"> {
	return {
		authorizePublish: (client, packet, done) => {
			if (packet.topic.startsWith("$SYS/")) return done(new Error("$SYS/ topic is reserved"));
			const message = client && spoolable(packet);
			if (!message) return done(null);
			deliveries.accept(message).then(
				() => done(null),
				(error: Error) => {
					answer({ answer: "spool-failed", reason: error.message });
					done(error);
				},
			);
		},
		published: (packet, _client, done) => {
			const message = spoolable(packet);
			if (message) deliveries.published(message);
			done(null);
		},
	};
}

function spoolable({ topic, payload, qos, retain }: AedesPublishPacket | PublishPacket): Spooled | undefined {
	return qos > 0 && Buffer.isBuffer(payload) && payload.length > 0
		? { topic, payload, qos: qos === 2 ? 2 : 1, retain }
		: undefined;
}

/** What came before the first lasting session, this time or before a crash, comes to it now. */
function deliverEarly(broker: Aedes, deliveries: Deliveries): void {
	broker.on("subscribe", (subscriptions, client) => {
		if (client.clean || !subscriptions.some(({ qos }) => qos > 0)) return;
		for (const message of deliveries.firstSession()) {
			broker.publish({ cmd: "publish", dup: false, ...message }, () => undefined);
		}
	});
}

/** Reads along with the broker and ends a connection whose packet is too long before it is collected. */
function guard(socket: Socket, clientId: () => string | undefined): void {
	const packets = new PacketGuard(maxPacketBytes);
	const read = socket.read.bind(socket);
	socket.read = (size?: number) => {
		const chunk = read(size) as Buffer | null;
		if (chunk && !packets.accepts(chunk)) {
			counts.oversized++;
			const client = clientId() ?? socket.remoteAddress ?? "–";
			answer({ answer: "oversized", client, bytes: packets.claimedBytes, limit: maxPacketBytes });
			socket.destroy();
			return null;
		}
		return chunk;
	};
	socket.setNoDelay(true);
}

/** Puts our queues in place of the library's, and forgets sessions whose client stays away too long. */
function keepSessions(broker: Aedes): void {
	const { persistence } = broker as unknown as {
		persistence: Record<string, unknown> & { cleanSubscriptions(client: { id: string }): Promise<unknown> };
	};
	type Owner = { id: string };
	type Incoming = QueuedPacket & { messageId?: number };
	Object.assign(persistence, {
		outgoingEnqueue: async (sub: { clientId: string }, packet: Incoming) =>
			sessions.enqueue(sub.clientId, { ...packet, messageId: undefined }),
		outgoingEnqueueCombi: async (subs: readonly { clientId: string }[], packet: Incoming) => {
			for (const { clientId } of subs) sessions.enqueue(clientId, { ...packet, messageId: undefined });
		},
		outgoingUpdate: async ({ id }: Owner, packet: Incoming) => {
			if (packet.brokerCounter !== undefined) await sessions.send(id, packet);
			else sessions.release(id, packet.messageId ?? 0, packet);
		},
		outgoingClearMessageId: async ({ id }: Owner, packet: Incoming) => sessions.acknowledge(id, packet.messageId),
		outgoingStream: ({ id }: Owner) => Readable.from(sessions.pending(id)),
	});
	broker.on("client", (client) => {
		let next = MAX_ID + 1;
		Object.defineProperty(client, "_nextId", {
			get: () => next,
			set: (value: number) => {
				next = value > MAX_ID && value <= 65_535 ? value : MAX_ID + 1;
			},
		});
	});
	broker.on("clientReady", (client) => {
		away.delete(client.id);
		if (client.clean) sessions.drop(client.id);
	});
	broker.on("clientDisconnect", (client) => {
		sessions.disconnected(client.id);
		if (!client.clean) away.set(client.id, Date.now());
	});
	setInterval(
		() => {
			for (const [id, since] of away) {
				if (Date.now() - since < sessionExpiryMs) continue;
				away.delete(id);
				sessions.drop(id);
				void persistence.cleanSubscriptions({ id });
			}
		},
		Math.min(60_000, sessionExpiryMs),
	).unref();
}
