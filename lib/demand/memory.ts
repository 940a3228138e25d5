import type { LoadsSnapshot } from "./loads.ts";
import type { MeterSnapshot } from "./meters.ts";

/** What is remembered beside meters and loads; −1 is "none". */
export interface Memory {
	windowStartMs: number;
	/** The utility's clock against ours, ms, as the last pulse showed it. */
	offsetMs: number;
	pulseMs: number;
	pulseMissed: number;
	startedMs: number;
	evaluatedMs: number;
	/** A silence is alarmed: 1 that nothing comes, 2 that what comes is old; 0: neither. */
	silent: number;
	/** Since when nobody has told anything; the last three silences that ended, and when; whether they are usual. */
	quietSinceMs: number;
	gapMs: number;
	gapBefore1Ms: number;
	gapBefore2Ms: number;
	gapEndMs: number;
	irregular: number;
	warned: number;
	short: number;
	/** Of the quarter-hour before, still to be closed. */
	openMs: number;
	openPartial: number;
	openLimitKw: number;
	/** Prediction halfway through this and the last quarter-hour, and whether commands have since undone it. */
	midLowKw: number;
	midHighKw: number;
	lastLowKw: number;
	lastHighKw: number;
	hits: number;
	trials: number;
	/** For which minute the interval was learnt, and what it said. */
	spreadMinute: number;
	spreadKnown: number;
	spreadLowKw: number;
	spreadHighKw: number;
}

/** All that a guard knows, as JSON. */
export interface DemandSnapshot {
	version: 1;
	atMs: number;
	meters: string[];
	energy: MeterSnapshot;
	loads: LoadsSnapshot;
	memory: Memory;
}

/** A guard that has seen nothing yet. */
export const blank: Readonly<Memory> = {
	...{ windowStartMs: -1, offsetMs: 0, pulseMs: -1, pulseMissed: 0, startedMs: -1, evaluatedMs: -1 },
	...{ quietSinceMs: -1, gapMs: -1, gapBefore1Ms: -1, gapBefore2Ms: -1, gapEndMs: -1, irregular: 0 },
	...{ silent: 0, warned: 0, short: 0, openMs: -1, openPartial: 0, openLimitKw: -1 },
	...{ midLowKw: -1, midHighKw: -1, lastLowKw: -1, lastHighKw: -1, hits: 0, trials: 0 },
	...{ spreadMinute: -1, spreadKnown: 0, spreadLowKw: 0, spreadHighKw: 0 },
};

/** The clock was put back: the quarter-hour of the old one is none of the new, and it is judged anew at once. */
export function putBack(memory: Memory, byMs: number): void {
	const { windowStartMs, offsetMs, pulseMs, pulseMissed, openMs, spreadMinute } = blank;
	Object.assign(memory, { windowStartMs, offsetMs, pulseMs, pulseMissed, openMs, spreadMinute, evaluatedMs: -1 });
	if (memory.startedMs >= 0) memory.startedMs -= byMs;
}
