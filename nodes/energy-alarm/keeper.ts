import { randomUUID } from "node:crypto";
import type { AlarmCommand } from "../../lib/alarms/commands.ts";
import type { Outbox, Post } from "../../lib/alarms/outbox.ts";
import type { Alarm, Change, JournalLine } from "../../lib/alarms/types.ts";
import type { EfficiencyMemory } from "../../lib/efficiency/types.ts";
import type { DocumentChange, Store, StoredDocument } from "../../lib/store/store.ts";

const ALARM = "alarm";
const EFFICIENCY = "efficiency";
/** Costs and undelivered posts: one document each. */
const STATE = "alarm-state";
/** Commands from processes that follow. */
const INBOX = "alarm-inbox";
/** A command that nobody took for so long is no longer meant. */
const STALE_MS = 60_000;
const PAGE = 10_000;
/** The store takes so many entries at once. */
const MOST_LINES = 5_000;
/** While the store does not answer, so many lines wait in memory; the oldest go first. */
const MOST_WAITING = 50_000;

export interface Kept {
	alarms: Alarm[];
	costs: Record<string, number>;
	posts: Post[];
	efficiency: [string, EfficiencyMemory][];
}

/**
 * Keeps alarms, their journal and what belongs to them in the store: what changed together is kept together, in order,
 * one transaction at a time. What could not be kept waits for the next one.
 */
export class Keeper {
	readonly #store: () => Promise<Store>;
	readonly #site: string;
	#alarms = new Map<string, Alarm | null>();
	#lines: JournalLine[] = [];
	#efficiency = new Map<string, EfficiencyMemory>();
	#state = new Map<string, unknown>();
	#saving: Promise<void> | undefined;

	constructor(site: string, store: () => Promise<Store>) {
		this.#site = site;
		this.#store = store;
	}

	async load(): Promise<Kept> {
		const [alarms, efficiency, state] = await Promise.all([ALARM, EFFICIENCY, STATE].map((kind) => this.#all(kind)));
		const stateOf = (id: string): unknown => state?.find((one) => one.id === id)?.value;
		return {
			alarms: (alarms ?? []).map(({ value }) => value as Alarm),
			costs: (stateOf("costs") ?? {}) as Record<string, number>,
			posts: (stateOf("outbox") ?? []) as Post[],
			efficiency: (efficiency ?? [])
				.filter(({ value }) => (value as Partial<EfficiencyMemory>).version === 1)
				.map(({ id, value }) => [id, value as EfficiencyMemory]),
		};
	}

	changed(changes: readonly Change[]): void {
		for (const { alarm, line } of changes) {
			this.#alarms.set(alarm.id, alarm);
			this.#lines.push(line);
		}
		const surplus = this.#lines.length - MOST_WAITING;
		if (surplus > 0) this.#lines.splice(0, surplus);
	}

	forget(alarms: readonly string[]): void {
		for (const id of alarms) this.#alarms.set(id, null);
	}

	efficient(machine: string, memory: EfficiencyMemory): void {
		this.#efficiency.set(machine, memory);
	}

	costs(costs: Record<string, number>): void {
		this.#state.set("costs", costs);
	}

	posts(outbox: Outbox): void {
		this.#state.set("outbox", outbox.all());
	}

	/** Resolves when everything of before this call is committed. @throws what the store throws */
	async save(): Promise<void> {
		// Who comes while a transaction is under way needs the next one, and shares it with others.
		if (this.#saving) await this.#saving.catch(() => {});
		this.#saving ??= this.#saveAll().finally(() => {
			this.#saving = undefined;
		});
		await this.#saving;
	}

	/** Hands a command to the process that watches. */
	async post(command: AlarmCommand): Promise<void> {
		const put = [{ id: randomUUID(), atMs: Date.now(), value: command }];
		await (await this.#store()).saveDocuments({ site: this.#site, kind: INBOX, put });
	}

	/** Takes the commands that were handed over, oldest first; each is given once. */
	async takePosted(): Promise<AlarmCommand[]> {
		const posted = await this.#all(INBOX);
		if (posted.length === 0) return [];
		const store = await this.#store();
		await store.saveDocuments({ site: this.#site, kind: INBOX, remove: posted.map(({ id }) => id) });
		const fresh = posted.filter(({ atMs }) => Date.now() - atMs < STALE_MS);
		return fresh.toReversed().map(({ value }) => value as AlarmCommand);
	}

	async journal(query: {
		subject?: string;
		fromMs?: number;
		toMs?: number;
		limit?: number;
		cursor?: string;
		order?: "asc" | "desc";
	}) {
		const store = await this.#store();
		return store.journal({ site: this.#site, kind: ALARM, ...query });
	}

	async dropJournalBefore(beforeMs: number): Promise<void> {
		await (await this.#store()).dropJournalBefore(this.#site, ALARM, beforeMs);
	}

	async #saveAll(): Promise<void> {
		const store = await this.#store();
		while (this.#alarms.size > 0 || this.#lines.length > 0) await this.#saveAlarms(store);
		for (const [kind, waiting] of [
			[EFFICIENCY, this.#efficiency],
			[STATE, this.#state],
		] as const) {
			if (waiting.size === 0) continue;
			const entries = [...waiting];
			await store.saveDocuments(this.#change(kind, entries));
			for (const [id, value] of entries) if (waiting.get(id) === value) waiting.delete(id);
		}
	}

	/** An alarm and the lines that made it go in one transaction; what changes meanwhile stays for the next. */
	async #saveAlarms(store: Store): Promise<void> {
		const lines = this.#lines.splice(0, MOST_LINES);
		const entries = [...this.#alarms].slice(0, MOST_LINES);
		const put = entries.flatMap(([id, alarm]) => (alarm ? [[id, alarm] as const] : []));
		try {
			await store.saveDocuments({
				...this.#change(ALARM, put),
				remove: entries.flatMap(([id, alarm]) => (alarm ? [] : [id])),
				journal: lines.map((line) => ({ subject: line.alarm, atMs: line.atMs, value: line })),
			});
		} catch (error) {
			this.#lines.unshift(...lines);
			throw error;
		}
		for (const [id, alarm] of entries) if (this.#alarms.get(id) === alarm) this.#alarms.delete(id);
	}

	#change(kind: string, entries: readonly (readonly [string, unknown])[]): DocumentChange {
		const nowMs = Date.now();
		return { site: this.#site, kind, put: entries.map(([id, value]) => ({ id, atMs: nowMs, value })) };
	}

	async #all(kind: string): Promise<StoredDocument[]> {
		const store = await this.#store();
		const documents: StoredDocument[] = [];
		let cursor: string | undefined;
		do {
			const page = await store.documents({ site: this.#site, kind, limit: PAGE, ...(cursor && { cursor }) });
			documents.push(...page.items);
			cursor = page.nextCursor;
		} while (cursor);
		return documents;
	}
}
