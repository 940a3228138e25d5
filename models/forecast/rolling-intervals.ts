import type { Horizon } from "./horizon.ts";
import { AdaptiveIntervals, type IntervalState } from "./intervals.ts";

/** Weeks of scores that the intervals learn from. */
const WINDOW_DAYS = 42;
/** Scores a day: as many leads of each issue are learned from as make about these. */
const SCORES_PER_DAY = 96;
/** Days over which coverage is counted. */
const COVERAGE_DAYS = 28;
const DAY_MS = 86_400_000;
/** Fractional part of the golden ratio: multiples of it spread evenly over 0…1 however many there are. */
const GOLDEN = 0.6180339887498949;

/**
 * Whether the intervals of a horizon learn from a lead of an issue: some leads of each issue, others with the next, so
 * that all leads have a say and a quarter-hour's error does not count as often as it was forecast.
 *
 * @param issue number of the issue since the epoch
 */
export function learnsFrom(horizon: Horizon, perDay: number, issue: number, lead: number): boolean {
	const span = horizon.toLead - horizon.fromLead + 1;
	const wanted = Math.min(span, Math.max(1, Math.round((SCORES_PER_DAY * horizon.issueEvery) / perDay)));
	const offset = (issue * GOLDEN) % 1;
	const place = lead - horizon.fromLead;
	const nearest = Math.max(0, Math.ceil((place * wanted) / span - offset));
	return (
		nearest < wanted &&
		Math.floor((((nearest + offset) * span) / wanted) % span) === place &&
		place >= 0 &&
		place < span
	);
}

/** Number of an issue since the epoch. */
export function issueNumber(issuedMs: number, stepMs: number, { issueEvery }: Horizon): number {
	return Math.floor(issuedMs / (stepMs * issueEvery));
}

/** Bounds of rows of features. */
export interface Bounds {
	lower: Float64Array;
	upper: Float64Array;
}

/** Share of the values of the last weeks that lay within the bounds issued for them. */
export interface Coverage {
	share: number;
	values: number;
}

interface Pending {
	targetMs: number;
	lower: number;
	upper: number;
	lowerIssued: number;
	upperIssued: number;
}

/**
 * The intervals of one horizon as time goes on: what was issued waits until its value is known, then the intervals
 * learn from it. Everything it knows follows from the forecasts and the load, so nothing is lost by a restart.
 */
export class RollingIntervals {
	readonly #intervals: AdaptiveIntervals;
	readonly #floor: number;
	#pending: Pending[] = [];
	/** When known and whether held, oldest first. */
	#log: { atMs: number; held: boolean }[] = [];

	/**
	 * @param share of values that an interval is to hold, e.g. 0.9
	 * @param floor least width that counts, in the unit of the load
	 * @param state where it begins: what the backtests taught
	 */
	constructor(share: number, floor: number, state?: IntervalState) {
		this.#intervals = new AdaptiveIntervals(share, WINDOW_DAYS * SCORES_PER_DAY, SCORES_PER_DAY, state);
		this.#floor = floor;
	}

	/** Corrected bounds of a learned lower and upper one. */
	bounds(lower: number, upper: number): [number, number] {
		return this.#intervals.bounds(lower, upper, this.#floor);
	}

	/** Remembers what is issued for a time to come. */
	issue(targetMs: number, lower: number, upper: number): [number, number] {
		const [lowerIssued, upperIssued] = this.bounds(lower, upper);
		this.#pending.push({ targetMs, lower, upper, lowerIssued, upperIssued });
		return [lowerIssued, upperIssued];
	}

	/** Learns from everything issued for times before `nowMs`; unknown values teach nothing. */
	settle(nowMs: number, valueAt: (ms: number) => number): void {
		const due = this.#pending.filter(({ targetMs }) => targetMs < nowMs);
		if (due.length === 0) return;
		this.#pending = this.#pending.filter(({ targetMs }) => targetMs >= nowMs);
		for (const { targetMs, lower, upper, lowerIssued, upperIssued } of due.sort((a, b) => a.targetMs - b.targetMs)) {
			const value = valueAt(targetMs);
			if (!Number.isFinite(value) || !Number.isFinite(lowerIssued) || !Number.isFinite(upperIssued)) continue;
			const held = value >= lowerIssued && value <= upperIssued;
			this.#intervals.learn(value, lower, upper, this.#floor, held);
			this.#log.push({ atMs: targetMs, held });
		}
		const first = this.#log.findIndex(({ atMs }) => atMs >= nowMs - COVERAGE_DAYS * DAY_MS);
		if (first > 0) this.#log = this.#log.slice(first);
	}

	get coverage(): Coverage | undefined {
		const values = this.#log.length;
		if (values === 0) return undefined;
		return { share: this.#log.filter(({ held }) => held).length / values, values };
	}

	/** Widths added on either side of the learned bounds at present. */
	get correction(): number {
		return this.#intervals.correction;
	}
}
