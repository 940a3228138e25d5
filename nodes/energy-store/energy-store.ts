import { rm } from "node:fs/promises";
import type { Node, NodeAPI, NodeDef } from "node-red";
import { accessOf } from "../../lib/access/context.ts";
import type { UploadRequest } from "../../lib/api/upload.ts";
import { EnergyError } from "../../lib/errors.ts";
import { offerJobs } from "../../lib/jobs/sources.ts";
import { WorkQueue } from "../../lib/jobs/work.ts";
import { watchQueue } from "../../lib/metrics/tally.ts";
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
import type { Store, WriteOutcome } from "../../lib/store/store.ts";
import {
	csvOf,
	quarantinable,
	storable,
	wireInterval,
	wirePage,
	wireQuarantined,
	wireSeries,
	wireStats,
} from "../../lib/store/wire.ts";
import { type ImportRequest, prepareImport } from "../../lib/telemetry/csv/job.ts";
import { toWire } from "../../lib/telemetry/reading.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import { type EnergyMessage, logLanguage, onInput } from "../on-input.ts";
import { settle, unsettle } from "../settlement.ts";
import { siteOf } from "../site-of.ts";
import { type EnergyStoreConfig, type Operation, operations, type Query } from "./config.ts";

interface StoreMessage extends EnergyMessage {
	operation?: unknown;
	query?: unknown;
	/** Set by energy-ingest: who waits for this batch to be committed. */
	ingest?: unknown;
	/** Set by sensor-validate. */
	validation?: { accepted?: number; rejected?: readonly unknown[] };
	statusCode?: number;
	headers?: Record<string, string>;
}

type Answer = object | { items: object[] };

const listOf = (payload: unknown): readonly unknown[] => (Array.isArray(payload) ? payload : [payload]);

/** What POST /api/v1/data/sensors answers: 200 all taken, 207 some, 422 none. */
function answerTo(validation: NonNullable<StoreMessage["validation"]>, outcome: WriteOutcome, written: number) {
	const rejected = validation.rejected ?? [];
	const accepted = validation.accepted ?? written;
	const statusCode = rejected.length === 0 ? 200 : accepted > 0 ? 207 : 422;
	return { statusCode, payload: { accepted, ...outcome, rejected } };
}

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
			return { since: new Date(fromMs).toISOString(), items: await store.energySince(site.id, fromMs) };
		},
		quarantined: async (store, site, parameters) =>
			wirePage(await store.quarantined(quarantineQuery(site, parameters)), wireQuarantined),
		stats: async (store) => wireStats(await store.stats()),
	};

export default (RED: NodeAPI): void => {
	function EnergyStore(this: Node, config: EnergyStoreConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		const status = statusOf(this);
		let imports: Imports | undefined;
		// Jobs of before this start are asked for, too.
		if (config.operation === "import") {
			try {
				const { site, store } = siteOf(RED, config.site);
				imports = openImports(site.id, () => store());
			} catch {
				// The first message says that the site is missing.
			}
		}

		onInput(RED, { node: this, site: config.site }, async (received) => {
			const msg: StoreMessage = received;
			try {
				const operation = operationOf(config, msg);
				if (operation === "write") await write(msg);
				else if (operation === "quarantine") await quarantine(msg);
				else if (operation === "import") await importFile(msg);
				else await query(msg, operation);
				return msg;
			} catch (error) {
				status.failed();
				throw error;
			}
		});
		this.on("close", (done: () => void) => {
			status.stop();
			closeImports().then(done, done);
		});

		/** A batch either settles here, or is told to have failed, so that its sender keeps it. */
		async function committing<T>(msg: StoreMessage, count: number, work: () => Promise<T>): Promise<T> {
			try {
				const outcome = await work();
				settle(msg.ingest, count);
				status.wrote(count);
				return outcome;
			} catch (error) {
				unsettle(msg.ingest, error);
				throw error;
			}
		}

		async function write(msg: StoreMessage): Promise<void> {
			const given = listOf(msg.payload);
			const outcome = await committing(msg, given.length, async () => {
				const readings = given.map(storable);
				if (readings.length === 0) return { inserted: 0, duplicates: 0, replaced: 0 };
				return (await siteOf(RED, config.site).store()).write(readings);
			});
			if (msg.req && msg.validation) Object.assign(msg, answerTo(msg.validation, outcome, given.length));
			else msg.payload = outcome;
		}

		async function quarantine(msg: StoreMessage): Promise<void> {
			const given = listOf(msg.payload);
			await committing(msg, given.length, async () => {
				const entries = given.map(quarantinable);
				if (entries.length > 0) await (await siteOf(RED, config.site).store()).quarantine(entries);
			});
			msg.payload = { quarantined: given.length };
		}

		/** A request's file; a job that is answered at once does the work. */
		async function importFile(msg: StoreMessage): Promise<void> {
			const { upload } = (msg.req ?? {}) as UploadRequest;
			if (!upload || !msg.req) throw new EnergyError("telemetry.import-no-file");
			const node = siteOf(RED, config.site);
			checkSite(node.site, msg.req.query);
			const access = accessOf(msg.req);
			const language = access?.language ?? logLanguage;
			const { id: site, timeZone, machines } = node.site;
			const asked = importRequest(node.site, msg.req.query);
			const name = `upload ${upload.hash.slice(0, 12)}`;
			const target = { site, timeZone, machines, store: () => node.store(), language };
			const work = await prepareImport(upload.path, name, asked, target);
			imports ??= openImports(site, () => node.store());
			const file = upload.take();
			const facts = { machine: asked.machine, bytes: upload.bytes };
			const after = (): void => void rm(file, { force: true }).catch(() => undefined);
			const order = { type: "import", by: access?.user ?? null, facts, work, after };
			const job = await imports.queue.start(order, language).catch((error: unknown) => {
				after();
				throw error;
			});
			msg.payload = job;
			msg.statusCode = 202;
			msg.headers = { location: `/api/v1/jobs/${encodeURIComponent(job.id)}` };
			status.answered();
		}

		async function closeImports(): Promise<void> {
			if (!imports) return;
			for (const stop of imports.stop) stop();
			await imports.queue.close();
			imports = undefined;
		}

		async function query(msg: StoreMessage, operation: Query): Promise<void> {
			const parameters = parametersOf(msg);
			const format = formatOf(parameters);
			const { site, store } = siteOf(RED, config.site);
			checkSite(site, parameters);
			const answer = await queryTable[operation](await store(), site, parameters, Date.now());
			if (format === "csv" && "items" in answer) {
				msg.payload = csvOf(answer.items);
				msg.headers = { ...(msg.headers ?? {}), "content-type": "text/csv; charset=utf-8" };
			} else msg.payload = answer;
			status.answered();
		}
	}
	RED.nodes.registerType("energy-store", EnergyStore);
};

