import { languages, text } from "../messages.ts";
import type { Words } from "./types.ts";

/** A message of the catalogue in every language of ours. */
export function wordsOf(code: string, details: Readonly<Record<string, unknown>>): Words {
	return Object.fromEntries(languages.map((language) => [language, text(code, details, language)])) as Words;
}
