import { EnergyError } from "../../lib/errors.ts";
import { languages } from "../../lib/language.ts";
import type { Machine, MachineRules, WorkingTime } from "../../lib/telemetry/site.ts";

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
	const { id, name = id, names, area = "", ratedKw, role = "sub", controllable, rules, work } = given;
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
	const hours = workOf(work, at);
	if (hours) machine.work = hours;
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

const clockPattern = /^([01]\d:[0-5]\d|2[0-3]:[0-5]\d|24:00)$/;
const dayPattern = /^(daily|(mon|tue|wed|thu|fri|sat|sun)([-,\s]+(mon|tue|wed|thu|fri|sat|sun))*)$/i;
const instantPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

/** When a machine takes orders, as an object or as the JSON text that a person typed into the table. */
function workOf(value: unknown, at: string): WorkingTime | undefined {
	if (value === undefined || value === null || value === "") return undefined;
	const field = `${at}.work`;
	const work = typeof value === "string" ? parsed(value, field, "a JSON object") : value;
	if (typeof work !== "object" || work === null || Array.isArray(work)) return fail(field, work, "a JSON object");
	const parts = ["shifts", "maintenance", "setups", "minPauseMinutes", "batchSize"];
	for (const [name, entry] of Object.entries(work)) {
		if (!parts.includes(name)) fail(`${field}.${name}`, entry, `one of ${parts.join(", ")}`);
	}
	const given = work as { [K in keyof WorkingTime]?: unknown };
	const list = (
		name: "shifts" | "maintenance" | "setups",
		check: (entry: Record<string, unknown>) => string | undefined,
	): void => {
		const entries = given[name] ?? [];
		const checked: unknown[] = Array.isArray(entries) ? entries : fail(`${field}.${name}`, entries, "an array");
		checked.forEach((entry, index) => {
			const known = typeof entry === "object" && entry !== null ? (entry as Record<string, unknown>) : {};
			const wrong = check(known);
			if (wrong) fail(`${field}.${name}[${index}]`, JSON.stringify(entry), wrong);
		});
	};
	const matches = (pattern: RegExp, text: unknown): boolean => typeof text === "string" && pattern.test(text);
	list("shifts", ({ days, from, to }) =>
		matches(dayPattern, days) && matches(clockPattern, from) && matches(clockPattern, to)
			? undefined
			: '{"days": "mon-fri", "from": "06:00", "to": "22:00"}',
	);
	list("maintenance", ({ start, end }) =>
		matches(instantPattern, start) &&
		matches(instantPattern, end) &&
		Date.parse(String(end)) > Date.parse(String(start))
			? undefined
			: '{"start": "2026-11-23T08:00:00+09:00", "end": …}',
	);
	list("setups", ({ from, to, minutes, costKrw = 0 }) =>
		typeof from === "string" && typeof to === "string" && Number(minutes) >= 0 && Number(costKrw) >= 0
			? undefined
			: '{"from": "A", "to": "B", "minutes": 15}',
	);
	const pause = given.minPauseMinutes ?? 0;
	if (typeof pause !== "number" || pause < 0) fail(`${field}.minPauseMinutes`, pause, "a number, 0 or more");
	const batch = given.batchSize ?? 1;
	if (!(Number.isInteger(batch) && Number(batch) >= 1 && Number(batch) <= 10_000)) {
		fail(`${field}.batchSize`, batch, "a whole number, 1 to 10000");
	}
	return work as WorkingTime;
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
