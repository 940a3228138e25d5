import type { EditorNodeProperties } from "node-red";
import { outputsOf, sayer, titled } from "../editor-parts.ts";
import { brokerUrl, emptyOrShaped, emptyOrWithin, within } from "../editor-rules.ts";
import type { PlantSimulateConfig, PlantSimulateCredentials } from "./config.ts";

const say = sayer("plant-simulate");
const between = (min: number, max: number) => within(say, "number", min, max);

RED.nodes.registerType<EditorNodeProperties & PlantSimulateConfig, PlantSimulateCredentials>("plant-simulate", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		publishMqtt: { value: true },
		brokerUrl: {
			value: "",
			validate: emptyOrShaped(say, "broker", brokerUrl),
		},
		seed: { value: 1, required: true, validate: between(1, 4_294_967_295) },
		periodS: { value: 1, required: true, validate: between(0.1, 3600) },
		startHoursAgo: { value: 0, required: true, validate: between(0, 8784) },
		speed: { value: 1, required: true, validate: between(1, 3600) },
		modbusPort: {
			value: "",
			validate: emptyOrWithin(say, "port", 0, 65_535),
		},
		modbusHost: { value: "" },
	},
	credentials: { username: { type: "text" }, password: { type: "password" } },
	inputs: 1,
	outputs: 2,
	outputLabels: outputsOf(say, "readings", "events"),
	icon: "font-awesome/fa-industry",
	...titled(say),
	oneditprepare() {
		const mqtt = $("#node-input-publishMqtt");
		const showMqtt = () => $("#plant-simulate-mqtt").toggle(mqtt.is(":checked"));
		mqtt.on("change", showMqtt);
		showMqtt();
		const hours = $("#node-input-startHoursAgo");
		const showSpeed = () => $(".plant-simulate-speed").toggle(hours.val() !== "0");
		hours.on("input", showSpeed);
		showSpeed();
	},
});
