import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Node, NodeAPI } from "node-red";
import { openStore } from "../../lib/store/open.ts";
import type { Store } from "../../lib/store/store.ts";
import type { Site } from "../../lib/telemetry/site.ts";

export const { trainerOf } = createRequire(import.meta.url)(
	"../../dist/models/training/trainer.js",
) as typeof import("../../models/training/trainer.ts");

/** A home with a store and a trainer of its own for each test of a `describe`, and a site node on that store. */
export function useModelHome(siteOf: () => Site): {
	readonly home: string;
	readonly store: Store;
	site: (RED: NodeAPI) => void;
} {
	let home = "";
	let store: Store;
	const homeBefore = process.env.SMARTFACTORY_HOME;
	beforeEach(async () => {
		home = mkdtempSync(join(tmpdir(), "sf-models-"));
		process.env.SMARTFACTORY_HOME = home;
		store = await openStore(`sqlite://${home}/test.db`);
	});
	afterEach(async () => {
		await trainerOf(home).close();
		await store.close();
		rmSync(home, { recursive: true, force: true });
		if (homeBefore === undefined) delete process.env.SMARTFACTORY_HOME;
		else process.env.SMARTFACTORY_HOME = homeBefore;
	});
	return {
		get home() {
			return home;
		},
		get store() {
			return store;
		},
		site: (RED) =>
			RED.nodes.registerType("energy-site", function (this: Node & Record<string, unknown>, config) {
				RED.nodes.createNode(this, config);
				this.site = siteOf();
				this.store = async () => store;
			}),
	};
}
