import { type AlarmState, alarmStates, type Priority, priorities } from "../../lib/alarms/types.ts";
import { EnergyError } from "../../lib/errors.ts";
import { type ListRequest, orderFrom } from "../../lib/listing.ts";

type Parameters = Readonly<Record<string, unknown>>;

export interface ListQuery {
	states: ReadonlySet<AlarmState> | undefined;
	priorities: ReadonlySet<Priority> | undefined;
	machine: string | undefined;
	/** Order and page. */
	page: ListRequest;
}

export interface SpanQuery {
	fromMs: number;
	toMs: number;
}

export interface LinesQuery {
	limit: number;
	order: "asc" | "desc";
	cursor?: string;
}

const DAY_MS = 86_400_000;
const MOST_DAYS = 100;
const isoPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/;

function fail(field: string, value: unknown, rule: string): never {
	throw new EnergyError("alarms.bad-query", { field, value: value ?? "", rule });
}

const given = (value: unknown): boolean => value !== undefined && value !== null && value !== "";

function several<T extends string>(field: string, value: unknown, known: readonly T[]): ReadonlySet<T> | undefined {
	if (!given(value)) return undefined;
	const words = (Array.isArray(value) ? value : String(value).split(",")).map((word) => String(word).trim());
	return new Set(
		words.map(
			(word) => known.find((one) => one === word) ?? fail(field, word, `one or several of ${known.join(", ")}`),
		),
	);
}

function limitOf(value: unknown, otherwise: number): number {
	if (!given(value)) return otherwise;
	const limit = Number(value);
	return Number.isInteger(limit) && limit >= 1 && limit <= 1_000 ? limit : fail("limit", value, "1…1000");
}

function timeMs(field: string, value: unknown, otherwise: number): number {
	if (!given(value)) return otherwise;
	// A `+` that a caller forgot to escape arrives as a space.
	const text = String(value).replace(/ (\d{2}:?\d{2})$/, "+$1");
	const ms = isoPattern.test(text) ? Date.parse(text) : Number.NaN;
	return Number.isNaN(ms) ? fail(field, value, "an ISO 8601 time with offset or Z") : ms;
}

/** Which alarms: everything but the normal ones unless `state` says so (`all`: those, too). @throws EnergyError `alarms.bad-query` */
export function listQuery(parameters: Parameters): ListQuery {
	const { state, priority, machine, limit, cursor, sort } = parameters;
	const all: readonly AlarmState[] = alarmStates;
	return {
		states:
			state === "all" ? undefined : (several("state", state, all) ?? new Set(all.filter((one) => one !== "normal"))),
		priorities: several("priority", priority, priorities),
		machine: given(machine) ? String(machine) : undefined,
		page: { sort, limit: limitOf(limit, 100), ...(given(cursor) ? { cursor: String(cursor) } : {}) },
	};
}

/** The last seven days unless it is said, at most a hundred. @throws EnergyError `alarms.bad-query` */
export function spanQuery({ from, to }: Parameters, nowMs: number): SpanQuery {
	const toMs = timeMs("to", to, nowMs);
	const fromMs = timeMs("from", from, toMs - 7 * DAY_MS);
	if (fromMs >= toMs || toMs - fromMs > MOST_DAYS * DAY_MS) fail("from", from, `before to, at most ${MOST_DAYS} days`);
	return { fromMs, toMs };
}

/** @throws EnergyError `alarms.bad-query` */
export function linesQuery(parameters: Parameters): LinesQuery {
	const { limit, cursor } = parameters;
	return {
		limit: limitOf(limit, 100),
		order: orderFrom(parameters, "desc"),
		...(given(cursor) ? { cursor: String(cursor) } : {}),
	};
}
