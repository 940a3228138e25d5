import { type DayNumber, dayOfMonth, type MonthNumber, monthOfDay, monthText } from "../calendar/civil.ts";
import type { HolidayCalendar } from "../calendar/holidays.ts";
import { clockOf, type ZoneClock } from "../calendar/zone-clock.ts";
import { EnergyError } from "../errors.ts";
import { excessSlices } from "../tariff/bill-demand.ts";
import type { DemandCharge, Rate } from "../tariff/book.ts";
import { Exact } from "../tariff/money.ts";
import { compilePrices, indexAt, type PriceCalendar } from "../tariff/price-calendar.ts";
import { demandCost, type Peak, type ProjectionInput } from "../tariff/ratchet.ts";
import { mainDemandCharge, type Tariff, versionChooser } from "../tariff/registry.ts";
import type { PeakPrice } from "./types.ts";

export interface PeakContract {
	tariff: Tariff;
	holidays: HolidayCalendar;
	contractKw: number;
	/** First day of a billing month, 1…28; default 1. */
	billingDay?: number;
	deferrals?: Readonly<Record<string, string>>;
}

/** Quarter-hours priced ahead: two days, so that the one after the last of a day is known. */
const DAYS = 2;

/**
 * What a demand costs under a contract, through the billing demand projected over this and the next eleven months, and
 * the surcharge above the contract demand. Knows the peaks of past months; the running month's grows by `note`.
 * VAT and funds are left out, as in the rates.
 */
export class TariffPricer {
	private readonly contract: PeakContract;
	private readonly charge: DemandCharge;
	private readonly clock: ZoneClock;
	private readonly peaks: Map<MonthNumber, Peak>;
	private readonly versionOf: ReturnType<typeof versionChooser>;
	private calendar: PriceCalendar | undefined;
	/** Prices of one quarter-hour, by whole kW. */
	private readonly known = new Map<number, PeakPrice>();
	private knownAtMs = Number.NaN;

	/**
	 * @param peaks largest counted demand of past months, and of this one so far
	 * @throws EnergyError `demand.no-demand-charge` where the tariff has none
	 */
	constructor(contract: PeakContract, peaks: ReadonlyMap<MonthNumber, Peak>) {
		const charge = mainDemandCharge(contract.tariff);
		if (!charge) throw new EnergyError("demand.no-demand-charge", { tariff: contract.tariff.id });
		this.contract = contract;
		this.charge = charge;
		this.clock = clockOf(contract.tariff.book.timeZone);
		this.peaks = new Map(peaks);
		this.versionOf = versionChooser(contract.tariff, contract);
	}

	/** A closed quarter-hour: where it counts and is the month's highest, it is the incumbent from now on. */
	note(kw: number, atMs: number): void {
		if (!this.counts(atMs)) return;
		const month = this.monthAt(atMs);
		if (kw <= (this.peaks.get(month)?.kw ?? 0)) return;
		this.peaks.set(month, { kw, atMs });
		this.known.clear();
	}

	/** Peaks as they are known now, from another source (the store): the larger of each month stands. */
	learn(peaks: ReadonlyMap<MonthNumber, Peak>): void {
		for (const [month, peak] of peaks) if (peak.kw > (this.peaks.get(month)?.kw ?? 0)) this.peaks.set(month, peak);
		this.known.clear();
	}

	/** Whether the demand of the quarter-hour counts for the charge. */
	counts(atMs: number): boolean {
		let calendar = this.calendar;
		if (!calendar || indexAt(calendar, atMs) < 0) {
			const day = this.clock.dayAt(atMs);
			calendar = compilePrices(this.contract.tariff, day, day + DAYS, this.contract);
			this.calendar = calendar;
		}
		return calendar.counts.get(this.charge.id)?.[indexAt(calendar, atMs)] === 1;
	}

	/** The price as demand control asks for it: see `PeakPricer`. */
	readonly price = (kw: number, atMs: number): PeakPrice => {
		if (this.knownAtMs !== atMs) {
			this.known.clear();
			this.knownAtMs = atMs;
		}
		const known = this.known.get(kw);
		if (known) return known;
		const price = this.priced(kw, atMs);
		this.known.set(kw, price);
		return price;
	};

	private priced(kw: number, atMs: number): PeakPrice {
		const { contractKw } = this.contract;
		const month = this.monthAt(atMs);
		const input: ProjectionInput = {
			charge: this.charge,
			contractKw,
			month,
			history: this.peaks,
			rateOf: (at) => this.rateOf(at),
		};
		const cost = demandCost(input, kw);
		const surcharge = this.surcharge(kw, month);
		const overAt = this.contract.tariff.terms.overContract
			? Math.max(contractKw, this.peaks.get(month)?.kw ?? 0)
			: Number.POSITIVE_INFINITY;
		const incumbentKw = Math.min(cost.freeUpToKw, overAt);
		if (!this.counts(atMs)) return { krw: 0, krwPerMonth: 0, until: null, incumbentKw, reason: "not-counted" };
		const krw = cost.amount.plus(surcharge).toNumber();
		if (krw <= 0) return { krw: 0, krwPerMonth: 0, until: null, incumbentKw, reason: "covered" };
		const { months } = cost;
		const monthly = months.length > 0 ? cost.amount.toNumber() / months.length : krw;
		const until = months.at(-1)?.month ?? monthText(month);
		return { krw, krwPerMonth: monthly, until, incumbentKw, reason: "raises" };
	}

	/** What the demand adds to this month's surcharge above the contract demand. */
	private surcharge(kw: number, month: MonthNumber): Exact {
		const rule = this.contract.tariff.terms.overContract;
		if (!rule) return Exact.zero;
		const contract = Exact.of(this.contract.contractKw);
		const rate = this.rateOf(month);
		const of = (demandKw: number): Exact => {
			const excess = Exact.of(demandKw).minus(contract);
			if (excess.sign <= 0) return Exact.zero;
			const slices = excessSlices(rule.tiers, rule.mode, excess, contract);
			return Exact.sum(slices.map((slice) => slice.kw.times(rate).times(Exact.ratio(slice.percent, 100))));
		};
		const already = this.peaks.get(month)?.kw ?? 0;
		return kw > already ? of(kw).minus(of(already)) : Exact.zero;
	}

	private rateOf(month: MonthNumber): Exact {
		const day = dayOfMonth(month, this.contract.billingDay);
		const rate = this.versionOf(day).rates.demand?.[this.charge.id] ?? 0;
		return Exact.of(lastRate(rate));
	}

	/** Billing month of an instant. */
	monthAt(atMs: number): MonthNumber {
		return billingMonthOf(this.clock.dayAt(atMs), this.contract.billingDay);
	}
}

/** The month that a day is billed in. */
export function billingMonthOf(day: DayNumber, billingDay = 1): MonthNumber {
	const month = monthOfDay(day);
	return day >= dayOfMonth(month, billingDay) ? month : month - 1;
}

/** Of a tiered price the highest step: a kW more is paid at that. */
const lastRate = (rate: Rate): number => (typeof rate === "number" ? rate : (rate.tiers.at(-1)?.rate ?? 0));
