import { EnergyError } from "../errors.ts";
import type { Alarm, AlarmEvent, Shelving } from "./types.ts";

interface CommandBase {
	/** Id of the alarm. */
	alarm: string;
	/** Who wants it. */
	by: string;
	/** Why, in their words. */
	reason?: string;
}

/** What a person may want of an alarm. */
export type AlarmCommand = CommandBase &
	(
		| { type: "ack" }
		/** A timed one without a duration lasts as long as is allowed. */
		| { type: "shelve"; mode: Shelving["mode"]; durationMs?: number }
		| { type: "unshelve" }
		/** Hides it until a person shows it again; a machine's state hides and shows by itself. */
		| { type: "suppress" }
		| { type: "unsuppress" }
		| { type: "comment"; text: string }
		/** null: nobody. */
		| { type: "assign"; assignee: string | null }
		| { type: "out-of-service" }
		| { type: "in-service" }
	);

export const commandNames = [
	"ack",
	"shelve",
	"unshelve",
	"suppress",
	"unsuppress",
	"comment",
	"assign",
	"out-of-service",
	"in-service",
] as const satisfies readonly AlarmCommand["type"][];

/**
 * The events a command makes; none where it is so already.
 *
 * @throws EnergyError `alarms.nothing-to-acknowledge`, `alarms.not-shelved`, `alarms.not-suppressed`,
 *   `alarms.out-of-service`, `alarms.not-out-of-service`, `alarms.bad-command`
 */
export function decide(alarm: Alarm, command: AlarmCommand, nowMs: number, maxShelveMs: number): AlarmEvent[] {
	const base = { alarm: alarm.id, atMs: nowMs, by: command.by, reason: command.reason ?? "" };
	switch (command.type) {
		case "ack":
			if (!alarm.acknowledged) return [{ ...base, type: "acknowledged" }];
			if (alarm.active) return [];
			throw new EnergyError("alarms.nothing-to-acknowledge", { alarm: alarm.id });
		case "shelve": {
			if (alarm.outOfService) throw new EnergyError("alarms.out-of-service", { alarm: alarm.id });
			const durationMs = command.durationMs ?? maxShelveMs;
			if (!(durationMs >= 1_000 && durationMs <= maxShelveMs)) {
				const rule = `1…${Math.floor(maxShelveMs / 60_000)} min`;
				throw new EnergyError("alarms.bad-command", { field: "minutes", value: durationMs / 60_000, rule });
			}
			return [{ ...base, type: "shelved", mode: command.mode, untilMs: nowMs + durationMs }];
		}
		case "unshelve":
			if (!alarm.shelving) throw new EnergyError("alarms.not-shelved", { alarm: alarm.id });
			return [{ ...base, type: "unshelved" }];
		case "suppress": {
			const suppressed = { ...base, type: "suppressed", reason: byHand(base.reason) } as const;
			if (isByHand(alarm.suppression)) return [];
			return alarm.suppression === null ? [suppressed] : [{ ...base, type: "unsuppressed" }, suppressed];
		}
		case "unsuppress":
			if (!isByHand(alarm.suppression)) throw new EnergyError("alarms.not-suppressed", { alarm: alarm.id });
			return [{ ...base, type: "unsuppressed" }];
		case "comment":
			return [{ ...base, type: "commented", text: command.text }];
		case "assign":
			return command.assignee === alarm.assignee ? [] : [{ ...base, type: "assigned", assignee: command.assignee }];
		case "out-of-service":
			return alarm.outOfService ? [] : [{ ...base, type: "out-of-service" }];
		case "in-service":
			if (!alarm.outOfService) throw new EnergyError("alarms.not-out-of-service", { alarm: alarm.id });
			return [{ ...base, type: "in-service" }];
	}
}

const HAND = "manual";
const byHand = (reason: string): string => (reason === "" ? HAND : `${HAND}: ${reason}`);

/** Whether a person hides an alarm, and not the state of its machine. */
export function isByHand(suppression: string | null): boolean {
	return suppression === HAND || suppression?.startsWith(`${HAND}: `) === true;
}

const MAX_TEXT = 2_000;

/** What a request or message says, read at the edge. @throws EnergyError `alarms.bad-command` */
export function commandOf(type: AlarmCommand["type"], given: unknown, alarm: unknown, by: string): AlarmCommand {
	const fail = (field: string, value: unknown, rule: string): never => {
		throw new EnergyError("alarms.bad-command", { field, value: value ?? "", rule });
	};
	const body = (typeof given === "object" && given !== null ? given : {}) as Record<string, unknown>;
	const text = (field: string, needed: boolean): string => {
		const value = body[field];
		if ((value === undefined || value === null || value === "") && !needed) return "";
		if (typeof value !== "string" || value.trim() === "" || value.length > MAX_TEXT) {
			return fail(field, value, `1…${MAX_TEXT} characters`);
		}
		return value.trim();
	};
	if (typeof alarm !== "string" || alarm === "") return fail("id", alarm, "the id of an alarm");
	const base = { alarm, by, reason: text("reason", false) };
	switch (type) {
		case "shelve": {
			const { minutes, mode = minutes === undefined ? "one-shot" : "timed" } = body;
			if (mode !== "one-shot" && mode !== "timed") return fail("mode", mode, "one-shot | timed");
			if (minutes === undefined || minutes === null) return { ...base, type, mode };
			if (typeof minutes !== "number" || !(minutes > 0)) return fail("minutes", minutes, "> 0");
			return { ...base, type, mode, durationMs: Math.round(minutes * 60_000) };
		}
		case "comment":
			return { ...base, type, text: text("text", true) };
		case "assign":
			return { ...base, type, assignee: body.assignee === null ? null : text("assignee", true).slice(0, 200) };
		default:
			return { ...base, type };
	}
}
