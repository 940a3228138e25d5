import { requestMeters } from "../api/requests.ts";
import { boardOf } from "../live/board.ts";
import { startOfDayMs } from "../live/local-day.ts";
import type { Language } from "../messages.ts";
import type { Store } from "../store/store.ts";
import { wireStats } from "../store/wire.ts";
import type { Site } from "../telemetry/site.ts";
import { diskOf, watchProcess } from "./process.ts";
import { queueDepths, readingTally } from "./tally.ts";

export interface StatisticsOptions {
	site: Site;
	store: Store;
	/** SMARTFACTORY_HOME: its disk is the one that may fill up. */
	home: string;
	version: string;
	language: Language;
}

interface LivePicture {
	totalKw: number | null;
	energyTodayKwh: number | null;
	machines: { machine: string; powerKw: number | null; energyTodayKwh: number | null; quality: string }[];
	flow: { silent: string[]; lastReadingTime: string | null };
}

interface AlarmPicture {
	active: number;
	unacknowledged: number;
	raised24h: number;
	anomalies: { active: number; raised24h: number };
}

export type Statistics = Awaited<ReturnType<typeof statisticsOf>>;

const rounded = (value: number | null, digits = 3): number | null =>
	value === null ? null : Math.round(value * 10 ** digits) / 10 ** digits;

/** How the system fares: the plant in short, and this process with everything that waits in it. */
export async function statisticsOf({ site, store, home, version, language }: StatisticsOptions) {
	const nowMs = Date.now();
	const { loop, cpu } = watchProcess();
	const [stats, disk, board] = await Promise.all([
		store.stats(),
		diskOf(home),
		boardOf(site.id, ["realtime", "alarms"], language),
	]);
	const live = board.parts.realtime as LivePicture | null;
	const alarms = board.parts.alarms as AlarmPicture | null;
	const memory = process.memoryUsage();
	return {
		site: site.id,
		time: new Date(nowMs).toISOString(),
		version,
		uptimeS: Math.round(process.uptime()),
		power: await powerOf(live, site, store, nowMs),
		alarms: alarms && { active: alarms.active, unacknowledged: alarms.unacknowledged, raised24h: alarms.raised24h },
		anomalies: alarms?.anomalies ?? null,
		ingest: {
			storedPerS: rounded(readingTally.storedRate.perSecond(nowMs)),
			rejectedPerS: rounded(readingTally.rejectedRate.perSecond(nowMs)),
			stored: readingTally.stored,
			rejected: readingTally.rejected,
			lastReadingTime: stats.newestMs === null ? null : new Date(stats.newestMs).toISOString(),
			silent: live?.flow.silent ?? null,
		},
		store: wireStats(stats),
		queues: { store: stats.queueDepth, ...queueDepths() },
		api: apiFigures(nowMs),
		process: {
			cpuShare: cpu.share(),
			residentBytes: memory.rss,
			heapUsedBytes: memory.heapUsed,
			heapTotalBytes: memory.heapTotal,
		},
		eventLoop: loop.figures(),
		disk,
	};
}

/** From the picture of the live feed where this process has one, else from the store. */
async function powerOf(live: LivePicture | null, site: Site, store: Store, nowMs: number) {
	if (live) {
		const machines = live.machines.map(({ machine, powerKw, energyTodayKwh }) => ({
			machine,
			powerKw,
			energyTodayKwh,
		}));
		return { totalKw: rounded(live.totalKw), energyTodayKwh: rounded(live.energyTodayKwh), machines };
	}
	const [latest, today] = await Promise.all([
		store.latest(site.id),
		store.energySince(site.id, startOfDayMs(nowMs, site.timeZone), nowMs),
	]);
	const energy = new Map(today.map(({ machine, energyKwh }) => [machine, energyKwh]));
	const machines = latest.map(({ machine, timeMs, powerKw }) => ({
		machine,
		powerKw: powerKw === undefined || nowMs - timeMs > 120_000 ? null : powerKw,
		energyTodayKwh: rounded(energy.get(machine) ?? null),
	}));
	const mains = new Set(site.machines.filter(({ role }) => role === "main").map(({ id }) => id));
	const counted = mains.size > 0 ? machines.filter(({ machine }) => mains.has(machine)) : machines;
	const sum = (values: (number | null)[]): number | null =>
		values.length === 0 || values.includes(null) ? null : values.reduce<number>((all, each) => all + (each ?? 0), 0);
	return {
		totalKw: rounded(sum(counted.map(({ powerKw }) => powerKw))),
		energyTodayKwh: rounded(sum(counted.map(({ energyTodayKwh }) => energyTodayKwh))),
		machines,
	};
}

function apiFigures(nowMs: number) {
	const routes = [...requestMeters.routes].map(([operation, route]) => ({
		operation,
		method: route.method,
		path: route.path,
		count: route.count,
		errors: route.errors,
		perSecond: rounded(route.perSecond(nowMs)),
		p50Ms: rounded(route.quantileMs(0.5), 2),
		p99Ms: rounded(route.quantileMs(0.99), 2),
		maxMs: rounded(route.maxMs, 2),
		bytes: route.bytes,
		statuses: Object.fromEntries(route.byStatus),
	}));
	return {
		running: requestMeters.running,
		perSecond: rounded(routes.reduce((sum, route) => sum + (route.perSecond ?? 0), 0)),
		routes: routes.toSorted((a, b) => b.count - a.count),
	};
}
