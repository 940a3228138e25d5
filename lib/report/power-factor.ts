import { type DayNumber, isoOf, type MonthNumber, monthOfYear } from "../calendar/civil.ts";
import { clockOf, type ZoneClock } from "../calendar/zone-clock.ts";
import { metersOf } from "../demand/site-meters.ts";
import type { Store } from "../store/store.ts";
import type { PowerFactor } from "../tariff/bill-demand.ts";
import { type BillingDays, billingDays, firstDayOf } from "../tariff/billing-days.ts";
import type { PowerFactorRule } from "../tariff/book.ts";
import { HALF_HOUR_MS, type HalfHours, isSurcharged, monthPowerFactor } from "../tariff/power-factor.ts";
import { mainDemandCharge, type Tariff } from "../tariff/registry.ts";
import { type Warning, warning } from "../tariff/warning.ts";
import type { Reading } from "../telemetry/reading.ts";
import type { Site } from "../telemetry/site.ts";

type ReadingStore = Pick<Store, "readings">;

/** Fifteen samples tell a half-hour; a meter that is read ten times a second would otherwise be read in whole. */
const SAMPLE_MS = 120_000;
/** Small enough that a page's readings don't hold the event loop. */
const PAGE = 1000;
/** With less of the half-hours measured than this, a month's power factor is a guess. */
const LEAST_KNOWN = 0.5;
/** With less than this it is said. */
const WHOLE = 0.95;
/** No meter shows less than a hundredth: below it the tangent explodes. */
const LEAST_FACTOR = 0.01;

/** What was measured of a span, for a bill. */
export interface SpanPowerFactor {
	/** Nothing where too little was measured: then `warnings` say so. */
	powerFactor: PowerFactor | null;
	/** Share of the half-hours that were taken in, 0…1, whose power factor is known. */
	knownShare: number;
	warnings: Warning[];
}

/** The rule of power factor in force on a day; undefined where the tariff has none. */
export function ruleOn(tariff: Tariff, day: DayNumber): PowerFactorRule | undefined {
	const date = isoOf(day);
	return (tariff.terms.powerFactor ?? []).filter(({ from }) => from <= date).at(-1);
}

const plain = { clipPercent: [0, 100] as [number, number], standardPercent: 0, percentPerPoint: 0, rebate: false };

/** For a report without a tariff: what was measured by day and by night, unclipped. */
export const indicationRule: PowerFactorRule = {
	from: "",
	lagging: { ...plain, hours: "08:00-22:00" },
	leading: { ...plain, hours: "22:00-08:00" },
	noticeMonths: 0,
};

/** Sums of one meter's samples in each half-hour. */
class MeterSums {
	readonly kw: Float64Array;
	readonly kvar: Float64Array;
	readonly samples: Uint32Array;
	readonly powers: Uint32Array;
	readonly reactives: Uint32Array;

	constructor(count: number) {
		this.kw = new Float64Array(count);
		this.kvar = new Float64Array(count);
		this.samples = new Uint32Array(count);
		this.powers = new Uint32Array(count);
		this.reactives = new Uint32Array(count);
	}

	take(at: number, reading: Reading): void {
		if (reading.quality === "bad") return;
		const { powerKw } = reading;
		this.samples[at] = (this.samples[at] as number) + 1;
		if (powerKw !== undefined) {
			this.kw[at] = (this.kw[at] as number) + powerKw;
			this.powers[at] = (this.powers[at] as number) + 1;
		}
		const kvar = reactiveOf(reading);
		if (kvar === undefined) return;
		this.kvar[at] = (this.kvar[at] as number) + kvar;
		this.reactives[at] = (this.reactives[at] as number) + 1;
	}

	/** Mean active and reactive power; of a meter that tells no power but its factor, at 1 kW. */
	mean(at: number): { kw: number; kvar: number } {
		const reactives = this.reactives[at] as number;
		const powers = this.powers[at] as number;
		const kvar = reactives > 0 ? (this.kvar[at] as number) / reactives : Number.NaN;
		return { kw: powers > 0 ? (this.kw[at] as number) / powers : 1, kvar };
	}
}

