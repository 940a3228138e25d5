import { clockOf } from "../calendar/zone-clock.ts";
import { parseInstant } from "../telemetry/time.ts";
import { issuesOfOrders, type OrderIssue, type OrderSurroundings, refuse } from "./order-input.ts";
import type { Order, OrderOperation } from "./types.ts";
import { wordsOf } from "./words.ts";

/** Columns by the names that people give them. */
const columns: Readonly<Record<string, readonly string[]>> = {
	id: ["id", "job", "order", "작업", "작업번호", "주문", "주문번호"],
	product: ["product", "item", "제품", "품목", "제품명"],
	quantity: ["quantity", "qty", "수량"],
	unit: ["unit", "단위"],
	operation: ["operation", "op", "공정"],
	machine: ["machine", "설비"],
	minutes: ["minutes", "durationmin", "소요분", "소요시간(분)", "분"],
	powerKw: ["powerkw", "power", "kw", "전력", "전력(kw)"],
	release: ["release", "earliest", "투입가능", "시작가능"],
	due: ["due", "duedate", "납기"],
	deadline: ["deadline", "최종기한", "마감"],
	priority: ["priority", "우선순위", "중요도"],
	tardinessKrwPerHour: ["tardinesskrwperhour", "latecost", "지연비용", "지연비용(원/h)"],
	family: ["family", "품종", "계열"],
	size: ["size", "batchunits", "배치수량", "투입수량"],
	preemptible: ["preemptible", "중단가능"],
	after: ["after", "선행", "선행작업"],
};

/** The columns that an order can't do without. */
const needed = ["id", "machine", "minutes", "powerKw"] as const;
const times = ["release", "due", "deadline"] as const;
const MOST_CHARACTERS = 2_000_000;

interface Row {
	line: number;
	cells: Record<string, string>;
}

/**
 * Orders of a text with a line for each machine that an operation may run on: lines of the same order and operation are
 * its machines, another operation of the same order comes after the one before. Commas, semicolons or tabs; a power
 * profile is `40|60|50`, kW by quarter-hour; a time without offset is local time of the site.
 *
 * @throws EnergyError `operation.orders-invalid` with all issues, each with its line
 */
