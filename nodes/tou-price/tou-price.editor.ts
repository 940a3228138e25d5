import type { EditorNodeProperties } from "node-red";
import { isNumberIn, rule, sayer } from "../editor-rules.ts";
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
			validate: rule((value) => (isNumberIn(value, 0, 1440) ? undefined : say("tou-price.errors.aheadMin"))),
		},
		grid: { value: "KR" },
	},
	inputs: 1,
	outputs: 3,
	inputLabels: () => say("tou-price.input"),
	outputLabels(index) {
		return say(`tou-price.outputs.${["priced", "events", "live"][index] ?? "priced"}`);
	},
	icon: "font-awesome/fa-krw",
	paletteLabel: () => say("tou-price.palette"),
	label() {
		const operation = this.operation ?? "readings";
		return this.name || (operation === "readings" ? say("tou-price.label") : say(`tou-price.operations.${operation}`));
	},
	labelStyle() {
		return this.name ? "node_label_italic" : "";
	},
	oneditprepare() {
		const showWhatMatters = () => {
			$(".tou-price-ahead").toggle($("#node-input-live").prop("checked") === true);
			$(".tou-price-grid").toggle(["carbon", "from-message"].includes(String($("#node-input-operation").val())));
		};
		$("#node-input-live, #node-input-operation").on("change", showWhatMatters);
		showWhatMatters();
	},
});