/** As the meter tells it, else from its power factor: 0…1 lagging, below 0 leading. */
function reactiveOf({ reactivePowerKvar, powerFactor, powerKw = 1 }: Reading): number | undefined {
	if (reactivePowerKvar !== undefined) return reactivePowerKvar;
	if (powerFactor === undefined || Math.abs(powerFactor) > 1) return undefined;
	const factor = Math.max(LEAST_FACTOR, Math.abs(powerFactor));
	return Math.abs(powerKw) * Math.tan(Math.acos(factor)) * (powerFactor < 0 ? -1 : 1);
}

/**
 * Half-hours of a site's meters together, from a reading every two minutes. One in which a meter told its power but nothing of
 * its reactive power is not known; a meter that said nothing at all had nothing to add.
 *
 * @throws EnergyError `store.…`
 */
export async function siteHalfHours(
	store: ReadingStore,
	site: Site,
	fromMs: number,
	toMs: number,
	everyMs = SAMPLE_MS,
): Promise<HalfHours> {
	const count = Math.max(0, Math.ceil((toMs - fromMs) / HALF_HOUR_MS));
	const kw = new Float64Array(count);
	const kvar = new Float64Array(count);
	const seen = new Uint8Array(count);
	for (const machine of metersOf(site).meters) {
		const sums = new MeterSums(count);
		let cursor: string | undefined;
		do {
			const page = await store.readings({
				...{ site: site.id, machine, fromMs, toMs, everyMs, limit: PAGE },
				...(cursor === undefined ? {} : { cursor }),
			});
			for (const reading of page.items) sums.take(Math.floor((reading.timeMs - fromMs) / HALF_HOUR_MS), reading);
			cursor = page.nextCursor;
		} while (cursor !== undefined);
		for (let at = 0; at < count; at++) {
			if (sums.samples[at] === 0) continue;
			const mean = sums.mean(at);
			seen[at] = 1;
			kw[at] = (kw[at] as number) + mean.kw;
			kvar[at] = (kvar[at] as number) + mean.kvar;
		}
	}
	for (const [at, known] of seen.entries()) if (!known) kw[at] = Number.NaN;
	return { fromMs, kw, kvar };
}

/** Readings of a finished day seldom come later than this; what does is seen the next day. */
const SETTLED_MS = 86_400_000;
/** How far back a notice is looked for: a month that would have been surcharged within a year. */
const NOTICE_MONTHS = 12;
/** Earlier months only have to tell on which side of the standard they were. */
const NOTICE_SAMPLE_MS = 300_000;

export interface PowerFactorSpan {
	fromMs: number;
	/** End of what has passed. */
	toMs: number;
	/** Energy of each quarter-hour of the span: which half-hours were taken in. */
	kwh: Float64Array;
}

/** Measured power factors of a site's months; what has settled of the running month is read once a day. */
export class SitePowerFactors {
	readonly #site: Site;
	readonly #clock: ZoneClock;
	#known: { fromMs: number; untilMs: number; day: DayNumber; half: HalfHours } | undefined;
	readonly #belowStandard = new Map<number, boolean>();

	constructor(site: Site) {
		this.#site = site;
		this.#clock = clockOf(site.timeZone);
	}

