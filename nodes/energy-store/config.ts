export const queries = ["readings", "intervals", "series", "latest", "energy-since", "quarantined", "stats"] as const;

export const operations = ["write", "quarantine", "import", ...queries] as const;

export type Query = (typeof queries)[number];
export type Operation = (typeof operations)[number];

/** What the editor saves and the runtime reads: one type for both halves. */
export interface EnergyStoreConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site. */
	site: string;
	/** `from-message` takes it from `msg.operation`; a request can't choose to write that way. */
	operation: Operation | "from-message";
}
