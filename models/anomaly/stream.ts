import { quantileOf } from "./scaling.ts";

const DAY_MS = 86_400_000;
const DAYS_OF_WEEK = 7;
/** Readings that are only listened to; the seasonal view needs more of them. */
const LISTENING = 200;
const SEASON_LISTENING = 500;
/** Values of the same time that are remembered: of the last days, and of the same weekday. */
const SEASONS = 5;
const SEASON_WEIGHT = 0.1;
/** Finest grain of the seasons. */
const LEAST_SLOT_MS = 60_000;
/** Newest stretch and the past that it is compared with: a value, and a stretch. */
const SPIKE = { short: 1, long: 300 };
const SHIFT = { short: 20, long: 1_000 };
/** Values of the past that are looked at, and readings between two looks. */
const SAMPLED = 300;
const RENEW = 10;
/** A second alarm within so many readings has to be a stronger one. */
const QUIET = 300;
const REMEMBERED = 5_000;
const TAIL_SHARE = 0.03;

/**
 * Watches one series of values alone, without training: how far it is from the same time of the last days and weeks, how
 * far one value is from the near past, and a stretch from the long past. Each is turned into the probability that the
 * series' own past shows as much. For sensors without power, which have no model, and for values of any kind.
 */
export class StreamDetector {
	readonly #views = [
		{ view: new Season(), tail: new OwnTail(SEASON_LISTENING) },
		{ view: new Stretch(SPIKE), tail: new OwnTail(LISTENING) },
		{ view: new Stretch(SHIFT), tail: new OwnTail(LISTENING) },
	];
	/** The strongest of the last readings, strongest first, each with its place in the series. */
	readonly #strongest: { at: number; decades: number }[] = [];
	#count = 0;
	#usual = Number.NaN;

	/** What is usual by the view that found the newest value least so; NaN while none knows. */
	get usual(): number {
		return this.#usual;
	}

	/** Readings seen. */
	get count(): number {
		return this.#count;
	}

	/**
	 * @param value not finite ones are passed over
	 * @returns decades of the false-alarm probability, −log10(p); 0 while the last readings held a stronger one, so that
	 * what lasts is one alarm
	 */
	add(timeMs: number, value: number): number {
		if (!Number.isFinite(value)) return 0;
		let decades = 0;
		for (const { view, tail } of this.#views) {
			const found = tail.add(view.add(value, timeMs));
			if (found <= decades) continue;
			decades = found;
			this.#usual = view.usual;
		}
		const at = this.#count++;
		const strongest = this.#strongest;
		if (strongest[0] && strongest[0].at < at - QUIET) strongest.shift();
		const fresh = decades > (strongest[0]?.decades ?? 0);
		while (strongest.length > 0 && (strongest[strongest.length - 1] as { decades: number }).decades <= decades) {
			strongest.pop();
		}
		strongest.push({ at, decades });
		return fresh ? decades : 0;
	}
}

/**
 * Distance from the median of the same time on the last days, or of the same time of the week, whichever is nearer, in
 * the mean of some readings: what is usual for either is usual.
 */
class Season {
	readonly #gaps: number[] = [];
	#lastMs = Number.NaN;
	#slotMs = 0;
	#days: number[][] = [];
	#weeks: number[][] = [];
	#mean = 0;
	/** Of the value that came last. */
	usual = Number.NaN;

