import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { peakBudgetOf } from "../../lib/demand/budget.ts";
import { loadChooser } from "../../lib/demand/choose.ts";
import { DemandGuard } from "../../lib/demand/guard.ts";
import type { DemandSnapshot } from "../../lib/demand/memory.ts";
import { storedPeaks } from "../../lib/demand/peaks.ts";
import type { TariffPricer } from "../../lib/demand/pricer.ts";
import type { DemandConfig, DemandStatus } from "../../lib/demand/types.ts";
import { wireCommand, wireEvent, wireStatus } from "../../lib/demand/wire.ts";
import { EnergyError } from "../../lib/errors.ts";
import { offerPart } from "../../lib/live/board.ts";
import { explain } from "../../lib/messages.ts";
import type { Store } from "../../lib/store/store.ts";
import { shippedTariffs } from "../../lib/tariff/registry.ts";
import { batchOf } from "../../lib/telemetry/batch.ts";
import type { Reading, WireReading } from "../../lib/telemetry/reading.ts";
import type { EnergySiteNode } from "../energy-site/config.ts";
import { type EnergyMessage, logLanguage, onInput, statusText } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import { StateFile } from "../state-file.ts";
import type { DemandGuardConfig } from "./config.ts";
import { followingContract, guardConfigOf, ownLevels, pricerOf, withSite } from "./setup.ts";

const TICK_MS = 1_000;
/** A crash loses at most so much of what is not in the counters; commands and events are kept at once. */
const KEEP_MS = 10_000;
/** How far back the store is asked for what happened before this start. */
const LOOK_BACK_MS = 20 * 60_000;
/** Readings wait no longer than this for the past to be told. */
const PATIENCE_MS = 5_000;
const PAGE = 10_000;

