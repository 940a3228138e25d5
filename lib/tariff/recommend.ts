import { parseMonth } from "../calendar/civil.ts";
import type { Words } from "../calendar/holidays.ts";
import type { PowerFactor } from "./bill-demand.ts";
import { billWords } from "./bill-line.ts";
import { billingDays } from "./billing-days.ts";
import { type AdviceRequest, adviseContract } from "./compare.ts";
import { Exact } from "./money.ts";
import { compilePrices, type PriceCalendar } from "./price-calendar.ts";
import { mainDemandCharge } from "./registry.ts";
import { billYear, type YearRequest } from "./year.ts";

/** Something that would cut the bill, with what it saves and why. */
export interface Recommendation {
	kind: "shift" | "peak" | "power-factor" | "option" | "contract-demand" | "both";
	/** Scaled to a year, in the tariff's currency, with levies. */
	savingPerYear: number;
	reason: Words;
	details: Readonly<Record<string, unknown>>;
}

export interface RecommendRequest extends Omit<AdviceRequest, "load"> {
	/** Energy of each quarter-hour from the first month's start, kWh, without gaps. */
	kwh: Float64Array;
	/** Share of on-peak energy that production could move within its day, %; default 10. */
	shiftPercent?: number;
	/** Counted quarter-hours of a month that load control could cut; default 8 (two hours). */
	shaveIntervals?: number;
}

/**
 * What would cut this load's bill, dearest first: energy moved out of the peak hours of its day, the highest
 * quarter-hours cut, a better power factor, another option or contract demand. Every saving is the difference of two
 * bills, so ratchet, floor and discounts are all in it; where a measure saves nothing it isn't named.
 *
 * @throws EnergyError those of billYear
 */
export function recommend(request: RecommendRequest): Recommendation[] {
	const { kwh, shiftPercent = 10, shaveIntervals = 8, registry, marginPercent, ...rest } = request;
	const year: YearRequest = { history: "typical-year", ...rest, load: { kwh } };
	const now = billYear(year);
	const scale = Exact.ratio(12, request.months ?? 12);
	const perYear = (then: YearRequest): number =>
		Exact.of(now.total)
			.minus(Exact.of(billYear(then).total))
			.times(scale)
			.rounded({ mode: "cut", step: 1 })
			.toNumber();
	const calendar = spanCalendar(year);
	const found: Recommendation[] = [];
	const add = (
		kind: Recommendation["kind"],
		savingPerYear: number,
		reason: Words,
		details: Recommendation["details"],
	): void => {
		if (savingPerYear > 0) found.push({ kind, savingPerYear, reason, details });
	};
	const shifted = shiftedLoad(kwh, calendar, shiftPercent);
	if (shifted.movedKwh > 0) {
		const movedKwh = Math.round(shifted.movedKwh);
		add(
			"shift",
			perYear({ ...year, load: { kwh: shifted.kwh } }),
			billWords("adviseShift", { percent: shiftPercent, movedKwh }),
			{ movedKwh, shiftPercent },
		);
	}
	const shaved = shavedLoad(kwh, calendar, request.tariff.terms.demand.length > 0 ? shaveIntervals : 0);
	if (shaved.toKw < shaved.fromKw) {
		const { fromKw, toKw } = shaved;
		add(
			"peak",
			perYear({ ...year, load: { kwh: shaved.kwh } }),
			billWords("advisePeak", { from: fromKw, to: toKw, count: shaveIntervals }),
			{ fromKw, toKw, intervalsPerMonth: shaveIntervals },
		);
	}
	const better = betterPowerFactor(year);
	if (better) {
		add(
			"power-factor",
			perYear({ ...year, powerFactor: better }),
			billWords("advisePowerFactor", { from: year.powerFactor?.laggingDay ?? "–", to: better.laggingDay ?? "–" }),
			{ ...better },
		);
	}
	for (const advice of adviseContract({
		...year,
		registry,
		...(marginPercent === undefined ? {} : { marginPercent }),
	})) {
		const saving = Exact.of(advice.savingPerYear).times(scale).rounded({ mode: "cut", step: 1 }).toNumber();
		add(advice.kind, saving, advice.reason, { from: advice.from, to: advice.to });
	}
	return found.sort((a, b) => b.savingPerYear - a.savingPerYear);
}

