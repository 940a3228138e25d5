import { readData } from "../data.ts";
import { EnergyError } from "../errors.ts";

export type LogLevel = "fatal" | "error" | "warn" | "info" | "debug" | "trace";

/** What `config/<env>.yaml` says, checked and complete. Meanings, limits and defaults stand in `schema.json`. */
export interface Config {
	system: {
		api_host: string;
		api_port: number;
		log_level: LogLevel;
		db_url: string;
		mqtt_broker: string;
		mqtt_port: number;
		mqtt_host: string;
		modbus_port: number;
		tls_cert: string;
		tls_key: string;
		mqtt_tls_port: number;
		mqtt_tls_ca: string;
		mqtt_ca: string;
		mqtt_cert: string;
		mqtt_key: string;
		cors_origins: string;
		simulate: boolean;
	};
	logging: {
		file: boolean;
		format: "plain" | "json";
		max_mb: number;
		files: number;
	};
	data: {
		batch_size: number;
		history_days: number;
		retention_days: number;
		train_ratio: number;
		scaling_method: "standard" | "minmax" | "robust" | "none";
	};
	limits: {
		api_per_minute: number;
		address_per_minute: number;
		work_per_minute: number;
		body_mb: number;
	};
	power: {
		peak_power_limit: number;
		safety_margin: number;
		base_rate_krw_per_kwh: number;
		tou_peak_rate: number;
		tou_off_peak_rate: number;
	};
}

/** One source of values: a file, the environment or the command line. Later layers win. */
export interface Layer {
	/** How an error names it, e.g. `config/production.yaml`. */
	origin: string;
	/** Sections with keys, as read; not yet checked. */
	values: unknown;
}

interface KeySchema {
	type?: "string" | "integer" | "number" | "boolean";
	enum?: string[];
	minimum?: number;
	maximum?: number;
	exclusiveMinimum?: number;
	exclusiveMaximum?: number;
	minLength?: number;
	pattern?: string;
	default: unknown;
	description: string;
}

export interface ConfigProblem {
	origin: string;
	key: string;
	value: unknown;
	/** What is allowed, in words. */
	allowed: string;
}

type Section = Record<string, KeySchema>;

const sections: ReadonlyMap<string, Section> = new Map(
	Object.entries(
		readData<{ properties: Record<string, { properties: Section }> }>("lib/config/schema.json").properties,
	).map(([name, section]) => [name, section.properties]),
);

/** Variables that are read elsewhere: they choose the file and the home, hold secrets, or are set by the start itself. */
const otherVariables: readonly string[] = [
	"ADMIN_PASSWORD",
	"ENV",
	"FLOW_FILE",
	"HOME",
	"MODE",
	"MQTT_PASSWORD",
	"MQTT_USERNAME",
	"NODE_RED",
	"SECRET_KEY",
	"SECRET_KEY_OLD",
	"TRUST_PROXY",
];

/**
 * Merges the layers over the defaults.
 * @throws EnergyError `config.invalid` with every problem at once: origin, key, value and what is allowed
 */
export function resolveConfig(layers: readonly Layer[]): Config {
	const problems: ConfigProblem[] = [];
	const config: Record<string, Record<string, unknown>> = {};
	for (const [name, keys] of sections) {
		config[name] = Object.fromEntries(Object.entries(keys).map(([key, schema]) => [key, schema.default]));
	}
	for (const layer of layers) {
		for (const { section, key, value } of entriesOf(layer, problems)) {
			const schema = sections.get(section)?.[key];
			const allowed = schema
				? violated(schema, value)
				: `one of ${Object.keys(sections.get(section) ?? {}).join(", ")}`;
			if (allowed !== null) problems.push({ origin: layer.origin, key: `${section}.${key}`, value, allowed });
			else (config[section] as Record<string, unknown>)[key] = value;
		}
	}
	if (problems.length > 0) throw new EnergyError("config.invalid", { problems, text: problems.map(line).join("\n") });
	return config as unknown as Config;
}

function line({ origin, key, value, allowed }: ConfigProblem): string {
	return `  ${origin}: ${key} = ${JSON.stringify(value)}; allowed: ${allowed}`;
}

function* entriesOf(
	{ origin, values }: Layer,
	problems: ConfigProblem[],
): Generator<{ section: string; key: string; value: unknown }> {
	if (values === null || values === undefined) return;
	const top = asObject(values);
	if (!top) {
		problems.push({ origin, key: "(file)", value: values, allowed: `sections ${[...sections.keys()].join(", ")}` });
		return;
	}
	for (const [section, keys] of Object.entries(top)) {
		const object = asObject(keys ?? {});
		if (!sections.has(section)) {
			problems.push({ origin, key: section, value: keys, allowed: `sections ${[...sections.keys()].join(", ")}` });
		} else if (!object) {
			problems.push({ origin, key: section, value: keys, allowed: "a section with keys" });
		} else {
			for (const [key, value] of Object.entries(object)) yield { section, key, value };
		}
	}
}

