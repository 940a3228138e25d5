import type { EditorNodeProperties } from "node-red";
import { isNumberIn, rule, sayer } from "../editor-rules.ts";
import { type AnomalyDetectConfig, defaults, type MachineThresholds } from "./config.ts";

const say = sayer("anomaly-detect");
const ranged = (field: string, min: number, max: number) =>
	rule((value) => (isNumberIn(value, min, max) ? undefined : say(`anomaly-detect.errors.${field}`)));
const rangedOrEmpty = (field: string, min: number, max: number) =>
	rule((value) => (value === "" || isNumberIn(value, min, max) ? undefined : say(`anomaly-detect.errors.${field}`)));

RED.nodes.registerType<EditorNodeProperties & AnomalyDetectConfig>("anomaly-detect", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		warning: { value: defaults.warning, required: true, validate: ranged("score", 0.05, 1) },
		critical: { value: defaults.critical, required: true, validate: ranged("score", 0.05, 1) },
		hysteresis: { value: defaults.hysteresis, required: true, validate: ranged("hysteresis", 0, 0.5) },
		confirm: { value: defaults.confirm, required: true, validate: ranged("count", 1, 1000) },
		release: { value: defaults.release, required: true, validate: ranged("count", 1, 1000) },
		powerThresholdKw: { value: "", validate: rangedOrEmpty("power", 0.001, 1e6) },
		machines: { value: [] },
		nightly: { value: true },
		nightlyHour: { value: defaults.nightlyHour, required: true, validate: ranged("hour", 0, 23) },
		trainOnDrift: { value: true },
		historyDays: { value: defaults.historyDays, required: true, validate: ranged("days", 1, 366) },
		cadenceS: { value: defaults.cadenceS, required: true, validate: ranged("cadence", 1, 3600) },
	},
	inputs: 1,
	outputs: 3,
	outputLabels(index) {
		return say(`anomaly-detect.outputs.${["scored", "alerts", "models"][index] ?? "models"}`);
	},
	icon: "font-awesome/fa-heartbeat",
	paletteLabel: () => say("anomaly-detect.label"),
	label() {
		return this.name || say("anomaly-detect.label");
	},
	labelStyle() {
		return this.name ? "node_label_italic" : "";
	},
	oneditprepare() {
		const list = $("#node-input-machines-list");
		list.css({ minHeight: "90px" }).editableList<MachineThresholds>({
			addItem(row, _index, one) {
				row.css({ display: "flex", gap: "6px" });
				const field = (name: keyof MachineThresholds, type: string, width: string): void => {
					$("<input/>", { type, placeholder: say(`anomaly-detect.machine.${name}`), step: "any" })
						.addClass(`machine-${name}`)
						.css({ width })
						.val(String(one?.[name] ?? ""))
						.appendTo(row);
				};
				field("machine", "text", "34%");
				field("powerThresholdKw", "number", "22%");
				field("warning", "number", "18%");
				field("critical", "number", "18%");
			},
			removable: true,
		});
		for (const one of this.machines ?? []) list.editableList("addItem", one);
	},
	oneditsave() {
		const machines: MachineThresholds[] = [];
		$("#node-input-machines-list")
			.editableList("items")
			.each((_index, element) => {
				const text = (name: keyof MachineThresholds): string =>
					String($(element).find(`.machine-${name}`).val() ?? "").trim();
				const number = (name: keyof MachineThresholds): number | "" => (text(name) === "" ? "" : Number(text(name)));
				if (text("machine") === "") return;
				machines.push({
					machine: text("machine"),
					powerThresholdKw: number("powerThresholdKw"),
					warning: number("warning"),
					critical: number("critical"),
				});
			});
		this.machines = machines;
	},
	oneditresize(size) {
		const rest = $("#dialog-form>div:not(.node-input-machines-row)")
			.toArray()
			.reduce((sum, element) => sum + ($(element).outerHeight(true) ?? 0), 0);
		$("#node-input-machines-list").editableList("height", Math.max(90, size.height - rest - 40));
	},
});
