import { EnergyError } from "../lib/errors.ts";
import { explain, type Language, languages } from "../lib/messages.ts";
import { type Problem, problemOf } from "../lib/problem.ts";
import type { Metrics, ModelDescription } from "./model.ts";
import type { ModelFailure, ModelRecord, ModelStatus } from "./registry.ts";
import type { TrainingJob } from "./training/trainer.ts";

/** A reader's language; `null` for messages that nobody reads yet: they carry every language. */
export type Reader = Language | null;

export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

/** What went wrong: a problem by RFC 9457, or for everybody its code and a sentence in each language. */
export type WireProblem = Problem | { title: string; detail: Record<Language, string>; details: object };

/** A model as messages and the API show it; times ISO 8601. What is not known is absent. */
export interface WireModel {
	id: string;
	task: string;
	site: string;
	machine: string;
	version: number;
	kind: string;
	kindVersion: number;
	status: ModelStatus;
	seed: number;
	reason: string;
	by?: string;
	createdAt: string;
	trainedAt?: string;
	promotedAt?: string;
	promotedBy?: string;
	rolledBackAt?: string;
	declined?: true;
	durationMs?: number;
	trainingWindow?: { from: string; to: string };
	rows?: number;
	dataFingerprint?: string;
	metrics?: Metrics;
	bytes?: number;
	problem?: WireProblem;
}

export interface WireJob {
	/** That of the model it makes. */
	id: string;
	type: "training";
	site: string;
	task: string;
	machine: string;
	kind: string;
	state: JobState;
	/** 0…1; null where another process trains and has not told yet. */
	progress: number | null;
	/** Trainings before it in the queue. */
	ahead: number | null;
	reason: string;
	by: string | null;
	queuedAt: string;
	startedAt: string | null;
	endedAt: string | null;
	/** Of one that is done. */
	result: { model: string; status: ModelStatus; promoted: boolean; metrics: Metrics } | null;
	/** Of one that failed or was cancelled. */
	problem: WireProblem | null;
}

/** A model with what it says about itself and the job that made it. */
export interface WireModelStatus extends WireModel {
	description?: ModelDescription;
	job: WireJob;
}

/** As a person reads it. */
const shareOf = (share: number | null): number | null => (share === null ? null : Math.round(1_000 * share) / 1_000);

const iso = (ms: number): string => new Date(ms).toISOString();

/** Only what is known, so that no key says undefined. */
function known<T extends object>(given: { [K in keyof T]: T[K] | undefined }): T {
	return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}

export function wireProblem({ code, details }: ModelFailure, reader: Reader): WireProblem {
	const error = new EnergyError(code, details);
	if (reader) return problemOf(error, reader);
	const detail = Object.fromEntries(languages.map((language) => [language, explain(error, language)]));
	return { title: code, detail: detail as Record<Language, string>, details };
}

/** A record of the registry as it travels; its failure in the words of the reader. */
export function wireModel(record: ModelRecord, reader: Reader): WireModel {
	const { id, task, site, machine, version, kind, kindVersion, status, seed, reason, by } = record;
	const at = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : iso(ms));
	return known<WireModel>({
		...{ id, task, site, machine, version, kind, kindVersion, status, seed, reason, by },
		createdAt: iso(record.createdMs),
		trainedAt: at(record.trainedMs),
		promotedAt: at(record.promotedMs),
		promotedBy: record.promotedBy,
		rolledBackAt: at(record.rolledBackMs),
		declined: record.declined,
		durationMs: record.durationMs,
		trainingWindow: record.trainingWindow && {
			from: iso(record.trainingWindow.fromMs),
			to: iso(record.trainingWindow.toMs),
		},
		rows: record.rows,
		dataFingerprint: record.dataFingerprint,
		metrics: record.metrics,
		bytes: record.bytes,
		problem: record.failure && wireProblem(record.failure, reader),
	});
}

export function stateOf(record: ModelRecord, job: TrainingJob | undefined): JobState {
	if (job) return job.state;
	if (record.status === "training") return record.startedMs === undefined ? "queued" : "running";
	if (record.status !== "failed" || record.trainedMs !== undefined) return "done";
	return record.failure?.code === "models.cancelled" ? "cancelled" : "failed";
}

/**
 * The training that made a model, or makes it.
 *
 * @param live the job where this process trains it
 * @param ahead how many it trains before
 */
export function wireJob(record: ModelRecord, reader: Reader, live?: { job: TrainingJob; ahead: number }): WireJob {
	const { id, site, task, machine, kind, reason, status, failure } = record;
	const state = stateOf(record, live?.job);
	const under = state === "queued" || state === "running";
	const startedMs = live?.job.startedMs ?? record.startedMs;
	const endedMs = under ? undefined : (record.trainedMs ?? record.failedMs);
	const ended = state === "failed" || state === "cancelled";
	return {
		...{ id, type: "training", site, task, machine, kind, state, reason },
		by: record.by ?? null,
		progress: state === "done" ? 1 : shareOf(live?.job.progress ?? record.progress ?? (under ? null : 0)),
		ahead: state === "queued" ? (live?.ahead ?? null) : null,
		queuedAt: iso(record.createdMs),
		startedAt: startedMs === undefined ? null : iso(startedMs),
		endedAt: endedMs === undefined ? null : iso(endedMs),
		result:
			state === "done"
				? { model: id, status, promoted: record.promotedMs !== undefined, metrics: record.metrics ?? {} }
				: null,
		problem: ended && failure ? wireProblem(failure, reader) : null,
	};
}
