import type { CardState } from "../../picture.ts";
import { energy } from "../format.ts";
import { nowMs, t } from "../shell.ts";
import { isStale } from "../site.ts";
import { defineComponent, h, type VNodeChild } from "../vue.ts";
import { clock, dayStart } from "../zone.ts";
import { big, cardProps, empty, frame } from "./card.ts";

/** What the site has drawn since its midnight. */
export const EnergyToday = defineComponent({
	name: "EnergyToday",
	props: cardProps,
	setup: (props) => () => frame("energy-today", t("energy.title"), since(props.state), body(props.state)),
});

function since({ picture }: CardState): VNodeChild {
	if (!picture?.timeZone) return null;
	const midnight = dayStart(nowMs.value, picture.timeZone);
	return h("span", { class: "se-remark" }, t("energy.since", { time: clock(midnight, picture.timeZone) }));
}

function body({ picture }: CardState): VNodeChild {
	if (!picture) return empty(t("card.waiting"));
	const missing = picture.energyTodayKwh === null;
	return [
		big(energy(picture.energyTodayKwh), {
			stale: isStale(picture, nowMs.value),
			reason: missing ? t("energy.missing") : "",
		}),
		missing ? h("p", { class: "se-note" }, t("energy.missing")) : null,
	];
}
