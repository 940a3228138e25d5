import type { Report, ReportInterval } from "../report.ts";
import type { Writer } from "../words.ts";
import { type Box, type Canvas, ink, MARGIN, WIDTH } from "./canvas.ts";

const LABEL = 34;

/** The smallest round number that is not below a figure. */
function roundUp(value: number): number {
	if (!(value > 0)) return 1;
	const power = 10 ** Math.floor(Math.log10(value));
	return ([1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value * 0.9999) ?? 10) * power;
}

/** Frame of a chart: grid lines with their figures; answers where a value lies. */
function frame(canvas: Canvas, box: Box, most: number, unit: string, writer: Writer): (value: number) => number {
	const yOf = (value: number): number => box.y + box.h - (value / most) * box.h;
	const steps = 4;
	for (let k = 0; k <= steps; k++) {
		const value = (most * k) / steps;
		canvas.line(box.x, yOf(value), box.x + box.w, yOf(value), k === 0 ? ink.soft : ink.rule);
		const decimals = most / steps < 1 ? 2 : Number.isInteger(most / steps) ? 0 : 1;
		canvas.text(writer.number(value, decimals), box.x - LABEL, yOf(value) - 4, {
			...{ size: 6.5, color: ink.soft, align: "right", width: LABEL - 4 },
		});
	}
	canvas.text(unit, box.x - LABEL, box.y - 12, { size: 6.5, color: ink.soft, align: "right", width: LABEL - 4 });
	return yOf;
}

const tone = (tones: readonly string[], at: number, count: number): string =>
	tones[count <= 1 ? 1 : Math.round((at * (tones.length - 1)) / (count - 1))] ?? tones[0] ?? "#888888";

/** Names of the bands beside their tones, at the right of a heading's line. */
export function bandLegend(canvas: Canvas, report: Report, writer: Writer, y: number): void {
	const { bands } = report.energy;
	let x = MARGIN + WIDTH;
	for (const [at, { name }] of [...bands.entries()].reverse()) {
		const label = writer.of(name);
		x -= canvas.widthOf(label, 7);
		canvas.text(label, x, y, { size: 7, color: ink.soft });
		x -= 10;
		canvas.rect({ x, y: y + 1, w: 7, h: 7 }, tone(ink.fills, at, bands.length));
		x -= 8;
	}
}

/** Energy of each day, in parts by band, from the cheapest upward. */
export function dailyBars(canvas: Canvas, report: Report, writer: Writer, height: number): void {
	const { days, energy } = report;
	const box: Box = { x: MARGIN + LABEL, y: canvas.y + 12, w: WIDTH - LABEL, h: height - 30 };
	const most = roundUp(Math.max(...days.map(({ energyKwh }) => energyKwh ?? 0)));
	const yOf = frame(canvas, box, most, "kWh", writer);
	const count = Math.max(days.length, Math.round((Date.parse(report.to) - Date.parse(report.from)) / 86_400_000));
	const step = box.w / count;
	for (const [at, day] of days.entries()) {
		const x = box.x + at * step + step * 0.14;
		const w = step * 0.72;
		let below = 0;
		const parts = energy.bands.length > 0 ? day.bandsKwh : [day.energyKwh ?? 0];
		for (const [band, kwh] of parts.entries()) {
			const top = yOf(below + kwh);
			canvas.rect({ x, y: top, w, h: yOf(below) - top }, tone(ink.fills, band, parts.length));
			below += kwh;
		}
		const estimated = Math.min(day.estimatedKwh, below);
		canvas.hatch({ x, y: yOf(below), w, h: yOf(below - estimated) - yOf(below) });
		const label = String(Number(day.date.slice(8)));
		canvas.text(label, x - 4, box.y + box.h + 4, { size: 6.5, color: ink.soft, align: "center", width: w + 8 });
		if (day.rest) canvas.line(x, box.y + box.h + 13, x + w, box.y + box.h + 13, ink.text, 0.9);
		if (day.energyKwh === null) {
			canvas.text("–", x - 4, box.y + box.h - 12, { size: 8, color: ink.soft, align: "center", width: w + 8 });
		}
	}
	canvas.y += height;
}

export interface Limit {
	kw: number;
	label: string;
}

