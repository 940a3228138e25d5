import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { clockOf } from "../../lib/calendar/zone-clock.ts";
import { EnergyError } from "../../lib/errors.ts";
import { explain, languages } from "../../lib/messages.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import { type ForecastPoint, type IssuedForecast, SiteForecast, TOTAL } from "../../models/forecast/site-forecast.ts";
import type { ModelRecord } from "../../models/registry.ts";
import { trainerOf } from "../../models/training/trainer.ts";
import { type EnergyMessage, onInput } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import { defaults, type PowerForecastConfig } from "./config.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const QUARTER_MS = 15 * MINUTE_MS;
/** A forecast is made when the meters' last quarter-hour is in the store. */
const AFTER_MS = 30_000;
/** The first forecast comes soon after the flow, when the store has opened. */
const FIRST_MS = 5_000;

interface Open {
	site: Site;
	forecasts: SiteForecast;
	close(): void;
}

export default (RED: NodeAPI): void => {
	function PowerForecast(this: Node, config: PowerForecastConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		let open: Open | undefined;
		let next: NodeJS.Timeout | undefined;
		const setting = (name: keyof typeof defaults): number => {
			const given = Number(config[name]);
			return Number.isFinite(given) && String(config[name] ?? "") !== "" ? given : defaults[name];
		};
		const horizon = (): number => Math.round(setting("horizonMinutes") / 15);

		const opened = (): Open => {
			if (open) return open;
			const node = siteOf(RED, config.site);
			const home = process.env.SMARTFACTORY_HOME ?? RED.settings.userDir ?? process.cwd();
			const trainer = trainerOf(home);
			const forecasts = new SiteForecast(node.site, () => node.store(), trainer, {
				historyDays: setting("historyDays"),
				keepDays: setting("keepDays"),
				share: setting("intervalPercent") / 100,
				driftFactor: 1.5,
			});
			const stop = trainer.onEnded((record) => {
				if (record.task !== "forecast" || record.site !== node.site.id) return;
				this.send([null, { topic: record.machine, payload: wireModel(record) } as NodeMessage]);
			});
			open = { site: node.site, forecasts, close: stop };
			return open;
		};

		/** Failures of scheduled work go to catch nodes and the status: nobody waits for an answer. */
		const failed = (error: unknown): void => {
			this.status({ fill: "red", shape: "ring", text: "status.unexpected" });
			this.error(explain(error, "en-US"));
		};

		const show = (issued: readonly IssuedForecast[]): void => {
			const naive = issued.filter(({ fallback }) => fallback !== undefined).length;
			const values = { ready: issued.length - naive, naive };
			const text = RED._(naive === 0 ? "status.models" : "status.mixed", values);
			this.status({ fill: naive === 0 ? "green" : "yellow", shape: "dot", text });
		};

		/** Every machine and the site, one after the other, so that other work has its turn between them. */
		const issueAll = async (toLead: number): Promise<IssuedForecast[]> => {
			const { forecasts } = opened();
			const issued: IssuedForecast[] = [];
			for (const machine of forecasts.machines) {
				try {
					issued.push(await forecasts.issue(machine, toLead));
				} catch (error) {
					// A machine that was never measured says so in the models' output; the others go on.
					if (!(error instanceof EnergyError && error.code === "models.too-little-data")) throw error;
					this.send([null, { topic: machine, payload: wireFailure(machine, error) } as NodeMessage]);
				}
				await new Promise(setImmediate);
			}
			show(issued);
			return issued;
		};

		const scheduled = async (): Promise<void> => {
			const { forecasts, site } = opened();
			const issued = await issueAll(horizon());
			if (issued.length > 0) this.send([{ payload: issued.map(wireForecast) } as NodeMessage, null]);
			await forecasts.trainFirst();
			const clock = clockOf(site.timeZone);
			const now = Date.now();
			const night = Math.floor(clock.minuteAt(now) / 60) === setting("nightlyHour") && clock.dayAt(now) !== trainedOn;
			if (config.nightly !== false && night) {
				trainedOn = clock.dayAt(now);
				for (const machine of forecasts.machines) await forecasts.train(machine, "nightly");
			} else if (config.trainOnDrift !== false) await forecasts.trainDrifted();
		};
		let trainedOn = Number.NaN;

		const schedule = (): void => {
			const every = setting("everyMinutes") * MINUTE_MS;
			if (every <= 0) return;
			const now = Date.now();
			const atMs = Math.floor((now - AFTER_MS) / every) * every + every + AFTER_MS;
			next = setTimeout(() => {
				schedule();
				scheduled().catch(failed);
			}, atMs - now).unref();
		};
		// A missing site must not keep the flow from starting.
		try {
			opened();
			this.status({ fill: "grey", shape: "ring", text: "status.waiting" });
			if (setting("everyMinutes") > 0) {
				next = setTimeout(() => {
					schedule();
					scheduled().catch(failed);
				}, FIRST_MS).unref();
			}
		} catch {
			this.status({ fill: "red", shape: "ring", text: "status.nodes.site-missing" });
		}

		onInput(RED, this, async (msg: EnergyMessage) => {
			const { forecasts } = opened();
			const asked = requestOf(msg.payload);
			if ("train" in asked) {
				const job = await forecasts.train(asked.train, "asked");
				msg.payload = { model: job.id, machine: asked.train, status: "training" };
				return [null, msg];
			}
			if ("fromMs" in asked) {
				const points = await forecasts.at(asked.machine, asked.fromMs, asked.toMs, asked.leadMs);
				msg.payload = { machine: asked.machine, leadMinutes: asked.leadMs / MINUTE_MS, points: points.map(wirePoint) };
				return [msg, null];
			}
			if ("accuracyDays" in asked) {
				msg.payload = (await forecasts.accuracy(asked.machine, asked.accuracyDays, QUARTER_MS)) ?? null;
				return [msg, null];
			}
			const toLead = asked.horizonMinutes === undefined ? horizon() : asked.horizonMinutes / 15;
			if (asked.machine === undefined) msg.payload = (await issueAll(toLead)).map(wireForecast);
			else {
				const issued = await forecasts.issue(asked.machine, toLead);
				show([issued]);
				msg.payload = wireForecast(issued);
			}
			return [msg, null];
		});
		this.on("close", () => {
			clearTimeout(next);
			open?.close();
		});
	}
	RED.nodes.registerType("power-forecast", PowerForecast);
};

