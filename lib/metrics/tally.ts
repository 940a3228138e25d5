import { Rate } from "./rate.ts";

const WINDOW_S = 60;

/** What this process did with readings since its start, and in the last minute. */
class ReadingTally {
	stored = 0;
	rejected = 0;
	readonly storedRate = new Rate(WINDOW_S);
	readonly rejectedRate = new Rate(WINDOW_S);

	store(count: number, nowMs: number): void {
		this.stored += count;
		this.storedRate.add(count, nowMs);
	}

	reject(count: number, nowMs: number): void {
		this.rejected += count;
		this.rejectedRate.add(count, nowMs);
	}
}

// One for the process, however often the package is loaded.
const tallyKey = Symbol.for("smartfactory.metrics.readings");
const queuesKey = Symbol.for("smartfactory.metrics.queues");
const holder = globalThis as {
	[tallyKey]?: ReadingTally;
	[queuesKey]?: Map<string, Set<() => number>>;
};
holder[tallyKey] ??= new ReadingTally();
holder[queuesKey] ??= new Map();

export const readingTally: ReadingTally = holder[tallyKey];
const queues = holder[queuesKey];

/** Counts what waits in a queue under this name, in GET /api/v1/system/statistics; returns how to stop. */
export function watchQueue(name: string, depth: () => number): () => void {
	const known = queues.get(name) ?? new Set();
	queues.set(name, known.add(depth));
	return () => known.delete(depth);
}

/** What waits in each queue; queues of one name are added up. */
export function queueDepths(): Record<string, number> {
	return Object.fromEntries(
		[...queues].map(([name, depths]) => [name, [...depths].reduce((sum, depth) => sum + depth(), 0)]),
	);
}
