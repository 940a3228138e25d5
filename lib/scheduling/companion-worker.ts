import { constants, setPriority } from "node:os";
import { type MessagePort, workerData } from "node:worker_threads";
import { compile } from "./instance.ts";
import type { Guide } from "./places.ts";
import type { SchedulingProblem } from "./problem.ts";
import { type Found, Search } from "./search.ts";

export interface CompanionTask {
	problem: SchedulingProblem;
	guide: Guide | null;
	from: Found;
	seed: number;
	iterations: number;
	/** How long it may take, ms. */
	spanMs: number;
	/** A plan as cheap as this is good enough. */
	goalKrw: number;
	/** Not 0: stop. */
	flag: SharedArrayBuffer;
	port: MessagePort;
}

/** A better plan is told no more often than this, ms. */
const TELL_MS = 100;

function work({ problem, spanMs, flag, port, ...task }: CompanionTask): void {
	const stop = new Int32Array(flag);
	let toldMs = Number.NEGATIVE_INFINITY;
	const search = new Search(compile(problem), {
		...task,
		stopAtMs: performance.now() + spanMs,
		stopped: () => Atomics.load(stop, 0) !== 0,
		onBetter: (found) => {
			if (performance.now() - toldMs < TELL_MS) return;
			toldMs = performance.now();
			port.postMessage(found);
		},
	});
	port.postMessage(search.run());
}

// Where processors are few, everything else goes first; a priority is a thread's own only on Linux.
if (process.platform === "linux") {
	try {
		setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);
	} catch {
		// A container may forbid it: it then takes its turn as others do.
	}
}
work(workerData as CompanionTask);
