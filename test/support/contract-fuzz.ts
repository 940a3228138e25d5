import { readFileSync } from "node:fs";
import fc from "fast-check";
import { parse } from "yaml";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

interface Schema {
	$ref?: string;
	type?: string | string[];
	enum?: Json[];
	const?: Json;
	format?: string;
	pattern?: string;
	minLength?: number;
	maxLength?: number;
	minimum?: number;
	maximum?: number;
	exclusiveMinimum?: number;
	exclusiveMaximum?: number;
	items?: Schema;
	minItems?: number;
	maxItems?: number;
	properties?: Record<string, Schema>;
	required?: string[];
	additionalProperties?: boolean | Schema;
	oneOf?: Schema[];
	anyOf?: Schema[];
	allOf?: Schema[];
	example?: Json;
	default?: Json;
}
interface Parameter {
	$ref?: string;
	name: string;
	in: "query" | "path" | "header" | "cookie";
	required?: boolean;
	schema?: Schema;
	example?: Json;
}
type Media = Record<string, { schema?: Schema; example?: Json; examples?: Record<string, { value?: Json }> }>;
interface RawOperation {
	operationId: string;
	parameters?: Parameter[];
	requestBody?: { required?: boolean; content: Media };
	responses: Record<string, { $ref?: string; content?: Media }>;
}

/** One operation of the contract with all that a request needs. */
export interface Operation {
	id: string;
	method: string;
	path: string;
	parameters: Parameter[];
	body: Media | undefined;
	/** Statuses that the contract names; `default` covers the rest. */
	statuses: ReadonlySet<string>;
}

export interface FuzzRequest {
	path: string;
	headers: Record<string, string>;
	/** Undefined: none is sent. */
	body: string | undefined;
}

const contract = parse(readFileSync(new URL("../../flows/openapi.yaml", import.meta.url), "utf8")) as {
	paths: Record<string, Record<string, RawOperation>>;
};

/** What a `$ref` stands for. */
function resolved<T extends { $ref?: string }>(node: T): T {
	if (!node.$ref) return node;
	let found: unknown = contract;
	for (const key of node.$ref.slice(2).split("/")) found = (found as Record<string, unknown>)[key];
	return resolved(found as T);
}

export const operations: Operation[] = Object.entries(contract.paths).flatMap(([path, methods]) =>
	Object.entries(methods)
		.filter(([method]) => ["get", "post", "put", "patch", "delete"].includes(method))
		.map(([method, operation]) => ({
			id: operation.operationId,
			method: method.toUpperCase(),
			path,
			parameters: (operation.parameters ?? []).map(resolved),
			body: operation.requestBody?.content,
			statuses: new Set(Object.keys(operation.responses)),
		})),
);

/** What breaks programs: each is text that a query, a path or a field may carry. */
const nasties = [
	...["", " ", "null", "undefined", "NaN", "-1", "0", "1e309", "9007199254740993", "true", "[]", "{}", "\u0000", "😀"],
	...["' OR 1=1 --", '"; DROP TABLE machines; --', '{"$gt":""}', "__proto__", "constructor", "../../../etc/passwd"],
	...[
		"%00",
		"..%2f..%2f",
		"a".repeat(5_000),
		"한국어",
		"2026-13-45T99:99:99Z",
		"2026-02-30T00:00:00Z",
		"-271821-04-20",
	],
	...[
		"9999-12-31T23:59:59Z",
		"1970-01-01T00:00:00Z",
		"a\r\nSet-Cookie: x=1",
		"<script>",
		"=1+1",
		`${"(a+".repeat(20)}$`,
	],
];
const nasty: fc.Arbitrary<Json> = fc.oneof(
	fc.constantFrom<Json>(...nasties),
	fc.constantFrom<Json>(null, true, -1, 0, 1.5, 1e300, -1e300, 5e-324, 2 ** 53, [], {}, [[[[]]]], [null], { "": null }),
	fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
);

const times = fc.oneof(
	fc
		.date({ min: new Date("2024-01-01"), max: new Date("2028-01-01"), noInvalidDate: true })
		.map((date) => date.toISOString()),
	fc.integer({ min: -40, max: 40 }).map((hours) => new Date(Date.now() + hours * 900_000).toISOString()),
);

