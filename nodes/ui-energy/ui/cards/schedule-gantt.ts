import type { CardState } from "../../picture.ts";
import { type Buttons, useActing } from "../schedule/acting.ts";
import { chartOf, type Drawn } from "../schedule/chart.ts";
import { detailsOf } from "../schedule/details.ts";
import { barAt, type GanttBar, type GanttRow, layOut, neighbour } from "../schedule/layout.ts";
import {
	bandsIn,
	bandTitle,
	fromTo,
	jobTitle,
	machineTitle,
	minuteMs,
	operationSigns,
	type Shown,
	say,
	selected,
	shownOf,
	stateName,
	statusName,
	which,
} from "../schedule/shared.ts";
import { changesOf, energyOf } from "../schedule/words.ts";
import { t, won } from "../shell.ts";
import { places } from "../site.ts";
import { computed, defineComponent, h, onBeforeUnmount, ref, type VNode, type VNodeChild, watch } from "../vue.ts";
import { cardProps, empty, frame, icon } from "./card.ts";
import { bandSign } from "./price-now.ts";

/** Which machine does what when, over the bands of the tariff, with the site's load against its cap below. */
export const ScheduleGantt = defineComponent({
	name: "ScheduleGantt",
	props: cardProps,
	setup(props) {
		const buttons = useActing();
		const scroller = ref<HTMLElement | null>(null);
		const width = ref(0);
		/** The bar that Tab leads to. */
		const current = ref<string | null>(null);
		const readMs = ref<number | null>(null);
		const tableOpen = ref(false);
		const observer = new ResizeObserver(([entry]) => {
			if (entry) width.value = Math.floor(entry.contentRect.width);
		});
		watch(scroller, (element, before) => {
			if (before) observer.unobserve(before);
			if (element) observer.observe(element);
		});
		onBeforeUnmount(() => observer.disconnect());

		const coarse = window.matchMedia("(pointer: coarse)").matches;
		const drawn = computed<Drawn | null>(() => {
			const shown = shownOf(props.state);
			if (!shown) return null;
			const { board, plan, before } = shown;
			const bands = bandsIn(props.state, plan);
			const namesPx = width.value < 640 ? 104 : 148;
			const layout = layOut(
				{ plan, machines: board.machines, frozenUntil: board.frozenUntil, bands },
				{
					...{ zone: board.timeZone, nowMs: minuteMs.value, widthPx: Math.max(160, width.value - namesPx) },
					...{ hourPx: 40, lanePx: coarse ? 48 : 32, loadPx: 136 },
				},
			);
			return {
				...{ shown, layout, namesPx, bands, changes: changesOf(plan, before) },
				place: places(props.state.picture),
			};
		});
		const tabStop = computed<string | null>(() => {
			const bars = drawn.value?.layout.bars ?? [];
			const wanted = [current.value, selected.value].find((key) => bars.some((bar) => bar.key === key));
			return wanted ?? bars.find(({ toMs }) => toMs > minuteMs.value)?.key ?? bars[0]?.key ?? null;
		});

		// A chart wider than its card opens where now is.
		let scrolled = false;
		watch([drawn, width], () => {
			const nowX = drawn.value?.layout.nowX;
			if (scrolled || !scroller.value || width.value === 0 || nowX === null || nowX === undefined) return;
			scrolled = true;
			scroller.value.scrollLeft = Math.max(0, nowX - 48);
		});

		function focus(bar: GanttBar): void {
			current.value = bar.key;
			scroller.value?.querySelector<HTMLElement>(`[data-op="${CSS.escape(bar.key)}"]`)?.focus();
		}
		const choose = (bar: GanttBar): void => {
			current.value = bar.key;
			selected.value = selected.value === bar.key ? null : bar.key;
			buttons.confirm(null);
		};
		const handlers = {
			choose,
			key(bar: GanttBar, event: KeyboardEvent): void {
				if (event.key === "Escape") selected.value = null;
				const to = drawn.value && neighbour(drawn.value.layout, bar, event.key);
				if (!to) return;
				event.preventDefault();
				focus(to);
			},
			/** A finger that missed a narrow bar meant the nearest one. */
			track(row: GanttRow, x: number): void {
				const bar = barAt(row, x, 24);
				if (bar) choose(bar);
			},
			read(ms: number | null): void {
				readMs.value = ms;
			},
		};
		return () => {
			const title = t("schedule.gantt.title");
			if (!drawn.value) {
				const words = t(props.state.schedule ? "schedule.gantt.empty" : "schedule.waiting");
				return frame("schedule-gantt", title, null, empty(words));
			}
			const { shown, layout } = drawn.value;
			const bar = layout.bars.find(({ key }) => key === selected.value);
			return frame("schedule-gantt", title, choice(shown), [
				legend(props.state, drawn.value),
				h(
					"div",
					{
						ref: scroller,
						class: "se-gantt",
						role: "group",
						"aria-label": t("schedule.gantt.keys"),
						style: { scrollPaddingLeft: `${drawn.value.namesPx}px` },
					},
					width.value > 0
						? chartOf(drawn.value, { tabStop: tabStop.value, readMs: readMs.value, state: props.state }, handlers)
						: [],
				),
				bar ? detailsOf(props.state, drawn.value, bar, buttons) : hint(buttons),
				table(props.state, drawn.value, tableOpen.value, () => {
					tableOpen.value = !tableOpen.value;
				}),
			]);
		};
	},
});

