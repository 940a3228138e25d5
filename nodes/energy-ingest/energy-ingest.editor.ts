import type { EditorNodeProperties } from "node-red";
import { outputsOf, sayer, titled } from "../editor-parts.ts";
import { brokerUrl, emptyOrShaped, rule, within } from "../editor-rules.ts";
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
			validate: emptyOrShaped(say, "broker", brokerUrl),
		},
		protocol: { value: "5", required: true },
		topic: {
			value: DEFAULT_TOPIC,
			required: true,
			validate: rule((value) => (isTopicFilter(value) ? undefined : say("errors.topic"))),
		},
		maxKb: {
			value: 256,
			required: true,
			validate: within(say, "maxKb", 1, 10_240),
		},
		caFile: { value: "" },
		certFile: { value: "" },
		keyFile: { value: "" },
		verifyServer: { value: true },
	},
	credentials: { username: { type: "text" }, password: { type: "password" } },
	inputs: 0,
	outputs: 2,
	outputLabels: outputsOf(say, "readings", "rejected"),
	icon: "font-awesome/fa-sign-in",
	...titled<EnergyIngestConfig>(say, ({ topic }) => topic || say("label")),
	oneditprepare() {
		const broker = $("#node-input-broker");
		const showTls = () => $("#energy-ingest-tls").toggle(/^(mqtts|wss|tls|ssl):|^\$|^$/.test(String(broker.val())));
		broker.on("input", showTls);
		showTls();
	},
});
