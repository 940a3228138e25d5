import type { NodeMessage } from "node-red";
import { bandChange, priceMessage } from "../../lib/cost/live-price.ts";
import { MonthBills } from "../../lib/cost/month.ts";
import { TodaysCost } from "../../lib/cost/today.ts";
import { EnergyError } from "../../lib/errors.ts";
import type { BillMessage, CostToday, PriceMessage } from "../../lib/tariff/messages-live.ts";
import { type Warning, warning } from "../../lib/tariff/warning.ts";
import { QUARTER_HOUR_MS } from "../../lib/telemetry/interval.ts";
import type { EnergySiteNode } from "../energy-site/config.ts";

const MINUTE_MS = 60_000;
/** The running month grows by a quarter-hour at a time; its last readings need a moment to be stored. */
const BILL_DELAY_MS = 90_000;
/** The first bill waits until a starting program has other things behind it. */
const FIRST_BILL_MS = 5_000;

export interface Said {
	price(message: PriceMessage): void;
	bill(message: BillMessage): void;
	event(message: NodeMessage & { event: string }): void;
	/** What is wrong; null where nothing is any more. */
	problem(error: unknown): void;
}

/** Says what a site's energy costs without being asked: price each minute and at each change, bills each quarter-hour. */
export class Announcer {
	readonly #site: EnergySiteNode;
	readonly #aheadMs: number;
	readonly #say: Said;
	readonly #today: TodaysCost;
	readonly #bills: MonthBills;
	#timer: NodeJS.Timeout | undefined;
	#billTimer: NodeJS.Timeout | undefined;
	/** The change that was announced, epoch ms. */
	#announcedMs = 0;
	/** Last month's bill, said once a day. */
	#finalOf = "";
	#closed = false;

	constructor(site: EnergySiteNode, bills: MonthBills, aheadMin: number, say: Said) {
		this.#site = site;
		this.#aheadMs = aheadMin * MINUTE_MS;
		this.#say = say;
		this.#today = new TodaysCost(site.site);
		this.#bills = bills;
	}

	start(): void {
		void this.#minute();
		this.#billTimer = setTimeout(() => void this.#bill(), FIRST_BILL_MS);
	}

	/** Prices came: everything that was said may have changed. */
	anew(): void {
		this.#today.forget();
		this.#announcedMs = 0;
		clearTimeout(this.#timer);
		void this.#minute();
	}

	close(): void {
		this.#closed = true;
		clearTimeout(this.#timer);
		clearTimeout(this.#billTimer);
	}

	async #minute(): Promise<void> {
		const nowMs = Date.now();
		let nextMs = (Math.floor(nowMs / MINUTE_MS) + 1) * MINUTE_MS;
		try {
			const contract = this.#site.contract();
			const pricer = this.#site.pricer();
			nextMs = Math.min(nextMs, this.#announce(nowMs));
			const today = await this.#costToday(nowMs);
			if (this.#closed) return;
			this.#say.price(priceMessage(this.#site.site.id, contract, pricer, nowMs, today));
			this.#say.problem(null);
		} catch (error) {
			if (this.#closed) return;
			this.#say.problem(error);
		}
		this.#timer = setTimeout(() => void this.#minute(), Math.max(50, nextMs - Date.now()));
	}

	/** The store may be away: prices go on, and say that today's cost is not known. */
	async #costToday(nowMs: number): Promise<{ today: CostToday | null; warnings: Warning[] }> {
		try {
			const store = await this.#site.store();
			return { today: await this.#today.at(store, this.#site.pricer(), nowMs), warnings: [] };
		} catch (error) {
			if (!(error instanceof EnergyError)) throw error;
			return { today: null, warnings: [warning(error.code, error.details)] };
		}
	}

	/** Announces the next change once it is near. @returns when to look again: at the change, or when it becomes near */
	#announce(nowMs: number): number {
		const change = bandChange(this.#site.site.id, this.#site.pricer(), nowMs);
		if (!change) return Number.POSITIVE_INFINITY;
		const atMs = Date.parse(change.at);
		if (this.#aheadMs === 0) return atMs;
		if (nowMs < atMs - this.#aheadMs) return Math.min(atMs, atMs - this.#aheadMs);
		if (this.#announcedMs !== atMs) {
			this.#announcedMs = atMs;
			this.#say.event({ ...{ topic: "event", event: change.code }, payload: change } as NodeMessage & {
				event: string;
			});
		}
		return atMs;
	}

	async #bill(): Promise<void> {
		const nowMs = Date.now();
		try {
			const contract = this.#site.contract();
			const store = await this.#site.store();
			const { running, last } = MonthBills.months(contract, nowMs);
			await this.#sayBill(() => this.#bills.bill(store, contract, nowMs, running));
			const today = `${last}|${new Date(nowMs).toDateString()}`;
			if (this.#finalOf !== today && (await this.#sayBill(() => this.#bills.bill(store, contract, nowMs, last)))) {
				this.#finalOf = today;
			}
		} catch (error) {
			if (!this.#closed) this.#say.problem(error);
		}
		if (this.#closed) return;
		const nextMs = Math.ceil((nowMs + 1) / QUARTER_HOUR_MS) * QUARTER_HOUR_MS + BILL_DELAY_MS;
		this.#billTimer = setTimeout(() => void this.#bill(), nextMs - Date.now());
	}

	/** A month of which nothing is stored has no bill, and that is no fault. */
	async #sayBill(make: () => Promise<BillMessage>): Promise<boolean> {
		try {
			const bill = await make();
			if (!this.#closed) this.#say.bill(bill);
			return true;
		} catch (error) {
			if (
				!(error instanceof EnergyError) ||
				!["report.no-data", "report.future", "tariff.no-version"].includes(error.code)
			) {
				throw error;
			}
			return false;
		}
	}
}
