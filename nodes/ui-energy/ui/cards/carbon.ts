import type { CarbonAnswer } from "../../../../lib/cost/answers.ts";
import type { CardState } from "../../picture.ts";
import { carbon, MISSING, text } from "../format.ts";
import { t } from "../shell.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { big, cardProps, empty, frame } from "./card.ts";

/** What the site's electricity emitted in the last thirty days, day by day. */
export const Carbon = defineComponent({
	name: "Carbon",
	props: cardProps,
	setup: (props) => () => frame("carbon", t("carbon.title"), remark(), body(props.state)),
});

function remark(): VNodeChild {
	return h("span", { class: "se-remark" }, t("carbon.span"));
}

function body({ carbon: answer }: CardState): VNodeChild {
	if (!answer) return empty(t("card.waiting"));
	const factor = answer.factors.at(-1);
	return [
		big(carbon(answer.kgCo2e)),
		h("p", { class: "se-note" }, factor ? t("carbon.factor", { kg: factor.kgCo2ePerKwh, year: factor.year }) : MISSING),
		bars(answer),
		answer.missing > 0 ? h("p", { class: "se-note" }, t("carbon.missing", { n: answer.missing })) : null,
	];
}

/** A bar a day, labelled for who hears them by the first and the last. */
function bars({ items }: CarbonAnswer): VNode {
	const most = Math.max(1, ...items.map(({ kgCo2e }) => kgCo2e));
	const day = (start: string | undefined): string => start?.slice(5, 10) ?? "";
	const label = t("carbon.chart", { from: day(items[0]?.start), to: day(items.at(-1)?.start) });
	return h("figure", { class: "se-days" }, [
		h(
			"div",
			{ class: "se-days-bars", role: "img", "aria-label": label },
			items.map(({ start, kgCo2e }) =>
				h("span", { key: start, title: `${day(start)}: ${text(carbon(kgCo2e))}` }, [
					h("span", { class: "se-week-bar", style: { height: `${(kgCo2e / most) * 100}%` } }),
				]),
			),
		),
		h("figcaption", { class: "se-days-ends se-num" }, [
			h("span", day(items[0]?.start)),
			h("span", day(items.at(-1)?.start)),
		]),
	]);
}
