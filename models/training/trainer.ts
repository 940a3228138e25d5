import { EnergyError } from "../../lib/errors.ts";
import { inScope, type Scope, scopeNow } from "../../lib/log/scope.ts";
import { tellAll } from "../listeners.ts";
import type { Json } from "../model.ts";
import { failureOf } from "../records.ts";
import { type ModelAddress, type ModelRecord, type ModelRegistry, openRegistry } from "../registry.ts";
import { TrainingThread } from "./thread.ts";

/** Data of one training, read when its turn comes. */
export interface TrainingData {
	/** What the kind's `fit` takes. */
	data: unknown;
	rows: number;
	trainingWindow: { fromMs: number; toMs: number };
	/** From `fingerprintOf`. */
	dataFingerprint: string;
}

export interface TrainingRequest extends ModelAddress {
	kind: string;
	options: Json;
	/** Tells trainings of one address and kind apart that are not the same thing asked for twice. */
	twin?: string;
	/** Default 1. */
	seed?: number;
	/** `asked`, `nightly`, `drift`, `first`. */
	reason: string;
	/** Who asked, where a person did. */
	by?: string;
	/** When it is asked for, epoch ms; default now. */
	askedMs?: number;
	/** Reads the data; nothing is held in memory while others train. */
	read: () => Promise<TrainingData>;
	/** Makes it active when it is fitted (default), unless `accept` says no. */
	promote?: boolean;
	/** Looks at the fitted model and the active one (if any) before it is promoted. */
	accept?: (fitted: ModelRecord, active: ModelRecord | undefined) => boolean;
	/** Ends a fit that takes longer; default 10 minutes. */
	deadlineMs?: number;
	/** A matter of seconds: it is trained before those that wait and take minutes. */
	brief?: boolean;
}

export interface TrainingJob {
	/** Id of the model that will be: `GET /api/v1/models/{id}/status` shows how far it is. */
	readonly id: string;
	readonly request: TrainingRequest;
	/** As it was written down when it was asked for. */
	readonly record: ModelRecord;
	readonly state: "queued" | "running";
	/** 0…1. */
	readonly progress: number;
	readonly startedMs: number | undefined;
	/** Resolves when it ended, well or not: the record says which. */
	readonly done: Promise<ModelRecord>;
	cancel(): void;
}

/** What happens to a training while it is under way: it waits, runs, gets on, or is over with this record. */
export type JobListener = (job: TrainingJob, ended: ModelRecord | undefined) => void;

interface Job extends TrainingJob {
	state: TrainingJob["state"];
	progress: number;
	startedMs: number | undefined;
	abort: AbortController;
	/** On whose behalf: the queue is worked off by whoever came first. */
	scope: Scope;
	end: (record: ModelRecord) => void;
	/** When its progress was last written down, and the writing. */
	notedMs: number;
	noting: Promise<unknown>;
}

/** Trainings that may wait at once: a plant's machines in one night. */
const MAX_JOBS = 1_000;
/** Progress is written down this often, for other processes and as a sign of life. */
const NOTE_MS = 5_000;

const trainersName = Symbol.for("smartfactory.energy.trainers");
const globals = globalThis as { [trainersName]?: Map<string, Trainer> };
globals[trainersName] ??= new Map();
const trainers = globals[trainersName];

/** The trainer of a home folder: one, with one thread, for the process. */
export function trainerOf(home: string): Trainer {
	const registry = openRegistry(home);
	let trainer = trainers.get(registry.folder);
	if (!trainer) {
		trainer = new Trainer(registry);
		trainers.set(registry.folder, trainer);
	}
	return trainer;
}

/** Trains models one after another in a thread and writes down in the registry what became of them. */
export class Trainer {
	readonly registry: ModelRegistry;
	readonly #thread: Pick<TrainingThread, "fit" | "close">;
	/** In the order they are trained; the first one runs. */
	readonly #jobs = new Map<string, Job>();
	/** Trainings that are being written down, by address and kind. */
	readonly #beginning = new Map<string, Promise<TrainingJob>>();
	readonly #endListeners = new Set<(record: ModelRecord) => void>();
	readonly #jobListeners = new Set<JobListener>();
	#running = false;

	constructor(registry: ModelRegistry, thread: Pick<TrainingThread, "fit" | "close"> = new TrainingThread()) {
		this.registry = registry;
		this.#thread = thread;
	}

