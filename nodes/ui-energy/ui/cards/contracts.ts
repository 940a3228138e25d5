import type { AdviceAnswer, Compared } from "../../../../lib/cost/advice.ts";
import type { CardState } from "../../picture.ts";
import { count, rough } from "../format.ts";
import { t, won } from "../shell.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { cardProps, empty, frame, icon } from "./card.ts";

const kinds = ["option", "version", "contract-demand"] as const;

/** What the same load costs a year under another option, another version of the tariff, another contract demand. */
export const Contracts = defineComponent({
	name: "Contracts",
	props: cardProps,
	setup: (props) => () => frame("contracts", t("contracts.title"), remark(props.state), body(props.state)),
});

function remark({ advice }: CardState): VNodeChild {
	if (!advice) return null;
	const { tariff, contractKw, yearKrw } = advice;
	const now = { option: optionOf(tariff), kw: count(contractKw), won: won(rough(yearKrw)) };
	return h("span", { class: "se-remark" }, t("contracts.now", now));
}

function body({ advice }: CardState): VNodeChild {
	if (!advice) return empty(t("advice.empty"));
	return h(
		"div",
		{ class: "se-contracts" },
		kinds.map((by) => group(advice, by)),
	);
}

/** Bars of one group share their scale: to the left of the middle cheaper than now, to the right dearer. */
function group({ compared }: AdviceAnswer, by: Compared["by"]): VNode | null {
	const rows = compared.filter((row) => row.by === by);
	if (rows.length === 0) return null;
	const most = Math.max(1, ...rows.map(({ moreKrw }) => Math.abs(moreKrw)));
	return h("section", { key: by }, [
		h("h3", { class: "se-subtitle" }, t(`contracts.${by}`)),
		h(
			"dl",
			rows.map((row) => line(row, most)),
		),
	]);
}

function line(row: Compared, most: number): VNode {
	const { moreKrw } = row;
	const half = (Math.abs(moreKrw) / most) * 50;
	const style = moreKrw < 0 ? { right: "50%", width: `${half}%` } : { left: "50%", width: `${half}%` };
	const same = moreKrw === 0;
	return h("div", { key: `${row.tariff} ${row.version} ${row.contractKw}`, class: "se-contract" }, [
		h("dt", nameOf(row)),
		h("dd", { class: "se-contract-track", "aria-hidden": "true" }, [
			h("span", { class: ["se-contract-bar", { "se-contract-less": moreKrw < 0 }], style }),
		]),
		h("dd", { class: "se-num se-band-won", title: t("contracts.year", { won: won(row.yearKrw) }) }, [
			same ? null : icon(moreKrw < 0 ? "down" : "up", moreKrw < 0 ? "good" : "calm"),
			same ? t("contracts.same") : `${moreKrw > 0 ? "+" : ""}${won(rough(moreKrw))}`,
		]),
	]);
}

function nameOf({ by, tariff, version, contractKw }: Compared): string {
	if (by === "option") return t("contracts.option-of", { option: optionOf(tariff) });
	if (by === "version") return version ?? "";
	return `${count(contractKw)} kW`;
}

const optionOf = (tariff: string): string => tariff.slice(tariff.lastIndexOf("/") + 1);
