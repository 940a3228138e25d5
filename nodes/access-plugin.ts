import type { NodeAPI } from "node-red";
import type { AccessContext } from "../lib/access/context.ts";
import type { FlowNode } from "../lib/access/flow-changes.ts";
import type { Access } from "../lib/access/index.ts";
import type { IoSocket } from "../lib/access/node-red.ts";
import { mayUseWidget } from "../lib/access/widget-rights.ts";

/** As much of Dashboard 2.0's plugin hooks as is used: what returns nothing is not done. */
interface DashboardPlugin {
	type: "node-red-dashboard-2";
	hooks: Record<"onAction" | "onChange" | "onSend", (socket: IoSocket, widget: string, msg: unknown) => unknown>;
}

interface PluginApi extends Pick<NodeAPI, "nodes"> {
	plugins: { registerPlugin(id: string, plugin: DashboardPlugin): void };
	settings: { smartEnergy?: Access; flowFile?: string };
	events: NodeJS.EventEmitter;
}

/**
 * Our ears and hands inside Node-RED: every action of a widget, whoever made the widget, takes an operator, and every
 * deploy is kept in the audit. Where our access check is not installed, nothing is done.
 */
export default (RED: NodeAPI): void => {
	const { plugins, settings, events, nodes } = RED as unknown as PluginApi;
	const { smartEnergy } = settings;
	if (!smartEnergy?.guard) return;
	const judged = (socket: IoSocket, widget: unknown, msg: unknown): unknown => {
		const access = socket.data.access as AccessContext | undefined;
		// What comes over a socket may be anything; what is no node of ours is nobody's to use.
		if (typeof widget !== "string" || !nodes.getNode(widget)) return null;
		if (!mayUseWidget(access, widget, "operator")) return null;
		// A slider that is dragged says so a hundred times.
		smartEnergy.audit?.summarise({ who: access?.user ?? "?", what: "widget", target: widget });
		return msg;
	};
	plugins.registerPlugin("smart-energy-access", {
		type: "node-red-dashboard-2",
		hooks: { onAction: judged, onChange: judged, onSend: judged },
	});
	events.once("flows:started", () => {
		smartEnergy.flows?.watch({
			file: settings.flowFile ?? "flows.json",
			nodes: () => {
				const all: FlowNode[] = [];
				nodes.eachNode((node) => all.push(structuredClone(node) as unknown as FlowNode));
				return all;
			},
			credentials: (id) => nodes.getCredentials(id),
		});
	});
};
