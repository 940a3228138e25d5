import type { Node } from "node-red";
import type { Store } from "../../lib/store/store.ts";
import type { Machine, Site } from "../../lib/telemetry/site.ts";

/** What the editor saves and the runtime reads: one type for both halves. */
export interface EnergySiteConfig {
	configVersion: 1;
	name: string;
	siteId: string;
	/** IANA time zone. */
	timeZone: string;
	/** `sqlite:///path` or later `postgresql://…`; empty means SMARTFACTORY_DB_URL, else a file in the user directory. */
	storeUrl: string;
	unknownMachines: "accept" | "reject";
	machines: Machine[];
}

/** What other nodes get from `RED.nodes.getNode(config.site)`. */
export interface EnergySiteNode extends Node {
	site: Site;
	/** Opened once per process and URL; rejects with a `store.` EnergyError when it can't be. */
	store(): Promise<Store>;
}
