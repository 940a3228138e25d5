import type { AdviceAnswer } from "../../../../lib/cost/advice.ts";
import type { CardState } from "../../picture.ts";
import { percent, rough } from "../format.ts";
import { t, won } from "../shell.ts";
import { words } from "../tariff.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { monthName, remarks } from "./bill-month.ts";
import { big, cardProps, empty, frame } from "./card.ts";

/** What would cut the bill, and by how much a year; the most first. */
export const Advice = defineComponent({
	name: "Advice",
	props: cardProps,
	setup: (props) => () => frame("advice", t("advice.title"), remark(props.state), body(props.state)),
});

function remark({ advice }: CardState): VNodeChild {
	if (!advice) return null;
	const from = monthName(advice.firstMonth);
	const text = advice.months === 1 ? t("advice.month", { from }) : t("advice.months", { from, n: advice.months });
	return h("span", { class: "se-remark" }, text);
}

function body({ advice }: CardState): VNodeChild {
	if (!advice) return empty(t("advice.empty"));
	const [first] = advice.items;
	if (!first) return h("p", { class: "se-verdict" }, t("advice.none"));
	return [
		big({ value: won(rough(first.savingKrwPerYear)), unit: t("advice.unit") }),
		h("p", { class: "se-note" }, t("advice.of", { percent: share(first, advice), won: won(rough(advice.yearKrw)) })),
		h(
			"ol",
			{ class: "se-advice", "aria-label": t("advice.list") },
			advice.items.map((item) => row(item, first.savingKrwPerYear)),
		),
		h("p", { class: "se-note" }, t("advice.each")),
		remarks({ warnings: advice.warnings, final: true }),
	];
}

const share = ({ savingKrwPerYear }: AdviceAnswer["items"][number], { yearKrw }: AdviceAnswer): string =>
	percent(yearKrw > 0 ? savingKrwPerYear / yearKrw : 0);

function row({ rank, reason, savingKrwPerYear }: AdviceAnswer["items"][number], most: number): VNode {
	return h("li", { key: rank }, [
		h("span", words(reason)),
		h("span", { class: "se-num se-band-won" }, won(rough(savingKrwPerYear))),
		h("span", { class: "se-bar", "aria-hidden": "true" }, [
			h("span", { class: "se-bar-fill", style: { width: `${(savingKrwPerYear / most) * 100}%` } }),
		]),
	]);
}
