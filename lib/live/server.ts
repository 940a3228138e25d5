import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { AccessContext } from "../access/context.ts";
import { EnergyError } from "../errors.ts";
import { languageOf } from "../messages.ts";
import { problemOf } from "../problem.ts";
import { LiveClient } from "./client.ts";
import type { Delta, LiveEvent, Resumed, Snapshot } from "./messages.ts";
import { askedFor } from "./wish.ts";

export interface LiveServerOptions {
	path: string;
	/** Who asks; null refuses, and so does an error, which is the answer. Undefined: no access check is installed, and everyone is refused. */
	authenticate: ((req: IncomingMessage) => Promise<AccessContext | null>) | undefined;
	/** The settings line that installs the check. */
	settingsLine: string;
	snapshot: () => Snapshot;
	/** What a client missed that comes back; null begins with a snapshot. */
	resume: (stream: string, seq: number) => (Resumed | Snapshot | Delta | LiveEvent)[] | null;
	/** How often clients are pinged and asked for their right again, ms. */
	beatMs?: number;
}

const MAX_CLIENTS = 500;
const MAX_PAYLOAD = 16 * 1024;
const BEAT_MS = 15_000;
const GOING_AWAY = 1001;
const POLICY = 1008;

/**
 * The WebSocket of the live view. It listens to no server itself: `upgrade` is given each upgrade request and leaves
 * alone what is not for its path, since other listeners (the editor, Dashboard) share the port.
 */
export class LiveServer {
	readonly #options: LiveServerOptions;
	readonly #server = new WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD, perMessageDeflate: false });
	/** Each with who opened it. */
	readonly #clients = new Map<LiveClient, AccessContext>();
	readonly #beat: NodeJS.Timeout;

	constructor(options: LiveServerOptions) {
		this.#options = options;
		// After a standstill of this process (a suspended machine) answers wait in the sockets: they are read first.
		this.#beat = setInterval(() => setImmediate(() => this.#beatAll()), options.beatMs ?? BEAT_MS);
	}

	get clients(): number {
		return this.#clients.size;
	}

	upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
		const [path] = (request.url ?? "").split("?");
		if (path !== this.#options.path) return;
		socket.on("error", () => socket.destroy());
		this.#accept(request, socket, head).catch((error) => refuse(request, socket, error));
	};

	delta(delta: Delta, nowMs: number): void {
		if (this.#clients.size === 0) return;
		const shared = JSON.stringify(delta);
		for (const client of this.#clients.keys()) client.delta(delta, shared, this.#options.snapshot, nowMs);
	}

	event(event: LiveEvent): void {
		const shared = JSON.stringify(event);
		for (const client of this.#clients.keys()) client.event(event, shared);
	}

	/** Ends what a sign-in opened that is over; `*` is every sign-in of the user. */
	signedOut(session: string, user: string): void {
		for (const [client, access] of this.#clients) {
			const over = access.requestId === session || (session === "*" && access.user === user);
			if (over) client.leave(POLICY, "login ended");
		}
	}

	/** Says goodbye to all; clients come back by themselves after a restart. */
	close(): void {
		clearInterval(this.#beat);
		for (const client of this.#clients.keys()) client.leave(GOING_AWAY, "restart");
		this.#clients.clear();
		this.#server.close();
	}

	async #accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
		const { authenticate, path, settingsLine, snapshot, resume } = this.#options;
		if (!authenticate) throw new EnergyError("live.upgrade-missing", { path, line: settingsLine });
		const access = await authenticate(request);
		if (!access) throw new EnergyError("live.unauthorized");
		if (this.#clients.size >= MAX_CLIENTS) throw new EnergyError("live.too-many", { limit: MAX_CLIENTS });
		const { wish, place } = askedFor(request.url ?? "");
		this.#server.handleUpgrade(request, socket, head, (webSocket) => {
			const client = new LiveClient(webSocket, { request, language: access.language, wish, snapshot });
			this.#clients.set(client, access);
			webSocket.on("close", () => this.#clients.delete(client));
			const missed = place ? resume(place.stream, place.seq) : null;
			for (const message of missed ?? [snapshot()]) client.tell(message);
		});
	}

	#beatAll(): void {
		for (const client of this.#clients.keys()) {
			client.beat(Date.now());
			// A login that ended or was revoked ends its open connections too.
			this.#options.authenticate?.(client.request).then(
				(access) => access ?? client.leave(POLICY, "login ended"),
				() => client.leave(POLICY, "login ended"),
			);
		}
	}
}

function refuse(request: IncomingMessage, socket: Duplex, error: unknown): void {
	const problem = problemOf(error, languageOf(request.headers["accept-language"]));
	const body = JSON.stringify(problem);
	socket.end(
		[
			`HTTP/1.1 ${problem.status} ${problem.status === 401 ? "Unauthorized" : "Refused"}`,
			"Content-Type: application/problem+json; charset=utf-8",
			`Content-Length: ${Buffer.byteLength(body)}`,
			...(problem.status === 401 ? ["WWW-Authenticate: Bearer"] : []),
			"Connection: close",
			"",
			body,
		].join("\r\n"),
	);
}
