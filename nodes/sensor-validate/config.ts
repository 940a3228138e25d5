/** What the editor saves and the runtime reads: one type for both halves. */
export interface SensorValidateConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site. */
	site: string;
	/** Judges and answers, but remembers nothing and sends nothing to the quarantine. */
	dryRun: boolean;
	/** Seconds between two summaries with the silent machines; 0 sends none. */
	summaryS: number;
}