function texts(schema: Schema): fc.Arbitrary<Json> {
	if (schema.format === "date-time") return times;
	if (schema.format === "date") return times.map((time) => String(time).slice(0, 10));
	const minLength = Math.min(schema.minLength ?? 0, 300);
	const maxLength = Math.max(minLength, Math.min(schema.maxLength ?? 20, 300));
	if (schema.pattern) {
		try {
			return fc.stringMatching(new RegExp(schema.pattern)).filter((text) => text.length <= 2_000);
		} catch {
			// Patterns that the generator does not know: any text, mostly refused.
		}
	}
	return fc.string({ minLength, maxLength, unit: "grapheme" });
}

function numbers(schema: Schema, whole: boolean): fc.Arbitrary<Json> {
	const min = Math.max(schema.minimum ?? schema.exclusiveMinimum ?? -1e6, -1e9);
	const max = Math.max(min, Math.min(schema.maximum ?? schema.exclusiveMaximum ?? 1e6, 1e9));
	return whole
		? fc.integer({ min: Math.ceil(min), max: Math.floor(max) })
		: fc.double({ min, max, noNaN: true, noDefaultInfinity: true });
}

/** Values that mostly fit a schema. */
function fitting(given: Schema, depth = 0): fc.Arbitrary<Json> {
	const schema = resolved(given);
	const examples = [schema.example, schema.default].filter((value) => value !== undefined);
	const made = madeFor(schema, depth);
	return examples.length > 0 ? fc.oneof({ arbitrary: fc.constantFrom(...examples), weight: 2 }, made) : made;
}

function madeFor(schema: Schema, depth: number): fc.Arbitrary<Json> {
	if (schema.const !== undefined) return fc.constant(schema.const);
	if (schema.enum) return fc.constantFrom(...schema.enum);
	const either = schema.oneOf ?? schema.anyOf;
	if (either) return fc.oneof(...either.map((one) => fitting(one, depth + 1)));
	if (schema.allOf) {
		return fc
			.tuple(...schema.allOf.map((one) => fitting(one, depth + 1)))
			.map((parts) => Object.assign({}, ...(parts as object[])) as Json);
	}
	const [type] = schema.type ? [schema.type].flat() : [schema.properties ? "object" : "string"];
	if (type === "string") return texts(schema);
	if (type === "integer" || type === "number") return numbers(schema, type === "integer");
	if (type === "boolean") return fc.boolean();
	if (type === "null") return fc.constant(null);
	if (type === "array") {
		const minLength = schema.minItems ?? 0;
		const maxLength = Math.max(minLength, Math.min(schema.maxItems ?? 4, 4));
		return fc.array(depth > 6 ? fc.constant<Json>(null) : fitting(schema.items ?? {}, depth + 1), {
			minLength,
			maxLength,
		});
	}
	const entries = Object.entries(schema.properties ?? {}).map(([key, value]) => [key, fitting(value, depth + 1)]);
	return fc.record(Object.fromEntries(entries) as Record<string, fc.Arbitrary<Json>>, {
		requiredKeys: schema.required ?? [],
	}) as fc.Arbitrary<Json>;
}

/** Puts something nasty at one place of a value, or a key too many. */
function spoilt(value: Json, bad: Json, seed: number): Json {
	if (Array.isArray(value) && value.length > 0 && seed % 4 > 0) {
		const at = seed % value.length;
		return value.map((item, i) => (i === at ? spoilt(item, bad, Math.floor(seed / 4)) : item));
	}
	if (value !== null && typeof value === "object" && !Array.isArray(value) && seed % 5 > 0) {
		const keys = Object.keys(value);
		const key = keys[seed % Math.max(1, keys.length)];
		if (key === undefined || seed % 5 === 1) return { ...value, [textOf(bad).slice(0, 30)]: bad };
		if (seed % 5 === 2) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
		return { ...value, [key]: spoilt(value[key] as Json, bad, Math.floor(seed / 5)) };
	}
	return bad;
}

const sometimes = <T>(good: fc.Arbitrary<T>, bad: fc.Arbitrary<T>, weight = 4): fc.Arbitrary<T> =>
	fc.oneof({ arbitrary: good, weight }, { arbitrary: bad, weight: 1 });

const textOf = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value));
/** Lists in a query have commas. */
const queryText = (value: Json): string =>
	Array.isArray(value) && value.every((one) => typeof one === "string") ? value.join(",") : textOf(value);

