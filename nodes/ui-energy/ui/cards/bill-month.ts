import type { CostLine } from "../../../../lib/tariff/calculate-cost.ts";
import type { BillMessage } from "../../../../lib/tariff/messages-live.ts";
import type { CardState } from "../../picture.ts";
import { quantity, rate, rough } from "../format.ts";
import { language, nowMs, t, won } from "../shell.ts";
import { words } from "../tariff.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { dateTime, moment } from "../zone.ts";
import { big, cardProps, empty, frame, icon } from "./card.ts";

/** This month's bill as it grows, what it will come to, and what its demand charge is paid on. */
export const BillMonth = defineComponent({
	name: "BillMonth",
	props: cardProps,
	setup: (props) => () => frame("bill-month", title(props.state), remark(props.state), body(props)),
});

function title({ bill }: CardState): string {
	return bill ? t("bill.title.month", { month: monthName(bill.month) }) : t("bill.title");
}

/** `November 2026`, `2026년 11월`. */
export function monthName(month: string): string {
	const options = { year: "numeric", month: "long", timeZone: "UTC" } as const;
	return new Intl.DateTimeFormat(language.value, options).format(new Date(`${month}-01T00:00:00Z`));
}

function remark({ bill, picture }: CardState): VNodeChild {
	const zone = picture?.timeZone;
	if (!bill || !zone) return null;
	return h("span", { class: "se-remark" }, t("bill.as-of", { time: moment(Date.parse(bill.asOf), nowMs.value, zone) }));
}

function body({ state: { bill, picture }, editor }: { state: CardState; editor: string }): VNodeChild {
	if (!bill) return empty(t("bill.empty"), editor);
	return [
		big({ value: won(bill.totalKrw), unit: "" }),
		growth(bill),
		h("h3", { class: "se-subtitle" }, t("bill.demand")),
		demand(bill, picture?.timeZone ?? null),
		linesTable(bill.lines, bill.totalKrw),
		remarks(bill),
	];
}

/** So far against what the month will come to; the notch is how far the month has gone. */
function growth({ totalKrw, projectedTotalKrw, from, to, asOf }: BillMessage): VNodeChild {
	const start = Date.parse(from);
	const gone = Math.min(1, Math.max(0, (Date.parse(asOf) - start) / (Date.parse(to) - start)));
	if (projectedTotalKrw === null) return h("p", { class: "se-trend" }, t("bill.unprojected"));
	const share = projectedTotalKrw > 0 ? Math.min(1, Math.max(0, totalKrw / projectedTotalKrw)) : 0;
	return [
		h("p", { class: "se-trend" }, [h("span", t("bill.projected", { won: won(rough(projectedTotalKrw)) }))]),
		h("div", { class: "se-growth", "aria-hidden": "true" }, [
			h("div", { class: "se-growth-bar", style: { width: `${share * 100}%` } }),
			h("i", { class: "se-growth-now", style: { left: `${gone * 100}%` } }),
		]),
		h("p", { class: "se-note" }, [
			h("span", { class: "se-notch-sign" }),
			t("bill.gone", { percent: String(Math.round(gone * 100)) }),
		]),
	];
}

/** What the demand charge is paid on, which quarter-hour set it, and when it is forgotten. */
function demand(bill: BillMessage, zone: string | null): VNode {
	const { billingDemandKw, setBy, month, at, dropsOut, peakKw, peakAt } = bill.demand;
	const time = (iso: string): string => (zone ? dateTime(Date.parse(iso), zone) : iso);
	const exact = (kw: number): string => `${quantity(Math.round(kw * 10) / 10)} kW`;
	const origin =
		setBy === "floor"
			? t("bill.set-by.floor", { kw: exact(bill.contractKw) })
			: at
				? t("bill.set-by.at", { time: time(at) })
				: t("bill.set-by.month", { month: monthName(month ?? bill.month) });
	return h("dl", { class: "se-facts" }, [
		fact(t("bill.billing-demand"), exact(billingDemandKw)),
		fact(t("bill.set-by"), origin),
		fact(
			t("bill.drops-out"),
			setBy === "floor" ? t("bill.never") : dropsOut ? monthName(dropsOut) : t("bill.month-only"),
		),
		fact(t("bill.peak"), exact(peakKw), peakAt ? time(peakAt) : ""),
	]);
}

function fact(label: string, value: string, beside = ""): VNode {
	return h("div", { class: "se-fact se-fact-text" }, [
		h("dt", label),
		h("dd", { class: "se-num" }, [value, beside ? h("div", { class: "se-note" }, beside) : null]),
	]);
}

/** The lines as a bill has them: quantity × rate = amount, exact. */
function linesTable(lines: readonly CostLine[], totalKrw: number): VNode {
	const head = ["bill.line", "bill.quantity", "bill.amount"] as const;
	return h("table", { class: "se-lines", "aria-label": t("bill.lines") }, [
		h(
			"thead",
			h(
				"tr",
				head.map((key) => h("th", { key, scope: "col" }, t(key))),
			),
		),
		h(
			"tbody",
			lines
				.filter(({ quantity: amount, amountKrw }) => amount !== 0 || amountKrw !== 0)
				.map((line, i) =>
					h("tr", { key: `${line.id}-${i}` }, [
						h("th", { scope: "row" }, words(line.label)),
						h("td", { class: "se-num" }, product(line)),
						h("td", { class: "se-num" }, won(line.amountKrw)),
					]),
				),
		),
		h(
			"tfoot",
			h("tr", [h("th", { scope: "row" }, t("bill.total")), h("td"), h("td", { class: "se-num" }, won(totalKrw))]),
		),
	]);
}

/** `12,345 kWh × ₩131.2`; a share of a sum as `₩92,373,300 × 10 %`. */
function product({ unit, quantity: amount, rateKrw }: CostLine): string {
	if (unit === "KRW") return `${won(amount)} × ${quantity(rateKrw * 100)} %`;
	if (unit === "%") return `${quantity(amount)} % × ${won(rateKrw * 100)}`;
	const per = Number.isInteger(rateKrw) ? quantity(rateKrw) : rate(rateKrw);
	return `${quantity(amount)} ${t(unitKey(unit), {})} × ₩${per}`;
}

function unitKey(unit: string): "unit.kWh" | "unit.kW" | "unit.day" | "unit.month" {
	return unit === "kW" || unit === "day" || unit === "month" ? `unit.${unit}` : "unit.kWh";
}

/** What a reader of the bill must know, in the supplier's words. */
export function remarks({ warnings, final }: Pick<BillMessage, "warnings" | "final">): VNode | null {
	// A running month is in progress: the card says so itself.
	const told = warnings.filter(({ code }) => final || code !== "tariff.in-progress");
	if (told.length === 0) return null;
	return h("details", { class: "se-remarks" }, [
		h("summary", [icon("warn", "warn"), t(told.length === 1 ? "bill.remark" : "bill.remarks", { n: told.length })]),
		h(
			"ul",
			told.map(({ message }, i) => h("li", { key: i }, words(message))),
		),
	]);
}
