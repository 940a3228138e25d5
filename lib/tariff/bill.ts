import { type DayNumber, type MonthNumber, monthText, parseDate, parseMonth } from "../calendar/civil.ts";
import type { HolidayCalendar } from "../calendar/holidays.ts";
import { clockOf } from "../calendar/zone-clock.ts";
import { EnergyError } from "../errors.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import { demandLines, type PowerFactor, type PriorNotices } from "./bill-demand.ts";
import { energyLines } from "./bill-energy.ts";
import { additionLines, fixedLines, levyLines, minimumLine } from "./bill-levies.ts";
import type { BillLine } from "./bill-line.ts";
import { type BillingDays, billingDays, usualLength } from "./billing-days.ts";
import { deferralsFor } from "./contract-history.ts";
import { type Load, UNITS_PER_KWH } from "./load.ts";
import { Exact } from "./money.ts";
import { type CalendarDay, compilePrices, type PriceCalendar } from "./price-calendar.ts";
import type { BillingDemand, PeakHistory } from "./ratchet.ts";
import type { Tariff } from "./registry.ts";
import type { PriceSeries } from "./series.ts";
import { type Warning, warning } from "./warning.ts";

/** A change of the contract, from a day on: another contract demand, another tariff (voltage, option), or both. */
export interface ContractChange {
	from: string;
	contractKw?: number;
	tariff?: Tariff;
}

/** What a customer has agreed with the supplier. */
export interface ContractTerms {
	contractKw: number;
	/** Day on which a billing month begins; the month is named by that day's. Default 1. */
	billingDay?: BillingDays;
	/** Versions that the customer put off: effective date → the day it began for them. */
	deferrals?: Readonly<Record<string, string>>;
	/** Changes by date; a month with one is prorated by days. */
	changes?: readonly ContractChange[];
}

export interface BillRequest {
	tariff: Tariff;
	/** `2026-04` */
	month: string;
	contract: ContractTerms;
	/** Load of the billing month on the calendar it is billed by. */
	load: (calendar: PriceCalendar) => Load;
	holidays: HolidayCalendar;
	/** Prices the month as if that version, whole, were in force; additions, levies and power factor follow the month. */
	version?: string;
	/** Dynamic prices in place of the tariff's energy rates. */
	series?: PriceSeries;
	history?: PeakHistory;
	powerFactor?: PowerFactor;
	/** Per kWh, where the customer knows it better than the data. */
	fuelAdjustment?: number;
	priorNotices?: PriorNotices;
	/** Starts of the system's peak intervals, epoch ms, for coincident demand. */
	systemPeaks?: readonly number[];
}

/** A part of the month under one contract: usually all of it. */
export interface Piece {
	tariff: Tariff;
	contractKw: number;
	calendar: PriceCalendar;
	/** Days of the calendar in this piece. */
	days: readonly CalendarDay[];
	/** Its intervals [from, to), by index in calendar and load. */
	from: number;
	to: number;
}

/** What the parts of a bill are computed from. */
export interface BillContext extends BillRequest {
	monthNumber: MonthNumber;
	/** First day of the billing month: what the month's rules go by. */
	firstDay: DayNumber;
	pieces: readonly Piece[];
	loaded: Load;
	/** Days of the billing month. */
	dayCount: number;
	/** Days it would have without a change of the billing day: what charges of a month are a share of. */
	usualDays: number;
	warn: (code: string, details?: Record<string, unknown>) => void;
}

/** A month's bill: amounts are whole steps of the tariff's rounding, in its currency. */
export interface Bill {
	tariff: string;
	month: string;
	/** Effective dates of the versions that price the month, oldest first. */
	versions: string[];
	currency: string;
	/** First instant and first instant after, ISO 8601. */
	from: string;
	to: string;
	/** Energy taken, by the band it is charged in, kWh. */
	energyKwh: Record<string, number>;
	importKwh: number;
	exportKwh: number;
	/** The part of importKwh that was estimated over gaps. */
	estimatedKwh: number;
	/** Largest counted demand of the month itself, kW, and its quarter-hour. */
	peakKw: number;
	peakAtMs?: number;
	/** Largest counted demand by demand charge, kW. */
	peaksKw: Record<string, number>;
	/** Demand the main demand charge is paid on; of the last part of a month in which the contract changed. */
	billingDemand: BillingDemand;
	lines: BillLine[];
	/** Sum of the energy lines, after discounts. */
	energy: number;
	/** Sum of the demand charge lines, without surcharges. */
	demand: number;
	/** Sum of all lines before levies. */
	subtotal: number;
	total: number;
	warnings: Warning[];
}

/**
 * The bill of a month.
 *
 * @throws EnergyError `calendar.month`, `tariff.no-version`, `tariff.unknown-version`, `tariff.contract`,
 * `tariff.load`, `tariff.price-missing` …
 */
