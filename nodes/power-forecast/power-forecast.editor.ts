import type { EditorNodeProperties } from "node-red";
import { isNumberIn, rule, sayer } from "../editor-rules.ts";
import { defaults, type PowerForecastConfig } from "./config.ts";

const outputs = ["forecasts", "models", "cards"] as const;
const say = sayer("power-forecast");
const ranged = (field: string, min: number, max: number) =>
	rule((value) => (isNumberIn(value, min, max) ? undefined : say(`power-forecast.errors.${field}`)));
const quarters = (field: string, min: number, max: number) =>
	rule((value) =>
		isNumberIn(value, min, max) &&
		(typeof value === "string" && value.startsWith("$") ? true : Number(value) % 15 === 0)
			? undefined
			: say(`power-forecast.errors.${field}`),
	);

RED.nodes.registerType<EditorNodeProperties & PowerForecastConfig>("power-forecast", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		horizonMinutes: { value: defaults.horizonMinutes, required: true, validate: quarters("horizon", 15, 10_080) },
		everyMinutes: { value: defaults.everyMinutes, required: true, validate: quarters("every", 0, 1_440) },
		intervalPercent: { value: defaults.intervalPercent, required: true, validate: ranged("percent", 50, 99) },
		historyDays: { value: defaults.historyDays, required: true, validate: ranged("days", 9, 1_100) },
		keepDays: { value: defaults.keepDays, required: true, validate: ranged("keep", 1, 366) },
		nightly: { value: true },
		nightlyHour: { value: defaults.nightlyHour, required: true, validate: ranged("hour", 0, 23) },
		trainOnDrift: { value: true },
		engine: { value: "auto" },
		provider: { value: "cpu" },
	},
	inputs: 1,
	outputs: 3,
	outputLabels(index) {
		return say(`power-forecast.outputs.${outputs[index] ?? "forecasts"}`);
	},
	icon: "font-awesome/fa-line-chart",
	paletteLabel: "power forecast",
	label() {
		return this.name || say("power-forecast.label");
	},
	labelStyle() {
		return this.name ? "node_label_italic" : "";
	},
});