	add(value: number, timeMs: number): number {
		if (this.#slotMs === 0 && !this.#learnCadence(timeMs)) return Number.NaN;
		const slot = Math.floor(timeMs / this.#slotMs);
		const day = this.#days[slot % this.#days.length] as number[];
		const week = this.#weeks[slot % this.#weeks.length] as number[];
		const fromDay = day.length > 0 ? value - middleOf(day) : Number.NaN;
		const fromWeek = week.length > 0 ? value - middleOf(week) : Number.NaN;
		for (const seen of [day, week]) {
			seen.push(value);
			if (seen.length > SEASONS) seen.shift();
		}
		if (Number.isNaN(fromDay)) return Number.NaN;
		const nearer = Math.abs(fromWeek) < Math.abs(fromDay) ? fromWeek : fromDay;
		this.usual = value - nearer;
		this.#mean += SEASON_WEIGHT * (nearer - this.#mean);
		return Math.abs(this.#mean);
	}

	/** @returns whether it is known */
	#learnCadence(timeMs: number): boolean {
		if (timeMs > this.#lastMs) this.#gaps.push(timeMs - this.#lastMs);
		this.#lastMs = timeMs;
		if (this.#gaps.length < 50) return false;
		this.#slotMs = Math.max(LEAST_SLOT_MS, quantileOf(Float64Array.from(this.#gaps).sort(), 0.5));
		const slots = Math.max(1, Math.round(DAY_MS / this.#slotMs));
		this.#days = Array.from({ length: slots }, () => []);
		this.#weeks = Array.from({ length: slots * DAYS_OF_WEEK }, () => []);
		return true;
	}
}

/** Distance of the mean of the newest values from the median of the past before them, in spreads of that past. */
class Stretch {
	readonly #short: number;
	readonly #long: number;
	readonly #past: number[] = [];
	#middle = Number.NaN;
	#spread = 1;
	#age = 0;

	get usual(): number {
		return this.#middle;
	}

	constructor({ short, long }: { short: number; long: number }) {
		this.#short = short;
		this.#long = long;
	}

	add(value: number): number {
		const past = this.#past;
		past.push(value);
		if (past.length > this.#short + this.#long) past.shift();
		if (past.length < this.#short + 30) return Number.NaN;
		if (Number.isNaN(this.#middle) || this.#age++ % RENEW === 0) this.#renew();
		let sum = 0;
		for (let i = past.length - this.#short; i < past.length; i++) sum += past[i] as number;
		return Math.abs(sum / this.#short - this.#middle) / this.#spread;
	}

	#renew(): void {
		const until = this.#past.length - this.#short;
		const step = Math.max(1, Math.floor(until / SAMPLED));
		const sample = Float64Array.from(
			{ length: Math.ceil(until / step) },
			(_, i) => this.#past[i * step] as number,
		).sort();
		this.#middle = quantileOf(sample, 0.5);
		const apart = sample.map((one) => Math.abs(one - this.#middle)).sort();
		const mean = sample.reduce((sum, one) => sum + one, 0) / sample.length;
		const deviation = Math.sqrt(sample.reduce((sum, one) => sum + (one - mean) ** 2, 0) / sample.length);
		// Half robust: a past with a second habit is wider than its middle half shows.
		this.#spread = 0.5 * 1.4826 * quantileOf(apart, 0.5) + 0.5 * deviation + 1e-9;
	}
}

/** How rare a value is in its own past; beyond that past a Pareto tail (Hill) goes on. */
class OwnTail {
	readonly #listening: number;
	readonly #past: number[] = [];
	#sorted = new Float64Array();
	#threshold = Number.NaN;
	#index = 1;
	#age = 0;

	constructor(listening: number) {
		this.#listening = listening;
	}

	add(value: number): number {
		if (!(value > 0)) return 0;
		if (this.#past.length >= this.#listening && this.#age++ % (2 * RENEW) === 0) this.#renew();
		this.#past.push(value);
		if (this.#past.length > REMEMBERED) this.#past.shift();
		if (this.#sorted.length === 0) return 0;
		if (value > this.#threshold) return Math.log10(value / this.#threshold) / this.#index - Math.log10(TAIL_SHARE);
		let low = 0;
		let high = this.#sorted.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((this.#sorted[middle] as number) < value) low = middle + 1;
			else high = middle;
		}
		return -Math.log10(1 - low / (this.#sorted.length + 1));
	}

	#renew(): void {
		this.#sorted = Float64Array.from(this.#past).sort();
		this.#threshold = quantileOf(this.#sorted, 1 - TAIL_SHARE);
		let logs = 0;
		let count = 0;
		for (let i = this.#sorted.length - 1; i >= 0 && (this.#sorted[i] as number) > this.#threshold; i--) {
			logs += Math.log((this.#sorted[i] as number) / this.#threshold);
			count++;
		}
		this.#index = Math.max(1e-3, count > 0 ? logs / count : 0.1);
	}
}

function middleOf(values: readonly number[]): number {
	return quantileOf(Float64Array.from(values).sort(), 0.5);
}