export function ordersOfCsv(text: string, around: OrderSurroundings): Order[] {
	const issues: OrderIssue[] = [];
	const found = (line: number, code: string, details: Record<string, string | number>): void => {
		const field = String(details.field ?? "");
		issues.push({ code, line, ...details, field, text: wordsOf(code, { line, ...details }) });
	};
	if (text.length > MOST_CHARACTERS) found(1, "operation.csv-large", { most: MOST_CHARACTERS });
	const rows = issues.length > 0 ? [] : rowsOf(text, found);
	const lines = new Map<string, number>();
	const orders = ordersOf(rows, around.site.timeZone, found, lines);
	if (orders.length > 0 || issues.length === 0) {
		for (const issue of issuesOfOrders(orders, around)) {
			issues.push({ ...issue, line: lineOf(issue.field, lines) });
		}
	}
	refuse(issues.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
	return orders;
}

type Found = (line: number, code: string, details: Record<string, string | number>) => void;

function rowsOf(text: string, found: Found): Row[] {
	const [head, ...body] = recordsOf(text.replace(/^\uFEFF/, ""));
	if (!head) {
		found(1, "operation.csv-empty", {});
		return [];
	}
	const names = head.cells.map((cell) => {
		const plain = cell.toLowerCase().replace(/[\s_-]/g, "");
		return Object.keys(columns).find((name) => columns[name]?.includes(plain)) ?? "";
	});
	head.cells.forEach((cell, k) => {
		if (!names[k]) found(head.line, "operation.csv-column", { field: cell, known: Object.keys(columns).join(", ") });
	});
	for (const name of needed)
		if (!names.includes(name)) found(head.line, "operation.csv-column-missing", { field: name });
	if (needed.some((name) => !names.includes(name))) return [];
	return body.map(({ line, cells }) => ({
		line,
		cells: Object.fromEntries(names.flatMap((name, k) => (name && cells[k]?.trim() ? [[name, cells[k].trim()]] : []))),
	}));
}

/** Cells of each line that is not empty; quotes hold delimiters and line breaks. */
function recordsOf(text: string): { line: number; cells: string[] }[] {
	const first = text.split(/\r?\n/, 1)[0] ?? "";
	const delimiter = [",", ";", "\t"].reduce((best, each) =>
		first.split(each).length > first.split(best).length ? each : best,
	);
	const records: { line: number; cells: string[] }[] = [];
	let [cells, cell, quoted, line, begun]: [string[], string, boolean, number, number] = [[], "", false, 1, 1];
	const end = (): void => {
		cells.push(cell);
		if (cells.some((each) => each.trim() !== "")) records.push({ line: begun, cells });
		[cells, cell] = [[], ""];
	};
	for (let i = 0; i < text.length; i++) {
		const letter = text[i];
		if (letter === "\n") line++;
		if (quoted) {
			if (letter !== '"') cell += letter;
			else if (text[i + 1] === '"') cell += text[++i];
			else quoted = false;
		} else if (letter === '"' && cell.trim() === "") [quoted, cell] = [true, ""];
		else if (letter === delimiter) [cell] = ["", cells.push(cell)];
		else if (letter === "\n") {
			end();
			begun = line;
		} else if (letter !== "\r") cell += letter;
	}
	end();
	return records;
}

function ordersOf(rows: readonly Row[], timeZone: string, found: Found, lines: Map<string, number>): Order[] {
	const orders = new Map<string, Order>();
	for (const { line, cells } of rows) {
		const { id = "", operation = "1", machine = "" } = cells;
		const absent = needed.filter((name) => cells[name] === undefined);
		for (const field of absent) found(line, "operation.csv-cell-missing", { field });
		const number = (name: string): number | undefined => numberOf(cells[name], name, line, found);
		const powers = (cells.powerKw ?? "").split("|").map((part) => numberOf(part, "powerKw", line, found));
		const minutes = number("minutes");
		const details = detailsOf(cells, line, timeZone, found);
		if (id === "" || machine === "") continue;
		const order: Order = orders.get(id) ?? { id, operations: [] };
		if (!orders.has(id)) lines.set(`/jobs/${orders.size}`, line);
		orders.set(id, Object.assign(order, details));
		const index = [...orders.keys()].indexOf(id);
		// What could not be read is refused already; a stand-in shows whether the rest of the line is right.
		const known = powers.map((power) => power ?? 0);
		const mode = {
			machine,
			minutes: minutes ?? known.length * 15,
			powerKw: known.length === 1 ? (known[0] ?? 0) : known,
		};
		let at = order.operations.findIndex((each) => each.id === operation);
		if (at < 0) {
			const size = number("size");
			at = order.operations.push({ ...operationOf(cells, operation), ...(size === undefined ? {} : { size }) }) - 1;
			lines.set(`/jobs/${index}/operations/${at}`, line);
		}
		const modes = order.operations[at]?.modes;
		if (modes) lines.set(`/jobs/${index}/operations/${at}/modes/${modes.push(mode) - 1}`, line);
	}
	return [...orders.values()];
}

function operationOf({ family, preemptible }: Row["cells"], id: string): OrderOperation {
	return {
		id,
		modes: [],
		...(family === undefined ? {} : { family }),
		...(preemptible === undefined ? {} : { preemptible: /^(1|y|yes|true|예|가능)$/i.test(preemptible) }),
	};
}

function detailsOf(cells: Row["cells"], line: number, timeZone: string, found: Found): Partial<Order> {
	const details: Partial<Order> = {};
	if (cells.product !== undefined) details.product = cells.product;
	if (cells.unit !== undefined) details.unit = cells.unit;
	for (const name of ["quantity", "priority", "tardinessKrwPerHour"] as const) {
		const value = numberOf(cells[name], name, line, found);
		if (value !== undefined) details[name] = value;
	}
	for (const name of times) {
		const value = cells[name];
		if (value === undefined) continue;
		const time = timeOf(value, timeZone);
		if (time === undefined) found(line, "operation.csv-time", { field: name, value });
		else details[name] = time;
	}
	if (cells.after !== undefined) {
		details.after = cells.after.split(/[|\s]+/).map((job) => ({ job }));
	}
	return details;
}

function numberOf(text: string | undefined, field: string, line: number, found: Found): number | undefined {
	if (text === undefined || text.trim() === "") return undefined;
	const value = Number(text.trim().replace(/(\d),(?=\d{3}(\D|$))/g, "$1"));
	if (Number.isFinite(value)) return value;
	found(line, "operation.csv-number", { field, value: text.slice(0, 40) });
	return undefined;
}

/** ISO 8601 with offset, or `2026-11-23 08:00` by the wall clock of the site. */
function timeOf(text: string, timeZone: string): string | undefined {
	const parsed = parseInstant(text);
	if (parsed.problem === undefined && parsed.canonical) return text;
	const [, date, time, seconds = "00"] =
		/^(\d{4}[-./]\d{2}[-./]\d{2})[T\s]+(\d{2}:\d{2})(?::(\d{2}))?$/.exec(text) ?? [];
	if (!date || !time) return undefined;
	const asUtc = Date.parse(`${date.replace(/[./]/g, "-")}T${time}:${seconds}Z`);
	if (Number.isNaN(asUtc)) return undefined;
	const clock = clockOf(timeZone);
	return clock.isoAt(asUtc - clock.offsetAt(asUtc - clock.offsetAt(asUtc)));
}

/** The line of the nearest part of an order that came from one. */
function lineOf(field: string, lines: ReadonlyMap<string, number>): number {
	for (let path = field; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) {
		const line = lines.get(path);
		if (line !== undefined) return line;
	}
	return 1;
}
