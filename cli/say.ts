import { explain, languageOfTerminal, text } from "../lib/messages.ts";

const language = languageOfTerminal(process.env);

/** A line of the catalogue in the terminal's language. */
export function line(code: string, details: Readonly<Record<string, unknown>> = {}): string {
	return text(code, details, language);
}

export function say(code: string, details: Readonly<Record<string, unknown>> = {}): void {
	console.log(line(code, details));
}

/** Why something failed, in words; errors that are not ours say what they say. */
export function reasonOf(error: unknown): string {
	const words = explain(error, language);
	return error instanceof Error && error.name !== "EnergyError" ? error.message : words;
}

/** Ends the process with one clear message instead of a stack. */
export function fail(code: string, details: Readonly<Record<string, unknown>> = {}): never {
	console.error(line(code, details));
	process.exit(1);
}
