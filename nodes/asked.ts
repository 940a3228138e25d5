import { randomUUID } from "node:crypto";
import { EnergyError } from "../lib/errors.ts";
import type { Scope } from "../lib/log/scope.ts";
import { explain, type Language, text } from "../lib/messages.ts";

/** What the one who asked is told: whether it was done, and if not, why, for a person. */
export interface Reply {
	ok: boolean;
	message?: string;
	/** Every single mistake, where what was given had several. */
	lines?: string[];
}

/** A message whose sender waits for what becomes of it; the token survives the copies that wires make. */
export interface AskedMessage {
	asked?: string;
}

const LONGEST_MS = 30_000;

interface Waiting {
	language: Language;
	reply: (reply: Reply) => void;
	timer: NodeJS.Timeout;
	note: Scope["note"];
}
// Symbol.for: two versions of the palette may be loaded, and a wire may lead from one to the other.
const key = Symbol.for("smartfactory.asked");
const shared = globalThis as typeof globalThis & { [key]?: Map<string, Waiting> };
shared[key] ??= new Map();
const waiting = shared[key];

/**
 * A token for a message that a card sends: the first of our nodes that takes the message answers for it. Nobody
 * answers where the message reaches none; the page then says so by itself.
 *
 * @param note takes what that node changes
 * @param lost called where nobody answered in time
 */
export function ask(
	language: Language,
	reply: (reply: Reply) => void,
	note?: Scope["note"],
	lost: () => void = () => {},
): string {
	const token = randomUUID();
	const timer = setTimeout(() => waiting.delete(token) && lost(), LONGEST_MS);
	timer.unref();
	waiting.set(token, { language, reply, timer, note });
	return token;
}

/** Takes what is changed for the sender of a message; undefined where nobody waits for it. */
export function noteOf({ asked }: AskedMessage): Scope["note"] {
	return asked === undefined ? undefined : waiting.get(asked)?.note;
}

/** Tells the sender of a message that its work is done, or what was wrong with it. */
export function settle({ asked }: AskedMessage, error?: unknown): void {
	const one = asked === undefined ? undefined : waiting.get(asked);
	if (asked === undefined || !one) return;
	waiting.delete(asked);
	clearTimeout(one.timer);
	one.reply(error === undefined ? { ok: true } : refusal(error, one.language));
}

/** An error as the one who asked reads it. */
export function refusal(error: unknown, language: Language): Reply {
	const lines = linesOf(error, language);
	return { ok: false, message: explain(error, language), ...(lines.length > 0 ? { lines } : {}) };
}

/** At most as many as a person reads. */
const MOST_LINES = 50;

function linesOf(error: unknown, language: Language): string[] {
	const issues = error instanceof EnergyError ? error.details.issues : undefined;
	if (!Array.isArray(issues)) return [];
	return issues.slice(0, MOST_LINES).flatMap((issue: unknown) => {
		if (typeof issue !== "object" || issue === null || !("code" in issue)) return [];
		// Some say it themselves, with the line of the file they stand in.
		const own = "text" in issue ? (issue.text as Partial<Record<Language, unknown>> | null) : null;
		if (typeof own?.[language] === "string") return [own[language]];
		return [text(String(issue.code), issue as Record<string, unknown>, language)];
	});
}
