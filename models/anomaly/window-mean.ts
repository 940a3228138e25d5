/** Pieces of the window whose ends are remembered. */
const PIECES = 30;

/**
 * Mean power of the last while: by the counter where there is one, which misses nothing between two readings, else by
 * the integral of power. Costs the same whatever the rate of readings.
 */
export class WindowMean {
	readonly #windowMs: number;
	readonly #pieceMs: number;
	/** Ends of pieces in a ring: when, and energy since the beginning. */
	readonly #timesMs = new Float64Array(PIECES + 3);
	readonly #energiesKwh = new Float64Array(PIECES + 3);
	#first = 0;
	#count = 0;
	#timeMs = Number.NaN;
	#powerKw = Number.NaN;
	#energyKwh = 0;
	/** The counter when it was last read, and the energy then. */
	#counterKwh = Number.NaN;
	#countedKwh = 0;

	constructor(windowMs: number) {
		this.#windowMs = windowMs;
		this.#pieceMs = windowMs / PIECES;
	}

	/**
	 * @param follows whether this reading follows on the one before; where it does not, the counter tells what was in
	 *   between, but not of more than the window, and without one it begins anew
	 * @param powerKw kW, NaN where it is missing
	 * @param counterKwh energy counter, NaN where there is none
	 * @returns mean power of the window that ends here, kW; NaN until one is full
	 */
	add(timeMs: number, powerKw: number, counterKwh: number, follows = true): number {
		const counted = counterKwh >= this.#counterKwh && timeMs - this.#timeMs <= this.#windowMs;
		if (Number.isNaN(this.#timeMs) || (!follows && !counted)) this.#begin(timeMs);
		else if (timeMs > this.#timeMs) this.#grow(timeMs, powerKw, counterKwh);
		this.#timeMs = timeMs;
		this.#powerKw = powerKw;
		if (Number.isFinite(counterKwh)) {
			this.#counterKwh = counterKwh;
			this.#countedKwh = this.#energyKwh;
		}
		return this.#mean(timeMs);
	}

	#begin(timeMs: number): void {
		this.#energyKwh = 0;
		this.#counterKwh = Number.NaN;
		this.#first = 0;
		this.#count = 1;
		this.#timesMs[0] = timeMs;
		this.#energiesKwh[0] = 0;
	}

	#grow(timeMs: number, powerKw: number, counterKwh: number): void {
		const counted = counterKwh - this.#counterKwh;
		if (counted >= 0) this.#energyKwh = this.#countedKwh + counted;
		else this.#energyKwh += ((powerKw + this.#powerKw) / 2) * ((timeMs - this.#timeMs) / 3_600_000);
		const size = this.#timesMs.length;
		if (timeMs - (this.#timesMs[(this.#first + this.#count - 1) % size] as number) < this.#pieceMs) return;
		const at = (this.#first + this.#count) % size;
		this.#timesMs[at] = timeMs;
		this.#energiesKwh[at] = this.#energyKwh;
		if (this.#count < size) this.#count++;
		else this.#first = (this.#first + 1) % size;
	}

	#mean(timeMs: number): number {
		const size = this.#timesMs.length;
		const fromMs = timeMs - this.#windowMs;
		const timeAt = (place: number): number => this.#timesMs[(this.#first + place) % size] as number;
		if (!(timeAt(0) <= fromMs)) return Number.NaN;
		// Ends that even the next window does not reach back to.
		while (this.#count > 1 && timeAt(1) <= fromMs) {
			this.#first = (this.#first + 1) % size;
			this.#count--;
		}
		const energyAt = (place: number): number => this.#energiesKwh[(this.#first + place) % size] as number;
		const [beforeMs, afterMs] = [timeAt(0), this.#count > 1 ? timeAt(1) : timeMs];
		const [before, after] = [energyAt(0), this.#count > 1 ? energyAt(1) : this.#energyKwh];
		const share = afterMs > beforeMs ? (fromMs - beforeMs) / (afterMs - beforeMs) : 0;
		return (this.#energyKwh - (before + (after - before) * share)) / (this.#windowMs / 3_600_000);
	}
}
