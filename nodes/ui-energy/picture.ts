import type { WireBoard, WireRecord } from "../../lib/alarms/wire.ts";
import type { AdviceAnswer } from "../../lib/cost/advice.ts";
import type { CarbonAnswer } from "../../lib/cost/answers.ts";
import type { DemandMessage } from "../../lib/demand/wire.ts";
import type { WireEfficiency } from "../../lib/efficiency/wire.ts";
import type { DataFlow, Delta, LiveMessage, MachineNow, Snapshot } from "../../lib/live/messages.ts";
import type { ScheduleBoard, StoredPlan } from "../../lib/operation/types.ts";
import type { BillMessage, PriceMessage } from "../../lib/tariff/messages-live.ts";
import type { ForecastView } from "../../models/forecast/forecast-view.ts";
import type { CardName } from "./config.ts";

/**
 * What a card knows. The server half keeps it so that a page that opens later starts complete; the browser half keeps
 * the same and takes the same parts, so the two never disagree. Both sides are bounded: one picture, one window.
 */
export interface CardState {
	picture: Picture | null;
	load: Load | null;
	energy: Energy | null;
	store: StoreHealth | null;
	price: PriceMessage | null;
	demand: DemandMessage | null;
	/** The running month's bill as it grows. */
	bill: BillMessage | null;
	/** The newest bill of a month that has ended. */
	lastBill: BillMessage | null;
	/** What would cut the bill. */
	advice: AdviceAnswer | null;
	carbon: CarbonAnswer | null;
	alarms: WireBoard | null;
	/** What happened with alarms lately, and how they served. */
	record: WireRecord | null;
	efficiency: WireEfficiency | null;
	schedule: ScheduleBoard | null;
	/** The plan that was in force until another one was, or none: what a new one is compared with. */
	former: StoredPlan | null;
	/** The newest forecast of the site (`total`) and of each machine. */
	forecasts: Readonly<Record<string, ForecastView>>;
}

/** The site as the newest snapshot and its deltas show it. */
export interface Picture {
	site: string;
	/** IANA name; null until a snapshot told it. */
	timeZone: string | null;
	/** When the newest part was made by the server, ISO 8601. */
	time: string;
	totalKw: number | null;
	totalQuality: Snapshot["totalQuality"];
	energyTodayKwh: number | null;
	machines: MachineNow[];
	flow: DataFlow;
}

export type Points = (number | null)[];

/** One line of the load chart; times and values are parallel, a gap is a null value. */
export interface Line {
	machine: string;
	/** Epoch ms. */
	times: number[];
	values: Points;
}

/** The window of a load chart, whole. */
export interface Load {
	fromMs: number;
	toMs: number;
	lines: Line[];
}

/** Hours of the whole site, from yesterday's first on; the three are parallel. */
export interface Energy {
	/** Epoch ms. */
	starts: number[];
	kwh: number[];
	/** The part of each hour that was bridged over a gap. */
	estimatedKwh: number[];
}

export interface StoreHealth {
	quarantined: number;
	byReason: Record<string, number>;
	queueDepth: number;
}

/** What travels from the server half to the browser half: one changed part at a time. */
export type Part =
	| { kind: "snapshot"; picture: Picture }
	| { kind: "delta"; delta: Omit<Picture, "timeZone"> }
	| { kind: "load"; load: Load }
	| { kind: "energy"; energy: Energy }
	| { kind: "store"; store: StoreHealth }
	| { kind: "price"; price: PriceMessage }
	| { kind: "demand"; demand: DemandMessage }
	| { kind: "bill"; bill: BillMessage }
	| { kind: "advice"; advice: AdviceAnswer }
	| { kind: "carbon"; carbon: CarbonAnswer }
	| { kind: "alarms"; board: WireBoard }
	| { kind: "record"; record: WireRecord }
	| { kind: "efficiency"; efficiency: WireEfficiency }
	| { kind: "schedule"; schedule: ScheduleBoard }
	| { kind: "forecast"; forecast: ForecastView };

export const emptyState: Readonly<CardState> = {
	picture: null,
	load: null,
	energy: null,
	store: null,
	price: null,
	demand: null,
	bill: null,
	lastBill: null,
	advice: null,
	carbon: null,
	alarms: null,
	record: null,
	efficiency: null,
	schedule: null,
	former: null,
	forecasts: {},
};

