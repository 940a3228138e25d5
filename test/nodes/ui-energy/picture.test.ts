import assert from "node:assert/strict";
import fc from "fast-check";
import type { Delta, MachineNow, Snapshot } from "../../../lib/live/messages.ts";
import { partOf } from "../../../nodes/ui-energy/part-of.ts";
import { type CardState, drawOn, emptyState, type Part, take } from "../../../nodes/ui-energy/picture.ts";
import { ageMs, change, isStale, places } from "../../../nodes/ui-energy/ui/site.ts";

const NOW = Date.parse("2026-11-22T10:00:00Z");
const iso = (ms: number): string => new Date(ms).toISOString();

function machine(id: string, powerKw: number | null, atMs = NOW): MachineNow {
	return {
		machine: id,
		name: id,
		area: "hall",
		role: id === "main" ? "main" : "sub",
		ratedKw: 100,
		time: iso(atMs),
		powerKw,
		energyTodayKwh: 5,
		powerFactor: 0.9,
		state: "running",
		quality: "good",
		reason: null,
	};
}

function delta(machines: MachineNow[], totalKw: number | null, atMs = NOW): Delta {
	return {
		type: "delta",
		site: "demo",
		seq: 1,
		time: iso(atMs),
		totalKw,
		totalQuality: "good",
		energyTodayKwh: 50,
		machines,
		flow: { readingsPerS: 2, rejectedPerMin: 0, silent: [], lastReadingTime: iso(atMs) },
	};
}

const snapshot = (machines: MachineNow[], totalKw: number): Snapshot => ({
	...delta(machines, totalKw),
	type: "snapshot",
	stream: "run",
	timeZone: "Asia/Seoul",
});

/** A card after messages, as a browser keeps it. */
function knowing(card: Parameters<typeof partOf>[0], ...payloads: unknown[]): CardState {
	let state: CardState = emptyState;
	for (const payload of payloads) {
		const part = partOf(card, payload, state.picture);
		if (part) state = drawOn(take(state, part));
	}
	return state;
}

const fill = (machines: string[], fromMs: number, toMs: number, stepMs: number) => {
	const times = Array.from({ length: Math.floor((toMs - fromMs) / stepMs) }, (_, i) => fromMs + i * stepMs);
	return {
		measure: "powerKw",
		from: iso(fromMs),
		to: iso(toMs),
		items: machines.map((id) => ({ machine: id, times: times.map(iso), values: times.map((_, i) => i) })),
	};
};
const DAY = 86_400_000;
const dayFill = (machines: string[]) => fill(machines, NOW - DAY, NOW, 180_000);

