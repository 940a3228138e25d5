/** What the editor saves and the runtime reads: one type for both halves. */
export interface EnergyLiveConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site. */
	site: string;
	/** Where the WebSocket is served, e.g. `/ws`. */
	path: string;
}

export const pathPattern = /^(\/[A-Za-z0-9._~-]+)+$/;
