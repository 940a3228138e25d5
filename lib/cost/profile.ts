import { QUARTERS } from "../tariff/hours.ts";
import type { PriceCalendar } from "../tariff/price-calendar.ts";

/** Quarter-hours at the same time of the same kind of day, and what stands in where there are none. */
const keysOf = (dayType: string, quarter: number): string[] => [`${dayType}|${quarter}`, `${quarter}`, ""];

/**
 * A load without gaps: every missing quarter-hour is the mean of the known ones at the same time of the same kind of
 * day, else of the same time of any day, else of all.
 *
 * @param kwh energy of each quarter-hour of the calendar, NaN where it is not known or still to come
 * @returns the filled load and the energy of what was filled in; all NaN where nothing is known at all
 */
export function filledLoad(kwh: Float64Array, calendar: PriceCalendar): { kwh: Float64Array; filledKwh: number } {
	const sums = new Map<string, { kwh: number; count: number }>();
	const eachInterval = (visit: (index: number, keys: string[]) => void): void => {
		for (const [at, { start, dayType }] of calendar.days.entries()) {
			const end = calendar.days[at + 1]?.start ?? calendar.count;
			for (let i = start; i < end; i++) visit(i, keysOf(dayType, Math.min(i - start, QUARTERS - 1)));
		}
	};
	eachInterval((index, keys) => {
		const value = kwh[index] ?? Number.NaN;
		if (Number.isNaN(value)) return;
		for (const key of keys) {
			const sum = sums.get(key) ?? { kwh: 0, count: 0 };
			sum.kwh += value;
			sum.count++;
			sums.set(key, sum);
		}
	});
	const filled = kwh.slice();
	let filledKwh = 0;
	eachInterval((index, keys) => {
		if (!Number.isNaN(filled[index])) return;
		const sum = keys.map((key) => sums.get(key)).find((each) => each !== undefined);
		if (!sum) return;
		filled[index] = sum.kwh / sum.count;
		filledKwh += sum.kwh / sum.count;
	});
	return { kwh: filled, filledKwh };
}
