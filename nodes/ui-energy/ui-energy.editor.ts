import type { EditorNodeProperties } from "node-red";
import { actingCards, type UiEnergyConfig } from "./config.ts";

declare global {
	interface JQuery {
		/** Dashboard 2.0's picker of a widget's width and height. */
		elementSizer(options: { width: string; height: string; group: string }): JQuery;
	}
}

RED.nodes.registerType<EditorNodeProperties & UiEnergyConfig>("ui-energy", {
	category: "smart energy",
	color: "#A9D3D0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		group: { value: "", type: "ui-group", required: true },
		order: { value: 0 },
		width: { value: 0 },
		height: { value: 0 },
		card: { value: "power-now", required: true },
		site: { value: "", type: "energy-site", required: false },
		outputs: { value: 0 },
	},
	inputs: 1,
	outputs: 0,
	outputLabels() {
		return this._("ui-energy.output");
	},
	icon: "font-awesome/fa-tachometer",
	paletteLabel() {
		return this._("ui-energy.label");
	},
	label() {
		return this.name || this._(`ui-energy.cards.${this.card}`);
	},
	labelStyle() {
		return this.name ? "node_label_italic" : "";
	},
	oneditprepare() {
		const hasDashboard = Boolean(RED.nodes.getType("ui-group"));
		$("#ui-energy-no-dashboard").toggle(!hasDashboard);
		if (hasDashboard) {
			$("#node-input-size").elementSizer({
				width: "#node-input-width",
				height: "#node-input-height",
				group: "#node-input-group",
			});
		} else {
			$("#node-input-size").closest(".form-row").hide();
		}
	},
	oneditsave() {
		// Commands leave a card that acts; the others are the end of the wire.
		this.outputs = actingCards.some((card) => card === $("#node-input-card").val()) ? 1 : 0;
	},
});
