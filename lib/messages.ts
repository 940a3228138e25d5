import { readData } from "./data.ts";
import { EnergyError } from "./errors.ts";
import type { Language } from "./language.ts";
import { isMisfits, problemText, ruleIn } from "./rules.ts";

export { type Language, languages } from "./language.ts";

interface Entry extends Record<Language, string> {
	/** HTTP status of the problem; 500 where it is not the caller's doing. */
	status?: number;
}

const subjects = [
	"access",
	"alarms",
	"api",
	"app",
	"broker",
	"calendar",
	"config",
	"demand",
	"ingest",
	"jobs",
	"live",
	"metrics",
	"nodes",
	"operation",
	"plant",
	"report",
	"scheduling",
	"store",
	"tariff",
	"telemetry",
	"tls",
] as const;

const catalogue: ReadonlyMap<string, Entry> = new Map(
	[...subjects.map((subject) => `lib/${subject}/messages.json`), "models/messages.json"].flatMap((path) =>
		Object.entries(readData<Record<string, Entry>>(path)),
	),
);

/** Fills `{field}` places of a message; what is not a plain value is shown as JSON. Rules are said in its language. */
function fill(template: string, details: Readonly<Record<string, unknown>>, language: Language): string {
	return template.replace(/\{(\w+)\}/g, (place, name: string) => {
		const value = details[name];
		if (value === undefined) return place;
		if (name === "rule" && typeof value === "string") return ruleIn(language, value);
		if (name === "list" && isMisfits(details.problems)) return problemText(details.problems, language);
		return typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
	});
}

/** A message of the catalogue, filled; the code itself where the catalogue lacks it. */
export function text(code: string, details: Readonly<Record<string, unknown>>, language: Language): string {
	const entry = catalogue.get(code);
	return entry ? fill(entry[language], details, language) : code;
}

/** Language of a terminal, from the locale variables of POSIX. */
export function languageOfTerminal(env: Readonly<Record<string, string | undefined>>): Language {
	return (env.LC_ALL || env.LC_MESSAGES || env.LANG || "").startsWith("ko") ? "ko" : "en-US";
}

/** What an error says to a person, in their language; an error that is not ours says only that it was unexpected. */
export function explain(error: unknown, language: Language): string {
	const known = error instanceof EnergyError ? catalogue.get(error.code) : undefined;
	if (known && error instanceof EnergyError) return fill(known[language], error.details, language);
	return catalogue.get("nodes.unexpected")?.[language] ?? "Unexpected error";
}

/** Every code of the catalogue with its status and its sentences, for the page that explains problems. */
export function knownProblems(): { code: string; status: number; texts: Readonly<Record<Language, string>> }[] {
	return [...catalogue].flatMap(([code, { status, ...texts }]) =>
		status === undefined ? [] : [{ code, status, texts }],
	);
}

/** The HTTP status that belongs to an error. */
export function statusOf(error: unknown): number {
	return (error instanceof EnergyError && catalogue.get(error.code)?.status) || 500;
}

/** First language of ours that an `Accept-Language` header asks for. */
export function languageOf(acceptLanguage: string | undefined): Language {
	const wanted = (acceptLanguage ?? "").toLowerCase().split(",");
	return wanted.some((tag) => tag.trim().startsWith("ko")) && !wanted[0]?.trim().startsWith("en") ? "ko" : "en-US";
}
