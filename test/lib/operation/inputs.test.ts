import assert from "node:assert/strict";
import { baseLoadOf } from "../../../lib/operation/base-load.ts";
import { demoOrders } from "../../../lib/operation/demo.ts";
import { ordersOfCsv } from "../../../lib/operation/order-csv.ts";
import { type OrderIssue, parseOrders } from "../../../lib/operation/order-input.ts";
import { DemandPricer, energyPrices, pricesDiffer } from "../../../lib/operation/prices.ts";
import type { JobRecord } from "../../../lib/operation/records.ts";
import { windowsOf } from "../../../lib/operation/working-time.ts";
import { demoPlant, siteOfPlant } from "../../../lib/plant/definition.ts";
import { openStore } from "../../../lib/store/open.ts";
import type { Store } from "../../../lib/store/store.ts";
import { pricerOf } from "../../../lib/tariff/contract.ts";
import type { Interval } from "../../../lib/telemetry/interval.ts";
import { FORECAST_JOURNAL, type IssuedForecast, packForecast } from "../../../models/forecast/issued.ts";
import { plantContract } from "../cost/contract.ts";
import { at, HOUR, order, START, site } from "./world.ts";

const QUARTER = 900_000;
const around = { site: site(), known: ["OLD"], nowMs: START };
const issuesOf = (read: () => unknown): OrderIssue[] => {
	try {
		read();
	} catch (error) {
		return (error as { details: { issues: OrderIssue[] } }).details.issues;
	}
	return [];
};
const codes = (issues: OrderIssue[]): string[] =>
	issues.map(({ line, field, code }) => `${line ?? field} ${code.replace(/^\w+\./, "")}`);

describe("orders from outside", () => {
	it("come with what only people read, and may wait for a job that is known", () => {
		const given = {
			...order("J1", 30, 40),
			product: "Bar",
			quantity: 5,
			unit: "t",
			after: [{ job: "OLD", lagMinutes: 15 }],
		};
		assert.deepEqual(parseOrders(given, around), [given]);
	});

	it("are refused whole, with every mistake at once and in words", () => {
		const issues = issuesOf(() =>
			parseOrders(
				[
					{ ...order("J1", 0, 40), quantity: -1 },
					order("J2", 30, 40, { release: at("18T20:00"), deadline: at("18T19:00") }),
					order("J3", 30, 40, { after: [{ job: "J4" }] }),
					order("J4", 30, 40, { after: [{ job: "J3" }] }),
					{ ...order("J5", 30, 40), operations: [{ modes: [{ machine: "nowhere", minutes: 30, powerKw: 4 }] }] },
					{
						...order("J6", 30, 40),
						operations: [
							{
								fixed: { machine: "saw", start: at("18T19:00") },
								modes: [{ machine: "saw", minutes: 30, powerKw: 4 }],
							},
						],
					},
				],
				around,
			),
		);
		assert.deepEqual(issues.map(({ code }) => code.replace(/^\w+\./, "")).toSorted(), [
			"cycle",
			"deadline-before-release",
			"order-field",
			"order-fixed",
			"unknown-machine",
			"zero-length",
		]);
		for (const { text } of issues) assert.match(text.ko, /[가-힣]/);
		assert.match(JSON.stringify(issuesOf(() => parseOrders({ id: "X" }, around))), /operations/);
		for (const nonsense of [null, 5, "x", [], [[]], { id: 5 }])
			assert.ok(issuesOf(() => parseOrders(nonsense, around)).length > 0);
	});

	it("of a text: quotes, other delimiters, Korean names of columns, local times, machines and operations on lines", () => {
		const orders = ordersOfCsv(
			'작업번호;제품;공정;설비;소요분;전력;납기;지연비용\nJ1;"Bar; ""A""";1;saw;45;40|60|50;2026-11-19 08:00;1,500\nJ1;;1;oven;60;30;;\nJ1;;2;oven;30;20;;\n',
			around,
		);
		assert.deepEqual(orders, [
			{
				...{ id: "J1", product: 'Bar; "A"', tardinessKrwPerHour: 1500, due: "2026-11-19T08:00:00+09:00" },
				operations: [
					{
						id: "1",
						modes: [
							{ machine: "saw", minutes: 45, powerKw: [40, 60, 50] },
							{ machine: "oven", minutes: 60, powerKw: 30 },
						],
					},
					{ id: "2", modes: [{ machine: "oven", minutes: 30, powerKw: 20 }] },
				],
			},
		]);
	});

	it("of a text name each mistake by its line, all at once", () => {
		const text =
			"id,machine,minutes,powerKw,due,colour\nA,saw,30,40,,\nB,drill,30,40,soon,\n,saw,30,40,,\nC,saw,0,x,,\nD,saw,45,10|20,,\n";
		assert.deepEqual(codes(issuesOf(() => ordersOfCsv(text, around))).toSorted(), [
			"1 csv-column",
			"3 csv-time",
			"3 unknown-machine",
			"4 csv-cell-missing",
			"5 csv-number",
			"5 zero-length",
			"6 profile-length",
		]);
		assert.deepEqual(codes(issuesOf(() => ordersOfCsv("", around))), ["1 csv-empty"]);
		assert.deepEqual(codes(issuesOf(() => ordersOfCsv("id,machine\nA,saw", around))), [
			"1 csv-column-missing",
			"1 csv-column-missing",
		]);
	});

	it("of the demonstration fit the simulated plant, whatever the hour", () => {
		const plant = siteOfPlant(demoPlant(), "demo", "Asia/Seoul");
		for (const nowMs of [START, START + 7 * HOUR + 123_456]) {
			const orders = demoOrders(plant, nowMs);
			assert.ok(orders.length >= 12 && orders.length <= 20);
			assert.equal(parseOrders(orders, { site: plant, known: [], nowMs }).length, orders.length);
		}
		assert.deepEqual(demoOrders(site(), START), []);
	});
});

