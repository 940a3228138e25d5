import { EnergyError } from "../lib/errors.ts";
import { type Listing, pageOf } from "../lib/listing.ts";
import { noteChange } from "../lib/log/scope.ts";
import type { Store } from "../lib/store/store.ts";
import type { Site } from "../lib/telemetry/site.ts";
import "./all-tasks.ts";
import { importOrder, importRequest } from "./desk-import.ts";
import { checkSite, type Loose, listQuery, subjectOf, trainOrder } from "./desk-input.ts";
import {
	type Reader,
	stateOf,
	type WireJob,
	type WireModel,
	type WireModelStatus,
	wireJob,
	wireModel,
} from "./desk-wire.ts";
import { forecastTask } from "./forecast/training.ts";
import { addressOf, keyOf, type ModelAddress, type ModelRecord } from "./records.ts";
import { servingThread } from "./serving/thread.ts";
import { taskOf } from "./tasks.ts";
import type { TrainingSettings } from "./training/settings.ts";
import type { Trainer, TrainingJob } from "./training/trainer.ts";

export type TrainingStep = "queued" | "started" | "progress" | "done" | "failed" | "cancelled";

export type DeskEvent =
	| { event: "training"; step: TrainingStep; job: WireJob }
	| { event: "model"; step: "promoted" | "rolled-back" | "retired"; model: WireModel };

export interface DeskOptions {
	site: Site;
	store: () => Promise<Store>;
	trainer: Trainer;
	/** Longest time of a training that says nothing else. */
	deadlineMs: number;
	/** Trainings that may wait or run; more are refused. */
	mostWaiting: number;
	/** What the configuration says of trainings. */
	settings?: TrainingSettings;
	happened: (event: DeskEvent) => void;
}

export interface ModelPage {
	items: WireModel[];
	nextCursor?: string;
}

/** Progress is told in steps of this size at most, or after a while. */
const STEP = 0.05;
const STEP_MS = 2_000;
/** A fit that is told to stop does so at its next step, or its thread is ended. */
const CANCEL_MS = 4_000;

/**
 * What people and programs ask of the models of one site. A job is the training of one version of a model and has its
 * id: what the registry has on disk is all there is to know of it, so a restart loses none and contradicts nothing.
 */
export class ModelDesk {
	readonly #options: DeskOptions;
	readonly #stop: () => void;
	readonly #told = new Map<string, { progress: number; atMs: number }>();

	constructor(options: DeskOptions) {
		this.#options = options;
		this.#stop = options.trainer.onJob((job, ended) => this.#step(job, ended));
	}

	close(): void {
		this.#stop();
	}

	/** Trainings of this process that run or wait, whatever the site. */
	get jobs(): readonly TrainingJob[] {
		return this.#options.trainer.jobs;
	}

	/**
	 * Newest version first within task and machine, unless told.
	 *
	 * @throws EnergyError `models.bad-input`, `api.sort-unknown`, `api.cursor-unfit`
	 */
	async list(given: Loose, reader: Reader): Promise<ModelPage> {
		const site = this.#options.site.id;
		checkSite(given, site);
		const { page, ...filter } = listQuery(given);
		const records = await this.#options.trainer.registry.list({ ...filter, site });
		const { items, ...next } = pageOf(records, modelListing, page);
		return { items: items.map((record) => wireModel(record, reader)), ...next };
	}

	/**
	 * Asks for a training. One of the same task, machine and kind that waits or runs already, here or in another process,
	 * is answered instead of a second.
	 *
	 * @throws EnergyError `models.bad-input`, `models.task-unknown`, `models.kind-unknown`, `models.machine-unknown`,
	 *   `models.busy`
	 */
	async train(given: Loose, by: string | undefined, reader: Reader): Promise<WireJob> {
		const { site, store, trainer, deadlineMs, mostWaiting, settings } = this.#options;
		checkSite(given, site.id);
		const order = trainOrder(given);
		const task = taskOf(order.task);
		const kind = order.kind ?? (task.kinds[0] as string);
		if (!task.kinds.includes(kind))
			throw new EnergyError("models.kind-unknown", { kind, known: task.kinds.join(", ") });
		await this.#checkMachine(order.machine, task.others ?? []);
		const { machine, historyDays, seed, promote } = order;
		const address = { task: task.task, site: site.id, machine };
		const [elsewhere] = (await trainer.registry.list({ ...address, status: "training" })).filter(
			(record) => record.kind === kind && record.owner?.run !== trainer.registry.owner.run,
		);
		if (elsewhere) return this.#wireJob(elsewhere, reader);
		const subject = {
			...{ site, store, machine, kind },
			...(historyDays !== undefined && { historyDays }),
			...(settings && { settings }),
		};
		const job = await trainer.train(
			{
				...{ ...address, kind, reason: "asked", deadlineMs: order.deadlineMs ?? deadlineMs },
				...(seed !== undefined && { seed }),
				...(promote !== undefined && { promote }),
				...(by !== undefined && { by }),
				...task.training(subject),
			},
			mostWaiting,
		);
		return this.job(job.id, reader);
	}

