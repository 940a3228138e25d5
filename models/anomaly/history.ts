import type { Store } from "../../lib/store/store.ts";
import type { Reading } from "../../lib/telemetry/reading.ts";
import { Random } from "../random.ts";
import { fingerprintOf } from "../registry.ts";
import type { TrainingData } from "../training/trainer.ts";
import { columnsOf, measures, type ReadingColumns } from "./readings.ts";

export interface HistoryOptions {
	site: string;
	machine: string;
	/** Epoch ms, end of the span; default now. */
	toMs?: number;
	/** Length of the span, days; default 28. */
	days?: number;
	/** Readings closer than this are thinned out; default one a minute. */
	cadenceMs?: number;
	seed?: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Small pages: what comes out of a page occupies the loop. */
const PAGE = 1_000;
/** What a model is fitted on at most. */
const MAX_ROWS = 50_000;

/**
 * The past of a machine as a model learns it: readings at the model's cadence, bad ones left out, oldest first. Where
 * that is still more than a model learns from, whole hours are drawn from all over the span.
 */
export async function readHistory(
	store: Store,
	options: HistoryOptions,
): Promise<TrainingData & { data: ReadingColumns }> {
	const { site, machine, toMs = Date.now(), days = 28, cadenceMs = 60_000, seed = 1 } = options;
	const hours = Array.from({ length: Math.ceil(days * 24) }, (_, i) => toMs - (i + 1) * HOUR_MS);
	shuffle(hours, seed);
	const parts: { fromMs: number; readings: Reading[] }[] = [];
	let rows = 0;
	for (const fromMs of hours) {
		if (rows >= MAX_ROWS) break;
		const readings: Reading[] = [];
		let lastMs = Number.NEGATIVE_INFINITY;
		let cursor: string | undefined;
		do {
			const page = await store.readings({
				...{ site, machine, fromMs, toMs: fromMs + HOUR_MS, limit: PAGE, everyMs: cadenceMs },
				...(cursor !== undefined && { cursor }),
			});
			for (const reading of page.items) {
				// A little early still counts as the next: clocks jitter.
				if (reading.quality === "bad" || reading.timeMs - lastMs < 0.9 * cadenceMs) continue;
				lastMs = reading.timeMs;
				readings.push(reading);
			}
			cursor = page.nextCursor;
		} while (cursor !== undefined);
		rows += readings.length;
		if (readings.length > 0) parts.push({ fromMs, readings });
	}
	parts.sort((a, b) => a.fromMs - b.fromMs);
	const data = columnsOf(parts.flatMap(({ readings }) => readings));
	const { timeMs, state } = data;
	return {
		data,
		rows: data.rows,
		trainingWindow: {
			fromMs: timeMs[0] ?? toMs - days * DAY_MS,
			toMs: timeMs[data.rows - 1] ?? toMs,
		},
		dataFingerprint: fingerprintOf({
			timeMs,
			state,
			...Object.fromEntries(measures.map((name) => [name, data[name]])),
		}),
	};
}

/** The newest readings of a machine before an instant, at a cadence; bad ones left out, oldest first. */
export async function readRecent(
	store: Store,
	{ site, machine, cadenceMs }: { site: string; machine: string; cadenceMs: number },
	{ fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<Reading[]> {
	const page = await store.readings({ site, machine, fromMs, toMs, limit: PAGE, everyMs: Math.max(1, cadenceMs) });
	return page.items.filter(({ quality }) => quality !== "bad");
}

function shuffle(list: number[], seed: number): void {
	const random = new Random(seed);
	for (let i = list.length - 1; i > 0; i--) {
		const j = random.below(i + 1);
		[list[i], list[j]] = [list[j] as number, list[i] as number];
	}
}
