import assert from "node:assert/strict";
import fc from "fast-check";
import { LiveHub } from "../../../lib/live/hub.ts";
import type { WireReading } from "../../../lib/telemetry/reading.ts";
import type { Machine, Site } from "../../../lib/telemetry/site.ts";

const start = Date.parse("2026-11-22T10:00:00+09:00");
const midnight = Date.parse("2026-11-22T00:00:00+09:00");
const sub = (id: string): Machine => ({ id, name: id, area: "hall", role: "sub", rules: { noDataMs: 60_000 } });
const main: Machine = { ...sub("main"), role: "main" };
const siteOf = (...machines: Machine[]): Site => ({
	id: "demo",
	name: "Demo",
	timeZone: "Asia/Seoul",
	machines,
	unknownMachines: "accept",
});
const reading = (machine: string, atMs: number, values: Partial<WireReading>): WireReading => ({
	site: "demo",
	machine,
	time: new Date(atMs).toISOString(),
	...values,
});
const at = (hub: LiveHub, id: string, nowMs = start) => {
	const found = hub.snapshot(nowMs).machines.find(({ machine }) => machine === id);
	assert.ok(found);
	return found;
};

describe("live hub", () => {
	it("knows nothing at first, and says null and bad instead of 0 and good", () => {
		const snapshot = new LiveHub(siteOf(sub("press")), start).snapshot(start);
		assert.equal(snapshot.totalKw, null);
		assert.equal(snapshot.energyTodayKwh, null);
		assert.equal(snapshot.totalQuality, "bad");
		assert.deepEqual(snapshot.flow.silent, ["press"]);
		assert.equal(snapshot.machines[0]?.reason, "Bad_NotConnected");
	});

	it("shows the newest reading of a machine, whatever order they come in", () => {
		const hub = new LiveHub(siteOf(sub("press")), start);
		hub.read([reading("press", start, { powerKw: 5 }), reading("press", start - 1000, { powerKw: 4 })], start);
		assert.equal(at(hub, "press").powerKw, 5);
	});

	it("takes the total from the main meter while it is fresh, else from the machines, marked uncertain", () => {
		const hub = new LiveHub(siteOf(main, sub("a"), sub("b")), start);
		hub.read([reading("main", start, { powerKw: 100 }), reading("a", start, { powerKw: 40 })], start);
		assert.equal(hub.snapshot(start).totalKw, 100);
		assert.equal(hub.snapshot(start).totalQuality, "good");
		const later = start + 61_000;
		hub.read([reading("a", later, { powerKw: 42 }), reading("b", later, { powerKw: 50 })], later);
		assert.equal(hub.snapshot(later).totalKw, 92);
		assert.equal(hub.snapshot(later).totalQuality, "uncertain");
	});

	it("marks the sum uncertain while a machine is missing", () => {
		const hub = new LiveHub(siteOf(sub("a"), sub("b")), start);
		hub.read([reading("a", start, { powerKw: 40 })], start);
		assert.equal(hub.snapshot(start).totalQuality, "uncertain");
		hub.read([reading("b", start, { powerKw: 2 })], start);
		assert.equal(hub.snapshot(start).totalQuality, "good");
	});

	it("does not show the power of a machine that fell silent", () => {
		const hub = new LiveHub(siteOf(sub("press")), start);
		hub.read([reading("press", start, { powerKw: 5 })], start);
		const later = start + 60_001;
		assert.deepEqual(hub.snapshot(later).flow.silent, ["press"]);
		assert.equal(at(hub, "press", later).powerKw, null);
		assert.equal(at(hub, "press", later).reason, "Bad_Stale");
	});

	it("shows a replayed year as if it were now", () => {
		const hub = new LiveHub(siteOf(sub("press")), start);
		hub.read([reading("press", Date.parse("2018-01-01T00:00:00Z"), { powerKw: 5 })], start);
		assert.equal(at(hub, "press").powerKw, 5);
	});

	it("sends only the machines that changed, each once, and raises seq", () => {
		const hub = new LiveHub(siteOf(sub("a"), sub("b")), start);
		hub.read([reading("a", start, { powerKw: 1 }), reading("a", start + 1, { powerKw: 2 })], start);
		const first = hub.delta(start);
		assert.deepEqual(
			first.machines.map(({ machine, powerKw }) => ({ machine, powerKw })),
			[{ machine: "a", powerKw: 2 }],
		);
		const second = hub.delta(start + 1000);
		assert.deepEqual(second.machines, []);
		assert.equal(second.seq, first.seq + 1);
		assert.equal(hub.event("alarm", {}, start).seq, second.seq + 1);
	});

	it("counts today's energy from the store's word on, by the counter where there is one", () => {
		const hub = new LiveHub(siteOf(sub("press")), start);
		hub.read([reading("press", start, { energyKwh: 1000 })], start);
		assert.equal(at(hub, "press").energyTodayKwh, null);
		hub.correct([{ machine: "press", energyKwh: 80, estimatedKwh: 0 }], midnight);
		hub.read([reading("press", start + 1000, { energyKwh: 1000.5 })], start + 1000);
		assert.equal(at(hub, "press").energyTodayKwh, 80.5);
		hub.read([reading("press", start + 2000, { energyKwh: 3 })], start + 2000);
		assert.equal(at(hub, "press").energyTodayKwh, 80.5, "a counter that starts again takes nothing away");
	});

	it("counts held power where a machine has no counter, but not over a long gap", () => {
		const hub = new LiveHub(siteOf(sub("press")), start);
		hub.correct([], midnight);
		hub.read([reading("press", start, { powerKw: 60 })], start);
		hub.read([reading("press", start + 60_000, { powerKw: 60 })], start + 60_000);
		assert.equal(at(hub, "press", start + 60_000).energyTodayKwh, 1);
		hub.read([reading("press", start + 7_260_000, { powerKw: 60 })], start + 7_260_000);
		assert.equal(at(hub, "press", start + 7_260_000).energyTodayKwh, 16, "at most a quarter of an hour is held");
	});

	it("starts again at local midnight, and ignores the store's late answer for yesterday", () => {
		const hub = new LiveHub(siteOf(sub("press")), start);
		hub.correct([{ machine: "press", energyKwh: 80, estimatedKwh: 0 }], midnight);
		const next = midnight + 86_400_000;
		assert.equal(at(hub, "press", next).energyTodayKwh, 0);
		assert.equal(hub.dayStartMs, next);
		hub.correct([{ machine: "press", energyKwh: 99, estimatedKwh: 0 }], midnight);
		assert.equal(at(hub, "press", next).energyTodayKwh, 0);
	});

	it("takes from the store what another process stored, where it is newer", () => {
		const hub = new LiveHub(siteOf(sub("press")), start);
		hub.read([reading("press", start, { powerKw: 5 })], start);
		hub.delta(start);
		hub.restore([reading("press", start, { powerKw: 5 })], start);
		assert.deepEqual(hub.delta(start).machines, [], "what is known already is no news");
		hub.restore([reading("press", start + 5_000, { powerKw: 7 })], start + 6_000);
		assert.equal(at(hub, "press", start + 6_000).powerKw, 7);
		assert.equal(hub.snapshot(start + 6_000).flow.readingsPerS, 0.1, "the store's readings are no data flow");
	});

	it("warns of no stranger that spoke a day ago: imported, misspelt, taken away", () => {
		const day = 86_400_000;
		const hub = new LiveHub(siteOf(sub("press")), start);
		hub.restore([reading("prss", start - day - 1, { powerKw: 5 }), reading("press", start - day - 1, {})], start);
		assert.deepEqual(hub.snapshot(start).flow.silent, ["press"]);
		hub.read([reading("loaned", start, { powerKw: 5 })], start);
		assert.deepEqual(hub.snapshot(start + day).flow.silent, ["press", "loaned"]);
		assert.deepEqual(hub.snapshot(start + day + 1).flow.silent, ["press"]);
	});

	it("tells how much flows: readings a second over ten, rejected ones of the last minute", () => {
		const hub = new LiveHub(siteOf(sub("press")), start);
		for (let second = 0; second < 20; second++) {
			const nowMs = start + second * 1000;
			hub.read([reading("press", nowMs, { powerKw: 1 }), reading("press", nowMs + 1, { powerKw: 2 })], nowMs);
			hub.reject(1, nowMs);
		}
		const { flow } = hub.snapshot(start + 19_000);
		assert.equal(flow.readingsPerS, 2);
		assert.equal(flow.rejectedPerMin, 20);
		assert.equal(hub.snapshot(start + 200_000).flow.rejectedPerMin, 0);
	});

	it("ignores other sites, and bounds how many unlisted machines it shows", () => {
		const hub = new LiveHub(siteOf(), start);
		hub.read([{ ...reading("press", start, { powerKw: 5 }), site: "other" }], start);
		assert.equal(hub.snapshot(start).machines.length, 0);
		hub.read(
			Array.from({ length: 5000 }, (_, index) => reading(`m${index}`, start, { powerKw: 1 })),
			start,
		);
		assert.equal(hub.snapshot(start).machines.length, 1000);
	});

	it("applied to its snapshot, the deltas give the next snapshot", () => {
		const step = fc.record({
			machine: fc.constantFrom("main", "a", "b", "unlisted"),
			afterMs: fc.integer({ min: 0, max: 90_000 }),
			lateMs: fc.integer({ min: 0, max: 5_000 }),
			powerKw: fc.double({ min: 0, max: 500, noNaN: true }),
		});
		fc.assert(
			fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
				const hub = new LiveHub(siteOf(main, sub("a"), sub("b")), start);
				let nowMs = start;
				const seen = new Map(hub.snapshot(nowMs).machines.map((machine) => [machine.machine, machine]));
				for (const { machine, afterMs, lateMs, powerKw } of steps) {
					nowMs += afterMs;
					hub.read([reading(machine, nowMs - lateMs, { powerKw })], nowMs);
					const delta = hub.delta(nowMs);
					for (const changed of delta.machines) seen.set(changed.machine, changed);
					const { machines, totalKw } = hub.snapshot(nowMs);
					assert.deepEqual([...seen.values()], machines);
					assert.equal(delta.totalKw, totalKw);
				}
			}),
		);
	});
});
