import type { Job, Order } from "../../../../lib/operation/types.ts";
import { dateTime, instantOf } from "../zone.ts";

/** An order as it stands in the form: texts, as a person types them. */
export interface Draft {
	id: string;
	product: string;
	quantity: string;
	unit: string;
	machines: string[];
	minutes: string;
	powerKw: string;
	release: string;
	due: string;
	deadline: string;
	priority: string;
}

export type Field = keyof Draft;

export const emptyDraft: Readonly<Draft> = {
	...{ id: "", product: "", quantity: "", unit: "", machines: [], minutes: "60", powerKw: "" },
	...{ release: "", due: "", deadline: "", priority: "1" },
};

/** Whether the form can show how an order is made: one operation, that takes the same on each of its machines. */
export function isPlain({ operations }: Pick<Order, "operations">): boolean {
	const [operation, ...more] = operations;
	const first = operation?.modes[0];
	if (!operation || !first || more.length > 0 || typeof first.powerKw !== "number") return false;
	return operation.modes.every(({ minutes, powerKw }) => minutes === first.minutes && powerKw === first.powerKw);
}

/** An order in the form; what the form cannot show of it is left out there, and kept by `orderOf`. */
export function draftOf(job: Order, zone: string): Draft {
	const mode = isPlain(job) ? job.operations[0]?.modes[0] : undefined;
	const local = (time: string | undefined): string =>
		time === undefined ? "" : dateTime(Date.parse(time), zone).replace(" ", "T");
	return {
		id: job.id,
		product: job.product ?? job.name ?? "",
		quantity: job.quantity === undefined ? "" : String(job.quantity),
		unit: job.unit ?? "",
		machines: mode ? (job.operations[0]?.modes ?? []).map(({ machine }) => machine) : [],
		minutes: mode?.minutes === undefined ? "" : String(mode.minutes),
		powerKw: typeof mode?.powerKw === "number" ? String(mode.powerKw) : "",
		...{ release: local(job.release), due: local(job.due), deadline: local(job.deadline) },
		priority: String(job.priority ?? 1),
	};
}

export type Misfit = "missing" | "number" | "time" | "order" | "taken";

/**
 * The order that a form means, or what is wrong with each field.
 *
 * @param known the order that is changed: what the form does not show of it stays
 */
export function orderOf(
	draft: Draft,
	zone: string,
	known: Job | null,
	taken: ReadonlySet<string>,
): { order: Order; misfits: null } | { order: null; misfits: Partial<Record<Field, Misfit>> } {
	const misfits: Partial<Record<Field, Misfit>> = {};
	const id = draft.id.trim();
	if (id === "") misfits.id = "missing";
	else if (!known && taken.has(id)) misfits.id = "taken";
	const times = timesOf(draft, zone, misfits);
	const priority = numberOf(draft, "priority", misfits);
	const quantity = draft.quantity.trim() === "" ? undefined : numberOf(draft, "quantity", misfits);
	const plain = !known || isPlain(known);
	const minutes = plain ? numberOf(draft, "minutes", misfits) : 0;
	const powerKw = plain ? numberOf(draft, "powerKw", misfits) : 0;
	if (plain && draft.machines.length === 0) misfits.machines = "missing";
	if (Object.keys(misfits).length > 0) return { order: null, misfits };
	const product = draft.product.trim();
	const unit = draft.unit.trim();
	const { state: _state, createdAt: _created, changedAt: _changed, by: _by, pins: _pins, ...kept } = known ?? emptyJob;
	const { release: _r, due: _d, deadline: _l, name: _n, product: _p, quantity: _q, unit: _u, ...rest } = kept;
	// A name of its own stays beside what is made.
	const name = known?.product !== undefined && known.name !== undefined ? { name: known.name } : {};
	const operations = plain
		? [{ ...(known?.operations[0] ?? {}), modes: draft.machines.map((machine) => ({ machine, minutes, powerKw })) }]
		: rest.operations;
	const what = {
		...(product === "" ? {} : { product }),
		...(quantity === undefined ? {} : { quantity }),
		...(unit === "" ? {} : { unit }),
	};
	return { order: { ...rest, id, ...name, ...what, ...times, priority, operations }, misfits: null };
}

const emptyJob: Job = { id: "", operations: [], state: "open", createdAt: "", changedAt: "", by: "" };

function timesOf(
	draft: Draft,
	zone: string,
	misfits: Partial<Record<Field, Misfit>>,
): Pick<Order, "release" | "due" | "deadline"> {
	const times: Pick<Order, "release" | "due" | "deadline"> = {};
	for (const field of ["release", "due", "deadline"] as const) {
		const text = draft[field].trim();
		if (text === "") continue;
		const ms = instantOf(text, zone);
		if (ms === null) misfits[field] = "time";
		else times[field] = new Date(ms).toISOString();
	}
	const before = (first: "release" | "due", then: "due" | "deadline"): boolean =>
		times[first] === undefined || times[then] === undefined || Date.parse(times[first]) < Date.parse(times[then]);
	if (!before("release", "deadline")) misfits.deadline = "order";
	if (!before("release", "due")) misfits.due = "order";
	return times;
}

function numberOf(
	draft: Draft,
	field: "minutes" | "powerKw" | "priority" | "quantity",
	misfits: Partial<Record<Field, Misfit>>,
): number {
	const text = draft[field].trim().replace(",", ".");
	const value = Number(text);
	if (text === "") misfits[field] = "missing";
	else if (!Number.isFinite(value) || value <= 0) misfits[field] = "number";
	return value;
}