interface Imports {
	queue: WorkQueue;
	stop: (() => void)[];
}

function openImports(site: string, store: () => Promise<Store>): Imports {
	const queue = new WorkQueue({ site, store });
	return { queue, stop: [offerJobs(site, queue), watchQueue("imports", () => queue.size)] };
}

/** What the query of `POST …/data/import` says; the contract has looked at its types. */
function importRequest(site: Site, query: Record<string, unknown>): ImportRequest {
	const { site: _site, machine, dryRun, acceptGrid, ...values } = query;
	const known = site.machines.some(({ id }) => id === machine);
	if (!known && site.unknownMachines === "reject") {
		const rule = `one of ${site.machines.map(({ id }) => id).join(", ")}`;
		throw new EnergyError("store.bad-query", { field: "machine", value: machine ?? "", rule });
	}
	const said = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
	const options = Object.fromEntries(said.map(([name, value]) => [name, String(value)]));
	return { ...options, machine: String(machine), dryRun: dryRun === true, acceptGrid: acceptGrid === true };
}

function operationOf(config: EnergyStoreConfig, msg: StoreMessage): Operation {
	const wanted = config.operation === "from-message" ? msg.operation : config.operation;
	const known = operations.find((operation) => operation === wanted);
	if (known) return known;
	throw new EnergyError("store.bad-query", {
		field: "operation",
		value: wanted ?? "",
		rule: `one of ${operations.join(", ")}`,
	});
}

/** A request speaks through its query string alone; anything else could be smuggled in by the body. */
function parametersOf(msg: StoreMessage): Parameters {
	const parameters = msg.req ? { ...msg.req.query, ...msg.req.params } : (msg.query ?? {});
	if (typeof parameters === "object" && !Array.isArray(parameters)) return parameters as Parameters;
	throw new EnergyError("store.bad-query", { field: "msg.query", value: parameters, rule: "an object of parameters" });
}

/** Status at most once a second: a flow of readings must not become a flow of status messages. */
function statusOf(node: Node) {
	let count = 0;
	let shown = "";
	let timer: NodeJS.Timeout | undefined;
	const show = (text: string, fill: "green" | "blue") => {
		if (shown !== text) node.status({ fill, shape: "dot", text });
		shown = text;
	};
	return {
		wrote(readings: number): void {
			count += readings;
			timer ??= setTimeout(() => {
				show(`${count}/s`, "green");
				count = 0;
				timer = undefined;
			}, 1000).unref();
		},
		answered(): void {
			show("status.answered", "blue");
		},
		/** The funnel shows the error; the next success has to be shown again. */
		failed(): void {
			shown = "";
			count = 0;
			clearTimeout(timer);
			timer = undefined;
		},
		stop(): void {
			clearTimeout(timer);
		},
	};
}
