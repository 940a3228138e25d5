import type { Memory } from "./memory.ts";
import type { DemandEvent } from "./types.ts";

/** Without a silence for so long, a meter is regular again. */
const REGULAR_MS = 3_600_000;
/** Of silences that are usual, one half as long again is not; but never more than this is waited. */
const MORE_THAN_USUAL = 1.5;
const LONGEST_WAIT_MS = 1_800_000;
/** Readings so far apart still steer; less often, the quarter-hour is over before a command shows. */
const STEERING_MS = 300_000;

const SILENT = 1;
const LATE = 2;

/** What can be heard of the meters: `holds` is a usual pause of meters that come too seldom to steer by. */
export type Hearing = "speaks" | "holds" | "silent";

export interface Listening {
	silent: boolean;
	meters: readonly string[];
	/** Their readings come, but are that old. */
	arriving: boolean;
	silentAfterMs: number;
	/** How long the meter that lags most has told nothing, ms. */
	lagMs: number;
	policy: string;
	nowMs: number;
}

type Say = (code: DemandEvent["code"], severity: DemandEvent["severity"], details: Record<string, unknown>) => void;

/**
 * Alarms a silence, and its end. A meter that goes silent again and again (polled every five minutes, or over a link
 * that loses every third message) is told once as irregular instead of with an alarm for each pause; then only a
 * silence beyond what is usual for it is one.
 */
export function listen(memory: Memory, heard: Listening, say: Say): Hearing {
	const { nowMs, silentAfterMs } = heard;
	if (!heard.silent) {
		if (memory.quietSinceMs >= 0) endSilence(memory, heard, say);
		if (memory.irregular && nowMs - memory.gapEndMs > REGULAR_MS) forget(memory);
		return "speaks";
	}
	if (memory.quietSinceMs < 0) memory.quietSinceMs = nowMs - heard.lagMs;
	const usualMs = memory.irregular ? usualGap(memory) : 0;
	if (nowMs - memory.quietSinceMs >= Math.min(MORE_THAN_USUAL * usualMs, LONGEST_WAIT_MS)) {
		const cause = heard.arriving ? LATE : SILENT;
		if (memory.silent !== cause) {
			const details = { meters: heard.meters.join(", "), policy: heard.policy };
			if (heard.arriving) say("demand.late", "alarm", { ...details, seconds: Math.round(heard.lagMs / 1000) });
			else say("demand.silent", "alarm", { ...details, seconds: Math.round(silentAfterMs / 1000) });
		}
		memory.silent = cause;
		return "silent";
	}
	return usualMs <= STEERING_MS + silentAfterMs ? "speaks" : "holds";
}

function endSilence(memory: Memory, { nowMs }: Listening, say: Say): void {
	if (nowMs - memory.gapEndMs > REGULAR_MS) forget(memory);
	memory.gapBefore2Ms = memory.gapBefore1Ms;
	memory.gapBefore1Ms = memory.gapMs;
	memory.gapMs = nowMs - memory.quietSinceMs;
	memory.gapEndMs = nowMs;
	memory.quietSinceMs = -1;
	if (memory.silent) say("demand.speaks-again", "info", {});
	memory.silent = 0;
	if (memory.irregular || memory.gapBefore2Ms < 0) return;
	memory.irregular = 1;
	say("demand.irregular", "warning", { seconds: Math.round(usualGap(memory) / 1000) });
}

/** The middle one of the last three silences: one long outage is not usual. */
function usualGap({ gapMs, gapBefore1Ms, gapBefore2Ms }: Memory): number {
	return [gapMs, gapBefore1Ms, gapBefore2Ms].sort((a, b) => a - b)[1] ?? 0;
}

function forget(memory: Memory): void {
	Object.assign(memory, { irregular: 0, gapMs: -1, gapBefore1Ms: -1, gapBefore2Ms: -1 });
}
