import { type CompareRequest, compareTariffs, siblingsOf } from "../tariff/compare.ts";
import { openContract } from "../tariff/contract.ts";
import { Exact } from "../tariff/money.ts";
import { recommend } from "../tariff/recommend.ts";
import { billYear } from "../tariff/year.ts";
import type { AdviceResult, AdviceTask, Compared } from "./advice.ts";

/** Versions that are compared: those in force of late. */
const MOST_VERSIONS = 4;
/** Contract demands that are compared, as shares of today's. */
const contractShares = [0.8, 0.9, 1.1] as const;

/** The advice itself: some dozen years' bills, so it belongs into a thread. @throws EnergyError those of `recommend` */
export function adviseOn(task: AdviceTask): AdviceResult {
	const { tariff, registry, holidays, contractKw, billingDay, deferrals, series } = openContract(task.contract);
	const { kwh, firstMonth, months, powerFactor, shiftPercent, shaveIntervals } = task;
	const year = {
		...{ tariff, holidays, firstMonth, months, contract: { contractKw, billingDay, deferrals } },
		...(series ? { series } : {}),
		...(powerFactor ? { powerFactor } : {}),
	};
	const now = billYear({ history: "typical-year", ...year, load: { kwh } });
	const perYear = (krw: number): number =>
		Exact.of(krw).times(Exact.ratio(12, months)).rounded({ mode: "cut", step: 1 }).toNumber();
	const recommendations = recommend({
		...{ ...year, registry, kwh },
		...(shiftPercent === undefined ? {} : { shiftPercent }),
		...(shaveIntervals === undefined ? {} : { shaveIntervals }),
	});
	// Demand above the contract is surcharged from the second month on: a year of it is billed as noticed before.
	const same = {
		...{ history: "typical-year" as const, ...year, load: { kwh } },
		priorNotices: { overContract: 1, powerFactor: 1 },
	};
	const nowKrw = perYear(now.total);
	const asNow = billYear(same).total;
	const rows = (by: Compared["by"], request: Partial<CompareRequest>): Compared[] =>
		compareTariffs({ ...same, tariffs: [tariff], ...request }).map((row) => {
			const moreKrw = perYear(Exact.of(row.total).minus(Exact.of(asNow)).toNumber());
			const { tariff, version = null, contractKw } = row;
			return { by, tariff, version, contractKw, yearKrw: nowKrw + moreKrw, moreKrw };
		});
	const compared = [
		...rows("option", { tariffs: siblingsOf(tariff, registry).filter(({ id }) => id !== tariff.id) }),
		...rows("version", { versions: tariff.versions.slice(-MOST_VERSIONS).map(({ effective }) => effective) }),
		...rows("contract-demand", {
			contractKws: contractShares.map((share) => Math.round(share * contractKw)),
		}),
	];
	return { recommendations, compared, yearKrw: nowKrw };
}
