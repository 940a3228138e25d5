import { environmentLayer, resolveConfig } from "../../lib/config/config.ts";
import { EnergyError } from "../../lib/errors.ts";
import type { EngineOptions } from "../../lib/operation/engine-types.ts";
import type { PlannerOptions } from "../../lib/operation/problem-of.ts";
import { defaults, type ProductionPlanConfig, ranges } from "./config.ts";

const MINUTE_MS = 60_000;
/** A plan that saves less than this share is not worth a change. */
const WORTH = 0.005;

/** @throws EnergyError `operation.config` with field, value and rule */
export function settingsOf(
	config: ProductionPlanConfig,
	site: string,
): { engine: EngineOptions; planner: PlannerOptions } {
	const { peak_power_limit, safety_margin } = resolveConfig([
		environmentLayer(process.env, "environment", "power"),
	]).power;
	const otherwise: Partial<Record<keyof typeof ranges, number>> = {
		marginPercent: 100 * safety_margin,
		peakLimitKw: peak_power_limit,
	};
	const number = (field: keyof typeof ranges): number => {
		const given = config[field];
		const value = given === undefined || given === "" ? (otherwise[field] ?? Number(defaults[field])) : Number(given);
		const [least, most] = ranges[field];
		if (value >= least && value <= most) return value;
		throw new EnergyError("operation.config", { field, value: String(given), rule: `${least}…${most}` });
	};
	const horizonMs = number("horizonHours") * 60 * MINUTE_MS;
	return {
		engine: {
			...{ site, approval: config.approval === "automatic" ? "automatic" : "operator", intervalMinutes: 15, horizonMs },
			...{ everyMs: number("everyMinutes") * MINUTE_MS, frozenMs: number("frozenMinutes") * MINUTE_MS },
			...{ lateMs: number("lateMinutes") * MINUTE_MS, staleMs: number("staleMinutes") * MINUTE_MS },
			...{ repairMs: number("repairHours") * 60 * MINUTE_MS, worth: WORTH },
		},
		planner: {
			...{ horizonMs, margin: number("marginPercent") / 100, peakLimitKw: number("peakLimitKw"), grid: "KR" },
			...{ carbonKrwPerTonne: number("carbonKrwPerTonne"), seconds: number("seconds") },
			...{ gap: number("gapPercent") / 100, seed: number("seed") },
		},
	};
}