describe("what a card knows", () => {
	it("takes changed machines in place and keeps the others", () => {
		const state = knowing("machines", snapshot([machine("a", 1), machine("b", 2)], 3), delta([machine("b", 7)], 8));
		assert.deepEqual(
			state.picture?.machines.map(({ machine: id, powerKw }) => [id, powerKw]),
			[
				["a", 1],
				["b", 7],
			],
		);
		assert.equal(state.picture?.totalKw, 8);
		assert.equal(state.picture?.timeZone, "Asia/Seoul");
	});

	it("leaves out what the card does not show", () => {
		assert.deepEqual(knowing("power-now", snapshot([machine("a", 1)], 3)).picture?.machines, []);
		assert.equal(partOf("machines", dayFill(["total"]), null), null);
		assert.equal(partOf("machines", { type: "heartbeat", time: iso(NOW) }, null), null);
	});

	it("does not know a message of another kind", () => {
		for (const payload of [undefined, 5, "x", {}, { items: [{ a: 1 }] }, { items: [5], measure: "powerKw" }]) {
			assert.equal(partOf("load-24h", payload, null), undefined);
		}
	});

	it("joins the fills of the total and of the machines to one chart", () => {
		const state = knowing("load-24h", dayFill(["total"]), dayFill(["a", "b"]), dayFill(["total"]));
		assert.deepEqual(state.load?.lines.map((line) => line.machine).sort(), ["a", "b", "total"]);
	});

	it("cuts the load of the power card to its last hours", () => {
		const load = knowing("power-now", dayFill(["total"])).load;
		assert.equal(load?.fromMs, NOW - 3 * 3_600_000);
		assert.ok((load?.lines[0]?.times.length ?? 0) <= 61);
	});

	it("draws a chart on with live values between two fills", () => {
		const state = knowing("load-24h", dayFill(["total", "a"]), delta([machine("a", 42, NOW + 5_000)], 99, NOW + 5_000));
		const lines = new Map(state.load?.lines.map((line) => [line.machine, line]));
		assert.equal(lines.get("total")?.values.at(-1), 99);
		assert.equal(lines.get("a")?.values.at(-1), 42);
		assert.equal(state.load?.toMs, NOW + 5_000);
	});

	it("keeps a silent machine's line as a gap", () => {
		const silent = (seconds: number) => delta([machine("a", null)], 1, NOW + seconds * 1000);
		const state = knowing("load-24h", dayFill(["a"]), silent(5), silent(6), silent(7));
		assert.deepEqual(state.load?.lines[0]?.values.slice(-2), [479, null]);
		const back = drawOn(
			take(state, partOf("load-24h", delta([machine("a", 7, NOW + 8_000)], 1, NOW + 8_000), null) as Part),
		);
		assert.deepEqual(back.load?.lines[0]?.values.slice(-3), [479, null, 7]);
	});

	it("stays bounded, whatever comes, and its times rise", () => {
		fc.assert(
			fc.property(fc.array(fc.integer({ min: -3000, max: 60_000 }), { maxLength: 200 }), (steps) => {
				let state = knowing("load-24h", dayFill(["total", "a"]));
				let atMs = NOW;
				for (const step of steps) {
					atMs += step;
					const part = partOf("load-24h", delta([machine("a", step, atMs)], step, atMs), state.picture) as Part;
					state = drawOn(take(state, part));
				}
				for (const { times, values } of state.load?.lines ?? []) {
					assert.equal(times.length, values.length);
					assert.ok(times.length <= 1000);
					assert.ok(times.every((time, i) => i === 0 || time > (times[i - 1] ?? 0)));
				}
			}),
			{ numRuns: 20 },
		);
	});

	const hour = (id: string, start: string, energyKwh: number) => ({ machine: id, start, energyKwh, estimatedKwh: 0 });

	it("adds hours up over the main meters where there are any, else over the machines", () => {
		const items = [
			hour("main", "2026-11-22T00:00:00Z", 100),
			hour("a", "2026-11-22T00:00:00Z", 30),
			hour("b", "2026-11-22T00:00:00Z", 40),
		];
		const metered = knowing("energy-today", snapshot([machine("main", 1), machine("a", 1), machine("b", 1)], 1), {
			items,
		});
		assert.deepEqual(metered.energy?.kwh, [100]);
		const summed = knowing("energy-today", snapshot([machine("a", 1), machine("b", 1)], 1), { items });
		assert.deepEqual(summed.energy?.kwh, [70]);
	});

	it("shows no sum of hours that is only a part", () => {
		const items = [hour("a", "2026-11-22T00:00:00Z", 30)];
		const state = knowing("energy-today", snapshot([machine("a", 1)], 1), { items, nextCursor: "more" });
		assert.equal(state.energy, null);
	});

	it("counts what lies in quarantine", () => {
		const state = knowing("data-health", {
			quarantined: 12,
			quarantinedByReason: { Bad_OutOfRange: 12 },
			queueDepth: 1,
		});
		assert.deepEqual(state.store, { quarantined: 12, byReason: { Bad_OutOfRange: 12 }, queueDepth: 1 });
	});
});

describe("what cards tell of it", () => {
	it("calls values stale when no reading came for half a minute", () => {
		const picture = knowing("power-now", snapshot([], 3)).picture;
		assert.ok(picture);
		assert.equal(ageMs(picture, NOW + 12_000), 12_000);
		assert.equal(isStale(picture, NOW + 12_000), false);
		assert.equal(isStale(picture, NOW + 31_000), true);
	});

	it("tells the change since a quarter of an hour, and nothing where that is a gap", () => {
		const quarter = 15 * 60_000;
		const state = knowing("power-now", dayFill(["total"]), snapshot([], 1000));
		assert.equal(change(state, quarter), 1000 - (480 - quarter / 180_000));
		assert.equal(change(knowing("power-now", snapshot([], 1000)), quarter), null);
	});

	it("gives each machine its place, the main meter none", () => {
		const { picture } = knowing("machines", snapshot([machine("main", 1), machine("a", 1), machine("b", 2)], 3));
		assert.deepEqual(
			[...places(picture)],
			[
				["a", 0],
				["b", 1],
			],
		);
	});
});
