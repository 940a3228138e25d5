import { isDeepStrictEqual } from "node:util";
import { checkIfMatch } from "../api/etag.ts";
import { EnergyError } from "../errors.ts";
import { type Listing, orderFrom, pageOf } from "../listing.ts";
import { noteChange } from "../log/scope.ts";
import type { Language } from "../messages.ts";
import type { OperationDesk } from "./desk.ts";
import { ordersOfCsv } from "./order-csv.ts";
import { type OrderSurroundings, parseOrders } from "./order-input.ts";
import { isJobDone } from "./progress.ts";
import type { Solves } from "./solves.ts";
import type { Job, Order, Override, StoredPlan } from "./types.ts";
import { decorated, summaryOf, wireJob } from "./wire.ts";

/** A question or an act, from the API or a card. */
export interface Asked {
	operation: Operation;
	/** Job, plan or solve that it is about. */
	id?: string;
	body?: unknown;
	query?: Readonly<Record<string, unknown>>;
	/** The tag of the job that the asker has read (`If-Match`). */
	ifMatch?: string;
	by: string;
	language: Language;
}

export const operations = [
	...(["optimize", "solve", "solve-cancel", "jobs", "job", "save-jobs", "save-job", "remove-job", "override"] as const),
	...(["schedules", "schedule", "approve", "dispatch", "withdraw", "replan", "cancel", "board"] as const),
] as const;
export type Operation = (typeof operations)[number];

export interface Answered {
	status: number;
	body: unknown;
	location?: string;
}

const ok = (body: unknown): Answered => ({ status: 200, body });
const isObject = (value: unknown): value is Record<string, unknown> =>
	typeof value === "object" && value !== null && !Array.isArray(value);

/** Does what is asked. Acts resolve when what they changed is kept. */
export async function answer(desk: OperationDesk, solves: Solves, asked: Asked): Promise<Answered> {
	const { operation, id = "", by, language } = asked;
	switch (operation) {
		case "optimize":
			return optimized(desk, solves, asked);
		case "solve":
			return ok(solves.job(id, language));
		case "solve-cancel":
			return ok(solves.cancel(id, language));
		case "jobs":
			return ok(jobsPage(desk, asked.query ?? {}));
		case "job":
			return ok(wireJob(desk.engine.job(id), desk.engine.options.intervalMinutes));
		case "schedules":
			return ok(await plansPage(desk, asked.query ?? {}));
		case "schedule":
			return ok(await planOf(desk, id));
		case "board":
			return ok(desk.boardNow());
		case "cancel":
			desk.cancel();
			return ok(desk.boardNow().planning ?? {});
		case "replan":
			// Who presses a button sees the plan when it is there.
			desk.engine.wish("asked", by);
			return ok({});
		default:
			return acted(desk, asked);
	}
}

async function acted(desk: OperationDesk, asked: Asked): Promise<Answered> {
	const { operation, id = "", by, body } = asked;
	const { engine } = desk;
	const nowMs = Date.now();
	const wired = (jobs: readonly Parameters<typeof wireJob>[0][]): Job[] =>
		jobs.map((record) => wireJob(record, engine.options.intervalMinutes));
	const noteAll = watched(desk);
	/** The job as it is, and as who asks takes it to be. */
	const known = (): Job => {
		const [job] = wired([engine.job(id)]) as [Job];
		checkIfMatch(asked.ifMatch, job);
		return job;
	};
	let result: Answered;
	switch (operation) {
		case "save-jobs": {
			const orders = ordersOf(desk, body, nowMs);
			const items = wired(engine.putJobs(orders, by, nowMs));
			const location =
				items.length === 1 ? `/api/v1/scheduling/jobs/${encodeURIComponent(items[0]?.id ?? "")}` : undefined;
			result = { status: 201, body: { items }, ...(location ? { location } : {}) };
			break;
		}
		case "save-job": {
			const order = isObject(body) ? { ...body, id: body.id ?? id } : body;
			const [parsed] = parseOrders(order, around(desk, nowMs)) as [Order];
			if (parsed.id !== id) throw new EnergyError("operation.order-field", { field: "id", value: parsed.id, rule: id });
			known();
			result = ok(wired(engine.putJobs([parsed], by, nowMs))[0]);
			break;
		}
		case "remove-job":
			result = ok(known());
			engine.removeJob(id, by, nowMs);
			break;
		case "override":
			known();
			result = ok(wired([engine.override(id, overrideOf(body), by, nowMs)])[0]);
			break;
		case "approve":
		case "dispatch":
		case "withdraw": {
			if (operation === "approve" && isObject(body) && body.dispatch === true) engine.approve(id, by, nowMs);
			const step = operation === "approve" && isObject(body) && body.dispatch === true ? "dispatch" : operation;
			const plan = engine[step](id, by, nowMs);
			result = ok(summaryOf(plan));
			break;
		}
		default:
			throw new EnergyError("operation.order-field", {
				field: "operation",
				value: operation,
				rule: operations.join(" | "),
			});
	}
	noteAll();
	await desk.flush();
	return result;
}

