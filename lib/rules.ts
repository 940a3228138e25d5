import { readData } from "./data.ts";
import type { Language } from "./language.ts";

/** One thing wrong with a request or a file: where, what stands there, and the rule it breaks (in English). */
export interface Misfit {
	/** JSON pointer or the name of a field, e.g. `previousPeaksKw.2026-01`. */
	path: string;
	value: unknown;
	rule: string;
}

let known: readonly { pattern: RegExp; ko: string }[] | undefined;

/** Rules are written where they are checked, in English; those of validators come in English only. */
function rules(): readonly { pattern: RegExp; ko: string }[] {
	known ??= ["lib/access/rules.json", "lib/tariff/rules.json"]
		.flatMap((path) => readData<{ pattern: string; ko: string }[]>(path))
		.map(({ pattern, ko }) => ({ pattern: new RegExp(`^${pattern}$`), ko }));
	return known;
}

/** A rule in the reader's language; as it is where no translation is known. */
export function ruleIn(language: Language, rule: string): string {
	const found = language === "ko" ? rules().find(({ pattern }) => pattern.test(rule)) : undefined;
	return found ? rule.replace(found.pattern, found.ko) : rule;
}

/** Misfits as one text for a message, the first twenty of them. */
export function problemText(problems: readonly Misfit[], language: Language = "en-US"): string {
	const korean = language === "ko";
	const lines = problems.slice(0, 20).map(({ path, value, rule }) => {
		const shown = JSON.stringify(value) ?? (korean ? "없음" : "nothing");
		const short = shown.length > 60 ? `${shown.slice(0, 57)}…` : shown;
		return `${path || "/"}: ${ruleIn(language, rule)} (${korean ? "현재" : "is"} ${short})`;
	});
	const more = problems.length - lines.length;
	if (more > 0) lines.push(korean ? `… 외 ${more}건` : `… ${more} more`);
	return lines.join("; ");
}

/** Misfits among the details of an error. */
export function isMisfits(value: unknown): value is Misfit[] {
	return (
		Array.isArray(value) &&
		value.length > 0 &&
		value.every((each) => typeof each?.path === "string" && typeof each?.rule === "string")
	);
}
