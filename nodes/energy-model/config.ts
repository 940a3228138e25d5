export const operations = ["list", "train", "status", "cancel", "promote", "roll-back", "import", "retire"] as const;

export type Operation = (typeof operations)[number];

/** What the editor saves and the runtime reads: one type for both halves. */
export interface EnergyModelConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site. */
	site: string;
	/** `from-message` takes it from `msg.operation`, or from method and path of a request. */
	operation: Operation | "from-message";
	/** A training that takes longer is ended, minutes. */
	deadlineMin: string | number;
	/** Trainings that may run or wait; more are refused. */
	mostWaiting: string | number;
}

export const defaults = { operation: "from-message", deadlineMin: 10, mostWaiting: 100 } as const;
