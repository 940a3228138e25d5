import { parentPort, workerData } from "node:worker_threads";
import { type Interval, QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { Reading } from "../telemetry/reading.ts";
import type { HistoryOrder, HistoryPart } from "./history.ts";
import { plantHolidays } from "./holidays.ts";
import { Plant, type PlantSample } from "./plant.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const order = workerData as HistoryOrder;
const pieces = history(order);

parentPort?.on("message", () => parentPort?.postMessage(pieces.next().value ?? { part: "end" }));

/** A day of quarter-hours, or some hours of readings, at a time. */
function* history({ seed, siteId, timeZone, fromMs, rawFromMs, untilMs }: HistoryOrder): Generator<HistoryPart> {
	const plant = new Plant({ seed, siteId, timeZone, isHoliday: plantHolidays(timeZone) });
	const share = (timeMs: number): number => Math.min(1, (timeMs - fromMs) / (untilMs - fromMs));
	const step = 24 * HOUR_MS;
	for (let from = fromMs; from < rawFromMs; from += step) {
		const to = Math.min(from + step, rawFromMs);
		yield { part: "intervals", intervals: quarters(plant, from, to), share: share(to) };
	}
	for (let from = rawFromMs; from <= untilMs; from += 4 * HOUR_MS) {
		const readings: Reading[] = [];
		const to = Math.min(from + 4 * HOUR_MS, untilMs + 1);
		for (let t = from; t < to; t += MINUTE_MS) {
			// A second later each minute, as polls drift: what runs up between two minutes is part of what is usual, too.
			const at = t + ((t / MINUTE_MS) % 60) * 1_000;
			if (at <= untilMs) for (const { reading } of plant.advanceTo(at)) readings.push(reading);
		}
		yield { part: "readings", readings, share: share(to) };
	}
}

/** Quarter-hours by the counters, with the extremes that readings each minute would have shown. */
function quarters(plant: Plant, fromMs: number, toMs: number): Interval[] {
	const intervals: Interval[] = [];
	let first = plant.advanceTo(fromMs);
	for (let start = fromMs; start < toMs; start += QUARTER_HOUR_MS) {
		const steps: PlantSample[][] = [first];
		for (let t = start + MINUTE_MS; t <= start + QUARTER_HOUR_MS; t += MINUTE_MS) steps.push(plant.advanceTo(t));
		const last = steps[steps.length - 1] as PlantSample[];
		for (const [n, { reading }] of first.entries()) {
			const energyKwh = (last[n]?.reading.energyKwh ?? 0) - (reading.energyKwh ?? 0);
			let [minKw, maxKw] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
			for (const samples of steps.slice(0, -1)) {
				const kw = samples[n]?.reading.powerKw ?? 0;
				minKw = Math.min(minKw, kw);
				maxKw = Math.max(maxKw, kw);
			}
			intervals.push({
				site: reading.site,
				machine: reading.machine,
				startMs: start,
				durationMs: QUARTER_HOUR_MS,
				energyKwh,
				estimatedKwh: 0,
				meanKw: energyKwh * 4,
				maxKw,
				minKw,
				coverage: 1,
				quality: "good",
				samples: 0,
			});
		}
		first = last;
	}
	return intervals;
}
