import type { EditorNodeProperties } from "node-red";
import { isNumberIn, rule, sayer } from "../editor-rules.ts";
import type { ScheduleOptimizeConfig } from "./config.ts";

const say = sayer("schedule-optimize");
const within = (low: number, high: number, key: string) =>
	rule((value) => (isNumberIn(value, low, high) ? undefined : say(`schedule-optimize.errors.${key}`)));

RED.nodes.registerType<EditorNodeProperties & ScheduleOptimizeConfig>("schedule-optimize", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		seconds: { value: 30, required: true, validate: within(1, 3600, "seconds") },
		gapPercent: { value: 0.1, required: true, validate: within(0, 50, "gapPercent") },
		seed: { value: 1, required: true, validate: within(1, 2147483647, "seed") },
	},
	inputs: 1,
	outputs: 2,
	icon: "font-awesome/fa-calendar",
	paletteLabel: () => say("schedule-optimize.label"),
	outputLabels: (index: number) => say(`schedule-optimize.outputs.${index === 0 ? "plan" : "progress"}`),
	label() {
		return this.name || say("schedule-optimize.label");
	},
	labelStyle() {
		return this.name ? "node_label_italic" : "";
	},
});
