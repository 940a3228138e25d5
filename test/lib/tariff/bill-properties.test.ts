import assert from "node:assert/strict";
import fc from "fast-check";
import { parseMonth } from "../../../lib/calendar/civil.ts";
import { koreanHolidays } from "../../../lib/calendar/holidays.ts";
import { readData } from "../../../lib/data.ts";
import { runBillCases } from "../../../lib/tariff/bill-cases.ts";
import { exactCost } from "../../../lib/tariff/bill-energy.ts";
import { billingDays } from "../../../lib/tariff/billing-days.ts";
import { calculateCost } from "../../../lib/tariff/calculate-cost.ts";
import { intervalLoad } from "../../../lib/tariff/load.ts";
import { Exact } from "../../../lib/tariff/money.ts";
import { compilePrices } from "../../../lib/tariff/price-calendar.ts";
import { shippedTariffs } from "../../../lib/tariff/registry.ts";

const ids = shippedTariffs()
	.ids()
	.filter((id) => id.startsWith("kepco/"));
const holidays = koreanHolidays();

const months = ["2026-03", "2026-04", "2026-05", "2026-08", "2026-12"];
/** A month's tariff, the length of the month and a seed for its load. */
const scene = fc.record({
	tariff: fc.constantFrom(...ids),
	month: fc.constantFrom(...months),
	seed: fc.integer({ min: 1, max: 1_000_000 }),
	contractKw: fc.integer({ min: 50, max: 600 }),
	laggingDay: fc.integer({ min: 55, max: 100 }),
});

function loadOf(month: string, seed: number): number[] {
	const [first, end] = billingDays(parseMonth(month));
	let state = seed;
	return Array.from({ length: (end - first) * 96 }, () => {
		state = (state * 48_271) % 2_147_483_647;
		return (state % 100_000) / 1000;
	});
}

describe("the regression suite of bills", () => {
	it("is exact to the won, by a program written apart from this one", () => {
		const result = runBillCases(readData<unknown>("test/lib/tariff/bills.json"));
		assert.deepEqual(result.failed, []);
		assert.ok(result.cases >= 35);
	});
	it("would tell what differs", () => {
		const [failed] = runBillCases([
			{
				name: "wrong",
				tariff: ids[0],
				month: "2026-05",
				contractKw: 300,
				load: { uniformKw: 1 },
				expected: { totalKrw: 1, lines: [{ id: "vat" }] },
			},
		]).failed;
		assert.deepEqual(
			failed?.differences.map(({ path }) => path),
			["totalKrw"],
		);
		assert.deepEqual(
			runBillCases([
				{
					tariff: "none",
					month: "2026-05",
					contractKw: 1,
					load: { uniformKw: 1 },
					expected: { error: "tariff.unknown" },
				},
			]).exact,
			1,
		);
	});
});

describe("a bill", () => {
	it("never falls when the load rises, at the same power factor and history", () =>
		fc.assert(
			fc.property(
				scene,
				fc.array(fc.tuple(fc.nat(2975), fc.double({ min: 0, max: 50, noNaN: true })), { minLength: 1, maxLength: 20 }),
				(given, more) => {
					const { tariff, month, seed, contractKw, laggingDay } = given;
					const intervals = loadOf(month, seed);
					const bill = (load: number[]): number =>
						calculateCost({
							tariff,
							month,
							contractKw,
							load: { intervals: load },
							powerFactor: { laggingDay },
							priorNotices: 1,
						}).totalKrw;
					const before = bill(intervals);
					for (const [index, kwh] of more)
						intervals[index % intervals.length] = (intervals[index % intervals.length] ?? 0) + kwh;
					assert.ok(bill(intervals) >= before);
				},
			),
			{ numRuns: 40 },
		));

	it("costs the same energy however the month is split", () =>
		fc.assert(
			fc.property(scene, fc.nat(2880), ({ tariff, month, seed }, cut) => {
				const calendar = compilePrices(shippedTariffs().get(tariff), ...billingDays(parseMonth(month)), { holidays });
				const { units } = intervalLoad(loadOf(month, seed), calendar);
				const parts = exactCost(calendar, units, 0, cut).plus(exactCost(calendar, units, cut, calendar.count));
				assert.ok(parts.equals(exactCost(calendar, units, 0, calendar.count)));
			}),
			{ numRuns: 40 },
		));

	it("has every kWh in exactly one band and its lines add up to its total", () =>
		fc.assert(
			fc.property(scene, ({ tariff, month, seed, contractKw }) => {
				const intervals = loadOf(month, seed);
				const cost = calculateCost({ tariff, month, contractKw, load: { intervals } });
				const { offPeak, midPeak, onPeak } = cost.energyKwh;
				assert.ok(Math.abs(offPeak + midPeak + onPeak - intervals.reduce((a, b) => a + b, 0)) < 1e-6);
				const sum = cost.lines.reduce((total, { amountKrw }) => total + amountKrw, 0);
				assert.equal(cost.totalKrw, Math.floor(sum / 10) * 10);
				for (const { amountKrw } of cost.lines) assert.ok(Number.isInteger(amountKrw));
			}),
			{ numRuns: 30 },
		));
});

describe("money", () => {
	const decimal = fc
		.tuple(fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }), fc.integer({ min: 0, max: 6 }))
		.map(([digits, places]) => Number(`${digits}e-${places}`));
	it("is what the decimal says, not its binary neighbour", () => {
		assert.equal(Exact.of(0.1).plus(Exact.of(0.2)).toNumber(), 0.3);
		assert.equal(Exact.of(1.005).times(Exact.of(1000)).toNumber(), 1005);
		assert.equal(Exact.of("1e-7").toNumber(), 1e-7);
	});
	it("goes through text and sums without loss", () =>
		fc.assert(
			fc.property(decimal, decimal, (a, b) => {
				assert.equal(Exact.of(a).toNumber(), a === 0 ? 0 : a);
				assert.ok(Exact.of(a).plus(Exact.of(b)).minus(Exact.of(b)).equals(Exact.of(a)));
			}),
		));
	it("is cut towards zero and rounded half away from it", () => {
		const won = (value: number, mode: "cut" | "round", step = 1): number =>
			Exact.of(value).rounded({ mode, step }).toNumber();
		assert.deepEqual([won(1.9, "cut"), won(-1.9, "cut"), won(19, "cut", 10)], [1, -1, 10]);
		assert.deepEqual(
			[won(1.5, "round"), won(-1.5, "round"), won(1.49, "round"), won(0.005, "round", 0.01)],
			[2, -2, 1, 0.01],
		);
	});
});
