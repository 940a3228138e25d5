import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { EnergyError } from "../../lib/errors.ts";
import { explain, languages } from "../../lib/messages.ts";
import { storable } from "../../lib/store/wire.ts";
import { toWire } from "../../lib/telemetry/reading.ts";
import { type ModelEvent, SiteWatch, type SiteWatchOptions } from "../../models/anomaly/site-watch.ts";
import type { AnomalyAlert, ScoredReading, WatchOptions } from "../../models/anomaly/watch.ts";
import { trainerOf } from "../../models/training/trainer.ts";
import { homeOf } from "../home-of.ts";
import { type EnergyMessage, onInput } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import { trainingSettings } from "../training-settings.ts";
import { type AnomalyDetectConfig, defaults, type MachineThresholds } from "./config.ts";

export default (RED: NodeAPI): void => {
	function AnomalyDetect(this: Node, config: AnomalyDetectConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		let watch: SiteWatch | undefined;
		const status = statusOf(RED, this, () => watch?.counts);

		/** Opened with the first message or, where the site is there, with the flow; models and trainings are its own. */
		const opened = (): SiteWatch => {
			if (watch) return watch;
			const node = siteOf(RED, config.site);
			watch = new SiteWatch(
				node.site,
				() => node.store(),
				trainerOf(homeOf(RED)),
				optionsOf(config),
				(event) => {
					this.send([null, null, { topic: event.event, payload: wireEvent(event) } as NodeMessage]);
					status.later();
				},
			);
			watch.start();
			return watch;
		};
		// Config nodes come before others, but a missing one must not keep the flow from starting.
		try {
			opened();
			status.later();
		} catch {
			this.status({ fill: "red", shape: "ring", text: "status.nodes.site-missing" });
		}

		onInput(RED, { node: this, site: config.site }, async (msg: EnergyMessage) => {
			const site = opened();
			const order = trainingOrder(msg.payload);
			if (order) {
				const job = await site.train(order.machine, "asked");
				msg.payload = { model: job.id, machine: order.machine, status: "training" };
				return [null, null, msg];
			}
			const many = Array.isArray(msg.payload);
			const given: readonly unknown[] = many ? (msg.payload as unknown[]) : [msg.payload];
			const { scored, alerts } = await site.add(given.map(storable));
			const out = scored.map((one, index) => ({ ...(given[index] as object), ...wireScored(one) }));
			msg.payload = many ? out : out[0];
			if (alerts.length > 0 || scored.length > 0) status.later();
			return [msg, alerts.map((alert) => ({ topic: alert.machine, payload: wireAlert(alert) }) as NodeMessage), null];
		});
		this.on("close", () => {
			status.stop();
			watch?.close();
		});
	}
	RED.nodes.registerType("anomaly-detect", AnomalyDetect);
};

/** `{train: "machine"}` asks for a training instead of carrying readings. */
function trainingOrder(payload: unknown): { machine: string } | undefined {
	const machine = (payload as { train?: unknown } | null)?.train;
	if (machine === undefined) return undefined;
	if (typeof machine !== "string" || machine === "") {
		throw new EnergyError("models.name-invalid", { field: "train", value: machine });
	}
	return { machine };
}

function optionsOf(config: AnomalyDetectConfig): SiteWatchOptions {
	const number = (value: unknown, otherwise: number): number => {
		const given = Number(value);
		return value === "" || value === undefined || value === null || !Number.isFinite(given) ? otherwise : given;
	};
	const threshold = (value: unknown): WatchOptions =>
		value === "" || value === undefined || !Number.isFinite(Number(value)) ? {} : { powerThresholdKw: Number(value) };
	return {
		watch: {
			warning: number(config.warning, defaults.warning),
			critical: number(config.critical, defaults.critical),
			hysteresis: number(config.hysteresis, defaults.hysteresis),
			confirm: number(config.confirm, defaults.confirm),
			release: number(config.release, defaults.release),
			...threshold(config.powerThresholdKw),
		},
		machines: (config.machines ?? []).map(({ machine, powerThresholdKw, warning, critical }: MachineThresholds) => ({
			machine,
			...threshold(powerThresholdKw),
			...(isGiven(warning) && { warning: Number(warning) }),
			...(isGiven(critical) && { critical: Number(critical) }),
		})),
		...(config.nightly !== false && { nightlyHour: number(config.nightlyHour, defaults.nightlyHour) }),
		trainOnDrift: config.trainOnDrift !== false,
		historyDays: number(config.historyDays, defaults.historyDays),
		cadenceMs: 1000 * number(config.cadenceS, defaults.cadenceS),
		settings: trainingSettings(),
	};
}

const isGiven = (value: unknown): boolean => value !== "" && value !== undefined && Number.isFinite(Number(value));

function wireScored(scored: ScoredReading): object {
	return toWire(scored);
}

function wireAlert({ timeMs, ...alert }: AnomalyAlert): object {
	return { ...alert, time: new Date(timeMs).toISOString() };
}

/** A failure also in words, for the person who reads the message. */
function wireEvent({ timeMs, ...event }: ModelEvent): object {
	const wire = { ...event, time: new Date(timeMs).toISOString() };
	if (!("failure" in event)) return wire;
	const error = new EnergyError(event.failure.code, event.failure.details);
	return { ...wire, detail: Object.fromEntries(languages.map((language) => [language, explain(error, language)])) };
}

/** Status at most once a second: who judges, and whether something is raised. */
function statusOf(RED: NodeAPI, node: Node, counts: () => SiteWatch["counts"] | undefined) {
	let timer: NodeJS.Timeout | undefined;
	let shown = "";
	const show = (): void => {
		timer = undefined;
		const now = counts();
		if (!now) return;
		const { modelled, ruled, raised } = now;
		const key = raised > 0 ? "raised" : ruled > 0 ? (modelled > 0 ? "mixed" : "rules") : "models";
		const text = RED._(`status.${key}`, { raised, ruled, modelled });
		if (text === shown) return;
		shown = text;
		node.status({ fill: raised > 0 ? "red" : ruled > 0 ? "yellow" : "green", shape: "dot", text });
	};
	return {
		later(): void {
			timer ??= setTimeout(show, 1000).unref();
		},
		stop(): void {
			clearTimeout(timer);
		},
	};
}
