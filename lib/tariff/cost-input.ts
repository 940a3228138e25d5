import { type MonthNumber, parseDate, parseMonth } from "../calendar/civil.ts";
import { EnergyError } from "../errors.ts";
import type { PowerFactor, PriorNotices } from "./bill-demand.ts";
import { type Problem, problemText } from "./check.ts";
import type { ContractChangeData } from "./contract-history.ts";
import { Exact } from "./money.ts";
import type { Peak } from "./ratchet.ts";
import type { PricePoint, PriceSeries } from "./series.ts";

/** Length of an interval of a load, minutes: longer ones are taken to be even within. */
export type IntervalMinutes = 15 | 30 | 60;

/** Load of the month: flat, as the kWh of each interval (null for a gap), or as CSV text. */
export type CostLoad =
	| { uniformKw: number }
	| { intervals: (number | null)[]; intervalMinutes?: IntervalMinutes }
	| { csv: string; intervalMinutes?: IntervalMinutes };

/** A request of calculate-cost, checked. */
export interface CostInput {
	/** `kepco/industrial-b/high-a/II` */
	tariff: string;
	/** Effective date; prices the month as if that version, whole, were in force. */
	version?: string;
	/** `2026-04` */
	month: string;
	contractKw: number;
	load: CostLoad;
	/** `previousPeaksKw`: largest counted demand of earlier months. */
	history: Map<MonthNumber, Peak>;
	/** Percent; a fraction (0.95) is taken as 95 %. */
	powerFactor?: PowerFactor;
	/** Dates that count as public holidays beside those of the calendar. */
	extraHolidays?: string[];
	/** Open questions of the calendar, e.g. `{ "labour-day": true }`. */
	holidayOptions?: Record<string, boolean>;
	/** `fuelAdjustmentKrwPerKwh` */
	fuelAdjustment?: number;
	/** Notices before this month; a number holds for both kinds. Default none: a first surcharge is a notice. */
	priorNotices?: PriorNotices;
	billingDay?: number;
	deferrals?: Record<string, string>;
	contractChanges?: ContractChangeData[];
	/** The month is running: what is missing at the end of `load.intervals` is not a gap. */
	inProgress?: boolean;
	/** Dynamic prices in place of the tariff's energy rates. */
	prices?: PricePoint[];
	/** The same as a series that is there already; not part of a request. */
	series?: PriceSeries;
	/** Fields of the input that nobody reads. */
	unknownFields: string[];
}

/** No contract and no load is larger: 10 GW. What is typed in watts by mistake is found this way. */
const MAX_KW = 1e7;

type Fields = Record<string, unknown>;

const fields = [
	"tariff",
	"version",
	"month",
	"contractKw",
	"load",
	"previousPeaksKw",
	"powerFactor",
	"extraHolidays",
	"holidayOptions",
	"fuelAdjustmentKrwPerKwh",
	"priorNotices",
	"billingDay",
	"deferrals",
	"contractChanges",
	"inProgress",
	"prices",
];

const isObject = (value: unknown): value is Fields =>
	typeof value === "object" && value !== null && !Array.isArray(value);
const isFigure = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** Collects what is wrong; every reader returns undefined for a field that isn't there or is wrong. */
class Reader {
	readonly problems: Problem[] = [];

	wrong(path: string, value: unknown, rule: string): undefined {
		this.problems.push({ path, value, rule });
		return undefined;
	}

	figure(from: Fields, path: string, key: string, min: number, max: number, required = false): number | undefined {
		const value = from[key];
		if (value === undefined && !required) return undefined;
		if (isFigure(value) && value >= min && value <= max) return value;
		return this.wrong(path, value, `must be a number from ${min} to ${max}`);
	}

	text(from: Fields, path: string, key: string, required = false): string | undefined {
		const value = from[key];
		if (value === undefined && !required) return undefined;
		return typeof value === "string" && value !== "" ? value : this.wrong(path, value, "must be text");
	}

	object(from: Fields, path: string, key: string): Fields | undefined {
		const value = from[key];
		if (value === undefined || value === null) return undefined;
		return isObject(value) ? value : this.wrong(path, value, "must be an object");
	}

	list(from: Fields, path: string, key: string): unknown[] | undefined {
		const value = from[key];
		if (value === undefined || value === null) return undefined;
		return Array.isArray(value) ? value : this.wrong(path, value, "must be a list");
	}

