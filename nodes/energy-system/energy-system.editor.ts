import type { EditorNodeProperties } from "node-red";
import { sayer, titled } from "../editor-parts.ts";
import { oneOf } from "../editor-rules.ts";
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
			validate: oneOf(say, "operation", ["from-message", ...operations]),
		},
	},
	inputs: 1,
	outputs: 1,
	icon: "font-awesome/fa-heartbeat",
	...titled<EnergySystemConfig>(say, ({ operation }) =>
		operation && operation !== "from-message" ? say(`operations.${operation}`) : say("label"),
	),
});
