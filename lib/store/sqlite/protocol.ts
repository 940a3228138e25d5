import type { IntervalColumns, ReadingColumns } from "../columns.ts";
import type {
	EnergyToday,
	IntervalsQuery,
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
	energySince: { argument: { site: string; fromMs: number }; answer: EnergyToday[] };
	quarantined: { argument: QuarantineQuery; answer: Page<QuarantineEntry> };
	stats: { argument: null; answer: Omit<StoreStats, "queueDepth"> };
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