	date(value: unknown, path: string): string | undefined {
		try {
			if (typeof value === "string") {
				parseDate(value);
				return value;
			}
		} catch {}
		return this.wrong(path, value, "must be a date such as 2026-04-16");
	}

	month(value: unknown, path: string): MonthNumber | undefined {
		try {
			return parseMonth(String(value));
		} catch {
			return this.wrong(path, value, "must be a month such as 2026-04");
		}
	}
}

/**
 * Reads the edge once.
 * @throws EnergyError `tariff.input` with all problems: `problems: [{path, value, rule}]`
 */
export function parseCostInput(input: unknown): CostInput {
	const read = new Reader();
	const from = isObject(input) ? input : {};
	if (!isObject(input)) read.wrong("", input, "must be an object");
	const tariff = read.text(from, "tariff", "tariff", true);
	const month = read.text(from, "month", "month", true);
	if (month !== undefined) read.month(month, "month");
	const version = from.version === null ? undefined : read.text(from, "version", "version");
	const contractKw = read.figure(from, "contractKw", "contractKw", 0.001, MAX_KW, true);
	const load = readLoad(read, from);
	const parsed = {
		...optional("version", version),
		...optional("powerFactor", readPowerFactor(read, from)),
		...optional("extraHolidays", readHolidays(read, from)),
		...optional("holidayOptions", readHolidayOptions(read, from)),
		...optional(
			"fuelAdjustment",
			from.fuelAdjustmentKrwPerKwh === null
				? undefined
				: read.figure(from, "fuelAdjustmentKrwPerKwh", "fuelAdjustmentKrwPerKwh", -1000, 1000),
		),
		...optional("priorNotices", readNotices(read, from)),
		...optional("billingDay", read.figure(from, "billingDay", "billingDay", 1, 31)),
		...optional("deferrals", readDeferrals(read, from)),
		...optional("contractChanges", readChanges(read, from)),
		...optional("prices", readPrices(read, from)),
		...(from.inProgress === true ? { inProgress: true } : {}),
	};
	const history = readPeaks(read, from);
	const unknownFields = [
		...Object.keys(from).filter((key) => !fields.includes(key)),
		...unknownIn(from, "powerFactor", ["laggingDay", "leadingNight"]),
		...unknownIn(from, "priorNotices", ["overContract", "powerFactor"]),
		...unknownIn(from, "load", ["uniformKw", "intervals", "csv", "intervalMinutes"]),
	];
	if (read.problems.length > 0 || tariff === undefined || month === undefined || contractKw === undefined || !load) {
		throw new EnergyError("tariff.input", { list: problemText(read.problems), problems: read.problems });
	}
	return { tariff, month, contractKw, load, history, unknownFields, ...parsed };
}

function optional<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
	return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
}

function unknownIn(from: Fields, key: string, known: readonly string[]): string[] {
	const given = from[key];
	if (!isObject(given)) return [];
	return Object.keys(given).flatMap((each) => (known.includes(each) ? [] : [`${key}.${each}`]));
}

function readLoad(read: Reader, from: Fields): CostLoad | undefined {
	const load = from.load;
	const rule = "must be exactly one of { uniformKw }, { intervals }, { csv }";
	if (!isObject(load)) return read.wrong("load", load, rule);
	const given = ["uniformKw", "intervals", "csv"].filter((key) => load[key] !== undefined);
	if (given.length !== 1) return read.wrong("load", given, rule);
	if (given[0] === "uniformKw") {
		const uniformKw = read.figure(load, "load.uniformKw", "uniformKw", 0, MAX_KW);
		return uniformKw === undefined ? undefined : { uniformKw };
	}
	const minutes = load.intervalMinutes ?? 15;
	if (minutes !== 15 && minutes !== 30 && minutes !== 60) {
		return read.wrong("load.intervalMinutes", minutes, "must be one of 15, 30, 60");
	}
	const step = minutes === 15 ? {} : { intervalMinutes: minutes as IntervalMinutes };
	if (given[0] === "csv") {
		const csv = read.text(load, "load.csv", "csv");
		return csv === undefined ? undefined : { csv, ...step };
	}
	const intervals = read.list(load, "load.intervals", "intervals");
	// Each figure is looked at where the load is built, which names those that are none.
	return intervals && { intervals: intervals as (number | null)[], ...step };
}

