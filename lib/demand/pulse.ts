import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { Memory } from "./memory.ts";

/** A pulse further from a quarter-hour than this is no end of an interval. */
const PULSE_MS = 120_000;
/** How long after the boundary a pulse may stay away. */
const PULSE_LATE_MS = 30_000;

/** What a pulse means: the end of the quarter-hour at `nearestMs`, that end once more, or none of now. */
export type HeardPulse = { kind: "end"; nearestMs: number } | { kind: "again" } | { kind: "stray"; offS: number };

/**
 * Takes the end-of-interval pulse of the utility's meter, and remembers it.
 *
 * @param atMs when it was, by its own word; one that is far from `nowMs` is stray
 */
export function hearPulse(memory: Memory, atMs: number, nowMs: number): HeardPulse {
	const nearestMs = Math.round(atMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
	const offMs = Math.abs(atMs - nowMs) > PULSE_MS ? atMs - nowMs : atMs - nearestMs;
	if (Math.abs(offMs) > PULSE_MS) return { kind: "stray", offS: Math.round(offMs / 1000) };
	if (memory.pulseMs >= 0 && atMs - memory.pulseMs < 2 * PULSE_MS) return { kind: "again" };
	memory.pulseMs = atMs;
	memory.pulseMissed = 0;
	return { kind: "end", nearestMs };
}

/** Whether a pulse that came before stays away now; said once. */
export function missesPulse(memory: Memory, nowMs: number): boolean {
	if (memory.pulseMs < 0 || memory.pulseMissed) return false;
	if (nowMs - memory.pulseMs < QUARTER_HOUR_MS + PULSE_LATE_MS) return false;
	memory.pulseMissed = 1;
	return true;
}
