import type { EditorNodeProperties } from "node-red";
import { EnergyError } from "../../lib/errors.ts";
import {
	type ContractChangeSettings,
	changesOf,
	datesOf,
	deferralsOf,
	fuelOf,
	peaksOf,
} from "../../lib/tariff/contract-text.ts";
import type { Machine } from "../../lib/telemetry/site.ts";
import { cell, choiceCell, proposeTariffs, sayer, typedRows } from "../editor-parts.ts";
import { emptyOrShaped, emptyOrWithin, isEmpty, isNumberIn, readable, rule, shaped } from "../editor-rules.ts";
import type { EnergySiteConfig } from "./config.ts";
import { idPattern, machinesOf } from "./machines.ts";
import { contractDefaults, migrateSite } from "./migrate.ts";

const say = sayer("energy-site");
const listId = "#node-config-input-machines-list";
const changesId = "#node-config-input-contractChanges-list";
const changeCells = ["from", "tariff", "contractKw", "billingDay"] as const;

/** A machine as its row in the table holds it: everything is text until it is read. */
interface Row {
	id: string;
	name: string;
	/** JSON, carried along unseen: names in other languages are edited as text. */
	names: string;
	area: string;
	ratedKw: string;
	role: string;
	controllable: boolean;
	rules: string;
	work: string;
}

const cells: readonly (keyof Row)[] = [
	"id",
	"name",
	"names",
	"area",
	"ratedKw",
	"role",
	"controllable",
	"rules",
	"work",
];

function rowOf(machine: Partial<Machine>): Row {
	return {
		id: machine.id ?? "",
		name: machine.name ?? "",
		names: machine.names ? JSON.stringify(machine.names) : "",
		area: machine.area ?? "",
		ratedKw: machine.ratedKw === undefined ? "" : String(machine.ratedKw),
		role: machine.role ?? "sub",
		controllable: machine.controllable === true,
		rules: machine.rules ? JSON.stringify(machine.rules) : "",
		work: machine.work ? JSON.stringify(machine.work) : "",
	};
}

function field(name: keyof Row, width: string, value: string): JQuery {
	return cell("energy-site", name, say(`machine.${name}`), width, value);
}

function addRow(container: JQuery, _index: number, machine: Partial<Machine>): void {
	const row = rowOf(machine);
	const roles = ["sub", "main"].map((value) => ({ value, text: say(`role.${value}`) }));
	const role = choiceCell("energy-site", "role", say("machine.role"), "22%", roles, row.role);
	const controllable = $("<label>")
		.css({ width: "auto", display: "inline-block", margin: "0 8px 0 4px" })
		.append(
			$("<input>", { type: "checkbox", class: "energy-site-controllable" })
				.css({ width: "auto", margin: "0 4px 0 0" })
				.prop("checked", row.controllable),
			document.createTextNode(say("machine.controllable")),
		);
	container.append(
		$("<div>").append(field("id", "26%", row.id), field("name", "38%", row.name), field("area", "28%", row.area)),
		$("<input>", { type: "hidden", class: "energy-site-names" }).val(row.names),
		$("<div>")
			.css({ marginTop: "4px" })
			.append(field("ratedKw", "18%", row.ratedKw), role, controllable, field("rules", "32%", row.rules)),
		$("<div>")
			.css({ marginTop: "4px" })
			.append(field("work", "94%", row.work)),
	);
}

/** A change of the contract: what a row leaves empty stays as it was. */
function addChange(container: JQuery, _index: number, change: Partial<ContractChangeSettings>): void {
	const input = (name: (typeof changeCells)[number], width: string): JQuery =>
		cell("energy-site", name, say(`change.${name}`), width, change[name] ?? "");
	container.append(
		input("from", "20%").attr("type", "date"),
		input("tariff", "40%").attr("list", "energy-site-tariffs"),
		input("contractKw", "16%"),
		input("billingDay", "12%"),
	);
}

function wireChanges(changes: readonly ContractChangeSettings[]): void {
	$(changesId).css({ minHeight: "60px" }).editableList<Partial<ContractChangeSettings>>({
		addItem: addChange,
		removable: true,
		height: 110,
	});
	for (const change of changes) $(changesId).editableList("addItem", change);
}

/** The table as a list of machines; what is not valid yet is kept as typed, so that nothing a person wrote is lost. */
function rows(): Row[] {
	return typedRows(listId, "energy-site", cells).map((row) => ({
		...row,
		name: row.name || row.id,
		controllable: row.controllable === "true",
	}));
}

