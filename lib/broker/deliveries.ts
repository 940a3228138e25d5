import type { QueuedPacket, SessionLimits } from "./sessions.ts";
import type { Entry, Spool, Spooled } from "./spool.ts";
import { topicMatches } from "./topics.ts";

/** A spooled message under way, and how many sessions still owe an acknowledgement for it. */
interface Delivery {
	entry: Entry;
	takers: number;
	/** A session has it or had it. */
	taken: boolean;
}

/**
 * A message that was written and then not published within so long never will be: its publisher was gone before the
 * acknowledgement, or sent it twice.
 */
const UNPUBLISHED_MS = 60_000;

/**
 * Which messages of the spool are still owed to somebody. A message is known by its payload's buffer: the broker library
 * copies packets on their way, never what they carry.
 *
 * What no session takes is over at once. But sessions come back one by one after a start, and which ones there were
 * nobody knows: until some time after the first of them, what none has taken is kept for those to come.
 */
export class Deliveries {
	readonly #spool: Spool;
	readonly #limits: SessionLimits;
	readonly #graceMs: number;
	readonly #under = new WeakMap<object, Delivery>();
	/** Written and not published yet: since when. */
	readonly #accepted = new Map<object, number>();
	#early: Set<Spooled> | undefined = new Set();
	#earlyBytes = 0;
	/** When waiting for further sessions ends. */
	#earlyUntilMs = Number.POSITIVE_INFINITY;
	/** Messages given up because nobody came for them. */
	dropped = 0;

	/** @param graceMs how long after the first lasting session messages wait for the next ones */
	constructor(spool: Spool, limits: SessionLimits, graceMs: number) {
		this.#spool = spool;
		this.#limits = limits;
		this.#graceMs = graceMs;
		for (const { message, entry } of spool.left) {
			this.#begin(message, entry);
			this.#keep(message);
		}
		spool.left.length = 0;
	}

	/** On disk when it resolves. */
	async accept(message: Spooled, nowMs = Date.now()): Promise<void> {
		this.#begin(message, await this.#spool.append(message));
		this.#accepted.set(message.payload, nowMs);
	}

	/** A session queues it. */
	taken({ payload }: Pick<QueuedPacket, "payload">): void {
		const delivery = this.#of(payload);
		if (!delivery) return;
		delivery.takers++;
		delivery.taken = true;
	}

	/** A session acknowledged it, gave it up, or ended. */
	gone({ payload }: Pick<QueuedPacket, "payload">): void {
		const delivery = this.#of(payload);
		if (delivery && --delivery.takers === 0) this.#spool.settle(delivery.entry);
	}

	/** It was handed to all who want it. */
	published(message: Spooled): void {
		this.#accepted.delete(message.payload);
		const delivery = this.#of(message.payload);
		if (!delivery || delivery.taken) return;
		if (this.#early) this.#keep(message);
		else this.#spool.settle(delivery.entry);
	}

	/** A lasting session has subscribed: what was kept for it, to be published again. */
	subscribed(filters: readonly string[], nowMs: number): Spooled[] {
		this.#earlyUntilMs = Math.min(this.#earlyUntilMs, nowMs + this.#graceMs);
		const wanted = [...(this.#early ?? [])].filter(({ topic }) =>
			filters.some((filter) => topicMatches(filter, topic)),
		);
		for (const message of wanted) this.#release(message);
		return wanted;
	}

	/** Forgets what nobody came for, and what was never published. */
	sweep(nowMs: number): void {
		for (const [payload, sinceMs] of this.#accepted) {
			if (nowMs - sinceMs < UNPUBLISHED_MS) continue;
			this.#accepted.delete(payload);
			this.#giveUp(payload);
		}
		if (nowMs < this.#earlyUntilMs || !this.#early) return;
		for (const { payload } of this.#early) this.#giveUp(payload);
		this.#early = undefined;
	}

	/** Keeps a message for sessions to come; beyond the bounds the oldest goes. */
	#keep(message: Spooled): void {
		const early = this.#early ?? new Set();
		early.add(message);
		this.#earlyBytes += message.payload.length;
		for (const oldest of early) {
			if (early.size <= this.#limits.maxMessages && this.#earlyBytes <= this.#limits.maxBytes) break;
			this.#release(oldest);
			this.#giveUp(oldest.payload);
			this.dropped++;
		}
	}

	#release(message: Spooled): void {
		if (this.#early?.delete(message)) this.#earlyBytes -= message.payload.length;
	}

	#giveUp(payload: object): void {
		const delivery = this.#under.get(payload);
		this.#under.delete(payload);
		if (delivery) this.#spool.settle(delivery.entry);
	}

	#begin({ payload }: Spooled, entry: Entry): void {
		this.#under.set(payload, { entry, takers: 0, taken: false });
	}

	#of(payload: Uint8Array | string): Delivery | undefined {
		return typeof payload === "string" ? undefined : this.#under.get(payload);
	}
}
