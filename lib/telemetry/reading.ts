/** Trust in a value, in the words of OPC UA. */
export type Quality = "good" | "uncertain" | "bad";

/** In this order database files keep them as codes: add at the end, never change one. */
export const qualityReasons = [
	"Good_Backfill",
	"Good_CounterReset",
	"Good_CounterRollover",
	"Uncertain_LastKnownValue",
	"Uncertain_EngineeringUnitsExceeded",
	"Uncertain_RateOfChange",
	"Uncertain_FlatLine",
	"Uncertain_OutOfOrder",
	"Uncertain_UnitSuspect",
	"Bad_Stale",
	"Bad_NotConnected",
	"Bad_OutOfRange",
	"Bad_FutureTime",
	"Bad_Duplicate",
	"Bad_Malformed",
	"Bad_UnknownMachine",
] as const;
/** Why a value is not simply good. */
export type QualityReason = (typeof qualityReasons)[number];

/** In this order database files and models keep them as codes: add at the end, never change one. */
export const machineStates = ["off", "idle", "starting", "running", "stopping", "fault"] as const;
export type MachineState = (typeof machineStates)[number];

/** The measured quantities of a reading; each may be absent, at least one of powerKw and energyKwh is there. */
export interface Quantities {
	/** Mean or instantaneous active power, kW; negative is export. */
	powerKw?: number;
	/** Cumulative import counter of the meter, kWh; only its differences mean anything. */
	energyKwh?: number;
	/** 0…1 (lagging positive); −1…0 where a meter reports leading as negative. */
	powerFactor?: number;
	reactivePowerKvar?: number;
	voltageV?: number;
	currentA?: number;
	frequencyHz?: number;
	temperatureC?: number;
	/** Cumulative count of good pieces (or tonnes) made. */
	productionCount?: number;
}

export const quantityNames = [
	"powerKw",
	"energyKwh",
	"powerFactor",
	"reactivePowerKvar",
	"voltageV",
	"currentA",
	"frequencyHz",
	"temperatureC",
	"productionCount",
] as const satisfies readonly (keyof Quantities)[];

interface ReadingBase extends Quantities {
	site: string;
	machine: string;
	state?: MachineState;
	quality?: Quality;
	reason?: QualityReason;
}

/** One instant of one machine as it travels in `msg.payload`, over MQTT and HTTP. */
export interface WireReading extends ReadingBase {
	/** ISO 8601 with offset or `Z`. */
	time: string;
}

/** The same inside the domain: the time parsed once at the edge. */
export interface Reading extends ReadingBase {
	/** Epoch milliseconds, UTC. */
	timeMs: number;
}

export function toWire({ timeMs, ...rest }: Reading): WireReading {
	return { ...rest, time: new Date(timeMs).toISOString() };
}
