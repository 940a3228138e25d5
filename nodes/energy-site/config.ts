import type { Node } from "node-red";
import type { Store } from "../../lib/store/store.ts";
import type { SiteContract } from "../../lib/tariff/contract.ts";
import type { ContractChangeSettings } from "../../lib/tariff/contract-text.ts";
import type { Pricer } from "../../lib/tariff/pricer.ts";
import type { PricePoint } from "../../lib/tariff/series.ts";
import type { Machine, Site } from "../../lib/telemetry/site.ts";

/** What the editor saves and the runtime reads: one type for both halves. */
export interface EnergySiteConfig {
	/** Version 1 had no contract: see migrate.ts. */
	configVersion: 2;
	name: string;
	siteId: string;
	/** IANA time zone. */
	timeZone: string;
	/** `sqlite:///path` or later `postgresql://…`; empty means SMARTFACTORY_DB_URL, else a file in the user directory. */
	storeUrl: string;
	unknownMachines: "accept" | "reject";
	machines: Machine[];
	/** `kepco/industrial-b/high-a/II`, a tariff of the own file, or `simple`: the two rates of the configuration. */
	tariff: string;
	/** Contract demand, kW; empty: peak_power_limit of the configuration. */
	contractKw: string | number;
	/** Day on which a billing month begins, 1…28. */
	billingDay: string | number;
	/** JSON, `{"2026-04-16": "2026-10-01"}`: versions that the customer put off. */
	deferrals: string;
	/** Dates that count as public holidays too, separated by commas. */
	extraHolidays: string;
	/** JSON, `{"2026-01": 132}`: counted peaks of months that the store does not know, kW. */
	previousPeaks: string;
	/** JSON, `{"2026-04": 5}`: fuel cost adjustment from that month to the end of its quarter, per kWh. */
	fuelAdjustments: string;
	/** Changes of the contract by date, edited in a table; what a row leaves empty stays as it was. */
	contractChanges: ContractChangeSettings[];
	/** A tariff file of one's own, relative to the user directory; empty: none. */
	tariffFile: string;
}

/** What other nodes get from `RED.nodes.getNode(config.site)`. */
export interface EnergySiteNode extends Node {
	site: Site;
	/** Opened once per process and URL; rejects with a `store.` EnergyError when it can't be. */
	store(): Promise<Store>;
	/**
	 * The contract with the supplier; read once, and again on another day, for a tariff file may have changed.
	 * @throws EnergyError `tariff.contract`, `tariff.unknown`, `tariff.file` … saying what is wrong with it
	 */
	contract(): SiteContract;
	/** Its prices. @throws EnergyError those of `contract`, and `tariff.series-needed` without dynamic prices */
	pricer(): Pricer;
	/** Dynamic prices that came: newer ones stand above those of the same time. @throws EnergyError `tariff.series` */
	takePrices(points: readonly PricePoint[]): void;
}