/** The quarter-hours of one day over the price bands, with the limits that matter and the highest point. */
export function loadCurve(
	canvas: Canvas,
	day: readonly ReportInterval[],
	mean: readonly (number | null)[],
	limits: readonly Limit[],
	report: Report,
	writer: Writer,
	height: number,
): void {
	const box: Box = { x: MARGIN + LABEL, y: canvas.y + 12, w: WIDTH - LABEL, h: height - 28 };
	const count = Math.max(96, day.length);
	const figures = [...day.map(({ demandKw }) => demandKw ?? 0), ...limits.map(({ kw }) => kw)];
	const most = roundUp(Math.max(...figures) * 1.06);
	const xOf = (at: number): number => box.x + (at / count) * box.w;
	shadeBands(canvas, box, day, xOf, report, writer);
	const yOf = frame(canvas, box, most, "kW", writer);
	for (let at = 0; at <= count; at += 12) {
		const hour =
			day[at]?.start.slice(11, 16) ?? (at === count ? "24:00" : `${String((at / 4) % 24).padStart(2, "0")}:00`);
		canvas.text(hour, xOf(at) - 15, box.y + box.h + 4, { size: 6.5, color: ink.soft, align: "center", width: 30 });
	}
	stepLine(canvas, mean, xOf, yOf, ink.soft, 0.8, 1.5);
	const known = day.map(({ demandKw, estimatedKwh }) => (estimatedKwh > 0 ? null : demandKw));
	const guessed = day.map(({ demandKw, estimatedKwh }) => (estimatedKwh > 0 ? demandKw : null));
	stepLine(canvas, known, xOf, yOf, ink.accent, 1.3);
	stepLine(canvas, guessed, xOf, yOf, ink.accent, 1.3, 2);
	for (const { kw, label } of limits) {
		canvas.line(box.x, yOf(kw), box.x + box.w, yOf(kw), ink.warn, 0.8, 4);
		canvas.text(label, box.x + 4, yOf(kw) - 9, { size: 6.5, color: ink.warn });
	}
	markPeak(canvas, box, day, xOf, yOf, limits);
	canvas.y += height;
}

function shadeBands(
	canvas: Canvas,
	box: Box,
	day: readonly ReportInterval[],
	xOf: (at: number) => number,
	report: Report,
	writer: Writer,
): void {
	const { bands } = report.energy;
	let from = 0;
	for (let at = 1; at <= day.length; at++) {
		const band = day[from]?.band;
		if (at < day.length && day[at]?.band === band) continue;
		const index = bands.findIndex((each) => each.band === band);
		if (index >= 0) {
			const x = xOf(from);
			const w = xOf(at) - x;
			canvas.rect({ x, y: box.y, w, h: box.h }, tone(ink.shades, index, bands.length));
			const name = bands[index] ? writer.of(bands[index].name) : "";
			if (canvas.widthOf(name, 6.5) < w - 2) {
				canvas.text(name, x, box.y - 9, { size: 6.5, color: ink.soft, align: "center", width: w });
			}
		}
		from = at;
	}
}

/** A power that holds for its quarter-hour; a gap stays a gap. */
function stepLine(
	canvas: Canvas,
	values: readonly (number | null)[],
	xOf: (at: number) => number,
	yOf: (value: number) => number,
	color: string,
	width: number,
	dash?: number,
): void {
	const { doc } = canvas;
	doc.save().lineWidth(width).strokeColor(color).lineJoin("round");
	if (dash) doc.dash(dash, { space: dash });
	let drawing = false;
	for (const [at, value] of values.entries()) {
		if (value === null) {
			drawing = false;
			continue;
		}
		if (drawing) doc.lineTo(xOf(at), yOf(value));
		else doc.moveTo(xOf(at), yOf(value));
		doc.lineTo(xOf(at + 1), yOf(value));
		drawing = true;
	}
	doc.stroke().restore();
}

function markPeak(
	canvas: Canvas,
	box: Box,
	day: readonly ReportInterval[],
	xOf: (at: number) => number,
	yOf: (value: number) => number,
	limits: readonly Limit[],
): void {
	const peak = Math.max(...day.map(({ demandKw }) => demandKw ?? 0));
	const at = day.findIndex(({ demandKw }) => demandKw === peak);
	if (at < 0 || peak <= 0) return;
	const over = limits.some(({ kw }) => peak > kw);
	const color = over ? ink.alarm : ink.text;
	canvas.doc.circle(xOf(at + 0.5), yOf(peak), 2.2).fill(color);
	const label = `${peak.toLocaleString("en-US", { maximumFractionDigits: 0 })} kW  ${day[at]?.start.slice(11, 16)}`;
	const width = canvas.widthOf(label, 7, true);
	const x = Math.min(xOf(at + 0.5) + 6, box.x + box.w - width - 2);
	const y = Math.max(box.y + 2, yOf(peak) - 13);
	// On a ground of its own: the curve and a limit may run just there.
	canvas.rect({ x: x - 2, y: y - 1, w: width + 4, h: 10 }, "#FFFFFF");
	canvas.text(label, x, y, { size: 7, bold: true, color });
}
