export type Level = "normal" | "warning" | "critical";

export interface LevelOptions {
	/** Score from which a reading counts as a warning; default 0.7, about one reading in 16,000 by chance. */
	warning?: number;
	/** Default 0.9. */
	critical?: number;
	/** How far the score must fall below a threshold before the level goes back; default 0.1. */
	hysteresis?: number;
	/** Readings in a row, at the cadence that the model learnt at, that raise a level; default 3. */
	confirm?: number;
	/** Such readings that lower it; default 5. */
	release?: number;
}

const order: readonly Level[] = ["normal", "warning", "critical"];

/**
 * The level of a machine out of the scores of its readings: it rises when several in a row are above a threshold and
 * falls when several in a row are clearly below, so that a score that swings about a threshold is one event.
 *
 * Readings that come faster than the model's cadence count for less: sixty of one minute are hardly more evidence than
 * one, for what disturbs one disturbs those beside it. A single one among them that disagrees takes away as much as
 * `confirm` of its like gave, where at the cadence itself it begins anew.
 */
export class LevelTracker {
	readonly #thresholds: readonly number[];
	readonly #hysteresis: number;
	readonly #confirm: number;
	readonly #release: number;
	#level = 0;
	/** Readings at or above each threshold, in readings of the cadence. */
	readonly #above = [0, 0, 0];
	/** Readings clearly below the present level's threshold, so counted too. */
	#below = 0;

	constructor({ warning = 0.7, critical = 0.9, hysteresis = 0.1, confirm = 3, release = 5 }: LevelOptions = {}) {
		this.#thresholds = [Number.NEGATIVE_INFINITY, warning, Math.max(warning, critical)];
		this.#hysteresis = hysteresis;
		this.#confirm = Math.max(1, confirm);
		this.#release = Math.max(1, release);
	}

	get level(): Level {
		return order[this.#level] as Level;
	}

	/**
	 * Takes the next score; a NaN, which judges nothing, changes nothing.
	 *
	 * @param weight what it counts for: the time since the one before in cadences, at most 1
	 * @returns whether the level changed
	 */
	add(score: number, weight = 1): boolean {
		if (Number.isNaN(score)) return false;
		const before = this.#level;
		for (let place = 1; place < order.length; place++) {
			const isAbove = score >= (this.#thresholds[place] as number);
			this.#above[place] = counted(this.#above[place] as number, isAbove, weight, this.#confirm);
			if (place > this.#level && reached(this.#above[place] as number, this.#confirm)) this.#level = place;
		}
		if (this.#level > before) {
			this.#below = 0;
			return true;
		}
		const floor = (this.#thresholds[this.#level] as number) - this.#hysteresis;
		this.#below = counted(this.#below, score < floor, weight, this.#release);
		if (reached(this.#below, this.#release)) {
			this.#below = 0;
			this.#level--;
			// All the way down where the score says so.
			while (this.#level > 0 && score < (this.#thresholds[this.#level] as number) - this.#hysteresis) this.#level--;
		}
		return this.#level !== before;
	}
}

/** The first one counts whole, as the first of a row does; never more than are needed. */
function counted(sofar: number, agrees: boolean, weight: number, needed: number): number {
	return agrees ? Math.min(needed, Math.max(1, sofar + weight)) : Math.max(0, sofar - needed * weight);
}

/** Sixty sixtieths are one. */
function reached(sofar: number, needed: number): boolean {
	return sofar >= needed - 1e-9;
}
