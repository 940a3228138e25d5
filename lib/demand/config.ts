import { EnergyError } from "../errors.ts";
import type { DemandConfig, LimitPolicy, Load, SilentPolicy } from "./types.ts";

type Given = Readonly<Record<string, unknown>>;

const policies: readonly SilentPolicy[] = ["hold", "shed-all", "estimate"];

/** What is used where a configuration says nothing. */
const demandDefaults = {
	lockoutS: 120,
	restoreMarginKw: 10,
	silentAfterS: 90,
	silentPolicy: "hold",
	responseS: 45,
	minOnS: 300,
	minOffS: 300,
} as const;

const fail = (field: string, value: unknown, rule: string): never => {
	throw new EnergyError("demand.config-invalid", { field, value: value === undefined ? "" : value, rule });
};

function number(given: Given, name: string, at: string, min: number, max: number, fallback?: number): number {
	const value = given[name] === undefined || given[name] === "" ? fallback : Number(given[name]);
	if (value === undefined || !Number.isFinite(value) || value < min || value > max)
		return fail(`${at}${name}`, given[name], max === Number.MAX_VALUE ? `≥ ${min}` : `${min}…${max}`);
	return value;
}

function loadOf(value: unknown, at: string): Load {
	if (typeof value !== "object" || value === null) return fail(at, value, "{machine, kw, priority}");
	const given = value as Given;
	if (typeof given.machine !== "string" || given.machine === "") return fail(`${at}.machine`, given.machine, "id");
	const kw = number(given, "kw", `${at}.`, 0.001, Number.MAX_VALUE);
	const load: Load = {
		machine: given.machine,
		kw,
		priority: Math.round(number(given, "priority", `${at}.`, 1, 99, 1)),
		minOnS: number(given, "minOnS", `${at}.`, 0, 86_400, demandDefaults.minOnS),
		minOffS: number(given, "minOffS", `${at}.`, 0, 86_400, demandDefaults.minOffS),
	};
	const steps = typeof given.stepsKw === "string" ? given.stepsKw.split(/[,\s]+/).filter(Boolean) : given.stepsKw;
	if (steps === undefined || (Array.isArray(steps) && steps.length === 0)) return load;
	if (!Array.isArray(steps)) return fail(`${at}.stepsKw`, steps, `0 < kW ≤ ${kw}`);
	const stepsKw = steps.map(Number).sort((a, b) => a - b);
	const wrong = stepsKw.find((step) => !(step > 0 && step <= kw));
	if (wrong !== undefined) fail(`${at}.stepsKw`, wrong, `0 < kW ≤ ${kw}`);
	return { ...load, stepsKw };
}

function limitOf(given: Given): LimitPolicy {
	switch (given.kind) {
		case "bill":
			return { kind: "bill", atLeastKw: number(given, "atLeastKw", "limit.", 0, Number.MAX_VALUE, 0) };
		case "target":
		case "contract":
			return { kind: given.kind, kw: number(given, "kw", "limit.", 0.001, Number.MAX_VALUE) };
		default:
			return fail("limit.kind", given.kind, "target | contract | bill");
	}
}

/**
 * Reads a configuration once; what is absent comes from `demandDefaults`.
 *
 * @throws EnergyError `demand.config-invalid` with field, value and rule
 */
export function demandConfigOf(given: Given & { limit?: unknown; loads?: unknown; meters?: unknown }): DemandConfig {
	const { limit, loads = [], meters } = given;
	if (!Array.isArray(meters) || meters.length === 0 || meters.some((meter) => typeof meter !== "string"))
		return fail("meters", meters, "≥ 1 id");
	if (typeof limit !== "object" || limit === null) return fail("limit", limit, "{kind, kw}");
	if (!Array.isArray(loads)) return fail("loads", loads, "[]");
	const list = loads.map((load: unknown, index) => loadOf(load, `loads[${index}]`));
	const twice = list.find(({ machine }, index) => list.findIndex((other) => other.machine === machine) !== index);
	if (twice) fail("loads", twice.machine, "each machine once");
	const silentPolicy = given.silentPolicy ?? demandDefaults.silentPolicy;
	if (!policies.includes(silentPolicy as SilentPolicy)) fail("silentPolicy", silentPolicy, policies.join(" | "));
	return {
		meters: meters as string[],
		main: given.main === true,
		limit: limitOf(limit as Given),
		lockoutS: number(given, "lockoutS", "", 0, 600, demandDefaults.lockoutS),
		restoreMarginKw: number(given, "restoreMarginKw", "", 0, Number.MAX_VALUE, demandDefaults.restoreMarginKw),
		// Two minutes is the most: a sixth of a quarter-hour goes unseen by then.
		silentAfterS: number(given, "silentAfterS", "", 5, 120, demandDefaults.silentAfterS),
		silentPolicy: silentPolicy as SilentPolicy,
		responseS: number(given, "responseS", "", 1, 600, demandDefaults.responseS),
		plausibleKw: number(given, "plausibleKw", "", 0.001, Number.MAX_VALUE),
		loads: list,
		...(given.rolloverKwh ? { rolloverKwh: given.rolloverKwh as Record<string, number> } : {}),
	};
}
