import { language, t } from "../shell.ts";
import { ref } from "../vue.ts";

/** What the cards of access show, as the API answers it: see `User`, `ApiKey`, `AuditEntry`, `Session` in openapi.yaml. */

export type Role = "viewer" | "operator" | "engineer" | "admin";
export const roles: readonly Role[] = ["viewer", "operator", "engineer", "admin"];

export interface Grants {
	/** Everywhere that `sites` does not name. */
	role: Role | null;
	sites: Readonly<Record<string, Role>>;
}

export interface User extends Grants {
	name: string;
	mustChangePassword: boolean;
	disabled: boolean;
	lastSignInAt?: string | null;
	lockedUntil?: string | null;
}

export interface ApiKey extends Grants {
	id: string;
	name: string;
	createdBy: string;
	createdAt: string;
	expiresAt: string | null;
	lastUsedAt: string | null;
}

export interface Session {
	id: string;
	kind: "browser" | "program";
	startedAt: string;
	from: string | null;
	agent: string | null;
	current: boolean;
}

export interface AuditEntry {
	sequence: number;
	time: string;
	who: string;
	what: string;
	target: string | null;
	site: string | null;
	status: number | null;
	before: unknown;
	after: unknown;
	request: unknown;
	from: string | null;
	note?: string;
	count?: number;
}

export interface Verdict {
	whole: boolean;
	entries: number;
	broken: { sequence: number; reason: "changed" | "missing" } | null;
}

export interface Done<T> {
	ok: boolean;
	/** What came, where it was done. */
	body: T | null;
	/** Why not, for a person. */
	message: string;
	headers: Headers | null;
}

/** Where this server's pages are mounted. */
export const base = (): string => window.location.pathname.split("/dashboard", 1)[0] ?? "";

/** Leads to the page on which one chooses a password, and back to this one. */
export const passwordPage = (): string =>
	`${base()}/login/password?${new URLSearchParams({ lang: language.value, next: window.location.pathname })}`;

/** Counts what these pages changed: who shows a list that it belongs to loads it again. */
export const changes = ref(0);

/**
 * Asks the API by the session of this page: rights, rules and the audit are its own, the same for every program.
 *
 * @param accept another form than JSON; the body is its text then
 */
export async function call<T>(method: string, path: string, given?: object, accept?: string): Promise<Done<T>> {
	const none = { ok: false, body: null, headers: null };
	try {
		const answer = await fetch(`${base()}/api/v1${path}`, {
			method,
			headers: {
				accept: accept ?? "application/json",
				"accept-language": language.value,
				...(given ? { "content-type": "application/json" } : {}),
			},
			...(given ? { body: JSON.stringify(given) } : {}),
		});
		// Signed out meanwhile, here or elsewhere.
		if (answer.status === 401) {
			window.location.assign(`${base()}/login?${new URLSearchParams({ next: window.location.pathname })}`);
			return { ...none, message: t("access.signed-out") };
		}
		const text = await answer.text();
		if (!answer.ok) return { ...none, message: reasonIn(text) };
		if (method !== "GET") changes.value++;
		const body = (text === "" ? null : accept ? text : JSON.parse(text)) as T | null;
		return { ok: true, body, message: "", headers: answer.headers };
	} catch {
		return { ...none, message: t("access.unanswered") };
	}
}

function reasonIn(text: string): string {
	try {
		const { detail } = JSON.parse(text) as { detail?: unknown };
		return typeof detail === "string" ? detail : t("access.unanswered");
	} catch {
		return t("access.unanswered");
	}
}

/** Letters and digits that can be read aloud. */
const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";

/** A password for the first time alone: 120 bits, made here so that no answer of the server holds it. */
export function temporaryPassword(): string {
	const bytes = crypto.getRandomValues(new Uint8Array(24));
	return Array.from(bytes, (byte, at) => (at > 0 && at % 6 === 0 ? "-" : "") + alphabet[byte % 32]).join("");
}
