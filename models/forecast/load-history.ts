import { dayNumberOf } from "../../lib/calendar/civil.ts";
import { koreanHolidays } from "../../lib/calendar/holidays.ts";
import { clockOf } from "../../lib/calendar/zone-clock.ts";
import type { Store } from "../../lib/store/store.ts";
import { QUARTER_HOUR_MS } from "../../lib/telemetry/interval.ts";
import type { Machine, Site } from "../../lib/telemetry/site.ts";
import type { LoadHistory } from "./load-model.ts";

/** Name of the whole site among its machines. */
export const TOTAL = "total";
const STEP_MS = QUARTER_HOUR_MS;
/** Below this share of measured time a quarter-hour counts as unknown. */
const MIN_COVERAGE = 0.5;
/** Small pages: what comes out of a page occupies the loop. */
const PAGE = 1_000;

/** Quarter-hours of a machine or the whole site (`total`) on a grid, kWh; NaN where not enough of one was measured. */
export async function readLoad(
	store: Store,
	site: Site,
	machine: string,
	fromMs: number,
	toMs: number,
): Promise<LoadHistory> {
	const startMs = Math.ceil(fromMs / STEP_MS) * STEP_MS;
	const length = Math.max(0, Math.floor((toMs - startMs) / STEP_MS));
	const meters = metersOf(site, machine);
	const parts = await Promise.all(meters.map(({ id }) => readMeter(store, site.id, id, startMs, length)));
	const values = parts[0] ?? new Float64Array(length).fill(Number.NaN);
	// A sum is known where all its parts are.
	for (const part of parts.slice(1))
		for (let i = 0; i < length; i++) values[i] = (values[i] as number) + (part[i] as number);
	return { startMs, stepMs: STEP_MS, values };
}

/** The site's total is a main meter where there is one, else the sum of its machines. */
function metersOf({ machines }: Site, machine: string): Pick<Machine, "id">[] {
	if (machine !== TOTAL) return [{ id: machine }];
	const main = machines.filter(({ role }) => role === "main");
	return main.length > 0 ? main : machines.filter(({ role }) => role === "sub");
}

async function readMeter(
	store: Store,
	site: string,
	machine: string,
	startMs: number,
	length: number,
): Promise<Float64Array> {
	const values = new Float64Array(length).fill(Number.NaN);
	let cursor: string | undefined;
	do {
		const page = await store.intervals({
			...{ site, machine, resolution: "15min", fromMs: startMs, toMs: startMs + length * STEP_MS, limit: PAGE },
			...(cursor !== undefined && { cursor }),
		});
		for (const { startMs: at, energyKwh, coverage } of page.items) {
			if (coverage >= MIN_COVERAGE) values[(at - startMs) / STEP_MS] = energyKwh;
		}
		cursor = page.nextCursor;
	} while (cursor !== undefined);
	return values;
}

/** Holidays of the span and the fortnight after it, as day numbers; only Korea's are known. */
export function holidaysBetween(timeZone: string, fromMs: number, toMs: number): number[] {
	if (timeZone !== "Asia/Seoul") return [];
	const calendar = koreanHolidays();
	const clock = clockOf(timeZone);
	const days: number[] = [];
	const first = Math.max(clock.dayAt(fromMs) - 1, dayNumberOf(2018, 1, 1));
	for (let day = first; day <= clock.dayAt(toMs) + 15; day++) if (calendar.isHoliday(day)) days.push(day);
	return days;
}
