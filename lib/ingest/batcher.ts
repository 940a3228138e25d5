export interface BatchLimits {
	/** No item waits longer than this, ms. */
	maxAgeMs: number;
	/** A pause of this length ends a batch early: a broker's in-flight window may be full and wait for us, ms. */
	idleMs: number;
	/** So many items end a batch at once. */
	maxItems: number;
}

/** Gathers what arrives one by one into few batches. The clock is read once an item, one timer runs a batch. */
export class Batcher<T> {
	readonly #limits: BatchLimits;
	readonly #flush: (items: T[]) => void;
	#items: T[] = [];
	#weight = 0;
	#firstAt = 0;
	#lastAt = 0;
	#timer: NodeJS.Timeout | undefined;

	constructor(limits: BatchLimits, flush: (items: T[]) => void) {
		this.#limits = limits;
		this.#flush = flush;
	}

	/** @param weight how much of maxItems it fills: an array of readings counts as many */
	add(item: T, weight = 1): void {
		this.#lastAt = performance.now();
		if (this.#items.length === 0) this.#firstAt = this.#lastAt;
		this.#items.push(item);
		this.#weight += weight;
		if (this.#weight >= this.#limits.maxItems) this.flush();
		else this.#timer ??= setTimeout(this.#check, this.#limits.idleMs);
	}

	flush(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		if (this.#items.length === 0) return;
		const items = this.#items;
		this.#items = [];
		this.#weight = 0;
		this.#flush(items);
	}

	/** Forgets what has not been flushed. */
	drop(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#items = [];
		this.#weight = 0;
	}

	#check = (): void => {
		this.#timer = undefined;
		const now = performance.now();
		const untilIdle = this.#lastAt + this.#limits.idleMs - now;
		const untilOld = this.#firstAt + this.#limits.maxAgeMs - now;
		const wait = Math.min(untilIdle, untilOld);
		if (wait <= 0.5) this.flush();
		else this.#timer = setTimeout(this.#check, Math.ceil(wait));
	};
}
