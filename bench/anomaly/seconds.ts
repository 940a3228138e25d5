// The simulated plant read each second, as its meters send: models learn from minutes, as they do, and judge seconds.
// False alarms over whole days and the delay of what goes wrong.

import type { FaultOrder } from "../../lib/plant/faults.ts";
import { plantHolidays } from "../../lib/plant/holidays.ts";
import { Plant } from "../../lib/plant/plant.ts";
import type { Reading } from "../../lib/telemetry/reading.ts";
import { type MachineModel, machineModelKind } from "../../models/anomaly/machine-model.ts";
import { columnsOf } from "../../models/anomaly/readings.ts";
import { MachineWatch } from "../../models/anomaly/watch.ts";
import type { Figures } from "../run.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TIME_ZONE = "Asia/Seoul";
/** A Monday, local midnight. */
const START_MS = Date.UTC(2026, 8, 6, 15);
const TRAINING_DAYS = 28;
/** What windows and running means are full of before anything counts. */
const WARM_UP_MS = 2 * HOUR_MS;

/** @param days watched each second, after four weeks of minutes were learnt from */
export function secondsSection(days: number, seed = 1): Figures {
	const fromMs = START_MS + TRAINING_DAYS * DAY_MS;
	const models = learn(plantAt(seed, START_MS), fromMs);
	const quiet = watched(plantAt(seed, fromMs), models, { fromMs, toMs: fromMs + days * DAY_MS });
	const weeks = (models.size * days) / 7;
	const faults = FAULTS.map(({ seenAt, hours, ...order }) => {
		const startMs = fromMs + DAY_MS + 10 * HOUR_MS;
		const beginsMs = startMs - WARM_UP_MS;
		const plant = plantAt(seed, beginsMs);
		plant.inject({ ...order, startMs });
		const some = new Map(seenAt.map((id) => [id, models.get(id) as MachineModel] as const));
		const { alarms } = watched(plant, some, { fromMs: beginsMs, toMs: startMs + hours * HOUR_MS });
		const first = alarms.find(({ timeMs }) => timeMs >= startMs);
		return {
			fault: order.fault,
			machine: order.machine,
			delayS: first ? Math.round((first.timeMs - startMs) / SECOND_MS) : null,
			by: first?.by ?? "",
		};
	});
	return {
		days,
		machines: models.size,
		readings: quiet.readings,
		usPerReading: quiet.usPerReading,
		falseAlarms: quiet.alarms.length,
		falseAlarmsPerMachineWeek: round(quiet.alarms.length / weeks),
		faults,
		quiet: quiet.alarms.map(({ machine, timeMs, by }) => ({ machine, at: new Date(timeMs).toISOString(), by })),
	};
}

interface Alarm {
	machine: string;
	timeMs: number;
	by: string;
}

const FAULTS: readonly (FaultOrder & { seenAt: readonly string[]; hours: number })[] = (() => {
	const compressors = new Plant().definition.machines
		.filter((one) => one.role === "sub" && one.profile === "compressor")
		.map(({ id }) => id);
	return [
		{ fault: "air-leak", machine: compressors[0] as string, rampMs: MINUTE_MS, seenAt: compressors, hours: 2 },
		{ fault: "capacitor-failure", machine: "furnace-1", seenAt: ["furnace-1"], hours: 1 },
		{ fault: "lost-phase", machine: "mill-1", seenAt: ["mill-1"], hours: 1 },
		{ fault: "stuck-sensor", machine: "mill-1", seenAt: ["mill-1"], hours: 1 },
	];
})();

function plantAt(seed: number, timeMs: number): Plant {
	const plant = new Plant({ seed, timeZone: TIME_ZONE, isHoliday: plantHolidays(TIME_ZONE) });
	plant.advanceTo(timeMs);
	return plant;
}

function learn(plant: Plant, toMs: number): Map<string, MachineModel> {
	const readings = new Map<string, Reading[]>();
	for (let timeMs = START_MS + MINUTE_MS; timeMs <= toMs; timeMs += MINUTE_MS) {
		for (const { reading } of plant.advanceTo(timeMs)) {
			const of = readings.get(reading.machine);
			if (of) of.push(reading);
			else readings.set(reading.machine, [reading]);
		}
	}
	const models = new Map<string, MachineModel>();
	for (const [machine, of] of readings) {
		const context = { seed: 1, progress: () => undefined };
		const outcome = machineModelKind.fit(columnsOf(of), { timeZone: TIME_ZONE }, context);
		if (outcome instanceof Promise) throw new TypeError("fits at once");
		models.set(machine, outcome.model);
	}
	return models;
}

/** Rises of the levels of machines, read each second, a minute in a batch. */
function watched(
	plant: Plant,
	models: ReadonlyMap<string, MachineModel>,
	{ fromMs, toMs }: { fromMs: number; toMs: number },
): { alarms: Alarm[]; readings: number; usPerReading: number } {
	const watches = new Map(
		Array.from(models, ([id, model]) => {
			const watch = new MachineWatch(plant.definition.machines.find((one) => one.id === id)?.ratedKw);
			watch.use(model, "bench");
			return [id, { watch, batch: [] as Reading[] }] as const;
		}),
	);
	const alarms: Alarm[] = [];
	let [readings, spentUs] = [0, 0];
	for (let timeMs = fromMs + SECOND_MS; timeMs <= toMs; timeMs += SECOND_MS) {
		for (const { reading } of plant.advanceTo(timeMs)) watches.get(reading.machine)?.batch.push(reading);
		if (timeMs % MINUTE_MS !== 0) continue;
		const begun = process.cpuUsage();
		for (const [machine, { watch, batch }] of watches) {
			readings += batch.length;
			for (const { previous, timeMs: at, by = "" } of watch.add(batch.splice(0)).alerts) {
				if (previous === "normal") alarms.push({ machine, timeMs: at, by });
			}
		}
		const { user, system } = process.cpuUsage(begun);
		spentUs += user + system;
	}
	return { alarms, readings, usPerReading: round(spentUs / readings) };
}

const round = (value: number): number => Math.round(value * 100) / 100;
