import {
	type DayNumber,
	isoOf,
	type MonthNumber,
	monthText,
	parseDate,
	parseMonth,
	weekdayOf,
} from "../calendar/civil.ts";
import type { HolidayCalendar } from "../calendar/holidays.ts";
import { clockOf, type ZoneClock } from "../calendar/zone-clock.ts";
import { storedPeaks } from "../demand/peaks.ts";
import { metersOf } from "../demand/site-meters.ts";
import { EnergyError } from "../errors.ts";
import type { Store } from "../store/store.ts";
import { noticesBefore } from "../tariff/bill-demand.ts";
import { type BillingDays, billingDays, billingMonthOf } from "../tariff/billing-days.ts";
import { calculateCost, holidaysFor } from "../tariff/calculate-cost.ts";
import { emissionsOf } from "../tariff/carbon.ts";
import {
	type ContractChangeData,
	type ContractHistory,
	contractHistory,
	deferralsFor,
} from "../tariff/contract-history.ts";
import { Pricer } from "../tariff/pricer.ts";
import { shippedTariffs, type Tariff, type TariffRegistry } from "../tariff/registry.ts";
import type { PriceSeries } from "../tariff/series.ts";
import { type Warning, warning } from "../tariff/warning.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { Site } from "../telemetry/site.ts";
import { energyOf, machineLoads, type SiteLoad, siteLoad } from "./load.ts";
import { indicationRule, measuredPowerFactor, ruleOn, SitePowerFactors } from "./power-factor.ts";
import type { Report, ReportBand, ReportDay, ReportInterval, ReportKind, ReportPeak } from "./report.ts";

/** The contract that prices a report. */
export interface ReportContract {
	/** `kepco/industrial-b/high-a/II` */
	tariff: string;
	contractKw: number;
	billingDay?: number;
	/** What became of it, by date. */
	contractChanges?: readonly ContractChangeData[];
	/** Largest counted demand of months that the store does not know: `{"2025-12": 120}`. */
	previousPeaksKw?: Readonly<Record<string, number>>;
	/** Percent, as the utility's meter gives it; without it the bill has no such line. */
	powerFactor?: { laggingDay?: number; leadingNight?: number };
	fuelAdjustmentKrwPerKwh?: number;
	extraHolidays?: readonly string[];
	/** Versions that the customer put off: effective date → the day it began for them. */
	deferrals?: Readonly<Record<string, string>>;
}

export interface ReportRequest {
	kind: ReportKind;
	/** `2026-11-21`, `2026-11`; absent: the last that has ended. */
	period?: string | undefined;
	site: Site;
	contract?: ReportContract | undefined;
	/** Grid of the carbon factors; `KR` by default, empty for none. */
	grid?: string | undefined;
	tariffs?: TariffRegistry | undefined;
	/** Dynamic prices in place of the tariff's energy rates. */
	series?: PriceSeries | undefined;
	nowMs: number;
}

type ReportStore = Pick<Store, "intervals" | "readings">;

interface Span {
	period: string;
	fromMs: number;
	toMs: number;
	firstDay: DayNumber;
	endDay: DayNumber;
	/** Start of the span before, of the same kind. */
	beforeMs: number;
	/** Billing month that the span's end lies in. */
	month: MonthNumber;
}

interface Priced {
	contract: ReportContract;
	tariff: Tariff;
	holidays: HolidayCalendar;
	pricer: Pricer;
	tariffs: TariffRegistry;
	history: ContractHistory;
}

function pricedOf(request: ReportRequest): Priced | undefined {
	const { contract, series, tariffs = shippedTariffs(), site, nowMs } = request;
	if (!contract) return undefined;
	const history = contractHistory(contract, tariffs);
	const clock = clockOf(site.timeZone);
	const span = spanOf(request, clock, history.billingDay);
	const { tariff, deferrals } = history.on(clock.dayAt(Math.min(span.toMs, nowMs) - 1));
	const holidays = holidaysFor(tariff, { extraHolidays: contract.extraHolidays ?? [] });
	const fuel = contract.fuelAdjustmentKrwPerKwh;
	const pricer = new Pricer({
		...{ tariff, holidays },
		...(fuel === undefined ? {} : { fuelAdjustment: fuel }),
		...{ deferrals, tariffs: history.spans },
		...(series ? { series } : {}),
	});
	return { contract, tariff, holidays, pricer, tariffs, history };
}

