import type { EnergySiteConfig } from "./config.ts";

type Contract = Pick<
	EnergySiteConfig,
	| "tariff"
	| "contractKw"
	| "billingDay"
	| "deferrals"
	| "extraHolidays"
	| "previousPeaks"
	| "fuelAdjustments"
	| "contractChanges"
	| "tariffFile"
>;

/** A site as version 1 saved it: it knew no contract. */
export type Site1 = Omit<EnergySiteConfig, "configVersion" | keyof Contract> & { configVersion?: 1 };

/** A site without a contract is priced by the two rates of the configuration. */
export const contractDefaults: Readonly<Contract> = {
	tariff: "simple",
	contractKw: "",
	billingDay: "1",
	deferrals: "",
	extraHolidays: "",
	previousPeaks: "",
	fuelAdjustments: "",
	contractChanges: [],
	tariffFile: "",
};

/**
 * A saved site of any version as the newest one. Version 2 brought the contract with the supplier; where it was not
 * there yet, the site is priced as every new one.
 */
export function migrateSite(saved: EnergySiteConfig | Site1): EnergySiteConfig {
	// The editor lists also what a site was saved without: as undefined, which is no answer of a person's.
	const known = Object.fromEntries(Object.entries(saved).filter(([, value]) => value !== undefined));
	return { ...contractDefaults, ...(known as typeof saved), configVersion: 2 };
}