describe("hours of machines", () => {
	it("are shifts by the wall clock, past midnight too, and maintenance within the horizon", () => {
		const maintenance = [
			{ start: at("18T20:00"), end: at("18T21:00") },
			{ start: at("25T20:00"), end: at("25T21:00") },
		];
		const work = {
			shifts: [
				{ days: "mon-fri", from: "22:00", to: "02:00" },
				{ days: "thu", from: "02:00", to: "04:00" },
			],
			maintenance,
		};
		const windows = windowsOf(work, "Asia/Seoul", START, START + 24 * HOUR);
		assert.deepEqual(windows.shifts?.slice(1, 2), [{ start: at("18T22:00"), end: at("19T04:00") }]);
		assert.deepEqual(windows.maintenance, maintenance.slice(0, 1));
		assert.equal(windowsOf({}, "Asia/Seoul", START, START + HOUR).shifts, undefined);
	});

	it("stay at the clock's hour on the day that clocks change", () => {
		const work = { shifts: [{ days: "sun", from: "06:00", to: "14:00" }] };
		const from = Date.parse("2026-03-29T00:00:00+01:00");
		const { shifts } = windowsOf(work, "Europe/Berlin", from, from + 24 * HOUR);
		assert.deepEqual(shifts?.at(-1), { start: "2026-03-29T04:00:00.000Z", end: "2026-03-29T12:00:00.000Z" });
	});
});

