import { mayAt } from "../../lib/access/context.ts";
import { EnergyError } from "../../lib/errors.ts";
import { type Language, languages } from "../../lib/messages.ts";
import type { Order, Override } from "../../lib/operation/types.ts";
import { type Reply, refusal } from "../asked.ts";
import type { PageSocket } from "./alarm-action.ts";

/** What a page asks of the schedule: whether it may act, or an act. */
export type ScheduleRequest =
	| { type: "may" }
	| { type: "approve" | "dispatch" | "withdraw"; id: string }
	| { type: "replan" | "cancel" }
	| { type: "override"; job: string; override: Override }
	| { type: "save-jobs"; jobs: Order | string }
	| { type: "remove-job"; id: string };

/** A command as it leaves the card, for the node that runs the schedule. */
export interface ScheduleCommand {
	topic: Exclude<ScheduleRequest["type"], "may">;
	payload: unknown;
	by: string;
}

/** A file of jobs is some hundred bytes a line; one longer than this is none. */
const LONGEST_CSV = 2_000_000;

/**
 * Judges what a page wants: an operator may act, in their own name; a viewer may look. What an order says is judged by
 * the node that keeps it.
 *
 * @param act is called with a command that may be done, and answers by `reply`
 * @param site whose schedule it is; without one it takes the role everywhere
 */
export function judgeSchedule(
	socket: PageSocket,
	given: unknown,
	act: (command: ScheduleCommand, language: Language, reply: (reply: Reply) => void) => void,
	reply: (reply: Reply) => void,
	site = "",
): void {
	const access = socket.data?.access;
	const request: Record<string, unknown> =
		typeof given === "object" && given !== null ? (given as Record<string, unknown>) : {};
	const language = languages.find((one) => one === request.language) ?? access?.language ?? "en-US";
	try {
		if (!access?.user || !mayAt(access, site, "operator")) throw new EnergyError("nodes.operator-only");
		if (request.type === "may") reply({ ok: true });
		else act({ ...commandOf(request), by: access.user }, language, reply);
	} catch (error) {
		reply(refusal(error, language));
	}
}

function commandOf(request: Record<string, unknown>): Omit<ScheduleCommand, "by"> {
	const { type } = request;
	switch (type) {
		case "replan":
		case "cancel":
			return { topic: type, payload: {} };
		case "approve":
		case "dispatch":
		case "withdraw":
		case "remove-job":
			return { topic: type, payload: { id: textOf(request, "id") } };
		case "override":
			return { topic: type, payload: { ...objectOf(request, "override"), job: textOf(request, "job") } };
		case "save-jobs":
			return { topic: type, payload: jobsOf(request) };
		default:
			throw bad("type", type, "approve, cancel, dispatch, override, remove-job, replan, save-jobs, withdraw");
	}
}

const bad = (field: string, value: unknown, rule: string): EnergyError =>
	new EnergyError("nodes.bad-command", { field, value: value ?? "", rule });

function textOf(request: Record<string, unknown>, field: string): string {
	const value = request[field];
	if (typeof value !== "string" || value === "" || value.length > 200) throw bad(field, value, "1…200 characters");
	return value;
}

function objectOf(request: Record<string, unknown>, field: string): object {
	const value = request[field];
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad(field, value, "object");
	return value;
}

function jobsOf(request: Record<string, unknown>): object | string {
	const { jobs } = request;
	if (typeof jobs !== "string") return objectOf(request, "jobs");
	if (jobs.length > LONGEST_CSV) throw bad("jobs", jobs.length, `≤ ${LONGEST_CSV}`);
	return jobs;
}
