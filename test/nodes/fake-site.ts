import type { Node, NodeAPI, NodeDef } from "node-red";
import type { Site } from "../../lib/telemetry/site.ts";

/** An energy-site without a store, for nodes that only need the site. */
export function fakeSite(site: Site): (RED: NodeAPI) => void {
	return (RED) => {
		RED.nodes.registerType("energy-site", function (this: Node & { site?: Site }, config: NodeDef) {
			RED.nodes.createNode(this, config);
			this.site = site;
		});
	};
}

export const demoSite = (): Site => ({
	id: "demo",
	name: "Demo",
	timeZone: "Asia/Seoul",
	unknownMachines: "reject",
	machines: [{ id: "press", name: "Press", area: "hall", role: "sub", ratedKw: 100 }],
});
