import type { MachineNow } from "../../../../lib/live/messages.ts";
import type { CardState } from "../../picture.ts";
import { swatch } from "../chart/chart.ts";
import { energy, MISSING, percent, power, text } from "../format.ts";
import { ago, lookup, nameOf } from "../i18n.ts";
import { language, nowMs, t, tone } from "../shell.ts";
import { places } from "../site.ts";
import { machineStyle } from "../theme.ts";
import { defineComponent, h, ref, type VNode, type VNodeChild, watch } from "../vue.ts";
import { cardProps, empty, frame, type Icon, icon } from "./card.ts";

/** The order follows the power at this pace, so that a row does not move from under a finger. */
const SORT_MS = 10_000;

const stateIcons: Record<string, Icon> = {
	off: "off",
	idle: "idle",
	starting: "up",
	running: "running",
	stopping: "down",
	fault: "fault",
};

/** By power; main meters, which repeat the total, come last, and before them what shows no power. */
function greaterFirst(a: MachineNow, b: MachineNow): number {
	if (a.role !== b.role) return a.role === "main" ? 1 : -1;
	return (b.powerKw ?? Number.NEGATIVE_INFINITY) - (a.powerKw ?? Number.NEGATIVE_INFINITY) || 0;
}

/** Each machine's power against its rating, the greatest first; a row opens to tell the rest. */
export const Machines = defineComponent({
	name: "Machines",
	props: cardProps,
	setup(props) {
		const order = ref<string[]>([]);
		const open = ref<string | null>(null);
		let sortedMs = 0;
		watch(
			() => props.state.picture,
			(picture) => {
				const machines = picture?.machines ?? [];
				if (order.value.length === machines.length && Date.now() - sortedMs < SORT_MS) return;
				sortedMs = Date.now();
				order.value = [...machines].sort(greaterFirst).map(({ machine }) => machine);
			},
			{ immediate: true },
		);
		const toggle = (id: string): void => {
			open.value = open.value === id ? null : id;
		};
		return () => {
			const machines = props.state.picture?.machines ?? [];
			const count = machines.filter(({ role }) => role === "sub").length;
			const remark = h("span", { class: "se-remark" }, count ? t("machines.count", { n: count }) : "");
			return frame(
				"machines",
				t("machines.title"),
				remark,
				list(props.state, order.value, open.value, toggle, props.editor),
			);
		};
	},
});

function list(
	{ picture }: CardState,
	order: readonly string[],
	open: string | null,
	toggle: (id: string) => void,
	editor: string,
): VNodeChild {
	if (!picture) return empty(t("card.waiting"));
	if (picture.machines.length === 0) return empty(t("machines.empty"), editor);
	const byId = new Map(picture.machines.map((machine) => [machine.machine, machine]));
	const place = places(picture);
	const rows = order.flatMap((id) => byId.get(id) ?? []);
	return h(
		"ul",
		{ class: "se-machines", tabindex: 0, "aria-label": t("machines.list") },
		rows.map((machine) => row(machine, place.get(machine.machine), open === machine.machine, toggle)),
	);
}

function row(machine: MachineNow, place: number | undefined, open: boolean, toggle: (id: string) => void): VNode {
	const name = nameOf(machine, language.value);
	const style = place === undefined ? null : machineStyle(place, tone.value);
	return h("li", { key: machine.machine, class: "se-machine" }, [
		h("button", { type: "button", class: "se-row", "aria-expanded": open, onClick: () => toggle(machine.machine) }, [
			h("span", { class: "se-row-name" }, [
				style ? swatch(style.colour, style.dash) : h("span", { class: "se-swatch" }),
				name,
			]),
			bar(machine),
			h(
				"span",
				{ class: ["se-row-power", "se-num", { "se-stale": machine.quality === "bad" }] },
				text(power(machine.powerKw)),
			),
			h("span", { class: "se-row-state" }, stateOf(machine)),
			h("span", { class: "se-row-today" }, t("machines.today", { energy: text(energy(machine.energyTodayKwh)) })),
		]),
		open ? details(machine) : null,
	]);
}

function stateOf({ state, quality, role, powerKw, ratedKw }: MachineNow): VNodeChild[] {
	const parts: VNodeChild[] = [];
	if (state) {
		const tone = state === "fault" ? "alarm" : "calm";
		parts.push(icon(stateIcons[state] ?? "off", tone), lookup(language.value, `state.${state}`) ?? state);
	} else if (role === "main") {
		parts.push(t("machines.main"));
	}
	if (quality !== "good") parts.push(sign(quality === "bad" ? "alarm" : "warn", t(`quality.${quality}`)));
	if (powerKw !== null && ratedKw && powerKw > ratedKw) parts.push(sign("warn", t("machines.over")));
	return parts;
}

function sign(tone: "warn" | "alarm", words: string): VNode {
	return h("span", { class: "se-row-sign" }, [icon("warn", tone), words]);
}

/** Power as a share of the rating; hatched where it is uncertain. */
function bar({ powerKw, ratedKw, quality }: MachineNow): VNode {
	const share = powerKw !== null && ratedKw ? Math.max(0, powerKw / ratedKw) : 0;
	const over = share > 1;
	return h("span", { class: ["se-bar", { "se-bar-none": !ratedKw }], "aria-hidden": "true" }, [
		h("span", {
			class: ["se-bar-fill", { "se-bar-over": over, "se-bar-hatched": quality !== "good" }],
			style: { width: `${(Math.min(1, share) * 100).toFixed(1)}%` },
		}),
	]);
}

function details({ powerKw, ratedKw, reason, time, powerFactor }: MachineNow): VNode {
	const lines: string[] = [];
	if (ratedKw && powerKw !== null) {
		const rated = text(power(ratedKw));
		lines.push(t("machines.rating", { percent: percent(powerKw / ratedKw), rated }));
	} else if (!ratedKw) {
		lines.push(t("machines.norating"));
	}
	if (powerFactor !== null) lines.push(`cos φ ${powerFactor.toFixed(2)}`);
	if (reason) lines.push(lookup(language.value, `reason.${reason}`) ?? reason);
	lines.push(`${t("health.last")}: ${time ? ago(language.value, nowMs.value - Date.parse(time)) : MISSING}`);
	return h("p", { class: "se-details" }, lines.join(" · "));
}
