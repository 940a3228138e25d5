import type { Interval } from "../telemetry/interval.ts";
import type { Quantities, Reading } from "../telemetry/reading.ts";

/** What a batch did: every reading is counted in exactly one of the three. */
export interface WriteOutcome {
	inserted: number;
	/** Same site, machine and time with the same values: nothing changed. */
	duplicates: number;
	/** Same site, machine and time with other values: the newer write stands. */
	replaced: number;
}

export interface QuarantineEntry {
	/** When it was rejected, epoch ms. */
	atMs: number;
	site: string;
	/** Empty where the reading did not say. */
	machine: string;
	/** A QualityReason or an EnergyError code. */
	reason: string;
	/** Which field, value and rule, in words for a person. */
	detail: string;
	/** Where it came from: topic, request id, file and line. */
	source: string;
	/** The rejected payload as text, cut at 4 kB. */
	payload: string;
}

export interface Page<T> {
	items: T[];
	/** Give it back as `cursor` for the next page; absent on the last one. */
	nextCursor?: string;
}

interface RangeQuery {
	site: string;
	/** One machine; absent means all. */
	machine?: string;
	/** Epoch ms, inclusive. */
	fromMs: number;
	/** Epoch ms, exclusive. */
	toMs: number;
}

interface PageQuery {
	/** At most 10,000; default 1,000. */
	limit?: number;
	cursor?: string;
}

export type Resolution = "15min" | "hour" | "day" | "month";

export interface ReadingsQuery extends RangeQuery, PageQuery {
	order?: "asc" | "desc";
	/**
	 * Thins out: of each span of so many ms (counted from 1970) only a machine's first reading that is not bad. Oldest
	 * first only.
	 */
	everyMs?: number;
}

export interface IntervalsQuery extends RangeQuery, PageQuery {
	/** `day` and `month` are those of the site's time zone. */
	resolution: Resolution;
	/** By their start; oldest first unless told. */
	order?: "asc" | "desc";
}

export interface SeriesQuery {
	site: string;
	/** Machines to draw, one series each; for the site's total name the main meter or all its machines with `sum`. */
	machines: readonly string[];
	/** Adds the machines up into one series named `total`. */
	sum?: boolean;
	fromMs: number;
	toMs: number;
	/**
	 * `powerKw` over a long span is the mean power of quarter-hours, hours or days; `energyKwh` is always the energy of
	 * such an interval, never the counter; every other measure is drawn from raw readings.
	 */
	measure: keyof Quantities;
	/** At most this many points a series; peaks survive thinning. */
	maxPoints: number;
}

/** One line of a chart; a gap is a null value. Times and values are parallel. */
export interface Series {
	machine: string;
	timesMs: number[];
	values: (number | null)[];
}

export interface QuarantineQuery extends PageQuery {
	site?: string;
	machine?: string;
	reason?: string;
	fromMs?: number;
	toMs?: number;
}

export interface StoreStats {
	engine: "sqlite" | "postgres";
	readings: number;
	intervals: number;
	quarantined: number;
	/** Rejected per reason. */
	quarantinedByReason: Record<string, number>;
	oldestMs: number | null;
	newestMs: number | null;
	bytes: number;
	/** Writes and reads waiting for the engine. */
	queueDepth: number;
}

/** Energy of one machine since a local midnight: what "today" means on a card. */
export interface EnergyToday {
	machine: string;
	energyKwh: number;
	estimatedKwh: number;
}

/** A JSON value that the application keeps under a name: an alarm, a plan, a forecast. */
export interface StoredDocument {
	/** Unique within its site and kind. */
	id: string;
	/** When it was last true, epoch ms; lists are ordered by it. */
	atMs: number;
	/** What `JSON.stringify` keeps of it, at most 1 MiB of text. */
	value: unknown;
}

/** A line of a journal: appended once, never changed. */
export interface JournalEntry {
	/** When it happened, epoch ms. */
	atMs: number;
	/** Id of the document it is about; empty where it is about none. */
	subject: string;
	value: unknown;
}

/** Something that somebody did, or tried to. */
export interface AuditRecord {
	/** Unique; a record that is appended again is the same record. */
	id: string;
	/** When, epoch ms. */
	atMs: number;
	/** A user, `key:<id>`, `system`, or `?` for somebody whom nobody knows. */
	who: string;
	/** An operation of the API by its id, `signIn`, `flow.change`, `config.change` … */
	what: string;
	/** What it was done to: a user, an alarm, a node; empty where it is in `what`. */
	target: string;
	/** Empty where it belongs to no site. */
	site: string;
	/** What else is known: status, before, after, address, request id; secrets are masked already. */
	detail: Readonly<Record<string, unknown>>;
}

/** A record in its place in the chain. */
export interface AuditEntry extends AuditRecord {
	/** 1, 2, 3 … without a gap. */
	sequence: number;
	/** Ties the record to all before it: see lib/store/audit-link.ts. */
	link: string;
	/** The text that the link is made of, as it is stored. */
	text: string;
}

/** The end of the chain. */
export interface AuditHead {
	/** 0: there is nothing yet. */
	sequence: number;
	link: string;
}

