import { GOOD_COVERAGE } from "../aggregate.ts";
import { type Interval, QUARTER_HOUR_MS } from "../interval.ts";

const HOUR_MS = 3_600_000;

/** Energy over a stretch of time, as one row of a file tells it. */
export interface Span {
	startMs: number;
	durationMs: number;
	energyKwh: number;
}

interface Quarter {
	measuredKwh: number;
	estimatedKwh: number;
	coveredMs: number;
	spanMs: number;
	maxKw: number;
	minKw: number;
	/** A row of it is doubtful. */
	uncertain: boolean;
	/** Rows that lie here by their start, to know a repetition; one per minute at most. */
	rows: Map<number, number>;
}

/**
 * Brings rows of any length onto quarter-hours. Rows that fit inside one are added up as measured; a longer row, or one
 * across an edge, is shared out by time, and its share is marked as estimated, since nobody measured how it fell.
 * Rows may come in any order; what is kept grows with the quarter-hours, not with the rows.
 */
export class Resampler {
	#quarters = new Map<number, Quarter>();

	/** Quarter-hours so far. */
	get size(): number {
		return this.#quarters.size;
	}

	/**
	 * @param uncertain the row is doubtful, and what it becomes part of
	 * @returns `repeated` for a row that was there, `conflict` for one that says otherwise; neither is added
	 */
	add({ startMs, durationMs, energyKwh }: Span, uncertain = false): "added" | "repeated" | "conflict" {
		const first = Math.floor(startMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
		const rows = this.#quarter(first).rows;
		const known = rows.get(startMs);
		if (known !== undefined) return known === energyKwh ? "repeated" : "conflict";
		rows.set(startMs, energyKwh);
		const endMs = startMs + durationMs;
		const measured = endMs <= first + QUARTER_HOUR_MS;
		const kw = (energyKwh * HOUR_MS) / durationMs;
		for (let at = startMs; at < endMs; ) {
			const edge = Math.floor(at / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
			const until = Math.min(endMs, edge + QUARTER_HOUR_MS);
			const quarter = this.#quarter(edge);
			// The whole of a row is not divided and multiplied again, so that sums stay those of the file.
			if (measured) quarter.measuredKwh += energyKwh;
			else quarter.estimatedKwh += (energyKwh * (until - at)) / durationMs;
			if (measured) quarter.coveredMs += until - at;
			quarter.spanMs += until - at;
			if (uncertain) quarter.uncertain = true;
			quarter.maxKw = Math.max(quarter.maxKw, kw);
			quarter.minKw = Math.min(quarter.minKw, kw);
			at = until;
		}
		return "added";
	}

	#quarter(startMs: number): Quarter {
		let quarter = this.#quarters.get(startMs);
		if (!quarter) {
			quarter = {
				measuredKwh: 0,
				estimatedKwh: 0,
				coveredMs: 0,
				spanMs: 0,
				maxKw: Number.NEGATIVE_INFINITY,
				minKw: Number.POSITIVE_INFINITY,
				uncertain: false,
				rows: new Map(),
			};
			this.#quarters.set(startMs, quarter);
		}
		return quarter;
	}

	/** All quarter-hours, oldest first. */
	*intervals(site: string, machine: string): Generator<Interval> {
		const starts = [...this.#quarters].filter(([, { spanMs }]) => spanMs > 0).map(([startMs]) => startMs);
		for (const startMs of starts.sort((a, b) => a - b)) {
			const quarter = this.#quarters.get(startMs) as Quarter;
			const energyKwh = quarter.measuredKwh + quarter.estimatedKwh;
			const coverage = Math.min(1, quarter.coveredMs / QUARTER_HOUR_MS);
			yield {
				site,
				machine,
				startMs,
				durationMs: QUARTER_HOUR_MS,
				energyKwh,
				estimatedKwh: quarter.estimatedKwh,
				meanKw: (energyKwh * HOUR_MS) / quarter.spanMs,
				maxKw: quarter.maxKw,
				minKw: quarter.minKw,
				coverage,
				quality: coverage >= GOOD_COVERAGE && !quarter.uncertain ? "good" : "uncertain",
				samples: 0,
			};
		}
	}
}