export function billMonth(request: BillRequest): Bill {
	const monthNumber = parseMonth(request.month);
	const [firstDay, endDay] = billingDays(monthNumber, request.contract.billingDay);
	const pieces = piecesOf(request, firstDay, endDay);
	const first = pieces[0];
	const last = pieces[pieces.length - 1];
	if (!first || !last)
		throw new EnergyError("tariff.contract", { field: "changes", value: request.month, rule: "one contract a day" });
	const warnings: Warning[] = [];
	const context: BillContext = {
		...request,
		monthNumber,
		firstDay,
		pieces,
		loaded: request.load(first.calendar),
		dayCount: endDay - firstDay,
		usualDays: usualLength(monthNumber, request.contract.billingDay),
		warn: (code, details = {}) => warnings.push(warning(code, details)),
	};
	warnOfLoad(context);
	const energy = energyLines(context);
	const demand = demandLines(context);
	const lines = [
		...demand.charges,
		...energy.lines,
		...demand.surcharges,
		...additionLines(context, energy.importUnits),
		...fixedLines(context),
	];
	lines.push(...minimumLine(context, lines));
	const subtotal = sumOf(lines);
	lines.push(...levyLines(context, subtotal));
	const total = sumOf(lines).rounded(last.tariff.terms.rounding.total);
	const clock = clockOf(last.tariff.book.timeZone);
	return {
		tariff: last.tariff.id,
		month: monthText(monthNumber),
		versions: [...new Set(pieces.flatMap(({ days }) => days.map(({ version }) => version.effective)))],
		currency: last.tariff.book.currency,
		from: clock.isoAt(first.calendar.startMs),
		to: clock.isoAt(last.calendar.endMs),
		energyKwh: energy.kwh,
		importKwh: energy.importUnits / UNITS_PER_KWH,
		exportKwh: context.loaded.exportUnits / UNITS_PER_KWH,
		estimatedKwh: context.loaded.estimatedUnits / UNITS_PER_KWH,
		...demand.peak,
		billingDemand: demand.billing,
		lines,
		energy: sumOf(energy.lines).toNumber(),
		demand: sumOf(demand.charges).toNumber(),
		subtotal: subtotal.toNumber(),
		total: total.toNumber(),
		warnings,
	};
}

const sumOf = (lines: readonly BillLine[]): Exact => Exact.sum(lines.map(({ amount }) => Exact.of(amount)));

/** The month cut where the contract changes; each part has its own calendar over the whole month. */
function piecesOf(request: BillRequest, firstDay: DayNumber, endDay: DayNumber): Piece[] {
	const { contract } = request;
	const changes = (contract.changes ?? [])
		.map((change) => ({ ...change, day: parseDate(change.from) }))
		.sort((a, b) => a.day - b.day);
	let contractKw = contract.contractKw;
	let tariff = request.tariff;
	const starts: { day: DayNumber; contractKw: number; tariff: Tariff }[] = [{ day: firstDay, contractKw, tariff }];
	for (const change of changes) {
		if (change.day >= endDay) break;
		contractKw = change.contractKw ?? contractKw;
		tariff = change.tariff ?? tariff;
		if (change.day <= firstDay) starts.length = 0;
		starts.push({ day: Math.max(change.day, firstDay), contractKw, tariff });
	}
	// Of a tariff that was left or is not reached yet, a version that was put off is none of this month's business.
	const several = changes.some((change) => change.tariff !== undefined);
	const deferralsIn = (of: Tariff) => (several ? deferralsFor(of, contract.deferrals) : (contract.deferrals ?? {}));
	return starts.map((start, index): Piece => {
		if (!(start.contractKw > 0 && start.contractKw <= 1e7)) {
			throw new EnergyError("tariff.contract", {
				field: "contractKw",
				value: start.contractKw,
				rule: "above 0 kW, at most 10000000 kW",
			});
		}
		const calendar = compilePrices(start.tariff, firstDay, endDay, {
			holidays: request.holidays,
			...(request.version === undefined ? {} : { version: request.version }),
			...(contract.deferrals ? { deferrals: deferralsIn(start.tariff) } : {}),
			...(request.series ? { series: request.series } : {}),
		});
		const lastDay = starts[index + 1]?.day ?? endDay;
		return {
			...start,
			calendar,
			days: calendar.days.filter(({ day }) => day >= start.day && day < lastDay),
			from: calendar.days[start.day - firstDay]?.start ?? calendar.count,
			to: calendar.days[lastDay - firstDay]?.start ?? calendar.count,
		};
	});
}

function warnOfLoad({ loaded, pieces, tariff, warn, dayCount, usualDays }: BillContext): void {
	const calendar = pieces[0]?.calendar;
	if (dayCount !== usualDays) warn("tariff.billing-day-change", { days: dayCount, usual: usualDays });
	if (loaded.gaps > 0) {
		warn("tariff.load-gaps", { gaps: loaded.gaps, estimatedKwh: loaded.estimatedUnits / UNITS_PER_KWH });
	}
	if (loaded.exportUnits > 0) warn("tariff.export", { exportKwh: loaded.exportUnits / UNITS_PER_KWH });
	if (calendar && loaded.known < calendar.count) {
		const through = clockOf(tariff.book.timeZone).isoAt(calendar.startMs + loaded.known * QUARTER_HOUR_MS);
		warn("tariff.in-progress", { through });
	}
	for (const year of calendar?.provisionalYears ?? []) warn("tariff.provisional-holidays", { year });
	for (const { tariff: of, contractKw } of pieces) {
		const { min = 0, below = Number.POSITIVE_INFINITY } = of.contract.sizeKw ?? {};
		if (contractKw < min || contractKw >= below) warn("tariff.contract-size", { contractKw, tariff: of.id });
	}
}
