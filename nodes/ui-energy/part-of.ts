import type { LiveMessage } from "../../lib/live/messages.ts";
import type { CardName } from "./config.ts";
import { type Line, type Part, partFor, tail, wants } from "./picture.ts";

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

/**
 * What a message brings a card: told by its shape, so that live messages and the store's answers come by one wire.
 *
 * @returns null where the card shows nothing of it; undefined where the message is none that a card knows
 */
export function partOf(card: CardName, payload: unknown): Part | null | undefined {
	if (isLive(payload)) return partFor(card, payload);
	if (!isRecord(payload)) return undefined;
	if (Array.isArray(payload.series)) return wants(card, "load") ? loadOf(card, payload) : null;
	if (typeof payload.quarantined === "number") return wants(card, "store") ? storeOf(payload) : null;
	return undefined;
}

function loadOf(card: CardName, payload: Record<string, unknown>): Part | undefined {
	const series: unknown[] = Array.isArray(payload.series) ? payload.series : [];
	if (!series.every(isSeries)) return undefined;
	const lines = series.map(
		({ machine, times, values }): Line => ({ machine, times: times.map((time) => Date.parse(time)), values }),
	);
	const fromMs = instant(payload.from) ?? Math.min(...lines.map((line) => line.times[0] ?? Number.POSITIVE_INFINITY));
	const toMs = instant(payload.to) ?? Math.max(...lines.map((line) => line.times.at(-1) ?? Number.NEGATIVE_INFINITY));
	if (!(toMs > fromMs)) return undefined;
	const load = { fromMs, toMs, lines };
	return { kind: "load", load: card === "power-now" ? tail(load, POWER_NOW_WINDOW_MS) : load };
}

function instant(value: unknown): number | undefined {
	const ms = typeof value === "string" ? Date.parse(value) : value;
	return typeof ms === "number" && Number.isFinite(ms) ? ms : undefined;
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
