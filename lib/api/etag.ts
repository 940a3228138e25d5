import { createHash } from "node:crypto";
import { EnergyError } from "../errors.ts";

/** When an answer was made says nothing about what it says. */
const passing = new Set(["time", "created"]);

/**
 * The tag of a representation. It is a weak one: the same facts have the same tag, whatever the moment of the answer and
 * its compression.
 */
export function etagOf(body: unknown): string {
	const plain = typeof body === "string" || Buffer.isBuffer(body);
	const text = plain ? body : JSON.stringify(body, (key, value) => (passing.has(key) ? undefined : value));
	return `W/"${createHash("sha1").update(text).digest("base64url")}"`;
}

/** Whether a header of tags (If-Match, If-None-Match) names this one, by the weak comparison of RFC 9110, 8.8.3.2. */
export function namesTag(header: string | undefined, etag: string): boolean {
	if (header === undefined) return false;
	if (header.trim() === "*") return true;
	const bare = (tag: string): string => tag.trim().replace(/^W\//, "");
	return header.split(",").some((tag) => bare(tag) === bare(etag));
}

/**
 * Before a document is changed: refuses to write over what somebody else wrote since it was read. Who sends no `If-Match`
 * writes whatever is there.
 *
 * @param header the request's `If-Match`
 * @param current what GET of the document would answer now
 * @throws EnergyError `api.changed-meanwhile` (412)
 */
export function checkIfMatch(header: string | undefined, current: object): void {
	const etag = etagOf(current);
	if (header === undefined || namesTag(header, etag)) return;
	throw new EnergyError("api.changed-meanwhile", { header: "If-Match", value: header.slice(0, 300), etag });
}
