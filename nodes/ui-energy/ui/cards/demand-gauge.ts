import type { DemandMessage } from "../../../../lib/demand/wire.ts";
import type { CardState } from "../../picture.ts";
import { energy, power, text } from "../format.ts";
import { ago } from "../i18n.ts";
import { language, nowMs, t, won } from "../shell.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { clock } from "../zone.ts";
import { big, cardProps, empty, frame, icon } from "./card.ts";

/** After this long without a word from demand control its figures are no longer now. */
const STALE_MS = 15_000;
const MINUTE_MS = 60_000;
/** Where the bar ends beyond the greatest figure on it. */
const ROOM = 1.06;

type Verdict = "calm" | "near" | "over";

/** Where the running quarter-hour will end, against which limits, and what is at stake. */
export const DemandGauge = defineComponent({
	name: "DemandGauge",
	props: cardProps,
	setup: (props) => () => frame("demand-gauge", title(props.state), remark(props.state), body(props)),
});

function title({ demand, picture }: CardState): string {
	const zone = picture?.timeZone;
	if (!demand || !zone) return t("demand.title");
	const span = `${clock(Date.parse(demand.windowStart), zone)}–${clock(Date.parse(demand.windowEnd), zone)}`;
	return t("demand.title.span", { span });
}

const isStale = (demand: DemandMessage): boolean => nowMs.value - Date.parse(demand.time) > STALE_MS;

function remark({ demand }: CardState): VNodeChild {
	if (!demand) return null;
	if (isStale(demand)) {
		const age = ago(language.value, nowMs.value - Date.parse(demand.time));
		return h("span", { class: "se-remark" }, [icon("warn", "warn"), t("stale", { age })]);
	}
	if (demand.silentMeters.length > 0) {
		const names = demand.silentMeters.join(", ");
		return h("span", { class: "se-remark" }, [icon("warn", "alarm"), t("demand.silent", { names })]);
	}
	const leftMs = Math.max(0, Date.parse(demand.windowEnd) - nowMs.value);
	return h("span", { class: "se-remark se-num" }, t("demand.left", { time: countdown(leftMs) }));
}

