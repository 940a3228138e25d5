import type { Contract, Schema } from "./contract.ts";
import { h, prose } from "./dom.ts";

/** What a schema says of its values, in a few words. */
function kindOf(contract: Contract, given: Schema): string {
	const schema = contract.resolve(given);
	if (schema.const !== undefined) return JSON.stringify(schema.const);
	if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
	const alternatives = schema.anyOf ?? schema.oneOf;
	if (alternatives) return [...new Set(alternatives.map((each) => kindOf(contract, each)))].join(" | ");
	if (schema.allOf) return "object";
	const types = [schema.type ?? (schema.properties ? "object" : "any")].flat();
	return types
		.map((type) => (type === "array" && schema.items ? `${kindOf(contract, schema.items)}[]` : type))
		.map((type) => (schema.format && type === "string" ? schema.format : type))
		.join(" | ");
}

function limitsOf({ minimum, maximum, default: otherwise }: Schema): string {
	const parts = [
		minimum === undefined ? "" : `≥ ${minimum}`,
		maximum === undefined ? "" : `≤ ${maximum}`,
		otherwise === undefined ? "" : `= ${JSON.stringify(otherwise)}`,
	];
	return parts.filter(Boolean).join(", ");
}

/** Properties that can be looked into, with those of alternatives and of items. */
function insideOf(contract: Contract, given: Schema): Map<string, { schema: Schema; required: boolean }> {
	const schema = contract.resolve(given);
	const found = new Map<string, { schema: Schema; required: boolean }>();
	for (const part of [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]) {
		for (const [name, each] of insideOf(contract, part)) found.set(name, each);
	}
	if (schema.items) for (const [name, each] of insideOf(contract, schema.items)) found.set(name, each);
	for (const [name, each] of Object.entries(schema.properties ?? {})) {
		found.set(name, { schema: each, required: schema.required?.includes(name) ?? false });
	}
	if (typeof schema.additionalProperties === "object") {
		found.set("*", { schema: schema.additionalProperties, required: false });
	}
	return found;
}

/** A value's fields as a list that opens level by level; a level is made when it is opened. */
export function fieldsOf(contract: Contract, schema: Schema): HTMLElement {
	const inside = insideOf(contract, schema);
	if (inside.size === 0) return h("p", {}, h("code", {}, kindOf(contract, schema)));
	const rows = [...inside].map(([name, { schema: each, required }]) => {
		const known = contract.resolve(each);
		const deep = insideOf(contract, each).size > 0;
		const head = [
			h("code", { class: "name" }, name),
			required && h("span", { class: "required", title: "required" }, "*"),
			" ",
			h("span", { class: "kind" }, kindOf(contract, each)),
			" ",
			h("span", { class: "kind" }, limitsOf(known)),
		];
		const words = each.description ?? known.description;
		if (!deep) return h("li", {}, ...head, words ? prose(words) : undefined);
		const details = h("details", {}, h("summary", {}, ...head), words ? prose(words) : undefined);
		details.addEventListener("toggle", () => details.append(fieldsOf(contract, each)), { once: true });
		return h("li", {}, details);
	});
	return h("ul", { class: "fields" }, ...rows);
}
