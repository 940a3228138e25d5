// `npm run bench -- demand`: what demand control adds to the event loop for a batch of readings, beside the plain way
// that a function node takes: an array of the quarter-hour's readings, summed again with every reading.
import { demandConfigOf } from "../lib/demand/config.ts";
import { DemandGuard } from "../lib/demand/guard.ts";
import type { Reading } from "../lib/telemetry/reading.ts";
import type { Figures } from "./run.ts";

const QUARTER = 900_000;
const START = Date.UTC(2026, 10, 23, 1);
const MACHINES = 50;
const HOURS = 6;

/** One batch a second: the main meter and fifty machines, of which eight may be shed. */
function batches(): { nowMs: number; readings: Reading[] }[] {
	return Array.from({ length: HOURS * 3600 }, (_, s) => {
		const nowMs = START + s * 1000;
		const total = 900 + 200 * Math.sin(s / 400) + 30 * Math.sin(s / 7);
		const machines = Array.from({ length: MACHINES }, (_, k) => ({
			...{ site: "demo", machine: `machine-${k}`, timeMs: nowMs, powerKw: 18 + (k % 5) },
		}));
		const main = { site: "demo", machine: "main", timeMs: nowMs, powerKw: total, energyKwh: 1000 + (s * 900) / 3600 };
		return { nowMs, readings: [main, ...machines] };
	});
}

function quantiles(us: Float64Array): Figures {
	const sorted = us.slice().sort();
	const at = (share: number) => Math.round((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) * 100) / 100;
	const mean = us.reduce((sum, value) => sum + value, 0) / us.length;
	return { meanUs: Math.round(mean * 100) / 100, p50Us: at(0.5), p99Us: at(0.99), maxUs: at(1) };
}

function timed(all: ReturnType<typeof batches>, work: (batch: ReturnType<typeof batches>[number]) => void): Figures {
	const us = new Float64Array(all.length);
	for (const [k, batch] of all.entries()) {
		const from = performance.now();
		work(batch);
		us[k] = (performance.now() - from) * 1000;
	}
	return quantiles(us.subarray(all.length / 10));
}

export default async function demand(): Promise<Figures> {
	const all = batches();
	const loads = Array.from({ length: 8 }, (_, k) => ({ machine: `machine-${k}`, kw: 20, priority: 1 + (k % 3) }));
	const limit = { kind: "target", kw: 1050 };
	const guard = new DemandGuard(demandConfigOf({ meters: ["main"], main: true, plausibleKw: 3000, limit, loads }));
	let commands = 0;
	const ours = timed(all, ({ readings, nowMs }) => {
		commands += guard.take(readings, nowMs).commands.length;
	});
	let kept: Reading[] = [];
	let naiveKw = 0;
	const naive = timed(all, ({ readings, nowMs }) => {
		for (const reading of readings) {
			if (reading.machine !== "main") continue;
			kept = [...kept.filter(({ timeMs }) => timeMs >= Math.floor(nowMs / QUARTER) * QUARTER), reading];
			let kwh = 0;
			for (let k = 1; k < kept.length; k++) {
				const [a, b] = [kept[k - 1] as Reading, kept[k] as Reading];
				kwh += ((((a.powerKw ?? 0) + (b.powerKw ?? 0)) / 2) * (b.timeMs - a.timeMs)) / 3_600_000;
			}
			const left = QUARTER - (nowMs % QUARTER);
			naiveKw = (kwh + ((reading.powerKw ?? 0) * left) / 3_600_000) * 4;
		}
	});
	return {
		batches: all.length,
		readingsPerBatch: MACHINES + 1,
		loads: loads.length,
		commands,
		ours,
		naive: { ...naive, note: "prediction only: no interval, no shedding", lastKw: Math.round(naiveKw) },
	};
}