/** Which parts a card shows; the others are not sent to it. */
const needs: Record<CardName, { machines: boolean; kinds: readonly Part["kind"][] }> = {
	"power-now": { machines: false, kinds: ["snapshot", "delta", "load"] },
	machines: { machines: true, kinds: ["snapshot", "delta"] },
	"load-24h": { machines: true, kinds: ["snapshot", "delta", "load", "price"] },
	// Its hours are added up over the machines that make the site's total, so it has to know their roles.
	"energy-today": { machines: true, kinds: ["snapshot", "delta", "energy"] },
	"data-health": { machines: true, kinds: ["snapshot", "delta", "store"] },
	// Of the picture, the cards of cost only need the site's clock.
	"price-now": { machines: false, kinds: ["snapshot", "price"] },
	"demand-gauge": { machines: false, kinds: ["snapshot", "demand"] },
	"cost-today": { machines: false, kinds: ["snapshot", "price"] },
	"bill-month": { machines: false, kinds: ["snapshot", "bill"] },
	"bill-waterfall": { machines: false, kinds: ["snapshot", "bill"] },
	advice: { machines: false, kinds: ["advice"] },
	contracts: { machines: false, kinds: ["advice"] },
	carbon: { machines: false, kinds: ["carbon"] },
	// Of the picture, alarms need the names of machines.
	alarms: { machines: true, kinds: ["snapshot", "alarms"] },
	"alarm-record": { machines: true, kinds: ["snapshot", "record"] },
	"alarm-load": { machines: true, kinds: ["snapshot", "record"] },
	efficiency: { machines: true, kinds: ["snapshot", "efficiency"] },
	"schedule-plan": { machines: false, kinds: ["schedule"] },
	// Names of bands are the tariff's.
	"schedule-bill": { machines: false, kinds: ["schedule", "price"] },
	// A machine's colour goes by its place in the site.
	"schedule-gantt": { machines: true, kinds: ["snapshot", "schedule", "price"] },
	// An order may be for any machine of the site.
	"schedule-orders": { machines: true, kinds: ["snapshot", "schedule"] },
	"schedule-versions": { machines: false, kinds: ["schedule"] },
	// Of the picture, forecasts need the names of machines and the site's clock; of the price, its bands.
	"load-forecast": { machines: true, kinds: ["snapshot", "forecast", "price"] },
	// These ask the API themselves: what they show is nothing that may pass over everybody's wire.
	"access-users": { machines: false, kinds: [] },
	"access-keys": { machines: false, kinds: [] },
	"access-audit": { machines: false, kinds: [] },
	account: { machines: false, kinds: [] },
};

/** The part of a live message that a card shows, or null where it shows nothing of it. */
export function partFor(card: CardName, message: LiveMessage): Part | null {
	if ((message.type !== "snapshot" && message.type !== "delta") || !wants(card, message.type)) return null;
	const { site, time, totalKw, totalQuality, energyTodayKwh, flow } = message;
	const machines = needs[card].machines ? message.machines : [];
	const seen = { site, time, totalKw, totalQuality, energyTodayKwh, machines, flow };
	return message.type === "snapshot"
		? { kind: "snapshot", picture: { ...seen, timeZone: message.timeZone } }
		: { kind: "delta", delta: seen };
}

export function wants(card: CardName, kind: Part["kind"]): boolean {
	return needs[card].kinds.includes(kind);
}

/** What a card of the schedule shows of its board; the rest, such as series behind a list, does not travel. */
export function boardFor(card: CardName, board: ScheduleBoard): ScheduleBoard {
	const plans = (change: (plan: StoredPlan) => StoredPlan): Pick<ScheduleBoard, "current" | "proposed"> => ({
		current: board.current && change(board.current),
		proposed: board.proposed && change(board.proposed),
	});
	const names = board.jobs.map((job) => ({ ...job, operations: [] }));
	const noSeries = { siteLoadKw: [], baseLoadKw: [], safeBaseLoadKw: [] };
	const light = (plan: StoredPlan): StoredPlan => ({ ...plan, ...noSeries });
	switch (card) {
		case "schedule-gantt":
			return { ...board, jobs: names, history: [] };
		case "schedule-orders":
			return { ...board, ...plans((plan) => ({ ...light(plan), capKw: [], prices: [] })), history: [] };
		case "schedule-bill":
			return { ...board, ...plans((plan) => ({ ...light(plan), capKw: [] })), jobs: [], history: [], machines: [] };
		case "schedule-versions":
			return { ...board, ...plans((plan) => ({ ...light(plan), capKw: [], prices: [] })), jobs: names };
		default:
			return { ...board, ...plans((plan) => ({ ...light(plan), prices: [] })), jobs: [] };
	}
}

