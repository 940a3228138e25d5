// The simulated plant with labelled faults: which are found, how soon, and how often a healthy machine is alarmed.

import { type FaultKind, type FaultOrder, faultKinds, isPossible } from "../../lib/plant/faults.ts";
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
/** The product learns anew each night; here once a week, which is harder. */
const RETRAINING_DAYS = 7;

/** A fault as it is tried. */
interface Case {
	fault: FaultKind;
	/** The kind, and how it comes where there are several ways. */
	name: string;
	machine: string;
	/** Where it may be seen: a leak is carried by the compressor that has room. */
	seenAt: readonly string[];
	/** After the quiet span begins. */
	beginsMs: number;
	rampMs?: number;
}

interface Found {
	fault: string;
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
	const learn = (readings: readonly Reading[]): MachineModel => {
		const begunMs = performance.now();
		const model = fitOn(readings);
		trainMs += performance.now() - begunMs;
		trained++;
		return model;
	};
	for (const seed of seeds) {
		const quietFrom = START_MS + TRAINING_DAYS * DAY_MS;
		const all = record(seed, START_MS, TRAINING_DAYS + QUIET_DAYS);
		const models = new Map<string, MachineModel>();
		for (const [machine, readings] of all) {
			const level = new LevelTracker();
			let raised = 0;
			for (let day = 0; day < QUIET_DAYS; day += RETRAINING_DAYS) {
				const fromMs = quietFrom + day * DAY_MS;
				const model = learn(between(readings, fromMs - TRAINING_DAYS * DAY_MS, fromMs));
				if (day === 0) models.set(machine, model);
				raised += watch(model, between(readings, fromMs, fromMs + RETRAINING_DAYS * DAY_MS), level).raised.length;
			}
			alarms.push({ seed, machine, alarms: raised, perWeek: round((raised * 7) / QUIET_DAYS) });
		}
		for (const one of CASES) {
			const first = firstAlarm(seed, quietFrom, one, models);
			found.push({
				...{ fault: one.name, machine: one.machine },
				delayMin: first ? Math.round((first.timeMs - quietFrom - one.beginsMs) / MINUTE_MS) : null,
				leading: first?.leading ?? "",
			});
		}
	}
	const total = alarms.reduce((sum, { alarms }) => sum + alarms, 0);
	const weeks = (alarms.length * QUIET_DAYS) / 7;
	const hits = found.filter(({ delayMin }) => delayMin !== null).length;
	return {
		plants: seeds.length,
		trainingDays: TRAINING_DAYS,
		retrainedEveryDays: RETRAINING_DAYS,
		fitMsPerMachine: Math.round(trainMs / trained),
		falseAlarmsPerMachineWeek: round(total / weeks),
		worstMachinePerWeek: Math.max(...alarms.map(({ perWeek }) => perWeek)),
		/** Alarms that were faults, of all alarms over the faults' and the quiet days. */
		precision: round(hits / (hits + total)),
		faults: [...new Set(CASES.map(({ name }) => name))].map((fault) => {
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

/** A Tuesday at ten; a Tuesday at 23:00; the Sunday at three. */
const IN_A_SHIFT = DAY_MS + 10 * 3_600_000;
const AT_NIGHT = DAY_MS + 23 * 3_600_000;
const ON_SUNDAY = 6 * DAY_MS + 3 * 3_600_000;

const CASES: readonly Case[] = casesOf();

function casesOf(): Case[] {
	const { machines } = new Plant().definition;
	const compressors = machines.filter((one) => one.role === "sub" && one.profile === "compressor").map(({ id }) => id);
	const leak = (how: string, beginsMs: number, rampMs: number): Case => ({
		...{ fault: "air-leak", name: `air-leak, ${how}`, machine: compressors[0] as string, seenAt: compressors },
		...{ beginsMs, rampMs },
	});
	const others = faultKinds
		// A machine that stands still is no anomaly to be found: the plant itself says "fault".
		.filter((fault) => fault !== "air-leak" && fault !== "breakdown")
		.flatMap((fault) =>
			machines
				.filter((machine) => isPossible({ fault, machine }))
				.map(({ id }) => ({ fault, name: fault, machine: id, seenAt: [id], beginsMs: IN_A_SHIFT })),
		);
	return [
		leak("sudden, in a shift", IN_A_SHIFT, MINUTE_MS),
		leak("sudden, at night", AT_NIGHT, MINUTE_MS),
		leak("sudden, on a Sunday", ON_SUNDAY, MINUTE_MS),
		leak("over 12 h", IN_A_SHIFT, 12 * 3_600_000),
		...others,
	];
}

function firstAlarm(
	seed: number,
	fromMs: number,
	{ fault, machine, seenAt, beginsMs, rampMs }: Case,
	models: ReadonlyMap<string, MachineModel>,
): { timeMs: number; leading: string } | undefined {
	// The day before belongs to what is watched; so that a Sunday's fault has its days, too.
	const watchMs = Math.max(0, beginsMs - 2 * DAY_MS);
	const order = { fault, machine, startMs: fromMs + beginsMs, ...(rampMs !== undefined && { rampMs }) };
	const readings = record(seed, fromMs + watchMs, FAULT_DAYS, order);
	return seenAt
		.flatMap((id) => watch(models.get(id) as MachineModel, readings.get(id) as Reading[]).raised)
		.filter(({ timeMs }) => timeMs >= order.startMs)
		.sort((a, b) => a.timeMs - b.timeMs)[0];
}

/** Readings of each minute, by machine. */
function record(seed: number, fromMs: number, days: number, order?: FaultOrder): Map<string, Reading[]> {
	const plant = new Plant({ seed, timeZone: TIME_ZONE, isHoliday: plantHolidays(TIME_ZONE) });
	plant.advanceTo(fromMs);
	if (order) plant.inject(order);
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

function between(readings: readonly Reading[], fromMs: number, toMs: number): Reading[] {
	return readings.filter(({ timeMs }) => timeMs >= fromMs && timeMs < toMs);
}

function fitOn(readings: readonly Reading[]): MachineModel {
	const context = { seed: 1, progress: () => undefined };
	const outcome = machineModelKind.fit(columnsOf(readings), { timeZone: TIME_ZONE }, context);
	if (outcome instanceof Promise) throw new TypeError("fits at once");
	return outcome.model;
}

/** Rises of a machine's level, as the node would report them. */
function watch(
	model: MachineModel,
	readings: readonly Reading[],
	level = new LevelTracker(),
): { raised: { timeMs: number; leading: string }[] } {
	const memory = model.memory();
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
