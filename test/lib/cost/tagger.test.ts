import assert from "node:assert/strict";
import { PriceTagger } from "../../../lib/cost/tagger.ts";
import { pricerOf } from "../../../lib/tariff/contract.ts";
import type { Pricer } from "../../../lib/tariff/pricer.ts";
import { plantContract, seoul } from "./contract.ts";

const machines = [{ id: "press", name: "Press", area: "hall", role: "sub", ratedKw: 100 } as const];
const at = (time: string, more: object) => ({ machine: "press", time: `2026-11-23T${time}+09:00`, ...more });

describe("what passes by gets a price", () => {
	let pricer: Pricer;
	let tagger: PriceTagger;
	before(() => {
		pricer = pricerOf(plantContract());
	});
	beforeEach(() => {
		tagger = new PriceTagger(machines);
	});
	const night = (): number => pricer.energyPrice(seoul("2026-11-23T03:00:00"));
	const peak = (): number => pricer.energyPrice(seoul("2026-11-23T10:00:00"));

	it("a reading has the price and band of its time, and keeps what it was", () => {
		const reading = at("10:00:00", { powerKw: 60, quality: "good" });
		const tagged = tagger.tag(reading, pricer);
		assert.deepEqual(tagged, { ...reading, priceKrwPerKwh: peak(), band: "on-peak", costKrw: null });
		assert.deepEqual(Object.keys(reading), ["machine", "time", "powerKw", "quality"]);
	});

	it("a reading costs the energy since the one before: by the counter", () => {
		tagger.tag(at("10:00:00", { powerKw: 60, energyKwh: 1000 }), pricer);
		assert.equal(tagger.tag(at("10:01:00", { powerKw: 60, energyKwh: 1002 }), pricer).costKrw, 2 * peak());
	});

	it("or by the power where the counter began anew or jumped", () => {
		for (const energyKwh of [3, 99_000]) {
			const fresh = new PriceTagger(machines);
			fresh.tag(at("10:00:00", { powerKw: 60, energyKwh: 1000 }), pricer);
			assert.equal(fresh.tag(at("10:01:00", { powerKw: 60, energyKwh }), pricer).costKrw, peak());
		}
	});

	it("is divided where the band changes between two readings", () => {
		const change = pricer.at(seoul("2026-11-23T03:00:00")).next?.atMs ?? 0;
		const iso = (ms: number) => new Date(ms).toISOString();
		tagger.tag({ machine: "press", time: iso(change - 300_000), powerKw: 60 }, pricer);
		const { costKrw } = tagger.tag({ machine: "press", time: iso(change + 300_000), powerKw: 60 }, pricer);
		const expected = 5 * pricer.energyPrice(change - 1) + 5 * pricer.energyPrice(change);
		assert(Math.abs((costKrw ?? 0) - expected) < 1e-9);
	});

	it("costs nothing known for the first, after a silence, when late, and when bad", () => {
		const cost = (time: string, more: object = {}) => tagger.tag(at(time, { powerKw: 60, ...more }), pricer).costKrw;
		assert.equal(cost("10:00:00"), null);
		assert.equal(cost("10:20:00"), null);
		assert.equal(cost("10:10:00"), null);
		assert.equal(cost("10:21:00", { quality: "bad" }), null);
		assert.equal(cost("10:22:00"), 2 * peak());
	});

	it("an interval costs its energy; one over several bands has no band but a mean price", () => {
		const quarter = tagger.tag({ start: "2026-11-23T10:00:00+09:00", durationMs: 900_000, energyKwh: 40 }, pricer);
		assert.deepEqual([quarter.band, quarter.costKrw], ["on-peak", 40 * peak()]);
		const day = tagger.tag(
			{ start: "2026-11-23T00:00:00+09:00", end: "2026-11-24T00:00:00+09:00", energyKwh: 960 },
			pricer,
		);
		const { energy } = pricer.horizon(seoul("2026-11-23T00:00:00"), 96);
		const mean = energy.reduce((sum, price) => sum + price, 0) / 96;
		assert.equal(day.band, null);
		assert(Math.abs((day.priceKrwPerKwh ?? 0) - mean) < 1e-9);
		assert(mean > night() && mean < peak());
		assert(Math.abs((day.costKrw ?? 0) - 960 * mean) < 1e-6);
	});

	it("energy given to the grid earns what the tariff pays for it: here nothing", () => {
		const { costKrw } = tagger.tag({ start: "2026-11-23T10:00:00+09:00", durationMs: 900_000, energyKwh: -5 }, pricer);
		assert.equal(Math.abs(costKrw ?? 1), 0);
	});

	it("a price that is not published is null, never a guess: not at the end, not in a hole", () => {
		const hour = (h: number, price: number) => ({
			time: seoul(`2026-11-23T${String(h).padStart(2, "0")}:00:00`),
			price,
		});
		const dynamic = pricerOf(
			plantContract({ tariff: "dynamic/series" }, [hour(9, 90), hour(10, 100), hour(11, 110), hour(14, 140)]),
		);
		const price = (time: string) => tagger.tag(at(time, { powerKw: 1 }), dynamic).priceKrwPerKwh;
		assert.deepEqual(["08:59:59", "09:00:00", "11:59:59", "12:00:00", "13:00:00", "14:30:00", "15:00:00"].map(price), [
			null,
			90,
			110,
			null,
			null,
			140,
			null,
		]);
	});

	it("what is neither reading nor interval is refused, and said which", () => {
		for (const value of [null, 7, {}, { time: "tomorrow" }, { start: "2026-11-23T10:00:00Z", durationMs: -1 }]) {
			assert.throws(() => tagger.tag(value, pricer), { code: "tariff.not-readings" });
		}
	});
});