const hint = ({ acting }: Buttons): VNode =>
	h("p", { class: "se-note" }, t(acting.value.may ? "schedule.gantt.hint" : "schedule.gantt.hint.viewer"));

/** Where there are two plans, which one is shown. */
function choice({ both, board }: Shown): VNodeChild {
	if (!both) return null;
	const one = (of: "proposed" | "current"): VNode =>
		h(
			"button",
			{
				type: "button",
				class: "se-chip se-choice",
				"aria-pressed": which.value === of,
				onClick: () => {
					which.value = of;
				},
			},
			t("schedule.show.of", { status: board[of] ? statusName(board[of]) : "", n: board[of]?.version ?? "" }),
		);
	return h("div", { class: "se-legend", role: "group", "aria-label": t("schedule.show") }, [
		one("proposed"),
		one("current"),
	]);
}

/** What the greys, shapes and signs mean: only those that are to be seen. */
function legend(state: CardState, { bands, layout, changes }: Drawn): VNode {
	const known = bands.map((band) => ({ band, name: { "en-US": band, ko: band } }));
	const states = [...new Set(layout.bars.map(({ operation }) => operation.state))];
	const item = (key: string, sign: VNode, name: string): VNode => h("li", { key }, [sign, name]);
	return h("ul", { class: "se-gantt-legend", "aria-label": t("schedule.legend") }, [
		...bands.map((band) => item(band, bandSign({ bands: known }, band), bandTitle(state, band))),
		...states.map((one) =>
			item(
				one,
				one === "planned" ? h("span", { class: "se-planned-sign" }) : icon(...operationSigns[one]),
				stateName(one),
			),
		),
		layout.bars.some(({ operation }) => operation.pinned) ? item("pin", icon("pin"), t("schedule.pinned")) : null,
		changes.moved.size > 0 ? item("moved", icon("moved"), t("schedule.legend.moved")) : null,
		layout.frozen ? item("frozen-window", h("span", { class: "se-hatch" }), t("schedule.legend.frozen")) : null,
		layout.rows.some(({ closed }) => closed.length > 0)
			? item("closed", h("span", { class: "se-hatch se-hatch-closed" }), t("schedule.legend.closed"))
			: null,
	]);
}

/** The same as a table, for readers and for whoever wants figures. */
function table(state: CardState, { shown, layout, changes }: Drawn, open: boolean, toggle: () => void): VNode {
	const { board, plan } = shown;
	const bands = bandsIn(state, plan);
	return h(
		"details",
		{
			class: "se-remarks",
			open,
			onToggle: (event: Event) => {
				if ((event.target as HTMLDetailsElement).open !== open) toggle();
			},
		},
		[
			h("summary", t("schedule.table", { n: layout.bars.length })),
			open
				? h("div", { class: "se-table", tabindex: 0, role: "group", "aria-label": t("schedule.table.of") }, [
						h("table", { class: "se-lines" }, [
							h("thead", [
								h("tr", [
									h("th", { scope: "col" }, t("schedule.machine")),
									h("th", { scope: "col" }, t("schedule.job")),
									h("th", { scope: "col" }, t("schedule.when")),
									h("th", { scope: "col" }, t("schedule.where-it-stands")),
									h("th", { scope: "col" }, t("schedule.cost")),
									h("th", { scope: "col" }, t("schedule.reason")),
								]),
							]),
							h(
								"tbody",
								layout.bars.map(({ key, operation }) =>
									h("tr", { key }, [
										h("th", { scope: "row" }, machineTitle(board, operation.machine)),
										h("td", jobTitle(board, operation)),
										h("td", { class: "se-num" }, fromTo(operation.start, operation.end, board)),
										h("td", [
											stateName(operation.state),
											changes.moved.has(key) ? `, ${t("schedule.legend.moved")}` : "",
										]),
										h(
											"td",
											{
												class: "se-num",
												title: energyOf(operation, plan, bands)
													.map(({ band, krw }) => `${bandTitle(state, band)} ${won(krw)}`)
													.join(", "),
											},
											won(operation.costKrw),
										),
										h("td", { class: "se-reason" }, say(operation.reason.text)),
									]),
								),
							),
						]),
					])
				: null,
		],
	);
}
