import type { EditorNodeProperties } from "node-red";
import { outputsOf, sayer, titled } from "../editor-parts.ts";
import { within } from "../editor-rules.ts";
import type { TouPriceConfig } from "./config.ts";

const say = sayer("tou-price");

RED.nodes.registerType<EditorNodeProperties & TouPriceConfig>("tou-price", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		operation: { value: "readings", required: true },
		live: { value: true },
		aheadMin: {
			value: "15",
			validate: within(say, "aheadMin", 0, 1440),
		},
		grid: { value: "KR" },
	},
	inputs: 1,
	outputs: 3,
	inputLabels: () => say("input"),
	outputLabels: outputsOf(say, "priced", "events", "live"),
	icon: "font-awesome/fa-krw",
	...titled<TouPriceConfig>(say, ({ operation = "readings" }) =>
		operation === "readings" ? say("title") : say(`operations.${operation}`),
	),
	oneditprepare() {
		const showWhatMatters = () => {
			$(".tou-price-ahead").toggle($("#node-input-live").prop("checked") === true);
			$(".tou-price-grid").toggle(["carbon", "from-message"].includes(String($("#node-input-operation").val())));
		};
		$("#node-input-live, #node-input-operation").on("change", showWhatMatters);
		showWhatMatters();
	},
});
