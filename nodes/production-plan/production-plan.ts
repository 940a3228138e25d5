import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { peakBudgetOf } from "../../lib/demand/budget.ts";
import { EnergyError } from "../../lib/errors.ts";
import { offerJobs } from "../../lib/jobs/sources.ts";
import { offerPart } from "../../lib/live/board.ts";
import { explain } from "../../lib/messages.ts";
import { type Answered, type Asked, answer } from "../../lib/operation/api.ts";
import { OperationDesk } from "../../lib/operation/desk.ts";
import { askThere, BoardThere, Inbox } from "../../lib/operation/inbox.ts";
import { Solves } from "../../lib/operation/solves.ts";
import type { ScheduleBoard } from "../../lib/operation/types.ts";
import { wireEvent } from "../../lib/operation/wire.ts";
import type { EnergySiteNode } from "../energy-site/config.ts";
import { homeOf } from "../home-of.ts";
import { type EnergyMessage, logLanguage, onInput, statusText } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import type { ProductionPlanConfig, ProductionPlanCredentials } from "./config.ts";
import { areasOf, MachineLink, machineEvent, topicOf, wireCommand } from "./machine-link.ts";
import { askedOf } from "./request.ts";
import { settingsOf } from "./setup.ts";

type PlanNode = Node<ProductionPlanCredentials>;

interface PlanMessage extends EnergyMessage {
	topic?: string;
	by?: unknown;
	statusCode?: number;
	headers?: Record<string, string>;
}

interface Running {
	asked(asked: Asked): Promise<Answered>;
	take(msg: PlanMessage): void;
	close(): Promise<void>;
}

const TICK_MS = 1_000;
const RETRY_MS = 5_000;

export default (RED: NodeAPI): void => {
	function ProductionPlan(this: PlanNode, config: ProductionPlanConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		let running: Running | undefined;
		let problem: unknown;
		try {
			const siteNode = siteOf(RED, config.site);
			running = config.mode === "follow" ? follow(this, siteNode) : start(this, config, siteNode);
		} catch (error) {
			problem = error;
			this.status({ fill: "red", shape: "ring", text: statusText(RED, error) });
			this.error(explain(error, logLanguage));
		}

		onInput(RED, { node: this, site: config.site }, async (msg: PlanMessage) => {
			if (!running) throw problem;
			const asked = await askedOf(msg);
			if (!asked) {
				running.take(msg);
				return undefined;
			}
			const { status, body, location } = await running.asked(asked);
			msg.payload = body;
			if (msg.req) msg.statusCode = status;
			if (msg.req && location) msg.headers = { location };
			return [msg, null, null, null];
		});
		this.on("close", (done: () => void) => {
			if (!running) return done();
			running.close().then(done, done);
		});
	}

	/** Hands questions to the process that plans, by way of the store that both share. */
	function follow(node: PlanNode, siteNode: EnergySiteNode): Running {
		node.status({ fill: "green", shape: "ring", text: "status.following" });
		return {
			asked: (asked) => askThere(siteNode.site.id, () => siteNode.store(), asked),
			take: () => {},
			close: () => Promise.resolve(),
		};
	}

	function start(node: PlanNode, config: ProductionPlanConfig & NodeDef, siteNode: EnergySiteNode): Running {
		const { site } = siteNode;
		const areas = areasOf(site);
		const controllable = new Set(site.machines.filter((machine) => machine.controllable).map(({ id }) => id));
		const show = statusOf(RED, node);
		const settings = settingsOf(config, site.id);
		const link = linkOf(node, config, siteNode, (event) => desk.told(event));
		const solves = new Solves();
		const desk: OperationDesk = new OperationDesk({
			house: {
				...{ site, budget: peakBudgetOf(site.id), store: () => siteNode.store() },
				...{ contract: () => siteNode.contract(), pricer: () => siteNode.pricer() },
			},
			...settings,
			demo: config.demoOrders === true && process.env.SMARTFACTORY_SIMULATE !== "false",
			// Without a broker of its own the flow takes the commands on.
			connected: () => link?.connected ?? true,
			command: (message) => {
				// What no command reaches is started by hand: the second output says when.
				if (controllable.has(message.machine)) link?.send(message);
				const command = { topic: topicOf(site.id, areas, message), payload: wireCommand(message) };
				node.send([null, command as NodeMessage, null, null]);
			},
			happened: (event) => {
				const live = { topic: "event", event: "schedule", payload: wireEvent(event, site.id) };
				node.send([null, null, null, live as NodeMessage]);
			},
			board: (board) => {
				node.send([null, null, { topic: "schedule", payload: board } as NodeMessage, null]);
				show(board);
			},
			problem: (error) => node.warn(explain(error, logLanguage)),
			standby: (on) => {
				if (on) show(null);
			},
		});
		const ask = (asked: Asked): Promise<Answered> =>
			desk.standby ? askThere(site.id, () => siteNode.store(), asked) : answer(desk, solves, asked);
		const there = new BoardThere(ask, (board) =>
			node.send([null, null, { topic: "schedule", payload: board } as NodeMessage, null]),
		);
		const inbox = new Inbox(
			site.id,
			() => siteNode.store(),
			(asked) => answer(desk, solves, asked),
		);
		node.status({ fill: "yellow", shape: "ring", text: "status.loading" });
		let retry: NodeJS.Timeout | undefined;
		let closed = false;
		const begin = (): void => {
			desk.begin().catch((error: unknown) => {
				if (closed) return;
				node.warn(explain(error, logLanguage));
				retry = setTimeout(begin, RETRY_MS);
			});
		};
		begin();
		const takeBack = [
			offerPart(site.id, "schedule", () => (desk.standby ? there.board : desk.boardNow())),
			offerJobs(site.id, solves.offeredAs(site.id)),
		];
		const timer = setInterval(() => {
			desk.tick();
			if (desk.standby) there.look();
			else inbox.look();
		}, TICK_MS);
		return {
			asked: ask,
			take: (msg) => take(desk, msg),
			async close() {
				closed = true;
				clearTimeout(retry);
				clearInterval(timer);
				for (const stop of takeBack) stop();
				solves.close();
				await desk.close();
				await link?.close();
			},
		};
	}

	function linkOf(
		node: PlanNode,
		config: ProductionPlanConfig,
		{ site }: EnergySiteNode,
		told: (event: Parameters<OperationDesk["told"]>[0]) => void,
	): MachineLink | undefined {
		const { env } = process;
		const url = config.publishMqtt === false ? "" : config.brokerUrl || env.SMARTFACTORY_MQTT_BROKER || "";
		if (!url) return undefined;
		let warned = "";
		const changed = (reason: EnergyError | undefined): void => {
			// Once per kind of trouble, not once per attempt.
			if (reason && reason.code !== warned) node.warn(explain(new EnergyError("operation.broker-away"), logLanguage));
			warned = reason?.code ?? "";
		};
		const identity = `${homeOf(RED)}\n${node.id}`;
		const username = node.credentials?.username || env.SMARTFACTORY_MQTT_USERNAME;
		const password = node.credentials?.password || env.SMARTFACTORY_MQTT_PASSWORD;
		return new MachineLink({ url, username, password, identity, site }, told, changed);
	}

	type Definition = ProductionPlanConfig & NodeDef;
	RED.nodes.registerType<PlanNode, Definition, object, ProductionPlanCredentials>("production-plan", ProductionPlan, {
		credentials: { username: { type: "text" }, password: { type: "password" } },
	});
};

