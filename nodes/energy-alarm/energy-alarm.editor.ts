import type { EditorNodeProperties } from "node-red";
import { parseCondition } from "../../lib/alarms/condition.ts";
import { groupings, type RuleRow, ruleSources } from "../../lib/alarms/rules.ts";
import { priorities } from "../../lib/alarms/types.ts";
import { EnergyError } from "../../lib/errors.ts";
import { cell, choiceCell, outputsOf, sayer, titled, typedRows } from "../editor-parts.ts";
import { emptyOrShaped, isNumberIn, rule, within } from "../editor-rules.ts";
import { defaultRules, type EnergyAlarmConfig, type EnergyAlarmCredentials } from "./config.ts";

const say = sayer("energy-alarm");
const listId = "#node-input-rules-list";
const cells: readonly (keyof RuleRow)[] = [
	"id",
	"source",
	"condition",
	"machines",
	"priority",
	"onDelayS",
	"offDelayS",
	"suppressWhen",
	"group",
];

type Alarm = EditorNodeProperties & EnergyAlarmConfig;

const between = (min: number, max: number) => within<Alarm>(say, "between", min, max);

function field(name: keyof RuleRow, value: string | number | undefined, width: string): JQuery {
	return cell("energy-alarm", name, say(`rule.${name}`), width, value);
}

function choice(name: keyof RuleRow, values: readonly string[], value: string | undefined, width: string): JQuery {
	const options = values.map((each) => ({ value: each, text: say(`${name}.${each}`) }));
	return choiceCell("energy-alarm", name, say(`rule.${name}`), width, options, value);
}

function addRow(container: JQuery, _index: number, row: Partial<RuleRow>): void {
	const source = choice("source", ruleSources, row.source, "32%");
	const condition = field("condition", row.condition, "97%").attr("spellcheck", "false");
	const line = (...parts: JQuery[]): JQuery => $("<div>").css({ marginBottom: "4px" }).append(parts);
	const conditionLine = line(condition);
	source.on("change", () => conditionLine.toggle(source.val() === "condition"));
	container.append(
		line(field("id", row.id, "28%"), source, choice("priority", ["auto", ...priorities], row.priority, "32%")),
		conditionLine,
		line(
			field("machines", row.machines, "48%"),
			field("onDelayS", row.onDelayS ?? "0", "22%"),
			field("offDelayS", row.offDelayS ?? "0", "22%"),
		),
		line(field("suppressWhen", row.suppressWhen, "48%"), choice("group", groupings, row.group, "45%")),
	);
	source.trigger("change");
}

function rulesProblem(value: unknown): string | undefined {
	const seen = new Set<string>();
	for (const row of (Array.isArray(value) ? value : []) as RuleRow[]) {
		const wrong = (key: string) => say(`errors.${key}`, { id: row.id });
		if (!/^[A-Za-z0-9-]{1,40}$/.test(row.id) || row.id === "flood") return wrong("id");
		if (seen.has(row.id)) return wrong("twice");
		seen.add(row.id);
		if (!isNumberIn(row.onDelayS, 0, 86_400) || !isNumberIn(row.offDelayS, 0, 86_400)) return wrong("delay");
		const problem = row.source === "condition" ? conditionProblem(row) : undefined;
		if (problem) return problem;
	}
	return undefined;
}

function conditionProblem({ id, condition }: RuleRow): string | undefined {
	try {
		parseCondition(condition);
		return undefined;
	} catch (error) {
		const details = error instanceof EnergyError ? error.details : {};
		const { found = "", expected = "" } = details;
		return say("errors.condition", { id, found: String(found), expected: String(expected) });
	}
}

/** Secrets and servers only where there is something to send. */
function showWhatMatters(): void {
	$(".energy-alarm-webhook").toggle(String($("#node-input-webhookUrl").val() ?? "") !== "");
	$(".energy-alarm-mail").toggle(String($("#node-input-mailTo").val() ?? "") !== "");
}

RED.nodes.registerType<Alarm, EnergyAlarmCredentials>("energy-alarm", {
	category: "smart energy",
	color: "#F7C6C1",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		mode: { value: "watch" },
		rules: { value: [...defaultRules], validate: rule<Alarm>((value) => rulesProblem(value)) },
		efficiencyThreshold: { value: "0.7", validate: between(0.01, 1) },
		maxShelveMin: { value: "480", validate: between(1, 10_080) },
		journalDays: { value: "400", validate: between(1, 3_660) },
		tellFrom: { value: "medium" },
		language: { value: "en-US" },
		webhookUrl: {
			value: "",
			validate: emptyOrShaped(say, "url", /^https?:\/\/\S+$/),
		},
		mailTo: { value: "" },
		mailFrom: { value: "" },
		smtpHost: {
			value: "",
			validate: rule<Alarm>(function (value) {
				return this.mailTo && !value ? say("errors.smtpHost") : undefined;
			}),
		},
		smtpPort: { value: "587", validate: between(1, 65_535) },
		smtpSecure: { value: false },
	},
	credentials: {
		webhookSecret: { type: "password" },
		smtpUser: { type: "text" },
		smtpPassword: { type: "password" },
	},
	inputs: 1,
	outputs: 4,
	inputLabels: () => say("input"),
	outputLabels: outputsOf(say, "live", "mqtt", "answers", "board"),
	icon: "font-awesome/fa-bell",
	...titled(say),
	oneditprepare() {
		$(listId).editableList<Partial<RuleRow>>({ addItem: addRow, removable: true, sortable: true, height: 320 });
		for (const row of this.rules ?? []) $(listId).editableList("addItem", row);
		$("#node-input-webhookUrl, #node-input-mailTo").on("change input", showWhatMatters);
		showWhatMatters();
	},
	oneditsave() {
		// The choices offer nothing that a rule does not know.
		this.rules = typedRows(listId, "energy-alarm", cells) as RuleRow[];
	},
});
