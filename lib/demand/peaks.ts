import type { MonthNumber } from "../calendar/civil.ts";
import { clockOf } from "../calendar/zone-clock.ts";
import type { Store } from "../store/store.ts";
import { tidy } from "../store/wire.ts";
import { billingMonthOf, firstDayOf } from "../tariff/billing-days.ts";
import { beginOf, compilePrices, indexAt } from "../tariff/price-calendar.ts";
import type { Peak } from "../tariff/ratchet.ts";
import { mainDemandCharge } from "../tariff/registry.ts";
import type { PeakContract } from "./pricer.ts";

/** Months that a ratchet looks back, this one included. */
const MONTHS = 13;
const PAGE = 10_000;

/**
 * The largest counted demand of each of the last months, from the stored quarter-hours of the site's meters: what the
 * ratchet remembers.
 *
 * @param meters their sum is the site
 * @param untilMs quarter-hours that start before it
 */
export async function storedPeaks(
	store: Pick<Store, "intervals">,
	site: string,
	meters: readonly string[],
	contract: PeakContract,
	untilMs: number,
): Promise<Map<MonthNumber, Peak>> {
	const charge = mainDemandCharge(contract.tariff);
	const clock = clockOf(contract.tariff.book.timeZone);
	const today = clock.dayAt(untilMs);
	const first = firstDayOf(billingMonthOf(today, contract.billingDay) - MONTHS + 1, contract.billingDay);
	const firstVersion = beginOf(contract.tariff, contract);
	const calendar = compilePrices(contract.tariff, Math.max(first, firstVersion), today + 1, contract);
	const counts = charge && calendar.counts.get(charge.id);
	const energyKwh = new Float64Array(calendar.count);
	for (const machine of meters) {
		let cursor: string | undefined;
		do {
			const page = await store.intervals({
				...{ site, machine, fromMs: calendar.startMs, toMs: Math.min(untilMs, calendar.endMs), resolution: "15min" },
				...{ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) },
			});
			for (const interval of page.items) {
				const at = indexAt(calendar, interval.startMs);
				if (at >= 0) energyKwh[at] = (energyKwh[at] as number) + interval.energyKwh;
			}
			cursor = page.nextCursor;
		} while (cursor !== undefined);
	}
	const peaks = new Map<MonthNumber, Peak>();
	const quarters = (charge?.windowMinutes ?? 15) / 15;
	for (const { day, start } of calendar.days) {
		const month = billingMonthOf(day, contract.billingDay);
		const end = start + clock.quarterHoursOf(day);
		for (let at = start; at < end; at += quarters) {
			let kwh = 0;
			for (let i = at; i < Math.min(end, at + quarters); i++) kwh += energyKwh[i] as number;
			const kw = tidy((kwh * 4) / quarters);
			if (counts?.[at] === 1 && kw > (peaks.get(month)?.kw ?? 0)) {
				peaks.set(month, { kw, atMs: calendar.startMs + at * 900_000 });
			}
		}
	}
	return peaks;
}
