import { type DayNumber, type MonthNumber, monthText, parseMonth } from "../calendar/civil.ts";
import { clockOf } from "../calendar/zone-clock.ts";
import { storedPeaks } from "../demand/peaks.ts";
import { metersOf } from "../demand/site-meters.ts";
import { EnergyError } from "../errors.ts";
import { type SiteLoad, siteLoad } from "../report/load.ts";
import { type BilledPowerFactor, measuredPowerFactor, SitePowerFactors } from "../report/power-factor.ts";
import type { Store } from "../store/store.ts";
import { tidy } from "../store/wire.ts";
import { noticesBefore } from "../tariff/bill-demand.ts";
import { billingDays, billingMonthOf } from "../tariff/billing-days.ts";
import { type Cost, calculateCost } from "../tariff/calculate-cost.ts";
import type { SiteContract } from "../tariff/contract.ts";
import type { BillMessage } from "../tariff/messages-live.ts";
import { beginOf, compilePrices, type PriceCalendar } from "../tariff/price-calendar.ts";
import type { Peak } from "../tariff/ratchet.ts";
import type { Tariff } from "../tariff/registry.ts";
import { warning } from "../tariff/warning.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { Site } from "../telemetry/site.ts";
import { filledLoad } from "./profile.ts";

type IntervalStore = Pick<Store, "intervals" | "readings">;
/** Largest counted demands by month, `2026-08`. */
type Peaks = ReadonlyMap<string, Peak>;

/** Days before the month whose course its remaining days are taken to have. */
const PROFILE_DAYS = 35;
/** Less than a day of readings says nothing of a month. */
const LEAST_QUARTERS = 96;

interface Span {
	month: MonthNumber;
	fromMs: number;
	toMs: number;
	/** End of what has passed. */
	knownMs: number;
}

/** What a month's bill is made of besides its load. */
interface Known {
	previousPeaksKw: Record<string, number>;
	measured: BilledPowerFactor | undefined;
}

/** Bills of a site's months from the stored quarter-hours; peaks of past months are read once a day. */
export class MonthBills {
	readonly #site: Site;
	readonly #peaks = new Map<string, Promise<Peaks>>();
	readonly #powerFactors: SitePowerFactors;

	constructor(site: Site) {
		this.#site = site;
		this.#powerFactors = new SitePowerFactors(site);
	}

