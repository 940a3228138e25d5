import { EnergyError } from "../../errors.ts";
import type { WriteOutcome } from "../store.ts";
import { AuditChain } from "./audit.ts";
import { Database } from "./database.ts";
import { Documents } from "./documents.ts";
import { failureOf } from "./failure.ts";
import type { EngineData, Operation, Operations, Request, Response } from "./protocol.ts";
import { Queries } from "./queries.ts";
import { series } from "./series.ts";
import { Writer } from "./writer.ts";

const writes: ReadonlySet<Operation> = new Set([
	"defineSite",
	"write",
	"writeIntervals",
	"quarantine",
	"saveDocuments",
	"dropJournalBefore",
	"appendAudit",
	"dropReadingsBefore",
]);

/** The rows of a write; what has none counts as one. */
function rowsOf(request: Request): number {
	if (request.operation === "write" || request.operation === "writeIntervals") return request.argument.length;
	if (request.operation === "saveDocuments") {
		const { put, remove, journal } = request.argument;
		return put.length + remove.length + journal.length;
	}
	if (request.operation === "appendAudit") return request.argument.records.length;
	return request.operation === "quarantine" ? request.argument.length : 1;
}

/**
 * The engine without its thread: it answers requests one list at a time. Small writes that wait together share one
 * transaction, and with it one sync of the disk; a large one is split into several.
 */
export class Engine {
	readonly #data: EngineData;
	readonly #database: Database;
	readonly #queries: Queries;
	readonly #documents: Documents;
	readonly #audit: AuditChain;
	readonly #writer: Writer | undefined;
	#dataVersion = -1;

	constructor(data: EngineData) {
		this.#data = data;
		this.#database =
			data.role === "writer"
				? Database.openForWriting(data.path, data.synchronous)
				: Database.openForReading(data.path);
		this.#queries = new Queries(this.#database);
		this.#documents = new Documents(this.#database);
		this.#audit = new AuditChain(this.#database);
		this.#writer = data.role === "writer" ? new Writer(this.#database) : undefined;
	}

	/** Answers requests in their order. */
	answer(requests: readonly Request[], respond: (response: Response) => void): void {
		for (let at = 0; at < requests.length; ) {
			const request = requests[at] as Request;
			if (!writes.has(request.operation)) {
				respond(this.#attempt(request));
				at++;
				continue;
			}
			const group = this.#group(requests, at);
			for (const response of this.#writeGroup(group)) respond(response);
			at += group.length;
		}
	}

	close(): void {
		this.#database.close();
	}

	/** The writes from here on that fit one transaction together; always at least one. */
	#group(requests: readonly Request[], from: number): Request[] {
		const group: Request[] = [];
		let rows = 0;
		for (let at = from; at < requests.length; at++) {
			const request = requests[at] as Request;
			if (!writes.has(request.operation)) break;
			rows += rowsOf(request);
			if (group.length > 0 && rows > this.#data.batchSize) break;
			group.push(request);
		}
		return group;
	}

	#writeGroup(group: readonly Request[]): Response[] {
		if (group.length === 1) return [this.#attempt(group[0] as Request)];
		try {
			return this.#transaction((writer) =>
				group.map((request) => ({ id: request.id, answer: this.#apply(writer, request, 0, rowsOf(request)) })),
			);
		} catch {
			// One of them spoilt it for all: each gets its own transaction and its own answer.
			return group.map((request) => this.#attempt(request));
		}
	}

	#attempt(request: Request): Response {
		try {
			return { id: request.id, answer: this.#perform(request) };
		} catch (error) {
			return { id: request.id, failure: failureOf(error, this.#data.path) };
		}
	}

	#perform(request: Request): Operations[Operation]["answer"] {
		if (!writes.has(request.operation)) return this.#ask(request);
		const rows = rowsOf(request);
		const total: WriteOutcome = { inserted: 0, duplicates: 0, replaced: 0 };
		for (let from = 0; from === 0 || from < rows; from += this.#data.batchSize) {
			const to = Math.min(rows, from + this.#data.batchSize);
			const answer = this.#transaction((writer) => this.#apply(writer, request, from, to));
			if (request.operation !== "write" && request.operation !== "writeIntervals") return answer;
			const { inserted, duplicates, replaced } = answer as WriteOutcome;
			total.inserted += inserted;
			total.duplicates += duplicates;
			total.replaced += replaced;
		}
		return total;
	}

	/** One step of a write, on rows [from, to) where it has rows. */
	#apply(writer: Writer, request: Request, from: number, to: number): Operations[Operation]["answer"] {
		switch (request.operation) {
			case "defineSite":
				writer.defineSite(request.argument);
				return null;
			case "write":
				return writer.write(request.argument, from, to);
			case "writeIntervals":
				return writer.writeIntervals(request.argument, from, to);
			case "quarantine":
				writer.quarantine(request.argument);
				return null;
			case "saveDocuments":
				this.#documents.save(request.argument);
				return null;
			case "dropJournalBefore":
				return { entries: this.#documents.dropJournalBefore(request.argument) };
			case "appendAudit":
				return this.#audit.append(request.argument);
			case "dropReadingsBefore":
				return { partitions: writer.dropReadingsBefore(request.argument) };
			default:
				throw new EnergyError("store.failed", { path: this.#data.path, message: request.operation });
		}
	}

	#transaction<T>(work: (writer: Writer) => T): T {
		const writer = this.#writer;
		if (!writer)
			throw new EnergyError("store.failed", { path: this.#data.path, message: "a reader was asked to write" });
		try {
			return this.#database.transaction("IMMEDIATE", () => {
				const version = this.#database.dataVersion();
				if (version !== this.#dataVersion) {
					// Another process wrote: what is remembered about the newest readings may be old.
					writer.forget();
					this.#dataVersion = version;
				}
				const result = work(writer);
				writer.finish();
				return result;
			});
		} catch (error) {
			writer.forget();
			throw error;
		}
	}

	#ask(request: Request): Operations[Operation]["answer"] {
		this.#queries.forget();
		return this.#database.transaction("DEFERRED", () => {
			switch (request.operation) {
				case "latest":
					return this.#queries.latest(request.argument);
				case "readings":
					return this.#queries.readings(request.argument);
				case "intervals":
					return this.#queries.intervals(request.argument);
				case "series":
					return series(this.#queries, request.argument);
				case "energySince": {
					const { site, fromMs, nowMs } = request.argument;
					return this.#queries.energySince(site, fromMs, nowMs);
				}
				case "quarantined":
					return this.#queries.quarantined(request.argument);
				case "document":
					return this.#documents.get(request.argument);
				case "documents":
					return this.#documents.list(request.argument);
				case "journal":
					return this.#documents.journal(request.argument);
				case "audit":
					return this.#audit.list(request.argument);
				case "stats":
					return this.#queries.stats();
				default:
					throw new EnergyError("store.failed", { path: this.#data.path, message: request.operation });
			}
		});
	}
}
