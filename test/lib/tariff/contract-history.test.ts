import assert from "node:assert/strict";
import fc from "fast-check";
import { dayOfMonth, isoOf, parseDate, parseMonth } from "../../../lib/calendar/civil.ts";
import {
	type BillingDays,
	billingDays,
	billingMonthOf,
	firstDayOf,
	usualLength,
} from "../../../lib/tariff/billing-days.ts";
import { calculateCost } from "../../../lib/tariff/calculate-cost.ts";
import { pricerOf } from "../../../lib/tariff/contract.ts";
import { changesOf } from "../../../lib/tariff/contract-text.ts";
import { plantContract, seoul } from "../cost/contract.ts";

const from = (text: string): number => parseDate(text);
const optionI = "kepco/industrial-b/high-a/I";
const optionII = "kepco/industrial-b/high-a/II";

describe("billing months", () => {
	const moved: BillingDays = [
		{ fromDay: Number.NEGATIVE_INFINITY, day: 1 },
		{ fromDay: from("2026-05-11"), day: 15 },
		{ fromDay: from("2026-09-01"), day: 1 },
	];
	const spanOf = (month: string, days: BillingDays): string[] => billingDays(parseMonth(month), days).map(isoOf);

	it("begin on the billing day, on the last day of shorter months", () => {
		assert.deepEqual(spanOf("2026-05", 12), ["2026-05-12", "2026-06-12"]);
		assert.deepEqual(spanOf("2028-02", 31), ["2028-02-29", "2028-03-31"]);
		assert.deepEqual(spanOf("2026-01", 30), ["2026-01-30", "2026-02-28"]);
	});

	it("are longer or shorter where the billing day moves, and lie side by side", () => {
		assert.deepEqual(spanOf("2026-05", moved), ["2026-05-15", "2026-06-15"]);
		assert.deepEqual(spanOf("2026-04", moved), ["2026-04-01", "2026-05-15"]);
		assert.deepEqual(spanOf("2026-08", moved), ["2026-08-15", "2026-09-01"]);
		assert.deepEqual([usualLength(parseMonth("2026-04"), moved), usualLength(parseMonth("2026-08"), moved)], [30, 31]);
	});

	it("hold each day once, however often the billing day moves", () => {
		const change = fc.record({
			fromDay: fc.integer({ min: 20_000, max: 21_000 }),
			day: fc.integer({ min: 1, max: 31 }),
		});
		fc.assert(
			fc.property(fc.array(change, { maxLength: 4 }), fc.integer({ min: 19_900, max: 21_200 }), (changes, day) => {
				const sorted = [
					{ fromDay: Number.NEGATIVE_INFINITY, day: 7 },
					...changes.sort((a, b) => a.fromDay - b.fromDay),
				];
				const [first, end] = billingDays(billingMonthOf(day, sorted), sorted);
				return first <= day && day < end;
			}),
		);
	});

	for (const day of [0, 32, 1.5]) {
		it(`cannot begin on the ${day}th`, () => {
			assert.throws(() => firstDayOf(parseMonth("2026-05"), day), { code: "tariff.billing-day" });
		});
	}
});

