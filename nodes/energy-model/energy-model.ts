import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { accessOf } from "../../lib/access/context.ts";
import { EnergyError } from "../../lib/errors.ts";
import { offerJobs } from "../../lib/jobs/sources.ts";
import { offerPart } from "../../lib/live/board.ts";
import type { Language } from "../../lib/messages.ts";
import { watchQueue } from "../../lib/metrics/tally.ts";
import { type DeskEvent, ModelDesk } from "../../models/desk.ts";
import { objectOf } from "../../models/desk-input.ts";
import type { Reader, WireJob } from "../../models/desk-wire.ts";
import { trainerOf } from "../../models/training/trainer.ts";
import { homeOf } from "../home-of.ts";
import { type EnergyMessage, onInput } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import { trainingSettings } from "../training-settings.ts";
import { defaults, type EnergyModelConfig, type Operation, operations } from "./config.ts";

interface ModelMessage extends EnergyMessage {
	topic?: string;
	operation?: unknown;
	statusCode?: number;
	headers?: Record<string, string>;
}

type Asked = Operation | "job";

/** Last part of a path, and the operation that it stands for by method. */
const paths: readonly { pattern: RegExp; method: string; operation: Asked }[] = [
	{ pattern: /\/models$/, method: "GET", operation: "list" },
	{ pattern: /\/models\/train$/, method: "POST", operation: "train" },
	{ pattern: /\/models\/[^/]+\/status$/, method: "GET", operation: "status" },
	{ pattern: /\/models\/[^/]+\/promote$/, method: "POST", operation: "promote" },
	{ pattern: /\/models\/[^/]+\/roll-back$/, method: "POST", operation: "roll-back" },
	{ pattern: /\/models\/import$/, method: "POST", operation: "import" },
	{ pattern: /\/models\/[^/]+\/retire$/, method: "POST", operation: "retire" },
	{ pattern: /\/jobs\/[^/]+$/, method: "GET", operation: "job" },
	{ pattern: /\/jobs\/[^/]+$/, method: "DELETE", operation: "cancel" },
];

export default (RED: NodeAPI): void => {
	function EnergyModel(this: Node, config: EnergyModelConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		let desk: ModelDesk | undefined;
		let takeBack: (() => void)[] = [];
		/** Messages that asked for a training: each of its steps is told with what else they carry. */
		const askers = new Map<string, NodeMessage[]>();
		const show = statusOf(RED, this, () => desk);

		const happened = (event: DeskEvent): void => {
			const told: (NodeMessage | null)[] = [null, { topic: "event", ...wireEvent(event) } as NodeMessage];
			this.send(told);
			if (event.event === "training") tellAskers(event.job, event.step);
			show(event);
		};
		const tellAskers = (job: WireJob, step: string): void => {
			for (const asker of askers.get(job.id) ?? []) {
				if (step !== "queued") this.send([{ ...asker, payload: job } as NodeMessage, null]);
			}
			if (job.endedAt !== null) askers.delete(job.id);
		};
		const opened = (): ModelDesk => {
			if (desk) return desk;
			const node = siteOf(RED, config.site);
			desk = new ModelDesk({
				...{ site: node.site, store: () => node.store(), trainer: trainerOf(homeOf(RED)), happened },
				deadlineMs: 60_000 * setting("deadlineMin", config, 0.1, 1_440),
				mostWaiting: setting("mostWaiting", config, 1, 1_000),
				settings: trainingSettings(),
			});
			takeBack = offersOf(node.site.id, desk);
			return desk;
		};
		// Config nodes come before others, but a missing one must not keep the flow from starting.
		try {
			opened();
			show();
		} catch {
			this.status({ fill: "red", shape: "ring", text: "status.nodes.site-missing" });
		}

		onInput(RED, { node: this, site: config.site }, async (msg: ModelMessage) => {
			const operation = operationOf(config, msg);
			const answer = await work(opened(), operation, msg);
			const begun = operation === "train" || operation === "import";
			if (begun && !msg.req) for (const job of listOf(answer)) ask(job as WireJob, msg);
			if (msg.req && begun) {
				msg.statusCode = 202;
				msg.headers = { location: `/api/v1/jobs/${encodeURIComponent((answer as WireJob).id)}` };
			}
			msg.payload = answer;
			return [msg, null];
		});
		this.on("close", () => {
			for (const stop of takeBack) stop();
			desk?.close();
			askers.clear();
		});

		function ask(job: WireJob, { req: _req, res: _res, payload: _payload, ...rest }: ModelMessage): void {
			if (job.endedAt !== null) return;
			askers.set(job.id, [...(askers.get(job.id) ?? []), rest as NodeMessage]);
			// It ended meanwhile, or another process trains it: nobody else would tell.
			if (desk?.jobs.some(({ id }) => id === job.id)) return;
			const late = desk?.job(job.id, null).then((now) => now.endedAt !== null && tellAskers(now, "done"));
			void late?.catch(() => undefined).finally(() => askers.delete(job.id));
		}
	}
	RED.nodes.registerType("energy-model", EnergyModel);
};

