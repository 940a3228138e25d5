import type { IncomingMessage } from "node:http";
import type { WebSocket } from "ws";
import { EnergyError } from "../errors.ts";
import { explain, type Language } from "../messages.ts";
import type { Delta, LiveEvent, LiveMessage, Resumed, Snapshot } from "./messages.ts";
import { partOf, type Wish, wishOf } from "./wish.ts";

/** Unsent bytes above which a client is behind: it gets no more deltas until it has caught up. */
const BEHIND_BYTES = 128 * 1024;
const MAX_BEHIND_MS = 15_000;
const MAX_QUEUED_EVENTS = 100;
const MAX_MESSAGES_PER_S = 20;
/** RFC 6455 and IANA's register: 1008 policy violation, 1013 try again later. */
const POLICY = 1008;
const TRY_AGAIN_LATER = 1013;

interface Feed {
	/** What this client asked for when it came. */
	wish: Wish;
	snapshot: () => Snapshot;
}

/**
 * One open WebSocket. A reader that is too slow misses deltas, not the truth: it gets one snapshot when it has caught
 * up, and is sent away after a while, so that it never fills our memory.
 */
export class LiveClient {
	readonly #socket: WebSocket;
	readonly #language: Language;
	/** The handshake, to ask again whether its bearer may still listen. */
	readonly request: IncomingMessage;
	#wish: Wish;
	#behindSinceMs = 0;
	#events: string[] = [];
	#answered = true;
	#received = 0;

	constructor(
		socket: WebSocket,
		{ request, language, wish, snapshot }: { request: IncomingMessage; language: Language } & Feed,
	) {
		this.#socket = socket;
		this.request = request;
		this.#language = language;
		this.#wish = wish;
		socket.on("pong", () => {
			this.#answered = true;
		});
		socket.on("message", (data, isBinary) => this.#receive(isBinary ? "" : data.toString(), snapshot));
		// ws closes by itself after an error (a too large or malformed frame); there is nothing to add.
		socket.on("error", () => {});
	}

	/** @param shared the delta as JSON, made once for all who want all machines */
	delta(delta: Delta, shared: string, snapshot: () => Snapshot, nowMs: number): void {
		this.#received = 0;
		if (this.#socket.bufferedAmount > BEHIND_BYTES) {
			this.#behindSinceMs ||= nowMs;
			if (nowMs - this.#behindSinceMs > MAX_BEHIND_MS) this.leave(TRY_AGAIN_LATER, "too slow");
			return;
		}
		if (this.#behindSinceMs > 0) {
			this.#behindSinceMs = 0;
			for (const event of this.#events.splice(0)) this.#socket.send(event);
			this.tell(snapshot());
		} else if (this.#wish.machines || this.#wish.topics) this.tell(delta);
		else this.#socket.send(shared);
	}

	/** Sends what of a message this client wants. */
	tell(message: Snapshot | Delta | LiveEvent | Resumed): void {
		const part = partOf(message, this.#wish);
		if (part) this.send(part);
	}

	/** Events wait for a slow reader: they are never coalesced. */
	event(event: LiveEvent, shared: string): void {
		if (!partOf(event, this.#wish)) return;
		if (this.#behindSinceMs === 0 && this.#socket.bufferedAmount <= BEHIND_BYTES) this.#socket.send(shared);
		else if (this.#events.push(shared) > MAX_QUEUED_EVENTS) this.leave(TRY_AGAIN_LATER, "too slow");
		else this.#behindSinceMs ||= Date.now();
	}

	/** Pings; a peer that did not answer the last ping is gone, though no packet said so. */
	beat(nowMs: number): void {
		if (!this.#answered) {
			this.#socket.terminate();
			return;
		}
		this.#answered = false;
		this.#socket.ping();
		if (this.#socket.bufferedAmount <= BEHIND_BYTES) {
			this.send({ type: "heartbeat", time: new Date(nowMs).toISOString() });
		}
	}

	send(message: LiveMessage): void {
		this.#socket.send(JSON.stringify(message));
	}

	/** Closes with a code; one that does not even answer that is cut off. */
	leave(code: number, reason: string): void {
		this.#socket.close(code, reason);
		setTimeout(() => this.#socket.terminate(), 2000).unref();
	}

	#receive(text: string, snapshot: () => Snapshot): void {
		this.#received++;
		if (this.#received > MAX_MESSAGES_PER_S) this.leave(POLICY, "too many messages");
		else this.#subscribe(text, snapshot);
	}

	#subscribe(text: string, snapshot: () => Snapshot): void {
		try {
			this.#wish = wishOf(text);
			this.tell(snapshot());
		} catch (error) {
			const title = error instanceof EnergyError ? error.code : "nodes.unexpected";
			this.send({ type: "problem", title, detail: explain(error, this.#language) });
		}
	}
}