function countdown(ms: number): string {
	const s = Math.round(ms / 1000);
	return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

function body({ state: { demand }, editor }: { state: CardState; editor: string }): VNodeChild {
	if (!demand) return empty(t("demand.empty"), editor);
	const stale = isStale(demand);
	const verdict = judge(demand);
	return h("div", { class: "se-gauge" }, [
		h("div", { class: "se-gauge-answer" }, [
			big(power(demand.predictedKw), { stale, reason: demand.predictedKw === null ? t("demand.missing") : "" }),
			h("p", { class: ["se-trend", `se-gauge-${verdict}`] }, headroom(demand, verdict)),
		]),
		bar(demand, verdict),
		h("p", { class: "se-gauge-stake" }, [stake(demand)]),
	]);
}

/** Over where the end is expected above the limit, near where it may be. */
function judge(demand: DemandMessage): Verdict {
	const { predictedKw, limitKw } = demand;
	if (limitKw === null || predictedKw === null) return "calm";
	if (predictedKw > limitKw) return "over";
	return (intervalOf(demand)[1] ?? 0) > limitKw ? "near" : "calm";
}

function headroom({ predictedKw, limitKw }: DemandMessage, verdict: Verdict): VNodeChild[] {
	if (predictedKw === null) return [t("demand.missing")];
	if (limitKw === null) return [icon("steady"), t("demand.unlimited")];
	const kw = text(power(Math.abs(limitKw - predictedKw)));
	if (verdict === "over") return [icon("stop", "alarm"), t("demand.over", { kw })];
	if (verdict === "near") return [icon("warn", "warn"), t("demand.near", { kw })];
	return [icon("ok"), t("demand.below", { kw })];
}

/** What the quarter-hour will cost, in words. */
function stake({ price, predictedKw }: DemandMessage): VNodeChild {
	// Without a reading there is no price either, whatever tariff is set.
	if (!price) return predictedKw === null ? null : t("demand.unpriced");
	if (price.reason === "not-counted") return t("demand.not-counted");
	if (price.krw <= 0 || predictedKw === null) {
		return price.incumbentKw === null ? t("demand.free") : t("demand.covered", { kw: text(power(price.incumbentKw)) });
	}
	const sum = h("strong", { class: "se-num" }, won(spoken(price.krwPerMonth)));
	const [before = "", after = ""] = t("demand.raises", {
		kw: text(power(price.overKw)),
		until: price.until ?? "",
		won: "\u0000",
	}).split("\u0000");
	return [before, sum, after];
}

/** Never more exact than a prediction is. */
const spoken = (krw: number): number => (krw >= 10_000 ? Math.round(krw / 1000) * 1000 : Math.round(krw));

/**
 * The bar: solid what the quarter-hour has drawn already (nothing brings it below that), dashed on to where it will
 * end, the interval around it, and the levels it is held against. Below, its fifteen minutes.
 */
function bar(demand: DemandMessage, verdict: Verdict): VNode {
	const { predictedKw, energySoFarKwh, levels, limitKw } = demand;
	const [lowKw, highKw] = intervalOf(demand);
	const drawnKw = energySoFarKwh * 4;
	const most = Math.max(drawnKw, predictedKw ?? 0, highKw ?? 0, ...levels.map(({ kw }) => kw), 1) * ROOM;
	const at = (kw: number): string => `${((Math.max(0, kw) / most) * 100).toFixed(2)}%`;
	const width = (from: number, to: number): Record<string, string> => ({
		left: at(from),
		width: `${(((to - from) / most) * 100).toFixed(2)}%`,
	});
	return h("div", { class: "se-gauge-bar", role: "img", "aria-label": spokenBar(demand) }, [
		h(
			"div",
			{ class: "se-gauge-levels" },
			[...levels]
				.reverse()
				.map(({ kind, kw }) =>
					h("div", { key: kind, class: ["se-gauge-level", { "se-gauge-held": kw === limitKw }] }, [
						h(
							"span",
							{ class: kw > most / 2 ? "se-gauge-label se-gauge-left" : "se-gauge-label", style: labelAt(kw, most) },
							[`${t(`demand.level.${kind}`)} `, h("b", { class: "se-num" }, text(power(kw)))],
						),
						h("i", { class: "se-gauge-stem", style: { left: at(kw) } }),
					]),
				),
		),
		h("div", { class: `se-gauge-track se-gauge-${verdict}` }, [
			predictedKw !== null && predictedKw > drawnKw
				? h("div", { class: "se-gauge-predicted", style: width(0, predictedKw) })
				: null,
			lowKw !== null && highKw !== null && highKw > lowKw
				? h("div", { class: "se-gauge-interval", style: width(Math.max(lowKw, drawnKw), highKw) })
				: null,
			h("div", { class: "se-gauge-drawn", style: width(0, drawnKw) }),
			predictedKw === null ? null : h("i", { class: "se-gauge-end", style: { left: at(predictedKw) } }),
			...levels.map(({ kind, kw }) =>
				h("i", { key: kind, class: ["se-gauge-tick", { "se-gauge-held": kw === limitKw }], style: { left: at(kw) } }),
			),
		]),
		minutes(demand),
		h("p", { class: "se-gauge-facts se-num" }, facts(demand)),
	]);
}

/** Beside its tick, on the side where there is more room. */
function labelAt(kw: number, most: number): Record<string, string> {
	const share = (kw / most) * 100;
	return kw > most / 2 ? { right: `${(100 - share).toFixed(2)}%` } : { left: `${share.toFixed(2)}%` };
}

/** The interval around the end; none before enough is known of this plant for one that says anything. */
function intervalOf({ basis, lowKw, highKw }: DemandMessage): [number, number] | [null, null] {
	return basis === "history" && lowKw !== null && highKw !== null ? [lowKw, highKw] : [null, null];
}

function facts(demand: DemandMessage): string {
	const { energySoFarKwh, estimatedKwh, predictedKw, shedKw, advice } = demand;
	const [lowKw, highKw] = intervalOf(demand);
	const parts = [t("demand.so-far", { kwh: text(energy(energySoFarKwh)) })];
	if (estimatedKwh > 0) parts.push(t("demand.estimated", { kwh: text(energy(estimatedKwh)) }));
	if (lowKw !== null && highKw !== null) {
		parts.push(t("demand.interval", { low: text(power(lowKw)), high: text(power(highKw)) }));
	} else if (predictedKw !== null) parts.push(t("demand.no-interval"));
	if (shedKw > 0) parts.push(t(advice ? "demand.would-shed" : "demand.shed", { kw: text(power(shedKw)) }));
	return parts.join(" · ");
}

/** The fifteen minutes, those that are over filled. */
function minutes({ windowStart, windowEnd }: DemandMessage): VNode {
	const startMs = Date.parse(windowStart);
	const count = Math.max(1, Math.round((Date.parse(windowEnd) - startMs) / MINUTE_MS));
	return h(
		"div",
		{ class: "se-gauge-minutes", "aria-hidden": "true" },
		Array.from({ length: count }, (_, i) => {
			const share = Math.min(1, Math.max(0, (nowMs.value - startMs) / MINUTE_MS - i));
			return h("span", { key: i }, h("i", { style: { width: `${share * 100}%` } }));
		}),
	);
}

function spokenBar(demand: DemandMessage): string {
	const known = demand.levels.map(({ kind, kw }) => `${t(`demand.level.${kind}`)} ${text(power(kw))}`);
	return [t("demand.predicted", { kw: text(power(demand.predictedKw)) }), facts(demand), ...known].join(", ");
}
