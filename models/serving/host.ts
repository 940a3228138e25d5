import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { EnergyError } from "../../lib/errors.ts";
import { packageRoot } from "../../lib/package-root.cjs";
import type { ServeOrder, ServeReply, ServeTask } from "./protocol.ts";

/** A batch that takes longer has its host ended: it would never answer. */
const DEADLINE_MS = 120_000;

/** What works orders off: a thread, or a process. */
interface Channel {
	post(order: ServeOrder, handedOver: ArrayBuffer[]): void;
	/** Whether it keeps the program alive: one that works does, an idle one does not. */
	hold(working: boolean): void;
	end(): Promise<unknown>;
}

interface Listeners {
	reply(reply: ServeReply): void;
	ended(reason: string): void;
}

function builtFile(name: string): string {
	const file = join(packageRoot, "dist/models/serving", name);
	if (!existsSync(file)) throw new EnergyError("models.not-built", { file });
	return file;
}

function threadChannel({ reply, ended }: Listeners): Channel {
	const worker = new Worker(builtFile("worker.js"), {
		name: "forecasts",
		resourceLimits: { maxOldGenerationSizeMb: 1024 },
	});
	let reason = "its thread ended";
	worker.on("error", (error) => {
		reason = error instanceof Error ? error.message : String(error);
	});
	worker.on("exit", () => ended(reason));
	worker.on("message", reply);
	return {
		post: (order, handedOver) => worker.postMessage(order, handedOver),
		hold: (working) => (working ? worker.ref() : worker.unref()),
		end: () => worker.terminate(),
	};
}

function processChannel({ reply, ended }: Listeners): Channel {
	const child = fork(builtFile("child.js"), [], {
		...{ serialization: "advanced", execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] },
	});
	child.on("message", (message) => reply(message as ServeReply));
	child.on("error", (error) => ended(error.message));
	const gone = new Promise<void>((resolve) => {
		child.on("exit", (code, signal) => {
			ended(`its process ended (${signal ?? code})`);
			resolve();
		});
	});
	return {
		post: (order) => void child.send(order),
		hold: (working) => {
			if (working) {
				child.ref();
				child.channel?.ref();
			} else {
				child.unref();
				child.channel?.unref();
			}
		},
		end: () => {
			child.kill("SIGKILL");
			return gone;
		},
	};
}

interface Waiting {
	resolve: (reply: ServeReply) => void;
	reject: (error: unknown) => void;
	deadline: NodeJS.Timeout;
}

/** Orders and their answers over a channel that is opened with the first order, and anew after it ended. */
export class ServingHost {
	readonly #open: (listeners: Listeners) => Channel;
	readonly #waiting = new Map<number, Waiting>();
	#channel: Channel | undefined;
	#count = 0;

	/** @param where `process` for what runs native code of somebody else's making */
	constructor(where: "thread" | "process") {
		this.#open = where === "thread" ? threadChannel : processChannel;
	}

	/** @throws EnergyError that of the work, `models.serving-failed`, `models.not-built` */
	ask(task: ServeTask, handedOver: ArrayBuffer[] = []): Promise<ServeReply> {
		return new Promise((resolve, reject) => {
			const channel = this.#started();
			const id = ++this.#count;
			const deadline = setTimeout(() => {
				this.#ended(channel, `no answer within ${DEADLINE_MS / 1000} s`);
				void channel.end();
			}, DEADLINE_MS).unref();
			this.#waiting.set(id, { resolve, reject, deadline });
			channel.hold(true);
			try {
				channel.post({ id, ...task }, handedOver);
			} catch (error) {
				// What can't be sent is answered now; with a deadline it would end the work of all others.
				const failure = { code: "models.serving-failed", details: { reason: String(error) } };
				this.#replied(channel, { id, failure });
			}
		});
	}

	async close(): Promise<void> {
		const channel = this.#channel;
		// Who waits for the end waits in a program that is alive.
		channel?.hold(true);
		await channel?.end();
	}

	#started(): Channel {
		if (this.#channel) return this.#channel;
		const channel: Channel = this.#open({
			reply: (reply) => this.#replied(channel, reply),
			ended: (reason) => this.#ended(channel, reason),
		});
		this.#channel = channel;
		return channel;
	}

	#replied(channel: Channel, reply: ServeReply): void {
		const waiting = this.#waiting.get(reply.id);
		if (!waiting) return;
		this.#waiting.delete(reply.id);
		clearTimeout(waiting.deadline);
		if (this.#waiting.size === 0) channel.hold(false);
		if ("failure" in reply) waiting.reject(new EnergyError(reply.failure.code, reply.failure.details));
		else waiting.resolve(reply);
	}

	#ended(channel: Channel, reason: string): void {
		if (this.#channel !== channel) return;
		this.#channel = undefined;
		for (const { reject, deadline } of this.#waiting.values()) {
			clearTimeout(deadline);
			reject(new EnergyError("models.serving-failed", { reason }));
		}
		this.#waiting.clear();
	}
}
