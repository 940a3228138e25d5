import type { WireAlarm, WireBoard } from "../../../../lib/alarms/wire.ts";
import type { Reply } from "../../../asked.ts";
import type { ActionRequest } from "../../alarm-action.ts";
import type { CardState } from "../../picture.ts";
import { power, text } from "../format.ts";
import { ago, nameOf, type TextKey } from "../i18n.ts";
import { language, nowMs, t, won } from "../shell.ts";
import { defineComponent, h, inject, onMounted, ref, type VNode, type VNodeChild } from "../vue.ts";
import { moment } from "../zone.ts";
import { cardProps, empty, frame, type Icon, icon } from "./card.ts";

/** Asks the plant to do something about an alarm; it answers whether it was allowed. */
export type Act = (request: Omit<ActionRequest, "language">) => Promise<Reply>;
export const actKey = "smart-energy.act";

/** How long an alarm may be put aside by a button; undefined: until it is over. */
const shelvings = [
	["alarms.shelve.30", 30],
	["alarms.shelve.480", 480],
	["alarms.shelve.once", undefined],
] as const satisfies readonly (readonly [TextKey, number | undefined])[];

/** Shape first, colour second; below high the colour stays quiet. */
const signs: Record<WireAlarm["priority"], [Icon, "alarm" | "warn" | "calm"]> = {
	high: ["stop", "alarm"],
	medium: ["warn", "warn"],
	low: ["down", "calm"],
};

interface Doing {
	/** Whether this person may act; null until the plant said so. */
	may: boolean | null;
	/** The alarm whose times of shelving are shown. */
	open: string | null;
	/** What is under way, or went wrong, by alarm. */
	busy: string | null;
	problem: { id: string; message: string } | null;
}

/** What needs a person, the most urgent first: why, where, since when, what it costs — and the buttons to answer it. */
export const Alarms = defineComponent({
	name: "Alarms",
	props: cardProps,
	setup(props) {
		const act = inject<Act>(actKey);
		const doing = ref<Doing>({ may: null, open: null, busy: null, problem: null });
		onMounted(async () => {
			const reply = await act?.({ type: "may" });
			doing.value = { ...doing.value, may: reply?.ok ?? false };
		});
		const send = async (id: string, request: Omit<ActionRequest, "language">): Promise<void> => {
			if (!act || doing.value.busy) return;
			doing.value = { ...doing.value, busy: id, problem: null };
			const { ok, message = t("alarms.unanswered") } = await act({ ...request, id });
			const { may } = doing.value;
			doing.value = { may, open: ok ? null : doing.value.open, busy: null, problem: ok ? null : { id, message } };
		};
		const toggle = (id: string): void => {
			doing.value = { ...doing.value, open: doing.value.open === id ? null : id, problem: null };
		};
		return () =>
			frame("alarms", t("alarms.title"), remark(props.state.alarms), body(props.state, doing.value, send, toggle));
	},
});

type Send = (id: string, request: Omit<ActionRequest, "language">) => Promise<void>;

function remark(board: WireBoard | null): VNodeChild {
	if (!board) return null;
	const { high, medium, low } = board.counts.unacknowledged;
	const waiting = high + medium + low;
	const parts = [
		waiting > 0 ? t("alarms.waiting", { n: waiting }) : "",
		board.counts.hidden > 0 ? t("alarms.hidden", { n: board.counts.hidden }) : "",
	];
	return h("span", { class: "se-remark", role: "status" }, parts.filter(Boolean).join(" · "));
}

function body(state: CardState, doing: Doing, send: Send, toggle: (id: string) => void): VNodeChild {
	const board = state.alarms;
	if (!board) return empty(t("card.waiting"));
	if (board.alarms.length === 0) return h("p", { class: "se-verdict" }, [icon("ok", "good"), t("alarms.none")]);
	const more = board.counts.shown + board.counts.hidden - board.alarms.length;
	return [
		board.flooding ? h("p", { class: "se-verdict" }, [icon("warn", "warn"), t("alarms.flood")]) : null,
		h(
			"ul",
			{ class: "se-alarms", tabindex: 0, "aria-label": t("alarms.list") },
			board.alarms.map((alarm) => row(alarm, state, doing, send, toggle)),
		),
		more > 0 ? h("p", { class: "se-note" }, t("alarms.more", { n: more })) : null,
		doing.may === false ? h("p", { class: "se-note" }, t("alarms.viewer")) : null,
	];
}

