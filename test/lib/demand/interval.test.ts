import assert from "node:assert/strict";
import { DemandGuard } from "../../../lib/demand/guard.ts";
import { configOf, QUARTER, reading, START } from "./plant.ts";

/** A small generator with a seed, so that every run sees the same plants. */
function random(seed: number): () => number {
	let state = seed;
	return () => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return state / 2 ** 32;
	};
}

type Course = () => number;

/** One-minute powers of plants of different temper, kW. */
const plants: Record<string, (rnd: () => number) => Course> = {
	"noise around a level": (rnd) => () => 300 + 60 * (rnd() + rnd() + rnd() - 1.5),
	"a slow drift": (rnd) => {
		let kw = 600;
		return () => {
			kw += 16 * (rnd() - 0.5);
			return kw;
		};
	},
	"machines that switch on and off": (rnd) => {
		const on = [false, true, false];
		return () => {
			for (const k of on.keys()) if (rnd() < 0.08) on[k] = !on[k];
			return 200 + (on[0] ? 60 : 0) + (on[1] ? 90 : 0) + (on[2] ? 40 : 0) + 4 * rnd();
		};
	},
	"a furnace that cycles": (rnd) => {
		const period = 18 + Math.floor(rnd() * 20);
		let minute = Math.floor(rnd() * period);
		return () => 250 + (minute++ % period < period * 0.6 ? 150 : 0) + 10 * rnd();
	},
};

describe("the interval around the prediction", () => {
	for (const [name, plant] of Object.entries(plants)) {
		it(`holds the outcome about nine times in ten: ${name}`, () => {
			let given = 0;
			let held = 0;
			for (let seed = 1; seed <= 10; seed++) {
				const course = plant(random(seed * 7919));
				const guard = new DemandGuard(configOf({ limit: { kind: "target", kw: 5000 }, plausibleKw: 5000 }));
				const intervals: [number, number][] = [];
				let kw = 0;
				for (let at = START; at < START + 40 * QUARTER; at += 20_000) {
					if (at % 60_000 === 0) kw = course();
					const status = guard.take([reading(at, kw)], at);
					const inQuarterS = (at % QUARTER) / 1000;
					if (status.basis === "history" && inQuarterS % 180 === 0 && inQuarterS > 0) {
						intervals.push([status.lowKw ?? 0, status.highKw ?? 0]);
					}
					for (const { code, details } of status.events) {
						if (code !== "demand.closed") continue;
						for (const [low, high] of intervals.splice(0)) {
							given++;
							if (Number(details.demandKw) >= low - 0.1 && Number(details.demandKw) <= high + 0.1) held++;
						}
					}
				}
			}
			assert.ok(given > 1000);
			assert.ok(held / given >= 0.85, `${((100 * held) / given).toFixed(1)} % of ${given}`);
		});
	}

	it("says that it knows little while the past is short", () => {
		const guard = new DemandGuard(configOf());
		const status = guard.take([reading(START, 100)], START);
		assert.deepEqual([status.basis, status.lowKw, status.highKw], ["wide", 0, 2000]);
	});

	it("never ends below what is used already", () => {
		const guard = new DemandGuard(configOf());
		for (let s = 0; s < 880; s += 10) guard.take([reading(START + s * 1000, s < 600 ? 500 : 0)], START + s * 1000);
		const { lowKw, energySoFarKwh } = guard.tick(START + 881_000);
		assert.ok((lowKw ?? 0) >= energySoFarKwh * 4 - 1e-9);
	});
});
