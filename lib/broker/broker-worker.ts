import { createHash, timingSafeEqual } from "node:crypto";
import type { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Readable } from "node:stream";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { parentPort, workerData } from "node:worker_threads";
import type { Aedes, AedesOptions, AedesPublishPacket, AuthenticateError, Client, PublishPacket } from "aedes";
import type { BrokerOptions, BrokerReply, BrokerRequest, BrokerStats, BrokerTls } from "./broker.ts";
import { Deliveries } from "./deliveries.ts";
import { PacketGuard } from "./packet-guard.ts";
import { MAX_ID, type QueuedPacket, SessionQueues } from "./sessions.ts";
import { Spool, type Spooled } from "./spool.ts";

const {
	host,
	port,
	username,
	password,
	tls,
	maxPacketBytes = 256 * 1024,
	maxQueuedMessages = 500_000,
	maxQueuedBytes = 256 * 1024 * 1024,
	sessionExpiryMs = 86_400_000,
	spoolFolder,
	graceMs = 300_000,
} = workerData as BrokerOptions;

const counts = { received: 0, unauthorized: 0, oversized: 0 };
const limits = { maxMessages: maxQueuedMessages, maxBytes: maxQueuedBytes };
const deliveries = spoolFolder === undefined ? undefined : new Deliveries(new Spool(spoolFolder), limits, graceMs);
const sessions = new SessionQueues(limits, deliveries);
/** Persistent sessions whose client is away, and since when. */
const away = new Map<string, number>();

/** Clients that came in by a certificate, and the machine that it names. */
const machines = new WeakMap<Client, string>();
const RENEW_MS = 12 * 3_600_000;
const SWEEP_MS = 30_000;

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
		authorizePublish: (client, { topic }, done) => done(publishRefusal(client, topic) ?? null),
		...(tls?.caFile ? { authorizeSubscribe: maySubscribe } : {}),
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
	const accept = (socket: Socket): void => {
		let client: Client | undefined;
		guard(socket, () => client?.id);
		client = broker.handle(socket);
	};
	try {
		const servers = [createServer(accept), ...(tls ? [secureServer(tls, accept)] : [])];
		const [plain = 0, secure] = await Promise.all([
			listen(servers[0], { host, port }),
			...(tls ? [listen(servers[1], { host: tls.host ?? host, port: tls.port })] : []),
		]);
		answer({ answer: "listening", port: plain, tlsPort: secure });
		serve(broker, servers);
	} catch (error) {
		const { code, message } = error as NodeJS.ErrnoException;
		const known = { EADDRINUSE: "broker.port-in-use", EACCES: "broker.port-denied" }[code ?? ""];
		answer({ answer: "failed", code: known ?? "broker.failed", reason: message });
	}
}

/** The port that is listened on. */
function listen(
	server: Server | undefined,
	at: { host?: string | undefined; port?: number | undefined },
): Promise<number> {
	return new Promise((resolve, reject) => {
		server?.once("error", reject);
		server?.listen(at, () => {
			server.off("error", reject);
			server.on("error", (error) => answer({ answer: "failed", code: "broker.failed", reason: error.message }));
			resolve((server.address() as AddressInfo).port);
		});
	});
}

function secureServer({ certFile, keyFile, caFile }: BrokerTls, accept: (socket: Socket) => void): Server {
	const context = () => ({
		cert: readFileSync(certFile),
		key: readFileSync(keyFile),
		...(caFile ? { ca: readFileSync(caFile) } : {}),
		minVersion: "TLSv1.2" as const,
	});
	const asks = caFile !== undefined;
	const server = createTlsServer({ ...context(), requestCert: asks, rejectUnauthorized: asks }, accept);
	// A handshake that fails is the other side's affair.
	server.on("tlsClientError", (_error, socket) => socket.destroy());
	setInterval(() => {
		try {
			server.setSecureContext(context());
		} catch {
			// A certificate that is being replaced this moment: the one in force goes on, the next look takes the new one.
		}
	}, RENEW_MS).unref();
	return server;
}

/** The machine that a client's certificate names; undefined for who came in by user name and password. */
function machineOf(client: Client | null): string | undefined {
	return client ? machines.get(client) : undefined;
}

/** Why a client may not publish there; undefined where it may. */
function publishRefusal(client: Client | null, topic: string): Error | undefined {
	if (topic.startsWith("$SYS/")) return new Error("$SYS/ topic is reserved");
	const machine = machineOf(client);
	if (machine === undefined) return undefined;
	const [root, , , named, kind = "", ...rest] = topic.split("/");
	const own = root === "smartfactory" && named === machine && ["telemetry", "event"].includes(kind);
	return own && rest.length === 0 ? undefined : new Error(`${machine} may not publish to ${topic}`);
}

function maySubscribe<T extends { topic: string }>(
	client: Client | null,
	subscription: T,
	done: (error: Error | null, subscription?: T | null) => void,
): void {
	const machine = machineOf(client);
	const parts = subscription.topic.split("/");
	const own = parts.length === 5 && parts[0] === "smartfactory" && parts[3] === machine && parts[4] === "command";
	done(null, machine === undefined || own ? subscription : null);
}

function serve(broker: Aedes, servers: readonly Server[]): void {
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
		for (const server of servers) server.close();
		broker.close(() => process.exit(0));
	});
}

function authenticate(
	client: Client,
	user: Readonly<string | undefined>,
	secret: Readonly<Buffer | undefined>,
	done: (error: AuthenticateError | null, success: boolean | null) => void,
): void {
	const certified = user === undefined ? certifiedName(client) : undefined;
	if (certified !== undefined) {
		machines.set(client, certified);
		done(null, true);
		return;
	}
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
			const refused = publishRefusal(client, packet.topic);
			if (refused) return done(refused);
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

/** What came before a lasting session subscribed, this time or before a crash, comes to it now. */
function deliverEarly(broker: Aedes, deliveries: Deliveries): void {
	broker.on("subscribe", (subscriptions, client) => {
		const filters = subscriptions.filter(({ qos }) => qos > 0).map(({ topic }) => topic);
		if (client.clean || filters.length === 0) return;
		for (const message of deliveries.subscribed(filters, Date.now())) {
			broker.publish({ cmd: "publish", dup: false, ...message }, () => undefined);
		}
	});
	setInterval(() => deliveries.sweep(Date.now()), Math.min(SWEEP_MS, graceMs)).unref();
}

/** The common name of a certificate that our authority signed. */
function certifiedName({ conn }: Client): string | undefined {
	if (!(conn instanceof TLSSocket) || !conn.authorized) return undefined;
	const name: unknown = conn.getPeerCertificate().subject?.CN;
	return typeof name === "string" && name !== "" ? name : undefined;
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
