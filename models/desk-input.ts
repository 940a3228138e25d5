import { EnergyError } from "../lib/errors.ts";
import type { ListRequest } from "../lib/listing.ts";
import type { ModelAddress, ModelStatus } from "./records.ts";

export type Loose = Readonly<Record<string, unknown>>;

export interface ListQuery {
	task?: string;
	machine?: string;
	status?: ModelStatus;
	/** Order and page. */
	page: ListRequest;
}

export interface TrainOrder {
	task: string;
	machine: string;
	kind?: string;
	historyDays?: number;
	seed?: number;
	promote?: boolean;
	deadlineMs?: number;
}

const statuses: readonly ModelStatus[] = ["training", "ready", "active", "failed", "retired"];
const MAX_LIMIT = 1_000;

function fail(field: string, value: unknown, rule: string): never {
	throw new EnergyError("models.bad-input", { field, value: value ?? "–", rule });
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== "";

export function objectOf(value: unknown, field: string): Loose {
	if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Loose;
	return fail(field, value, "an object");
}

function textOf(field: string, value: unknown): string {
	return typeof value === "string" && value.length > 0 && value.length <= 400 ? value : fail(field, value, "a name");
}

function numberOf(field: string, value: unknown, min: number, max: number, whole: boolean): number {
	const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
	const fits = typeof number === "number" && number >= min && number <= max && (!whole || Number.isInteger(number));
	return fits ? number : fail(field, value, `${min}…${max}`);
}

/** @throws EnergyError `models.bad-input` */
export function checkSite(given: Loose, site: string): void {
	if (isGiven(given.site) && given.site !== site) fail("site", given.site, site);
}

/** @throws EnergyError `models.bad-input` */
export function listQuery(given: Loose): ListQuery {
	const { task, machine, status, limit, cursor, sort } = given;
	return {
		...(isGiven(task) && { task: textOf("task", task) }),
		...(isGiven(machine) && { machine: textOf("machine", machine) }),
		...(isGiven(status) && {
			status: statuses.find((one) => one === status) ?? fail("status", status, statuses.join(", ")),
		}),
		page: {
			sort,
			limit: isGiven(limit) ? numberOf("limit", limit, 1, MAX_LIMIT, true) : 100,
			...(isGiven(cursor) && { cursor: String(cursor) }),
		},
	};
}

/** @throws EnergyError `models.bad-input` */
export function trainOrder(given: Loose): TrainOrder {
	const { task, machine, kind, historyDays, seed, promote, deadlineS } = given;
	if (isGiven(promote) && typeof promote !== "boolean") fail("promote", promote, "true, false");
	return {
		task: textOf("task", task),
		machine: textOf("machine", machine),
		...(isGiven(kind) && { kind: textOf("kind", kind) }),
		...(isGiven(historyDays) && { historyDays: numberOf("historyDays", historyDays, 1, 3_660, false) }),
		...(isGiven(seed) && { seed: numberOf("seed", seed, 0, 2 ** 32 - 1, true) }),
		...(isGiven(promote) && { promote: promote === true }),
		...(isGiven(deadlineS) && { deadlineMs: 1000 * numberOf("deadlineS", deadlineS, 1, 86_400, false) }),
	};
}

/** A model by its id, or whatever is in use of a task and machine. @throws EnergyError `models.bad-input` */
export function subjectOf(given: Loose, site: string): { id: string } | ModelAddress {
	const id = given.model ?? given.job ?? given.id;
	if (isGiven(id)) return { id: textOf("model", id) };
	return { task: textOf("task", given.task), site, machine: textOf("machine", given.machine) };
}
