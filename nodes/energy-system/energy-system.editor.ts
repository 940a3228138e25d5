import type { EditorNodeProperties } from "node-red";
import { rule, sayer } from "../editor-rules.ts";
import { type EnergySystemConfig, operations } from "./config.ts";

const say = sayer("energy-system");

RED.nodes.registerType<EditorNodeProperties & EnergySystemConfig>("energy-system", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		operation: {
			value: "statistics",
			required: true,
			validate: rule((value) =>
				["from-message", ...operations].includes(String(value)) ? undefined : say("energy-system.errors.operation"),
			),
		},
	},
	inputs: 1,
	outputs: 1,
	icon: "font-awesome/fa-heartbeat",
	paletteLabel: "energy system",
	label() {
		const fixed = this.operation && this.operation !== "from-message";
		return this.name || (fixed ? say(`energy-system.operations.${this.operation}`) : say("energy-system.label"));
	},
	labelStyle() {
		return this.name ? "node_label_italic" : "";
	},
});
