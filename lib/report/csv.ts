import { csvOf } from "../store/wire.ts";
import type { Report } from "./report.ts";

export const csvTables = ["intervals", "days", "bands", "machines", "bill"] as const;
export type CsvTable = (typeof csvTables)[number];

const round = (value: number | null, decimals = 3): number | null =>
	value === null ? null : Math.round(value * 10 ** decimals) / 10 ** decimals;

function rowsOf(report: Report, table: CsvTable): object[] {
	switch (table) {
		case "intervals":
			return report.intervals.map(({ energyKwh, demandKw, estimatedKwh, carbonKg, ...rest }) => ({
				start: rest.start,
				energyKwh: round(energyKwh, 4),
				demandKw: round(demandKw),
				estimatedKwh: round(estimatedKwh, 4),
				quality: rest.quality,
				band: rest.band,
				priceKrw: rest.priceKrw,
				countsForDemand: rest.counts,
				carbonKg: round(carbonKg, 4),
			}));
		case "days":
			return report.days.map(({ date, energyKwh, estimatedKwh, peakKw, costKrw, rest, bandsKwh }) => ({
				...{ date, energyKwh: round(energyKwh), estimatedKwh: round(estimatedKwh), peakKw: round(peakKw) },
				...{ energyChargeKrw: round(costKrw, 0), restDay: rest },
				...Object.fromEntries(report.energy.bands.map(({ band }, at) => [`${band}Kwh`, round(bandsKwh[at] ?? null)])),
			}));
		case "bands":
			return report.energy.bands.map(({ band, name, energyKwh, costKrw }) => ({
				...{ band, name: name["en-US"], nameKo: name.ko },
				...{ energyKwh: round(energyKwh), energyChargeKrw: round(costKrw, 0) },
			}));
		case "machines":
			return report.machines.map(({ machine, names, area, energyKwh, estimatedKwh, peakKw }) => ({
				...{ machine, name: names["en-US"], nameKo: names.ko, area },
				...{ energyKwh: round(energyKwh), estimatedKwh: round(estimatedKwh), peakKw: round(peakKw) },
			}));
		case "bill":
			return (report.bill?.cost.lines ?? []).map(({ id, label, quantity, unit, rateKrw, amountKrw, band }) => ({
				...{ id, line: label["en-US"], lineKo: label.ko, band: band ?? null },
				...{ quantity, unit, rateKrw, amountKrw },
			}));
	}
}

/**
 * A table of a report as CSV (RFC 4180), with a byte order mark so that spreadsheets read the Korean in it.
 * Times carry the site's offset, numbers a point, unknown values nothing.
 */
export function reportCsv(report: Report, table: CsvTable): string {
	return `\uFEFF${csvOf(rowsOf(report, table))}`;
}
