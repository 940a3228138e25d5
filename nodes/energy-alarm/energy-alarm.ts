import type { NodeAPI, NodeDef, NodeMessage } from "node-red";
import { accessOf } from "../../lib/access/context.ts";
import { commandNames, commandOf } from "../../lib/alarms/commands.ts";
import type { WireAlarm } from "../../lib/alarms/wire.ts";
import { EnergyError } from "../../lib/errors.ts";
import { offerPart } from "../../lib/live/board.ts";
import { explain } from "../../lib/messages.ts";
import { type EnergyMessage, logLanguage, onInput, statusText } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import type { EnergyAlarmConfig, EnergyAlarmCredentials, EnergyAlarmNode } from "./config.ts";
import { Delivery } from "./delivery.ts";
import { AlarmDesk } from "./desk.ts";
import { settingsOf } from "./setup.ts";

interface AlarmMessage extends EnergyMessage {
	topic?: string;
	statusCode?: number;
}

type Loose = Record<string, unknown>;

const TICK_MS = 1_000;
const questions = ["list", "journal", "kpi", "efficiency", "board"] as const;
const operations: readonly string[] = [...questions, ...commandNames];

export default (RED: NodeAPI): void => {
	function EnergyAlarm(this: EnergyAlarmNode, config: EnergyAlarmConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		let desk: AlarmDesk | undefined;
		let takeBack: (() => void)[] = [];
		let problem: unknown;
		let timer: NodeJS.Timeout | undefined;
		try {
			desk = deskOf(this, config);
			timer = start(this, config, desk);
			takeBack = offersOf(siteOf(RED, config.site).site.id, desk);
		} catch (error) {
			problem = error;
			this.status({ fill: "red", shape: "ring", text: statusText(RED, error) });
			this.error(explain(error, logLanguage));
		}

		onInput(RED, { node: this, site: config.site }, async (msg: AlarmMessage) => {
			if (!desk) throw problem;
			const operation = operationOf(msg);
			if (operation === undefined) {
				desk.take(msg.topic, msg.payload);
				return undefined;
			}
			msg.payload = await answer(desk, operation, msg);
			return [null, null, msg, null];
		});
		this.on("close", (done: () => void) => {
			clearInterval(timer);
			for (const stop of takeBack) stop();
			if (!desk) return done();
			desk.close().then(done, done);
		});
	}

	function start(node: EnergyAlarmNode, config: EnergyAlarmConfig, desk: AlarmDesk): NodeJS.Timeout | undefined {
		const show = statusOf(RED, node);
		if (config.mode === "follow") {
			node.status({ fill: "green", shape: "ring", text: "status.following" });
			return undefined;
		}
		node.status({ fill: "yellow", shape: "ring", text: "status.loading" });
		const tick = (): void => {
			desk.tick(Date.now());
			show(desk.counts());
		};
		void desk.begin().then(tick);
		return setInterval(() => desk.opened && tick(), TICK_MS);
	}

	function deskOf(node: EnergyAlarmNode, config: EnergyAlarmConfig): AlarmDesk {
		const siteNode = siteOf(RED, config.site);
		const { site } = siteNode;
		const areas = new Map(site.machines.map(({ id, area }) => [id, area || "plant"]));
		const show = (topic: string, payload: object): void =>
			node.send([null, null, null, { topic, payload } as NodeMessage]);
		const complain = (error: unknown): void => node.error(explain(error, logLanguage));
		const secret = (name: keyof EnergyAlarmCredentials): string => String(node.credentials?.[name] ?? "");
		const credentials: EnergyAlarmCredentials = {
			...{ webhookSecret: secret("webhookSecret"), smtpUser: secret("smtpUser") },
			smtpPassword: secret("smtpPassword"),
		};
		return new AlarmDesk({
			...settingsOf(config, siteNode),
			follow: config.mode === "follow",
			site,
			store: () => siteNode.store(),
			delivery: new Delivery(config, credentials, site, complain),
			happened(_change, event, alarm) {
				const live = { topic: "event", event: "alarm", payload: event } as NodeMessage;
				node.send([live, { topic: topicOf(alarm, areas), payload: event } as NodeMessage, null, null]);
			},
			board: (payload) => show("alarms", payload),
			record: (payload) => show("record", payload),
			efficiency: (payload) => show("efficiency", payload),
			problem: complain,
		});
	}

	RED.nodes.registerType("energy-alarm", EnergyAlarm, {
		credentials: {
			webhookSecret: { type: "password" },
			smtpUser: { type: "text" },
			smtpPassword: { type: "password" },
		},
	});
};

