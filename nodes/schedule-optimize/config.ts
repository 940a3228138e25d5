/** What the editor saves and the runtime reads: one type for both halves. */
export interface ScheduleOptimizeConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site. */
	site: string;
	/** Time for a plan, s. */
	seconds: number;
	/** A plan this close to the bound is good enough, per cent. */
	gapPercent: number;
	/** The same seed gives the same plan. */
	seed: number;
}
