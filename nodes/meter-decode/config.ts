import type { WordOrder } from "../../lib/telemetry/meter-profile.ts";

/** What the editor saves and the runtime reads: one type for both halves. */
export interface MeterDecodeConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site. */
	site: string;
	/** Id of the machine whose meter this is. */
	machine: string;
	/** Id of a shipped profile, or `custom`. */
	profile: string;
	/** JSON of a profile, for `custom`. */
	customProfile: string;
	/** Empty means the profile's. */
	wordOrder: "" | WordOrder;
	/** How long the blocks of one poll may be apart, ms. */
	mergeMs: number;
}