function parameterValue({ schema, example }: Parameter, known: readonly string[]): fc.Arbitrary<string> {
	const fit = example === undefined ? fitting(schema ?? {}) : fc.oneof(fc.constant(example), fitting(schema ?? {}));
	const good = known.length > 0 ? fc.oneof({ arbitrary: fc.constantFrom<Json>(...known), weight: 3 }, fit) : fit;
	return sometimes(good, nasty, 12).map(queryText);
}

function bodies(media: Media): fc.Arbitrary<{ type: string; text: string }> {
	const kinds = Object.entries(media).map(([type, { schema, example, examples = {} }]) => {
		const given = [example, ...Object.values(examples).map(({ value }) => value)].filter(
			(value) => value !== undefined,
		);
		const fit = schema ? fitting(schema) : fc.constant<Json>({});
		const good = given.length > 0 ? fc.oneof(fc.constantFrom(...given), fit) : fit;
		const bad = fc.tuple(good, nasty, fc.nat(1_000)).map(([value, worse, seed]) => spoilt(value, worse, seed));
		const json = type.includes("json");
		return sometimes(good, bad, 1).map((value) => ({ type, text: json ? JSON.stringify(value) : textOf(value) }));
	});
	const broken = fc.constantFrom("{", "", "[1,", '{"a":1}}', "\ufeff{}", `${"[".repeat(500)}`).map((text) => ({
		...{ type: "application/json", text },
	}));
	return sometimes(fc.oneof(...kinds), broken, 20);
}

const extraHeaders = fc.record(
	{
		accept: fc.constantFrom("*/*", "application/json", "text/csv", "application/pdf", "text/html;q=0.1", ";;;,", "a/b"),
		"accept-language": fc.constantFrom("ko", "en-US,en;q=0.9", "xx", "*", ";q=", "ko-KR;q=abc"),
		"accept-encoding": fc.constantFrom("gzip", "br", "identity", "gzip;q=0, br;q=0", "zstd"),
		"if-match": fc.constantFrom("*", '"x"', 'W/"x", "y"', ""),
		"if-none-match": fc.constantFrom("*", '"x"', "W/", ""),
		"idempotency-key": fc.oneof(fc.uuid(), fc.constantFrom("", "k", "a".repeat(300), "한")).map(encodeURIComponent),
		"x-request-id": fc.constantFrom("abc", "a b", "x".repeat(400), "../.."),
	},
	{ requiredKeys: [] },
);

/**
 * Requests of one operation, about half of them such as a program would send, the others with something wrong.
 *
 * @param known values that exist, by the name of a parameter
 */
export function requestsOf(
	operation: Operation,
	known: Readonly<Record<string, readonly string[]>>,
): fc.Arbitrary<FuzzRequest> {
	const { parameters, path, body } = operation;
	const inPath = parameters.filter((one) => one.in === "path");
	const inQuery = parameters.filter((one) => one.in === "query");
	const valuesOf = (one: Parameter): fc.Arbitrary<string> => parameterValue(one, known[one.name] ?? []);
	const pathValues = fc.tuple(...inPath.map(valuesOf));
	const query = fc.tuple(
		...inQuery.map((one) => {
			const value = valuesOf(one);
			return one.required
				? sometimes(value, fc.constant(undefined), 10)
				: fc.oneof({ arbitrary: fc.constant(undefined), weight: 2 }, value);
		}),
		sometimes(fc.constant(undefined), fc.constant("1"), 30),
	);
	const sent = body
		? sometimes<{ type: string; text: string } | undefined>(bodies(body), fc.constant(undefined), 20)
		: fc.constant(undefined);
	return fc.tuple(pathValues, query, sent, extraHeaders).map(([places, asked, content, headers]) => {
		let url = path;
		// A path that ends or changes its steps is another path: dots are for the tests of traversal.
		inPath.forEach(({ name }, i) => {
			const value = encodeURIComponent(Buffer.from(places[i] || "x").toString());
			url = url.replace(`{${name}}`, /^\.+$/.test(value) ? "x" : value);
		});
		const search = new URLSearchParams();
		asked.forEach((value, i) => {
			if (value !== undefined) search.append(inQuery[i]?.name ?? "unknown", value);
		});
		return {
			path: search.size > 0 ? `${url}?${search}` : url,
			headers: { ...headers, ...(content ? { "content-type": content.type } : {}) },
			body: content?.text,
		};
	});
}
