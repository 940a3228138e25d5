import { parseMonth } from "../../lib/calendar/civil.ts";
import { clockOf } from "../../lib/calendar/zone-clock.ts";
import { demandConfigOf } from "../../lib/demand/config.ts";
import { type PeakContract, TariffPricer } from "../../lib/demand/pricer.ts";
import { metersOf } from "../../lib/demand/site-meters.ts";
import type { DemandConfig } from "../../lib/demand/types.ts";
import type { OwnLevels } from "../../lib/demand/wire.ts";
import { EnergyError } from "../../lib/errors.ts";
import { holidaysFor } from "../../lib/tariff/calculate-cost.ts";
import type { Peak } from "../../lib/tariff/ratchet.ts";
import { mainDemandCharge, shippedTariffs } from "../../lib/tariff/registry.ts";
import type { Machine, Site } from "../../lib/telemetry/site.ts";
import type { EnergySiteNode } from "../energy-site/config.ts";
import type { DemandGuardConfig } from "./config.ts";

const fail = (field: string, value: unknown, rule: string): never => {
	throw new EnergyError("demand.config-invalid", { field, value: value === undefined ? "" : value, rule });
};

const numberOr = (value: string | number | undefined, fallback: number): number =>
	value === undefined || value === "" ? fallback : Number(value);

/** Power that the site cannot reach: twice the largest figure that is known of it; no bound where none is. */
function plausibleKw(site: Site, figures: readonly number[]): number {
	const rated = (machines: readonly Machine[]) => machines.reduce((sum, { ratedKw }) => sum + (ratedKw ?? 0), 0);
	const mains = rated(site.machines.filter(({ role }) => role === "main"));
	const known = Math.max(0, mains || rated(site.machines), ...figures.filter(Number.isFinite));
	return known > 0 ? 2 * known : 1_000_000;
}

/** The settings with the contract demand of the site, where its contract is taken. @throws EnergyError `tariff.…` */
export function withSite(config: DemandGuardConfig, siteNode: EnergySiteNode): DemandGuardConfig {
	return config.tariff === "site" ? { ...config, contractKw: siteNode.contract().contractKw } : config;
}

/** @throws EnergyError `demand.config-invalid`, `demand.no-meter` */
export function guardConfigOf(config: DemandGuardConfig, site: Site): DemandConfig {
	const { meters, main } = metersOf(site);
	if (meters.length === 0) throw new EnergyError("demand.no-meter");
	const contractKw = numberOr(config.contractKw, 0);
	const limitKw = numberOr(config.limitKw, 0);
	const controllable = new Set(site.machines.filter((machine) => machine.controllable).map(({ id }) => id));
	for (const { machine } of config.loads ?? []) {
		if (!controllable.has(machine)) fail("loads", machine, [...controllable].join(" | ") || "–");
	}
	const rollovers = site.machines.flatMap(({ id, rules }) =>
		rules?.counterRolloverKwh === undefined ? [] : [[id, rules.counterRolloverKwh] as const],
	);
	const kind = config.limitKind;
	return demandConfigOf({
		meters,
		main,
		plausibleKw: plausibleKw(site, [contractKw, limitKw]),
		limit: {
			kind,
			kw: kind === "contract" ? config.contractKw : config.limitKw,
			atLeastKw: config.limitKw,
		},
		lockoutS: config.lockoutS,
		restoreMarginKw: config.restoreMarginKw,
		silentAfterS: config.silentAfterS,
		silentPolicy: config.silentPolicy,
		responseS: config.responseS,
		loads: config.loads ?? [],
		rolloverKwh: Object.fromEntries(rollovers),
	});
}

/** The limit of a contract that changes by date is that of the quarter-hour, without a deploy on that day. */
export function followingContract(
	given: DemandConfig,
	config: DemandGuardConfig,
	siteNode: EnergySiteNode,
): DemandConfig {
	if (config.tariff !== "site" || given.limit.kind !== "contract") return given;
	const { history, tariff } = siteNode.contract();
	if (history.spans.length < 2) return given;
	const clock = clockOf(tariff.book.timeZone);
	return { ...given, limit: { ...given.limit, kwAt: (atMs) => history.on(clock.dayAt(atMs)).contractKw } };
}

/** The levels that a person wrote down, for whoever draws them; what is not a figure above 0 is none. */
export function ownLevels({ limitKind, limitKw, contractKw }: DemandGuardConfig): OwnLevels {
	const contract = Number(contractKw);
	const target = limitKind === "target" ? Number(limitKw) : 0;
	return { ...(target > 0 ? { targetKw: target } : {}), ...(contract > 0 ? { contractKw: contract } : {}) };
}

/** The counted peaks of months that a person wrote down. */
function writtenPeaks(text: string | undefined): Map<number, Peak> {
	const peaks = new Map<number, Peak>();
	if (!text?.trim()) return peaks;
	let given: unknown;
	try {
		given = JSON.parse(text);
	} catch {
		given = undefined;
	}
	const rule = '{"2026-01": 132, …}';
	if (typeof given !== "object" || given === null || Array.isArray(given)) return fail("previousPeaks", text, rule);
	for (const [month, kw] of Object.entries(given)) {
		if (typeof kw !== "number" || !(kw >= 0)) fail(`previousPeaks.${month}`, kw, "≥ 0 kW");
		peaks.set(parseMonth(month), { kw: kw as number });
	}
	return peaks;
}

/**
 * The contract that prices a demand, and its pricer; none without a tariff.
 *
 * @throws EnergyError `tariff.unknown`, `demand.config-invalid`, `demand.no-tariff`, `calendar.month`, and those of the
 * site's own contract
 */
export function pricerOf(
	config: DemandGuardConfig,
	siteNode: EnergySiteNode,
): { contract: PeakContract; pricer: TariffPricer } | undefined {
	if (!config.tariff) {
		if (config.limitKind === "bill") throw new EnergyError("demand.no-tariff");
		return undefined;
	}
	if (config.tariff === "site") {
		const own = siteNode.contract();
		// Rates without a demand charge say nothing of a peak; only a limit that follows the bill needs one.
		if (config.limitKind !== "bill" && !mainDemandCharge(own.tariff)) return undefined;
		const peaks = new Map([...own.previousPeaks, ...writtenPeaks(config.previousPeaks)]);
		return { contract: own, pricer: new TariffPricer(own, peaks) };
	}
	const contractKw = Number(config.contractKw);
	if (!(contractKw > 0)) fail("contractKw", config.contractKw, "> 0 kW");
	const billingDay = numberOr(config.billingDay, 1);
	if (!Number.isInteger(billingDay) || billingDay < 1 || billingDay > 31) fail("billingDay", billingDay, "1…31");
	const tariff = shippedTariffs().get(config.tariff);
	const contract: PeakContract = { tariff, holidays: holidaysFor(tariff, {}), contractKw, billingDay };
	return { contract, pricer: new TariffPricer(contract, writtenPeaks(config.previousPeaks)) };
}