/** Remembers what stands before an act; what it returns tells what the act made of jobs and plans. */
function watched({ engine }: OperationDesk): () => void {
	const jobsNow = (): Map<string, Job> =>
		new Map([...engine.jobs].map(([id, record]) => [id, wireJob(record, engine.options.intervalMinutes)]));
	const jobs = jobsNow();
	// A plan that ends is no longer among these, and still the same object.
	const plans = [engine.current, engine.proposed, engine.waiting].flatMap((plan) => plan ?? []);
	const summaries = plans.map((plan) => ({ plan, before: summaryOf(plan) }));
	return () => {
		const after = jobsNow();
		for (const id of new Set([...jobs.keys(), ...after.keys()])) noteIfOther(id, jobs.get(id), after.get(id));
		for (const { plan, before } of summaries) noteIfOther(plan.id, before, summaryOf(plan));
	};
}

function noteIfOther(target: string, before: object | undefined, after: object | undefined): void {
	if (!isDeepStrictEqual(before, after)) noteChange({ target, before: before ?? null, after: after ?? null });
}

async function optimized(desk: OperationDesk, solves: Solves, { body, by, language }: Asked): Promise<Answered> {
	if (isObject(body) && body.problem !== undefined) {
		const { problem, seconds, gapPercent, seed } = body;
		const order = { problem, seconds, gapPercent, seed } as Parameters<Solves["solve"]>[0];
		const solved = await solves.solve(order, language);
		if ("answer" in solved) return ok(solved.answer);
		return { status: 202, body: solved.job, location: `/api/v1/scheduling/optimize/${solved.job.id}` };
	}
	const plan = await desk.planNow(by);
	await desk.flush();
	if (!plan) throw new EnergyError("operation.no-jobs");
	noteChange({ target: plan.id, before: null, after: summaryOf(plan) });
	return ok(decorated(plan, desk.engine, Date.now()));
}

const around = (desk: OperationDesk, nowMs: number): OrderSurroundings => ({
	...{ site: desk.site, known: [...desk.engine.jobs.keys()], nowMs },
	orders: [...desk.engine.jobs.values()]
		.filter((record) => !isJobDone(record, desk.engine.options.intervalMinutes))
		.map(({ order }) => order),
});

/** Orders as JSON, or as text with a line for each. */
function ordersOf(desk: OperationDesk, body: unknown, nowMs: number): Order[] {
	return typeof body === "string" ? ordersOfCsv(body, around(desk, nowMs)) : parseOrders(body, around(desk, nowMs));
}

/** @throws EnergyError `operation.override-invalid` */
function overrideOf(body: unknown): Override {
	const given = isObject(body) ? body : {};
	if (given.hold === true) return { hold: true };
	if (given.free === true) return { free: true };
	const { pin } = given;
	if (isObject(pin) && [pin.operation, pin.machine, pin.start].every((value) => typeof value === "string")) {
		return { pin: { operation: String(pin.operation), machine: String(pin.machine), start: String(pin.start) } };
	}
	throw new EnergyError("operation.override-invalid");
}

function limitOf(query: Readonly<Record<string, unknown>>, fallback: number, most: number): number {
	const limit = query.limit === undefined ? fallback : Number(query.limit);
	if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
	throw new EnergyError("operation.order-field", { field: "limit", value: String(query.limit), rule: `1…${most}` });
}

/** Jobs by id unless told. */
function jobsPage(
	{ engine }: OperationDesk,
	query: Readonly<Record<string, unknown>>,
): { items: Job[]; nextCursor?: string } {
	const limit = limitOf(query, 100, 1000);
	const cursor = query.cursor === undefined ? undefined : String(query.cursor);
	const found = [...engine.jobs.values()]
		.map((record) => wireJob(record, engine.options.intervalMinutes))
		.filter(({ state }) => query.state === undefined || state === query.state);
	return pageOf(found, orderListing, { sort: query.sort, limit, cursor });
}

const timeOf = (text: string | undefined): number | null => (text === undefined ? null : Date.parse(text));
export const orderListing: Listing<Job> = {
	fields: {
		id: ({ id }) => id,
		state: ({ state }) => state,
		due: ({ due }) => timeOf(due),
		deadline: ({ deadline }) => timeOf(deadline),
		createdAt: ({ createdAt }) => timeOf(createdAt),
		changedAt: ({ changedAt }) => timeOf(changedAt),
	},
	usual: () => [],
	id: ({ id }) => id,
};

async function plansPage(desk: OperationDesk, query: Readonly<Record<string, unknown>>): Promise<object> {
	await desk.flush();
	const cursor = query.cursor === undefined ? undefined : String(query.cursor);
	const page = await desk.keeper.plansOf(limitOf(query, 20, 100), orderFrom(query, "desc", "createdAt"), cursor);
	const items = page.items.map(summaryOf);
	return { items, ...(page.nextCursor ? { nextCursor: page.nextCursor } : {}) };
}

/** A plan with what became of it; `current` is the one in force, `proposed` the one that waits. */
async function planOf(desk: OperationDesk, id: string): Promise<StoredPlan> {
	const { engine } = desk;
	const { current, proposed, waiting } = engine;
	const named = new Map([
		["current", current ?? waiting],
		["proposed", proposed ?? waiting],
	]);
	const plan = named.has(id) ? named.get(id) : [current, proposed, waiting].find((each) => each?.id === id);
	if (plan) return decorated(plan, engine, Date.now());
	await desk.flush();
	const kept = named.has(id) ? undefined : await desk.keeper.plan(id);
	if (!kept) throw new EnergyError("operation.plan-unknown", { plan: id });
	return kept;
}
