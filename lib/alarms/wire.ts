import { type Listing, pageOf } from "../listing.ts";
import type { KpiReport } from "./kpi.ts";
import { isHidden, stateOf } from "./state.ts";
import {
	type Alarm,
	type AlarmEvent,
	type AlarmState,
	type Change,
	type JournalLine,
	type Priority,
	priorities,
	type Running,
} from "./types.ts";
import { causeWords, type Words } from "./words.ts";

/** An alarm as the API, the live feed and MQTT carry it. Times are ISO 8601; null is "not known" or "not so". */
export interface WireAlarm {
	id: string;
	site: string;
	rule: string;
	/** Empty for the site as a whole. */
	machine: string;
	group: string;
	state: AlarmState;
	priority: Priority;
	active: boolean;
	acknowledged: boolean;
	raised: string | null;
	returned: string | null;
	changed: string;
	acknowledgedAt: string | null;
	acknowledgedBy: string | null;
	assignee: string | null;
	comment: { time: string; by: string; text: string } | null;
	shelving: { mode: "one-shot" | "timed"; until: string; time: string; by: string; reason: string } | null;
	suppression: string | null;
	outOfService: { time: string; by: string; text: string } | null;
	cause: { code: string; details: Readonly<Record<string, string | number>>; text: Words } | null;
	inFlood: boolean;
	occurrences: number;
	excessKw: number | null;
	/** While it lasts, in won (or the tariff's currency). */
	krwPerHour: number | null;
	/** Since it was raised. */
	costKrw: number | null;
}

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));
const rounded = (value: number | null, digits: number): number | null =>
	value === null ? null : Math.round(value * 10 ** digits) / 10 ** digits;

/** An alarm as it travels: times as ISO 8601, costs in won as they run up until now. */
export function wireAlarm(alarm: Alarm, site: string, running: Running): WireAlarm {
	const { comment, shelving, outOfService, cause } = alarm;
	return {
		...{ id: alarm.id, site, rule: alarm.rule, machine: alarm.machine, group: alarm.group },
		...{ state: stateOf(alarm), priority: alarm.priority, active: alarm.active, acknowledged: alarm.acknowledged },
		raised: isoOrNull(alarm.raisedMs),
		returned: isoOrNull(alarm.returnedMs),
		changed: iso(alarm.changedMs),
		acknowledgedAt: isoOrNull(alarm.acknowledgedMs),
		acknowledgedBy: alarm.acknowledgedBy,
		assignee: alarm.assignee,
		comment: comment && { time: iso(comment.atMs), by: comment.by, text: comment.text },
		shelving: shelving && {
			...{ mode: shelving.mode, until: iso(shelving.untilMs), time: iso(shelving.atMs) },
			...{ by: shelving.by, reason: shelving.reason },
		},
		suppression: alarm.suppression,
		outOfService: outOfService && { time: iso(outOfService.atMs), by: outOfService.by, text: outOfService.text },
		cause: cause && { code: cause.code, details: cause.details, text: causeWords(cause) },
		inFlood: alarm.inFlood,
		occurrences: alarm.occurrences,
		excessKw: rounded(running.excessKw, 2),
		krwPerHour: rounded(running.krwPerHour, 0),
		costKrw: rounded(running.costKrw, 0),
	};
}

/** A line of a journal with its time in ISO 8601; what else it has goes by its type. */
export interface WireLine {
	time: string;
	alarm: string;
	type: AlarmEvent["type"];
	by: string;
	/** A person's words, or a code. */
	reason: string;
	from: AlarmState;
	to: AlarmState;
	priority?: Priority;
	cause?: { code: string; text: Words };
	costKrw?: number | null;
	until?: string;
	assignee?: string | null;
	text?: string;
}

export function wireLine(line: JournalLine): WireLine {
	const { atMs, ...rest } = line;
	const until = "untilMs" in rest ? { until: iso(rest.untilMs), untilMs: undefined } : {};
	const worded = { time: iso(atMs), ...rest, ...until };
	return "cause" in worded ? { ...worded, cause: { ...worded.cause, text: causeWords(worded.cause) } } : worded;
}

