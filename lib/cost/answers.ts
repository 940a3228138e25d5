import { clockOf } from "../calendar/zone-clock.ts";
import { metersOf } from "../demand/site-meters.ts";
import { EnergyError } from "../errors.ts";
import { siteLoad } from "../report/load.ts";
import { checkSite, fail, given, oneOf, type Parameters, timeMs } from "../store/query.ts";
import type { Store } from "../store/store.ts";
import { tidy } from "../store/wire.ts";
import { billingDayOn } from "../tariff/billing-days.ts";
import type { Rate, Rates, Source } from "../tariff/book.ts";
import { emissionsOf, gridFactor } from "../tariff/carbon.ts";
import { pricerOf, type SiteContract } from "../tariff/contract.ts";
import type { Pricer } from "../tariff/pricer.ts";
import type { Tariff } from "../tariff/registry.ts";
import { type Warning, warning } from "../tariff/warning.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import { LocalDays } from "../telemetry/local-days.ts";
import type { Site } from "../telemetry/site.ts";
import { priceOf, priceSteps } from "./steps.ts";

const DAY_MS = 86_400_000;
/** Quarter-hours one by one for a month at most, stretches for a year. */
const LONGEST = { "15min": 31 * 96, change: 366 * 96 } as const;
const resolutions = ["change", "15min"] as const;

function rangeOf(parameters: Parameters, nowMs: number, lengthMs: number): { fromMs: number; toMs: number } {
	const fromMs = given(parameters.from) ? timeMs("from", parameters.from) : nowMs;
	const toMs = given(parameters.to) ? timeMs("to", parameters.to) : fromMs + lengthMs;
	if (fromMs >= toMs) fail("from", new Date(fromMs).toISOString(), `before to, ${new Date(toMs).toISOString()}`);
	return { fromMs, toMs };
}

/** The site's own prices, or those of a tariff that is named. */
function pricerFor(contract: SiteContract, own: () => Pricer, parameters: Parameters): Pricer {
	if (!given(parameters.tariff) || parameters.tariff === contract.tariff.id) return own();
	const tariff = contract.registry.get(String(parameters.tariff));
	return pricerOf({ ...contract, tariff, deferrals: {}, tariffs: undefined });
}

function unknownPrices(missing: readonly { from: string; to: string }[]): Warning[] {
	return missing.map((gap) => warning("tariff.prices-unknown", gap));
}

/**
 * Prices of a span (`from`, `to`; default the next 24 hours) as stretches of constant price or (`resolution=15min`) by
 * the quarter-hour, or of one instant (`at`). What is not published is null and listed in `missing`.
 *
 * @throws EnergyError `store.bad-query`, `tariff.unknown`, `tariff.no-version`
 */
