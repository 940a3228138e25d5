import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { explain } from "../../lib/messages.ts";
import { pastOf, predictionOf } from "../../models/forecast/forecast-answers.ts";
import { wireForecast } from "../../models/forecast/forecast-wire.ts";
import type { IssuedForecast } from "../../models/forecast/site-forecast.ts";
import { trainerOf } from "../../models/training/trainer.ts";
import { homeOf } from "../home-of.ts";
import { type EnergyMessage, logLanguage, onInput, statusText } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import type { PowerForecastConfig } from "./config.ts";
import { Issuer, type Listener } from "./issuer.ts";
import { answerTo, requestOf } from "./request.ts";

const QUARTER_MS = 15 * 60_000;

export default (RED: NodeAPI): void => {
	function PowerForecast(this: Node, config: PowerForecastConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		let issuer: Issuer | undefined;
		const listener = listenerOf(RED, this);
		const opened = (): Issuer => {
			issuer ??= new Issuer(siteOf(RED, config.site), config, trainerOf(homeOf(RED)), listener);
			return issuer;
		};
		// A missing site must not keep the flow from starting.
		try {
			opened().start();
			this.status({ fill: "grey", shape: "ring", text: "status.waiting" });
		} catch {
			this.status({ fill: "red", shape: "ring", text: "status.nodes.site-missing" });
		}

		onInput(RED, { node: this, site: config.site }, async (msg: EnergyMessage) => {
			if (msg.req) {
				msg.payload = await answerTo(opened(), msg);
				return [msg, null, null];
			}
			const { forecasts, node } = opened();
			const asked = requestOf(msg.payload);
			if ("train" in asked) {
				const job = await forecasts.trainings.train(asked.train, "asked");
				msg.payload = { model: job.id, machine: asked.train, status: "training" };
				return [null, msg, null];
			}
			if ("accuracyDays" in asked) {
				msg.payload = (await forecasts.accuracy(asked.machine, asked.accuracyDays, QUARTER_MS)) ?? null;
			} else if ("predict" in asked) {
				msg.payload = await predictionOf(forecasts, node.site, asked.predict, null);
			} else if ("past" in asked) {
				msg.payload = await pastOf(forecasts, node.site, asked.past, null);
			} else msg.payload = await forecast(opened(), asked);
			return [msg, null, null];
		});
		this.on("close", () => issuer?.close());

		/** Of a machine, or of all. */
		async function forecast(
			issuer: Issuer,
			{ machine, horizonMinutes }: { machine?: string; horizonMinutes?: number },
		): Promise<object> {
			const toLead = horizonMinutes === undefined ? issuer.horizon : horizonMinutes / 15;
			if (machine === undefined) return (await issuer.issueAll(toLead)).map((one) => wireForecast(one, null));
			const one = await issuer.forecasts.issue(machine, toLead);
			listener.issued([one]);
			return wireForecast(one, null);
		}
	}
	RED.nodes.registerType("power-forecast", PowerForecast);
};

/** Forecasts leave by the first output, models by the second, what cards show by the third. */
function listenerOf(RED: NodeAPI, node: Node): Listener {
	const message = (topic: string, payload: object) => ({ topic, payload }) as NodeMessage;
	return {
		forecasts: (payload) => node.send([message("forecasts", payload), null, null]),
		model: (machine, payload) => node.send([null, message(machine, payload), null]),
		view: (machine, payload) => node.send([null, null, message(machine, payload)]),
		issued: showing(RED, node),
		// Nobody waits for an answer: catch nodes and the status are told.
		failed: (error) => {
			node.status({ fill: "red", shape: "ring", text: statusText(RED, error) });
			node.error(explain(error, logLanguage));
		},
	};
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