/** A state with one part taken in; the state given is left as it is. */
export function take(state: CardState, part: Part): CardState {
	switch (part.kind) {
		case "snapshot":
			return { ...state, picture: part.picture };
		case "delta": {
			const { delta } = part;
			const picture = {
				...delta,
				timeZone: state.picture?.timeZone ?? null,
				machines: merge(state.picture?.machines ?? [], delta.machines),
			};
			return { ...state, picture };
		}
		case "load":
			return { ...state, load: join(state.load, part.load) };
		case "energy":
			return { ...state, energy: part.energy };
		case "advice":
			return { ...state, advice: part.advice };
		case "carbon":
			return { ...state, carbon: part.carbon };
		case "alarms":
			return { ...state, alarms: part.board };
		case "record":
			return { ...state, record: part.record };
		case "efficiency":
			return { ...state, efficiency: part.efficiency };
		case "schedule":
			return withSchedule(state, part.schedule);
		case "forecast": {
			const { forecast } = part;
			return { ...state, forecasts: { ...state.forecasts, [forecast.machine]: forecast } };
		}
		case "store":
			return { ...state, store: part.store };
		case "price":
			return { ...state, price: part.price };
		case "demand":
			return { ...state, demand: part.demand };
		case "bill":
			return withBill(state, part.bill);
	}
}

/** A plan that broke, or gave way, is remembered: an operator wants to know what the next one does otherwise. */
function withSchedule(state: CardState, schedule: ScheduleBoard): CardState {
	const was = state.schedule?.current ?? null;
	const gone = was !== null && was.id !== schedule.current?.id;
	return { ...state, schedule, former: gone ? was : state.former };
}

/** A month that has ended takes the place of the running one; an older bill never displaces a newer. */
function withBill(state: CardState, bill: BillMessage): CardState {
	const known = bill.final ? state.lastBill : state.bill;
	if (known && known.month > bill.month) return state;
	if (!bill.final) return { ...state, bill };
	const running = state.bill && state.bill.month <= bill.month ? null : state.bill;
	return { ...state, lastBill: bill, bill: running };
}

/** Changed machines replace their former selves in place; new ones go to the end, so that an order seen stays. */
function merge(known: MachineNow[], changed: Delta["machines"]): MachineNow[] {
	if (changed.length === 0) return known;
	const byId = new Map(known.map((machine) => [machine.machine, machine]));
	for (const machine of changed) byId.set(machine.machine, machine);
	return [...byId.values()];
}

/** A fill brings some lines whole and leaves the others as they are; the window is that of the newest fill. */
function join(known: Load | null, fill: Load): Load {
	const filled = new Set(fill.lines.map(({ machine }) => machine));
	const others = (known?.lines ?? []).filter(({ machine }) => !filled.has(machine));
	return { fromMs: fill.fromMs, toMs: fill.toMs, lines: [...others, ...fill.lines] };
}

/** The name of the site's own line in a load. */
export const TOTAL = "total";

/** Between two whole fills, a line grows by at most this many points over the window. */
const POINTS = 720;

/**
 * Draws the lines on to the picture's values: one point per step, its value moving until the step is over. The window
 * keeps its width, so points older than it fall off. The whole window comes anew from the store each minute; this only
 * bridges the time between, and a store that is away.
 */
export function drawOn(state: CardState): CardState {
	const { load, picture } = state;
	const atMs = Date.parse(picture?.time ?? "");
	if (!load || !picture || !(atMs > load.toMs)) return state;
	const width = load.toMs - load.fromMs;
	const fromMs = atMs - width;
	// A machine without a value has none as of now; its last reading's time says when it had one.
	const power = new Map<string, [number, number | null]>(
		picture.machines.map((m) => [m.machine, [m.powerKw === null || !m.time ? atMs : Date.parse(m.time), m.powerKw]]),
	);
	power.set(TOTAL, [atMs, picture.totalKw]);
	const lines = load.lines.map((line) => {
		const point = power.get(line.machine);
		return point ? grow(line, point, width / POINTS, fromMs) : line;
	});
	return { ...state, load: { fromMs, toMs: atMs, lines } };
}

function grow(line: Line, [timeMs, value]: [number, number | null], step: number, fromMs: number): Line {
	const last = line.times.at(-1);
	if (last !== undefined && timeMs <= last) return line;
	if (value === null && line.values.at(-1) === null) return line;
	const before = line.times.at(-2);
	// While the newest point lies within its step it moves on with the value; only then does the next one begin.
	const known = value !== null && line.values.at(-1) !== null;
	const moves = last !== undefined && before !== undefined && last - before < step && known;
	const end = moves ? -1 : undefined;
	let start = 0;
	while (start < line.times.length && (line.times[start] ?? 0) < fromMs - step) start++;
	return {
		machine: line.machine,
		times: [...line.times.slice(start, end), timeMs],
		values: [...line.values.slice(start, end), value],
	};
}

/** Cuts a load to its last part, for a card that shows only how the total moves. */
export function tail(load: Load, durationMs: number): Load {
	const fromMs = Math.max(load.fromMs, load.toMs - durationMs);
	const lines = load.lines
		.filter(({ machine }) => machine === TOTAL)
		.map(({ machine, times, values }) => {
			const start = times.findIndex((time) => time >= fromMs);
			const at = start < 0 ? times.length : start;
			return { machine, times: times.slice(at), values: values.slice(at) };
		});
	return { fromMs, toMs: load.toMs, lines };
}
