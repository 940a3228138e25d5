import type { PlacedOperation, PlanSummary, ScheduleBoard } from "../../../../lib/operation/types.ts";
import type { CardState } from "../../picture.ts";
import {
	at,
	fromTo,
	isBroken,
	jobTitle,
	machineTitle,
	planSigns,
	type Shown,
	say,
	selected,
	shownOf,
	statusName,
	who,
} from "../schedule/shared.ts";
import { changesOf, keyOf } from "../schedule/words.ts";
import { t, won } from "../shell.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { cardProps, empty, frame, icon } from "./card.ts";

/** What a person takes in of a long list. */
const MOST = 12;

/** The plans so far: why each was made, what became of it, and what the newest changes. */
export const ScheduleVersions = defineComponent({
	name: "ScheduleVersions",
	props: cardProps,
	setup: (props) => () => frame("schedule-versions", t("schedule.versions.title"), null, body(props.state)),
});

function body(state: CardState): VNodeChild {
	const board = state.schedule;
	if (!board) return empty(t("schedule.waiting"));
	const shown = shownOf(state);
	return [
		shown?.before ? changes(shown) : null,
		board.history.length === 0
			? h("p", { class: "se-empty" }, t("schedule.versions.none"))
			: h(
					"ol",
					{ class: "se-versions", tabindex: 0, "aria-label": t("schedule.versions.title") },
					board.history.map((plan) => version(board, plan)),
				),
	];
}

/** What the plan that waits does otherwise than the one in force. */
function changes({ board, plan, before }: Shown): VNode {
	const { moved, added, removed } = changesOf(plan, before);
	const of = (key: string): PlacedOperation | undefined =>
		plan.operations.find((operation) => keyOf(operation) === key);
	const lines = [
		...[...moved].flatMap(([key, was]) => {
			const operation = of(key);
			if (!operation) return [];
			const there = {
				time: fromTo(operation.start, operation.end, board),
				machine: machineTitle(board, operation.machine),
			};
			const from = at(was.start, board);
			const said = { job: jobTitle(board, operation), from, ...there };
			if (was.machine === operation.machine) return [line(key, t("schedule.change.later", said))];
			return [line(key, t("schedule.change.moved", { ...said, from: `${machineTitle(board, was.machine)} ${from}` }))];
		}),
		...[...added].flatMap((key) => {
			const operation = of(key);
			if (!operation) return [];
			const there = {
				time: fromTo(operation.start, operation.end, board),
				machine: machineTitle(board, operation.machine),
			};
			return [line(key, t("schedule.change.added", { job: jobTitle(board, operation), ...there }))];
		}),
		...removed.map((operation) =>
			h("li", { key: `gone ${keyOf(operation)}` }, t("schedule.change.removed", { job: jobTitle(board, operation) })),
		),
	];
	const title = t("schedule.changes.title", { new: plan.version, old: before?.version ?? "" });
	return h("div", [
		h("h3", { class: "se-subtitle" }, title),
		lines.length === 0
			? h("p", { class: "se-note" }, t("schedule.changes.none"))
			: h("ul", { class: "se-changes" }, lines.slice(0, MOST)),
		lines.length > MOST ? h("p", { class: "se-note" }, t("schedule.changes.more", { n: lines.length - MOST })) : null,
	]);
}

function line(key: string, words: string): VNode {
	return h("li", { key }, [
		h(
			"button",
			{
				type: "button",
				class: "se-change",
				onClick: () => {
					selected.value = key;
					document.querySelector(".se-card-schedule-gantt")?.scrollIntoView({ behavior: "smooth", block: "start" });
				},
			},
			[icon("moved"), words],
		),
	]);
}

function version(board: ScheduleBoard, plan: PlanSummary): VNode {
	const ended = plan.endedWhy ? say(plan.endedWhy.text) : "";
	return h("li", { key: plan.id, class: "se-version" }, [
		h("p", { class: "se-alarm-name" }, [
			isBroken(plan) ? icon("warn", "warn") : icon(...planSigns[plan.status]),
			`${t("schedule.version", { n: plan.version })} · ${statusName(plan)}`,
		]),
		h(
			"p",
			{ class: "se-alarm-meta" },
			[
				at(plan.createdAt, board),
				t(`schedule.reason.${plan.reason}`),
				who(plan.by),
				plan.status === "failed" ? "" : won(plan.cost.plan.totalKrw),
			]
				.filter(Boolean)
				.join(" · "),
		),
		ended ? h("p", { class: "se-alarm-meta" }, ended) : null,
		plan.status === "failed" && !isBroken(plan)
			? h("p", { class: "se-alarm-meta" }, plan.conflicts.map(({ text }) => say(text)).join(" "))
			: null,
	]);
}