type Request =
	| { machine?: string; horizonMinutes?: number }
	| { train: string }
	| { machine: string; fromMs: number; toMs: number; leadMs: number }
	| { machine: string; accuracyDays: number };

/**
 * `{machine, horizonMinutes}` asks for a forecast, `{train: machine}` for a training, `{machine, from, to, leadMinutes}`
 * for what was forecast, `{machine, accuracyDays}` for what that was worth; anything else asks for all machines.
 */
function requestOf(payload: unknown): Request {
	if (typeof payload !== "object" || payload === null) return {};
	const given = payload as Record<string, unknown>;
	const name = (field: string): string => {
		const value = given[field] ?? TOTAL;
		if (typeof value !== "string") throw new EnergyError("models.name-invalid", { field, value });
		return value;
	};
	const time = (field: string): number => {
		const value = given[field];
		const ms = typeof value === "number" ? value : Date.parse(String(value));
		if (!Number.isFinite(ms)) throw new EnergyError("models.time-invalid", { field, value: String(value) });
		return ms;
	};
	const number = (field: string, otherwise: number): number => {
		const value = given[field] === undefined ? otherwise : Number(given[field]);
		if (!Number.isFinite(value)) throw new EnergyError("models.horizon", { value: String(given[field]), rule: field });
		return value;
	};
	if (given.train !== undefined) return { train: name("train") };
	if (given.from !== undefined) {
		const leadMs = number("leadMinutes", 0) * MINUTE_MS;
		const toMs = given.to === undefined ? time("from") + 24 * HOUR_MS : time("to");
		return { machine: name("machine"), fromMs: time("from"), toMs, leadMs };
	}
	if (given.accuracyDays !== undefined) return { machine: name("machine"), accuracyDays: number("accuracyDays", 7) };
	return {
		...(given.machine !== undefined && { machine: name("machine") }),
		...(given.horizonMinutes !== undefined && { horizonMinutes: number("horizonMinutes", 0) }),
	};
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();

/** Energies by quarter-hour with their times; power is energy × 4. */
function wireForecast({ issuedMs, stepMs, energyKwh, lowerKwh, upperKwh, ...rest }: IssuedForecast): object {
	return {
		...rest,
		issued: iso(issuedMs),
		points: energyKwh.map((energy, i) => ({
			start: iso(issuedMs + i * stepMs),
			energyKwh: energy,
			lowerKwh: lowerKwh[i],
			upperKwh: upperKwh[i],
		})),
	};
}

function wirePoint({ startMs, issuedMs, ...values }: ForecastPoint): object {
	return { start: iso(startMs), issued: iso(issuedMs), ...values };
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

function wireFailure(machine: string, error: EnergyError): object {
	return {
		machine,
		status: "no-forecast",
		failure: { code: error.code, details: error.details },
		detail: inWords(error),
	};
}

const inWords = (error: EnergyError): object =>
	Object.fromEntries(languages.map((language) => [language, explain(error, language)]));