/** One calendar over all months of a request. */
function spanCalendar({
	tariff,
	firstMonth,
	months = 12,
	contract,
	holidays,
	version,
	series,
}: YearRequest): PriceCalendar {
	const first = parseMonth(firstMonth);
	const [from] = billingDays(first, contract.billingDay);
	const [, to] = billingDays(first + months - 1, contract.billingDay);
	return compilePrices(tariff, from, to, {
		holidays,
		...(version === undefined ? {} : { version }),
		...(contract.deferrals ? { deferrals: contract.deferrals } : {}),
		...(series ? { series } : {}),
	});
}

/** Visits the intervals [from, to) of each day that the load covers. */
function eachDay(calendar: PriceCalendar, length: number, visit: (from: number, to: number) => void): void {
	for (const [index, { start }] of calendar.days.entries()) {
		const end = calendar.days[index + 1]?.start ?? calendar.count;
		if (end <= length) visit(start, end);
	}
}

/** A share of each day's dearest energy spread over that day's cheapest quarter-hours. */
function shiftedLoad(
	kwh: Float64Array,
	calendar: PriceCalendar,
	percent: number,
): { kwh: Float64Array; movedKwh: number } {
	const moved = kwh.slice();
	let total = 0;
	const priceAt = (i: number): number => calendar.slots[calendar.slotOf[i] ?? 0]?.price ?? 0;
	eachDay(calendar, kwh.length, (from, to) => {
		let low = Number.POSITIVE_INFINITY;
		let high = Number.NEGATIVE_INFINITY;
		for (let i = from; i < to; i++) {
			low = Math.min(low, priceAt(i));
			high = Math.max(high, priceAt(i));
		}
		if (!(high > low)) return;
		let taken = 0;
		let cheap = 0;
		for (let i = from; i < to; i++) {
			if (priceAt(i) === low) cheap++;
			if (priceAt(i) !== high) continue;
			const part = ((kwh[i] ?? 0) * percent) / 100;
			moved[i] = (kwh[i] ?? 0) - part;
			taken += part;
		}
		for (let i = from; i < to; i++) if (priceAt(i) === low) moved[i] = (moved[i] ?? 0) + taken / cheap;
		total += taken;
	});
	return { kwh: moved, movedKwh: total };
}

/**
 * The load with every month's highest counted quarter-hours brought down to the next one; what was cut is made up for
 * in quarter-hours of the same day that don't count.
 */
function shavedLoad(
	kwh: Float64Array,
	calendar: PriceCalendar,
	count: number,
): { kwh: Float64Array; fromKw: number; toKw: number } {
	const charge = mainDemandCharge(calendar.tariff);
	const counts = charge && calendar.counts.get(charge.id);
	if (!counts || count === 0) return { kwh, fromKw: 0, toKw: 0 };
	const counted = [...kwh].filter((value, i) => counts[i] === 1 && value > 0).sort((a, b) => b - a);
	const months = Math.max(1, Math.round(calendar.days.length / 30.4));
	const limit = counted[Math.min(counted.length - 1, count * months)] ?? 0;
	const shaved = kwh.slice();
	eachDay(calendar, kwh.length, (from, to) => {
		let cut = 0;
		let free = 0;
		for (let i = from; i < to; i++) {
			if (counts[i] !== 1) free++;
			else if ((kwh[i] ?? 0) > limit) {
				cut += (kwh[i] ?? 0) - limit;
				shaved[i] = limit;
			}
		}
		if (cut === 0 || free === 0) return;
		for (let i = from; i < to; i++) if (counts[i] !== 1) shaved[i] = (shaved[i] ?? 0) + cut / free;
	});
	// To the tenth, as people speak of a demand; the saving is that of the load itself.
	const kw = (value: number): number => Math.round(value * 40) / 10;
	return { kwh: shaved, fromKw: kw(counted[0] ?? 0), toKw: kw(limit) };
}

/** The power factors that earn the whole rebate, where the present ones don't. */
function betterPowerFactor({ tariff, powerFactor }: YearRequest): PowerFactor | undefined {
	const rule = tariff.terms.powerFactor?.at(-1);
	if (!rule || powerFactor?.laggingDay === undefined) return undefined;
	const laggingDay = rule.lagging.clipPercent[1];
	const leadingNight = Math.max(powerFactor.leadingNight ?? 100, rule.leading.standardPercent);
	return powerFactor.laggingDay >= laggingDay && leadingNight === (powerFactor.leadingNight ?? 100)
		? undefined
		: { laggingDay, leadingNight };
}
