import type { EditorNodeProperties } from "node-red";
import { rule, sayer } from "../editor-rules.ts";
import { type EnergyLiveConfig, pathPattern } from "./config.ts";

const say = sayer("energy-live");

RED.nodes.registerType<EditorNodeProperties & EnergyLiveConfig>("energy-live", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		path: {
			value: "/ws",
			required: true,
			validate: rule((value) => (pathPattern.test(String(value)) ? undefined : say("energy-live.errors.path"))),
		},
	},
	inputs: 1,
	outputs: 1,
	icon: "font-awesome/fa-heartbeat",
	paletteLabel: () => say("energy-live.label"),
	label() {
		return this.name || `${say("energy-live.label")} ${this.path}`;
	},
	labelStyle() {
		return this.name ? "node_label_italic" : "";
	},
});
