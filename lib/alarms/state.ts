import { EnergyError } from "../errors.ts";
import {
	type Alarm,
	type AlarmEvent,
	type AlarmIdentity,
	type AlarmState,
	type Priority,
	priorities,
} from "./types.ts";

/** Id of the one alarm of a rule at a machine. */
export function alarmId({ rule, machine }: Pick<AlarmIdentity, "rule" | "machine">): string {
	return machine === "" ? rule : `${rule}.${machine}`;
}

/** Rule and machine of an id; a rule's own id has no dot. */
export function identityOf(id: string): Pick<AlarmIdentity, "rule" | "machine"> {
	const dot = id.indexOf(".");
	return dot < 0 ? { rule: id, machine: "" } : { rule: id.slice(0, dot), machine: id.slice(dot + 1) };
}

/** The state of ISA-18.2; what hides an alarm stands above what it hides. */
export function stateOf(alarm: Alarm | undefined): AlarmState {
	if (!alarm) return "normal";
	if (alarm.outOfService) return "out-of-service";
	if (alarm.suppression !== null) return "suppressed";
	if (alarm.shelving) return "shelved";
	if (alarm.active) return alarm.acknowledged ? "acknowledged" : "unacknowledged";
	return alarm.acknowledged ? "normal" : "returned-unacknowledged";
}

/** Shelved, suppressed or out of service: nobody is asked to look at it. */
export function isHidden(alarm: Alarm): boolean {
	return alarm.outOfService !== null || alarm.suppression !== null || alarm.shelving !== null;
}

export function isHigher(a: Priority, than: Priority): boolean {
	return priorities.indexOf(a) < priorities.indexOf(than);
}

function fresh(event: AlarmEvent & { type: "raised" }): Alarm {
	return {
		id: event.alarm,
		rule: event.rule,
		machine: event.machine,
		group: event.group,
		priority: event.priority,
		active: false,
		acknowledged: true,
		shelving: null,
		suppression: null,
		outOfService: null,
		raisedMs: null,
		returnedMs: null,
		acknowledgedMs: null,
		acknowledgedBy: null,
		assignee: null,
		comment: null,
		cause: event.cause,
		inFlood: false,
		occurrences: 0,
		changedMs: event.atMs,
	};
}

/**
 * The alarm after an event. Pure: the same events make the same alarm, so a journal can be replayed.
 *
 * @param alarm undefined before its first event
 * @throws EnergyError `alarms.illegal` where the event cannot happen to this alarm
 */
export function evolve(alarm: Alarm | undefined, event: AlarmEvent): Alarm {
	const next = alarm ?? (event.type === "raised" ? fresh(event) : undefined);
	if (!next) throw illegal(alarm, event);
	return { ...next, ...step(next, event), changedMs: event.atMs };
}

function illegal(alarm: Alarm | undefined, event: AlarmEvent): EnergyError {
	return new EnergyError("alarms.illegal", { alarm: event.alarm, event: event.type, state: stateOf(alarm) });
}

/** What an event changes; the legal transitions stand here and nowhere else. */
function step(alarm: Alarm, event: AlarmEvent): Partial<Alarm> {
	const only = (legal: boolean): void => {
		if (!legal) throw illegal(alarm, event);
	};
	const { atMs, by, reason } = event;
	switch (event.type) {
		case "raised":
			only(!alarm.active);
			return {
				...{ active: true, acknowledged: false, acknowledgedMs: null, acknowledgedBy: null },
				...{ raisedMs: atMs, returnedMs: null, occurrences: alarm.occurrences + 1 },
				...{ priority: event.priority, cause: event.cause, inFlood: event.inFlood },
			};
		case "changed":
			only(alarm.active);
			return {
				...{ priority: event.priority, cause: event.cause },
				...(isHigher(event.priority, alarm.priority) ? { acknowledged: false } : {}),
			};
		case "returned": {
			only(alarm.active);
			// What nobody was shown, nobody has to acknowledge.
			const acknowledged = alarm.acknowledged || isHidden(alarm);
			const shelving = alarm.shelving?.mode === "one-shot" ? null : alarm.shelving;
			return { active: false, acknowledged, shelving, returnedMs: atMs, ...(acknowledged ? { assignee: null } : {}) };
		}
		case "acknowledged":
			only(!alarm.acknowledged);
			return {
				...{ acknowledged: true, acknowledgedMs: atMs, acknowledgedBy: by },
				...(alarm.active ? {} : { assignee: null }),
			};
		case "shelved":
			only(!alarm.outOfService && event.untilMs > atMs);
			return { shelving: { mode: event.mode, untilMs: event.untilMs, atMs, by, reason } };
		case "unshelved":
			only(alarm.shelving !== null);
			return { shelving: null };
		case "suppressed":
			only(alarm.suppression === null);
			return { suppression: reason };
		case "unsuppressed":
			only(alarm.suppression !== null);
			return { suppression: null };
		case "out-of-service":
			only(!alarm.outOfService);
			return { outOfService: { atMs, by, text: reason }, shelving: null };
		case "in-service":
			only(alarm.outOfService !== null);
			return { outOfService: null };
		case "assigned":
			return { assignee: event.assignee };
		case "commented":
			return { comment: { atMs, by, text: event.text } };
		case "retired":
			return {
				...{ active: false, acknowledged: true, shelving: null, suppression: null, outOfService: null },
				...{ returnedMs: alarm.active ? atMs : alarm.returnedMs, assignee: null, inFlood: false },
			};
	}
}
