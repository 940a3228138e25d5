import type { Words } from "../calendar/holidays.ts";
import type { Rounding } from "./money.ts";

/** Where a rule comes from and how far it is to be trusted; what is not `high` is a parameter to check with the bill. */
export interface Source {
	text: string;
	url?: string;
	confidence: "high" | "medium" | "unresolved";
}

/** Kind of a day; the first of a book's list whose conditions a day meets is its type. */
export interface DayType {
	id: string;
	/** Public holidays of the book's calendar. */
	holiday?: true;
	/** 1 (Monday) … 7 (Sunday). */
	weekdays?: number[];
}

/** Bands of a day: band → windows of local time such as `22:00-08:00`; together they cover the day exactly once. */
export type Hours = Record<string, string[]>;

/** After the hours have given a band, certain days are charged by another: Saturday on-peak energy as mid-peak. */
export interface BandShift {
	dayTypes: string[];
	from: string[];
	to: string;
	/** Whether the energy rate, the counting of demand, or both follow the new band. */
	of: ("energy" | "demand")[];
}

export interface Schedule {
	source?: Source;
	/** Season → its months 1…12; every month in exactly one season. */
	seasons: Record<string, number[]>;
	/** Absent `dayTypes` means every day; each season and day type is met by exactly one entry. */
	periods: { seasons: string[]; dayTypes?: string[]; hours: Hours }[];
	shifts?: BandShift[];
}

/** A step of a tiered price: it holds up to a quantity; the last step has no end. */
export interface Tier {
	upTo?: number;
	/** What `upTo` counts, for energy: kWh of the month (default), or per kW of the month's peak, or per day. */
	unit?: "kWh" | "kWh daily" | "kWh/kW" | "kWh/kW daily";
	rate: number;
}

/** Price of a kWh or kW in the book's currency, one figure or in tiers. */
export type Rate = number | { tiers: Tier[] };

export interface Rates {
	/** Season (`*` for all) → band (`*` for all) → price of a kWh. */
	energy: Record<string, Record<string, Rate>>;
	/** Demand charge id → price of a kW. */
	demand?: Record<string, Rate>;
	/** Paid for a kWh given to the grid; absent means nothing. */
	exportRate?: number;
}

/** A percentage off the energy rate of the band in force, after the band shifts. */
export interface Discount {
	id: string;
	name: Words;
	dayTypes: string[];
	months: number[];
	hours: string[];
	percent: number;
	/** Last day; it starts with its version. */
	until?: string;
	source?: Source;
}

export interface Version {
	/** First day, and its name. */
	effective: string;
	/** A customer may put the version off so that it begins at the latest on this day. */
	deferrableTo?: string;
	source: Source;
	/** Name of a schedule of the book. */
	schedule: string;
	discounts?: Discount[];
	/** By voltage and option, e.g. `high-a/II`; a contract without such choices has the one key ``. */
	rates: Record<string, Rates>;
}

export interface DemandCharge {
	id: string;
	name: Words;
	/** Bands whose intervals count; absent means all. */
	bands?: string[];
	/** Months of the year in which it is charged; absent means all. */
	months?: number[];
	/** Time over which demand is the mean power, minutes; absent means 15. A window counts where it begins. */
	windowMinutes?: 15 | 30 | 60;
	/** A schedule of its own, else the version's. */
	schedule?: string;
	/** Charged on the load at the system's peaks, which the caller names, instead of the load's own. */
	coincident?: true;
	/** Past peaks that keep counting. */
	ratchet?: {
		/** Length of the window in months, the billed one included. */
		windowMonths: number;
		/** Months of the year whose peaks are kept; the billed month's own always counts. */
		months?: number[];
		/** Share of a kept peak that is charged, %. */
		percent: number;
	};
	floor?: { percentOfContract: number };
	source?: Source;
}

/** A figure per kWh that changes by date. */
export interface DatedRate {
	from: string;
	/** Last day; without it the rate is not known after the next `from`, or holds on where it is the last. */
	to?: string;
	rate: number;
}

export interface Addition {
	id: string;
	name: Words;
	rates: DatedRate[];
	/** The user may give the figure; where neither they nor the data know it, it is 0 with a warning. */
	input?: "fuelAdjustment";
	/** Largest figure either way. */
	cap?: number;
	source?: Source;
}

export interface Levy {
	id: string;
	name: Words;
	percent: { from: string; percent: number }[];
	rounding: Rounding;
	source?: Source;
}

export interface OverContract {
	/** Share of the contract demand exceeded → percentage of the demand rate; the last tier is open. */
	tiers: { belowPercent?: number; percent: number }[];
	/** `whole`: the tier reached holds for the whole excess; `slices`: each slice pays its own. */
	mode: "whole" | "slices";
	/** Months with nothing but a notice before the first charge. */
	noticeMonths: number;
	source?: Source;
}

export interface PowerFactorSide {
	/** Hours of the day it is measured in. */
	hours: string;
	standardPercent: number;
	clipPercent: [number, number];
	/** Part of the demand charge per point of power factor, %. */
	percentPerPoint: number;
	/** Whether points above the standard are paid back. */
	rebate: boolean;
}

export interface PowerFactorRule {
	from: string;
	/** Lagging by day. */
	lagging: PowerFactorSide;
	/** Leading by night; a lagging interval counts as 100 %. */
	leading: PowerFactorSide;
	noticeMonths: number;
	/** Rounding of the monthly power factor in points before it is compared. */
	rounding?: Rounding;
	source?: Source;
}

export interface FixedCharge {
	id: string;
	name: Words;
	amount: number;
	per: "month" | "day";
}

/** Everything on a bill that does not change with the version but with the calendar. */
export interface Terms {
	demand: DemandCharge[];
	overContract?: OverContract;
	powerFactor?: PowerFactorRule[];
	additions?: Addition[];
	fixed?: FixedCharge[];
	/** The sum before levies is at least this. */
	minimumMonthly?: number;
	/** Taxes and funds, on the sum of all lines before them. */
	levies?: Levy[];
	rounding: {
		/** Line items; a line id of its own (`demand`, `energy`, `climate` …) overrides `*`. */
		lines: Record<string, Rounding>;
		total: Rounding;
		/** Billing demand, kW. */
		demandKw?: Rounding;
	};
}

export interface Contract {
	id: string;
	name: Words;
	/** Contract demand the contract is made for; another is billed with a warning. */
	sizeKw?: { min?: number; below?: number };
	/** Terms of this contract in place of the book's. */
	terms?: Partial<Terms>;
	versions: Version[];
}

/** A file of tariffs. */
export interface TariffBook {
	format: 1;
	id: string;
	name: Words;
	source: Source;
	currency: string;
	timeZone: string;
	/** ISO country (and region) of the public holidays; absent: none but the site's own. */
	holidays?: string;
	/** The energy has no rates here: a time series given with each question prices it. */
	pricedBy?: "series";
	/** Cheapest first. */
	bands: { id: string; name: Words }[];
	seasons?: Record<string, Words>;
	dayTypes: DayType[];
	schedules: Record<string, Schedule>;
	terms: Terms;
	contracts: Contract[];
}
