import assert from "node:assert/strict";
import { parseMonth } from "../../../lib/calendar/civil.ts";
import { koreanHolidays } from "../../../lib/calendar/holidays.ts";
import { storedPeaks } from "../../../lib/demand/peaks.ts";
import { TariffPricer } from "../../../lib/demand/pricer.ts";
import { priceText } from "../../../lib/demand/words.ts";
import type { IntervalsQuery } from "../../../lib/store/store.ts";
import { shippedTariffs } from "../../../lib/tariff/registry.ts";
import type { Interval } from "../../../lib/telemetry/interval.ts";

const contract = {
	tariff: shippedTariffs().get("kepco/industrial-b/high-a/II"),
	holidays: koreanHolidays(),
	contractKw: 300,
};
const peaksOf = (peaks: Record<string, number>) =>
	new Map(Object.entries(peaks).map(([month, kw]) => [parseMonth(month), { kw }]));
const ordinary = (months: readonly string[]) => Object.fromEntries(months.map((month) => [month, 100]));
const year = Array.from(
	{ length: 12 },
	(_, k) => `${k < 5 ? 2025 : 2026}-${String(((k + 7) % 12) + 1).padStart(2, "0")}`,
);
/** 2026-08-19 16:00 in Seoul: on-peak, a Wednesday. */
const AUGUST = Date.UTC(2026, 7, 19, 7);
const rateKw = contract.tariff.versions.at(-1)?.rates.demand?.demand;

describe("the price of a demand under a tariff", () => {
	it("is what it adds to the projected billing demand, though today's incumbent is higher", () => {
		const peaks = peaksOf({ ...ordinary(year), "2026-01": 132 });
		const { krw, until, incumbentKw, reason } = new TariffPricer(contract, peaks).price(130, AUGUST);
		assert.equal(typeof rateKw, "number");
		assert.deepEqual(
			{ krw, until, incumbentKw, reason },
			{
				...{ krw: 30 * Number(rateKw) * 7, until: "2027-07", incumbentKw: 100, reason: "raises" },
			},
		);
	});

	it("is nothing where a higher peak, or the floor, covers every month it would reach", () => {
		const covered = new TariffPricer(contract, peaksOf({ ...ordinary(year), "2026-08": 200 }));
		assert.deepEqual([covered.price(180, AUGUST).krw, covered.price(180, AUGUST).reason], [0, "covered"]);
		const floor = new TariffPricer({ ...contract, contractKw: 1000 }, peaksOf(ordinary(year)));
		assert.deepEqual([floor.price(290, AUGUST).krw, floor.price(290, AUGUST).incumbentKw], [0, 300]);
	});

	it("is nothing at night, on Sundays and holidays", () => {
		const pricer = new TariffPricer(contract, peaksOf(ordinary(year)));
		const liberation = Date.UTC(2026, 7, 15, 7);
		for (const atMs of [Date.UTC(2026, 7, 19, 15), Date.UTC(2026, 7, 23, 7), liberation]) {
			assert.equal(pricer.price(290, atMs).reason, "not-counted", new Date(atMs).toISOString());
		}
	});

	it("grows with the surcharge above the contract demand", () => {
		const pricer = new TariffPricer(contract, peaksOf({ ...ordinary(year), "2026-08": 300 }));
		const below = pricer.price(300, AUGUST);
		const above = pricer.price(330, AUGUST);
		assert.equal(below.krw, 0);
		// Twelve months of 30 kW more, and once 150 % of the rate for the excess of 10 %.
		assert.equal(above.krw, 30 * Number(rateKw) * 12 + 30 * Number(rateKw) * 1.5);
	});

	it("learns from each quarter-hour that counts", () => {
		const pricer = new TariffPricer(contract, peaksOf(ordinary(year)));
		assert.ok(pricer.price(140, AUGUST).krw > 0);
		pricer.note(150, AUGUST - 900_000);
		assert.equal(pricer.price(140, AUGUST).krw, 0);
		pricer.note(280, Date.UTC(2026, 7, 18, 17));
		assert.ok(pricer.price(160, AUGUST).krw > 0, "a night's demand is no incumbent");
	});

	it("reads as the plant speaks of it", () => {
		const pricer = new TariffPricer(contract, peaksOf({ ...ordinary(year), "2026-08": 110 }));
		assert.match(
			priceText(pricer.price(148, AUGUST), 148, "en-US"),
			/^\+38 kW over the incumbent = ₩[\d,]+,000 a month until 2027-07$/,
		);
	});

	it("takes the past from the stored quarter-hours, those that count", async () => {
		const stored = (startMs: number, energyKwh: number): Interval => ({
			...{ site: "demo", machine: "main", startMs, durationMs: 900_000, energyKwh, estimatedKwh: 0 },
			...{ meanKw: 0, maxKw: 0, minKw: 0, coverage: 1, quality: "good", samples: 1 },
		});
		const items = [
			stored(Date.UTC(2026, 6, 7, 7), 45),
			stored(Date.UTC(2026, 6, 7, 17), 80),
			stored(Date.UTC(2026, 7, 18, 7), 41),
			stored(Date.UTC(2026, 7, 18, 8), 40),
		];
		const asked: IntervalsQuery[] = [];
		const intervals = async (query: IntervalsQuery) => {
			asked.push(query);
			return query.cursor ? { items: items.slice(2) } : { items: items.slice(0, 2), nextCursor: "more" };
		};
		const peaks = await storedPeaks({ intervals }, "demo", ["main"], contract, AUGUST);
		assert.deepEqual(
			[...peaks],
			[
				[parseMonth("2026-07"), { kw: 180, atMs: Date.UTC(2026, 6, 7, 7) }],
				[parseMonth("2026-08"), { kw: 164, atMs: Date.UTC(2026, 7, 18, 7) }],
			],
		);
		assert.equal(asked.length, 2);
	});
});
