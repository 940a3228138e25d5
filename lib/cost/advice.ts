import { type MonthNumber, monthText } from "../calendar/civil.ts";
import { clockOf } from "../calendar/zone-clock.ts";
import { metersOf } from "../demand/site-meters.ts";
import { EnergyError } from "../errors.ts";
import { siteLoad } from "../report/load.ts";
import { ruleOn, siteHalfHours } from "../report/power-factor.ts";
import { checkSite, given, type Parameters, wholeNumber } from "../store/query.ts";
import type { Store } from "../store/store.ts";
import { tidy } from "../store/wire.ts";
import type { PowerFactor } from "../tariff/bill-demand.ts";
import { billingMonthOf, firstDayOf } from "../tariff/billing-days.ts";
import type { ContractData, SiteContract } from "../tariff/contract.ts";
import { monthPowerFactor } from "../tariff/power-factor.ts";
import { compilePrices } from "../tariff/price-calendar.ts";
import type { Recommendation } from "../tariff/recommend.ts";
import type { Tariff } from "../tariff/registry.ts";
import { type Warning, warning } from "../tariff/warning.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { Site } from "../telemetry/site.ts";
import { filledLoad } from "./profile.ts";

/** What the advising thread is given. */
export interface AdviceTask {
	contract: ContractData;
	firstMonth: string;
	months: number;
	/** Energy of each quarter-hour, without gaps. */
	kwh: Float64Array;
	powerFactor?: PowerFactor;
	shiftPercent?: number;
	shaveIntervals?: number;
}

/** What the same load costs a year where one thing of the contract is another. */
export interface Compared {
	by: "option" | "version" | "contract-demand";
	tariff: string;
	/** Effective date of a version that prices all months; null: each month by the version in force. */
	version: string | null;
	contractKw: number;
	yearKrw: number;
	/** Than now; negative where it costs less. */
	moreKrw: number;
}

export interface AdviceResult {
	recommendations: Recommendation[];
	/** By option, by version, by contract demand; the cheapest of each first. */
	compared: Compared[];
	/** What the load costs a year as it is billed now, with levies. */
	yearKrw: number;
}

export type Advise = (task: AdviceTask) => Promise<AdviceResult>;

type AdviceStore = Pick<Store, "intervals" | "readings">;

/** What `GET /api/v1/tou/optimization-recommendations` answers. */
export interface AdviceAnswer {
	site: string;
	tariff: string;
	contractKw: number;
	/** Billing months that the savings are worked out from. */
	firstMonth: string;
	months: number;
	from: string;
	to: string;
	energyKwh: number;
	/** Bridged by meters or filled in here. */
	estimatedKwh: number;
	/** As the main meter told it, percent; the bill's own comes from the utility's meter. */
	powerFactor: PowerFactor | null;
	/** What the load costs a year now. */
	yearKrw: number;
	/** The same load under other options, versions of the tariff and contract demands. */
	compared: Compared[];
	items: (Omit<Recommendation, "savingPerYear"> & { rank: number; savingKrwPerYear: number })[];
	warnings: Warning[];
}

const MOST_MONTHS = 12;
/** A year of readings, thinned to two a half-hour. */
const POWER_FACTOR_SAMPLE_MS = 900_000;
/** Share of a month's quarter-hours that must be known. */
const LEAST_KNOWN = 0.5;

/**
 * What would cut the site's bill, from its last finished billing months (at most twelve in a row), each saving the
 * difference of two bills.
 *
 * @param advise does the billing, elsewhere than on the event loop
 * @throws EnergyError `store.bad-query`, `tariff.too-little-data`, `tariff.currency`, those of `recommend`
 */
