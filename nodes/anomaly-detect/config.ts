/** What a machine has of its own, above what holds for all. */
export interface MachineThresholds {
	machine: string;
	/** kW; absent or empty means 110 % of the rating. */
	powerThresholdKw?: number | "";
	warning?: number | "";
	critical?: number | "";
}

/** What the editor saves and the runtime reads: one type for both halves. */
export interface AnomalyDetectConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site. */
	site: string;
	/** Score from which a reading counts as a warning (`anomaly_threshold`). */
	warning: number;
	critical: number;
	/** How far the score must fall below a threshold before the level goes back. */
	hysteresis: number;
	/** Readings in a row that raise a level. */
	confirm: number;
	/** Readings in a row that lower it. */
	release: number;
	/** kW above which rules alarm (`power_threshold`); empty means 110 % of each machine's rating, 200 kW without one. */
	powerThresholdKw: number | "";
	machines: MachineThresholds[];
	nightly: boolean;
	/** Local hour of the nightly training. */
	nightlyHour: number;
	trainOnDrift: boolean;
	/** Days of history that a model learns from. */
	historyDays: number;
	/** Cadence that a model learns at, s. */
	cadenceS: number;
}

export const defaults = {
	warning: 0.7,
	critical: 0.9,
	hysteresis: 0.1,
	confirm: 3,
	release: 5,
	nightlyHour: 3,
	historyDays: 28,
	cadenceS: 60,
} as const;
