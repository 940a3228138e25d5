import type { BillMessage } from "../../../../lib/tariff/messages-live.ts";
import type { CardState } from "../../picture.ts";
import { type BillPart, partsOf } from "../bill.ts";
import { percent } from "../format.ts";
import { lookup } from "../i18n.ts";
import { language, t, won } from "../shell.ts";
import { bandLevel } from "../steps.ts";
import { words } from "../tariff.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { monthName, remarks } from "./bill-month.ts";
import { big, cardProps, empty, frame, icon } from "./card.ts";
import { bandSign } from "./price-now.ts";

/** Parts that a plant pays for how it draws, not for what: worth a sign. */
const avoidable: readonly string[] = ["over-contract", "power-factor"];

/** Last month's bill, from the first kWh to the total. */
export const BillWaterfall = defineComponent({
	name: "BillWaterfall",
	props: cardProps,
	setup: (props) => () => frame("bill-waterfall", title(props.state), tariff(props.state), body(props)),
});

function title({ lastBill }: CardState): string {
	return lastBill ? t("waterfall.title.month", { month: monthName(lastBill.month) }) : t("waterfall.title");
}

function tariff({ lastBill }: CardState): VNodeChild {
	return lastBill ? h("span", { class: "se-remark" }, words(lastBill.tariffName)) : null;
}

function body({ state: { lastBill }, editor }: { state: CardState; editor: string }): VNodeChild {
	if (!lastBill) return empty(t("waterfall.empty"), editor);
	const parts = partsOf(lastBill);
	const ends = parts.flatMap(({ fromKrw, toKrw }) => [fromKrw, toKrw]);
	const low = Math.min(0, ...ends);
	const high = Math.max(1, ...ends);
	const share = (krw: number): number => ((krw - low) / (high - low)) * 100;
	return [
		big({ value: won(lastBill.totalKrw), unit: "" }),
		h("dl", { class: "se-falls" }, [
			...parts.map((part) => row(lastBill, part, share)),
			h("div", { key: "total", class: "se-fall se-fall-total" }, [
				h("dt", t("bill.total")),
				h("dd", { class: "se-num se-fall-won" }, won(lastBill.totalKrw)),
				h("dd", { class: "se-fall-track", "aria-hidden": "true" }, [
					h("span", { class: "se-fall-bar", style: span(share(0), share(lastBill.totalKrw)) }),
				]),
			]),
		]),
		remarks(lastBill),
	];
}

function row(bill: BillMessage, part: BillPart, share: (krw: number) => number): VNode {
	const { id, amountKrw, fromKrw, toKrw } = part;
	const costs = avoidable.includes(id) && amountKrw > 0;
	const level = part.band === undefined ? null : bandLevel(bill.energy, part.band);
	const kind = amountKrw < 0 && id !== "rounding" ? "less" : costs ? "costs" : (level ?? "plain");
	return h("div", { key: `${id} ${part.band ?? ""}`, class: "se-fall" }, [
		h("dt", [sign(bill, part, costs), label(bill, part)]),
		h("dd", { class: "se-num se-fall-won", title: shareOf(bill, amountKrw) }, won(amountKrw)),
		h("dd", { class: "se-fall-track", "aria-hidden": "true" }, [
			h("span", {
				class: `se-fall-bar se-fall-${kind}`,
				style: span(share(Math.min(fromKrw, toKrw)), share(Math.max(fromKrw, toKrw))),
			}),
		]),
	]);
}

function sign(bill: BillMessage, { id, band, amountKrw }: BillPart, costs: boolean): VNodeChild {
	if (band !== undefined) return bandSign({ bands: bill.energy }, band);
	if (costs) return icon("warn", "warn");
	return amountKrw < 0 && id !== "rounding" ? icon("down", "good") : null;
}

const span = (from: number, to: number): Record<string, string> => ({
	// However narrow, it stays on its track.
	left: `min(${from.toFixed(3)}%, 100% - 2px)`,
	width: `${Math.max(0, to - from).toFixed(3)}%`,
});

const shareOf = ({ totalKrw }: BillMessage, amountKrw: number): string =>
	totalKrw > 0 ? t("waterfall.share", { percent: percent(amountKrw / totalKrw) }) : "";

/** What a part is called: an energy part by its band, a kind of line by our word, else by the bill's own. */
function label({ energy }: BillMessage, { id, band, lines }: BillPart): string {
	const name = energy.find((each) => each.band === band)?.name;
	if (name) return t("waterfall.energy", { band: words(name) });
	const own = lines[0]?.label;
	return lookup(language.value, `part.${id}`) ?? (own ? words(own) : id);
}
