import { EnergyError } from "../../lib/errors.ts";
import {
	checkSite,
	formatOf,
	intervalsQuery,
	type Parameters,
	quarantineQuery,
	readingsQuery,
	seriesQuery,
	sinceMs,
} from "../../lib/store/query.ts";
import type { Store } from "../../lib/store/store.ts";
import { csvOf, wireInterval, wirePage, wireQuarantined, wireSeries, wireStats } from "../../lib/store/wire.ts";
import { toWire } from "../../lib/telemetry/reading.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import type { EnergySiteNode } from "../energy-site/config.ts";
import type { Query } from "./config.ts";
import type { StoreMessage } from "./message.ts";

type Answer = object | { items: object[] };

const queryTable: Record<Query, (store: Store, site: Site, parameters: Parameters, nowMs: number) => Promise<Answer>> =
	{
		readings: async (store, site, parameters, nowMs) =>
			wirePage(await store.readings(readingsQuery(site, parameters, nowMs)), toWire),
		intervals: async (store, site, parameters, nowMs) =>
			wirePage(await store.intervals(intervalsQuery(site, parameters, nowMs)), wireInterval),
		series: async (store, site, parameters, nowMs) => {
			const query = seriesQuery(site, parameters, nowMs);
			return {
				measure: query.measure,
				from: new Date(query.fromMs).toISOString(),
				to: new Date(query.toMs).toISOString(),
				items: (await store.series(query)).map(wireSeries),
			};
		},
		latest: async (store, site) => ({ items: (await store.latest(site.id)).map(toWire) }),
		"energy-since": async (store, site, parameters, nowMs) => {
			const fromMs = sinceMs(site, parameters, nowMs);
			return { since: new Date(fromMs).toISOString(), items: await store.energySince(site.id, fromMs, nowMs) };
		},
		quarantined: async (store, site, parameters) =>
			wirePage(await store.quarantined(quarantineQuery(site, parameters)), wireQuarantined),
		stats: async (store) => wireStats(await store.stats()),
	};

/** Answers a question to the store in the message: as JSON, or as CSV where that is asked for. */
export async function answer(msg: StoreMessage, operation: Query, { site, store }: EnergySiteNode): Promise<void> {
	const parameters = parametersOf(msg);
	const format = formatOf(parameters);
	checkSite(site, parameters);
	const found = await queryTable[operation](await store(), site, parameters, Date.now());
	if (format === "csv" && "items" in found) {
		msg.payload = csvOf(found.items);
		msg.headers = { ...(msg.headers ?? {}), "content-type": "text/csv; charset=utf-8" };
	} else msg.payload = found;
}

/** A request speaks through its query string alone; anything else could be smuggled in by the body. */
function parametersOf(msg: StoreMessage): Parameters {
	const parameters = msg.req ? { ...msg.req.query, ...msg.req.params } : (msg.query ?? {});
	if (typeof parameters === "object" && !Array.isArray(parameters)) return parameters as Parameters;
	throw new EnergyError("store.bad-query", { field: "msg.query", value: parameters, rule: "an object of parameters" });
}
