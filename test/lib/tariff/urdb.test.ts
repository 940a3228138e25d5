import assert from "node:assert/strict";
import { siteHolidays } from "../../../lib/calendar/holidays.ts";
import type { EnergyError } from "../../../lib/errors.ts";
import { type Bill, billMonth } from "../../../lib/tariff/bill.ts";
import { intervalLoad, uniformLoad } from "../../../lib/tariff/load.ts";
import { Pricer } from "../../../lib/tariff/pricer.ts";
import { type Tariff, tariffsOf } from "../../../lib/tariff/registry.ts";
import { importUrdb } from "../../../lib/tariff/urdb.ts";

const hours = (of: (hour: number, month: number) => number): number[][] =>
	Array.from({ length: 12 }, (_, month) => Array.from({ length: 24 }, (_, hour) => of(hour, month)));
const summer = (month: number): boolean => month >= 5 && month <= 8;

/** A US industrial rate as URDB writes them: peak afternoons in summer, tiers, flat and time-of-use demand. */
const rate = {
	label: "5f0c-test",
	utility: "Example Electric",
	name: "Large Power",
	startdate: 1_704_067_200,
	energyratestructure: [
		[
			{ rate: 0.06, adj: 0.005, max: 10_000, unit: "kWh" },
			{ rate: 0.05, adj: 0.005 },
		],
		[{ rate: 0.12, adj: 0.005 }],
	],
	energyweekdayschedule: hours((hour, month) => (summer(month) && hour >= 12 && hour < 18 ? 1 : 0)),
	energyweekendschedule: hours(() => 0),
	flatdemandstructure: [[{ rate: 8, max: 100 }, { rate: 10 }], [{ rate: 5 }]],
	flatdemandmonths: Array.from({ length: 12 }, (_, month) => (summer(month) ? 0 : 1)),
	flatdemandunit: "kW",
	demandratestructure: [[{ rate: 0 }], [{ rate: 12.5 }]],
	demandweekdayschedule: hours((hour) => (hour >= 14 && hour < 18 ? 1 : 0)),
	demandweekendschedule: hours(() => 0),
	coincidentratestructure: [[{ rate: 3 }]],
	coincidentrateschedule: hours(() => 0),
	fixedchargefirstmeter: 250,
	fixedchargeunits: "$/month",
};

const [tariff] = tariffsOf(importUrdb(rate, { timeZone: "America/Denver" }));
assert.ok(tariff);
const bill = (of: Tariff, month: string, kw: number, more: object = {}): Bill =>
	billMonth({
		tariff: of,
		month,
		contract: { contractKw: 1000 },
		holidays: siteHolidays(),
		load: (calendar) => uniformLoad(kw, calendar),
		...more,
	});

describe("a rate of the OpenEI database", () => {
	it("keeps its id, its currency and its start", () => {
		assert.equal(tariff.id, "urdb/5f0c-test");
		assert.equal(tariff.book.currency, "USD");
		assert.equal(tariff.versions[0]?.effective, "2024-01-01");
	});

	it("prices an hour by month, kind of day and clock", () => {
		const pricer = new Pricer({ tariff, holidays: siteHolidays() });
		assert.equal(pricer.energyPrice(Date.parse("2026-07-06T12:00:00-06:00")), 0.125);
		assert.equal(pricer.energyPrice(Date.parse("2026-07-06T18:00:00-06:00")), 0.065);
		assert.equal(pricer.energyPrice(Date.parse("2026-07-05T12:00:00-06:00")), 0.065);
		assert.equal(pricer.energyPrice(Date.parse("2026-12-07T12:00:00-07:00")), 0.065);
	});

	it("bills tiers, flat and time-of-use demand, coincident demand and the fixed charge", () => {
		// July 2026 at 150 kW: 23 weekdays × 6 peak hours.
		const { lines, total } = bill(tariff, "2026-07", 150);
		assert.deepEqual(
			lines.map(({ id, band, tier, quantity, amount }) => [id, band ?? "", tier ?? 0, quantity, amount]),
			[
				["flat-0", "", 1, 100, 800],
				["flat-0", "", 2, 50, 500],
				["tou-0", "", 0, 150, 0],
				["tou-1", "", 0, 150, 1875],
				["coincident-0", "", 0, 150, 450],
				["energy", "period-0", 1, 10_000, 650],
				["energy", "period-0", 2, 80_900, 4449.5],
				["energy", "period-1", 0, 20_700, 2587.5],
				["fixed", "", 0, 1, 250],
			],
		);
		assert.equal(total, 800 + 500 + 1875 + 450 + 650 + 4449.5 + 2587.5 + 250);
	});

	it("charges the winter's flat demand in winter, in a month with a day of 100 quarter-hours", () => {
		const { lines, importKwh } = bill(tariff, "2026-11", 150);
		assert.deepEqual(
			lines.filter(({ id }) => id.startsWith("flat")).map(({ id, amount }) => [id, amount]),
			[["flat-1", 750]],
		);
		assert.equal(importKwh, (30 * 24 + 1) * 150);
	});

	it("charges coincident demand on the system's peaks where they are known", () => {
		const { lines } = bill(tariff, "2026-07", 0, {
			load: (calendar: Parameters<typeof intervalLoad>[1]) =>
				intervalLoad(
					Float64Array.from({ length: calendar.count }, (_, i) => (i === 100 ? 50 : 25)),
					calendar,
				),
			systemPeaks: [Date.parse("2026-07-10T17:00:00-06:00")],
		});
		assert.equal(lines.find(({ id }) => id === "coincident-0")?.quantity, 100);
	});

	it("is refused with every problem at once", () => {
		assert.throws(
			() =>
				importUrdb(
					{
						...rate,
						energyweekdayschedule: hours(() => 7),
						flatdemandmonths: [1],
						demandratestructure: [[{ rate: "x" }]],
					},
					{ timeZone: "America/Denver" },
				),
			(error: EnergyError) => {
				assert.equal(error.code, "tariff.urdb");
				const paths = (error.details.problems as { path: string }[]).map(({ path }) => path);
				assert.deepEqual(paths.sort(), [
					"demandratestructure[0][0].rate",
					"demandweekdayschedule",
					"energyweekdayschedule",
					"flatdemandmonths",
				]);
				return true;
			},
		);
		assert.throws(() => importUrdb([], { timeZone: "UTC" }), { code: "tariff.urdb" });
	});
});
