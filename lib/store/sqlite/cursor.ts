import { EnergyError } from "../../errors.ts";

/** Where a page ended: the time and the number of its last row. */
export interface Position {
	timeMs: number;
	id: number;
}

export function cursorOf({ timeMs, id }: Position): string {
	return Buffer.from(JSON.stringify([timeMs, id])).toString("base64url");
}

/** @throws EnergyError `store.bad-cursor` */
export function positionOf(cursor: string): Position {
	try {
		const [timeMs, id]: unknown[] = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
		if (Number.isSafeInteger(timeMs) && Number.isSafeInteger(id)) return { timeMs: Number(timeMs), id: Number(id) };
	} catch {
		// Answered below, like every other text that is no cursor.
	}
	throw new EnergyError("store.bad-cursor", { value: cursor.slice(0, 100) });
}

const DEFAULT_LIMIT = 1_000;
const MAX_LIMIT = 10_000;

/** @throws EnergyError `store.bad-query` */
export function limitOf(limit: number | undefined): number {
	if (limit === undefined) return DEFAULT_LIMIT;
	if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
	throw new EnergyError("store.bad-query", { field: "limit", value: limit, rule: `1…${MAX_LIMIT}` });
}
