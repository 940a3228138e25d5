import type { EditorNodeProperties } from "node-red";
import { isNumberIn, rule, sayer } from "../editor-rules.ts";
import type { SensorValidateConfig } from "./config.ts";

const say = sayer("sensor-validate");

RED.nodes.registerType<EditorNodeProperties & SensorValidateConfig>("sensor-validate", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		dryRun: { value: false },
		summaryS: {
			value: 10,
			required: true,
			validate: rule((value) => (isNumberIn(value, 0, 3600) ? undefined : say("sensor-validate.errors.summaryS"))),
		},
	},
	inputs: 1,
	outputs: 3,
	outputLabels(index) {
		return say(`sensor-validate.outputs.${["valid", "rejected", "summary"][index] ?? "summary"}`);
	},
	icon: "font-awesome/fa-check-square-o",
	paletteLabel: () => say("sensor-validate.label"),
	label() {
		return this.name || say("sensor-validate.label");
	},
	labelStyle() {
		return this.name ? "node_label_italic" : "";
	},
});
