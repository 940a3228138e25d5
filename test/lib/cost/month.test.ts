import assert from "node:assert/strict";
import { MonthBills } from "../../../lib/cost/month.ts";
import { TodaysCost } from "../../../lib/cost/today.ts";
import { siteLoad } from "../../../lib/report/load.ts";
import { calculateCost } from "../../../lib/tariff/calculate-cost.ts";
import type { ContractSettings } from "../../../lib/tariff/contract.ts";
import { pricerOf } from "../../../lib/tariff/contract.ts";
import { type SampleOptions, SampleStore, site } from "../report/sample.ts";
import { plantContract, seoul } from "./contract.ts";

const store = new SampleStore();
const now = seoul("2026-11-22T14:20:00");

describe("the bill of a month from the store", () => {
	it("is the bill of its quarter-hours, to the won, with the ratchet of the stored months", async () => {
		const bill = await new MonthBills(site).bill(store, plantContract(), now, "2026-10");
		const from = seoul("2026-10-01T00:00:00");
		const load = await siteLoad(store, site.id, ["main"], from, seoul("2026-11-01T00:00:00"));
		assert.equal(bill.final, true);
		assert.equal(bill.to, "2026-11-01T00:00:00+09:00");
		const input = { tariff: bill.tariff, month: "2026-10", contractKw: 700, load: { intervals: Array.from(load.kwh) } };
		const alone = calculateCost(input);
		assert.equal(bill.energyKrw, alone.energyKrw);
		assert(bill.demand.billingDemandKw >= alone.billingDemandKw);
		assert.notEqual(bill.demand.setBy, "floor");
		assert.equal(bill.projectedTotalKrw, bill.totalKrw);
		assert.equal(bill.lines.reduce((sum, { amountKrw }) => sum + amountKrw, 0) - bill.totalKrw < 10, true);
	});

	it("names the quarter-hour that set its demand, of a written peak only the month", async () => {
		const { demand } = await new MonthBills(site).bill(store, plantContract(), now, "2026-10");
		assert.deepEqual([demand.setBy, demand.at], ["history", "2026-09-01T11:30:00+09:00"]);
		const written = plantContract({ previousPeaks: '{"2026-08": 650}' });
		const other = (await new MonthBills(site).bill(store, written, now, "2026-10")).demand;
		assert.deepEqual([other.setBy, other.month, other.at], ["history", "2026-08", undefined]);
	});

	it("surcharges demand above the contract once an earlier month was above it, too", async () => {
		const surcharged = async (now: string): Promise<[boolean, boolean]> => {
			const young = new SampleStore({ sinceMs: seoul("2026-09-01T00:00:00") });
			const contract = plantContract({ contractKw: 500 });
			const { lines, warnings } = await new MonthBills(site).bill(young, contract, seoul("2026-11-22T14:20:00"), now);
			return [
				lines.some(({ id }) => id === "over-contract"),
				warnings.some(({ code }) => code === "tariff.notice-over-contract"),
			];
		};
		assert.deepEqual(await surcharged("2026-09"), [false, true]);
		assert.deepEqual(await surcharged("2026-10"), [true, false]);
	});

	it("grows: the running month is billed up to the last whole quarter-hour and projected to its end", async () => {
		const bill = await new MonthBills(site).bill(store, plantContract(), now);
		assert.deepEqual([bill.month, bill.final, bill.asOf], ["2026-11", false, "2026-11-22T14:15:00+09:00"]);
		assert((bill.projectedTotalKrw ?? 0) > bill.totalKrw);
		const last = await new MonthBills(site).bill(store, plantContract(), seoul("2026-12-02T00:00:00"), "2026-11");
		const off = (bill.projectedTotalKrw ?? 0) / last.totalKrw - 1;
		assert(Math.abs(off) < 0.05, `the projection was ${(off * 100).toFixed(1)} % off`);
	});

	it("goes by the contract of its own month, whatever holds today", async () => {
		const contractChanges = [
			{ from: "2026-10-11", contractKw: 2500 },
			{ from: "2026-11-01", tariff: "kepco/industrial-b/high-a/I", billingDay: 15 },
		];
		const contract = plantContract({ contractChanges }, [], "2026-11-22");
		const bills = new MonthBills(site);
		const [september, october, november] = await Promise.all(
			["2026-09", "2026-10", "2026-11"].map((month) => bills.bill(store, contract, now, month)),
		);
		assert.deepEqual(
			[september, october, november].map((bill) => [bill?.contractKw, bill?.tariff.at(-1), bill?.to.slice(0, 10)]),
			[
				[700, "I", "2026-10-01"],
				[2500, "I", "2026-11-15"],
				[2500, "I", "2026-12-15"],
			],
		);
		assert.match(september?.tariff ?? "", /II$/);
		assert(october?.lines.filter(({ id }) => id === "demand").length === 3, "two contract demands and two options");
		assert(october?.warnings.some(({ code }) => code === "tariff.billing-day-change"));
		assert.deepEqual(MonthBills.months(contract, now), { running: "2026-11", last: "2026-10" });
	});

	describe("has a line of power factor", () => {
		const kindOf = async (options: SampleOptions, month?: string, settings: ContractSettings = {}) => {
			const young = new SampleStore({ sinceMs: seoul("2026-11-01T00:00:00"), ...options });
			const bill = await new MonthBills(site).bill(young, plantContract(settings), now, month);
			const lines = bill.lines.filter(({ id }) => id === "power-factor");
			return { bill, amounts: lines.map(({ amountKrw }) => amountKrw), codes: bill.warnings.map(({ code }) => code) };
		};

		it("from the main meter's power factor: a rebate above the standard", async () => {
			const { bill, amounts, codes } = await kindOf({});
			assert.deepEqual(bill.powerFactor, { laggingDay: 94, leadingNight: 100, knownShare: 1 });
			// Two points above 92 % at 0.2 % of the demand charge; nothing leading by night.
			assert.deepEqual(amounts, [-Math.floor(bill.demandKrw * 0.004), 0]);
			assert(!codes.includes("tariff.power-factor-unmeasured"));
		});

		it("from its reactive power, by the signs of lagging and leading", async () => {
			const reactive = () => ({ reactivePowerKvar: -50 });
			const { bill } = await kindOf({ reactive });
			assert.equal(bill.powerFactor?.laggingDay, 97);
			assert((bill.powerFactor?.leadingNight ?? 100) < 95);
		});

		it("of a first bad month is a notice, of the next one a surcharge", async () => {
			const bad = () => ({ powerFactor: 0.85 });
			const first = await kindOf({ reactive: bad, sinceMs: seoul("2026-10-01T00:00:00") }, "2026-10");
			assert(first.codes.includes("tariff.notice-power-factor"));
			assert.equal(first.amounts.filter((won) => won > 0).length, 0);
			const second = await kindOf({ reactive: bad, sinceMs: seoul("2026-10-01T00:00:00") }, "2026-11");
			assert.deepEqual(second.amounts, [Math.floor(second.bill.demandKrw * 0.014), 0]);
		});

		it("is missing, and says so, where meters told nothing of it or too little", async () => {
			for (const reactive of [
				() => ({}),
				(at: number) => (at < seoul("2026-11-04T00:00:00") ? { powerFactor: 0.94 } : {}),
			]) {
				const { bill, amounts, codes } = await kindOf({ reactive });
				assert.deepEqual([bill.powerFactor, amounts], [null, []]);
				assert(codes.includes("tariff.power-factor-unmeasured"));
			}
		});

		it("is neither a line nor missing under a tariff without such a rule", async () => {
			const { bill, amounts, codes } = await kindOf({}, undefined, { tariff: "simple" });
			assert.deepEqual([bill.powerFactor, amounts], [null, []]);
			assert(!codes.includes("tariff.power-factor-unmeasured"));
		});

		it("is kept for the day and follows what comes", async () => {
			const bills = new MonthBills(site);
			let factor = 0.94;
			const sinceMs = seoul("2026-11-01T00:00:00");
			const changing = new SampleStore({ sinceMs, reactive: () => ({ powerFactor: factor }) });
			const before = await bills.bill(changing, plantContract(), now);
			factor = 0.7;
			const after = await bills.bill(changing, plantContract(), now + 900_000);
			assert((after.powerFactor?.laggingDay ?? 100) < (before.powerFactor?.laggingDay ?? 0));
			// The settled days are not read again with every question.
			assert((after.powerFactor?.laggingDay ?? 0) > 90);
		});
	});

	it("names what was estimated", async () => {
		const day = [seoul("2026-10-13T00:00:00"), seoul("2026-10-14T00:00:00")] as const;
		const bridged = await new MonthBills(site).bill(new SampleStore({ bridged: day }), plantContract(), now, "2026-10");
		assert(bridged.estimatedKwh > 1000);
		const gap = await new MonthBills(site).bill(new SampleStore({ gap: day }), plantContract(), now, "2026-10");
		assert(gap.estimatedKwh > 1000);
		assert(gap.warnings.some(({ code }) => code === "tariff.load-gaps"));
	});

	it("of a plant that was connected within the month begins there, and says so", async () => {
		const sinceMs = seoul("2026-11-22T12:00:00");
		const young = await new MonthBills(site).bill(new SampleStore({ sinceMs }), plantContract(), now);
		const whole = await new MonthBills(site).bill(store, plantContract(), now);
		assert(young.energyKwh > 0 && young.energyKwh < whole.energyKwh / 20);
		assert.equal(young.estimatedKwh, 0);
		const said = young.warnings.find(({ code }) => code === "tariff.bill-since");
		assert.match(said?.message.ko ?? "", /2026-11-22T12:00:00\+09:00부터/);
		assert.equal(young.projectedTotalKrw, null);
	});

	it("follows the billing day", async () => {
		const contract = plantContract({ billingDay: 15 });
		const bill = await new MonthBills(site).bill(store, contract, now);
		assert.deepEqual(
			[bill.month, bill.from, bill.to],
			["2026-11", "2026-11-15T00:00:00+09:00", "2026-12-15T00:00:00+09:00"],
		);
		assert.deepEqual(MonthBills.months(contract, seoul("2026-11-14T23:00:00")), {
			running: "2026-10",
			last: "2026-09",
		});
	});

	for (const [month, code] of [
		["2027-01", "report.future"],
		["2025-08", "report.no-data"],
		["soon", "calendar.month"],
	] as const) {
		it(`of ${month} is ${code}`, async () => {
			await assert.rejects(new MonthBills(site).bill(store, plantContract(), now, month), { code });
		});
	}

	it("with dynamic prices has no projection where tomorrow's prices are missing", async () => {
		const hours = Math.round((now - seoul("2026-09-20T00:00:00")) / 3_600_000) + 1;
		const prices = Array.from({ length: hours }, (_, hour) => ({
			time: seoul("2026-09-20T00:00:00") + hour * 3_600_000,
			price: 100,
		}));
		const bill = await new MonthBills(site).bill(store, plantContract({ tariff: "dynamic/series" }, prices), now);
		assert.equal(bill.projectedTotalKrw, null);
		assert(Math.abs(bill.energyKrw - bill.energyKwh * 100) <= 1);
	});
});

