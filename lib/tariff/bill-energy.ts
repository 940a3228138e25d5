import type { Words } from "../calendar/holidays.ts";
import { clockOf } from "../calendar/zone-clock.ts";
import { EnergyError } from "../errors.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { BillContext, Piece } from "./bill.ts";
import { type BillLine, billLine, billWords } from "./bill-line.ts";
import type { Tier } from "./book.ts";
import { UNITS_PER_KW, UNITS_PER_KWH } from "./load.ts";
import { Exact } from "./money.ts";
import type { PriceCalendar, Slot } from "./price-calendar.ts";

/** Energy of each slot over the intervals [from, to), units. */
function unitsBySlot(calendar: PriceCalendar, units: Float64Array, from: number, to: number): Float64Array {
	const sums = new Float64Array(calendar.slots.length);
	const { slotOf } = calendar;
	for (let i = from; i < to; i++) {
		const slot = slotOf[i] as number;
		sums[slot] = (sums[slot] as number) + (units[i] as number);
	}
	return sums;
}

/** Exact cost of the intervals [from, to) before any rounding, tiers left aside. */
export function exactCost(calendar: PriceCalendar, units: Float64Array, from: number, to: number): Exact {
	const sums = unitsBySlot(calendar, units, from, to);
	return Exact.sum(
		[...sums].flatMap((sum, index) => {
			const slot = calendar.slots[index];
			return slot && sum > 0 ? [kwhOf(sum).times(Exact.of(slot.price))] : [];
		}),
	);
}

const kwhOf = (units: number): Exact => Exact.of(BigInt(units)).over(Exact.of(UNITS_PER_KWH));

interface EnergyResult {
	lines: BillLine[];
	/** By band, kWh. */
	kwh: Record<string, number>;
	importUnits: number;
}

/** Slots of one line: same version, season, band and discount; with dynamic prices they differ in price only. */
interface LineGroup {
	slot: Slot;
	units: number;
	parts: { slot: Slot; units: number }[];
}

/** Energy lines of a bill, in the order version, season, band. */
export function energyLines(context: BillContext): EnergyResult {
	const { pieces, loaded } = context;
	const byBand = new Map<string, number>();
	const lines: BillLine[] = [];
	let importUnits = 0;
	for (const piece of pieces) {
		for (const { id } of piece.tariff.book.bands) byBand.set(id, byBand.get(id) ?? 0);
		const sums = unitsBySlot(piece.calendar, loaded.units, piece.from, piece.to);
		const groups = new Map<string, LineGroup>();
		for (const [index, units] of sums.entries()) {
			const slot = piece.calendar.slots[index];
			if (!slot || units === 0) continue;
			if (Number.isNaN(slot.price)) throw missingPrice(piece, index);
			importUnits += units;
			byBand.set(slot.band, (byBand.get(slot.band) ?? 0) + units);
			const key = [slot.version, slot.season, slot.band, slot.discount?.id].join("|");
			const group = groups.get(key) ?? { slot, units: 0, parts: [] };
			group.units += units;
			group.parts.push({ slot, units });
			groups.set(key, group);
		}
		lines.push(...inOrder(piece, [...groups.values()]).flatMap((group) => groupLines(context, piece, group)));
	}
	const exported = exportLine(context);
	if (exported) lines.push(exported);
	return {
		lines,
		kwh: Object.fromEntries([...byBand].map(([band, units]) => [band, units / UNITS_PER_KWH])),
		importUnits,
	};
}

function inOrder({ tariff }: Piece, groups: LineGroup[]): LineGroup[] {
	const bandAt = (band: string): number => tariff.book.bands.findIndex(({ id }) => id === band);
	return groups.sort(
		(a, b) =>
			a.slot.version.localeCompare(b.slot.version) ||
			a.slot.season.localeCompare(b.slot.season) ||
			bandAt(a.slot.band) - bandAt(b.slot.band) ||
			(a.slot.discount ? 1 : 0) - (b.slot.discount ? 1 : 0),
	);
}