/** Alarms shown in the whole picture. */
const SHOWN = 5;
const DAY_MS = 86_400_000;

/** What the whole picture of the site takes from here. */
function offersOf(site: string, desk: AlarmDesk): (() => void)[] {
	const alarms = async (): Promise<object> => {
		const { items } = (await desk.list({ limit: SHOWN })) as { items: object[] };
		return { ...desk.counts(), ...(await desk.raisedSince(Date.now() - DAY_MS)), items };
	};
	return [offerPart(site, "alarms", alarms), offerPart(site, "efficiency", () => desk.efficiency())];
}

function topicOf({ site, machine }: WireAlarm, areas: ReadonlyMap<string, string>): string {
	return `smartfactory/${site}/${areas.get(machine) ?? "plant"}/${machine || "site"}/event`;
}

/** What is asked: by `msg.topic`, or by the path of a request: `…/alarms`, `…/alarms/kpi`, `…/alarms/<id>/ack`, `…/efficiency`. */
function operationOf(msg: AlarmMessage): string | undefined {
	if (!msg.req) return operations.find((one) => one === msg.topic);
	const path = (msg.req.url ?? "").split("?")[0] ?? "";
	const last = path.split("/").filter(Boolean).at(-1) ?? "";
	if (last === "alarms") return "list";
	if (operations.includes(last) && last !== "list" && last !== "board") return last;
	throw new EnergyError("alarms.bad-query", { field: "path", value: path, rule: operations.join(", ") });
}

async function answer(desk: AlarmDesk, operation: string, msg: AlarmMessage): Promise<object> {
	// A request speaks through its own parts alone; anything else could be smuggled in.
	const given = (msg.req ? (msg.req.body ?? {}) : (msg.payload ?? {})) as Loose;
	const asked: Loose = msg.req ? { ...msg.req.query } : given;
	const id = msg.req ? msg.req.params.id : given.id;
	switch (operation) {
		case "list":
			return desk.list(asked);
		case "board":
			return desk.board(Date.now());
		case "kpi":
			return desk.kpi(asked);
		case "efficiency":
			return desk.efficiency();
		case "journal":
			return desk.journal(String(id ?? ""), asked);
		default: {
			const type = commandNames.find((name) => name === operation);
			if (!type)
				throw new EnergyError("alarms.bad-query", { field: "topic", value: operation, rule: operations.join(", ") });
			const by = msg.req
				? (accessOf(msg.req)?.user ?? "–")
				: typeof given.by === "string" && given.by
					? given.by
					: "flow";
			return desk.command(commandOf(type, given, id, by));
		}
	}
}

/** Status at most when its words change: what waits for a person, or what stands. */
function statusOf(RED: NodeAPI, node: EnergyAlarmNode): (counts: { unacknowledged: number; active: number }) => void {
	let shown = "";
	return ({ unacknowledged, active }) => {
		const key = unacknowledged > 0 ? "waiting" : active > 0 ? "active" : "quiet";
		const text = RED._(`status.${key}`, { count: unacknowledged || active });
		if (text === shown) return;
		shown = text;
		const fill = unacknowledged > 0 ? "red" : active > 0 ? "yellow" : "green";
		node.status({ fill, shape: "dot", text });
	};
}
