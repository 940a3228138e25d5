/** What the editor saves and the runtime reads: one type for both halves. */
export interface EnergyIngestConfig {
	configVersion: 1;
	name: string;
	/** `store`: acknowledged once stored; `follow`: a look at what passes by, nothing is kept for it. */
	mode: "store" | "follow";
	/** Empty means SMARTFACTORY_MQTT_BROKER, else the broker of this machine. */
	broker: string;
	protocol: "3.1.1" | "5";
	topic: string;
	/** Larger messages go to quarantine unread, kB. */
	maxKb: number;
	caFile: string;
	certFile: string;
	keyFile: string;
	verifyServer: boolean;
}

export interface EnergyIngestCredentials {
	username?: string;
	password?: string;
}

export const DEFAULT_TOPIC = "smartfactory/+/+/+/telemetry";

/** MQTT 3.1.1, 4.7: `+` fills a whole level, `#` is the last one. */
export function isTopicFilter(value: unknown): boolean {
	if (typeof value !== "string" || value === "" || value.length > 1024 || value.includes("\0")) return false;
	return value
		.split("/")
		.every((level, index, levels) =>
			level.includes("#") ? level === "#" && index === levels.length - 1 : level === "+" || !level.includes("+"),
		);
}
