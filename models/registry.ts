import { createHash } from "node:crypto";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { EnergyError } from "../lib/errors.ts";
import "./all-kinds.ts";
import { writeAtomically } from "./atomic-file.ts";
import { kindOf } from "./kinds.ts";
import type { Json, Metrics, Model, ModelDescription, ModelState, NumberArray } from "./model.ts";
import { decodeModel, encodeModel } from "./model-file.ts";

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
	createdMs: number;
	trainedMs?: number;
	/** When it last became active. */
	promotedMs?: number;
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

export interface FittedParts {
	state: ModelState;
	metrics: Metrics;
	description: ModelDescription;
	durationMs: number;
}

export type ActiveModel =
	| { model: Model<never, unknown>; record: ModelRecord }
	/** No model is active, or the one that was could not be read. */
	| { model: undefined; record: ModelRecord | undefined; failure: ModelFailure | undefined };

const INDEX_VERSION = 1;
/** Versions kept beside the active one; older files go. */
const KEPT = 5;

const registryName = Symbol.for("smartfactory.energy.models");
const globals = globalThis as { [registryName]?: Map<string, ModelRegistry> };
globals[registryName] ??= new Map();
const registries = globals[registryName];

/** The registry of a home folder (SMARTFACTORY_HOME): one for the process, however often the package is loaded. */
export function openRegistry(home: string): ModelRegistry {
	const folder = join(resolve(home), "models");
	let registry = registries.get(folder);
	if (!registry) {
		registry = new ModelRegistry(folder);
		registries.set(folder, registry);
	}
	return registry;
}

/** SHA-256 over arrays and their names, to tell whether two models learnt from the same data. */
export function fingerprintOf(arrays: Readonly<Record<string, NumberArray>>): string {
	const hash = createHash("sha256");
	for (const name of Object.keys(arrays).sort()) {
		const array = arrays[name] as NumberArray;
		hash.update(`${name}:${array.constructor.name}:${array.length};`);
		hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
	}
	return hash.digest("hex");
}

/**
 * Models on disk: `<folder>/<task>/<site>/<machine>/` holds `index.json` and one file a version. Every write is atomic.
 * One process writes; within it, changes to an address happen one after another.
 */
export class ModelRegistry {
	readonly folder: string;
	readonly #indexes = new Map<string, Promise<ModelRecord[]>>();
	readonly #turns = new Map<string, Promise<unknown>>();
	readonly #listeners = new Set<(record: ModelRecord) => void>();
	#scanned: Promise<void> | undefined;

	constructor(folder: string) {
		this.folder = folder;
	}

	/** Told of every change of a record, after it is on disk; returns how to stop listening. */
	onChanged(listener: (record: ModelRecord) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/** All records, newest version first within an address. */
	async list(filter: Partial<ModelAddress> & { status?: ModelStatus } = {}): Promise<ModelRecord[]> {
		this.#scanned ??= this.#scan();
		await this.#scanned;
		const all = await Promise.all(this.#indexes.values());
		return all
			.flat()
			.filter(
				(record) =>
					(filter.task === undefined || record.task === filter.task) &&
					(filter.site === undefined || record.site === filter.site) &&
					(filter.machine === undefined || record.machine === filter.machine) &&
					(filter.status === undefined || record.status === filter.status),
			)
			.sort((a, b) => keyOf(a).localeCompare(keyOf(b)) || b.version - a.version)
			.map((record) => structuredClone(record));
	}

	/** @throws EnergyError `models.unknown` */
	async get(id: string): Promise<ModelRecord> {
		const address = addressOf(id);
		const record = (await this.#index(address)).find((one) => one.id === id);
		if (!record) throw new EnergyError("models.unknown", { model: id });
		return structuredClone(record);
	}

	/** Writes down that a training begins: the version's number is taken. */
	begin(
		address: ModelAddress,
		order: { kind: string; options: Json; seed: number; reason: string },
	): Promise<ModelRecord> {
		const { version: kindVersion } = kindOf(order.kind);
		return this.#change(address, (records) => {
			const version = 1 + Math.max(0, ...records.map((record) => record.version));
			const { task, site, machine } = address;
			const record: ModelRecord = {
				id: `${keyOf(address)}.${version}`,
				...{ task, site, machine, version, kindVersion },
				...order,
				status: "training",
				createdMs: Date.now(),
			};
			records.push(record);
			return record;
		});
	}

	/** Adds what became known of a training's data. */
	note(id: string, facts: Pick<ModelRecord, "trainingWindow" | "rows" | "dataFingerprint">): Promise<ModelRecord> {
		return this.#change(addressOf(id), (records) => Object.assign(recordOf(records, id), facts));
	}

	/** Stores a fitted model; it is `ready` then, not yet active. */
	async complete(id: string, { state, metrics, description, durationMs }: FittedParts): Promise<ModelRecord> {
		const { kind, kindVersion } = await this.get(id);
		const file = encodeModel(kind, kindVersion, state);
		await writeAtomically(this.#fileOf(id), file);
		return this.#change(addressOf(id), (records) =>
			Object.assign(recordOf(records, id), {
				status: "ready" as const,
				trainedMs: Date.now(),
				metrics,
				description,
				durationMs,
				bytes: file.length,
			}),
		);
	}

	/** A failed or cancelled training, or a model whose file cannot be used. */
	fail(id: string, error: unknown): Promise<ModelRecord> {
		return this.#change(addressOf(id), (records) =>
			Object.assign(recordOf(records, id), { status: "failed" as const, failure: failureOf(error, id) }),
		);
	}

