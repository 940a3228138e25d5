import { rm } from "node:fs/promises";
import { accessOf } from "../../lib/access/context.ts";
import type { UploadRequest } from "../../lib/api/upload.ts";
import { EnergyError } from "../../lib/errors.ts";
import { offerJobs } from "../../lib/jobs/sources.ts";
import { WorkQueue } from "../../lib/jobs/work.ts";
import { watchQueue } from "../../lib/metrics/tally.ts";
import { checkSite } from "../../lib/store/query.ts";
import { type ImportRequest, prepareImport } from "../../lib/telemetry/csv/job.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import type { EnergySiteNode } from "../energy-site/config.ts";
import { logLanguage } from "../on-input.ts";
import type { StoreMessage } from "./message.ts";

/** The imports of a site: jobs that are answered at once and done one after another. */
export class Imports {
	readonly #node: EnergySiteNode;
	readonly #queue: WorkQueue;
	readonly #stops: (() => void)[];

	constructor(node: EnergySiteNode) {
		this.#node = node;
		const { id } = node.site;
		this.#queue = new WorkQueue({ site: id, store: () => node.store() });
		this.#stops = [offerJobs(id, this.#queue), watchQueue("imports", () => this.#queue.size)];
	}

	/**
	 * Takes a request's file and answers the job that stores it.
	 *
	 * @throws EnergyError `telemetry.import-no-file`, `store.bad-query`, and those of `prepareImport`
	 */
	async take(msg: StoreMessage): Promise<void> {
		const { upload } = (msg.req ?? {}) as UploadRequest;
		if (!upload || !msg.req) throw new EnergyError("telemetry.import-no-file");
		const { site } = this.#node;
		checkSite(site, msg.req.query);
		const access = accessOf(msg.req);
		const language = access?.language ?? logLanguage;
		const asked = importRequest(site, msg.req.query);
		const { id, timeZone, machines } = site;
		const target = { site: id, timeZone, machines, store: () => this.#node.store(), language };
		const work = await prepareImport(upload.path, `upload ${upload.hash.slice(0, 12)}`, asked, target);
		const file = upload.take();
		const facts = { machine: asked.machine, bytes: upload.bytes };
		const after = (): void => void rm(file, { force: true }).catch(() => undefined);
		const order = { type: "import", by: access?.user ?? null, facts, work, after };
		const job = await this.#queue.start(order, language).catch((error: unknown) => {
			after();
			throw error;
		});
		msg.payload = job;
		msg.statusCode = 202;
		msg.headers = { location: `/api/v1/jobs/${encodeURIComponent(job.id)}` };
	}

	async close(): Promise<void> {
		for (const stop of this.#stops) stop();
		await this.#queue.close();
	}
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
