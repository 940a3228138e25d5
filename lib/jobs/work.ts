import { randomUUID } from "node:crypto";
import { EnergyError } from "../errors.ts";
import { log } from "../log/log.ts";
import { inScope, noteChange, type Scope, scopeNow } from "../log/scope.ts";
import type { Language } from "../messages.ts";
import { problemOf } from "../problem.ts";
import type { Store } from "../store/store.ts";
import type { JobSource, JobState, WireJob } from "./sources.ts";

export interface WorkOptions {
	site: string;
	store: () => Promise<Store>;
	/** Jobs that may wait; more are refused. */
	mostWaiting?: number;
	now?: () => number;
}

export interface Order {
	/** `import` … */
	type: string;
	by: string | null;
	/** What a reader of the job should know of it, beside what every job has. */
	facts?: Readonly<Record<string, unknown>>;
	/** Tells its progress (0…1) and stops at the signal; what it resolves to is the job's result. */
	work: (tell: (progress: number) => void, signal: AbortSignal) => Promise<object>;
	/** Called once it is over, however it ended. */
	after?: () => void;
}

interface Kept {
	version: 1;
	id: string;
	type: string;
	by: string | null;
	facts: Readonly<Record<string, unknown>>;
	state: JobState;
	progress: number | null;
	queuedMs: number;
	startedMs: number | null;
	endedMs: number | null;
	/** The last sign of life of who works on it. */
	aliveMs: number;
	result: object | null;
	failure: { code: string; details: object } | null;
}

interface Live {
	kept: Kept;
	order: Order;
	stop: AbortController;
	/** On whose behalf. */
	scope: Scope;
	done: Promise<void>;
}

const KIND = "job";
const KEPT_JOBS = 500;
const BEAT_MS = 2_000;
/** Longer than any pause of a living process; then whoever worked on it is gone. */
const GONE_MS = 30_000;

/**
 * Long work of a site, one after the other in this process, remembered in the store: a restart loses none, and one that
 * was cut short says so.
 */
export class WorkQueue implements JobSource {
	readonly #options: WorkOptions;
	readonly #now: () => number;
	readonly #live = new Map<string, Live>();
	#turn: Promise<unknown> = Promise.resolve();

	constructor(options: WorkOptions) {
		this.#options = options;
		this.#now = options.now ?? Date.now;
	}

	/** Jobs that run or wait. */
	get size(): number {
		return this.#live.size;
	}

