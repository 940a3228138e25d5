import { EnergyError } from "../errors.ts";
import type { Issue, JobSpec, MachineSpec, SchedulingProblem } from "../scheduling/problem.ts";
import { issuesOf } from "../scheduling/validate.ts";
import type { Site } from "../telemetry/site.ts";
import { recipeOf } from "./batches.ts";
import { iso } from "./progress.ts";
import type { Order, OrderOperation, Words } from "./types.ts";
import { wordsOf } from "./words.ts";

/** Something wrong with orders, in words; all of it is told at once. */
export interface OrderIssue extends Issue {
	/** Of an imported text, from 1. */
	line?: number;
	text: Words;
}

export interface OrderSurroundings {
	site: Site;
	/** Ids of the jobs that are known: an order may wait for one of them. */
	known: readonly string[];
	/** Those of them that are still to do: what shares a batch has to be like them. */
	orders?: readonly Order[];
	nowMs: number;
}

/** Orders at once, at most; a file with more is several files. */
const MOST_ORDERS = 1000;
const STEP_MS = 900_000;

const isObject = (value: unknown): value is Record<string, unknown> =>
	typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Orders as the API takes them: one, or a list.
 *
 * @throws EnergyError `operation.orders-invalid` with every issue in `issues`
 */
export function parseOrders(input: unknown, around: OrderSurroundings): Order[] {
	const list = Array.isArray(input) ? input : [input];
	const issues = issuesOfOrders(list, around);
	if (!Array.isArray(input)) for (const issue of issues) issue.field = issue.field.replace(/^\/jobs\/0/, "") || "/";
	refuse(issues);
	return list as Order[];
}

/** @throws EnergyError `operation.orders-invalid` where there are some */
export function refuse(issues: readonly OrderIssue[]): void {
	const [first] = issues;
	if (!first) return;
	const where = `${first.line === undefined ? "" : `:${first.line} `}${first.field}`.trim();
	throw new EnergyError("operation.orders-invalid", {
		count: issues.length,
		first: `${first.code.replace(/^\w+\./, "")} ${where}`,
		issues,
	});
}

/** Everything that is wrong with a list of orders; fields begin with `/jobs/<index>`. */
export function issuesOfOrders(
	list: readonly unknown[],
	{ site, known, orders = [], nowMs }: OrderSurroundings,
): OrderIssue[] {
	const issues: OrderIssue[] = [];
	const found = (code: string, field: string, details: Record<string, string | number>): void => {
		issues.push({ code, field, ...details, text: wordsOf(code, { field, ...details }) });
	};
	if (list.length === 0 || list.length > MOST_ORDERS)
		found("operation.order-count", "/jobs", { count: list.length, most: MOST_ORDERS });
	const specs = list.map((order, index) => specOf(order, `/jobs/${index}`, found));
	const own = new Set(specs.map((spec) => (isObject(spec) ? spec.id : undefined)));
	const others = known.filter((id) => !own.has(id)).map((id): JobSpec => othersOrder(id, site));
	const machines = site.machines
		.filter(({ role }) => role === "sub")
		.map(({ id, work }): MachineSpec => ({ id, ...(work?.batchSize ? { batchSize: work.batchSize } : {}) }));
	const problem = {
		...{ start: iso(Math.floor(nowMs / STEP_MS) * STEP_MS), intervals: 1, energyPriceKrwPerKwh: [0] },
		...{ machines, jobs: [...specs, ...others] },
	} as unknown as SchedulingProblem;
	for (const issue of issuesOf(problem)) {
		const job = jobOf(issue, list);
		issues.push({
			...issue,
			...(job === undefined ? {} : { job }),
			text: wordsOf(issue.code, { job: job ?? "", ...issue }),
		});
	}
	// Their form is right where nothing was found.
	if (issues.length > 0) return issues;
	for (const issue of otherRecipes(
		list,
		machines,
		orders.filter(({ id }) => !own.has(id)),
	)) {
		issues.push({ ...issue, text: wordsOf(issue.code, issue) });
	}
	return issues;
}

/** Orders that would share a batch with known ones, but take another time or power for it. */
function otherRecipes(list: readonly unknown[], machines: readonly MachineSpec[], orders: readonly Order[]): Issue[] {
	const batches = new Set(machines.flatMap(({ id, batchSize = 1 }) => (batchSize > 1 ? [id] : [])));
	if (batches.size === 0) return [];
	const known = new Map<string, string>();
	for (const { operations } of orders) {
		for (const { family, modes } of operations) {
			for (const mode of modes) if (family !== undefined) known.set(`${mode.machine} ${family}`, recipeOf(mode));
		}
	}
	return (list as readonly Order[]).flatMap(({ id: job, operations }, index) =>
		operations.flatMap(({ family, modes }, k) =>
			modes.flatMap((mode): Issue[] => {
				const { machine } = mode;
				const recipe = batches.has(machine) ? known.get(`${machine} ${family}`) : undefined;
				if (family === undefined || recipe === undefined || recipe === recipeOf(mode)) return [];
				return [{ code: "scheduling.recipe", field: `/jobs/${index}/operations/${k}`, job, machine, family }];
			}),
		),
	);
}

/** An order that is known already, as little of it as others may refer to. */
const othersOrder = (id: string, site: Site): JobSpec => ({
	id,
	operations: [
		{ modes: [{ machine: site.machines.find(({ role }) => role === "sub")?.id ?? "", minutes: 15, powerKw: 0 }] },
	],
});

function jobOf({ field, job }: Issue, list: readonly unknown[]): string | undefined {
	if (typeof job === "string") return job;
	const order = list[Number(/^\/jobs\/(\d+)/.exec(field)?.[1] ?? -1)];
	return isObject(order) && typeof order.id === "string" ? order.id : undefined;
}

type Found = (code: string, field: string, details: Record<string, string | number>) => void;

/** The order without what only people read, which is looked at here. */
function specOf(order: unknown, field: string, found: Found): unknown {
	if (!isObject(order)) return order;
	const { product, quantity, unit, operations, ...spec } = order as Partial<Order> & Record<string, unknown>;
	const text = (value: unknown, name: string): void => {
		if (value !== undefined && (typeof value !== "string" || value.length > 200)) {
			found("operation.order-field", `${field}/${name}`, {
				value: String(value).slice(0, 40),
				rule: "≤ 200 characters",
			});
		}
	};
	text(product, "product");
	text(unit, "unit");
	if (quantity !== undefined && !(typeof quantity === "number" && quantity > 0 && Number.isFinite(quantity))) {
		found("operation.order-field", `${field}/quantity`, { value: String(quantity), rule: "> 0" });
	}
	if (!Array.isArray(operations)) return { ...spec, ...(operations === undefined ? {} : { operations }) };
	const plain = operations.map((operation: OrderOperation, k) => {
		if (!isObject(operation)) return operation;
		const { name, ...rest } = operation as OrderOperation & Record<string, unknown>;
		text(name, `operations/${k}/name`);
		if ("fixed" in rest) found("operation.order-fixed", `${field}/operations/${k}/fixed`, {});
		return rest;
	});
	return { ...spec, operations: plain };
}
