import assert from "node:assert/strict";
import { Plant } from "../../../lib/plant/plant.ts";
import type { Reading } from "../../../lib/telemetry/reading.ts";
import { type MachineModel, machineModelKind } from "../../../models/anomaly/machine-model.ts";
import { columnsOf } from "../../../models/anomaly/readings.ts";
import { MachineWatch } from "../../../models/anomaly/watch.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Monday; compressor 2 leads in the first, third and fifth week from it. */
const FROM = Date.parse("2026-10-12T00:00:00+09:00");
const machine = "compressor-2";

/** Readings of the simulated compressor, a leak from an instant on. */
function record(fromMs: number, toMs: number, everyMs: number, leakMs?: number): Reading[] {
	const plant = new Plant({ timeZone: "Asia/Seoul" });
	plant.advanceTo(fromMs);
	if (leakMs !== undefined) plant.inject({ fault: "air-leak", machine, startMs: leakMs, rampMs: MINUTE });
	const readings: Reading[] = [];
	for (let t = fromMs; t < toMs; t += everyMs) {
		for (const { reading } of plant.advanceTo(t)) if (reading.machine === machine) readings.push(reading);
	}
	return readings;
}

describe("an air leak of the simulated plant", function () {
	this.timeout(120_000);
	let model: MachineModel;
	before(() => {
		const outcome = machineModelKind.fit(
			columnsOf(record(FROM, FROM + 28 * DAY, MINUTE)),
			{ timeZone: "Asia/Seoul" },
			{ seed: 1, progress: () => undefined },
		);
		assert(!(outcome instanceof Promise));
		model = outcome.model;
	});
	const alertsOf = (readings: readonly Reading[]) => {
		const watch = new MachineWatch(75);
		watch.use(model, "anomaly.demo.compressor-2.1");
		return watch.add(readings).alerts;
	};
	const WEEK = FROM + 28 * DAY;

	for (const [when, leakMs] of [
		["at night", WEEK + DAY + 2 * HOUR],
		["on a Sunday, when nothing works", WEEK + 6 * DAY + 11 * HOUR],
	] as const) {
		it(`is found ${when} within half an hour, says so in kW and what it costs in power`, () => {
			const [alert] = alertsOf(record(leakMs - 2 * HOUR, leakMs + 3 * HOUR, 10_000, leakMs));
			assert(alert, "no alert");
			const minutes = (alert.timeMs - leakMs) / MINUTE;
			assert(minutes > 0 && minutes <= 30, `after ${minutes} min`);
			const [first] = alert.contributions;
			assert(first && "usual" in first && /mean/i.test(first.feature), JSON.stringify(alert.contributions));
			assert(first.value > 1.2 * first.usual);
			assert(first.usual > 5 && first.usual < 30, `usually ${first.usual} kW`);
			assert((alert.excessKw ?? 0) > 4, `${alert.excessKw} kW`);
		});
	}

	it("is one alert however long it lasts there, and the waste it tells becomes that of the leak", () => {
		const leakMs = WEEK + 6 * DAY + 2 * HOUR;
		const watch = new MachineWatch(75);
		watch.use(model, "anomaly.demo.compressor-2.1");
		const { alerts, scored } = watch.add(record(leakMs - 2 * HOUR, leakMs + 15 * HOUR, MINUTE, leakMs));
		assert.equal(alerts.filter(({ previous }) => previous === "normal").length, 1);
		assert(alerts.every(({ level }) => level !== "normal"));
		const excess = scored.slice(-600).map(({ excessKw }) => excessKw ?? 0);
		const mean = excess.reduce((sum, kw) => sum + kw, 0) / excess.length;
		// 35 % of a compressor's output, at 68 kW loaded instead of 19 kW unloaded or nothing.
		assert(mean > 18 && mean < 32, `${mean} kW`);
	});

	it("is no alert where there is none: a week of readings", () => {
		assert.deepEqual(alertsOf(record(WEEK, WEEK + 7 * DAY, MINUTE)), []);
	});
});
