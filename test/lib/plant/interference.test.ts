import assert from "node:assert/strict";
import fc from "fast-check";
import type { FaultKind } from "../../../lib/plant/faults.ts";
import { Plant, type PlantSample } from "../../../lib/plant/plant.ts";

const at = (text: string): number => Date.parse(`${text}+09:00`);
const morning = at("2026-11-18T10:00:00");
const night = at("2026-11-18T02:00:00");
const MINUTE = 60_000;
const HOUR = 3_600_000;

function sampleAt(plant: Plant, id: string, timeMs: number): PlantSample {
	const sample = plant.advanceTo(timeMs).find(({ machine }) => machine.id === id);
	assert.ok(sample, id);
	return sample;
}
const kwAt = (plant: Plant, id: string, timeMs: number): number => sampleAt(plant, id, timeMs).reading.powerKw ?? NaN;

/** kWh by the counter over a span, with and without what was done to one of two equal plants. */
function energies(id: string, fromMs: number, toMs: number, interfere: (plant: Plant) => void): [number, number] {
	return [() => {}, interfere].map((act) => {
		const plant = new Plant();
		const before = sampleAt(plant, id, fromMs).reading.energyKwh ?? 0;
		act(plant);
		return (sampleAt(plant, id, toMs).reading.energyKwh ?? 0) - before;
	}) as [number, number];
}

