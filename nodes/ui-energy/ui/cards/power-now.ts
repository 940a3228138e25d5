import type { CardState, Load, Points } from "../../picture.ts";
import { TOTAL } from "../../picture.ts";
import { bandPath, linePath } from "../chart/path.ts";
import { linear } from "../chart/scale.ts";
import { power, signed, text } from "../format.ts";
import { ago } from "../i18n.ts";
import { language, nowMs, t } from "../shell.ts";
import { ageMs, change, isStale } from "../site.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { big, cardProps, empty, frame, icon } from "./card.ts";

const TREND_MS = 15 * 60_000;
/** A change of less than this share of the power is no trend. */
const STEADY = 0.01;

/** The page's answer: what the site draws now, whether that is so, and where it is going. */
export const PowerNow = defineComponent({
	name: "PowerNow",
	props: cardProps,
	setup: (props) => () => frame("power-now", t("power.title"), remark(props.state), body(props.state)),
});

/** Stale or uncertain, in words with a sign; nothing where all is well. */
function remark({ picture }: CardState): VNodeChild {
	if (!picture) return null;
	if (isStale(picture, nowMs.value)) {
		const age = ageMs(picture, nowMs.value);
		return h("span", { class: "se-remark" }, [
			icon("warn", "warn"),
			age === null ? t("quality.bad") : t("stale", { age: ago(language.value, age) }),
		]);
	}
	if (picture.totalQuality === "good") return null;
	const bad = picture.totalQuality === "bad";
	return h("span", { class: "se-remark" }, [
		icon("warn", bad ? "alarm" : "warn"),
		t(bad ? "quality.bad" : "quality.uncertain"),
	]);
}

function body(state: CardState): VNodeChild {
	const { picture, load } = state;
	if (!picture) return empty(t("card.waiting"));
	const missing = picture.totalKw === null;
	return [
		big(power(picture.totalKw), { stale: isStale(picture, nowMs.value), reason: missing ? t("power.missing") : "" }),
		missing ? h("p", { class: "se-note" }, t("power.missing")) : trend(state),
		load ? spark(load) : null,
	];
}

function trend(state: CardState): VNode {
	const changeKw = change(state, TREND_MS);
	if (changeKw === null) return h("p", { class: "se-note" }, t("power.trend.none"));
	const steady = Math.abs(changeKw) < Math.abs(state.picture?.totalKw ?? 0) * STEADY;
	return h("p", { class: "se-trend" }, [
		icon(steady ? "steady" : changeKw > 0 ? "up" : "down"),
		steady ? t("power.steady") : t("power.trend", { change: signed(power(changeKw), changeKw) }),
	]);
}

const SPARK = { width: 300, height: 48 };

/** The last hours as one line from zero; its reading is the load chart's matter. */
function spark({ fromMs, toMs, lines }: Load): VNode | null {
	const line = lines.find(({ machine }) => machine === TOTAL);
	const values = line?.values.filter((value) => value !== null) ?? [];
	if (!line || values.length < 2) return null;
	const high = Math.max(...values);
	const x = linear(fromMs, toMs, 2, SPARK.width - 2);
	const y = linear(Math.min(0, ...values), high || 1, SPARK.height - 2, 2);
	const label = t("power.spark", { low: text(power(Math.min(...values))), high: text(power(high)) });
	return h(
		"svg",
		{
			class: "se-spark",
			viewBox: `0 0 ${SPARK.width} ${SPARK.height}`,
			preserveAspectRatio: "none",
			role: "img",
			"aria-label": label,
		},
		[
			h("path", { class: "se-spark-area", d: bandPath(line.times, zeros(line.values), line.values, x, y) }),
			h("path", { class: "se-line", d: linePath(line.times, line.values, x, y) }),
		],
	);
}

const zeros = (values: Points): Points => values.map((value) => (value === null ? null : 0));
