import type { Node } from "node-red";
import type { RuleRow } from "../../lib/alarms/rules.ts";
import type { Priority } from "../../lib/alarms/types.ts";
import type { Language } from "../../lib/language.ts";

/** What the editor saves and the runtime reads: one type for both halves. */
export interface EnergyAlarmConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site. */
	site: string;
	/**
	 * `watch`: makes alarms of what comes in. `follow`: another process does, on the same store; this one answers
	 * questions and hands on commands.
	 */
	mode: "watch" | "follow";
	rules: RuleRow[];
	/** Below this share of its own best decile a machine counts as inefficient, 0…1. */
	efficiencyThreshold: string | number;
	/** Longest time an alarm may be shelved, minutes. */
	maxShelveMin: string | number;
	/** How long the journal is kept, days. */
	journalDays: string | number;
	/** People and systems are told of alarms of this priority and above. */
	tellFrom: Priority;
	/** Of e-mails. */
	language: Language;
	/** Empty: no webhook. */
	webhookUrl: string;
	/** Empty: no e-mail. */
	mailTo: string;
	mailFrom: string;
	smtpHost: string;
	smtpPort: string | number;
	smtpSecure: boolean;
}

/** Kept by Node-RED, encrypted; never in the flow. */
export interface EnergyAlarmCredentials {
	webhookSecret: string;
	smtpUser: string;
	smtpPassword: string;
}

export type EnergyAlarmNode = Node<Record<keyof EnergyAlarmCredentials, unknown>>;

/** The rules a new node starts with; the editor shows them, so nothing watches in secret. */
export const defaultRules: readonly RuleRow[] = [
	// A score that swings about its threshold is one alarm, not one a minute.
	row({ id: "anomaly", source: "anomaly", offDelayS: "600" }),
	row({ id: "silent", source: "silent", group: "site" }),
	row({ id: "demand", source: "demand", group: "site", onDelayS: "15", offDelayS: "60" }),
	row({ id: "schedule", source: "schedule", offDelayS: "15" }),
	row({ id: "overload", condition: "loadPercent > 110 clears 105", onDelayS: "60", offDelayS: "60" }),
	row({
		...{ id: "efficiency", source: "efficiency", priority: "low" },
		...{ onDelayS: "900", offDelayS: "900" },
	}),
];

function row(given: Partial<RuleRow> & Pick<RuleRow, "id">): RuleRow {
	return {
		...{ source: "condition", condition: "", machines: "", priority: "auto", onDelayS: "0", offDelayS: "0" },
		...{ suppressWhen: "", group: "machine" },
		...given,
	};
}
