import { EnergyError } from "../../errors.ts";

/** Where a page ended: the time and the number of its last row. */
export interface Position {
	timeMs: number;
	id: number;
}

type Order = "asc" | "desc";

/** @param order of the list that the page is one of */
export function cursorOf({ timeMs, id }: Position, order: Order = "asc"): string {
	return Buffer.from(JSON.stringify([timeMs, id, ...(order === "asc" ? [] : [order])])).toString("base64url");
}

/** @throws EnergyError `store.bad-cursor`, also for that of the other order */
export function positionOf(cursor: string, order: Order = "asc"): Position {
	try {
		const [timeMs, id, found = "asc"]: unknown[] = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
		const fits = Number.isSafeInteger(timeMs) && Number.isSafeInteger(id) && found === order;
		if (fits) return { timeMs: Number(timeMs), id: Number(id) };
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
