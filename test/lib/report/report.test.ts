import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { reportCsv } from "../../../lib/report/csv.ts";
import { makeReport, type ReportRequest } from "../../../lib/report/make.ts";
import { makePdf } from "../../../lib/report/pdf/make-pdf.ts";
import { Writer } from "../../../lib/report/words.ts";
import { contract, type SampleOptions, SampleStore, site } from "./sample.ts";

const NOV_2 = Date.UTC(2026, 10, 2);
const sum = (values: readonly (number | null)[]): number =>
	values.reduce<number>((total, value) => total + (value ?? 0), 0);
const near = (actual: number, expected: number, tolerance = 1e-6): void =>
	assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

const report = (request: Partial<ReportRequest> = {}, options: SampleOptions = {}) =>
	makeReport(new SampleStore(options), { kind: "month", period: "2026-10", site, contract, nowMs: NOV_2, ...request });

describe("a monthly report", () => {
	it("adds up: intervals, days, bands and total are the same energy", async () => {
		const { energy, days, intervals } = await report();
		assert.equal(intervals.length, 31 * 96);
		near(sum(intervals.map(({ energyKwh }) => energyKwh)), energy.totalKwh, 1e-3);
		near(sum(days.map(({ energyKwh }) => energyKwh)), energy.totalKwh, 1e-3);
		near(sum(energy.bands.map(({ energyKwh }) => energyKwh)), energy.totalKwh, 1e-3);
		near(sum(days.flatMap(({ bandsKwh }) => bandsKwh)), energy.totalKwh, 1e-3);
		near(sum(energy.bands.map(({ costKrw }) => costKrw)), energy.costKrw ?? 0, 1e-3);
	});

	it("carries the bill of the tariff, with the peaks of past months from the store", async () => {
		const { bill, demand } = await report();
		assert.ok(bill);
		assert.equal(bill.cost.month, "2026-10");
		assert.ok(bill.cost.totalKrw > bill.cost.energyKrw);
		assert.equal(bill.cost.demand.setBy, "history");
		assert.ok(bill.cost.billingDemandKw >= (demand.peakKw ?? 0) - 1);
		assert.ok(!bill.cost.warnings.some(({ code }) => code === "tariff.history-missing"));
	});

	it("agrees with its bill about the energy charge, but for the won of rounding", async () => {
		const { energy, bill } = await report();
		near(energy.costKrw ?? 0, bill?.cost.energyKrw ?? 0, 10);
	});

	it("shows estimated energy apart, and what is missing stays unknown", async () => {
		const bridged = [Date.UTC(2026, 9, 13, 5), Date.UTC(2026, 9, 13, 7)] as const;
		const gap = [Date.UTC(2026, 9, 14, 2), Date.UTC(2026, 9, 14, 6)] as const;
		const { energy, quality, intervals, warnings, unmeteredKwh, machines } = await report({}, { bridged, gap });
		assert.equal(quality.missing, 16);
		assert.equal(quality.uncertain, 8);
		near(energy.estimatedKwh, sum(intervals.map(({ estimatedKwh }) => estimatedKwh)));
		assert.ok(energy.estimatedKwh > 0);
		assert.equal(intervals.filter(({ energyKwh }) => energyKwh === null).length, 16);
		assert.ok(quality.coverage < 1);
		assert.ok(warnings.length > 0, "the bill says how it fills the gap");
		// 18 kW of the sample site have no sub-meter, in the hours that the main meter saw.
		near(unmeteredKwh ?? 0, 18 * (31 * 24 - 4), 1e-3);
		assert.equal(machines[0]?.machine, "furnace");
	});

	it("compares with the same part of the month before", async () => {
		const whole = await report();
		const part = await report({ nowMs: Date.UTC(2026, 9, 11, 3) });
		assert.equal(part.inProgress, true);
		assert.ok((part.energy.previousKwh ?? 0) < (whole.energy.previousKwh ?? 0) / 2);
		assert.equal((await report({}, { sinceMs: Date.UTC(2026, 8, 30, 15) })).energy.previousKwh, null);
	});

	it("names its highest quarter-hours, one an hour", async () => {
		const { demand } = await report();
		assert.equal(demand.top.length, 5);
		assert.equal(demand.top[0]?.demandKw, demand.peakKw);
		assert.equal(new Set(demand.top.map(({ start }) => start.slice(0, 13))).size, 5);
		near(demand.loadFactor ?? 0, (demand.meanKw ?? 0) / (demand.peakKw ?? 1));
	});

	it("counts carbon by the grid's factor, and says that a later one is not published", async () => {
		const { carbon, energy, warnings } = await report();
		near(carbon?.kg ?? 0, energy.totalKwh * (carbon?.factors[0]?.factor ?? 0), 0.01);
		assert.ok(warnings.some(({ code }) => code === "tariff.carbon-provisional"));
		assert.equal((await report({ grid: "" })).carbon, null);
	});

	it("holds without a tariff", async () => {
		const { bill, energy, days } = await report({ contract: undefined });
		assert.deepEqual([bill, energy.costKrw, energy.bands.length, days[0]?.costKrw], [null, null, 0, null]);
	});

	it("says why there is no bill where half of the month is missing", async () => {
		const { bill, warnings, energy } = await report({}, { untilMs: Date.UTC(2026, 9, 10) });
		assert.equal(bill, null);
		assert.ok(energy.totalKwh > 0);
		assert.ok(warnings.some(({ code }) => code === "report.no-bill"));
	});

	it("follows the billing day", async () => {
		const { from, to, intervals } = await report({ contract: { ...contract, billingDay: 15 }, period: "2026-09" });
		assert.deepEqual([from, to], ["2026-09-15T00:00:00+09:00", "2026-10-15T00:00:00+09:00"]);
		assert.equal(intervals.length, 30 * 96);
	});

	it("sums sub-meters up where there is no main meter", async () => {
		const machines = site.machines.filter(({ role }) => role === "sub");
		const { energy, unmeteredKwh } = await report({ site: { ...site, machines } });
		near(energy.totalKwh, (await report()).energy.totalKwh - 18 * 31 * 24, 1e-3);
		assert.equal(unmeteredKwh, null);
	});

	it("is that of the last month that has ended, unless one is named", async () => {
		assert.equal((await report({ period: undefined })).period, "2026-10");
		assert.equal((await report({ kind: "day", period: undefined })).period, "2026-11-01");
	});

	it("refuses what it cannot report", async () => {
		await assert.rejects(report({ period: "Oct 2026" }), { code: "report.period" });
		await assert.rejects(report({ period: "2027-01" }), { code: "report.future" });
		await assert.rejects(report({ period: "2024-01" }), { code: "report.no-data" });
		await assert.rejects(report({ contract: { ...contract, tariff: "kepco/none" } }), { code: "tariff.unknown" });
	});
});

