import { EnergyError } from "../../errors.ts";
import type { DocumentsQuery, JournalQuery, Page } from "../store.ts";
import { cursorOf, limitOf, positionOf } from "./cursor.ts";
import type { Database, Row } from "./database.ts";
import type { TextChange, TextDocument } from "./protocol.ts";

/** Documents and their journals in the file; the transaction around each call is the engine's. */
export class Documents {
	readonly #database: Database;

	constructor(database: Database) {
		this.#database = database;
	}

	/** @throws EnergyError `store.changed` before anything is written */
	save({ site, kind, put, remove, journal, expect }: TextChange): void {
		for (const expected of expect) {
			const found = this.get({ site, kind: expected.kind, id: expected.id });
			const same = (found?.json ?? null) === expected.json;
			if (same && (expected.atMs === null || found?.atMs === expected.atMs)) continue;
			throw new EnergyError("store.changed", { kind: expected.kind, id: expected.id });
		}
		for (const { id, atMs, json } of put) {
			this.#database.run(
				`INSERT INTO documents (site, kind, name, at_ms, value) VALUES (?, ?, ?, ?, ?)
					ON CONFLICT (site, kind, name) DO UPDATE SET at_ms = excluded.at_ms, value = excluded.value`,
				site,
				kind,
				id,
				atMs,
				json,
			);
		}
		for (const id of remove) {
			this.#database.run("DELETE FROM documents WHERE site = ? AND kind = ? AND name = ?", site, kind, id);
		}
		for (const { id, atMs, json } of journal) {
			this.#database.run(
				"INSERT INTO journal (site, kind, subject, at_ms, value) VALUES (?, ?, ?, ?, ?)",
				site,
				kind,
				id,
				atMs,
				json,
			);
		}
	}

	dropJournalBefore({ site, kind, beforeMs }: { site: string; kind: string; beforeMs: number }): number {
		return this.#database.run(
			"DELETE FROM journal WHERE site = ? AND kind = ? AND at_ms < ?",
			site,
			kind,
			Math.floor(beforeMs),
		);
	}

	get({ site, kind, id }: { site: string; kind: string; id: string }): TextDocument | null {
		const row = this.#database.get(
			"SELECT id, name, at_ms, value FROM documents WHERE site = ? AND kind = ? AND name = ?",
			site,
			kind,
			id,
		);
		return row ? textDocument(row) : null;
	}

	list(query: DocumentsQuery): Page<TextDocument> {
		return this.#page("documents", "name", "site = ?4 AND kind = ?5", query, [query.site, query.kind]);
	}

	journal(query: JournalQuery): Page<TextDocument> {
		const { site, kind, subject, fromMs = 0, toMs = Number.MAX_SAFE_INTEGER } = query;
		const where = "site = ?4 AND kind = ?5 AND at_ms >= ?6 AND at_ms < ?7";
		const values = [site, kind, Math.ceil(fromMs), Math.ceil(toMs)];
		if (subject === undefined) return this.#page("journal", "subject", where, query, values);
		return this.#page("journal", "subject", `${where} AND subject = ?8`, query, [...values, subject]);
	}

	/** One page in the order of time; `where` uses the places from ?4 on. */
	#page(
		table: "documents" | "journal",
		name: "name" | "subject",
		where: string,
		{ order = "desc", limit: wanted, cursor }: DocumentsQuery | JournalQuery,
		values: readonly (string | number)[],
	): Page<TextDocument> {
		const limit = limitOf(wanted);
		const [comparison, direction, edge] =
			order === "asc" ? [">", "ASC", Number.MIN_SAFE_INTEGER] : ["<", "DESC", Number.MAX_SAFE_INTEGER];
		const after = cursor === undefined ? { timeMs: edge, id: edge } : positionOf(cursor, order);
		const rows = this.#database.all(
			`SELECT id, ${name} AS name, at_ms, value FROM ${table}
				WHERE (at_ms, id) ${comparison} (?1, ?2) AND ${where}
				ORDER BY at_ms ${direction}, id ${direction} LIMIT ?3`,
			after.timeMs,
			after.id,
			limit + 1,
			...values,
		);
		const last = rows.length > limit ? rows[limit - 1] : undefined;
		return {
			items: rows.slice(0, limit).map(textDocument),
			...(last ? { nextCursor: cursorOf({ timeMs: Number(last.at_ms), id: Number(last.id) }, order) } : {}),
		};
	}
}

function textDocument(row: Row): TextDocument {
	return { id: String(row.name), atMs: Number(row.at_ms), json: String(row.value) };
}
