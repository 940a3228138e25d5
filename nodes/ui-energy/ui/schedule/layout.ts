import type { PlacedOperation, ScheduleBoard, StoredPlan } from "../../../../lib/operation/types.ts";
import { linePath } from "../chart/path.ts";
import { linear, niceTicks, type Scale } from "../chart/scale.ts";
import { type TimeTick, timeTicks } from "../zone.ts";

const HOUR_MS = 3_600_000;
/** How far back what has been done is drawn, and how far ahead at least. */
const HISTORY_MS = 6 * HOUR_MS;
const LEAST_MS = 12 * HOUR_MS;

/** What is laid out: one plan on the machines of its site. */
export interface GanttView {
	plan: StoredPlan;
	machines: ScheduleBoard["machines"];
	frozenUntil: string | null;
	/** Bands of the tariff, cheapest first. */
	bands: readonly string[];
}

/** What a layout goes by besides. */
export interface GanttSpace {
	/** IANA zone of the site. */
	zone: string;
	nowMs: number;
	/** Room for the time axis; the chart is wider, and scrolls, where an hour would become too narrow. */
	widthPx: number;
	/** Least width of an hour. */
	hourPx: number;
	/** Height of one bar's lane: a finger needs 44. */
	lanePx: number;
	loadPx: number;
}

export interface GanttPiece {
	x: number;
	width: number;
}

/** An operation as it lies on the chart. */
export interface GanttBar {
	/** `job/operation`; with its start where a failed run of it lies on the chart too. */
	key: string;
	operation: PlacedOperation;
	row: number;
	/** Operations of a batch, or one that overruns into the next, lie below each other. */
	lane: number;
	fromMs: number;
	toMs: number;
	x: number;
	width: number;
	/** Within the bar, from its left edge. */
	pieces: GanttPiece[];
}

/** A time in which a machine takes nothing. */
export interface GanttClosed extends GanttPiece {
	why: ScheduleBoard["machines"][number]["closed"][number]["why"];
	fromMs: number;
	toMs: number;
}

export interface GanttRow {
	machine: string;
	top: number;
	height: number;
	bars: GanttBar[];
	closed: GanttClosed[];
}

/** A stretch of one band behind the chart. */
export interface GanttShade {
	band: string;
	level: 0 | 1 | 2;
	fromMs: number;
	toMs: number;
	krwPerKwh: number;
	x: number;
	width: number;
}

/** The site's load below, on the same axis; paths in pixels of the load's own box. */
export interface GanttLoad {
	base: string;
	plan: string;
	cap: string;
	yTicks: number[];
	y: Scale;
	peak: { kw: number; atMs: number } | null;
	/** Where the cap is named: it may hold only while demand counts. */
	capAt: { kw: number; x: number } | null;
	/** Intervals whose load is above the cap: there should be none. */
	over: GanttPiece[];
}

export interface GanttLayout {
	fromMs: number;
	toMs: number;
	x: Scale;
	width: number;
	height: number;
	rows: GanttRow[];
	bars: GanttBar[];
	shades: GanttShade[];
	ticks: TimeTick[];
	/** Null where now lies outside of the window. */
	nowX: number | null;
	/** From now to the end of what a new plan leaves alone. */
	frozen: GanttPiece | null;
	load: GanttLoad;
}

/** When an operation lies, or lay, on its machine: as run where it has begun, else as planned. */
export function spanOf({ start, end, asRun }: PlacedOperation, nowMs: number): { fromMs: number; toMs: number } {
	const plannedFrom = Date.parse(start);
	const plannedTo = Date.parse(end);
	if (!asRun) return { fromMs: plannedFrom, toMs: plannedTo };
	const fromMs = Date.parse(asRun.start);
	if (asRun.end !== undefined) return { fromMs, toMs: Date.parse(asRun.end) };
	// While it runs it ends when it would after its start, and never before now.
	return { fromMs, toMs: Math.max(nowMs, plannedTo + (fromMs - plannedFrom)) };
}

