import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { Deed } from "../../lib/access/deed.ts";
import type { Access } from "../../lib/access/index.ts";
import { noteWidgetSite } from "../../lib/access/widget-rights.ts";
import { EnergyError } from "../../lib/errors.ts";
import type { Language } from "../../lib/messages.ts";
import { ask, type Reply } from "../asked.ts";
import { actionEvent, judgeAction, type PageSocket } from "./alarm-action.ts";
import { accessCards, actingCards, adminCards, type UiEnergyConfig } from "./config.ts";
import { partOf } from "./part-of.ts";
import { type CardState, drawOn, emptyState, type Part, take } from "./picture.ts";
import { judgeSchedule } from "./schedule-action.ts";

/** Where Dashboard 2.0 finds our bundle; the same as in package.json, for installations that it does not look into. */
const source = {
	package: "@smartfactory/node-red-energy",
	name: "ui-energy",
	src: "ui-energy.js",
	component: "UIEnergy",
};

const OVERDUE_MS = 120_000;

interface DashboardBase extends Node {
	stores: { data: { save(base: DashboardBase, node: Node, msg: object): void; get(id: string): unknown } };
	ui: { widgets: Map<string, { src?: typeof source }> };
}

/** The part of Dashboard's `ui-group` that a widget talks to. */
interface DashboardGroup extends Node {
	register(node: Node, config: NodeDef & { locked: boolean; sites?: KnownSite[] }, events: WidgetEvents): void;
	getBase(): DashboardBase | null;
}

interface WidgetEvents {
	/** May exchange a message before anything is done with it; Dashboard goes on with whatever it returns, never null. */
	beforeSend(msg: NodeMessage): NodeMessage;
	onInput(msg: NodeMessage): void;
	/** Events of our own that a page's socket may send; the last argument answers it. */
	onSocket?: Record<string, (socket: PageSocket, ...given: unknown[]) => void>;
}

/** A button that was pressed: whose order it is, and what of the message says so in the audit. */
interface Press {
	by: string;
	topic: string;
	target: string;
	request: unknown;
	language: Language;
}

/** Sends a message on somebody's behalf; what is done with it is kept in the audit, and tells whether it was done. */
type Send = (press: Press, msg: object, then: (reply: Reply) => void) => void;

function sender(node: Node, site: string, audit: Access["audit"]): Send {
	return ({ by, topic, target, request, language }, msg, then) => {
		const deed = new Deed((event) => audit?.record(event));
		const end = (note?: string): void =>
			deed.end({ who: by, what: `card.${topic}`, target, site, request, ...(note === undefined ? {} : { note }) });
		const asked = ask(
			language,
			(reply) => {
				end(reply.ok ? undefined : `refused: ${reply.message ?? ""}`);
				then(reply);
			},
			deed.note,
			() => end("not answered"),
		);
		node.send({ ...msg, asked } as NodeMessage);
	};
}

/** The card's buttons: who may is judged here, not in the page. */
function actions(card: UiEnergyConfig["card"], id: string, site: string, send: Send): WidgetEvents["onSocket"] {
	return {
		[actionEvent(id)]: (socket, given, answer) => {
			const tell = (reply: Reply): void => {
				if (typeof answer === "function") (answer as (reply: Reply) => void)(reply);
			};
			if (card === "alarms") judgeAction(socket, given, alarmSender(send), tell, site);
			else judgeSchedule(socket, given, scheduleSender(send), tell, site);
		},
	};
}

function alarmSender(send: Send): Parameters<typeof judgeAction>[2] {
	return ({ type, alarm, ...rest }, language, then) => {
		const { durationMs, ...command } = rest as { by: string; durationMs?: number };
		const given = { ...command, ...(durationMs === undefined ? {} : { minutes: durationMs / 60_000 }) };
		const press = { by: command.by, topic: type, target: alarm, request: given, language };
		send(press, { topic: type, payload: { id: alarm, ...given } }, then);
	};
}

