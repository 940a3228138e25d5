import type { PlanSummary, ScheduleBoard, StoredPlan } from "../../../../lib/operation/types.ts";
import type { CardState } from "../../picture.ts";
import { power, rough, text } from "../format.ts";
import { ago } from "../i18n.ts";
import { type Buttons, useActing } from "../schedule/acting.ts";
import { button, fact, sureness, trouble } from "../schedule/parts.ts";
import { at, isBroken, planSigns, type Shown, say, shownOf, statusName, who } from "../schedule/shared.ts";
import { type Changes, changesOf, proofOf, savedKrw } from "../schedule/words.ts";
import { language, nowMs, t, won } from "../shell.ts";
import { computed, defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { big, cardProps, empty, frame, icon } from "./card.ts";

/** What the plan saves, where it stands and why it was made; and what an operator does with it. */
export const SchedulePlan = defineComponent({
	name: "SchedulePlan",
	props: cardProps,
	setup(props) {
		const buttons = useActing();
		const changes = computed(() => {
			const shown = shownOf(props.state);
			return changesOf(shown?.plan ?? null, shown?.before ?? null);
		});
		return () =>
			frame("schedule-plan", t("schedule.plan.title"), remark(props.state), body(props.state, changes.value, buttons));
	},
});

function remark(state: CardState): VNodeChild {
	const shown = shownOf(state);
	if (!shown) return null;
	const [shape, tone] = planSigns[shown.plan.status];
	return h("span", { class: "se-remark", role: "status" }, [
		icon(shape, tone),
		`${statusName(shown.plan)} · ${t("schedule.version", { n: shown.plan.version })}`,
	]);
}

function body(state: CardState, changes: Changes, buttons: Buttons): VNodeChild {
	const { schedule: board } = state;
	if (!board) return empty(t("schedule.waiting"));
	const shown = shownOf(state);
	const failed = lastFailed(board);
	const broken = lastBroken(board);
	return [
		shown ? answer(shown, changes) : h("p", { class: "se-empty" }, t("schedule.none")),
		failed ? refused(failed) : null,
		broken ? h("p", { class: "se-verdict" }, [icon("warn", "warn"), broken]) : null,
		board.problem ? h("p", { class: "se-verdict" }, [icon("warn", "warn"), say(board.problem.text)]) : null,
		board.planning ? progress(board, board.planning) : null,
		acts(board, shown?.plan ?? null, buttons),
	];
}

/** The newest attempt, where it came to no plan. */
function lastFailed({ history }: ScheduleBoard): PlanSummary | null {
	const newest = history[0];
	return newest?.status === "failed" && !isBroken(newest) ? newest : null;
}

/** Why nothing is in force any more, where the plan that was broke. */
function lastBroken({ history, current }: ScheduleBoard): string | null {
	const broken = current ? undefined : history.slice(0, 2).find(isBroken);
	return broken?.endedWhy ? say(broken.endedWhy.text) : null;
}

function answer({ board, plan, before }: Shown, changes: Changes): VNode[] {
	const saved = savedKrw(plan);
	const shownKrw = saved ?? plan.cost.plan.totalKrw;
	const what = [
		changes.moved.size > 0 ? t("schedule.moved", { n: changes.moved.size }) : "",
		changes.added.size > 0 && before ? t("schedule.added", { n: changes.added.size }) : "",
		changes.removed.length > 0 ? t("schedule.removed", { n: changes.removed.length }) : "",
	].filter(Boolean);
	return [
		h("div", [
			big({ value: won(rough(shownKrw)), unit: "" }, { reason: t("cost.exact", { won: won(shownKrw) }) }),
			h("p", { class: "se-trend" }, saved === null ? t("schedule.cost.what") : t("schedule.saved.what")),
		]),
		h("dl", { class: "se-plan-facts" }, [
			fact(t("schedule.why"), why(plan)),
			before && what.length > 0 ? fact(t("schedule.changes"), what.join(", ")) : null,
			fact(t("schedule.proof"), proof(plan)),
			fact(
				t("schedule.peak"),
				t("schedule.peak.at", { kw: text(power(plan.peakKw)), time: at(plan.peakAt, board) }) + capWords(plan),
			),
			plan.approvedBy ? fact(t("schedule.approved-by"), plan.approvedBy) : null,
			...plan.conflicts.map((conflict) => fact(t("schedule.note"), say(conflict.text), "se-fact-wide")),
		]),
	];
}

function why(plan: PlanSummary): string {
	const reason = t(`schedule.reason.${plan.reason}`);
	return `${reason} · ${ago(language.value, nowMs.value - Date.parse(plan.createdAt))} · ${who(plan.by)}`;
}

/** The room that is left below the cap where the plan is highest. */
function capWords({ capKw, peakKw }: StoredPlan): string {
	const caps = capKw.filter((kw) => kw !== null);
	if (caps.length === 0) return "";
	const cap = Math.min(...caps);
	return peakKw <= cap ? `, ${t("schedule.peak.cap", { kw: text(power(cap)) })}` : "";
}

/** Gap, bound and method, in plain words. */
function proof(plan: PlanSummary): string {
	const found = proofOf(plan);
	const method = plan.method === "fallback" ? ` ${t("schedule.method.fallback")}` : "";
	if (found.kind === "optimal") return t("schedule.proof.optimal") + method;
	if (found.kind === "unknown") return t("schedule.proof.unknown") + method;
	return t("schedule.proof.within", { percent: found.percent, won: won(rough(found.krw)) }) + method;
}

/** Why there is no plan, and the cheapest way out: the engine's own sentences. */
function refused(failed: PlanSummary): VNode {
	return h("div", { class: "se-conflict", role: "group", "aria-label": t("schedule.conflict") }, [
		h("p", { class: "se-verdict" }, [icon("fault", "alarm"), t("schedule.conflict")]),
		h(
			"ul",
			failed.conflicts.map(({ text }) => h("li", say(text))),
		),
	]);
}

function progress(board: ScheduleBoard, planning: NonNullable<ScheduleBoard["planning"]>): VNode {
	const seconds = Math.max(0, (nowMs.value - Date.parse(planning.since)) / 1000);
	const share = Math.min(1, planning.ofSeconds > 0 ? seconds / planning.ofSeconds : 0);
	const words = [
		t("schedule.planning", { reason: t(`schedule.reason.${planning.reason}`) }),
		t("schedule.planning.seconds", { n: Math.round(seconds), of: Math.round(planning.ofSeconds) }),
		planning.costKrw === null ? "" : t("schedule.planning.best", { won: won(rough(planning.costKrw)) }),
		planning.boundKrw === null ? "" : t("schedule.planning.bound", { won: won(rough(planning.boundKrw)) }),
	].filter(Boolean);
	return h("div", { class: "se-planning" }, [
		h(
			"div",
			{
				class: "se-bar",
				role: "progressbar",
				"aria-label": words[0] ?? "",
				"aria-valuemin": 0,
				"aria-valuemax": 100,
				"aria-valuenow": Math.round(share * 100),
			},
			h("span", { class: "se-bar-fill", style: { width: `${(share * 100).toFixed(1)}%` } }),
		),
		h("p", { class: "se-note" }, words.join(" · ")),
		h("span", { class: "se-sr", "aria-live": "polite" }, at(board.time, board) ? (words[0] ?? "") : ""),
	]);
}

type Step = "approve" | "dispatch" | "withdraw";
/** What can be done with a plan where it stands, the next step first. */
const stepsFrom: Partial<Record<PlanSummary["status"], readonly Step[]>> = {
	proposed: ["approve", "withdraw"],
	approved: ["dispatch", "withdraw"],
	dispatched: ["withdraw"],
};

function acts(board: ScheduleBoard, plan: StoredPlan | null, buttons: Buttons): VNodeChild {
	const { acting, send, confirm } = buttons;
	const { may, busy, sure } = acting.value;
	if (may === false) return h("p", { class: "se-note" }, t("schedule.viewer"));
	if (!may) return null;
	const steps = plan ? (stepsFrom[plan.status] ?? []) : [];
	const disabled = busy !== null;
	const step = steps.find((one) => one === sure);
	const doIt = (one: Step): void => void (plan && send(one, { type: one, id: plan.id }));
	return h("div", { class: "se-plan-acts" }, [
		step && plan
			? sureness(
					t(`schedule.${step}.sure`, { n: plan.version, time: at(plan.horizon.start, board) }),
					t(`schedule.${step}`),
					() => doIt(step),
					buttons,
				)
			: h("div", { class: "se-acts" }, [
					...steps.map((one, i) =>
						button(t(`schedule.${one}`), () => confirm(one), { disabled, first: i === 0 && one !== "withdraw" }),
					),
					board.planning
						? button(t("schedule.cancel"), () => void send("cancel", { type: "cancel" }), { disabled })
						: button(t("schedule.replan"), () => void send("replan", { type: "replan" }), {
								disabled,
								first: steps.length === 0,
							}),
				]),
		trouble(acting.value, () => true),
	]);
}
