import { type HolidayCalendar, holidaysOf } from "../calendar/holidays.ts";
import { EnergyError } from "../errors.ts";
import { type Bill, billMonth, type ContractTerms } from "./bill.ts";
import type { BillLine } from "./bill-line.ts";
import { problemText } from "./check.ts";
import { contractHistory } from "./contract-history.ts";
import { type CostInput, parseCostInput } from "./cost-input.ts";
import { type DemandState, describeDemand } from "./demand-state.ts";
import { intervalLoad, type Load, uniformLoad } from "./load.ts";
import { csvLoad, quarterHours } from "./load-csv.ts";
import type { PriceCalendar } from "./price-calendar.ts";
import { shippedTariffs, type Tariff, type TariffRegistry } from "./registry.ts";
import { PriceSeries } from "./series.ts";
import { type Warning, warning } from "./warning.ts";

/** A line of the answer: amounts in won. */
export interface CostLine extends Omit<BillLine, "rate" | "amount"> {
	rateKrw: number;
	amountKrw: number;
}

/** The answer of calculate-cost. */
export interface Cost {
	tariff: string;
	month: string;
	/** Effective date of the version; where two share the month, of the later one. */
	version: string;
	versions: string[];
	energyKwh: { offPeak: number; midPeak: number; onPeak: number; [band: string]: number };
	importKwh: number;
	exportKwh: number;
	estimatedKwh: number;
	/** After discounts, before climate and fuel. */
	energyKrw: number;
	billingDemandKw: number;
	demandKrw: number;
	/** Why the billing demand is what it is, and until when. */
	demand: DemandState;
	lines: CostLine[];
	/** Before VAT and fund. */
	subtotalKrw: number;
	totalKrw: number;
	warnings: Warning[];
}

/**
 * What a month costs under a tariff: the body and answer of `POST /api/v1/tou/calculate-cost`, with energyKrw after
 * discounts and before climate and fuel, and totalKrw with everything. No power factor given means no such line; a
 * fuel adjustment that nobody knows counts 0, with a warning.
 *
 * @param input parsed and checked here: see {@link CostInput}
 * @param series dynamic prices that are there already, in place of `prices` of the input
 * @throws EnergyError `tariff.input` with all problems at once, `tariff.unknown`, `tariff.unknown-version`,
 * `tariff.no-version`, `tariff.load`, `tariff.load-length`, `tariff.csv`, `tariff.currency`, `calendar.year` …
 */
export function calculateCost(
	input: unknown,
	tariffs: TariffRegistry = shippedTariffs(),
	{ series }: { series?: PriceSeries | undefined } = {},
): Cost {
	const parsed: CostInput = { ...parseCostInput(input), ...(series ? { series } : {}) };
	const bill = costBill(parsed, tariffs);
	const warnings = [...bill.warnings];
	if (bill.versions.length > 1) warnings.push(warning("tariff.version-change", { versions: bill.versions.join(", ") }));
	const minutes = "uniformKw" in parsed.load ? 15 : (parsed.load.intervalMinutes ?? 15);
	if (minutes > 15) warnings.push(warning("tariff.load-coarse", { minutes }));
	if (parsed.unknownFields.length > 0) {
		warnings.push(warning("tariff.unknown-fields", { fields: parsed.unknownFields.join(", ") }));
	}
	return { ...answerOf(bill, tariffs.get(bill.tariff)), warnings };
}

