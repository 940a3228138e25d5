import type { WireLine, WireRecord } from "../../../../lib/alarms/wire.ts";
import type { CardState } from "../../picture.ts";
import { lookup, nameOf, type TextKey } from "../i18n.ts";
import { language, nowMs, t, won } from "../shell.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { moment } from "../zone.ts";
import { cardProps, empty, frame, type Icon, icon } from "./card.ts";

/** What happened with alarms, the newest first: for who was not there, and for who takes over a shift. */
export const AlarmRecord = defineComponent({
	name: "AlarmRecord",
	props: cardProps,
	setup: (props) => () => frame("alarm-record", t("record.title"), null, body(props.state)),
});

function body(state: CardState): VNodeChild {
	const { record } = state;
	if (!record) return empty(t("card.waiting"));
	if (record.lines.length === 0) return h("p", { class: "se-empty" }, t("record.none"));
	return h(
		"ol",
		{ class: "se-record", tabindex: 0, "aria-label": t("record.list") },
		record.lines.map((line, index) => row(line, index, record, state)),
	);
}

function row(line: WireLine, index: number, record: WireRecord, state: CardState): VNode {
	const [shape, tone] = signOf(line);
	return h("li", { key: `${line.time} ${line.alarm} ${index}`, class: "se-happened" }, [
		h("time", { class: "se-happened-at se-num", datetime: line.time }, at(line.time, state)),
		h("div", [
			h("p", { class: "se-alarm-name" }, [icon(shape, tone), alarmName(line.alarm, record, state)]),
			h("p", { class: "se-happened-what" }, said(line, state)),
		]),
	]);
}

function at(time: string, { picture }: CardState): string {
	return picture?.timeZone ? moment(Date.parse(time), nowMs.value, picture.timeZone) : "";
}

/** Machine and rule of an alarm, as people call them. */
export function alarmName(id: string, { alarms }: WireRecord, state: CardState): string {
	const { rule, machine } = alarms[id] ?? { rule: id, machine: "" };
	const known = state.picture?.machines.find((each) => each.machine === machine);
	const where = machine === "" ? t("alarms.site") : nameOf(known ?? { machine, name: machine }, language.value);
	return `${where} · ${lookup(language.value, `alarms.rule.${rule}`) ?? rule}`;
}

const shapes: Partial<Record<WireLine["type"], Icon>> = {
	returned: "ok",
	acknowledged: "ok",
	shelved: "hold",
	suppressed: "hold",
	"out-of-service": "off",
	unshelved: "play",
	unsuppressed: "play",
	"in-service": "play",
};

/** Shape first, colour second; only what was high when it was raised stands out. */
function signOf({ type, priority }: WireLine): [Icon, "alarm" | "warn" | "calm" | "good"] {
	if (type === "raised" || type === "changed")
		return priority === "high" ? ["stop", "alarm"] : priority === "medium" ? ["warn", "warn"] : ["down", "calm"];
	return [shapes[type] ?? "steady", type === "returned" ? "good" : "calm"];
}

function said(line: WireLine, state: CardState): string {
	const key = `record.${line.type}` as TextKey;
	const by = line.by === "system" ? t("record.by-system") : line.by;
	const until = line.until ? at(line.until, state) : "";
	switch (line.type) {
		case "raised":
		case "changed":
			return line.cause?.text[language.value] ?? t(key);
		case "returned":
			return line.costKrw ? t("record.returned.cost", { won: won(line.costKrw) }) : t(key);
		case "assigned":
			return line.assignee ? t(key, { by, assignee: line.assignee }) : t("record.assigned.nobody", { by });
		case "commented":
			return t(key, { by, text: line.text ?? "" });
		default: {
			const why = line.reason && line.by !== "system" ? ` — ${line.reason}` : "";
			return `${t(key, { by, until })}${why}`;
		}
	}
}
