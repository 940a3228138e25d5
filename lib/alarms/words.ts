import { type Language, languages, text } from "../messages.ts";
import type { Cause } from "./types.ts";

export type Words = Record<Language, string>;

/** A cause in every language of ours; a measure and a feature are named in the reader's words. */
export function causeWords(cause: Cause | null): Words {
	return Object.fromEntries(languages.map((language) => [language, causeText(cause, language)])) as Words;
}

/** Why an alarm was raised, in one sentence; empty where nothing is known. */
export function causeText(cause: Cause | null, language: Language): string {
	if (!cause) return "";
	const said = cause.text?.[language];
	if (said) return said;
	const details: Record<string, string | number> = { ...cause.details };
	for (const key of ["measure", "feature"]) {
		const code = `alarms.measure.${details[key]}`;
		const name = key in details ? text(code, {}, language) : "";
		if (name !== "" && name !== code) details[key] = name;
	}
	if (typeof details.krw === "number") details.krw = details.krw.toLocaleString("ko-KR");
	// A measure without a unit leaves a gap where the unit would stand.
	return text(cause.code, details, language)
		.replace(/ +/g, " ")
		.replace(/ (?=[.,:]|보다|$)/g, "")
		.trim();
}
