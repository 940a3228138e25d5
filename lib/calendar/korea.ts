import { readData } from "../data.ts";
import { type DayNumber, dayNumberOf, isoOf, parseDate, weekdayOf } from "./civil.ts";
import type { HolidayYear, Words } from "./holidays.ts";

type Clash = "saturday" | "sunday" | "holiday";

interface SubstituteRule {
	/** First year of the rule. */
	from: number;
	/** What a holiday must coincide with to be made up for. */
	on: Clash[];
}

interface DayRule {
	name: string;
	from?: number;
	substitute?: SubstituteRule[];
}

interface KoreanData {
	names: Record<string, Words>;
	substituteName: Words;
	/** Announced holidays: year → MM-DD → name. */
	years: Record<string, Record<string, string>>;
	rules: {
		fixed: (DayRule & { date: string })[];
		/** Months and days of the dangi calendar; `around` names the days before and after. */
		lunar: (DayRule & { month: number; day: number; around?: [string, string] })[];
		elections: { name: string; daysBeforeTermEnd: number; termEnds: string[] }[];
	};
	/** What is not settled: off by default, a setting of the site turns it on. */
	options: { id: string; default: boolean; from: number; date?: string; name?: string; substituteOf?: string }[];
}

let loaded: KoreanData | undefined;
const data = (): KoreanData => {
	loaded ??= readData<KoreanData>("lib/calendar/kr-holidays.json");
	return loaded;
};

const announcedYears = (): number[] => Object.keys(data().years).map(Number);

export const koreaFirstYear = (): number => Math.min(...announcedYears());
export const koreanYearIsComputed = (year: number): boolean => !(String(year) in data().years);
export const koreanOptions = (): string[] => data().options.map(({ id }) => id);

const nameOf = (key: string): Words => {
	const { names, substituteName } = data();
	const base = names[key.replace(/-substitute$/, "")] ?? { "en-US": key, ko: key };
	if (!key.endsWith("-substitute")) return base;
	return {
		"en-US": substituteName["en-US"].replace("{name}", base["en-US"]),
		ko: substituteName.ko.replace("{name}", base.ko),
	};
};

/** Holidays of a year: as announced where that is known, else by rule; then the options that are switched on. */
export function koreanYear(year: number, options: Readonly<Record<string, boolean>>): HolidayYear {
	const announced = data().years[String(year)];
	const names = announced
		? new Map(Object.entries(announced).map(([monthDay, key]) => [parseDate(`${year}-${monthDay}`), key]))
		: computeKoreanYear(year);
	for (const option of data().options) {
		if (!(options[option.id] ?? option.default) || year < option.from) continue;
		if (option.date && option.name) names.set(parseDate(`${year}-${option.date}`), option.name);
		if (option.substituteOf) addSubstituteOf(names, option.substituteOf);
	}
	return new Map([...names].map(([day, key]) => [day, nameOf(key)]));
}

/** An option that gives an existing holiday its substitute day when it falls on a Saturday or Sunday. */
function addSubstituteOf(names: Map<DayNumber, string>, name: string): void {
	for (const [day, key] of [...names]) {
		if (key === name && weekdayOf(day) >= 6) names.set(firstFreeDay(day, names), `${name}-substitute`);
	}
}

/**
 * Holidays of a year by the law's rules alone (presidential decree on public holidays; election act §34).
 * Tests hold it against every announced year; the calendar uses it for years not announced yet.
 *
 * @returns day → key of its name in the data
 */
export function computeKoreanYear(year: number): Map<DayNumber, string> {
	const { fixed, lunar, elections } = data().rules;
	const onDay = new Map<DayNumber, { name: string; rules: SubstituteRule[] }[]>();
	const put = (day: DayNumber, name: string, rules: readonly SubstituteRule[] = []): void => {
		const list = onDay.get(day) ?? [];
		list.push({ name, rules: rules.filter((rule) => year >= rule.from) });
		onDay.set(day, list);
	};
	for (const rule of fixed) {
		if (year >= (rule.from ?? 0)) put(parseDate(`${year}-${rule.date}`), rule.name, rule.substitute);
	}
	const lunarDays = dangiDays(year);
	for (const rule of lunar) {
		const day = lunarDays.get(`${rule.month}/${rule.day}`);
		if (day === undefined) continue;
		put(day, rule.name, rule.substitute);
		if (!rule.around) continue;
		put(day - 1, rule.around[0], rule.substitute);
		put(day + 1, rule.around[1], rule.substitute);
	}
	const isHoliday = (day: DayNumber): boolean => onDay.has(day);
	for (const { name, daysBeforeTermEnd, termEnds } of elections) {
		for (const termEnd of termEnds) {
			const day = electionDay(parseDate(termEnd) - daysBeforeTermEnd, isHoliday);
			if (isoOf(day).startsWith(`${year}-`)) put(day, name);
		}
	}
	const names = new Map([...onDay].map(([day, list]) => [day, list[0]?.name ?? ""]));
	for (const [day, list] of [...onDay].sort(([a], [b]) => a - b)) {
		const weekday = weekdayOf(day);
		const clashes: Clash[] = [];
		if (weekday === 6) clashes.push("saturday");
		if (weekday === 7) clashes.push("sunday");
		if (list.length > 1) clashes.push("holiday");
		const made = list.find(({ rules }) => rules.some(({ on }) => on.some((clash) => clashes.includes(clash))));
		if (made) names.set(firstFreeDay(day, names), `${made.name.replace(/-(eve|after)$/, "")}-substitute`);
	}
	return names;
}

/** A substitute is the first day after that is neither a holiday nor a Saturday or Sunday. */
function firstFreeDay(day: DayNumber, taken: ReadonlyMap<DayNumber, string>): DayNumber {
	let free = day + 1;
	while (taken.has(free) || weekdayOf(free) >= 6) free++;
	return free;
}

/** The first Wednesday from a day on; a week later where it, its eve or its morrow is a holiday. */
function electionDay(from: DayNumber, isHoliday: (day: DayNumber) => boolean): DayNumber {
	let day = from;
	while (weekdayOf(day) !== 3) day++;
	return isHoliday(day) || isHoliday(day - 1) || isHoliday(day + 1) ? day + 7 : day;
}

/** Days of a solar year by their month and day in the Korean lunar calendar; leap months (`4bis`) are left out. */
function dangiDays(year: number): Map<string, DayNumber> {
	const format = new Intl.DateTimeFormat("en-u-ca-dangi", { timeZone: "UTC", month: "numeric", day: "numeric" });
	const days = new Map<string, DayNumber>();
	for (let day = dayNumberOf(year, 1, 1); day < dayNumberOf(year + 1, 1, 1); day++) {
		const parts = format.formatToParts(day * 86_400_000);
		const part = (type: string): string => parts.find((each) => each.type === type)?.value ?? "";
		const key = `${part("month")}/${part("day")}`;
		// A lunar date may come twice in a solar year (its 11th and 12th months); the spring and autumn feasts don't.
		if (!days.has(key)) days.set(key, day);
	}
	return days;
}
