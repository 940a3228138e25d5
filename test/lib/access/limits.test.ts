import assert from "node:assert/strict";
import fc from "fast-check";
import { BackOff, SlidingWindow } from "../../../lib/access/limits.ts";

describe("the sliding window", () => {
	it("never lets more than the limit through in one window, whenever they come", () => {
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat(400), { maxLength: 200 }), (limit, gaps) => {
				let nowMs = 0;
				const window = new SlidingWindow(limit, 1_000, () => nowMs);
				const taken: number[] = [];
				for (const gap of gaps) {
					nowMs += gap;
					if (window.take("a") === 0) taken.push(nowMs);
				}
				for (let start = 0; start <= nowMs; start += 1_000) {
					assert(taken.filter((at) => at >= start && at < start + 1_000).length <= limit);
				}
			}),
		);
	});

	it("counts work by its size, and takes back what was not done", () => {
		let nowMs = Date.parse("2026-11-22T01:00:00Z");
		const work = new SlidingWindow(20, 60_000, () => nowMs);
		assert.deepEqual([work.take("kim", 10), work.take("kim", 10)], [0, 0]);
		assert(work.take("kim", 1) > 0);
		work.giveBack("kim", 10);
		assert.equal(work.take("kim", 10), 0);
		work.giveBack("nobody", 10);
		nowMs += 120_000;
		assert.equal(work.take("kim", 50), 0, "more than a window is done where nothing else is");
		assert(work.take("kim", 50) > 0);
	});

	it("names a wait after which there is room again", () => {
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat(300), { maxLength: 100 }), (limit, gaps) => {
				let nowMs = 0;
				const window = new SlidingWindow(limit, 1_000, () => nowMs);
				for (const gap of gaps) {
					nowMs += gap;
					const waitMs = window.take("a");
					assert(waitMs >= 0 && waitMs <= 1_000);
				}
				for (let tries = 0; tries < 3; tries++) {
					const waitMs = window.take("a");
					if (waitMs === 0) return;
					nowMs += waitMs;
				}
				assert.fail("still no room");
			}),
			// A turn of the window to the millisecond: what is full waits a window, and no longer.
			{ examples: [[1, [300, 266, 77, 181, 176]]] },
		);
	});

	it("counts each caller by itself", () => {
		const window = new SlidingWindow(1, 1_000, () => 0);
		assert.equal(window.take("a"), 0);
		assert.equal(window.take("b"), 0);
		assert(window.take("a") > 0);
	});

	it("holds no more callers than it may", () => {
		let nowMs = 0;
		const window = new SlidingWindow(1, 1_000, () => nowMs, 100);
		for (let caller = 0; caller < 1_000; caller++) window.take(String(caller));
		assert.equal(window.take("0"), 0, "the oldest was forgotten");
		nowMs += 1;
		assert(window.take("999") > 0, "the newest was not");
	});
});

describe("backing off", () => {
	const options = { free: 3, firstMs: 2_000, longestMs: 60_000, forgetMs: 600_000 };

	it("forgives a few, then doubles the wait up to the longest", () => {
		let nowMs = 0;
		const limit = new BackOff(options, () => nowMs);
		const waits = Array.from({ length: 10 }, () => {
			limit.fail("kim");
			const waitMs = limit.waitMs("kim");
			nowMs += waitMs;
			return waitMs;
		});
		assert.deepEqual(waits, [0, 0, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
		assert.equal(limit.waitMs("lee"), 0);
	});

	it("forgets after success, and after a while without failures", () => {
		let nowMs = 0;
		const limit = new BackOff(options, () => nowMs);
		for (let failure = 0; failure < 5; failure++) limit.fail("kim");
		limit.clear("kim");
		assert.equal(limit.waitMs("kim"), 0);
		for (let failure = 0; failure < 5; failure++) limit.fail("lee");
		nowMs += options.forgetMs;
		limit.fail("lee");
		assert.equal(limit.waitMs("lee"), 0);
	});
});
