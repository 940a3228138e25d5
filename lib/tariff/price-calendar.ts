import { civilOf, type DayNumber, parseDate, weekdayOf } from "../calendar/civil.ts";
import type { HolidayCalendar } from "../calendar/holidays.ts";
import { clockOf } from "../calendar/zone-clock.ts";
import { EnergyError } from "../errors.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { DayType, Discount, Hours, Rate, Schedule } from "./book.ts";
import type { TariffSpan } from "./contract-history.ts";
import { bandOfEachQuarter, QUARTERS, quartersOf } from "./hours.ts";
import { Exact } from "./money.ts";
import { type Tariff, type TariffVersion, type VersionChoice, versionChooser } from "./registry.ts";
import type { PriceSeries } from "./series.ts";

/** What the energy of an interval is priced by: one line of a bill collects all intervals of a slot. */
export interface Slot {
	/** Id of its tariff: a contract may have changed it. */
	tariff: string;
	/** Effective date of the version. */
	version: string;
	season: string;
	/** Band the energy is charged by, after the shifts. */
	band: string;
	/** Before the discount. */
	rate: Rate;
	discount?: Discount;
	/** 1 less the discount. */
	share: Exact;
	/** Price of a kWh after the discount (of the first tier, where there are tiers), in the book's currency. */
	price: number;
}

/** Days of a calendar, in order. */
export interface CalendarDay {
	day: DayNumber;
	dayType: string;
	/** Index of its first interval. */
	start: number;
	version: TariffVersion;
}

/**
 * Prices of a span of local days, ready for lookups by index: interval i starts at startMs + i × 15 min.
 * Everything a bill needs of the calendar is in here, so that billing only walks typed arrays.
 */
export interface PriceCalendar {
	tariff: Tariff;
	startMs: number;
	endMs: number;
	/** Number of quarter-hours. */
	count: number;
	slots: readonly Slot[];
	/** Slot of each interval. */
	slotOf: Uint16Array;
	/** Demand charge id → 1 for each interval whose demand counts, whether or not its month is charged. */
	counts: ReadonlyMap<string, Uint8Array>;
	days: readonly CalendarDay[];
	/** Years whose holidays are computed ahead of their announcement. */
	provisionalYears: readonly number[];
}

export interface CalendarOptions extends VersionChoice {
	holidays: HolidayCalendar;
	/** Dynamic prices in place of the tariff's own energy rates. */
	series?: PriceSeries;
	/** The tariffs of a contract by the day, where it changed; the tariff itself then only names the calendar. */
	tariffs?: readonly TariffSpan[] | undefined;
}

/** What prices a day of a contract. */
interface DayContract {
	tariff: Tariff;
	version: TariffVersion;
}

/**
 * A function from day to tariff and version.
 * @throws EnergyError those of `versionChooser`
 */
export function contractChooser(
	tariff: Tariff,
	{ tariffs, ...choice }: VersionChoice & Pick<CalendarOptions, "tariffs">,
): (day: DayNumber) => DayContract {
	if (!tariffs || tariffs.length < 2 || choice.version !== undefined) {
		const versionOn = versionChooser(tariff, choice);
		return (day) => ({ tariff, version: versionOn(day) });
	}
	const spans = tariffs.map((span) => ({ ...span, versionOn: versionChooser(span.tariff, span) }));
	return (day) => {
		const span = spans.findLast(({ fromDay }) => fromDay <= day) ?? spans[0];
		return span
			? { tariff: span.tariff, version: span.versionOn(day) }
			: { tariff, version: versionChooser(tariff, {})(day) };
	};
}

/** First day that a contract has a version for. */
export function beginOf(tariff: Tariff, { tariffs }: Pick<CalendarOptions, "tariffs">): DayNumber {
	return Math.min(...(tariffs?.[0]?.tariff ?? tariff).versions.map(({ effectiveDay }) => effectiveDay));
}

/** Type of a day: the first of the list whose conditions it meets. */
export function dayTypeOf(types: readonly DayType[], day: DayNumber, holidays: HolidayCalendar): string {
	const weekday = weekdayOf(day);
	const found = types.find(({ holiday, weekdays }) =>
		holiday ? holidays.isHoliday(day) : (weekdays?.includes(weekday) ?? true),
	);
	if (!found) throw new EnergyError("tariff.day-type", { weekday });
	return found.id;
}

