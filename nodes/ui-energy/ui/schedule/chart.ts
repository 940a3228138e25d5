import type { CardState } from "../../picture.ts";
import { icon } from "../cards/card.ts";
import { power, text } from "../format.ts";
import { t, tone, won } from "../shell.ts";
import { machineStyle } from "../theme.ts";
import { h, type VNode } from "../vue.ts";
import { clock, moment } from "../zone.ts";
import type { GanttBar, GanttLayout, GanttRow } from "./layout.ts";
import {
	bandTitle,
	fromTo,
	jobTitle,
	machineTitle,
	operationSigns,
	type Shown,
	selected,
	stateName,
} from "./shared.ts";
import type { Changes } from "./words.ts";

/** A plan as it is drawn. */
export interface Drawn {
	shown: Shown;
	layout: GanttLayout;
	/** Width of the column of names. */
	namesPx: number;
	bands: readonly string[];
	changes: Changes;
	/** Place of a machine in its site: its colour. */
	place: ReadonlyMap<string, number>;
}

export interface Looking {
	tabStop: string | null;
	/** The instant that the load is read at. */
	readMs: number | null;
	state: CardState;
}

export interface Handlers {
	choose(bar: GanttBar): void;
	key(bar: GanttBar, event: KeyboardEvent): void;
	track(row: GanttRow, x: number): void;
	read(ms: number | null): void;
}

const HEAD = 44;
const GAP = 20;
const LOAD = 136;

export function chartOf(drawn: Drawn, looking: Looking, handlers: Handlers): VNode {
	const { layout, namesPx } = drawn;
	const height = HEAD + layout.height + GAP + LOAD;
	// The lowest label of the axis reaches below its line.
	const whole = height + 10;
	return h("div", { class: "se-gantt-body", style: { width: `${namesPx + layout.width}px`, height: `${whole}px` } }, [
		names(drawn),
		h("div", { class: "se-gantt-plot", style: { left: `${namesPx}px`, width: `${layout.width}px` } }, [
			background(drawn, looking, height),
			...layout.rows.map((row) => track(row, handlers)),
			...layout.bars.map((bar) => barOf(drawn, bar, looking, handlers)),
			load(drawn, looking, handlers),
		]),
	]);
}

/** Machines, and the axis of the load: they stay where the chart scrolls beneath them. */
function names({ layout, namesPx, shown, place }: Drawn): VNode {
	const { board } = shown;
	const below = HEAD + layout.height + GAP;
	return h("div", { class: "se-gantt-names", style: { width: `${namesPx}px` } }, [
		...layout.rows.map(({ machine, top, height }) => {
			const { colour } = machineStyle(place.get(machine) ?? 0, tone.value);
			const down = board.machines.find(({ id }) => id === machine)?.down ?? false;
			const name = machineTitle(board, machine);
			return h(
				"div",
				{ key: machine, class: "se-gantt-name", style: { top: `${HEAD + top}px`, height: `${height}px` }, title: name },
				[
					h("span", { class: "se-gantt-colour", style: { background: colour } }),
					h("span", { class: "se-gantt-machine" }, [
						name,
						down ? h("span", { class: "se-gantt-down" }, [icon("fault", "alarm"), t("schedule.down")]) : null,
					]),
				],
			);
		}),
		h("div", { class: "se-gantt-name se-gantt-axis", style: { top: `${below}px`, height: `${LOAD}px` } }, [
			h("span", { class: "se-gantt-load-name" }, t("schedule.load")),
			...layout.load.yTicks.map((kw) =>
				h(
					"span",
					{ key: kw, class: "se-gantt-kw se-num", style: { top: `${layout.load.y(kw)}px` } },
					kw.toLocaleString("en-US"),
				),
			),
		]),
	]);
}

