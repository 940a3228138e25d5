import { civilOf, type DayNumber, dayNumberOf, dayOfMonth, type MonthNumber, monthOfDay } from "../calendar/civil.ts";
import type { HolidayCalendar } from "../calendar/holidays.ts";
import { clockOf, type ZoneClock } from "../calendar/zone-clock.ts";
import { EnergyError } from "../errors.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import { excessSlices } from "./bill-demand.ts";
import { additionOn } from "./bill-levies.ts";
import { type BillingDays, billingMonthOf, firstDayOf } from "./billing-days.ts";
import type { TariffSpan } from "./contract-history.ts";
import { Exact } from "./money.ts";
import {
	beginOf,
	compilePrices,
	contractChooser,
	firstRate,
	indexAt,
	type PriceCalendar,
	type Slot,
} from "./price-calendar.ts";
import { type DemandCost, demandCost, type PeakHistory } from "./ratchet.ts";
import { mainDemandCharge, type Tariff } from "./registry.ts";
import type { PriceSeries } from "./series.ts";

export interface PricerOptions {
	tariff: Tariff;
	holidays: HolidayCalendar;
	version?: string;
	deferrals?: Readonly<Record<string, string>>;
	series?: PriceSeries;
	/** The tariffs of a contract by the day, where it changed; `tariff` is the one in force now. */
	tariffs?: readonly TariffSpan[];
	/** Per kWh, where the customer knows it better than the data. */
	fuelAdjustment?: number;
}

/** The price of a moment, per kWh in the tariff's currency, before levies unless it says so. */
export interface PriceAt {
	/** Energy rate after a discount. */
	energy: number;
	/** Climate charge, fuel adjustment and the like. */
	additions: number;
	/** What one more kWh adds to the bill before levies. */
	marginal: number;
	/** The same with taxes and funds. */
	marginalWithLevies: number;
	band: string;
	season: string;
	version: string;
	discount?: string;
	/** Whether the demand of this quarter-hour counts for the demand charge. */
	countsForDemand: boolean;
	/** When band or price change next, and to what; absent if they don't within a week. */
	next?: { atMs: number; band: string; energy: number };
}

/** Prices of consecutive quarter-hours. */
export interface Horizon {
	startMs: number;
	/** Energy rate after discounts, per kWh; NaN where a dynamic price isn't known. */
	energy: Float64Array;
	/** Index into `bandIds`. */
	bands: Uint8Array;
	bandIds: readonly string[];
	/** 1 where the quarter-hour's demand counts. */
	countsForDemand: Uint8Array;
}

/** What is known of the demand of a contract at a moment. */
export interface DemandSituation {
	contractKw: number;
	/** Peaks of the past months and, if it has one, of this month so far. */
	history: PeakHistory;
	/** Peaks that are expected anyway; see {@link demandCost}. */
	expected?: PeakHistory;
	billingDay?: BillingDays;
	/** Notices of over-contract demand before this month. */
	overContractNotices?: number;
}

/** What a quarter-hour's demand costs. */
export interface DemandPrice extends DemandCost {
	countsForDemand: boolean;
	/** Over-contract surcharge of this month, in `amount` too. */
	surcharge: Exact;
}

const longestHorizon = 366 * 96 + 4;

/**
 * Prices of one tariff, compiled year by year as they are asked for: a lookup is a subtraction and an index.
 * Keeps no state but compiled calendars, and may be shared.
 */
export class Pricer {
	readonly tariff: Tariff;
	readonly #options: PricerOptions;
	readonly #clock: ZoneClock;
	readonly #years = new Map<number, PriceCalendar>();
	readonly #firstDay: DayNumber;
	/** Of all tariffs of the contract: usually those of one book. */
	readonly #bandIds: readonly string[];
	#current: PriceCalendar | undefined;

