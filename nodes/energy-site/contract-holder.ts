import { isoOf } from "../../lib/calendar/civil.ts";
import { clockOf } from "../../lib/calendar/zone-clock.ts";
import {
	type ContractSettings,
	openContract,
	pricerOf,
	readContract,
	type SiteContract,
	type Surroundings,
} from "../../lib/tariff/contract.ts";
import type { Pricer } from "../../lib/tariff/pricer.ts";
import { type PricePoint, PriceSeries } from "../../lib/tariff/series.ts";

/** Dynamic prices are kept as long as a bill or a year's advice may ask for them. */
const KEEP_MS = 400 * 86_400_000;

interface Held {
	day: number;
	contract?: SiteContract;
	pricer?: Pricer;
	problem?: unknown;
}

/** The contract of a site and its prices, made when they are first asked for and kept for the day. */
export class ContractHolder {
	readonly #settings: ContractSettings;
	readonly #around: () => Surroundings;
	readonly #timeZone: string;
	#prices = new Map<number, number>();
	#held: Held | undefined;

	/** @param around read anew with the contract, so that its errors are the contract's */
	constructor(settings: ContractSettings, timeZone: string, around: () => Surroundings) {
		this.#settings = settings;
		this.#around = around;
		this.#timeZone = timeZone;
	}

	contract(nowMs = Date.now()): SiteContract {
		const held = this.#today(nowMs);
		if (held.problem !== undefined) throw held.problem;
		if (!held.contract) {
			try {
				held.contract = openContract({
					...readContract(this.#settings, this.#around()),
					asOf: isoOf(held.day),
					...(this.#prices.size > 0 ? { prices: this.#points() } : {}),
				});
			} catch (problem) {
				// Asked with every batch of readings: what is wrong is wrong until tomorrow or the next deploy.
				held.problem = problem;
				throw problem;
			}
		}
		return held.contract;
	}

	pricer(nowMs = Date.now()): Pricer {
		const held = this.#today(nowMs);
		held.pricer ??= pricerOf(this.contract(nowMs));
		return held.pricer;
	}

	takePrices(points: readonly PricePoint[], nowMs = Date.now()): void {
		// Checked whole before any of it is taken.
		new PriceSeries(points);
		for (const { time, price } of points) {
			this.#prices.set(typeof time === "number" ? time : Date.parse(time), price);
		}
		for (const time of this.#prices.keys()) if (time < nowMs - KEEP_MS) this.#prices.delete(time);
		this.#held = undefined;
	}

	#points(): PricePoint[] {
		return Array.from(this.#prices, ([time, price]) => ({ time, price }));
	}

	#today(nowMs: number): Held {
		const day = clockOf(this.#timeZone).dayAt(nowMs);
		if (this.#held?.day !== day) this.#held = { day };
		return this.#held;
	}
}
