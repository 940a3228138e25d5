import { EnergyError } from "../errors.ts";
import { calculateCost } from "./calculate-cost.ts";
import { shippedTariffs, type TariffRegistry } from "./registry.ts";

/** Where a result differs from what a case expects. */
export interface Difference {
	/** e.g. `energyKwh.midPeak` */
	path: string;
	expected: unknown;
	actual: unknown;
}

export interface FailedCase {
	index: number;
	name?: string;
	differences: Difference[];
	/** Code of the error that the case ran into, with its details. */
	error?: { code: string; details: unknown };
}

export interface CasesResult {
	cases: number;
	exact: number;
	failed: FailedCase[];
}

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
	typeof value === "object" && value !== null && !Array.isArray(value);

/** Words about a case, not part of its input. */
const notInput = new Set(["expected", "name", "id", "note", "source"]);

/**
 * Runs bills against what is expected of them. A case is an input of calculate-cost with `expected`, any subset of its
 * result; `{ input, expected }` is taken, too. Money must be equal, energy and demand to a millionth.
 *
 * @param cases a list of cases, or an object with one under `cases`
 * @throws EnergyError `tariff.input` for anything else
 */
export function runBillCases(cases: unknown, tariffs: TariffRegistry = shippedTariffs()): CasesResult {
	const list = isObject(cases) ? cases.cases : cases;
	if (!Array.isArray(list)) {
		throw new EnergyError("tariff.input", {
			list: "must be a list of cases",
			problems: [{ path: "", value: cases, rule: "must be a list of cases" }],
		});
	}
	const failed = list.flatMap((each: unknown, index) => runCase(each, index, tariffs) ?? []);
	return { cases: list.length, exact: list.length - failed.length, failed };
}

function runCase(each: unknown, index: number, tariffs: TariffRegistry): FailedCase | undefined {
	const fields = isObject(each) ? each : {};
	const name = [fields.name, fields.id].find((value) => typeof value === "string") as string | undefined;
	const named = { index, ...(name === undefined ? {} : { name }) };
	const input = isObject(fields.input)
		? fields.input
		: Object.fromEntries(Object.entries(fields).filter(([key]) => !notInput.has(key)));
	const expected = isObject(fields.expected) ? fields.expected : {};
	if (!isObject(fields.expected)) {
		return { ...named, differences: [{ path: "expected", expected: "an object", actual: fields.expected }] };
	}
	try {
		const result = calculateCost(input, tariffs);
		if (typeof expected.error === "string") {
			return { ...named, differences: [{ path: "error", expected: expected.error, actual: "a bill" }] };
		}
		const differences = compare(expected, result, "");
		return differences.length > 0 ? { ...named, differences } : undefined;
	} catch (error) {
		const code = error instanceof EnergyError ? error.code : String(error);
		if (expected.error === code) return undefined;
		const details = error instanceof EnergyError ? error.details : undefined;
		return { ...named, differences: [], error: { code, details } };
	}
}

/** What is expected must be there; what isn't mentioned may be anything. */
function compare(expected: unknown, actual: unknown, path: string): Difference[] {
	if (Array.isArray(expected)) {
		const list = Array.isArray(actual) ? actual : [];
		// Each expected entry must be met by some entry of the result: the order of a bill's lines is ours.
		return expected.flatMap((entry, index) => {
			const at = `${path}[${index}]`;
			return list.some((candidate) => compare(entry, candidate, at).length === 0)
				? []
				: [{ path: at, expected: entry, actual: list.length > 0 ? "no such entry" : actual }];
		});
	}
	if (isObject(expected)) {
		const fields = isObject(actual) ? actual : {};
		return Object.entries(expected).flatMap(([key, value]) =>
			compare(value, fields[key], path ? `${path}.${key}` : key),
		);
	}
	if (typeof expected === "number" && typeof actual === "number" && !path.endsWith("Krw")) {
		return Math.abs(expected - actual) <= 1e-6 * Math.max(1, Math.abs(expected) / 1e6)
			? []
			: [{ path, expected, actual }];
	}
	return expected === actual ? [] : [{ path, expected, actual }];
}
