import { type MonthNumber, monthOfYear, monthText } from "../calendar/civil.ts";
import type { DemandCharge } from "../tariff/book.ts";
import type { DemandSituation, Pricer } from "../tariff/pricer.ts";
import { keepsCounting, lastMonthOf, projectedDemand } from "../tariff/ratchet.ts";
import { mainDemandCharge } from "../tariff/registry.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { DemandPrice } from "./problem.ts";

/** The intervals of a problem. */
export interface PricedHorizon {
	startMs: number;
	intervals: number;
	/** Default 15. */
	intervalMinutes?: number;
}

/** A cost of demand that is linear between its corners. */
interface Slope {
	fromKw: number;
	krwPerKw: number;
}

/** A bill that peaks of the horizon reach: by which of its months, and what a kW costs it from which demand on. */
interface Reached {
	months: Set<MonthNumber>;
	slopes: Slope[];
}

/**
 * The demand charges of a scheduling problem: what a kW adds to the billing demand of this and the next eleven months,
 * as the tariff projects it. Bills that the same months of the horizon reach share one charge; a horizon over the turn
 * of a month has one for the bill of the old month and one for those that the higher of the two peaks sets. Before
 * levies, like the rates of the tariff.
 *
 * @param situation peaks of the past months (and of this one so far), contract demand, notices
 * @returns `demandCharges` of the problem; none where the tariff has no demand charge or nothing counts
 * @see KEPCO supply terms §68 (billing demand) and its over-contract charge
 */
export function demandChargesOf(pricer: Pricer, situation: DemandSituation, horizon: PricedHorizon): DemandPrice[] {
	const minutes = horizon.intervalMinutes ?? 15;
	const countedIn = Array.from({ length: horizon.intervals }, (_, t) =>
		countedMonth(pricer, situation, horizon.startMs + t * minutes * 60_000, minutes),
	);
	const own = [...new Set(countedIn.filter((month) => month !== null))].sort((a, b) => a - b);
	const first = pricer.monthAt(horizon.startMs, situation.billingDay);
	const groups = new Map<string, Reached>();
	const charge = (months: Set<MonthNumber>, slopes: Slope[]) => {
		const key = [...months].join();
		const group = groups.get(key) ?? { months, slopes: [] };
		group.slopes.push(...slopes);
		groups.set(key, group);
	};
	for (const { months, slopes } of bills(pricer, situation, own, first)) charge(months, slopes);
	for (const month of own) charge(new Set([month]), surcharges(pricer, situation, month));
	return [...groups.values()].flatMap(({ months, slopes }): DemandPrice[] => {
		const steps = stepsOf(slopes);
		if (steps.length === 0) return [];
		const counted = countedIn.map((month) => month !== null && months.has(month));
		return [{ name: [...months].map(monthText).join(", "), steps, counted }];
	});
}

/** Billing month of an interval in which demand counts; null where it does not. An hour counts if a quarter of it does. */
function countedMonth(
	pricer: Pricer,
	{ billingDay }: DemandSituation,
	fromMs: number,
	minutes: number,
): MonthNumber | null {
	const first = Math.floor(fromMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
	for (let at = first; at < fromMs + minutes * 60_000; at += QUARTER_HOUR_MS) {
		if (pricer.countsForDemand(at)) return pricer.monthAt(at, billingDay);
	}
	return null;
}

/** Every bill that a peak in one of the horizon's months may raise, this month's view of what it is expected to be. */
function bills(pricer: Pricer, situation: DemandSituation, own: readonly MonthNumber[], first: MonthNumber): Reached[] {
	const { contractKw, history, expected, billingDay } = situation;
	const reached = new Map<string, Reached & { charge: DemandCharge; month: MonthNumber; percent: number }>();
	for (const peakMonth of own) {
		const charge = mainDemandCharge(pricer.tariff, monthOfYear(peakMonth));
		if (!charge) continue;
		const last = keepsCounting(charge, peakMonth) ? lastMonthOf(charge, peakMonth) : peakMonth;
		for (let month = peakMonth; month <= last; month++) {
			if (!(charge.months?.includes(monthOfYear(month)) ?? true)) continue;
			const key = `${charge.id} ${month}`;
			const bill = reached.get(key) ?? { charge, month, percent: 0, months: new Set(), slopes: [] };
			bill.months.add(peakMonth);
			// Where a kept peak counts for less than the month's own, both are taken at the higher share: never too cheap.
			bill.percent = Math.max(bill.percent, month === peakMonth ? 100 : (charge.ratchet?.percent ?? 100));
			reached.set(key, bill);
		}
	}
	return [...reached.values()].map(({ charge, month, percent, months }) => {
		const rateOf = pricer.demandRates(charge.id, billingDay);
		const projection = { charge, contractKw, history, month: first, rateOf, ...(expected ? { expected } : {}) };
		const billedKw = projectedDemand(projection)(month).toNumber();
		const share = percent / 100;
		return { months, slopes: [{ fromKw: billedKw / share, krwPerKw: rateOf(month).toNumber() * share }] };
	});
}

/** What demand above the contract costs in its own month; a jump of the rate is spread over the kW before it. */
function surcharges(pricer: Pricer, situation: DemandSituation, month: MonthNumber): Slope[] {
	const rule = pricer.tariff.terms.overContract;
	const charge = mainDemandCharge(pricer.tariff, monthOfYear(month));
	const { contractKw, history, expected, billingDay } = situation;
	if (!rule || !charge) return [];
	const rate = pricer.demandRates(charge.id, billingDay)(month).toNumber();
	const before = Math.max(contractKw, history.get(month)?.kw ?? 0, expected?.get(month)?.kw ?? 0);
	const krwAt = (kw: number) => pricer.surchargeRates(kw, situation).toNumber() * rate;
	const ends = rule.tiers.flatMap(({ belowPercent }) =>
		belowPercent === undefined ? [] : [contractKw * (1 + belowPercent / 100)],
	);
	const far = Math.max(before, ...ends) * 2;
	const corners = [before, ...ends.flatMap((kw) => [kw - 1, kw]).filter((kw) => kw > before), far];
	const slopes: Slope[] = [];
	corners.forEach((fromKw, k) => {
		const to = corners[k + 1];
		if (to === undefined) return;
		const krwPerKw = (krwAt(to) - krwAt(fromKw)) / (to - fromKw);
		slopes.push({ fromKw, krwPerKw: krwPerKw - slopes.reduce((sum, slope) => sum + slope.krwPerKw, 0) });
	});
	return slopes;
}

/** Adds the slopes up: steps with rising thresholds, each at the price of a kW there. */
function stepsOf(slopes: readonly Slope[]): DemandPrice["steps"] {
	const steps: DemandPrice["steps"] = [];
	let krwPerKw = 0;
	for (const slope of [...slopes].sort((a, b) => a.fromKw - b.fromKw)) {
		krwPerKw += slope.krwPerKw;
		const price = Math.max(0, Math.round(krwPerKw * 1e6) / 1e6);
		const last = steps.at(-1);
		if (last && slope.fromKw - last.aboveKw < 1e-6) last.krwPerKw = price;
		else steps.push({ aboveKw: slope.fromKw, krwPerKw: price });
	}
	return steps.filter((step, k) => step.krwPerKw !== (steps[k - 1]?.krwPerKw ?? 0));
}