	/** @throws EnergyError `tariff.unknown-version`, `tariff.deferral` */
	constructor(options: PricerOptions) {
		this.tariff = options.tariff;
		this.#options = options;
		this.#clock = clockOf(options.tariff.book.timeZone);
		const books = [options.tariff, ...(options.tariffs ?? []).map(({ tariff }) => tariff)].map(({ book }) => book);
		this.#bandIds = [...new Set(books.flatMap(({ bands }) => bands.map(({ id }) => id)))];
		contractChooser(options.tariff, options);
		this.#firstDay = options.version ? Number.NEGATIVE_INFINITY : beginOf(options.tariff, options);
	}

	/** The calendar that an instant lies in. @throws EnergyError `tariff.no-version`, `calendar.year` */
	calendarAt(epochMs: number): PriceCalendar {
		const current = this.#current;
		if (current && epochMs >= current.startMs && epochMs < current.endMs) return current;
		const day = this.#clock.dayAt(epochMs);
		const { year } = civilOf(day);
		let calendar = this.#years.get(year);
		if (!calendar || indexAt(calendar, epochMs) < 0) {
			const first = dayNumberOf(year, 1, 1);
			// A tariff that begins within the year is compiled from its first day on; before it, compiling says so.
			const from = day < this.#firstDay ? day : Math.max(first, this.#firstDay);
			calendar = compilePrices(this.tariff, from, dayNumberOf(year + 1, 1, 1), this.#options);
			this.#years.set(year, calendar);
		}
		this.#current = calendar;
		return calendar;
	}

	#slotAt(epochMs: number): Slot {
		const calendar = this.calendarAt(epochMs);
		return calendar.slots[calendar.slotOf[indexAt(calendar, epochMs)] ?? 0] as Slot;
	}

	/** Energy rate of an instant after discounts, per kWh; NaN where a dynamic price isn't known. */
	energyPrice(epochMs: number): number {
		return this.#slotAt(epochMs).price;
	}

	/** Band that energy is charged by at an instant. */
	band(epochMs: number): string {
		return this.#slotAt(epochMs).band;
	}

