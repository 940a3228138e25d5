import { EnergyError } from "../../errors.ts";
import type { Interval } from "../../telemetry/interval.ts";
import { LocalDays } from "../../telemetry/local-days.ts";
import type { Reading } from "../../telemetry/reading.ts";
import { buffersOf, decodeIntervals, decodeReadings, encodeIntervals, encodeReadings } from "../columns.ts";
import { packChange, unpackDocument } from "../documents.ts";
import type {
	AuditEntry,
	AuditHead,
	AuditQuery,
	AuditRecord,
	DocumentChange,
	DocumentsQuery,
	EnergyToday,
	IntervalsQuery,
	JournalEntry,
	JournalQuery,
	Page,
	QuarantineEntry,
	QuarantineQuery,
	ReadingsQuery,
	Series,
	SeriesQuery,
	SiteDefinition,
	Store,
	StoredDocument,
	StoreOptions,
	StoreStats,
	WriteOutcome,
} from "../store.ts";
import { EngineThread } from "./thread.ts";

const DEFAULT_BATCH = 10_000;
const MAX_PAYLOAD = 4096;

/**
 * The embedded engine: one SQLite file, a thread that writes and one that reads. The main thread only packs readings
 * into columns and hands them over.
 */
export class SqliteStore implements Store {
	readonly #writer: EngineThread;
	readonly #reader: EngineThread;

	private constructor(writer: EngineThread, reader: EngineThread) {
		this.#writer = writer;
		this.#reader = reader;
	}

	/** @param path of the file, or `:memory:`, which has no reader of its own */
	static async open(path: string, options: StoreOptions): Promise<SqliteStore> {
		const batchSize = options.batchSize ?? DEFAULT_BATCH;
		if (!Number.isInteger(batchSize) || batchSize < 1) {
			throw new EnergyError("store.bad-query", {
				field: "batchSize",
				value: batchSize,
				rule: "a whole number ≥ 1",
			});
		}
		const synchronous = options.durability === "process" ? "NORMAL" : "FULL";
		const start = async (role: "writer" | "reader"): Promise<EngineThread> => {
			const thread = new EngineThread({ path, role, batchSize, synchronous });
			try {
				await thread.ready;
			} catch (error) {
				await thread.close();
				throw error;
			}
			return thread;
		};
		const writer = await start("writer");
		return new SqliteStore(writer, path === ":memory:" ? writer : await start("reader"));
	}

	async defineSite({ id, timeZone, machines }: SiteDefinition): Promise<void> {
		try {
			new LocalDays(timeZone);
		} catch (cause) {
			throw new EnergyError("store.bad-site", { field: "timeZone", value: timeZone }, { cause });
		}
		const counters = machines?.map(({ id, rules }) => ({
			id,
			rules: { counterRolloverKwh: rules?.counterRolloverKwh },
		}));
		await this.#writer.ask("defineSite", { id, timeZone, machines: counters });
	}

	async write(readings: readonly Reading[]): Promise<WriteOutcome> {
		if (readings.length === 0) return { inserted: 0, duplicates: 0, replaced: 0 };
		const columns = encodeReadings(readings);
		return this.#writer.ask("write", columns, buffersOf(columns));
	}

	async writeIntervals(intervals: readonly Interval[]): Promise<WriteOutcome> {
		if (intervals.length === 0) return { inserted: 0, duplicates: 0, replaced: 0 };
		const columns = encodeIntervals(intervals);
		return this.#writer.ask("writeIntervals", columns, buffersOf(columns));
	}

	async quarantine(entries: readonly QuarantineEntry[]): Promise<void> {
		if (entries.length === 0) return;
		const cut = entries.map((entry) => ({ ...entry, payload: entry.payload.slice(0, MAX_PAYLOAD) }));
		await this.#writer.ask("quarantine", cut);
	}

	async latest(site: string): Promise<Reading[]> {
		return decodeReadings(await this.#reader.ask("latest", site));
	}

	async readings(query: ReadingsQuery): Promise<Page<Reading>> {
		const { columns, ...rest } = await this.#reader.ask("readings", query);
		return { items: decodeReadings(columns), ...rest };
	}

	async intervals(query: IntervalsQuery): Promise<Page<Interval>> {
		const { columns, ...rest } = await this.#reader.ask("intervals", query);
		return { items: decodeIntervals(columns), ...rest };
	}

	async series(query: SeriesQuery): Promise<Series[]> {
		const lines = await this.#reader.ask("series", query);
		return lines.map(({ machine, timeMs, value }) => ({
			machine,
			timesMs: Array.from(timeMs),
			values: Array.from(value, (at) => (Number.isNaN(at) ? null : at)),
		}));
	}

	energySince(site: string, fromMs: number, nowMs: number): Promise<EnergyToday[]> {
		return this.#reader.ask("energySince", { site, fromMs, nowMs });
	}

	quarantined(query: QuarantineQuery): Promise<Page<QuarantineEntry>> {
		return this.#reader.ask("quarantined", query);
	}

	async stats(): Promise<StoreStats> {
		const waiting = this.#writer.depth + (this.#reader === this.#writer ? 0 : this.#reader.depth);
		return { ...(await this.#reader.ask("stats", null)), queueDepth: waiting };
	}

	async saveDocuments(change: DocumentChange): Promise<void> {
		const packed = packChange(change);
		if (packed.put.length + packed.remove.length + packed.journal.length === 0) return;
		await this.#writer.ask("saveDocuments", packed);
	}

	async document(site: string, kind: string, id: string): Promise<StoredDocument | undefined> {
		const found = await this.#reader.ask("document", { site, kind, id });
		return found ? unpackDocument(found) : undefined;
	}

	async documents(query: DocumentsQuery): Promise<Page<StoredDocument>> {
		const page = await this.#reader.ask("documents", query);
		return { ...page, items: page.items.map(unpackDocument) };
	}

	async journal(query: JournalQuery): Promise<Page<JournalEntry>> {
		const page = await this.#reader.ask("journal", query);
		const items = page.items.map(unpackDocument).map(({ id, atMs, value }) => ({ subject: id, atMs, value }));
		return { ...page, items };
	}

	dropJournalBefore(site: string, kind: string, beforeMs: number): Promise<{ entries: number }> {
		return this.#writer.ask("dropJournalBefore", { site, kind, beforeMs });
	}

	appendAudit(records: readonly AuditRecord[], key: string): Promise<AuditHead> {
		const packed = records.map((record) => ({ id: record.id, text: JSON.stringify(record) }));
		return this.#writer.ask("appendAudit", { records: packed, key });
	}

	async audit(query: AuditQuery): Promise<Page<AuditEntry>> {
		const page = await this.#reader.ask("audit", query);
		const items = page.items.map((entry) => ({ ...(JSON.parse(entry.text) as AuditRecord), ...entry }));
		return { ...page, items };
	}

	dropReadingsBefore(beforeMs: number): Promise<{ partitions: number }> {
		return this.#writer.ask("dropReadingsBefore", beforeMs);
	}

	async close(): Promise<void> {
		if (this.#reader !== this.#writer) await this.#reader.close();
		await this.#writer.close();
	}
}
