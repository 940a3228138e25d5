import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseDate, parseMonth } from "../calendar/civil.ts";
import type { HolidayCalendar } from "../calendar/holidays.ts";
import { clockOf } from "../calendar/zone-clock.ts";
import { environmentLayer, resolveConfig } from "../config/config.ts";
import { EnergyError } from "../errors.ts";
import type { BillingDays } from "./billing-days.ts";
import { holidaysFor } from "./calculate-cost.ts";
import { type ContractChangeData, type ContractHistory, contractHistory, type TariffSpan } from "./contract-history.ts";
import {
	type ContractChangeSettings,
	changesOf,
	datesOf,
	deferralsOf,
	fail,
	fuelOf,
	peaksOf,
} from "./contract-text.ts";
import { Pricer } from "./pricer.ts";
import type { Peak } from "./ratchet.ts";
import { type AddedBook, type Tariff, type TariffRegistry, tariffsWith } from "./registry.ts";
import { type PricePoint, PriceSeries } from "./series.ts";
import { type SimpleRates, simpleBook } from "./simple.ts";
import { importUrdb } from "./urdb.ts";

/** What a site has agreed with its supplier, as the editor saves it: texts are read by {@link siteContract}. */
export interface ContractSettings {
	/** `kepco/industrial-b/high-a/II`, a tariff of the own file, or `simple`; empty is `simple`. */
	tariff?: string;
	/** Contract demand; empty: peak_power_limit of the configuration. */
	contractKw?: string | number;
	/** Day on which a billing month begins, 1…28; empty: 1. */
	billingDay?: string | number;
	/** JSON, `{"2026-04-16": "2026-10-01"}`: versions that the customer put off. */
	deferrals?: string;
	/** Dates that count as public holidays too, separated by commas or blanks. */
	extraHolidays?: string;
	/** JSON, `{"2026-01": 132}`: counted peaks of months that the store does not know, kW. */
	previousPeaks?: string;
	/** JSON, `{"2026-04": 5}`: fuel cost adjustment from that month to the end of its quarter, per kWh. */
	fuelAdjustments?: string;
	/** Changes of the contract by date, as a list or the JSON text of one. */
	contractChanges?: string | readonly ContractChangeSettings[];
	/** A tariff file of one's own (a book, or a rate of the OpenEI database), relative to the user directory. */
	tariffFile?: string;
}

/** The rates of the configuration, and where things are. */
export interface Surroundings {
	timeZone: string;
	/** What relative paths start from. */
	directory: string;
	rates: Pick<SimpleRates, "baseRateKrwPerKwh" | "touPeakRate" | "touOffPeakRate">;
	/** Contract demand where the settings name none, kW. */
	contractKw: number;
}

/** Everything of a contract that can travel to a worker thread; {@link openContract} makes it whole again there. */
export interface ContractData {
	/** As it was first agreed; see `contractChanges`. */
	tariff: string;
	contractKw: number;
	billingDay: number;
	/** What became of it, oldest first. */
	contractChanges?: readonly ContractChangeData[];
	/** Day whose tariff and contract demand are in force, `2026-11-22`; absent: today. */
	asOf?: string;
	deferrals: Readonly<Record<string, string>>;
	extraHolidays: readonly string[];
	/** By month, kW. */
	previousPeaksKw: Readonly<Record<string, number>>;
	/** By month, per kWh; see `TariffRegistry.supply`. */
	fuelAdjustments?: Readonly<Record<string, number>>;
	books: readonly AddedBook[];
	/** Dynamic prices, where the site has some. */
	prices?: readonly PricePoint[];
}

/** A contract with its tariff, ready to price and to bill. */
export interface SiteContract {
	readonly data: ContractData;
	/** In force on the day that it was opened for. */
	readonly tariff: Tariff;
	readonly registry: TariffRegistry;
	readonly holidays: HolidayCalendar;
	/** In force on that day, kW. */
	readonly contractKw: number;
	readonly billingDay: BillingDays;
	readonly history: ContractHistory;
	/** By the day, where the tariff changed. */
	readonly tariffs: readonly TariffSpan[] | undefined;
	/** Versions of the tariff in force that were put off. */
	readonly deferrals: Readonly<Record<string, string>>;
	readonly previousPeaks: ReadonlyMap<number, Peak>;
	readonly series: PriceSeries | undefined;
}

/** The rates and the site limit of the configuration, as the start of the program left them in the environment. */
export function configuredRates(
	env: Readonly<Record<string, string | undefined>>,
): Pick<Surroundings, "rates" | "contractKw"> {
	const { power } = resolveConfig([environmentLayer(env, "environment", "power")]);
	return {
		rates: {
			baseRateKrwPerKwh: power.base_rate_krw_per_kwh,
			touPeakRate: power.tou_peak_rate,
			touOffPeakRate: power.tou_off_peak_rate,
		},
		contractKw: power.peak_power_limit,
	};
}

