import { EnergyError } from "../errors.ts";

/** One price of a dynamic tariff: it holds from its time until the next one. */
export interface PricePoint {
	/** ISO 8601 with offset or epoch milliseconds. */
	time: string | number;
	/** Per kWh, in the tariff's currency. */
	price: number;
}

/** Dynamic prices (day-ahead or real-time) as a step function of time. */
export class PriceSeries {
	readonly #times: Float64Array;
	readonly #prices: Float64Array;
	/** The last price holds as long as the step before it; after that the price is not known. */
	readonly endMs: number;
	readonly #longestMs: number;
	#cursor = 0;

	/**
	 * @param points in any order; a time that comes twice is an error
	 * @param stepMs how long the last price holds; default: as long as the one before, or an hour
	 * @param longestMs how long any price holds where the next is late, so that a hole in a feed stays one; default: until
	 * the next, however late
	 * @throws EnergyError `tariff.series` with field, value and rule
	 */
	constructor(points: readonly PricePoint[], stepMs?: number, longestMs = Number.POSITIVE_INFINITY) {
		this.#longestMs = longestMs;
		if (points.length === 0)
			throw new EnergyError("tariff.series", { field: "points", value: 0, rule: "at least one" });
		const sorted = points
			.map(({ time, price }, index) => {
				const ms = typeof time === "number" ? time : Date.parse(time);
				if (!Number.isFinite(ms)) {
					throw new EnergyError("tariff.series", {
						field: `points[${index}].time`,
						value: time,
						rule: "ISO 8601 with offset",
					});
				}
				if (!Number.isFinite(price)) {
					throw new EnergyError("tariff.series", {
						field: `points[${index}].price`,
						value: price,
						rule: "a finite number",
					});
				}
				return { ms, price };
			})
			.sort((a, b) => a.ms - b.ms);
		this.#times = Float64Array.from(sorted, ({ ms }) => ms);
		this.#prices = Float64Array.from(sorted, ({ price }) => price);
		for (let i = 1; i < this.#times.length; i++) {
			if (this.#times[i] === this.#times[i - 1]) {
				const value = new Date(this.#times[i] ?? 0).toISOString();
				throw new EnergyError("tariff.series", { field: "points.time", value, rule: "each time once" });
			}
		}
		const last = this.#times[this.#times.length - 1] ?? 0;
		this.endMs =
			last + (stepMs ?? (this.#times.length > 1 ? last - (this.#times[this.#times.length - 2] ?? last) : 3_600_000));
	}

	/**
	 * Prices of a feed: each holds for the feed's usual step and no longer, so that what was not published is not known.
	 * @throws EnergyError `tariff.series`
	 */
	static ofFeed(points: readonly PricePoint[]): PriceSeries {
		const times = points.map(({ time }) => (typeof time === "number" ? time : Date.parse(time))).sort((a, b) => a - b);
		const steps = times.slice(1).map((time, index) => time - (times[index] ?? time));
		steps.sort((a, b) => a - b);
		const usualMs = steps[steps.length >> 1] ?? 3_600_000;
		return new PriceSeries(points, usualMs, usualMs);
	}

	get startMs(): number {
		return this.#times[0] ?? 0;
	}

	/** Price in force at an instant; NaN before the first and after the end of the last. */
	priceAt(epochMs: number): number {
		if (epochMs < this.startMs || epochMs >= this.endMs) return Number.NaN;
		// Callers walk forward in time, so the next point is nearly always where the last lookup ended.
		let at = this.#cursor;
		if ((this.#times[at] ?? 0) > epochMs) at = 0;
		if ((this.#times[at + 64] ?? Number.POSITIVE_INFINITY) <= epochMs) at = this.#search(epochMs);
		while ((this.#times[at + 1] ?? Number.POSITIVE_INFINITY) <= epochMs) at++;
		this.#cursor = at;
		if (epochMs - (this.#times[at] ?? 0) >= this.#longestMs) return Number.NaN;
		return this.#prices[at] ?? Number.NaN;
	}

	#search(epochMs: number): number {
		let low = 0;
		let high = this.#times.length - 1;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if ((this.#times[middle] ?? 0) <= epochMs) low = middle;
			else high = middle - 1;
		}
		return low;
	}
}
