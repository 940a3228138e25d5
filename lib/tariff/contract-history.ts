import { type DayNumber, type MonthNumber, parseDate } from "../calendar/civil.ts";
import { EnergyError } from "../errors.ts";
import { type BillingDayChange, type BillingDays, checkBillingDay, firstDayOf } from "./billing-days.ts";
import type { Tariff, TariffRegistry } from "./registry.ts";
import { versionChooser } from "./registry.ts";

/** A change of a contract from a day on; what it does not name stays. */
export interface ContractChangeData {
	/** First day under it, `2026-05-11`. */
	from: string;
	tariff?: string;
	contractKw?: number;
	/** 1…31, the last day of shorter months; billing months begin by it from this day on. */
	billingDay?: number;
}

/** A contract as it was first agreed, and what became of it. */
export interface ContractCourse {
	tariff: string;
	contractKw: number;
	billingDay?: number;
	deferrals?: Readonly<Record<string, string>>;
	contractChanges?: readonly ContractChangeData[];
}

/** A tariff from a day on, with the versions of it that were put off. */
export interface TariffSpan {
	fromDay: DayNumber;
	tariff: Tariff;
	deferrals: Readonly<Record<string, string>>;
}

interface ContractSpan extends TariffSpan {
	contractKw: number;
}

/** What a contract is on each day. */
export interface ContractHistory {
	/** Oldest first; the first holds from the beginning. */
	spans: readonly ContractSpan[];
	billingDay: BillingDays;
	on(day: DayNumber): ContractSpan;
	/** Contract demand at the end of a billing month, kW. */
	contractKwIn(month: MonthNumber): number;
}

/** Of the versions that a customer put off, those that a tariff knows. */
export function deferralsFor(
	tariff: Tariff,
	deferrals: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
	const known = Object.entries(deferrals).filter(([version]) =>
		tariff.versions.some(({ effective }) => effective === version),
	);
	return Object.fromEntries(known);
}

/**
 * Follows a contract through its changes.
 *
 * @throws EnergyError `tariff.unknown`, `tariff.deferral` for a version that none of its tariffs could put off,
 * `tariff.contract` for two changes on one day or tariffs of different time zones, `tariff.billing-day`, `calendar.date`
 */
export function contractHistory(course: ContractCourse, registry: TariffRegistry): ContractHistory {
	const { deferrals = {} } = course;
	let { contractKw } = course;
	let tariff = registry.get(course.tariff);
	const { timeZone } = tariff.book;
	const spanOf = (fromDay: DayNumber): ContractSpan => {
		const own = deferralsFor(tariff, deferrals);
		versionChooser(tariff, { deferrals: own });
		return { fromDay, tariff, contractKw, deferrals: own };
	};
	const spans = [spanOf(Number.NEGATIVE_INFINITY)];
	const first = checkBillingDay(course.billingDay ?? 1);
	const days: BillingDayChange[] = [{ fromDay: Number.NEGATIVE_INFINITY, day: first }];
	const changes = (course.contractChanges ?? []).map((change) => ({ ...change, fromDay: parseDate(change.from) }));
	for (const change of changes.sort((a, b) => a.fromDay - b.fromDay)) {
		const { fromDay, from } = change;
		if (spans.at(-1)?.fromDay === fromDay) fail("contractChanges", from, "one contract a day");
		contractKw = change.contractKw ?? contractKw;
		if (change.tariff !== undefined) tariff = registry.get(change.tariff);
		if (tariff.book.timeZone !== timeZone) fail("contractChanges", tariff.id, timeZone);
		spans.push(spanOf(fromDay));
		if (change.billingDay !== undefined) days.push({ fromDay, day: checkBillingDay(change.billingDay) });
	}
	for (const [version, day] of Object.entries(deferrals)) {
		if (spans.some((span) => span.deferrals[version] !== undefined)) continue;
		throw new EnergyError("tariff.deferral", { tariff: course.tariff, version, day, until: "–" });
	}
	const billingDay = days.length > 1 ? days : first;
	const on = (day: DayNumber): ContractSpan =>
		spans.findLast(({ fromDay }) => fromDay <= day) ?? (spans[0] as ContractSpan);
	return { spans, billingDay, on, contractKwIn: (month) => on(firstDayOf(month + 1, billingDay) - 1).contractKw };
}

function fail(field: string, value: unknown, rule: string): never {
	throw new EnergyError("tariff.contract", { field, value, rule });
}
