import { randomUUID } from "node:crypto";
import { EnergyError } from "../errors.ts";
import { type Change, inScope, noteChange } from "../log/scope.ts";
import type { Store } from "../store/store.ts";
import type { Answered, Asked } from "./api.ts";
import type { ScheduleBoard } from "./types.ts";

const INBOX = "schedule-inbox";
const OUTBOX = "schedule-answer";
const ASK_MS = 250;
/** A plan that is asked for takes its time. */
const PATIENCE_MS = 60_000;
/** Nobody plans where a question lies untouched for so long. */
const UNTOUCHED_MS = 5_000;
/** How often a process that stands by looks at the board. */
const LOOK_MS = 10_000;

/** A document of the store holds little more; without its changes, what was asked for is kept. */
const LONGEST_CHANGES = 400_000;

type MailStore = Pick<Store, "documents" | "document" | "saveDocuments">;

type Reply = ({ answered: Answered } | { code: string; details: EnergyError["details"] }) & {
	/** What it changed there: the audit is that of who was asked by the person. */
	changes?: readonly Change[];
};

/**
 * Asks the process that plans, through the store that both share: a process in the api mode answers for it.
 *
 * @throws EnergyError `operation.nobody-plans`, and what the other process throws
 */
export async function askThere(site: string, storeOf: () => Promise<MailStore>, asked: Asked): Promise<Answered> {
	const store = await storeOf();
	const id = randomUUID();
	const askedMs = Date.now();
	await store.saveDocuments({ site, kind: INBOX, put: [{ id, atMs: askedMs, value: asked }] });
	for (let waiting = true; Date.now() - askedMs < PATIENCE_MS; ) {
		await new Promise((resolve) => setTimeout(resolve, ASK_MS));
		const reply = await store.document(site, OUTBOX, id);
		if (reply) {
			await store.saveDocuments({ site, kind: OUTBOX, remove: [id] });
			const value = reply.value as Reply;
			for (const change of value.changes ?? []) noteChange(change);
			if ("answered" in value) return value.answered;
			throw new EnergyError(value.code, value.details);
		}
		if (waiting && Date.now() - askedMs > UNTOUCHED_MS) {
			waiting = (await store.document(site, INBOX, id)) !== undefined;
			if (waiting) break;
		}
	}
	await store.saveDocuments({ site, kind: INBOX, remove: [id] });
	throw new EnergyError("operation.nobody-plans");
}

/** Shows in a process that stands by what the one that plans shows. */
export class BoardThere {
	/** As it was told last; null before. */
	board: ScheduleBoard | null = null;
	private readonly ask: (asked: Asked) => Promise<Answered>;
	private readonly told: (board: ScheduleBoard) => void;
	private askedMs = Number.NEGATIVE_INFINITY;
	private asking = false;

	constructor(ask: (asked: Asked) => Promise<Answered>, told: (board: ScheduleBoard) => void) {
		this.ask = ask;
		this.told = told;
	}

	/** Once a second; where nobody answers the next look asks again. */
	look(nowMs = Date.now()): void {
		if (this.asking || nowMs - this.askedMs < LOOK_MS) return;
		this.askedMs = nowMs;
		this.asking = true;
		this.ask({ operation: "board", by: "planner", language: "en-US" })
			.then(({ body }) => {
				this.board = body as ScheduleBoard;
				this.told(this.board);
			})
			.catch(() => undefined)
			.finally(() => {
				this.asking = false;
			});
	}
}

/** Answers what processes ask that do not plan themselves. */
export class Inbox {
	private readonly site: string;
	private readonly store: () => Promise<MailStore>;
	private readonly answer: (asked: Asked) => Promise<Answered>;
	private looking = false;

	constructor(site: string, store: () => Promise<MailStore>, answer: (asked: Asked) => Promise<Answered>) {
		this.site = site;
		this.store = store;
		this.answer = answer;
	}

	/** Once a second; a store that does not answer has its next chance then. */
	look(): void {
		if (this.looking) return;
		this.looking = true;
		this.takeAll()
			.catch(() => undefined)
			.finally(() => {
				this.looking = false;
			});
	}

	private async takeAll(): Promise<void> {
		const store = await this.store();
		const { items } = await store.documents({ site: this.site, kind: INBOX, order: "asc", limit: 100 });
		if (items.length === 0) return;
		await store.saveDocuments({ site: this.site, kind: INBOX, remove: items.map(({ id }) => id) });
		for (const { id, atMs, value } of items) {
			if (Date.now() - atMs > PATIENCE_MS) continue;
			// A plan takes seconds; questions behind it do not wait for it.
			void this.reply(store, id, value as Asked).catch(() => undefined);
		}
	}

	private async reply(store: MailStore, id: string, asked: Asked): Promise<void> {
		const changes: Change[] = [];
		const value: Reply = await inScope({ note: (change) => changes.push(change) }, () => this.answer(asked)).then(
			(answered) => ({ answered, changes }),
			(error: unknown) =>
				error instanceof EnergyError
					? { code: error.code, details: error.details, changes }
					: { code: "nodes.unexpected", details: {}, changes },
		);
		if (JSON.stringify(changes).length > LONGEST_CHANGES) changes.length = 0;
		const old = await store.documents({ site: this.site, kind: OUTBOX, order: "asc", limit: 100 });
		const remove = old.items.filter(({ atMs }) => Date.now() - atMs > PATIENCE_MS).map((each) => each.id);
		await store.saveDocuments({ site: this.site, kind: OUTBOX, put: [{ id, atMs: Date.now(), value }], remove });
	}
}
