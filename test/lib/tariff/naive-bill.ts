// A Korean industrial bill once more, straight from the rules and as plainly as possible: one loop over the
// quarter-hours, dates as text, whole numbers for money. Slow, and of use to nobody but the test beside it.
import { readFileSync } from "node:fs";

export interface NaiveContract {
	/** `industrial-b`, `industrial-a2`, `general-b` */
	kind: string;
	/** `high-a/II` */
	option: string;
	contractKw: number;
}

export interface NaiveCase extends NaiveContract {
	month: string;
	billingDay: number;
	/** kWh of each quarter-hour in thousandths. */
	load: readonly number[];
	/** Day the reform began for this customer, where it was put off. */
	reformFrom?: string;
	/** Peaks of earlier months, kW. */
	peaks: Readonly<Record<string, number>>;
	/** Power factors in hundredths of a percent. */
	lagging?: number;
	leading?: number;
	noticed: boolean;
	/** Tenths of a won per kWh. */
	fuel?: number;
	change?: { from: string } & Partial<NaiveContract>;
}

export interface NaiveBill {
	/** Won by kind of line, each line cut before they are added. */
	energy: bigint;
	demand: bigint;
	overContract: bigint;
	powerFactor: bigint;
	climate: bigint;
	fuel: bigint;
	vat: bigint;
	fund: bigint;
	total: bigint;
	/** Thousandths of a kW. */
	billingMilliKw: number;
}

interface Rates {
	energy: Record<string, Record<string, number>>;
	demand: { demand: number };
}
interface Book {
	contracts: { id: string; versions: { effective: string; rates: Record<string, Rates> }[] }[];
}
// Rates are data, checked against their source elsewhere; everything else here is written anew.
const book: Book = JSON.parse(readFileSync("lib/tariff/data/kepco.json", "utf8"));

const holidays = new Set(
	`2023: 0101 0121 0122 0123 0124 0301 0505 0527 0529 0606 0815 0928 0929 0930 1003 1009 1225
	2024: 0101 0209 0210 0211 0212 0301 0410 0505 0506 0515 0606 0815 0916 0917 0918 1003 1009 1225
	2025: 0101 0128 0129 0130 0301 0303 0505 0506 0606 0815 1003 1005 1006 1007 1008 1009 1225
	2026: 0101 0216 0217 0218 0301 0302 0505 0524 0525 0603 0606 0717 0815 0817 0924 0925 0926 1003 1005 1009 1225
	2027: 0101 0206 0207 0208 0209 0301 0505 0513 0606 0717 0815 0816 0914 0915 0916 1003 1004 1009 1011 1225 1227`
		.split("\n")
		.flatMap((line) => {
			const [year = "", days = ""] = line.trim().split(": ");
			return days.split(" ").map((day) => `${year}-${day.slice(0, 2)}-${day.slice(2)}`);
		}),
);

const dateOf = (text: string): Date => new Date(`${text}T00:00:00Z`);
const textOf = (date: Date): string => date.toISOString().slice(0, 10);
const dayAfter = (text: string): string => textOf(new Date(dateOf(text).getTime() + 86_400_000));

/** First day of a billing month: its day, or the last one of a shorter month. */
function firstOf(month: string, billingDay: number): string {
	for (let day = billingDay; ; day--) {
		const text = `${month}-${String(day).padStart(2, "0")}`;
		const date = dateOf(text);
		if (!Number.isNaN(date.getTime()) && textOf(date) === text) return text;
	}
}

function monthAfter(month: string, months = 1): string {
	const [year = 0, number = 0] = month.split("-").map(Number);
	const count = year * 12 + number - 1 + months;
	return `${Math.floor(count / 12)}-${String((count % 12) + 1).padStart(2, "0")}`;
}

export function daysOf(month: string, billingDay: number): string[] {
	const days: string[] = [];
	const end = firstOf(monthAfter(month), billingDay);
	for (let day = firstOf(month, billingDay); day < end; day = dayAfter(day)) days.push(day);
	return days;
}

