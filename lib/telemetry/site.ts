import type { Language } from "../messages.ts";
import type { Quantities } from "./reading.ts";

/** Limits of one quantity; outside of min…max a reading is rejected. */
export interface QuantityRule {
	min?: number;
	max?: number;
	/** Largest plausible change per second; beyond it the value is uncertain. */
	maxRatePerS?: number;
}

/** Validation rules of a machine; whatever is not set comes from defaults derived from its rating. */
export interface MachineRules {
	quantities?: Partial<Record<keyof Quantities, QuantityRule>>;
	/** A power that stays exactly the same for this long while running is a stuck sensor; 0 turns it off. */
	flatLineMs?: number;
	/** Silence after which the machine counts as not connected. */
	noDataMs?: number;
	/** How far ahead of our clock a reading may be. */
	maxFutureMs?: number;
	/** How far back a reading is still taken (backfill). */
	maxAgeMs?: number;
	/** Value at which the energy counter starts again at 0, kWh. */
	counterRolloverKwh?: number;
}

/** When a machine takes orders, and what it needs between them. */
export interface WorkingTime {
	/** Local time; `days` is `mon-fri`, `sat,sun` or `daily`; always manned where left out. */
	shifts?: { days: string; from: string; to: string }[];
	/** When it cannot work; ISO 8601 with offset. */
	maintenance?: { start: string; end: string; reason?: string }[];
	/** Between operations of different families. */
	setups?: { from: string; to: string; minutes: number; costKrw?: number }[];
	/** Once stopped it rests at least so long. */
	minPauseMinutes?: number;
	/** It takes operations of one family together, as many units as this; one operation at a time where left out. */
	batchSize?: number;
}

export interface Machine {
	/** Id in topics and the API: letters, digits, `-` and `_`. */
	id: string;
	name: string;
	/** The name in a language where it differs from `name`. */
	names?: Partial<Record<Language, string>>;
	area: string;
	/** Rated active power, kW. */
	ratedKw?: number;
	/** `main` meters the whole site; the site's total is a main meter where there is one, else the sum of `sub`. */
	role: "main" | "sub";
	/** May be started, stopped or limited by command. */
	controllable?: boolean;
	rules?: MachineRules;
	work?: WorkingTime;
}

export interface Site {
	id: string;
	name: string;
	/** IANA name, e.g. `Asia/Seoul`. */
	timeZone: string;
	machines: readonly Machine[];
	/** Whether readings of machines that are not listed are taken (with default rules) or rejected. */
	unknownMachines: "accept" | "reject";
}