function read(value: unknown): Machine[] | string {
	try {
		return machinesOf(value);
	} catch (error) {
		const details = error instanceof EnergyError ? error.details : {};
		return say("errors.machines", {
			field: String(details.field ?? ""),
			value: String(details.value ?? ""),
			rule: String(details.rule ?? ""),
		});
	}
}

function fill(machines: readonly Partial<Machine>[]): void {
	$(listId).editableList("empty");
	for (const machine of machines) $(listId).editableList("addItem", machine);
}

/** Fields that a site saved by version 1 does not have yet. */
function showContract(site: EnergySiteConfig): void {
	const known = migrateSite(site);
	for (const name of Object.keys(contractDefaults) as (keyof typeof contractDefaults)[]) {
		if (name !== "contractChanges") $(`#node-config-input-${name}`).val(String(known[name]));
	}
	proposeTariffs("energy-site");
}

function wireImport(): void {
	const json = $("#energy-site-json");
	const problem = $("#energy-site-import-error");
	$("#energy-site-export").on("click", () => {
		const machines = read(rows());
		problem.text(typeof machines === "string" ? machines : "");
		if (typeof machines !== "string") json.val(JSON.stringify(machines, null, 2)).trigger("select");
	});
	$("#energy-site-import").on("click", () => {
		const machines = read(String(json.val()));
		problem.text(typeof machines === "string" ? machines : "");
		if (typeof machines !== "string") fill(machines);
	});
}

RED.nodes.registerType<EditorNodeProperties & EnergySiteConfig>("energy-site", {
	category: "config",
	defaults: {
		configVersion: { value: 2 },
		name: { value: "" },
		siteId: {
			value: "",
			required: true,
			validate: shaped(say, "siteId", idPattern),
		},
		timeZone: {
			value: "Asia/Seoul",
			required: true,
			validate: rule((value) => {
				try {
					new Intl.DateTimeFormat("en", { timeZone: String(value) });
					return undefined;
				} catch {
					return say("errors.timeZone", { value: String(value) });
				}
			}),
		},
		storeUrl: {
			value: "",
			validate: emptyOrShaped(say, "storeUrl", /^(sqlite|postgres|postgresql):\/\//),
		},
		unknownMachines: { value: "accept" },
		machines: {
			value: [],
			validate: rule((value) => {
				const machines = read(value);
				return typeof machines === "string" ? machines : undefined;
			}),
		},
		tariff: { value: contractDefaults.tariff },
		contractKw: {
			value: contractDefaults.contractKw,
			validate: emptyOrWithin(say, "contractKw", 0.001, 10_000_000),
		},
		billingDay: {
			value: contractDefaults.billingDay,
			validate: rule((value) =>
				isEmpty(value) || (isNumberIn(value, 1, 31) && Number.isInteger(Number(value)))
					? undefined
					: say("errors.billingDay"),
			),
		},
		deferrals: { value: contractDefaults.deferrals, validate: readable(say, "deferrals", deferralsOf) },
		extraHolidays: { value: contractDefaults.extraHolidays, validate: readable(say, "extraHolidays", datesOf) },
		previousPeaks: { value: contractDefaults.previousPeaks, validate: readable(say, "previousPeaks", peaksOf) },
		fuelAdjustments: { value: contractDefaults.fuelAdjustments, validate: readable(say, "fuelAdjustments", fuelOf) },
		contractChanges: {
			value: [],
			validate: rule((value) => {
				try {
					changesOf(value as ContractChangeSettings[] | undefined);
					return undefined;
				} catch {
					return say("errors.contractChanges");
				}
			}),
		},
		tariffFile: { value: contractDefaults.tariffFile },
	},
	label() {
		return this.name || this.siteId || say("label");
	},
	oneditprepare() {
		for (const zone of Intl.supportedValuesOf("timeZone")) {
			$("#energy-site-zones").append($("<option>", { value: zone }));
		}
		$(listId).css({ minHeight: "180px" }).editableList<Partial<Machine>>({
			addItem: addRow,
			sortable: true,
			removable: true,
			height: 260,
		});
		fill(this.machines ?? []);
		wireImport();
		showContract(this);
		wireChanges(this.contractChanges ?? []);
	},
	oneditsave() {
		this.configVersion = 2;
		this.contractChanges = typedRows(changesId, "energy-site", changeCells).filter((change) =>
			Object.values(change).some((text) => text !== ""),
		);
		const typed = rows();
		const machines = read(typed);
		this.machines = typeof machines === "string" ? (typed as unknown as Machine[]) : machines;
	},
});
