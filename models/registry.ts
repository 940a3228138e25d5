import { createHash } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { EnergyError } from "../lib/errors.ts";
import { noteChange } from "../lib/log/scope.ts";
import "./all-kinds.ts";
import { writeAtomically } from "../lib/atomic-file.ts";
import { locked } from "./file-lock.ts";
import { kindOf } from "./kinds.ts";
import { tellAll } from "./listeners.ts";
import type { Json, Metrics, Model, ModelDescription, ModelState, NumberArray } from "./model.ts";
import { decodeModel, encodeModel } from "./model-file.ts";
import { isGone, type Owner, thisProcess } from "./owner.ts";
import {
	activate,
	addressOf,
	failureOf,
	fileMissing,
	INDEX_VERSION,
	inOrder,
	interrupted,
	keyOf,
	type ModelAddress,
	type ModelFailure,
	type ModelRecord,
	type ModelStatus,
	namePattern,
	pruned,
	readIndex,
	recordOf,
	settled,
	stampOf,
} from "./records.ts";

export type { ModelAddress, ModelFailure, ModelRecord, ModelStatus } from "./records.ts";

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

/** How often what other processes changed is looked for while somebody listens. */
const LOOK_MS = 5_000;

interface Index {
	/** Of the file when it was read: another one means that it changed. */
	stamp: string;
	records: ModelRecord[];
}

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
 * Several processes may share a folder: an address is changed by one at a time, and what others changed is read anew.
 */
export class ModelRegistry {
	readonly folder: string;
	/** Signs the trainings that this registry begins. */
	readonly owner: Owner;
	readonly #indexes = new Map<string, Index>();
	readonly #turns = new Map<string, Promise<unknown>>();
	readonly #listeners = new Set<(record: ModelRecord) => void>();
	/** Records by address as listeners know them, as text. */
	readonly #told = new Map<string, Map<string, string>>();
	#looking: NodeJS.Timeout | undefined;
	#looked = false;

	constructor(folder: string, owner = thisProcess) {
		this.folder = folder;
		this.owner = owner;
	}

	/**
	 * Told of every change of a record, after it is on disk, and within seconds of those that other processes make;
	 * returns how to stop listening.
	 */
	onChanged(listener: (record: ModelRecord) => void): () => void {
		this.#listeners.add(listener);
		const look = (): void => void this.look().catch(() => undefined);
		if (!this.#looking) look();
		this.#looking ??= setInterval(look, LOOK_MS).unref();
		return () => {
			this.#listeners.delete(listener);
			if (this.#listeners.size > 0) return;
			clearInterval(this.#looking);
			this.#looking = undefined;
		};
	}

	/** Tells listeners now what other processes changed since the last look; the first one only learns. */
	async look(): Promise<void> {
		const first = !this.#looked;
		for (const address of await this.#addresses()) {
			await this.#inTurn(address, async () => {
				const records = await this.#index(address);
				const known = this.#told.get(keyOf(address));
				this.#remember(address, records);
				if (!known && first) return;
				for (const record of records) if (known?.get(record.id) !== JSON.stringify(record)) this.#tell(record);
			});
		}
		this.#looked = true;
	}

	/** All records, newest version first within an address. */
	async list(filter: Partial<ModelAddress> & { status?: ModelStatus } = {}): Promise<ModelRecord[]> {
		const asked = (await this.#addresses()).filter(
			(address) =>
				(filter.task === undefined || address.task === filter.task) &&
				(filter.site === undefined || address.site === filter.site) &&
				(filter.machine === undefined || address.machine === filter.machine),
		);
		const all = await Promise.all(asked.map((address) => this.#index(address)));
		return all
			.flat()
			.filter(({ status }) => filter.status === undefined || status === filter.status)
			.sort(inOrder)
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
		order: { kind: string; options: Json; seed: number; reason: string; by?: string; createdMs?: number },
	): Promise<ModelRecord> {
		const { version: kindVersion } = kindOf(order.kind);
		return this.#change(address, (records) => {
			const version = 1 + Math.max(0, ...records.map((record) => record.version));
			const { task, site, machine } = address;
			const record: ModelRecord = {
				id: `${keyOf(address)}.${version}`,
				...{ task, site, machine, version, kindVersion },
				createdMs: Date.now(),
				...order,
				status: "training",
				owner: this.owner,
			};
			records.push(record);
			return record;
		});
	}

	/** Adds what became known of a training and its data. */
	note(
		id: string,
		facts: Partial<
			Pick<
				ModelRecord,
				"trainingWindow" | "rows" | "dataFingerprint" | "startedMs" | "progress" | "seenMs" | "declined"
			>
		>,
	): Promise<ModelRecord> {
		return this.#change(addressOf(id), (records) => Object.assign(recordOf(records, id), facts));
	}

	/** Stores a fitted model; it is `ready` then, not yet active. */
	async complete(id: string, { state, metrics, description, durationMs }: FittedParts): Promise<ModelRecord> {
		const { kind, kindVersion } = await this.get(id);
		const file = encodeModel(kind, kindVersion, state);
		await writeAtomically(this.#fileOf(id), file);
		return this.#change(addressOf(id), (records) => {
			const ready = { status: "ready" as const, trainedMs: Date.now(), metrics, description, durationMs };
			return Object.assign(settled(recordOf(records, id)), ready, { bytes: file.length });
		});
	}

