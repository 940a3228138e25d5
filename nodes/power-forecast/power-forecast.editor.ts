import type { EditorNodeProperties } from "node-red";
import { outputsOf, sayer, titled } from "../editor-parts.ts";
import { isNumberIn, rule, within } from "../editor-rules.ts";
import { defaults, type PowerForecastConfig } from "./config.ts";

const say = sayer("power-forecast");
const quarters = (field: string, min: number, max: number) =>
	rule((value) =>
		isNumberIn(value, min, max) &&
		(typeof value === "string" && value.startsWith("$") ? true : Number(value) % 15 === 0)
			? undefined
			: say(`errors.${field}`),
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
		intervalPercent: { value: defaults.intervalPercent, required: true, validate: within(say, "percent", 50, 99) },
		historyDays: { value: defaults.historyDays, required: true, validate: within(say, "days", 9, 1_100) },
		keepDays: { value: defaults.keepDays, required: true, validate: within(say, "keep", 1, 366) },
		nightly: { value: true },
		nightlyHour: { value: defaults.nightlyHour, required: true, validate: within(say, "hour", 0, 23) },
		trainOnDrift: { value: true },
		engine: { value: "auto" },
		provider: { value: "cpu" },
	},
	inputs: 1,
	outputs: 3,
	outputLabels: outputsOf(say, "forecasts", "models", "cards"),
	icon: "font-awesome/fa-line-chart",
	...titled(say),
});