function readPeaks(read: Reader, from: Fields): Map<MonthNumber, Peak> {
	const peaks = new Map<MonthNumber, Peak>();
	for (const [text, value] of Object.entries(read.object(from, "previousPeaksKw", "previousPeaksKw") ?? {})) {
		const path = `previousPeaksKw.${text}`;
		const month = read.month(text, path);
		const kw = isObject(value) ? value.kw : value;
		const at = isObject(value) && typeof value.at === "string" ? Date.parse(value.at) : Number.NaN;
		if (!isFigure(kw) || kw < 0 || kw > MAX_KW) read.wrong(path, value, `must be kW from 0 to ${MAX_KW}`);
		else if (month !== undefined) peaks.set(month, { kw, ...(Number.isNaN(at) ? {} : { atMs: at }) });
	}
	return peaks;
}

function readPowerFactor(read: Reader, from: Fields): PowerFactor | undefined {
	const given = read.object(from, "powerFactor", "powerFactor");
	if (!given) return undefined;
	const side = (key: "laggingDay" | "leadingNight"): PowerFactor => {
		if (given[key] === null) return {};
		const value = read.figure(given, `powerFactor.${key}`, key, 0, 100);
		if (value === undefined) return {};
		return { [key]: value <= 1 ? Exact.of(value).times(Exact.of(100)).toNumber() : value };
	};
	return { ...side("laggingDay"), ...side("leadingNight") };
}

function readHolidays(read: Reader, from: Fields): string[] | undefined {
	return read
		.list(from, "extraHolidays", "extraHolidays")
		?.flatMap((value, index) => read.date(value, `extraHolidays[${index}]`) ?? []);
}

function readHolidayOptions(read: Reader, from: Fields): Record<string, boolean> | undefined {
	const given = read.object(from, "holidayOptions", "holidayOptions");
	if (!given) return undefined;
	const options: Record<string, boolean> = {};
	for (const [key, value] of Object.entries(given)) {
		if (typeof value === "boolean") options[key] = value;
		else read.wrong(`holidayOptions.${key}`, value, "must be true or false");
	}
	return options;
}

function readNotices(read: Reader, from: Fields): PriorNotices | undefined {
	const given = from.priorNotices;
	if (given === undefined || given === null) return undefined;
	const count = (value: unknown, path: string): number => {
		if (value === undefined || value === null) return 0;
		if (typeof value === "boolean") return value ? 1 : 0;
		if (isFigure(value) && value >= 0) return value;
		read.wrong(path, value, "must be a number of notices");
		return 0;
	};
	if (!isObject(given)) {
		const both = count(given, "priorNotices");
		return { overContract: both, powerFactor: both };
	}
	return {
		overContract: count(given.overContract, "priorNotices.overContract"),
		powerFactor: count(given.powerFactor, "priorNotices.powerFactor"),
	};
}

function readDeferrals(read: Reader, from: Fields): Record<string, string> | undefined {
	const given = read.object(from, "deferrals", "deferrals");
	if (!given) return undefined;
	const deferrals: Record<string, string> = {};
	for (const [version, value] of Object.entries(given)) {
		const day = read.date(value, `deferrals.${version}`);
		if (day) deferrals[version] = day;
	}
	return deferrals;
}

function readChanges(read: Reader, from: Fields): NonNullable<CostInput["contractChanges"]> | undefined {
	return read.list(from, "contractChanges", "contractChanges")?.flatMap((value, index) => {
		const path = `contractChanges[${index}]`;
		if (!isObject(value)) return read.wrong(path, value, "must be { from, contractKw?, tariff?, billingDay? }") ?? [];
		const day = read.date(value.from, `${path}.from`);
		const contractKw = read.figure(value, `${path}.contractKw`, "contractKw", 0.001, MAX_KW);
		const billingDay = read.figure(value, `${path}.billingDay`, "billingDay", 1, 31);
		const change = { ...optional("contractKw", contractKw), ...optional("billingDay", billingDay) };
		const tariff = read.text(value, `${path}.tariff`, "tariff");
		return day ? [{ from: day, ...change, ...optional("tariff", tariff) }] : [];
	});
}

function readPrices(read: Reader, from: Fields): PricePoint[] | undefined {
	return read.list(from, "prices", "prices")?.flatMap((value, index) => {
		const at = isObject(value) ? value.time : undefined;
		const price = isObject(value) ? (value.krwPerKwh ?? value.price) : undefined;
		if ((typeof at === "string" || typeof at === "number") && isFigure(price)) return [{ time: at, price }];
		return read.wrong(`prices[${index}]`, value, "must be { time, krwPerKwh }") ?? [];
	});
}
