import type { Words } from "../calendar/holidays.ts";
import type { Cost } from "../tariff/calculate-cost.ts";
import type { Warning } from "../tariff/warning.ts";

export type ReportKind = "day" | "month";

/** A quarter-hour of the site; null is "not known", never 0. */
export interface ReportInterval {
	/** ISO 8601 with the site's offset. */
	start: string;
	energyKwh: number | null;
	demandKw: number | null;
	/** The part of energyKwh that was bridged over a gap. */
	estimatedKwh: number;
	quality: "good" | "uncertain" | "bad";
	/** Band of the tariff; null without one. */
	band: string | null;
	/** Energy price after discounts, before additions and levies, ₩/kWh. */
	priceKrw: number | null;
	/** Whether its demand counts for the demand charge. */
	counts: boolean;
	carbonKg: number | null;
}

export interface ReportBand {
	band: string;
	name: Words;
	energyKwh: number;
	/** Energy charge after discounts. */
	costKrw: number;
}

export interface ReportDay {
	date: string;
	/** In the order of the report's bands. */
	bandsKwh: number[];
	energyKwh: number | null;
	estimatedKwh: number;
	peakKw: number | null;
	costKrw: number | null;
	/** Sunday or public holiday. */
	rest: boolean;
}

export interface ReportMachine {
	machine: string;
	name: string;
	/** The name in each language. */
	names: Words;
	area: string;
	energyKwh: number;
	estimatedKwh: number;
	peakKw: number;
}

export interface ReportPeak {
	start: string;
	demandKw: number;
	band: string | null;
	counts: boolean;
}

export interface ReportBill {
	contractKw: number;
	tariff: string;
	tariffName: Words;
	cost: Cost;
}

/** All figures of a daily or monthly report, as JSON carries them. */
export interface Report {
	kind: ReportKind;
	/** `2026-11-21` or `2026-11`. */
	period: string;
	site: { id: string; name: string; timeZone: string };
	from: string;
	/** First instant after. */
	to: string;
	created: string;
	/** The period has not ended: figures are those so far. */
	inProgress: boolean;
	energy: {
		totalKwh: number;
		/** The part that was bridged over gaps in measuring: in totalKwh, and shown beside it. */
		estimatedKwh: number;
		exportKwh: number;
		/** The same span before, as far as it is known. */
		previousKwh: number | null;
		bands: ReportBand[];
		/** After discounts, before climate charge, fuel, VAT and fund; null without a tariff. */
		costKrw: number | null;
	};
	demand: {
		peakKw: number | null;
		peakAt: string | null;
		meanKw: number | null;
		/** Mean over peak. */
		loadFactor: number | null;
		contractKw: number | null;
		/** Highest quarter-hours, at most five, of different hours. */
		top: ReportPeak[];
	};
	/** The month's bill (of a daily report: of its month up to its end); null without a tariff. */
	bill: ReportBill | null;
	/** As the meters told it, in percent; the bill's own comes from the utility's meter. */
	powerFactor: { day: number | null; night: number | null } | null;
	carbon: { kg: number; factors: { year: number; factor: number }[]; provisional: boolean } | null;
	quality: {
		/** Quarter-hours of the period that have passed. */
		intervals: number;
		missing: number;
		uncertain: number;
		/** Share of the time that measurements cover, 0…1. */
		coverage: number;
		estimatedKwh: number;
	};
	machines: ReportMachine[];
	/** Energy that no sub-meter sees; null where there is no main meter or no sub-meter. */
	unmeteredKwh: number | null;
	days: ReportDay[];
	intervals: ReportInterval[];
	warnings: Warning[];
}
