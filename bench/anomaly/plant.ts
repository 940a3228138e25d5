// The simulated plant with labelled faults: which are found, how soon, and how often a healthy machine is alarmed.

import { type FaultKind, faultKinds } from "../../lib/plant/faults.ts";
import { plantHolidays } from "../../lib/plant/holidays.ts";
import { Plant } from "../../lib/plant/plant.ts";
import type { Reading } from "../../lib/telemetry/reading.ts";
import { LevelTracker } from "../../models/anomaly/level.ts";
import { type MachineModel, machineModelKind } from "../../models/anomaly/machine-model.ts";
import { columnsOf } from "../../models/anomaly/readings.ts";
import type { Figures } from "../run.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const TIME_ZONE = "Asia/Seoul";
/** A Monday in a season with weather; 28 days to learn from, 28 healthy days to be quiet in. */
const START_MS = Date.UTC(2026, 8, 6, 15);
const TRAINING_DAYS = 28;
const QUIET_DAYS = 28;
const FAULT_DAYS = 5;

interface Found {
	fault: FaultKind;
	machine: string;
	delayMin: number | null;
	leading: string;
}

/** @param seeds plants to try, each with a model of its own for every machine */
export function plantSection(seeds: readonly number[]): Figures {
	const found: Found[] = [];
	const alarms: { seed: number; machine: string; alarms: number; perWeek: number }[] = [];
	let trainMs = 0;
	let trained = 0;
	for (const seed of seeds) {
		const models = new Map<string, MachineModel>();
		const past = record(seed, START_MS, TRAINING_DAYS);
		for (const [machine, readings] of past) {
			const begunMs = performance.now();
			models.set(machine, fitOn(readings));
			trainMs += performance.now() - begunMs;
			trained++;
		}
		const quietFrom = START_MS + TRAINING_DAYS * DAY_MS;
		for (const [machine, readings] of record(seed, quietFrom, QUIET_DAYS)) {
			const { raised } = watch(models.get(machine) as MachineModel, readings);
			alarms.push({ seed, machine, alarms: raised.length, perWeek: round((raised.length * 7) / QUIET_DAYS) });
		}
		for (const fault of creepingFaults) {
			for (const machine of machinesFor(fault)) {
				const readings = record(seed, quietFrom, FAULT_DAYS, { fault, machine }).get(machine) as Reading[];
				const { raised } = watch(models.get(machine) as MachineModel, readings);
				const beginMs = quietFrom + FAULT_BEGINS_MS;
				const first = raised.find(({ timeMs }) => timeMs >= beginMs);
				found.push({
					fault,
					machine,
					delayMin: first ? Math.round((first.timeMs - beginMs) / MINUTE_MS) : null,
					leading: first?.leading ?? "",
				});
			}
		}
	}
	const total = alarms.reduce((sum, { alarms }) => sum + alarms, 0);
	const weeks = (alarms.length * QUIET_DAYS) / 7;
	const hits = found.filter(({ delayMin }) => delayMin !== null).length;
	return {
		plants: seeds.length,
		trainingDays: TRAINING_DAYS,
		fitMsPerMachine: Math.round(trainMs / trained),
		falseAlarmsPerMachineWeek: round(total / weeks),
		worstMachinePerWeek: Math.max(...alarms.map(({ perWeek }) => perWeek)),
		/** Alarms that were faults, of all alarms over the faults' and the quiet days. */
		precision: round(hits / (hits + total)),
		faults: creepingFaults.map((fault) => {
			const of = found.filter((one) => one.fault === fault);
			const delays = of.flatMap(({ delayMin }) => (delayMin === null ? [] : [delayMin])).sort((a, b) => a - b);
			return {
				fault,
				injected: of.length,
				found: delays.length,
				medianDelayMin: delays[Math.floor(delays.length / 2)] ?? null,
				longestDelayMin: delays[delays.length - 1] ?? null,
				leading: of.find(({ leading }) => leading)?.leading ?? "",
			};
		}),
		missed: found.filter(({ delayMin }) => delayMin === null).map(({ fault, machine }) => `${fault} at ${machine}`),
		quiet: alarms.filter(({ alarms }) => alarms > 0),
	};
}

/** A machine that stands still is no anomaly to be found: the plant itself says "fault". */
const creepingFaults = faultKinds.filter((fault) => fault !== "breakdown");

const FAULT_BEGINS_MS = DAY_MS + 10 * 3_600_000;

function machinesFor(fault: FaultKind): string[] {
	const { machines } = new Plant().definition;
	return machines
		.filter((machine) => {
			if (fault === "air-leak") return machine.role === "sub" && machine.profile === "compressor";
			return machine.role === "sub" || fault === "stuck-sensor" || fault === "capacitor-failure";
		})
		.map(({ id }) => id);
}

/** Readings of each minute, by machine. */
function record(
	seed: number,
	fromMs: number,
	days: number,
	order?: { fault: FaultKind; machine: string },
): Map<string, Reading[]> {
	const plant = new Plant({ seed, timeZone: TIME_ZONE, isHoliday: plantHolidays(TIME_ZONE) });
	plant.advanceTo(fromMs);
	if (order) plant.inject({ ...order, startMs: fromMs + FAULT_BEGINS_MS });
	const readings = new Map<string, Reading[]>();
	for (let timeMs = fromMs; timeMs < fromMs + days * DAY_MS; timeMs += MINUTE_MS) {
		for (const { reading } of plant.advanceTo(timeMs)) {
			const of = readings.get(reading.machine);
			if (of) of.push(reading);
			else readings.set(reading.machine, [reading]);
		}
	}
	return readings;
}

function fitOn(readings: readonly Reading[]): MachineModel {
	const context = { seed: 1, progress: () => undefined };
	const outcome = machineModelKind.fit(columnsOf(readings), { timeZone: TIME_ZONE }, context);
	if (outcome instanceof Promise) throw new TypeError("fits at once");
	return outcome.model;
}

/** Rises of a machine's level, as the node would report them. */
function watch(model: MachineModel, readings: readonly Reading[]): { raised: { timeMs: number; leading: string }[] } {
	const memory = model.memory();
	const level = new LevelTracker();
	const raised: { timeMs: number; leading: string }[] = [];
	const scores = model.predict({ readings: columnsOf(readings), memory });
	for (const [row, { timeMs }] of readings.entries()) {
		const before = level.level;
		if (!level.add(scores.score[row] as number) || before !== "normal") continue;
		const [most] = scores.contributions(row, 1);
		raised.push({ timeMs, leading: `${scores.leader(row)}: ${most?.feature} ${most && round(most.deviations)}` });
	}
	return { raised };
}

const round = (value: number): number => Math.round(value * 100) / 100;
