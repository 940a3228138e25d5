import { Ajv, type ErrorObject } from "ajv";
import { parseDate } from "../calendar/civil.ts";
import { clockOf } from "../calendar/zone-clock.ts";
import { readData } from "../data.ts";
import { EnergyError } from "../errors.ts";
import { type Misfit as Problem, problemText } from "../rules.ts";
import type { Discount, Rate, Rates, Schedule, TariffBook, Version } from "./book.ts";
import { bandOfEachQuarter, quartersOf } from "./hours.ts";

export { type Problem, problemText };

type Report = (path: string, value: unknown, rule: string) => void;

let validate: ReturnType<Ajv["compile"]> | undefined;

/**
 * Checks a tariff file: its shape, and what makes it computable (every quarter-hour has one band, every season and
 * band a rate, versions in order).
 *
 * @param origin file name or wherever it came from, for the message
 * @throws EnergyError `tariff.file` with all problems at once: `problems: [{path, value, rule}]`
 */
export function checkBook(book: unknown, origin: string): TariffBook {
	validate ??= new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true }).compile(
		readData<Record<string, unknown>>("lib/tariff/tariff.schema.json"),
	);
	const problems: Problem[] = [];
	if (validate(book)) {
		checkMeaning(book as TariffBook, (path, value, rule) => problems.push({ path, value, rule }));
	} else {
		problems.push(...(validate.errors ?? []).filter(({ keyword }) => keyword !== "if").map(problemOf));
	}
	if (problems.length > 0) throw new EnergyError("tariff.file", { origin, list: problemText(problems), problems });
	return book as TariffBook;
}

function problemOf(error: ErrorObject): Problem {
	const extra = error.keyword === "additionalProperties" ? String(error.params.additionalProperty) : "";
	if (extra) return { path: `${error.instancePath}/${pointerPart(extra)}`, value: extra, rule: "is not a field here" };
	const rule =
		error.keyword === "enum"
			? `must be one of ${(error.params.allowedValues as unknown[]).join(", ")}`
			: error.keyword === "const"
				? `must be ${JSON.stringify(error.params.allowedValue)}`
				: (error.message ?? error.keyword);
	return { path: error.instancePath, value: error.keyword === "required" ? undefined : error.data, rule };
}

