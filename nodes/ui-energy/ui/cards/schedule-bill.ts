import type { StoredPlan } from "../../../../lib/operation/types.ts";
import type { CardState } from "../../picture.ts";
import { energy, rough, text } from "../format.ts";
import { bandsIn, bandTitle, type Shown, shownOf } from "../schedule/shared.ts";
import { energyOfPlan, type Fall, fallsOf } from "../schedule/words.ts";
import { t, won } from "../shell.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { big, cardProps, empty, frame, icon } from "./card.ts";
import { bandSign } from "./price-now.ts";

/** The bill before and after: from what everything as soon as possible would cost to what the plan costs. */
export const ScheduleBill = defineComponent({
	name: "ScheduleBill",
	props: cardProps,
	setup: (props) => () => frame("schedule-bill", t("schedule.bill.title"), remark(props.state), body(props.state)),
});

function remark(state: CardState): VNodeChild {
	const shown = shownOf(state);
	return shown ? h("span", { class: "se-remark" }, t("schedule.version", { n: shown.plan.version })) : null;
}

function body(state: CardState): VNodeChild {
	const shown = shownOf(state);
	if (!shown) return empty(t(state.schedule ? "schedule.none" : "schedule.waiting"));
	const { plan } = shown;
	return [
		big({ value: won(rough(plan.cost.plan.totalKrw)), unit: "" }, { reason: exactly(plan) }),
		h("p", { class: "se-trend" }, compared(shown)),
		falls(shown),
		bands(state, plan),
		h("p", { class: "se-note" }, t("schedule.bill.what")),
	];
}

const exactly = ({ cost }: StoredPlan): string => t("cost.exact", { won: won(cost.plan.totalKrw) });

/** Beside everything as soon as possible, and beside the plan in force. */
function compared({ plan, board }: Shown): string {
	const { plan: own, asSoonAsPossible, current } = plan.cost;
	const less = (krw: number): string => t(krw >= 0 ? "schedule.less" : "schedule.more", { won: won(Math.abs(krw)) });
	return [
		asSoonAsPossible
			? t("schedule.than.soon", { change: less(asSoonAsPossible.totalKrw - own.totalKrw) })
			: t("schedule.than.soon-none"),
		current
			? t(board.current ? "schedule.than.current" : "schedule.than.former", {
					change: less(current.totalKrw - own.totalKrw),
				})
			: "",
	]
		.filter(Boolean)
		.join(" ");
}

function falls({ plan, board }: Shown): VNode {
	const { plan: own, asSoonAsPossible, current } = plan.cost;
	const steps = fallsOf(plan);
	const ends = [own.totalKrw, asSoonAsPossible?.totalKrw ?? 0, current?.totalKrw ?? 0];
	const all = [...ends, ...steps.flatMap(({ fromKrw, toKrw }) => [fromKrw, toKrw])];
	const low = Math.min(0, ...all);
	const high = Math.max(1, ...all);
	const share = (krw: number): number => ((krw - low) / (high - low)) * 100;
	const whole = (key: string, name: string, krw: number, more = ""): VNode =>
		h("div", { key, class: ["se-fall se-fall-total", more] }, [
			h("dt", name),
			h("dd", { class: "se-num se-fall-won" }, won(krw)),
			h("dd", { class: "se-fall-track", "aria-hidden": "true" }, [
				h("span", { class: "se-fall-bar", style: span(share(0), share(krw)) }),
			]),
		]);
	return h("dl", { class: "se-falls" }, [
		asSoonAsPossible ? whole("soon", t("schedule.soon"), asSoonAsPossible.totalKrw) : null,
		...steps.map((step) => row(step, share)),
		whole("plan", t("schedule.this"), own.totalKrw),
		// Beside the way from the one to the other, for comparison.
		current
			? whole("current", t(board.current ? "schedule.current" : "schedule.former"), current.totalKrw, "se-fall-beside")
			: null,
	]);
}

function row({ line, krw, changeKrw, fromKrw, toKrw }: Fall, share: (krw: number) => number): VNode {
	const whole = Math.round(changeKrw);
	const kind = whole < 0 ? "less" : whole > 0 ? "costs" : "plain";
	const shown = `${whole > 0 ? "+" : ""}${won(whole)}`;
	return h("div", { key: line, class: "se-fall" }, [
		h("dt", [
			whole === 0 ? null : icon(whole < 0 ? "down" : "up", whole < 0 ? "good" : "warn"),
			t(`schedule.line.${line}`),
		]),
		h("dd", { class: "se-num se-fall-won", title: t("schedule.line.of-plan", { won: won(krw) }) }, shown),
		h("dd", { class: "se-fall-track", "aria-hidden": "true" }, [
			h("span", {
				class: `se-fall-bar se-fall-${kind}`,
				style: span(share(Math.min(fromKrw, toKrw)), share(Math.max(fromKrw, toKrw))),
			}),
		]),
	]);
}

const span = (from: number, to: number): Record<string, string> => ({
	left: `min(${from.toFixed(3)}%, 100% - 2px)`,
	width: `${Math.max(0, to - from).toFixed(3)}%`,
});

/** The plan's energy by band. */
function bands(state: CardState, plan: StoredPlan): VNode | null {
	const order = bandsIn(state, plan);
	const rows = energyOfPlan(plan, order);
	if (rows.length === 0) return null;
	const most = Math.max(1e-9, ...rows.map(({ kwh }) => kwh));
	const known = order.map((band) => ({ band, name: { "en-US": band, ko: band } }));
	return h("div", [
		h("h3", { class: "se-subtitle" }, t("schedule.by-band")),
		h(
			"ul",
			{ class: "se-bands" },
			rows.map(({ band, kwh, krw }) =>
				h("li", { key: band, class: "se-band-row" }, [
					h("span", [bandSign({ bands: known }, band), bandTitle(state, band)]),
					h("span", { class: "se-num se-band-kwh" }, text(energy(kwh))),
					h("span", { class: "se-num se-band-won" }, won(krw)),
					h("span", { class: "se-bar", "aria-hidden": "true" }, [
						h("span", { class: "se-bar-fill", style: { width: `${((kwh / most) * 100).toFixed(1)}%` } }),
					]),
				]),
			),
		),
	]);
}
