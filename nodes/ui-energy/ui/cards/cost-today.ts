import type { CostToday as Cost, PriceMessage } from "../../../../lib/tariff/messages-live.ts";
import type { CardState } from "../../picture.ts";
import { count, energy, percent, rough, text } from "../format.ts";
import { nowMs, t, won } from "../shell.ts";
import { bandName } from "../tariff.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { clock } from "../zone.ts";
import { big, cardProps, empty, frame, icon } from "./card.ts";
import { bandSign } from "./price-now.ts";

/** A change of less than this share is none. */
const SAME = 0.005;
const STALE_MS = 30 * 60_000;

/** What the site's energy has cost since midnight, in which bands, and whether that is more than usual. */
export const CostToday = defineComponent({
	name: "CostToday",
	props: cardProps,
	setup: (props) => () => frame("cost-today", t("cost.title"), remark(props.state), body(props)),
});

function remark({ price, picture }: CardState): VNodeChild {
	const zone = picture?.timeZone;
	if (!zone || !price?.today?.asOf) return null;
	const late = nowMs.value - Date.parse(price.today.asOf) > STALE_MS;
	return h("span", { class: "se-remark" }, [
		late ? icon("warn", "warn") : null,
		t("cost.as-of", { time: clock(Date.parse(price.today.asOf), zone) }),
	]);
}

function body({ state: { price }, editor }: { state: CardState; editor: string }): VNodeChild {
	if (!price) return empty(t("price.empty"), editor);
	const { today } = price;
	if (!today || price.todayCostKrw === null || today.asOf === null) {
		return [
			big({ value: won(null), unit: "" }, { reason: t("cost.missing") }),
			h("p", { class: "se-note" }, t("cost.missing")),
		];
	}
	return [
		big({ value: won(rough(today.costKrw)), unit: "" }, { reason: t("cost.exact", { won: won(today.costKrw) }) }),
		trend(today, "yesterday", today.yesterdayKrw),
		trend(today, "last-week", today.lastWeekKrw),
		gaps(today),
		bands(price, today),
		h("p", { class: "se-note" }, t("cost.what")),
	];
}

function trend({ costKrw }: Cost, than: "yesterday" | "last-week", beforeKrw: number | null | undefined): VNode | null {
	if (!beforeKrw) return null;
	const share = costKrw / beforeKrw - 1;
	const same = Math.abs(share) < SAME;
	const change = same ? percent(0) : `${share > 0 ? "+" : "−"}${percent(Math.abs(share))}`;
	const key = than === "yesterday" ? "cost.yesterday" : "cost.last-week";
	return h("p", { class: "se-trend" }, [
		icon(same ? "steady" : share > 0 ? "up" : "down"),
		t(key, { change, won: won(rough(beforeKrw)) }),
	]);
}

/** What the sum does not hold. */
function gaps({ missing, unpriced, estimatedKwh }: Cost): VNodeChild {
	const said = [
		missing > 0 ? t("cost.gaps", { n: count(missing) }) : "",
		unpriced > 0 ? t("cost.unpriced", { n: count(unpriced) }) : "",
		estimatedKwh > 0 ? t("cost.estimated", { kwh: text(energy(estimatedKwh)) }) : "",
	].filter(Boolean);
	return said.map((sentence) => h("p", { class: "se-note", key: sentence }, [icon("warn", "warn"), sentence]));
}

function bands(price: PriceMessage, { byBand, costKrw }: Cost): VNode | null {
	const some = byBand.filter(({ energyKwh }) => energyKwh !== 0);
	if (some.length === 0) return null;
	return h(
		"dl",
		{ class: "se-bands" },
		some.map(({ band, energyKwh, costKrw: bandKrw }) =>
			h("div", { key: band, class: "se-band-row" }, [
				h("dt", [bandSign(price, band), bandName(price.bands, band)]),
				h("dd", { class: "se-num se-band-kwh" }, text(energy(energyKwh))),
				h("dd", { class: "se-num se-band-won" }, won(bandKrw)),
				h("dd", { class: "se-bar", "aria-hidden": "true" }, [
					h("span", { class: "se-bar-fill", style: { width: `${Math.max(0, bandKrw / costKrw) * 100}%` } }),
				]),
			]),
		),
	);
}