/** What a plan is drawn over: from the start of its horizon to a while after its last operation. */
export function windowOf(plan: StoredPlan, nowMs: number): { fromMs: number; toMs: number } {
	const startMs = Date.parse(plan.horizon.start);
	const endMs = Date.parse(plan.horizon.end);
	const spans = plan.operations.map((operation) => spanOf(operation, nowMs));
	// Of what ended long ago the list of orders tells.
	const first = Math.max(Math.min(startMs, ...spans.map(({ fromMs }) => fromMs)), nowMs - HISTORY_MS);
	const last = Math.max(startMs + LEAST_MS, ...spans.map(({ toMs }) => toMs + HOUR_MS));
	const fromMs = Math.floor(Math.min(first, endMs - HOUR_MS) / HOUR_MS) * HOUR_MS;
	const toMs = Math.ceil(Math.min(last, Math.max(endMs, fromMs + HOUR_MS)) / HOUR_MS) * HOUR_MS;
	return { fromMs, toMs: Math.max(toMs, fromMs + HOUR_MS) };
}

/** Everything the Gantt draws, in pixels from the left end of the time axis and the top of its first row. */
export function layOut(view: GanttView, space: GanttSpace): GanttLayout {
	const { plan } = view;
	const { fromMs, toMs } = windowOf(plan, space.nowMs);
	const hours = (toMs - fromMs) / HOUR_MS;
	const width = Math.max(space.widthPx, Math.ceil(hours * space.hourPx));
	const x = linear(fromMs, toMs, 0, width);
	const rows = rowsOf(view, space, x, fromMs, toMs);
	const nowX = space.nowMs >= fromMs && space.nowMs <= toMs ? x(space.nowMs) : null;
	const frozenTo = x(Math.min(toMs, Date.parse(view.frozenUntil ?? "")));
	const last = rows.at(-1);
	return {
		...{ fromMs, toMs, x, width, rows, nowX },
		height: last ? last.top + last.height : 0,
		bars: rows.flatMap(({ bars }) => bars),
		shades: shadesOf(view, fromMs, toMs, x),
		ticks: timeTicks(fromMs, toMs, space.zone, Math.max(2, Math.floor(width / 64))),
		frozen: nowX !== null && frozenTo > nowX ? { x: nowX, width: frozenTo - nowX } : null,
		load: loadOf(plan, x, fromMs, toMs, space.loadPx),
	};
}

function rowsOf({ plan, machines }: GanttView, space: GanttSpace, x: Scale, fromMs: number, toMs: number): GanttRow[] {
	const byMachine = new Map<string, PlacedOperation[]>(machines.map(({ id }) => [id, []]));
	for (const operation of plan.operations) {
		const list = byMachine.get(operation.machine);
		if (list) list.push(operation);
		else byMachine.set(operation.machine, [operation]);
	}
	const keys = keysOf(plan.operations);
	let top = 0;
	return [...byMachine].map(([machine, list], row) => {
		const bars = barsOf(list, keys, row, space, x, fromMs);
		const lanes = Math.max(1, ...bars.map(({ lane }) => lane + 1));
		const height = lanes * space.lanePx + 4;
		const closed = closedOf(machines[row]?.closed ?? [], x, fromMs, toMs);
		const placed = { machine, top, height, bars, closed };
		top += height;
		return placed;
	});
}

function closedOf(
	windows: ScheduleBoard["machines"][number]["closed"],
	x: Scale,
	fromMs: number,
	toMs: number,
): GanttClosed[] {
	return windows.flatMap(({ start, end, why }) => {
		const from = Math.max(fromMs, Date.parse(start));
		const to = Math.min(toMs, Date.parse(end));
		return to > from ? [{ why, fromMs: from, toMs: to, x: x(from), width: x(to) - x(from) }] : [];
	});
}

