import { EnergyError } from "../../lib/errors.ts";
import type { Json } from "../model.ts";
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
	/** Default 1. */
	seed?: number;
	/** `asked`, `nightly`, `drift`, `first`. */
	reason: string;
	/** Reads the data; nothing is held in memory while others train. */
	read: () => Promise<TrainingData>;
	/** Makes it active when it is fitted (default), unless `accept` says no. */
	promote?: boolean;
	/** Looks at the fitted model and the active one (if any) before it is promoted. */
	accept?: (fitted: ModelRecord, active: ModelRecord | undefined) => boolean;
	deadlineMs?: number;
}

export interface TrainingJob {
	/** Id of the model that will be: `GET /api/v1/models/{id}/status` shows how far it is. */
	id: string;
	request: TrainingRequest;
	/** 0…1. */
	progress: number;
	/** Resolves when it ended, well or not: the record says which. */
	done: Promise<ModelRecord>;
	cancel(): void;
}

/** Trainings that may wait at once: a plant's machines in one night. */
const MAX_JOBS = 1_000;

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
	readonly #thread: TrainingThread;
	readonly #jobs = new Map<string, TrainingJob>();
	/** Trainings that are being written down, by address and kind. */
	readonly #beginning = new Map<string, Promise<TrainingJob>>();
	readonly #listeners = new Set<(record: ModelRecord) => void>();
	#last: Promise<unknown> = Promise.resolve();

	constructor(registry: ModelRegistry, thread = new TrainingThread()) {
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

	/** Told of every training that ended, and of every promotion that came with it; returns how to stop listening. */
	onEnded(listener: (record: ModelRecord) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/**
	 * Asks for a training. One that already waits for the same address and kind is given back instead of a second.
	 *
	 * @throws EnergyError `models.busy`, `models.kind-unknown`, `models.name-invalid`
	 */
	train(request: TrainingRequest): Promise<TrainingJob> {
		const key = keyOf(request);
		const same = this.#beginning.get(key) ?? this.jobs.find(({ request: other }) => keyOf(other) === key);
		if (same) return Promise.resolve(same);
		if (this.#jobs.size >= MAX_JOBS) {
			return Promise.reject(new EnergyError("models.busy", { waiting: this.#jobs.size }));
		}
		const beginning = this.#begin(request).finally(() => this.#beginning.delete(key));
		this.#beginning.set(key, beginning);
		return beginning;
	}

	async #begin(request: TrainingRequest): Promise<TrainingJob> {
		const { task, site, machine, kind, options, seed = 1, reason } = request;
		const record = await this.registry.begin({ task, site, machine }, { kind, options, seed, reason });
		const abort = new AbortController();
		const turn = this.#last.then(() => this.#run(record, request, abort.signal));
		this.#last = turn;
		const job: TrainingJob = { id: record.id, request, progress: 0, done: turn, cancel: () => abort.abort() };
		this.#jobs.set(record.id, job);
		return job;
	}

	async close(): Promise<void> {
		for (const job of this.jobs) job.cancel();
		await Promise.all(this.jobs.map(({ done }) => done));
		await this.#thread.close();
	}

	/** Never rejects: what went wrong is in the record. */
	async #run(record: ModelRecord, request: TrainingRequest, signal: AbortSignal): Promise<ModelRecord> {
		const { id } = record;
		let ended = record;
		try {
			if (signal.aborted) throw new EnergyError("models.cancelled", { model: id });
			const { data, ...facts } = await request.read();
			await this.registry.note(id, facts);
			const fitted = await this.#thread.fit({
				...{ data, model: id, signal, kind: record.kind, options: record.options, seed: record.seed },
				...(request.deadlineMs !== undefined && { deadlineMs: request.deadlineMs }),
				onProgress: (share) => {
					const job = this.#jobs.get(id);
					if (job) job.progress = share;
				},
			});
			ended = await this.registry.complete(id, fitted);
			if (request.promote !== false) {
				const [active] = await this.registry.list({ ...addressOf(request), status: "active" });
				if (request.accept?.(ended, active) ?? true) ended = await this.registry.promote(id);
			}
		} catch (error) {
			ended = await this.registry.fail(id, error).catch(() => ({ ...record, status: "failed" as const }));
		}
		this.#jobs.delete(id);
		for (const listener of this.#listeners) listener(ended);
		return ended;
	}
}

const keyOf = ({ task, site, machine, kind }: TrainingRequest): string => `${task}.${site}.${machine}.${kind}`;

function addressOf({ task, site, machine }: ModelAddress): ModelAddress {
	return { task, site, machine };
}
