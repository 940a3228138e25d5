import type { DayNumber } from "../calendar/civil.ts";
import { clockOf } from "../calendar/zone-clock.ts";
import { metersOf } from "../demand/site-meters.ts";
import { EnergyError } from "../errors.ts";
import { type SiteLoad, siteLoad } from "../report/load.ts";
import type { Store } from "../store/store.ts";
import type { CostToday } from "../tariff/messages-live.ts";
import type { Pricer } from "../tariff/pricer.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { Site } from "../telemetry/site.ts";

type IntervalStore = Pick<Store, "intervals">;

/** A past day: what it had cost by the end of each of its quarter-hours; NaN from the first that is not known on. */
interface PastDay {
	day: DayNumber;
	costSoFar: Float64Array;
}

/**
 * What a site's energy has cost since midnight, and by the same time yesterday and a week ago. Past days are read once,
 * the running day with every question.
 */
export class TodaysCost {
	readonly #site: Site;
	readonly #past = new Map<DayNumber, PastDay>();

	constructor(site: Site) {
		this.#site = site;
	}

	/** @throws EnergyError `store.…`, `tariff.no-version` */
	async at(store: IntervalStore, pricer: Pricer, nowMs: number): Promise<CostToday> {
		const clock = clockOf(this.#site.timeZone);
		const day = clock.dayAt(nowMs);
		const startMs = clock.startOfDay(day);
		const load = await this.#load(store, startMs, nowMs);
		const today = costOf(load, pricer, nowMs, clock.isoAt.bind(clock));
		for (const known of this.#past.keys()) if (known !== day - 1 && known !== day - 7) this.#past.delete(known);
		const before = async (other: DayNumber): Promise<number | null> => {
			try {
				const past = this.#past.get(other) ?? (await this.#pastDay(store, pricer, other));
				return soFar(past, nowMs - startMs);
			} catch (error) {
				// A day before the tariff began has no cost to compare with.
				if (error instanceof EnergyError && error.code === "tariff.no-version") return null;
				throw error;
			}
		};
		return { ...today, yesterdayKrw: await before(day - 1), lastWeekKrw: await before(day - 7) };
	}

	/** Prices or readings of past days may have come anew. */
	forget(): void {
		this.#past.clear();
	}

	#load(store: IntervalStore, fromMs: number, toMs: number): Promise<SiteLoad> {
		const { meters } = metersOf(this.#site);
		const endMs = Math.ceil(toMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
		return siteLoad(store, this.#site.id, meters, fromMs, endMs);
	}

	async #pastDay(store: IntervalStore, pricer: Pricer, day: DayNumber): Promise<PastDay> {
		const clock = clockOf(this.#site.timeZone);
		const load = await this.#load(store, clock.startOfDay(day), clock.startOfDay(day + 1));
		let total = 0;
		const costSoFar = load.kwh.map((kwh, at) => {
			total += Math.max(0, kwh) * pricer.energyPrice(load.fromMs + at * QUARTER_HOUR_MS);
			return total;
		});
		const past = { day, costSoFar };
		// A day before the first tariff or reading is asked for again: its data may be on their way.
		if (!Number.isNaN(total)) this.#past.set(day, past);
		return past;
	}
}

/** Between the ends of two quarter-hours the cost grows evenly. */
function soFar({ costSoFar }: PastDay, elapsedMs: number): number | null {
	const whole = Math.min(Math.floor(elapsedMs / QUARTER_HOUR_MS), costSoFar.length);
	const before = whole > 0 ? (costSoFar[whole - 1] ?? Number.NaN) : 0;
	const share = elapsedMs / QUARTER_HOUR_MS - whole;
	const running = whole < costSoFar.length && share > 0 ? (costSoFar[whole] ?? Number.NaN) - before : 0;
	const cost = before + running * Math.min(1, share);
	return Number.isNaN(cost) ? null : Math.round(cost);
}

function costOf(load: SiteLoad, pricer: Pricer, nowMs: number, isoAt: (ms: number) => string): CostToday {
	const byBand = new Map(pricer.tariff.book.bands.map(({ id: band }) => [band, { band, energyKwh: 0, costKrw: 0 }]));
	const today: CostToday = {
		costKrw: 0,
		energyKwh: 0,
		estimatedKwh: 0,
		missing: 0,
		unpriced: 0,
		asOf: null,
		byBand: [],
	};
	for (const [at, kwh] of load.kwh.entries()) {
		const startMs = load.fromMs + at * QUARTER_HOUR_MS;
		if (Number.isNaN(kwh)) {
			if (startMs + QUARTER_HOUR_MS <= nowMs) today.missing++;
			continue;
		}
		const taken = Math.max(0, kwh);
		today.energyKwh += taken;
		today.estimatedKwh += load.estimatedKwh[at] ?? 0;
		today.asOf = isoAt(Math.min(startMs + QUARTER_HOUR_MS, nowMs));
		const price = pricer.energyPrice(startMs);
		const band = byBand.get(pricer.band(startMs));
		if (band) band.energyKwh += taken;
		if (Number.isNaN(price)) {
			today.unpriced++;
			continue;
		}
		today.costKrw += taken * price;
		if (band) band.costKrw += taken * price;
	}
	today.costKrw = Math.round(today.costKrw);
	today.byBand = Array.from(byBand.values(), (band) => ({ ...band, costKrw: Math.round(band.costKrw) }));
	return today;
}