describe("what today has cost", () => {
	it("is the energy of each stored quarter-hour at its price, and says how far it goes", async () => {
		const pricer = pricerOf(plantContract());
		const at = seoul("2026-11-20T10:07:30");
		const today = await new TodaysCost(site).at(store, pricer, at);
		const start = seoul("2026-11-20T00:00:00");
		const load = await siteLoad(store, site.id, ["main"], start, seoul("2026-11-20T10:15:00"));
		const cost = load.kwh.reduce((sum, kwh, i) => sum + kwh * pricer.energyPrice(start + i * 900_000), 0);
		assert.equal(today.costKrw, Math.round(cost));
		assert.equal(today.asOf, "2026-11-20T10:07:30+09:00");
		assert.deepEqual([today.missing, today.unpriced], [0, 0]);
		assert.equal(Math.abs(today.byBand.reduce((sum, { costKrw }) => sum + costKrw, 0) - today.costKrw) <= 2, true);
	});

	it("stands beside yesterday and a week ago at the same time, where they are known", async () => {
		const pricer = pricerOf(plantContract());
		const at = seoul("2026-11-20T10:07:30");
		const { yesterdayKrw, lastWeekKrw } = await new TodaysCost(site).at(store, pricer, at);
		assert((yesterdayKrw ?? 0) > 0);
		assert((lastWeekKrw ?? 0) > 0);
		const sinceMs = seoul("2026-11-19T12:00:00");
		const short = await new TodaysCost(site).at(new SampleStore({ sinceMs }), pricer, at);
		assert.deepEqual([short.yesterdayKrw, short.lastWeekKrw], [null, null]);
	});

	it("names quarter-hours without readings and without prices", async () => {
		const gap = [seoul("2026-11-20T02:00:00"), seoul("2026-11-20T03:00:00")] as const;
		const prices = [0, 1, 2].map((h) => ({ time: seoul("2026-11-20T00:00:00") + h * 3_600_000, price: 100 }));
		const pricer = pricerOf(plantContract({ tariff: "dynamic/series" }, prices));
		const today = await new TodaysCost(site).at(new SampleStore({ gap }), pricer, seoul("2026-11-20T04:00:00"));
		assert.deepEqual([today.missing, today.unpriced], [4, 4]);
	});
});
