import { type DayNumber, dayOfMonth, isoOf, parseDate, parseMonth } from "../calendar/civil.ts";
import { readData } from "../data.ts";
import { EnergyError } from "../errors.ts";
import type { Addition, Contract, DemandCharge, Rates, Schedule, TariffBook, Terms, Version } from "./book.ts";
import { checkBook } from "./check.ts";
import { dynamicBook } from "./simple.ts";

/** A version as one tariff sees it: its schedule and the rates of its voltage and option. */
export interface TariffVersion {
	effective: string;
	effectiveDay: DayNumber;
	deferrableToDay?: DayNumber;
	schedule: Schedule;
	scheduleName: string;
	rates: Rates;
	discounts: NonNullable<Version["discounts"]>;
}

/** Everything that prices one contract, voltage and option. */
export interface Tariff {
	/** `kepco/industrial-b/high-a/II` */
	id: string;
	book: TariffBook;
	contract: Contract;
	/** `high-a/II` */
	rateKey: string;
	terms: Terms;
	/** Oldest first. */
	versions: readonly TariffVersion[];
}

/** Checked by the tests. */
export const shippedBooks = ["lib/tariff/data/kepco.json"];

/** Tariffs by id, from the shipped books and any others that are added. */
export class TariffRegistry {
	readonly #tariffs = new Map<string, Tariff>();

	/**
	 * Adds a checked book; an id that is already there is replaced.
	 * @throws EnergyError `tariff.file`
	 */
	add(book: unknown, origin: string): this {
		return this.take(tariffsOf(checkBook(book, origin)));
	}

	/** Adds tariffs of books that are known to be right. */
	take(tariffs: Iterable<Tariff>): this {
		for (const tariff of tariffs) this.#tariffs.set(tariff.id, tariff);
		return this;
	}