	/** Trainings that wait or run. */
	get jobs(): readonly TrainingJob[] {
		return [...this.#jobs.values()];
	}

	job(id: string): TrainingJob | undefined {
		return this.#jobs.get(id);
	}

	/** How many trainings come before one: the running one, and of those that wait the brief ones first. */
	ahead({ id }: Pick<TrainingJob, "id">): number {
		const rank = ({ state, request }: Job): number => (state === "running" ? 0 : request.brief ? 1 : 2);
		const inTurn = [...this.#jobs.values()].sort((a, b) => rank(a) - rank(b));
		return Math.max(
			0,
			inTurn.findIndex((job) => job.id === id),
		);
	}

	/** Told of every training that ended, and of every promotion that came with it; returns how to stop listening. */
	onEnded(listener: (record: ModelRecord) => void): () => void {
		this.#endListeners.add(listener);
		return () => this.#endListeners.delete(listener);
	}

	/** Told of every step of every training; returns how to stop listening. */
	onJob(listener: JobListener): () => void {
		this.#jobListeners.add(listener);
		return () => this.#jobListeners.delete(listener);
	}

	/**
	 * Asks for a training. One that already waits or runs for the same address and kind is given back instead of a second.
	 *
	 * @param mostWaiting refuses it when so many wait or run already
	 * @throws EnergyError `models.busy`, `models.kind-unknown`, `models.name-invalid`
	 */
	train(request: TrainingRequest, mostWaiting = MAX_JOBS): Promise<TrainingJob> {
		const key = keyOf(request);
		const same = this.#beginning.get(key) ?? this.#same(key);
		if (same) return Promise.resolve(same);
		const waiting = this.#jobs.size + this.#beginning.size;
		if (waiting >= Math.min(mostWaiting, MAX_JOBS)) {
			return Promise.reject(new EnergyError("models.busy", { waiting }));
		}
		const beginning = this.#begin(request).finally(() => this.#beginning.delete(key));
		this.#beginning.set(key, beginning);
		return beginning;
	}

	async close(): Promise<void> {
		await Promise.allSettled(this.#beginning.values());
		const jobs = this.jobs;
		for (const job of jobs) job.cancel();
		await Promise.all(jobs.map(({ done }) => done));
		await this.#thread.close();
	}

	/** One that is being cancelled is none to wait for. */
	#same(key: string): Job | undefined {
		return [...this.#jobs.values()].find(({ request, abort }) => keyOf(request) === key && !abort.signal.aborted);
	}

	async #begin(request: TrainingRequest): Promise<TrainingJob> {
		const { task, site, machine, kind, options, seed = 1, reason, by, askedMs } = request;
		const when = askedMs === undefined ? {} : { createdMs: askedMs };
		const order = { kind, options, seed, reason, ...(by !== undefined && { by }), ...when };
		const record = await this.registry.begin({ task, site, machine }, order);
		const { id } = record;
		let end: Job["end"] = () => {};
		const done = new Promise<ModelRecord>((resolve) => {
			end = resolve;
		});
		const abort = new AbortController();
		const job: Job = {
			...{ id, request, record, done, end, abort, state: "queued", progress: 0, startedMs: undefined },
			...{ notedMs: Date.now(), noting: Promise.resolve(), cancel: () => this.#cancel(job), scope: scopeNow() },
		};
		this.#jobs.set(id, job);
		this.#tell(job);
		void this.#next();
		return job;
	}

	/** One that waits ends at once, the one that runs at its next step. */
	#cancel(job: Job): void {
		if (job.abort.signal.aborted || !this.#jobs.has(job.id)) return;
		job.abort.abort();
		if (job.state !== "queued") return;
		const cancelled = new EnergyError("models.cancelled", { model: job.id });
		void this.#failed(job, cancelled).then((ended) => this.#over(job, ended));
	}

	async #next(): Promise<void> {
		if (this.#running) return;
		this.#running = true;
		for (;;) {
			const waiting = [...this.#jobs.values()].filter(({ abort }) => !abort.signal.aborted);
			const job = waiting.find(({ request }) => request.brief) ?? waiting[0];
			if (!job) break;
			await inScope(job.scope, () => this.#run(job));
		}
		this.#running = false;
	}

	/** Never rejects: what went wrong is in the record. */
	async #run(job: Job): Promise<void> {
		const ended = await this.#fitted(job).catch((error: unknown) => this.#failed(job, error));
		this.#over(job, ended);
	}

	async #fitted(job: Job): Promise<ModelRecord> {
		const { id, request } = job;
		job.state = "running";
		job.startedMs = Date.now();
		this.#tell(job);
		await this.registry.note(id, { startedMs: job.startedMs, progress: 0, seenMs: job.startedMs });
		const { data, ...facts } = await request.read();
		const { kind, options, seed } = await this.registry.note(id, facts);
		const fitted = await this.#thread.fit({
			...{ data, model: id, signal: job.abort.signal, kind, options, seed },
			...(request.deadlineMs !== undefined && { deadlineMs: request.deadlineMs }),
			onProgress: (share) => this.#progress(job, share),
		});
		await job.noting;
		// From here on it is too late to cancel: a model is whole or not at all.
		if (job.abort.signal.aborted) throw new EnergyError("models.cancelled", { model: id });
		const ready = await this.registry.complete(id, fitted);
		if (request.promote === false) return ready;
		const [active] = await this.registry.list({ ...addressOf(request), status: "active" });
		const good = request.accept?.(ready, active) ?? true;
		return good ? this.registry.promote(id, request.by) : this.registry.note(id, { declined: true });
	}

	#progress(job: Job, share: number): void {
		job.progress = share;
		this.#tell(job);
		if (Date.now() - job.notedMs < NOTE_MS) return;
		job.notedMs = Date.now();
		const note = { progress: share, seenMs: job.notedMs };
		job.noting = this.registry.note(job.id, note).catch(() => undefined);
	}

	async #failed(job: Job, error: unknown): Promise<ModelRecord> {
		await job.noting;
		// The disk may be full or away: who waits is told all the same.
		const unwritten: ModelRecord = {
			...job.record,
			status: "failed",
			failedMs: Date.now(),
			failure: failureOf(error, job.id),
		};
		return this.registry.fail(job.id, error).catch(() => unwritten);
	}

	#over(job: Job, ended: ModelRecord): void {
		this.#jobs.delete(job.id);
		job.end(ended);
		tellAll(this.#endListeners, ended);
		this.#tell(job, ended);
	}

	#tell(job: Job, ended?: ModelRecord): void {
		tellAll(this.#jobListeners, job, ended);
	}
}

const keyOf = ({ task, site, machine, kind, twin = "" }: TrainingRequest): string =>
	`${task}.${site}.${machine}.${kind}.${twin}`;

function addressOf({ task, site, machine }: ModelAddress): ModelAddress {
	return { task, site, machine };
}
