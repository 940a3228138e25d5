export const operations = ["statistics", "dashboard", "health", "metrics", "jobs"] as const;

export type Operation = (typeof operations)[number];

/** What the editor saves and the runtime reads: one type for both halves. */
export interface EnergySystemConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site. */
	site: string;
	/** `from-message` takes it from `msg.operation`, or from method and path of a request. */
	operation: Operation | "from-message";
}
