import type { Language } from "../../messages.ts";
import type { Report, ReportInterval } from "../report.ts";
import { Writer } from "../words.ts";
import { A4, Canvas, ink, MARGIN, WIDTH } from "./canvas.ts";
import { bandLegend, dailyBars, type Limit, loadCurve } from "./charts.ts";
import { billWaterfall, shares, table } from "./tables.ts";

/** Draws all pages of a report; the document has fonts `regular` and `bold` and keeps its pages until its end. */
export function drawReport(doc: PDFKit.PDFDocument, report: Report, language: Language): void {
	const writer = new Writer(language);
	const canvas = new Canvas(doc);
	header(canvas, report, writer);
	tiles(canvas, report, writer);
	if (report.kind === "month") {
		const hint = report.energy.bands.length > 0 ? "dailyEnergyHint" : "dailyEnergyPlain";
		const top = canvas.y;
		canvas.heading(writer.word("dailyEnergy"), writer.word(hint));
		bandLegend(canvas, report, writer, top + 20);
		canvas.y += 8;
		dailyBars(canvas, report, writer, 168);
		canvas.y += 14;
	}
	curve(canvas, report, writer);
	bands(canvas, report, writer);
	bill(canvas, report, writer);
	demand(canvas, report, writer);
	machines(canvas, report, writer);
	further(canvas, report, writer);
	footers(canvas, report, writer);
}

function header(canvas: Canvas, report: Report, writer: Writer): void {
	const { kind, period, site, inProgress } = report;
	canvas.rect({ x: MARGIN, y: canvas.y, w: 28, h: 3 }, ink.accent);
	canvas.y += 10;
	canvas.text(site.name, MARGIN, canvas.y, { size: 9, color: ink.soft, width: WIDTH });
	canvas.y += 14;
	const title = writer.word(kind === "day" ? "titleDay" : "titleMonth");
	canvas.text(title, MARGIN, canvas.y, { size: 18, bold: true });
	const when = writer.period(kind, period) + (inProgress ? ` (${writer.word("soFar")})` : "");
	canvas.text(when, MARGIN, canvas.y + 4, { size: 13, align: "right", width: WIDTH });
	canvas.y += 34;
}

interface Tile {
	name: string;
	value: string;
	unit: string;
	note: string;
	alarm?: boolean;
}

function tilesOf(report: Report, writer: Writer): Tile[] {
	const { energy, demand, carbon, quality } = report;
	const total = writer.energy(energy.totalKwh);
	const change = energy.previousKwh ? (100 * (energy.totalKwh - energy.previousKwh)) / energy.previousKwh : null;
	const signed = change === null ? "" : `${change >= 0 ? "+" : ""}${writer.number(change, 1)}`;
	const percent = demand.peakKw !== null && demand.contractKw ? (100 * demand.peakKw) / demand.contractKw : null;
	const at = demand.peakAt ? writer.instant(demand.peakAt) : "–";
	const factor = carbon?.factors.at(-1);
	return [
		{
			...{ name: writer.word("energy"), ...total },
			note: change === null ? writer.word("noBefore") : writer.word("againstBefore", { change: signed }),
		},
		...moneyTile(report, writer),
		{
			...{ name: writer.word("peak"), value: writer.card(demand.peakKw), unit: "kW" },
			note: percent === null ? at : writer.word("peakOf", { time: at, percent: writer.number(percent) }),
			alarm: percent !== null && percent > 100,
		},
		{
			name: writer.word("loadFactor"),
			value: demand.loadFactor === null ? "–" : writer.number(demand.loadFactor * 100),
			...{ unit: "%", note: writer.word("meanKw", { kw: writer.number(demand.meanKw) }) },
		},
		{
			name: writer.word("carbon"),
			...{ value: carbon ? writer.card(carbon.kg / 1000) : "–", unit: "t CO2e" },
			note: factor ? writer.word("factor", { factor: factor.factor, year: factor.year }) : "",
		},
		{
			name: writer.word("data"),
			...{ value: writer.number(quality.coverage * 100, quality.coverage > 0.999 ? 0 : 1), unit: "%" },
			note:
				quality.estimatedKwh > 0 || quality.missing > 0
					? writer.word("estimatedPart", { kwh: writer.number(quality.estimatedKwh), missing: quality.missing })
					: writer.word("nothingEstimated"),
			alarm: quality.coverage < 0.9,
		},
	];
}

