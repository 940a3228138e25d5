import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { packageRoot } from "../package-root.cjs";
import type { CompanionTask } from "./companion-worker.ts";
import type { Found } from "./search.ts";

const FILE = join(packageRoot, "dist/lib/scheduling/companion-worker.js");
/** Between two looks at what it found, ms. */
const LOOK_MS = 50;

/** Whether there is a processor for a second search. */
export const hasCompany = (): boolean => availableParallelism() > 1 && existsSync(FILE);

/**
 * A second search in a thread of its own, beside branch and cut, which proves but seldom finds. The thread that has it
 * is busy in one long call: it looks for what was found whenever that call asks whether to stop.
 */
export class Companion {
	private readonly worker: Worker;
	private readonly port: MessagePort;
	private readonly flag = new SharedArrayBuffer(4);
	private lookedMs = Number.NEGATIVE_INFINITY;

	constructor(task: Omit<CompanionTask, "flag" | "port">) {
		const { port1, port2 } = new MessageChannel();
		this.port = port1;
		const workerData: CompanionTask = { ...task, flag: this.flag, port: port2 };
		this.worker = new Worker(FILE, { workerData, transferList: [port2] });
		// Without it the other search goes on alone.
		this.worker.on("error", () => undefined);
		this.worker.unref();
		this.port.unref();
	}

	/** The best plan that came since it was looked at last; null where none did. */
	look(nowMs = performance.now()): Found | null {
		if (nowMs - this.lookedMs < LOOK_MS) return null;
		this.lookedMs = nowMs;
		let newest: Found | null = null;
		for (let next = receiveMessageOnPort(this.port); next; next = receiveMessageOnPort(this.port)) {
			newest = next.message as Found;
		}
		return newest;
	}

	end(): void {
		Atomics.store(new Int32Array(this.flag), 0, 1);
		this.port.close();
		void this.worker.terminate();
	}
}
