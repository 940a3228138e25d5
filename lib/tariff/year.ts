import { type MonthNumber, monthText, parseMonth } from "../calendar/civil.ts";
import { EnergyError } from "../errors.ts";
import { type Bill, type BillRequest, billMonth } from "./bill.ts";
import { intervalLoad, type Load, uniformLoad } from "./load.ts";
import { Exact } from "./money.ts";
import type { PriceCalendar } from "./price-calendar.ts";
import type { Peak, PeakHistory } from "./ratchet.ts";

export interface YearRequest extends Omit<BillRequest, "month" | "load" | "history"> {
	/** First billing month. */
	firstMonth: string;
	/** Number of months; default 12. */
	months?: number;
	/** Energy of each quarter-hour from the first month's start, kWh (NaN for a gap), or a flat load. */
	load: { kwh: Float64Array | readonly number[] } | { uniformKw: number };
	/** Peaks before the first month, or `typical-year`: the year before was like this one. */
	history?: PeakHistory | "typical-year";
}

export interface YearBill {
	bills: Bill[];
	energy: number;
	demand: number;
	subtotal: number;
	total: number;
	peakKw: number;
	importKwh: number;
}

/**
 * The bills of consecutive months, each with the peaks of those before it.
 * @throws EnergyError those of billMonth; `tariff.advice` for a load that ends within a month
 */
export function billYear(request: YearRequest): YearBill {
	const first = parseMonth(request.firstMonth);
	const count = request.months ?? 12;
	const given = request.history === "typical-year" ? typicalPeaks(request, first, count) : request.history;
	const history = new Map<MonthNumber, Peak>(given);
	const bills = billEach(request, first, count, history);
	const sum = (of: (bill: Bill) => number): number => Exact.sum(bills.map((bill) => Exact.of(of(bill)))).toNumber();
	return {
		bills,
		energy: sum(({ energy }) => energy),
		demand: sum(({ demand }) => demand),
		subtotal: sum(({ subtotal }) => subtotal),
		total: sum(({ total }) => total),
		peakKw: Math.max(...bills.map(({ peakKw }) => peakKw)),
		importKwh: sum(({ importKwh }) => importKwh),
	};
}

/** Bills in order; fills the history as it goes. */
function billEach(request: YearRequest, first: MonthNumber, count: number, history: Map<MonthNumber, Peak>): Bill[] {
	const { load, ...rest } = request;
	const bills: Bill[] = [];
	let offset = 0;
	for (let month = first; month < first + count; month++) {
		const loadOf = (calendar: PriceCalendar): Load => {
			if ("uniformKw" in load) return uniformLoad(load.uniformKw, calendar);
			const end = offset + calendar.count;
			if (end > load.kwh.length) {
				throw new EnergyError("tariff.advice", {
					field: "load.kwh",
					value: load.kwh.length,
					rule: `at least ${end} quarter-hours`,
				});
			}
			const part = load.kwh instanceof Float64Array ? load.kwh.subarray(offset, end) : load.kwh.slice(offset, end);
			offset = end;
			return intervalLoad(part, calendar, { path: monthText(month) });
		};
		const bill = billMonth({ ...rest, month: monthText(month), load: loadOf, history });
		history.set(month, {
			kw: bill.peakKw,
			byCharge: bill.peaksKw,
			...(bill.peakAtMs === undefined ? {} : { atMs: bill.peakAtMs }),
		});
		bills.push(bill);
	}
	return bills;
}

/** The peaks of this year's months as if they had been those of the year before, too. */
function typicalPeaks(request: YearRequest, first: MonthNumber, count: number): PeakHistory {
	const peaks = new Map<MonthNumber, Peak>();
	billEach(request, first, count, peaks);
	return new Map(
		[...peaks].map(([month, { kw, byCharge }]) => [month - 12, { kw, ...(byCharge ? { byCharge } : {}) }]),
	);
}