/** What it cost: the bill of a month, the energy charge of a day. */
function moneyTile({ kind, bill, energy }: Report, writer: Writer): Tile[] {
	if (kind === "month" && bill) {
		const { totalKrw } = bill.cost;
		const rate = writer.number(totalKrw / Math.max(1, energy.totalKwh), 1);
		return [
			{
				name: writer.word("bill"),
				value: `₩${writer.number(totalKrw)}`,
				unit: "",
				note: writer.word("perKwh", { rate }),
			},
		];
	}
	const name = writer.word("energyCost");
	if (energy.costKrw === null) return [{ name, value: "–", unit: "", note: writer.word("noTariff") }];
	const rate = writer.number(energy.costKrw / Math.max(1, energy.totalKwh), 1);
	const value = `₩${writer.number(energy.costKrw)}`;
	return [{ name, value, unit: "", note: writer.word("perKwhEnergy", { rate }) }];
}

function tiles(canvas: Canvas, report: Report, writer: Writer): void {
	const gap = 8;
	const w = (WIDTH - 2 * gap) / 3;
	const h = 54;
	for (const [at, { name, value, unit, note, alarm }] of tilesOf(report, writer).entries()) {
		const x = MARGIN + (at % 3) * (w + gap);
		const y = canvas.y + Math.floor(at / 3) * (h + gap);
		canvas.doc.roundedRect(x, y, w, h, 4).fill(ink.card);
		canvas.text(name, x + 10, y + 7, { size: 7.5, color: ink.soft, width: w - 20 });
		canvas.text(value, x + 10, y + 18, { size: 16, bold: true, color: alarm ? ink.alarm : ink.text });
		canvas.text(unit, x + 13 + canvas.widthOf(value, 16, true), y + 24, { size: 8.5, color: ink.soft });
		canvas.text(note, x + 10, y + 40, { size: 7, color: ink.soft, width: w - 20 });
	}
	canvas.y += 2 * (h + gap) + 10;
}

/** Quarter-hours of one local day. */
const dayOf = (report: Report, date: string): ReportInterval[] =>
	report.intervals.filter(({ start }) => start.startsWith(date));

/** Mean demand of each quarter-hour over all days of a month. */
function meanDay(report: Report): (number | null)[] {
	const sums = new Float64Array(96);
	const counts = new Uint16Array(96);
	for (const { start, demandKw } of report.intervals) {
		const at = Number(start.slice(11, 13)) * 4 + Math.floor(Number(start.slice(14, 16)) / 15);
		if (demandKw === null) continue;
		sums[at] = (sums[at] ?? 0) + demandKw;
		counts[at] = (counts[at] ?? 0) + 1;
	}
	return Array.from(sums, (sum, at) => (counts[at] ? sum / (counts[at] ?? 1) : null));
}

function curve(canvas: Canvas, report: Report, writer: Writer): void {
	const { demand, kind, bill } = report;
	const height = 190;
	canvas.need(height + 30);
	const date = kind === "day" ? report.period : (demand.peakAt?.slice(0, 10) ?? "");
	const title = kind === "day" ? writer.word("loadCurve") : writer.word("loadCurvePeak", { date: writer.day(date) });
	canvas.heading(title, writer.word(report.energy.bands.length > 0 ? "loadCurveHint" : "loadCurvePlain"));
	canvas.y += 6;
	const mean = kind === "month" ? meanDay(report) : [];
	loadCurve(canvas, dayOf(report, date), mean, limitsOf(report, writer), report, writer, height);
	if (mean.length > 0) {
		const label = `- - -  ${writer.word("meanDay")}`;
		canvas.text(label, MARGIN, canvas.y - 2, { size: 6.5, color: ink.soft, align: "right", width: WIDTH });
	}
	canvas.y += bill ? 14 : 10;
}

