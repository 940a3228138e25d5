import { languages, text } from "../messages.ts";
import type { Issue, SchedulingProblem } from "../scheduling/problem.ts";
import type { Site } from "../telemetry/site.ts";
import type { JobRecord } from "./records.ts";
import type { Words } from "./types.ts";
import { local } from "./words.ts";

/** A rule that the plan in force no longer keeps. */
export interface BrokenRule {
	/** Code of the rule without its subject, such as `plan-cap`. */
	rule: string;
	/** What it is about: job, operation, machine, instants as ISO 8601, kW. */
	details: Record<string, string | number>;
	/** The same for a person: machines and jobs by their names, instants as on the clock of the site. */
	text: Words;
}

/** Why a machine is closed says more than that it is. */
const closedBy: Readonly<Record<string, string>> = {
	breakdown: "operation.broken-by-breakdown",
	running: "operation.broken-by-running",
};
/** What explains the others comes first: a machine that stands, then the limit. */
const order = [closedBy.breakdown, closedBy.running, "scheduling.plan-closed", "scheduling.plan-cap"];

/** What the independent checker found against the plan in force, in words, the best explanation first. */
export function brokenRules(
	violations: readonly Issue[],
	problem: SchedulingProblem,
	site: Pick<Site, "machines" | "timeZone">,
	records: ReadonlyMap<string, JobRecord>,
): BrokenRule[] {
	const place = ({ code }: { code: string }): number => (order.includes(code) ? order.indexOf(code) : order.length);
	return violations
		.map((violation) => ({ violation, code: codeOf(violation, problem) }))
		.sort((a, b) => place(a) - place(b))
		.map(({ violation, code }) => brokenRule(violation, code, site, records));
}

function codeOf({ code, machine, at }: Issue, problem: SchedulingProblem): string {
	if (code !== "scheduling.plan-closed" || typeof at !== "string") return code;
	const windows = problem.machines.find(({ id }) => id === machine)?.maintenance ?? [];
	const atMs = Date.parse(at);
	const covers = windows.filter(({ start, end }) => Date.parse(start) <= atMs && Date.parse(end) > atMs);
	return covers.map(({ reason }) => closedBy[reason ?? ""]).find((each) => each !== undefined) ?? code;
}

function brokenRule(
	violation: Issue,
	code: string,
	site: Pick<Site, "machines" | "timeZone">,
	records: ReadonlyMap<string, JobRecord>,
): BrokenRule {
	const details: BrokenRule["details"] = {};
	for (const [name, value] of Object.entries(violation)) {
		if (name === "code" || name === "field") continue;
		if (typeof value === "string") details[name] = value;
		else if (typeof value === "number") details[name] = Math.round(value * 10) / 10;
	}
	// Rules about machines name an operation by `job/operation`.
	const [owner = "", ...rest] = String(details.operation ?? "").split("/");
	if (details.job === undefined && rest.length > 0) {
		details.job = owner;
		details.operation = rest.join("/");
	}
	const label = (job: unknown): string => records.get(String(job))?.order.name ?? String(job);
	/** `job/operation` as a person knows it: the job alone where it has no other. */
	const whole = (key: string): string => {
		const slash = key.indexOf("/");
		if (slash < 0) return key;
		const job = key.slice(0, slash);
		const only = records.get(job)?.order.operations.length === 1;
		return only ? label(job) : `${label(job)}/${key.slice(slash + 1)}`;
	};
	const machine = site.machines.find(({ id }) => id === details.machine);
	const said = Object.fromEntries(
		languages.map((language) => {
			const shown: Record<string, unknown> = { ...local(details, site.timeZone) };
			if (machine) shown.machine = machine.names?.[language] ?? machine.name;
			for (const name of ["other", "before"]) if (name in details) shown[name] = whole(String(details[name]));
			if (details.job !== undefined) shown.job = label(details.job);
			if (violation.job === undefined) shown.operation = whole(String(violation.operation ?? ""));
			return [language, text(code, shown, language)];
		}),
	) as Words;
	return { rule: violation.code.replace("scheduling.", ""), details, text: said };
}
