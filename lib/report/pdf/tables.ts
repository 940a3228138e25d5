import type { CostLine } from "../../tariff/calculate-cost.ts";
import type { Report } from "../report.ts";
import type { Writer } from "../words.ts";
import { type Canvas, ink, MARGIN, WIDTH } from "./canvas.ts";

const ROW = 14;

export interface Column {
	title: string;
	width: number;
	align?: "left" | "right";
}

/** Heads of a table's columns; answers the left edge of each. */
function headOf(canvas: Canvas, columns: readonly Column[]): number[] {
	let x = MARGIN;
	const lefts = columns.map(({ title, width, align = "left" }) => {
		const left = x;
		const last = title === columns.at(-1)?.title;
		canvas.text(title, left, canvas.y, { size: 7, color: ink.soft, align, width: width - (last ? 0 : 6) });
		x += width;
		return left;
	});
	canvas.y += 11;
	canvas.line(MARGIN, canvas.y, MARGIN + x - MARGIN, canvas.y, ink.faint);
	canvas.y += 3;
	return lefts;
}

/** A plain table; a row is begun on a new page with its heads where it no longer fits. */
export function table(canvas: Canvas, columns: readonly Column[], rows: readonly (readonly string[])[]): void {
	canvas.need(14 + ROW * Math.min(rows.length, 2));
	let lefts = headOf(canvas, columns);
	for (const row of rows) {
		const top = canvas.y;
		canvas.need(ROW);
		if (canvas.y < top) lefts = headOf(canvas, columns);
		for (const [at, { width, align = "left" }] of columns.entries()) {
			canvas.text(row[at] ?? "", lefts[at] ?? MARGIN, canvas.y, { size: 8, align, width: width - 6 });
		}
		canvas.y += ROW;
	}
	canvas.y += 4;
}

/** The bill line by line, each a step from what it was before to what it comes to: table and waterfall in one. */
export function billWaterfall(canvas: Canvas, report: Report, writer: Writer): void {
	const cost = report.bill?.cost;
	if (!cost) return;
	const widths = { label: 232, quantity: 72, rate: 44, bar: WIDTH - 232 - 72 - 44 - 70, amount: 70 };
	const heads = (): number[] =>
		headOf(canvas, [
			{ title: writer.word("line"), width: widths.label },
			{ title: writer.word("quantity"), width: widths.quantity, align: "right" },
			{ title: writer.word("rate"), width: widths.rate, align: "right" },
			{ title: "", width: widths.bar },
			{ title: writer.word("amount"), width: widths.amount, align: "right" },
		]);
	canvas.need(14 + 2 * ROW);
	let lefts = heads();
	const sums: number[] = [];
	for (const { amountKrw } of cost.lines) sums.push((sums.at(-1) ?? 0) + amountKrw);
	const most = Math.max(cost.totalKrw, ...sums, 1);
	const left = (lefts[3] ?? 0) + 4;
	const xOf = (krw: number): number => left + (Math.max(0, krw) / most) * (widths.bar - 8);
	let before = 0;
	for (const line of cost.lines) {
		const top = canvas.y;
		const height = canvas.wrap(writer.of(line.label), widths.label - 6, 8).length > 1 ? ROW + 8 : ROW;
		canvas.need(height);
		if (canvas.y < top) lefts = heads();
		billRow(canvas, line, lefts, widths, writer);
		const after = before + line.amountKrw;
		const [from, to] = [xOf(Math.min(before, after)), xOf(Math.max(before, after))];
		const color = line.amountKrw < 0 ? ink.good : surcharges.has(line.id) ? ink.alarm : ink.fills[1];
		canvas.rect({ x: from, y: canvas.y, w: Math.max(0.8, to - from), h: 8 }, color);
		canvas.line(xOf(after), canvas.y + 8, xOf(after), canvas.y + height, ink.faint);
		before = after;
		canvas.y += height;
	}
	canvas.line(MARGIN, canvas.y, MARGIN + WIDTH, canvas.y, ink.faint);
	canvas.y += 4;
	canvas.need(ROW);
	const total = report.inProgress || report.kind === "day" ? "totalSoFar" : "total";
	canvas.text(writer.word(total), MARGIN, canvas.y, { size: 9, bold: true });
	canvas.rect({ x: left, y: canvas.y + 0.5, w: xOf(cost.totalKrw) - left, h: 9 }, ink.accent);
	canvas.text(writer.number(cost.totalKrw), lefts[4] ?? 0, canvas.y, {
		...{ size: 9, bold: true, align: "right", width: widths.amount },
	});
	canvas.y += ROW + 6;
}

/** Lines that a plant can avoid altogether. */
const surcharges = new Set(["over-contract", "power-factor"]);

function billRow(
	canvas: Canvas,
	{ label, quantity, unit, rateKrw, amountKrw }: CostLine,
	lefts: readonly number[],
	widths: { label: number; quantity: number; rate: number; amount: number },
	writer: Writer,
): void {
	const [first = 0, second = 0, third = 0, , last = 0] = lefts;
	const y = canvas.y;
	const [top = "", below] = canvas.wrap(writer.of(label), widths.label - 6, 8);
	canvas.text(top, first, y, { size: 8, width: widths.label - 6 });
	if (below) canvas.text(below, first + 6, y + 9.5, { size: 7, color: ink.soft, width: widths.label - 12 });
	const percent = unit === "%" || unit === "KRW";
	const amount = percent ? "" : `${writer.number(quantity, Number.isInteger(quantity) ? 0 : 1)} ${unit}`;
	canvas.text(amount, second, y, { size: 8, color: ink.soft, align: "right", width: widths.quantity - 6 });
	const rate = percent ? "" : writer.number(rateKrw, Number.isInteger(rateKrw) ? 0 : 1);
	canvas.text(rate, third, y, { size: 8, color: ink.soft, align: "right", width: widths.rate - 6 });
	canvas.text(writer.number(amountKrw), last, y, { size: 8, align: "right", width: widths.amount });
}

/** Shares of a whole as rows with a bar each. */
export function shares(
	canvas: Canvas,
	columns: readonly Column[],
	rows: readonly { cells: readonly string[]; share: number; faint?: boolean }[],
	writer: Writer,
): void {
	const bar = WIDTH - columns.reduce((sum, { width }) => sum + width, 0);
	const heads = [...columns, { title: writer.word("share"), width: bar }];
	canvas.need(14 + ROW * Math.min(rows.length, 2));
	let lefts = headOf(canvas, heads);
	for (const { cells, share, faint } of rows) {
		const top = canvas.y;
		canvas.need(ROW);
		if (canvas.y < top) lefts = headOf(canvas, heads);
		for (const [at, { width, align = "left" }] of columns.entries()) {
			const color = faint ? ink.soft : ink.text;
			canvas.text(cells[at] ?? "", lefts[at] ?? MARGIN, canvas.y, { size: 8, align, width: width - 6, color });
		}
		const x = (lefts[columns.length] ?? MARGIN) + 2;
		const room = bar - 36;
		canvas.rect({ x, y: canvas.y + 0.5, w: room, h: 8 }, ink.card);
		canvas.rect(
			{ x, y: canvas.y + 0.5, w: room * Math.max(0, Math.min(1, share)), h: 8 },
			faint ? ink.faint : ink.fills[1],
		);
		canvas.text(`${writer.number(share * 100, 1)} %`, x + room, canvas.y, { size: 8, align: "right", width: 34 });
		canvas.y += ROW;
	}
	canvas.y += 4;
}