	/** @throws EnergyError `tariff.unknown` naming the tariffs that look alike */
	get(id: string): Tariff {
		const tariff = this.#tariffs.get(id);
		if (!tariff) throw new EnergyError("tariff.unknown", { tariff: id, known: this.#like(id).join(", ") });
		return tariff;
	}

	/**
	 * Figures of an addition that only the customer knows, above those of the data: each holds from its month to the end
	 * of the quarter of the year, as they are announced, or to the next one.
	 *
	 * @param byMonth `{"2026-04": 5}`, per kWh
	 * @throws EnergyError `calendar.month`
	 */
	supply(input: NonNullable<Addition["input"]>, byMonth: Readonly<Record<string, number>>): this {
		const given = Object.entries(byMonth)
			.map(([text, rate]) => ({ month: parseMonth(text), rate }))
			.sort((a, b) => a.month - b.month)
			.map(({ month, rate }) => ({
				from: isoOf(dayOfMonth(month)),
				to: isoOf(dayOfMonth(Math.floor(month / 3) * 3 + 3) - 1),
				rate,
			}));
		if (given.length === 0) return this;
		for (const [id, tariff] of this.#tariffs) {
			const additions = tariff.terms.additions?.map((each) =>
				each.input === input ? { ...each, rates: [...each.rates, ...given] } : each,
			);
			if (additions) this.#tariffs.set(id, { ...tariff, terms: { ...tariff.terms, additions } });
		}
		return this;
	}

	ids(): string[] {
		return [...this.#tariffs.keys()];
	}

	/** Same book, and of that those with the longest common beginning: what a slip of the pen meant. */
	#like(id: string): string[] {
		const shared = (other: string): number => {
			let length = 0;
			while (length < id.length && other[length] === id[length]) length++;
			return length;
		};
		const best = Math.max(...this.ids().map(shared));
		return this.ids().filter((other) => shared(other) === best);
	}
}

let shipped: TariffRegistry | undefined;

/** The tariffs that ship with the package, and `dynamic/series` for prices that come as a time series. */
export function shippedTariffs(): TariffRegistry {
	if (!shipped) {
		shipped = tariffsWith();
	}
	return shipped;
}

/** A book beside the shipped ones. */
export interface AddedBook {
	book: unknown;
	origin: string;
	/** Made by this package, and so not checked again. */
	made?: true;
}

let own: readonly Tariff[] | undefined;

/**
 * What ships with the package and what it makes itself is checked by its tests: compiling the schema would hold the
 * event loop for a tenth of a second at the first question for a price.
 */
function ownTariffs(): readonly Tariff[] {
	own ??= [...shippedBooks.map((path) => readData<TariffBook>(path)), dynamicBook()].flatMap(tariffsOf);
	return own;
}

/** A registry of its own that knows the shipped tariffs too. @throws EnergyError `tariff.file` */
export function tariffsWith(...books: readonly AddedBook[]): TariffRegistry {
	const registry = new TariffRegistry().take(ownTariffs());
	for (const { book, origin, made } of books) {
		if (made) registry.take(tariffsOf(book as TariffBook));
		else registry.add(book, origin);
	}
	return registry;
}

/** Every tariff of a checked book. */
export function tariffsOf(book: TariffBook): Tariff[] {
	return book.contracts.flatMap((contract) => {
		const keys = new Set(contract.versions.flatMap((version) => Object.keys(version.rates)));
		return [...keys].map((rateKey) => ({
			id: [book.id, contract.id, rateKey].filter(Boolean).join("/"),
			book,
			contract,
			rateKey,
			terms: { ...book.terms, ...contract.terms },
			versions: contract.versions.flatMap((version) => versionOf(book, version, rateKey)),
		}));
	});
}

function versionOf(book: TariffBook, version: Version, rateKey: string): TariffVersion[] {
	const rates = version.rates[rateKey];
	const schedule = book.schedules[version.schedule];
	if (!rates || !schedule) return [];
	return [
		{
			effective: version.effective,
			effectiveDay: parseDate(version.effective),
			...(version.deferrableTo ? { deferrableToDay: parseDate(version.deferrableTo) } : {}),
			schedule,
			scheduleName: version.schedule,
			rates,
			discounts: version.discounts ?? [],
		},
	];
}

/** Which version prices each day of a contract. */
export interface VersionChoice {
	/** One version, whole, whatever the date. */
	version?: string;
	/** Versions this customer put off: effective date → the day it began for them. */
	deferrals?: Readonly<Record<string, string>>;
}

/**
 * A function from day to version.
 * @throws EnergyError `tariff.unknown-version`, `tariff.deferral`; the function throws `tariff.no-version` for days
 * before the first version
 */
export function versionChooser(tariff: Tariff, choice: VersionChoice): (day: DayNumber) => TariffVersion {
	const names = tariff.versions.map(({ effective }) => effective);
	const known = names.join(", ");
	const { version: wanted } = choice;
	if (wanted !== undefined) {
		const named = tariff.versions.find(({ effective }) => effective === wanted);
		if (!named) throw new EnergyError("tariff.unknown-version", { tariff: tariff.id, version: wanted, known });
		return () => named;
	}
	for (const [version, day] of Object.entries(choice.deferrals ?? {})) {
		const limit = tariff.versions.find(({ effective }) => effective === version)?.deferrableToDay;
		if (limit === undefined) throw new EnergyError("tariff.deferral", { tariff: tariff.id, version, day, until: "–" });
		if (parseDate(day) > limit || day < version) {
			throw new EnergyError("tariff.deferral", { tariff: tariff.id, version, day, until: isoOf(limit) });
		}
	}
	const starts = tariff.versions
		.map((version) => ({ version, from: parseDate(choice.deferrals?.[version.effective] ?? version.effective) }))
		.sort((a, b) => b.from - a.from || b.version.effectiveDay - a.version.effectiveDay);
	return (day) => {
		const found = starts.find(({ from }) => from <= day);
		if (!found)
			throw new EnergyError("tariff.no-version", {
				tariff: tariff.id,
				date: isoOf(day),
				first: names[0] ?? "–",
				known,
			});
		return found.version;
	};
}

/** The demand charge that contract advice and demand control look at: the month's first that isn't coincident. */
export function mainDemandCharge(tariff: Tariff, monthOfYear?: number): DemandCharge | undefined {
	return tariff.terms.demand.find(
		({ coincident, months }) => !coincident && (monthOfYear === undefined || (months?.includes(monthOfYear) ?? true)),
	);
}
