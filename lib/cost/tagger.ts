import { EnergyError } from "../errors.ts";
import { indexAt } from "../tariff/price-calendar.ts";
import type { Pricer } from "../tariff/pricer.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { Machine } from "../telemetry/site.ts";

/** What is added to a reading or an interval; null is "not known", never 0. */
export interface PriceTag {
	/** Energy rate after discounts, before additions and levies; of an interval that spans several, their mean over time. */
	priceKrwPerKwh: number | null;
	/** Null where an interval spans several bands. */
	band: string | null;
	/**
	 * Of an interval: its energy at these prices. Of a reading: the energy since the reading before of the same machine;
	 * null for the first, after a gap of more than a quarter-hour, and for one that is older than the last.
	 */
	costKrw: number | null;
}

interface Seen {
	timeMs: number;
	powerKw: number | undefined;
	energyKwh: number | undefined;
}

const HOUR_MS = 3_600_000;
/** Beyond it nobody knows when the energy flowed. */
const LONGEST_GAP_MS = QUARTER_HOUR_MS;
/** A month of 31 days; a longer interval has no price of its own. */
const LONGEST_INTERVAL_MS = 32 * 86_400_000;

const numberOf = (value: unknown): number | undefined =>
	typeof value === "number" && Number.isFinite(value) ? value : undefined;

/** Adds price, band and cost to readings and intervals that pass by; remembers the last reading of each machine. */
export class PriceTagger {
	readonly #seen = new Map<string, Seen>();
	/** Energy that a counter can gain in a quarter-hour, kWh; more is an exchanged meter. */
	readonly #plausibleKwh = new Map<string, number>();

	constructor(machines: readonly Machine[]) {
		for (const { id, ratedKw } of machines) if (ratedKw) this.#plausibleKwh.set(id, 1 + ratedKw / 2);
	}

	/**
	 * A copy with the tag; the value given is left alone.
	 * @throws EnergyError `tariff.not-readings` for what is neither reading nor interval
	 */
	tag(value: unknown, pricer: Pricer): object & PriceTag {
		if (typeof value !== "object" || value === null) return refuse(value);
		const given = value as Readonly<Record<string, unknown>>;
		const startMs = timeOf(given.startMs, given.start);
		if (startMs !== undefined) return { ...given, ...intervalTag(given, startMs, pricer) };
		const timeMs = timeOf(given.timeMs, given.time);
		if (timeMs === undefined) return refuse(given.time ?? given.start);
		return { ...given, ...this.#readingTag(given, timeMs, pricer) };
	}

	/** All values of a batch, in order. @throws EnergyError `tariff.not-readings` */
	tagAll(values: readonly unknown[], pricer: Pricer): (object & PriceTag)[] {
		return values.map((value) => this.tag(value, pricer));
	}

	#readingTag(given: Readonly<Record<string, unknown>>, timeMs: number, pricer: Pricer): PriceTag {
		const calendar = pricer.calendarAt(timeMs);
		const slot = calendar.slots[calendar.slotOf[indexAt(calendar, timeMs)] ?? 0];
		const price = slot?.price ?? Number.NaN;
		const machine = String(given.machine ?? "");
		const now: Seen = { timeMs, powerKw: numberOf(given.powerKw), energyKwh: numberOf(given.energyKwh) };
		const before = this.#seen.get(machine);
		let costKrw: number | null = null;
		if (given.quality !== "bad" && (!before || timeMs > before.timeMs)) {
			this.#seen.set(machine, now);
			const kwh = before && timeMs - before.timeMs <= LONGEST_GAP_MS ? this.#energy(machine, before, now) : undefined;
			if (before && kwh !== undefined) costKrw = spread(kwh, before.timeMs, timeMs, pricer).cost;
		}
		return { priceKrwPerKwh: Number.isNaN(price) ? null : price, band: slot?.band ?? null, costKrw };
	}

	/** By the counter where it can be right, else by the power. */
	#energy(machine: string, before: Seen, now: Seen): number | undefined {
		if (before.energyKwh !== undefined && now.energyKwh !== undefined) {
			const gained = now.energyKwh - before.energyKwh;
			if (gained >= 0 && gained <= (this.#plausibleKwh.get(machine) ?? Number.POSITIVE_INFINITY)) return gained;
		}
		if (before.powerKw === undefined || now.powerKw === undefined) return undefined;
		return (((before.powerKw + now.powerKw) / 2) * (now.timeMs - before.timeMs)) / HOUR_MS;
	}
}

function refuse(value: unknown): never {
	throw new EnergyError("tariff.not-readings", { value: String(value).slice(0, 40) });
}

function timeOf(ms: unknown, text: unknown): number | undefined {
	if (typeof ms === "number") return ms;
	const parsed = typeof text === "string" ? Date.parse(text) : Number.NaN;
	return Number.isNaN(parsed) ? undefined : parsed;
}

function intervalTag(given: Readonly<Record<string, unknown>>, startMs: number, pricer: Pricer): PriceTag {
	const endMs = timeOf(undefined, given.end) ?? startMs + (numberOf(given.durationMs) ?? QUARTER_HOUR_MS);
	if (!(endMs > startMs) || endMs - startMs > LONGEST_INTERVAL_MS) return refuse(given.end ?? given.durationMs);
	const kwh = numberOf(given.energyKwh);
	const { cost, price, band } = spread(kwh ?? 0, startMs, endMs, pricer);
	return { priceKrwPerKwh: price, band, costKrw: kwh === undefined ? null : cost };
}

/** Energy spread evenly over a span, cut where prices may change; what is given to the grid earns the export rate. */
function spread(
	kwh: number,
	fromMs: number,
	toMs: number,
	pricer: Pricer,
): { cost: number | null; price: number | null; band: string | null } {
	let weighted = 0;
	let exported = 0;
	let only: number | undefined;
	let several = false;
	let band: string | null | undefined;
	for (let at = fromMs; at < toMs; ) {
		const calendar = pricer.calendarAt(at);
		const slot = calendar.slots[calendar.slotOf[indexAt(calendar, at)] ?? 0];
		const end = Math.min(toMs, (Math.floor(at / QUARTER_HOUR_MS) + 1) * QUARTER_HOUR_MS);
		const now = slot?.price ?? Number.NaN;
		several ||= only !== undefined && !Object.is(only, now);
		only ??= now;
		weighted += now * (end - at);
		if (kwh < 0 && slot) exported += exportRateOf(pricer, slot.version) * (end - at);
		band = band === undefined || band === slot?.band ? (slot?.band ?? null) : null;
		at = end;
	}
	const price = several ? weighted / (toMs - fromMs) : (only ?? Number.NaN);
	const cost = kwh < 0 ? (kwh * exported) / (toMs - fromMs) : kwh * price;
	const known = (value: number): number | null => (Number.isNaN(value) ? null : value);
	return { cost: kwh === 0 && !Number.isNaN(price) ? 0 : known(cost), price: known(price), band: band ?? null };
}

function exportRateOf({ tariff }: Pricer, version: string): number {
	return tariff.versions.find(({ effective }) => effective === version)?.rates.exportRate ?? 0;
}
