import assert from "node:assert/strict";
import { parseDate } from "../../../lib/calendar/civil.ts";
import { siteHolidays } from "../../../lib/calendar/holidays.ts";
import type { EnergyError } from "../../../lib/errors.ts";
import { calculateCost } from "../../../lib/tariff/calculate-cost.ts";
import { intervalLoad, UNITS_PER_KWH } from "../../../lib/tariff/load.ts";
import { csvLoad } from "../../../lib/tariff/load-csv.ts";
import { compilePrices } from "../../../lib/tariff/price-calendar.ts";
import { tariffsOf } from "../../../lib/tariff/registry.ts";
import { simpleBook } from "../../../lib/tariff/simple.ts";

const calendarOf = (timeZone: string, from: string, days: number): ReturnType<typeof compilePrices> => {
	const [tariff] = tariffsOf(simpleBook({ baseRateKrwPerKwh: 100, touPeakRate: 2, touOffPeakRate: 1, timeZone }));
	assert.ok(tariff);
	return compilePrices(tariff, parseDate(from), parseDate(from) + days, { holidays: siteHolidays() });
};

describe("a load from CSV", () => {
	const seoul = calendarOf("Asia/Seoul", "2026-06-01", 1);

	it("is found by its header, in English or Korean, with local or absolute times", () => {
		const local = csvLoad("일시;사용량(kWh)\n2026-06-01 00:15;3.5\n2026-06-01T00:30;4\n", seoul);
		assert.deepEqual([...local.slice(0, 4)], [Number.NaN, 3.5, 4, Number.NaN]);
		const absolute = csvLoad("machine,start,energyKwh\nm1,2026-05-31T15:15:00Z,3.5\n", seoul);
		assert.equal(absolute[1], 3.5);
	});
	it("may be a bare column of figures in order", () => {
		assert.deepEqual([...csvLoad("1\n2\n3.5\n", seoul).slice(0, 4)], [1, 2, 3.5, Number.NaN]);
	});
	it("takes an empty cell for a gap and passes over rows of other days", () => {
		const values = csvLoad("time,kWh\n2026-06-01T00:00,\n2026-06-01T00:15,2\n2026-06-02T00:00,9\n", seoul);
		assert.ok(Number.isNaN(values[0]));
		assert.equal(values.filter((value) => !Number.isNaN(value)).length, 1);
	});
	it("knows 24:00 as the end of a day and no later hour", () => {
		assert.equal(csvLoad("time,kWh\n2026-05-31T24:00,7\n", seoul)[0], 7);
		for (const time of ["2026-05-31T24:15", "2026-05-31T25:00", "2026-06-01T00:75"]) {
			assert.throws(() => csvLoad(`time,kWh\n${time},7\n`, seoul), { code: "tariff.csv" });
		}
	});
	it("takes a quoted cell whole: thousands with a comma are refused, not read as their first digits", () => {
		assert.equal(csvLoad('"time","kWh"\n"2026-06-01T00:00","2.5"\n', seoul)[0], 2.5);
		assert.throws(() => csvLoad('time,kWh\n2026-06-01T00:00,"1,234"\n', seoul), { code: "tariff.csv" });
	});
	it("names every line that can't be read, all at once", () =>
		assert.throws(
			() =>
				csvLoad(
					"time,kWh\n2026-06-01T00:00,x\nsoon,1\n2026-06-01T00:05,1\n2026-06-01T00:15,1\n2026-06-01T00:15,2\n",
					seoul,
				),
			(error: EnergyError) => {
				assert.equal(error.code, "tariff.csv");
				assert.deepEqual(
					(error.details.problems as { path: string }[]).map(({ path }) => path),
					["line 2", "line 3", "line 4", "line 6"],
				);
				return true;
			},
		));
});

describe("gaps in a load", () => {
	it("are filled from the same quarter-hour of like days", () => {
		// Monday 1 June to Sunday 14 June 2026; weekdays have 10, weekends 2.
		const calendar = calendarOf("Asia/Seoul", "2026-06-01", 14);
		const kwh = Array.from(
			{ length: calendar.count },
			(_, i) => (Math.floor(i / 96) % 7 < 5 ? 10 : 2) as number | null,
		);
		kwh[50] = null;
		kwh[5 * 96 + 50] = null;
		const load = intervalLoad(kwh, calendar);
		assert.equal(load.gaps, 2);
		assert.equal((load.units[50] ?? 0) / UNITS_PER_KWH, 10);
		assert.equal((load.units[5 * 96 + 50] ?? 0) / UNITS_PER_KWH, 2);
		assert.equal(load.estimatedUnits / UNITS_PER_KWH, 12);
	});
	it("are filled on days of 100 quarter-hours, too", () => {
		const calendar = calendarOf("America/New_York", "2026-11-01", 7);
		assert.equal(calendar.count, 7 * 96 + 4);
		const kwh = new Float64Array(calendar.count).fill(3);
		kwh[98] = Number.NaN;
		const load = intervalLoad(kwh, calendar);
		assert.equal((load.units[98] ?? 0) / UNITS_PER_KWH, 3);
	});
});

describe("dynamic prices on a bill", () => {
	const prices = Array.from({ length: 720 }, (_, hour) => ({
		time: Date.parse("2026-06-01T00:00:00+09:00") + hour * 3_600_000,
		krwPerKwh: hour % 2 ? 100.1 : 50.3,
	}));
	const base = { tariff: "dynamic/series", month: "2026-06", contractKw: 100, load: { uniformKw: 10 } };
	it("are one line with the mean price", () => {
		const cost = calculateCost({ ...base, prices });
		assert.deepEqual(
			cost.lines.map(({ quantity, rateKrw, amountKrw }) => [quantity, rateKrw, amountKrw]),
			[[7200, 75.2, 541_440]],
		);
		assert.equal(cost.totalKrw, 541_440);
	});
	it("must be there wherever there is load", () => {
		assert.throws(() => calculateCost(base), { code: "tariff.series-needed" });
		assert.throws(() => calculateCost({ ...base, prices: prices.slice(0, 700) }), {
			code: "tariff.price-missing",
			details: { from: "2026-06-30T04:00:00+09:00" },
		});
	});
	it("may replace the energy rates of a tariff whose demand charge stays", () => {
		const cost = calculateCost({ ...base, tariff: "kepco/industrial-b/high-a/II", prices });
		assert.equal(cost.energyKrw, 541_440);
		assert.equal(cost.demandKrw, 30 * 8320);
	});
});