describe("commands to the simulated plant", () => {
	it("stop ramps a machine down to nothing and keeps it there", () => {
		const plant = new Plant();
		const before = kwAt(plant, "pumps-1", morning);
		plant.command("pumps-1", { command: "stop" });
		const soon = sampleAt(plant, "pumps-1", morning + 3_000);
		assert.ok((soon.reading.powerKw ?? 0) < before && (soon.reading.powerKw ?? 0) > 0, "3 kW a second");
		assert.equal(soon.reading.state, "stopping");
		const later = sampleAt(plant, "pumps-1", morning + HOUR);
		assert.equal(later.reading.powerKw, 0);
		assert.equal(later.reading.state, "off");
	});

	it("release lets it fall back into its plan, exactly", () => {
		const plant = new Plant();
		plant.advanceTo(morning);
		plant.command("mill-1", { command: "stop" });
		plant.advanceTo(morning + 10 * MINUTE);
		plant.command("mill-1", { command: "release" });
		const untouched = new Plant();
		assert.equal(kwAt(plant, "mill-1", morning + 2 * HOUR), kwAt(untouched, "mill-1", morning + 2 * HOUR));
	});

	it("limit holds the power at or below, but not below the machine's technical minimum", () => {
		const plant = new Plant();
		plant.advanceTo(morning);
		assert.equal(plant.command("furnace-1", { command: "limit", limitKw: 300 }).limitKw, 300);
		for (let t = morning + 30_000; t < morning + 2 * HOUR; t += 10_000) {
			assert.ok(kwAt(plant, "furnace-1", t) <= 300);
		}
		assert.equal(plant.command("furnace-1", { command: "limit", limitKw: 1 }).limitKw, 90);
	});

	it("start runs a machine out of hours", () => {
		const plant = new Plant();
		assert.ok(kwAt(plant, "mill-1", night) < 10);
		plant.command("mill-1", { command: "start" });
		const sample = sampleAt(plant, "mill-1", night + 5 * MINUTE);
		assert.equal(sample.reading.powerKw, 225);
		assert.equal(sample.reading.state, "running");
	});

	it("keeps minimum off times: a restart waits, and the answer says until when", () => {
		const plant = new Plant();
		plant.advanceTo(morning);
		plant.command("furnace-1", { command: "stop" });
		plant.advanceTo(morning + MINUTE);
		const answer = plant.command("furnace-1", { command: "start" });
		assert.equal(answer.effectiveMs, morning + 300_000);
		assert.equal(kwAt(plant, "furnace-1", morning + 295_000), 0);
		assert.ok(kwAt(plant, "furnace-1", morning + 320_000) > 100);
	});

	it("a stopped line makes nothing", () => {
		const plant = new Plant();
		const before = sampleAt(plant, "cnc-1", morning).reading.productionCount ?? NaN;
		plant.command("cnc-1", { command: "stop" });
		const after = sampleAt(plant, "cnc-1", morning + 2 * HOUR).reading.productionCount ?? NaN;
		assert.ok(after - before <= 1, `${before} ${after}`);
		assert.ok((sampleAt(new Plant(), "cnc-1", morning + 2 * HOUR).reading.productionCount ?? 0) > before + 5);
	});

	it("what a stop saves is missing from the machine's counter and from the main meter's", () => {
		const stop = (plant: Plant) => plant.command("chiller-1", { command: "stop" });
		const [own, ownStopped] = energies("chiller-1", morning, morning + HOUR, stop);
		const [main, mainStopped] = energies("main-meter", morning, morning + HOUR, stop);
		assert.ok(ownStopped < 0.05 * own);
		assert.ok(Math.abs(main - mainStopped - 1.006 * (own - ownStopped)) < 0.01);
	});

	it("ends at the same counters however often it is looked at in between", () => {
		fc.assert(
			fc.property(fc.array(fc.integer({ min: 1, max: 90_000 }), { maxLength: 30 }), (steps) => {
				const run = (looks: readonly number[]): number => {
					const plant = new Plant();
					plant.advanceTo(morning);
					plant.command("mill-1", { command: "limit", limitKw: 120 });
					plant.inject({ fault: "bearing-wear", machine: "mill-1", rampMs: 10 * MINUTE });
					let t = morning;
					for (const step of looks) {
						t += step;
						plant.advanceTo(t);
					}
					return sampleAt(plant, "mill-1", morning + HOUR).reading.energyKwh ?? NaN;
				};
				assert.equal(run(steps), run([]));
			}),
			{ numRuns: 15 },
		);
	});

	it("hands all that lies above its plan to a successor, so that a restart changes nothing", () => {
		const plant = new Plant();
		plant.advanceTo(morning);
		plant.command("pumps-1", { command: "stop" });
		plant.command("mill-1", { command: "limit", limitKw: 120 });
		plant.command("cnc-1", { command: "start", job: "a", operation: "1", powerKw: 12, minutes: 90 });
		plant.inject({ fault: "air-leak", machine: "compressor-1", rampMs: 2 * HOUR });
		plant.inject({ fault: "stuck-sensor", machine: "hvac-1" });
		plant.inject({ fault: "breakdown", machine: "furnace-1", startMs: morning + 70 * MINUTE });
		plant.advanceTo(morning + HOUR);
		const successor = new Plant();
		successor.restore(JSON.parse(JSON.stringify(plant.state)));
		for (const timeMs of [morning + HOUR, morning + 80 * MINUTE, morning + 100 * MINUTE]) {
			const [before, after] = [plant, successor].map((one) =>
				one.advanceTo(timeMs).map(({ reading, labels }) => ({ reading, labels })),
			);
			assert.deepEqual(after, before);
		}
		assert.deepEqual(successor.takeReports(), plant.takeReports().slice(1));
		assert.equal(successor.inject({ fault: "stuck-sensor", machine: "mill-1" }).id, "fault-4");
	});

	it("refuses what it does not understand, and machines that are only watched", () => {
		const plant = new Plant();
		plant.advanceTo(morning);
		assert.throws(() => plant.command("mill-1", { command: "explode" }), { code: "plant.command-invalid" });
		assert.throws(() => plant.command("mill-1", { command: "limit" }), { code: "plant.command-invalid" });
		assert.throws(() => plant.command("nobody", { command: "stop" }), { code: "plant.machine-unknown" });
		for (const id of ["main-meter", "lighting-1"]) {
			assert.throws(() => plant.command(id, { command: "stop" }), { code: "plant.not-controllable" });
		}
		assert.throws(() => new Plant().command("mill-1", { command: "stop" }), { code: "plant.not-started" });
	});
});