/** Bands are asked for again with every month that is compiled; a schedule never changes. */
const knownBands = new WeakMap<Schedule, Map<string, readonly string[]>>();

/** Band of each quarter-hour of a day under a schedule, for the energy rate or for the counting of demand. */
export function bandsOf(
	schedule: Schedule,
	month: number,
	dayType: string,
	use: "energy" | "demand",
): readonly string[] {
	const known = knownBands.get(schedule) ?? new Map<string, readonly string[]>();
	knownBands.set(schedule, known);
	const season = seasonOf(schedule, month);
	const key = `${season}|${dayType}|${use}`;
	let bands = known.get(key);
	if (!bands) {
		const period = schedule.periods.find(
			(each) => each.seasons.includes(season) && (each.dayTypes?.includes(dayType) ?? true),
		);
		const hours: Hours = period?.hours ?? {};
		const shifts = (schedule.shifts ?? []).filter(({ dayTypes, of }) => dayTypes.includes(dayType) && of.includes(use));
		bands = bandOfEachQuarter(hours).map(([band = ""]) => shifts.find(({ from }) => from.includes(band))?.to ?? band);
		known.set(key, bands);
	}
	return bands;
}

/** Season of a month 1…12. */
function seasonOf(schedule: Schedule, month: number): string {
	return Object.keys(schedule.seasons).find((season) => schedule.seasons[season]?.includes(month)) ?? "";
}

/** Slots and counting of one kind of day. */
interface DayTemplate {
	slots: Uint16Array;
	counts: Uint8Array[];
}

/**
 * Compiles the days [fromDay, toDay) of a tariff.
 *
 * @throws EnergyError `tariff.no-version`, `tariff.unknown-version`, `tariff.deferral`, `tariff.series-needed`,
 * `calendar.year`
 */
export function compilePrices(
	tariff: Tariff,
	fromDay: DayNumber,
	toDay: DayNumber,
	options: CalendarOptions,
): PriceCalendar {
	if (tariff.book.pricedBy === "series" && !options.series)
		throw new EnergyError("tariff.series-needed", { tariff: tariff.id });
	const clock = clockOf(tariff.book.timeZone);
	const startMs = clock.startOfDay(fromDay);
	const endMs = clock.startOfDay(toDay);
	const count = (endMs - startMs) / QUARTER_HOUR_MS;
	const slotOf = new Uint16Array(count);
	const all = [tariff, ...(options.tariffs ?? []).map((span) => span.tariff)];
	const charges = [...new Set(all.flatMap(({ terms }) => terms.demand.map(({ id }) => id)))];
	const counts = charges.map(() => new Uint8Array(count));
	const slots: Slot[] = [];
	const templates = new Map<string, DayTemplate>();
	const days: CalendarDay[] = [];
	const provisional = new Set<number>();
	const chooseContract = contractChooser(tariff, options);
	let start = 0;
	for (let day = fromDay; day < toDay; day++) {
		const { tariff: own, version } = chooseContract(day);
		const dayType = dayTypeOf(own.book.dayTypes, day, options.holidays);
		const { year, month } = civilOf(day);
		if (options.holidays.isProvisional(year)) provisional.add(year);
		const discounts = version.discounts.filter(
			(each) =>
				each.months.includes(month) && each.dayTypes.includes(dayType) && (!each.until || day <= parseDate(each.until)),
		);
		const key = [own.id, version.effective, month, dayType, ...discounts.map(({ id }) => id)].join("|");
		let template = templates.get(key);
		if (!template) {
			template = templateOf(own, version, month, dayType, { discounts, slots, charges });
			templates.set(key, template);
		}
		days.push({ day, dayType, start, version });
		const length = clock.quarterHoursOf(day);
		if (length === QUARTERS && clock.minuteAt(startMs + start * QUARTER_HOUR_MS) === 0) {
			slotOf.set(template.slots, start);
			for (const [index, mask] of template.counts.entries()) counts[index]?.set(mask, start);
		} else {
			for (let i = start; i < start + length; i++) {
				const quarter = Math.floor(clock.minuteAt(startMs + i * QUARTER_HOUR_MS) / 15);
				slotOf[i] = template.slots[quarter] ?? 0;
				for (const [index, mask] of template.counts.entries()) {
					const target = counts[index];
					if (target) target[i] = mask[quarter] ?? 0;
				}
			}
		}
		start += length;
	}
	const calendar: PriceCalendar = {
		tariff,
		startMs,
		endMs,
		count,
		slots,
		slotOf,
		counts: new Map(charges.map((id, index) => [id, counts[index] ?? new Uint8Array(count)])),
		days,
		provisionalYears: [...provisional],
	};
	return options.series ? withSeries(calendar, options.series) : calendar;
}

