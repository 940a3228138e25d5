import type { EditorNodeProperties } from "node-red";
import { sayer, titled } from "../editor-parts.ts";
import { shaped } from "../editor-rules.ts";
import { type EnergyLiveConfig, pathPattern } from "./config.ts";

const say = sayer("energy-live");

RED.nodes.registerType<EditorNodeProperties & EnergyLiveConfig>("energy-live", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		path: {
			value: "/ws",
			required: true,
			validate: shaped(say, "path", pathPattern),
		},
	},
	inputs: 1,
	outputs: 1,
	icon: "font-awesome/fa-heartbeat",
	...titled<EnergyLiveConfig>(say, ({ path }) => `${say("label")} ${path}`),
});