describe("faults of the simulated plant", () => {
	const span = { startMs: morning + 10 * MINUTE, rampMs: 0, endMs: morning + 70 * MINUTE };

	it("are labelled exactly in their window, with how far they have grown", () => {
		const plant = new Plant();
		plant.advanceTo(morning);
		const fault = plant.inject({
			...span,
			fault: "bearing-wear",
			machine: "mill-1",
			rampMs: 40 * MINUTE,
			severity: 0.8,
		});
		const labels = (t: number) => sampleAt(plant, "mill-1", t).labels;
		assert.deepEqual(labels(span.startMs - 1), []);
		assert.deepEqual(labels(span.startMs + 20 * MINUTE), [{ id: fault.id, fault: "bearing-wear", severity: 0.4 }]);
		assert.deepEqual(labels(span.endMs - 1), [{ id: fault.id, fault: "bearing-wear", severity: 0.8 }]);
		assert.deepEqual(labels(span.endMs), []);
		assert.deepEqual(plant.faults, []);
	});

	const machines: Record<Exclude<FaultKind, "stuck-sensor" | "capacitor-failure">, string> = {
		"bearing-wear": "pumps-1",
		"air-leak": "compressor-1",
		"lost-phase": "mill-1",
		breakdown: "mill-1",
	};
	for (const [fault, machine] of Object.entries(machines)) {
		it(`${fault} changes power in its window only, and the counter with it`, () => {
			// A leading compressor is at full load by day: its leak shows at night.
			const base = fault === "air-leak" ? night : morning;
			const span = { startMs: base + 10 * MINUTE, rampMs: 0, endMs: base + 70 * MINUTE };
			const [healthy, faulty] = [new Plant(), new Plant()];
			for (const plant of [healthy, faulty]) plant.advanceTo(base);
			faulty.inject({ ...span, fault: fault as FaultKind, machine });
			const of = (t: number) => [kwAt(healthy, machine, t), kwAt(faulty, machine, t)] as const;
			const [a, b] = of(span.startMs - 1);
			assert.equal(a, b);
			let changed = 0;
			for (let t = span.startMs; t < span.endMs; t += MINUTE) {
				const [kw, faultyKw] = of(t);
				if (Math.abs(kw - faultyKw) > 0.02 * kw) changed++;
			}
			// A compressor draws as much as ever when it is loaded, and is so more often.
			assert.ok(changed > (fault === "air-leak" ? 20 : 40), `${changed} of 60 minutes`);
			const [c, d] = of(span.endMs + 1000);
			assert.equal(c, d);
			const counters = [healthy, faulty].map((plant) => sampleAt(plant, machine, span.endMs + HOUR).reading.energyKwh);
			assert.notEqual(counters[0], counters[1]);
		});
	}

	it("air-leak keeps the compressor loaded at night, when hardly anything uses air", () => {
		const [healthy, leaking] = energies("compressor-1", night, night + 2 * HOUR, (plant) =>
			plant.inject({ fault: "air-leak", machine: "compressor-1", rampMs: 0 }),
		);
		assert.ok(leaking > 1.5 * healthy, `${healthy} ${leaking}`);
	});

	it("air-leak is carried by the compressor that has room: by day that is not the one at full load", () => {
		const leak = (plant: Plant) => plant.inject({ fault: "air-leak", machine: "compressor-1", rampMs: 0 });
		const [leader, leaderLeaking] = energies("compressor-1", morning, morning + HOUR, leak);
		const [other, otherLeaking] = energies("compressor-2", morning, morning + HOUR, leak);
		assert.ok(Math.abs(leaderLeaking - leader) < 0.03 * leader, `${leader} ${leaderLeaking}`);
		assert.ok(otherLeaking > 1.4 * other, `${other} ${otherLeaking}`);
		const plant = new Plant();
		plant.advanceTo(morning);
		leak(plant);
		for (const id of ["compressor-1", "compressor-2"]) {
			assert.equal(sampleAt(plant, id, morning + MINUTE).labels[0]?.fault, "air-leak");
		}
	});

	it("compressors are loaded or unloaded, seldom between, with a leak too", () => {
		const plant = new Plant();
		plant.advanceTo(night);
		plant.inject({ fault: "air-leak", machine: "compressor-1", rampMs: 0 });
		let between = 0;
		for (let t = night; t < night + HOUR; t += 1_000) {
			const kw = kwAt(plant, "compressor-1", t);
			if (kw > 25 && kw < 60) between++;
		}
		assert.ok(between > 0 && between < 0.05 * 3_600, `${between} of 3,600 s`);
	});

	it("stuck-sensor freezes the reported power while truth and counter run on", () => {
		const plant = new Plant();
		plant.advanceTo(morning);
		plant.inject({ ...span, fault: "stuck-sensor", machine: "cnc-1" });
		const first = sampleAt(plant, "cnc-1", span.startMs);
		const truths = new Set<number>();
		let last = first;
		for (let t = span.startMs; t < span.endMs; t += MINUTE) {
			last = sampleAt(plant, "cnc-1", t);
			truths.add(last.trueKw);
			assert.equal(last.reading.powerKw, first.reading.powerKw);
		}
		assert.ok(truths.size > 50);
		assert.ok((last.reading.energyKwh ?? 0) > (first.reading.energyKwh ?? 0) + 5);
		assert.notEqual(kwAt(plant, "cnc-1", span.endMs + 90_000), first.reading.powerKw);
	});

	for (const machine of ["mill-1", "main-meter"]) {
		it(`capacitor-failure drops the power factor of ${machine}, not its power`, () => {
			const [healthy, faulty] = [new Plant(), new Plant()];
			for (const plant of [healthy, faulty]) plant.advanceTo(morning);
			faulty.inject({ ...span, fault: "capacitor-failure", machine });
			const [a, b] = [healthy, faulty].map((plant) => sampleAt(plant, machine, span.startMs + MINUTE).reading);
			assert.equal(a?.powerKw, b?.powerKw);
			assert.ok((b?.powerFactor ?? 1) < (a?.powerFactor ?? 0) - 0.04, `${a?.powerFactor} ${b?.powerFactor}`);
			assert.ok((b?.currentA ?? 0) > (a?.currentA ?? 0));
		});
	}

	it("lost-phase unbalances currents and voltages and puts the machine into fault", () => {
		const plant = new Plant();
		plant.advanceTo(morning);
		plant.inject({ ...span, fault: "lost-phase", machine: "mill-1" });
		const { electrical, reading } = sampleAt(plant, "mill-1", span.startMs + MINUTE);
		assert.equal(reading.state, "fault");
		assert.equal(electrical.phaseCurrentA[0], 0);
		assert.ok(electrical.phaseCurrentA[1] > 10);
		assert.ok(electrical.phaseVoltageV[0] < 0.6 * electrical.phaseVoltageV[1]);
	});

	it("can be cleared by id, by machine, or all at once", () => {
		const plant = new Plant();
		plant.advanceTo(morning);
		const first = plant.inject({ fault: "bearing-wear", machine: "mill-1" });
		plant.inject({ fault: "stuck-sensor", machine: "cnc-1" });
		plant.inject({ fault: "lost-phase", machine: "pumps-1", startMs: morning + HOUR });
		plant.clear({ id: first.id });
		plant.clear({ machine: "cnc-1" });
		assert.deepEqual(
			plant.faults.map(({ fault }) => fault),
			["lost-phase"],
		);
		plant.clear();
		assert.deepEqual(sampleAt(plant, "pumps-1", morning + 2 * HOUR).labels, []);
	});

	it("refuses impossible faults and names field and rule", () => {
		const plant = new Plant();
		plant.advanceTo(morning);
		const refused = (order: Parameters<Plant["inject"]>[0], field: string) =>
			assert.throws(
				() => plant.inject(order),
				(error: { code?: string; details?: { field?: string } }) =>
					error.code === "plant.fault-invalid" && error.details?.field === field,
			);
		refused({ fault: "rust" as FaultKind, machine: "mill-1" }, "fault");
		refused({ fault: "air-leak", machine: "mill-1" }, "machine");
		refused({ fault: "bearing-wear", machine: "lighting-1" }, "machine");
		refused({ fault: "lost-phase", machine: "main-meter" }, "fault");
		refused({ fault: "lost-phase", machine: "mill-1", severity: 2 }, "severity");
		refused({ fault: "lost-phase", machine: "mill-1", startMs: morning - HOUR }, "startMs");
		refused({ fault: "lost-phase", machine: "mill-1", endMs: morning - HOUR }, "endMs");
	});
});