function spanOf({ kind, period, nowMs }: ReportRequest, clock: ZoneClock, billingDay: BillingDays): Span {
	const today = clock.dayAt(nowMs);
	if (kind === "day") {
		const day = period === undefined ? today - 1 : parsed(period, kind, parseDate);
		return {
			period: isoOf(day),
			fromMs: clock.startOfDay(day),
			toMs: clock.startOfDay(day + 1),
			...{ firstDay: day, endDay: day + 1, beforeMs: clock.startOfDay(day - 1) },
			month: billingMonthOf(day, billingDay),
		};
	}
	const month = period === undefined ? billingMonthOf(today, billingDay) - 1 : parsed(period, kind, parseMonth);
	const [firstDay, endDay] = billingDays(month, billingDay);
	return {
		period: monthText(month),
		fromMs: clock.startOfDay(firstDay),
		toMs: clock.startOfDay(endDay),
		...{ firstDay, endDay, month },
		beforeMs: clock.startOfDay(billingDays(month - 1, billingDay)[0]),
	};
}

function parsed(text: string, kind: ReportKind, parse: (text: string) => number): number {
	try {
		return parse(text);
	} catch {
		const rule = kind === "day" ? "2026-11-21" : "2026-11";
		throw new EnergyError("report.period", { kind, value: text, rule });
	}
}

/**
 * All figures of a day or a month, from the stored quarter-hours of a site.
 *
 * @throws EnergyError `report.period`, `report.future`, `report.no-data`, `tariff.unknown`, `store.…`
 */
