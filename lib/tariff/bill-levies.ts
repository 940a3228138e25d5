import { type DayNumber, isoOf } from "../calendar/civil.ts";
import type { BillContext } from "./bill.ts";
import { type BillLine, billLine, billWords } from "./bill-line.ts";
import type { Addition } from "./book.ts";
import { UNITS_PER_KWH } from "./load.ts";
import { Exact } from "./money.ts";

/** Figure of an addition on a day, the last of those that hold then; undefined where the data doesn't know it. */
export function additionOn(addition: Addition, day: DayNumber): number | undefined {
	const date = isoOf(day);
	return addition.rates.filter(({ from, to }) => from <= date && (to === undefined || date <= to)).at(-1)?.rate;
}

/** Lines per kWh that follow the date, not the version: climate charge, fuel adjustment. */
export function additionLines(context: BillContext, importUnits: number): BillLine[] {
	const { tariff, fuelAdjustment, warn } = context;
	return (tariff.terms.additions ?? []).flatMap((addition) => {
		const given = addition.input === "fuelAdjustment" ? fuelAdjustment : undefined;
		const { byRate, unknown } = unitsByRate(context, addition, given, importUnits);
		const { cap = Number.POSITIVE_INFINITY } = addition;
		for (const value of byRate.keys()) if (Math.abs(value) > cap) warn("tariff.fuel-cap", { value, cap });
		if (unknown && addition.input) warn("tariff.fuel-unknown", { month: context.month });
		return [...byRate].map(([rate, units]) =>
			billLine(tariff.terms, {
				id: addition.id,
				label: addition.name,
				quantity: Exact.of(BigInt(units)).over(Exact.of(UNITS_PER_KWH)),
				unit: "kWh",
				rate: Exact.of(rate),
			}),
		);
	});
}

/** Energy of the month by the figure in force on each day. */
function unitsByRate(
	{ pieces, loaded }: BillContext,
	addition: Addition,
	given: number | undefined,
	importUnits: number,
): { byRate: Map<number, number>; unknown: boolean } {
	const days = pieces.flatMap((piece) =>
		piece.days.map(({ day, start }, index) => ({
			rate: given ?? additionOn(addition, day),
			start,
			end: piece.days[index + 1]?.start ?? piece.to,
		})),
	);
	const rates = new Set(days.map(({ rate }) => rate));
	const [only] = rates;
	// The usual month knows one figure: no need to walk its intervals again.
	if (rates.size === 1)
		return { byRate: new Map(only === undefined ? [] : [[only, importUnits]]), unknown: only === undefined };
	const byRate = new Map<number, number>();
	for (const { rate, start, end } of days) {
		if (rate === undefined) continue;
		let sum = byRate.get(rate) ?? 0;
		for (let i = start; i < end; i++) sum += loaded.units[i] as number;
		byRate.set(rate, sum);
	}
	return { byRate, unknown: rates.has(undefined) };
}

/** Monthly and daily charges; a month that is shorter or longer than usual takes its share of the monthly ones. */
export function fixedLines({ tariff, dayCount, usualDays }: BillContext): BillLine[] {
	return (tariff.terms.fixed ?? []).map(({ id, name, amount, per }) =>
		billLine(tariff.terms, {
			id,
			label: name,
			quantity: per === "day" ? Exact.of(dayCount) : Exact.ratio(dayCount, usualDays),
			unit: per,
			rate: Exact.of(amount),
		}),
	);
}

/** What is missing to the minimum charge. */
export function minimumLine({ tariff, dayCount, usualDays }: BillContext, lines: readonly BillLine[]): BillLine[] {
	const { minimumMonthly } = tariff.terms;
	if (minimumMonthly === undefined) return [];
	const least = Exact.of(minimumMonthly).times(Exact.ratio(dayCount, usualDays));
	const missing = least.minus(Exact.sum(lines.map(({ amount }) => Exact.of(amount))));
	if (missing.sign <= 0) return [];
	const label = billWords("minimum");
	return [billLine(tariff.terms, { id: "minimum", label, quantity: Exact.of(1), unit: "month", rate: missing })];
}

/** Taxes and funds on the sum of the lines before them, at the percentage of the month's first day. */
export function levyLines({ tariff, firstDay }: BillContext, subtotal: Exact): BillLine[] {
	const date = isoOf(firstDay);
	return (tariff.terms.levies ?? []).flatMap(({ id, name, percent, rounding }) => {
		const inForce = percent.filter(({ from }) => from <= date).at(-1);
		if (!inForce) return [];
		const rate = Exact.ratio(inForce.percent, 100);
		return [
			{
				id,
				label: name,
				quantity: subtotal.toNumber(),
				unit: tariff.book.currency,
				rate: rate.toNumber(),
				amount: subtotal.times(rate).rounded(rounding).toNumber(),
			},
		];
	});
}
