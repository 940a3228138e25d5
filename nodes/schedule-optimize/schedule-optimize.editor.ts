import type { EditorNodeProperties } from "node-red";
import { outputsOf, sayer, titled } from "../editor-parts.ts";
import { within } from "../editor-rules.ts";
import type { ScheduleOptimizeConfig } from "./config.ts";

const say = sayer("schedule-optimize");

RED.nodes.registerType<EditorNodeProperties & ScheduleOptimizeConfig>("schedule-optimize", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		seconds: { value: 30, required: true, validate: within(say, "seconds", 1, 3600) },
		gapPercent: { value: 0.1, required: true, validate: within(say, "gapPercent", 0, 50) },
		seed: { value: 1, required: true, validate: within(say, "seed", 1, 2_147_483_647) },
	},
	inputs: 1,
	outputs: 2,
	icon: "font-awesome/fa-calendar",
	...titled(say),
	outputLabels: outputsOf(say, "plan", "progress"),
});
