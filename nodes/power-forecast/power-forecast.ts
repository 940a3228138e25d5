import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { accessOf } from "../../lib/access/context.ts";
import { lastLocalHour } from "../../lib/calendar/local-hour.ts";
import { EnergyError } from "../../lib/errors.ts";
import { offerPart } from "../../lib/live/board.ts";
import { explain, languages } from "../../lib/messages.ts";
import { pastOf, predictionOf } from "../../models/forecast/forecast-answers.ts";
import { viewOf } from "../../models/forecast/forecast-view.ts";
import { wireForecast, wireMissing } from "../../models/forecast/forecast-wire.ts";
import { type IssuedForecast, SiteForecast, TOTAL } from "../../models/forecast/site-forecast.ts";
import type { ModelRecord } from "../../models/registry.ts";
import { trainerOf } from "../../models/training/trainer.ts";
import type { EnergySiteNode } from "../energy-site/config.ts";
import { homeOf } from "../home-of.ts";
import { type EnergyMessage, logLanguage, onInput, statusText } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import { trainingSettings } from "../training-settings.ts";
import { defaults, engines, type PowerForecastConfig, providers } from "./config.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const QUARTER_MS = 15 * MINUTE_MS;
/** A forecast is made when the meters' last quarter-hour is in the store. */
const AFTER_MS = 30_000;
/** The first forecast comes soon after the flow, when the store has opened. */
const FIRST_MS = 3_000;
/** As long as nothing could be forecast, a history may be on its way: ask again soon. */
const AGAIN_MS = 20_000;

interface Open {
	node: EnergySiteNode;
	forecasts: SiteForecast;
	close(): void;
}

