/** A number and its unit, apart: the unit is set smaller beside the value. */
export interface Shown {
	value: string;
	unit: string;
}

/** What stands where a value is missing; its reason is told on touch. Never a zero. */
export const MISSING = "–";

const formats = [0, 1, 2, 3].map(
	(digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }),
);

/** Three significant digits, at most two decimals: what a card can hold at a glance. */
export function three(value: number): string {
	const decimals = decimalsOf(value);
	// 9.996 becomes 10.00 with two decimals: the rounding itself may win a digit.
	const rounded = Number(value.toFixed(decimals));
	return formats[decimalsOf(rounded)]?.format(rounded === 0 ? 0 : rounded) ?? MISSING;
}

function decimalsOf(value: number): number {
	const size = Math.abs(value);
	return size >= 100 ? 0 : size >= 10 ? 1 : 2;
}

function scaled(value: number | null | undefined, units: readonly string[]): Shown {
	if (value === null || value === undefined || !Number.isFinite(value)) return { value: MISSING, unit: units[0] ?? "" };
	let shown = value;
	let unit = 0;
	while (Math.abs(Number(shown.toPrecision(3))) >= 1000 && unit < units.length - 1) {
		shown /= 1000;
		unit++;
	}
	return { value: three(shown), unit: units[unit] ?? "" };
}

/** Power: kW below 1,000, MW above. */
export function power(kw: number | null | undefined): Shown {
	return scaled(kw, ["kW", "MW", "GW"]);
}

/** Energy: kWh below 1,000, then MWh and GWh. */
export function energy(kwh: number | null | undefined): Shown {
	return scaled(kwh, ["kWh", "MWh", "GWh"]);
}

/** Emissions: kg of CO₂ equivalents below 1,000, then tonnes. */
export function carbon(kg: number | null | undefined): Shown {
	return scaled(kg, ["kg CO₂e", "t CO₂e", "kt CO₂e"]);
}

/** A whole number with thousands separators. */
export function count(value: number): string {
	return formats[0]?.format(value) ?? MISSING;
}

/** A share as a whole percentage. */
export function percent(share: number): string {
	return `${formats[0]?.format(share * 100)} %`;
}

/** A change with its sign; a minus of typographic width, so that columns align. */
export function signed({ value, unit }: Shown, change: number): string {
	const sign = change > 0 ? "+" : "";
	return `${sign}${value.replace("-", "−")} ${unit}`;
}

export function text({ value, unit }: Shown): string {
	return value === MISSING ? MISSING : `${value.replace("-", "−")} ${unit}`;
}

/** ₩1,234,567, or in the ten-thousands that Korean counts by: 123만 4,567원. Exact to the won, as a bill is. */
export function won(krw: number | null | undefined, tenThousands = false): string {
	if (krw === null || krw === undefined || !Number.isFinite(krw)) return MISSING;
	const whole = Math.round(krw);
	const sign = whole < 0 ? "−" : "";
	const size = Math.abs(whole);
	if (!tenThousands || size < 10_000) return tenThousands ? `${sign}${count(size)}원` : `${sign}₩${count(size)}`;
	const parts: string[] = [];
	let rest = size;
	for (const [value, name] of [
		[1e12, "조"],
		[1e8, "억"],
		[1e4, "만"],
	] as const) {
		if (rest >= value) parts.push(`${count(Math.floor(rest / value))}${name}`);
		rest %= value;
	}
	return rest > 0 ? `${sign}${[...parts, `${count(rest)}원`].join(" ")}` : `${sign}${parts.join(" ")} 원`;
}

/** A sum as a card tells it: three significant digits. */
export function rough(krw: number): number {
	return Number(krw.toPrecision(3));
}

/** A rate of a tariff, exact: as many decimals as it has, one at least, three at most. */
export function rate(value: number | null | undefined): string {
	if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
	const digits = [1, 2, 3].find((n) => Math.abs(value - Number(value.toFixed(n))) < 1e-9) ?? 3;
	return formats[digits]?.format(value) ?? MISSING;
}

const exact = new Intl.NumberFormat("en-US", { maximumFractionDigits: 3 });

/** A quantity of a bill, exact. */
export function quantity(value: number): string {
	return exact.format(value).replace("-", "−");
}
