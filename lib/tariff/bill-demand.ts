import { isoOf, type MonthNumber, monthOfYear, monthText, parseMonth } from "../calendar/civil.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { BillContext, Piece } from "./bill.ts";
import { type BillLine, billLine, billWords } from "./bill-line.ts";
import type { DemandCharge, PowerFactorRule, PowerFactorSide, Rate } from "./book.ts";
import { UNITS_PER_KW } from "./load.ts";
import { Exact } from "./money.ts";
import { type BillingDemand, billingDemand, countedMonths, type Peak } from "./ratchet.ts";
import { mainDemandCharge } from "./registry.ts";

/** Monthly power factors as the meter gives them, in percent. */
export interface PowerFactor {
	/** Lagging, by day. */
	laggingDay?: number;
	/** Leading, by night. */
	leadingNight?: number;
}

/** How many notices the customer has had before this month: the first surcharge of a kind is only a notice. */
export interface PriorNotices {
	overContract: number;
	powerFactor: number;
}

/**
 * Notices that a customer has had of demand above the contract: the earlier months whose peak exceeded it.
 *
 * @param peaksKw largest counted demand by month, `{"2026-01": 132}`
 * @param contractKwIn contract demand that a month had
 */
export function noticesBefore(
	peaksKw: Readonly<Record<string, number>>,
	contractKwIn: (month: MonthNumber) => number,
	month: MonthNumber,
): PriorNotices {
	const exceeded = Object.entries(peaksKw).filter(
		([text, kw]) => text < monthText(month) && kw > contractKwIn(parseMonth(text)),
	);
	return { overContract: exceeded.length, powerFactor: 0 };
}

export interface DemandResult {
	/** Demand charges. */
	charges: BillLine[];
	/** Over-contract surcharge and power factor. */
	surcharges: BillLine[];
	billing: BillingDemand;
	/** The month's own, of the main charge, and of each charge by id. */
	peak: { peakKw: number; peakAtMs?: number; peaksKw: Record<string, number> };
}

/** Days that share a demand rate and a billing demand. */
interface DemandSpan {
	days: number;
	kw: Exact;
	rate: Rate;
	contractKw: number;
	piece: Piece;
}

/** Demand charges, over-contract surcharge and power factor of a bill. */
export function demandLines(context: BillContext): DemandResult {
	const { pieces } = context;
	const last = pieces[pieces.length - 1];
	const result: DemandResult = {
		charges: [],
		surcharges: [],
		billing: { kw: Exact.zero, setBy: "month" },
		peak: { peakKw: 0, peaksKw: {} },
	};
	if (!last) return result;
	const charges = last.tariff.terms.demand;
	const month = monthOfYear(context.monthNumber);
	const main = mainDemandCharge(last.tariff, month);
	for (const charge of charges) {
		const peak = monthPeak(context, charge);
		result.peak.peaksKw[charge.id] = peak.kw;
		if (charge.months && !charge.months.includes(month)) continue;
		const billings = pieces.map(({ contractKw }) => roundedDemand(context, charge, peak, contractKw));
		if (charge === main) {
			result.billing = billings[billings.length - 1] ?? result.billing;
			Object.assign(result.peak, { peakKw: peak.kw }, peak.atMs === undefined ? {} : { peakAtMs: peak.atMs });
			warnOfHistory(context, charge);
		}
		for (const span of spansOf(context, charge, billings)) result.charges.push(...chargeLines(context, charge, span));
	}
	if (main) {
		result.surcharges.push(...overContractLines(context, main));
		const base = Exact.sum(result.charges.map(({ amount }) => Exact.of(amount)));
		result.surcharges.push(...powerFactorLines(context, base));
	}
	return result;
}

function roundedDemand(context: BillContext, charge: DemandCharge, peak: Peak, contractKw: number): BillingDemand {
	const billing = billingDemand(charge, context.monthNumber, peak, context.history ?? new Map(), contractKw);
	const rounding = context.tariff.terms.rounding.demandKw;
	return rounding ? { ...billing, kw: billing.kw.rounded(rounding) } : billing;
}

/** Largest demand of the month that a charge counts; a peak given for the month itself counts, too. */
function monthPeak(context: BillContext, charge: DemandCharge): Peak {
	const measured = context.pieces.map((piece) => piecePeak(context, piece, charge));
	const given = context.history?.get(context.monthNumber);
	return [...measured, ...(given ? [given] : [])].reduce((a, b) => (b.kw > a.kw ? b : a));
}

