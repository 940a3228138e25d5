import assert from "node:assert/strict";
import fc from "fast-check";
import { DemandGuard } from "../../../lib/demand/guard.ts";
import type { DemandEvent, DemandStatus } from "../../../lib/demand/types.ts";
import { eventText } from "../../../lib/demand/words.ts";
import type { Reading } from "../../../lib/telemetry/reading.ts";
import { configOf, QUARTER, reading, START } from "./plant.ts";

interface Feed {
	/** Of readings and their arrival: seconds since the start. */
	at: readonly number[];
	kw?: (atMs: number) => number;
	/** What the device's clock shows beyond ours, and how late a reading comes, s. */
	aheadS?: number;
	lateS?: number;
	counter?: boolean;
	minutes?: number;
	config?: Record<string, unknown>;
}

/** Feeds a guard by our clock, a second at a time, and keeps what it said. */
function listenTo({ at, kw = () => 240, aheadS = 0, lateS = 0, counter = false, minutes = 60, config = {} }: Feed) {
	const guard = new DemandGuard(configOf({ limit: { kind: "target", kw: 5000 }, ...config }));
	const due = at.map((s) => ({ arrivesMs: START + (s + lateS) * 1000, atMs: START + s * 1000 }));
	const events: (DemandEvent & { atMs: number })[] = [];
	const states: DemandStatus["state"][] = [];
	let next = 0;
	for (let now = START; now < START + minutes * 60_000; now += 1000) {
		const come: Reading[] = [];
		for (; next < due.length && (due[next]?.arrivesMs ?? 0) <= now; next++) {
			const timeMs = due[next]?.atMs ?? 0;
			const kwh = counter ? 1000 + (kw(timeMs) * (timeMs - START)) / 3_600_000 : undefined;
			come.push(reading(timeMs + aheadS * 1000, kw(timeMs), kwh));
		}
		const status = guard.take(come, now);
		events.push(...status.events.map((event) => ({ ...event, atMs: now })));
		states.push(status.state);
	}
	const closed = events.filter(({ code }) => code === "demand.closed").map(({ details }) => Number(details.demandKw));
	const count = (code: string): number => events.filter((event) => event.code === code).length;
	return { events, states, closed, count };
}
const every = (stepS: number, minutes = 60): number[] =>
	Array.from({ length: Math.floor((minutes * 60) / stepS) }, (_, i) => i * stepS);

describe("readings as meters really send them", () => {
	it("give the same demand, however often they come and whatever they carry", () => {
		const step = fc.constantFrom(1, 2, 5, 10, 15, 30, 60);
		fc.assert(
			fc.property(step, fc.boolean(), fc.integer({ min: 20, max: 900 }), (stepS, counter, kw) => {
				const { closed, count } = listenTo({ at: every(stepS, 32), kw: () => kw, counter, minutes: 32 });
				assert.equal(closed.length, 2);
				for (const demandKw of closed) assert(Math.abs(demandKw - kw) < 0.2, `${demandKw} is not ${kw}`);
				assert.equal(count("demand.silent"), 0);
			}),
			{ numRuns: 15 },
		);
	});

	it("that come every five or fifteen minutes are told once, not with an alarm for each pause", () => {
		for (const stepS of [300, 900]) {
			const { count, closed, events } = listenTo({ at: every(stepS, 240), counter: true, minutes: 240 });
			assert.equal(count("demand.irregular"), 1, `${stepS} s`);
			assert(count("demand.silent") <= 3 && count("demand.speaks-again") <= 3);
			for (const demandKw of closed.slice(1)) assert(Math.abs(demandKw - 240) < 0.2, String(demandKw));
			const told = events.find(({ code }) => code === "demand.irregular");
			assert.equal(told?.details.seconds, stepS);
		}
	});

	it("steer on while they come every five minutes, and hold where they come every fifteen", () => {
		const last = (stepS: number): Set<string> =>
			new Set(listenTo({ at: every(stepS, 120), minutes: 120 }).states.slice(-900));
		assert(last(300).has("ok") && !last(300).has("silent"));
		assert(last(900).has("silent"));
	});

	it("of a meter known to pause are alarmed all the same when it is gone", () => {
		const { events } = listenTo({ at: every(300, 60), minutes: 90 });
		const gone = events.filter(({ code, atMs }) => code === "demand.silent" && atMs > START + 56 * 60_000);
		assert.equal(gone.length, 1);
		assert((gone[0]?.atMs ?? 0) <= START + (55 * 60 + 300 * 1.5 + 120) * 1000);
	});

	it("of a meter that spoke well for an hour are alarmed within two minutes again", () => {
		const { events } = listenTo({ at: [...every(300, 30), ...every(5, 90).map((s) => 1800 + s)], minutes: 125 });
		const gone = events.filter(({ code, atMs }) => code === "demand.silent" && atMs > START + 40 * 60_000);
		assert.equal(gone.length, 1);
		assert((gone[0]?.atMs ?? 0) <= START + (120 * 60 + 120) * 1000);
	});

	it("from a clock that runs ahead count as of now, and the clock is told once", () => {
		fc.assert(
			fc.property(fc.integer({ min: 6, max: 119 }), (aheadS) => {
				const { closed, events, count } = listenTo({ at: every(5, 31), aheadS, minutes: 31 });
				for (const demandKw of closed) assert(Math.abs(demandKw - 240) < 0.2, String(demandKw));
				assert.deepEqual([count("demand.silent"), count("demand.clock-ahead")], [0, 1]);
				const told = events.find(({ code }) => code === "demand.clock-ahead");
				assert.deepEqual(told?.details, { machine: "main", seconds: aheadS });
			}),
			{ numRuns: 8 },
		);
	});

	it("are taken on within a minute of a clock that was put right", () => {
		const guard = new DemandGuard(configOf({ limit: { kind: "target", kw: 5000 } }));
		for (let s = 0; s <= 600; s += 5) {
			const now = START + s * 1000;
			guard.take([reading(s < 300 ? now + 60_000 : now, s < 330 ? 100 : 400)], now);
		}
		assert.equal(Math.round(guard.tick(START + 601_000).powerKw ?? 0), 400);
	});

	it("that come but are old are alarmed as late, in words that say so", () => {
		const { events, count } = listenTo({ at: every(5, 20), lateS: 150, minutes: 20 });
		assert.deepEqual([count("demand.late"), count("demand.silent")], [1, 1]);
		const late = events.find(({ code }) => code === "demand.late");
		assert.match(late ? eventText(late, "en-US") : "", /come, but are 15\d s old.*Nothing is shed/);
	});

	it("that miss part of the quarter-hour leave no hole where the counter bridges it", () => {
		const at = every(5, 31).filter((s) => s < 200 || s > 620);
		const { closed } = listenTo({ at, counter: true, minutes: 31, kw: () => 300 });
		assert(
			closed.every((demandKw) => Math.abs(demandKw - 300) < 0.2),
			String(closed),
		);
	});
});

describe("a quarter-hour", () => {
	it("of readings at any times of a steady power ends at that power", () => {
		const gaps = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 60, maxLength: 120 });
		fc.assert(
			fc.property(gaps, fc.boolean(), (steps, counter) => {
				let s = 0;
				const at = [0, ...steps.map((step) => (s += step))].filter((each) => each * 1000 < QUARTER + 90_000);
				const { closed } = listenTo({ at, counter, minutes: 16.5 });
				assert(Math.abs((closed[0] ?? 0) - 240) < 0.2, String(closed));
			}),
			{ numRuns: 15 },
		);
	});
});