function numberIn(field: string, value: string | number | undefined, fallback: number, rule: string): number {
	const number = value === undefined || value === "" ? fallback : Number(value);
	return Number.isFinite(number) && number > 0 ? number : (fail(field, value, rule) as never);
}

function ownBook(file: string, { directory, timeZone }: Surroundings): AddedBook {
	const path = resolve(directory, file);
	let content: unknown;
	try {
		content = JSON.parse(readFileSync(path, "utf8"));
	} catch (error) {
		const list = error instanceof Error ? error.message : String(error);
		throw new EnergyError("tariff.file", { origin: file, list });
	}
	const keys = typeof content === "object" && content !== null ? Object.keys(content) : [];
	const isUrdb = keys.some((key) => key.toLowerCase() === "energyratestructure");
	return { book: isUrdb ? importUrdb(content, { timeZone }) : content, origin: file };
}

const idOf = (tariff: string): string => (tariff === "simple" ? "simple/two-rate" : tariff);

/**
 * Reads the settings of a site's contract once.
 *
 * @throws EnergyError `tariff.contract`, `tariff.file`, `tariff.urdb`, `tariff.unknown`, `tariff.deferral`,
 * `calendar.date`, `calendar.month` …
 */
export function readContract(settings: ContractSettings, around: Surroundings): ContractData {
	const billingDay = numberIn("billingDay", settings.billingDay, 1, "1…31");
	if (!Number.isInteger(billingDay) || billingDay > 31) fail("billingDay", settings.billingDay, "1…31");
	const wanted = settings.tariff?.trim() || "simple";
	const contractChanges = changesOf(settings.contractChanges).map(
		(change): ContractChangeData => (change.tariff === undefined ? change : { ...change, tariff: idOf(change.tariff) }),
	);
	const simple = [wanted, ...contractChanges.map(({ tariff }) => tariff)].some(
		(id) => id === "simple" || id?.startsWith("simple/"),
	);
	const { timeZone, rates } = around;
	const two = (): AddedBook => ({
		book: simpleBook({ ...rates, timeZone, holidays: timeZone === "Asia/Seoul" ? "KR" : "none" }),
		origin: "config",
		made: true,
	});
	return {
		tariff: idOf(wanted),
		contractKw: numberIn("contractKw", settings.contractKw, around.contractKw, "> 0 kW"),
		billingDay,
		contractChanges,
		deferrals: deferralsOf(settings.deferrals),
		extraHolidays: datesOf(settings.extraHolidays),
		previousPeaksKw: peaksOf(settings.previousPeaks),
		fuelAdjustments: fuelOf(settings.fuelAdjustments),
		books: [
			...(simple ? [two()] : []),
			...(settings.tariffFile?.trim() ? [ownBook(settings.tariffFile.trim(), around)] : []),
		],
	};
}

/** @throws EnergyError `tariff.unknown`, `tariff.deferral`, `tariff.contract`, `tariff.file`, `tariff.series` */
export function openContract(data: ContractData): SiteContract {
	const registry = tariffsWith(...data.books).supply("fuelAdjustment", data.fuelAdjustments ?? {});
	const history = contractHistory(data, registry);
	const { timeZone } = registry.get(data.tariff).book;
	const { tariff, contractKw, deferrals } = history.on(
		data.asOf === undefined ? clockOf(timeZone).dayAt(Date.now()) : parseDate(data.asOf),
	);
	return {
		data,
		...{ tariff, registry, contractKw, billingDay: history.billingDay, deferrals, history },
		tariffs: history.spans.some((span) => span.tariff !== tariff) ? history.spans : undefined,
		holidays: holidaysFor(tariff, { extraHolidays: data.extraHolidays }),
		previousPeaks: new Map(Object.entries(data.previousPeaksKw).map(([month, kw]) => [parseMonth(month), { kw }])),
		series: data.prices?.length ? PriceSeries.ofFeed(data.prices) : undefined,
	};
}

/** @throws EnergyError `tariff.series-needed` where the tariff lives of a price series and there is none yet */
export function pricerOf({ tariff, holidays, deferrals, series, tariffs }: SiteContract): Pricer {
	if (tariff.book.pricedBy === "series" && !series) {
		throw new EnergyError("tariff.series-needed", { tariff: tariff.id });
	}
	return new Pricer({ tariff, holidays, deferrals, ...(series ? { series } : {}), ...(tariffs ? { tariffs } : {}) });
}
