import { EnergyError } from "../errors.ts";
import type { MachineState, Reading } from "../telemetry/reading.ts";
import type { Site } from "../telemetry/site.ts";
import { type Command, type CommandAnswer, commandOf } from "./control.ts";
import {
	demoPlant,
	type LoadDefinition,
	type MachineDefinition,
	type PlantDefinition,
	siteOfPlant,
} from "./definition.ts";
import { busVoltageV, type Electrical, frequencyHz, phasesOf, powerFactorOf } from "./electrical.ts";
import { type Fault, type FaultLabel, type FaultOrder, type FaultsState, PlantFaults, reaches } from "./faults.ts";
import { type JobCommand, type JobReport, jobCommandOf } from "./jobs.ts";
import { LoadOverlay, type LoadState } from "./overlay.ts";
import { type LoadNow, PlantPlan } from "./plan.ts";
import { hash, hashText } from "./random.ts";

export interface PlantOptions {
	/** The same seed gives the same plant, whenever it is started; default 1. */
	seed?: number;
	/** Default `demo`. */
	siteId?: string;
	/** IANA name, default Asia/Seoul. */
	timeZone?: string;
	/** Local dates (YYYY-MM-DD) on which the plant is closed besides Sundays. */
	isHoliday?: (localDate: string) => boolean;
	/** Local date on which all counters stood at zero; no time before it can be asked for. Default 2025-01-01. */
	commissioned?: string;
	/** Another plant than the one that ships. */
	definition?: PlantDefinition;
}

/** One machine at one instant. */
export interface PlantSample {
	/** What its meter says. */
	reading: Reading;
	machine: MachineDefinition;
	/** What is really drawn, kW; differs from the reading where a sensor is stuck. */
	trueKw: number;
	/** Ground truth: the faults at work at this instant. */
	labels: FaultLabel[];
	electrical: Electrical;
}

/** What outlives a plant object, as JSON: all that lies above its plan. */
export interface PlantState {
	loads: Record<string, LoadState>;
	faults: FaultsState;
	/** What stuck sensors say, kW. */
	frozen: Record<string, number>;
}

/**
 * The simulated plant. Without interference a reading is a pure function of seed and time, so any instant can be asked
 * for at any moment and a restart goes on where the series was. Commands, jobs and faults lie above that plan.
 */
export class Plant {
	readonly definition: PlantDefinition;
	readonly siteId: string;
	readonly timeZone: string;
	readonly #seed: number;
	readonly #plan: PlantPlan;
	readonly #faults = new PlantFaults();
	readonly #overlays: readonly LoadOverlay[];
	#reports: JobReport[] = [];
	readonly #frozen = new Map<string, number>();
	#nowMs = Number.NEGATIVE_INFINITY;

	constructor(options: PlantOptions = {}) {
		const { seed = 1, siteId = "demo", timeZone = "Asia/Seoul", isHoliday = () => false } = options;
		this.definition = options.definition ?? demoPlant();
		this.siteId = siteId;
		this.timeZone = timeZone;
		this.#seed = hash(seed, 0x706c);
		const commissioned = options.commissioned ?? "2025-01-01";
		this.#plan = new PlantPlan(this.definition, this.#seed, { timeZone, isHoliday }, commissioned);
		this.#overlays = this.#plan.loads.map((_, index) => new LoadOverlay(this.#plan, this.#faults, index));
	}

	/** The plant as a site: machines with areas, ratings and what may be commanded. */
	get site(): Site {
		return siteOfPlant(this.definition, this.siteId, this.timeZone);
	}

	/** Epoch ms of the last step; −Infinity before the first. */
	get nowMs(): number {
		return this.#nowMs;
	}

	/** Faults that are set, begun or not. */
	get faults(): readonly Fault[] {
		return this.#faults.all;
	}

