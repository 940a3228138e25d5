import { isoOf } from "../calendar/civil.ts";
import { EnergyError } from "../errors.ts";
import type { DemandCharge, FixedCharge, Hours, Rate, Rates, Schedule, TariffBook, Terms, Tier } from "./book.ts";
import { checkBook, type Problem, problemText } from "./check.ts";
import { windowsOf } from "./simple.ts";

type Fields = Record<string, unknown>;
/** One step of a URDB structure. */
interface UrdbTier {
	max?: number;
	unit?: string;
	rate?: number;
	adj?: number;
	sell?: number;
}
/** Period of each hour of a typical day of each month. */
type HourMatrix = number[][];

const cents = { mode: "round", step: 0.01 } as const;
const energyUnits = ["kWh", "kWh daily", "kWh/kW", "kWh/kW daily"] as const;

export interface UrdbOptions {
	/** The rate's zone; URDB doesn't say. */
	timeZone: string;
	/** Id of the one contract; default the rate's label. */
	id?: string;
}

/**
 * Imports a rate of the OpenEI Utility Rate Database (JSON of its API, any capitalisation of the keys) as a book
 * with the one tariff `urdb/<id>`: energy tiers and schedules, flat and time-of-use demand, coincident demand,
 * look-back ratchets, fixed and minimum charges.
 *
 * URDB's look-back holds for the flat and time-of-use demand alike: `lookbackMonths` keeps the peaks of those months
 * for a year, `lookbackRange` those of the last months, both at `lookbackPercent`.
 *
 * @see https://openei.org/services/doc/rest/util_rates/
 * @throws EnergyError `tariff.urdb` with all problems at once
 */
