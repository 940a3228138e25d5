import { parseDate, parseMonth } from "../calendar/civil.ts";
import { EnergyError } from "../errors.ts";

// What people type into a contract's fields; the editor reads it with the same functions, so no Node.js in here.

export function fail(field: string, value: unknown, rule: string): never {
	throw new EnergyError("tariff.contract", { field, value: value ?? "", rule });
}

function objectIn(field: string, text: string | undefined, example: string): Record<string, unknown> {
	if (!text?.trim()) return {};
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		value = undefined;
	}
	if (typeof value !== "object" || value === null || Array.isArray(value)) return fail(field, text, example);
	return value as Record<string, unknown>;
}

/** @throws EnergyError `tariff.contract`, `calendar.date` */
export function deferralsOf(text: string | undefined): Record<string, string> {
	const example = '{"2026-04-16": "2026-10-01"}';
	const deferrals: Record<string, string> = {};
	for (const [version, day] of Object.entries(objectIn("deferrals", text, example))) {
		if (typeof day !== "string") return fail(`deferrals.${version}`, day, example);
		parseDate(version);
		parseDate(day);
		deferrals[version] = day;
	}
	return deferrals;
}

/** @throws EnergyError `tariff.contract`, `calendar.month` */
export function peaksOf(text: string | undefined): Record<string, number> {
	const example = '{"2026-01": 132}';
	const peaks: Record<string, number> = {};
	for (const [month, kw] of Object.entries(objectIn("previousPeaks", text, example))) {
		if (typeof kw !== "number" || !(kw >= 0)) return fail(`previousPeaks.${month}`, kw, example);
		parseMonth(month);
		peaks[month] = kw;
	}
	return peaks;
}

/** @throws EnergyError `tariff.contract`, `calendar.month` */
export function fuelOf(text: string | undefined): Record<string, number> {
	const example = '{"2026-04": 5}';
	const figures: Record<string, number> = {};
	for (const [month, rate] of Object.entries(objectIn("fuelAdjustments", text, example))) {
		if (typeof rate !== "number" || !(Math.abs(rate) <= 1000)) return fail(`fuelAdjustments.${month}`, rate, example);
		parseMonth(month);
		figures[month] = rate;
	}
	return figures;
}

/** @throws EnergyError `calendar.date` */
export function datesOf(text: string | undefined): string[] {
	const dates = (text ?? "").split(/[\s,;]+/).filter(Boolean);
	for (const date of dates) parseDate(date);
	return dates;
}
