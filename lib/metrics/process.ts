import { statfs } from "node:fs/promises";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";

const RESOLUTION_MS = 10;
const WINDOW_MS = 60_000;

export interface LoopFigures {
	/** Delay of a timer beyond its time, over the last full minute (before that: since the start), ms. */
	p50Ms: number;
	p99Ms: number;
	maxMs: number;
	/** Share of the time that the loop worked, over the same span. */
	utilization: number;
}

/** How late the event loop is, and how busy; measured from its making on. */
class LoopWatch {
	readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
	#since = performance.eventLoopUtilization();
	#last: LoopFigures | undefined;

	constructor() {
		this.#histogram.enable();
		setInterval(() => {
			this.#last = this.#figures();
			this.#histogram.reset();
			this.#since = performance.eventLoopUtilization();
		}, WINDOW_MS).unref();
	}

	figures(): LoopFigures {
		return this.#last ?? this.#figures();
	}

	/** Undefined before a minute is over: a start is no fault. */
	lastMinute(): LoopFigures | undefined {
		return this.#last;
	}

	#figures(): LoopFigures {
		// The histogram holds whole intervals of its timer.
		const ms = (ns: number): number => Math.max(0, Math.round((ns / 1e6 - RESOLUTION_MS) * 100) / 100);
		const empty = this.#histogram.count === 0;
		return {
			p50Ms: empty ? 0 : ms(this.#histogram.percentile(50)),
			p99Ms: empty ? 0 : ms(this.#histogram.percentile(99)),
			maxMs: empty ? 0 : ms(this.#histogram.max),
			utilization: Math.round(performance.eventLoopUtilization(this.#since).utilization * 1e4) / 1e4,
		};
	}
}

/** Share of one processor core that this process used between looks. */
class CpuWatch {
	#usage = process.cpuUsage();
	#atMs = performance.now();
	#share = 0;

	constructor() {
		setInterval(() => this.#look(), 10_000).unref();
	}

	share(): number {
		if (performance.now() - this.#atMs > 1_000) this.#look();
		return this.#share;
	}

	#look(): void {
		const usage = process.cpuUsage();
		const nowMs = performance.now();
		const usedMs = (usage.user - this.#usage.user + usage.system - this.#usage.system) / 1_000;
		this.#share = Math.round((usedMs / Math.max(1, nowMs - this.#atMs)) * 1e4) / 1e4;
		this.#usage = usage;
		this.#atMs = nowMs;
	}
}

interface Watches {
	loop: LoopWatch;
	cpu: CpuWatch;
}

// One for the process, however often the package is loaded.
const key = Symbol.for("smartfactory.metrics.process");
const holder = globalThis as { [key]?: Watches };

/** Begins to measure; asking again changes nothing. */
export function watchProcess(): Watches {
	holder[key] ??= { loop: new LoopWatch(), cpu: new CpuWatch() };
	return holder[key];
}

export interface DiskFigures {
	freeBytes: number;
	totalBytes: number;
}

/** The disk that a folder lies on; null where it cannot be asked. */
export async function diskOf(folder: string): Promise<DiskFigures | null> {
	try {
		const { bavail, blocks, bsize } = await statfs(folder);
		return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
	} catch {
		return null;
	}
}
