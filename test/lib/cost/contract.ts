import { type ContractSettings, openContract, readContract, type SiteContract } from "../../../lib/tariff/contract.ts";
import type { PricePoint } from "../../../lib/tariff/series.ts";

/** The contract of a plant in Seoul with the defaults of the configuration. */
export function plantContract(
	settings: ContractSettings = {},
	prices: readonly PricePoint[] = [],
	asOf?: string,
): SiteContract {
	const data = readContract(
		{ tariff: "kepco/industrial-b/high-a/II", contractKw: 700, ...settings },
		{
			timeZone: "Asia/Seoul",
			directory: "/",
			rates: { baseRateKrwPerKwh: 120, touPeakRate: 1.5, touOffPeakRate: 0.7 },
			contractKw: 1000,
		},
	);
	return openContract({ ...data, ...(asOf === undefined ? {} : { asOf }), ...(prices.length > 0 ? { prices } : {}) });
}

/** Epoch ms of a Korean clock time. */
export const seoul = (time: string): number => Date.parse(`${time}+09:00`);
