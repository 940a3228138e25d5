import type { CardState } from "../../picture.ts";
import type { KnownSite } from "../access/words.ts";
import { t } from "../shell.ts";
import { h, type PropType, type VNode, type VNodeChild } from "../vue.ts";

/** What every card gets. */
export const cardProps = {
	state: { type: Object as PropType<CardState>, required: true },
	/** Where the editor is, for the links of empty cards. */
	editor: { type: String, required: true },
} as const;

/** What cards of access get: they ask the API themselves. */
export const accessProps = {
	...cardProps,
	/** Our access check stands in front of this dashboard. */
	locked: { type: Boolean, default: false },
	/** Sites that the flows have. */
	sites: { type: Array as PropType<readonly KnownSite[]>, default: () => [] },
} as const;

/** The shape of every card: its title, a remark beside it, its body. */
export function frame(name: string, title: string, remark: VNodeChild, body: VNodeChild): VNode {
	return h("section", { class: `se-card se-card-${name}`, "aria-label": title }, [
		h("header", { class: "se-head" }, [h("h2", { class: "se-title" }, title), remark]),
		body,
	]);
}

/** What an empty card says: what is missing, what to do, and the way there. */
export function empty(sentence: string, editor?: string): VNode {
	return h("div", { class: "se-empty" }, [
		h("p", sentence),
		editor ? h("a", { class: "se-link", href: editor }, t("card.open-editor")) : null,
	]);
}

const shapes = {
	up: "M5 1l4 7H1z",
	down: "M5 9L1 2h8z",
	steady: "M1 4h8v2H1z",
	warn: "M5 0l5 9H0zM4.4 3v3h1.2V3zM4.4 7v1.2h1.2V7z",
	stop: "M1 1h8v8H1zM3 3v4h4V3z",
	ok: "M1 5l1.2-1.2L4 5.6l3.8-3.8L9 3 4 8z",
	off: "M5 1a4 4 0 110 8 4 4 0 010-8zm0 1.2a2.8 2.8 0 100 5.6 2.8 2.8 0 000-5.6z",
	play: "M2.5 1L9 5l-6.5 4z",
	hold: "M2 1h2.2v8H2zM5.8 1H8v8H5.8z",
	lock: "M2 4.4h.8V3.2a2.2 2.2 0 014.4 0v1.2H8V9H2zm2 0h2V3.2a1 1 0 00-2 0z",
	pin: "M3 .8h4l-.6 3L8 5.4v1H5.6V9L5 9.8 4.4 9V6.4H2v-1l1.6-1.6z",
	moved: "M0 5l2.6-2.6v1.8h4.8V2.4L10 5 7.4 7.6V5.8H2.6v1.8z",
	idle: "M5 1a4 4 0 110 8 4 4 0 010-8zm0 1.2v5.6a2.8 2.8 0 000-5.6z",
	running: "M5 1a4 4 0 110 8 4 4 0 010-8z",
	fault: "M2 .8L5 3.8l3-3L9.2 2l-3 3 3 3L8 9.2l-3-3-3 3L.8 8l3-3-3-3z",
} as const;
export type Icon = keyof typeof shapes;

/** A sign beside each colour: shape first, colour second. */
export function icon(name: Icon, tone: "calm" | "warn" | "alarm" | "good" = "calm"): VNode {
	return h(
		"svg",
		{ class: `se-icon se-${tone}`, viewBox: "0 0 10 10", "aria-hidden": "true" },
		h("path", { d: shapes[name], "fill-rule": "evenodd" }),
	);
}

export interface NumberParts {
	value: string;
	unit: string;
}

/** A number of a card, its unit small beside it; greyed where it is no longer what is. */
export function big({ value, unit }: NumberParts, options: { stale?: boolean; reason?: string } = {}): VNode {
	return h("p", { class: ["se-big", { "se-stale": options.stale }], title: options.reason }, [
		h("span", { class: "se-num" }, value),
		h("span", { class: "se-unit" }, unit),
	]);
}
