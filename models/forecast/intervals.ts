/** What an interval learns from as time goes on; plain, so that it can be stored with its model. */
export interface IntervalState {
	/** Newest scores, oldest first. */
	scores: number[];
	/** Share of misses it aims at now, moved from the nominal one by what was missed of late. */
	aim: number;
}

/** How fast the aim follows the misses of a day. */
const RATE_PER_DAY = 0.03;

/**
 * Adaptive conformal intervals: learned bounds, widened or narrowed so that the share of actual values inside is what
 * was promised. The score of a value is its distance outside the bounds, in widths; the correction is the quantile of
 * the newest scores, and its level moves with the misses, so that coverage holds when the plant changes its habits.
 * @see Romano, Patterson, Candès: Conformalized quantile regression, NeurIPS 2019; Gibbs, Candès: Adaptive conformal
 * inference under distribution shift, NeurIPS 2021
 */
export class AdaptiveIntervals {
	readonly share: number;
	readonly #window: number;
	readonly #rate: number;
	readonly #scores: number[];
	readonly #sorted: number[];
	#aim: number;

	/**
	 * @param share of values that the interval is to hold, e.g. 0.9
	 * @param window scores to learn from: some weeks of them
	 * @param perDay scores that a day brings
	 */
	constructor(share: number, window: number, perDay: number, state?: IntervalState) {
		this.share = share;
		this.#window = window;
		this.#rate = RATE_PER_DAY / perDay;
		this.#aim = state?.aim ?? 1 - share;
		this.#scores = (state?.scores ?? []).slice(-window);
		this.#sorted = Array.from(Float64Array.from(this.#scores).sort());
	}

	get state(): IntervalState {
		return { scores: [...this.#scores], aim: this.#aim };
	}

	/** Widths to add on either side; 0 until there are scores. */
	get correction(): number {
		const n = this.#sorted.length;
		if (n === 0) return 0;
		const at = Math.ceil((n + 1) * (1 - this.#aim)) - 1;
		return this.#sorted[Math.min(Math.max(at, 0), n - 1)] as number;
	}

	/** Corrected bounds; `floor` is the least width that counts, in the unit of the series. */
	bounds(lower: number, upper: number, floor: number): [number, number] {
		const low = Math.min(lower, upper);
		const high = Math.max(lower, upper);
		const by = this.correction * Math.max(high - low, floor);
		// A negative correction may not turn the interval inside out.
		const middle = (low + high) / 2;
		return [Math.min(low - by, middle), Math.max(high + by, middle)];
	}

	/** Learns from a value that became known: its learned bounds, and whether the issued interval held it. */
	learn(actual: number, lower: number, upper: number, floor: number, held: boolean): void {
		if (!Number.isFinite(actual) || !Number.isFinite(lower) || !Number.isFinite(upper)) return;
		this.#keep(scoreOf(actual, lower, upper, floor));
		const aim = this.#aim + this.#rate * (1 - this.share - (held ? 0 : 1));
		this.#aim = Math.min(Math.max(aim, 0.002), 0.5);
	}

	#keep(score: number): void {
		this.#scores.push(score);
		this.#sorted.splice(placeOf(this.#sorted, score), 0, score);
		if (this.#scores.length <= this.#window) return;
		const oldest = this.#scores.shift() as number;
		this.#sorted.splice(placeOf(this.#sorted, oldest), 1);
	}
}

/** Distance of a value outside its bounds, in widths; negative inside. */
export function scoreOf(actual: number, lower: number, upper: number, floor: number): number {
	const low = Math.min(lower, upper);
	const high = Math.max(lower, upper);
	return Math.max(low - actual, actual - high) / Math.max(high - low, floor);
}

/** First place in ascending values whose value isn't below. */
function placeOf(sorted: readonly number[], value: number): number {
	let low = 0;
	let high = sorted.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if ((sorted[middle] as number) < value) low = middle + 1;
		else high = middle;
	}
	return low;
}
