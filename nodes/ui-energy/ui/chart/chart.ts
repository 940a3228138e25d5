import { computed, defineComponent, h, onBeforeUnmount, onMounted, type PropType, ref, type VNode } from "../vue.ts";
import { moment } from "../zone.ts";
import { type ChartModel, type Drawing, layOut, readAt } from "./model.ts";

/** How far from the read instant a line's own point may lie, as a share of the window. */
const REACH = 1 / 240;

/**
 * A chart over time. The readout of all lines follows touch, pointer and the arrow keys: to assistive technology the
 * chart is a slider over time whose value is that reading.
 */
export const TimeChart = defineComponent({
	name: "TimeChart",
	props: {
		model: { type: Object as PropType<ChartModel>, required: true },
		/** A value with its unit, as axis and readout show it. */
		show: { type: Function as PropType<(value: number | null) => string>, required: true },
		unit: { type: String, required: true },
		nowLabel: { type: String, required: true },
		/** What the slider is, for assistive technology. */
		label: { type: String, required: true },
	},
	setup(props) {
		const root = ref<HTMLElement | null>(null);
		const width = ref(0);
		const height = ref(0);
		const cursorMs = ref<number | null>(null);
		const observer = new ResizeObserver(([entry]) => {
			if (!entry) return;
			width.value = Math.round(entry.contentRect.width);
			height.value = Math.round(entry.contentRect.height);
		});
		onMounted(() => root.value && observer.observe(root.value));
		onBeforeUnmount(() => observer.disconnect());

		const drawing = computed(() =>
			width.value > 0 && height.value > 0 ? layOut(props.model, width.value, height.value) : null,
		);
		const reading = computed(() => {
			if (cursorMs.value === null) return null;
			return readAt(props.model, cursorMs.value, (props.model.toMs - props.model.fromMs) * REACH);
		});

		function point(event: PointerEvent): void {
			const box = root.value?.getBoundingClientRect();
			if (!drawing.value || !box) return;
			const ms = drawing.value.x.invert(event.clientX - box.left);
			cursorMs.value = Math.min(props.model.toMs, Math.max(props.model.fromMs, ms));
		}

		function key(event: KeyboardEvent): void {
			const { fromMs, toMs } = props.model;
			const from = cursorMs.value ?? toMs;
			const step = (toMs - fromMs) / 96;
			const target: Record<string, number | null> = {
				ArrowLeft: from - step,
				ArrowDown: from - step,
				ArrowRight: from + step,
				ArrowUp: from + step,
				PageDown: from - 4 * step,
				PageUp: from + 4 * step,
				Home: fromMs,
				End: toMs,
				Escape: null,
			};
			const ms = target[event.key];
			if (ms === undefined) return;
			event.preventDefault();
			cursorMs.value = ms === null ? null : Math.min(toMs, Math.max(fromMs, ms));
		}

		const spoken = computed(() => {
			const now = reading.value;
			if (!now) return "";
			const at = moment(now.ms, props.model.nowMs, props.model.zone);
			return `${at}: ${now.readings.map(({ line, value }) => `${line.label} ${props.show(value)}`).join(", ")}`;
		});

		return () => {
			const { fromMs, toMs } = props.model;
			return h(
				"div",
				{
					ref: root,
					class: "se-chart",
					tabindex: 0,
					role: "slider",
					"aria-label": props.label,
					"aria-valuemin": fromMs,
					"aria-valuemax": toMs,
					"aria-valuenow": Math.round(reading.value?.ms ?? toMs),
					"aria-valuetext": spoken.value || props.label,
					onPointermove: point,
					onPointerdown: point,
					onPointerleave: (event: PointerEvent) => {
						if (event.pointerType === "mouse") cursorMs.value = null;
					},
					onKeydown: key,
					onBlur: () => {
						cursorMs.value = null;
					},
				},
				drawing.value ? [plot(drawing.value, props, reading.value?.ms ?? null), readout()] : [],
			);
		};

		function readout(): VNode | null {
			const now = reading.value;
			if (!now || !drawing.value) return null;
			const x = drawing.value.x(now.ms);
			const left = x > width.value / 2;
			const rows = [...now.readings].sort((a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity));
			return h(
				"div",
				{ class: "se-readout", style: left ? { right: `${width.value - x + 12}px` } : { left: `${x + 12}px` } },
				[
					h("div", { class: "se-readout-time" }, moment(now.ms, props.model.nowMs, props.model.zone)),
					...rows.map(({ line, value }) =>
						h("div", { class: "se-readout-row", key: line.id }, [
							swatch(line.colour, line.dash),
							h("span", { class: "se-readout-name" }, line.label),
							h("span", { class: "se-num" }, props.show(value)),
						]),
					),
				],
			);
		}
	},
});

