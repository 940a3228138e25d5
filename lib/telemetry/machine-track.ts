import type { QualityReason, WireReading } from "./reading.ts";
import { quantityNames } from "./reading.ts";
import { defaultRules, type ResolvedRules } from "./rules.ts";

const HOUR = 3_600_000;
const REMEMBERED = 16;
/** Readings in a row that must agree before a counter that jumped is believed (a meter was exchanged). */
const AGREEING = 5;
/** Equal values before a sensor counts as stuck, however long they took. */
const FLAT_COUNT = 10;
/** Where counters start again: full decimal displays and 32 bits of Wh, as the store's aggregation has them, kWh. */
const usualRollovers = [1e4, 1e5, 1e6, 4_294_967.296, 1e7, 1e8, 1e9];
const POWER = quantityNames.indexOf("powerKw");

/** A finding that turns the reading away. */
export interface Fault {
	code: string;
	field: string;
	value: unknown;
	rule: string;
	reason: QualityReason;
	more?: Readonly<Record<string, unknown>>;
}

/** Worse marks win; of equals the one that says more. */
const weight: Partial<Record<QualityReason, number>> = {
	Good_Backfill: 1,
	Good_CounterReset: 2,
	Good_CounterRollover: 2,
	Uncertain_LastKnownValue: 10,
	Uncertain_OutOfOrder: 11,
	Uncertain_EngineeringUnitsExceeded: 12,
	Uncertain_RateOfChange: 13,
	Uncertain_FlatLine: 14,
	Uncertain_UnitSuspect: 15,
};

export function worse(a: QualityReason | undefined, b: QualityReason | undefined): QualityReason | undefined {
	if (a === undefined || b === undefined) return a ?? b;
	return (weight[b] ?? 20) > (weight[a] ?? 20) ? b : a;
}

/** How far a counter may step back by rounding alone, kWh; the store's aggregation counts such a step as it is. */
const roundingOf = (kwh: number): number => Math.max(0.5, kwh * 1e-5);

/** Both are there and not equal; NaN stands for absent. */
const contradicts = (known = Number.NaN, value = Number.NaN): boolean =>
	!Number.isNaN(known) && !Number.isNaN(value) && known !== value;

/**
 * What is remembered of one machine: its newest reading, its rhythm, how long its power has rested, its counter, and
 * the last few instants. A fixed size, however long it runs.
 */
export class MachineTrack {
	readonly rules: ResolvedRules;
	lastTimeMs = Number.NEGATIVE_INFINITY;
	/** Our clock when the newest reading came, NaN before the first. */
	lastArrivalMs = Number.NaN;
	#last = new Float64Array(quantityNames.length).fill(Number.NaN);
	#rhythmMs = Number.NaN;
	#flatSinceMs = Number.NaN;
	#flatCount = 0;
	#peakKw = Number.NaN;
	#counterKwh = Number.NaN;
	#counterTimeMs = Number.NaN;
	#doubtKwh = Number.NaN;
	#doubtTimeMs = Number.NaN;
	#doubts = 0;
	#times = new Float64Array(REMEMBERED).fill(Number.NaN);
	#powers = new Float64Array(REMEMBERED).fill(Number.NaN);
	#counters = new Float64Array(REMEMBERED).fill(Number.NaN);
	#next = 0;

	constructor(rules: ResolvedRules) {
		this.rules = rules;
	}

	/** A copy for a dry run. */
	clone(): MachineTrack {
		const copy = new MachineTrack(this.rules);
		copy.lastTimeMs = this.lastTimeMs;
		copy.lastArrivalMs = this.lastArrivalMs;
		copy.#last = this.#last.slice();
		copy.#rhythmMs = this.#rhythmMs;
		copy.#flatSinceMs = this.#flatSinceMs;
		copy.#flatCount = this.#flatCount;
		copy.#peakKw = this.#peakKw;
		copy.#counterKwh = this.#counterKwh;
		copy.#counterTimeMs = this.#counterTimeMs;
		copy.#doubtKwh = this.#doubtKwh;
		copy.#doubtTimeMs = this.#doubtTimeMs;
		copy.#doubts = this.#doubts;
		copy.#times = this.#times.slice();
		copy.#powers = this.#powers.slice();
		copy.#counters = this.#counters.slice();
		copy.#next = this.#next;
		return copy;
	}