describe("a daily report", () => {
	it("has the quarter-hours of the local day, and the bill of its month so far", async () => {
		const { intervals, bill, days } = await report({ kind: "day", period: "2026-10-13" });
		assert.equal(intervals.length, 96);
		assert.equal(intervals[0]?.start, "2026-10-13T00:00:00+09:00");
		assert.equal(days.length, 1);
		assert.ok((bill?.cost.importKwh ?? 0) > sum(intervals.map(({ energyKwh }) => energyKwh)));
	});

	it("counts the hours of a day on which clocks change", async () => {
		const there = { ...site, timeZone: "Europe/Berlin" };
		const { intervals } = await report({ kind: "day", period: "2026-10-25", site: there, contract: undefined });
		assert.equal(intervals.length, 100);
	});
});

describe("the tables of a report", () => {
	it("have a row for each quarter-hour, day, band, machine and line of the bill", async () => {
		const made = await report({}, { gap: [Date.UTC(2026, 9, 14, 2), Date.UTC(2026, 9, 14, 3)] });
		const rows = (table: Parameters<typeof reportCsv>[1]) => reportCsv(made, table).trimEnd().split("\r\n");
		assert.equal(rows("intervals").length, 1 + 31 * 96);
		assert.equal(rows("days").length, 32);
		assert.equal(rows("bands").length, 4);
		assert.equal(rows("machines").length, 6);
		assert.equal(rows("bill").length, 1 + (made.bill?.cost.lines.length ?? 0));
		assert.ok(reportCsv(made, "machines").startsWith("\uFEFFmachine,name"));
		assert.match(rows("intervals").find((row) => row.startsWith("2026-10-14T11:00")) ?? "", /,,,0,bad,/);
	});
});

describe("the words of a report", () => {
	it("write figures and dates as their readers do", () => {
		const [en, ko] = [new Writer("en-US"), new Writer("ko")];
		assert.deepEqual([en.day("2026-10-13"), ko.day("2026-10-13")], ["Tue 13 Oct", "10월 13일(화)"]);
		assert.deepEqual([en.month("2026-05"), ko.month("2026-05")], ["May 2026", "2026년 5월"]);
		assert.deepEqual([en.number(1234.56, 1), en.number(null), en.number(-0.001, 1)], ["1,234.6", "–", "0.0"]);
		assert.deepEqual([en.card(0.4567), en.card(12.34), en.card(157_421)], ["0.46", "12.3", "157,421"]);
		assert.deepEqual(en.energy(157_421), { value: "157", unit: "MWh" });
	});

	it("exist in both languages with the same places", () => {
		const words = createRequire(import.meta.url)("../../../lib/report/words.json") as Record<
			string,
			Record<string, string>
		>;
		const places = (text = "") => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
		for (const [key, { "en-US": en, ko }] of Object.entries(words)) {
			assert.ok(en && ko, key);
			assert.deepEqual(places(ko), places(en), key);
		}
	});
});

describe("the PDF of a report", () => {
	it("has pages with the fonts in it, in both languages, of a month and of a day", async () => {
		for (const [kind, period] of [
			["month", "2026-10"],
			["day", "2026-10-13"],
		] as const) {
			const made = await report({ kind, period });
			for (const language of ["ko", "en-US"] as const) {
				const pdf = (await makePdf(made, language)).toString("latin1");
				assert.ok(pdf.startsWith("%PDF-1."));
				assert.equal(pdf.match(/\/Type \/Page\b/g)?.length, 2);
				assert.match(pdf, /NanumGothic/);
			}
		}
	});

	it("copes with what a month may lack, and with a long list of machines", async () => {
		const machines = Array.from({ length: 45 }, (_, k) => ({
			...{ id: `m${k}`, name: `Machine with a rather long name ${k}`, area: "hall", role: "sub" as const },
		}));
		const empty = await report({
			contract: undefined,
			grid: "",
			site: { ...site, machines: [...site.machines, ...machines] },
		});
		assert.ok((await makePdf(empty, "en-US")).length > 10_000);
		const begun = await report({ period: "2026-11", nowMs: NOV_2 });
		assert.ok((await makePdf(begun, "ko")).length > 10_000);
	});
});