const seasonOf = (month: number): string =>
	month >= 6 && month <= 8 ? "summer" : month >= 11 || month <= 2 ? "winter" : "spring-autumn";

/** Band by the clock alone, hours of 2023 or of the reform. */
function clockBand(season: string, hour: number, reform: boolean): string {
	if (hour >= 22 || hour < 8) return "off-peak";
	if (season === "winter") return (hour >= 9 && hour < 12) || (hour >= 16 && hour < 19) ? "on-peak" : "mid-peak";
	if (reform) return hour >= 15 && hour < 21 ? "on-peak" : "mid-peak";
	return hour === 11 || (hour >= 13 && hour < 18) ? "on-peak" : "mid-peak";
}

/** What is thrown where no version is in force. */
export const NO_VERSION = "no version";

function versionOn(kind: string, day: string, reformFrom: string | undefined): string {
	const versions = book.contracts.find(({ id }) => id === kind)?.versions ?? [];
	let found = "";
	for (const { effective } of versions) {
		const begins = effective === "2026-04-16" && reformFrom ? reformFrom : effective;
		if (begins <= day) found = effective;
	}
	if (!found) throw new Error(NO_VERSION);
	return found;
}

function ratesOf({ kind, option }: NaiveContract, version: string): Rates {
	const versions = book.contracts.find(({ id }) => id === kind)?.versions ?? [];
	const rates = versions.find(({ effective }) => effective === version)?.rates[option];
	if (!rates) throw new Error(`no rates of ${kind} ${option} ${version}`);
	return rates;
}

/** Tenths of a won. */
const tenths = (rate: number): bigint => BigInt(Math.round(rate * 10));
/** Whole part towards zero, as BigInt divides. */
const cut = (amount: bigint, unit: bigint): bigint => amount / unit;

