import type { WireBoard, WireRecord } from "../../lib/alarms/wire.ts";
import type { AdviceAnswer } from "../../lib/cost/advice.ts";
import type { CarbonAnswer } from "../../lib/cost/answers.ts";
import type { DemandMessage } from "../../lib/demand/wire.ts";
import type { WireEfficiency } from "../../lib/efficiency/wire.ts";
import type { LiveMessage } from "../../lib/live/messages.ts";
import type { ScheduleBoard } from "../../lib/operation/types.ts";
import type { BillMessage, PriceMessage } from "../../lib/tariff/messages-live.ts";
import type { ForecastView } from "../../models/forecast/forecast-view.ts";
import type { CardName } from "./config.ts";
import { boardFor, type Line, type Part, type Picture, partFor, tail, wants } from "./picture.ts";

/** A series as `energy-store` answers it: times are ISO 8601 on the wire. */
interface WireSeries {
	machine: string;
	times: string[];
	values: (number | null)[];
}

const POWER_NOW_WINDOW_MS = 3 * 3_600_000;
const liveTypes: readonly unknown[] = ["snapshot", "delta", "event", "heartbeat"];

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null;
}

function isLive(payload: unknown): payload is LiveMessage {
	return isRecord(payload) && liveTypes.includes(payload.type);
}

function isSeries(value: unknown): value is WireSeries {
	return (
		isRecord(value) &&
		typeof value.machine === "string" &&
		Array.isArray(value.times) &&
		Array.isArray(value.values) &&
		value.times.length === value.values.length
	);
}

/** An interval as `energy-store` answers it; further properties are of no concern here. */
interface WireInterval {
	machine: string;
	start: string;
	energyKwh: number;
	estimatedKwh: number;
}

function isInterval(value: unknown): value is WireInterval {
	return (
		isRecord(value) &&
		typeof value.machine === "string" &&
		typeof value.start === "string" &&
		typeof value.energyKwh === "number"
	);
}

function isPrice(value: object): value is PriceMessage {
	const { type, bands, now, horizon } = value as Partial<PriceMessage>;
	return type === "price" && Array.isArray(bands) && isRecord(now) && Array.isArray(horizon);
}

function isBill(value: object): value is BillMessage {
	const { type, month, lines, energy, demand } = value as Partial<BillMessage>;
	return (
		type === "bill" && typeof month === "string" && Array.isArray(lines) && Array.isArray(energy) && isRecord(demand)
	);
}

function isAdvice(value: object): value is AdviceAnswer {
	const { firstMonth, yearKrw, compared, items } = value as Partial<AdviceAnswer>;
	return typeof firstMonth === "string" && typeof yearKrw === "number" && [compared, items].every(Array.isArray);
}

function isCarbon(value: object): value is CarbonAnswer {
	const { kgCo2e, factors, items } = value as Partial<CarbonAnswer>;
	return typeof kgCo2e === "number" && Array.isArray(factors) && Array.isArray(items);
}

function isDemand(value: object): value is DemandMessage {
	const { windowStart, windowEnd, energySoFarKwh, levels } = value as Partial<DemandMessage>;
	return (
		typeof windowStart === "string" &&
		typeof windowEnd === "string" &&
		typeof energySoFarKwh === "number" &&
		Array.isArray(levels)
	);
}

function isBoard(value: object): value is WireBoard {
	const { alarms, counts } = value as Partial<WireBoard>;
	return Array.isArray(alarms) && isRecord(counts) && isRecord(counts.unacknowledged);
}

function isRecordOfAlarms(value: object): value is WireRecord {
	const { lines, kpi, alarms } = value as Partial<WireRecord>;
	return Array.isArray(lines) && isRecord(kpi) && isRecord(alarms);
}

function isEfficiency(value: object): value is WireEfficiency {
	const { threshold, total, items } = value as Partial<WireEfficiency>;
	return typeof threshold === "number" && isRecord(total) && Array.isArray(items);
}

function isSchedule(value: object): value is ScheduleBoard {
	const { approval, machines, jobs, history, current, proposed } = value as Partial<ScheduleBoard>;
	return (
		(approval === "operator" || approval === "automatic") &&
		[machines, jobs, history].every(Array.isArray) &&
		current !== undefined &&
		proposed !== undefined
	);
}

function isForecast(value: object): value is ForecastView {
	const { type, machine, actualKw, ahead, back } = value as Partial<ForecastView>;
	return (
		type === "forecast" &&
		typeof machine === "string" &&
		Array.isArray(actualKw) &&
		isRecord(ahead) &&
		Array.isArray(back)
	);
}

