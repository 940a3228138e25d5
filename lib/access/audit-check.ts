import { timingSafeEqual } from "node:crypto";
import { auditLink, firstLink } from "../store/audit-link.ts";
import type { AuditEntry, AuditHead, Store } from "../store/store.ts";

export interface AuditVerdict {
	entries: number;
	/** The last sound link: written down elsewhere, it shows later whether the end was cut off. */
	head: string;
	/** The first entry that is not what was written; absent where the chain is whole. */
	broken?: { sequence: number; reason: "changed" | "missing" };
}

/**
 * Goes through the whole chain, oldest first.
 *
 * @param known how far it had come at least
 */
export async function verifyAudit(
	store: Pick<Store, "audit">,
	key: string,
	known: AuditHead = { sequence: 0, link: "" },
): Promise<AuditVerdict> {
	let head = firstLink;
	let entries = 0;
	let cursor: string | undefined;
	do {
		const page = await store.audit({ order: "asc", limit: 5_000, ...(cursor === undefined ? {} : { cursor }) });
		for (const entry of page.items) {
			if (entry.sequence !== entries + 1)
				return { entries, head, broken: { sequence: entries + 1, reason: "missing" } };
			const sound = isSound(entry, key, head) && (entry.sequence !== known.sequence || entry.link === known.link);
			if (!sound) return { entries, head, broken: { sequence: entry.sequence, reason: "changed" } };
			head = entry.link;
			entries++;
		}
		cursor = page.nextCursor;
	} while (cursor !== undefined);
	if (entries < known.sequence) return { entries, head, broken: { sequence: entries + 1, reason: "missing" } };
	return { entries, head };
}

function isSound({ sequence, link, text }: AuditEntry, key: string, before: string): boolean {
	const expected = Buffer.from(auditLink(key, before, sequence, text));
	const actual = Buffer.from(link);
	return expected.length === actual.length && timingSafeEqual(expected, actual);
}
