import type { CostLine } from "../../../lib/tariff/calculate-cost.ts";
import type { BillMessage } from "../../../lib/tariff/messages-live.ts";

/** What makes up a bill: its energy by band, and every other kind of line, each as one sum. */
export interface BillPart {
	/** `energy`, `demand`, `power-factor`, `climate`, `vat` …; `rounding` for what is cut off the sum. */
	id: string;
	/** Of an energy part. */
	band?: string;
	/** The lines in it, in the order of the bill; none for the rounding. */
	lines: CostLine[];
	amountKrw: number;
	/** Sum of all parts before it, and with it. */
	fromKrw: number;
	toKrw: number;
}

/** How an engineer reads a bill: what was used first, then what is paid for having it, then what is put on top. */
const order = ["energy", "demand", "over-contract", "power-factor"];
const rank = (id: string): number => (order.includes(id) ? order.indexOf(id) : order.length);

/**
 * A bill as steps from nothing to its total. Their sum is the total to the won: what the total is cut by is a step of
 * its own. Kinds that come to nothing are left out.
 */
export function partsOf({ lines, energy, totalKrw }: Pick<BillMessage, "lines" | "energy" | "totalKrw">): BillPart[] {
	const found = new Map<string, { id: string; band?: string; lines: CostLine[] }>();
	for (const line of lines) {
		const band = line.id === "energy" ? line.band : undefined;
		const key = `${line.id} ${band ?? ""}`;
		const part = found.get(key) ?? { id: line.id, ...(band === undefined ? {} : { band }), lines: [] };
		part.lines.push(line);
		found.set(key, part);
	}
	const place = (band: string | undefined): number => energy.findIndex((each) => each.band === band);
	const sorted = [...found.values()].sort((a, b) => rank(a.id) - rank(b.id) || place(a.band) - place(b.band));
	let sum = 0;
	const step = (part: (typeof sorted)[number], amountKrw: number): BillPart => {
		const fromKrw = sum;
		sum = cents(sum + amountKrw);
		return { ...part, amountKrw, fromKrw, toKrw: sum };
	};
	const parts = sorted
		.map((part) => ({ part, amountKrw: cents(part.lines.reduce((total, line) => total + line.amountKrw, 0)) }))
		.filter(({ amountKrw }) => amountKrw !== 0)
		.map(({ part, amountKrw }) => step(part, amountKrw));
	const rest = cents(totalKrw - sum);
	return rest === 0 ? parts : [...parts, step({ id: "rounding", lines: [] }, rest)];
}

/** Sums of amounts with at most two decimals, without the crumbs of binary fractions. */
const cents = (value: number): number => Math.round(value * 100) / 100;
