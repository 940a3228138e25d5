import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { EnergyError } from "../errors.ts";

const schema = `
	CREATE TABLE IF NOT EXISTS sign_ins (
		id TEXT PRIMARY KEY, user TEXT NOT NULL, turn INTEGER NOT NULL, until_ms INTEGER NOT NULL, ended INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
	CREATE INDEX IF NOT EXISTS sign_ins_by_end ON sign_ins (until_ms);
	CREATE TABLE IF NOT EXISTS attempts (
		id TEXT PRIMARY KEY, failures INTEGER NOT NULL, last_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;
	CREATE INDEX IF NOT EXISTS attempts_by_time ON attempts (last_ms);
	CREATE TABLE IF NOT EXISTS uses (id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** What tables of earlier versions lack. */
const added: readonly (readonly [table: string, column: string, type: string])[] = [
	["sign_ins", "started_ms", "INTEGER NOT NULL DEFAULT 0"],
	["sign_ins", "rights", "INTEGER NOT NULL DEFAULT 0"],
	["sign_ins", "kind", "TEXT NOT NULL DEFAULT ''"],
	["sign_ins", "address", "TEXT NOT NULL DEFAULT ''"],
	["sign_ins", "agent", "TEXT NOT NULL DEFAULT ''"],
	["attempts", "name", "TEXT NOT NULL DEFAULT ''"],
];
const indexes = `
	CREATE INDEX IF NOT EXISTS sign_ins_by_user ON sign_ins (user);
	CREATE INDEX IF NOT EXISTS attempts_by_name ON attempts (name);
