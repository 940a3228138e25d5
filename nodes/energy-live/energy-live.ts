import type { IncomingMessage } from "node:http";
import type { Node, NodeAPI, NodeDef } from "node-red";
import { type AccessContext, checkSite } from "../../lib/access/context.ts";
import type { Access } from "../../lib/access/index.ts";
import { EnergyError } from "../../lib/errors.ts";
import { offerPart } from "../../lib/live/board.ts";
import { LiveHub } from "../../lib/live/hub.ts";
import { nextDayMs } from "../../lib/live/local-day.ts";
import type { Delta, LiveEvent, Snapshot } from "../../lib/live/messages.ts";
import { LiveServer } from "../../lib/live/server.ts";
import { explain } from "../../lib/messages.ts";
import { toWire, type WireReading } from "../../lib/telemetry/reading.ts";
import type { EnergySiteNode } from "../energy-site/config.ts";
import { type EnergyMessage, logLanguage, onInput, settingsLine, statusText } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import type { EnergyLiveConfig } from "./config.ts";

type Authenticate = (req: IncomingMessage) => Promise<AccessContext | null>;

/** Of those who are signed in, the ones that may look at this site. */
function atSite(authenticate: Authenticate, site: string): Authenticate {
	return async (req) => {
		const access = await authenticate(req);
		if (access) checkSite(access, site);
		return access;
	};
}

interface LiveInput extends EnergyMessage {
	topic?: string;
	event?: unknown;
}

const DELTA_MS = 1_000;
/** Counted here between two looks into the store, which knows late readings and counter resets. */
const CORRECT_MS = 60_000;
const RETRY_MS = 15_000;
/** How soon what another process stored is seen here: meters on Modbus are not on the broker that the API mode follows. */
const LOOK_MS = 10_000;

/** Paths that a node of this process serves. */
const served = new Set<string>();

