import type { Store } from "../../lib/store/store.ts";
import { QUARTER_HOUR_MS } from "../../lib/telemetry/interval.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import { readLoad } from "./load-history.ts";
import type { LoadHistory } from "./load-model.ts";

const STEP_MS = QUARTER_HOUR_MS;
const DAY_MS = 86_400_000;
/** Late readings change the newest quarter-hours: these are read each time. */
const FRESH_MS = 4 * 3_600_000;
/** An import or a backfill changes older ones: after this long everything is read again. */
const WHOLE_MS = 3_600_000;

interface Kept extends LoadHistory {
	/** When all of it was read. */
	readMs: number;
}

/** Quarter-hours of a site's loads as forecasts look back on them: each issue reads the newest hours only. */
export class HistoryCache {
	readonly #store: () => Promise<Store>;
	readonly #site: Site;
	readonly #days: number;
	readonly #now: () => number;
	readonly #kept = new Map<string, Kept>();

	/** @param days that are kept of each load */
	constructor(store: () => Promise<Store>, site: Site, days: number, now: () => number) {
		this.#store = store;
		this.#site = site;
		this.#days = days;
		this.#now = now;
	}

	/**
	 * Quarter-hours that begin in [fromMs, toMs), kWh; NaN where not enough of one was measured. The values are the
	 * caller's own.
	 */
	async read(machine: string, fromMs: number, toMs: number): Promise<LoadHistory> {
		const startMs = Math.ceil(fromMs / STEP_MS) * STEP_MS;
		const length = Math.max(0, Math.floor((toMs - startMs) / STEP_MS));
		const kept = this.#kept.get(machine);
		const isKept =
			kept !== undefined &&
			startMs >= kept.startMs &&
			toMs >= endOf(kept) - FRESH_MS &&
			toMs - endOf(kept) < DAY_MS &&
			Math.abs(this.#now() - kept.readMs) < WHOLE_MS;
		if (!isKept && toMs - startMs < (this.#days - 1) * DAY_MS) {
			return readLoad(await this.#store(), this.#site, machine, startMs, startMs + length * STEP_MS);
		}
		const whole = isKept ? await this.#renewed(machine, kept, toMs) : await this.#whole(machine, startMs, toMs);
		const first = (startMs - whole.startMs) / STEP_MS;
		return { startMs, stepMs: STEP_MS, values: whole.values.slice(first, first + length) };
	}

	async #whole(machine: string, fromMs: number, toMs: number): Promise<Kept> {
		const whole = { ...(await readLoad(await this.#store(), this.#site, machine, fromMs, toMs)), readMs: this.#now() };
		this.#kept.set(machine, whole);
		return whole;
	}

	async #renewed(machine: string, kept: Kept, toMs: number): Promise<Kept> {
		const fromMs = Math.max(kept.startMs, endOf(kept) - FRESH_MS);
		const fresh = await readLoad(await this.#store(), this.#site, machine, fromMs, Math.max(toMs, endOf(kept)));
		const before = (fromMs - kept.startMs) / STEP_MS;
		const values = new Float64Array(before + fresh.values.length);
		values.set(kept.values.subarray(0, before));
		values.set(fresh.values, before);
		// As long as it began with: what is older than forecasts look back on goes.
		const most = (this.#days * DAY_MS) / STEP_MS;
		const over = Math.max(0, values.length - most - DAY_MS / STEP_MS);
		const renewed = { ...kept, startMs: kept.startMs + over * STEP_MS, values: values.slice(over) };
		this.#kept.set(machine, renewed);
		return renewed;
	}
}

const endOf = ({ startMs, values }: LoadHistory): number => startMs + values.length * STEP_MS;