`;

/** Most rows of failed attempts: whoever invents names costs disk only up to a bound. */
const ATTEMPTS_AT_MOST = 50_000;
const LONGEST_AGENT = 300;

export interface Attempts {
	failures: number;
	lastMs: number;
	untilMs: number;
}

/** Somebody's sign-in that is still good for something. */
export interface SignIn {
	/** As in the claims of its tokens. */
	id: string;
	/** A browser holds a cookie, a program an access token. */
	kind: "browser" | "program";
	startedMs: number;
	untilMs: number;
	/** Where it was begun. */
	address: string;
	/** The program, as it named itself. */
	agent: string;
}

/** A sign-in as it begins, or goes on under a later end. */
export interface NewSignIn extends SignIn {
	user: string;
	/** `changedMs` of the user: once that moves on, the sign-in is worth nothing. */
	rights: number;
}

/**
 * What has to outlive a restart and is shared by the processes of one home: sign-ins that were ended or can be renewed,
 * failed attempts, and when keys were last used. A small SQLite file beside the secrets: a write takes 50 µs, and two
 * processes can't undo each other's.
 */
export class Ledger {
	readonly #database: DatabaseSync;
	readonly #statements = new Map<string, StatementSync>();
	#tidiedMs = 0;

	/** @throws EnergyError `access.users-damaged` for a file that can't be read */
	constructor(home: string) {
		const folder = join(home, "secrets");
		const path = join(folder, "sessions.db");
		mkdirSync(folder, { recursive: true, mode: 0o700 });
		const mask = process.umask(0o077);
		try {
			this.#database = new DatabaseSync(path);
			// A power cut may cost the last moment's entries: a refresh is then asked for again by name and password.
			this.#database.exec("PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
			this.#database.exec(schema);
			this.#addColumns();
		} catch (error) {
			throw new EnergyError("access.users-damaged", { file: path }, { cause: error });
		} finally {
			process.umask(mask);
		}
	}

	/**
	 * Notes a sign-in. One that is known goes on until its new end; one that was ended stays so.
	 */
	begin({ id, user, untilMs, startedMs, rights, kind, address, agent }: NewSignIn, nowMs: number): void {
		this.#tidy(nowMs);
		this.#run(
			`INSERT INTO sign_ins (id, user, turn, until_ms, ended, started_ms, rights, kind, address, agent)
				VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?)
				ON CONFLICT (id) DO UPDATE SET until_ms = max(until_ms, excluded.until_ms), rights = excluded.rights`,
			...[id, user],
			// Only what a program holds is renewed turn by turn.
			kind === "program" ? 1 : 0,
			...[untilMs, startedMs, rights, kind, address, agent.slice(0, LONGEST_AGENT)],
		);
	}

	/** The sign-ins of a user that are still good, newest first. */
	signIns(user: string, rights: number, nowMs: number): SignIn[] {
		const rows = this.#statement(
			`SELECT id, kind, started_ms, until_ms, address, agent FROM sign_ins
				WHERE user = ? AND rights = ? AND ended = 0 AND until_ms > ? ORDER BY started_ms DESC, id`,
		).all(user, rights, nowMs);
		return rows.map(({ id, kind, started_ms, until_ms, address, agent }) => ({
			id: String(id),
			kind: kind === "browser" ? "browser" : "program",
			startedMs: Number(started_ms),
			untilMs: Number(until_ms),
			address: String(address),
			agent: String(agent),
		}));
	}

	/**
	 * Moves a sign-in on by one turn where `turn` is the one it stands at.
	 *
	 * @returns `moved`; `used` where that turn is over, so that somebody holds a copy; `ended` where there is nothing left
	 */
	turn(id: string, turn: number, untilMs: number): "moved" | "used" | "ended" {
		const moved = this.#run(
			"UPDATE sign_ins SET turn = turn + 1, until_ms = ? WHERE id = ? AND turn = ? AND ended = 0",
			untilMs,
			id,
			turn,
		);
		if (moved > 0) return "moved";
		const row = this.#get("SELECT ended FROM sign_ins WHERE id = ?", id);
		return row && row.ended === 0 ? "used" : "ended";
	}

	/** Ends a sign-in; `untilMs` is when its last token would have ended by itself. */
	end(id: string, user: string, untilMs: number, nowMs: number): void {
		this.#tidy(nowMs);
		this.#run(
			`INSERT INTO sign_ins (id, user, turn, until_ms, ended) VALUES (?, ?, 0, ?, 1)
				ON CONFLICT (id) DO UPDATE SET ended = 1, until_ms = max(until_ms, excluded.until_ms)`,
			id,
			user,
			untilMs,
		);
	}

	isEnded(id: string): boolean {
		return this.#get("SELECT ended FROM sign_ins WHERE id = ?", id)?.ended === 1;
	}

	attempts(key: string): Attempts | undefined {
		const row = this.#get("SELECT failures, last_ms, until_ms FROM attempts WHERE id = ?", digest(key));
		return row && { failures: Number(row.failures), lastMs: Number(row.last_ms), untilMs: Number(row.until_ms) };
	}

	/** @param name at which they were made; none for those of an address, whatever the name */
	noteAttempts(key: string, { failures, lastMs, untilMs }: Attempts, name = ""): void {
		this.#tidy(lastMs);
		this.#run(
			`INSERT INTO attempts (id, failures, last_ms, until_ms, name) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT (id) DO UPDATE SET failures = excluded.failures, last_ms = excluded.last_ms,
				until_ms = excluded.until_ms, name = excluded.name`,
			...[digest(key), failures, lastMs, untilMs, name === "" ? "" : digest(name)],
		);
	}

	/** Until when somebody has to wait who failed at this name; 0 where nobody does. */
	lockedUntilMs(name: string): number {
		return Number(
			this.#get("SELECT max(until_ms) AS until_ms FROM attempts WHERE name = ?", digest(name))?.until_ms ?? 0,
		);
	}

	forgetAttemptsAt(name: string): void {
		this.#run("DELETE FROM attempts WHERE name = ?", digest(name));
	}

	forgetAttempts(key: string): void {
		this.#run("DELETE FROM attempts WHERE id = ?", digest(key));
	}

	use(id: string, atMs: number): void {
		this.#run(
			"INSERT INTO uses (id, at_ms) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms",
			id,
			atMs,
		);
	}

	lastUseMs(id: string): number | null {
		const row = this.#get("SELECT at_ms FROM uses WHERE id = ?", id);
		return row ? Number(row.at_ms) : null;
	}

	forgetUse(id: string): void {
		this.#run("DELETE FROM uses WHERE id = ?", id);
	}

	close(): void {
		this.#statements.clear();
		this.#database.close();
	}

	/** Of two processes that start on one home at the same time, one adds them. */
	#addColumns(): void {
		this.#database.exec("BEGIN IMMEDIATE");
		try {
			for (const [table, column, type] of added) {
				const known = this.#database.prepare(`PRAGMA table_info(${table})`).all();
				if (!known.some(({ name }) => name === column)) {
					this.#database.exec(`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`);
				}
			}
			this.#database.exec(indexes);
			this.#database.exec("COMMIT");
		} catch (error) {
			this.#database.exec("ROLLBACK");
			throw error;
		}
	}

	#tidy(nowMs: number): void {
		if (Math.abs(nowMs - this.#tidiedMs) < 60_000) return;
		this.#tidiedMs = nowMs;
		this.#run("DELETE FROM sign_ins WHERE until_ms < ?", nowMs);
		this.#run("DELETE FROM attempts WHERE last_ms < ?", nowMs - 86_400_000);
		this.#run(
			"DELETE FROM attempts WHERE id IN (SELECT id FROM attempts ORDER BY last_ms DESC LIMIT -1 OFFSET ?)",
			ATTEMPTS_AT_MOST,
		);
	}

	#statement(sql: string): StatementSync {
		const known = this.#statements.get(sql) ?? this.#database.prepare(sql);
		this.#statements.set(sql, known);
		return known;
	}

	#get(sql: string, ...values: SQLInputValue[]): Record<string, unknown> | undefined {
		return this.#statement(sql).get(...values);
	}

	#run(sql: string, ...values: SQLInputValue[]): number {
		return Number(this.#statement(sql).run(...values).changes);
	}
}

/** A name that was typed may be a password in the wrong field: only its digest is kept. */
function digest(key: string): string {
	return createHash("sha256").update(key).digest("base64url");
}
