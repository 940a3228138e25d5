import type { Store } from "../store/store.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { Site } from "../telemetry/site.ts";
import type { ReportMachine } from "./report.ts";

const PAGE = 10_000;

/** The site's quarter-hours over a span, as parallel arrays; NaN where nothing is known. */
export interface SiteLoad {
	fromMs: number;
	kwh: Float64Array;
	estimatedKwh: Float64Array;
	/** Share of the quarter-hour that is measured, 0…1, the least of its meters. */
	coverage: Float64Array;
	/** 1 where a meter's value is not good, 2 where it is bad. */
	doubt: Uint8Array;
}

type IntervalStore = Pick<Store, "intervals">;

async function* intervalsOf(store: IntervalStore, query: Parameters<Store["intervals"]>[0]) {
	let cursor: string | undefined;
	do {
		const page = await store.intervals({ ...query, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
		yield* page.items;
		cursor = page.nextCursor;
	} while (cursor !== undefined);
}

/** Sum of the meters that make up a site. A quarter-hour that one of them lacks is known only in part, and says so. */
export async function siteLoad(
	store: IntervalStore,
	site: string,
	meters: readonly string[],
	fromMs: number,
	toMs: number,
): Promise<SiteLoad> {
	const count = Math.max(0, Math.round((toMs - fromMs) / QUARTER_HOUR_MS));
	const load: SiteLoad = {
		fromMs,
		kwh: new Float64Array(count).fill(Number.NaN),
		estimatedKwh: new Float64Array(count),
		coverage: new Float64Array(count),
		doubt: new Uint8Array(count),
	};
	const seen = new Uint16Array(count);
	for (const machine of meters) {
		for await (const interval of intervalsOf(store, { site, machine, fromMs, toMs, resolution: "15min" })) {
			const at = Math.round((interval.startMs - fromMs) / QUARTER_HOUR_MS);
			if (at < 0 || at >= count) continue;
			const before = load.kwh[at] as number;
			load.kwh[at] = (Number.isNaN(before) ? 0 : before) + interval.energyKwh;
			load.estimatedKwh[at] = (load.estimatedKwh[at] as number) + interval.estimatedKwh;
			const covered = seen[at] === 0 ? 1 : (load.coverage[at] as number);
			load.coverage[at] = Math.min(covered, interval.coverage);
			seen[at] = (seen[at] as number) + 1;
			const doubt = interval.quality === "good" ? 0 : interval.quality === "uncertain" ? 1 : 2;
			load.doubt[at] = Math.max(load.doubt[at] as number, doubt);
		}
	}
	for (let at = 0; at < count; at++) {
		if (seen[at] === 0 || seen[at] === meters.length) continue;
		load.coverage[at] = 0;
		load.doubt[at] = Math.max(1, load.doubt[at] as number);
	}
	return load;
}

/**
 * Energy, estimated energy and highest quarter-hour of each sub-meter, largest first; `seenKwh` is what they used while
 * the site's own load is known.
 */
export async function machineLoads(
	store: IntervalStore,
	site: Site,
	{ fromMs, kwh }: SiteLoad,
): Promise<{ machines: ReportMachine[]; seenKwh: number }> {
	const loads: ReportMachine[] = [];
	const toMs = fromMs + kwh.length * QUARTER_HOUR_MS;
	let seenKwh = 0;
	for (const { id, name, names, area, role } of site.machines) {
		if (role !== "sub") continue;
		const load: ReportMachine = {
			...{ machine: id, name, area, energyKwh: 0, estimatedKwh: 0, peakKw: 0 },
			names: { "en-US": names?.["en-US"] ?? name, ko: names?.ko ?? name },
		};
		for await (const interval of intervalsOf(store, {
			...{ site: site.id, machine: id, fromMs, toMs, resolution: "15min" },
		})) {
			load.energyKwh += interval.energyKwh;
			load.estimatedKwh += interval.estimatedKwh;
			load.peakKw = Math.max(load.peakKw, interval.energyKwh * 4);
			const at = Math.round((interval.startMs - fromMs) / QUARTER_HOUR_MS);
			if (!Number.isNaN(kwh[at] ?? Number.NaN)) seenKwh += interval.energyKwh;
		}
		loads.push(load);
	}
	return { machines: loads.sort((a, b) => b.energyKwh - a.energyKwh), seenKwh };
}

/** Energy of the meters over a span; null where nothing is stored of it. */
export async function energyOf(
	store: IntervalStore,
	site: string,
	meters: readonly string[],
	fromMs: number,
	toMs: number,
): Promise<number | null> {
	let sum: number | null = null;
	for (const machine of meters) {
		for await (const interval of intervalsOf(store, { site, machine, fromMs, toMs, resolution: "hour" })) {
			sum = (sum ?? 0) + interval.energyKwh;
		}
	}
	return sum;
}
