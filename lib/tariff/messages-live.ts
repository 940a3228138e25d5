import type { Words } from "../calendar/holidays.ts";
import type { CostLine } from "./calculate-cost.ts";
import type { DemandState } from "./demand-state.ts";
import type { Warning } from "./warning.ts";

// What cards and programs get to see of prices and bills, as `msg.payload`; null is "not known", never 0.

/** A band of the tariff, in the tariff's order (cheapest first, as a rule). */
export interface LiveBand {
	/** `off-peak`, `mid-peak`, `on-peak`; other tariffs have their own. */
	band: string;
	name: Words;
}

/** A stretch of constant band and price. */
export interface PriceStep {
	/** ISO 8601 with the tariff's offset, inclusive. */
	from: string;
	/** Exclusive. */
	to: string;
	band: string;
	/** Energy rate after discounts, before additions and levies, ₩/kWh; null where a dynamic price is not published yet. */
	priceKrwPerKwh: number | null;
	/** Whether the demand of its quarter-hours counts for the demand charge. */
	countsForDemand: boolean;
}

/** The price of this moment. */
export interface PriceNow {
	/** Energy rate after discounts, before additions and levies, ₩/kWh. */
	priceKrwPerKwh: number | null;
	/** What one more kWh adds to the bill, with climate charge, fuel, VAT and fund, ₩/kWh. */
	marginalKrwPerKwh: number | null;
	band: string;
	season: string;
	/** Effective date of the version in force. */
	version: string;
	/** Id of a discount that is in the price. */
	discount: string | null;
	countsForDemand: boolean;
	/** When band or price change next, ISO 8601; null where they do not within a week. */
	until: string | null;
	next: { at: string; band: string; priceKrwPerKwh: number | null } | null;
}

/** What the site's energy has cost since local midnight, from the stored quarter-hours. */
export interface CostToday {
	/** Energy charge after discounts, before additions and levies, ₩. */
	costKrw: number;
	energyKwh: number;
	/** The part of energyKwh that was bridged over gaps. */
	estimatedKwh: number;
	/** Quarter-hours since midnight that nothing is stored of: their energy is not in the cost. */
	missing: number;
	/** Quarter-hours whose price is not known: their energy is not in the cost. */
	unpriced: number;
	/** End of the newest quarter-hour in it, ISO 8601; null where there is none yet. */
	asOf: string | null;
	byBand: { band: string; energyKwh: number; costKrw: number }[];
	/** The same of yesterday and of the same day last week, each up to this time of its day; null where hours are missing. */
	yesterdayKrw?: number | null;
	lastWeekKrw?: number | null;
}

/** Price now and ahead, and the cost of today; once a minute and at every change of band. */
export interface PriceMessage {
	type: "price";
	site: string;
	/** When it was made, ISO 8601. */
	time: string;
	/** `kepco/industrial-b/high-a/II` */
	tariff: string;
	tariffName: Words;
	currency: string;
	bands: LiveBand[];
	now: PriceNow;
	/** Prices of the next 24 hours from the running quarter-hour on. */
	horizon: PriceStep[];
	/** Prices of the 24 hours before the running quarter-hour, for what is drawn behind a load of that time. */
	past?: PriceStep[];
	/** First instant within the horizon that has no price yet; null where all of it is known. */
	knownUntil: string | null;
	/** Null where the store cannot tell; `warnings` say why. */
	todayCostKrw: number | null;
	today: CostToday | null;
	warnings: Warning[];
}

/** A month's bill: the running month as it grows, or a month that has ended. */
export interface BillMessage {
	type: "bill";
	site: string;
	/** `2026-11` */
	month: string;
	/** First instant of the billing month and first instant after it, ISO 8601. */
	from: string;
	to: string;
	/** The month has ended: nothing grows any more. */
	final: boolean;
	/** First instant that the figures do not cover, ISO 8601. */
	asOf: string;
	tariff: string;
	tariffName: Words;
	contractKw: number;
	/** In the order of a bill: demand, energy, surcharges, additions, levies. */
	lines: CostLine[];
	/** kWh by band, the tariff's order. */
	energy: { band: string; name: Words; energyKwh: number }[];
	energyKwh: number;
	/** The part that was measured with gaps (bridged by meters, or filled in here). */
	estimatedKwh: number;
	energyKrw: number;
	demandKrw: number;
	/** The ratchet: what is paid for, which quarter-hour set it, when it is forgotten. */
	demand: DemandState;
	/** Measured, percent, as the bill uses it; null where too little was measured or the tariff has no rule of it. */
	powerFactor: { laggingDay: number | null; leadingNight: number | null; knownShare: number } | null;
	subtotalKrw: number;
	totalKrw: number;
	/** What the month will come to if its remaining days are like those of the last five weeks; a final month's own total. */
	projectedTotalKrw: number | null;
	warnings: Warning[];
}

/** A change of band or price ahead, as the live feed's event `price.band-change` carries it. */
export interface BandChangeEvent {
	site: string;
	code: "price.band-change";
	severity: "info";
	time: string;
	/** When it comes, ISO 8601. */
	at: string;
	minutesAhead: number;
	from: { band: string; priceKrwPerKwh: number | null };
	to: { band: string; priceKrwPerKwh: number | null };
	text: Words;
}