export default (RED: NodeAPI): void => {
	function PowerForecast(this: Node, config: PowerForecastConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		let open: Open | undefined;
		let next: NodeJS.Timeout | undefined;
		let closed = false;
		const setting = (name: keyof typeof defaults): number => {
			const given = Number(config[name]);
			return Number.isFinite(given) && String(config[name] ?? "") !== "" ? given : defaults[name];
		};
		const choice = {
			engine: engines.find((one) => one === config.engine) ?? "auto",
			provider: providers.find((one) => one === config.provider) ?? "cpu",
		};
		const horizon = (): number => Math.round(setting("horizonMinutes") / 15);

		const opened = (): Open => {
			if (open) return open;
			const node = siteOf(RED, config.site);
			const trainer = trainerOf(homeOf(RED));
			const forecasts = new SiteForecast(node.site, () => node.store(), trainer, {
				historyDays: setting("historyDays"),
				keepDays: setting("keepDays"),
				share: setting("intervalPercent") / 100,
				driftFactor: 1.5,
				choice,
				settings: trainingSettings(),
			});
			const stop = trainer.onEnded((record) => {
				if (!record.task.startsWith("forecast") || record.site !== node.site.id) return;
				this.send([null, { topic: record.machine, payload: wireModel(record) } as NodeMessage, null]);
				// A new model is seen at once, not with the next quarter-hour.
				if (record.status === "active" && setting("everyMinutes") > 0) {
					issueAll(horizon(), [record.machine]).catch(failed);
				}
			});
			const takeBack = offerPart(node.site.id, "forecast", (language) => {
				const nowMs = Math.floor(Date.now() / QUARTER_MS) * QUARTER_MS;
				return pastOf(forecasts, node.site, { from: nowMs, to: nowMs + 24 * HOUR_MS }, language);
			});
			// Where forecasts are only asked for, each model is read when it is taken into use, not when somebody waits.
			const forget = trainer.registry.onChanged(({ task, site, machine, status }) => {
				if (status !== "active" || !task.startsWith("forecast") || site !== node.site.id) return;
				if (setting("everyMinutes") <= 0 && forecasts.machines.includes(machine)) warm(forecasts, [machine]);
			});
			const close = (): void => {
				stop();
				forget();
				takeBack();
			};
			open = { node, forecasts, close };
			warm(forecasts);
			return open;
		};

		/** What can't be read is said to whoever asks for it. */
		const warm = (forecasts: SiteForecast, machines?: readonly string[]): void => {
			setImmediate(() => {
				if (!closed) forecasts.warmUp(horizon(), machines).catch(() => undefined);
			});
		};

		/** Failures of scheduled work go to catch nodes and the status: nobody waits for an answer. */
		const failed = (error: unknown): void => {
			if (closed) return;
			this.status({ fill: "red", shape: "ring", text: statusText(RED, error) });
			this.error(explain(error, logLanguage));
		};

		const show = showing(RED, this);

		/** Forecasts in one batch; what the cards show of them follows machine by machine. */
		const issueAll = async (toLead: number, machines?: readonly string[]): Promise<IssuedForecast[]> => {
			const { forecasts } = opened();
			const { issued, missing } = await forecasts.issueAll(toLead, machines);
			for (const { machine, error } of missing) {
				// A machine that was never measured says so in the models' output; the others go on.
				if (error.code !== "models.too-little-data") throw error;
				this.send([null, { topic: machine, payload: wireMissing(machine, error) } as NodeMessage, null]);
			}
			show(issued);
			void sendViews(issued).catch(failed);
			return issued;
		};

		const sendViews = async (issued: readonly IssuedForecast[]): Promise<void> => {
			const { forecasts, node } = opened();
			for (const one of issued) {
				if (closed) return;
				const contractKw = one.machine === TOTAL ? contractOf(node) : null;
				const payload = await viewOf(forecasts, node.site, one, contractKw);
				this.send([null, null, { topic: one.machine, payload } as NodeMessage]);
			}
		};

		/** @returns whether there was anything to forecast */
		const scheduled = async (): Promise<boolean> => {
			const { forecasts, node } = opened();
			const issued = await issueAll(horizon());
			if (issued.length > 0) {
				const payload = issued.map((one) => wireForecast(one, null));
				this.send([{ topic: "forecasts", payload } as NodeMessage, null, null]);
			}
			await forecasts.trainFirst();
			if (config.nightly !== false) {
				await forecasts.trainNightly(lastLocalHour(setting("nightlyHour"), node.site.timeZone, Date.now()));
			}
			if (config.trainOnDrift !== false) await forecasts.trainDrifted();
			return issued.length > 0;
		};

		const begin = (afterMs: number): void => {
			if (closed) return;
			next = setTimeout(() => {
				scheduled()
					.catch((error: unknown) => {
						failed(error);
						return false;
					})
					.then((any) => {
						const every = setting("everyMinutes") * MINUTE_MS;
						const now = Date.now();
						const regular = Math.floor((now - AFTER_MS) / every) * every + every + AFTER_MS - now;
						begin(any ? regular : Math.min(regular, AGAIN_MS));
					});
			}, afterMs).unref();
		};
		// A missing site must not keep the flow from starting.
		try {
			opened();
			this.status({ fill: "grey", shape: "ring", text: "status.waiting" });
			if (setting("everyMinutes") > 0) begin(FIRST_MS);
		} catch {
			this.status({ fill: "red", shape: "ring", text: "status.nodes.site-missing" });
		}

		onInput(RED, { node: this, site: config.site }, async (msg: EnergyMessage) => {
			if (msg.req) {
				msg.payload = await answered(opened(), msg);
				return [msg, null, null];
			}
			const { forecasts, node } = opened();
			const asked = requestOf(msg.payload);
			if ("train" in asked) {
				const job = await forecasts.train(asked.train, "asked");
				msg.payload = { model: job.id, machine: asked.train, status: "training" };
				return [null, msg, null];
			}
			if ("accuracyDays" in asked) {
				msg.payload = (await forecasts.accuracy(asked.machine, asked.accuracyDays, QUARTER_MS)) ?? null;
			} else if ("predict" in asked) {
				msg.payload = await predictionOf(forecasts, node.site, asked.predict, null);
			} else if ("past" in asked) {
				msg.payload = await pastOf(forecasts, node.site, asked.past, null);
			} else {
				const toLead = asked.horizonMinutes === undefined ? horizon() : asked.horizonMinutes / 15;
				const { machine } = asked;
				if (machine === undefined) msg.payload = (await issueAll(toLead)).map((one) => wireForecast(one, null));
				else {
					const one = await forecasts.issue(machine, toLead);
					show([one]);
					msg.payload = wireForecast(one, null);
				}
			}
			return [msg, null, null];
		});
		this.on("close", () => {
			closed = true;
			clearTimeout(next);
			open?.close();
		});
	}
	RED.nodes.registerType("power-forecast", PowerForecast);
};

