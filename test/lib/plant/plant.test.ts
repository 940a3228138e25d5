import assert from "node:assert/strict";
import fc from "fast-check";
import { demoPlant } from "../../../lib/plant/definition.ts";
import { Plant, type PlantSample } from "../../../lib/plant/plant.ts";

const at = (text: string): number => Date.parse(`${text}+09:00`);
const monday = at("2026-11-16T00:00:00");
const MINUTE = 60_000;
const HOUR = 3_600_000;
const sampleOf = (samples: PlantSample[], id: string): PlantSample => {
	const sample = samples.find(({ machine }) => machine.id === id);
	assert.ok(sample, id);
	return sample;
};
const readingOf = (samples: PlantSample[], id: string) => sampleOf(samples, id).reading;
const kw = (plant: Plant, id: string, timeMs: number): number =>
	readingOf(plant.advanceTo(timeMs), id).powerKw ?? Number.NaN;
const instant = fc.integer({ min: at("2025-01-02T00:00:00"), max: at("2026-12-31T00:00:00") });

describe("simulated plant", () => {
	it("gives the same readings for the same seed, wherever a simulation was started", () => {
		fc.assert(
			fc.property(instant, fc.integer({ min: 1, max: 3 * 86_400_000 }), fc.nat(5), (time, earlier, seed) => {
				const walked = new Plant({ seed });
				walked.advanceTo(Math.max(at("2025-01-01T00:00:00"), time - earlier));
				assert.deepEqual(walked.advanceTo(time), new Plant({ seed }).advanceTo(time));
			}),
			{ numRuns: 25 },
		);
	});

	it("is another plant with another seed", () => {
		const noon = monday + 11 * HOUR;
		assert.notEqual(kw(new Plant({ seed: 1 }), "mill-1", noon), kw(new Plant({ seed: 2 }), "mill-1", noon));
	});

	it("counts exactly the integral of power, second by second", () => {
		const plant = new Plant();
		const from = monday + 9 * HOUR + 7 * MINUTE;
		let before = plant.advanceTo(from);
		const first = before;
		const sums = new Map<string, number>();
		const step = 100;
		for (let t = from + step; t <= from + 10 * MINUTE; t += step) {
			const now = plant.advanceTo(t);
			for (const [n, { machine, trueKw }] of now.entries()) {
				const mean = (trueKw + (before[n]?.trueKw ?? 0)) / 2;
				sums.set(machine.id, (sums.get(machine.id) ?? 0) + (mean * step) / HOUR);
			}
			before = now;
		}
		for (const { reading } of before) {
			const counted = (reading.energyKwh ?? 0) - (readingOf(first, reading.machine).energyKwh ?? 0);
			const integral = sums.get(reading.machine) ?? 0;
			assert.ok(Math.abs(counted - integral) < 2e-4 + 1e-4 * integral, `${reading.machine} ${counted} ${integral}`);
		}
	});

	it("never counts backwards, across midnights and weeks", () => {
		const plant = new Plant();
		let before = plant.advanceTo(monday - 3 * HOUR);
		for (let t = monday - 3 * HOUR; t < monday + 8 * 24 * HOUR; t += 17 * MINUTE) {
			const now = plant.advanceTo(t);
			for (const [n, { reading }] of now.entries()) {
				assert.ok((reading.energyKwh ?? 0) >= (before[n]?.reading.energyKwh ?? 0), reading.machine);
				assert.ok((reading.productionCount ?? 0) >= (before[n]?.reading.productionCount ?? 0), reading.machine);
			}
			before = now;
		}
	});

	it("meters at the infeed what the machines draw, plus small losses", () => {
		fc.assert(
			fc.property(instant, (time) => {
				const samples = new Plant().advanceTo(time);
				const sum = samples.filter(({ machine }) => machine.role === "sub").reduce((a, s) => a + s.trueKw, 0);
				const main = sampleOf(samples, "main-meter").trueKw;
				assert.ok(Math.abs(main - (sum * 1.006 + 1.8)) < 1e-9);
			}),
			{ numRuns: 50 },
		);
	});

	it("stays within ratings and physics", () => {
		fc.assert(
			fc.property(instant, (time) => {
				for (const { reading, machine, electrical } of new Plant().advanceTo(time)) {
					assert.ok((reading.powerKw ?? -1) >= 0 && (reading.powerKw ?? 0) <= machine.ratedKw * 1.2, machine.id);
					assert.ok((reading.powerFactor ?? 0) > 0.4 && (reading.powerFactor ?? 2) <= 1, machine.id);
					assert.ok(Math.abs((reading.frequencyHz ?? 0) - 60) < 0.1);
					assert.ok(Math.abs((reading.voltageV ?? 0) - 220) < 11);
					const kva = [0, 1, 2].reduce(
						(sum, n) => sum + ((electrical.phaseVoltageV[n] ?? 0) * (electrical.phaseCurrentA[n] ?? 0)) / 1000,
						0,
					);
					const expected = Math.hypot(reading.powerKw ?? 0, reading.reactivePowerKvar ?? 0);
					assert.ok(Math.abs(kva - expected) < 0.01 + 0.001 * expected, `${machine.id} ${kva} ${expected}`);
				}
			}),
			{ numRuns: 100 },
		);
	});

	it("looks like a small steel works: peaks of 900–1,100 kW, quiet nights, a plausible month", () => {
		const plant = new Plant();
		const demand: number[] = [];
		const nights: number[] = [];
		const start = at("2026-10-01T00:00:00");
		let before = readingOf(plant.advanceTo(start), "main-meter").energyKwh ?? 0;
		for (let n = 1; n <= 31 * 96; n++) {
			const energy = readingOf(plant.advanceTo(start + n * 15 * MINUTE), "main-meter").energyKwh ?? 0;
			demand.push((energy - before) * 4);
			if (n % 96 > 8 && n % 96 < 20) nights.push((energy - before) * 4);
			before = energy;
		}
		const peak = Math.max(...demand);
		assert.ok(peak > 900 && peak < 1100, `peak ${peak}`);
		assert.ok(Math.min(...nights) > 40 && Math.max(...nights) < 125, `${Math.min(...nights)} ${Math.max(...nights)}`);
		const month = demand.reduce((a, b) => a + b, 0) / 4;
		assert.ok(month > 240_000 && month < 340_000, `month ${month}`);
	});

	it("draws days near what it planned for them, so that scaling never distorts a machine", () => {
		const plant = new Plant();
		const machines = demoPlant().machines;
		for (const day of ["2026-01-20", "2026-04-14", "2026-08-05", "2026-11-18"]) {
			for (let n = 0; n < 1440; n++) {
				for (const { reading } of plant.advanceTo(at(`${day}T00:00:00`) + n * MINUTE)) {
					const rated = machines.find(({ id }) => id === reading.machine)?.ratedKw ?? 0;
					assert.ok((reading.powerKw ?? 0) <= rated * 1.12, `${reading.machine} ${reading.powerKw}`);
				}
			}
		}
	});

	it("stands still on Sundays and on the holidays it is given", () => {
		const noon = (day: string) => at(`${day}T11:00:00`);
		assert.ok(kw(new Plant(), "mill-1", noon("2026-11-22")) < 5, "Sunday");
		assert.ok(kw(new Plant(), "mill-1", noon("2026-10-09")) > 30, "Friday");
		const holiday = new Plant({ isHoliday: (date) => date === "2026-10-09" });
		assert.ok(kw(holiday, "mill-1", noon("2026-10-09")) < 5, "Friday, a holiday");
	});

	it("uses more cooling in August than in January", () => {
		const plant = new Plant();
		const use = (day: string): number => {
			const from = readingOf(plant.advanceTo(at(`${day}T00:00:00`)), "chiller-1").energyKwh ?? 0;
			return (readingOf(plant.advanceTo(at(`${day}T23:59:59`)), "chiller-1").energyKwh ?? 0) - from;
		};
		const january = use("2026-01-20");
		assert.ok(use("2026-08-05") > 1.5 * january);
	});

	it("keeps local hours in a zone with summer time, on days of 23 and 25 hours too", () => {
		const plant = new Plant({ timeZone: "Europe/Berlin" });
		const evening = (text: string) => kw(plant, "lighting-1", Date.parse(text));
		assert.ok(evening("2026-03-28T12:30:00+01:00") > 10, "Saturday before, still working");
		const sunday = plant.advanceTo(Date.parse("2026-03-29T12:00:00+02:00"));
		assert.ok((readingOf(sunday, "furnace-1").powerKw ?? 0) < 5);
		const monday = plant.advanceTo(Date.parse("2026-03-30T06:30:00+02:00"));
		assert.ok((readingOf(monday, "lighting-1").powerKw ?? 0) > 15, "the shift begins by the local clock");
	});

	it("refuses to go back in time or before its commissioning", () => {
		const plant = new Plant();
		plant.advanceTo(monday);
		assert.throws(() => plant.advanceTo(monday - 1), { code: "plant.time-invalid" });
		assert.throws(() => new Plant().advanceTo(at("2024-12-31T00:00:00")), { code: "plant.time-invalid" });
	});
});