function piecePeak({ loaded, systemPeaks }: BillContext, { calendar, from, to }: Piece, charge: DemandCharge): Peak {
	const counts = calendar.counts.get(charge.id);
	if (!counts) return { kw: 0 };
	const { units } = loaded;
	let best = -1;
	let most = 0;
	if (charge.coincident && systemPeaks) {
		for (const atMs of systemPeaks) {
			const i = Math.floor((atMs - calendar.startMs) / QUARTER_HOUR_MS);
			if (i >= from && i < to && (units[i] ?? 0) > most) {
				most = units[i] ?? 0;
				best = i;
			}
		}
	} else if ((charge.windowMinutes ?? 15) > 15) {
		const quarters = (charge.windowMinutes ?? 15) / 15;
		// Windows are those of the clock, counted from midnight; a part of the month ends on a whole one.
		for (let i = Math.ceil(from / quarters) * quarters; i < to; i += quarters) {
			const mean = meanOf(units, i, Math.min(to, i + quarters), quarters);
			if (mean > most && counts[i] === 1) {
				most = mean;
				best = i;
			}
		}
	} else {
		for (let i = from; i < to; i++) {
			if ((units[i] as number) > most && counts[i] === 1) {
				most = units[i] as number;
				best = i;
			}
		}
	}
	return best < 0 ? { kw: 0 } : { kw: most / UNITS_PER_KW, atMs: calendar.startMs + best * QUARTER_HOUR_MS };
}

function meanOf(values: Float64Array, from: number, to: number, count: number): number {
	let sum = 0;
	for (let i = from; i < to; i++) sum += values[i] as number;
	return sum / count;
}

/** A bill without its past may be too low: said where the ratchet looks at months that nobody gave. */
function warnOfHistory({ monthNumber, history, warn }: BillContext, charge: DemandCharge): void {
	const missing = countedMonths(charge, monthNumber).filter((month) => !history?.has(month));
	if (missing.length > 0) warn("tariff.history-missing", { months: missing.map(monthText).join(", ") });
}

/** The month in spans of one demand rate and billing demand; neighbours that don't differ are one. */
function spansOf(context: BillContext, charge: DemandCharge, billings: readonly BillingDemand[]): DemandSpan[] {
	const spans: DemandSpan[] = [];
	for (const [index, piece] of context.pieces.entries()) {
		const counts = piece.calendar.counts.get(charge.id);
		if (!counts) continue;
		const kw = billings[index]?.kw ?? Exact.zero;
		for (const day of piece.days) {
			const rate = day.version.rates.demand?.[charge.id] ?? 0;
			const before = spans[spans.length - 1];
			if (before?.kw.equals(kw) && JSON.stringify(before.rate) === JSON.stringify(rate)) before.days++;
			else spans.push({ days: 1, kw, rate, contractKw: piece.contractKw, piece });
		}
	}
	return spans;
}

function chargeLines(context: BillContext, charge: DemandCharge, span: DemandSpan): BillLine[] {
	const { usualDays } = context;
	const { terms } = span.piece.tariff;
	// A charge that only some months know leaves no line in the others.
	if (span.kw.sign === 0 && (charge.months || charge.bands) && !charge.floor) return [];
	const share = Exact.ratio(span.days, usualDays);
	const whole = span.days === usualDays;
	const name = whole ? charge.name : billWords("share", { line: charge.name, days: span.days, total: usualDays });
	const common = { id: charge.id, unit: "kW", ...(whole ? {} : { days: { days: span.days, of: usualDays } }) };
	return slicesOf(span.rate, span.kw).map(({ kw, rate, tier }) =>
		billLine(terms, {
			...common,
			label: tier ? billWords("tier", { line: name, tier }) : name,
			...(tier ? { tier } : {}),
			quantity: kw,
			rate,
			exact: kw.times(rate).times(share),
		}),
	);
}

function slicesOf(rate: Rate, kw: Exact): { kw: Exact; rate: Exact; tier?: number }[] {
	if (typeof rate === "number") return [{ kw, rate: Exact.of(rate) }];
	const slices: { kw: Exact; rate: Exact; tier: number }[] = [];
	let before = Exact.zero;
	for (const [index, tier] of rate.tiers.entries()) {
		const end = tier.upTo === undefined ? kw : Exact.min(kw, Exact.of(tier.upTo));
		const slice = end.minus(before);
		if (slice.sign > 0) slices.push({ kw: slice, rate: Exact.of(tier.rate), tier: index + 1 });
		before = Exact.max(before, end);
	}
	return slices;
}

