import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { civilOf, dayNumberOf, isoOf, parseDate, weekdayOf } from "../../../lib/calendar/civil.ts";
import { koreanHolidays, siteHolidays } from "../../../lib/calendar/holidays.ts";
import { clockOf } from "../../../lib/calendar/zone-clock.ts";
import { packageRoot } from "../../../lib/package-root.cjs";
import { bandsOf, compilePrices, dayTypeOf } from "../../../lib/tariff/price-calendar.ts";
import { Pricer } from "../../../lib/tariff/pricer.ts";
import { shippedTariffs, tariffsOf } from "../../../lib/tariff/registry.ts";
import { PriceSeries } from "../../../lib/tariff/series.ts";
import { dynamicBook, simpleBook } from "../../../lib/tariff/simple.ts";

const kepco = shippedTariffs().get("kepco/industrial-b/high-a/II");
const holidays = koreanHolidays();
const pricer = new Pricer({ tariff: kepco, holidays });
const at = (local: string): number => Date.parse(`${local}+09:00`);

describe("bands of 산업용(을)", () => {
	const bands = (...locals: string[]): string[] => locals.map((local) => pricer.band(at(local)));
	it("follow the hours before and after the reform", () => {
		assert.deepEqual(bands("2026-04-15T11:00", "2026-04-15T14:59", "2026-04-15T18:00"), [
			"on-peak",
			"on-peak",
			"mid-peak",
		]);
		assert.deepEqual(bands("2026-04-16T11:00", "2026-04-16T14:59", "2026-04-16T15:00", "2026-04-16T20:59"), [
			"mid-peak",
			"mid-peak",
			"on-peak",
			"on-peak",
		]);
		assert.deepEqual(bands("2026-04-16T21:00", "2026-04-16T22:00", "2026-04-17T07:59"), [
			"mid-peak",
			"off-peak",
			"off-peak",
		]);
	});
	it("keep the winter's hours", () =>
		assert.deepEqual(
			bands("2026-12-01T08:00", "2026-12-01T09:00", "2026-12-01T12:00", "2026-12-01T16:00", "2026-12-01T19:00"),
			["mid-peak", "on-peak", "mid-peak", "on-peak", "mid-peak"],
		));
	it("charge Saturday's on-peak energy as mid-peak, whose demand counts", () => {
		assert.equal(pricer.band(at("2026-08-01T16:00")), "mid-peak");
		assert.equal(pricer.countsForDemand(at("2026-08-01T16:00")), true);
	});
	it("charge Sundays and holidays off-peak, whose demand doesn't count", () => {
		for (const local of ["2026-08-02T16:00", "2026-06-03T16:00", "2026-09-25T16:00"]) {
			assert.equal(pricer.band(at(local)), "off-peak", local);
			assert.equal(pricer.countsForDemand(at(local)), false, local);
		}
	});
	it("don't know temporary holidays", () => assert.equal(pricer.band(at("2024-10-01T14:00")), "on-peak"));
});

describe("the price of a moment", () => {
	it("has the discount, the additions and the next change", () => {
		const price = pricer.at(at("2026-05-09T11:00"));
		assert.equal(price.energy, 66.7);
		assert.equal(price.discount, "spring-autumn-weekend");
		assert.equal(price.additions, 9);
		assert.equal(price.marginal, 75.7);
		assert.equal(price.marginalWithLevies, 85.3139);
		assert.deepEqual(price.next, { atMs: at("2026-05-09T14:00"), band: "mid-peak", energy: 133.4 });
	});
	it("comes for a day and for a year at once", () => {
		const day = pricer.horizon(at("2026-08-03T00:00"), 96);
		assert.deepEqual([...new Set(day.energy)], [116, 163.8, 229]);
		const year = pricer.horizon(at("2025-08-03T00:00"), 35_040);
		for (const i of [0, 12_345, 24_000, 35_039])
			assert.equal(year.energy[i], pricer.energyPrice(year.startMs + i * 900_000));
	});
	it("is refused before the first version, also in that year", () => {
		assert.equal(pricer.energyPrice(at("2023-05-16T12:00")), 109.8);
		assert.throws(() => pricer.energyPrice(at("2023-05-15T12:00")), { code: "tariff.no-version" });
		assert.throws(() => pricer.horizon(at("2026-05-15T12:00"), 0), { code: "tariff.horizon" });
	});
	it("adds up for intervals and for a profile", () => {
		const start = at("2026-08-03T14:30");
		assert.equal(pricer.costOfIntervals(start, [10, 10, 10, 10]).toNumber(), 20 * 163.8 + 20 * 229);
		assert.equal(
			pricer.costOfProfile([{ fromMs: start, toMs: start + 3_600_000, powerKw: 40 }]).toNumber(),
			20 * 163.8 + 20 * 229,
		);
	});
});