function templateOf(
	tariff: Tariff,
	version: TariffVersion,
	month: number,
	dayType: string,
	{ discounts, slots, charges }: { discounts: readonly Discount[]; slots: Slot[]; charges: readonly string[] },
): DayTemplate {
	const season = seasonOf(version.schedule, month);
	const slotOf = new Uint16Array(QUARTERS);
	const discounted = discounts.map((discount) => ({
		discount,
		quarters: new Set(discount.hours.flatMap((window) => quartersOf(window) ?? [])),
	}));
	for (const [quarter, band] of bandsOf(version.schedule, month, dayType, "energy").entries()) {
		const discount = discounted.find(({ quarters }) => quarters.has(quarter))?.discount;
		slotOf[quarter] = slotIndex(slots, tariff.id, version, season, band, discount);
	}
	const counts = charges.map((id) => {
		const mask = new Uint8Array(QUARTERS);
		const charge = tariff.terms.demand.find((each) => each.id === id);
		if (!charge) return mask;
		const schedule = (charge.schedule && tariff.book.schedules[charge.schedule]) || version.schedule;
		for (const [quarter, band] of bandsOf(schedule, month, dayType, "demand").entries()) {
			mask[quarter] = (charge.bands?.includes(band) ?? true) ? 1 : 0;
		}
		return mask;
	});
	return { slots: slotOf, counts };
}

function slotIndex(
	slots: Slot[],
	tariff: string,
	version: TariffVersion,
	season: string,
	band: string,
	discount?: Discount,
): number {
	const found = slots.findIndex(
		(slot) =>
			slot.tariff === tariff &&
			slot.version === version.effective &&
			slot.season === season &&
			slot.band === band &&
			slot.discount?.id === discount?.id,
	);
	if (found >= 0) return found;
	const prices = version.rates.energy[season] ?? version.rates.energy["*"];
	const rate = prices?.[band] ?? prices?.["*"] ?? 0;
	const share = Exact.of(100)
		.minus(Exact.of(discount?.percent ?? 0))
		.over(Exact.of(100));
	const price = Exact.of(firstRate(rate)).times(share).toNumber();
	const own = { tariff, version: version.effective, season, band };
	return slots.push({ ...own, rate, ...(discount ? { discount } : {}), share, price }) - 1;
}

/** The one figure of a rate, or that of its first tier. */
export function firstRate(rate: Rate): number {
	return typeof rate === "number" ? rate : (rate.tiers[0]?.rate ?? 0);
}

/** The same calendar with the energy priced by a series: one slot for each price that occurs in a band. */
function withSeries(calendar: PriceCalendar, series: PriceSeries): PriceCalendar {
	const slotOf = new Uint16Array(calendar.count);
	const slots: Slot[] = [];
	const indices = new Map<string, number>();
	let before = Number.POSITIVE_INFINITY;
	for (let i = 0; i < calendar.count; i++) {
		const price = series.priceAt(calendar.startMs + i * QUARTER_HOUR_MS);
		if (i > 0 && Object.is(price, before) && calendar.slotOf[i] === calendar.slotOf[i - 1]) {
			slotOf[i] = slotOf[i - 1] as number;
			continue;
		}
		before = price;
		const base = calendar.slots[calendar.slotOf[i] ?? 0];
		if (!base) continue;
		const key = `${calendar.slotOf[i]}|${price}`;
		let index = indices.get(key);
		if (index === undefined) {
			index = slots.push({ ...base, rate: price, share: Exact.of(1), price }) - 1;
			indices.set(key, index);
		}
		slotOf[i] = index;
	}
	return { ...calendar, slots, slotOf };
}

/** Index of the interval that an instant lies in; −1 outside of the calendar. */
export function indexAt(calendar: PriceCalendar, epochMs: number): number {
	if (epochMs < calendar.startMs || epochMs >= calendar.endMs) return -1;
	return Math.floor((epochMs - calendar.startMs) / QUARTER_HOUR_MS);
}
