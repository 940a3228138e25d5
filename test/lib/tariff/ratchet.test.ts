import assert from "node:assert/strict";
import { parseMonth } from "../../../lib/calendar/civil.ts";
import { koreanHolidays, siteHolidays } from "../../../lib/calendar/holidays.ts";
import { Exact } from "../../../lib/tariff/money.ts";
import { Pricer } from "../../../lib/tariff/pricer.ts";
import { billingDemand, demandCost, type Peak } from "../../../lib/tariff/ratchet.ts";
import { shippedTariffs, tariffsOf } from "../../../lib/tariff/registry.ts";
import { importUrdb } from "../../../lib/tariff/urdb.ts";
import { billYear } from "../../../lib/tariff/year.ts";

const kepco = shippedTariffs().get("kepco/industrial-b/high-a/II");
const [charge] = kepco.terms.demand;
assert.ok(charge);
const at = (iso: string): number => Date.parse(iso);

/** 100 kW in every month from August 2025 on, but 132 kW in January 2026. */
const history = new Map<number, Peak>();
for (let month = parseMonth("2025-08"); month <= parseMonth("2026-08"); month++) history.set(month, { kw: 100 });
history.set(parseMonth("2026-01"), { kw: 132 });
const expected = new Map<number, Peak>();
for (let month = parseMonth("2026-09"); month <= parseMonth("2027-12"); month++) expected.set(month, { kw: 100 });

/** A month's demand charge under the ratchet, with the peaks above. */
const inputOf = (month: string) => ({
	charge,
	contractKw: 300,
	month: parseMonth(month),
	history,
	expected,
	rateOf: () => Exact.of(8320),
});

describe("the demand ratchet", () => {
	it("charges no less than 30 % of the contract", () => {
		const billed = billingDemand(charge, parseMonth("2026-05"), { kw: 50 }, new Map(), 300);
		assert.deepEqual([billed.kw.toNumber(), billed.setBy], [90, "floor"]);
	});

	it("prices a kW by what it adds to this and the next eleven months", () => {
		const input = inputOf("2026-08");
		const cost = demandCost(input, 130);
		assert.equal(cost.amount.toNumber(), 1_747_200);
		assert.deepEqual(
			cost.months.map(({ month, baseKw }) => [month, baseKw]),
			["2027-01", "2027-02", "2027-03", "2027-04", "2027-05", "2027-06", "2027-07"].map((month) => [month, 100]),
		);
		assert.equal(cost.freeUpToKw, 100);
		assert.equal(
			demandCost({ ...input, expected: undefined }, 130).amount.toNumber(),
			1_747_200,
			"an ordinary month is taken ahead",
		);
	});

	it("prices nothing where the floor or a higher peak covers every month it would reach", () => {
		const input = inputOf("2026-08");
		assert.equal(demandCost(input, 100).amount.sign, 0);
		assert.equal(demandCost({ ...input, contractKw: 500 }, 130).amount.sign, 0, "the floor is 150 kW");
	});

	it("reaches this month only from a month that isn't kept", () => {
		const input = inputOf("2026-10");
		const cost = demandCost(input, 150);
		assert.deepEqual(
			cost.months.map(({ month }) => month),
			["2026-10"],
		);
		assert.equal(cost.amount.toNumber(), 18 * 8320);
		assert.equal(cost.freeUpToKw, 132);
	});
});

describe("the price of a kW at a moment", () => {
	const pricer = new Pricer({ tariff: kepco, holidays: koreanHolidays() });
	const situation = { contractKw: 300, history, expected };

	it("is nothing off-peak, on Sundays and on holidays", () => {
		for (const time of ["2026-08-03T23:00+09:00", "2026-08-02T15:00+09:00", "2026-08-17T15:00+09:00"]) {
			const price = pricer.demandPrice(at(time), 500, situation);
			assert.equal(price.countsForDemand, false, time);
			assert.equal(price.amount.sign, 0, time);
		}
	});
	it("is the projected ratchet's in a counting interval, and one kW more costs one kW more", () => {
		assert.equal(pricer.demandPrice(at("2026-08-03T15:00+09:00"), 130, situation).amount.toNumber(), 1_747_200);
		assert.equal(pricer.marginalKw(at("2026-08-03T15:00+09:00"), 110, situation).toNumber(), 7 * 8320);
		assert.equal(pricer.marginalKw(at("2026-08-03T15:00+09:00"), 140, situation).toNumber(), 12 * 8320);
		assert.equal(pricer.marginalKw(at("2026-08-03T15:00+09:00"), 50, situation).toNumber(), 0);
	});
	it("says what 38 kW over the incumbent cost a month, and until when", () => {
		const price = pricer.demandPrice(at("2026-08-03T15:00+09:00"), 170, situation);
		assert.equal(price.months[0]?.month, "2026-08");
		assert.equal(price.months[0]?.amount.toNumber(), 38 * 8320);
		assert.equal(price.months.at(-1)?.month, "2027-07");
	});
	it("has the surcharge beyond the contract, once a notice has been given", () => {
		const low = { ...situation, contractKw: 160 };
		const without = pricer.demandPrice(at("2026-08-03T15:00+09:00"), 170, low);
		const charged = pricer.demandPrice(at("2026-08-03T15:00+09:00"), 170, { ...low, overContractNotices: 1 });
		assert.equal(without.surcharge.sign, 0);
		assert.equal(charged.surcharge.toNumber(), 10 * 8320 * 1.5);
		assert.equal(charged.amount.minus(without.amount).toNumber(), 10 * 8320 * 1.5);
	});
});

describe("look-back ratchet of a US rate", () => {
	it("charges 75 % of the look-back months' peak at least", () => {
		const month = (on: number): number[] => new Array(24).fill(on);
		const flat = new Array(12).fill(0).map(() => month(0));
		const book = importUrdb(
			{
				label: "lookback",
				energyratestructure: [[{ rate: 0.1 }]],
				energyweekdayschedule: flat,
				energyweekendschedule: flat,
				flatdemandstructure: [[{ rate: 10 }]],
				flatdemandmonths: new Array(12).fill(0),
				lookbackPercent: 0.75,
				lookbackRange: 0,
				lookbackMonths: [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1],
			},
			{ timeZone: "America/Denver" },
		);
		const [tariff] = tariffsOf(book);
		assert.ok(tariff);
		const peaks = [200, 100, 100, 400, 100, 500, 100, 100, 100, 100, 100, 300];
		const kwh: number[] = [];
		// Denver's year: the month's first interval has its peak, the rest is 20 kW.
		for (const [index, kw] of peaks.entries()) {
			const days = new Date(Date.UTC(2026, index + 1, 0)).getUTCDate();
			const quarters = days * 96 - (index === 2 ? 4 : index === 10 ? -4 : 0);
			for (let i = 0; i < quarters; i++) kwh.push(i === 0 ? kw / 4 : 5);
		}
		const year = billYear({
			tariff,
			firstMonth: "2026-01",
			contract: { contractKw: 1000 },
			holidays: siteHolidays(),
			load: { kwh },
			history: "typical-year",
		});
		assert.deepEqual(
			year.bills.map(({ billingDemand: { kw } }) => kw.toNumber()),
			[300, 300, 300, 400, 300, 500, 300, 300, 300, 300, 300, 300],
		);
		assert.equal(year.demand, 3900 * 10);
	});
});