describe("every interval has exactly one band", () => {
	it("in every month and kind of day of every schedule", () => {
		for (const schedule of Object.values(kepco.book.schedules)) {
			for (let month = 1; month <= 12; month++) {
				for (const { id } of kepco.book.dayTypes) {
					for (const use of ["energy", "demand"] as const) {
						const bands = bandsOf(schedule, month, id, use);
						assert.equal(bands.length, 96);
						for (const band of bands)
							assert.ok(
								kepco.book.bands.some((known) => known.id === band),
								band,
							);
					}
				}
			}
		}
	});

	it("and days of 92, 96 and 100 intervals add up in any zone", () => {
		const zones = ["Asia/Seoul", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"];
		fc.assert(
			fc.property(
				fc.constantFrom(...zones),
				fc.integer({ min: 20_000, max: 21_500 }),
				fc.integer({ min: 1, max: 60 }),
				(timeZone, day, length) => {
					const [tariff] = tariffsOf(
						simpleBook({ baseRateKrwPerKwh: 100, touPeakRate: 2, touOffPeakRate: 1, timeZone }),
					);
					assert.ok(tariff);
					const calendar = compilePrices(tariff, day, day + length, { holidays: siteHolidays() });
					assert.equal(calendar.count * 900_000, calendar.endMs - calendar.startMs);
					assert.equal(calendar.days.length, length);
					const clock = clockOf(timeZone);
					for (let i = 0; i < calendar.count; i++) {
						const ms = calendar.startMs + i * 900_000;
						const minute = clock.minuteAt(ms);
						const peak = weekdayOf(clock.dayAt(ms)) <= 5 && minute >= 540 && minute < 1260;
						assert.equal(
							calendar.slots[calendar.slotOf[i] ?? -1]?.band,
							peak ? "on-peak" : "off-peak",
							clock.isoAt(ms),
						);
					}
				},
			),
			{ numRuns: 40 },
		);
	});
});

describe("dynamic prices", () => {
	const [tariff] = tariffsOf(dynamicBook());
	assert.ok(tariff);
	it("hold from their time to the next", () => {
		const series = new PriceSeries([
			{ time: "2026-05-01T01:00:00+09:00", price: 130.5 },
			{ time: "2026-05-01T00:00:00+09:00", price: 90 },
		]);
		const dynamic = new Pricer({ tariff, holidays: siteHolidays(), series });
		assert.equal(dynamic.energyPrice(at("2026-05-01T00:59")), 90);
		assert.equal(dynamic.energyPrice(at("2026-05-01T01:59")), 130.5);
		assert.ok(Number.isNaN(dynamic.energyPrice(at("2026-05-01T02:00"))), "unknown is not zero");
		assert.equal(dynamic.costOfIntervals(at("2026-05-01T00:45"), [10, 10]).toNumber(), 2205);
		assert.throws(() => dynamic.costOfIntervals(at("2026-05-01T01:45"), [1, 1]), { code: "tariff.price-missing" });
	});
	it("are refused where they contradict themselves", () => {
		assert.throws(() => new PriceSeries([]), { code: "tariff.series" });
		assert.throws(
			() =>
				new PriceSeries([
					{ time: 0, price: 1 },
					{ time: 0, price: 2 },
				]),
			{ code: "tariff.series" },
		);
		assert.throws(() => new PriceSeries([{ time: "noon", price: 1 }]), { code: "tariff.series" });
	});
});

describe("bands of 2018 against the steel plant's own labels", () => {
	const path = join(packageRoot, "../shared/data/steel/steel-2018-jan-oct.csv");
	it("agree on every day that isn't Sunday, holiday or light throughout", function () {
		if (!existsSync(path)) {
			console.log(`      skipped: ${path} is not there`);
			this.skip();
		}
		const labels: Record<string, string> = { Light_Load: "off-peak", Medium_Load: "mid-peak", Maximum_Load: "on-peak" };
		const rows = readFileSync(path, "utf8").trim().split(/\r?\n/).slice(1);
		const schedule = kepco.book.schedules["hours-2013"];
		assert.ok(schedule);
		let compared = 0;
		const wrong: string[] = [];
		for (let first = 0; first + 96 <= rows.length; first += 96) {
			const day = dayNumberOf(2018, 1, 1) + first / 96;
			// Labels are interval ends: the row of 00:15 belongs to the interval that starts the day.
			const found = rows.slice(first, first + 96).map((row) => labels[row.split(",")[10] ?? ""] ?? "");
			const type = dayTypeOf(kepco.book.dayTypes, day, holidays);
			if (type === "sunday" || type === "holiday" || found.every((band) => band === "off-peak")) continue;
			// The column has the hours' band: a Saturday's on-peak is on-peak there, though its energy is charged as mid-peak.
			const bands = bandsOf(schedule, civilOf(day).month, type, "demand");
			const differing = bands.flatMap((band, quarter) => (band === found[quarter] ? [] : [quarter]));
			if (differing.length > 0) wrong.push(`${isoOf(day)} ${type}: ${differing.length}, first ${differing[0]}`);
			compared++;
		}
		assert.ok(compared > 150, `${compared} days compared`);
		assert.deepEqual(wrong, []);
	});
	it("know the days of the data", () => assert.equal(weekdayOf(parseDate("2018-01-01")), 1));
});