/** `GET …/forecasts` and `POST …/models/predict`: behind other nodes the path may have lost its beginning, never its end. */
async function answered({ forecasts, node }: Open, { req }: EnergyMessage): Promise<unknown> {
	const path = (req?.url ?? "").split("?", 1)[0]?.replace(/\/+$/, "") ?? "";
	const reader = req ? (accessOf(req)?.language ?? null) : null;
	if (req?.method === "GET" && path.endsWith("/forecasts")) return pastOf(forecasts, node.site, req.query, reader);
	if (req?.method === "POST" && path.endsWith("/predict")) {
		return predictionOf(forecasts, node.site, (req.body ?? {}) as Record<string, unknown>, reader);
	}
	throw new EnergyError("models.bad-input", { field: "path", value: path, rule: "GET …/forecasts, POST …/predict" });
}

type Request =
	| { machine?: string; horizonMinutes?: number }
	| { train: string }
	| { past: Record<string, unknown> }
	| { predict: Record<string, unknown> }
	| { machine: string; accuracyDays: number };

/**
 * `{machine, horizonMinutes}` asks for a forecast, `{train: machine}` for a training, `{machine, from, to, leadMinutes}`
 * for what was forecast, `{machine, accuracyDays}` for what that was worth, `{predict: {…}}` for a forecast that is not
 * remembered; anything else asks for all machines.
 */
function requestOf(payload: unknown): Request {
	if (typeof payload !== "object" || payload === null) return {};
	const given = payload as Record<string, unknown>;
	const name = (field: string): string => {
		const value = given[field] ?? TOTAL;
		if (typeof value !== "string") throw new EnergyError("models.name-invalid", { field, value });
		return value;
	};
	const number = (field: string, otherwise: number): number => {
		const value = given[field] === undefined ? otherwise : Number(given[field]);
		if (!Number.isFinite(value)) throw new EnergyError("models.horizon", { value: String(given[field]), rule: field });
		return value;
	};
	if (given.train !== undefined) return { train: name("train") };
	if (given.predict !== undefined) return { predict: given.predict as Record<string, unknown> };
	if (given.from !== undefined) return { past: given };
	if (given.accuracyDays !== undefined) return { machine: name("machine"), accuracyDays: number("accuracyDays", 7) };
	return {
		...(given.machine !== undefined && { machine: name("machine") }),
		...(given.horizonMinutes !== undefined && { horizonMinutes: number("horizonMinutes", 0) }),
	};
}

function contractOf(node: EnergySiteNode): number | null {
	try {
		return node.contract().contractKw;
	} catch {
		// What is wrong with the contract is said where prices are asked for.
		return null;
	}
}

/** How many loads are forecast by models, and what runs them where it is not plain TypeScript. */
function showing(RED: NodeAPI, node: Node): (issued: readonly IssuedForecast[]) => void {
	let shown = "";
	return (issued) => {
		if (issued.length === 0) return;
		const naive = issued.filter(({ fallback }) => fallback !== undefined).length;
		const provider = issued.find(({ engine }) => engine.provider !== undefined)?.engine.provider;
		const values = { ready: issued.length - naive, naive, provider: provider ?? "" };
		const text = RED._(naive > 0 ? "status.mixed" : provider ? "status.onnx" : "status.models", values);
		if (text === shown) return;
		shown = text;
		node.status({ fill: naive === 0 ? "green" : "yellow", shape: "dot", text });
	};
}

/** What became of a training, its failure also in words. */
function wireModel({ id, machine, status, reason, metrics, failure }: ModelRecord): object {
	const error = failure && new EnergyError(failure.code, failure.details);
	return {
		model: id,
		...{ machine, status, reason, metrics },
		...(error && { failure, detail: inWords(error) }),
	};
}

const inWords = (error: EnergyError): object =>
	Object.fromEntries(languages.map((language) => [language, explain(error, language)]));