	/** Makes a model the active one of its address; the one that was is retired. @throws `models.not-promotable` */
	async promote(id: string): Promise<ModelRecord> {
		const promoted = await this.#change(addressOf(id), (records) => activate(records, recordOf(records, id)));
		await this.#prune(promoted);
		return promoted;
	}

	/** Back to the version that was active before. @throws EnergyError `models.no-earlier` */
	rollBack(address: ModelAddress): Promise<ModelRecord> {
		return this.#change(address, (records) => {
			const earlier = records
				.filter(({ status, rolledBackMs }) => status === "retired" && rolledBackMs === undefined)
				.sort((a, b) => (b.promotedMs ?? 0) - (a.promotedMs ?? 0) || b.version - a.version)[0];
			if (!earlier) throw new EnergyError("models.no-earlier", { ...address });
			const now = records.find(({ status }) => status === "active");
			const back = activate(records, earlier);
			// What was rolled back from is not what the next roll back finds.
			if (now) now.rolledBackMs = Date.now();
			return back;
		});
	}

	/** Reads a model back. @throws EnergyError `models.unknown`, `models.file-…`, `models.kind-unknown` */
	async load(id: string): Promise<Model<never, unknown>> {
		const record = await this.get(id);
		const kind = kindOf(record.kind);
		const path = this.#fileOf(id);
		const file = await readFile(path).catch((error: unknown) => {
			throw new EnergyError("models.file-missing", { path, message: String(error) }, { cause: error });
		});
		return kind.deserialise(decodeModel(file, { kind: kind.kind, version: kind.version, path }));
	}

	/**
	 * The active model of an address. One that cannot be read is marked as failed, with the reason, and none is active
	 * then: rules take over.
	 */
	async active(address: ModelAddress): Promise<ActiveModel> {
		const record = (await this.#index(address)).find(({ status }) => status === "active");
		if (!record) return { model: undefined, record: undefined, failure: undefined };
		try {
			return { model: await this.load(record.id), record: structuredClone(record) };
		} catch (error) {
			const failed = await this.fail(record.id, error);
			return { model: undefined, record: failed, failure: failed.failure };
		}
	}

	#folderOf({ task, site, machine }: ModelAddress): string {
		for (const [field, value] of Object.entries({ task, site, machine })) {
			if (!/^[\p{L}\p{N}_-]{1,100}$/u.test(value)) throw new EnergyError("models.name-invalid", { field, value });
		}
		return join(this.folder, task, site, machine);
	}

	#fileOf(id: string): string {
		const address = addressOf(id);
		return join(this.#folderOf(address), `${id.slice(id.lastIndexOf(".") + 1)}.model`);
	}

	#index(address: ModelAddress): Promise<ModelRecord[]> {
		const key = keyOf(address);
		let index = this.#indexes.get(key);
		if (!index) {
			const folder = this.#folderOf(address);
			index = readIndex(join(folder, "index.json"));
			this.#indexes.set(key, index);
		}
		return index;
	}

	/** One change of an address at a time, on disk before it is told. */
	async #change(address: ModelAddress, change: (records: ModelRecord[]) => ModelRecord): Promise<ModelRecord> {
		const key = keyOf(address);
		const turn = (this.#turns.get(key) ?? Promise.resolve()).then(async () => {
			const records = structuredClone(await this.#index(address));
			const changed = change(records);
			const path = join(this.#folderOf(address), "index.json");
			await writeAtomically(path, `${JSON.stringify({ version: INDEX_VERSION, records }, null, "\t")}\n`);
			this.#indexes.set(key, Promise.resolve(records));
			for (const listener of this.#listeners) listener(changed);
			return structuredClone(changed);
		});
		this.#turns.set(
			key,
			turn.catch(() => undefined),
		);
		return turn;
	}

	/** Finds the addresses that have a folder. */
	async #scan(): Promise<void> {
		const names = async (folder: string): Promise<string[]> =>
			(await readdir(folder, { withFileTypes: true }).catch(() => []))
				.filter((entry) => entry.isDirectory())
				.map((entry) => entry.name);
		for (const task of await names(this.folder)) {
			for (const site of await names(join(this.folder, task))) {
				for (const machine of await names(join(this.folder, task, site))) await this.#index({ task, site, machine });
			}
		}
	}

	/** Files of versions that nobody will go back to. */
	async #prune(address: ModelAddress): Promise<void> {
		const gone: string[] = [];
		await this.#change(address, (records) => {
			const old = records
				.filter(({ status }) => status !== "active" && status !== "training")
				.sort((a, b) => b.version - a.version)
				.slice(KEPT);
			for (const record of old) {
				gone.push(record.id);
				records.splice(records.indexOf(record), 1);
			}
			return records.find(({ status }) => status === "active") as ModelRecord;
		});
		for (const id of gone) await rm(this.#fileOf(id), { force: true });
	}
}

