import type { TimeTick } from "../zone.ts";
import { timeTicks } from "../zone.ts";
import { bandPath, linePath, nearest, spread } from "./path.ts";
import { linear, niceTicks, type Scale } from "./scale.ts";

type Values = readonly (number | null)[];

/** A line over time. What is not plainly measured is dashed: an estimate, a forecast. */
export interface ChartLine {
	id: string;
	label: string;
	/** A CSS colour; a machine keeps its own everywhere. */
	colour: string;
	/** Stroke pattern, the second sign beside the colour. */
	dash?: string;
	weight?: number;
	times: readonly number[];
	values: Values;
}

/** The interval around a forecast, drawn at 15 % opacity in the hue of its line. */
export interface ChartBand {
	id: string;
	colour: string;
	times: readonly number[];
	low: Values;
	high: Values;
}

/** A level worth knowing, as a labelled line: target, contract, incumbent peak. */
export interface ChartLimit {
	value: number;
	label: string;
}

/** A span behind the chart, from light (0, off-peak) to darker (2, on-peak), named at its edge. */
export interface ChartShade {
	fromMs: number;
	toMs: number;
	level: 0 | 1 | 2;
	label: string;
}

export interface ChartModel {
	fromMs: number;
	toMs: number;
	/** IANA zone of the site; the axis shows its clock. */
	zone: string;
	nowMs: number;
	lines: readonly ChartLine[];
	bands?: readonly ChartBand[];
	limits?: readonly ChartLimit[];
	shades?: readonly ChartShade[];
	/** A legend names the lines: nothing is written at their ends. */
	legend?: true;
	/** From here on nothing is measured yet: the ground is shaded. */
	futureFromMs?: number;
}

export interface Box {
	left: number;
	right: number;
	top: number;
	bottom: number;
}

/** Everything a chart draws, in pixels. */
export interface Drawing {
	box: Box;
	x: Scale;
	y: Scale;
	yTicks: number[];
	xTicks: TimeTick[];
	lines: { line: ChartLine; path: string }[];
	bands: { band: ChartBand; path: string }[];
	limits: { limit: ChartLimit; y: number }[];
	shades: { shade: ChartShade; x: number; width: number }[];
	/** Where the future begins and how wide it is; null where the window ends before it. */
	future: { x: number; width: number } | null;
	/** Null where now lies outside of the window. */
	nowX: number | null;
	/** Names beside the ends of the lines; empty where they would not fit. */
	labels: { line: ChartLine; y: number; anchorX: number; anchorY: number }[];
}

/** Width from which the lines are named at their ends instead of by a legend. */
const ROOM_FOR_LABELS = 640;
const LABEL_HEIGHT = 18;

export function layOut(model: ChartModel, width: number, height: number): Drawing {
	const named = width >= ROOM_FOR_LABELS && model.lines.length > 1 && !model.legend;
	// The names of shades stand above the plot, clear of its lines.
	const top = model.shades?.length ? 26 : 12;
	const box: Box = { left: 52, right: width - (named ? 132 : 12), top, bottom: height - 28 };
	const { low, high } = extent(model);
	const yTicks = niceTicks(low, high, Math.max(2, Math.floor((box.bottom - box.top) / 56)));
	const x = linear(model.fromMs, model.toMs, box.left, box.right);
	const y = linear(yTicks[0] ?? 0, yTicks.at(-1) ?? 1, box.bottom, box.top);
	const most = Math.max(2, Math.floor((box.right - box.left) / 64));
	const inside = model.nowMs >= model.fromMs && model.nowMs <= model.toMs;
	return {
		box,
		x,
		y,
		yTicks,
		xTicks: timeTicks(model.fromMs, model.toMs, model.zone, most),
		lines: model.lines.map((line) => ({ line, path: linePath(line.times, line.values, x, y) })),
		bands: (model.bands ?? []).map((band) => ({ band, path: bandPath(band.times, band.low, band.high, x, y) })),
		limits: (model.limits ?? []).map((limit) => ({ limit, y: y(limit.value) })),
		shades: (model.shades ?? []).map((shade) => {
			const start = Math.max(box.left, x(shade.fromMs));
			return { shade, x: start, width: Math.max(0, Math.min(box.right, x(shade.toMs)) - start) };
		}),
		future: futureOf(model, x, box),
		nowX: inside ? x(model.nowMs) : null,
		labels: named ? endLabels(model.lines, x, y, box) : [],
	};
}

function futureOf({ futureFromMs, fromMs, toMs }: ChartModel, x: Scale, box: Box): Drawing["future"] {
	if (futureFromMs === undefined || futureFromMs >= toMs) return null;
	const start = x(Math.max(fromMs, futureFromMs));
	return { x: start, width: Math.max(0, box.right - start) };
}

/** From zero, as power and energy ask; below it only where something was exported. */
function extent({ lines, bands = [], limits = [] }: ChartModel): { low: number; high: number } {
	let low = 0;
	let high = 0;
	const see = (value: number | null): void => {
		if (value === null) return;
		if (value > high) high = value;
		if (value < low) low = value;
	};
	for (const line of lines) line.values.forEach(see);
	for (const band of bands) {
		band.low.forEach(see);
		band.high.forEach(see);
	}
	for (const limit of limits) see(limit.value);
	return { low, high: high === low ? low + 1 : high };
}

function endLabels(lines: readonly ChartLine[], x: Scale, y: Scale, box: Box): Drawing["labels"] {
	const ends = lines.flatMap((line) => {
		const i = line.values.findLastIndex((value) => value !== null);
		const value = line.values[i];
		return value === null || value === undefined ? [] : [{ line, anchorX: x(line.times[i] ?? 0), anchorY: y(value) }];
	});
	const placed = spread(
		ends.map(({ anchorY }) => anchorY),
		LABEL_HEIGHT,
		box.top + LABEL_HEIGHT / 2,
		box.bottom - LABEL_HEIGHT / 2,
	);
	return ends.map((end, i) => ({ ...end, y: placed[i] ?? end.anchorY }));
}

/** The exact reading of every line at a time: its value at the nearest instant, null in a gap. */
export interface Reading {
	line: ChartLine;
	value: number | null;
}

/**
 * Reads all lines at the instant, among those of all lines, nearest to a time.
 *
 * @param reachMs how far from that instant a line's own point may lie and still count as its reading
 */
export function readAt(model: ChartModel, ms: number, reachMs: number): { ms: number; readings: Reading[] } | null {
	let best: number | null = null;
	for (const { times } of model.lines) {
		const time = times[nearest(times, ms)];
		if (time !== undefined && (best === null || Math.abs(time - ms) < Math.abs(best - ms))) best = time;
	}
	if (best === null) return null;
	const at = best;
	const readings = model.lines.map((line) => {
		const i = nearest(line.times, at);
		const near = Math.abs((line.times[i] ?? Number.POSITIVE_INFINITY) - at) <= reachMs;
		return { line, value: near ? (line.values[i] ?? null) : null };
	});
	return { ms: at, readings };
}