const pointerPart = (key: string): string => key.replace(/~/g, "~0").replace(/\//g, "~1");

function checkMeaning(book: TariffBook, report: Report): void {
	try {
		clockOf(book.timeZone);
	} catch {
		report("/timeZone", book.timeZone, "must be an IANA time zone");
	}
	const bands = book.bands.map(({ id }) => id);
	unique(bands, "/bands", report);
	unique(
		book.contracts.map(({ id }) => id),
		"/contracts",
		report,
	);
	for (const [name, schedule] of Object.entries(book.schedules)) {
		checkSchedule(book, schedule, `/schedules/${pointerPart(name)}`, report);
	}
	for (const [index, contract] of book.contracts.entries()) {
		const at = `/contracts/${index}`;
		const charges = contract.terms?.demand ?? book.terms.demand;
		let previous = "";
		for (const [versionIndex, version] of contract.versions.entries()) {
			const versionAt = `${at}/versions/${versionIndex}`;
			if (version.effective <= previous)
				report(`${versionAt}/effective`, version.effective, "must be later than the version before");
			previous = version.effective;
			checkVersion(
				book,
				version,
				charges.map(({ id }) => id),
				versionAt,
				report,
			);
		}
		for (const [chargeIndex, charge] of charges.entries()) {
			const chargeAt = contract.terms?.demand ? `${at}/terms/demand/${chargeIndex}` : `/terms/demand/${chargeIndex}`;
			for (const band of charge.bands ?? []) known(band, bands, `${chargeAt}/bands`, report);
			if (charge.schedule) known(charge.schedule, Object.keys(book.schedules), `${chargeAt}/schedule`, report);
		}
	}
}

function checkSchedule(book: TariffBook, schedule: Schedule, at: string, report: Report): void {
	const bands = book.bands.map(({ id }) => id);
	const dayTypes = book.dayTypes.map(({ id }) => id);
	const seasons = Object.keys(schedule.seasons);
	for (let month = 1; month <= 12; month++) {
		const holders = seasons.filter((season) => schedule.seasons[season]?.includes(month));
		if (holders.length !== 1) report(`${at}/seasons`, holders, `month ${month} must be in exactly one season`);
	}
	for (const [index, period] of schedule.periods.entries()) {
		const periodAt = `${at}/periods/${index}`;
		for (const season of period.seasons) known(season, seasons, `${periodAt}/seasons`, report);
		for (const type of period.dayTypes ?? []) known(type, dayTypes, `${periodAt}/dayTypes`, report);
		for (const band of Object.keys(period.hours)) known(band, bands, `${periodAt}/hours/${pointerPart(band)}`, report);
		const times = bandOfEachQuarter(period.hours);
		const wrong = times.findIndex((found) => found.length !== 1);
		if (wrong >= 0) {
			const clock = `${String(Math.floor(wrong / 4)).padStart(2, "0")}:${String((wrong % 4) * 15).padStart(2, "0")}`;
			report(`${periodAt}/hours`, times[wrong], `every quarter-hour has exactly one band, not so at ${clock}`);
		}
	}
	for (const season of seasons) {
		for (const type of dayTypes) {
			const met = schedule.periods.filter(
				(period) => period.seasons.includes(season) && (period.dayTypes?.includes(type) ?? true),
			);
			if (met.length !== 1) report(`${at}/periods`, met.length, `exactly one entry for ${season} and ${type}`);
		}
	}
	for (const [index, shift] of (schedule.shifts ?? []).entries()) {
		for (const type of shift.dayTypes) known(type, dayTypes, `${at}/shifts/${index}/dayTypes`, report);
		for (const band of [...shift.from, shift.to]) known(band, bands, `${at}/shifts/${index}`, report);
	}
}

function checkVersion(
	book: TariffBook,
	version: Version,
	charges: readonly string[],
	at: string,
	report: Report,
): void {
	checkDate(version.effective, `${at}/effective`, report);
	const schedule = book.schedules[version.schedule];
	if (!schedule) {
		known(version.schedule, Object.keys(book.schedules), `${at}/schedule`, report);
		return;
	}
	for (const [key, rates] of Object.entries(version.rates)) {
		checkRates(schedule, rates, charges, `${at}/rates/${pointerPart(key)}`, report);
	}
	for (const [index, discount] of (version.discounts ?? []).entries()) {
		checkDiscount(book, discount, `${at}/discounts/${index}`, report);
	}
}

function checkRates(schedule: Schedule, rates: Rates, charges: readonly string[], at: string, report: Report): void {
	for (const [season, months] of Object.entries(schedule.seasons)) {
		if (months.length === 0) continue;
		const periods = schedule.periods.filter((period) => period.seasons.includes(season));
		const bands = new Set([
			...periods.flatMap((period) => Object.keys(period.hours)),
			...(schedule.shifts ?? []).filter(({ of }) => of.includes("energy")).map(({ to }) => to),
		]);
		const prices = rates.energy[season] ?? rates.energy["*"];
		for (const band of bands) {
			if (prices?.[band] === undefined && prices?.["*"] === undefined) {
				report(`${at}/energy/${pointerPart(season)}`, prices, `needs a price for ${band}`);
			}
		}
	}
	for (const [season, prices] of Object.entries(rates.energy)) {
		for (const [band, rate] of Object.entries(prices)) {
			checkTiers(rate, `${at}/energy/${pointerPart(season)}/${pointerPart(band)}`, report);
		}
	}
	for (const charge of charges) {
		if (rates.demand?.[charge] === undefined) report(`${at}/demand`, rates.demand, `needs a price for ${charge}`);
	}
	for (const [charge, rate] of Object.entries(rates.demand ?? {})) {
		known(charge, charges, `${at}/demand/${pointerPart(charge)}`, report);
		checkTiers(rate, `${at}/demand/${pointerPart(charge)}`, report);
	}
}

function checkTiers(rate: Rate, at: string, report: Report): void {
	if (typeof rate === "number") return;
	for (const [index, tier] of rate.tiers.entries()) {
		const last = index === rate.tiers.length - 1;
		if (last !== (tier.upTo === undefined)) {
			report(
				`${at}/tiers/${index}/upTo`,
				tier.upTo,
				last ? "the last tier has no end" : "every tier but the last has an end",
			);
		}
		const before = rate.tiers[index - 1]?.upTo;
		if (tier.upTo !== undefined && before !== undefined && tier.upTo <= before) {
			report(`${at}/tiers/${index}/upTo`, tier.upTo, "must be above the tier before");
		}
	}
}

function checkDiscount(book: TariffBook, discount: Discount, at: string, report: Report): void {
	for (const type of discount.dayTypes)
		known(
			type,
			book.dayTypes.map(({ id }) => id),
			`${at}/dayTypes`,
			report,
		);
	if (discount.until) checkDate(discount.until, `${at}/until`, report);
	for (const window of discount.hours) {
		if (quartersOf(window) === undefined) report(`${at}/hours`, window, "must begin and end on a quarter-hour");
	}
}

function checkDate(text: string, at: string, report: Report): void {
	try {
		parseDate(text);
	} catch {
		report(at, text, "must be a date of the calendar");
	}
}

function known(name: string, all: readonly string[], at: string, report: Report): void {
	if (!all.includes(name)) report(at, name, `must be one of ${all.join(", ")}`);
}

function unique(names: readonly string[], at: string, report: Report): void {
	for (const [index, name] of names.entries()) {
		if (names.indexOf(name) !== index) report(`${at}/${index}/id`, name, "must be unique");
	}
}