	/** Takes an order; it is on disk before it is answered. @throws EnergyError `jobs.busy` */
	async start(order: Order, language: Language): Promise<WireJob> {
		const most = this.#options.mostWaiting ?? 20;
		if (this.#live.size > most) throw new EnergyError("jobs.busy", { waiting: this.#live.size, most, seconds: 10 });
		const nowMs = this.#now();
		const kept: Kept = {
			...{ version: 1, id: `${order.type}.${this.#options.site}.${randomUUID()}`, type: order.type, by: order.by },
			...{ facts: order.facts ?? {}, state: "queued", progress: 0, queuedMs: nowMs, startedMs: null, endedMs: null },
			...{ aliveMs: nowMs, result: null, failure: null },
		};
		const live: Live = { kept, order, stop: new AbortController(), scope: scopeNow(), done: Promise.resolve() };
		this.#live.set(kept.id, live);
		try {
			await this.#save(kept);
		} catch (error) {
			this.#live.delete(kept.id);
			throw error;
		}
		live.done = this.#turn.then(() => inScope(live.scope, () => this.#run(live)));
		this.#turn = live.done;
		noteChange({ target: kept.id, before: null, after: factsOf(kept) });
		return this.#wire(kept, language);
	}

	async job(id: string, language: Language): Promise<WireJob | undefined> {
		const kept = await this.#find(id);
		return kept && this.#wire(kept, language);
	}

	async jobs(language: Language): Promise<WireJob[]> {
		const store = await this.#options.store();
		const { items } = await store.documents({ site: this.#options.site, kind: KIND, limit: KEPT_JOBS });
		return items.map(({ id, value }) => this.#wire(this.#live.get(id)?.kept ?? (value as Kept), language));
	}

	async cancel(id: string, language: Language): Promise<WireJob | undefined> {
		const live = this.#live.get(id);
		const before = live && factsOf(live.kept);
		live?.stop.abort(new EnergyError("jobs.cancelled", { job: id }));
		await live?.done;
		const kept = await this.#find(id);
		if (!kept) return undefined;
		const job = this.#wire(kept, language);
		if (before) noteChange({ target: id, before, after: factsOf(kept) });
		if (job.state === "cancelled") return job;
		if (job.state === "queued" || job.state === "running") throw new EnergyError("jobs.elsewhere", { job: id });
		throw new EnergyError("jobs.ended", { job: id, state: job.state });
	}

	/** Ends what runs; its jobs say that they were cut short. */
	async close(): Promise<void> {
		const live = [...this.#live.values()];
		for (const { kept, stop } of live) stop.abort(new EnergyError("jobs.interrupted", { job: kept.id }));
		await Promise.all(live.map(({ done }) => done));
	}

	async #run({ kept, order, stop }: Live): Promise<void> {
		const before = factsOf(kept);
		const beat = setInterval(() => void this.#beat(kept), BEAT_MS).unref();
		try {
			stop.signal.throwIfAborted();
			Object.assign(kept, { state: "running", startedMs: this.#now() });
			kept.result = await order.work((progress) => {
				kept.progress = Math.min(1, Math.max(kept.progress ?? 0, progress));
			}, stop.signal);
			Object.assign(kept, { state: "done", progress: 1 });
		} catch (error) {
			const known = stop.signal.aborted && stop.signal.reason instanceof EnergyError ? stop.signal.reason : error;
			const { code, details } = known instanceof EnergyError ? known : { code: "nodes.unexpected", details: {} };
			kept.failure = { code, details };
			kept.state = code === "jobs.cancelled" ? "cancelled" : "failed";
			if (!(known instanceof EnergyError)) log("error", "jobs", `${kept.id}: ${(error as Error)?.stack ?? error}`);
		}
		clearInterval(beat);
		kept.endedMs = this.#now();
		// A cancelled one is the deed of whoever cancelled it.
		if (kept.state !== "cancelled") noteChange({ target: kept.id, before, after: factsOf(kept) });
		try {
			await this.#save(kept);
			await this.#forgetOld();
		} catch (error) {
			log("error", "jobs", `${kept.id} ended as ${kept.state}, which could not be kept: ${(error as Error).message}`);
		}
		this.#live.delete(kept.id);
		order.after?.();
	}

	async #beat(kept: Kept): Promise<void> {
		kept.aliveMs = this.#now();
		await this.#save(kept).catch(() => undefined);
	}

	async #save(kept: Kept): Promise<void> {
		const store = await this.#options.store();
		const put = [{ id: kept.id, atMs: kept.queuedMs, value: structuredClone(kept) }];
		await store.saveDocuments({ site: this.#options.site, kind: KIND, put });
	}

	async #forgetOld(): Promise<void> {
		const { site } = this.#options;
		const store = await this.#options.store();
		const first = await store.documents({ site, kind: KIND, limit: KEPT_JOBS });
		if (first.nextCursor === undefined) return;
		const { items } = await store.documents({ site, kind: KIND, limit: KEPT_JOBS, cursor: first.nextCursor });
		await store.saveDocuments({ site, kind: KIND, remove: items.map(({ id }) => id) });
	}

	async #find(id: string): Promise<Kept | undefined> {
		const live = this.#live.get(id);
		if (live) return live.kept;
		const store = await this.#options.store();
		return (await store.document(this.#options.site, KIND, id))?.value as Kept | undefined;
	}

	#wire(kept: Kept, language: Language): WireJob {
		const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
		const under = kept.state === "queued" || kept.state === "running";
		const lost = under && !this.#live.has(kept.id) && this.#now() - kept.aliveMs > GONE_MS;
		const failure = lost ? { code: "jobs.interrupted", details: { job: kept.id } } : kept.failure;
		return {
			...kept.facts,
			...{ id: kept.id, type: kept.type, site: this.#options.site, state: lost ? "failed" : kept.state },
			...{ progress: kept.progress, by: kept.by, queuedAt: new Date(kept.queuedMs).toISOString() },
			...{ startedAt: iso(kept.startedMs), endedAt: iso(lost ? kept.aliveMs : kept.endedMs), result: kept.result },
			problem: failure && problemOf(new EnergyError(failure.code, { ...failure.details }), language),
		};
	}
}

/** What an auditor has to know of a job. */
const factsOf = ({ type, facts, state, result, failure }: Kept): object => ({ type, ...facts, state, result, failure });