export async function adviceAnswer(
	store: AdviceStore,
	site: Site,
	contract: SiteContract,
	parameters: Parameters,
	nowMs: number,
	advise: Advise,
): Promise<AdviceAnswer> {
	checkSite(site, parameters);
	const { tariff, billingDay } = contract;
	if (tariff.book.currency !== "KRW") {
		throw new EnergyError("tariff.currency", { tariff: tariff.id, currency: tariff.book.currency });
	}
	const number = (name: "months" | "shiftPercent" | "shaveIntervals", min: number, max: number): number | undefined =>
		given(parameters[name]) ? wholeNumber(name, parameters[name], min, max) : undefined;
	const most = number("months", 1, MOST_MONTHS) ?? MOST_MONTHS;
	const shiftPercent = number("shiftPercent", 1, 100);
	const shaveIntervals = number("shaveIntervals", 1, 96);
	const clock = clockOf(tariff.book.timeZone);
	const running = billingMonthOf(clock.dayAt(nowMs), billingDay);
	const begun = Math.min(...tariff.versions.map(({ effectiveDay }) => effectiveDay));
	const starts: { month: MonthNumber; atMs: number }[] = [];
	for (let month = running - most; month <= running; month++) {
		const day = firstDayOf(month, billingDay);
		if (day >= begun) starts.push({ month, atMs: clock.startOfDay(day) });
	}
	const endMs = starts.at(-1)?.atMs ?? nowMs;
	const { meters, main } = metersOf(site);
	const load = await siteLoad(store, site.id, meters, starts[0]?.atMs ?? endMs, endMs);
	const indexOf = (ms: number): number => (ms - load.fromMs) / QUARTER_HOUR_MS;
	let first = starts.length - 1;
	while (first > 0) {
		const part = load.kwh.subarray(indexOf(starts[first - 1]?.atMs ?? 0), indexOf(starts[first]?.atMs ?? 0));
		const known = part.reduce((count, kwh) => count + (Number.isNaN(kwh) ? 0 : 1), 0);
		if (known < part.length * LEAST_KNOWN) break;
		first--;
	}
	const from = starts[first];
	const months = starts.length - 1 - first;
	if (!from || months < 1) throw new EnergyError("tariff.too-little-data", { site: site.name });
	const start = indexOf(from.atMs);
	const options = { holidays: contract.holidays, deferrals: contract.deferrals };
	const calendar = compilePrices(tariff, firstDayOf(from.month, billingDay), firstDayOf(running, billingDay), {
		...options,
		...(contract.series ? { series: contract.series } : {}),
	});
	const { kwh, filledKwh } = filledLoad(load.kwh.slice(start), calendar);
	const powerFactor = main ? await measured(store, site, tariff, from.atMs, endMs) : null;
	const { recommendations, compared, yearKrw } = await advise({
		...{ contract: contract.data, firstMonth: monthText(from.month), months, kwh },
		...(powerFactor ? { powerFactor } : {}),
		...(shiftPercent === undefined ? {} : { shiftPercent }),
		...(shaveIntervals === undefined ? {} : { shaveIntervals }),
	});
	const total = (values: Float64Array): number => tidy(values.reduce((sum, value) => sum + Math.max(0, value), 0));
	const warnings = filledKwh > 0 ? [warning("tariff.advice-filled", { kwh: Math.round(filledKwh) })] : [];
	if (months < MOST_MONTHS) warnings.push(warning("tariff.advice-short", { months }));
	return {
		...{ site: site.id, tariff: tariff.id, contractKw: contract.contractKw, firstMonth: monthText(from.month), months },
		...{ from: clock.isoAt(from.atMs), to: clock.isoAt(endMs) },
		energyKwh: total(kwh),
		estimatedKwh: tidy(total(load.estimatedKwh.subarray(start)) + filledKwh),
		...{ powerFactor, yearKrw, compared },
		items: recommendations.map(({ savingPerYear, ...rest }, index) => ({
			...{ rank: index + 1, savingKrwPerYear: savingPerYear },
			...rest,
		})),
		warnings,
	};
}

/** Mean of the months as their bills would take it; null where it was not measured by day. */
async function measured(
	store: AdviceStore,
	site: Site,
	tariff: Tariff,
	fromMs: number,
	toMs: number,
): Promise<PowerFactor | null> {
	const clock = clockOf(site.timeZone);
	const rule = ruleOn(tariff, clock.dayAt(toMs - 1));
	if (!rule) return null;
	const half = await siteHalfHours(store, site, fromMs, toMs, POWER_FACTOR_SAMPLE_MS);
	const { laggingDay, leadingNight } = monthPowerFactor(rule, half, (at) => clock.minuteAt(at));
	if (laggingDay === undefined) return null;
	return { laggingDay, ...(leadingNight === undefined ? {} : { leadingNight }) };
}
