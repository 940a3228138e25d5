import type { Words } from "../calendar/holidays.ts";
import { readData } from "../data.ts";
import type { Terms } from "./book.ts";
import type { Exact, Rounding } from "./money.ts";

/** One line of a bill: quantity × rate = amount, the amount rounded as the tariff says. */
export interface BillLine {
	/** `energy`, `demand`, `over-contract`, `power-factor`, `export`, an addition's or levy's id … */
	id: string;
	label: Words;
	quantity: number;
	/** `kWh`, `kW`, `%`, `day`, `month` or the currency. */
	unit: string;
	/** Price of one unit; the mean where the intervals of a line have prices of their own. */
	rate: number;
	amount: number;
	version?: string;
	season?: string;
	band?: string;
	discount?: string;
	tier?: number;
	/** Part of the month it holds for, where that isn't all. */
	days?: { of: number; days: number };
}

let words: Record<string, Words> | undefined;

/** Words of a bill, filled; a detail may itself be in both languages. */
export function billWords(key: string, details: Readonly<Record<string, string | number | Words>> = {}): Words {
	words ??= readData<Record<string, Words>>("lib/tariff/bill-words.json");
	const template = words[key] ?? { "en-US": key, ko: key };
	const fill = (language: keyof Words): string =>
		template[language].replace(/\{(\w+)\}/g, (_, name: string) => {
			const value = details[name];
			return typeof value === "object" ? value[language] : String(value ?? "");
		});
	return { "en-US": fill("en-US"), ko: fill("ko") };
}

/** Rounding of a line: its own where the tariff names it, else that of all lines. */
function lineRounding(terms: Terms, id: string): Rounding {
	return terms.rounding.lines[id] ?? terms.rounding.lines["*"] ?? { mode: "none", step: 1 };
}

interface LineParts extends Omit<BillLine, "quantity" | "rate" | "amount"> {
	quantity: Exact;
	rate: Exact;
	/** Where it isn't simply quantity × rate. */
	exact?: Exact;
}

export function billLine(terms: Terms, { quantity, rate, exact, ...rest }: LineParts): BillLine {
	const amount = (exact ?? quantity.times(rate)).rounded(lineRounding(terms, rest.id));
	return { ...rest, quantity: quantity.toNumber(), rate: rate.toNumber(), amount: amount.toNumber() };
}
