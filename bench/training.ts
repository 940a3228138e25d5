// `npm run bench -- training [--days 28] [--machines 4]`: how long the event loop waits while models are trained from
// the store in their thread, beside the same training on the loop itself, as a function node would do it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { generateHistory } from "../lib/plant/history.ts";
import { openStore } from "../lib/store/open.ts";
import type { Store } from "../lib/store/store.ts";
import type { Site } from "../lib/telemetry/site.ts";
import { machineModelKind } from "../models/anomaly/machine-model.ts";
import type { ReadingColumns } from "../models/anomaly/readings.ts";
import { anomalyTask } from "../models/anomaly/training.ts";
import { forecastTask } from "../models/forecast/training.ts";
import type { Task } from "../models/tasks.ts";
import { trainerOf } from "../models/training/trainer.ts";
import type { Figures } from "./run.ts";

const RESOLUTION_MS = 1;
const site: Site = { id: "demo", name: "Demo", timeZone: "Asia/Seoul", unknownMachines: "accept", machines: [] };

/** Delay of the loop while something goes on, ms, above the wait between two looks. */
async function delayWhile(work: () => Promise<unknown>): Promise<Figures> {
	const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
	histogram.enable();
	const from = performance.now();
	await work();
	const seconds = (performance.now() - from) / 1000;
	histogram.disable();
	const ms = (ns: number): number => Math.max(0, Math.round((ns / 1e6 - RESOLUTION_MS) * 10) / 10);
	return {
		...{ p50Ms: ms(histogram.percentile(50)), p99Ms: ms(histogram.percentile(99)), maxMs: ms(histogram.max) },
		...{ looks: histogram.count, seconds: Math.round(seconds * 100) / 100 },
	};
}

async function inThread(
	task: Task,
	home: string,
	store: Store,
	machines: readonly string[],
	days: number,
): Promise<Figures> {
	const kind = task.kinds[0] as string;
	const trainer = trainerOf(home);
	const figures = await delayWhile(async () => {
		const jobs = machines.map((machine) =>
			trainer.train({
				...{ task: task.task, site: site.id, machine, kind, reason: "asked" },
				...task.training({ site, store: async () => store, machine, kind, historyDays: days }),
			}),
		);
		for (const job of await Promise.all(jobs)) {
			const { status, failure } = await job.done;
			if (status === "failed") throw new Error(`${job.id}: ${JSON.stringify(failure)}`);
		}
	});
	await trainer.close();
	return figures;
}

function onLoop(store: Store, machines: readonly string[], days: number): Promise<Figures> {
	return delayWhile(async () => {
		for (const machine of machines) {
			const training = anomalyTask.training({
				...{ site, store: async () => store, machine, kind: machineModelKind.kind, historyDays: days },
			});
			const { data } = await training.read();
			const options = { timeZone: site.timeZone };
			await machineModelKind.fit(data as ReadingColumns, options, { seed: 1, progress: () => {} });
		}
	});
}

export default async function training(args: readonly string[]): Promise<Figures> {
	const { values } = parseArgs({
		args: [...args],
		options: { days: { type: "string", default: "28" }, machines: { type: "string", default: "4" } },
	});
	const days = Number(values.days);
	const home = mkdtempSync(join(tmpdir(), "sf-bench-training-"));
	try {
		const store = await openStore(`sqlite://${join(home, "bench.db")}`);
		await store.defineSite(site);
		const made = await generateHistory(store, { days, rawDays: days, siteId: site.id, timeZone: site.timeZone });
		const machines = (await store.latest(site.id)).map(({ machine }) => machine).slice(0, Number(values.machines));
		const idle = await delayWhile(() => new Promise((resolve) => setTimeout(resolve, 2_000)));
		const rows = [
			{ where: "idle", ...idle },
			{ where: "anomaly models, in their thread", ...(await inThread(anomalyTask, home, store, machines, days)) },
			{
				where: "a forecast, in its thread",
				...(await inThread(forecastTask, home, store, machines.slice(0, 1), days)),
			},
			{ where: "anomaly models, on the loop", ...(await onLoop(store, machines, days)) },
		];
		await store.close();
		return { days, machines: machines.length, readings: made.readings, delay: rows };
	} finally {
		rmSync(home, { recursive: true, force: true });
	}
}