	/**
	 * Moves the plant to an instant and reads all its meters there.
	 *
	 * @param timeMs epoch ms, not before the last step
	 * @throws EnergyError `plant.time-invalid`
	 */
	advanceTo(timeMs: number): PlantSample[] {
		const least = Math.max(this.#nowMs, this.#plan.startMs);
		if (!Number.isFinite(timeMs) || timeMs < least) {
			throw new EnergyError("plant.time-invalid", { value: timeMs, rule: `≥ ${least}` });
		}
		for (const overlay of this.#overlays) overlay.integrate(timeMs);
		this.#nowMs = timeMs;
		this.#faults.forgetBefore(timeMs);
		for (const overlay of this.#overlays) this.#reports.push(...overlay.reportsOfJobs(timeMs));
		return this.#read(timeMs);
	}

	/** What became of jobs since it was last asked: started, finished, stopped, failed with their machine. */
	takeReports(): JobReport[] {
		const reports = this.#reports;
		this.#reports = [];
		return reports;
	}

	/**
	 * @param input `{command: "start" | "stop" | "limit" | "release", limitKw?}`, or with a job
	 * `{command: "start" | "stop" | "set-point" | "release", job, operation, batch, powerKw, minutes, stepMinutes}`
	 * @throws EnergyError `plant.command-invalid`, `plant.machine-unknown`, `plant.not-controllable`, `plant.not-started`,
	 * `plant.broken`, `plant.job-busy`, `plant.job-unknown`
	 */
	command(id: string, input: unknown): CommandAnswer {
		const order = jobCommandOf(input);
		// The same rules of who may be commanded as for any start.
		const command = this.#commandOf(id, order ? { command: "start" } : input);
		this.#started();
		const overlay = this.#overlays[this.#plan.loads.findIndex((load) => load.id === id)] as LoadOverlay;
		return order ? this.#jobCommand(id, order, overlay) : overlay.obey(command, this.#nowMs);
	}

	#commandOf(id: string, input: unknown): Command {
		const machine = this.definition.machines.find((each) => each.id === id);
		return commandOf(input, machine, id);
	}

	#jobCommand(machine: string, order: JobCommand, overlay: LoadOverlay): CommandAnswer {
		if (order.command === "start" && overlay.isBroken(this.#nowMs)) throw new EnergyError("plant.broken", { machine });
		const report = overlay.obeyJob(order, this.#nowMs);
		if (report) this.#reports.push(report);
		const { command, job, operation } = order;
		return { machine, command, job, operation, effectiveMs: this.#nowMs };
	}

	/** @throws EnergyError `plant.fault-invalid`, `plant.machine-unknown`, `plant.not-started` */
	inject(order: FaultOrder): Fault {
		this.#started();
		const fault = this.#faults.made(order, this.definition.machines, this.#nowMs);
		for (const [index, load] of this.#plan.loads.entries()) {
			if (reaches(fault, load)) this.#overlays[index]?.settleIdle(this.#nowMs);
		}
		this.#faults.add(fault);
		return fault;
	}

	/** Ends faults now: one by its id, all of a machine, or all; returns those that ended. */
	clear(which: { id?: string; machine?: string } = {}): Fault[] {
		return this.#faults.end(which, this.#nowMs);
	}

	/**
	 * Give it to `restore` of a new plant with the same seed, before its first step: counters go on without one, and
	 * commands, jobs and faults hold.
	 */
	get state(): PlantState {
		return {
			loads: Object.fromEntries(
				this.#plan.loads.map(({ id }, index) => [id, this.#overlays[index]?.state as LoadState]),
			),
			faults: this.#faults.state,
			frozen: Object.fromEntries(this.#frozen),
		};
	}

	restore({ loads, faults, frozen }: PlantState): void {
		for (const [index, { id }] of this.#plan.loads.entries()) {
			const kept = loads[id];
			if (kept) this.#overlays[index]?.restore(kept);
		}
		this.#faults.restore(faults);
		for (const [id, kw] of Object.entries(frozen)) this.#frozen.set(id, kw);
	}

	#started(): void {
		if (this.#nowMs === Number.NEGATIVE_INFINITY) throw new EnergyError("plant.not-started");
	}

	#read(timeMs: number): PlantSample[] {
		const table = this.#plan.dayAt(timeMs);
		const now = this.#overlays.map((overlay) => overlay.at(timeMs, table));
		const { losses } = this.definition;
		const sumKw = now.reduce((sum, { kw }) => sum + kw, 0);
		const siteKw = sumKw * (1 + losses.share) + losses.noLoadKw;
		const busV = busVoltageV(this.definition, this.#seed, timeMs, siteKw);
		const hz = frequencyHz(this.definition, this.#seed, timeMs);
		const outdoor = table.outdoorC[Math.floor((timeMs - table.day.startMs) / 60_000)] ?? 0;
		const samples = this.#plan.loads.map((load, index) =>
			this.#sampleLoad(load, index, now[index] as LoadNow, timeMs, { busV, hz, outdoor }),
		);
		const kvar = samples.reduce((sum, { electrical }) => sum + electrical.reactivePowerKvar, 0);
		for (const machine of this.definition.machines) {
			if (machine.role !== "main") continue;
			const hours = (timeMs - this.#plan.startMs) / 3_600_000;
			const kwh = now.reduce((sum, load) => sum + load.kwh, 0) * (1 + losses.share) + losses.noLoadKw * hours;
			// A failed stage of the compensation at the infeed is a quarter of the site's reactive power.
			const capacitor = this.#faults.severity(machine.id, "capacitor-failure", timeMs);
			const electrical = phasesOf(siteKw, kvar * 0.75 + capacitor * (60 + 0.3 * kvar), busV, hashText(machine.id), 0);
			samples.push(this.#sample(machine, { kw: siteKw, kwh, state: "running" }, electrical, hz, timeMs));
		}
		return samples;
	}

	#sampleLoad(
		load: LoadDefinition,
		index: number,
		now: LoadNow,
		timeMs: number,
		{ busV, hz, outdoor }: { busV: number; hz: number; outdoor: number },
	): PlantSample {
		const seed = hash(this.#seed, this.#plan.seeds[index] as number);
		const capacitor = this.#faults.severity(load.id, "capacitor-failure", timeMs);
		const factor = powerFactorOf(load, seed, now.kw, timeMs, capacitor);
		const kvar = now.kw * Math.tan(Math.acos(factor));
		const electrical = phasesOf(now.kw, kvar, busV, seed, this.#faults.severity(load.id, "lost-phase", timeMs));
		const sample = this.#sample(load, now, electrical, hz, timeMs);
		if (load.production) sample.reading.productionCount = Math.floor(now.made + 1e-9);
		if (load.temperature === "outdoor") sample.reading.temperatureC = round(outdoor, 1);
		else if (load.temperature) {
			const { baseC, riseC } = load.temperature;
			const wear = 14 * this.#faults.severity(load.id, "bearing-wear", timeMs);
			const share = Math.min(1.2, now.kw / load.ratedKw);
			sample.reading.temperatureC = round(baseC + riseC * share + 0.2 * (outdoor - 15) + wear, 1);
		}
		return sample;
	}

	#sample(
		machine: MachineDefinition,
		now: { kw: number; kwh: number; state: MachineState },
		electrical: Electrical,
		hz: number,
		timeMs: number,
	): PlantSample {
		const labels = this.#faults.labelsOf(machine, timeMs);
		const [v1, v2, v3] = electrical.phaseVoltageV;
		const [a1, a2, a3] = electrical.phaseCurrentA;
		const reading: Reading = {
			site: this.siteId,
			machine: machine.id,
			timeMs,
			powerKw: round(now.kw, 3),
			energyKwh: round(now.kwh, 4),
			powerFactor: round(electrical.powerFactor, 4),
			reactivePowerKvar: round(electrical.reactivePowerKvar, 3),
			voltageV: round((v1 + v2 + v3) / 3, 2),
			currentA: round((a1 + a2 + a3) / 3, 3),
			frequencyHz: round(hz, 3),
			state: now.state,
		};
		// A stuck sensor goes on saying what it said first; the counter, another part of the meter, runs on.
		if (this.#faults.severity(machine.id, "stuck-sensor", timeMs) > 0) {
			const frozen = this.#frozen.get(machine.id) ?? (reading.powerKw as number);
			this.#frozen.set(machine.id, frozen);
			reading.powerKw = frozen;
		} else this.#frozen.delete(machine.id);
		return { reading, machine, trueKw: now.kw, labels, electrical };
	}
}

function round(value: number, digits: number): number {
	const scale = 10 ** digits;
	return Math.round(value * scale) / scale;
}
