import { parseDate, parseMonth } from "../calendar/civil.ts";
import { EnergyError } from "../errors.ts";
import type { ContractChangeData } from "./contract-history.ts";

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

/** A change of the contract as the editor's table holds it: what is empty stays as it was. */
export interface ContractChangeSettings {
	from: string;
	tariff?: string;
	contractKw?: string | number;
	billingDay?: string | number;
}

const isEmpty = (value: unknown): boolean =>
	value === undefined || value === null || (typeof value === "string" && value.trim() === "");

/**
 * Changes of a contract, oldest first.
 *
 * @param given a list, or the JSON text of one
 * @throws EnergyError `tariff.contract`, `calendar.date`
 */
export function changesOf(given: string | readonly ContractChangeSettings[] | undefined): ContractChangeData[] {
	const example = '[{"from": "2026-05-11", "contractKw": 900}]';
	if (isEmpty(given)) return [];
	let list: unknown = given;
	if (typeof given === "string") {
		try {
			list = JSON.parse(given);
		} catch {
			list = undefined;
		}
	}
	if (!Array.isArray(list)) return fail("contractChanges", given, example);
	const changes = list.map((entry: unknown, index): ContractChangeData => {
		const at = `contractChanges[${index}]`;
		if (typeof entry !== "object" || entry === null) return fail(at, entry, example);
		const { from, tariff, contractKw, billingDay }: { [K in keyof ContractChangeSettings]?: unknown } = entry;
		if (typeof from !== "string") return fail(`${at}.from`, from, example);
		parseDate(from.trim());
		if ([tariff, contractKw, billingDay].every(isEmpty)) return fail(at, from, example);
		const change: ContractChangeData = { from: from.trim() };
		if (!isEmpty(tariff)) change.tariff = String(tariff).trim();
		if (!isEmpty(contractKw)) change.contractKw = figureIn(`${at}.contractKw`, contractKw, 1e7);
		if (!isEmpty(billingDay)) {
			const day = figureIn(`${at}.billingDay`, billingDay, 31);
			change.billingDay = Number.isInteger(day) ? day : fail(`${at}.billingDay`, billingDay, "1…31");
		}
		return change;
	});
	changes.sort((a, b) => (a.from < b.from ? -1 : 1));
	const twice = changes.find(({ from }, index) => from === changes[index - 1]?.from);
	return twice ? fail("contractChanges", twice.from, "one contract a day") : changes;
}

function figureIn(field: string, value: unknown, most: number): number {
	const figure = Number(value);
	return figure > 0 && figure <= most ? figure : fail(field, value, `> 0, ≤ ${most}`);
}

/** @throws EnergyError `calendar.date` */
export function datesOf(text: string | undefined): string[] {
	const dates = (text ?? "").split(/[\s,;]+/).filter(Boolean);
	for (const date of dates) parseDate(date);
	return dates;
}