describe("prices of a horizon", () => {
	const contract = plantContract({ contractKw: 700 });
	const pricer = pricerOf(contract);

	it("are what one more kWh costs, with its band", () => {
		const prices = energyPrices(pricer, START, 96);
		const index = 20;
		assert.equal(prices.krwPerKwh[index], Math.round(pricer.at(START + index * QUARTER).marginal * 10_000) / 10_000);
		assert.equal(prices.bands[index], pricer.band(START + index * QUARTER));
		assert.equal(prices.known, 96);
	});

	it("differ only where both know a time and say something else", () => {
		const whole = energyPrices(pricer, START, 96).fingerprint;
		assert.equal(pricesDiffer(whole, energyPrices(pricer, START + 3 * HOUR, 96).fingerprint), false);
		const other = pricerOf(plantContract({ tariff: "kepco/industrial-b/high-a/III" }));
		assert.equal(pricesDiffer(whole, energyPrices(other, START, 96).fingerprint), true);
	});

	it("charge a kW at what the projected ratchet makes of it, step by step, in counted quarter-hours alone", async () => {
		const peaks = plantContract({ contractKw: 700, previousPeaks: '{"2026-08": 420}' });
		const store = { intervals: () => Promise.resolve({ items: [] }) } as unknown as Store;
		const demand = await DemandPricer.of(peaks, pricer, store, site(), START);
		const day = START + 15 * HOUR;
		assert.equal(demand.incumbentKw(day), 420);
		const [charge] = demand.charges(day, 96, 600);
		assert.ok(charge);
		const [first] = charge.steps;
		assert.equal(first?.aboveKw, 420);
		assert.ok((first?.krwPerKw ?? 0) > 8_000, JSON.stringify(charge.steps));
		assert.equal(charge.counted?.[0], pricer.countsForDemand(day));
		assert.ok(charge.counted?.includes(false), "the night does not count");
		assert.deepEqual(demand.charges(day, 96, 400), [], "below what is paid for anyway a kW is free");
	});
});

describe("the load beside the jobs", () => {
	let store: Store;
	const works = site();
	const dayKw = 100;
	before(async () => {
		store = await openStore("sqlite://:memory:");
		await store.defineSite({ id: works.id, timeZone: works.timeZone });
		const fromMs = START - 14 * 24 * HOUR;
		const intervals = works.machines.flatMap(({ id }) =>
			Array.from(
				{ length: 14 * 96 },
				(_, k): Interval => ({
					...{ site: works.id, machine: id, startMs: fromMs + k * QUARTER, durationMs: QUARTER },
					...{ energyKwh: dayKw / 8, estimatedKwh: 0, meanKw: dayKw / 2, maxKw: dayKw / 2, minKw: dayKw / 2 },
					...{ coverage: 1, quality: "good", samples: 0 },
				}),
			),
		);
		await store.writeIntervals(intervals);
	});
	after(() => store.close());

	it("is the mean of the same quarter-hour in the past weeks, without what jobs drew", async () => {
		const plain = await baseLoadOf(store, works, [], START, 8);
		assert.deepEqual([plain.source, plain.kw], ["history", new Array(8).fill(dayKw)]);
		const record = {
			runs: [1, 2, 3, 4].map((days) => ({
				...{ startedMs: START - days * 24 * HOUR, endedMs: START - days * 24 * HOUR + 2 * HOUR },
				...{ powerKw: new Array(8).fill(40), stepMs: QUARTER },
			})),
		} as unknown as JobRecord;
		const without = await baseLoadOf(store, works, [record], START, 12);
		assert.ok((without.kw[0] ?? 0) < dayKw && (without.kw[0] ?? 0) >= 60, String(without.kw[0]));
		assert.equal(without.kw[11], dayKw);
	});

	it("is the newest forecast where there is one that reaches far enough, kept safe by its upper bound", async () => {
		const issued = (kwh: number, count: number): IssuedForecast => ({
			...{ machine: "total", issuedMs: START - QUARTER, stepMs: QUARTER, method: "ensemble" as const, methods: {} },
			...{ engine: { name: "typescript" as const }, share: 0.9, energyKwh: new Array(count).fill(kwh) },
			...{ lowerKwh: new Array(count).fill(kwh - 5), upperKwh: new Array(count).fill(kwh + 5) },
		});
		const keep = (forecast: IssuedForecast) =>
			store.saveDocuments({ site: works.id, kind: FORECAST_JOURNAL, journal: [packForecast(forecast)] });
		await keep(issued(20, 192));
		const load = await baseLoadOf(store, works, [], START, 96);
		assert.deepEqual([load.source, load.kw[0], load.safeKw[0], load.quantile], ["forecast", 80, 100, 0.95]);
		assert.equal((await baseLoadOf(store, works, [], START, 300)).source, "history", "it ends too soon");
		assert.equal((await baseLoadOf(store, works, [], START + 12 * HOUR, 8)).source, "history", "it is too old");
	});
});
