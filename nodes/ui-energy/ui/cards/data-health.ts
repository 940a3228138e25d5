import type { CardState, Picture } from "../../picture.ts";
import { count, MISSING, three } from "../format.ts";
import { ago, nameOf } from "../i18n.ts";
import { language, nowMs, t } from "../shell.ts";
import { ageMs, isStale } from "../site.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { cardProps, empty, frame, icon } from "./card.ts";

/** Whether the numbers beside it can be believed: first a sentence, then the counts behind it. */
export const DataHealth = defineComponent({
	name: "DataHealth",
	props: cardProps,
	setup: (props) => () =>
		frame(
			"data-health",
			t("health.title"),
			null,
			props.state.picture ? body(props.state.picture, props.state) : empty(t("card.waiting")),
		),
});

function body(picture: Picture, { store }: CardState): VNodeChild {
	const { readingsPerS, rejectedPerMin, silent } = picture.flow;
	const age = ageMs(picture, nowMs.value);
	return [
		h("p", { class: "se-verdict", role: "status" }, verdict(picture, age)),
		h("dl", { class: "se-facts" }, [
			fact(t("health.last"), age === null ? MISSING : ago(language.value, age)),
			fact(t("health.rate"), three(readingsPerS), t("health.rate.unit")),
			fact(t("health.rejected"), count(rejectedPerMin), t("health.rejected.unit"), rejectedPerMin > 0),
			fact(t("health.silent"), count(silent.length), "", silent.length > 0),
			fact(t("health.quarantined"), store ? count(store.quarantined) : MISSING),
		]),
	];
}

/** What is so, what it means, what to do. */
function verdict(picture: Picture, age: number | null): VNodeChild[] {
	if (age === null) return [icon("warn", "warn"), t("health.never")];
	if (isStale(picture, nowMs.value))
		return [icon("stop", "alarm"), t("health.stopped", { age: ago(language.value, age) })];
	const { silent } = picture.flow;
	if (silent.length === 0) return [icon("ok", "good"), t("health.flowing")];
	const known = new Map(picture.machines.map((machine) => [machine.machine, machine]));
	const names = silent.map((id) => nameOf(known.get(id) ?? { machine: id, name: id }, language.value));
	const key = silent.length === 1 ? "health.silent.one" : "health.silent.many";
	return [icon("warn", "warn"), t(key, { n: silent.length, names: names.join(", ") })];
}

function fact(label: string, value: string, unit = "", warn = false): VNode {
	return h("div", { class: "se-fact" }, [
		h("dt", label),
		h("dd", [
			warn ? icon("warn", "warn") : null,
			h("span", { class: "se-num" }, value),
			unit ? h("span", { class: "se-unit" }, unit) : null,
		]),
	]);
}