export async function makeReport(store: ReportStore, request: ReportRequest): Promise<Report> {
	const { site, nowMs, kind } = request;
	const priced = pricedOf(request);
	const clock = clockOf(site.timeZone);
	const span = spanOf(request, clock, priced?.history.billingDay ?? 1);
	const knownMs = Math.min(span.toMs, Math.floor(nowMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS);
	if (knownMs <= span.fromMs) throw new EnergyError("report.future", { period: span.period });
	const { meters, main } = metersOf(site);
	const load = await siteLoad(store, site.id, meters, span.fromMs, knownMs);
	if (!load.kwh.some((kwh) => !Number.isNaN(kwh))) {
		throw new EnergyError("report.no-data", { period: span.period, site: site.name });
	}
	const warnings: Warning[] = [];
	const carbon = carbonOf(load, request, warnings);
	const intervals = intervalsOf(load, clock, priced?.pricer, carbon?.byInterval);
	const bands = bandsOf(intervals, priced?.tariff);
	const days = daysOf(intervals, span, clock, bands, priced?.holidays);
	const { machines, seenKwh } = await machineLoads(store, site, load);
	const totalKwh = sum(load.kwh.map((kwh) => Math.max(0, kwh)));
	const estimatedKwh = sum(load.estimatedKwh);
	const beforeMs = span.beforeMs + (knownMs - span.fromMs);
	const bill = priced ? await billOf(store, request, priced, span, knownMs, load, warnings) : null;
	return {
		...{ kind, period: span.period, inProgress: knownMs < span.toMs },
		site: { id: site.id, name: site.name, timeZone: site.timeZone },
		from: clock.isoAt(span.fromMs),
		to: clock.isoAt(span.toMs),
		created: clock.isoAt(nowMs),
		energy: {
			totalKwh,
			estimatedKwh,
			exportKwh: -sum(load.kwh.map((kwh) => Math.min(0, kwh))) || 0,
			previousKwh: await energyOf(store, site.id, meters, span.beforeMs, Math.min(beforeMs, span.fromMs)),
			bands,
			costKrw: priced ? sum(bands.map(({ costKrw }) => costKrw)) : null,
		},
		demand: demandOf(intervals, priced?.history.contractKwIn(span.month) ?? null),
		bill,
		powerFactor: main
			? await powerFactorIn(store, site, priced?.tariff, { ...span, toMs: knownMs, kwh: load.kwh })
			: null,
		carbon: carbon && { kg: carbon.kg, factors: carbon.factors, provisional: carbon.provisional },
		quality: qualityOf(load, estimatedKwh),
		machines,
		unmeteredKwh: main && machines.length > 0 ? totalKwh - seenKwh : null,
		...{ days, intervals, warnings },
	};
}

/** As the meters told it, by the hours of the tariff's own rule where it has one. */
async function powerFactorIn(
	store: ReportStore,
	site: Site,
	tariff: Tariff | undefined,
	span: { fromMs: number; toMs: number; firstDay: DayNumber; kwh: Float64Array },
): Promise<Report["powerFactor"]> {
	const rule = (tariff && ruleOn(tariff, span.firstDay)) ?? indicationRule;
	const { powerFactor } = await new SitePowerFactors(site).of(store, rule, span);
	return powerFactor && { day: powerFactor.laggingDay ?? null, night: powerFactor.leadingNight ?? null };
}

/** NaN (not known) adds nothing. */
function sum(values: Iterable<number>): number {
	let total = 0;
	for (const value of values) if (!Number.isNaN(value)) total += value;
	return total;
}

function carbonOf(load: SiteLoad, { grid = "KR", site }: ReportRequest, warnings: Warning[]) {
	if (!grid) return null;
	const emissions = emissionsOf(load.fromMs, load.kwh, { grid, timeZone: site.timeZone });
	warnings.push(...emissions.warnings);
	return {
		kg: emissions.kg,
		factors: emissions.factors.map(({ year, factor }) => ({ year, factor })),
		provisional: emissions.warnings.length > 0,
		byInterval: emissions.kgByInterval,
	};
}

function intervalsOf(
	load: SiteLoad,
	clock: ZoneClock,
	pricer: Pricer | undefined,
	carbonKg: Float64Array | undefined,
): ReportInterval[] {
	const horizon = pricer?.horizon(load.fromMs, load.kwh.length);
	return Array.from(load.kwh, (kwh, at) => {
		const known = !Number.isNaN(kwh);
		const price = horizon?.energy[at] ?? Number.NaN;
		return {
			start: clock.isoAt(load.fromMs + at * QUARTER_HOUR_MS),
			energyKwh: known ? kwh : null,
			demandKw: known ? Math.max(0, kwh) * 4 : null,
			estimatedKwh: load.estimatedKwh[at] ?? 0,
			quality: !known || load.doubt[at] === 2 ? "bad" : load.doubt[at] === 1 ? "uncertain" : "good",
			band: horizon ? (horizon.bandIds[horizon.bands[at] ?? 0] ?? null) : null,
			priceKrw: Number.isNaN(price) ? null : price,
			counts: horizon ? horizon.countsForDemand[at] === 1 : true,
			carbonKg: known ? (carbonKg?.[at] ?? null) : null,
		};
	});
}

const costOf = ({ energyKwh, priceKrw }: ReportInterval): number => Math.max(0, energyKwh ?? 0) * (priceKrw ?? 0);

function bandsOf(intervals: readonly ReportInterval[], tariff: Tariff | undefined): ReportBand[] {
	const bands = (tariff?.book.bands ?? []).map(({ id, name }) => ({ band: id, name, energyKwh: 0, costKrw: 0 }));
	const byId = new Map(bands.map((band) => [band.band, band]));
	for (const interval of intervals) {
		const band = interval.band === null ? undefined : byId.get(interval.band);
		if (!band) continue;
		band.energyKwh += Math.max(0, interval.energyKwh ?? 0);
		band.costKrw += costOf(interval);
	}
	return bands;
}

function daysOf(
	intervals: readonly ReportInterval[],
	span: Span,
	clock: ZoneClock,
	bands: readonly ReportBand[],
	holidays: HolidayCalendar | undefined,
): ReportDay[] {
	const days: ReportDay[] = [];
	let at = 0;
	for (let day = span.firstDay; day < span.endDay && at < intervals.length; day++) {
		const part = intervals.slice(at, at + clock.quarterHoursOf(day));
		at += part.length;
		const known = part.filter(({ energyKwh }) => energyKwh !== null);
		const energy = (list: readonly ReportInterval[]) => sum(list.map(({ energyKwh }) => Math.max(0, energyKwh ?? 0)));
		days.push({
			date: isoOf(day),
			bandsKwh: bands.map(({ band }) => energy(part.filter((interval) => interval.band === band))),
			energyKwh: known.length > 0 ? energy(part) : null,
			estimatedKwh: sum(part.map(({ estimatedKwh }) => estimatedKwh)),
			peakKw: known.length > 0 ? Math.max(...known.map(({ demandKw }) => demandKw ?? 0)) : null,
			costKrw: bands.length > 0 && known.length > 0 ? sum(part.map(costOf)) : null,
			rest: weekdayOf(day) === 7 || (holidays?.isHoliday(day) ?? false),
		});
	}
	return days;
}

const TOP = 5;

function demandOf(intervals: readonly ReportInterval[], contractKw: number | null): Report["demand"] {
	const known = intervals.filter(({ demandKw }) => demandKw !== null);
	const ranked = known
		.map(({ start, demandKw, band, counts }) => ({ start, demandKw: demandKw ?? 0, band, counts }))
		.sort((a, b) => b.demandKw - a.demandKw);
	const peak = ranked[0];
	const meanKw = known.length > 0 ? sum(known.map(({ demandKw }) => demandKw ?? 0)) / known.length : null;
	const top: ReportPeak[] = [];
	const hours = new Set<string>();
	for (const candidate of ranked) {
		const hour = candidate.start.slice(0, 13);
		if (hours.has(hour)) continue;
		hours.add(hour);
		top.push(candidate);
		if (top.length === TOP) break;
	}
	return {
		peakKw: peak?.demandKw ?? null,
		peakAt: peak?.start ?? null,
		meanKw,
		loadFactor: peak && peak.demandKw > 0 && meanKw !== null ? meanKw / peak.demandKw : null,
		contractKw,
		top,
	};
}

function qualityOf(load: SiteLoad, estimatedKwh: number): Report["quality"] {
	const { kwh, coverage, doubt } = load;
	const missing = kwh.reduce((count, value) => count + (Number.isNaN(value) ? 1 : 0), 0);
	const uncertain = kwh.reduce((count, value, at) => count + (!Number.isNaN(value) && doubt[at] ? 1 : 0), 0);
	return { intervals: kwh.length, missing, uncertain, coverage: sum(coverage) / kwh.length, estimatedKwh };
}

/** The bill of the month that the span lies in, up to the span's end; a bill that can't be made is a warning. */
async function billOf(
	store: ReportStore,
	{ site, nowMs, kind, series }: ReportRequest,
	priced: Priced,
	span: Span,
	knownMs: number,
	load: SiteLoad,
	warnings: Warning[],
): Promise<Report["bill"]> {
	const { contract, tariff, holidays, tariffs, history } = priced;
	const { billingDay } = history;
	const clock = clockOf(tariff.book.timeZone);
	const [first, end] = billingDays(span.month, billingDay);
	const fromMs = clock.startOfDay(first);
	const { meters } = metersOf(site);
	try {
		const whole =
			kind === "month" && load.fromMs === fromMs ? load : await siteLoad(store, site.id, meters, fromMs, knownMs);
		const past = await storedPeaks(
			store,
			site.id,
			meters,
			{
				...{ tariff, holidays, billingDay, contractKw: contract.contractKw, tariffs: history.spans },
				...{ deferrals: deferralsFor(tariff, contract.deferrals), series },
			},
			fromMs,
		);
		const stored = Object.fromEntries([...past].map(([month, { kw }]) => [monthText(month), kw]));
		const previousPeaksKw = { ...stored, ...contract.previousPeaksKw };
		// What the utility's bill says, given with the request, stands above what the site's meters told.
		const measured = contract.powerFactor
			? undefined
			: await measuredPowerFactor(
					new SitePowerFactors(site),
					store,
					{ tariff, billingDay },
					{ month: span.month, fromMs, knownMs },
					whole.kwh,
				);
		const { overContract } = noticesBefore(previousPeaksKw, history.contractKwIn, span.month);
		const cost = calculateCost(
			{
				...contract,
				month: monthText(span.month),
				previousPeaksKw,
				priorNotices: { overContract, powerFactor: measured?.noticed ? 1 : 0 },
				...(measured?.powerFactor ? { powerFactor: measured.powerFactor } : {}),
				load: { intervals: Array.from(whole.kwh, (kwh) => (Number.isNaN(kwh) ? null : kwh)) },
				inProgress: knownMs < clock.startOfDay(end),
			},
			tariffs,
			{ series },
		);
		warnings.push(...cost.warnings, ...(measured?.warnings ?? []));
		const contractKw = history.contractKwIn(span.month);
		return { contractKw, tariff: cost.tariff, tariffName: tariffs.get(cost.tariff).contract.name, cost };
	} catch (error) {
		if (!(error instanceof EnergyError) || error.code.startsWith("store.")) throw error;
		warnings.push(warning(error.code, error.details), warning("report.no-bill", { now: clock.isoAt(nowMs) }));
		return null;
	}
}