/** Readings tell what machines do; an event tells what became of a job, where it came by another way than our broker. */
function take(desk: OperationDesk, { topic = "", payload }: PlanMessage): void {
	if (topic.endsWith("/event")) {
		const event = machineEvent(topic.split("/")[3] ?? "", payload);
		if (event) desk.told(event);
		return;
	}
	for (const value of [payload].flat() as unknown[]) {
		if (typeof value !== "object" || value === null) continue;
		const { machine, site, state, powerKw, time, quality } = value as Record<string, unknown>;
		if (typeof machine !== "string" || (site !== undefined && site !== desk.site.id) || quality === "bad") continue;
		const timeMs = typeof time === "string" ? Date.parse(time) : Date.now();
		desk.reading(
			machine,
			typeof state === "string" ? state : undefined,
			typeof powerKw === "number" ? powerKw : undefined,
			Number.isNaN(timeMs) ? Date.now() : timeMs,
		);
	}
}

/** Status when its words change: what is in force, or waits for a person. */
function statusOf(RED: NodeAPI, node: Node): (board: ScheduleBoard | null) => void {
	let shown = "";
	return (board) => {
		if (!board) {
			shown = "";
			node.status({ fill: "green", shape: "ring", text: "status.following" });
			return;
		}
		const { current, proposed, planning, problem } = board;
		const key = problem
			? "trouble"
			: planning
				? "planning"
				: proposed
					? "proposed"
					: current
						? current.status
						: "empty";
		const text = RED._(`status.${key}`, { version: (proposed ?? current)?.version ?? 0 });
		if (text === shown) return;
		shown = text;
		const fill = problem ? "red" : proposed ? "yellow" : planning ? "blue" : current ? "green" : "grey";
		node.status({ fill, shape: problem ? "ring" : "dot", text });
	};
}