	/**
	 * The bill of a month as far as it has come.
	 *
	 * @param month `2026-11`; absent: the running billing month
	 * @throws EnergyError `calendar.month`, `report.future`, `report.no-data`, `tariff.no-version`, `tariff.currency`,
	 * `tariff.price-missing`, `store.…`
	 */
	async bill(store: IntervalStore, contract: SiteContract, nowMs: number, month?: string): Promise<BillMessage> {
		const span = spanOf(contract, nowMs, month);
		if (span.knownMs <= span.fromMs) throw new EnergyError("report.future", { period: monthText(span.month) });
		const load = await this.#load(store, span.fromMs, span.knownMs);
		const begins = load.kwh.findIndex((kwh) => !Number.isNaN(kwh));
		if (begins < 0) {
			throw new EnergyError("report.no-data", { period: monthText(span.month), site: this.#site.name });
		}
		const final = span.knownMs >= span.toMs;
		const stored = await this.#peaksBefore(store, contract, span, nowMs);
		const previousPeaksKw = { ...kwOf(stored), ...contract.data.previousPeaksKw };
		// A plant that was connected within the month is billed from then on; only the projection guesses at the days before.
		const kwh = load.kwh.slice().fill(0, 0, begins);
		const measured = await measuredPowerFactor(this.#powerFactors, store, contract, span, load.kwh);
		const cost = costOf(contract, span, kwh, { previousPeaksKw, measured }, !final);
		if (measured) cost.warnings.push(...measured.warnings);
		nameQuarterHour(cost, contract, stored);
		if (begins > 0) {
			const since = clockOf(contract.tariff.book.timeZone).isoAt(span.fromMs + begins * QUARTER_HOUR_MS);
			cost.warnings.push(warning("tariff.bill-since", { since }));
		}
		const projected = final
			? cost.totalKrw
			: await this.#projected(store, contract, span, load, { previousPeaksKw, measured });
		return messageOf(this.#site, contract, span, load, { cost, projected, measured });
	}

	/** The billing month that an instant lies in, and the one before. */
	static months(contract: SiteContract, nowMs: number): { running: string; last: string } {
		const { month } = spanOf(contract, nowMs);
		return { running: monthText(month), last: monthText(month - 1) };
	}

	#load(store: IntervalStore, fromMs: number, toMs: number): Promise<SiteLoad> {
		return siteLoad(store, this.#site.id, metersOf(this.#site).meters, fromMs, toMs);
	}

	/** What the ratchet remembers of the months before: a year and more of quarter-hours, so not with every question. */
	async #peaksBefore(store: IntervalStore, contract: SiteContract, { fromMs }: Span, nowMs: number): Promise<Peaks> {
		if (contract.tariff.terms.demand.length === 0) return new Map();
		const today = clockOf(contract.tariff.book.timeZone).dayAt(nowMs);
		const key = `${today}|${contract.tariff.id}|${fromMs}`;
		let known = this.#peaks.get(key);
		if (!known) {
			for (const other of this.#peaks.keys()) if (!other.startsWith(`${today}|`)) this.#peaks.delete(other);
			const read = storedPeaks(store, this.#site.id, metersOf(this.#site).meters, contract, fromMs);
			known = read.then((peaks) => new Map([...peaks].map(([month, peak]) => [monthText(month), peak])));
			this.#peaks.set(key, known);
			known.catch(() => this.#peaks.delete(key));
		}
		return known;
	}

	/** The total if the rest of the month goes on like the same kinds of days of the last weeks; null where too little is known. */
	async #projected(
		store: IntervalStore,
		contract: SiteContract,
		span: Span,
		load: SiteLoad,
		known: Known,
	): Promise<number | null> {
		const calendar = calendarAround(contract, span);
		const before = await this.#load(store, calendar.startMs, span.fromMs);
		const kwh = new Float64Array(calendar.count).fill(Number.NaN);
		kwh.set(before.kwh);
		kwh.set(load.kwh, before.kwh.length);
		if (kwh.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0) < LEAST_QUARTERS) return null;
		const filled = filledLoad(kwh, calendar).kwh.subarray(before.kwh.length);
		try {
			return costOf(contract, span, filled, known, false).totalKrw;
		} catch (error) {
			// Days ahead whose dynamic prices nobody knows yet: then nobody knows the total either.
			if (error instanceof EnergyError && error.code === "tariff.price-missing") return null;
			throw error;
		}
	}
}

function spanOf({ tariff, billingDay }: SiteContract, nowMs: number, text?: string): Span {
	const clock = clockOf(tariff.book.timeZone);
	const month = text === undefined ? billingMonthOf(clock.dayAt(nowMs), billingDay) : parseMonth(text);
	const [first, end] = billingDays(month, billingDay);
	const toMs = clock.startOfDay(end);
	const knownMs = Math.min(toMs, Math.floor(nowMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS);
	return { month, fromMs: clock.startOfDay(first), toMs, knownMs };
}

/** Calendar of a billing month and the weeks before it, as far as the tariff had begun. */
function calendarAround(
	{ tariff, holidays, deferrals, series, billingDay, tariffs }: SiteContract,
	{ month }: Span,
): PriceCalendar {
	const [first, end] = billingDays(month, billingDay);
	const begun: DayNumber = beginOf(tariff, { tariffs });
	const from = Math.min(first, Math.max(first - PROFILE_DAYS, begun));
	return compilePrices(tariff, from, end, { holidays, deferrals, tariffs, ...(series ? { series } : {}) });
}

function costOf(
	{ data, registry, series, history }: SiteContract,
	{ month }: Span,
	kwh: Float64Array,
	{ previousPeaksKw, measured }: Known,
	inProgress: boolean,
): Cost {
	const { overContract } = noticesBefore(previousPeaksKw, history.contractKwIn, month);
	return calculateCost(
		{
			...{ tariff: data.tariff, month: monthText(month), contractKw: data.contractKw, billingDay: data.billingDay },
			...(data.contractChanges ? { contractChanges: data.contractChanges } : {}),
			...{ deferrals: data.deferrals, extraHolidays: data.extraHolidays, previousPeaksKw, inProgress },
			priorNotices: { overContract, powerFactor: measured?.noticed ? 1 : 0 },
			...(measured?.powerFactor ? { powerFactor: measured.powerFactor } : {}),
			load: { intervals: Array.from(kwh, (each) => (Number.isNaN(each) ? null : each)) },
		},
		registry,
		{ series },
	);
}

const kwOf = (peaks: Peaks): Record<string, number> =>
	Object.fromEntries([...peaks].map(([month, { kw }]) => [month, kw]));

/** A kept peak that was measured here has its quarter-hour; one that a person wrote down has only its month. */
function nameQuarterHour({ demand }: Cost, { data, tariff }: SiteContract, stored: Peaks): void {
	const { setBy, month = "" } = demand;
	const atMs = stored.get(month)?.atMs;
	if (setBy !== "history" || atMs === undefined || data.previousPeaksKw?.[month] !== undefined) return;
	demand.at = clockOf(tariff.book.timeZone).isoAt(atMs);
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
const camel = (band: string): string => band.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The bands of the month's last tariff, and those of an earlier one of the month that it does not have. */
function bandsOf({ history }: SiteContract, last: Tariff, { energyKwh }: Cost): BillMessage["energy"] {
	const bands = new Map(last.book.bands.map(({ id, name }) => [id, name]));
	for (const { tariff } of history.spans) {
		for (const { id, name } of tariff.book.bands) {
			if (!bands.has(id) && (energyKwh[camel(id)] ?? 0) > 0) bands.set(id, name);
		}
	}
	return Array.from(bands, ([band, name]) => ({ band, name, energyKwh: energyKwh[camel(band)] ?? 0 }));
}

function messageOf(
	site: Site,
	contract: SiteContract,
	span: Span,
	load: SiteLoad,
	{ cost, projected, measured }: { cost: Cost; projected: number | null; measured: BilledPowerFactor | undefined },
): BillMessage {
	// The tariff and contract demand of the month's end, which may not be those of today.
	const tariff = contract.registry.get(cost.tariff);
	const contractKw = contract.history.contractKwIn(span.month);
	const clock = clockOf(tariff.book.timeZone);
	return {
		...{ type: "bill", site: site.id, month: monthText(span.month) },
		...{ from: clock.isoAt(span.fromMs), to: clock.isoAt(span.toMs), asOf: clock.isoAt(span.knownMs) },
		...{ final: span.knownMs >= span.toMs, tariff: tariff.id, tariffName: tariff.contract.name, contractKw },
		lines: cost.lines,
		energy: bandsOf(contract, tariff, cost),
		energyKwh: cost.importKwh,
		estimatedKwh: sum(load.estimatedKwh) + cost.estimatedKwh,
		...{ energyKrw: cost.energyKrw, demandKrw: cost.demandKrw, demand: cost.demand },
		...{ subtotalKrw: cost.subtotalKrw, totalKrw: cost.totalKrw, projectedTotalKrw: projected },
		powerFactor: measured?.powerFactor
			? { laggingDay: null, leadingNight: null, ...measured.powerFactor, knownShare: tidy(measured.knownShare) }
			: null,
		warnings: cost.warnings,
	};
}
