import type { EditorNodeProperties } from "node-red";
import { peaksOf } from "../../lib/tariff/contract-text.ts";
import { proposeTariffs, sayer, titled } from "../editor-parts.ts";
import { emptyOrWithin, isNumberIn, readable, rule } from "../editor-rules.ts";
import type { EnergyReportConfig } from "./config.ts";

const say = sayer("energy-report");

type Instance = EditorNodeProperties & EnergyReportConfig;

/** Only what the chosen format and tariff need is shown. */
function showWhatMatters(): void {
	$(".energy-report-csv").toggle($("#node-input-format").val() === "csv");
	$(".energy-report-pdf").toggle($("#node-input-format").val() === "pdf");
	$(".energy-report-tariff").toggle(!["", "site"].includes(String($("#node-input-tariff").val() ?? "")));
}

RED.nodes.registerType<Instance>("energy-report", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		kind: { value: "month" },
		format: { value: "pdf" },
		table: { value: "days" },
		language: { value: "ko" },
		tariff: { value: "site" },
		contractKw: {
			value: "",
			validate: rule<Instance>(function (value) {
				if (!this.tariff || this.tariff === "site") return undefined;
				return isNumberIn(value, 0.001, 10_000_000) ? undefined : say("errors.contractKw");
			}),
		},
		billingDay: {
			value: "1",
			validate: emptyOrWithin(say, "billingDay", 1, 31),
		},
		previousPeaks: { value: "", validate: readable(say, "previousPeaks", peaksOf) },
		grid: { value: "KR" },
		folder: { value: "" },
	},
	inputs: 1,
	outputs: 1,
	outputLabels: () => say("output"),
	icon: "font-awesome/fa-file-pdf-o",
	...titled<Instance>(say, ({ kind, format }) => say(`labels.${kind}`, { format: format.toUpperCase() })),
	oneditprepare() {
		proposeTariffs("energy-report");
		$("#node-input-format, #node-input-tariff").on("change input", showWhatMatters);
		showWhatMatters();
	},
});
