/** A packet as the broker queues it for a persistent session. */
export interface QueuedPacket {
	cmd: string;
	topic: string;
	payload: Uint8Array | string;
	qos: 0 | 1 | 2;
	retain: boolean;
	dup?: boolean;
	messageId?: number;
	brokerId: string;
	brokerCounter: number;
}

export interface SessionLimits {
	/** Messages and bytes that wait for one session at most; beyond, the oldest go. */
	maxMessages: number;
	maxBytes: number;
}

/** Told of every message that a session queues, and when it is done with it. */
export interface QueueWatch {
	taken(packet: QueuedPacket): void;
	gone(packet: QueuedPacket): void;
}

interface Session {
	/** By broker counter, in order of arrival. */
	queue: Map<number, QueuedPacket>;
	/** Sent and not acknowledged: by the message id of the wire. */
	inFlight: Map<number, QueuedPacket>;
	bytes: number;
	nextId: number;
	/** Deliveries that wait for a free message id. */
	waiting: { go: () => void; fail: (error: Error) => void }[];
}

/** Message ids up to here are ours; those above are the library's, which sends retained messages past our queues. */
export const MAX_ID = 60_000;
/** Ids in use at most, so that finding a free one stays quick. */
const WINDOW = 55_000;

/**
 * The outgoing queues of persistent sessions, in place of the broker library's own, which looks through a list for
 * every packet sent and acknowledged, gives a message id again while it is still in use, and grows without end. Here
 * each step is a look-up, an id is free when it is given, and what does not fit is counted.
 */
export class SessionQueues {
	readonly #limits: SessionLimits;
	readonly #sessions = new Map<string, Session>();
	/** Messages given up because a session's queue was full. */
	dropped = 0;

	readonly #watch: QueueWatch | undefined;

	constructor(limits: SessionLimits, watch?: QueueWatch) {
		this.#limits = limits;
		this.#watch = watch;
	}

	get waiting(): number {
		let sum = 0;
		for (const { queue } of this.#sessions.values()) sum += queue.size;
		return sum;
	}

	enqueue(clientId: string, packet: QueuedPacket): void {
		const session = this.#session(clientId);
		// Of a session's subscriptions several may mean the same message: it is queued, and acknowledged, once.
		if (session.queue.has(packet.brokerCounter)) return;
		session.queue.set(packet.brokerCounter, packet);
		session.bytes += packet.payload.length;
		this.#watch?.taken(packet);
		while (session.queue.size > this.#limits.maxMessages || session.bytes > this.#limits.maxBytes) {
			const oldest = session.queue.values().next().value;
			if (!oldest) break;
			this.#forget(session, oldest);
			this.dropped++;
		}
	}

	/** Gives a packet that is about to be sent its message id; waits where none is free. */
	async send(clientId: string, packet: QueuedPacket): Promise<void> {
		const session = this.#session(clientId);
		while (session.inFlight.size >= WINDOW && !this.#sent(session, packet)) {
			await new Promise<void>((go, fail) => session.waiting.push({ go, fail }));
		}
		const queued = session.queue.get(packet.brokerCounter);
		if (!queued) throw new Error("no such packet");
		if (this.#sent(session, packet)) {
			// On another connection before: the same id again, marked as what it may be.
			packet.messageId = queued.messageId as number;
			packet.dup = queued.cmd === "publish";
			return;
		}
		while (session.inFlight.has(session.nextId)) session.nextId = (session.nextId % MAX_ID) + 1;
		packet.messageId = queued.messageId = session.nextId;
		session.inFlight.set(session.nextId, queued);
		session.nextId = (session.nextId % MAX_ID) + 1;
	}

	/** QoS 2: the receiver has the packet; only its release is still to be confirmed. */
	release(clientId: string, messageId: number, packet: QueuedPacket): void {
		const session = this.#session(clientId);
		const queued = session.inFlight.get(messageId);
		if (!queued) throw new Error("no such packet");
		session.bytes -= queued.payload.length;
		this.#watch?.gone(queued);
		const released = { ...packet, payload: "", brokerCounter: queued.brokerCounter, brokerId: queued.brokerId };
		session.queue.set(queued.brokerCounter, released);
		session.inFlight.set(messageId, released);
	}

	acknowledge(clientId: string, messageId: number | undefined): QueuedPacket | undefined {
		const session = this.#sessions.get(clientId);
		const packet = messageId === undefined ? undefined : session?.inFlight.get(messageId);
		if (session && packet) this.#forget(session, packet);
		return packet;
	}

	/** Everything that waits for a session, oldest first: what a reconnecting client gets. */
	pending(clientId: string): QueuedPacket[] {
		return [...(this.#sessions.get(clientId)?.queue.values() ?? [])];
	}

	/** A session is over. */
	drop(clientId: string): void {
		this.disconnected(clientId);
		for (const packet of this.#sessions.get(clientId)?.queue.values() ?? []) this.#watch?.gone(packet);
		this.#sessions.delete(clientId);
	}

	/** The connection of a session ended: deliveries that waited for it stay in its queue. */
	disconnected(clientId: string): void {
		const session = this.#sessions.get(clientId);
		if (!session) return;
		for (const { fail } of session.waiting.splice(0)) fail(new Error("connection closed"));
		if (session.queue.size === 0) this.#sessions.delete(clientId);
	}

	#session(clientId: string): Session {
		let session = this.#sessions.get(clientId);
		if (!session) {
			session = { queue: new Map(), inFlight: new Map(), bytes: 0, nextId: 1, waiting: [] };
			this.#sessions.set(clientId, session);
		}
		return session;
	}

	#sent(session: Session, packet: QueuedPacket): boolean {
		const id = session.queue.get(packet.brokerCounter)?.messageId;
		return id !== undefined && session.inFlight.get(id)?.brokerCounter === packet.brokerCounter;
	}

	#forget(session: Session, packet: QueuedPacket): void {
		session.queue.delete(packet.brokerCounter);
		if (packet.messageId !== undefined && session.inFlight.get(packet.messageId) === packet) {
			session.inFlight.delete(packet.messageId);
		}
		session.bytes -= packet.payload.length;
		this.#watch?.gone(packet);
		session.waiting.shift()?.go();
	}
}
