import type { EnergyMessage } from "../on-input.ts";

/** What travels through an energy-store node. */
export interface StoreMessage extends EnergyMessage {
	operation?: unknown;
	query?: unknown;
	/** Set by energy-ingest: who waits for this batch to be committed. */
	ingest?: unknown;
	/** Set by sensor-validate. */
	validation?: { accepted?: number; rejected?: readonly unknown[] };
	statusCode?: number;
	headers?: Record<string, string>;
}