	/** Whether the demand of the quarter-hour counts for the main demand charge. */
	countsForDemand(epochMs: number): boolean {
		const calendar = this.calendarAt(epochMs);
		const charge = mainDemandCharge(this.tariff, civilOf(this.#clock.dayAt(epochMs)).month);
		return charge !== undefined && calendar.counts.get(charge.id)?.[indexAt(calendar, epochMs)] === 1;
	}

	/** Everything about the price of an instant. */
	at(epochMs: number): PriceAt {
		const slot = this.#slotAt(epochMs);
		const day = this.#clock.dayAt(epochMs);
		const additions = this.#additions(day);
		const marginal = Exact.of(Number.isNaN(slot.price) ? 0 : slot.price).plus(additions);
		const next = this.#nextChange(epochMs);
		return {
			energy: slot.price,
			additions: additions.toNumber(),
			marginal: marginal.toNumber(),
			marginalWithLevies: marginal.times(this.levyFactor(day)).toNumber(),
			band: slot.band,
			season: slot.season,
			version: slot.version,
			...(slot.discount ? { discount: slot.discount.id } : {}),
			countsForDemand: this.countsForDemand(epochMs),
			...(next ? { next } : {}),
		};
	}

	/** The tariff of the contract on a day. */
	#tariffOn(day: DayNumber): Tariff {
		return this.#options.tariffs?.findLast(({ fromDay }) => fromDay <= day)?.tariff ?? this.tariff;
	}

	#additions(day: DayNumber): Exact {
		const figures = (this.#tariffOn(day).terms.additions ?? []).map((addition) => {
			const given = addition.input === "fuelAdjustment" ? this.#options.fuelAdjustment : undefined;
			return Exact.of(given ?? additionOn(addition, day) ?? 0);
		});
		return Exact.sum(figures);
	}

	/** 1 plus all taxes and funds of a day. */
	levyFactor(day: DayNumber): Exact {
		const month = dayOfMonth(monthOfDay(day));
		const date = this.#clock.isoAt(this.#clock.startOfDay(month)).slice(0, 10);
		const percents = (this.#tariffOn(day).terms.levies ?? []).map(
			({ percent }) => percent.filter(({ from }) => from <= date).at(-1)?.percent ?? 0,
		);
		return Exact.of(1).plus(Exact.sum(percents.map((percent) => Exact.ratio(percent, 100))));
	}

	/** First quarter-hour after an instant with another band or price, within a week. */
	#nextChange(epochMs: number): PriceAt["next"] {
		const { band, price } = this.#slotAt(epochMs);
		let atMs = Math.floor(epochMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
		for (let step = 0; step < 7 * 96; step++) {
			atMs += QUARTER_HOUR_MS;
			const slot = this.#slotAt(atMs);
			if (slot.band !== band || !Object.is(slot.price, price)) return { atMs, band: slot.band, energy: slot.price };
		}
		return undefined;
	}

	/**
	 * Prices of `count` quarter-hours from the one that holds an instant.
	 * @param count 96 for a day, 35,040 for a year
	 * @throws EnergyError `tariff.horizon`
	 */
	horizon(fromMs: number, count: number): Horizon {
		if (!Number.isInteger(count) || count < 1 || count > longestHorizon) {
			throw new EnergyError("tariff.horizon", { value: count, max: longestHorizon });
		}
		const startMs = Math.floor(fromMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
		const bandIds = this.#bandIds;
		const energy = new Float64Array(count);
		const bands = new Uint8Array(count);
		const countsForDemand = new Uint8Array(count);
		// One charge for the whole horizon unless the tariff has one for each season.
		const charge = mainDemandCharge(this.tariff);
		let done = 0;
		while (done < count) {
			const calendar = this.calendarAt(startMs + done * QUARTER_HOUR_MS);
			const offset = indexAt(calendar, startMs + done * QUARTER_HOUR_MS);
			const length = Math.min(count - done, calendar.count - offset);
			const bandOf = calendar.slots.map(({ band }) => bandIds.indexOf(band));
			const counts = charge && calendar.counts.get(charge.id);
			for (let i = 0; i < length; i++) {
				const slot = calendar.slotOf[offset + i] as number;
				energy[done + i] = (calendar.slots[slot] as Slot).price;
				bands[done + i] = bandOf[slot] as number;
				countsForDemand[done + i] = counts?.[offset + i] ?? 0;
			}
			done += length;
		}
		return { startMs, energy, bands, bandIds, countsForDemand };
	}

	/**
	 * Energy cost of a load, exactly, before additions and levies.
	 *
	 * @param fromMs start of the first quarter-hour
	 * @param kwh energy of each quarter-hour, none negative
	 * @throws EnergyError `tariff.price-missing` where there is load but no dynamic price
	 */
	costOfIntervals(fromMs: number, kwh: ArrayLike<number>): Exact {
		const byPrice = new Map<number, number>();
		for (let i = 0; i < kwh.length; i++) {
			const energy = kwh[i] ?? 0;
			if (energy === 0) continue;
			const atMs = fromMs + i * QUARTER_HOUR_MS;
			const price = this.energyPrice(atMs);
			if (Number.isNaN(price)) throw new EnergyError("tariff.price-missing", { from: this.#clock.isoAt(atMs) });
			byPrice.set(price, (byPrice.get(price) ?? 0) + Math.round(energy * 1e6));
		}
		const parts = [...byPrice].map(([price, micro]) => Exact.of(BigInt(micro)).times(Exact.of(price)));
		return Exact.sum(parts).over(Exact.of(1_000_000));
	}

	/**
	 * Energy cost of a power profile, exactly: steps of constant power of any length, cut at the quarter-hours.
	 *
	 * @param steps in order, kW
	 */
	costOfProfile(steps: readonly { fromMs: number; toMs: number; powerKw: number }[]): Exact {
		let cost = Exact.zero;
		for (const { fromMs, toMs, powerKw } of steps) {
			let at = fromMs;
			while (at < toMs) {
				const end = Math.min(toMs, (Math.floor(at / QUARTER_HOUR_MS) + 1) * QUARTER_HOUR_MS);
				const price = this.energyPrice(at);
				if (Number.isNaN(price)) throw new EnergyError("tariff.price-missing", { from: this.#clock.isoAt(at) });
				const kwh = Exact.of(powerKw).times(Exact.ratio(end - at, 3_600_000));
				cost = cost.plus(kwh.times(Exact.of(price)));
				at = end;
			}
		}
		return cost;
	}

	/** Billing month that an instant belongs to. */
	monthAt(epochMs: number, billingDay: BillingDays = 1): MonthNumber {
		return billingMonthOf(this.#clock.dayAt(epochMs), billingDay);
	}

	/**
	 * What a quarter-hour at this demand adds to the bills of its month and the months its peak would reach, with the
	 * over-contract surcharge where it exceeds the contract. Nothing in an interval that doesn't count.
	 */
	demandPrice(epochMs: number, demandKw: number, situation: DemandSituation): DemandPrice {
		const charge = mainDemandCharge(this.tariff, civilOf(this.#clock.dayAt(epochMs)).month);
		const countsForDemand = this.countsForDemand(epochMs);
		if (!charge || !countsForDemand) {
			return {
				amount: Exact.zero,
				months: [],
				freeUpToKw: Number.POSITIVE_INFINITY,
				countsForDemand,
				surcharge: Exact.zero,
			};
		}
		const month = this.monthAt(epochMs, situation.billingDay);
		const rateOf = this.demandRates(charge.id, situation.billingDay);
		const cost = demandCost({ ...situation, charge, month, rateOf }, demandKw);
		const before = Math.max(situation.history.get(month)?.kw ?? 0, situation.expected?.get(month)?.kw ?? 0);
		const surcharge = this.surchargeRates(Math.max(demandKw, before), situation)
			.minus(this.surchargeRates(before, situation))
			.times(rateOf(month));
		const rule = this.tariff.terms.overContract;
		const surcharged = rule !== undefined && (situation.overContractNotices ?? 0) >= rule.noticeMonths;
		return {
			...cost,
			amount: cost.amount.plus(surcharge),
			freeUpToKw: surcharged ? Math.min(cost.freeUpToKw, Math.max(situation.contractKw, before)) : cost.freeUpToKw,
			countsForDemand,
			surcharge,
		};
	}

	/** Cost of one more kW on top of a quarter-hour's demand, in the tariff's currency. */
	marginalKw(epochMs: number, demandKw: number, situation: DemandSituation): Exact {
		const more = this.demandPrice(epochMs, demandKw + 1, situation);
		return more.amount.minus(this.demandPrice(epochMs, demandKw, situation).amount);
	}

	/** What a kW of a demand charge costs in each billing month, per the version in force at the month's end. */
	demandRates(charge: string, billingDay?: BillingDays): (month: MonthNumber) => Exact {
		const contractOn = contractChooser(this.tariff, this.#options);
		return (month) => {
			const { rates } = contractOn(firstDayOf(month + 1, billingDay) - 1).version;
			return Exact.of(firstRate(rates.demand?.[charge] ?? 0));
		};
	}

	/** Over-contract surcharge of a month's peak, in multiples of the demand rate. */
	surchargeRates(demandKw: number, { contractKw, overContractNotices = 0 }: DemandSituation): Exact {
		const rule = this.tariff.terms.overContract;
		const excess = Exact.of(demandKw).minus(Exact.of(contractKw));
		if (!rule || overContractNotices < rule.noticeMonths || excess.sign <= 0) return Exact.zero;
		const slices = excessSlices(rule.tiers, rule.mode, excess, Exact.of(contractKw));
		return Exact.sum(slices.map(({ kw, percent }) => kw.times(Exact.ratio(percent, 100))));
	}
}
