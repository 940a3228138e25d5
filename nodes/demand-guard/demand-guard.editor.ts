import type { EditorNodeProperties } from "node-red";
import { peaksOf } from "../../lib/tariff/contract-text.ts";
import type { Machine } from "../../lib/telemetry/site.ts";
import { outputsOf, proposeTariffs, sayer, titled, typedRows } from "../editor-parts.ts";
import { emptyOrWithin, isNumberIn, readable, rule, within } from "../editor-rules.ts";
import type { DemandGuardConfig, LoadRow } from "./config.ts";

const say = sayer("demand-guard");
const listId = "#node-input-loads-list";
const MOST = 10_000_000;

type Guard = EditorNodeProperties & DemandGuardConfig;

const between = (min: number, max: number) => within<Guard>(say, "between", min, max);

/** Machines of the chosen site that may be commanded. */
function controllable(): Machine[] {
	const site = RED.nodes.node(String($("#node-input-site").val() ?? "")) as unknown as
		| { machines?: Machine[] }
		| null
		| undefined;
	return (site?.machines ?? []).filter((machine) => machine.controllable);
}

/** An input under its caption: six figures in a row explain themselves to nobody. */
function captioned(input: JQuery, name: keyof LoadRow, width: string): JQuery {
	const caption = say(`load.${name}`);
	return $("<label>")
		.css({ display: "inline-block", width, margin: "0 4px 4px 0", fontSize: "0.85em" })
		.append(document.createTextNode(caption), input.attr("aria-label", caption).css({ width: "100%" }));
}

function field(name: keyof LoadRow, value: string | undefined, width: string): JQuery {
	const hint = name === "stepsKw" ? { placeholder: "20, 40" } : {};
	return captioned(
		$("<input>", { type: "text", class: `demand-guard-${name}`, ...hint }).val(value ?? ""),
		name,
		width,
	);
}

function machineField(value: string | undefined): JQuery {
	const machines = controllable();
	const ids = machines.map(({ id }) => id);
	// A machine that the site no longer lists stays visible, so that nobody wonders where it went.
	if (value && !ids.includes(value)) ids.unshift(value);
	const name = (id: string) => machines.find((machine) => machine.id === id)?.name ?? id;
	const select = $("<select>", { class: "demand-guard-machine" })
		.append(ids.map((id) => $("<option>", { value: id, text: name(id) === id ? id : `${name(id)} (${id})` })))
		.val(value ?? ids[0] ?? "");
	return captioned(select, "machine", "45%");
}

function addRow(container: JQuery, _index: number, row: Partial<LoadRow>): void {
	container.append(
		$("<div>").append(
			machineField(row.machine),
			field("kw", row.kw, "22%"),
			field("priority", row.priority ?? "1", "22%"),
		),
		$("<div>").append(
			field("minOnS", row.minOnS ?? "300", "25%"),
			field("minOffS", row.minOffS ?? "300", "25%"),
			field("stepsKw", row.stepsKw, "40%"),
		),
	);
}

function loadsProblem(value: unknown): string | undefined {
	const seen = new Set<string>();
	for (const row of (Array.isArray(value) ? value : []) as LoadRow[]) {
		const wrong = (key: string) => say(`errors.${key}`, { machine: row.machine });
		if (!row.machine) return wrong("machine");
		if (seen.has(row.machine)) return wrong("twice");
		seen.add(row.machine);
		if (!isNumberIn(row.kw, 0.001, MOST)) return wrong("kw");
		if (!isNumberIn(row.priority, 1, 99)) return wrong("priority");
		if (!isNumberIn(row.minOnS, 0, 86_400) || !isNumberIn(row.minOffS, 0, 86_400)) return wrong("minimum");
		const steps = (row.stepsKw ?? "").split(/[,\s]+/).filter(Boolean);
		if (steps.some((step) => !isNumberIn(step, 0.001, Number(row.kw)))) return wrong("steps");
	}
	return undefined;
}

/** What a limit needs: shown only where it matters. */
function showWhatMatters(): void {
	const kind = $("#node-input-limitKind").val();
	const named = String($("#node-input-tariff").val() ?? "");
	const tariff = named !== "" && named !== "site";
	$(".demand-guard-limit").toggle(kind !== "contract");
	$("#demand-guard-least").toggle(kind === "bill");
	$("#demand-guard-target").toggle(kind === "target");
	$(".demand-guard-contract").toggle(named !== "site" && (kind === "contract" || tariff));
	$(".demand-guard-tariff").toggle(tariff);
}

RED.nodes.registerType<Guard>("demand-guard", {
	category: "smart energy",
	color: "#C7E9C0",
	defaults: {
		configVersion: { value: 1 },
		name: { value: "" },
		site: { value: "", type: "energy-site", required: true },
		limitKind: { value: "target" },
		limitKw: {
			value: "",
			validate: rule<Guard>(function (value) {
				if (this.limitKind === "contract") return undefined;
				if (this.limitKind === "bill" && (value === "" || value === undefined)) return undefined;
				const min = this.limitKind === "bill" ? 0 : 0.001;
				return isNumberIn(value, min, MOST) ? undefined : say("errors.limitKw");
			}),
		},
		contractKw: {
			value: "",
			validate: rule<Guard>(function (value) {
				const needed = this.tariff !== "site" && (this.limitKind === "contract" || Boolean(this.tariff));
				return !needed || isNumberIn(value, 0.001, MOST) ? undefined : say("errors.contractKw");
			}),
		},
		tariff: {
			value: "site",
			validate: rule<Guard>(function (value) {
				return this.limitKind === "bill" && !value ? say("errors.tariff") : undefined;
			}),
		},
		billingDay: { value: "1", validate: emptyOrWithin(say, "between", 1, 31) },
		previousPeaks: { value: "", validate: readable(say, "previousPeaks", peaksOf) },
		lockoutS: { value: "120", validate: between(0, 600) },
		restoreMarginKw: { value: "10", validate: between(0, MOST) },
		silentAfterS: { value: "90", validate: between(5, 120) },
		silentPolicy: { value: "hold" },
		responseS: { value: "45", validate: between(1, 600) },
		loads: { value: [], validate: rule<Guard>((value) => loadsProblem(value)) },
		dryRun: { value: true },
	},
	inputs: 1,
	outputs: 4,
	inputLabels: () => say("input"),
	outputLabels: outputsOf(say, "state", "commands", "events", "answers"),
	icon: "font-awesome/fa-tachometer",
	...titled(say),
	oneditprepare() {
		$(listId).editableList<Partial<LoadRow>>({ addItem: addRow, removable: true, sortable: true, height: 220 });
		for (const row of this.loads ?? []) $(listId).editableList("addItem", row);
		proposeTariffs("demand-guard");
		$("#node-input-limitKind, #node-input-tariff").on("change input", showWhatMatters);
		showWhatMatters();
	},
	oneditsave() {
		this.loads = typedRows(listId, "demand-guard", ["machine", "kw", "priority", "minOnS", "minOffS", "stepsKw"]);
	},
});
