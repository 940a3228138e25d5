import type { IntervalColumns, ReadingColumns } from "../columns.ts";
import type {
	AuditHead,
	AuditQuery,
	DocumentsQuery,
	EnergyToday,
	IntervalsQuery,
	JournalQuery,
	Page,
	QuarantineEntry,
	QuarantineQuery,
	ReadingsQuery,
	SeriesQuery,
	SiteDefinition,
	StoreStats,
	WriteOutcome,
} from "../store.ts";

/** What the engine's thread is started with. */
export interface EngineData {
	path: string;
	/** The writer owns the file's schema; the reader has a connection of its own, so long reads never hold up writes. */
	role: "writer" | "reader";
	batchSize: number;
	synchronous: "FULL" | "NORMAL";
}

/** One page of rows as columns. */
export interface ColumnPage<T> {
	columns: T;
	nextCursor?: string;
}

/** A line of a chart; NaN is a gap. */
export interface SeriesColumns {
	machine: string;
	timeMs: Float64Array;
	value: Float64Array;
}

/** A document or a line of a journal with its value as JSON text: the thread moves it, only the caller's side reads it. */
export interface TextDocument {
	id: string;
	atMs: number;
	json: string;
}

export interface TextChange {
	site: string;
	kind: string;
	put: TextDocument[];
	remove: string[];
	/** Here `id` is the subject. */
	journal: TextDocument[];
	expect: ExpectedText[];
}

/** A document as it has to be; `json` null where there must be none. */
export interface ExpectedText {
	kind: string;
	id: string;
	json: string | null;
	atMs: number | null;
}

export interface TextAudit {
	records: { id: string; text: string }[];
	key: string;
}

export interface TextAuditEntry {
	sequence: number;
	text: string;
	link: string;
}

/** Every operation of the engine: its argument and its answer. */
export interface Operations {
	defineSite: { argument: SiteDefinition; answer: null };
	write: { argument: ReadingColumns; answer: WriteOutcome };
	writeIntervals: { argument: IntervalColumns; answer: WriteOutcome };
	quarantine: { argument: readonly QuarantineEntry[]; answer: null };
	latest: { argument: string; answer: ReadingColumns };
	readings: { argument: ReadingsQuery; answer: ColumnPage<ReadingColumns> };
	intervals: { argument: IntervalsQuery; answer: ColumnPage<IntervalColumns> };
	series: { argument: SeriesQuery; answer: SeriesColumns[] };
	energySince: { argument: { site: string; fromMs: number; nowMs: number }; answer: EnergyToday[] };
	quarantined: { argument: QuarantineQuery; answer: Page<QuarantineEntry> };
	stats: { argument: null; answer: Omit<StoreStats, "queueDepth"> };
	saveDocuments: { argument: TextChange; answer: null };
	document: { argument: { site: string; kind: string; id: string }; answer: TextDocument | null };
	documents: { argument: DocumentsQuery; answer: Page<TextDocument> };
	journal: { argument: JournalQuery; answer: Page<TextDocument> };
	dropJournalBefore: { argument: { site: string; kind: string; beforeMs: number }; answer: { entries: number } };
	appendAudit: { argument: TextAudit; answer: AuditHead };
	audit: { argument: AuditQuery; answer: Page<TextAuditEntry> };
	dropReadingsBefore: { argument: number; answer: { partitions: number } };
	close: { argument: null; answer: null };
}

export type Operation = keyof Operations;

export type Request = {
	[O in Operation]: { id: number; operation: O; argument: Operations[O]["argument"] };
}[Operation];

export interface Failure {
	code: string;
	details: Record<string, unknown>;
}

export type Response =
	| { ready: true }
	/** The engine could not start; there is nothing to ask it. */
	| { refused: Failure }
	| { id: number; answer: unknown }
	| { id: number; failure: Failure };
