export interface Schema {
	$ref?: string;
	type?: string | string[];
	description?: string;
	format?: string;
	enum?: unknown[];
	const?: unknown;
	default?: unknown;
	minimum?: number;
	maximum?: number;
	properties?: Record<string, Schema>;
	required?: string[];
	items?: Schema;
	additionalProperties?: Schema | boolean;
	anyOf?: Schema[];
	oneOf?: Schema[];
	allOf?: Schema[];
	example?: unknown;
}

export interface Parameter {
	$ref?: string;
	name: string;
	in: "query" | "path" | "header" | "cookie";
	required?: boolean;
	description?: string;
	schema?: Schema;
	example?: unknown;
}

export interface Media {
	schema?: Schema;
	example?: unknown;
	examples?: Record<string, { summary?: string; value: unknown }>;
}

export interface Response {
	$ref?: string;
	description?: string;
	content?: Record<string, Media>;
}

export interface RawOperation {
	operationId: string;
	summary: string;
	description?: string;
	tags: string[];
	security?: unknown[];
	parameters?: Parameter[];
	requestBody?: { required?: boolean; description?: string; content: Record<string, Media> };
	responses: Record<string, Response>;
	"x-role"?: string;
}

export interface Document {
	info: { title: string; version: string; description: string };
	tags: { name: string; description: string }[];
	paths: Record<string, Record<string, RawOperation>>;
}

export interface Operation extends RawOperation {
	method: string;
	path: string;
	parameters: Parameter[];
}

/** The contract's sentences in another language, as flows/openapi.ko.yaml has them. */
export interface Translation {
	info: string;
	/** By the sentence as the contract writes it. */
	texts: Readonly<Record<string, string>>;
}

/** The contract of the server that this page came from, in the reader's language. */
export class Contract {
	readonly document: Document;
	readonly operations: readonly Operation[];
	readonly #translation: Translation | undefined;

	constructor(document: Document, translation?: Translation) {
		this.document = document;
		this.#translation = translation;
		this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
			Object.entries(methods).map(([method, operation]) => ({
				...operation,
				...{ method: method.toUpperCase(), path },
				parameters: (operation.parameters ?? []).map((each) => this.resolve(each)),
			})),
		);
	}

	/** A sentence of the contract as the reader reads it. */
	told(text: string): string {
		return this.#translation?.texts[text.trim()] ?? text;
	}

	get introduction(): string {
		return this.#translation?.info ?? this.document.info.description;
	}

	get(id: string): Operation | undefined {
		return this.operations.find(({ operationId }) => operationId === id);
	}

	resolve<T extends { $ref?: string }>(given: T): T {
		let at: { $ref?: string } = given;
		for (let depth = 0; at.$ref && depth < 20; depth++) {
			let place: unknown = this.document;
			for (const part of at.$ref.slice(2).split("/")) {
				place = (place as Record<string, unknown>)[part.replaceAll("~1", "/").replaceAll("~0", "~")];
			}
			at = place as { $ref?: string };
		}
		return at as T;
	}
}

/** The example of a body, the first where there are several. */
export function exampleOf(media: Media | undefined): unknown {
	return media?.example ?? Object.values(media?.examples ?? {})[0]?.value;
}