/** The bill behind an answer, in the tariff's own terms. */
function costBill(input: CostInput, tariffs: TariffRegistry): Bill {
	const tariff = tariffs.get(input.tariff);
	if (tariff.book.currency !== "KRW") {
		throw new EnergyError("tariff.currency", { tariff: tariff.id, currency: tariff.book.currency });
	}
	return billMonth({
		tariff,
		month: input.month,
		contract: contractOf(input, tariffs),
		holidays: holidaysFor(tariff, input),
		load: (calendar) => loadOf(input, calendar),
		history: input.history,
		...(input.version === undefined ? {} : { version: input.version }),
		...(input.powerFactor ? { powerFactor: input.powerFactor } : {}),
		...(input.fuelAdjustment === undefined ? {} : { fuelAdjustment: input.fuelAdjustment }),
		...(input.priorNotices ? { priorNotices: input.priorNotices } : {}),
		...(input.series || input.prices ? { series: input.series ?? new PriceSeries(input.prices ?? []) } : {}),
	});
}

function contractOf(input: CostInput, tariffs: TariffRegistry): ContractTerms {
	const moves = (input.contractChanges ?? []).some((change) => change.billingDay !== undefined);
	const billingDay = moves ? contractHistory(input, tariffs).billingDay : input.billingDay;
	return {
		contractKw: input.contractKw,
		...(billingDay === undefined ? {} : { billingDay }),
		...(input.deferrals ? { deferrals: input.deferrals } : {}),
		changes: (input.contractChanges ?? []).map(({ from, contractKw, tariff }) => ({
			from,
			...(contractKw === undefined ? {} : { contractKw }),
			...(tariff === undefined ? {} : { tariff: tariffs.get(tariff) }),
		})),
	};
}

/** Holidays of a tariff's country with the caller's own. */
export function holidaysFor(
	tariff: Tariff,
	choices: { extraHolidays?: readonly string[]; holidayOptions?: Readonly<Record<string, boolean>> },
): HolidayCalendar {
	const own = { add: choices.extraHolidays ?? [], options: choices.holidayOptions ?? {} };
	return holidaysOf(tariff.book.holidays ?? "none", own);
}

function loadOf({ load, inProgress }: CostInput, calendar: PriceCalendar): Load {
	if ("uniformKw" in load) return uniformLoad(load.uniformKw, calendar);
	const quarters = (load.intervalMinutes ?? 15) / 15;
	if ("csv" in load) return intervalLoad(csvLoad(load.csv, calendar, quarters), calendar, { path: "load.csv" });
	// Checked as it stands first: a message then names the figure by its own place.
	const intervals = quarters > 1 ? spread(load.intervals, quarters) : load.intervals;
	return intervalLoad(intervals, calendar, { inProgress: inProgress ?? false });
}

/** @throws EnergyError `tariff.load` naming every figure that is none */
function spread(kwh: readonly (number | null)[], quarters: number): Float64Array {
	const problems = kwh.flatMap((value, at) => {
		const isFine = value === null || (typeof value === "number" && Math.abs(value) < 1e9);
		return isFine ? [] : [{ path: `load.intervals[${at}]`, value, rule: "must be the kWh of an interval, or null" }];
	});
	if (problems.length > 0) throw new EnergyError("tariff.load", { list: problemText(problems), problems });
	return quarterHours(kwh, quarters);
}

const camel = (band: string): string => band.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

function answerOf(bill: Bill, tariff: Tariff): Omit<Cost, "warnings"> {
	const kwh = Object.fromEntries(Object.entries(bill.energyKwh).map(([band, value]) => [camel(band), value]));
	return {
		tariff: bill.tariff,
		month: bill.month,
		version: bill.versions.at(-1) ?? "",
		versions: bill.versions,
		energyKwh: { offPeak: 0, midPeak: 0, onPeak: 0, ...kwh },
		importKwh: bill.importKwh,
		exportKwh: bill.exportKwh,
		estimatedKwh: bill.estimatedKwh,
		energyKrw: bill.energy,
		billingDemandKw: bill.billingDemand.kw.toNumber(),
		demandKrw: bill.demand,
		demand: describeDemand(bill, tariff),
		lines: bill.lines.map(({ rate, amount, ...line }) => ({ ...line, rateKrw: rate, amountKrw: amount })),
		subtotalKrw: bill.subtotal,
		totalKrw: bill.total,
	};
}
