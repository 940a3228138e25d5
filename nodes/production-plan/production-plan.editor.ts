import type { EditorNodeProperties } from "node-red";
import { outputsOf, sayer, titled } from "../editor-parts.ts";
import { brokerUrl, emptyOrShaped, emptyOrWithin, within } from "../editor-rules.ts";
import { defaults, type ProductionPlanConfig, type ProductionPlanCredentials, ranges } from "./config.ts";

const say = sayer("production-plan");
const ranged = (field: keyof typeof ranges) => {
	const [min, max] = ranges[field];
	const optional = (defaults[field] as unknown) === "";
	return (optional ? emptyOrWithin : within)(say, "number", min, max);
};

RED.nodes.registerType<EditorNodeProperties & ProductionPlanConfig, ProductionPlanCredentials>("production-plan", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		mode: { value: defaults.mode },
		approval: { value: defaults.approval },
		horizonHours: { value: defaults.horizonHours, validate: ranged("horizonHours") },
		everyMinutes: { value: defaults.everyMinutes, validate: ranged("everyMinutes") },
		frozenMinutes: { value: defaults.frozenMinutes, validate: ranged("frozenMinutes") },
		lateMinutes: { value: defaults.lateMinutes, validate: ranged("lateMinutes") },
		staleMinutes: { value: defaults.staleMinutes, validate: ranged("staleMinutes") },
		repairHours: { value: defaults.repairHours, validate: ranged("repairHours") },
		marginPercent: { value: defaults.marginPercent, validate: ranged("marginPercent") },
		peakLimitKw: { value: defaults.peakLimitKw, validate: ranged("peakLimitKw") },
		carbonKrwPerTonne: { value: defaults.carbonKrwPerTonne, validate: ranged("carbonKrwPerTonne") },
		seconds: { value: defaults.seconds, validate: ranged("seconds") },
		gapPercent: { value: defaults.gapPercent, validate: ranged("gapPercent") },
		seed: { value: defaults.seed, validate: ranged("seed") },
		demoOrders: { value: defaults.demoOrders },
		publishMqtt: { value: defaults.publishMqtt },
		brokerUrl: {
			value: defaults.brokerUrl,
			validate: emptyOrShaped(say, "broker", brokerUrl),
		},
	},
	credentials: { username: { type: "text" }, password: { type: "password" } },
	inputs: 1,
	outputs: 4,
	outputLabels: outputsOf(say, "answers", "commands", "board", "events"),
	icon: "font-awesome/fa-tasks",
	...titled(say),
	oneditprepare() {
		const mode = $("#node-input-mode");
		const mqtt = $("#node-input-publishMqtt");
		const show = () => {
			$("#production-plan-planning").toggle(mode.val() !== "follow");
			$("#production-plan-mqtt").toggle(mqtt.is(":checked"));
		};
		mode.on("change", show);
		mqtt.on("change", show);
		show();
	},
});