export interface AuditQuery extends PageQuery {
	who?: string;
	/** Whole, or its beginning before a `*`; the same for `target`. */
	what?: string;
	target?: string;
	site?: string;
	/** Only the record at this place of the chain. */
	sequence?: number;
	/** Epoch ms, inclusive. */
	fromMs?: number;
	/** Epoch ms, exclusive. */
	toMs?: number;
	/** In the order in which they were appended; newest first unless told. */
	order?: "asc" | "desc";
}

/** Documents of one kind of a site and the lines of their journal that change together: all of it, or nothing. */
export interface DocumentChange {
	site: string;
	/** Who keeps them, e.g. `alarm`; letters, digits, `-`, `_` and `.`. */
	kind: string;
	put?: readonly StoredDocument[];
	/** Ids; what does not exist is passed over. */
	remove?: readonly string[];
	journal?: readonly JournalEntry[];
	/** How documents have to be before the change; else nothing of it is kept. What several processes decide hangs on it. */
	expect?: readonly ExpectedDocument[];
}

/** A document as it has to be: compared within the transaction of the change, also between processes. */
export interface ExpectedDocument {
	/** Of the same site; its kind may be another one. */
	kind: string;
	id: string;
	/** As it was read; left out where there must be no such document. */
	value?: unknown;
	/** Its time too, where it matters. */
	atMs?: number;
}

export interface DocumentsQuery extends PageQuery {
	site: string;
	kind: string;
	/** By `atMs`; newest first unless told. */
	order?: "asc" | "desc";
}

export interface JournalQuery extends PageQuery {
	site: string;
	kind: string;
	/** Only lines about this document. */
	subject?: string;
	/** Epoch ms, inclusive. */
	fromMs?: number;
	/** Epoch ms, exclusive. */
	toMs?: number;
	/** Newest first unless told; lines of the same instant in the order they were appended. */
	order?: "asc" | "desc";
}

/** What the store knows about a site; a whole `Site` fits. */
export interface SiteDefinition {
	id: string;
	/** IANA name; days and months are those of this zone. */
	timeZone: string;
	/** Where a machine's counter starts again at 0, if known. */
	machines?: readonly { id: string; rules?: { counterRolloverKwh?: number } }[];
}

/**
 * Where readings live. Every engine keeps this contract: a resolved write is committed and survives a crash; the same
 * reading written twice is one reading; quarter-hours, hours and days are right after late and repeated readings too.
 * Errors are EnergyErrors with a `store.` code.
 */
export interface Store {
	/**
	 * Tells the time zone of a site, and the counters of its machines, before its first write; readings of a site that
	 * was never defined count their days in UTC. A changed time zone makes the days anew.
	 */
	defineSite(site: SiteDefinition): Promise<void>;
	write(readings: readonly Reading[]): Promise<WriteOutcome>;
	/**
	 * Ready-made quarter-hours (import, utility data); they stand above those computed from readings. Where a computed one
	 * stood, or an imported one with other values, it counts as replaced.
	 */
	writeIntervals(intervals: readonly Interval[]): Promise<WriteOutcome>;
	quarantine(entries: readonly QuarantineEntry[]): Promise<void>;
	/** The newest reading of each machine of the site, whatever its quality. */
	latest(site: string): Promise<Reading[]>;
	readings(query: ReadingsQuery): Promise<Page<Reading>>;
	intervals(query: IntervalsQuery): Promise<Page<Interval>>;
	series(query: SeriesQuery): Promise<Series[]>;
	/** Energy of the quarter-hours that began in [fromMs, nowMs]: what was imported of the future is no energy yet. */
	energySince(site: string, fromMs: number, nowMs: number): Promise<EnergyToday[]>;
	quarantined(query: QuarantineQuery): Promise<Page<QuarantineEntry>>;
	stats(): Promise<StoreStats>;
	/**
	 * Puts, removes and journals in one transaction; at most 10,000 of them together.
	 *
	 * @throws EnergyError `store.bad-document` where a name, a time or a value cannot be kept, `store.changed` where a
	 * document is not as expected; nothing is kept then
	 */
	saveDocuments(change: DocumentChange): Promise<void>;
	document(site: string, kind: string, id: string): Promise<StoredDocument | undefined>;
	/** A document put again between two pages moves to its new time and may be met twice or not at all. */
	documents(query: DocumentsQuery): Promise<Page<StoredDocument>>;
	journal(query: JournalQuery): Promise<Page<JournalEntry>>;
	/** Forgets the lines of a journal before this instant. */
	dropJournalBefore(site: string, kind: string, beforeMs: number): Promise<{ entries: number }>;
	/**
	 * Appends to the chain of what was done; nothing takes a record back.
	 *
	 * @param key secret of the chain: who can write the file, but has no key, can't forge it
	 * @returns the end of the chain after it
	 */
	appendAudit(records: readonly AuditRecord[], key: string): Promise<AuditHead>;
	audit(query: AuditQuery): Promise<Page<AuditEntry>>;
	/**
	 * Drops whole partitions (months, UTC) of raw readings that end before this instant. Intervals and roll-ups stay, also
	 * when a reading of that time still comes; `latest` no longer knows machines that have been silent since.
	 */
	dropReadingsBefore(beforeMs: number): Promise<{ partitions: number }>;
	close(): Promise<void>;
}

export interface StoreOptions {
	/** Readings in one transaction at most; 10,000 unless told. */
	batchSize?: number;
	/** `process`: what was acknowledged survives a killed process; `power` (default): a power cut too. */
	durability?: "power" | "process";
}
