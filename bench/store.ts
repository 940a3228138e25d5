// `npm run bench -- store [--seconds 10]`: batches into the store with quarter-hours, hours and days kept right, beside
// plain insert loops that keep nothing; what it costs the main thread; charts; reads while writes run.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { openStore } from "../lib/store/open.ts";
import type { Store, StoreOptions } from "../lib/store/store.ts";
import type { Interval } from "../lib/telemetry/interval.ts";
import type { Reading } from "../lib/telemetry/reading.ts";
import type { Figures } from "./run.ts";

const SITE = "bench";
const ROWS = 300_000;
const BATCH = 10_000;
const START_MS = Date.UTC(2026, 9, 31, 20);

type Order = "by machine" | "mixed" | "late";

export default async function bench(args: readonly string[]): Promise<Figures> {
	const given = args.indexOf("--seconds");
	const seconds = given < 0 ? 10 : Number(args[given + 1]);
	// Beside the project and not in a temporary folder, which may be memory: a sync must reach a disk.
	const folder = mkdtempSync(resolve(".bench-store-"));
	try {
		return {
			writes: [
				...(await ourWrites(folder)),
				...(["FULL", "NORMAL"] as const).map((sync) => plainNode(folder, sync)),
				...plainPython(folder),
			],
			...(await sustained(folder, seconds)),
			...(await charts(folder)),
		};
	} finally {
		rmSync(folder, { recursive: true });
	}
}

/** Readings of 100 machines, one a second each, in batches. */
function* batches(order: Order): Generator<Reading[]> {
	const machines = 100;
	const perMachine = BATCH / machines;
	for (let from = 0; from < ROWS / machines; from += perMachine) {
		const batch: Reading[] = [];
		for (let i = 0; i < BATCH; i++) {
			const machine = order === "by machine" ? Math.floor(i / perMachine) : i % machines;
			const second = from + (order === "by machine" ? i % perMachine : Math.floor(i / machines));
			batch.push(readingAt(machine, second));
		}
		yield batch;
	}
}

function readingAt(machine: number, second: number): Reading {
	const powerKw = 40 + machine + 10 * Math.sin(second / 60 + machine);
	return {
		site: SITE,
		machine: `machine-${machine}`,
		timeMs: START_MS + second * 1_000,
		powerKw,
		energyKwh: 1_000 + (second * (40 + machine)) / 3_600,
		powerFactor: 0.93,
		state: "running",
		quality: "good",
	};
}

async function ourWrites(folder: string): Promise<Figures[]> {
	const rows: Figures[] = [];
	const cases: [Order, StoreOptions][] = [
		["by machine", {}],
		["mixed", {}],
		["mixed", { durability: "process" }],
		["late", {}],
	];
	for (const [index, [order, options]] of cases.entries()) {
		const prepared = [...batches(order)];
		if (order === "late") for (let i = 0; i + 1 < prepared.length; i += 2) swap(prepared, i, i + 1);
		const store = await openStore(`sqlite://${folder}/ours-${index}.db`, options);
		const startMs = performance.now();
		const startCpu = performance.eventLoopUtilization();
		// Two in flight keep the engine busy, as an ingest does that packs the next batch while one commits.
		let ahead: Promise<unknown> = Promise.resolve();
		for (const batch of prepared) {
			const written = store.write(batch);
			await ahead;
			ahead = written;
		}
		await ahead;
		const ms = performance.now() - startMs;
		const busyMs = performance.eventLoopUtilization(startCpu).active;
		const { readings } = await store.stats();
		rows.push({
			what: `ours, ${order}, ${options.durability === "process" ? "NORMAL" : "FULL"}, with roll-ups`,
			stored: readings,
			readingsPerS: Math.round((ROWS / ms) * 1_000),
			mainThreadUsPerReading: round((busyMs * 1_000) / ROWS),
		});
		await store.close();
	}
	return rows;
}

function swap<T>(list: T[], a: number, b: number): void {
	[list[a], list[b]] = [list[b] as T, list[a] as T];
}

function plainNode(folder: string, synchronous: string): Figures {
	const prepared = [...batches("mixed")];
	const database = new DatabaseSync(join(folder, `plain-${synchronous}.db`));
	database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};
		CREATE TABLE readings (machine TEXT, time_ms INTEGER, power_kw REAL, energy_kwh REAL, power_factor REAL, state TEXT,
			quality TEXT, PRIMARY KEY (machine, time_ms)) WITHOUT ROWID`);
	const insert = database.prepare("INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?, ?, ?, ?)");
	const startMs = performance.now();
	for (const batch of prepared) {
		database.exec("BEGIN");
		for (const { machine, timeMs, powerKw, energyKwh, powerFactor, state, quality } of batch) {
			insert.run(
				machine,
				timeMs,
				powerKw ?? null,
				energyKwh ?? null,
				powerFactor ?? null,
				state ?? null,
				quality ?? null,
			);
		}
		database.exec("COMMIT");
	}
	const ms = performance.now() - startMs;
	database.close();
	return {
		what: `node:sqlite loop, mixed, ${synchronous}, no roll-ups`,
		stored: ROWS,
		readingsPerS: Math.round((ROWS / ms) * 1_000),
		mainThreadUsPerReading: round((ms * 1_000) / ROWS),
	};
}

const pythonScript = `
import math, sqlite3, sys, time
rows, batch, machines = ${ROWS}, ${BATCH}, 100
made = [(f"machine-{i % machines}", ${START_MS} + i // machines * 1000, 40 + i % machines + 10 * math.sin(i / 6000),
    1000 + i / 360000, 0.93, "running", "good") for i in range(rows)]
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = FULL")
database.execute("""CREATE TABLE readings (machine TEXT, time_ms INTEGER, power_kw REAL, energy_kwh REAL,
    power_factor REAL, state TEXT, quality TEXT, PRIMARY KEY (machine, time_ms)) WITHOUT ROWID""")
