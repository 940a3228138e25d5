import { EnergyError } from "../errors.ts";

/**
 * Names of a `fields` parameter.
 *
 * @throws EnergyError `api.field-unknown`
 */
export function fieldsFrom(text: string, known: ReadonlySet<string>): string[] {
	const names = [...new Set(text.split(",").map((name) => name.trim()))].filter((name) => name !== "");
	for (const name of names) {
		if (!known.has(name)) {
			const rule = `one of ${[...known].join(", ")}`;
			throw new EnergyError("api.field-unknown", { parameter: "fields", field: "fields", value: name, rule });
		}
	}
	return names;
}

/** Only these fields of each item, or of the answer where it is no list; what goes with a list (nextCursor) stays. */
export function pickFields(body: object, names: readonly string[]): object {
	const { items } = body as { items?: unknown };
	if (!Array.isArray(items)) return pick(body, names);
	return { ...body, items: items.map((item: unknown) => (isObject(item) ? pick(item, names) : item)) };
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

function pick(from: object, names: readonly string[]): object {
	return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
}
