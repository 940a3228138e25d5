import type { EditorNodeProperties } from "node-red";
import { isNumberIn, rule, sayer } from "../editor-rules.ts";
import { defaults, type EnergyModelConfig } from "./config.ts";

const say = sayer("energy-model");
const ranged = (field: string, min: number, max: number) =>
	rule((value) => (isNumberIn(value, min, max) ? undefined : say(`energy-model.errors.${field}`)));

RED.nodes.registerType<EditorNodeProperties & EnergyModelConfig>("energy-model", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		operation: { value: defaults.operation },
		deadlineMin: { value: defaults.deadlineMin, validate: ranged("deadlineMin", 0.1, 1_440) },
		mostWaiting: { value: defaults.mostWaiting, validate: ranged("mostWaiting", 1, 1_000) },
	},
	inputs: 1,
	outputs: 2,
	outputLabels: (index) => say(`energy-model.outputs.${index === 0 ? "answers" : "events"}`),
	icon: "font-awesome/fa-graduation-cap",
	paletteLabel: "energy model",
	label() {
		const fixed = this.operation && this.operation !== "from-message";
		return this.name || (fixed ? say(`energy-model.operations.${this.operation}`) : say("energy-model.label"));
	},
	labelStyle() {
		return this.name ? "node_label_italic" : "";
	},
});
