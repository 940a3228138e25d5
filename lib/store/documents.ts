import { EnergyError } from "../errors.ts";
import type { TextChange, TextDocument } from "./sqlite/protocol.ts";
import type { DocumentChange, StoredDocument } from "./store.ts";

/** Text of one value, characters. */
const MAX_VALUE = 1_048_576;
const MAX_NAME = 300;
const MAX_CHANGE = 10_000;
const kindPattern = /^[\w.-]{1,60}$/;

/**
 * A change as the engines take it: names and times checked, values as JSON text.
 *
 * @throws EnergyError `store.bad-document`
 */
export function packChange({
	site,
	kind,
	put = [],
	remove = [],
	journal = [],
	expect = [],
}: DocumentChange): TextChange {
	const fail = (id: unknown, field: string, rule: string): never => {
		throw new EnergyError("store.bad-document", { kind, id: String(id).slice(0, MAX_NAME), field, rule });
	};
	const name = (value: unknown, field: string, shortest: number): string =>
		typeof value === "string" && value.length >= shortest && value.length <= MAX_NAME
			? value
			: fail(value, field, `${shortest}–${MAX_NAME} characters`);
	const pack = (id: string, atMs: number, value: unknown): TextDocument => {
		if (!Number.isSafeInteger(atMs)) fail(id, "atMs", "epoch milliseconds");
		return { id, atMs, json: textOf(value) ?? fail(id, "value", `JSON of at most ${MAX_VALUE} characters`) };
	};
	name(site, "site", 1);
	if (!kindPattern.test(kind)) fail("", "kind", "letters, digits, -, _ and ., at most 60");
	if (put.length + remove.length + journal.length > MAX_CHANGE) fail("", "change", `at most ${MAX_CHANGE} entries`);
	return {
		site,
		kind,
		put: put.map(({ id, atMs, value }) => pack(name(id, "id", 1), atMs, value)),
		remove: remove.map((id) => name(id, "id", 1)),
		journal: journal.map(({ subject, atMs, value }) => pack(name(subject, "subject", 0), atMs, value)),
		expect: expect.map(({ kind, id, value, atMs }) => ({
			...{ kind, id: name(id, "id", 1), atMs: atMs ?? null },
			json: value === undefined ? null : pack(id, 0, value).json,
		})),
	};
}

/** Undefined for what JSON has no words for, a circle, or too much of it. */
function textOf(value: unknown): string | undefined {
	try {
		const json: string | undefined = JSON.stringify(value);
		return json !== undefined && json.length <= MAX_VALUE ? json : undefined;
	} catch {
		return undefined;
	}
}

export function unpackDocument({ id, atMs, json }: TextDocument): StoredDocument {
	return { id, atMs, value: JSON.parse(json) as unknown };
}