export function importUrdb(rate: unknown, { timeZone, id }: UrdbOptions): TariffBook {
	const reader = new UrdbReader(rate);
	const energy = reader.tiers("energyratestructure");
	const demand = reader.tiers("demandratestructure");
	const flat = reader.tiers("flatdemandstructure");
	const coincident = reader.tiers("coincidentratestructure");
	const energyHours = reader.matrices("energyweekdayschedule", "energyweekendschedule", energy.length);
	const demandHours = reader.matrices("demandweekdayschedule", "demandweekendschedule", demand.length);
	const coincidentHours = reader.matrices("coincidentrateschedule", "coincidentrateschedule", coincident.length);
	if (energy.length === 0) reader.wrong("energyratestructure", undefined, "is needed");
	const flatMonths = reader.monthList("flatdemandmonths");
	const ratchet = reader.ratchet();
	const window = reader.demandWindow();
	reader.refuseWhatIsNotBilled();
	const contract = (id ?? reader.text("label") ?? "rate").replace(/[^A-Za-z0-9_.-]/g, "-");
	const charges: { charge: DemandCharge; rate: Rate }[] = [];
	const add = (charge: DemandCharge, tiers: readonly UrdbTier[]): void => {
		const whole = { ...charge, ...(window > 15 ? { windowMinutes: window } : {}) };
		charges.push({ charge: ratchet && !charge.coincident ? { ...whole, ratchet } : whole, rate: reader.rate(tiers) });
	};
	for (const [period, tiers] of flat.entries()) {
		const months = flatMonths.flatMap((each, month) => (each === period ? [month + 1] : []));
		const everyMonth = flatMonths.length === 0 && flat.length === 1;
		if (months.length === 0 && !everyMonth) continue;
		add(
			{
				id: `flat-${period}`,
				name: named("Demand", "수요요금", period, flat.length),
				...(everyMonth || months.length === 12 ? {} : { months }),
			},
			tiers,
		);
	}
	for (const [period, tiers] of demand.entries()) {
		add(
			{
				id: `tou-${period}`,
				name: named("Time-of-use demand", "시간대별 수요요금", period, demand.length),
				schedule: "demand",
				bands: [`period-${period}`],
			},
			tiers,
		);
	}
	for (const [period, tiers] of coincident.entries()) {
		add(
			{
				id: `coincident-${period}`,
				name: named("Coincident demand", "계통피크 기여 수요요금", period, coincident.length),
				schedule: "coincident",
				bands: [`period-${period}`],
				coincident: true,
			},
			tiers,
		);
	}
	const rates: Rates = {
		energy: { "*": Object.fromEntries(energy.map((tiers, period) => [`period-${period}`, reader.rate(tiers)])) },
		demand: Object.fromEntries(charges.map(({ charge, rate: price }) => [charge.id, price])),
		...reader.exportRate(energy),
	};
	const fixed = reader.fixed();
	reader.finish();
	const bandCount = Math.max(energy.length, demand.length, coincident.length);
	const source = {
		text: `OpenEI Utility Rate Database, ${reader.text("name") ?? contract}`,
		confidence: "medium",
		...(reader.text("uri") ? { url: reader.text("uri") } : {}),
	} as const;
	const terms: Terms = {
		demand: charges.map(({ charge }) => charge),
		...(fixed.length > 0 ? { fixed } : {}),
		...reader.minimum(),
		rounding: { lines: { "*": cents }, total: cents },
	};
	const name = reader.text("name") ?? contract;
	return checkBook(
		{
			format: 1,
			id: "urdb",
			name: { "en-US": reader.text("utility") ?? "URDB", ko: reader.text("utility") ?? "URDB" },
			source,
			currency: "USD",
			timeZone,
			bands: Array.from({ length: bandCount }, (_, period) => ({
				id: `period-${period}`,
				name: { "en-US": `period ${period + 1}`, ko: `시간대 ${period + 1}` },
			})),
			dayTypes: [{ id: "weekend", weekdays: [6, 7] }, { id: "weekday" }],
			schedules: {
				...(energyHours ? { energy: scheduleOf(energyHours) } : {}),
				...(demandHours ? { demand: scheduleOf(demandHours) } : {}),
				...(coincidentHours ? { coincident: scheduleOf(coincidentHours) } : {}),
			},
			terms,
			contracts: [
				{
					id: contract,
					name: { "en-US": name, ko: name },
					versions: [{ effective: reader.start(), source, schedule: "energy", rates: { "": rates } }],
				},
			],
		},
		`URDB ${contract}`,
	);
}

const named = (en: string, ko: string, period: number, count: number): { "en-US": string; ko: string } =>
	count > 1 ? { "en-US": `${en}, period ${period + 1}`, ko: `${ko} 시간대 ${period + 1}` } : { "en-US": en, ko };

/** Months whose days look alike become a season. */
function scheduleOf({ weekday, weekend }: { weekday: HourMatrix; weekend: HourMatrix }): Schedule {
	const seasons = new Map<string, number[]>();
	for (let month = 0; month < 12; month++) {
		const key = JSON.stringify([weekday[month], weekend[month]]);
		seasons.set(key, [...(seasons.get(key) ?? []), month + 1]);
	}
	const hoursOf = (day: readonly number[]): Hours =>
		Object.fromEntries(
			[...new Set(day)].map((period) => [
				`period-${period}`,
				windowsOf((quarter) => day[Math.floor(quarter / 4)] === period),
			]),
		);
	const list = [...seasons.values()].map((months) => ({ season: `months-${months.join(".")}`, months }));
	return {
		seasons: Object.fromEntries(list.map(({ season, months }) => [season, months])),
		periods: list.flatMap(({ season, months }) => {
			const month = (months[0] ?? 1) - 1;
			return [
				{ seasons: [season], dayTypes: ["weekday"], hours: hoursOf(weekday[month] ?? []) },
				{ seasons: [season], dayTypes: ["weekend"], hours: hoursOf(weekend[month] ?? []) },
			];
		}),
	};
}

/** Reads the fields of a rate and collects what is wrong with them. */
class UrdbReader {
	readonly #fields: Fields = {};
	readonly #problems: Problem[] = [];