/** Trainings are jobs among others, and the whole picture of the site shows the models in use. */
function offersOf(site: string, desk: ModelDesk): (() => void)[] {
	const known = async <T>(work: Promise<T>): Promise<T | undefined> => {
		try {
			return await work;
		} catch (error) {
			if (error instanceof EnergyError && error.code === "models.job-unknown") return undefined;
			throw error;
		}
	};
	const models = async (language: Language): Promise<object> => ({
		items: (await desk.list({ status: "active", limit: 1_000 }, language)).items.map((model) => {
			const { id, task, machine, kind, trainedAt = null, metrics = {} } = model;
			return { id, task, machine, kind, trainedAt, metrics };
		}),
		training: desk.jobs.length,
	});
	return [
		offerJobs(site, {
			job: (id, language) => known(desk.job(id, language)),
			cancel: (id, language) => known(desk.cancel(id, language)),
			jobs: (language) => desk.trainings(language),
		}),
		offerPart(site, "models", models),
		watchQueue("trainings", () => desk.jobs.length),
	];
}

const listOf = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** @throws EnergyError `models.bad-input` */
function setting(field: "deadlineMin" | "mostWaiting", config: EnergyModelConfig, min: number, max: number): number {
	const given = config[field];
	const value = given === undefined || given === "" ? defaults[field] : Number(given);
	if (value >= min && value <= max) return value;
	throw new EnergyError("models.bad-input", { field, value: String(given), rule: `${min}…${max}` });
}

function operationOf(config: EnergyModelConfig, msg: ModelMessage): Asked {
	if (msg.req) {
		// Behind other nodes the path may have lost its beginning, never its end.
		const path = (msg.req.url ?? "").split("?", 1)[0]?.replace(/\/+$/, "") ?? "";
		const found = paths.find(({ pattern, method }) => method === msg.req?.method && pattern.test(path));
		const fits = found && (config.operation === "from-message" || config.operation === found.operation);
		if (fits) return found.operation;
		throw new EnergyError("models.bad-input", { field: "path", value: path, rule: config.operation });
	}
	const wanted = config.operation === "from-message" ? msg.operation : config.operation;
	const operation = operations.find((one) => one === wanted);
	if (operation) return operation;
	throw new EnergyError("models.bad-input", { field: "operation", value: wanted ?? "–", rule: operations.join(", ") });
}

function work(desk: ModelDesk, operation: Asked, msg: ModelMessage): Promise<unknown> {
	if (!msg.req && operation === "train" && Array.isArray(msg.payload)) {
		return Promise.all(msg.payload.map((one) => desk.train(objectOf(one, "payload"), byOf(msg), null)));
	}
	const access = msg.req && accessOf(msg.req);
	return answer(desk, operation, givenOf(msg), byOf(msg), access?.language ?? null);
}

/** A request speaks through its own parts alone; anything else could be smuggled in. */
function givenOf({ req, payload }: ModelMessage): Record<string, unknown> {
	if (!req) return { ...objectOf(payload === undefined || payload === "" ? {} : payload, "payload") };
	const { model_id: model, id } = req.params;
	const said = req.method === "POST" ? ((req.body ?? {}) as object) : req.query;
	return { ...said, ...(model !== undefined && { model }), ...(id !== undefined && { job: id }) };
}

function byOf({ req, payload }: ModelMessage): string | undefined {
	if (req) return accessOf(req)?.user ?? undefined;
	const by = (payload as { by?: unknown } | null | undefined)?.by;
	return typeof by === "string" && by !== "" ? by : undefined;
}

async function answer(
	desk: ModelDesk,
	operation: Asked,
	given: Record<string, unknown>,
	by: string | undefined,
	reader: Reader,
): Promise<unknown> {
	switch (operation) {
		case "list":
			return desk.list(given, reader);
		case "train":
			return desk.train(given, by, reader);
		case "status":
			return desk.status(given, reader);
		case "job":
			return desk.job(String(given.job), reader);
		case "cancel":
			return desk.cancel(String(given.job ?? given.model ?? given.id ?? ""), reader);
		case "promote":
			return desk.promote(given, by, reader);
		case "roll-back":
			return desk.rollBack(given, by, reader);
		case "import":
			return desk.import(given, by, reader);
		case "retire":
			return desk.retire(given, reader);
	}
}

/** As energy-live takes it: the event's name beside what it tells. */
function wireEvent({ event, ...rest }: DeskEvent): { event: string; payload: object } {
	return { event, payload: rest };
}

/** Status when its words change: how far the training is, else how the last one ended. */
function statusOf(RED: NodeAPI, node: Node, desk: () => ModelDesk | undefined): (event?: DeskEvent) => void {
	let shown = "";
	return (event) => {
		const jobs = desk()?.jobs ?? [];
		const running = jobs.find(({ state }) => state === "running");
		const percent = Math.round(100 * (running?.progress ?? 0));
		const failed = event?.event === "training" && event.step === "failed";
		const key = jobs.length > 1 ? "queue" : jobs.length > 0 ? "training" : failed ? "failed" : "ready";
		const text = RED._(`status.${key}`, { percent, waiting: jobs.length - 1 });
		if (text === shown) return;
		shown = text;
		node.status({ fill: jobs.length > 0 ? "blue" : failed ? "red" : "green", shape: "dot", text });
	};
}
