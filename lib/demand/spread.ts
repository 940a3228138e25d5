import { MINUTES } from "./meters.ts";

/** Below so many samples an interval would be a guess. */
const FEWEST = 20;
const NOMINAL = 0.9;

/**
 * How far the mean power of the next minutes strays from the last minute, learnt from the past hours: for each past
 * minute, the mean of the `minutes` that followed, less that minute. The interval takes the quantiles of these
 * differences, so it needs no model of the plant: a furnace that cycles and a slow drift both tell their own story.
 * Overlapping samples count for less than they are many (n / minutes), and the quantile moves out accordingly, as in
 * split conformal prediction (Vovk 2005; Barber et al. 2023 for dependent data).
 */
export class Spread {
	private readonly kw = new Float64Array(MINUTES);
	private readonly sums = new Float64Array(MINUTES + 1);
	private readonly gaps = new Uint16Array(MINUTES + 1);
	private readonly changes = new Float64Array(MINUTES);
	/** Of the mean power to come against the last minute, kW. */
	lowKw = Number.NaN;
	highKw = Number.NaN;

	/**
	 * @param minuteKw mean power of a minute since the epoch, NaN where unknown
	 * @param newest the last minute that is complete
	 * @param minutes length of what is to come, at least 1
	 * @returns false where the past is too short; then `lowKw` and `highKw` mean nothing
	 */
	learn(minuteKw: (minute: number) => number, newest: number, minutes: number): boolean {
		const { kw, sums, gaps, changes } = this;
		const oldest = newest - MINUTES + 1;
		for (let k = 0; k < MINUTES; k++) {
			const value = minuteKw(oldest + k);
			const known = !Number.isNaN(value);
			kw[k] = value;
			sums[k + 1] = (sums[k] as number) + (known ? value : 0);
			gaps[k + 1] = (gaps[k] as number) + (known ? 0 : 1);
		}
		let n = 0;
		for (let k = 0; k + minutes < MINUTES; k++) {
			if (gaps[k + minutes + 1] !== gaps[k]) continue;
			const mean = ((sums[k + minutes + 1] as number) - (sums[k + 1] as number)) / minutes;
			changes[n++] = mean - (kw[k] as number);
		}
		if (n < Math.max(FEWEST, 2 * minutes)) return false;
		const sorted = changes.subarray(0, n).sort();
		const tail = (1 - NOMINAL) / 2 - 0.5 / (n / minutes + 1);
		this.lowKw = quantile(sorted, tail);
		this.highKw = quantile(sorted, 1 - tail);
		return true;
	}
}

/** Linear between samples; beyond the outermost it goes on outwards by as much of their range as the level asks. */
function quantile(sorted: Float64Array, level: number): number {
	const first = sorted[0] as number;
	const last = sorted[sorted.length - 1] as number;
	if (level < 0) return first + level * (last - first) * 2;
	if (level > 1) return last + (level - 1) * (last - first) * 2;
	const at = level * (sorted.length - 1);
	const k = Math.floor(at);
	const below = sorted[k] as number;
	return below + (at - k) * ((sorted[Math.min(k + 1, sorted.length - 1)] as number) - below);
}