	/**
	 * A model and its job; of a task and machine the active one, else the newest.
	 *
	 * @throws EnergyError `models.unknown`, `models.bad-input`
	 */
	async status(given: Loose, reader: Reader): Promise<WireModelStatus> {
		const record = await this.#recordOf(given);
		const { description } = record;
		return {
			...wireModel(record, reader),
			...(description && { description }),
			job: this.#wireJob(record, reader),
		};
	}

	/** Every training that is remembered, as a job. */
	async trainings(reader: Reader): Promise<WireJob[]> {
		const records = await this.#options.trainer.registry.list({ site: this.#options.site.id });
		return records.map((record) => this.#wireJob(record, reader));
	}

	/** @throws EnergyError `models.job-unknown` */
	async job(id: string, reader: Reader): Promise<WireJob> {
		return this.#wireJob(await this.#jobRecord(id), reader);
	}

	/**
	 * Ends a training; one that was cancelled already stays so.
	 *
	 * @throws EnergyError `models.job-unknown`, `models.job-ended`, `models.job-elsewhere`
	 */
	async cancel(id: string, reader: Reader): Promise<WireJob> {
		const record = await this.#jobRecord(id);
		const job = this.#options.trainer.job(id);
		if (job) {
			const before = { state: job.state };
			job.cancel();
			let timer: NodeJS.Timeout | undefined;
			await Promise.race([
				job.done,
				new Promise((resolve) => {
					timer = setTimeout(resolve, CANCEL_MS);
				}),
			]);
			clearTimeout(timer);
			const now = await this.job(id, reader);
			noteChange({ target: id, before, after: { state: now.state } });
			return this.#ended(now);
		}
		if (record.status === "training") {
			const { host = "–", pid = "–" } = record.owner ?? {};
			throw new EnergyError("models.job-elsewhere", { job: id, host, pid });
		}
		return this.#ended(this.#wireJob(record, reader));
	}

	/**
	 * Takes a model that somebody brought: its manifest and its file are checked at once against its own sample; then, as
	 * a job, it is tried on the machine's load, which tells how good it is, and stored.
	 *
	 * @throws EnergyError `models.bad-input`, `models.machine-unknown`, `models.onnx-…`, `models.busy`
	 */
	async import(given: Loose, by: string | undefined, reader: Reader): Promise<WireJob> {
		const { site, store, trainer, mostWaiting } = this.#options;
		checkSite(given, site.id);
		const order = importOrder(given);
		await this.#checkMachine(order.machine, forecastTask.others ?? []);
		await servingThread().check(order.file, order.manifest, { engine: "auto", provider: "cpu" });
		const job = await trainer.train(importRequest(order, site, store, by), mostWaiting);
		return this.job(job.id, reader);
	}

	/** Takes a model out of use. @throws EnergyError `models.unknown`, `models.not-active`, `models.bad-input` */
	async retire(given: Loose, reader: Reader): Promise<WireModel> {
		const from = await this.#recordOf(given);
		const model = wireModel(await this.#options.trainer.registry.retire(from.id), reader);
		if (from.status === "active") this.#options.happened({ event: "model", step: "retired", model });
		return model;
	}

	/** Makes a model the one in use. @throws EnergyError `models.unknown`, `models.not-promotable`, `models.bad-input` */
	async promote(given: Loose, by: string | undefined, reader: Reader): Promise<WireModel> {
		const { id, status } = await this.#recordOf(given, "newest");
		const model = wireModel(await this.#options.trainer.registry.promote(id, by), reader);
		if (status !== "active") this.#options.happened({ event: "model", step: "promoted", model });
		return model;
	}

	/**
	 * Back to the version that was in use before; answers that one.
	 *
	 * @throws EnergyError `models.unknown`, `models.not-active`, `models.no-earlier`, `models.bad-input`
	 */
	async rollBack(given: Loose, by: string | undefined, reader: Reader): Promise<WireModel> {
		const { registry } = this.#options.trainer;
		const from = await this.#recordOf(given);
		const back = await registry.rollBack(addressOf(from.id), from.id, by);
		const model = wireModel(back, reader);
		if (from.status === "active") this.#options.happened({ event: "model", step: "rolled-back", model });
		return model;
	}

	async #recordOf(given: Loose, otherwise: "active" | "newest" = "active"): Promise<ModelRecord> {
		const site = this.#options.site.id;
		checkSite(given, site);
		const subject = subjectOf(given, site);
		if ("id" in subject) return this.#ours(subject.id, "models.unknown");
		return this.#foremost(subject, otherwise);
	}

	async #foremost(address: ModelAddress, wanted: "active" | "newest"): Promise<ModelRecord> {
		const records = await this.#options.trainer.registry.list(address);
		const usable = records.find(({ status }) => status === "ready" || status === "active" || status === "retired");
		const active = records.find(({ status }) => status === "active");
		const record = (wanted === "active" ? active : usable) ?? records[0];
		if (record) return record;
		throw new EnergyError("models.unknown", { model: `${address.task}.${address.site}.${address.machine}` });
	}

	/** A model of another site is none of ours to show. */
	async #ours(id: string, otherwise: "models.unknown" | "models.job-unknown"): Promise<ModelRecord> {
		const none = new EnergyError(otherwise, { model: id, job: id });
		const record = await this.#options.trainer.registry.get(id).catch((error: unknown) => {
			const isUnknown = error instanceof EnergyError && /^models\.(unknown|name-invalid)$/.test(error.code);
			throw isUnknown ? none : error;
		});
		if (record.site !== this.#options.site.id) throw none;
		return record;
	}

	#jobRecord(id: string): Promise<ModelRecord> {
		return this.#ours(id, "models.job-unknown");
	}

	async #checkMachine(machine: string, others: readonly string[]): Promise<void> {
		const { site, store } = this.#options;
		const known = [...site.machines.map(({ id }) => id), ...others];
		if (known.includes(machine)) return;
		const latest = site.unknownMachines === "accept" ? await (await store()).latest(site.id) : [];
		if (latest.some((reading) => reading.machine === machine)) return;
		throw new EnergyError("models.machine-unknown", { machine, known: known.join(", ") });
	}

	#ended(job: WireJob): WireJob {
		if (job.state === "done" || job.state === "failed") {
			throw new EnergyError("models.job-ended", { job: job.id, state: job.state });
		}
		return job;
	}

	#wireJob(record: ModelRecord, reader: Reader): WireJob {
		const { trainer } = this.#options;
		const job = trainer.job(record.id);
		return wireJob(record, reader, job && { job, ahead: trainer.ahead(job) });
	}

	/** Tells a step of a training of our site; progress not more often than a person can use. */
	#step(job: TrainingJob, ended: ModelRecord | undefined): void {
		const { site, happened } = this.#options;
		if (job.request.site !== site.id) return;
		const step = this.#stepOf(job, ended);
		if (step) happened({ event: "training", step, job: this.#wireJob(ended ?? job.record, null) });
	}

	#stepOf({ id, state, progress }: TrainingJob, ended: ModelRecord | undefined): TrainingStep | undefined {
		if (ended) {
			this.#told.delete(id);
			const end = stateOf(ended, undefined);
			return end === "failed" || end === "cancelled" ? end : "done";
		}
		if (state === "queued") return "queued";
		const told = this.#told.get(id);
		if (told && progress - told.progress < STEP && Date.now() - told.atMs < STEP_MS) return undefined;
		this.#told.set(id, { progress, atMs: Date.now() });
		return told ? "progress" : "started";
	}
}

export const modelListing: Listing<ModelRecord> = {
	fields: {
		task: ({ task }) => task,
		machine: ({ machine }) => machine,
		version: ({ version }) => version,
		kind: ({ kind }) => kind,
		status: ({ status }) => status,
		createdAt: ({ createdMs }) => createdMs,
		trainedAt: ({ trainedMs = null }) => trainedMs,
	},
	usual: (record) => [keyOf(record), -record.version],
	id: ({ id }) => id,
};
