import type { EditorNodeProperties } from "node-red";
import { outputsOf, sayer, titled, typedRows } from "../editor-parts.ts";
import { emptyOrWithin, within } from "../editor-rules.ts";
import { type AnomalyDetectConfig, defaults, type MachineThresholds } from "./config.ts";

const say = sayer("anomaly-detect");
const listId = "#node-input-machines-list";

RED.nodes.registerType<EditorNodeProperties & AnomalyDetectConfig>("anomaly-detect", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		warning: { value: defaults.warning, required: true, validate: within(say, "score", 0.05, 1) },
		critical: { value: defaults.critical, required: true, validate: within(say, "score", 0.05, 1) },
		hysteresis: { value: defaults.hysteresis, required: true, validate: within(say, "hysteresis", 0, 0.5) },
		confirm: { value: defaults.confirm, required: true, validate: within(say, "count", 1, 1000) },
		release: { value: defaults.release, required: true, validate: within(say, "count", 1, 1000) },
		powerThresholdKw: { value: "", validate: emptyOrWithin(say, "power", 0.001, 1e6) },
		machines: { value: [] },
		nightly: { value: true },
		nightlyHour: { value: defaults.nightlyHour, required: true, validate: within(say, "hour", 0, 23) },
		trainOnDrift: { value: true },
		historyDays: { value: defaults.historyDays, required: true, validate: within(say, "days", 1, 366) },
		cadenceS: { value: defaults.cadenceS, required: true, validate: within(say, "cadence", 1, 3600) },
	},
	inputs: 1,
	outputs: 3,
	outputLabels: outputsOf(say, "scored", "alerts", "models"),
	icon: "font-awesome/fa-heartbeat",
	...titled(say),
	oneditprepare() {
		const list = $(listId);
		list.css({ minHeight: "90px" }).editableList<MachineThresholds>({
			addItem(row, _index, one) {
				row.css({ display: "flex", gap: "6px" });
				const field = (name: keyof MachineThresholds, type: string, width: string): void => {
					$("<input/>", { type, placeholder: say(`machine.${name}`), step: "any" })
						.addClass(`anomaly-detect-${name}`)
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
		const figure = (text: string): number | "" => (text === "" ? "" : Number(text));
		this.machines = typedRows(listId, "anomaly-detect", ["machine", "powerThresholdKw", "warning", "critical"])
			.filter(({ machine }) => machine !== "")
			.map(({ machine, powerThresholdKw, warning, critical }) => ({
				machine,
				powerThresholdKw: figure(powerThresholdKw),
				warning: figure(warning),
				critical: figure(critical),
			}));
	},
	oneditresize(size) {
		const rest = $("#dialog-form>div:not(.node-input-machines-row)")
			.toArray()
			.reduce((sum, element) => sum + ($(element).outerHeight(true) ?? 0), 0);
		$(listId).editableList("height", Math.max(90, size.height - rest - 40));
	},
});
