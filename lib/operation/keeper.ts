import type { ExpectedDocument, JournalEntry, Store, StoredDocument } from "../store/store.ts";
import type { Effects, Kept } from "./engine-types.ts";
import type { JobRecord, KeptState, OperationEvent } from "./records.ts";
import type { StoredPlan } from "./types.ts";
import { wireEvent } from "./wire.ts";

const JOB = "schedule-job";
const PLAN = "schedule-plan";
const STATE = "schedule-state";
const PAGE = 500;
/** Lines that wait while the store does not answer; the oldest go first. */
const MOST_WAITING = 5_000;
/** Plans that are kept. */
const MOST_PLANS = 500;

type OperationStore = Pick<Store, "documents" | "document" | "saveDocuments" | "journal" | "dropJournalBefore">;

/**
 * Keeps jobs, plans and the journal of what happened in the store: what changed in a step is kept together, before any
 * command of that step goes out. What could not be kept waits for the next step.
 */
export class OperationKeeper {
	private readonly site: string;
	private readonly store: () => Promise<OperationStore>;
	private readonly jobs = new Map<string, JobRecord | null>();
	private readonly plans = new Map<string, StoredPlan>();
	private state: KeptState | null = null;
	private events: OperationEvent[] = [];

	/** What everything that is kept expects: the lease of the process that plans. */
	private readonly condition: () => ExpectedDocument;

	constructor(site: string, store: () => Promise<OperationStore>, condition: () => ExpectedDocument) {
		this.site = site;
		this.store = store;
		this.condition = condition;
	}

	/** Drops what was not kept yet: it is for another process now. */
	forget(): void {
		this.jobs.clear();
		this.plans.clear();
		this.state = null;
		this.events = [];
	}

	async load(): Promise<Kept> {
		const store = await this.store();
		const [jobs, plans, state] = await Promise.all([
			this.all(store, JOB),
			store.documents({ site: this.site, kind: PLAN, limit: 50 }),
			store.document(this.site, STATE, "engine"),
		]);
		const kept = (state?.value as KeptState | undefined) ?? null;
		const found = plans.items.map(({ value }) => value as StoredPlan);
		// While proposals go by unanswered the plan in force grows old.
		const current =
			kept?.current && !found.some(({ id }) => id === kept.current) ? await this.plan(kept.current) : undefined;
		return {
			jobs: jobs.map(({ value }) => value as JobRecord).filter(({ version }) => version === 1),
			plans: current ? [...found, current] : found,
			state: kept,
		};
	}

	take({ jobs, removedJobs, plans, state, events }: Effects): void {
		for (const record of jobs) this.jobs.set(record.order.id, record);
		for (const id of removedJobs) this.jobs.set(id, null);
		for (const plan of plans) this.plans.set(plan.id, plan);
		if (state) this.state = state;
		this.events.push(...events);
	}

	/** Resolves when everything taken before is committed. @throws what the store throws; nothing is lost then */
	async save(nowMs: number): Promise<void> {
		// Taken out before it is written: what changes meanwhile waits for the next time.
		const [jobs, plans, state, events] = [[...this.jobs], [...this.plans], this.state, this.events];
		this.jobs.clear();
		this.plans.clear();
		this.state = null;
		this.events = [];
		try {
			await this.write(jobs, plans, state, events, nowMs);
		} catch (error) {
			for (const [id, value] of jobs) if (!this.jobs.has(id)) this.jobs.set(id, value);
			for (const [id, value] of plans) if (!this.plans.has(id)) this.plans.set(id, value);
			this.state ??= state;
			this.events.unshift(...events);
			this.events.splice(0, this.events.length - MOST_WAITING);
			throw error;
		}
	}

	private async write(
		jobs: [string, JobRecord | null][],
		plans: [string, StoredPlan][],
		state: KeptState | null,
		events: OperationEvent[],
		nowMs: number,
	): Promise<void> {
		const { site } = this;
		const store = await this.store();
		const expect = [this.condition()];
		if (jobs.length > 0) {
			const put = jobs.flatMap(([id, value]) => (value ? [{ id, atMs: value.changedMs, value }] : []));
			const remove = jobs.flatMap(([id, value]) => (value ? [] : [id]));
			await store.saveDocuments({ site, kind: JOB, put, remove, expect });
		}
		if (plans.length > 0 || events.length > 0) {
			await store.saveDocuments({
				...{ site, kind: PLAN, expect },
				put: plans.map(([id, value]) => ({ id, atMs: Date.parse(value.createdAt), value })),
				journal: events.map((event) => ({ subject: event.plan, atMs: event.atMs, value: wireEvent(event, site) })),
			});
		}
		if (state) {
			const put = [{ id: "engine", atMs: nowMs, value: state }];
			await store.saveDocuments({ site, kind: STATE, put, expect });
		}
	}

	/** Plans newest first. */
	async plansOf(
		limit: number,
		order: "asc" | "desc" = "desc",
		cursor?: string,
	): Promise<{ items: StoredPlan[]; nextCursor?: string }> {
		const store = await this.store();
		const page = await store.documents({ site: this.site, kind: PLAN, order, limit, ...(cursor ? { cursor } : {}) });
		const items = page.items.map(({ value }) => value as StoredPlan);
		return { items, ...(page.nextCursor ? { nextCursor: page.nextCursor } : {}) };
	}

	async plan(id: string): Promise<StoredPlan | undefined> {
		const store = await this.store();
		return (await store.document(this.site, PLAN, id))?.value as StoredPlan | undefined;
	}

	async journal(plan: string, limit: number): Promise<JournalEntry[]> {
		const store = await this.store();
		return (await store.journal({ site: this.site, kind: PLAN, subject: plan, limit })).items;
	}

	/** Forgets the oldest plans beyond those that are kept, and the journal of before an instant. */
	async prune(beforeMs: number): Promise<void> {
		const store = await this.store();
		await store.dropJournalBefore(this.site, PLAN, beforeMs);
		let cursor: string | undefined;
		let seen = 0;
		const remove: string[] = [];
		do {
			const page = await store.documents({ site: this.site, kind: PLAN, limit: 50, ...(cursor ? { cursor } : {}) });
			for (const { id } of page.items) if (++seen > MOST_PLANS) remove.push(id);
			cursor = page.nextCursor;
		} while (cursor);
		if (remove.length > 0) await store.saveDocuments({ site: this.site, kind: PLAN, remove });
	}

	private async all(store: OperationStore, kind: string): Promise<StoredDocument[]> {
		const documents: StoredDocument[] = [];
		let cursor: string | undefined;
		do {
			const page = await store.documents({ site: this.site, kind, limit: PAGE, ...(cursor ? { cursor } : {}) });
			documents.push(...page.items);
			cursor = page.nextCursor;
		} while (cursor);
		return documents;
	}
}
