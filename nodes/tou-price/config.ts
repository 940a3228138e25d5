/** What the node does with a message. */
export const operations = ["readings", "price", "rates", "cost", "recommendations", "bill", "carbon"] as const;
export type Operation = (typeof operations)[number];

/** What the editor saves and the runtime reads: one type for both halves. */
export interface TouPriceConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site; its contract gives the prices. */
	site: string;
	/** `readings` prices what passes by, and answers messages with `query`; `from-message` goes by `msg.operation`. */
	operation: Operation | "from-message";
	/** Whether it sends price and bill by itself, and announces changes of band. */
	live: boolean;
	/** Minutes before a change of band that it is announced; 0: never. */
	aheadMin: string | number;
	/** Grid of the emission factors. */
	grid: string;
}
