import { randomUUID } from "node:crypto";
import { EnergyError } from "../errors.ts";
import type { ExpectedDocument, Store } from "../store/store.ts";

const LEASE = "schedule-lease";
const ID = "planner";
/** Clocks of machines that share a store may differ by so much. */
const GRACE_MS = 3_000;

type LeaseStore = Pick<Store, "document" | "saveDocuments">;

/** What the store holds of it; the time of the document is when it runs out. */
interface Held {
	owner: string;
	/** Rises with every new owner, so that what an old one still writes is refused. */
	fence: number;
}

export interface LeaseOptions {
	site: string;
	store: () => Promise<LeaseStore>;
	now: () => number;
	/** It runs out so long after it was renewed last. */
	leaseMs: number;
}

/**
 * The right to plan and dispatch for a site: of all processes on a store one has it. It is renewed as long as its owner
 * lives, runs out soon after it died, and is then taken over. What the owner keeps carries it as a condition, so that one
 * that was stopped for a while and does not know yet can't write over its successor.
 */
export class Lease {
	private readonly options: LeaseOptions;
	private readonly owner = randomUUID();
	private held: Held | undefined;
	/** As it was ours last: what is still written under it then is refused. */
	private last: Held;
	private untilMs = Number.NEGATIVE_INFINITY;

	constructor(options: LeaseOptions) {
		this.options = options;
		this.last = { owner: this.owner, fence: 0 };
	}

	/** It is ours and has not run out: what is commanded now is commanded by nobody else. */
	get valid(): boolean {
		return this.held !== undefined && this.options.now() < this.untilMs;
	}

	/** What everything that is kept under it expects; no longer met where it is not ours. */
	get condition(): ExpectedDocument {
		return { kind: LEASE, id: ID, value: this.last };
	}

	/** Takes it where it is free or has run out, renews it where it is ours. @returns whether it is ours; @throws what the store throws */
	async keep(): Promise<boolean> {
		const store = await this.options.store();
		try {
			if (this.held) await this.write(store, this.held, this.condition);
			else await this.take(store);
		} catch (error) {
			if (!(error instanceof EnergyError && error.code === "store.changed")) throw error;
			this.held = undefined;
		}
		return this.held !== undefined;
	}

	private async take(store: LeaseStore): Promise<void> {
		const found = await store.document(this.options.site, LEASE, ID);
		if (found && this.options.now() < found.atMs + GRACE_MS) return;
		const before = found?.value as Held | undefined;
		const expected = { kind: LEASE, id: ID, ...(found ? { value: found.value, atMs: found.atMs } : {}) };
		await this.write(store, { owner: this.owner, fence: (before?.fence ?? 0) + 1 }, expected);
	}

	private async write(store: LeaseStore, value: Held, expected: ExpectedDocument): Promise<void> {
		const { site, now, leaseMs } = this.options;
		// Counted from before the write: a store that answers late gives no time away.
		const untilMs = now() + leaseMs;
		await store.saveDocuments({ site, kind: LEASE, put: [{ id: ID, atMs: untilMs, value }], expect: [expected] });
		this.held = value;
		this.last = value;
		this.untilMs = untilMs;
	}

	/** Lets it go at once, so that the next one does not wait for it to run out. */
	async release(): Promise<void> {
		const { held } = this;
		if (!held) return;
		this.held = undefined;
		const { site, store, now } = this.options;
		const put = [{ id: ID, atMs: now() - GRACE_MS, value: held }];
		await (await store()).saveDocuments({ site, kind: LEASE, put, expect: [this.condition] });
	}
}