function machineName(alarm: WireAlarm, { picture }: CardState): string {
	if (alarm.machine === "") return t("alarms.site");
	const known = picture?.machines.find(({ machine }) => machine === alarm.machine);
	return nameOf(known ?? { machine: alarm.machine, name: alarm.machine }, language.value);
}

function row(alarm: WireAlarm, state: CardState, doing: Doing, send: Send, toggle: (id: string) => void): VNode {
	const machine = machineName(alarm, state);
	const cause = alarm.cause?.text[language.value] ?? alarm.rule;
	const [shape, tone] = signs[alarm.priority];
	const calm = alarm.state !== "unacknowledged";
	const problem = doing.problem?.id === alarm.id ? doing.problem.message : null;
	return h("li", { key: alarm.id, class: ["se-notice", { "se-alarm-calm": calm }] }, [
		h("div", { class: "se-alarm-what" }, [
			h("p", { class: "se-alarm-name" }, [
				icon(shape, calm ? "calm" : tone),
				h("span", { class: "se-sr" }, `${t(`alarms.priority.${alarm.priority}`)}: `),
				machine,
			]),
			h("p", { class: "se-alarm-cause" }, cause),
			h("p", { class: "se-alarm-meta" }, meta(alarm, state)),
		]),
		doing.may ? buttons(alarm, machine, cause, doing, send, toggle) : null,
		doing.open === alarm.id ? times(alarm, machine, doing, send) : null,
		problem ? h("p", { class: "se-alarm-problem", role: "alert" }, [icon("warn", "alarm"), problem]) : null,
	]);
}

/** State, since when, what it costs, who is on it: in this order, what is not so left out. */
function meta(alarm: WireAlarm, { picture }: CardState): string {
	const zone = picture?.timeZone;
	const at = (time: string): string => (zone ? moment(Date.parse(time), nowMs.value, zone) : "");
	const key = `alarms.state.${alarm.state}` as const;
	const until: Record<string, string> = alarm.shelving ? { time: at(alarm.shelving.until) } : {};
	const parts = [t(key, until)];
	if (alarm.raised) parts.push(ago(language.value, nowMs.value - Date.parse(alarm.raised)));
	if (alarm.krwPerHour !== null) parts.push(t("alarms.cost", { won: won(alarm.krwPerHour) }));
	else if (alarm.excessKw !== null && alarm.excessKw > 0) parts.push(`+${text(power(alarm.excessKw))}`);
	if (alarm.costKrw !== null && alarm.costKrw >= 1) parts.push(t("alarms.spent", { won: won(alarm.costKrw) }));
	if (alarm.acknowledgedBy && alarm.state === "acknowledged")
		parts.push(t("alarms.by", { user: alarm.acknowledgedBy }));
	if (alarm.assignee) parts.push(t("alarms.assignee", { user: alarm.assignee }));
	return parts.join(" · ");
}

function buttons(
	{ id, state, acknowledged }: WireAlarm,
	machine: string,
	cause: string,
	{ busy, open }: Doing,
	send: Send,
	toggle: (id: string) => void,
): VNode {
	const disabled = busy === id;
	const shown = state === "unacknowledged" || state === "returned-unacknowledged";
	const button = (key: TextKey, label: string, onClick: () => void, more: object = {}): VNode =>
		h("button", { type: "button", class: "se-act", disabled, onClick, "aria-label": label, ...more }, t(key));
	const ack = (): Promise<void> => send(id, { type: "ack" });
	const of = (key: TextKey): string => `${t(key)}: ${machine}`;
	return h("div", { class: "se-alarm-acts" }, [
		acknowledged || !shown
			? null
			: button("alarms.ack", t("alarms.ack.of", { machine, cause }), ack, { class: "se-act se-act-first" }),
		state === "shelved"
			? button("alarms.unshelve", of("alarms.unshelve"), () => void send(id, { type: "unshelve" }))
			: state === "out-of-service"
				? null
				: button("alarms.shelve", of("alarms.shelve"), () => toggle(id), { "aria-expanded": open === id }),
	]);
}

function times({ id }: WireAlarm, machine: string, { busy }: Doing, send: Send): VNode {
	return h(
		"div",
		{ class: "se-alarm-times", role: "group", "aria-label": t("alarms.shelve.for", { machine }) },
		shelvings.map(([key, minutes]) => {
			const request = { type: "shelve" as const, ...(minutes === undefined ? {} : { minutes }) };
			const onClick = (): void => void send(id, request);
			return h("button", { type: "button", class: "se-act", disabled: busy === id, onClick }, t(key));
		}),
	);
}
