import type { LiveBand, PriceMessage } from "../../../lib/tariff/messages-live.ts";
import type { ChartShade } from "./chart/model.ts";

/** A stretch of one band and price, as it is drawn. */
export interface Step {
	fromMs: number;
	toMs: number;
	band: string;
	/** From light (0, cheapest) to dark (2, dearest). */
	level: 0 | 1 | 2;
	krwPerKwh: number | null;
}

/** Grey of a band by its place in the tariff, whose bands come cheapest first; a band that it lacks is the lightest. */
export function bandLevel(bands: readonly Pick<LiveBand, "band">[], band: string): 0 | 1 | 2 {
	const at = bands.findIndex((each) => each.band === band);
	if (at <= 0) return 0;
	return at === bands.length - 1 ? 2 : 1;
}

/** Prices from a day ago to a day ahead, as far as they are known; neighbours of one band and price are one step. */
export function stepsOf({ past = [], horizon, bands }: Pick<PriceMessage, "past" | "horizon" | "bands">): Step[] {
	const steps: Step[] = [];
	for (const { from, to, band, priceKrwPerKwh } of [...past, ...horizon]) {
		const fromMs = Date.parse(from);
		const before = steps.at(-1);
		if (before && before.toMs === fromMs && before.band === band && before.krwPerKwh === priceKrwPerKwh) {
			before.toMs = Date.parse(to);
			continue;
		}
		const level = bandLevel(bands, band);
		steps.push({ fromMs, toMs: Date.parse(to), band, level, krwPerKwh: priceKrwPerKwh });
	}
	return steps;
}

/**
 * The bands behind a chart: what lies in its window, joined where only the price changes.
 *
 * @param nameOf what a band is called at the chart's edge
 */
export function shadesOf(
	price: Pick<PriceMessage, "past" | "horizon" | "bands">,
	fromMs: number,
	toMs: number,
	nameOf: (band: string) => string,
): ChartShade[] {
	const shades: ChartShade[] = [];
	for (const step of stepsOf(price)) {
		if (step.toMs <= fromMs || step.fromMs >= toMs) continue;
		const label = nameOf(step.band);
		const inside = { fromMs: Math.max(fromMs, step.fromMs), toMs: Math.min(toMs, step.toMs) };
		const before = shades.at(-1);
		if (before && before.label === label && before.toMs === inside.fromMs) before.toMs = inside.toMs;
		else shades.push({ ...inside, level: step.level, label });
	}
	return shades;
}
