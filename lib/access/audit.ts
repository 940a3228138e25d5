import { randomUUID } from "node:crypto";
import {
	closeSync,
	existsSync,
	ftruncateSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { log } from "../log/log.ts";
import { mask } from "../log/mask.ts";
import type { AuditHead, AuditRecord, Store } from "../store/store.ts";
import { type AuditVerdict, verifyAudit } from "./audit-check.ts";
import { secretOf, writeSecretFile } from "./secrets.ts";

/** What somebody did, as it is told here; secrets in it are masked before anything is kept. */
export interface AuditEvent {
	who: string;
	what: string;
	target?: string;
	site?: string;
	/** HTTP status of the answer, where there was one. */
	status?: number;
	before?: unknown;
	after?: unknown;
	/** What was asked for, where before and after are not known. */
	request?: unknown;
	/** Address of the caller. */
	from?: string;
	requestId?: string;
	/** Anything else, in a word. */
	note?: string;
	/** How many such events this one stands for. */
	count?: number;
}

export interface AuditOptions {
	home: string;
	/** Where the chain is kept; opened when there is something to keep. */
	open: () => Promise<Store>;
	now?: () => number;
}

const FLUSH_MS = 200;
const RETRY_MS = 5_000;
const BATCH = 500;
/** What was asked for is kept up to this length; an audit is no second store. */
const LONGEST_VALUE = 16_384;
const SUMMARY_MS = 60_000;
/** Kinds of events that are counted at the same time; beyond, each is kept by itself. */
const SUMMARIES_AT_MOST = 10_000;

interface Summary {
	event: AuditEvent;
	count: number;
	timer: NodeJS.Timeout;
}

/**
 * Keeps what was done: each event goes into a small file at once, which survives a crash of the process, and from there
 * into the chain of the store, where nothing can be changed unnoticed. Nobody waits for the store, and what it could not
 * take yet is taken later, after a restart too.
 */
export class Audit {
	readonly #options: AuditOptions;
	readonly #now: () => number;
	readonly #folder: string;
	readonly #path: string;
	readonly #summaries = new Map<string, Summary>();
	#spool: number | undefined;
	#waiting: AuditRecord[] = [];
	#flushing: Promise<void> | undefined;
	#timer: NodeJS.Timeout | undefined;
	#store: Promise<Store> | undefined;
	#closed = false;

	constructor(options: AuditOptions) {
		this.#options = options;
		this.#now = options.now ?? Date.now;
		this.#folder = join(options.home, "audit");
		this.#path = join(this.#folder, `${process.pid}.jsonl`);
		this.#takeLeftOver();
	}

	/** The secret of the chain; made on first use. */
	static keyOf(home: string): string {
		return secretOf(home, "audit.key");
	}

	/** Keeps an event; on return a crash of the process no longer loses it. */
	record(event: AuditEvent): void {
		this.#keep(recordOf(event, this.#now()));
	}

	/**
	 * The same for what comes by the thousand, such as posts of readings: the first is kept at once, those of the minute
	 * after it as one event with their count.
	 */
	summarise(event: AuditEvent): void {
		if (this.#summaries.size >= SUMMARIES_AT_MOST) {
			this.record(event);
			return;
		}
		const key = [event.who, event.what, event.target, event.site, event.from, event.status].join("\n");
		const running = this.#summaries.get(key);
		if (running) {
			running.count++;
			return;
		}
		this.record(event);
		const timer = setTimeout(() => this.#endSummary(key), SUMMARY_MS).unref();
		this.#summaries.set(key, { event, count: 0, timer });
	}

	/** The store that the chain is in. */
	store(): Promise<Store> {
		this.#store ??= this.#options.open().catch((error: unknown) => {
			this.#store = undefined;
			throw error;
		});
		return this.#store;
	}

	/** Goes through the whole chain, what was recorded until now included. */
	async verify(): Promise<AuditVerdict> {
		await this.flush();
		const { home } = this.#options;
		return verifyAudit(await this.store(), Audit.keyOf(home), knownHead(home));
	}

	/** Resolves when everything that was recorded until now is in the chain, or the store refused it. */
	async flush(): Promise<void> {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		// One after the other, however many ask: two that took the same events would drop the next ones unsent.
		const mine = (this.#flushing ?? Promise.resolve()).then(() => this.#write());
		this.#flushing = mine;
		await mine;
		if (this.#flushing === mine) this.#flushing = undefined;
	}

	async close(): Promise<void> {
		if (this.#closed) return;
		for (const key of [...this.#summaries.keys()]) this.#endSummary(key);
		await this.flush();
		this.#closed = true;
		clearTimeout(this.#timer);
		if (this.#spool !== undefined) closeSync(this.#spool);
		this.#spool = undefined;
		if (this.#waiting.length === 0) rmSync(this.#path, { force: true });
		await (await this.#store?.catch(() => undefined))?.close();
	}

	#keep(record: AuditRecord): void {
		try {
			if (this.#spool === undefined) {
				mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
				this.#spool = openSync(this.#path, "a", 0o600);
			}
			writeSync(this.#spool, `${JSON.stringify(record)}\n`);
		} catch (error) {
			log("error", "audit", `an event could not be written to ${this.#path}: ${(error as Error).message}`);
		}
		this.#waiting.push(record);
		this.#plan(FLUSH_MS);
	}

	#plan(inMs: number): void {
		if (this.#closed) return;
		this.#timer ??= setTimeout(() => {
			this.#timer = undefined;
			this.flush().catch((error: unknown) => log("error", "audit", String(error)));
		}, inMs).unref();
	}

	async #write(): Promise<void> {
		try {
			while (this.#waiting.length > 0) {
				const batch = this.#waiting.slice(0, BATCH);
				const head = await (await this.store()).appendAudit(batch, Audit.keyOf(this.#options.home));
				this.#waiting.splice(0, batch.length);
				await this.#noteHead(head);
			}
			// Nothing was added meanwhile: all that the file holds is in the chain.
			if (this.#spool !== undefined) ftruncateSync(this.#spool, 0);
		} catch (error) {
			log("error", "audit", `the chain takes nothing now, it waits in ${this.#path}: ${(error as Error).message}`);
			this.#plan(RETRY_MS);
		}
	}

	/** The place that is known stays where the chain no longer holds it: a chain that was cut off must not grow over that. */
	async #noteHead(head: AuditHead): Promise<void> {
		const { home } = this.#options;
		const known = knownHead(home);
		// Another process of this home may be ahead.
		if (head.sequence <= known.sequence) return;
		if (known.sequence > 0) {
			const { items } = await (await this.store()).audit({ sequence: known.sequence, limit: 1 });
			if (items[0]?.link !== known.link) {
				log(
					"error",
					"audit",
					`the chain was changed at or before ${known.sequence}; npm run audit -- verify says where`,
				);
				return;
			}
		}
		writeSecretFile(headPath(home), `${JSON.stringify(head)}\n`);
	}

	#endSummary(key: string): void {
		const summary = this.#summaries.get(key);
		if (!summary) return;
		clearTimeout(summary.timer);
		this.#summaries.delete(key);
		const { event, count } = summary;
		if (count > 0) this.record({ ...event, request: undefined, requestId: undefined, count });
	}

	/** What an earlier process of this home could not hand over before it ended. */
	#takeLeftOver(): void {
		if (!existsSync(this.#folder)) return;
		for (const name of readdirSync(this.#folder)) {
			const pid = Number(/^(\d+)\.jsonl$/.exec(name)?.[1]);
			if (!pid || (pid !== process.pid && isAlive(pid))) continue;
			const path = join(this.#folder, name);
			for (const line of readFileSync(path, "utf8").split("\n")) {
				const record = recordIn(line);
				if (record) this.#keep(record);
			}
			if (path !== this.#path) rmSync(path, { force: true });
		}
	}
}

const headPath = (home: string): string => join(home, "audit", "head.json");

/** How far the chain had come when it was last written: a chain that is shorter has lost its end. */
export function knownHead(home: string): AuditHead {
	try {
		return JSON.parse(readFileSync(headPath(home), "utf8")) as AuditHead;
	} catch {
		return { sequence: 0, link: "" };
	}
}

function recordOf(event: AuditEvent, atMs: number): AuditRecord {
	const { who, what, target = "", site = "", before, after, request, ...rest } = event;
	const values = Object.fromEntries(
		Object.entries({ before, after, request })
			.filter(([, value]) => value !== undefined)
			.map(([name, value]) => [name, bounded(mask(value))]),
	);
	return { id: randomUUID(), atMs, who, what, target: target.slice(0, 300), site, detail: { ...rest, ...values } };
}

function bounded(value: unknown): unknown {
	const text = JSON.stringify(value) ?? "null";
	return text.length <= LONGEST_VALUE ? value : { cut: text.slice(0, LONGEST_VALUE), length: text.length };
}

/** A last line that a crash cut in half is none. */
function recordIn(line: string): AuditRecord | undefined {
	if (line === "") return undefined;
	try {
		return JSON.parse(line) as AuditRecord;
	} catch {
		log("warn", "audit", "the last event before a crash is incomplete and was left out");
		return undefined;
	}
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}
