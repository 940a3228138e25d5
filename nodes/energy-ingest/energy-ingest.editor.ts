import type { EditorNodeProperties } from "node-red";
import { isNumberIn, rule, sayer } from "../editor-rules.ts";
import { DEFAULT_TOPIC, type EnergyIngestConfig, type EnergyIngestCredentials, isTopicFilter } from "./config.ts";

const say = sayer("energy-ingest");

RED.nodes.registerType<EditorNodeProperties & EnergyIngestConfig, EnergyIngestCredentials>("energy-ingest", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		mode: { value: "store", required: true },
		broker: {
			value: "",
			validate: rule((value) =>
				!value || /^(mqtts?|wss?|tcp|tls|ssl):\/\/[^\s/]+/.test(String(value)) || /^\$\{\w+\}$/.test(String(value))
					? undefined
					: say("energy-ingest.errors.broker"),
			),
		},
		protocol: { value: "5", required: true },
		topic: {
			value: DEFAULT_TOPIC,
			required: true,
			validate: rule((value) => (isTopicFilter(value) ? undefined : say("energy-ingest.errors.topic"))),
		},
		maxKb: {
			value: 256,
			required: true,
			validate: rule((value) => (isNumberIn(value, 1, 10_240) ? undefined : say("energy-ingest.errors.maxKb"))),
		},
		caFile: { value: "" },
		certFile: { value: "" },
		keyFile: { value: "" },
		verifyServer: { value: true },
	},
	credentials: { username: { type: "text" }, password: { type: "password" } },
	inputs: 0,
	outputs: 2,
	outputLabels: (index) => say(index === 0 ? "energy-ingest.outputs.readings" : "energy-ingest.outputs.rejected"),
	icon: "font-awesome/fa-sign-in",
	paletteLabel: () => say("energy-ingest.label"),
	label() {
		return this.name || this.topic || say("energy-ingest.label");
	},
	labelStyle() {
		return this.name ? "node_label_italic" : "";
	},
	oneditprepare() {
		const broker = $("#node-input-broker");
		const showTls = () => $("#energy-ingest-tls").toggle(/^(mqtts|wss|tls|ssl):|^\$|^$/.test(String(broker.val())));
		broker.on("input", showTls);
		showTls();
	},
});
