import type { MachineEfficiencyNow, WireEfficiency } from "../../../../lib/efficiency/wire.ts";
import type { CardState } from "../../picture.ts";
import { energy, MISSING, percent, text, three } from "../format.ts";
import { nameOf } from "../i18n.ts";
import { language, t } from "../shell.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { cardProps, empty, frame, icon } from "./card.ts";

/** How well each machine uses its energy, against the tenth of its own hours that were best; the worst comes first. */
export const Efficiency = defineComponent({
	name: "Efficiency",
	props: cardProps,
	setup: (props) => () => frame("efficiency", t("efficiency.title"), remark(props.state), body(props.state)),
});

function remark({ efficiency }: CardState): VNodeChild {
	return efficiency ? h("span", { class: "se-remark" }, t("efficiency.what")) : null;
}

function body(state: CardState): VNodeChild {
	const { efficiency } = state;
	if (!efficiency) return empty(t("card.waiting"));
	const mains = new Set(state.picture?.machines.filter(({ role }) => role === "main").map(({ machine }) => machine));
	const items = efficiency.items.filter(({ machine }) => !mains.has(machine));
	if (items.length === 0) return empty(t("efficiency.waiting"));
	return [
		facts(efficiency),
		h(
			"ul",
			{ class: "se-effs", "aria-label": t("efficiency.list") },
			items.map((item) => row(item, efficiency.threshold, state)),
		),
		h("p", { class: "se-note" }, [
			h("span", { class: "se-notch-sign" }),
			t("efficiency.threshold", { percent: percent(efficiency.threshold) }),
		]),
	];
}

const share = (value: number | null): string => (value === null ? MISSING : percent(value));

function facts({ total }: WireEfficiency): VNode {
	const fact = (label: string, value: string): VNode =>
		h("div", { class: "se-fact" }, [h("dt", label), h("dd", { class: "se-num" }, value)]);
	return h("dl", { class: "se-facts se-eff-facts" }, [
		fact(t("efficiency.site"), share(total.efficiency)),
		fact(t("efficiency.idle"), share(total.idleShare)),
		fact(t("efficiency.load-factor"), share(total.loadFactor)),
		fact(t("efficiency.power-factor"), total.powerFactor === null ? MISSING : total.powerFactor.toFixed(2)),
		fact(t("efficiency.energy"), text(energy(total.energyKwh))),
	]);
}

function row(item: MachineEfficiencyNow, threshold: number, { picture }: CardState): VNode {
	const { machine, efficiency, below } = item;
	const known = picture?.machines.find((each) => each.machine === machine);
	return h("li", { key: machine, class: "se-eff" }, [
		h("span", { class: "se-row-name" }, nameOf(known ?? { machine, name: machine }, language.value)),
		h("span", { class: ["se-eff-track", { "se-bar-none": efficiency === null }], "aria-hidden": "true" }, [
			h("span", {
				class: ["se-bar-fill", { "se-bar-over": below }],
				style: { width: `${((efficiency ?? 0) * 100).toFixed(1)}%` },
			}),
			efficiency === null ? null : h("span", { class: "se-eff-notch", style: { left: `${threshold * 100}%` } }),
		]),
		h("span", { class: "se-row-power se-num" }, [below ? icon("warn", "warn") : null, share(efficiency)]),
		h("span", { class: "se-row-state se-eff-why" }, why(item)),
	]);
}

/** By what it is judged, and what goes with it. */
function why({
	basis,
	reason,
	specificEnergyKwh,
	usefulShare,
	idleShare,
	powerFactor,
	loadFactor,
}: MachineEfficiencyNow) {
	const parts: string[] = [];
	const { value, best } = specificEnergyKwh;
	if (basis === null) parts.push(t(reason === "idle" ? "efficiency.idle.now" : `efficiency.${reason ?? "no-data"}`));
	if (basis === "specificEnergy" && value !== null && best !== null)
		parts.push(t("efficiency.specific", { value: three(value), best: three(best) }));
	if (basis === "usefulShare" && usefulShare.best !== null)
		parts.push(t("efficiency.useful", { value: share(usefulShare.value), best: share(usefulShare.best) }));
	if (idleShare !== null) parts.push(t("efficiency.idle-of", { percent: percent(idleShare) }));
	if (loadFactor !== null) parts.push(t("efficiency.load-of", { percent: percent(loadFactor) }));
	if (powerFactor.value !== null) parts.push(`cos φ ${powerFactor.value.toFixed(2)}`);
	return parts.join(" · ");
}
