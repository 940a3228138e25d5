import { EnergyError } from "../errors.ts";
import type { TariffBook, Terms } from "./book.ts";
import { QUARTERS, quartersOf } from "./hours.ts";
import { Exact } from "./money.ts";

export interface SimpleRates {
	/** Price of a kWh that the two rates multiply, KRW. */
	baseRateKrwPerKwh: number;
	/** `tou_peak_rate`: factor on weekdays in the peak hours. */
	touPeakRate: number;
	/** `tou_off_peak_rate`: factor at all other times. */
	touOffPeakRate: number;
	/** Local windows of the peak; default 09:00–21:00. */
	peakHours?: readonly string[];
	/** Price of a kW of the month's peak; default none. */
	demandRateKrwPerKw?: number;
	timeZone?: string;
	/** Country of the public holidays, on which no hour is peak; default KR. */
	holidays?: string;
}

const won = { mode: "cut", step: 1 } as const;
const plainTerms: Terms = { demand: [], rounding: { lines: { "*": won }, total: won } };

/**
 * The two-rate tariff of the configuration (tou_peak_rate, tou_off_peak_rate × base_rate_krw_per_kwh) as a book like
 * any other, with the one tariff `simple/two-rate`.
 *
 * @throws EnergyError `tariff.simple-rates`
 */
export function simpleBook(rates: SimpleRates): TariffBook {
	const { baseRateKrwPerKwh, touPeakRate, touOffPeakRate, demandRateKrwPerKw } = rates;
	for (const [field, value] of Object.entries({ baseRateKrwPerKwh, touPeakRate, touOffPeakRate, demandRateKrwPerKw })) {
		if (value !== undefined && !(Number.isFinite(value) && value >= 0)) {
			throw new EnergyError("tariff.simple-rates", { field, value, rule: "a number, at least 0" });
		}
	}
	const peakHours = [...(rates.peakHours ?? ["09:00-21:00"])];
	const peak = new Set<number>();
	for (const window of peakHours) {
		const quarters = /^\d{2}:\d{2}-\d{2}:\d{2}$/.test(window) ? quartersOf(window) : undefined;
		if (!quarters) {
			throw new EnergyError("tariff.simple-rates", {
				field: "peakHours",
				value: window,
				rule: "HH:MM-HH:MM on quarter-hours",
			});
		}
		for (const quarter of quarters) peak.add(quarter);
	}
	const price = (factor: number): number => Exact.of(baseRateKrwPerKwh).times(Exact.of(factor)).toNumber();
	const allDay = { "off-peak": ["00:00-24:00"] };
	return {
		format: 1,
		id: "simple",
		name: { "en-US": "Two-rate tariff", ko: "2단 시간대별 요금" },
		source: { text: "Configuration: base_rate_krw_per_kwh × tou_peak_rate, tou_off_peak_rate", confidence: "high" },
		currency: "KRW",
		timeZone: rates.timeZone ?? "Asia/Seoul",
		holidays: rates.holidays ?? "KR",
		bands: [
			{ id: "off-peak", name: { "en-US": "Off-peak", ko: "경부하" } },
			{ id: "on-peak", name: { "en-US": "On-peak", ko: "최대부하" } },
		],
		dayTypes: [{ id: "holiday", holiday: true }, { id: "weekend", weekdays: [6, 7] }, { id: "weekday" }],
		schedules: {
			year: {
				seasons: { year: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] },
				periods: [
					{ seasons: ["year"], dayTypes: ["holiday", "weekend"], hours: allDay },
					{
						seasons: ["year"],
						dayTypes: ["weekday"],
						hours: {
							"off-peak": windowsOf((quarter) => !peak.has(quarter)),
							"on-peak": windowsOf((quarter) => peak.has(quarter)),
						},
					},
				],
			},
		},
		terms:
			demandRateKrwPerKw === undefined
				? plainTerms
				: { ...plainTerms, demand: [{ id: "demand", name: { "en-US": "Demand charge", ko: "기본요금" } }] },
		contracts: [
			{
				id: "two-rate",
				name: { "en-US": "Two rates", ko: "2단 요금" },
				versions: [
					{
						effective: "2000-01-01",
						source: { text: "Configuration", confidence: "high" },
						schedule: "year",
						rates: {
							"": {
								energy: { year: { "off-peak": price(touOffPeakRate), "on-peak": price(touPeakRate) } },
								...(demandRateKrwPerKw === undefined ? {} : { demand: { demand: demandRateKrwPerKw } }),
							},
						},
					},
				],
			},
		],
	};
}

/**
 * A tariff without rates of its own: its energy is priced by a time series (day-ahead or real-time prices), given as
 * `series` where it is asked for prices or bills.
 */
export function dynamicBook({ currency = "KRW", timeZone = "Asia/Seoul", terms = plainTerms } = {}): TariffBook {
	return {
		format: 1,
		id: "dynamic",
		name: { "en-US": "Dynamic prices", ko: "실시간 요금" },
		source: { text: "Price series given by the user", confidence: "high" },
		currency,
		timeZone,
		pricedBy: "series",
		bands: [{ id: "dynamic", name: { "en-US": "by the hour's price", ko: "시간대별 실시간 단가" } }],
		dayTypes: [{ id: "day" }],
		schedules: {
			year: {
				seasons: { year: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] },
				periods: [{ seasons: ["year"], hours: { dynamic: ["00:00-24:00"] } }],
			},
		},
		terms,
		contracts: [
			{
				id: "series",
				name: { "en-US": "Price series", ko: "가격 시계열" },
				versions: [
					{
						effective: "2000-01-01",
						source: { text: "Price series given by the user", confidence: "high" },
						schedule: "year",
						rates: { "": { energy: { year: { dynamic: 0 } } } },
					},
				],
			},
		],
	};
}

/** The quarter-hours that meet a condition as windows of a day. */
export function windowsOf(covers: (quarter: number) => boolean): string[] {
	const clock = (quarter: number): string =>
		`${String(Math.floor(quarter / 4)).padStart(2, "0")}:${String((quarter % 4) * 15).padStart(2, "0")}`;
	const windows: string[] = [];
	for (let quarter = 0; quarter < QUARTERS; quarter++) {
		if (!covers(quarter) || (quarter > 0 && covers(quarter - 1))) continue;
		let end = quarter;
		while (end < QUARTERS && covers(end)) end++;
		windows.push(`${clock(quarter)}-${clock(end)}`);
	}
	return windows;
}