function asObject(value: unknown): Record<string, unknown> | null {
	return typeof value === "object" && value !== null && !Array.isArray(value)
		? (value as Record<string, unknown>)
		: null;
}

/** What is allowed, in words, where the value is not; null where it is. */
function violated(schema: KeySchema, value: unknown): string | null {
	if (schema.enum) return schema.enum.includes(value as string) ? null : `one of ${schema.enum.join(", ")}`;
	if (schema.type === "boolean") return typeof value === "boolean" ? null : "true or false";
	if (schema.type === "string") {
		const fits =
			typeof value === "string" &&
			value.length >= (schema.minLength ?? 0) &&
			new RegExp(schema.pattern ?? "").test(value);
		return fits ? null : `text (${schema.description})`;
	}
	const fits =
		typeof value === "number" &&
		Number.isFinite(value) &&
		(schema.type !== "integer" || Number.isInteger(value)) &&
		value >= (schema.minimum ?? -Infinity) &&
		value <= (schema.maximum ?? Infinity) &&
		value > (schema.exclusiveMinimum ?? -Infinity) &&
		value < (schema.exclusiveMaximum ?? Infinity);
	return fits ? null : `${schema.type === "integer" ? "a whole number" : "a number"}${bounds(schema)}`;
}

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: KeySchema): string {
	const words = [
		minimum === undefined ? "" : `at least ${minimum}`,
		exclusiveMinimum === undefined ? "" : `above ${exclusiveMinimum}`,
		maximum === undefined ? "" : `at most ${maximum}`,
		exclusiveMaximum === undefined ? "" : `below ${exclusiveMaximum}`,
	].filter(Boolean);
	return words.length > 0 ? `, ${words.join(" and ")}` : "";
}

/** The names of a key's variable: `SMARTFACTORY_<KEY>`, as no two sections share a key, and with its section. */
function variablesOf(section: string, key: string): [short: string, full: string] {
	return [`SMARTFACTORY_${key}`.toUpperCase(), `SMARTFACTORY_${section}_${key}`.toUpperCase()];
}

/**
 * The layer that `SMARTFACTORY_…` variables make. Values are text, so numbers and booleans are read by the key's type;
 * what does not read as one stays text and fails the check with its name. `only` leaves the other sections out.
 */
export function environmentLayer(
	env: Readonly<Record<string, string | undefined>>,
	origin: string,
	only?: keyof Config,
): Layer {
	const values: Record<string, Record<string, unknown>> = {};
	for (const [section, keys] of sections) {
		if (only && section !== only) continue;
		for (const [key, schema] of Object.entries(keys)) {
			const [short, full] = variablesOf(section, key);
			const text = env[short] || env[full];
			if (text !== undefined && text !== "") {
				values[section] ??= {};
				values[section][key] = readText(schema, text);
			}
		}
	}
	return { origin, values };
}

/** The `SMARTFACTORY_…` variables that mean nothing, as a misspelt one does, each with the known name nearest to it. */
export function unknownVariables(
	env: Readonly<Record<string, string | undefined>>,
): readonly { name: string; nearest: string }[] {
	const known = [
		...otherVariables.map((name) => `SMARTFACTORY_${name}`),
		...[...sections].flatMap(([section, keys]) => Object.keys(keys).flatMap((key) => variablesOf(section, key))),
	];
	return Object.keys(env)
		.filter((name) => name.startsWith("SMARTFACTORY_") && !known.includes(name))
		.map((name) => ({ name, nearest: nearestOf(name, known) }));
}

/** The name that shares the most pairs of neighbouring letters with what was written (Dice's coefficient). */
function nearestOf(written: string, names: readonly string[]): string {
	const pairs = (text: string): Set<string> => new Set(Array.from(text.slice(1), (letter, at) => text[at] + letter));
	const wanted = pairs(written);
	const likeness = (name: string): number => {
		const own = pairs(name);
		return [...own].filter((pair) => wanted.has(pair)).length / (own.size + wanted.size);
	};
	return names.reduce((best, name) => (likeness(name) > likeness(best) ? name : best));
}

function readText(schema: KeySchema, text: string): unknown {
	if (schema.type === "integer" || schema.type === "number") return Number.isNaN(Number(text)) ? text : Number(text);
	if (schema.type === "boolean") return text === "true" ? true : text === "false" ? false : text;
	return text;
}

/** Broker URL that a host name, a URL and a port mean together; null for the embedded broker. */
export function brokerUrl({ mqtt_broker, mqtt_port }: Config["system"]): string | null {
	if (mqtt_broker === "embedded") return null;
	return mqtt_broker.includes("://") ? mqtt_broker : `mqtt://${mqtt_broker}:${mqtt_port}`;
}
