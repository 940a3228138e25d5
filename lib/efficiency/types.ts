/** What a quarter-hour of one machine adds up to. */
export interface Quarter {
	startMs: number;
	/** Time that readings cover, ms. */
	coveredMs: number;
	energyKwh: number;
	/** The part of it while the machine's state was known, and while it was idle. */
	statedKwh: number;
	idleKwh: number;
	/** Time idle or off, ms. */
	restMs: number;
	/** Sum of |power factor| × kWh, and the kWh it was known for. */
	pfKwh: number;
	pfOfKwh: number;
	/** Units made, and readings that told of some. */
	units: number;
	unitSteps: number;
}

/** The figures of an hour as they stood at its end: what later hours are compared with. Null is "not known". */
export interface Past {
	atMs: number;
	specificEnergyKwh: number | null;
	usefulShare: number | null;
	powerFactor: number | null;
}

/** What a machine's efficiency is judged by. */
export type Basis = "specificEnergy" | "usefulShare" | "powerFactor";

/** One figure, the machine's own best decile of it, and how near it is to that: 1 is as good, 0.7 is 30 % worse. */
export interface Figure {
	value: number | null;
	best: number | null;
	ratio: number | null;
}

export interface Efficiency {
	machine: string;
	atMs: number;
	/** kWh a unit made, while it was producing. */
	specificEnergyKwh: Figure;
	/** 1 − idle share, of the last 24 hours. */
	usefulShare: Figure;
	/** Weighted by energy, of the last hour. */
	powerFactor: Figure;
	/** Energy drawn while idle, of the last 24 hours, 0…1. */
	idleShare: number | null;
	/** Mean power of the last 24 hours over the highest quarter-hour of them, 0…1. */
	loadFactor: number | null;
	/** Energy of the last 24 hours, kWh. */
	energyKwh: number;
	/** 0…1 (more where it beats its own best decile is cut to 1); null while unknown. */
	efficiency: number | null;
	basis: Basis | null;
	/** Why there is no efficiency: still learning what is good, or nothing was made. */
	reason: "learning" | "idle" | "no-data" | null;
	/** Hours that the best decile is taken from. */
	hours: number;
}

/** What survives a restart. */
export interface EfficiencyMemory {
	version: 1;
	quarters: Quarter[];
	past: Past[];
}