interface Part {
	fromMs: number;
	toMs: number;
}
const partOf = ({ start, end }: { start: string; end: string }): Part => ({
	fromMs: Date.parse(start),
	toMs: Date.parse(end),
});

/** What starts a moment late runs a moment into what comes next: that is no work side by side. */
const SLACK_MS = 10 * 60_000;
const collide = (a: Part, b: Part): boolean => a.fromMs < b.toMs - SLACK_MS && b.fromMs < a.toMs - SLACK_MS;

/** A name for each bar: what is planned keeps its plain one, an earlier run of the same has its start with it. */
function keysOf(operations: readonly PlacedOperation[]): Map<PlacedOperation, string> {
	const newest = new Map(operations.map((operation) => [`${operation.job}/${operation.operation}`, operation]));
	return new Map(
		operations.map((operation) => {
			const key = `${operation.job}/${operation.operation}`;
			return [operation, newest.get(key) === operation ? key : `${key}@${operation.start}`];
		}),
	);
}

function barsOf(
	list: readonly PlacedOperation[],
	keys: ReadonlyMap<PlacedOperation, string>,
	row: number,
	space: GanttSpace,
	x: Scale,
	fromMs: number,
): GanttBar[] {
	const spans = list
		.map((operation) => ({ operation, ...spanOf(operation, space.nowMs) }))
		.filter((span) => span.toMs > fromMs)
		.sort((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs);
	const lanes: Part[][] = [];
	return spans.map(({ operation, fromMs: startMs, toMs: endMs }) => {
		const whole = operation.asRun !== undefined || !operation.pieces;
		const parts = whole ? [{ fromMs: startMs, toMs: endMs }] : (operation.pieces ?? []).map(partOf);
		const free = lanes.findIndex((taken) => !taken.some((one) => parts.some((part) => collide(one, part))));
		const lane = free < 0 ? lanes.length : free;
		lanes[lane] = [...(lanes[lane] ?? []), ...parts];
		const left = Math.max(0, x(startMs));
		// However short, it can be seen and has an edge.
		const width = Math.max(4, x(endMs) - left);
		const pieces = whole
			? [{ x: 0, width }]
			: parts.map((part) => {
					const at = Math.max(0, x(part.fromMs) - left);
					return { x: at, width: Math.max(2, x(part.toMs) - left - at) };
				});
		const key = keys.get(operation) ?? "";
		return { key, operation, row, lane, fromMs: startMs, toMs: endMs, x: left, width, pieces };
	});
}

/** Grey of a band by its place among the tariff's, cheapest first. */
export function levelOf(bands: readonly string[], band: string): 0 | 1 | 2 {
	const at = bands.indexOf(band);
	if (at <= 0) return 0;
	return at === bands.length - 1 ? 2 : 1;
}

function shadesOf({ plan, bands }: GanttView, fromMs: number, toMs: number, x: Scale): GanttShade[] {
	const shades: GanttShade[] = [];
	plan.prices.forEach(({ start, band, krwPerKwh }, i) => {
		const from = Math.max(fromMs, Date.parse(start));
		const to = Math.min(toMs, Date.parse(plan.prices[i + 1]?.start ?? plan.horizon.end));
		if (to <= from) return;
		const before = shades.at(-1);
		if (before && before.band === band && before.krwPerKwh === krwPerKwh) {
			before.toMs = to;
			before.width = x(to) - before.x;
			return;
		}
		const at = x(from);
		shades.push({ band, level: levelOf(bands, band), fromMs: from, toMs: to, krwPerKwh, x: at, width: x(to) - at });
	});
	return shades;
}

function loadOf(plan: StoredPlan, x: Scale, fromMs: number, toMs: number, height: number): GanttLoad {
	const { siteLoadKw, baseLoadKw, capKw, horizon } = plan;
	const startMs = Date.parse(horizon.start);
	const stepMs = horizon.intervalMinutes * 60_000;
	const starts = siteLoadKw.map((_, i) => startMs + i * stepMs);
	const seen = starts.map((ms) => ms + stepMs > fromMs && ms < toMs);
	const highest = (values: readonly (number | null)[]): number =>
		values.reduce<number>((high, value, i) => (seen[i] && value !== null && value > high ? value : high), 0);
	const high = Math.max(1, highest(siteLoadKw), highest(baseLoadKw), highest(capKw));
	const yTicks = niceTicks(0, high, Math.max(2, Math.floor(height / 36)));
	const y = linear(0, yTicks.at(-1) ?? 1, height - 1, 8);
	const stepped = (values: readonly (number | null)[]): string => steps(values, starts, stepMs, x, y, toMs);
	let peak: GanttLoad["peak"] = null;
	const over: GanttPiece[] = [];
	for (const [i, kw] of siteLoadKw.entries()) {
		if (!seen[i]) continue;
		const atMs = starts[i] ?? 0;
		if (!peak || kw > peak.kw) peak = { kw, atMs };
		// A tenth of a kilowatt is the rounding of what travels.
		if (kw > (capKw[i] ?? Number.POSITIVE_INFINITY) + 0.1) over.push({ x: x(atMs), width: x(atMs + stepMs) - x(atMs) });
	}
	const first = capKw.findIndex((kw, i) => kw !== null && seen[i]);
	const capAt = first < 0 ? null : { kw: capKw[first] ?? 0, x: Math.max(0, x(starts[first] ?? 0)) };
	return { base: stepped(baseLoadKw), plan: stepped(siteLoadKw), cap: stepped(capKw), yTicks, y, peak, capAt, over };
}

/** A line that holds each value over its interval, broken where a value is missing. */
function steps(
	values: readonly (number | null)[],
	starts: readonly number[],
	stepMs: number,
	x: Scale,
	y: Scale,
	toMs: number,
): string {
	const times: number[] = [];
	const doubled: (number | null)[] = [];
	values.forEach((value, i) => {
		const startMs = starts[i];
		if (startMs === undefined || startMs >= toMs) return;
		times.push(startMs, Math.min(toMs, startMs + stepMs));
		doubled.push(value, value);
	});
	return linePath(times, doubled, x, y);
}

/** The bar that an arrow key leads to; undefined where it leads nowhere. */
export function neighbour({ rows, bars }: GanttLayout, from: GanttBar, key: string): GanttBar | undefined {
	const row = rows[from.row]?.bars ?? [];
	const at = row.findIndex((bar) => bar.key === from.key);
	switch (key) {
		case "ArrowLeft":
			return row[at - 1];
		case "ArrowRight":
			return row[at + 1];
		case "Home":
			return row[0];
		case "End":
			return row.at(-1);
		case "PageUp":
			return bars[0];
		case "PageDown":
			return bars.at(-1);
		case "ArrowUp":
			return nearestIn(rows.slice(0, from.row).reverse(), from);
		case "ArrowDown":
			return nearestIn(rows.slice(from.row + 1), from);
		default:
			return undefined;
	}
}

/** In the first row that has any, the bar whose middle lies nearest in time. */
function nearestIn(rows: readonly GanttRow[], { fromMs, toMs }: GanttBar): GanttBar | undefined {
	const middle = (fromMs + toMs) / 2;
	const away = (bar: GanttBar): number => Math.abs((bar.fromMs + bar.toMs) / 2 - middle);
	const bars = rows.find((row) => row.bars.length > 0)?.bars ?? [];
	return [...bars].sort((a, b) => away(a) - away(b))[0];
}

/** The bar that a finger meant: the one under it, else the nearest within reach. */
export function barAt({ bars }: GanttRow, x: number, reachPx: number): GanttBar | undefined {
	const away = ({ x: left, width }: GanttBar): number => Math.max(0, left - x, x - left - width);
	const near = bars.filter((bar) => away(bar) <= reachPx).sort((a, b) => away(a) - away(b));
	return near[0];
}
