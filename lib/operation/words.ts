import { clockOf } from "../calendar/zone-clock.ts";
import { languages, text } from "../messages.ts";
import type { Words } from "./types.ts";

const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

/** The same with what explains it, in the words of each language, for `{why}`. */
export function wordsWith(code: string, details: Readonly<Record<string, unknown>>, why: Words | undefined): Words {
	if (!why) return wordsOf(code, details);
	const said = languages.map((language) => [language, text(code, { ...details, why: why[language] }, language)]);
	return Object.fromEntries(said) as Words;
}

/** A message of the catalogue in every language of ours; instants as the clock on the wall of the site shows them. */
export function wordsOf(code: string, details: Readonly<Record<string, unknown>>, timeZone?: string): Words {
	const shown = timeZone === undefined ? details : local(details, timeZone);
	return Object.fromEntries(languages.map((language) => [language, text(code, shown, language)])) as Words;
}

/** Details with instants as the clock on the wall of a site shows them. */
export function local(details: Readonly<Record<string, unknown>>, timeZone: string): Record<string, unknown> {
	const clock = clockOf(timeZone);
	return Object.fromEntries(
		Object.entries(details).map(([name, value]) => {
			const isTime = typeof value === "string" && instant.test(value);
			return [name, isTime ? clock.isoAt(Date.parse(value)).slice(5, 16).replace("T", " ") : value];
		}),
	);
}
