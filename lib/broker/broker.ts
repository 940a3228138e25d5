import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { EnergyError } from "../errors.ts";
import { packageRoot } from "../package-root.cjs";

export interface BrokerOptions {
	/** Default 127.0.0.1. */
	host?: string;
	/** 0 takes a free one; default 1883. */
	port?: number;
	/** Everyone gives these two; nobody comes in without. */
	username: string;
	password: string;
	/** A second port, with TLS. */
	tls?: BrokerTls;
	/** Largest packet in bytes; a longer one ends its connection. Default 256 KiB. */
	maxPacketBytes?: number;
	/** What waits for an absent or slow persistent session at most; beyond, the oldest go and are counted. */
	maxQueuedMessages?: number;
	maxQueuedBytes?: number;
	/** How long a persistent session is kept for a client that stays away, ms. Default a day. */
	sessionExpiryMs?: number;
	/**
	 * Where messages of QoS 1 and 2 lie until all lasting sessions have acknowledged them, so that a crash of the process
	 * loses none that its publisher was told is safe. Left out, they live in memory alone.
	 */
	spoolFolder?: string;
	/**
	 * After a start, what no session has taken is kept for those to come until so long after the first lasting one has
	 * subscribed, ms. Default five minutes.
	 */
	graceMs?: number;
	/** Told when the thread ends although nobody closed it; all connections are gone then. */
	onFailure?: (reason: EnergyError) => void;
	/**
	 * Told that a client's connection was ended because of a packet that was too long: `broker.packet-large`. A client
	 * that comes again with the same packet is told of once a minute.
	 */
	onRefusal?: (reason: EnergyError) => void;
}

export interface BrokerTls {
	/** Default that of the plain port. */
	host?: string;
	/** 0 takes a free one. */
	port: number;
	/** PEM files; read again twice a day, so that a renewed certificate needs no restart. */
	certFile: string;
	keyFile: string;
	/**
	 * Authority of the meters' certificates. Set, every client has to show one; who shows one and names no user comes in
	 * as the machine that the certificate names, and publishes and listens for that machine alone.
	 */
	caFile?: string;
}

export interface BrokerStats {
	clients: number;
	/** Messages taken from publishers. */
	received: number;
	/** Messages that wait for persistent sessions now: queued, or sent and not acknowledged. */
	waiting: number;
	/** Messages given up because a session's queue was full. */
	dropped: number;
	/** Connections refused for wrong or missing credentials. */
	unauthorized: number;
	/** Connections ended because of a packet that was too long. */
	oversized: number;
}

export interface Broker {
	port: number;
	/** mqtt://host:port, to connect to. */
	url: string;
	/** Of the port with TLS, where there is one. */
	tlsPort: number | undefined;
	stats(): Promise<BrokerStats>;
	/** Ends all connections and the thread. */
	close(): Promise<void>;
}

/** What the thread is told and answers. */
export type BrokerRequest = { ask: "stats"; id: number } | { ask: "close" };
export type BrokerReply =
	| { answer: "listening"; port: number; tlsPort?: number | undefined }
	| { answer: "failed"; code: string; reason: string }
	| { answer: "spool-failed"; reason: string }
	| { answer: "oversized"; client: string; bytes: number; limit: number }
	| { answer: "stats"; id: number; stats: BrokerStats };

/**
 * Starts the embedded MQTT broker in a thread of its own, so that its load never delays the flows. It speaks
 * MQTT 3.1 and 3.1.1; a client that asks for 5 is refused with "unacceptable protocol version" and comes again with
 * 3.1.1. Sessions live in memory: they survive a reconnect, not a restart of the broker;
 * what waited for them survives in the spool and goes to the lasting sessions that subscribe to it again.
 *
 * @throws EnergyError `broker.port-in-use`, `broker.port-denied`, `broker.package-missing`,
 * `broker.credentials-missing`, `broker.failed`
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
	if (!options.username || !options.password) throw new EnergyError("broker.credentials-missing");
	const { onFailure, onRefusal, ...plain } = options;
	const refused = new Map<string, number>();
	const { host = "127.0.0.1", port = 1883 } = plain;
	const worker = new Worker(join(packageRoot, "dist/lib/broker/broker-worker.js"), {
		workerData: { ...plain, host, port },
		resourceLimits: { maxOldGenerationSizeMb: 1024 },
	});
	const asked = new Map<number, { resolve: (stats: BrokerStats) => void; reject: (error: EnergyError) => void }>();
	let asks = 0;
	let state: "starting" | "open" | "closed" = "starting";
	let died: EnergyError | undefined;
	const gone = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
	const bound = await new Promise<{ port: number; tlsPort?: number | undefined }>((resolve, reject) => {
		const fail = (code: string, reason: string): void => {
			died ??= new EnergyError(code, { host, port, reason });
			reject(died);
			for (const { reject } of asked.values()) reject(died);
			asked.clear();
			if (state === "open") onFailure?.(died);
			state = "closed";
		};
		worker.once("error", (error) => fail("broker.failed", error.message));
		worker.once("exit", (code) => fail("broker.failed", `its thread ended with code ${code}`));
		worker.on("message", (reply: BrokerReply) => {
			if (reply.answer === "listening") {
				state = "open";
				resolve(reply);
			} else if (reply.answer === "failed") {
				fail(reply.code, reply.reason);
				void worker.terminate();
			} else if (reply.answer === "spool-failed") {
				onRefusal?.(new EnergyError("broker.spool-failed", { folder: plain.spoolFolder, reason: reply.reason }));
			} else if (reply.answer === "oversized") {
				if (Date.now() - (refused.get(reply.client) ?? 0) < 60_000) return;
				if (refused.size > 1_000) refused.clear();
				refused.set(reply.client, Date.now());
				const { client, bytes, limit } = reply;
				onRefusal?.(new EnergyError("broker.packet-large", { client, bytes, limit }));
			} else {
				asked.get(reply.id)?.resolve(reply.stats);
				asked.delete(reply.id);
			}
		});
	});
	const tell = (request: BrokerRequest): void => worker.postMessage(request);
	const reachable = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
	return {
		port: bound.port,
		tlsPort: bound.tlsPort,
		url: `mqtt://${reachable.includes(":") ? `[${reachable}]` : reachable}:${bound.port}`,
		stats: () =>
			new Promise((resolve, reject) => {
				if (died) return reject(died);
				asked.set(++asks, { resolve, reject });
				tell({ ask: "stats", id: asks });
			}),
		close: async () => {
			state = "closed";
			tell({ ask: "close" });
			await gone;
		},
	};
}