export default (RED: NodeAPI): void => {
	function accessSettings(): Partial<Pick<Access, "authenticateUpgrade" | "onSignOut">> {
		return (RED.settings as { smartEnergy?: Access }).smartEnergy ?? {};
	}

	function EnergyLive(this: Node, config: EnergyLiveConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		const path = config.path || "/ws";
		const say = (error: unknown): void => {
			this.status({ fill: "red", shape: "ring", text: statusText(RED, error) });
			this.error(explain(error, logLanguage));
		};
		let live: Live | undefined;
		try {
			if (served.has(path)) throw new EnergyError("live.path-taken", { path });
			live = liveOf(this, siteOf(RED, config.site), path);
		} catch (error) {
			say(error);
		}

		onInput(RED, { node: this, site: config.site }, (msg: LiveInput) => {
			if (!live) throw new EnergyError("nodes.site-missing");
			if (msg.req || msg.topic === "snapshot") {
				msg.payload = live.hub.snapshot(Date.now());
				return msg;
			}
			live.take(msg);
			return undefined;
		});
		this.on("close", () => live?.close());
	}

	interface Live {
		hub: LiveHub;
		take(msg: LiveInput): void;
		close(): void;
	}

	function liveOf(node: Node, siteNode: EnergySiteNode, path: string): Live {
		const { site } = siteNode;
		const hub = new LiveHub(site, Date.now());
		const { authenticateUpgrade, onSignOut } = accessSettings();
		const authenticate = authenticateUpgrade && atSite(authenticateUpgrade, site.id);
		if (!authenticate)
			node.warn(explain(new EnergyError("live.upgrade-missing", { path, line: settingsLine }), logLanguage));
		const snapshot = () => hub.snapshot(Date.now());
		const takeBack = offerPart(site.id, "realtime", snapshot);
		const resume = (stream: string, seq: number) => hub.resume(stream, seq, Date.now());
		const server = new LiveServer({ path, authenticate, settingsLine, snapshot, resume });
		const forget = onSignOut?.((session, user) => server.signedOut(session, user));
		served.add(path);
		RED.server.on("upgrade", server.upgrade);

		const tell = (message: Snapshot | Delta | LiveEvent) => node.send({ topic: message.type, payload: message });
		let shown = "";
		const tick = setInterval(() => {
			const nowMs = Date.now();
			const delta = hub.delta(nowMs);
			server.delta(delta, nowMs);
			tell(delta);
			const { silent } = delta.flow;
			const text = authenticate ? `${server.clients} ⇄, ${Math.round(delta.flow.readingsPerS)}/s` : "status.locked";
			if (text === shown) return;
			shown = text;
			node.status({ fill: silent.length > 0 || !authenticate ? "yellow" : "green", shape: "dot", text });
		}, DELTA_MS);

		let corrector: NodeJS.Timeout | undefined;
		/** What the store knows of today; at once after a start, after midnight, and now and then. */
		const correct = async (restore: boolean): Promise<void> => {
			let wait = CORRECT_MS;
			let restored = !restore;
			try {
				const store = await siteNode.store();
				if (restore) {
					hub.restore((await store.latest(site.id)).map(toWire), Date.now());
					restored = true;
				}
				const sinceMs = hub.dayStartMs;
				hub.correct(await store.energySince(site.id, sinceMs, Date.now()), sinceMs);
				if (restore) tell(hub.snapshot(Date.now()));
			} catch (error) {
				wait = RETRY_MS;
				node.warn(explain(error, logLanguage));
			}
			const untilMidnight = nextDayMs(Date.now(), site.timeZone) - Date.now() + 2_000;
			if (!closed) corrector = setTimeout(() => void correct(!restored), Math.min(wait, untilMidnight));
		};
		let looker: NodeJS.Timeout | undefined;
		const look = async (): Promise<void> => {
			try {
				const store = await siteNode.store();
				hub.restore((await store.latest(site.id)).map(toWire), Date.now());
			} catch {
				// The correction, which asks the same store, says what is wrong with it.
			}
			if (!closed) looker = setTimeout(() => void look(), LOOK_MS);
		};
		let closed = false;
		void correct(true);
		looker = setTimeout(() => void look(), LOOK_MS);

		return {
			hub,
			take(msg) {
				const nowMs = Date.now();
				if (msg.topic === "event") {
					const event = hub.event(...eventOf(msg), nowMs);
					server.event(event);
					tell(event);
				} else if (isSummary(msg.payload)) hub.reject(msg.payload.rejected, nowMs);
				else hub.read(readingsOf(msg.payload), nowMs);
			},
			close() {
				closed = true;
				clearInterval(tick);
				clearTimeout(corrector);
				clearTimeout(looker);
				forget?.();
				takeBack();
				RED.server.off("upgrade", server.upgrade);
				served.delete(path);
				server.close();
			},
		};
	}

	RED.nodes.registerType("energy-live", EnergyLive);
};

/** `msg.payload` is `{event, data}`, or the data with its name in `msg.event`. */
function eventOf(msg: LiveInput): [event: string, data: unknown] {
	const payload = msg.payload as { event?: unknown; data?: unknown } | null | undefined;
	if (typeof payload?.event === "string") return [payload.event, payload.data ?? null];
	return [typeof msg.event === "string" ? msg.event : "event", msg.payload ?? null];
}

/** What sensor-validate says of a batch. */
function isSummary(payload: unknown): payload is { rejected: number } {
	const summary = payload as { received?: unknown; rejected?: unknown } | null | undefined;
	return typeof summary?.received === "number" && typeof summary.rejected === "number";
}

/** Readings were judged before; what still has no such shape is refused, so that the picture stays true. */
function readingsOf(payload: unknown): WireReading[] {
	return (Array.isArray(payload) ? payload : [payload]).map((value: unknown) => {
		const reading = value as Partial<WireReading> | null | undefined;
		if (typeof reading?.machine === "string" && typeof reading.time === "string") return reading as WireReading;
		throw new EnergyError("live.bad-message", { rule: "valid readings with machine and time" });
	});
}
