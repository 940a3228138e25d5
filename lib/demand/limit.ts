import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { LimitPolicy, PeakPrice, PeakPricer } from "./types.ts";

/**
 * The limit that holds in a quarter-hour, and what exceeding it costs. A kW that costs nothing is never fought for: the
 * limit rises to the demand that is paid for anyway, and vanishes where the quarter-hour does not count. The pricer is
 * asked once for each quarter-hour and once for each whole kW of the prediction.
 */
export class Limit {
	private readonly policy: LimitPolicy;
	private readonly pricer: PeakPricer | undefined;
	private base: { atMs: number; price: PeakPrice; nextCounts: boolean } | undefined;
	private asked: { atMs: number; kw: number; price: PeakPrice } | undefined;

	constructor(policy: LimitPolicy, pricer: PeakPricer | undefined) {
		this.policy = policy;
		this.pricer = pricer;
	}

	/** kW for the quarter-hour that starts at `atMs`; null where nothing has to be kept. */
	kw(atMs: number): number | null {
		const { policy } = this;
		const wanted = wantedKw(policy, atMs);
		if (!this.pricer) return policy.kind === "bill" ? null : wanted;
		if (this.base?.atMs !== atMs) {
			const next = this.pricer(wanted, atMs + QUARTER_HOUR_MS);
			this.base = { atMs, price: this.pricer(wanted, atMs), nextCounts: next.reason !== "not-counted" };
		}
		const { reason, incumbentKw } = this.base.price;
		// Where nothing ever costs more, the incumbent is infinite: there is no limit to keep either.
		return reason === "not-counted" || incumbentKw === Number.POSITIVE_INFINITY ? null : Math.max(wanted, incumbentKw);
	}

	/** The pricer knows more than before (a peak closed, the past was read): what it said is asked again. */
	forget(): void {
		this.base = undefined;
		this.asked = undefined;
	}

	/** Whether the quarter-hour after the one last asked for counts; true without a tariff. */
	get nextCounts(): boolean {
		return this.base?.nextCounts ?? true;
	}

	/** What a demand costs, to the whole kW; null without a tariff. */
	price(kw: number, atMs: number): PeakPrice | null {
		if (!this.pricer) return null;
		const whole = Math.max(0, Math.round(kw));
		if (this.asked?.atMs !== atMs || this.asked.kw !== whole) {
			this.asked = { atMs, kw: whole, price: this.pricer(whole, atMs) };
		}
		return this.asked.price;
	}
}

function wantedKw(policy: LimitPolicy, atMs: number): number {
	if (policy.kind === "bill") return policy.atLeastKw ?? 0;
	return (policy.kind === "contract" ? policy.kwAt?.(atMs) : undefined) ?? policy.kw;
}

const round = (kw: number): number => Math.round(kw * 10) / 10;

/** What the price adds to an event; empty where it costs nothing. */
export function priceDetails(price: PeakPrice | null, predictedKw: number): Record<string, unknown> {
	if (!price || price.krw <= 0) return {};
	const { krw, krwPerMonth, until, incumbentKw } = price;
	return { overKw: round(predictedKw - incumbentKw), incumbentKw: round(incumbentKw), krw, krwPerMonth, until };
}
