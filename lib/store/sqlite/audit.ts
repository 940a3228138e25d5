import { auditLink, firstLink } from "../audit-link.ts";
import type { AuditHead, AuditQuery, Page } from "../store.ts";
import { cursorOf, limitOf, positionOf } from "./cursor.ts";
import type { Database, Row } from "./database.ts";
import type { TextAudit, TextAuditEntry } from "./protocol.ts";

/** The chain in the file; the transaction around each call is the engine's, and with it the place in the chain. */
export class AuditChain {
	readonly #database: Database;

	constructor(database: Database) {
		this.#database = database;
	}

	append({ records, key }: TextAudit): AuditHead {
		const last = this.#database.get("SELECT sequence, link FROM audit ORDER BY sequence DESC LIMIT 1");
		let sequence = Number(last?.sequence ?? 0);
		let before = last ? String(last.link) : firstLink;
		for (const { id, text } of records) {
			if (this.#database.get("SELECT 1 FROM audit WHERE id = ?", id)) continue;
			const link = auditLink(key, before, ++sequence, text);
			this.#database.run("INSERT INTO audit (sequence, entry, link) VALUES (?, ?, ?)", sequence, text, link);
			before = link;
		}
		return { sequence, link: before };
	}

	list(query: AuditQuery): Page<TextAuditEntry> {
		const { fromMs, toMs, order = "desc", cursor } = query;
		const limit = limitOf(query.limit);
		const where: string[] = [];
		const values: (string | number)[] = [];
		const only = (condition: string, value: string | number | undefined): void => {
			if (value === undefined) return;
			where.push(condition);
			values.push(value);
		};
		only("who = ?", query.who);
		for (const [column, wanted] of Object.entries({ what: query.what, target: query.target })) {
			if (wanted?.endsWith("*")) {
				where.push(`${column} >= ? AND ${column} < ?`);
				values.push(wanted.slice(0, -1), `${wanted.slice(0, -1)}\u{10ffff}`);
			} else only(`${column} = ?`, wanted);
		}
		only("site = ?", query.site);
		only("sequence = ?", query.sequence);
		only("at_ms >= ?", fromMs === undefined ? undefined : Math.ceil(fromMs));
		only("at_ms < ?", toMs === undefined ? undefined : Math.ceil(toMs));
		only(
			order === "asc" ? "sequence > ?" : "sequence < ?",
			cursor === undefined ? undefined : positionOf(cursor, order).id,
		);
		const rows = this.#database.all(
			`SELECT sequence, entry, link FROM audit ${where.length > 0 ? `WHERE ${where.join(" AND ")}` : ""}
				ORDER BY sequence ${order === "asc" ? "ASC" : "DESC"} LIMIT ?`,
			...values,
			limit + 1,
		);
		const last = rows.length > limit ? rows[limit - 1] : undefined;
		return {
			items: rows.slice(0, limit).map(entryOf),
			...(last ? { nextCursor: cursorOf({ timeMs: 0, id: Number(last.sequence) }, order) } : {}),
		};
	}
}

function entryOf(row: Row): TextAuditEntry {
	return { sequence: Number(row.sequence), text: String(row.entry), link: String(row.link) };
}
