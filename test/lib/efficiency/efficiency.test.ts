import assert from "node:assert/strict";
import { MachineEfficiency } from "../../../lib/efficiency/machine.ts";
import { EfficiencyBook } from "../../../lib/efficiency/site.ts";
import type { EfficiencyMemory } from "../../../lib/efficiency/types.ts";
import type { MachineState, Reading } from "../../../lib/telemetry/reading.ts";

const MIN = 60_000;
const start = Date.UTC(2026, 10, 22);

/** A machine whose day is written down hour by hour: power, units an hour, state. */
class Machine {
	timeMs = start;
	energyKwh = 1000;
	made = 0;
	readonly meter: MachineEfficiency;
	constructor(memory?: EfficiencyMemory) {
		this.meter = new MachineEfficiency("press-1", memory);
	}
	run(hours: number, powerKw: number, unitsPerHour: number, state: MachineState = "running", powerFactor = 0.9): this {
		for (let minute = 0; minute < hours * 60; minute++) {
			this.meter.take(this.reading(powerKw, state, powerFactor));
			this.timeMs += MIN;
			this.energyKwh += powerKw / 60;
			this.made += unitsPerHour / 60;
		}
		return this;
	}
	reading(powerKw: number, state: MachineState, powerFactor: number): Reading {
		return {
			...{ site: "works", machine: "press-1", timeMs: this.timeMs, powerKw, energyKwh: this.energyKwh },
			...{ state, powerFactor, productionCount: Math.floor(this.made) },
		};
	}
}
const near = (value: number | null, expected: number): void =>
	assert.ok(
		value !== null && Math.abs(value - expected) < 0.015 * expected + 1e-9,
		`${value} is not about ${expected}`,
	);

describe("the efficiency of a machine", () => {
	it("is its energy a unit, against its own best decile", () => {
		const machine = new Machine().run(30, 60, 120);
		near(machine.meter.now().specificEnergyKwh.value, 0.5);
		machine.run(4, 90, 120);
		const { efficiency, basis, specificEnergyKwh, hours } = machine.meter.now();
		assert.equal(basis, "specificEnergy");
		near(specificEnergyKwh.value, 0.75);
		near(specificEnergyKwh.best, 0.5);
		near(efficiency, 2 / 3);
		assert.equal(hours, 33);
	});

	it("is not known before a day of hours was seen, and says so", () => {
		const machine = new Machine().run(20, 60, 120);
		const { efficiency, reason } = machine.meter.now();
		assert.deepEqual([efficiency, reason], [null, "learning"]);
	});

	it("does not suffer from the night between two shifts", () => {
		const machine = new Machine();
		for (let day = 0; day < 5; day++) machine.run(10, 60, 120).run(14, 5, 0, "idle");
		machine.run(1, 60, 120);
		near(machine.meter.now().efficiency, 1);
	});

	it("is not known while nothing is made", () => {
		const machine = new Machine().run(30, 60, 120).run(13, 5, 0, "idle");
		const { efficiency, reason } = machine.meter.now();
		assert.deepEqual([efficiency, reason], [null, "idle"]);
	});

	it("of one that makes nothing is judged by its idling", () => {
		const machine = new Machine();
		for (let hour = 0; hour < 50; hour++) machine.run(1, 60, 0);
		for (let hour = 0; hour < 12; hour++) machine.run(1, 60, 0, "idle");
		const { basis, efficiency, idleShare } = machine.meter.now();
		assert.equal(basis, "usefulShare");
		near(idleShare, 0.5);
		near(efficiency, 0.5);
	});

	it("is not judged by the power factor of its standstill", () => {
		const machine = new Machine();
		for (let day = 0; day < 3; day++) machine.run(10, 60, 0, "running", 0.88).run(14, 4, 0, "idle", 0.4);
		const { powerFactor, basis } = machine.meter.now();
		near(powerFactor.value, 0.4);
		assert.equal(powerFactor.ratio, null);
		assert.notEqual(basis, "powerFactor");
	});

	it("of one that did not run for a day is not known, rather than nothing", () => {
		const machine = new Machine();
		for (let hour = 0; hour < 50; hour++) machine.run(1, 60, 0);
		machine.run(26, 5, 0, "idle");
		const { efficiency, reason, idleShare } = machine.meter.now();
		assert.deepEqual([efficiency, reason], [null, "idle"]);
		near(idleShare, 1);
	});

	it("tells load factor and power factor", () => {
		const machine = new Machine().run(12, 30, 0, "running", 0.8).run(12, 90, 0, "running", 0.95);
		const { loadFactor, powerFactor, energyKwh } = machine.meter.now();
		near(loadFactor, 60 / 90);
		near(powerFactor.value, 0.95);
		near(energyKwh, 24 * 60);
	});

	it("counts a leading power factor by its size and a counter that starts again by power", () => {
		const machine = new Machine().run(2, 60, 0, "running", -0.9);
		machine.energyKwh = 0;
		machine.run(2, 60, 0, "running", -0.9);
		near(machine.meter.now().energyKwh, 4 * 60);
		near(machine.meter.now().powerFactor.value, 0.9);
	});

	it("goes on after a restart where it was", () => {
		const before = new Machine().run(40, 60, 120);
		const after = new Machine(JSON.parse(JSON.stringify(before.meter.memory())) as EfficiencyMemory);
		Object.assign(after, { timeMs: before.timeMs, energyKwh: before.energyKwh, made: before.made });
		near(after.run(2, 90, 120).meter.now().specificEnergyKwh.best, 0.5);
	});

	it("takes no notice of what comes out of order, twice or is bad", () => {
		const machine = new Machine().run(5, 60, 120);
		const before = JSON.stringify(machine.meter.memory());
		machine.meter.take({ site: "works", machine: "press-1", timeMs: start + MIN, powerKw: 9e6 });
		machine.meter.take({ site: "works", machine: "press-1", timeMs: machine.timeMs, powerKw: 9e6, quality: "bad" });
		assert.equal(JSON.stringify(machine.meter.memory()), before);
	});

	it("keeps four weeks and no more", () => {
		const machine = new Machine();
		for (let hour = 0; hour < 30 * 24; hour += 1) machine.run(1, 60, 120);
		const { quarters, past } = machine.meter.memory();
		assert.ok(past.length === 28 * 24 && quarters.length <= 97);
	});
});

describe("the efficiency of a site", () => {
	it("is that of its machines by their energy; its main meter is no machine", () => {
		const machines = [
			{ id: "main", name: "Main", area: "", role: "main" as const },
			{ id: "a", name: "A", area: "", role: "sub" as const },
		];
		const book = new EfficiencyBook({ machines });
		for (let minute = 0; minute < 120; minute++) {
			const timeMs = start + minute * MIN;
			const state = minute < 60 ? ("running" as const) : ("idle" as const);
			book.take({ site: "s", machine: "a", timeMs, powerKw: minute < 60 ? 90 : 30, powerFactor: 0.8, state });
			book.take({ site: "s", machine: "main", timeMs, powerKw: 200, powerFactor: 0.95 });
		}
		const site = book.site();
		near(site.idleShare, 0.25);
		near(site.powerFactor, 0.95);
		near(site.energyKwh, 400);
		assert.equal(site.efficiency, null);
	});
});
