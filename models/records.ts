import { readFile, rename, stat } from "node:fs/promises";
import { EnergyError } from "../lib/errors.ts";
import type { Json, Metrics, ModelDescription } from "./model.ts";
import type { Owner } from "./owner.ts";

// What the registry writes down of a model, and the changes of such lists.

/** `ready`: fitted, not used yet; `retired`: was active before, can be rolled back to. */
export type ModelStatus = "training" | "ready" | "active" | "failed" | "retired";

/** What a model is for. One machine has at most one active model of a task. */
export interface ModelAddress {
	/** `anomaly`, `forecast`. */
	task: string;
	site: string;
	machine: string;
}

export interface ModelFailure {
	/** Code of an EnergyError. */
	code: string;
	details: { [name: string]: Json };
}

/** What the registry knows of one version of a model. */
export interface ModelRecord extends ModelAddress {
	/** `<task>.<site>.<machine>.<version>`. */
	id: string;
	/** Counts up from 1 for each address. */
	version: number;
	kind: string;
	/** Version of the file's content, as its kind counts it. */
	kindVersion: number;
	status: ModelStatus;
	seed: number;
	options: Json;
	/** Why it was trained: `asked`, `nightly`, `drift`, `first`. */
	reason: string;
	/** Who asked for it, where a person did. */
	by?: string;
	createdMs: number;
	/** While it is in training: the program that trains it. */
	owner?: Owner;
	/** When its training left the queue. */
	startedMs?: number;
	/** How far the training was at `seenMs`, 0…1. */
	progress?: number;
	/** When the training last showed that it goes on. */
	seenMs?: number;
	/** When a training that did not succeed ended. */
	failedMs?: number;
	trainedMs?: number;
	/** When it last became active. */
	promotedMs?: number;
	/** Who made it so, where a person did. */
	promotedBy?: string;
	/** It was good enough to keep, not to become active by itself. */
	declined?: true;
	/** When it was rolled back from; only a person makes it active again. */
	rolledBackMs?: number;
	durationMs?: number;
	/** Span of the data that it learnt from, epoch ms. */
	trainingWindow?: { fromMs: number; toMs: number };
	rows?: number;
	/** SHA-256 of that data: the same fingerprint, options and seed give the same model. */
	dataFingerprint?: string;
	metrics?: Metrics;
	description?: ModelDescription;
	bytes?: number;
	failure?: ModelFailure;
}

export const INDEX_VERSION = 1;
/** Versions kept beside the active one: so many that were in use, that were not, and failed trainings; older ones go. */
const KEPT = 5;

export const namePattern = /^[\p{L}\p{N}_-]{1,100}$/u;

/** Takes versions out that nobody will go back to; returns their ids. */
export function pruned(records: ModelRecord[]): string[] {
	const newest = records.toSorted((a, b) => b.version - a.version);
	// Each of its kind: nights whose models were declined don't push out the one to roll back to.
	const old = (["ready", "retired", "failed"] as const).flatMap((kept) =>
		newest.filter(({ status }) => status === kept).slice(KEPT),
	);
	for (const record of old) records.splice(records.indexOf(record), 1);
	return old.map(({ id }) => id);
}

/** Takes a model into use and retires the one before it; @throws EnergyError `models.not-promotable` */
export function activate(records: ModelRecord[], record: ModelRecord, by: string | undefined): ModelRecord {
	if (record.status === "active") return record;
	if (record.status === "training" || record.status === "failed") {
		throw new EnergyError("models.not-promotable", { model: record.id, status: record.status });
	}
	for (const other of records) if (other.status === "active") other.status = "retired";
	record.status = "active";
	record.promotedMs = Date.now();
	delete record.promotedBy;
	if (by !== undefined) record.promotedBy = by;
	delete record.rolledBackMs;
	delete record.declined;
	return record;
}

/** Without what only a training has. */
export function settled(record: ModelRecord): ModelRecord {
	delete record.owner;
	delete record.progress;
	delete record.seenMs;
	return record;
}

/** A training whose program ended before it did. */
export function interrupted(record: ModelRecord): ModelRecord {
	const failedMs = record.seenMs ?? record.createdMs;
	const error = new EnergyError("models.interrupted", { model: record.id, seen: new Date(failedMs).toISOString() });
	return { ...settled({ ...record }), status: "failed", failedMs, failure: failureOf(error, record.id) };
}

/** Order of lists: by address, the newest version first. */
export function inOrder(
	a: Pick<ModelRecord, "task" | "site" | "machine" | "version">,
	b: Pick<ModelRecord, "task" | "site" | "machine" | "version">,
): number {
	const [one, other] = [keyOf(a), keyOf(b)];
	return one < other ? -1 : one > other ? 1 : b.version - a.version;
}

export function recordOf(records: ModelRecord[], id: string): ModelRecord {
	const record = records.find((one) => one.id === id);
	if (!record) throw new EnergyError("models.unknown", { model: id });
	return record;
}

export const keyOf = ({ task, site, machine }: ModelAddress): string => `${task}.${site}.${machine}`;

/** @throws EnergyError `models.unknown` where it is no id of a model */
export function addressOf(id: string): ModelAddress {
	const [task, site, machine, version, ...more] = id.split(".");
	if (!task || !site || !machine || !/^[1-9]\d*$/.test(version ?? "") || more.length > 0) {
		throw new EnergyError("models.unknown", { model: id });
	}
	return { task, site, machine };
}

/** Why a training failed, as the registry keeps it. */
export function failureOf(error: unknown, model: string): ModelFailure {
	if (error instanceof EnergyError) {
		return {
			code: error.code,
			details: JSON.parse(JSON.stringify({ model, ...error.details })) as ModelFailure["details"],
		};
	}
	return {
		code: "models.training-failed",
		details: { model, reason: error instanceof Error ? error.message : String(error) },
	};
}

/**
 * The file of a model is not there. Whatever else a disk says (too many open files, no right to read) may pass, and is
 * no reason to give a model up: that error goes on as it is.
 *
 * @throws EnergyError `models.file-missing`, or the error given
 */
export function fileMissing(path: string, error: unknown): never {
	if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
	throw new EnergyError("models.file-missing", { path, message: String(error) }, { cause: error });
}

/** Changes with every write: each is a new file, moved to its place. */
export async function stampOf(path: string): Promise<string> {
	const info = await stat(path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
		if (error.code === "ENOENT") return undefined;
		throw error;
	});
	return info ? `${info.ino}-${info.mtimeNs}-${info.size}` : "";
}

/** A list that cannot be read is put aside, not overwritten: its models may still be saved by hand. */
export async function readIndex(path: string): Promise<ModelRecord[]> {
	const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
		if (error.code === "ENOENT") return undefined;
		throw error;
	});
	if (text === undefined) return [];
	try {
		const index = JSON.parse(text) as { version?: unknown; records?: ModelRecord[] };
		if (index.version !== INDEX_VERSION || !Array.isArray(index.records)) throw new Error(`version ${index.version}`);
		return index.records;
	} catch {
		// Two that read it at once both come here; it is put aside once.
		await rename(path, `${path}.unreadable-${Date.now()}`).catch(() => undefined);
		return [];
	}
}