function background(drawn: Drawn, { state }: Looking, height: number): VNode {
	const { layout, shown } = drawn;
	const { board } = shown;
	const bottom = HEAD + layout.height;
	const { width, nowX, frozen } = layout;
	return h("svg", { class: "se-gantt-ground", width, height, "aria-hidden": "true" }, [
		h("defs", [hatch("se-hatch-frozen", 8), hatch("se-hatch-closed", 5)]),
		...layout.shades.map(({ band, level, x, width: wide, fromMs, toMs, krwPerKwh }) =>
			h("g", { key: fromMs }, [
				h(
					"title",
					`${bandTitle(state, band)} ${clock(fromMs, board.timeZone)}–${clock(toMs, board.timeZone)} ${won(krwPerKwh)}/kWh`,
				),
				h("rect", { class: `se-shade-${level}`, x, width: wide, y: 20, height: height - 20 }),
				h(
					"text",
					{ class: "se-tick", x: x + wide / 2, y: 14, "text-anchor": "middle" },
					fits(bandTitle(state, band), wide),
				),
			]),
		),
		...layout.rows.map(({ top, machine }) =>
			h("path", { key: machine, class: "se-grid", d: `M0 ${HEAD + top}H${width}` }),
		),
		h("path", { class: "se-grid", d: `M0 ${bottom}H${width}` }),
		...layout.rows.flatMap(({ machine, closed, top, height: high }) =>
			closed.map(({ x, width: wide, why, fromMs }) =>
				h("rect", {
					...{ key: `${machine}${fromMs}`, class: `se-closed-${why}`, fill: "url(#se-hatch-closed)" },
					...{ x, width: wide, y: HEAD + top, height: high },
				}),
			),
		),
		...layout.ticks.map(({ ms, label, day }) => {
			const x = layout.x(ms);
			const inside = x > 16 && x < width - 16;
			return h("g", { key: ms }, [
				h("path", { class: day ? "se-day" : "se-grid", d: `M${x} ${HEAD - 4}V${height}` }),
				inside
					? h(
							"text",
							{ class: day ? "se-tick se-tick-day" : "se-tick", x, y: HEAD - 8, "text-anchor": "middle" },
							label,
						)
					: null,
			]);
		}),
		ghost(drawn),
		frozen
			? h("g", [
					h("rect", {
						x: frozen.x,
						width: frozen.width,
						y: HEAD,
						height: layout.height,
						fill: "url(#se-hatch-frozen)",
					}),
					h("path", { class: "se-limit", d: `M${frozen.x + frozen.width} ${HEAD}V${bottom}` }),
				])
			: null,
		nowX === null ? null : h("path", { class: "se-gantt-now", d: `M${nowX} ${HEAD - 4}V${height}` }),
		nowX === null
			? null
			: h("text", { class: "se-tick se-gantt-now-name", x: nowX + 4, y: bottom + 14 }, t("load.now")),
	]);
}

/** Where the chosen operation lay in the plan before. */
function ghost({ layout, changes }: Drawn): VNode | null {
	const before = selected.value === null ? undefined : changes.moved.get(selected.value);
	const row = layout.rows.find(({ machine }) => machine === before?.machine);
	if (!before || !row) return null;
	const x = Math.max(0, layout.x(Date.parse(before.start)));
	const width = Math.max(4, layout.x(Date.parse(before.end)) - x);
	return h("rect", { class: "se-ghost", x, width, y: HEAD + row.top + 3, height: row.height - 6, rx: 4 });
}

