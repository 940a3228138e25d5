import en from "./locales/en-US.json" with { type: "json" };
import ko from "./locales/ko.json" with { type: "json" };

export type Language = "en-US" | "ko";
/** A text of the pages; both catalogues have every one. */
export type TextKey = keyof typeof en;

const catalogues: Record<Language, Record<string, string>> = { "en-US": en, ko };

/** The text of a key with its `{places}` filled; a place that is not given stays visible, as a mistake should. */
export function translate(
	language: Language,
	key: TextKey,
	values: Readonly<Record<string, string | number>> = {},
): string {
	const template = catalogues[language][key] ?? key;
	return template.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}

/** The text of a key that data made, such as a machine's state; undefined where the catalogues do not know it. */
export function lookup(language: Language, key: string): string | undefined {
	return catalogues[language][key];
}

/** The first language of ours among those that a browser prefers. */
export function preferred(languages: readonly string[]): Language {
	for (const tag of languages) {
		if (tag.toLowerCase().startsWith("ko")) return "ko";
		if (tag.toLowerCase().startsWith("en")) return "en-US";
	}
	return "en-US";
}

export interface Named {
	machine: string;
	name: string;
	names?: Partial<Record<Language, string>>;
}

/** What a machine is called in a language; its id where the site gave no name. */
export function nameOf(machine: Named, language: Language): string {
	return machine.names?.[language] || machine.name || machine.machine;
}

/** How long ago, in the largest whole unit. */
export function ago(language: Language, ms: number): string {
	const s = Math.max(0, Math.round(ms / 1000));
	if (s < 90) return translate(language, "ago.s", { n: s });
	const min = Math.round(s / 60);
	if (min < 90) return translate(language, "ago.min", { n: min });
	const hours = Math.round(min / 60);
	return hours < 36
		? translate(language, "ago.h", { n: hours })
		: translate(language, "ago.d", { n: Math.round(hours / 24) });
}
