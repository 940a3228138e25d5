import { openContract } from "../tariff/contract.ts";
import { Exact } from "../tariff/money.ts";
import { recommend } from "../tariff/recommend.ts";
import { billYear } from "../tariff/year.ts";
import type { AdviceResult, AdviceTask } from "./advice.ts";

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
	const yearKrw = Exact.of(now.total).times(Exact.ratio(12, months)).rounded({ mode: "cut", step: 1 }).toNumber();
	const recommendations = recommend({
		...{ ...year, registry, kwh },
		...(shiftPercent === undefined ? {} : { shiftPercent }),
		...(shaveIntervals === undefined ? {} : { shaveIntervals }),
	});
	return { recommendations, yearKrw };
}
