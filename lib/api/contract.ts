import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { packageRoot } from "../package-root.cjs";

/** What this project reads of an OpenAPI document. */
export interface OpenApi {
	openapi: string;
	info: { title: string; version: string };
	paths: Record<string, Record<string, RawOperation>>;
	components?: Record<string, Record<string, unknown>>;
}

interface RawOperation {
	operationId?: string;
	summary?: string;
	security?: unknown[];
	parameters?: object[];
	requestBody?: { required?: boolean; content?: Record<string, unknown> };
	responses?: Record<string, { $ref?: string; content?: Record<string, { schema?: object }> }>;
	"x-role"?: string;
	"x-scope"?: "system" | "self";
	"x-cost"?: number;
	"x-audit"?: "each" | "summary" | "none";
	"x-idempotent"?: boolean;
	"x-secrets"?: readonly string[];
	"x-revalidate"?: boolean;
	"x-body-limit"?: number;
	"x-format-by-accept"?: boolean;
}

/** One method of one path, and what its extensions ask of the router. */
export interface Operation {
	/** `operationId`, unique. */
	id: string;
	/** Upper case. */
	method: string;
	/** As the contract writes it, with `{id}`. */
	path: string;
	/** Answers to anyone. */
	isPublic: boolean;
	/** Lowest role that may ask. */
	role: string;
	/** `x-scope`: `system` belongs to no site and takes the role everywhere, `self` is everybody's own affair. */
	scope: "system" | "self" | undefined;
	/** `x-cost`: units of work of a caller's minute that it takes; 0 without a word. */
	cost: number;
	/**
	 * `x-audit`: how the audit keeps it. Without a word: each one where it may change something. `summary`: the first of a
	 * minute, then their count. `none`: it only works something out, or is kept elsewhere.
	 */
	audit: "each" | "summary" | "none";
	/** Media types of its body; empty where it takes none. */
	bodyTypes: readonly string[];
	/** It makes no sense without one. */
	bodyRequired: boolean;
	/** Media types of its 200, JSON first. */
	answerTypes: readonly string[];
	/** `x-idempotent`: takes an Idempotency-Key. */
	idempotent: boolean;
	/** `x-secrets`: properties of its body or answer that never reach the disk, also not with an Idempotency-Key. */
	secrets: readonly string[];
	/** `x-revalidate`: changes slowly, so it carries an ETag. */
	revalidate: boolean;
	/** `x-body-limit`: bytes of its body at most, where they differ from what others may send. */
	bodyLimit: number | undefined;
	/** `x-format-by-accept`: its parameter `format` may be said by Accept. */
	formatByAccept: boolean;
	raw: RawOperation;
}

const methods = new Set(["get", "put", "post", "delete", "patch", "options"]);

/** The contract that ships; the build makes JSON of flows/openapi.yaml, which needs no parser. */
export const builtContract = join(packageRoot, "dist", "openapi.json");

/** Reads a contract, JSON or (where the package `yaml` is installed) YAML. */
export function readContract(path: string): OpenApi {
	const text = readFileSync(path, "utf8");
	if (path.endsWith(".json")) return JSON.parse(text) as OpenApi;
	const { parse } = createRequire(join(packageRoot, "package.json"))("yaml") as typeof import("yaml");
	return parse(text) as OpenApi;
}

/** The API as its contract describes it: finds operations, and holds answers against their schemas. */
export class Contract {
	readonly document: OpenApi;
	readonly operations: readonly Operation[];
	readonly #fixed = new Map<string, Operation>();
	readonly #patterns: { pattern: RegExp; operation: Operation }[] = [];
	readonly #public = new Set<string>();
	readonly #checks = new Map<string, ValidateFunction | null>();
	#ajv: Ajv2020 | undefined;

	constructor(document: OpenApi) {
		this.document = document;
		this.operations = Object.entries(document.paths).flatMap(([path, entries]) =>
			Object.entries(entries)
				.filter(([method]) => methods.has(method))
				.map(([method, raw]) => operationFrom(path, method, raw)),
		);
		for (const operation of this.operations) {
			const { path, method, isPublic } = operation;
			if (isPublic) this.#public.add(path);
			if (path.includes("{")) this.#patterns.push({ pattern: patternOf(path), operation });
			else this.#fixed.set(`${method} ${path.toLowerCase()}`, operation);
		}
	}

	/** Express matches paths whatever their case and with a slash behind; so does this. */
	operationOf(method: string, path: string): Operation | undefined {
		const asked = method === "HEAD" ? "GET" : method;
		const plain = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
		const fixed = this.#fixed.get(`${asked} ${plain.toLowerCase()}`);
		if (fixed) return fixed;
		return this.#patterns.find(({ pattern, operation }) => operation.method === asked && pattern.test(plain))
			?.operation;
	}

	/** Methods that a path takes, upper case; none where the contract knows no such path. */
	methodsAt(path: string): string[] {
		return [...methods].map((method) => method.toUpperCase()).filter((method) => this.operationOf(method, path));
	}

	/** Paths that answer to anyone, compared as they are: no other spelling of a path slips in. */
	isPublic(path: string): boolean {
		return this.#public.has(path);
	}

	/**
	 * What is wrong with an answer; undefined where it is as the contract says.
	 *
	 * @param body parsed where it is JSON
	 */
	misfitOf(operation: Operation, status: number, mediaType: string, body: unknown): string | undefined {
		const key = `${operation.id} ${status} ${mediaType}`;
		let check = this.#checks.get(key);
		if (check === undefined) {
			const found = this.#schemaOf(operation, status, mediaType);
			if (found?.missing) return found.missing;
			check = found ? this.#compile(found.pointer) : null;
			this.#checks.set(key, check);
		}
		if (check === null || check(body)) return undefined;
		return sentenceOf(check.errors ?? []);
	}