/**
 * What a message brings a card: told by its shape, so that live messages and the store's answers come by one wire.
 *
 * @returns null where the card shows nothing of it; undefined where the message is none that a card knows
 */
export function partOf(card: CardName, payload: unknown, picture: Picture | null): Part | null | undefined {
	if (isLive(payload)) return partFor(card, payload);
	if (!isRecord(payload)) return undefined;
	if (isPrice(payload)) return wants(card, "price") ? { kind: "price", price: payload } : null;
	if (isBill(payload)) return wants(card, "bill") ? { kind: "bill", bill: payload } : null;
	if (isAdvice(payload)) return wants(card, "advice") ? { kind: "advice", advice: payload } : null;
	if (isCarbon(payload)) return wants(card, "carbon") ? { kind: "carbon", carbon: payload } : null;
	if (isBoard(payload)) return wants(card, "alarms") ? { kind: "alarms", board: payload } : null;
	if (isRecordOfAlarms(payload)) return wants(card, "record") ? { kind: "record", record: payload } : null;
	if (isEfficiency(payload)) return wants(card, "efficiency") ? { kind: "efficiency", efficiency: payload } : null;
	if (isSchedule(payload))
		return wants(card, "schedule") ? { kind: "schedule", schedule: boardFor(card, payload) } : null;
	if (isForecast(payload)) return wants(card, "forecast") ? { kind: "forecast", forecast: payload } : null;
	if (isDemand(payload)) return wants(card, "demand") ? { kind: "demand", demand: payload } : null;
	if (typeof payload.quarantined === "number") return wants(card, "store") ? storeOf(payload) : null;
	if (!Array.isArray(payload.items)) return undefined;
	const items: unknown[] = payload.items;
	if (items.every(isSeries) && typeof payload.measure === "string") {
		return wants(card, "load") && payload.measure === "powerKw" ? loadOf(card, payload, items) : null;
	}
	if (items.every(isInterval)) {
		// A page of more than one is only a part of the site: rather nothing than a sum that is too small.
		return wants(card, "energy") && payload.nextCursor === undefined ? energyOf(items, picture) : null;
	}
	return undefined;
}

function loadOf(card: CardName, payload: Record<string, unknown>, series: readonly WireSeries[]): Part | undefined {
	const fromMs = instant(payload.from);
	const toMs = instant(payload.to);
	if (fromMs === undefined || toMs === undefined || toMs <= fromMs) return undefined;
	const lines = series.map(
		({ machine, times, values }): Line => ({ machine, times: times.map((time) => Date.parse(time)), values }),
	);
	const load = { fromMs, toMs, lines };
	return { kind: "load", load: card === "power-now" ? tail(load, POWER_NOW_WINDOW_MS) : load };
}

function instant(value: unknown): number | undefined {
	const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
	return Number.isNaN(ms) ? undefined : ms;
}

/** The hours of the site: of its main meters where it has any, else of all its machines together. */
function energyOf(items: readonly WireInterval[], picture: Picture | null): Part | null {
	if (!picture) return null;
	const mains = picture.machines.filter(({ role }) => role === "main");
	const whole = new Set((mains.length > 0 ? mains : picture.machines).map(({ machine }) => machine));
	const hours = new Map<number, { kwh: number; estimatedKwh: number }>();
	for (const { machine, start, energyKwh, estimatedKwh } of items) {
		if (!whole.has(machine)) continue;
		const hour = hours.get(Date.parse(start)) ?? { kwh: 0, estimatedKwh: 0 };
		hour.kwh += energyKwh;
		hour.estimatedKwh += estimatedKwh ?? 0;
		hours.set(Date.parse(start), hour);
	}
	const sorted = [...hours].sort(([a], [b]) => a - b);
	return {
		kind: "energy",
		energy: {
			starts: sorted.map(([startMs]) => startMs),
			kwh: sorted.map(([, hour]) => hour.kwh),
			estimatedKwh: sorted.map(([, hour]) => hour.estimatedKwh),
		},
	};
}

function storeOf(payload: Record<string, unknown>): Part {
	const reasons = isRecord(payload.quarantinedByReason) ? Object.entries(payload.quarantinedByReason) : [];
	return {
		kind: "store",
		store: {
			quarantined: Number(payload.quarantined),
			byReason: Object.fromEntries(reasons.filter((e): e is [string, number] => typeof e[1] === "number")),
			queueDepth: typeof payload.queueDepth === "number" ? payload.queueDepth : 0,
		},
	};
}
