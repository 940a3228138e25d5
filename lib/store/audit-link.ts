import { createHmac } from "node:crypto";

/** What the first link hangs on. */
export const firstLink = "";

/**
 * The link of a record: HMAC-SHA-256, by the key of the chain, of the link before it, its number and its text. A record
 * that is changed, taken out, moved or put in makes this and every later link wrong.
 */
export function auditLink(key: string, before: string, sequence: number, text: string): string {
	return createHmac("sha256", key).update(`${before}\n${sequence}\n${text}`).digest("base64url");
}
