import type { EditorNodeProperties } from "node-red";
import { outputsOf, sayer, titled } from "../editor-parts.ts";
import { within } from "../editor-rules.ts";
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
			validate: within(say, "summaryS", 0, 3600),
		},
	},
	inputs: 1,
	outputs: 3,
	outputLabels: outputsOf(say, "valid", "rejected", "summary"),
	icon: "font-awesome/fa-check-square-o",
	...titled(say),
});
