import { existsSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { EnergyError } from "../../lib/errors.ts";
import { packageRoot } from "../../lib/package-root.cjs";
import type { Json } from "../model.ts";
import type { FittedParts } from "../registry.ts";
import { buffersOf, type TrainingAnswer, type TrainingOrder } from "./protocol.ts";

export interface FitOrder {
	/** A registered kind. */
	kind: string;
	/** What its `fit` takes; its typed arrays are handed over and are empty afterwards. */
	data: unknown;
	options: Json;
	seed: number;
	/** Name of the model in messages. */
	model: string;
	/** 0…1, as the fit says. */
	onProgress?: (share: number) => void;
	/** Ends the fit; default 10 minutes. */
	deadlineMs?: number;
	signal?: AbortSignal;
}

/** How long a fit that was told to stop may take to do so before its thread is ended. */
const GRACE_MS = 2_000;

/**
 * The one thread that trains. Orders wait for each other: two at once would only take turns on the cores that the
 * plant's data needs.
 */
export class TrainingThread {
	#worker: Worker | undefined;
	#last: Promise<unknown> = Promise.resolve();
	#count = 0;

	/** @throws EnergyError `models.cancelled`, `models.deadline`, `models.training-failed`, `models.not-built` */
	fit(order: FitOrder): Promise<FittedParts> {
		const turn = this.#last.then(() => this.#run(order));
		this.#last = turn.catch(() => undefined);
		return turn;
	}

	async close(): Promise<void> {
		await this.#worker?.terminate();
		this.#worker = undefined;
	}

	#run(order: FitOrder): Promise<FittedParts> {
		const { kind, data, options, seed, model, signal, deadlineMs = 600_000 } = order;
		if (signal?.aborted) return Promise.reject(new EnergyError("models.cancelled", { model }));
		const worker = this.#started();
		const id = ++this.#count;
		const cancel = new Int32Array(new SharedArrayBuffer(4));
		return new Promise((resolve, reject) => {
			let stopped: EnergyError | undefined;
			let grace: NodeJS.Timeout | undefined;
			const stop = (error: EnergyError): void => {
				stopped ??= error;
				Atomics.store(cancel, 0, 1);
				grace ??= setTimeout(() => {
					this.#worker = undefined;
					void worker.terminate();
				}, GRACE_MS);
			};
			const aborted = (): void => stop(new EnergyError("models.cancelled", { model }));
			const deadline = setTimeout(
				() => stop(new EnergyError("models.deadline", { model, seconds: Math.round(deadlineMs / 1000) })),
				deadlineMs,
			);
			const ended = (settle: () => void): void => {
				clearTimeout(deadline);
				clearTimeout(grace);
				signal?.removeEventListener("abort", aborted);
				worker.off("message", onMessage).off("exit", onExit).off("error", onError);
				worker.unref();
				settle();
			};
			const onMessage = (answer: TrainingAnswer): void => {
				if (answer.id !== id) return;
				if (answer.part === "progress") order.onProgress?.(answer.share);
				else if (answer.part === "fitted") {
					const { state, metrics, description, durationMs } = answer;
					ended(() => (stopped ? reject(stopped) : resolve({ state, metrics, description, durationMs })));
				} else ended(() => reject(stopped ?? new EnergyError(answer.code, answer.details)));
			};
			let reason = "the training thread ended";
			const onError = (error: unknown): void => {
				reason = error instanceof Error ? error.message : String(error);
			};
			const onExit = (): void => {
				if (this.#worker === worker) this.#worker = undefined;
				ended(() => reject(stopped ?? new EnergyError("models.training-failed", { model, reason })));
			};
			signal?.addEventListener("abort", aborted);
			worker.on("message", onMessage).on("exit", onExit).on("error", onError);
			// A thread that works keeps the program alive, an idle one does not.
			worker.ref();
			const message: TrainingOrder = { id, kind, data, options, seed, model, cancel };
			try {
				worker.postMessage(message, buffersOf(data));
			} catch (error) {
				ended(() => reject(new EnergyError("models.training-failed", { model, reason: String(error) })));
			}
		});
	}

	#started(): Worker {
		if (this.#worker) return this.#worker;
		const file = join(packageRoot, "dist/models/training/worker.js");
		if (!existsSync(file)) throw new EnergyError("models.not-built", { file });
		// Its memory has a bound of its own: a training that outgrows it fails alone.
		this.#worker = new Worker(file, { name: "training", resourceLimits: { maxOldGenerationSizeMb: 1024 } });
		// Without a listener an error between two orders would end the process.
		this.#worker.on("error", () => undefined);
		return this.#worker;
	}
}
