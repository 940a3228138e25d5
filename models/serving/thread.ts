import { existsSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { EnergyError } from "../../lib/errors.ts";
import { packageRoot } from "../../lib/package-root.cjs";
import type { ForeignManifest } from "../onnx/foreign.ts";
import { buffersOf } from "../training/protocol.ts";
import type { EngineChoice, ServeAnswer, ServeOrder, ServeQuestion, ServeReply } from "./protocol.ts";

/** A batch that takes longer has its thread ended: it would never answer. */
const DEADLINE_MS = 60_000;

const threadName = Symbol.for("smartfactory.energy.serving");
const globals = globalThis as { [threadName]?: ServingThread };

/** The thread that forecasts: one for the process, however often the package is loaded. */
export function servingThread(): ServingThread {
	globals[threadName] ??= new ServingThread();
	return globals[threadName];
}

type Asked = { choice: EngineChoice } & (
	| { questions: ServeQuestion[] }
	| { file: Uint8Array; manifest: ForeignManifest }
);

interface Waiting {
	resolve: (answers: ServeAnswer[]) => void;
	reject: (error: unknown) => void;
	deadline: NodeJS.Timeout;
}

/** Forecasts in batches, off the event loop. A thread that died is started anew with the next batch. */
export class ServingThread {
	#worker: Worker | undefined;
	readonly #waiting = new Map<number, Waiting>();
	#count = 0;

	/**
	 * Forecasts all loads of a batch, in their order.
	 *
	 * @throws EnergyError `models.serving-failed`, `models.not-built`
	 */
	serve(questions: ServeQuestion[], choice: EngineChoice): Promise<ServeAnswer[]> {
		return this.#ask({ choice, questions }, buffersOf(questions));
	}

	/**
	 * Asks a brought file its own sample.
	 *
	 * @throws EnergyError `models.onnx-missing`, `models.onnx-corrupt`, `models.onnx-manifest`, `models.onnx-sample`,
	 *   `models.onnx-run`
	 */
	async check(file: Uint8Array, manifest: ForeignManifest, choice: EngineChoice): Promise<void> {
		await this.#ask({ choice, file, manifest }, []);
	}

	#ask(what: Asked, handedOver: ArrayBuffer[]): Promise<ServeAnswer[]> {
		return new Promise((resolve, reject) => {
			const worker = this.#started();
			const id = ++this.#count;
			const deadline = setTimeout(() => {
				this.#end(worker, `no answer within ${DEADLINE_MS / 1000} s`);
				void worker.terminate();
			}, DEADLINE_MS).unref();
			this.#waiting.set(id, { resolve, reject, deadline });
			// A thread that works keeps the program alive, an idle one does not.
			worker.ref();
			const order: ServeOrder = { id, ...what };
			worker.postMessage(order, handedOver);
		});
	}

	async close(): Promise<void> {
		await this.#worker?.terminate();
	}

	#started(): Worker {
		if (this.#worker) return this.#worker;
		const file = join(packageRoot, "dist/models/serving/worker.js");
		if (!existsSync(file)) throw new EnergyError("models.not-built", { file });
		const worker = new Worker(file, { name: "forecasts", resourceLimits: { maxOldGenerationSizeMb: 1024 } });
		let reason = "its thread ended";
		worker.on("error", (error) => {
			reason = error instanceof Error ? error.message : String(error);
		});
		worker.on("exit", () => this.#end(worker, reason));
		worker.on("message", (reply: ServeReply) => {
			const waiting = this.#waiting.get(reply.id);
			if (!waiting) return;
			this.#waiting.delete(reply.id);
			clearTimeout(waiting.deadline);
			if (this.#waiting.size === 0) worker.unref();
			if ("answers" in reply) waiting.resolve(reply.answers);
			else waiting.reject(new EnergyError(reply.failure.code, reply.failure.details));
		});
		worker.unref();
		this.#worker = worker;
		return worker;
	}

	#end(worker: Worker, reason: string): void {
		if (this.#worker !== worker) return;
		this.#worker = undefined;
		for (const { reject, deadline } of this.#waiting.values()) {
			clearTimeout(deadline);
			reject(new EnergyError("models.serving-failed", { reason }));
		}
		this.#waiting.clear();
	}
}
