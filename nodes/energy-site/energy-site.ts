import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { NodeAPI, NodeDef } from "node-red";
import { EnergyError } from "../../lib/errors.ts";
import { explain } from "../../lib/messages.ts";
import { openStore } from "../../lib/store/open.ts";
import type { Store } from "../../lib/store/store.ts";
import { configuredRates } from "../../lib/tariff/contract.ts";
import { shippedTariffs } from "../../lib/tariff/registry.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import { logLanguage } from "../on-input.ts";
import type { EnergySiteConfig, EnergySiteNode } from "./config.ts";
import { ContractHolder } from "./contract-holder.ts";
import { idPattern, machinesOf } from "./machines.ts";
import { migrateSite } from "./migrate.ts";

function batchSize(): number | undefined {
	const text = process.env.SMARTFACTORY_BATCH_SIZE;
	if (!text) return undefined;
	const size = Number(text);
	if (!Number.isInteger(size) || size < 1) {
		throw new EnergyError("config.environment", {
			name: "SMARTFACTORY_BATCH_SIZE",
			value: text,
			rule: "a whole number, 1 or more",
		});
	}
	return size;
}

function isTimeZone(name: string): boolean {
	try {
		new Intl.DateTimeFormat("en", { timeZone: name });
		return true;
	} catch {
		return false;
	}
}

/** @throws EnergyError `config.site`, `config.machines` */
function siteFrom(config: EnergySiteConfig): Site {
	const { siteId, timeZone } = config;
	if (!idPattern.test(siteId ?? "")) {
		throw new EnergyError("config.site", { field: "siteId", value: siteId, rule: "letters, digits, - and _" });
	}
	if (!isTimeZone(timeZone)) {
		throw new EnergyError("config.site", { field: "timeZone", value: timeZone, rule: "an IANA name, e.g. Asia/Seoul" });
	}
	return {
		id: siteId,
		name: config.name || siteId,
		timeZone,
		machines: machinesOf(config.machines ?? []),
		unknownMachines: config.unknownMachines === "reject" ? "reject" : "accept",
	};
}

export default (RED: NodeAPI): void => {
	function storeUrl(config: EnergySiteConfig): string {
		const file = join(RED.settings.userDir ?? process.cwd(), "energy.db");
		return (
			config.storeUrl?.trim() ||
			process.env.SMARTFACTORY_DB_URL ||
			pathToFileURL(file).href.replace(/^file:/, "sqlite:")
		);
	}

	function EnergySite(this: EnergySiteNode, saved: EnergySiteConfig & NodeDef): void {
		RED.nodes.createNode(this, saved);
		const config = migrateSite(saved);
		try {
			this.site = siteFrom(config);
		} catch (error) {
			// Nodes of this site then say that it is missing; here stands why.
			this.error(explain(error, logLanguage));
		}
		const timeZone = this.site?.timeZone ?? "UTC";
		const directory = RED.settings.userDir ?? process.cwd();
		const holder = new ContractHolder(config, timeZone, () => ({
			timeZone,
			directory,
			...configuredRates(process.env),
		}));
		this.contract = () => holder.contract();
		this.pricer = () => holder.pricer();
		this.takePrices = (points) => holder.takePrices(points);
		const url = storeUrl(config);
		let held: Promise<Store> | undefined;

		this.store = () => {
			held ??= open(this.site).catch((error) => {
				held = undefined;
				throw error;
			});
			return held;
		};

		async function open(site: Site): Promise<Store> {
			// openStore shares one engine per URL and counts who holds it; this node closes its own hold.
			const store = await openStore(url, { batchSize: batchSize() });
			try {
				await store.defineSite({ id: site.id, timeZone: site.timeZone });
			} catch (error) {
				await store.close();
				throw error;
			}
			return store;
		}

		this.on("close", (done: (error?: Error) => void) => {
			const wasOpen = held;
			held = undefined;
			if (!wasOpen) return done();
			wasOpen
				.then((store) => store.close())
				.then(
					() => done(),
					() => done(),
				);
		});
	}
	RED.nodes.registerType("energy-site", EnergySite);
	RED.httpAdmin.get("/smart-energy/energy-site/tariffs", RED.auth.needsPermission("flows.read"), (_req, res) => {
		res.json(["simple", ...shippedTariffs().ids()]);
	});
};
