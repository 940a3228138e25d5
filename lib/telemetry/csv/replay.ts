import type { WireReading } from "../reading.ts";
import type { Span } from "./resample.ts";

const HOUR_MS = 3_600_000;

/** When the reading of a row is due, counted from the beginning of the replay, ms. */
export function dueMs(span: Span, firstStartMs: number, speed: number): number {
	return Math.max(0, span.startMs - firstStartMs) / speed;
}

/**
 * The reading that a row becomes: its mean power, stamped with the clock (live), or at the row's own time (backfill).
 * There is no counter to publish: a file of interval energy has none, and a made-up one would be taken for a meter's.
 */
export function replayReading(
	span: Span,
	{ site, machine }: { site: string; machine: string },
	nowMs: number | undefined,
): WireReading {
	return {
		site,
		machine,
		time: new Date(nowMs ?? span.startMs).toISOString(),
		powerKw: Math.round((span.energyKwh * HOUR_MS * 1e6) / span.durationMs) / 1e6,
	};
}
