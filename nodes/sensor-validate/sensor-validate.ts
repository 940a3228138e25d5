import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { accessOf } from "../../lib/access/context.ts";
import type { QuarantineEntry } from "../../lib/store/store.ts";
import { batchOf, machineOfTopic, validatorOf } from "../../lib/telemetry/batch.ts";
import { Tally } from "../../lib/telemetry/tally.ts";
import { quarantineEntry, type Rejection, type Verdict } from "../../lib/telemetry/validate.ts";
import { type EnergyMessage, onInput } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import type { SensorValidateConfig } from "./config.ts";

interface ValidatedMessage extends EnergyMessage {
	validation?: { accepted: number; rejected: readonly Rejection[] };
}

export default (RED: NodeAPI): void => {
	function SensorValidate(this: Node, config: SensorValidateConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		const tally = new Tally();
		const status = statusOf(RED, this, tally);
		const everyMs = Math.max(0, Number(config.summaryS ?? 10)) * 1000;
		const timer = everyMs > 0 ? setInterval(() => sendSummary(this), everyMs).unref() : undefined;

		onInput(RED, { node: this, site: config.site }, (received) => {
			const msg: ValidatedMessage = received;
			const { site } = siteOf(RED, config.site);
			const nowMs = Date.now();
			const batch = batchOf(msg.payload);
			const machine = msg.req ? undefined : machineOfTopic(msg.topic);
			const access = msg.req && accessOf(msg.req);
			const verdict = validatorOf(site).check(batch.values, nowMs, {
				dryRun: config.dryRun,
				verdicts: config.dryRun,
				...(access && { language: access.language }),
				...(machine !== undefined && { machine }),
				...(batch.refused && { refused: batch.refused }),
			});
			tally.add(verdict.summary);
			status.later();
			const entries = config.dryRun
				? []
				: quarantined(verdict, batch.values, { site: site.id, source: sourceOf(msg), atMs: nowMs });
			return answers(msg, verdict, entries, batch.many || msg.req !== undefined, config.dryRun);
		});
		this.on("close", () => {
			clearInterval(timer);
			status.stop();
		});

		/** A site that is missing shows when readings come; a timer has nobody to tell. */
		function sendSummary(node: Node): void {
			const found = RED.nodes.getNode(config.site) as ReturnType<typeof siteOf> | null;
			if (!found?.site) return;
			const nowMs = Date.now();
			const payload = tally.take(found.site.id, validatorOf(found.site).silent(nowMs), nowMs);
			status.silent(payload.silent.length);
			node.send([null, null, { topic: "summary", payload } as NodeMessage]);
		}
	}
	RED.nodes.registerType("sensor-validate", SensorValidate);
};

/**
 * Output 1: the valid readings — a request always goes on, so that it is answered. Output 2: entries for the
 * quarantine, on a message of its own that carries the ingest tag but no request. Output 3: for a request or a dry run
 * the verdict at once.
 */
function answers(
	msg: ValidatedMessage,
	verdict: Verdict,
	entries: QuarantineEntry[],
	many: boolean,
	dryRun: boolean,
): (NodeMessage | null)[] {
	const { req, res, ...bare } = msg;
	const quarantine = entries.length > 0 ? { ...bare, payload: entries } : null;
	const verdictPayload = { ...verdict.summary, ...(verdict.verdicts && { readings: verdict.verdicts }) };
	const told = req !== undefined || dryRun ? { ...(dryRun ? msg : bare), payload: verdictPayload } : null;
	msg.validation = { accepted: verdict.valid.length, rejected: verdict.rejected };
	msg.payload = many ? verdict.valid : verdict.valid[0];
	return [req !== undefined || verdict.valid.length > 0 ? msg : null, quarantine, told];
}

function quarantined(
	verdict: Verdict,
	values: readonly unknown[],
	origin: { site: string; source: string; atMs: number },
): QuarantineEntry[] {
	return verdict.rejected.map((rejection) => quarantineEntry(rejection, values[rejection.index], origin));
}

function sourceOf(msg: EnergyMessage): string {
	if (msg.req) return `${msg.req.method} ${msg.req.url?.split("?")[0]} ${accessOf(msg.req)?.requestId ?? ""}`.trim();
	return typeof msg.topic === "string" ? msg.topic.slice(0, 200) : "";
}

/** Status at most once a second: a flow of readings must not become a flow of status messages. */
function statusOf(RED: NodeAPI, node: Node, tally: Tally) {
	let timer: NodeJS.Timeout | undefined;
	let quiet = 0;
	let shown = "";
	const show = (): void => {
		timer = undefined;
		const text = quiet > 0 ? RED._("status.silent", { count: quiet }) : tally.text();
		if (text === shown) return;
		shown = text;
		if (quiet > 0) node.status({ fill: "red", shape: "ring", text });
		else node.status({ fill: tally.rejectedLately ? "yellow" : "green", shape: "dot", text });
	};
	return {
		later(): void {
			timer ??= setTimeout(show, 1000).unref();
		},
		silent(count: number): void {
			quiet = count;
			show();
		},
		stop(): void {
			clearTimeout(timer);
		},
	};
}
