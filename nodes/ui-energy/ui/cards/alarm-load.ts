import type { WireKpi, WireRecord } from "../../../../lib/alarms/wire.ts";
import type { CardState } from "../../picture.ts";
import { count, percent, three } from "../format.ts";
import { ago, type TextKey } from "../i18n.ts";
import { language, nowMs, t } from "../shell.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { monthDay } from "../zone.ts";
import { alarmName } from "./alarm-record.ts";
import { cardProps, empty, frame, type Icon, icon } from "./card.ts";

/** What one operator can answer in a day, by ISA-18.2. */
const MANAGEABLE = 150;

const verdicts: Record<WireKpi["day"]["verdict"], [Icon, "good" | "warn" | "alarm"]> = {
	acceptable: ["ok", "good"],
	manageable: ["warn", "warn"],
	overloaded: ["stop", "alarm"],
};

/** Whether the alarms of the last week were few enough to be answered, and which ones came too often. */
export const AlarmLoad = defineComponent({
	name: "AlarmLoad",
	props: cardProps,
	setup: (props) => () => frame("alarm-load", t("load.alarms.title"), remark(props.state), body(props.state)),
});

function remark({ record }: CardState): VNodeChild {
	return record ? h("span", { class: "se-remark" }, t("load.alarms.span")) : null;
}

function body(state: CardState): VNodeChild {
	const { record } = state;
	if (!record) return empty(t("card.waiting"));
	const { kpi } = record;
	const [shape, tone] = verdicts[kpi.day.verdict];
	const perDay = t(`load.alarms.${kpi.day.verdict}` as TextKey, { n: three(kpi.day.average), most: MANAGEABLE });
	return [
		h("p", { class: "se-verdict" }, [
			icon(shape, tone),
			kpi.alarms === 0 ? t("load.alarms.none") : t("load.alarms.sum", { n: count(kpi.alarms), perDay }),
		]),
		kpi.alarms > 0 ? week(kpi, state) : null,
		facts(kpi),
		kpi.top.length > 0 ? top(record, state) : null,
	];
}

/** A column a day; the numbers stand above, so no axis is needed. */
function week({ perDay }: WireKpi, { picture }: CardState): VNode {
	const most = Math.max(1, ...perDay.map(({ alarms }) => alarms));
	const zone = picture?.timeZone;
	return h(
		"ol",
		{ class: "se-week", "aria-label": t("load.alarms.week") },
		perDay.map(({ from, alarms }) =>
			h("li", { key: from }, [
				h("span", { class: "se-num se-week-count" }, count(alarms)),
				h("span", { class: "se-week-bar", "aria-hidden": "true", style: { height: `${(alarms / most) * 44}px` } }),
				h("span", { class: "se-week-day se-num" }, zone ? monthDay(Date.parse(from), zone) : ""),
			]),
		),
	);
}

function facts({ acknowledgedAfterS, stale, chattering, floods }: WireKpi): VNode {
	const fact = (label: string, value: string, warn = false): VNode =>
		h("div", { class: "se-fact se-fact-text" }, [
			h("dt", label),
			h("dd", [warn ? icon("warn", "warn") : null, h("span", { class: "se-num" }, value)]),
		]);
	const answered = acknowledgedAfterS === null ? "–" : t("load.alarms.within", { time: lasting(acknowledgedAfterS) });
	return h("dl", { class: "se-facts" }, [
		fact(t("load.alarms.answered"), answered),
		fact(t("load.alarms.stale"), count(stale.length), stale.length > 0),
		fact(t("load.alarms.chattering"), count(chattering.length), chattering.length > 0),
		fact(t("load.alarms.floods"), count(floods.length), floods.length > 0),
	]);
}

/** `ago` without the word: a span of time. */
function lasting(seconds: number): string {
	const [n, unit] = seconds < 90 ? [seconds, "s"] : seconds < 5_400 ? [seconds / 60, "min"] : [seconds / 3_600, "h"];
	return `${three(Math.round(Number(n)))} ${unit}`;
}

/** What to mend first. */
function top(record: WireRecord, state: CardState): VNode {
	const { kpi } = record;
	const stale = new Map(kpi.stale.map(({ alarm, since }) => [alarm, since]));
	const most = kpi.top[0]?.alarms ?? 1;
	return h("div", [
		h("h3", { class: "se-subtitle" }, t("load.alarms.top")),
		h(
			"ul",
			{ class: "se-top" },
			kpi.top.slice(0, 5).map(({ alarm, alarms, share }) => {
				const since = stale.get(alarm);
				return h("li", { key: alarm }, [
					h("span", alarmName(alarm, record, state)),
					h("span", { class: "se-num" }, `${count(alarms)} · ${percent(share)}`),
					h("span", { class: "se-bar", "aria-hidden": "true" }, [
						h("span", { class: "se-bar-fill", style: { width: `${(alarms / most) * 100}%` } }),
					]),
					since
						? h(
								"span",
								{ class: "se-alarm-meta" },
								t("load.alarms.since", { ago: ago(language.value, nowMs.value - Date.parse(since)) }),
							)
						: null,
				]);
			}),
		),
	]);
}
