import { clockOf } from "../calendar/zone-clock.ts";
import type { PriceNow, PriceStep } from "../tariff/messages-live.ts";
import type { Pricer } from "../tariff/pricer.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";

const known = (price: number): number | null => (Number.isNaN(price) ? null : price);

export interface Steps {
	steps: PriceStep[];
	/** Stretches without a price, ISO 8601: not published yet, and not guessed. */
	missing: { from: string; to: string }[];
}

/**
 * Prices from the quarter-hour that holds an instant on.
 *
 * @param count quarter-hours, at most a year's
 * @param each one step for every quarter-hour, instead of one for every stretch of constant band and price
 * @throws EnergyError `tariff.horizon`, `tariff.no-version`
 */
export function priceSteps(pricer: Pricer, fromMs: number, count: number, each = false): Steps {
	const clock = clockOf(pricer.tariff.book.timeZone);
	const { startMs, energy, bands, bandIds, countsForDemand } = pricer.horizon(fromMs, count);
	const steps: PriceStep[] = [];
	const missing: Steps["missing"] = [];
	const same = (i: number): boolean =>
		Object.is(energy[i], energy[i - 1]) && bands[i] === bands[i - 1] && countsForDemand[i] === countsForDemand[i - 1];
	let start = 0;
	for (let i = 1; i <= count; i++) {
		if (!each && i < count && same(i)) continue;
		const priceKrwPerKwh = known(energy[start] ?? Number.NaN);
		const from = clock.isoAt(startMs + start * QUARTER_HOUR_MS);
		const to = clock.isoAt(startMs + i * QUARTER_HOUR_MS);
		const band = bandIds[bands[start] ?? 0] ?? "";
		steps.push({ from, to, band, priceKrwPerKwh, countsForDemand: countsForDemand[start] === 1 });
		const gap = missing.at(-1);
		if (priceKrwPerKwh === null && gap?.to === from) gap.to = to;
		else if (priceKrwPerKwh === null) missing.push({ from, to });
		start = i;
	}
	return { steps, missing };
}

/** The price of an instant, as messages carry it. @throws EnergyError `tariff.no-version`, `calendar.year` */
export function priceOf(pricer: Pricer, epochMs: number): PriceNow {
	const clock = clockOf(pricer.tariff.book.timeZone);
	const { energy, marginalWithLevies, band, season, version, discount, countsForDemand, next } = pricer.at(epochMs);
	const price = known(energy);
	return {
		priceKrwPerKwh: price,
		marginalKrwPerKwh: price === null ? null : marginalWithLevies,
		...{ band, season, version, discount: discount ?? null, countsForDemand },
		until: next ? clock.isoAt(next.atMs) : null,
		next: next ? { at: clock.isoAt(next.atMs), band: next.band, priceKrwPerKwh: known(next.energy) } : null,
	};
}
