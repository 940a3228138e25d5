import assert from "node:assert/strict";
import { Plant } from "../../../lib/plant/plant.ts";
import { toWire } from "../../../lib/telemetry/reading.ts";
import { Validator } from "../../../lib/telemetry/validate.ts";

/** Runs the simulated plant past a validator; answers how often each machine got each reason. */
function judged(plant: Plant, validator: Validator, fromMs: number, hours: number, stepMs: number) {
	const found: Record<string, number> = {};
	for (let timeMs = fromMs; timeMs < fromMs + hours * 3_600_000; timeMs += stepMs) {
		const readings = plant.advanceTo(timeMs).map(({ reading }) => toWire(reading));
		const { valid, rejected } = validator.check(readings, timeMs + 200);
		for (const { machine, reason } of [...valid, ...rejected])
			if (reason) found[`${machine} ${reason}`] = (found[`${machine} ${reason}`] ?? 0) + 1;
	}
	return found;
}

describe("validation of a plant", () => {
	const morning = Date.parse("2026-10-23T06:00:00+09:00");

	it("raises no false alarm over a working day with shifts, ramps and a standing night", () => {
		const plant = new Plant();
		assert.deepEqual(judged(plant, new Validator(plant.site, morning), morning, 24, 10_000), {});
	});

	it("sees a sensor that is stuck, and only that one", () => {
		const plant = new Plant();
		const validator = new Validator(plant.site, morning);
		const start = morning + 4 * 3_600_000;
		judged(plant, validator, morning, 4, 10_000);
		plant.inject({ machine: "compressor-1", fault: "stuck-sensor" });
		const found = judged(plant, validator, start, 1, 10_000);
		assert.deepEqual(Object.keys(found), ["compressor-1 Uncertain_FlatLine"]);
	});
});
