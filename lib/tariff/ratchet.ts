import { type MonthNumber, monthOfYear, monthText } from "../calendar/civil.ts";
import type { DemandCharge } from "./book.ts";
import { Exact } from "./money.ts";

/** The largest counted demand of a month. */
export interface Peak {
	kw: number;
	/** Start of the quarter-hour, where it is known. */
	atMs?: number;
	/** Peaks of charges that count hours of their own, by id; else `kw` holds for them too. */
	byCharge?: Readonly<Record<string, number>>;
}

/** Past peaks by month. */
export type PeakHistory = ReadonlyMap<MonthNumber, Peak>;

/** What a demand charge is paid on, and why. */
export interface BillingDemand {
	kw: Exact;
	/** This month's own peak, a kept one of the window, or the floor of the contract. */
	setBy: "month" | "history" | "floor";
	/** Month whose peak set it; absent for the floor. */
	month?: MonthNumber;
	/** Start of the quarter-hour that set it, where it is known. */
	atMs?: number;
	/** First month in which that peak no longer counts; absent for the floor. */
	dropsOut?: MonthNumber;
}

/** Months of the window, the billed one last. */
const windowOf = (charge: DemandCharge, month: MonthNumber): MonthNumber[] => {
	const length = charge.ratchet?.windowMonths ?? 1;
	return Array.from({ length }, (_, index) => month - length + 1 + index);
};

/** Whether the peak of a month keeps counting in the months after it. */
export function keepsCounting(charge: DemandCharge, month: MonthNumber): boolean {
	return charge.ratchet !== undefined && (charge.ratchet.months?.includes(monthOfYear(month)) ?? true);
}

/** Last month in which the peak of a month counts. */
export function lastMonthOf(charge: DemandCharge, month: MonthNumber): MonthNumber {
	return keepsCounting(charge, month) ? month + (charge.ratchet?.windowMonths ?? 1) - 1 : month;
}

/** Earlier months of the window whose peaks count in a month. */
export function countedMonths(charge: DemandCharge, month: MonthNumber): MonthNumber[] {
	return windowOf(charge, month).filter((each) => each < month && keepsCounting(charge, each));
}

/**
 * Billing demand of a month (요금적용전력; KEPCO supply terms §68): the largest of its own peak, the kept peaks of the
 * window at their percentage, and the floor.
 *
 * @param peak of the billed month, kW
 * @param history of earlier months; months it lacks count as 0
 */
export function billingDemand(
	charge: DemandCharge,
	month: MonthNumber,
	peak: Peak,
	history: PeakHistory,
	contractKw: number,
): BillingDemand {
	const place = (at: MonthNumber, from: Peak): Pick<BillingDemand, "month" | "atMs" | "dropsOut"> => ({
		month: at,
		dropsOut: lastMonthOf(charge, at) + 1,
		...(from.atMs === undefined ? {} : { atMs: from.atMs }),
	});
	let best: BillingDemand = { kw: Exact.of(peak.kw), setBy: "month", ...place(month, peak) };
	// Newest first, so that of equal peaks the one that stays longest is named.
	for (const earlier of countedMonths(charge, month).reverse()) {
		const kept = history.get(earlier);
		if (!kept) continue;
		const kw = Exact.of(kept.byCharge?.[charge.id] ?? kept.kw).times(Exact.ratio(charge.ratchet?.percent ?? 100, 100));
		if (kw.exceeds(best.kw)) best = { kw, setBy: "history", ...place(earlier, kept) };
	}
	const floor = Exact.of(contractKw).times(Exact.ratio(charge.floor?.percentOfContract ?? 0, 100));
	return floor.exceeds(best.kw) ? { kw: floor, setBy: "floor" } : best;
}

export interface ProjectionInput {
	charge: DemandCharge;
	contractKw: number;
	/** Month of the quarter-hour in question. */
	month: MonthNumber;
	/** Peaks so far: the months of the window and, if it has one, this month's. */
	history: PeakHistory;
	/**
	 * Peaks expected in the next months (and in what is left of this one). A month that isn't named is taken at the
	 * median of the known peaks: an ordinary month, neither a record nor a standstill.
	 */
	expected?: PeakHistory;
	/** Price of a kW in a month, exactly. */
	rateOf: (month: MonthNumber) => Exact;
}

/** What a demand adds to the bills of this month and the months its peak would reach. */
export interface DemandCost {
	/** Over all months, before levies, in the tariff's currency. */
	amount: Exact;
	/** The months in which it pays more, oldest first. */
	months: { month: string; baseKw: number; billedKw: number; amount: Exact }[];
	/** Highest demand that costs nothing, kW. */
	freeUpToKw: number;
}

/**
 * Cost of a quarter-hour's demand through the projected billing demand of this and the next eleven months (as long as
 * the ratchet's window is). It is nothing where a higher counted peak or the floor covers every month that it would
 * reach, and a lot in a counting month whose incumbent is about to leave the window.
 *
 * @param demandKw demand of a quarter-hour that counts (in a band of the charge)
 */
export function demandCost(input: ProjectionInput, demandKw: number): DemandCost {
	const { charge, month } = input;
	const reach = charge.months && !charge.months.includes(monthOfYear(month)) ? month - 1 : lastMonthOf(charge, month);
	const base = projectedDemand(input);
	const months: DemandCost["months"] = [];
	let amount = Exact.zero;
	let freeUpTo: Exact | undefined;
	for (let at = month; at <= reach; at++) {
		const percent = at === month ? 100 : (charge.ratchet?.percent ?? 100);
		const billed = base(at);
		const free = billed.over(Exact.ratio(percent, 100));
		if (charge.months?.includes(monthOfYear(at)) ?? true) {
			freeUpTo = freeUpTo ? Exact.min(freeUpTo, free) : free;
			const withDemand = Exact.of(demandKw).times(Exact.ratio(percent, 100));
			if (withDemand.exceeds(billed)) {
				const added = withDemand.minus(billed).times(input.rateOf(at));
				amount = amount.plus(added);
				months.push({
					month: monthText(at),
					baseKw: billed.toNumber(),
					billedKw: withDemand.toNumber(),
					amount: added,
				});
			}
		}
	}
	return { amount, months, freeUpToKw: freeUpTo?.toNumber() ?? Number.POSITIVE_INFINITY };
}

/** Billing demand of a month as it is expected without the quarter-hour in question. */
export function projectedDemand(input: ProjectionInput): (month: MonthNumber) => Exact {
	const { charge, contractKw, month, history, expected } = input;
	const usual = medianPeak(history, month);
	const peakOf = (at: MonthNumber): Peak => {
		const known = history.get(at);
		if (at < month) return known ?? { kw: 0 };
		const ahead = expected?.get(at) ?? (at > month ? { kw: usual } : undefined);
		if (known && ahead) return known.kw >= ahead.kw ? known : ahead;
		return known ?? ahead ?? { kw: 0 };
	};
	return (at) => {
		const past = new Map(countedMonths(charge, at).map((each) => [each, peakOf(each)]));
		return billingDemand(charge, at, peakOf(at), past, contractKw).kw;
	};
}

/** Median of the known peaks before a month, kW; 0 where none is known. */
function medianPeak(history: PeakHistory, before: MonthNumber): number {
	const peaks = [...history].filter(([at]) => at < before && at >= before - 12).map(([, { kw }]) => kw);
	peaks.sort((a, b) => a - b);
	const middle = peaks.length >> 1;
	if (peaks.length === 0) return 0;
	return peaks.length % 2 ? (peaks[middle] ?? 0) : ((peaks[middle - 1] ?? 0) + (peaks[middle] ?? 0)) / 2;
}