	/** @throws EnergyError `store.…` */
	async of(store: ReadingStore, rule: PowerFactorRule, span: PowerFactorSpan): Promise<SpanPowerFactor> {
		const half = await this.#halfHours(store, span);
		const { known, ...powerFactor } = monthPowerFactor(rule, half, (at) => this.#clock.minuteAt(at));
		const taken = takenHalfHours(span.kwh);
		const knownShare = taken > 0 ? Math.min(1, known / taken) : 0;
		if (known === 0 || knownShare < LEAST_KNOWN) {
			return { powerFactor: null, knownShare, warnings: [warning("tariff.power-factor-unmeasured")] };
		}
		const percent = Math.floor(knownShare * 100);
		const warnings = knownShare < WHOLE ? [warning("tariff.power-factor-part", { percent })] : [];
		return { powerFactor, knownShare, warnings };
	}

	/**
	 * Whether an earlier month was below the standard: then the notice has been given, and this month pays.
	 *
	 * @param monthsBefore spans of earlier billing months with the rule of each, newest first
	 */
	async noticed(
		store: ReadingStore,
		monthsBefore: Iterable<{ fromMs: number; toMs: number; rule: PowerFactorRule | undefined }>,
	): Promise<boolean> {
		let looked = 0;
		for (const { fromMs, toMs, rule } of monthsBefore) {
			if (!rule || looked++ >= NOTICE_MONTHS) return false;
			let below = this.#belowStandard.get(fromMs);
			if (below === undefined) {
				const half = await siteHalfHours(store, this.#site, fromMs, toMs, NOTICE_SAMPLE_MS);
				const { known, ...measured } = monthPowerFactor(rule, half, (at) => this.#clock.minuteAt(at));
				below = known >= (half.kw.length * LEAST_KNOWN) / 2 && isSurcharged(rule, measured);
				this.#belowStandard.set(fromMs, below);
			}
			if (below) return true;
		}
		return false;
	}

	async #halfHours(store: ReadingStore, { fromMs, toMs }: PowerFactorSpan): Promise<HalfHours> {
		const day = this.#clock.dayAt(toMs);
		const known = this.#known;
		const goesOn = known?.fromMs === fromMs && known.day === day && known.untilMs <= toMs;
		const since = goesOn ? Math.max(fromMs, known.untilMs - SETTLED_MS) : fromMs;
		const sinceAt = Math.floor((since - fromMs) / HALF_HOUR_MS);
		const fresh = await siteHalfHours(store, this.#site, fromMs + sinceAt * HALF_HOUR_MS, toMs);
		const count = sinceAt + fresh.kw.length;
		const joined = (before: Float64Array | undefined, after: Float64Array): Float64Array => {
			const all = new Float64Array(count);
			if (before) all.set(before.subarray(0, sinceAt));
			all.set(after, sinceAt);
			return all;
		};
		const half = { fromMs, kw: joined(known?.half.kw, fresh.kw), kvar: joined(known?.half.kvar, fresh.kvar) };
		this.#known = { fromMs, untilMs: toMs, day, half };
		return half;
	}
}

/** Half-hours in which energy was taken. */
function takenHalfHours(kwh: Float64Array): number {
	let taken = 0;
	for (let at = 0; at < kwh.length; at += 2) {
		const energy = Math.max(0, kwh[at] || 0) + Math.max(0, kwh[at + 1] || 0);
		if (energy > 0) taken++;
	}
	return taken;
}

/** A month's measured power factor with what the bill must know of earlier ones. */
export interface BilledPowerFactor extends SpanPowerFactor {
	/** An earlier month was below the standard: see `SitePowerFactors.noticed`. */
	noticed: boolean;
}

/**
 * Power factor of a billing month for its bill; undefined where the tariff's month knows no rule of it.
 *
 * @throws EnergyError `store.…`
 */
export async function measuredPowerFactor(
	factors: SitePowerFactors,
	store: ReadingStore,
	{ tariff, billingDay }: { tariff: Tariff; billingDay: BillingDays },
	{ month, fromMs, knownMs }: { month: MonthNumber; fromMs: number; knownMs: number },
	kwh: Float64Array,
): Promise<BilledPowerFactor | undefined> {
	const rule = ruleOn(tariff, firstDayOf(month, billingDay));
	if (!rule || !mainDemandCharge(tariff, monthOfYear(month))) return undefined;
	const span = await factors.of(store, rule, { fromMs, toMs: knownMs, kwh });
	if (!span.powerFactor || !isSurcharged(rule, span.powerFactor)) return { ...span, noticed: false };
	const clock = clockOf(tariff.book.timeZone);
	function* before() {
		for (let at = month - 1; ; at--) {
			const [day, end] = billingDays(at, billingDay);
			const toMs = clock.startOfDay(end);
			yield { fromMs: clock.startOfDay(day), toMs, rule: ruleOn(tariff, day) };
		}
	}
	return { ...span, noticed: await factors.noticed(store, before()) };
}
