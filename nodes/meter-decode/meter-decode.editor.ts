import type { EditorNodeProperties } from "node-red";
import { EnergyError } from "../../lib/errors.ts";
import { type MeterProfile, parseProfileText, wordOrders } from "../../lib/telemetry/meter-profile.ts";
import { sayer, titled } from "../editor-parts.ts";
import { rule, shaped, within } from "../editor-rules.ts";
import type { MeterDecodeConfig } from "./config.ts";

const say = sayer("meter-decode");

type Edited = EditorNodeProperties & MeterDecodeConfig;

/** What is wrong with a profile that was typed in; undefined where nothing is. */
function customProblem(text: string): string | undefined {
	try {
		parseProfileText(text);
		return undefined;
	} catch (error) {
		if (!(error instanceof EnergyError)) throw error;
		const { field, value, rule: expected } = error.details;
		return say("errors.profile", {
			field: String(field),
			value: JSON.stringify(value),
			rule: String(expected),
		});
	}
}

/** The reads that a profile needs, as they are entered in the modbus read nodes. */
function showBlocks(profile: MeterProfile | undefined): void {
	const list = $("#meter-decode-blocks").empty();
	for (const { functionCode, start, count } of profile?.blocks ?? []) {
		const address = start - (profile?.addressBase ?? 0);
		$("<li>").text(say("block", { functionCode, address, count })).appendTo(list);
	}
	const doubtful = Object.entries(profile?.fields ?? {}).filter(([, field]) => field.unverified);
	for (const [name, field] of doubtful)
		$("<li>")
			.text(`${name}: ${say("unverified")} ${field.note ?? ""}`)
			.appendTo(list);
}

RED.nodes.registerType<Edited>("meter-decode", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		machine: {
			value: "",
			required: true,
			validate: shaped(say, "machine", /^[A-Za-z0-9_-]{1,64}$/),
		},
		profile: { value: "eastron-sdm630", required: true },
		customProfile: {
			value: "",
			validate: rule<Edited>(function (value) {
				return this.profile === "custom" ? customProblem(String(value)) : undefined;
			}),
		},
		wordOrder: { value: "" },
		mergeMs: {
			value: 1000,
			required: true,
			validate: within(say, "mergeMs", 1, 60_000),
		},
	},
	inputs: 1,
	outputs: 1,
	icon: "font-awesome/fa-tachometer",
	...titled<Edited>(say, ({ machine }) => machine || say("label")),
	oneditprepare() {
		const select = $("#node-input-profile");
		const custom = $("#node-input-customProfile");
		const chosen = this.profile;
		const order = $("#node-input-wordOrder").empty();
		order.append($("<option>", { value: "", text: say("asProfile") }));
		for (const value of wordOrders) order.append($("<option>", { value, text: value }));
		order.val(this.wordOrder);
		$.getJSON("smartfactory/meter-profiles", (profiles: MeterProfile[]) => {
			select.empty();
			for (const { id, name } of profiles) select.append($("<option>", { value: id, text: name }));
			select.append($("<option>", { value: "custom", text: say("custom") }));
			const refresh = (): void => {
				const isCustom = select.val() === "custom";
				$(".meter-decode-custom").toggle(isCustom);
				const text = String(custom.val());
				const own = isCustom && customProblem(text) === undefined ? parseProfileText(text) : undefined;
				showBlocks(own ?? profiles.find(({ id }) => id === select.val()));
			};
			select.val(chosen).on("change", refresh);
			custom.on("input", refresh);
			$("#meter-decode-copy").on("click", () => {
				const from = profiles.find(({ id }) => id === String($("#meter-decode-template").val())) ?? profiles[0];
				custom.val(JSON.stringify(from, null, "\t")).trigger("input");
			});
			const template = $("#meter-decode-template").empty();
			for (const { id, name } of profiles) template.append($("<option>", { value: id, text: name }));
			refresh();
		});
	},
});
