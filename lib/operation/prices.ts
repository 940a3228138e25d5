import { monthText } from "../calendar/civil.ts";
import { storedPeaks } from "../demand/peaks.ts";
import { TariffPricer } from "../demand/pricer.ts";
import { metersOf } from "../demand/site-meters.ts";
import type { DemandPrice } from "../scheduling/problem.ts";
import type { Store } from "../store/store.ts";
import type { SiteContract } from "../tariff/contract.ts";
import type { Pricer } from "../tariff/pricer.ts";
import { mainDemandCharge } from "../tariff/registry.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { Site } from "../telemetry/site.ts";

/** What a kWh costs in each quarter-hour of a horizon, before levies. */
export interface EnergyPrices {
	/** null where a dynamic price is not known. */
	krwPerKwh: (number | null)[];
	bands: string[];
	/** Quarter-hours from the first on whose price is known. */
	known: number;
	/** Changes with any price. */
	fingerprint: string;
}

/** Energy rate of each quarter-hour with what is added to each kWh (climate charge, fuel adjustment). */
export function energyPrices(pricer: Pricer, fromMs: number, count: number): EnergyPrices {
	const { startMs, energy, bands, bandIds } = pricer.horizon(fromMs, count);
	const additions = additionsOf(pricer, startMs);
	const krwPerKwh = Array.from(energy, (price) => (Number.isNaN(price) ? null : rounded(price + additions)));
	const missing = krwPerKwh.indexOf(null);
	const known = missing < 0 ? count : missing;
	return {
		krwPerKwh,
		bands: Array.from(bands, (band) => bandIds[band] ?? ""),
		known,
		fingerprint: fingerprintOf(startMs, krwPerKwh),
	};
}

/** Prices by their time, so that two horizons can be compared where they overlap. */
function fingerprintOf(startMs: number, prices: readonly (number | null)[]): string {
	const steps: string[] = [];
	prices.forEach((price, k) => {
		if (k === 0 || price !== prices[k - 1]) steps.push(`${startMs / QUARTER_HOUR_MS + k}:${price ?? ""}`);
	});
	steps.push(`${startMs / QUARTER_HOUR_MS + prices.length}:`);
	return steps.join(" ");
}

/** Whether two fingerprints say other prices for a time that both know. */
export function pricesDiffer(before: string, now: string): boolean {
	const [a, b] = [stepsOf(before), stepsOf(now)];
	const from = Math.max(a[0]?.at ?? 0, b[0]?.at ?? 0);
	const to = Math.min(a.at(-1)?.at ?? 0, b.at(-1)?.at ?? 0);
	const times = [...a, ...b].map(({ at }) => at).filter((at) => at >= from && at < to);
	const priceAt = (steps: Step[], at: number): string => steps.findLast((step) => step.at <= at)?.price ?? "";
	// A price that was not known and now is, counts as well.
	return [from, ...times].some((at) => at < to && priceAt(a, at) !== priceAt(b, at));
}

interface Step {
	at: number;
	price: string;
}

const stepsOf = (text: string): Step[] =>
	text.split(" ").map((part) => ({ at: Number(part.split(":")[0]), price: part.split(":")[1] ?? "" }));

function additionsOf(pricer: Pricer, atMs: number): number {
	const { energy, marginal } = pricer.at(atMs);
	return Number.isNaN(energy) ? marginal : marginal - energy;
}

/** What a site's demand costs in the months of a horizon. */
export class DemandPricer {
	private readonly pricer: TariffPricer | undefined;
	private readonly contract: SiteContract;
	private readonly prices: Pricer;

	private constructor(contract: SiteContract, prices: Pricer, pricer: TariffPricer | undefined) {
		this.contract = contract;
		this.prices = prices;
		this.pricer = pricer;
	}

	/** Learns the peaks of the last months from the store: what the ratchet remembers. */
	static async of(
		contract: SiteContract,
		pricer: Pricer,
		store: Pick<Store, "intervals">,
		site: Site,
		nowMs: number,
	): Promise<DemandPricer> {
		if (!mainDemandCharge(contract.tariff)) return new DemandPricer(contract, pricer, undefined);
		const own = new TariffPricer(contract, contract.previousPeaks);
		const untilMs = Math.floor(nowMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
		own.learn(await storedPeaks(store, site.id, metersOf(site).meters, contract, untilMs));
		return new DemandPricer(contract, pricer, own);
	}

	/** Demand above which a kW of the quarter-hour costs something; null where it never does. */
	incumbentKw(atMs: number): number | null {
		const kw = this.pricer?.price(0, atMs).incumbentKw;
		return kw === undefined || !Number.isFinite(kw) ? null : kw;
	}

	/**
	 * A kW of each quarter-hour at what it adds to the bills of this and the next eleven months: the projected ratchet as
	 * rising steps, one charge for each billing month of the horizon.
	 *
	 * @param mostKw the highest demand that a plan could make
	 */
	charges(startMs: number, count: number, mostKw: number): DemandPrice[] {
		const { pricer } = this;
		if (!pricer) return [];
		const months = new Map<string, number[]>();
		for (let k = 0; k < count; k++) {
			const atMs = startMs + k * QUARTER_HOUR_MS;
			if (!this.prices.countsForDemand(atMs)) continue;
			const month = monthText(this.prices.monthAt(atMs, this.contract.billingDay));
			const list = months.get(month);
			if (list) list.push(k);
			else months.set(month, [k]);
		}
		return [...months].flatMap(([name, indices]) => {
			const steps = stepsAt(pricer, startMs + (indices[0] ?? 0) * QUARTER_HOUR_MS, mostKw);
			if (steps.length === 0) return [];
			const counted = Array.from({ length: count }, () => false);
			for (const k of indices) counted[k] = true;
			return [{ name, steps, counted }];
		});
	}
}

/** Marginal prices of a kW, read off the cumulative price, where they change. */
function stepsAt(pricer: TariffPricer, atMs: number, mostKw: number): DemandPrice["steps"] {
	const first = pricer.price(Math.ceil(mostKw), atMs);
	if (first.krw <= 0 || !Number.isFinite(first.incumbentKw)) return [];
	const from = Math.max(0, first.incumbentKw);
	const width = Math.max(1, Math.ceil((mostKw - from) / 40));
	const steps: DemandPrice["steps"] = [];
	let before = pricer.price(from, atMs).krw;
	for (let kw = from; kw < mostKw; kw += width) {
		const krw = pricer.price(kw + width, atMs).krw;
		const slope = rounded((krw - before) / width);
		// Prices of a kW only rise: what the projection rounds is no step down.
		const last = steps.at(-1);
		if (!last || slope > last.krwPerKw * 1.001 + 0.01) {
			steps.push({ aboveKw: rounded(kw), krwPerKw: Math.max(slope, last?.krwPerKw ?? 0) });
		}
		before = krw;
	}
	return steps.filter(({ krwPerKw }, k) => krwPerKw > 0 || k > 0);
}

const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;
