import type { EditorNodeProperties } from "node-red";
import { isNumberIn, rule, sayer } from "../editor-rules.ts";
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
				return isNumberIn(value, 0.001, 10_000_000) ? undefined : say("energy-report.errors.contractKw");
			}),
		},
		billingDay: {
			value: "1",
			validate: rule<Instance>((value) =>
				value === "" || isNumberIn(value, 1, 28) ? undefined : say("energy-report.errors.billingDay"),
			),
		},
		previousPeaks: {
			value: "",
			validate: rule<Instance>((value) => {
				if (!value) return undefined;
				try {
					const months = Object.entries(JSON.parse(String(value)) as Record<string, unknown>);
					if (months.every(([month, kw]) => /^\d{4}-\d{2}$/.test(month) && typeof kw === "number")) return undefined;
				} catch {
					// Said below.
				}
				return say("energy-report.errors.previousPeaks");
			}),
		},
		grid: { value: "KR" },
		folder: { value: "" },
	},
	inputs: 1,
	outputs: 1,
	outputLabels: () => say("energy-report.output"),
	icon: "font-awesome/fa-file-pdf-o",
	paletteLabel: () => say("energy-report.label"),
	label() {
		return this.name || say(`energy-report.labels.${this.kind}`, { format: this.format.toUpperCase() });
	},
	labelStyle() {
		return this.name ? "node_label_italic" : "";
	},
	oneditprepare() {
		$.getJSON("smart-energy/energy-report/tariffs", (ids: string[]) => {
			$("#energy-report-tariffs").append(ids.map((value) => $("<option>", { value })));
		});
		$("#node-input-format, #node-input-tariff").on("change input", showWhatMatters);
		showWhatMatters();
	},
});