export function naiveBill(given: NaiveCase): NaiveBill {
	const days = daysOf(given.month, given.billingDay);
	const total = BigInt(days.length);
	const contractOn = (day: string): NaiveContract =>
		given.change && given.change.from <= day ? { ...given, ...given.change } : given;
	const changesAt = given.change && days.includes(given.change.from) ? days.indexOf(given.change.from) : 0;

	// Energy: thousandths of a kWh by whatever makes a line of its own.
	const lines = new Map<string, { milli: bigint; tenths: bigint; half: boolean }>();
	let taken = 0n;
	let fuelled = 0n;
	let peakMilliKw = 0;
	const peakOfPart = [0, 0];
	days.forEach((day, d) => {
		const contract = contractOn(day);
		const part = d < changesAt ? 0 : 1;
		const version = versionOn(contract.kind, day, given.reformFrom);
		const reform = version >= "2026-04-16";
		const month = Number(day.slice(5, 7));
		const season = seasonOf(month);
		const weekday = dateOf(day).getUTCDay();
		const rest = weekday === 0 || holidays.has(day);
		for (let quarter = 0; quarter < 96; quarter++) {
			const hour = Math.floor(quarter / 4);
			const milli = given.load[d * 96 + quarter] ?? 0;
			const clock = clockBand(season, hour, reform);
			let band = clock;
			if (rest) band = "off-peak";
			else if (weekday === 6 && band === "on-peak") band = "mid-peak";
			const half =
				contract.kind === "industrial-b" &&
				version >= "2026-04-16" &&
				(rest || weekday === 6) &&
				hour >= 11 &&
				hour < 14 &&
				season === "spring-autumn" &&
				day <= "2030-12-31";
			const rate = ratesOf(contract, version).energy[season]?.[band] ?? 0;
			const key = [part, contract.option, contract.kind, version, season, band, half].join();
			const line = lines.get(key) ?? { milli: 0n, tenths: tenths(rate), half };
			line.milli += BigInt(milli);
			lines.set(key, line);
			taken += BigInt(milli);
			if (given.fuel === undefined && day <= "2026-03-31") fuelled += BigInt(milli);
			// A holiday's quarter-hours are off-peak altogether; a Saturday's count by the clock.
			if (!rest && clock !== "off-peak") {
				peakMilliKw = Math.max(peakMilliKw, milli * 4);
				peakOfPart[part] = Math.max(peakOfPart[part] ?? 0, milli * 4);
			}
		}
	});
	let energy = 0n;
	// Thousandths × tenths = ten-thousandths of a won; half of them where discounted.
	for (const { milli, tenths: rate, half } of lines.values()) energy += cut(milli * rate, half ? 20_000n : 10_000n);

	// Billing demand: the highest of twelve months, of which only some keep counting.
	let historyMilliKw = 0;
	for (let back = 1; back < 12; back++) {
		const month = monthAfter(given.month, -back);
		if (!["12", "01", "02", "07", "08", "09"].includes(month.slice(5))) continue;
		historyMilliKw = Math.max(historyMilliKw, (given.peaks[month] ?? 0) * 1000);
	}
	const billingOf = ({ contractKw }: NaiveContract): number => Math.max(peakMilliKw, historyMilliKw, contractKw * 300);
	let demand = 0n;
	let run: { key: string; days: bigint; amount: bigint } | undefined;
	const close = (): void => {
		if (run) demand += cut(run.amount * run.days, 10_000n * total);
	};
	for (const day of days) {
		const contract = contractOn(day);
		const rate = tenths(ratesOf(contract, versionOn(contract.kind, day, given.reformFrom)).demand.demand);
		const milliKw = billingOf(contract);
		const key = `${rate} ${milliKw}`;
		if (run?.key !== key) {
			close();
			run = { key, days: 0n, amount: BigInt(milliKw) * rate };
		}
		run.days++;
	}
	close();

	// Above the contract: the tier reached, for the whole excess, by the days of the part.
	let overContract = 0n;
	for (const part of [0, 1]) {
		const first = part === 0 ? 0 : changesAt;
		const last = part === 0 ? changesAt : days.length;
		if (last <= first) continue;
		const day = days[first] ?? "";
		const contract = contractOn(day);
		const excess = (peakOfPart[part] ?? 0) - contract.contractKw * 1000;
		if (excess <= 0 || !given.noticed) continue;
		const share = excess / (contract.contractKw * 10);
		const percent = share < 20 ? 150 : share < 30 ? 200 : share < 40 ? 250 : share < 50 ? 300 : share < 60 ? 350 : 400;
		const rate = tenths(ratesOf(contract, versionOn(contract.kind, day, given.reformFrom)).demand.demand);
		overContract += cut(BigInt(excess) * rate * BigInt(percent) * BigInt(last - first), 10_000n * 100n * total);
	}

	// Power factor: 0.2 % of the demand charge a point; hundredths of a point here.
	const firstDay = days[0] ?? "";
	const newRule = firstDay >= "2025-02-01";
	let powerFactor = 0n;
	const clip = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
	const pay = (points: number): void => {
		if (points > 0 && !given.noticed) return;
		powerFactor += cut(demand * BigInt(points) * 2n, 100_000n);
	};
	if (given.lagging !== undefined) {
		pay((newRule ? 9200 : 9000) - clip(given.lagging, 6000, newRule ? 9700 : 9500));
	}
	if (given.leading !== undefined) pay(Math.max(0, 9500 - clip(given.leading, 6000, 10_000)));

	const climate = cut(taken * 90n, 10_000n);
	const fuel = given.fuel === undefined ? cut(fuelled * 50n, 10_000n) : cut(taken * BigInt(given.fuel), 10_000n);
	const subtotal = energy + demand + overContract + powerFactor + climate + fuel;
	const vat = cut(subtotal * 10n + 50n, 100n);
	const fundPerMille = firstDay >= "2025-07-01" ? 27n : firstDay >= "2024-07-01" ? 32n : 37n;
	const fund = cut(subtotal * fundPerMille, 10_000n) * 10n;
	return {
		...{ energy, demand, overContract, powerFactor, climate, fuel, vat, fund },
		total: cut(subtotal + vat + fund, 10n) * 10n,
		billingMilliKw: billingOf(contractOn(days.at(-1) ?? "")),
	};
}
