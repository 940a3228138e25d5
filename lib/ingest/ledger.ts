interface Open {
	ids: readonly number[];
	left: number;
	bytes: number;
	sinceMs: number;
}

/**
 * Which messages wait for which batch. A batch is settled when as many readings as it sent are committed; only then
 * may its messages be acknowledged.
 */
export class Ledger {
	readonly #open = new Map<number, Open>();
	#next = 1;
	#messages = 0;
	#bytes = 0;

	/** Messages that are not acknowledged yet. */
	get messages(): number {
		return this.#messages;
	}

	/** Their size as received. */
	get bytes(): number {
		return this.#bytes;
	}

	/**
	 * @param ids packet ids to acknowledge later
	 * @param readings how many readings, good and rejected, went into the flow; above 0
	 * @returns the number that settles it
	 */
	enter(ids: readonly number[], readings: number, bytes: number, nowMs: number): number {
		const batch = this.#next++;
		this.#open.set(batch, { ids, left: readings, bytes, sinceMs: nowMs });
		this.#bytes += bytes;
		this.#messages += ids.length;
		return batch;
	}

	/** @returns the packet ids to acknowledge now; nothing while some of the batch is still under way */
	settle(batch: number, count: number): readonly number[] {
		const open = this.#open.get(batch);
		if (!open) return [];
		open.left -= count;
		if (open.left > 0) return [];
		this.#open.delete(batch);
		this.#messages -= open.ids.length;
		this.#bytes -= open.bytes;
		return open.ids;
	}

	/** Batches that are open for longer than so many ms, with the readings still missing. */
	overdue(nowMs: number, afterMs: number): { batches: number; readings: number } {
		const late = { batches: 0, readings: 0 };
		for (const open of this.#open.values()) {
			if (nowMs - open.sinceMs < afterMs) continue;
			late.batches++;
			late.readings += open.left;
		}
		return late;
	}

	has(batch: number): boolean {
		return this.#open.has(batch);
	}

	/** After a disconnect packet ids mean nothing any more: the broker delivers the messages again. */
	forget(): void {
		this.#open.clear();
		this.#messages = 0;
		this.#bytes = 0;
	}
}
