import type { EditorNodeProperties } from "node-red";
import { EnergyError } from "../../lib/errors.ts";
import { datesOf, deferralsOf, fuelOf, peaksOf } from "../../lib/tariff/contract-text.ts";
import type { Machine } from "../../lib/telemetry/site.ts";
import { isNumberIn, rule, sayer } from "../editor-rules.ts";
import type { EnergySiteConfig } from "./config.ts";
import { idPattern, machinesOf } from "./machines.ts";
import { contractDefaults, migrateSite } from "./migrate.ts";

const say = sayer("energy-site");
const listId = "#node-config-input-machines-list";

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
	const label = say(`energy-site.machine.${name}`);
	return $("<input>", {
		type: "text",
		class: `energy-site-${name}`,
		placeholder: label,
		"aria-label": label,
		title: label,
	})
		.css({ width, marginRight: "4px" })
		.val(value);
}

function addRow(container: JQuery, _index: number, machine: Partial<Machine>): void {
	const row = rowOf(machine);
	const roleLabel = say("energy-site.machine.role");
	const role = $("<select>", { class: "energy-site-role", "aria-label": roleLabel, title: roleLabel })
		.css({ width: "22%", marginRight: "4px" })
		.append(["sub", "main"].map((value) => $("<option>", { value, text: say(`energy-site.role.${value}`) })))
		.val(row.role);
	const controllable = $("<label>")
		.css({ width: "auto", display: "inline-block", margin: "0 8px 0 4px" })
		.append(
			$("<input>", { type: "checkbox", class: "energy-site-controllable" })
				.css({ width: "auto", margin: "0 4px 0 0" })
				.prop("checked", row.controllable),
			document.createTextNode(say("energy-site.machine.controllable")),
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

/** The table as a list of machines; what is not valid yet is kept as typed, so that nothing a person wrote is lost. */
function rows(): Row[] {
	const items = $(listId).editableList("items") as unknown as JQuery;
	return items.toArray().map((element) => {
		const text = (name: string) => String($(element).find(`.energy-site-${name}`).val() ?? "").trim();
		return {
			id: text("id"),
			name: text("name") || text("id"),
			names: text("names"),
			area: text("area"),
			ratedKw: text("ratedKw"),
			role: text("role"),
			controllable: $(element).find(".energy-site-controllable").prop("checked") === true,
			rules: text("rules"),
			work: text("work"),
		};
	});
}

function read(value: unknown): Machine[] | string {
	try {
		return machinesOf(value);
	} catch (error) {
		const details = error instanceof EnergyError ? error.details : {};
		return say("energy-site.errors.machines", {
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

/** A field that may stay empty, and else is read as the runtime reads it. */
function readable(read: (text: string) => unknown, key: string) {
	return rule((value) => {
		try {
			if (value) read(String(value));
			return undefined;
		} catch {
			return say(`energy-site.errors.${key}`);
		}
	});
}

const isEmpty = (value: unknown): boolean => value === "" || value === undefined || value === null;

/** Fields that a site saved by version 1 does not have yet. */
function showContract(site: EnergySiteConfig): void {
	const known = migrateSite(site);
	for (const name of Object.keys(contractDefaults) as (keyof typeof contractDefaults)[]) {
		$(`#node-config-input-${name}`).val(String(known[name]));
	}
	$.getJSON("smart-energy/energy-site/tariffs", (ids: string[]) => {
		$("#energy-site-tariffs").append(ids.map((value) => $("<option>", { value })));
	});
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
			validate: rule((value) => (idPattern.test(String(value)) ? undefined : say("energy-site.errors.siteId"))),
		},
		timeZone: {
			value: "Asia/Seoul",
			required: true,
			validate: rule((value) => {
				try {
					new Intl.DateTimeFormat("en", { timeZone: String(value) });
					return undefined;
				} catch {
					return say("energy-site.errors.timeZone", { value: String(value) });
				}
			}),
		},
		storeUrl: {
			value: "",
			validate: rule((value) =>
				!value || /^(sqlite|postgres|postgresql):\/\//.test(String(value)) || /^\$\{\w+\}$/.test(String(value))
					? undefined
					: say("energy-site.errors.storeUrl"),
			),
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
			validate: rule((value) =>
				isEmpty(value) || isNumberIn(value, 0.001, 10_000_000) ? undefined : say("energy-site.errors.contractKw"),
			),
		},
		billingDay: {
			value: contractDefaults.billingDay,
			validate: rule((value) =>
				isEmpty(value) || (isNumberIn(value, 1, 28) && Number.isInteger(Number(value)))
					? undefined
					: say("energy-site.errors.billingDay"),
			),
		},
		deferrals: { value: contractDefaults.deferrals, validate: readable(deferralsOf, "deferrals") },
		extraHolidays: { value: contractDefaults.extraHolidays, validate: readable(datesOf, "extraHolidays") },
		previousPeaks: { value: contractDefaults.previousPeaks, validate: readable(peaksOf, "previousPeaks") },
		fuelAdjustments: { value: contractDefaults.fuelAdjustments, validate: readable(fuelOf, "fuelAdjustments") },
		tariffFile: { value: contractDefaults.tariffFile },
	},
	label() {
		return this.name || this.siteId || say("energy-site.label");
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
	},
	oneditsave() {
		this.configVersion = 2;
		const typed = rows();
		const machines = read(typed);
		this.machines = typeof machines === "string" ? (typed as unknown as Machine[]) : machines;
	},
});