describe("the course of a contract", () => {
	const contractChanges = [
		{ from: "2026-05-11", contractKw: "900" },
		{ from: "2026-08-01", tariff: optionI, billingDay: "" },
	];
	const asOf = (day: string) => plantContract({ contractChanges }, [], day);

	it("is the contract of the day that is asked for", () => {
		const course = ["2026-05-10", "2026-05-11", "2026-07-31", "2026-08-01"].map((day) => {
			const { contractKw, tariff } = asOf(day);
			return [contractKw, tariff.id];
		});
		assert.deepEqual(course, [
			[700, optionII],
			[900, optionII],
			[900, optionII],
			[900, optionI],
		]);
	});

	it("prices each instant by the contract of its day, ahead and back, in one year", () => {
		const pricer = pricerOf(asOf("2026-05-01"));
		const alone = (tariff: string) => pricerOf(plantContract({ tariff }));
		for (const [time, tariff] of [
			["2026-03-02T16:00:00", optionII],
			["2026-07-31T16:00:00", optionII],
			["2026-08-03T16:00:00", optionI],
			["2027-01-04T16:00:00", optionI],
		] as const) {
			assert.equal(pricer.energyPrice(seoul(time)), alone(tariff).energyPrice(seoul(time)), time);
		}
		const horizon = pricer.horizon(seoul("2026-07-31T00:00:00"), 192);
		assert.equal(horizon.energy[96 + 64], alone(optionI).energyPrice(seoul("2026-08-01T16:00:00")));
		const rates = pricer.demandRates("demand");
		assert.deepEqual(
			["2026-07", "2026-08"].map((month) => rates(parseMonth(month)).toNumber()),
			[8320, 7220],
		);
	});

	it("keeps a version that was put off to the tariffs that have it", () => {
		const deferrals = '{"2026-04-16": "2026-09-01"}';
		const moved = plantContract(
			{ deferrals, contractChanges: '[{"from": "2026-07-01", "tariff": "kepco/general-b/high-a/I"}]' },
			[],
			"2026-08-01",
		);
		assert.deepEqual(moved.deferrals, {});
		assert.deepEqual(moved.history.on(from("2026-06-30")).deferrals, { "2026-04-16": "2026-09-01" });
		assert.throws(() => plantContract({ deferrals: '{"2020-01-01": "2020-02-01"}' }), { code: "tariff.deferral" });
	});

	it("knows the contract demand that a month ended with", () => {
		const { history } = asOf("2026-11-22");
		assert.deepEqual(
			["2026-04", "2026-05", "2026-06"].map((month) => history.contractKwIn(parseMonth(month))),
			[700, 900, 900],
		);
	});

	for (const [what, text] of [
		["no list", '{"from": "2026-05-11"}'],
		["no date", '[{"from": "11 May", "contractKw": 5}]'],
		["no change", '[{"from": "2026-05-11"}]'],
		["a day twice", '[{"from": "2026-05-11", "contractKw": 5}, {"from": "2026-05-11", "billingDay": 5}]'],
		["no figure", '[{"from": "2026-05-11", "contractKw": "many"}]'],
		["no day", '[{"from": "2026-05-11", "billingDay": 32}]'],
	]) {
		it(`refuses ${what}`, () => {
			assert.throws(() => changesOf(text), { code: /^(tariff\.contract|calendar\.date)$/ });
		});
	}
});

describe("a bill of a month in which the contract changes", () => {
	const month = "2026-05";
	const base = { tariff: optionII, month, contractKw: 1000, load: { uniformKw: 200 }, fuelAdjustmentKrwPerKwh: 5 };

	it("takes the floor of each part by its days", () => {
		const { lines } = calculateCost({ ...base, contractChanges: [{ from: "2026-05-11", contractKw: 2000 }] });
		const demand = lines.filter(({ id }) => id === "demand");
		// 30 % of 1,000 kW for ten days, of 2,000 kW for twenty-one.
		assert.deepEqual(
			demand.map(({ amountKrw }) => amountKrw),
			[Math.floor((300 * 8320 * 10) / 31), Math.floor((600 * 8320 * 21) / 31)],
		);
	});

	it("of a billing day that moves is as long as it is, its demand in proportion", () => {
		const { lines, warnings, importKwh } = calculateCost({
			...base,
			contractChanges: [{ from: "2026-06-10", billingDay: 15 }],
		});
		// From 1 May to 15 June.
		assert.equal(importKwh, 200 * 24 * 45);
		assert.equal(lines.find(({ id }) => id === "demand")?.amountKrw, Math.floor((300 * 8320 * 45) / 31));
		const said = warnings.find(({ code }) => code === "tariff.billing-day-change");
		assert.deepEqual([said?.details.days, said?.details.usual], [45, 31]);
	});

	it("costs as much in two parts as in one where nothing really changes", () => {
		fc.assert(
			fc.property(fc.integer({ min: 2, max: 31 }), (day) => {
				const change = { from: isoOf(dayOfMonth(parseMonth(month), day)), contractKw: 1000, tariff: optionII };
				const whole = calculateCost(base);
				const parts = calculateCost({ ...base, contractChanges: [change] });
				// Each line is cut to the won, so two lines may lose one more each.
				return whole.totalKrw - parts.totalKrw >= 0 && whole.totalKrw - parts.totalKrw <= 40;
			}),
			{ numRuns: 20 },
		);
	});
});
