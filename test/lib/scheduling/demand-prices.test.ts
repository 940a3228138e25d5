import assert from "node:assert/strict";
import { parseMonth } from "../../../lib/calendar/civil.ts";
import { koreanHolidays } from "../../../lib/calendar/holidays.ts";
import { demandChargesOf } from "../../../lib/scheduling/demand-prices.ts";
import type { DemandPrice } from "../../../lib/scheduling/problem.ts";
import { issuesOf } from "../../../lib/scheduling/validate.ts";
import { type DemandSituation, Pricer } from "../../../lib/tariff/pricer.ts";
import { shippedTariffs } from "../../../lib/tariff/registry.ts";

const pricer = new Pricer({
	tariff: shippedTariffs().get("kepco/industrial-b/high-a/II"),
	holidays: koreanHolidays(),
});
const QUARTER_MS = 900_000;
/** 2026-08-19 00:00 in Seoul, a Wednesday. */
const AUGUST = Date.UTC(2026, 7, 18, 15);
const situation = (peaks: Record<string, number>, more: Partial<DemandSituation> = {}): DemandSituation => ({
	contractKw: 300,
	history: new Map(Object.entries(peaks).map(([month, kw]) => [parseMonth(month), { kw }])),
	...more,
});
const ordinary = Object.fromEntries(
	Array.from({ length: 12 }, (_, k) => [`${k < 5 ? 2025 : 2026}-${String(((k + 7) % 12) + 1).padStart(2, "0")}`, 100]),
);

/** What a peak in each interval would cost by the charges. */
const krwOf = (charges: readonly DemandPrice[], kw: readonly number[]): number =>
	charges.reduce((sum, { steps, counted }) => {
		const peak = Math.max(0, ...kw.filter((_, t) => counted?.[t] ?? true));
		const above = ({ aboveKw, krwPerKw }: DemandPrice["steps"][number], k: number) =>
			Math.max(0, Math.min(peak, steps[k + 1]?.aboveKw ?? Number.POSITIVE_INFINITY) - aboveKw) * krwPerKw;
		return sum + steps.reduce((total, step, k) => total + above(step, k), 0);
	}, 0);

describe("demand charges of a scheduling problem", () => {
	const day = { startMs: AUGUST, intervals: 96 };

	it("price a kW as the tariff's marginal price of it does, at every level", () => {
		const known = situation({ ...ordinary, "2026-01": 132, "2026-03": 180 });
		const charges = demandChargesOf(pricer, known, day);
		assert.equal(charges.length, 1);
		const at = AUGUST + 64 * QUARTER_MS;
		for (const kw of [80, 100, 101, 120, 131.5, 132, 140, 180, 181, 250, 299]) {
			const peak = Array.from({ length: 96 }, (_, t) => (t === 64 ? kw : 0));
			const exact = pricer.demandPrice(at, kw, known).amount.toNumber();
			assert.ok(Math.abs(krwOf(charges, peak) - exact) < 0.01, `${kw} kW: ${exact}`);
		}
	});

	it("count only what the tariff counts: nothing at night", () => {
		const [charge] = demandChargesOf(pricer, situation(ordinary), day);
		assert.equal(charge?.counted?.[2], false);
		assert.equal(charge?.counted?.[64], true);
		const sunday = { startMs: Date.UTC(2026, 7, 22, 15), intervals: 96 };
		assert.deepEqual(demandChargesOf(pricer, situation(ordinary), sunday), []);
		const hours = demandChargesOf(pricer, situation(ordinary), { startMs: AUGUST, intervals: 24, intervalMinutes: 60 });
		assert.equal(hours[0]?.counted?.[16], true);
		assert.equal(hours[0]?.counted?.[1], false);
	});

	it("begin at the peak that is paid for anyway, and at the floor of the contract", () => {
		const [charge] = demandChargesOf(pricer, situation({ ...ordinary, "2026-08": 150 }), day);
		assert.equal(charge?.steps[0]?.aboveKw, 150);
		const [floor] = demandChargesOf(pricer, situation(ordinary, { contractKw: 1000 }), day);
		assert.equal(floor?.steps[0]?.aboveKw, 300);
	});

	it("grow with the surcharge above the contract demand, never below what it is", () => {
		const known = situation({ ...ordinary, "2026-08": 300 }, { overContractNotices: 1 });
		const charges = demandChargesOf(pricer, known, day);
		const at = AUGUST + 64 * QUARTER_MS;
		for (const kw of [300, 310, 330, 359.5, 360, 380, 400, 450, 500, 700]) {
			const peak = Array.from({ length: 96 }, (_, t) => (t === 64 ? kw : 0));
			const exact = pricer.demandPrice(at, kw, known).amount.toNumber();
			const ours = krwOf(charges, peak);
			assert.ok(ours >= exact - 0.01, `${kw} kW: ${ours} < ${exact}`);
			if (kw !== 359.5) assert.ok(Math.abs(ours - exact) < 0.01, `${kw} kW: ${ours} ${exact}`);
		}
	});

	it("do not pay twice for the bills that peaks on both sides of a month's turn would set", () => {
		// 2026-08-31 12:00 to 2026-09-01 12:00 in Seoul: August is kept for a year, and so is September.
		const turn = { startMs: Date.UTC(2026, 7, 31, 3), intervals: 96 };
		const known = situation(ordinary);
		const charges = demandChargesOf(pricer, known, turn);
		assert.deepEqual(
			charges.map(({ name }) => name),
			["2026-08", "2026-08, 2026-09", "2026-09"],
		);
		const at = (t: number, kw: number) => Array.from({ length: 96 }, (_, k) => (k === t ? kw : 0));
		const august = pricer.demandPrice(turn.startMs + 12 * QUARTER_MS, 150, known).amount.toNumber();
		assert.ok(Math.abs(krwOf(charges, at(12, 150)) - august) < 0.01);
		const both = at(12, 150).map((kw, t) => (t === 92 ? 150 : kw));
		const rate = Number(pricer.demandRates("demand")(parseMonth("2026-09")).toNumber());
		// September's peak adds only the one bill that August's does not reach.
		assert.ok(Math.abs(krwOf(charges, both) - august - 50 * rate) < 0.01);
	});

	it("fit a problem as they are", () => {
		const demandCharges = demandChargesOf(pricer, situation(ordinary), day);
		const energyPriceKrwPerKwh = new Array<number>(96).fill(100);
		const problem = { start: new Date(AUGUST).toISOString(), intervals: 96, energyPriceKrwPerKwh, demandCharges };
		assert.deepEqual(issuesOf({ ...problem, machines: [], jobs: [] }), []);
	});
});