/** A short piece of a line: what stands for it in a legend, a readout or a list. */
export function swatch(colour: string, dash = ""): VNode {
	return h("svg", { class: "se-swatch", width: 18, height: 8, "aria-hidden": "true" }, [
		h("line", {
			x1: 1,
			x2: 17,
			y1: 4,
			y2: 4,
			stroke: colour,
			"stroke-width": 3,
			"stroke-dasharray": dash || undefined,
		}),
	]);
}

interface PlotProps {
	model: ChartModel;
	show: (value: number | null) => string;
	unit: string;
	nowLabel: string;
}

function plot(d: Drawing, props: PlotProps, cursorMs: number | null): VNode {
	return h("svg", { class: "se-plot", "aria-hidden": "true" }, [
		...background(d),
		...axes(d, props),
		...d.bands.map(({ band, path }) => h("path", { key: band.id, d: path, fill: band.colour, "fill-opacity": 0.15 })),
		...d.lines.map(({ line, path }) =>
			h("path", {
				key: line.id,
				class: "se-line",
				d: path,
				stroke: line.colour,
				"stroke-width": line.weight ?? 1.5,
				"stroke-dasharray": line.dash || undefined,
			}),
		),
		...limits(d),
		...d.labels.map(({ line, y, anchorX, anchorY }) =>
			h("g", { key: line.id }, [
				h("path", { class: "se-leader", d: `M${anchorX + 2} ${anchorY}L${d.box.right + 8} ${y}`, stroke: line.colour }),
				h("text", { class: "se-end", x: d.box.right + 12, y: y + 4, fill: line.colour }, shorten(line.label)),
			]),
		),
		cursorMs === null ? null : h("path", { class: "se-cursor", d: `M${d.x(cursorMs)} ${d.box.top}V${d.box.bottom}` }),
	]);
}

function background({ shades, future, box }: Drawing): VNode[] {
	const bands = shades.map(({ shade, x, width }) =>
		h("g", { key: shade.fromMs }, [
			h("rect", { class: `se-shade-${shade.level}`, x, width, y: box.top, height: box.bottom - box.top }),
			h(
				"text",
				{ class: "se-tick", x: x + width / 2, y: box.top - 8, "text-anchor": "middle" },
				fits(shade.label, width),
			),
		]),
	);
	if (!future) return bands;
	const { top, bottom } = box;
	return [...bands, h("rect", { class: "se-future", x: future.x, width: future.width, y: top, height: bottom - top })];
}

/** A name where there is room for it: a letter of the small size takes some 7 pixels, a Korean one some 12. */
function fits(label: string, width: number): string {
	const letters = [...label].reduce((sum, letter) => sum + (letter > "\u2e7f" ? 12 : 7), 0);
	return letters + 4 <= width ? label : "";
}

function axes(d: Drawing, { unit, nowLabel }: PlotProps): VNode[] {
	const { box } = d;
	const parts: VNode[] = d.yTicks.map((value) =>
		h("g", { key: `y${value}` }, [
			h("path", { class: value === 0 ? "se-zero" : "se-grid", d: `M${box.left} ${d.y(value)}H${box.right}` }),
			h(
				"text",
				{ class: "se-tick", x: box.left - 8, y: d.y(value) + 4, "text-anchor": "end" },
				value.toLocaleString("en-US"),
			),
		]),
	);
	parts.push(h("text", { class: "se-tick", x: box.left + 4, y: box.top + 14 }, unit));
	for (const tick of d.xTicks) {
		const x = d.x(tick.ms);
		parts.push(
			h("path", {
				key: `x${tick.ms}`,
				class: tick.day ? "se-day" : "se-notch",
				d: `M${x} ${tick.day ? box.top : box.bottom}V${box.bottom + 4}`,
			}),
		);
		if (x > box.left + 12 && x < box.right - 4) {
			parts.push(
				h(
					"text",
					{ class: tick.day ? "se-tick se-tick-day" : "se-tick", x, y: box.bottom + 20, "text-anchor": "middle" },
					tick.label,
				),
			);
		}
	}
	if (d.nowX !== null) {
		parts.push(h("path", { class: "se-now", d: `M${d.nowX} ${box.top}V${box.bottom}` }));
		parts.push(
			h("text", { class: "se-tick se-tick-now", x: d.nowX - 4, y: box.top + 14, "text-anchor": "end" }, nowLabel),
		);
	}
	return parts;
}

function limits(d: Drawing): VNode[] {
	return d.limits.map(({ limit, y }) =>
		h("g", { key: limit.label }, [
			h("path", { class: "se-limit", d: `M${d.box.left} ${y}H${d.box.right}` }),
			h(
				"text",
				// Clear of the unit at the left, and of the names of shades above the plot.
				{
					class: "se-tick se-tick-limit",
					x: d.box.right - 8,
					y: y - d.box.top < 16 ? y + 14 : y - 4,
					"text-anchor": "end",
				},
				limit.label,
			),
		]),
	);
}

function shorten(label: string): string {
	return label.length > 16 ? `${label.slice(0, 15)}…` : label;
}
