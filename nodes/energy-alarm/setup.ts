import { EFFICIENCY_THRESHOLD, rulesOf } from "../../lib/alarms/rules.ts";
import { EnergyError } from "../../lib/errors.ts";
import { QUARTER_HOUR_MS } from "../../lib/telemetry/interval.ts";
import type { EnergySiteNode } from "../energy-site/config.ts";
import { defaultRules, type EnergyAlarmConfig } from "./config.ts";
import type { DeskOptions } from "./desk.ts";

type Settings = Pick<DeskOptions, "rules" | "priceAt" | "maxShelveMs" | "journalMs" | "efficiencyThreshold">;

/** @throws EnergyError `alarms.bad-config`, `alarms.bad-rule`, `alarms.bad-condition` */
export function settingsOf(config: EnergyAlarmConfig, siteNode: EnergySiteNode): Settings {
	const number = (field: keyof EnergyAlarmConfig, otherwise: number, min: number, max: number): number => {
		const given = config[field];
		const value = given === undefined || given === "" ? otherwise : Number(given);
		if (value >= min && value <= max) return value;
		throw new EnergyError("alarms.bad-config", { field, value: String(given), rule: `${min}…${max}` });
	};
	const efficiencyThreshold = number("efficiencyThreshold", EFFICIENCY_THRESHOLD, 0.01, 1);
	return {
		efficiencyThreshold,
		rules: rulesOf(config.rules ?? defaultRules, siteNode.site, efficiencyThreshold),
		priceAt: priceOf(siteNode),
		maxShelveMs: number("maxShelveMin", 480, 1, 10_080) * 60_000,
		journalMs: number("journalDays", 400, 1, 3_660) * 86_400_000,
	};
}

/** What one more kWh costs at an instant under the site's contract, before levies; the same within a quarter-hour. */
function priceOf(siteNode: EnergySiteNode): (atMs: number) => number | null {
	let quarter = Number.NaN;
	let price: number | null = null;
	return (atMs) => {
		const now = Math.floor(atMs / QUARTER_HOUR_MS);
		if (now === quarter) return price;
		quarter = now;
		try {
			const { energy, marginal } = siteNode.pricer().at(atMs);
			price = Number.isFinite(energy) ? marginal : null;
		} catch {
			// No contract, or no version of its tariff holds then: the cost is not known, which is what null says.
			price = null;
		}
		return price;
	};
}
