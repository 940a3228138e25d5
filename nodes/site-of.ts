import type { NodeAPI } from "node-red";
import { EnergyError } from "../lib/errors.ts";
import type { EnergySiteNode } from "./energy-site/config.ts";

/** The site a node is configured with; a missing one fails the message, never the constructor. */
export function siteOf(RED: NodeAPI, id: string): EnergySiteNode {
	const node = RED.nodes.getNode(id) as EnergySiteNode | null;
	if (!node?.site) throw new EnergyError("nodes.site-missing");
	return node;
}