export function priceAnswer(
	site: Site,
	contract: SiteContract,
	own: () => Pricer,
	parameters: Parameters,
	nowMs: number,
): object {
	checkSite(site, parameters);
	const pricer = pricerFor(contract, own, parameters);
	const head = { site: site.id, tariff: pricer.tariff.id, currency: pricer.tariff.book.currency };
	const clock = clockOf(pricer.tariff.book.timeZone);
	if (given(parameters.at)) {
		const atMs = timeMs("at", parameters.at);
		const price = priceOf(pricer, atMs);
		const quarterMs = Math.floor(atMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
		const gap = { from: clock.isoAt(quarterMs), to: clock.isoAt(quarterMs + QUARTER_HOUR_MS) };
		const missing = price.priceKrwPerKwh === null ? [gap] : [];
		return { ...head, at: clock.isoAt(atMs), ...price, missing, warnings: unknownPrices(missing) };
	}
	const { fromMs, toMs } = rangeOf(parameters, nowMs, DAY_MS);
	const resolution = oneOf("resolution", parameters.resolution, resolutions, "change");
	const startMs = Math.floor(fromMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
	const count = Math.ceil((toMs - startMs) / QUARTER_HOUR_MS);
	if (count > LONGEST[resolution]) fail("to", new Date(toMs).toISOString(), `at most ${LONGEST[resolution] / 96} days`);
	const { steps: items, missing } = priceSteps(pricer, startMs, count, resolution === "15min");
	const span = { from: clock.isoAt(startMs), to: clock.isoAt(startMs + count * QUARTER_HOUR_MS) };
	return { ...head, ...span, resolution, items, missing, warnings: unknownPrices(missing) };
}

const rateOf = (rate: Rate): object => (typeof rate === "number" ? { rateKrwPerKwh: rate } : { tiers: rate.tiers });
const demandRateOf = (rate: Rate): object =>
	typeof rate === "number" ? { rateKrwPerKw: rate } : { tiers: rate.tiers };

function energyRates({ energy }: Rates): object[] {
	return Object.entries(energy).flatMap(([season, bands]) =>
		Object.entries(bands).map(([band, rate]) => ({ season, band, ...rateOf(rate) })),
	);
}

function versionsOf(tariff: Tariff, inForce: string | null): object[] {
	const sources = new Map<string, Source>(tariff.contract.versions.map(({ effective, source }) => [effective, source]));
	return tariff.versions.map(({ effective, rates, discounts, deferrableToDay }, index) => ({
		effective,
		inForce: effective === inForce,
		deferrableTo: deferrableToDay === undefined ? null : (tariff.contract.versions[index]?.deferrableTo ?? null),
		energy: energyRates(rates),
		demand: tariff.terms.demand.flatMap(({ id, name }) => {
			const rate = rates.demand?.[id];
			return rate === undefined ? [] : [{ charge: id, name, ...demandRateOf(rate) }];
		}),
		discounts: discounts.map(({ id, name, percent, hours, months, dayTypes, until }) => ({
			...{ id, name, percent, hours, months, dayTypes, until: until ?? null },
		})),
		source: sources.get(effective) ?? null,
	}));
}

/**
 * What `GET /api/v1/tou/rates` answers: the site's tariff (or the one named by `tariff`) with all its versions and
 * rates, its price now and ahead (`from`, `to`), and the ids of every tariff there is.
 *
 * @throws EnergyError `tariff.unknown`, `store.bad-query`
 */
export function ratesAnswer(
	site: Site,
	contract: SiteContract,
	own: () => Pricer,
	parameters: Parameters,
	nowMs: number,
): object {
	checkSite(site, parameters);
	const { registry } = contract;
	const tariff = given(parameters.tariff) ? registry.get(String(parameters.tariff)) : contract.tariff;
	const priced = pricesAhead(contract, own, parameters, nowMs);
	return {
		site: site.id,
		time: new Date(nowMs).toISOString(),
		contract: {
			...{ tariff: contract.tariff.id, contractKw: contract.contractKw },
			billingDay: billingDayOn(clockOf(contract.tariff.book.timeZone).dayAt(nowMs), contract.billingDay),
			deferrals: contract.data.deferrals,
			changes: contract.data.contractChanges ?? [],
		},
		tariff: {
			...{ id: tariff.id, name: tariff.contract.name, book: tariff.book.name },
			...{ currency: tariff.book.currency, timeZone: tariff.book.timeZone },
			bands: tariff.book.bands.map(({ id: band, name }) => ({ band, name })),
			versions: versionsOf(tariff, priced.now?.version ?? null),
		},
		...priced,
		tariffs: registry.ids().map((id) => ({
			id,
			name: registry.get(id).contract.name,
			versions: registry.get(id).versions.map(({ effective }) => effective),
		})),
	};
}

/** Prices now and ahead; a tariff that waits for its dynamic prices still shows its versions. */
export function pricesAhead(contract: SiteContract, own: () => Pricer, parameters: Parameters, nowMs: number) {
	const { fromMs, toMs } = rangeOf(parameters, nowMs, DAY_MS);
	const startMs = Math.floor(fromMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
	const count = Math.ceil((toMs - startMs) / QUARTER_HOUR_MS);
	if (count > LONGEST.change) fail("to", new Date(toMs).toISOString(), `at most ${LONGEST.change / 96} days`);
	try {
		const pricer = pricerFor(contract, own, parameters);
		const { steps: horizon, missing } = priceSteps(pricer, startMs, count);
		return { now: priceOf(pricer, nowMs), horizon, missing, warnings: unknownPrices(missing) };
	} catch (error) {
		if (!(error instanceof EnergyError) || error.code !== "tariff.series-needed") throw error;
		const span = { from: new Date(startMs).toISOString(), to: new Date(toMs).toISOString() };
		return { now: null, horizon: [], missing: [span], warnings: [warning(error.code, error.details)] };
	}
}

/** What `GET /api/v1/carbon` answers. */
export interface CarbonAnswer {
	site: string;
	grid: string;
	method: "location-based";
	resolution: (typeof carbonResolutions)[number];
	from: string;
	to: string;
	energyKwh: number;
	estimatedKwh: number;
	/** Quarter-hours of which nothing is known. */
	missing: number;
	kgCo2e: number;
	factors: { year: number; kgCo2ePerKwh: number }[];
	items: { start: string; energyKwh: number; kgCo2e: number; estimatedKwh: number; missing: number }[];
	warnings: Warning[];
}

const carbonResolutions = ["day", "15min", "hour", "month"] as const;

/**
 * Location-based emissions of the site (GHG Protocol scope 2) from its stored quarter-hours, by quarter-hour, hour, day
 * or month; by default the last 30 days by the day. Energy that is not known emits nothing and is counted in `missing`.
 *
 * @throws EnergyError `store.bad-query`, `tariff.carbon`, `store.…`
 */
export async function carbonAnswer(
	store: Pick<Store, "intervals">,
	site: Site,
	parameters: Parameters,
	nowMs: number,
	grid = "KR",
): Promise<CarbonAnswer> {
	checkSite(site, parameters);
	const days = new LocalDays(site.timeZone);
	const clock = clockOf(site.timeZone);
	const resolution = oneOf("resolution", parameters.resolution, carbonResolutions, "day");
	const toMs = given(parameters.to) ? timeMs("to", parameters.to) : nowMs;
	const fromMs = given(parameters.from) ? timeMs("from", parameters.from) : days.dayOf(toMs - 30 * DAY_MS).startMs;
	if (fromMs >= toMs) fail("from", new Date(fromMs).toISOString(), `before to, ${new Date(toMs).toISOString()}`);
	const longestDays = resolution === "15min" ? 31 : 366;
	if (toMs - fromMs > longestDays * DAY_MS) fail("from", new Date(fromMs).toISOString(), `at most ${longestDays} days`);
	const startMs = Math.floor(fromMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
	const load = await siteLoad(store, site.id, metersOf(site).meters, startMs, Math.min(toMs, nowMs));
	const { kgByInterval, kg, factors, warnings } = emissionsOf(startMs, load.kwh, { grid, timeZone: site.timeZone });
	const spanOf = {
		"15min": (ms: number) => ({ startMs: ms, endMs: ms + QUARTER_HOUR_MS }),
		hour: (ms: number) => days.hourOf(ms),
		day: (ms: number) => days.dayOf(ms),
		month: (ms: number) => days.monthOf(ms),
	}[resolution];
	const items: CarbonAnswer["items"] = [];
	let endMs = Number.NEGATIVE_INFINITY;
	for (const [at, kwh] of load.kwh.entries()) {
		const ms = startMs + at * QUARTER_HOUR_MS;
		if (ms >= endMs) {
			endMs = spanOf(ms).endMs;
			items.push({ start: clock.isoAt(ms), energyKwh: 0, kgCo2e: 0, estimatedKwh: 0, missing: 0 });
		}
		const item = items.at(-1);
		if (!item) continue;
		if (Number.isNaN(kwh)) item.missing++;
		else item.energyKwh += Math.max(0, kwh);
		item.estimatedKwh += load.estimatedKwh[at] ?? 0;
		item.kgCo2e += kgByInterval[at] ?? 0;
	}
	return {
		...{ site: site.id, grid, method: "location-based", resolution },
		...{ from: clock.isoAt(startMs), to: clock.isoAt(Math.max(startMs, Math.min(toMs, nowMs))) },
		energyKwh: tidy(items.reduce((total, { energyKwh }) => total + energyKwh, 0)),
		estimatedKwh: tidy(items.reduce((total, { estimatedKwh }) => total + estimatedKwh, 0)),
		missing: items.reduce((total, { missing }) => total + missing, 0),
		kgCo2e: kg,
		factors: (factors.length > 0 ? factors : [gridFactor(grid, new Date(startMs).getUTCFullYear())]).map((each) => ({
			...{ year: each.year, kgCo2ePerKwh: each.factor },
		})),
		...{ items, warnings },
	};
}