	/** A failed or cancelled training, or a model whose file cannot be used. */
	async fail(id: string, error: unknown): Promise<ModelRecord> {
		const gone: string[] = [];
		const failed = await this.#change(addressOf(id), (records) => {
			const failure = { status: "failed" as const, failedMs: Date.now(), failure: failureOf(error, id) };
			const record = Object.assign(settled(recordOf(records, id)), failure);
			gone.push(...pruned(records));
			return record;
		});
		await this.#removeFiles(gone);
		return failed;
	}

	/**
	 * Makes a model the active one of its address; the one that was is retired. The active one stays as it is.
	 *
	 * @throws EnergyError `models.unknown`, `models.not-promotable`
	 */
	async promote(id: string, by?: string): Promise<ModelRecord> {
		const gone: string[] = [];
		const promoted = await this.#change(addressOf(id), (records) => {
			const record = activate(records, recordOf(records, id), by);
			gone.push(...pruned(records));
			return record;
		});
		await this.#removeFiles(gone);
		return promoted;
	}

	/**
	 * Back to the version that was active before.
	 *
	 * @param from the version to go back from; without it the active one. Asked twice for the same, it goes back once.
	 * @throws EnergyError `models.no-earlier`, `models.not-active`, `models.unknown`
	 */
	rollBack(address: ModelAddress, from?: string, by?: string): Promise<ModelRecord> {
		return this.#change(address, (records) => {
			const now = records.find(({ status }) => status === "active");
			if (from !== undefined && from !== now?.id) {
				const { status, rolledBackMs } = recordOf(records, from);
				if (now && rolledBackMs !== undefined) return now;
				throw new EnergyError("models.not-active", { model: from, status });
			}
			const earlier = records
				.filter(({ status, rolledBackMs }) => status === "retired" && rolledBackMs === undefined)
				.sort((a, b) => (b.promotedMs ?? 0) - (a.promotedMs ?? 0) || b.version - a.version)[0];
			if (!earlier) throw new EnergyError("models.no-earlier", { ...address });
			const back = activate(records, earlier, by);
			// What was rolled back from is not what the next roll back finds.
			if (now) now.rolledBackMs = Date.now();
			return back;
		});
	}

	/**
	 * Takes a model out of use; none is in use then, and the next rung of the ladder answers. One that is out of use
	 * already stays so.
	 *
	 * @throws EnergyError `models.unknown`, `models.not-active`
	 */
	retire(id: string): Promise<ModelRecord> {
		return this.#change(addressOf(id), (records) => {
			const record = recordOf(records, id);
			if (record.status !== "active" && record.status !== "retired") {
				throw new EnergyError("models.not-active", { model: id, status: record.status });
			}
			record.status = "retired";
			return record;
		});
	}

	/**
	 * Reads a model back.
	 *
	 * @throws EnergyError `models.unknown`, `models.file-…`, `models.kind-unknown`; the file system's own errors
	 */
	async load(id: string): Promise<Model<never, unknown>> {
		const record = await this.get(id);
		const kind = kindOf(record.kind);
		const path = this.#fileOf(id);
		const file = await readFile(path).catch((error: unknown) => fileMissing(path, error));
		return kind.deserialise(decodeModel(file, { kind: kind.kind, version: kind.version, path }));
	}

	/**
	 * The active model of an address. One that cannot be read is marked as failed, with the reason, and none is active
	 * then: rules take over. Where the disk can't be read just now, it stays the active one.
	 *
	 * @throws what the file system says, other than that the file is missing
	 */
	async active(address: ModelAddress): Promise<ActiveModel> {
		const record = (await this.#index(address)).find(({ status }) => status === "active");
		if (!record) return { model: undefined, record: undefined, failure: undefined };
		try {
			return { model: await this.load(record.id), record: structuredClone(record) };
		} catch (error) {
			if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error;
			const failed = await this.fail(record.id, error);
			return { model: undefined, record: failed, failure: failed.failure };
		}
	}

	/** Where the file of a version lies. @throws EnergyError `models.unknown`, `models.name-invalid` */
	fileOf(id: string): string {
		return this.#fileOf(id);
	}

	#folderOf({ task, site, machine }: ModelAddress): string {
		for (const [field, value] of Object.entries({ task, site, machine })) {
			if (!namePattern.test(value)) throw new EnergyError("models.name-invalid", { field, value });
		}
		return join(this.folder, task, site, machine);
	}

	#fileOf(id: string): string {
		const address = addressOf(id);
		return join(this.#folderOf(address), `${id.slice(id.lastIndexOf(".") + 1)}.model`);
	}

	#indexFile(address: ModelAddress): string {
		return join(this.#folderOf(address), "index.json");
	}

	/** Records of an address as they are on disk now; read again only where the file changed. */
	async #index(address: ModelAddress): Promise<ModelRecord[]> {
		const key = keyOf(address);
		const path = this.#indexFile(address);
		const stamp = await stampOf(path);
		let index = this.#indexes.get(key);
		if (index?.stamp !== stamp) {
			index = { stamp, records: await readIndex(path) };
			this.#indexes.set(key, index);
		}
		// What was in training when its process ended will not come any more.
		return index.records.map((record) =>
			record.status === "training" && isGone(record.owner, this.owner, record.seenMs ?? record.createdMs)
				? interrupted(record)
				: record,
		);
	}

	/** One change of an address at a time, in all processes, on disk before it is told. */
	async #change(address: ModelAddress, change: (records: ModelRecord[]) => ModelRecord): Promise<ModelRecord> {
		const path = this.#indexFile(address);
		return this.#inTurn(address, async () => {
			const { before, changed, records } = await locked(`${path}.lock`, this.owner, async () => {
				const before = await this.#index(address);
				const records = structuredClone(before);
				const changed = change(records);
				await writeAtomically(path, `${JSON.stringify({ version: INDEX_VERSION, records }, null, "\t")}\n`);
				this.#indexes.set(keyOf(address), { stamp: await stampOf(path), records });
				return { before, changed, records };
			});
			noteChanges(before, records);
			this.#remember(address, records);
			this.#tell(changed);
			return structuredClone(changed);
		});
	}

	#inTurn<T>(address: ModelAddress, work: () => Promise<T>): Promise<T> {
		const key = keyOf(address);
		const turn = (this.#turns.get(key) ?? Promise.resolve()).then(work);
		const last = turn.then(
			() => undefined,
			() => undefined,
		);
		this.#turns.set(key, last);
		void last.then(() => this.#turns.get(key) === last && this.#turns.delete(key));
		return turn;
	}

	#tell(record: ModelRecord): void {
		tellAll(this.#listeners, structuredClone(record));
	}

	#remember(address: ModelAddress, records: readonly ModelRecord[]): void {
		this.#told.set(keyOf(address), new Map(records.map((record) => [record.id, JSON.stringify(record)])));
	}

	/** The addresses that have a folder. */
	async #addresses(): Promise<ModelAddress[]> {
		const names = async (folder: string): Promise<string[]> =>
			(await readdir(folder, { withFileTypes: true }).catch(() => []))
				.filter((entry) => entry.isDirectory() && namePattern.test(entry.name))
				.map((entry) => entry.name);
		const found: ModelAddress[] = [];
		for (const task of await names(this.folder)) {
			for (const site of await names(join(this.folder, task))) {
				for (const machine of await names(join(this.folder, task, site))) found.push({ task, site, machine });
			}
		}
		return found;
	}

	async #removeFiles(ids: readonly string[]): Promise<void> {
		// One that stays behind takes room; what was decided holds all the same.
		for (const id of ids) await rm(this.#fileOf(id), { force: true }).catch(() => undefined);
	}
}

/** Tells whoever asked what it did to which versions; how far a training is, is no change. */
function noteChanges(before: readonly ModelRecord[], after: readonly ModelRecord[]): void {
	const known = new Map(before.map((record) => [record.id, record]));
	for (const record of after) {
		const old = known.get(record.id);
		if (old && JSON.stringify(factsOf(old)) === JSON.stringify(factsOf(record))) continue;
		noteChange({ target: record.id, before: old ? factsOf(old) : null, after: factsOf(record) });
	}
}

/** What an auditor has to know of a version; pruned ones were out of use long before. */
function factsOf(record: ModelRecord): object {
	const { status, kind, reason, by, promotedBy, promotedMs, rolledBackMs, declined, metrics, failure } = record;
	return { status, kind, reason, by, promotedBy, promotedMs, rolledBackMs, declined, metrics, failure };
}
