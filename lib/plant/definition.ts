import { readData } from "../data.ts";
import type { Machine, Site } from "../telemetry/site.ts";

export type DayKind = "weekday" | "saturday" | "closed";
export type ProfileName =
	| "furnace"
	| "mill"
	| "compressor"
	| "chiller"
	| "cnc"
	| "conveyor"
	| "pumps"
	| "hvac"
	| "lighting";

/** Energy a machine uses on a day, kWh: by kind of day, and per degree that the day's mean is off the balance point. */
export type DailyEnergy = Record<DayKind, number> & {
	perDegreeAbove?: number;
	balanceC?: number;
	perDegreeBelow?: number;
	heatBalanceC?: number;
	/** How much of the weather's part remains on days with a short shift or none. */
	weatherShare?: Record<"saturday" | "closed", number>;
};

interface MachineBase {
	id: string;
	name: string;
	names: Machine["names"];
	area: string;
	/** How its readings leave the plant: published over MQTT, or served as a Modbus TCP meter. */
	path: "mqtt" | "modbus";
	ratedKw: number;
	controllable: boolean;
	meter?: { model: MeterModel; unit: number };
}

export type MeterModel = "sdm630" | "iem3000";

/** A consumer of the plant. */
export interface LoadDefinition extends MachineBase {
	role: "sub";
	profile: ProfileName;
	/** Power while it works, kW: where a start by command takes it. */
	runningKw: number;
	/** Technical minimum while it runs, kW; a limit below it holds here. */
	minKw: number;
	rampKwPerS: number;
	/** How long it stays on after a start and off after a stop by command, s. */
	minOnS: number;
	minOffS: number;
	powerFactor: { rated: number; idle: number };
	/** Swing within a minute as a share of power; it adds nothing to the energy of the minute. */
	texture: number;
	daily: DailyEnergy;
	/** The same in weeks in which it is the lagging one of a pair. */
	dailyLagging?: DailyEnergy;
	production?: { unit: string; perDay: Record<DayKind, number> };
	/** Winding or oil temperature: what it has when idle and how far load raises it; or the air outside. */
	temperature?: { baseC: number; riseC: number } | "outdoor";
}

export interface MainMeterDefinition extends MachineBase {
	role: "main";
}

export type MachineDefinition = LoadDefinition | MainMeterDefinition;

export interface PlantDefinition {
	version: 1;
	source: string;
	machines: MachineDefinition[];
	/** What the main meter sees on top of its loads: a share of them, and the transformer's no-load losses. */
	losses: { share: number; noLoadKw: number };
	/** Hours worked, local clock; the two shifts follow each other. */
	shifts: Record<DayKind, { from: string; to: string } | null>;
	breaks: { at: string; minutes: number }[];
	climate: {
		meanC: number;
		seasonC: number;
		/** Day of the year. */
		warmestDay: number;
		dayC: number;
		/** Local clock, h. */
		warmestHour: number;
		/** How far the weather of a day strays from the season. */
		weatherC: number;
	};
	grid: { phaseVoltageV: number; frequencyHz: number };
}

/** The demonstration plant that ships with the package. */
export function demoPlant(): PlantDefinition {
	return readData<PlantDefinition>("lib/plant/plant.json");
}

/** The plant as a site of the telemetry rooms: what an energy-site for it is made of. */
export function siteOfPlant(definition: PlantDefinition, id: string, timeZone: string): Site {
	return {
		id,
		name: id,
		timeZone,
		machines: definition.machines.map(({ id, name, names, area, role, ratedKw, controllable }) => ({
			id,
			name,
			...(names && { names }),
			area,
			role,
			ratedKw,
			controllable,
		})),
		unknownMachines: "reject",
	};
}