function activate(records: ModelRecord[], record: ModelRecord): ModelRecord {
	if (record.status === "training" || record.status === "failed") {
		throw new EnergyError("models.not-promotable", { model: record.id, status: record.status });
	}
	for (const other of records) if (other.status === "active" && other !== record) other.status = "retired";
	record.status = "active";
	record.promotedMs = Date.now();
	delete record.rolledBackMs;
	return record;
}

function recordOf(records: ModelRecord[], id: string): ModelRecord {
	const record = records.find((one) => one.id === id);
	if (!record) throw new EnergyError("models.unknown", { model: id });
	return record;
}

const keyOf = ({ task, site, machine }: ModelAddress): string => `${task}.${site}.${machine}`;

function addressOf(id: string): ModelAddress {
	const [task, site, machine, version, ...more] = id.split(".");
	if (!task || !site || !machine || !/^[1-9]\d*$/.test(version ?? "") || more.length > 0) {
		throw new EnergyError("models.unknown", { model: id });
	}
	return { task, site, machine };
}

function failureOf(error: unknown, model: string): ModelFailure {
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

/** A list that cannot be read is put aside, not overwritten: its models may still be saved by hand. */
async function readIndex(path: string): Promise<ModelRecord[]> {
	const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
		if (error.code === "ENOENT") return undefined;
		throw error;
	});
	if (text === undefined) return [];
	try {
		const index = JSON.parse(text) as { version?: unknown; records?: ModelRecord[] };
		if (index.version !== INDEX_VERSION || !Array.isArray(index.records)) throw new Error(`version ${index.version}`);
		// What was in training when the process ended will not come any more.
		return index.records.map((record) =>
			record.status === "training"
				? { ...record, status: "failed", failure: failureOf(new Error("the program ended meanwhile"), record.id) }
				: record,
		);
	} catch {
		await rename(path, `${path}.unreadable-${Date.now()}`);
		return [];
	}
}
