import type { Words } from "../../../lib/calendar/holidays.ts";
import type { LiveBand, PriceMessage } from "../../../lib/tariff/messages-live.ts";
import type { ChartShade } from "./chart/model.ts";
import { language } from "./shell.ts";

/** What the cards ask of prices. */

/** A stretch of one band, as it is drawn. */
export interface Step {
	fromMs: number;
	toMs: number;
	band: string;
	/** From light (0, cheapest) to dark (2, dearest). */
	level: 0 | 1 | 2;
	krwPerKwh: number | null;
}

/** A text of the tariff in the reader's language. */
export function words(text: Words): string {
	return text[language.value];
}

export function bandName(bands: readonly LiveBand[], band: string): string {
	const known = bands.find((each) => each.band === band);
	return known ? words(known.name) : band;
}

/** Grey of a band by its place in the tariff, whose bands come cheapest first. */
export function bandLevel(bands: readonly LiveBand[], band: string): 0 | 1 | 2 {
	const at = bands.findIndex((each) => each.band === band);
	if (at <= 0) return 0;
	return at * 2 >= bands.length ? 2 : 1;
}

/** Prices from a day ago to a day ahead, as far as they are known; neighbours of one band and price are one step. */
export function stepsOf({ past = [], horizon, bands }: PriceMessage): Step[] {
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

/** The bands behind a chart: what lies in its window, joined where only the price changes. */
export function shadesOf(price: PriceMessage, fromMs: number, toMs: number): ChartShade[] {
	const shades: ChartShade[] = [];
	for (const step of stepsOf(price)) {
		if (step.toMs <= fromMs || step.fromMs >= toMs) continue;
		const label = bandName(price.bands, step.band);
		const before = shades.at(-1);
		if (before && before.label === label && before.toMs === step.fromMs) before.toMs = step.toMs;
		else shades.push({ fromMs: step.fromMs, toMs: step.toMs, level: step.level, label });
	}
	return shades;
}