export default (RED: NodeAPI): void => {
	function DemandGuardNode(this: Node, config: DemandGuardConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		let running: Running | undefined;
		let problem: unknown;
		try {
			running = start(this, config);
		} catch (error) {
			problem = error;
			this.status({ fill: "red", shape: "ring", text: statusText(RED, error) });
			const empty = error instanceof EnergyError && error.code === "demand.no-meter";
			(empty ? this.warn : this.error).call(this, explain(error, logLanguage));
		}
		onInput(RED, { node: this, site: config.site }, (msg: EnergyMessage & { topic?: string }) => {
			if (!running) {
				// Said once at the start: a site without machines yet would repeat it with every reading.
				if (problem instanceof EnergyError && problem.code === "demand.no-meter" && !msg.req) return undefined;
				throw problem;
			}
			if (msg.req || msg.topic === "status") {
				msg.payload = running.answer();
				return [null, null, null, msg];
			}
			if (msg.topic === "eoi") running.pulse(pulseMs(msg.payload));
			else running.take(msg.payload);
			return undefined;
		});
		this.on("close", (removed: boolean, done: () => void) => {
			if (!running) return done();
			running.close(removed).then(done, done);
		});
	}

	interface Running {
		take(payload: unknown): void;
		pulse(atMs: number): void;
		answer(): object;
		close(removed: boolean): Promise<void>;
	}

	function start(node: Node, saved: DemandGuardConfig & NodeDef): Running {
		const siteNode = siteOf(RED, saved.site);
		const config = withSite(saved, siteNode);
		const { site } = siteNode;
		const advice = config.dryRun !== false;
		const given = followingContract(guardConfigOf(config, site), config, siteNode);
		const priced = pricerOf(config, siteNode);
		const levels = ownLevels(config);
		const budget = peakBudgetOf(site.id);
		const guard = new DemandGuard(given, { price: priced?.pricer.price, advice, budget });
		const file = new StateFile(RED.settings.userDir ?? process.cwd(), `demand-guard-${node.id}`, (error) =>
			node.error(explain(error, logLanguage)),
		);
		const areas = new Map(site.machines.map(({ id, area }) => [id, area || "plant"]));
		const show = statusOf(RED, node);
		let waiting: Reading[] | undefined = [];
		let latest: object | undefined;
		let sentMs = 0;
		let keptMs = Date.now();
		let closed = false;

		const keep = (nowMs: number): void => {
			keptMs = nowMs;
			file.keep(guard.snapshot());
		};
		const commandMessages = (status: DemandStatus): NodeMessage[] =>
			status.commands.map((command) => ({
				topic: `smartfactory/${site.id}/${areas.get(command.machine)}/${command.machine}/command`,
				payload: wireCommand(command, status.atMs),
			}));
		const publish = (status: DemandStatus): void => {
			const { commands, events, atMs } = status;
			for (const { code, details } of events) {
				if (code !== "demand.closed" || !priced) continue;
				priced.pricer.note(Number(details.demandKw), Date.parse(String(details.windowStart)));
				guard.repriced();
			}
			const loud = commands.length > 0 || events.length > 0;
			if (!loud && atMs - sentMs < TICK_MS) return;
			sentMs = atMs;
			latest = wireStatus(status, site.id, advice, levels);
			const said = events.map((event) => ({
				...{ topic: "event", event: event.code, payload: wireEvent(event, site.id, advice) },
			}));
			node.send([{ topic: "demand", payload: latest } as NodeMessage, advice ? null : commandMessages(status), said]);
			show(status);
			if (loud || atMs - keptMs >= KEEP_MS) keep(atMs);
		};
		const take = (readings: Reading[]): void => {
			if (waiting) waiting.push(...readings);
			else publish(guard.take(readings, Date.now()));
		};

		const begin = async (): Promise<void> => {
			// Without the peaks of the past a kW looks dear that is paid for already: they come first, if they come soon.
			const peaks = priced ? learnPeaks(node, siteNode, given, priced).then(() => guard.repriced()) : undefined;
			const soon = peaks && Promise.race([peaks, patience()]);
			const [chooser] = await Promise.all([loadChooser(), past(node, siteNode, given, guard, file), soon]);
			guard.useChooser(chooser);
			if (closed) return;
			const early = waiting ?? [];
			waiting = undefined;
			take(early);
		};
		show(undefined);
		void begin();
		const timer = setInterval(() => {
			if (!waiting) publish(guard.tick(Date.now()));
		}, TICK_MS);

		const answer = (): object => latest ?? wireStatus(guard.look(Date.now()), site.id, advice, levels);
		const takeBack = offerPart(site.id, "demand", answer);

		return {
			take: (payload) => take(readingsOf(payload, site.id, guard)),
			pulse(atMs) {
				guard.pulse(atMs, Date.now());
				if (!waiting) publish(guard.tick(Date.now()));
			},
			answer,
			async close(removed) {
				closed = true;
				takeBack();
				clearInterval(timer);
				budget.limitKw = undefined;
				budget.tight = false;
				if (removed) {
					// Nobody would restore what this node has shed.
					const back = guard.releaseAll(Date.now());
					if (!advice && back.commands.length > 0) node.send([null, commandMessages(back)]);
					await file.remove();
				} else if (!waiting) await file.write(guard.snapshot());
			},
		};
	}
	RED.nodes.registerType("demand-guard", DemandGuardNode);
	RED.httpAdmin.get("/smart-energy/demand-guard/tariffs", RED.auth.needsPermission("flows.read"), (_req, res) => {
		res.json(["site", ...shippedTariffs().ids()]);
	});
};

/** When the pulse was, by its own word or by the time it came. */
function pulseMs(payload: unknown): number {
	const time = typeof payload === "object" && payload !== null ? (payload as { time?: unknown }).time : payload;
	const ms = typeof time === "string" ? Date.parse(time) : time;
	return typeof ms === "number" && ms > 1e12 ? ms : Date.now();
}

