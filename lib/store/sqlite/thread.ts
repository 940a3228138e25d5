import { existsSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { EnergyError } from "../../errors.ts";
import { packageRoot } from "../../package-root.cjs";
import { errorOf } from "./failure.ts";
import type { EngineData, Operation, Operations, Request, Response } from "./protocol.ts";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;
/** What may wait for the engine; beyond it new requests are refused, so that memory stays bounded. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 256 * 1024 * 1024;

interface Waiting {
	resolve: (answer: never) => void;
	reject: (error: unknown) => void;
}

/**
 * One engine in a thread of its own, asked by promise. When the thread dies, what was in flight is rejected with
 * `store.engine-died` (it may or may not have been committed: writing it again is harmless) and a new thread is started,
 * after a pause that doubles as long as starting fails; what is asked meanwhile waits for it.
 */
export class EngineThread {
	readonly #data: EngineData;
	#worker: Worker | undefined;
	#ready: Promise<void>;
	#waiting = new Map<number, Waiting>();
	#nextId = 1;
	#queued = 0;
	#queuedBytes = 0;
	#pauseMs = FIRST_PAUSE_MS;
	#closed = false;

	constructor(data: EngineData) {
		this.#data = data;
		this.#ready = this.#start();
		// Who asks sees the refusal; nobody asking is no crash.
		this.#ready.catch(() => {});
	}

	/** Resolves when the engine has opened its file. */
	get ready(): Promise<void> {
		return this.#ready;
	}

	/** Requests not yet answered. */
	get depth(): number {
		return this.#queued;
	}

	/** @throws EnergyError `store.closed`, `store.overloaded`, `store.engine-died`, and what the engine answers */
	async ask<O extends Operation>(
		operation: O,
		argument: Operations[O]["argument"],
		transfer: ArrayBuffer[] = [],
	): Promise<Operations[O]["answer"]> {
		if (this.#closed) throw new EnergyError("store.closed", { path: this.#data.path });
		const bytes = transfer.reduce((sum, { byteLength }) => sum + byteLength, 0);
		// One request alone is taken whatever its size: splitting it is the engine's business.
		if (this.#queued >= MAX_WAITING || (this.#queued > 0 && this.#queuedBytes + bytes > MAX_WAITING_BYTES)) {
			throw new EnergyError("store.overloaded", { waiting: this.#queued });
		}
		this.#queued++;
		this.#queuedBytes += bytes;
		try {
			if (!this.#worker) await this.#ready;
			return await this.#post(operation, argument, transfer);
		} finally {
			this.#queued--;
			this.#queuedBytes -= bytes;
			if (this.#queued === 0) this.#worker?.unref();
		}
	}

	/** Lets the engine finish what it was asked and close its file. */
	async close(): Promise<void> {
		if (this.#closed) return;
		const closing = this.ask("close", null);
		this.#closed = true;
		await closing.catch(() => {});
		await this.#worker?.terminate();
	}

	/** Ends the thread at once, as a crash would; it starts again by itself. */
	async kill(): Promise<void> {
		await this.#worker?.terminate();
	}

	#post<O extends Operation>(
		operation: O,
		argument: Operations[O]["argument"],
		transfer: ArrayBuffer[],
	): Promise<Operations[O]["answer"]> {
		return new Promise((resolve, reject) => {
			const worker = this.#worker;
			if (!worker) {
				reject(new EnergyError("store.engine-died", { path: this.#data.path, message: "" }));
				return;
			}
			const id = this.#nextId++;
			this.#waiting.set(id, { resolve, reject });
			// Held only while somebody waits: an open store alone keeps no program running.
			worker.ref();
			worker.postMessage({ id, operation, argument } as Request, transfer);
		});
	}

	#start(): Promise<void> {
		return new Promise((resolve, reject) => {
			const file = join(packageRoot, "dist/lib/store/sqlite/worker.js");
			if (!existsSync(file)) {
				reject(new EnergyError("store.not-built", { file }));
				return;
			}
			const worker = new Worker(file, { workerData: this.#data, name: `store-${this.#data.role}` });
			let message = "the thread ended";
			let refused = false;
			worker.on("message", (response: Response) => {
				if ("ready" in response) {
					this.#worker = worker;
					this.#pauseMs = FIRST_PAUSE_MS;
					if (this.#queued === 0) worker.unref();
					resolve();
				} else if ("refused" in response) {
					refused = true;
					reject(errorOf(response.refused));
				} else this.#settle(response);
			});
			worker.on("error", (error) => {
				message = error instanceof Error ? error.message : String(error);
			});
			worker.on("exit", () => {
				const started = this.#worker === worker;
				this.#worker = undefined;
				const died = new EnergyError("store.engine-died", { path: this.#data.path, message });
				for (const { reject: fail } of this.#waiting.values()) fail(died);
				this.#waiting.clear();
				if (!started && !refused) reject(died);
				if (started && !this.#closed) this.#restart();
			});
		});
	}

	#settle(response: Extract<Response, { id: number }>): void {
		const waiting = this.#waiting.get(response.id);
		this.#waiting.delete(response.id);
		if ("failure" in response) waiting?.reject(errorOf(response.failure));
		else waiting?.resolve(response.answer as never);
	}

	/** Tries again until it works or the store is closed; who waits learns from each failed try why not now. */
	#restart(): void {
		this.#ready = new Promise<void>((resolve, reject) => {
			const timer = setTimeout(() => {
				if (this.#closed) reject(new EnergyError("store.closed", { path: this.#data.path }));
				else this.#start().then(resolve, reject);
			}, this.#pauseMs);
			if (this.#queued === 0) timer.unref();
		});
		this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
		this.#ready.catch(() => {
			if (!this.#closed) this.#restart();
		});
	}
}
