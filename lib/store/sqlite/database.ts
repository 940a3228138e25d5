import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { syncFolderNow } from "../../atomic-file.ts";
import { EnergyError } from "../../errors.ts";
import { migrate } from "./migrations.ts";

/** How long one process waits for another's transaction before it gives up, ms. */
const BUSY_TIMEOUT_MS = 10_000;

export type Row = Record<string, SQLOutputValue>;

/** A connection with its prepared statements and its transactions. */
export class Database {
	readonly path: string;
	readonly connection: DatabaseSync;
	#statements = new Map<string, StatementSync>();

	private constructor(path: string, connection: DatabaseSync) {
		this.path = path;
		this.connection = connection;
	}

	/**
	 * Opens the file, makes its folder and brings its schema up to date.
	 *
	 * WAL lets readers and the writer work side by side. `FULL` syncs the log at each commit, so that what was acknowledged
	 * survives a power cut; `NORMAL` survives only a killed process.
	 *
	 * @throws EnergyError `store.not-writable`, `store.newer-schema`; SQLite's own errors for a corrupt or busy file
	 */
	static openForWriting(path: string, synchronous: "FULL" | "NORMAL"): Database {
		if (path !== ":memory:") prepareFolder(path);
		const connection = new DatabaseSync(path);
		try {
			const database = new Database(path, connection);
			database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
			database.exec(`PRAGMA synchronous = ${synchronous}`);
			// Small enough for an edge computer, large enough to keep the leaves that are being written.
			database.exec("PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000");
			database.exec("PRAGMA journal_size_limit = 67108864");
			// Where fsync leaves data in the drive's cache (macOS), this one does not; elsewhere it changes nothing.
			if (synchronous === "FULL") database.exec("PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON");
			database.exec("PRAGMA journal_mode = WAL");
			migrate(database);
			return database;
		} catch (error) {
			connection.close();
			throw error;
		}
	}

	/** A second connection that sees what is committed and changes nothing. */
	static openForReading(path: string): Database {
		const connection = new DatabaseSync(path, { readOnly: true });
		connection.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
		connection.exec("PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 268435456");
		return new Database(path, connection);
	}

	exec(sql: string): void {
		this.connection.exec(sql);
	}

	/** The prepared statement of this text, prepared once. */
	statement(sql: string): StatementSync {
		let statement = this.#statements.get(sql);
		if (!statement) {
			if (this.#statements.size > 2_000) this.#statements.clear();
			statement = this.connection.prepare(sql);
			this.#statements.set(sql, statement);
		}
		return statement;
	}

	get(sql: string, ...values: SQLInputValue[]): Row | undefined {
		return this.statement(sql).get(...values);
	}

	all(sql: string, ...values: SQLInputValue[]): Row[] {
		return this.statement(sql).all(...values);
	}

	/** The rows of a query of two numbers, as pairs: points of a line. */
	pairs(sql: string, ...values: SQLInputValue[]): [number, number][] {
		const statement = this.connection.prepare(sql);
		// Three times as fast as objects; Node.js before 22.16 doesn't have it.
		if (typeof statement.setReturnArrays === "function") {
			statement.setReturnArrays(true);
			return statement.all(...values) as unknown as [number, number][];
		}
		return statement.all(...values).map((row) => Object.values(row) as [number, number]);
	}

	run(sql: string, ...values: SQLInputValue[]): number {
		return Number(this.statement(sql).run(...values).changes);
	}

	/** Changes when another connection has committed to the file. */
	dataVersion(): number {
		return Number(this.get("PRAGMA data_version")?.data_version);
	}

	/** Runs the work in one transaction: all of it is committed, or nothing. */
	transaction<T>(kind: "IMMEDIATE" | "DEFERRED", work: () => T): T {
		this.statement(`BEGIN ${kind}`).run();
		try {
			const result = work();
			this.statement("COMMIT").run();
			return result;
		} catch (error) {
			try {
				this.exec("ROLLBACK");
			} catch {
				// SQLite has rolled back by itself (a full disk, a failed read): the first error is the one to tell.
			}
			throw error;
		}
	}

	close(): void {
		this.#statements.clear();
		this.connection.close();
	}
}

function prepareFolder(path: string): void {
	const folder = dirname(path);
	try {
		// SQLite syncs the folder of its files; the one above must know the folder.
		if (mkdirSync(folder, { recursive: true }) !== undefined) syncFolderNow(dirname(folder));
		accessSync(folder, constants.W_OK);
		if (existsSync(path)) accessSync(path, constants.W_OK);
	} catch (cause) {
		throw new EnergyError(
			"store.not-writable",
			{ path, message: cause instanceof Error ? cause.message : String(cause) },
			{ cause },
		);
	}
}
