// `npm run bench -- demand`: what demand control adds to the event loop for a batch of readings, beside the plain way
// that a function node takes: an array of the quarter-hour's readings, summed again with every reading.
import { parseMonth } from "../lib/calendar/civil.ts";
import { koreanHolidays } from "../lib/calendar/holidays.ts";
import { loadChooser } from "../lib/demand/choose.ts";
import { demandConfigOf } from "../lib/demand/config.ts";
import { DemandGuard } from "../lib/demand/guard.ts";
import { TariffPricer } from "../lib/demand/pricer.ts";
import { Plant } from "../lib/plant/plant.ts";
import { shippedTariffs } from "../lib/tariff/registry.ts";
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

const DAY = 86_400_000;
const loadsOfPlant = [
	{ machine: "hvac-1", kw: 45, priority: 1, minOnS: 300, minOffS: 600 },
	{ machine: "chiller-1", kw: 80, priority: 2, minOnS: 600, minOffS: 600, stepsKw: [30, 60] },
	{ machine: "compressor-2", kw: 60, priority: 2, minOnS: 300, minOffS: 300 },
	{ machine: "pumps-1", kw: 40, priority: 3, minOnS: 300, minOffS: 300 },
	{ machine: "mill-1", kw: 200, priority: 4, minOnS: 600, minOffS: 600, stepsKw: [60, 120] },
	{ machine: "furnace-1", kw: 400, priority: 9, minOnS: 900, minOffS: 600, stepsKw: [100, 200, 300] },
];

/** A working week of the simulated steel works, alone or with a guard that keeps a target. */
async function week(targetKw: number | undefined): Promise<{ demands: number[]; commands: number; held: number }> {
	const plant = new Plant({ seed: 1, siteId: "demo", timeZone: "Asia/Seoul", isHoliday: () => false });
	const given = { meters: ["main-meter"], main: true, plausibleKw: 2800, restoreMarginKw: 30, lockoutS: 60 };
	const limit = { kind: "target", kw: targetKw ?? 1e6 };
	const guard = new DemandGuard(demandConfigOf({ ...given, limit, loads: loadsOfPlant }), {
		chooser: await loadChooser(),
	});
	const demands: number[] = [];
	let commands = 0;
	let hits = 0;
	let trials = 0;
	// Monday to Friday, 7 to 21 h in Seoul, a reading of every machine each five seconds.
	for (let day = 0; day < 5; day++) {
		const from = Date.UTC(2026, 10, 15, 22) + day * DAY;
		for (let at = from; at < from + 14 * 3_600_000; at += 5_000) {
			const readings = plant.advanceTo(at).map(({ reading }) => reading);
			const status = guard.take(readings, at);
			for (const { machine, command, limitKw } of status.commands) {
				commands++;
				plant.command(machine, limitKw === null ? { command } : { command, limitKw });
			}
			for (const { code, details } of status.events) {
				if (code === "demand.closed" && !details.partial) demands.push(Number(details.demandKw));
			}
			hits = status.intervalHits;
			trials = status.intervalTrials;
		}
	}
	return { demands, commands, held: trials > 0 ? hits / trials : Number.NaN };
}

/** What a target of 85 % of the week's peak takes, and whether it is kept. */
async function simulated(): Promise<Figures> {
	const alone = await week(undefined);
	const peakKw = Math.max(...alone.demands);
	const targetKw = Math.round(0.85 * peakKw);
	const guarded = await week(targetKw);
	const over = (demands: readonly number[]) => demands.filter((kw) => kw > targetKw).length;
	return {
		quarterHours: alone.demands.length,
		targetKw,
		peakAloneKw: Math.round(peakKw),
		peakGuardedKw: Math.round(Math.max(...guarded.demands)),
		overTargetAlone: over(alone.demands),
		overTargetGuarded: over(guarded.demands),
		commands: guarded.commands,
		intervalHeldShare: Math.round(alone.held * 1000) / 1000,
	};
}

/** A pricer with a year of peaks, as the node has it. */
function pricer(): TariffPricer {
	const tariff = shippedTariffs().get("kepco/industrial-b/high-a/II");
	const peaks = new Map([[parseMonth("2026-08"), { kw: 1000 }]]);
	return new TariffPricer({ tariff, holidays: koreanHolidays(), contractKw: 1500 }, peaks);
}

export default async function demand(): Promise<Figures> {
	const all = batches();
	const loads = Array.from({ length: 8 }, (_, k) => ({ machine: `machine-${k}`, kw: 20, priority: 1 + (k % 3) }));
	const limit = { kind: "target", kw: 1050 };
	const config = demandConfigOf({ meters: ["main"], main: true, plausibleKw: 3000, limit, loads });
	const guard = new DemandGuard(config, { price: pricer().price, chooser: await loadChooser() });
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
		plantWeek: await simulated(),
		naive: { ...naive, note: "prediction only: no interval, no shedding", lastKw: Math.round(naiveKw) },
	};
}
