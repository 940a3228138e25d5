/** Counts of the last seconds, in a ring: nothing to clean up, nothing that grows. */
export class Rate {
	readonly #counts: Float64Array;
	#second = 0;

	constructor(seconds: number) {
		this.#counts = new Float64Array(seconds);
	}

	add(count: number, nowMs: number): void {
		this.#turnTo(nowMs);
		const at = this.#second % this.#counts.length;
		this.#counts[at] = (this.#counts[at] ?? 0) + count;
	}

	/** Sum over the window. */
	sum(nowMs: number): number {
		this.#turnTo(nowMs);
		return this.#counts.reduce((sum, count) => sum + count, 0);
	}

	/** Mean over the window, a second. */
	perSecond(nowMs: number): number {
		return this.sum(nowMs) / this.#counts.length;
	}

	#turnTo(nowMs: number): void {
		const second = Math.floor(nowMs / 1000);
		const steps = Math.min(second - this.#second, this.#counts.length);
		for (let step = 0; step < steps; step++) this.#counts[(second - step) % this.#counts.length] = 0;
		if (second > this.#second) this.#second = second;
	}
}
