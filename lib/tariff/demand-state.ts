import { monthText } from "../calendar/civil.ts";
import { clockOf } from "../calendar/zone-clock.ts";
import type { Bill } from "./bill.ts";
import type { Tariff } from "./registry.ts";

/** The ratchet as a person asks about it: what is paid for, which quarter-hour set it, when it is forgotten. */
export interface DemandState {
	billingDemandKw: number;
	/** `month`: this month's own peak; `history`: a kept one; `floor`: the contract's minimum. */
	setBy: "month" | "history" | "floor";
	/** Month of the peak that set it. */
	month?: string;
	/** Start of the quarter-hour that set it, where it is known. */
	at?: string;
	/** First month in which it no longer counts. */
	dropsOut?: string;
	/** This month's own largest counted demand. */
	peakKw: number;
	peakAt?: string;
}

/** The billing demand of a bill: what set it, when, and until when it counts. */
export function describeDemand({ billingDemand, peakKw, peakAtMs }: Bill, tariff: Tariff): DemandState {
	const clock = clockOf(tariff.book.timeZone);
	const { month, atMs, dropsOut } = billingDemand;
	return {
		billingDemandKw: billingDemand.kw.toNumber(),
		setBy: billingDemand.setBy,
		...(month === undefined ? {} : { month: monthText(month) }),
		...(atMs === undefined ? {} : { at: clock.isoAt(atMs) }),
		...(dropsOut === undefined ? {} : { dropsOut: monthText(dropsOut) }),
		peakKw,
		...(peakAtMs === undefined ? {} : { peakAt: clock.isoAt(peakAtMs) }),
	};
}
