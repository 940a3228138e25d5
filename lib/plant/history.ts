import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { EnergyError } from "../errors.ts";
import { packageRoot } from "../package-root.cjs";
import type { Store } from "../store/store.ts";
import type { Interval } from "../telemetry/interval.ts";
import type { Reading } from "../telemetry/reading.ts";

export interface HistoryOptions {
	/** Where the history ends: the last whole minute before is its newest reading. Epoch ms; default now. */
	untilMs?: number;
	/** How far it reaches back, days; default 60. */
	days?: number;
	/** How much of its end is readings, one a minute; what is older is quarter-hours. Days; default 2. */
	rawDays?: number;
	/** As in PlantOptions; the live plant that follows needs the same. */
	seed?: number;
	siteId?: string;
	timeZone?: string;
	/** 0…1, as parts are stored. */
	onProgress?: (share: number) => void;
}

export interface HistorySummary {
	readings: number;
	intervals: number;
	fromMs: number;
	untilMs: number;
	durationMs: number;
}

/** What the thread gets and gives. */
export interface HistoryOrder {
	seed: number;
	siteId: string;
	timeZone: string;
	fromMs: number;
	rawFromMs: number;
	untilMs: number;
}
export type HistoryPart =
	| { part: "intervals"; intervals: Interval[]; share: number }
	| { part: "readings"; readings: Reading[]; share: number }
	| { part: "end" };

const QUARTER_MS = 900_000;
const DAY_MS = 86_400_000;

/**
 * Fills a store with the past of the simulated plant. A live plant with the same seed goes on where it ends, counters
 * included; running it again writes the same rows again, which the store takes as duplicates. The plant is simulated in
 * a thread of its own, and a next part is made while one is stored.
 *
 * @throws EnergyError `plant.history-failed`
 */
export async function generateHistory(store: Store, options: HistoryOptions = {}): Promise<HistorySummary> {
	const { untilMs = Date.now(), days = 60, rawDays = 2, seed = 1, siteId = "demo", timeZone = "Asia/Seoul" } = options;
	const begunMs = performance.now();
	const quarter = (timeMs: number): number => Math.floor(timeMs / QUARTER_MS) * QUARTER_MS;
	const order: HistoryOrder = {
		seed,
		siteId,
		timeZone,
		fromMs: quarter(untilMs - days * DAY_MS),
		rawFromMs: quarter(untilMs - Math.min(days, rawDays) * DAY_MS),
		untilMs,
	};
	await store.defineSite({ id: siteId, timeZone });
	const summary: HistorySummary = { readings: 0, intervals: 0, fromMs: order.fromMs, untilMs, durationMs: 0 };
	for await (const part of parts(order)) {
		if (part.part === "end") break;
		if (part.part === "intervals") {
			await store.writeIntervals(part.intervals);
			summary.intervals += part.intervals.length;
		} else {
			await store.write(part.readings);
			summary.readings += part.readings.length;
		}
		options.onProgress?.(part.share);
	}
	summary.durationMs = performance.now() - begunMs;
	return summary;
}

/** The thread's parts in order; it is asked for the next one when one is taken. */
async function* parts(order: HistoryOrder): AsyncGenerator<HistoryPart> {
	const worker = new Worker(join(packageRoot, "dist/lib/plant/history-worker.js"), { workerData: order });
	try {
		let arrived: (part: HistoryPart) => void = () => undefined;
		let failed: (error: unknown) => void = () => undefined;
		worker.on("message", (part: HistoryPart) => arrived(part));
		worker.on("error", (error) => failed(error));
		const ask = (): Promise<HistoryPart> => {
			const answer = new Promise<HistoryPart>((resolve, reject) => {
				arrived = resolve;
				failed = reject;
			});
			// It is waited for later; a failure until then is not unhandled.
			answer.catch(() => undefined);
			worker.postMessage("next");
			return answer;
		};
		let coming = ask();
		for (;;) {
			const part = await coming;
			if (part.part !== "end") coming = ask();
			yield part;
			if (part.part === "end") return;
		}
	} catch (error) {
		if (error instanceof EnergyError) throw error;
		const reason = error instanceof Error ? error.message : String(error);
		throw new EnergyError("plant.history-failed", { reason }, { cause: error });
	} finally {
		await worker.terminate();
	}
}
