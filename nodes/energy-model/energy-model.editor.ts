import type { EditorNodeProperties } from "node-red";
import { outputsOf, sayer, titled } from "../editor-parts.ts";
import { within } from "../editor-rules.ts";
import { defaults, type EnergyModelConfig } from "./config.ts";

const say = sayer("energy-model");

RED.nodes.registerType<EditorNodeProperties & EnergyModelConfig>("energy-model", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		operation: { value: defaults.operation },
		deadlineMin: { value: defaults.deadlineMin, validate: within(say, "deadlineMin", 0.1, 1_440) },
		mostWaiting: { value: defaults.mostWaiting, validate: within(say, "mostWaiting", 1, 1_000) },
	},
	inputs: 1,
	outputs: 2,
	outputLabels: outputsOf(say, "answers", "events"),
	icon: "font-awesome/fa-graduation-cap",
	...titled<EnergyModelConfig>(say, ({ operation }) =>
		operation && operation !== "from-message" ? say(`operations.${operation}`) : say("label"),
	),
});