	constructor(rate: unknown) {
		if (typeof rate !== "object" || rate === null || Array.isArray(rate)) {
			throw new EnergyError("tariff.urdb", {
				list: "must be the JSON object of one rate",
				problems: [{ path: "", value: rate, rule: "must be an object" }],
			});
		}
		for (const [key, value] of Object.entries(rate)) this.#fields[key.toLowerCase()] = value;
	}

	wrong(path: string, value: unknown, rule: string): void {
		this.#problems.push({ path, value, rule });
	}

	finish(): void {
		if (this.#problems.length > 0)
			throw new EnergyError("tariff.urdb", { list: problemText(this.#problems), problems: this.#problems });
	}

	text(key: string): string | undefined {
		const value = this.#fields[key];
		return typeof value === "string" && value !== "" ? value : undefined;
	}

	#figure(key: string): number | undefined {
		const value = this.#fields[key];
		if (value === undefined || value === null || value === "") return undefined;
		if (typeof value === "number" && Number.isFinite(value)) return value;
		this.wrong(key, value, "must be a number");
		return undefined;
	}

	/** periods → tiers; empty where the rate has none. */
	tiers(key: string): UrdbTier[][] {
		const value = this.#fields[key];
		if (value === undefined || value === null) return [];
		if (!Array.isArray(value) || !value.every(Array.isArray)) {
			this.wrong(key, value, "must be a list of periods, each a list of tiers");
			return [];
		}
		return (value as unknown[][]).map((tiers, period) =>
			tiers.map((tier, index) => {
				const path = `${key}[${period}][${index}]`;
				if (typeof tier !== "object" || tier === null) this.wrong(path, tier, "must be an object");
				const read: UrdbTier = {};
				for (const field of ["max", "rate", "adj", "sell"] as const) {
					const figure = (tier as Fields | null)?.[field];
					if (figure === undefined || figure === null) continue;
					if (typeof figure === "number" && Number.isFinite(figure)) read[field] = figure;
					else this.wrong(`${path}.${field}`, figure, "must be a number");
				}
				const unit = (tier as Fields | null)?.unit;
				if (typeof unit === "string") read.unit = unit;
				return read;
			}),
		);
	}

	/** The hours of weekdays and weekends, 12 × 24 each. */
	matrices(
		weekdayKey: string,
		weekendKey: string,
		periods: number,
	): { weekday: HourMatrix; weekend: HourMatrix } | undefined {
		if (periods === 0) return undefined;
		const weekday = this.#matrix(weekdayKey, periods);
		const weekend = this.#fields[weekendKey] === undefined ? weekday : this.#matrix(weekendKey, periods);
		return weekday && weekend ? { weekday, weekend } : undefined;
	}

	#matrix(key: string, periods: number): HourMatrix | undefined {
		const value = this.#fields[key];
		if (value === undefined || value === null) {
			this.wrong(key, value, "is needed");
			return undefined;
		}
		const fits =
			Array.isArray(value) &&
			value.length === 12 &&
			value.every(
				(row) =>
					Array.isArray(row) &&
					row.length === 24 &&
					row.every((period) => Number.isInteger(period) && period >= 0 && period < periods),
			);
		if (!fits) {
			this.wrong(key, value, `must be 12 months of 24 hours, each a period from 0 to ${periods - 1}`);
			return undefined;
		}
		return value as HourMatrix;
	}

	monthList(key: string): number[] {
		const value = this.#fields[key];
		if (value === undefined || value === null) return [];
		if (Array.isArray(value) && value.length === 12 && value.every(Number.isInteger)) return value as number[];
		this.wrong(key, value, "must be 12 period numbers");
		return [];
	}

	rate(tiers: readonly UrdbTier[]): Rate {
		const price = ({ rate = 0, adj = 0 }: UrdbTier): number => Number((rate + adj).toFixed(10));
		const [only] = tiers;
		if (tiers.length <= 1) return price(only ?? {});
		return {
			tiers: tiers.map((tier, index): Tier => {
				const unit = energyUnits.find((each) => each.toLowerCase() === tier.unit?.toLowerCase());
				const last = index === tiers.length - 1;
				return {
					...(last || tier.max === undefined ? {} : { upTo: tier.max }),
					...(unit && unit !== "kWh" ? { unit } : {}),
					rate: price(tier),
				};
			}),
		};
	}

	/** What the grid pays, where all periods pay the same. */
	exportRate(energy: readonly UrdbTier[][]): { exportRate?: number } {
		const prices = new Set(energy.flatMap((tiers) => tiers.map(({ sell }) => sell ?? 0)));
		const [price = 0] = prices;
		return prices.size === 1 && price !== 0 ? { exportRate: price } : {};
	}

	ratchet(): DemandCharge["ratchet"] {
		const percent = this.#figure("lookbackpercent") ?? 0;
		if (percent <= 0) return undefined;
		// URDB gives a share; some rates were entered as a percentage.
		const share = Number((percent <= 1 ? percent * 100 : percent).toFixed(6));
		const range = this.#figure("lookbackrange") ?? 0;
		if (range > 0) return { windowMonths: range + 1, percent: share };
		const listed = this.#fields.lookbackmonths;
		const months = Array.isArray(listed) ? listed.flatMap((on, month) => (on ? [month + 1] : [])) : [];
		return months.length > 0 ? { windowMonths: 12, months, percent: share } : undefined;
	}

	/** Minutes over which demand is measured; shorter windows than a quarter-hour are not measured here. */
	demandWindow(): 15 | 30 | 60 {
		const minutes = this.#figure("demandwindow") ?? 15;
		if (minutes === 30 || minutes === 60) return minutes;
		if (minutes !== 15) this.wrong("demandwindow", minutes, "must be 15, 30 or 60 minutes");
		return 15;
	}

	/** Charges that a bill made from this rate would leave out or take for something else. */
	refuseWhatIsNotBilled(): void {
		for (const key of ["demandunits", "demandrateunit", "flatdemandunit", "coincidentrateunit"]) {
			const unit = this.text(key);
			if (unit !== undefined && unit.toLowerCase() !== "kw") this.wrong(key, unit, "must be kW");
		}
		const fuel = this.#fields.fueladjustmentsmonthly;
		if (Array.isArray(fuel) && fuel.some((each) => each !== 0 && each !== null)) {
			this.wrong("fueladjustmentsmonthly", fuel, "must be 0: put it into the adj of the energy rates");
		}
		if ((this.#figure("demandreactivepowercharge") ?? 0) !== 0) {
			this.wrong("demandreactivepowercharge", this.#figure("demandreactivepowercharge"), "must be 0: it is not billed");
		}
	}

	fixed(): FixedCharge[] {
		const name = { "en-US": "Fixed charge", ko: "고정요금" };
		const monthly = this.#figure("fixedmonthlycharge") ?? this.#figure("fixedchargefirstmeter");
		if (!monthly) return [];
		const units = this.text("fixedchargeunits") ?? "$/month";
		if (units === "$/year") return [{ id: "fixed", name, amount: Number((monthly / 12).toFixed(10)), per: "month" }];
		return [{ id: "fixed", name, amount: monthly, per: units === "$/day" ? "day" : "month" }];
	}

	minimum(): { minimumMonthly?: number } {
		const amount =
			this.#figure("minmonthlycharge") ??
			(this.text("minchargeunits") === "$/month" ? this.#figure("mincharge") : undefined);
		return amount ? { minimumMonthly: amount } : {};
	}

	/** First day of the rate; URDB counts seconds since 1970. */
	start(): string {
		const seconds = this.#figure("startdate");
		return seconds === undefined ? "2000-01-01" : isoOf(Math.floor(seconds / 86_400));
	}
}
