import { QUARTER_HOUR_MS } from "./interval.ts";

/** Readings up to this far apart are joined as measured; beyond it the energy between them is an estimate. */
export const MAX_GAP_MS = 300_000;
/** Power alone is bridged over at most this gap; what happened in a longer silence is unknown, so no energy is made up. */
export const MAX_BRIDGE_MS = 3_600_000;
/** A counter difference is spread over at most this gap; an older counter reading is a new beginning. */
export const MAX_COUNTER_GAP_MS = 31 * 86_400_000;
/** A poll this far off the quarter-hour still counts as made on it. */
const EDGE_JITTER_MS = 30_000;
const HOUR_MS = 3_600_000;
/** Quarter-hours a fold keeps at hand; the caller recomputes older ones from the readings. */
const KEPT_BUCKETS = 8;

/** Share of a quarter-hour that must be measured for it to count as good. */
export const GOOD_COVERAGE = 0.9;

/** The quarter-hour an instant falls into, by its start. */
export function quarterOf(timeMs: number): number {
	return Math.floor(timeMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
}

/** What one quarter-hour of one machine gathers; `finish` turns it into figures. */
export interface Bucket {
	startMs: number;
	/** Settled: by counter differences, or by power where no counter can overrule it any more. */
	measuredKwh: number;
	estimatedKwh: number;
	coveredMs: number;
	spanMs: number;
	/** By power since the newest counter reading: stands until the next counter reading overrules it. */
	pendingKwh: number;
	pendingEstimatedKwh: number;
	pendingCoveredMs: number;
	pendingSpanMs: number;
	maxKw: number;
	minKw: number;
	powerSumKw: number;
	powerSamples: number;
	samples: number;
	uncertain: boolean;
	/** Changed since the last `drain`. */
	changed: boolean;
}

/** The figures of one finished quarter-hour, as the store keeps them. */
export interface QuarterFigures {
	startMs: number;
	energyKwh: number;
	estimatedKwh: number;
	meanKw: number;
	maxKw: number;
	minKw: number;
	/** 0…1. */
	coverage: number;
	/** Time the energy belongs to, measured and bridged; mean power = energy ÷ this. */
	spanMs: number;
	uncertain: boolean;
	samples: number;
}

/**
 * What a cumulative counter counted between two readings, kWh; NaN where it cannot be known.
 *
 * A smaller value is, in this order: a step back of rounding (counted as it is, so that sums stay equal to the counter),
 * a rollover (at the meter's own limit if given, else at a power of ten or 2³² Wh that it had nearly reached), a reset
 * (the counter began again near zero: what it shows since is counted), or another meter (unknown).
 *
 * @param rolloverKwh value at which this meter starts again at 0
 */
export function counterDifference(
	fromKwh: number,
	toKwh: number,
	rolloverKwh?: number,
): { kwh: number; reset: boolean } {
	const step = toKwh - fromKwh;
	if (step >= 0 || -step <= Math.max(0.5, fromKwh * 1e-5)) return { kwh: step, reset: false };
	const limit = rolloverKwh ?? likelyRollover(fromKwh);
	if (limit !== undefined && fromKwh >= limit * 0.9 && fromKwh <= limit && toKwh <= limit * 0.1) {
		return { kwh: limit - fromKwh + toKwh, reset: false };
	}
	return { kwh: toKwh >= 0 && toKwh <= fromKwh * 0.1 ? toKwh : Number.NaN, reset: true };
}

/** The round limit that a counter is about to reach: 10⁴…10⁹ kWh, or 32 bits of Wh. */
function likelyRollover(kwh: number): number | undefined {
	for (const limit of [1e4, 1e5, 1e6, 4294967.296, 1e7, 1e8, 1e9]) {
		if (kwh >= limit * 0.99 && kwh <= limit) return limit;
	}
	return undefined;
}

/**
 * Turns the readings of one machine, given in the order of time, into quarter-hours.
 *
 * Two tracks run side by side. Where the counter (energyKwh) is read, the difference of consecutive readings is the
 * energy; it overrules power, which only says how a difference over a long time is shared out (evenly where power is
 * silent). Where there is no counter, power is integrated by the trapezoid rule.
 * Either way what crosses a quarter-hour's edge is split there in proportion to time, so a missed poll never lands in
 * the next quarter-hour. Energy over more than MAX_GAP_MS is estimated unless it surely lies within one quarter-hour.
 *
 * A quarter-hour is a function of the last reading before it, the readings in it and the first one after it, computed
 * by the same additions in the same order however the readings came: results are equal to the bit.
 */
export class QuarterFold {
	readonly rolloverKwh: number | undefined;
	/** Quarter-hours from here on are complete in this fold. */
	fromMs: number;
	#buckets: Bucket[] = [];
	#counterMs = Number.NaN;
	#counterKwh = Number.NaN;
	#powerMs = Number.NaN;
	#powerKw = Number.NaN;

	constructor(fromMs: number, rolloverKwh?: number) {
		this.fromMs = fromMs;
		this.rolloverKwh = rolloverKwh;
	}

	/** Time of the newest counter reading; NaN where there is none. */
	get counterMs(): number {
		return this.#counterMs;
	}

	/** Whether a counter reading at this time would only touch quarter-hours that this fold holds completely. */
	holdsSinceCounter(): boolean {
		return !(quarterOf(this.#counterMs) < this.fromMs);
	}

	/**
	 * Takes the next reading; times must rise.
	 *
	 * @param powerKw NaN where the reading has none
	 * @param energyKwh cumulative counter, NaN where the reading has none
	 * @param counterReset the validation found that the counter does not go on from the reading before: after a meter was
	 *   exchanged for one that stands higher, the step up is no energy
	 */
	push(timeMs: number, powerKw: number, energyKwh: number, uncertain: boolean, counterReset = false): void {
		const bucket = this.#bucket(quarterOf(timeMs));
		bucket.samples++;
		bucket.changed = true;
		if (uncertain) bucket.uncertain = true;
		if (!Number.isNaN(powerKw)) this.#pushPower(bucket, timeMs, powerKw);
		if (!Number.isNaN(energyKwh)) this.#pushCounter(timeMs, energyKwh, counterReset);
	}

	/** Hands out the quarter-hours that changed since the last call, oldest first, and lets go of the old ones. */
	drain(): QuarterFigures[] {
		const out: QuarterFigures[] = [];
		for (const bucket of this.#buckets) {
			if (!bucket.changed) continue;
			bucket.changed = false;
			if (bucket.startMs >= this.fromMs && (spanOf(bucket) > 0 || bucket.powerSamples > 0)) out.push(finish(bucket));
		}
		const spare = this.#buckets.length - KEPT_BUCKETS;
		if (spare > 0) {
			this.#buckets.splice(0, spare);
			this.fromMs = Math.max(this.fromMs, this.#buckets[0]?.startMs ?? this.fromMs);
		}
		return out;
	}

	#pushPower(bucket: Bucket, timeMs: number, powerKw: number): void {
		bucket.powerSamples++;
		bucket.powerSumKw += powerKw;
		if (powerKw > bucket.maxKw) bucket.maxKw = powerKw;
		if (powerKw < bucket.minKw) bucket.minKw = powerKw;
		const gapMs = timeMs - this.#powerMs;
		if (gapMs <= MAX_BRIDGE_MS) {
			const slope = (powerKw - this.#powerKw) / gapMs;
			// NaN, where there is no counter, compares false and is passed over; Math.max would carry it on.
			let at = this.#powerMs;
			if (this.#counterMs > at) at = this.#counterMs;
			while (at < timeMs) {
				const startMs = quarterOf(at);
				const until = Math.min(timeMs, startMs + QUARTER_HOUR_MS);
				const meanKw = this.#powerKw + slope * ((at + until) / 2 - this.#powerMs);
				const part = startMs === bucket.startMs ? bucket : this.#bucket(startMs);
				part.pendingSpanMs += until - at;
				if (gapMs <= MAX_GAP_MS) {
					part.pendingKwh += (meanKw * (until - at)) / HOUR_MS;
					part.pendingCoveredMs += until - at;
				} else part.pendingEstimatedKwh += (meanKw * (until - at)) / HOUR_MS;
				part.changed = true;
				at = until;
			}
		}
		this.#powerMs = timeMs;
		this.#powerKw = powerKw;
	}

	#pushCounter(timeMs: number, energyKwh: number, counterReset: boolean): void {
		const fromMs = this.#counterMs;
		const gapMs = timeMs - fromMs;
		const exchanged = counterReset && energyKwh >= this.#counterKwh;
		const { kwh, reset } =
			gapMs <= MAX_COUNTER_GAP_MS && !exchanged
				? counterDifference(this.#counterKwh, energyKwh, this.rolloverKwh)
				: { kwh: Number.NaN, reset: exchanged };
		// After a reset the power measured meanwhile knows better than a counter that lost its beginning.
		if (!Number.isNaN(kwh) && !(reset && this.#pendingSince(fromMs))) this.#spread(fromMs, timeMs, kwh, reset);
		else this.#settle(fromMs, reset);
		this.#counterMs = timeMs;
		this.#counterKwh = energyKwh;
	}

	#pendingSince(fromMs: number): boolean {
		return this.#buckets.some((bucket) => bucket.startMs >= quarterOf(fromMs) && bucket.pendingSpanMs > 0);
	}

	/** Replaces what power said between two counter readings by their difference. */
	#spread(fromMs: number, toMs: number, kwh: number, reset: boolean): void {
		const first = quarterOf(fromMs);
		const gapMs = toMs - fromMs;
		const measured = !reset && (gapMs <= MAX_GAP_MS || liesInOneQuarter(fromMs, toMs));
		if (!measured && !reset && this.#shareByPower(first, gapMs, kwh)) return;
		for (let i = this.#buckets.length - 1; i >= 0; i--) {
			const bucket = this.#buckets[i] as Bucket;
			if (bucket.startMs < first) break;
			clearPending(bucket);
		}
		let left = kwh;
		for (let at = fromMs; at < toMs; ) {
			const startMs = quarterOf(at);
			const until = Math.min(toMs, startMs + QUARTER_HOUR_MS);
			const partKwh = until === toMs ? left : (kwh * (until - at)) / gapMs;
			left -= partKwh;
			const part = this.#bucket(startMs);
			part.spanMs += until - at;
			if (measured) {
				part.measuredKwh += partKwh;
				part.coveredMs += until - at;
			} else part.estimatedKwh += partKwh;
			if (reset) part.uncertain = true;
			part.changed = true;
			at = until;
		}
	}

	/**
	 * Shares a difference over a long time out as power went meanwhile, if power was measured nearly throughout and
	 * roughly agrees with the counter: the sum is the counter's, the shape is power's, and both are measured.
	 */
	#shareByPower(first: number, gapMs: number, kwh: number): boolean {
		const parts = this.#buckets.filter((bucket) => bucket.startMs >= first && bucket.pendingSpanMs > 0);
		let powerKwh = 0;
		let coveredMs = 0;
		for (const part of parts) {
			powerKwh += part.pendingKwh + part.pendingEstimatedKwh;
			coveredMs += part.pendingCoveredMs;
		}
		if (!(powerKwh > 0) || coveredMs < gapMs * 0.9 || kwh < powerKwh / 2 || kwh > powerKwh * 2) return false;
		let left = kwh;
		for (const [index, part] of parts.entries()) {
			const share = (part.pendingKwh + part.pendingEstimatedKwh) / powerKwh;
			const partKwh = index === parts.length - 1 ? left : kwh * share;
			left -= partKwh;
			part.measuredKwh += partKwh;
			part.coveredMs += part.pendingCoveredMs;
			part.spanMs += part.pendingSpanMs;
			clearPending(part);
		}
		return true;
	}

	/** Lets what power said stand for good. */
	#settle(fromMs: number, uncertain: boolean): void {
		for (const bucket of this.#buckets) {
			if (bucket.startMs < quarterOf(fromMs)) continue;
			bucket.measuredKwh += bucket.pendingKwh;
			bucket.estimatedKwh += bucket.pendingEstimatedKwh;
			bucket.coveredMs += bucket.pendingCoveredMs;
			bucket.spanMs += bucket.pendingSpanMs;
			clearPending(bucket);
			if (uncertain) bucket.uncertain = true;
			bucket.changed = true;
		}
	}

	/** Finds or makes a quarter-hour; nearly always the newest one. */
	#bucket(startMs: number): Bucket {
		let at = this.#buckets.length - 1;
		while (at >= 0 && (this.#buckets[at] as Bucket).startMs > startMs) at--;
		const found = this.#buckets[at];
		if (found?.startMs === startMs) return found;
		const made = emptyBucket(startMs);
		this.#buckets.splice(at + 1, 0, made);
		return made;
	}
}

function emptyBucket(startMs: number): Bucket {
	return {
		startMs,
		measuredKwh: 0,
		estimatedKwh: 0,
		coveredMs: 0,
		spanMs: 0,
		pendingKwh: 0,
		pendingEstimatedKwh: 0,
		pendingCoveredMs: 0,
		pendingSpanMs: 0,
		maxKw: Number.NEGATIVE_INFINITY,
		minKw: Number.POSITIVE_INFINITY,
		powerSumKw: 0,
		powerSamples: 0,
		samples: 0,
		uncertain: false,
		changed: true,
	};
}

function clearPending(bucket: Bucket): void {
	bucket.pendingKwh = 0;
	bucket.pendingEstimatedKwh = 0;
	bucket.pendingCoveredMs = 0;
	bucket.pendingSpanMs = 0;
	bucket.changed = true;
}

/** Whether two polls, forgiven their jitter, bound time of one quarter-hour only: then its energy is known, not guessed. */
function liesInOneQuarter(fromMs: number, toMs: number): boolean {
	return quarterOf(fromMs + EDGE_JITTER_MS) >= quarterOf(toMs - EDGE_JITTER_MS - 1);
}

const spanOf = (bucket: Bucket): number => bucket.spanMs + bucket.pendingSpanMs;

function finish(bucket: Bucket): QuarterFigures {
	const estimatedKwh = bucket.estimatedKwh + bucket.pendingEstimatedKwh;
	const energyKwh = bucket.measuredKwh + bucket.pendingKwh + estimatedKwh;
	const spanMs = spanOf(bucket);
	const coverage = Math.min(1, (bucket.coveredMs + bucket.pendingCoveredMs) / QUARTER_HOUR_MS);
	const meanKw = spanMs > 0 ? (energyKwh * HOUR_MS) / spanMs : bucket.powerSumKw / bucket.powerSamples;
	return {
		startMs: bucket.startMs,
		energyKwh,
		estimatedKwh,
		meanKw,
		// A counter sees peaks that fall between two power samples, so its mean bounds them.
		maxKw: Math.max(bucket.maxKw, meanKw),
		minKw: Math.min(bucket.minKw, meanKw),
		coverage,
		spanMs,
		uncertain: bucket.uncertain || estimatedKwh !== 0 || coverage < GOOD_COVERAGE,
		samples: bucket.samples,
	};
}

/** Readings of one machine as columns, in the order of time; NaN where a quantity is absent. */
export interface QuarterInput {
	timeMs: Float64Array;
	powerKw: Float64Array;
	energyKwh: Float64Array;
	/** 1 where the reading is uncertain. */
	uncertain: Uint8Array;
	/** 1 where the counter does not go on from the reading before. */
	counterReset?: Uint8Array;
}

/** The quarter-hours of a whole series of readings, oldest first. */
export function quartersOf(input: QuarterInput, rolloverKwh?: number): QuarterFigures[] {
	const fold = new QuarterFold(Number.NEGATIVE_INFINITY, rolloverKwh);
	const out = new Map<number, QuarterFigures>();
	for (let i = 0; i < input.timeMs.length; i++) {
		fold.push(
			input.timeMs[i] as number,
			input.powerKw[i] as number,
			input.energyKwh[i] as number,
			input.uncertain[i] === 1,
			input.counterReset?.[i] === 1,
		);
	}
	for (const figures of fold.drain()) out.set(figures.startMs, figures);
	return [...out.values()].sort((a, b) => a.startMs - b.startMs);
}