start = time.perf_counter()
for at in range(0, rows, batch):
    database.execute("BEGIN")
    database.executemany("INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?, ?, ?, ?)", made[at:at + batch])
    database.execute("COMMIT")
print(time.perf_counter() - start)
`;

function plainPython(folder: string): Figures[] {
	const python = "/usr/bin/python3";
	if (!existsSync(python)) return [];
	const { stdout, status } = spawnSync(python, ["-c", pythonScript, join(folder, "python.db")], { encoding: "utf8" });
	if (status !== 0) return [];
	return [
		{
			what: "python sqlite3 executemany, mixed, FULL, no roll-ups",
			stored: ROWS,
			readingsPerS: Math.round(ROWS / Number(stdout)),
		},
	];
}

/** 10,000 readings a second in batches of 100 ms, with a chart asked for each second: cost, delays, latency. */
async function sustained(folder: string, seconds: number): Promise<Figures> {
	const store = await openStore(`sqlite://${folder}/sustained.db`);
	const delays = monitorEventLoopDelay({ resolution: 5 });
	const latencies: number[] = [];
	const reads: number[] = [];
	const ticks = seconds * 10;
	let mainMs = 0;
	delays.enable();
	const startMs = performance.now();
	const pending: Promise<unknown>[] = [];
	for (let tick = 0; tick < ticks; tick++) {
		const batch = Array.from({ length: 1_000 }, (_, i) => readingAt(i % 100, tick * 10 + Math.floor(i / 100)));
		const askedMs = performance.now();
		pending.push(store.write(batch).then(() => latencies.push(performance.now() - askedMs)));
		mainMs += performance.now() - askedMs;
		if (tick % 10 === 9) pending.push(timed(() => readDay(store)).then((ms) => reads.push(ms)));
		await sleep(Math.max(0, startMs + (tick + 1) * 100 - performance.now()));
	}
	await Promise.all(pending);
	delays.disable();
	const { readings } = await store.stats();
	await store.close();
	return {
		sustainedReadingsPerS: 10_000,
		sent: ticks * 1_000,
		stored: readings,
		lost: ticks * 1_000 - readings,
		mainThreadUsPerReading: round((mainMs * 1_000) / (ticks * 1_000)),
		commitP50Ms: quantile(latencies, 0.5),
		commitP99Ms: quantile(latencies, 0.99),
		readMeanwhileP50Ms: quantile(reads, 0.5),
		readMeanwhileMaxMs: quantile(reads, 1),
		eventLoopDelayP99Ms: round(delays.percentile(99) / 1e6 - 5),
		rssMb: Math.round(process.memoryUsage.rss() / 1e6),
	};
}

function readDay(store: Store): Promise<unknown> {
	const machines = Array.from({ length: 10 }, (_, i) => `machine-${i}`);
	const toMs = START_MS + 86_400_000;
	return store.series({ site: SITE, machines, fromMs: START_MS, toMs, measure: "powerKw", maxPoints: 1_000 });
}

/** A year of quarter-hours of one machine, imported, then drawn and summed. */
async function charts(folder: string): Promise<Figures> {
	const store = await openStore(`sqlite://${folder}/year.db`);
	await store.defineSite({ id: SITE, timeZone: "Asia/Seoul" });
	const fromMs = Date.UTC(2025, 0, 1);
	const year: Interval[] = Array.from({ length: 35_040 }, (_, i) => {
		const energyKwh = 10 + 5 * Math.sin(i / 15);
		const kw = energyKwh * 4;
		return {
			site: SITE,
			machine: "main",
			startMs: fromMs + i * 900_000,
			durationMs: 900_000,
			energyKwh,
			estimatedKwh: 0,
			meanKw: kw,
			maxKw: kw,
			minKw: kw,
			coverage: 1,
			quality: "good",
			samples: 0,
		};
	});
	const importMs = await timed(() => store.writeIntervals(year));
	const toMs = fromMs + 365 * 86_400_000;
	const draw = (): Promise<unknown> =>
		store.series({ site: SITE, machines: ["main"], fromMs, toMs, measure: "powerKw", maxPoints: 1_000 });
	const times: number[] = [];
	for (let i = 0; i < 20; i++) times.push(await timed(draw));
	const monthsMs = await timed(() => store.intervals({ site: SITE, fromMs, toMs, resolution: "month" }));
	await store.close();
	return {
		yearImportMs: round(importMs),
		yearChartFirstMs: round(times[0] as number),
		yearChartP50Ms: quantile(times, 0.5),
		yearChartMaxMs: quantile(times, 1),
		yearByMonthMs: round(monthsMs),
	};
}

async function timed(work: () => Promise<unknown>): Promise<number> {
	const startMs = performance.now();
	await work();
	return performance.now() - startMs;
}

function quantile(values: readonly number[], share: number): number {
	const sorted = values.toSorted((a, b) => a - b);
	return round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN);
}

function round(value: number): number {
	return Math.round(value * 100) / 100;
}
