import type { Memory } from "./memory.ts";
import type { Spread } from "./spread.ts";
import type { DemandStatus } from "./types.ts";

const MINUTE_MS = 60_000;

/** What of a quarter-hour is still open. */
export interface Open {
	/** Used so far, with what is assumed of the time that nobody saw, kWh. */
	soFarKwh: number;
	/** Mean power that the prediction goes on with, kW. */
	rateKw: number;
	/** Time that is ahead, unseen or not told of yet, hours. */
	openH: number;
	/** No prediction lies below it, kW. */
	floorKw: number;
	/** What the site draws at most, kW. */
	plausibleKw: number;
}

/** Learns once a minute how far the means of so many hours have strayed, where enough is known for it. */
export function learnSpread(
	memory: Memory,
	spread: Spread,
	minuteKw: (minute: number) => number,
	nowMs: number,
	openH: number,
): void {
	const minute = Math.floor(nowMs / MINUTE_MS);
	if (memory.spreadMinute === minute) return;
	memory.spreadMinute = minute;
	const ahead = Math.max(1, Math.ceil(openH * 60));
	// The minute before the last: by then every meter has told of it.
	memory.spreadKnown = spread.learn(minuteKw, minute - 2, ahead) ? 1 : 0;
	memory.spreadLowKw = memory.spreadKnown ? spread.lowKw : 0;
	memory.spreadHighKw = memory.spreadKnown ? spread.highKw : 0;
}

/** The interval around the prediction: how far the rest, and what nobody saw, may stray from the last minute. */
export function bound(status: DemandStatus, memory: Memory, open: Open): void {
	const { soFarKwh, rateKw, openH, floorKw, plausibleKw } = open;
	const predictedKw = status.predictedKw as number;
	if (memory.spreadKnown) {
		status.basis = "history";
		status.lowKw = Math.max(floorKw, predictedKw + Math.min(0, memory.spreadLowKw) * openH * 4);
		status.highKw = predictedKw + Math.max(0, memory.spreadHighKw) * openH * 4;
	} else {
		status.basis = "wide";
		status.lowKw = Math.max(floorKw, predictedKw - rateKw * openH * 4);
		status.highKw = (soFarKwh + Math.max(rateKw, plausibleKw) * openH) * 4;
	}
}
