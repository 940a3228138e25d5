import { EnergyError } from "../../errors.ts";
import type { Database } from "./database.ts";

/** Figures of one machine over a span; the same in each roll-up. */
const figures = `
	energy_kwh REAL NOT NULL, estimated_kwh REAL NOT NULL, mean_kw REAL NOT NULL, max_kw REAL NOT NULL,
	min_kw REAL NOT NULL, coverage REAL NOT NULL, span_ms INTEGER NOT NULL, quality INTEGER NOT NULL,
	samples INTEGER NOT NULL`;

/**
 * Steps from an empty file to today's schema; each runs once, in its own transaction. Never change one that was
 * released: add the next. Times are epoch milliseconds, UTC; quality, state and reason are codes of lib/store/columns.ts.
 */
const steps: readonly string[] = [
	`
	CREATE TABLE sites (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, time_zone TEXT NOT NULL) STRICT;
	CREATE TABLE machines (
		id INTEGER PRIMARY KEY,
		site INTEGER NOT NULL REFERENCES sites (id),
		name TEXT NOT NULL,
		rollover_kwh REAL,
		-- Newest reading that carries a counter; older ones are looked for only where one can be.
		counter_ms INTEGER,
		UNIQUE (site, name)
	) STRICT;
	-- Raw readings lie in one table a month (UTC), readings_2026_11 and so on, made when the first reading comes.
	CREATE TABLE partitions (
		name TEXT PRIMARY KEY, start_ms INTEGER NOT NULL UNIQUE, end_ms INTEGER NOT NULL, readings INTEGER NOT NULL DEFAULT 0
	) STRICT;
	-- source: 0 computed from readings, 1 imported, which stands above it, 2 computed from readings dropped since.
	CREATE TABLE quarters (
		machine INTEGER NOT NULL, start_ms INTEGER NOT NULL, ${figures}, source INTEGER NOT NULL DEFAULT 0,
		PRIMARY KEY (machine, start_ms)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE hours (
		machine INTEGER NOT NULL, start_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL, ${figures},
		PRIMARY KEY (machine, start_ms)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE days (
		machine INTEGER NOT NULL, start_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL, ${figures},
		PRIMARY KEY (machine, start_ms)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE quarantine (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		at_ms INTEGER NOT NULL, site TEXT NOT NULL, machine TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
		source TEXT NOT NULL, payload TEXT NOT NULL
	) STRICT;
	CREATE INDEX quarantine_by_time ON quarantine (at_ms, id);
	CREATE TABLE quarantine_counts (reason TEXT PRIMARY KEY, rejected INTEGER NOT NULL) STRICT;
	`,
	// Not WITHOUT ROWID: a value may be large, and a page of names should not carry it along.
	`
	CREATE TABLE documents (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		site TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, at_ms INTEGER NOT NULL, value TEXT NOT NULL,
		UNIQUE (site, kind, name)
	) STRICT;
	CREATE INDEX documents_by_time ON documents (site, kind, at_ms, id);
	CREATE TABLE journal (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		site TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, at_ms INTEGER NOT NULL, value TEXT NOT NULL
	) STRICT;
	CREATE INDEX journal_by_time ON journal (site, kind, at_ms, id);
	CREATE INDEX journal_by_subject ON journal (site, kind, subject, at_ms, id);
	`,
	// What is searched for is taken from the text that the link stands for: it can't say anything else.
	`
	CREATE TABLE audit (
		sequence INTEGER PRIMARY KEY,
		entry TEXT NOT NULL,
		link TEXT NOT NULL,
		id TEXT GENERATED ALWAYS AS (json_extract(entry, '$.id')) VIRTUAL,
		at_ms INTEGER GENERATED ALWAYS AS (json_extract(entry, '$.atMs')) VIRTUAL,
		who TEXT GENERATED ALWAYS AS (json_extract(entry, '$.who')) VIRTUAL,
		what TEXT GENERATED ALWAYS AS (json_extract(entry, '$.what')) VIRTUAL,
		target TEXT GENERATED ALWAYS AS (json_extract(entry, '$.target')) VIRTUAL,
		site TEXT GENERATED ALWAYS AS (json_extract(entry, '$.site')) VIRTUAL
	) STRICT;
	CREATE UNIQUE INDEX audit_by_id ON audit (id);
	CREATE INDEX audit_by_time ON audit (at_ms, sequence);
	CREATE INDEX audit_by_who ON audit (who, sequence);
	CREATE INDEX audit_by_what ON audit (what, sequence);
	CREATE INDEX audit_by_target ON audit (target, sequence);
	CREATE TRIGGER audit_stands BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit only grows'); END;
	CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit only grows'); END;
	`,
];

/** The columns of one month of raw readings, after machine and time. */
export const readingColumns = [
	"power_kw",
	"energy_kwh",
	"power_factor",
	"reactive_power_kvar",
	"voltage_v",
	"current_a",
	"frequency_hz",
	"temperature_c",
	"production_count",
	"state",
	"reason",
	"quality",
] as const;

export function partitionSchema(name: string): string {
	const reals = readingColumns.slice(0, 9).map((column) => `${column} REAL`);
	return `CREATE TABLE ${name} (machine INTEGER NOT NULL, time_ms INTEGER NOT NULL, ${reals.join(", ")},
		state INTEGER, reason INTEGER, quality INTEGER NOT NULL DEFAULT 0,
		PRIMARY KEY (machine, time_ms)) STRICT, WITHOUT ROWID`;
}

/**
 * Brings the file to today's schema. The write lock is taken before the version is read, so of two processes that start
 * at once one migrates and the other finds it done.
 *
 * @throws EnergyError `store.newer-schema` when a newer release has already migrated the file
 */
export function migrate(database: Database): void {
	database.transaction("IMMEDIATE", () => {
		database.exec(
			"CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, applied_ms INTEGER NOT NULL) STRICT",
		);
		const found = Number(database.get("SELECT coalesce(max(version), 0) AS version FROM schema_versions")?.version);
		if (found > steps.length) {
			throw new EnergyError("store.newer-schema", { path: database.path, found, known: steps.length });
		}
		for (const [index, step] of steps.entries()) {
			if (index < found) continue;
			database.exec(step);
			database.run("INSERT INTO schema_versions (version, applied_ms) VALUES (?, ?)", index + 1, Date.now());
		}
	});
}
