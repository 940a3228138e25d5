import assert from "node:assert/strict";
import fc from "fast-check";
import { type Candidate, type Chooser, chooseLoads, greedyChooser, loadChooser } from "../../../lib/demand/choose.ts";

const candidate = (machine: string, priority: number, ...optionsKw: number[]): Candidate => ({
	...{ machine, priority, optionsKw },
});
const total = (picked: readonly { savesKw: number }[]): number => picked.reduce((sum, { savesKw }) => sum + savesKw, 0);

/** The least that covers the need, by trying everything. */
function leastCovering(candidates: readonly Candidate[], needKw: number): number {
	let sums = [0];
	for (const { optionsKw } of candidates) sums = sums.flatMap((sum) => [sum, ...optionsKw.map((kw) => sum + kw)]);
	return Math.min(...sums.filter((sum) => sum >= needKw - 1e-6));
}

const level = fc.array(
	fc.record({ steps: fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 3 }) }),
	{ minLength: 1, maxLength: 7 },
);
const asCandidates = (level: { steps: number[] }[], priority = 1): Candidate[] =>
	level.map(({ steps }, k) => candidate(`m${priority}-${k}`, priority, ...steps.sort((a, b) => a - b)));

describe("the choice of loads", () => {
	let mip: Chooser;
	before(async () => {
		// No deadline that a busy machine could miss.
		mip = await loadChooser(60_000);
		assert.equal(mip.method, "mip");
	});

	it("finds the least over-shedding", () => {
		const picked = chooseLoads([candidate("a", 1, 70), candidate("b", 1, 45), candidate("c", 1, 40)], 80, mip);
		assert.deepEqual(picked.map(({ machine }) => machine).sort(), ["b", "c"]);
	});

	it("is exact for a few loads, and within a hundredth for some more", () => {
		fc.assert(
			fc.property(level, fc.double({ min: 0.1, max: 1, noNaN: true }), (some, share) => {
				const candidates = asCandidates(some);
				const reach = candidates.reduce((sum, { optionsKw }) => sum + (optionsKw.at(-1) ?? 0), 0);
				const picked = chooseLoads(candidates, reach * share, mip);
				const best = leastCovering(candidates, reach * share);
				const few = candidates.flatMap(({ optionsKw }) => optionsKw).length <= 8;
				// Where all are needed there is nothing to choose, and the chooser is not asked.
				fc.pre(reach * share < reach - 1e-6);
				if (mip.method === "mip")
					assert.ok(total(picked) <= best * (few ? 1 : 1.01) + 0.11, `${total(picked)}, ${best}`);
				else assert.ok(!few, mip.why);
				assert.equal(new Set(picked.map(({ machine }) => machine)).size, picked.length, "each load once");
			}),
			{ numRuns: 100 },
		);
	});

	it("touches a protected load only as far as the others cannot cover", () => {
		for (const chooser of [mip, greedyChooser("none")]) {
			const loads = [candidate("low-a", 1, 30), candidate("low-b", 1, 30), candidate("high", 3, 200)];
			assert.deepEqual(
				chooseLoads(loads, 50, chooser)
					.map(({ machine }) => machine)
					.sort(),
				["low-a", "low-b"],
			);
			assert.deepEqual(
				chooseLoads(loads, 70, chooser).map(({ machine }) => machine),
				["high"],
				"and once it must go, it spares the rest",
			);
		}
	});

	it("covers the need by either method, or gives all there is", () => {
		fc.assert(
			fc.property(level, level, fc.integer({ min: 1, max: 2500 }), (one, two, needKw) => {
				const candidates = [...asCandidates(one, 1), ...asCandidates(two, 2)];
				const reach = candidates.reduce((sum, { optionsKw }) => sum + (optionsKw.at(-1) ?? 0), 0);
				for (const chooser of [mip, greedyChooser("none")]) {
					assert.ok(total(chooseLoads(candidates, needKw, chooser)) >= Math.min(needKw, reach) - 1e-3);
				}
			}),
			{ numRuns: 60 },
		);
	});

	it("leaves many loads of one priority to the rule of thumb, and says so", () => {
		const level = Array.from({ length: 30 }, (_, k) => candidate(`m${k}`, 1, 40 + 2 * k));
		assert.ok(total(chooseLoads(level, 333, mip)) >= 333 - 1e-3);
		assert.deepEqual([mip.method, mip.why], ["greedy", "30 reductions of one priority, more than 16"]);
		chooseLoads(level.slice(0, 4), 100, mip);
		assert.equal(mip.method, "mip");
	});

	it("says by which method, and why not by MIP", () => {
		assert.deepEqual(
			[greedyChooser("not installed").method, greedyChooser("not installed").why],
			["greedy", "not installed"],
		);
	});
});