function missingPrice({ calendar, tariff }: Piece, slot: number): EnergyError {
	const index = calendar.slotOf.indexOf(slot);
	const from = clockOf(tariff.book.timeZone).isoAt(calendar.startMs + index * QUARTER_HOUR_MS);
	return new EnergyError("tariff.price-missing", { from });
}

function groupLines(context: BillContext, piece: Piece, group: LineGroup): BillLine[] {
	const { slot } = group;
	const base = { id: "energy", unit: "kWh", version: slot.version, season: slot.season, band: slot.band };
	const discount = slot.discount ? { discount: slot.discount.id } : {};
	const label = energyLabel(piece, slot, context);
	const { terms } = piece.tariff;
	if (typeof slot.rate !== "number") {
		return tierLines(context, slot.rate.tiers, group.units).map(({ tier, quantity, rate }) =>
			billLine(terms, {
				...base,
				...discount,
				label: billWords("tier", { line: label, tier }),
				tier,
				quantity,
				rate: rate.times(slot.share),
			}),
		);
	}
	const quantity = kwhOf(group.units);
	const exact = Exact.sum(group.parts.map((part) => kwhOf(part.units).times(Exact.of(part.slot.price))));
	return [billLine(terms, { ...base, ...discount, label, quantity, rate: exact.over(quantity), exact })];
}

/** Energy spread over the tiers of its rate, from the first on. */
function tierLines(
	{ dayCount, loaded }: BillContext,
	tiers: readonly Tier[],
	units: number,
): { tier: number; quantity: Exact; rate: Exact }[] {
	let rest = kwhOf(units);
	let before = Exact.zero;
	const lines: { tier: number; quantity: Exact; rate: Exact }[] = [];
	for (const [index, { upTo, unit = "kWh", rate }] of tiers.entries()) {
		let width: Exact | undefined;
		if (upTo !== undefined) {
			let end = Exact.of(upTo);
			if (unit.includes("/kW")) end = end.times(Exact.ratio(peakUnits(loaded.units), UNITS_PER_KW));
			if (unit.includes("daily")) end = end.times(Exact.of(dayCount));
			width = end.minus(before);
			before = end;
		}
		const quantity = width && rest.exceeds(width) ? width : rest;
		if (quantity.sign > 0) lines.push({ tier: index + 1, quantity, rate: Exact.of(rate) });
		rest = rest.minus(quantity);
		if (rest.sign <= 0) break;
	}
	return lines;
}

function peakUnits(units: Float64Array): number {
	let peak = 0;
	for (const value of units) if (value > peak) peak = value;
	return peak;
}

function energyLabel({ tariff, days }: Piece, slot: Slot, { pieces }: BillContext): Words {
	const band = tariff.book.bands.find(({ id }) => id === slot.band)?.name ?? { "en-US": slot.band, ko: slot.band };
	const season = tariff.book.seasons?.[slot.season];
	let label = season ? billWords("energy", { band, season }) : billWords("energyPlain", { band });
	if (slot.discount)
		label = billWords("discounted", { line: label, discount: slot.discount.name, percent: slot.discount.percent });
	const several = pieces.length > 1 || days[0]?.version !== days[days.length - 1]?.version;
	return several ? billWords("version", { line: label, version: slot.version }) : label;
}

/** What was given to the grid is a line of its own, never set off against what was taken. */
function exportLine({ loaded, pieces }: BillContext): BillLine | undefined {
	const piece = pieces[pieces.length - 1];
	if (!piece || loaded.exportUnits <= 0) return undefined;
	const rate = Exact.of(-(piece.days[0]?.version.rates.exportRate ?? 0));
	return billLine(piece.tariff.terms, {
		id: "export",
		label: billWords("export"),
		quantity: kwhOf(loaded.exportUnits),
		unit: "kWh",
		rate,
	});
}
