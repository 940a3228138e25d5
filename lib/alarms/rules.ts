import { EnergyError } from "../errors.ts";
import type { Site } from "../telemetry/site.ts";
import { type Condition, parseCondition } from "./condition.ts";
import { type Priority, priorities } from "./types.ts";

/**
 * Who tells a rule: a condition on readings, alerts of anomaly detection, silence of a meter, demand control, the
 * production plan, or a machine's efficiency below the node's threshold.
 */
export const ruleSources = ["condition", "anomaly", "silent", "demand", "schedule", "efficiency"] as const;
export type RuleSource = (typeof ruleSources)[number];

export const groupings = ["machine", "area", "site", "none"] as const;
export type Grouping = (typeof groupings)[number];

/** A rule as a person writes it, a row of the node's table: text until it is read. */
export interface RuleRow {
	/** Letters, digits and `-`. */
	id: string;
	source: RuleSource;
	/** With the source `condition`; see {@link parseCondition}. */
	condition: string;
	/** Ids separated by commas; empty: all machines of the site. */
	machines: string;
	/** `auto`: what the source says, medium where it says nothing. */
	priority: Priority | "auto";
	onDelayS: string | number;
	offDelayS: string | number;
	/** Machine states that explain the alarm away, separated by commas. */
	suppressWhen: string;
	group: Grouping;
}

export interface AlarmRule {
	id: string;
	source: RuleSource;
	/** Of what readings are held against. */
	condition: Condition | undefined;
	/** Empty: all. */
	machines: ReadonlySet<string>;
	priority: Priority | "auto";
	onDelayMs: number;
	offDelayMs: number;
	suppressWhen: ReadonlySet<string>;
	group: Grouping;
}

/** Against a machine's own best decile. */
export const EFFICIENCY_THRESHOLD = 0.7;
/** An efficiency alarm is over only this much above its threshold. */
const EFFICIENCY_BAND = 0.05;
const MAX_DELAY_S = 86_400;
const words = (text: string | undefined): string[] => (text ?? "").split(/[,\s]+/).filter(Boolean);

/**
 * Reads the rows of a node.
 *
 * @throws EnergyError `alarms.bad-rule`, `alarms.bad-condition`
 */
export function rulesOf(
	rows: readonly Partial<RuleRow>[],
	site?: Pick<Site, "machines" | "unknownMachines">,
	efficiencyThreshold: number = EFFICIENCY_THRESHOLD,
): AlarmRule[] {
	const seen = new Set<string>();
	return rows.map((row, index) => {
		const rule = ruleOf(row, index, efficiencyThreshold);
		if (seen.has(rule.id)) fail(index, "id", rule.id, "unique");
		seen.add(rule.id);
		if (site?.unknownMachines === "reject") {
			const known = new Set(site.machines.map(({ id }) => id));
			for (const id of rule.machines) if (!known.has(id)) fail(index, "machines", id, [...known].join(", "));
		}
		return rule;
	});
}

function fail(index: number, field: string, value: unknown, rule: string): never {
	throw new EnergyError("alarms.bad-rule", { rule: index + 1, field, value: value ?? "", allowed: rule });
}

function conditionOf(source: RuleSource, text: string | undefined, threshold: number): Condition | undefined {
	if (source === "condition") return parseCondition(text ?? "");
	if (source !== "efficiency") return undefined;
	const clears = Math.min(1, threshold + EFFICIENCY_BAND);
	return { kind: "compare", measure: "efficiency", above: false, orEqual: false, limit: threshold, clears };
}

function ruleOf(row: Partial<RuleRow>, index: number, threshold: number): AlarmRule {
	const { id = "", source = "condition", priority = "auto", group = "machine" } = row;
	if (!/^[A-Za-z0-9-]{1,40}$/.test(id) || id === "flood") fail(index, "id", id, "letters, digits and -, not “flood”");
	if (!ruleSources.includes(source)) fail(index, "source", source, ruleSources.join(", "));
	if (priority !== "auto" && !priorities.includes(priority)) {
		fail(index, "priority", priority, ["auto", ...priorities].join(", "));
	}
	if (!groupings.includes(group)) fail(index, "group", group, groupings.join(", "));
	const delay = (field: "onDelayS" | "offDelayS"): number => {
		const seconds = row[field] === undefined || row[field] === "" ? 0 : Number(row[field]);
		return seconds >= 0 && seconds <= MAX_DELAY_S ? seconds * 1000 : fail(index, field, row[field], `0…${MAX_DELAY_S}`);
	};
	return {
		...{ id, source, priority, group },
		condition: conditionOf(source, row.condition, threshold),
		machines: new Set(words(row.machines)),
		onDelayMs: delay("onDelayS"),
		offDelayMs: delay("offDelayS"),
		suppressWhen: new Set(words(row.suppressWhen)),
	};
}