function scheduleSender(send: Send): Parameters<typeof judgeSchedule>[2] {
	return (command, language, then) => {
		const { topic, payload, by } = command;
		// A plan takes its time and shows its progress on the card: what asked for it is answered at once.
		const soon = topic === "replan" || topic === "cancel";
		send({ by, topic, target: "", request: payload, language }, command, soon ? () => {} : then);
		if (soon) then({ ok: true });
	};
}

function isGroup(node: Node | null): node is DashboardGroup {
	return typeof (node as Partial<DashboardGroup> | null)?.register === "function";
}

function isLocked(RED: NodeAPI): boolean {
	return (RED.settings as { smartEnergy?: { guard?: unknown } }).smartEnergy?.guard !== undefined;
}

interface KnownSite {
	id: string;
	name: string;
}

/** The sites of the flows: somebody may have a role at each. */
function sitesIn(RED: NodeAPI): KnownSite[] {
	const sites = new Map<string, KnownSite>();
	RED.nodes.eachNode((node) => {
		if (node.type !== "energy-site") return;
		const { siteId, name } = node as NodeDef & { siteId?: string };
		if (siteId) sites.set(siteId, { id: siteId, name: name || siteId });
	});
	return [...sites.values()];
}

/** The state by the names a browser loads it under; only what changed is handed to Dashboard, which copies it. */
function changed(before: CardState, after: CardState): Partial<CardState> {
	const entries = Object.entries(after).filter(([key, value]) => before[key as keyof CardState] !== value);
	return Object.fromEntries(entries);
}

/**
 * Browsers draw their charts on themselves, each second; here it is enough to do so when the store's next answer is
 * overdue, so that a page opened meanwhile has no hole. Dashboard copies whatever is kept: a whole chart each second
 * would cost the event loop more than everything else the cards do.
 */
function bridge(state: CardState): CardState {
	const { load, picture } = state;
	return load && picture && Date.parse(picture.time) - load.toMs > OVERDUE_MS ? drawOn(state) : state;
}

export default (RED: NodeAPI): void => {
	function UiEnergyNode(this: Node, config: UiEnergyConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		const group = RED.nodes.getNode(config.group) as Node | null;
		const base = isGroup(group) ? group.getBase() : null;
		if (!isGroup(group) || !base) {
			this.status({ fill: "red", shape: "ring", text: "ui-energy.status.no-group" });
			this.error(RED._("ui-energy.error.no-group"));
			return;
		}

		const { site } = (RED.nodes.getNode(config.site ?? "") ?? {}) as { site?: { id: string } };
		const siteId = site?.id ?? "";
		// One's own account is everybody's who is signed in.
		if (adminCards.includes(config.card)) this.on("close", noteWidgetSite(this.id, "", "admin"));
		else if (!accessCards.includes(config.card)) this.on("close", noteWidgetSite(this.id, siteId));
		const { smartEnergy } = RED.settings as { smartEnergy?: Partial<Pick<Access, "audit">> };
		// Dashboard's store outlives a deploy: a card that was only moved goes on with what it knew.
		let state: CardState = { ...emptyState, ...(base.stores.data.get(this.id) as Partial<CardState> | undefined) };
		const events: WidgetEvents = {
			beforeSend: (msg) => {
				const part = partOf(config.card, msg.payload, state.picture);
				if (part === undefined) throw new EnergyError("nodes.card-message", { card: config.card });
				return { payload: part };
			},
			onInput: (msg) => {
				const part = msg.payload as Part | null;
				if (!part) return;
				const next = bridge(take(state, part));
				base.stores.data.save(base, this, changed(state, next));
				state = next;
			},
		};
		if (actingCards.includes(config.card)) {
			const send = sender(this, siteId, smartEnergy?.audit);
			events.onSocket = actions(config.card, this.id, siteId, send);
		}
		// The page can't see whether our access check stands in front; without it there is nothing to sign out of.
		const about = accessCards.includes(config.card) ? { sites: sitesIn(RED) } : {};
		group.register(this, { ...config, ...about, locked: isLocked(RED) }, events);
		const widget = base.ui.widgets.get(this.id);
		if (widget) widget.src ??= source;
	}
	RED.nodes.registerType("ui-energy", UiEnergyNode);
};