	/** Names that a caller may pick of an answer: the properties of its items, or its own where it is no list. */
	fieldsOf(operation: Operation): ReadonlySet<string> {
		const found = this.#schemaOf(operation, 200, "application/json");
		if (!found || found.missing) return new Set();
		const whole = this.#propertiesOf({ $ref: found.pointer });
		const items = whole.get("items");
		if (!items) return new Set(whole.keys());
		const each = items.flatMap((list) => (this.#resolve(list) as { items?: object }).items ?? []);
		return new Set(each.flatMap((item) => [...this.#propertiesOf(item).keys()]));
	}

	/** Where the schema of an answer stands; null where there is nothing to hold it against. */
	#schemaOf({ path, method, raw }: Operation, status: number, mediaType: string): Place | null {
		const name = [String(status), `${Math.floor(status / 100)}XX`, "default"].find((each) => raw.responses?.[each]);
		if (!name) return { pointer: "", missing: `no answer ${status} is described` };
		const own = ["paths", path, method.toLowerCase(), "responses", name].map(escapePointer).join("/");
		const base = raw.responses?.[name]?.$ref ?? `#/${own}`;
		const { content } = this.#resolve({ $ref: base }) as { content?: Record<string, { schema?: object }> };
		if (!content) return null;
		const media = content[mediaType];
		if (!media) return { pointer: "", missing: `no ${mediaType || "empty body"} is described for ${status}` };
		return media.schema ? { pointer: `${base}/content/${escapePointer(mediaType)}/schema` } : null;
	}

	#compile(pointer: string): ValidateFunction {
		if (!this.#ajv) {
			this.#ajv = new Ajv2020({ strict: false, allErrors: false, validateFormats: true, formats });
			this.#ajv.addSchema({ $id: "contract", ...this.document });
		}
		return this.#ajv.compile({ $ref: `contract${pointer}` });
	}

	#resolve(schema: object): object {
		let at: { $ref?: string } = schema;
		while (at.$ref) {
			let place: unknown = this.document;
			for (const part of at.$ref.slice(2).split("/")) {
				place = (place as Record<string, unknown>)[part.replaceAll("~1", "/").replaceAll("~0", "~")];
			}
			at = place as { $ref?: string };
		}
		return at;
	}

	/** Properties by name, with the schema of each alternative. */
	#propertiesOf(schema: object): Map<string, object[]> {
		const found = new Map<string, object[]>();
		const { properties = {}, anyOf = [], oneOf = [], allOf = [] } = this.#resolve(schema) as Composite;
		const add = (name: string, each: object[]): void => void found.set(name, [...(found.get(name) ?? []), ...each]);
		for (const [name, each] of Object.entries(properties)) add(name, [each]);
		for (const part of [...anyOf, ...oneOf, ...allOf]) {
			for (const [name, each] of this.#propertiesOf(part)) add(name, each);
		}
		return found;
	}
}

interface Place {
	pointer: string;
	missing?: string;
}

interface Composite {
	properties?: Record<string, object>;
	anyOf?: object[];
	oneOf?: object[];
	allOf?: object[];
}

const formats = {
	"date-time": /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/,
	date: /^\d{4}-\d{2}-\d{2}$/,
	binary: true,
	password: true,
	uri: true,
	"uri-reference": true,
	email: true,
} as const;

function operationFrom(path: string, method: string, raw: RawOperation): Operation {
	const answers = Object.keys(raw.responses?.["200"]?.content ?? {});
	return {
		id: raw.operationId ?? `${method} ${path}`,
		method: method.toUpperCase(),
		path,
		isPublic: Array.isArray(raw.security) && raw.security.length === 0,
		role: raw["x-role"] ?? "viewer",
		scope: raw["x-scope"],
		cost: raw["x-cost"] ?? 0,
		audit: raw["x-audit"] ?? (method === "get" || method === "head" ? "none" : "each"),
		bodyTypes: Object.keys(raw.requestBody?.content ?? {}),
		bodyRequired: raw.requestBody?.required === true,
		answerTypes: answers.toSorted((a, b) => Number(b === "application/json") - Number(a === "application/json")),
		idempotent: raw["x-idempotent"] === true,
		secrets: raw["x-secrets"] ?? [],
		revalidate: raw["x-revalidate"] === true,
		bodyLimit: raw["x-body-limit"],
		formatByAccept: raw["x-format-by-accept"] === true,
		raw,
	};
}

function patternOf(path: string): RegExp {
	const parts = path
		.split("/")
		.map((part) => (part.startsWith("{") ? "[^/]+" : part.replace(/[.*+?^$()|[\]\\]/g, "\\$&")));
	return new RegExp(`^${parts.join("/")}$`, "i");
}

const escapePointer = (part: string): string => part.replaceAll("~", "~0").replaceAll("/", "~1");

/** The deepest place is the one that says most. */
function sentenceOf(errors: readonly ErrorObject[]): string {
	const deepest = errors.toSorted((a, b) => b.instancePath.split("/").length - a.instancePath.split("/").length)[0];
	if (!deepest) return "does not fit";
	const { instancePath, message = "does not fit", params } = deepest;
	return `${instancePath || "/"} ${message} ${JSON.stringify(params)}`;
}
