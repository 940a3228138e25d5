import type { CardState, Line, Load } from "../../picture.ts";
import { TOTAL } from "../../picture.ts";
import { swatch, TimeChart } from "../chart/chart.ts";
import type { ChartLine, ChartModel } from "../chart/model.ts";
import { power, text } from "../format.ts";
import { nameOf } from "../i18n.ts";
import { language, nowMs, t, tone } from "../shell.ts";
import { places } from "../site.ts";
import { shadesOf } from "../steps.ts";
import { bandName } from "../tariff.ts";
import { machineStyle } from "../theme.ts";
import { computed, defineComponent, h, ref, type VNode } from "../vue.ts";
import { cardProps, empty, frame } from "./card.ts";

/** As many machines as an eye can keep apart. */
const MOST = 8;
/** How many are drawn before the reader chose: the greatest. */
const AT_FIRST = 3;
const DRAWN_KEY = "smart-energy.load-24h";

interface Choice {
	id: string;
	label: string;
	colour: string;
	dash: string;
	line: Line;
}

function readDrawn(): string[] | null {
	try {
		const saved: unknown = JSON.parse(window.localStorage.getItem(DRAWN_KEY) ?? "null");
		return Array.isArray(saved) ? saved.filter((id) => typeof id === "string") : null;
	} catch {
		return null;
	}
}

function writeDrawn(ids: readonly string[]): void {
	try {
		window.localStorage.setItem(DRAWN_KEY, JSON.stringify(ids));
	} catch {
		// Storage is refused: the choice lasts as long as the tab.
	}
}

/** The site's load and that of chosen machines over the last 24 hours. */
export const Load24h = defineComponent({
	name: "Load24h",
	props: cardProps,
	setup(props) {
		/** Machines the reader chose; null until they did. */
		const drawn = ref<string[] | null>(readDrawn());
		const choices = computed(() => (props.state.load ? choicesOf(props.state, props.state.load) : []));
		const shown = computed(() => {
			const wanted = drawn.value ?? greatest(choices.value);
			return choices.value.filter(({ id }) => id === TOTAL || wanted.includes(id));
		});
		const model = computed<ChartModel | null>(() => {
			const { load, picture, price } = props.state;
			if (!load) return null;
			return {
				fromMs: load.fromMs,
				toMs: load.toMs,
				zone: picture?.timeZone ?? "UTC",
				nowMs: Math.min(load.toMs, nowMs.value),
				lines: shown.value.map(lineOf),
				shades: price ? shadesOf(price, load.fromMs, load.toMs, (band) => bandName(price.bands, band)) : [],
			};
		});
		function toggle(id: string): void {
			const now = shown.value.map((choice) => choice.id).filter((other) => other !== TOTAL);
			drawn.value = now.includes(id) ? now.filter((other) => other !== id) : [...now, id];
			writeDrawn(drawn.value);
		}
		return () => {
			const title = t("load.title");
			if (!props.state.load && !props.state.picture) return frame("load-24h", title, null, empty(t("card.waiting")));
			const some = choices.value.some(({ line }) => line.values.some((value) => value !== null));
			if (!model.value || !some) return frame("load-24h", title, null, empty(t("load.empty"), props.editor));
			return frame("load-24h", title, null, [
				h(TimeChart, {
					model: model.value,
					show: (value: number | null) => text(power(value)),
					unit: "kW",
					nowLabel: t("load.now"),
					label: `${title}. ${t("load.cursor")}`,
				}),
				legend(choices.value, shown.value, toggle),
			]);
		};
	},
});

function lineOf({ id, label, colour, dash, line }: Choice): ChartLine {
	return { id, label, colour, dash, weight: id === TOTAL ? 2.5 : 1.5, times: line.times, values: line.values };
}

/** Every line that could be drawn, the total first, then in the order of the site. */
function choicesOf({ picture }: CardState, { lines }: Load): Choice[] {
	const place = places(picture);
	const known = new Map((picture?.machines ?? []).map((machine) => [machine.machine, machine]));
	const machines = lines.filter(({ machine }) => machine !== TOTAL && known.get(machine)?.role !== "main");
	const total = lines.find(({ machine }) => machine === TOTAL);
	const choices = machines.map((line, i) => {
		const style = machineStyle(place.get(line.machine) ?? i, tone.value);
		const machine = known.get(line.machine) ?? { machine: line.machine, name: "" };
		return { id: line.machine, label: nameOf(machine, language.value), ...style, line };
	});
	return total
		? [{ id: TOTAL, label: t("load.total"), colour: "var(--se-ink)", dash: "", line: total }, ...choices]
		: choices;
}

function greatest(choices: readonly Choice[]): string[] {
	const mean = ({ line }: Choice): number => {
		const values = line.values.filter((value) => value !== null);
		return values.reduce((sum, value) => sum + value, 0) / (values.length || 1);
	};
	return choices
		.filter(({ id }) => id !== TOTAL)
		.map((choice) => ({ id: choice.id, kw: mean(choice) }))
		.sort((a, b) => b.kw - a.kw)
		.slice(0, AT_FIRST)
		.map(({ id }) => id);
}

/** The lines by name; a machine's is turned on and off here. */
function legend(choices: readonly Choice[], shown: readonly Choice[], toggle: (id: string) => void): VNode {
	const on = new Set(shown.map(({ id }) => id));
	const full = shown.filter(({ id }) => id !== TOTAL).length >= MOST;
	return h("div", { class: "se-legend", role: "group", "aria-label": t("load.machines") }, [
		...choices.map(({ id, label, colour, dash }) =>
			id === TOTAL
				? h("span", { key: id, class: "se-chip se-chip-fixed" }, [swatch(colour, dash), label])
				: h(
						"button",
						{
							key: id,
							type: "button",
							class: "se-chip",
							"aria-pressed": on.has(id),
							disabled: full && !on.has(id),
							title: full && !on.has(id) ? t("load.most") : undefined,
							onClick: () => toggle(id),
						},
						[swatch(on.has(id) ? colour : "var(--se-faint)", dash), label],
					),
		),
		full ? h("p", { class: "se-note" }, t("load.most")) : null,
	]);
}