/** Lines that the curve is read against; the contract only where the curve comes near it. */
function limitsOf({ demand, bill }: Report, writer: Writer): Limit[] {
	const limits: Limit[] = [];
	const billed = bill?.cost.billingDemandKw;
	if (billed) limits.push({ kw: billed, label: writer.word("incumbent", { kw: writer.number(billed) }) });
	const { contractKw, peakKw } = demand;
	if (contractKw && peakKw && peakKw > 0.5 * contractKw && contractKw !== billed) {
		limits.push({ kw: contractKw, label: writer.word("contract", { kw: writer.number(contractKw) }) });
	}
	return limits;
}

function bands(canvas: Canvas, report: Report, writer: Writer): void {
	const { bands: list, totalKwh } = report.energy;
	if (list.length === 0) return;
	canvas.need(80);
	canvas.heading(writer.word("bands"));
	shares(
		canvas,
		[
			{ title: writer.word("band"), width: 110 },
			{ title: writer.word("kwh"), width: 80, align: "right" },
			{ title: writer.word("cost"), width: 100, align: "right" },
		],
		list.map(({ name, energyKwh, costKrw }) => ({
			cells: [writer.of(name), writer.number(energyKwh), writer.number(costKrw)],
			share: totalKwh > 0 ? energyKwh / totalKwh : 0,
		})),
		writer,
	);
	canvas.y += 8;
}

function bill(canvas: Canvas, report: Report, writer: Writer): void {
	if (!report.bill) return;
	const { cost, tariffName } = report.bill;
	const month = writer.month(cost.month);
	canvas.need(40 + 14 * Math.min(cost.lines.length + 2, 14));
	const tariff = `${writer.of(tariffName)} (${cost.tariff})`;
	const title =
		report.inProgress || report.kind === "day"
			? `${writer.word("billSoFar", { month })} · ${writer.of(tariffName)}`
			: writer.word("billLines", { month, tariff });
	canvas.heading(title, writer.word("billHint"));
	billWaterfall(canvas, report, writer);
	canvas.y += 8;
}

function demand(canvas: Canvas, report: Report, writer: Writer): void {
	canvas.need(110);
	canvas.heading(writer.word("demand"));
	const state = report.bill?.cost.demand;
	if (state) {
		const details = {
			kw: writer.number(state.billingDemandKw, 1),
			at: state.at ? writer.instant(state.at) : "–",
			month: state.month ? writer.month(state.month) : "–",
			dropsOut: state.dropsOut ? writer.month(state.dropsOut) : "–",
		};
		const own = state.setBy === "month" ? "" : ` ${writer.word("monthPeak", { kw: writer.number(state.peakKw, 1) })}`;
		canvas.y += canvas.paragraph(writer.word(`ratchet-${state.setBy}`, details) + own, MARGIN, canvas.y, WIDTH) + 6;
	}
	const names = new Map(report.energy.bands.map(({ band, name }) => [band, writer.of(name)]));
	table(
		canvas,
		[
			{ title: writer.word("topPeaks"), width: 150 },
			{ title: writer.word("demandKw"), width: 70, align: "right" },
			...(names.size > 0
				? [
						{ title: writer.word("band"), width: 90 },
						{ title: writer.word("counts"), width: 60 },
					]
				: []),
		],
		report.demand.top.map(({ start, demandKw, band, counts }) => [
			writer.instant(start),
			writer.number(demandKw, 1),
			names.get(band ?? "") ?? "–",
			writer.word(counts ? "yes" : "no"),
		]),
	);
	canvas.y += 8;
}

/** More machines than this are summed up: a page is no database. */
const MACHINES = 20;

