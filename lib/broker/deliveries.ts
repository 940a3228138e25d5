import type { QueuedPacket } from "./sessions.ts";
import type { Entry, Spool, Spooled } from "./spool.ts";

/** A spooled message under way, and how many sessions still owe an acknowledgement for it. */
interface Delivery {
	entry: Entry;
	takers: number;
	/** A session has it or had it. */
	taken: boolean;
}

/**
 * Which messages of the spool are still owed to somebody. A message is known by its payload's buffer: the broker library
 * copies packets on their way, never what they carry.
 *
 * What no session takes is over at once; but until the first lasting session has subscribed, which after a start takes
 * some seconds, everything is kept for it.
 */
export class Deliveries {
	readonly #spool: Spool;
	readonly #limit: number;
	readonly #under = new WeakMap<object, Delivery>();
	#early: Spooled[] | undefined;
	/** Messages given up because nobody came for them. */
	dropped = 0;

	constructor(spool: Spool, limit: number) {
		this.#spool = spool;
		this.#limit = limit;
		this.#early = spool.left.map(({ message }) => message);
		for (const { message, entry } of spool.left) this.#begin(message, entry);
		spool.left.length = 0;
	}

	/** On disk when it resolves. */
	async accept(message: Spooled): Promise<void> {
		this.#begin(message, await this.#spool.append(message));
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
		const delivery = this.#of(message.payload);
		if (!delivery || delivery.taken) return;
		if (!this.#early) {
			this.#spool.settle(delivery.entry);
			return;
		}
		this.#early.push(message);
		if (this.#early.length <= this.#limit) return;
		const oldest = this.#early.shift();
		const given = oldest && this.#of(oldest.payload);
		if (given) this.#spool.settle(given.entry);
		this.dropped++;
	}

	/** The first lasting session has subscribed: what was kept for it, to be published again. */
	firstSession(): Spooled[] {
		const early = this.#early ?? [];
		this.#early = undefined;
		return early;
	}

	#begin({ payload }: Spooled, entry: Entry): void {
		this.#under.set(payload, { entry, takers: 0, taken: false });
	}

	#of(payload: Uint8Array | string): Delivery | undefined {
		return typeof payload === "string" ? undefined : this.#under.get(payload);
	}
}
