import type { Language } from "../language.ts";

export const priorities = ["high", "medium", "low"] as const;
export type Priority = (typeof priorities)[number];

/** The states of ISA-18.2. */
export const alarmStates = [
	"normal",
	"unacknowledged",
	"acknowledged",
	"returned-unacknowledged",
	"shelved",
	"suppressed",
	"out-of-service",
] as const;
export type AlarmState = (typeof alarmStates)[number];

/** Why an alarm stands: a code of lib/alarms/messages.json with what fills it. */
export interface Cause {
	code: string;
	details: Readonly<Record<string, string | number>>;
	/** In words already, where another node said it (demand control, anomaly detection). */
	text?: Partial<Record<Language, string>>;
}

/** Shelving as OPC UA Part 9 has it; both kinds end at `untilMs` at the latest. */
export interface Shelving {
	mode: "one-shot" | "timed";
	untilMs: number;
	atMs: number;
	by: string;
	reason: string;
}

export interface Comment {
	atMs: number;
	by: string;
	text: string;
}

/** What an alarm is about; it never changes while the alarm exists. */
export interface AlarmIdentity {
	/** Id of the rule that watches. */
	rule: string;
	/** Empty for the site as a whole. */
	machine: string;
	/** Alarms of one group are told to people once. */
	group: string;
}

/**
 * One alarm: a rule at a machine. It exists once (that is the deduplication), however often it is raised; what it was
 * before is in its journal. Times are epoch ms.
 */
export interface Alarm extends AlarmIdentity {
	id: string;
	priority: Priority;
	/** The condition holds, delays and deadband considered. */
	active: boolean;
	/** Nobody needs to acknowledge it (any more). */
	acknowledged: boolean;
	shelving: Shelving | null;
	/** Why the plant's design hides it now. */
	suppression: string | null;
	outOfService: Comment | null;
	raisedMs: number | null;
	returnedMs: number | null;
	acknowledgedMs: number | null;
	acknowledgedBy: string | null;
	assignee: string | null;
	comment: Comment | null;
	cause: Cause | null;
	/** Raised within a flood: told to nobody on its own unless its priority is high. */
	inFlood: boolean;
	/** How often it was raised, ever. */
	occurrences: number;
	changedMs: number;
}

interface EventBase {
	atMs: number;
	/** Id of the alarm. */
	alarm: string;
	/** User, or `system`. */
	by: string;
	/** Why, in a person's words or a code. */
	reason: string;
}

/** Everything that can happen to an alarm; the alarm is what its events make of it. */
export type AlarmEvent = EventBase &
	(
		| ({ type: "raised"; priority: Priority; cause: Cause; inFlood: boolean } & AlarmIdentity)
		/** While it is active its priority or cause changed; a higher priority asks for a new acknowledgement. */
		| { type: "changed"; priority: Priority; cause: Cause }
		/** The condition is gone; `costKrw` is what it cost while it lasted, null where no price is known. */
		| { type: "returned"; costKrw: number | null }
		| { type: "acknowledged" }
		| { type: "shelved"; mode: Shelving["mode"]; untilMs: number }
		| { type: "unshelved" }
		/** A state of the machine explains it; `reason` is that state. */
		| { type: "suppressed" }
		| { type: "unsuppressed" }
		| { type: "out-of-service" }
		| { type: "in-service" }
		| { type: "assigned"; assignee: string | null }
		| { type: "commented"; text: string }
		/** Its rule or machine is no more. */
		| { type: "retired" }
	);

/** A line of the journal: the event, and the states it led from and to. */
export type JournalLine = AlarmEvent & { from: AlarmState; to: AlarmState };

/** What one event did. */
export interface Change {
	line: JournalLine;
	/** The alarm after it. */
	alarm: Alarm;
	/** Somebody should be told: it asks for an acknowledgement, and is neither hidden, nor in a flood, nor told with its group. */
	announce: boolean;
}

/** What an alarm costs while it lasts. */
export interface Running {
	/** Power above what it should be, kW; null where that is not known. */
	excessKw: number | null;
	/** KRW an hour at the price of now; null where power or price is not known. */
	krwPerHour: number | null;
	/** KRW since it was raised. */
	costKrw: number | null;
}
