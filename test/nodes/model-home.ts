import { createRequire } from "node:module";
import type { Node, NodeAPI } from "node-red";
import { openStore } from "../../lib/store/open.ts";
import type { Store } from "../../lib/store/store.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import { useHome } from "./harness.ts";

export const { trainerOf } = createRequire(import.meta.url)(
	"../../dist/models/training/trainer.js",
) as typeof import("../../models/training/trainer.ts");

/** A home with a store and a trainer of its own for each test of a `describe`, and a site node on that store. */
export function useModelHome(siteOf: () => Site): {
	readonly home: string;
	readonly store: Store;
	site: (RED: NodeAPI) => void;
} {
	const home = useHome();
	let store: Store;
	beforeEach(async () => {
		store = await openStore(`sqlite://${home.path}/test.db`);
	});
	afterEach(async () => {
		await trainerOf(home.path).close();
		await store.close();
	});
	return {
		get home() {
			return home.path;
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