function machines(canvas: Canvas, report: Report, writer: Writer): void {
	const { machines: list, energy, unmeteredKwh } = report;
	if (list.length === 0) return;
	canvas.need(90);
	canvas.heading(writer.word("machines"));
	const whole = Math.max(
		energy.totalKwh,
		list.reduce((sum, { energyKwh }) => sum + energyKwh, 0),
	);
	const share = (kwh: number): number => (whole > 0 ? kwh / whole : 0);
	const rows = list.slice(0, MACHINES).map(({ names, area, energyKwh, peakKw, estimatedKwh }) => ({
		cells: [writer.of(names), area, writer.number(energyKwh), writer.number(peakKw), writer.number(estimatedKwh)],
		share: share(energyKwh),
	}));
	const others = list.slice(MACHINES);
	const rest = (name: string, kwh: number) => ({
		...{ cells: [name, "", writer.number(kwh), "", ""], share: share(kwh), faint: true },
	});
	const extra = [
		...(others.length > 0
			? [
					rest(
						`+ ${others.length}`,
						others.reduce((sum, { energyKwh }) => sum + energyKwh, 0),
					),
				]
			: []),
		...(unmeteredKwh !== null && unmeteredKwh > 0 ? [rest(writer.word("unmetered"), unmeteredKwh)] : []),
	];
	shares(
		canvas,
		[
			{ title: writer.word("machine"), width: 130 },
			{ title: writer.word("area"), width: 70 },
			{ title: writer.word("kwh"), width: 70, align: "right" },
			{ title: writer.word("peakKw"), width: 60, align: "right" },
			{ title: writer.word("estimated"), width: 70, align: "right" },
		],
		[...rows, ...extra],
		writer,
	);
	canvas.y += 8;
}

function further(canvas: Canvas, report: Report, writer: Writer): void {
	const { powerFactor, carbon, quality, energy, warnings } = report;
	const said: string[] = [];
	const share = (value: number | null) => (value === null ? "–" : `${writer.number(value, 1)} %`);
	said.push(
		powerFactor
			? writer.word("powerFactor", { day: share(powerFactor.day), night: share(powerFactor.night) })
			: writer.word("noPowerFactor"),
	);
	for (const { year, factor } of carbon?.factors.slice(-1) ?? []) {
		said.push(writer.word("carbonSaid", { t: writer.number((carbon?.kg ?? 0) / 1000, 2), year, factor }));
	}
	if (energy.exportKwh > 0) said.push(writer.word("exported", { kwh: writer.number(energy.exportKwh, 1) }));
	said.push(
		writer.word("dataSaid", {
			percent: writer.number(quality.coverage * 100, 1),
			...{ missing: quality.missing, intervals: quality.intervals, uncertain: quality.uncertain },
			kwh: writer.number(quality.estimatedKwh, 1),
		}),
	);
	canvas.need(30 + 14 * said.length);
	canvas.heading(writer.word("further"));
	for (const sentence of said) canvas.y += canvas.paragraph(sentence, MARGIN, canvas.y, WIDTH) + 4;
	if (warnings.length === 0) return;
	canvas.y += 8;
	canvas.need(44);
	canvas.heading(writer.word("notes"));
	for (const { message } of warnings) {
		canvas.need(26);
		canvas.text("·", MARGIN, canvas.y, { size: 8, color: ink.soft });
		canvas.y += canvas.paragraph(tidy(writer.of(message)), MARGIN + 8, canvas.y, WIDTH - 8) + 4;
	}
}

/** Figures of a sentence to one decimal, instants to the minute: programs are exact, people need not be. */
const tidy = (sentence: string): string =>
	sentence
		.replace(/(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d[+-]\d\d:\d\d/g, "$1 $2")
		.replace(/\b[1-9]\d*\.\d{3,}\b/g, (figure) => String(Math.round(Number(figure) * 10) / 10));

function footers(canvas: Canvas, report: Report, writer: Writer): void {
	const { doc } = canvas;
	const { start, count } = doc.bufferedPageRange();
	for (let page = 0; page < count; page++) {
		doc.switchToPage(start + page);
		// Below the margin, where text would begin another page.
		doc.page.margins.bottom = 0;
		const y = A4.height - 34;
		canvas.line(MARGIN, y - 6, MARGIN + WIDTH, y - 6);
		const made = writer.word("created", { time: `${report.created.slice(0, 10)} ${report.created.slice(11, 16)}` });
		const span = `${report.site.name} · ${writer.period(report.kind, report.period)} · ${made} (${report.site.timeZone})`;
		canvas.text(span, MARGIN, y, { size: 7, color: ink.soft, width: WIDTH - 60 });
		const pages = writer.word("page", { page: page + 1, pages: count });
		canvas.text(pages, MARGIN, y, { size: 7, color: ink.soft, align: "right", width: WIDTH });
	}
}
