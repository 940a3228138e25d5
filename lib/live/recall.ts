import type { Delta, LiveEvent } from "./messages.ts";

/** Deltas of two minutes: a phone that changes its cell is back within. */
const MAX_DELTAS = 120;
const MAX_EVENTS = 1_000;

/** What a client missed; null where it is no longer known. */
export interface Missed {
	/** Deltas and events in order of `seq`. */
	messages: (Delta | LiveEvent)[];
	/** Every delta is there: the client's picture is whole again with them, without a snapshot. */
	deltasComplete: boolean;
	/** No event is missing. */
	eventsComplete: boolean;
}

/** The newest messages to all clients, kept so that one who was away for a moment misses nothing. */
export class Recall {
	#deltas: Delta[] = [];
	#events: LiveEvent[] = [];
	/** Highest `seq` that was forgotten; 0 while nothing was. */
	#deltaGone = 0;
	#eventGone = 0;
	#newest = 0;

	keep(message: Delta | LiveEvent): void {
		this.#newest = message.seq;
		if (message.type === "delta") {
			this.#deltas.push(message);
			if (this.#deltas.length > MAX_DELTAS) this.#deltaGone = this.#deltas.shift()?.seq ?? 0;
		} else {
			this.#events.push(message);
			if (this.#events.length > MAX_EVENTS) this.#eventGone = this.#events.shift()?.seq ?? 0;
		}
	}

	/** @returns what came after `seq`; null for a `seq` that was never sent */
	since(seq: number): Missed | null {
		if (!Number.isSafeInteger(seq) || seq < 0 || seq > this.#newest) return null;
		const deltasComplete = seq >= this.#deltaGone;
		const after = ({ seq: own }: { seq: number }): boolean => own > seq;
		const messages = [...(deltasComplete ? this.#deltas.filter(after) : []), ...this.#events.filter(after)];
		messages.sort((one, other) => one.seq - other.seq);
		return { messages, deltasComplete, eventsComplete: seq >= this.#eventGone };
	}
}