	/** Silence that counts as no connection: the rule, else three times the machine's own rhythm, two minutes to an hour. */
	get noDataMs(): number {
		if (this.rules.noDataMs !== undefined) return this.rules.noDataMs;
		const learned = Number.isNaN(this.#rhythmMs) ? 0 : 3 * this.#rhythmMs;
		return Math.min(Math.max(defaultRules.noDataMs, learned), HOUR);
	}

	/** Outside of min…max, W taken for kW, percent taken for a factor. */
	outOfRange(reading: WireReading): Fault | undefined {
		const { min, max } = this.rules;
		for (let i = 0; i < quantityNames.length; i++) {
			const field = quantityNames[i] as (typeof quantityNames)[number];
			const value = reading[field];
			if (value === undefined) continue;
			const low = min[i] as number;
			const high = max[i] as number;
			if (value >= low && value <= high) continue;
			const rule = `${low}…${high}`;
			if (i === POWER && this.#looksLikeWatts(value))
				return { code: "unit-suspect", field, value, rule, reason: "Uncertain_UnitSuspect", more: { ratio: 1000 } };
			if (field === "powerFactor" && Math.abs(value) <= 100)
				return { code: "percent-suspect", field, value, rule: "-1…1", reason: "Uncertain_UnitSuspect" };
			return { code: "out-of-range", field, value, rule, reason: "Bad_OutOfRange" };
		}
		return undefined;
	}

	/** A thousandth of it would be an ordinary power of this machine. */
	#looksLikeWatts(powerKw: number): boolean {
		const { ratedKw, suspectAboveKw } = this.rules;
		const kw = Math.abs(powerKw) / 1000;
		if (!Number.isNaN(ratedKw)) return kw <= suspectAboveKw && kw >= ratedKw / 1000;
		return kw <= 2 * this.#peakKw;
	}

	/**
	 * Whether this instant is known: `same` repeats it (a message delivered twice; the store keeps one), `conflict`
	 * says something else about it.
	 */
	repetition(reading: WireReading, timeMs: number): "same" | "conflict" | undefined {
		if (timeMs > this.lastTimeMs) return undefined;
		for (let i = 0; i < REMEMBERED; i++) {
			if (this.#times[i] !== timeMs) continue;
			const differs =
				contradicts(this.#powers[i], reading.powerKw) || contradicts(this.#counters[i], reading.energyKwh);
			return differs ? "conflict" : "same";
		}
		return undefined;
	}

	/** Energy the machine can have used at most in a span, with room for a coarse counter, kWh. */
	#plausibleKwh(spanMs: number): number {
		const maxKw = this.rules.max[POWER] as number;
		return (maxKw * Math.max(spanMs, 0)) / HOUR + Math.max(1, maxKw * 0.02);
	}

	/** Judges the counter against the one before; a jump is held back until enough readings in a row agree on it. */
	counter(kwh: number, timeMs: number): QualityReason | Fault | undefined {
		const before = this.#counterKwh;
		if (Number.isNaN(before)) return undefined;
		const plausible = this.#plausibleKwh(timeMs - this.#counterTimeMs);
		const used = kwh - before;
		if (used >= -roundingOf(before) && used <= plausible) return undefined;
		if (used < 0) {
			if (this.#rolledOver(kwh, plausible)) return "Good_CounterRollover";
			if (kwh <= plausible && kwh < before / 2) return "Good_CounterReset";
		}
		const since = kwh - this.#doubtKwh;
		const agrees = since >= 0 && since <= this.#plausibleKwh(timeMs - this.#doubtTimeMs);
		this.#doubts = agrees ? this.#doubts + 1 : 1;
		this.#doubtKwh = kwh;
		this.#doubtTimeMs = timeMs;
		if (this.#doubts >= AGREEING) return "Good_CounterReset";
		const ratio = kwh / before;
		const more = { before, plausible: Math.round(plausible * 100) / 100 };
		const field = "energyKwh";
		if (Math.abs(ratio / 1000 - 1) < 0.05 || Math.abs(ratio * 1000 - 1) < 0.05)
			return {
				code: "unit-suspect",
				field,
				value: kwh,
				rule: `≈ ${before}`,
				reason: "Uncertain_UnitSuspect",
				more: { ratio: 1000 },
			};
		const code = used < 0 ? "counter-backwards" : "counter-jump";
		return {
			code,
			field,
			value: kwh,
			rule: `${before}…${before + (more.plausible ?? 0)}`,
			reason: "Bad_OutOfRange",
			more,
		};
	}

	#rolledOver(kwh: number, plausible: number): boolean {
		const own = this.rules.counterRolloverKwh;
		const before = this.#counterKwh;
		const fits = (capacity: number): boolean =>
			before <= capacity * 1.0001 && before >= capacity * 0.9 && capacity - before + kwh <= plausible;
		return own === undefined ? usualRollovers.some(fits) : fits(own);
	}

	/** Marks that leave the value in place: above the rating, changing too fast, stuck, in doubt about its unit. */
	marks(reading: WireReading, timeMs: number): QualityReason | undefined {
		let mark: QualityReason | undefined;
		const { powerKw } = reading;
		if (powerKw !== undefined) {
			if (Math.abs(powerKw) > this.rules.suspectAboveKw) mark = "Uncertain_EngineeringUnitsExceeded";
			if (this.#flat(reading, powerKw, timeMs)) mark = worse(mark, "Uncertain_FlatLine");
			if (this.#unitDoubtful(reading, powerKw)) mark = worse(mark, "Uncertain_UnitSuspect");
		}
		return this.#tooFast(reading, timeMs) ? worse(mark, "Uncertain_RateOfChange") : mark;
	}

	#flat(reading: WireReading, powerKw: number, timeMs: number): boolean {
		const { flatLineMs, standbyKw } = this.rules;
		const running = reading.state === undefined ? Math.abs(powerKw) > standbyKw : reading.state === "running";
		return (
			running &&
			flatLineMs > 0 &&
			powerKw === this.#last[POWER] &&
			this.#flatCount + 1 >= FLAT_COUNT &&
			timeMs - this.#flatSinceMs >= flatLineMs
		);
	}

	/** Far from what voltage × current allow, or, without a rating, far above everything seen so far. */
	#unitDoubtful({ voltageV, currentA }: WireReading, powerKw: number): boolean {
		const size = Math.abs(powerKw);
		if (voltageV && currentA && size > this.rules.standbyKw) {
			const kva = (voltageV * currentA) / 1000;
			if (size > 150 * kva || size < kva / 300) return true;
		}
		return Number.isNaN(this.rules.ratedKw) && size > 200 * this.#peakKw && size / 1000 >= 0.05 * this.#peakKw;
	}

	#tooFast(reading: WireReading, timeMs: number): boolean {
		const seconds = (timeMs - this.lastTimeMs) / 1000;
		if (!(seconds > 0 && seconds <= 300)) return false;
		const { maxRatePerS } = this.rules;
		for (let i = 0; i < quantityNames.length; i++) {
			const limit = maxRatePerS[i] as number;
			if (limit === Number.POSITIVE_INFINITY) continue;
			const value = reading[quantityNames[i] as (typeof quantityNames)[number]];
			if (value !== undefined && Math.abs(value - (this.#last[i] as number)) > limit * Math.max(seconds, 1))
				return true;
		}
		return false;
	}

	/** Takes the newest reading into the memory; `arrivalMs` is left out for one that came late. */
	advance(reading: WireReading, timeMs: number, arrivalMs: number): void {
		const step = timeMs - this.lastTimeMs;
		if (step < 2 * HOUR) this.#rhythmMs = Number.isNaN(this.#rhythmMs) ? step : this.#rhythmMs * 0.9 + step * 0.1;
		this.lastTimeMs = timeMs;
		this.lastArrivalMs = arrivalMs;
		const { powerKw } = reading;
		if (powerKw !== undefined) {
			if (powerKw === this.#last[POWER]) this.#flatCount++;
			else {
				this.#flatCount = 1;
				this.#flatSinceMs = timeMs;
			}
			const size = Math.abs(powerKw);
			this.#peakKw = Number.isNaN(this.#peakKw) ? size : Math.max(size, this.#peakKw * 0.9999);
		}
		if (reading.energyKwh !== undefined) {
			this.#counterKwh = reading.energyKwh;
			this.#counterTimeMs = timeMs;
			this.#doubts = 0;
			this.#doubtKwh = Number.NaN;
		}
		for (let i = 0; i < quantityNames.length; i++) {
			const value = reading[quantityNames[i] as (typeof quantityNames)[number]];
			if (value !== undefined) this.#last[i] = value;
		}
	}

	/** Remembers the instant, in order or not, so that a repetition is known. */
	remember(reading: WireReading, timeMs: number): void {
		this.#times[this.#next] = timeMs;
		this.#powers[this.#next] = reading.powerKw ?? Number.NaN;
		this.#counters[this.#next] = reading.energyKwh ?? Number.NaN;
		this.#next = (this.#next + 1) % REMEMBERED;
	}
}
