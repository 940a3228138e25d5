import { EnergyError } from "../../lib/errors.ts";
import { languages } from "../../lib/language.ts";
import type { Machine, MachineRules } from "../../lib/telemetry/site.ts";

/** Ids are parts of MQTT topics and of URLs. */
export const idPattern = /^[A-Za-z0-9_-]{1,64}$/;

const fail = (field: string, value: unknown, rule: string): never => {
	throw new EnergyError("config.machines", { field, value: value === undefined ? "" : value, rule });
};

function machineOf(value: unknown, at: string): Machine {
	if (typeof value !== "object" || value === null || Array.isArray(value)) {
		return fail(at, value, "an object with id, name, area");
	}
	const given: { [K in keyof Machine]?: unknown } = value;
	const { id, name = id, names, area = "", ratedKw, role = "sub", controllable, rules } = given;
	if (typeof id !== "string" || !idPattern.test(id)) {
		return fail(`${at}.id`, id, "1 to 64 letters, digits, - and _");
	}
	if (typeof name !== "string") return fail(`${at}.name`, name, "a text");
	if (typeof area !== "string" || (area !== "" && !idPattern.test(area))) {
		return fail(`${at}.area`, area, "letters, digits, - and _");
	}
	if (role !== "main" && role !== "sub") return fail(`${at}.role`, role, "main or sub");
	const machine: Machine = { id, name, area, role };
	const translated = namesOf(names, at);
	if (translated) machine.names = translated;
	if (ratedKw !== undefined && ratedKw !== null && ratedKw !== "") {
		const kw = Number(ratedKw);
		if (!Number.isFinite(kw) || kw <= 0) return fail(`${at}.ratedKw`, ratedKw, "a number above 0, kW");
		machine.ratedKw = kw;
	}
	if (controllable === true || controllable === "true") machine.controllable = true;
	const known = rulesOf(rules, at);
	if (known) machine.rules = known;
	return machine;
}

/** Names by language come as an object, or as the JSON text that the table carries along. */
function namesOf(value: unknown, at: string): Machine["names"] {
	if (value === undefined || value === null || value === "") return undefined;
	const rule = `an object of texts by language: ${languages.join(", ")}`;
	const names = typeof value === "string" ? parsed(value, `${at}.names`, rule) : value;
	const ours = ([language, name]: [string, unknown]): boolean =>
		languages.some((known) => known === language) && typeof name === "string";
	if (typeof names !== "object" || names === null || !Object.entries(names).every(ours)) {
		return fail(`${at}.names`, names, rule);
	}
	return names;
}

function parsed(json: string, field: string, rule: string): unknown {
	try {
		return JSON.parse(json);
	} catch {
		return fail(field, json, rule);
	}
}

/** Rules come as an object, or as the JSON text that a person typed into the table. */
function rulesOf(value: unknown, at: string): MachineRules | undefined {
	if (value === undefined || value === null || value === "") return undefined;
	const rules = typeof value === "string" ? parsed(value, `${at}.rules`, "a JSON object") : value;
	if (typeof rules !== "object" || rules === null || Array.isArray(rules)) {
		return fail(`${at}.rules`, rules, "a JSON object");
	}
	const durations: (keyof MachineRules)[] = ["flatLineMs", "noDataMs", "maxFutureMs", "maxAgeMs", "counterRolloverKwh"];
	const given: { [K in keyof MachineRules]?: unknown } = rules;
	for (const [name, entry] of Object.entries(given)) {
		if (name === "quantities") {
			if (typeof entry !== "object" || entry === null) fail(`${at}.rules.quantities`, entry, "an object of ranges");
		} else if (!durations.includes(name as keyof MachineRules)) {
			fail(`${at}.rules.${name}`, entry, `one of quantities, ${durations.join(", ")}`);
		} else if (typeof entry !== "number" || entry < 0) {
			fail(`${at}.rules.${name}`, entry, "a number, 0 or more");
		}
	}
	return rules;
}

/**
 * Reads the machines of a site once, from the editor's table or an imported text.
 *
 * @param value an array, or JSON text of one
 * @throws EnergyError `config.machines` with field, value and rule
 */
export function machinesOf(value: unknown): Machine[] {
	let list = value;
	if (typeof value === "string") {
		try {
			list = JSON.parse(value);
		} catch {
			return fail("machines", value.slice(0, 40), "JSON, an array of machines");
		}
	}
	if (!Array.isArray(list)) return fail("machines", typeof list, "an array of machines");
	const machines = list.map((entry: unknown, index) => machineOf(entry, `machines[${index}]`));
	const seen = new Set<string>();
	for (const { id } of machines) {
		if (seen.has(id)) fail("machines", id, "each id once");
		seen.add(id);
	}
	return machines;
}