/** The readings that matter here; times of the others are not even parsed. They were judged before by sensor-validate. */
function readingsOf(payload: unknown, site: string, guard: DemandGuard): Reading[] {
	const { values, refused } = batchOf(payload);
	if (refused) throw new EnergyError(refused.code, { field: refused.field, value: refused.value, rule: refused.rule });
	const readings: Reading[] = [];
	for (const value of values) {
		const reading = value as Partial<WireReading> | null;
		if (typeof reading?.machine !== "string" || typeof reading.time !== "string") {
			throw new EnergyError("demand.not-readings", { field: "payload", rule: "{machine, time, powerKw | energyKwh}" });
		}
		if ((reading.site !== undefined && reading.site !== site) || !guard.knows(reading.machine)) continue;
		const timeMs = Date.parse(reading.time);
		if (Number.isNaN(timeMs)) throw new EnergyError("demand.not-readings", { field: "time", rule: "ISO 8601" });
		readings.push({ ...(reading as WireReading), timeMs });
	}
	return readings;
}

const patience = (): Promise<undefined> =>
	new Promise((resolve) => {
		setTimeout(() => resolve(undefined), PATIENCE_MS).unref();
	});

/** What happened before this start: from the state file, and from the store what it was too late for. */
async function past(
	node: Node,
	siteNode: EnergySiteNode,
	config: DemandConfig,
	guard: DemandGuard,
	file: StateFile,
): Promise<void> {
	const kept = file.read();
	if (isSnapshot(kept)) guard.restoreFrom(kept, Date.now());
	const told = readStore(siteNode, config).catch((error: unknown) => {
		node.warn(explain(error, logLanguage));
		return [];
	});
	for (const readings of chunksOf((await Promise.race([told, patience()])) ?? [])) guard.learn(readings, Date.now());
}

async function readStore(siteNode: EnergySiteNode, { meters }: DemandConfig): Promise<Reading[]> {
	if (typeof siteNode.store !== "function") return [];
	const store: Store = await siteNode.store();
	const toMs = Date.now();
	const readings: Reading[] = [];
	for (const machine of meters) {
		const query = { site: siteNode.site.id, machine, fromMs: toMs - LOOK_BACK_MS, toMs, limit: PAGE };
		let cursor: string | undefined;
		do {
			const page = await store.readings({ ...query, order: "asc", ...(cursor === undefined ? {} : { cursor }) });
			readings.push(...page.items);
			cursor = page.nextCursor;
		} while (cursor !== undefined);
	}
	return readings;
}

function chunksOf(readings: Reading[]): Reading[][] {
	const chunks: Reading[][] = [];
	for (let from = 0; from < readings.length; from += PAGE) chunks.push(readings.slice(from, from + PAGE));
	return chunks;
}

const isSnapshot = (value: unknown): value is DemandSnapshot =>
	typeof value === "object" && value !== null && (value as { version?: unknown }).version === 1;

/** The ratchet's memory: peaks of the past months, from the store. Without them the price is too low, and says so. */
async function learnPeaks(
	node: Node,
	siteNode: EnergySiteNode,
	{ meters }: DemandConfig,
	{ contract, pricer }: { contract: Parameters<typeof storedPeaks>[3]; pricer: TariffPricer },
): Promise<void> {
	if (typeof siteNode.store !== "function") return;
	try {
		const store = await siteNode.store();
		const untilMs = Math.floor(Date.now() / 900_000) * 900_000;
		pricer.learn(await storedPeaks(store, siteNode.site.id, meters, contract, untilMs));
	} catch (error) {
		node.warn(explain(error, logLanguage));
	}
}

/** Status of the node: what the quarter-hour will come to, at most when its words change. */
function statusOf(RED: NodeAPI, node: Node): (status: DemandStatus | undefined) => void {
	let shown = "";
	const fills = {
		lockout: "grey",
		ok: "green",
		watch: "yellow",
		shed: "yellow",
		restore: "green",
		silent: "red",
	} as const;
	return (status) => {
		const kw = status?.predictedKw ?? null;
		const state = RED._(`status.${status?.state ?? "starting"}`);
		const text = kw === null ? state : `${Math.round(kw)} kW ${state}`;
		if (text === shown) return;
		shown = text;
		if (status?.state === "silent") node.status({ fill: "red", shape: "ring", text });
		else node.status({ fill: status ? fills[status.state] : "yellow", shape: status ? "dot" : "ring", text });
	};
}
