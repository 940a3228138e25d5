import assert from "node:assert/strict";
import { EnergyError } from "../../../lib/errors.ts";
import { Plant } from "../../../lib/plant/plant.ts";

const morning = Date.parse("2026-11-18T10:00:00+09:00");
const MINUTE = 60_000;
const order = {
	...{ command: "start", job: "J1", operation: "1", powerKw: [40, 60], minutes: 30, stepMinutes: 15 },
} as const;

const kwOf = (plant: Plant, id: string, timeMs: number): number =>
	plant.advanceTo(timeMs).find(({ machine }) => machine.id === id)?.reading.powerKw ?? Number.NaN;
const told = (plant: Plant) => plant.takeReports().map(({ state, job }) => `${job} ${state}`);
const refused = (code: string) => (error: unknown) => error instanceof EnergyError && error.code === code;

function pair(): [Plant, Plant] {
	const plants: [Plant, Plant] = [new Plant(), new Plant()];
	for (const plant of plants) plant.advanceTo(morning);
	return plants;
}

describe("jobs of the simulated plant", () => {
	it("draw their profile on top of the machine, count in its meter, and say when they finish", () => {
		const [idle, busy] = pair();
		busy.command("mill-1", order);
		const more = (ms: number) => kwOf(busy, "mill-1", ms) - kwOf(idle, "mill-1", ms);
		assert.ok(Math.abs(more(morning + 5 * MINUTE) - 40) < 0.01);
		assert.ok(Math.abs(more(morning + 20 * MINUTE) - 60) < 0.01);
		assert.equal(more(morning + 31 * MINUTE), 0);
		assert.deepEqual(told(busy), ["J1 started", "J1 finished"]);
		const kwh = [idle, busy].map(
			(plant) =>
				plant.advanceTo(morning + 60 * MINUTE).find(({ machine }) => machine.id === "mill-1")?.reading.energyKwh,
		);
		assert.ok(Math.abs((kwh[1] ?? 0) - (kwh[0] ?? 0) - 25) < 0.1, String(kwh));
	});

	it("take set-points, stop, and go on where a repeated start finds them", () => {
		const [idle, busy] = pair();
		busy.command("mill-1", { ...order, elapsedMinutes: 15 });
		assert.deepEqual(busy.command("mill-1", order).effectiveMs, morning);
		const more = (ms: number) => Math.round(kwOf(busy, "mill-1", ms) - kwOf(idle, "mill-1", ms));
		assert.equal(more(morning + MINUTE), 60);
		busy.command("mill-1", { command: "set-point", job: "J1", operation: "1", powerKw: 20 });
		assert.equal(more(morning + 2 * MINUTE), 20);
		busy.command("mill-1", { command: "stop", job: "J1", operation: "1" });
		assert.equal(more(morning + 3 * MINUTE), 0);
		assert.deepEqual(told(busy), ["J1 started", "J1 started", "J1 stopped"]);
	});

	it("fail with a machine that breaks down, and do not start on it until it is repaired", () => {
		const [plant] = pair();
		plant.command("mill-1", order);
		plant.inject({ fault: "breakdown", machine: "mill-1" });
		const mill = plant.advanceTo(morning + 2 * MINUTE).find(({ machine }) => machine.id === "mill-1");
		assert.deepEqual([mill?.reading.powerKw, mill?.reading.state], [0, "fault"]);
		assert.deepEqual(told(plant), ["J1 started", "J1 failed"]);
		assert.throws(() => plant.command("mill-1", order), refused("plant.broken"));
		plant.clear();
		plant.advanceTo(morning + 3 * MINUTE);
		plant.command("mill-1", order);
		assert.ok(kwOf(plant, "mill-1", morning + 4 * MINUTE) > 40);
	});

	it("run together as one batch, which draws its power once and ends for all", () => {
		const [idle, busy] = pair();
		busy.command("mill-1", { ...order, batch: "B1" });
		busy.command("mill-1", { ...order, job: "J2", batch: "B1" });
		assert.throws(() => busy.command("mill-1", { ...order, job: "J3", batch: "B2" }), refused("plant.job-busy"));
		assert.throws(() => busy.command("mill-1", { ...order, job: "J3" }), refused("plant.job-busy"));
		const more = (ms: number) => Math.round(kwOf(busy, "mill-1", ms) - kwOf(idle, "mill-1", ms));
		assert.equal(more(morning + 5 * MINUTE), 40);
		busy.command("mill-1", { command: "stop", job: "J1", operation: "1" });
		assert.equal(more(morning + 20 * MINUTE), 60, "the rest of the batch goes on");
		assert.equal(more(morning + 31 * MINUTE), 0);
		assert.deepEqual(told(busy), ["J1 started", "J2 started", "J1 stopped", "J2 finished"]);
	});

	it("come one at a time, and a command that is not understood changes nothing", () => {
		const [plant] = pair();
		plant.command("mill-1", order);
		assert.throws(() => plant.command("mill-1", { ...order, job: "J2" }), refused("plant.job-busy"));
		assert.throws(() => plant.command("cnc-1", { command: "stop", job: "J1" }), refused("plant.job-unknown"));
		assert.throws(() => plant.command("cnc-1", { ...order, minutes: -1 }), refused("plant.command-invalid"));
		assert.throws(() => plant.command("lighting-1", order), refused("plant.not-controllable"));
	});
});