/** Surcharge on demand above the contract, by the parts of the month; the first time is a notice. */
function overContractLines(context: BillContext, charge: DemandCharge): BillLine[] {
	const rule = context.tariff.terms.overContract;
	if (!rule) return [];
	return context.pieces.flatMap((piece) => {
		const peak = Exact.of(piecePeak(context, piece, charge).kw);
		const contract = Exact.of(piece.contractKw);
		const excess = peak.minus(contract);
		if (excess.sign <= 0) return [];
		if ((context.priorNotices?.overContract ?? 0) < rule.noticeMonths) {
			context.warn("tariff.notice-over-contract", { peakKw: peak.toNumber(), contractKw: piece.contractKw });
			return [];
		}
		const rate = Exact.of(demandRateNumber(piece.days[0]?.version.rates.demand?.[charge.id] ?? 0));
		const share = Exact.ratio(piece.days.length, context.usualDays);
		return excessSlices(rule.tiers, rule.mode, excess, contract).map(({ kw, percent }) =>
			billLine(piece.tariff.terms, {
				id: "over-contract",
				label: billWords("overContract", { percent }),
				quantity: kw,
				unit: "kW",
				rate: rate.times(Exact.ratio(percent, 100)),
				exact: kw.times(rate).times(Exact.ratio(percent, 100)).times(share),
				...(piece.days.length === context.usualDays
					? {}
					: { days: { days: piece.days.length, of: context.usualDays } }),
			}),
		);
	});
}

const demandRateNumber = (rate: Rate): number =>
	typeof rate === "number" ? rate : (rate.tiers[rate.tiers.length - 1]?.rate ?? 0);

/** The excess with the percentage it pays: whole at the tier it reaches, or slice by slice. */
export function excessSlices(
	tiers: readonly { belowPercent?: number; percent: number }[],
	mode: "whole" | "slices",
	excess: Exact,
	contract: Exact,
): { kw: Exact; percent: number }[] {
	const endOf = (belowPercent: number): Exact => contract.times(Exact.ratio(belowPercent, 100));
	if (mode === "whole") {
		const tier = tiers.find(({ belowPercent }) => belowPercent === undefined || endOf(belowPercent).exceeds(excess));
		return [{ kw: excess, percent: (tier ?? tiers[tiers.length - 1])?.percent ?? 0 }];
	}
	let before = Exact.zero;
	return tiers.flatMap(({ belowPercent, percent }) => {
		const end = belowPercent === undefined ? excess : Exact.min(excess, endOf(belowPercent));
		const kw = end.minus(before);
		before = Exact.max(before, end);
		return kw.sign > 0 ? [{ kw, percent }] : [];
	});
}

/** Power factor lines; each is a share of the demand charge. */
function powerFactorLines(context: BillContext, demandCharge: Exact): BillLine[] {
	const rule = powerFactorRule(context);
	const { powerFactor } = context;
	if (!rule || !powerFactor) return [];
	const side = (key: "lagging" | "leading", percent: number | undefined): BillLine[] => {
		if (percent === undefined) return [];
		const points = pointsOf(rule[key], Exact.of(percent), rule);
		if (points.sign > 0 && (context.priorNotices?.powerFactor ?? 0) < rule.noticeMonths) {
			context.warn("tariff.notice-power-factor", { powerFactor: percent, standard: rule[key].standardPercent });
			return [];
		}
		const quantity = points.times(Exact.of(rule[key].percentPerPoint));
		return [
			billLine(context.tariff.terms, {
				id: "power-factor",
				label: billWords(points.sign < 0 ? "laggingRebate" : `${key}Surcharge`, { powerFactor: percent }),
				quantity,
				unit: "%",
				rate: demandCharge.over(Exact.of(100)),
			}),
		];
	};
	return [...side("lagging", powerFactor.laggingDay), ...side("leading", powerFactor.leadingNight)];
}

/** The rule in force on the first day of the billing month, whatever version prices it. */
function powerFactorRule({ tariff, firstDay }: BillContext): PowerFactorRule | undefined {
	const day = isoOf(firstDay);
	return (tariff.terms.powerFactor ?? []).filter(({ from }) => from <= day).at(-1);
}

/** Points below the standard (positive: surcharge) or above it (negative: rebate, where there is one). */
function pointsOf(side: PowerFactorSide, percent: Exact, rule: PowerFactorRule): Exact {
	const [low, high] = side.clipPercent;
	const clipped = Exact.min(Exact.max(percent, Exact.of(low)), Exact.of(high));
	const compared = rule.rounding ? clipped.rounded(rule.rounding) : clipped;
	const points = Exact.of(side.standardPercent).minus(compared);
	return points.sign < 0 && !side.rebate ? Exact.zero : points;
}
