import { type MonthNumber, monthText } from "../calendar/civil.ts";
import type { HolidayCalendar } from "../calendar/holidays.ts";
import { clockOf, type ZoneClock } from "../calendar/zone-clock.ts";
import { EnergyError } from "../errors.ts";
import type { BillingDays } from "../tariff/billing-days.ts";
import type { ContractHistory, TariffSpan } from "../tariff/contract-history.ts";
import { Pricer } from "../tariff/pricer.ts";
import type { Peak } from "../tariff/ratchet.ts";
import { mainDemandCharge, type Tariff } from "../tariff/registry.ts";
import type { PriceSeries } from "../tariff/series.ts";
import type { PeakPrice } from "./types.ts";

export interface PeakContract {
	tariff: Tariff;
	holidays: HolidayCalendar;
	contractKw: number;
	/** First day of a billing month; default 1. */
	billingDay?: BillingDays;
	/** The tariffs of the contract by the day, where it changed. */
	tariffs?: readonly TariffSpan[] | undefined;
	/** The contract by the day, where it changes: its contract demand stands above `contractKw`. */
	history?: Pick<ContractHistory, "on">;
	deferrals?: Readonly<Record<string, string>>;
	/** Dynamic prices, for a tariff that has no energy rates of its own. */
	series?: PriceSeries | undefined;
	/**
	 * Notices of demand above the contract before this month. The default counts one as given: the first excess is free
	 * of charge where none was, but the next is not, and control that waits for it comes too late.
	 */
	overContractNotices?: number;
}

/**
 * What a demand costs under a contract, through the billing demand projected over this and the next eleven months, and
 * the surcharge above the contract demand. Knows the peaks of past months; the running month's grows by `note`.
 * VAT and funds are left out, as in the rates.
 */
export class TariffPricer {
	private readonly contract: PeakContract;
	private readonly pricer: Pricer;
	private readonly clock: ZoneClock;
	private readonly peaks: Map<MonthNumber, Peak>;
	/** Prices of one quarter-hour, by whole kW: the projection takes a tenth of a millisecond. */
	private readonly known = new Map<number, PeakPrice>();
	private knownAtMs = Number.NaN;

	/**
	 * @param peaks largest counted demand of past months, and of this one so far
	 * @throws EnergyError `demand.no-demand-charge` where the tariff has none
	 */
	constructor(contract: PeakContract, peaks: ReadonlyMap<MonthNumber, Peak>) {
		if (!mainDemandCharge(contract.tariff)) {
			throw new EnergyError("demand.no-demand-charge", { tariff: contract.tariff.id });
		}
		this.contract = contract;
		this.clock = clockOf(contract.tariff.book.timeZone);
		const { series, tariffs, tariff, holidays, deferrals } = contract;
		const terms = { tariff, holidays, ...(deferrals ? { deferrals } : {}) };
		this.pricer = new Pricer({ ...terms, ...(series ? { series } : {}), ...(tariffs ? { tariffs } : {}) });
		this.peaks = new Map(peaks);
	}

	/** A closed quarter-hour: where it counts and is the month's highest, it is the incumbent from now on. */
	note(kw: number, atMs: number): void {
		if (!this.pricer.countsForDemand(atMs)) return;
		const month = this.pricer.monthAt(atMs, this.contract.billingDay);
		if (kw <= (this.peaks.get(month)?.kw ?? 0)) return;
		this.peaks.set(month, { kw, atMs });
		this.known.clear();
	}

	/** Peaks as they are known now, from another source (the store): the larger of each month stands. */
	learn(peaks: ReadonlyMap<MonthNumber, Peak>): void {
		for (const [month, peak] of peaks) if (peak.kw > (this.peaks.get(month)?.kw ?? 0)) this.peaks.set(month, peak);
		this.known.clear();
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
		const { billingDay, history, overContractNotices = 1 } = this.contract;
		const contractKw = history?.on(this.clock.dayAt(atMs)).contractKw ?? this.contract.contractKw;
		const situation = {
			...{ contractKw, history: this.peaks, overContractNotices },
			...(billingDay === undefined ? {} : { billingDay }),
		};
		const { amount, months, surcharge, freeUpToKw, countsForDemand } = this.pricer.demandPrice(atMs, kw, situation);
		const nothing = { krw: 0, krwPerMonth: 0, until: null, incumbentKw: freeUpToKw };
		if (!countsForDemand) return { ...nothing, reason: "not-counted" };
		const krw = amount.toNumber();
		if (krw <= 0) return { ...nothing, reason: "covered" };
		const lasting = amount.minus(surcharge).toNumber();
		const krwPerMonth = months.length > 0 ? lasting / months.length : krw;
		const until = months.at(-1)?.month ?? monthText(this.pricer.monthAt(atMs, billingDay));
		return { krw, krwPerMonth, until, incumbentKw: freeUpToKw, reason: "raises" };
	}
}
