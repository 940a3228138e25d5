import type { EditorNodeProperties } from "node-red";
import { sayer, titled } from "../editor-parts.ts";
import { oneOf } from "../editor-rules.ts";
import { type EnergyStoreConfig, operations } from "./config.ts";

const say = sayer("energy-store");

RED.nodes.registerType<EditorNodeProperties & EnergyStoreConfig>("energy-store", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		operation: {
			value: "write",
			required: true,
			validate: oneOf(say, "operation", ["from-message", ...operations]),
		},
	},
	inputs: 1,
	outputs: 1,
	icon: "font-awesome/fa-database",
	...titled<EnergyStoreConfig>(say, ({ operation }) => say(`operations.${operation}`)),
});