/** What happened lately, and how the alarms of the last days served their operators. */
export interface WireRecord {
	site: string;
	time: string;
	/** Newest first. */
	lines: WireLine[];
	kpi: WireKpi;
	/** Rule and machine (empty for the site) of each alarm that the record names. */
	alarms: Record<string, { rule: string; machine: string }>;
}

/** What the live feed and MQTT are told of a change. */
export function wireChange({ line, alarm, announce }: Change, site: string, running: Running): object {
	return {
		...{ type: line.type, time: iso(line.atMs), by: line.by, reason: line.reason, from: line.from, to: line.to },
		...{ announce, alarm: wireAlarm(alarm, site, running) },
	};
}

/** How the alarms of a span served their operators. Times are ISO 8601. */
export interface WireKpi
	extends Pick<
		KpiReport,
		"alarms" | "day" | "hour" | "tenMinutes" | "floodShare" | "chattering" | "top" | "priorities"
	> {
	from: string;
	to: string;
	perDay: { from: string; alarms: number }[];
	floods: { from: string; to: string; alarms: number }[];
	stale: { alarm: string; since: string }[];
	/** Median, seconds; null where none was acknowledged. */
	acknowledgedAfterS: number | null;
}

/** Key figures as they travel. */
export function wireKpi(report: KpiReport): WireKpi {
	const { fromMs, toMs, floods, stale, acknowledgedAfterMs, perDay, ...rest } = report;
	return {
		...{ from: iso(fromMs), to: iso(toMs), ...rest },
		perDay: perDay.map((day) => ({ from: iso(day.fromMs), alarms: day.alarms })),
		floods: floods.map((flood) => ({ from: iso(flood.fromMs), to: iso(flood.toMs), alarms: flood.alarms })),
		stale: stale.map(({ alarm, sinceMs }) => ({ alarm, since: iso(sinceMs) })),
		acknowledgedAfterS: acknowledgedAfterMs === null ? null : Math.round(acknowledgedAfterMs / 1000),
	};
}

const rank: Readonly<Record<AlarmState, number>> = {
	...{ unacknowledged: 0, acknowledged: 1, "returned-unacknowledged": 2 },
	...{ shelved: 3, suppressed: 4, "out-of-service": 5, normal: 6 },
};

/** How alarms are listed: what waits for a person first, by priority, the newest first. */
export const alarmListing: Listing<Alarm> = {
	fields: {
		state: stateOf,
		priority: ({ priority }) => priorities.indexOf(priority),
		raised: ({ raisedMs }) => raisedMs,
		changed: ({ changedMs }) => changedMs,
		machine: ({ machine }) => machine,
		rule: ({ rule }) => rule,
		occurrences: ({ occurrences }) => occurrences,
	},
	usual: (alarm) => [rank[stateOf(alarm)], priorities.indexOf(alarm.priority), -(alarm.raisedMs ?? alarm.changedMs)],
	id: ({ id }) => id,
};

/** What a board shows: everything but what is normal; counts are whole where the list is cut. */
export interface WireBoard {
	site: string;
	time: string;
	alarms: WireAlarm[];
	counts: { unacknowledged: Record<Priority, number>; shown: number; hidden: number; normal: number };
	flooding: boolean;
}

/** The board of now, at most `most` alarms long. */
export function boardOf(
	alarms: Iterable<Alarm>,
	site: string,
	runningOf: (id: string) => Running,
	nowMs: number,
	most = 100,
): WireBoard {
	const counts: WireBoard["counts"] = {
		...{ unacknowledged: { high: 0, medium: 0, low: 0 }, shown: 0, hidden: 0, normal: 0 },
	};
	const listed: Alarm[] = [];
	let flooding = false;
	for (const alarm of alarms) {
		const state = stateOf(alarm);
		if (alarm.rule === "flood" && alarm.active) flooding = true;
		if (state === "normal") counts.normal++;
		else if (isHidden(alarm)) counts.hidden++;
		else counts.shown++;
		if (!alarm.acknowledged && !isHidden(alarm)) counts.unacknowledged[alarm.priority]++;
		if (state !== "normal") listed.push(alarm);
	}
	const wired = pageOf(listed, alarmListing, { limit: most }).items.map((alarm) =>
		wireAlarm(alarm, site, runningOf(alarm.id)),
	);
	return { site, time: iso(nowMs), alarms: wired, counts, flooding };
}