function hatch(id: string, size: number): VNode {
	return h(
		"pattern",
		{ id, width: size, height: size, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
		[h("path", { class: "se-hatch-line", d: `M0 0V${size}` })],
	);
}

/** A name where there is room for it. */
function fits(label: string, width: number): string {
	const letters = [...label].reduce((sum, letter) => sum + (letter > "\u2e7f" ? 12 : 7), 0);
	return letters + 4 <= width ? label : "";
}

function track(row: GanttRow, handlers: Handlers): VNode {
	return h("div", {
		key: `track ${row.machine}`,
		class: "se-gantt-track",
		style: { top: `${HEAD + row.top}px`, height: `${row.height}px` },
		onClick: (event: MouseEvent) => handlers.track(row, event.offsetX),
	});
}

function barOf(drawn: Drawn, bar: GanttBar, { tabStop }: Looking, handlers: Handlers): VNode {
	const { shown, layout, changes, place } = drawn;
	const { operation, key } = bar;
	const row = layout.rows[bar.row];
	const lanes = Math.max(1, ...(row?.bars ?? []).map(({ lane }) => lane + 1));
	const lanePx = ((row?.height ?? 0) - 4) / lanes;
	const before = changes.moved.get(key);
	const added = shown.before !== null && changes.added.has(key);
	const { colour } = machineStyle(place.get(operation.machine) ?? 0, tone.value);
	const words = [
		jobTitle(shown.board, operation),
		machineTitle(shown.board, operation.machine),
		fromTo(operation.start, operation.end, shown.board),
		stateName(operation.state),
		operation.pinned ? t("schedule.pinned") : "",
		before
			? t("schedule.moved.from", {
					time: fromTo(before.start, before.end, shown.board),
					machine: machineTitle(shown.board, before.machine),
				})
			: "",
		added ? t("schedule.new") : "",
		won(operation.costKrw),
	].filter(Boolean);
	return h(
		"button",
		{
			key,
			type: "button",
			class: [
				"se-op",
				`se-op-${operation.state}`,
				{ "se-op-chosen": selected.value === key, "se-op-piece": bar.pieces.length === 1 },
			],
			"data-op": key,
			tabindex: key === tabStop ? 0 : -1,
			"aria-pressed": selected.value === key,
			"aria-label": words.join(", "),
			title: words.join(", "),
			style: {
				top: `${HEAD + (row?.top ?? 0) + 2 + bar.lane * lanePx + 2}px`,
				height: `${lanePx - 4}px`,
				left: `${bar.x}px`,
				width: `${bar.width}px`,
				"--se-machine": colour,
			},
			onClick: () => handlers.choose(bar),
			onKeydown: (event: KeyboardEvent) => handlers.key(bar, event),
		},
		inside(bar, jobTitle(shown.board, operation), before !== undefined || added),
	);
}

/** What stands in a bar. A bar of one piece is that piece itself: a thousand of them are drawn in no time. */
function inside({ operation, pieces, width: whole }: GanttBar, title: string, changed: boolean): (VNode | string)[] {
	// Words stand in the first piece.
	const width = pieces.length === 1 ? whole : (pieces[0]?.width ?? 0);
	const [shape, toneOf] = operationSigns[operation.state];
	const signs = [
		// Planned is what a bar is anyway; its edge is dashed.
		operation.state === "planned" ? null : icon(shape, toneOf),
		operation.pinned ? icon("pin") : null,
		changed ? icon("moved") : null,
	].filter((sign) => sign !== null);
	// As many as there is room for; a name of two letters says nothing.
	const shown = signs.slice(0, Math.max(0, Math.floor((width - 8) / 16)));
	const words = [...shown, ...(width >= 40 + 16 * shown.length ? [title] : [])];
	if (pieces.length === 1) return words;
	return [
		...pieces.map(({ x, width: wide }) =>
			h("span", { key: x, class: "se-op-piece", style: { left: `${x}px`, width: `${wide}px` } }),
		),
		h("span", { class: "se-op-words", style: { maxWidth: `${Math.max(0, (pieces[0]?.width ?? 0) - 8)}px` } }, words),
	];
}

/** Base load and plan as steps of the plan's intervals, below the cap. */
function load(drawn: Drawn, { readMs }: Looking, handlers: Handlers): VNode {
	const { layout, shown } = drawn;
	const { load: paths, width, height } = layout;
	const { plan, board } = shown;
	const peak = paths.peak;
	const said = peak
		? t("schedule.load.said", { kw: text(power(peak.kw)), time: moment(peak.atMs, peak.atMs, board.timeZone) })
		: "";
	const msAt = (event: PointerEvent): number => layout.x.invert(event.offsetX);
	return h(
		"div",
		{
			class: "se-gantt-load",
			role: "img",
			"aria-label": `${t("schedule.load")}. ${said}`,
			style: { top: `${HEAD + height + GAP}px`, height: `${LOAD}px` },
			onPointermove: (event: PointerEvent) => handlers.read(msAt(event)),
			onPointerdown: (event: PointerEvent) => handlers.read(msAt(event)),
			onPointerleave: (event: PointerEvent) => event.pointerType === "mouse" && handlers.read(null),
		},
		[
			h("svg", { width, height: LOAD, "aria-hidden": "true" }, [
				...paths.yTicks.map((kw) =>
					h("path", { key: kw, class: kw === 0 ? "se-zero" : "se-grid", d: `M0 ${paths.y(kw)}H${width}` }),
				),
				paths.base ? h("path", { class: "se-load-base", d: closed(paths.base, paths.y(0)) }) : null,
				h("path", { class: "se-line se-load-base-line", d: paths.base }),
				h("path", { class: "se-line se-load-plan", d: paths.plan }),
				h("path", { class: "se-limit", d: paths.cap }),
				...paths.over.map(({ x, width: wide }) =>
					h("rect", { key: x, class: "se-load-over", x, width: wide, y: 0, height: LOAD }),
				),
				readMs === null ? null : h("path", { class: "se-cursor", d: `M${layout.x(readMs)} 0V${LOAD}` }),
			]),
			paths.capAt
				? h(
						"span",
						{
							class: "se-load-cap-name",
							style: { left: `${paths.capAt.x + 8}px`, top: `${paths.y(paths.capAt.kw) - 16}px` },
						},
						`${t("schedule.cap")} ${text(power(paths.capAt.kw))}`,
					)
				: null,
			readMs === null ? null : readout(drawn, readMs),
		],
	);

	function readout({ layout: { x } }: Drawn, ms: number): VNode | null {
		const stepMs = plan.horizon.intervalMinutes * 60_000;
		const startMs = Date.parse(plan.horizon.start);
		const i = Math.floor((ms - startMs) / stepMs);
		const kw = plan.siteLoadKw[i];
		if (kw === undefined) return null;
		const fromMs = startMs + i * stepMs;
		const left = x(ms);
		const rows: [string, number | null | undefined][] = [
			[t("schedule.load.plan"), kw],
			[t("schedule.load.base"), plan.baseLoadKw[i]],
			[t("schedule.cap"), plan.capKw[i]],
		];
		const side = left > layout.width - 220 ? { right: `${layout.width - left + 12}px` } : { left: `${left + 12}px` };
		return h("div", { class: "se-readout", style: side }, [
			h(
				"div",
				{ class: "se-readout-time" },
				`${clock(fromMs, board.timeZone)}–${clock(fromMs + stepMs, board.timeZone)}`,
			),
			...rows.map(([name, value]) =>
				h("div", { class: "se-readout-row", key: name }, [
					h("span", { class: "se-readout-name" }, name),
					h("span", { class: "se-num" }, text(power(value))),
				]),
			),
		]);
	}
}

/** A line as an area down to zero; one subpath for each run between gaps. */
function closed(path: string, zero: number): string {
	return path
		.split("M")
		.filter(Boolean)
		.map((run) => {
			const points = run.split("L");
			const first = points[0]?.split(" ")[0] ?? "0";
			const last = points.at(-1)?.split(" ")[0] ?? "0";
			return `M${first} ${zero}L${run}L${last} ${zero}Z`;
		})
		.join("");
}
