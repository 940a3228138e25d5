import type { Language } from "../messages.ts";
import type { MachineState, Quality, QualityReason } from "../telemetry/reading.ts";

/** A machine as a card shows it; null is "not known", never 0. */
export interface MachineNow {
	machine: string;
	name: string;
	/** The site's names for it in other languages, where it has some. */
	names?: Partial<Record<Language, string>>;
	area: string;
	role: "main" | "sub";
	ratedKw: number | null;
	/** ISO 8601, time of the newest reading. */
	time: string | null;
	powerKw: number | null;
	energyTodayKwh: number | null;
	powerFactor: number | null;
	state: MachineState | null;
	quality: Quality;
	reason: QualityReason | null;
}

/** Whether data flows, for the health card. */
export interface DataFlow {
	/** Readings stored per second over the last ten seconds. */
	readingsPerS: number;
	/** Readings rejected over the last minute. */
	rejectedPerMin: number;
	/** Machines whose last reading is older than their noDataMs. */
	silent: string[];
	/** Newest reading of the site, ISO 8601. */
	lastReadingTime: string | null;
}

interface Base {
	site: string;
	/** Rises by one with each message to all clients of a site. */
	seq: number;
	/** When it was made, ISO 8601. */
	time: string;
}

/** The whole picture; the first message to a client and what `GET /api/v1/monitoring/realtime` answers. */
export interface Snapshot extends Base {
	type: "snapshot";
	/** Names this run of the feed: `seq` counts anew after a restart. Come back with `?resume=<stream>:<seq>`. */
	stream: string;
	timeZone: string;
	totalKw: number | null;
	totalQuality: Quality;
	energyTodayKwh: number | null;
	machines: MachineNow[];
	flow: DataFlow;
}

/** What changed in the last second; only the machines that changed. */
export interface Delta extends Base {
	type: "delta";
	totalKw: number | null;
	totalQuality: Quality;
	energyTodayKwh: number | null;
	machines: MachineNow[];
	flow: DataFlow;
}

/** Something that happened: an alarm, a band change, a command. Never coalesced. */
export interface LiveEvent extends Base {
	type: "event";
	event: string;
	data: unknown;
}

/** The first message to a client that came back: what it missed follows, after a snapshot where the picture has a hole. */
export interface Resumed extends Base {
	type: "resumed";
	stream: string;
	/** So many messages follow that it had missed. */
	replayed: number;
	/** False: a snapshot follows, because the deltas reach no longer so far back. */
	deltasComplete: boolean;
	/** False: events are missing; ask the API for what happened, e.g. `GET /api/v1/alarms`. */
	eventsComplete: boolean;
}

export interface Heartbeat {
	type: "heartbeat";
	time: string;
}

/** A client's message was not understood; the connection goes on. */
export interface LiveProblem {
	type: "problem";
	/** An EnergyError code. */
	title: string;
	detail: string;
}

export type LiveMessage = Snapshot | Delta | LiveEvent | Resumed | Heartbeat | LiveProblem;
