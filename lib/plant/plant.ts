import { EnergyError } from "../errors.ts";
import type { MachineState, Reading } from "../telemetry/reading.ts";
import type { Site } from "../telemetry/site.ts";
import type { PlantDay } from "./calendar.ts";
import { type Command, type CommandAnswer, commandOf, Drive, type Wish } from "./control.ts";
import { type DayTable, type MachineDay, PlantDays } from "./day.ts";
import {
	demoPlant,
	type LoadDefinition,
	type MachineDefinition,
	type PlantDefinition,
	siteOfPlant,
} from "./definition.ts";
import { busVoltageV, type Electrical, frequencyHz, phasesOf, powerFactorOf } from "./electrical.ts";
import {
	changesPower,
	type Fault,
	type FaultLabel,
	type FaultOrder,
	faultOf,
	faultyKw,
	leakAt,
	reaches,
	severityAt,
} from "./faults.ts";
import { type JobCommand, type JobReport, jobCommandOf, MachineJobs } from "./jobs.ts";
import { compressorState, OFF, RUNNING, states } from "./profiles.ts";
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

/** What outlives a plant object: kWh and pieces by which commands and faults moved the counters off their plan. */
export interface PlantState {
	offsets: Record<string, { kwh: number; made: number }>;
}

/** What is not in the plan of a load: commands, faults, and what they did to its counters. */
interface Overlay {
	drive: Drive | null;
	offsetKwh: number;
	offsetMade: number;
	/** Last whole second up to which offsets are integrated. */
	doneMs: number;
	kw: number;
}

interface LoadNow {
	kw: number;
	kwh: number;
	made: number;
	state: MachineState;
}

const HARMONICS = [1, 2, 3, 5, 8, 13] as const;
/** Of a swing between marks some seconds apart: a reading a second still follows it. */
const SHORT_HARMONICS = [1, 2] as const;
/** Days of drawings with leaks that are kept, of two compressors. */
const LEAKING_KEPT = 6;
const TEXTURE = 0x74657874;

/**
 * The simulated plant. Without interference a reading is a pure function of seed and time, so any instant can be asked
 * for at any moment and a restart goes on where the series was. Commands and faults lie above that plan and are
 * integrated second by second. Power is piecewise linear between marks (of minutes; of ten seconds where a machine switches
 * like a compressor) plus a swing that adds up to nothing between two marks; the counters are its exact integral.
 */
export class Plant {
	readonly definition: PlantDefinition;
	readonly siteId: string;
	readonly timeZone: string;
	readonly #seed: number;
	readonly #loads: readonly LoadDefinition[];
	readonly #seeds: readonly number[];
	readonly #days: PlantDays;
	readonly #overlays: Overlay[];
	readonly #faults: Fault[] = [];
	readonly #jobs: readonly MachineJobs[];
	#reports: JobReport[] = [];
	readonly #frozen = new Map<string, number>();
	/** Power of compressors on days with a leak, by load and day; drawn anew when leaks are set or end. */
	readonly #leaking = new Map<string, Float64Array>();
	#nowMs = Number.NEGATIVE_INFINITY;
	#faultCount = 0;

	constructor(options: PlantOptions = {}) {
		const { seed = 1, siteId = "demo", timeZone = "Asia/Seoul", isHoliday = () => false } = options;
		this.definition = options.definition ?? demoPlant();
		this.siteId = siteId;
		this.timeZone = timeZone;
		this.#seed = hash(seed, 0x706c);
		this.#loads = this.definition.machines.filter((machine) => machine.role === "sub");
		this.#seeds = this.#loads.map(({ id }) => hashText(id));
		const commissioned = options.commissioned ?? "2025-01-01";
		this.#days = new PlantDays(this.definition, this.#loads, this.#seed, { timeZone, isHoliday }, commissioned);
		this.#jobs = this.#loads.map(() => new MachineJobs());
		this.#overlays = this.#loads.map(() => ({
			drive: null,
			offsetKwh: 0,
			offsetMade: 0,
			doneMs: Number.NEGATIVE_INFINITY,
			kw: 0,
		}));
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
		return this.#faults;
	}

	/**
	 * Moves the plant to an instant and reads all its meters there.
	 *
	 * @param timeMs epoch ms, not before the last step
	 * @throws EnergyError `plant.time-invalid`
	 */
	advanceTo(timeMs: number): PlantSample[] {
		if (!Number.isFinite(timeMs) || timeMs < this.#nowMs || timeMs < this.#days.startMs) {
			throw new EnergyError("plant.time-invalid", {
				value: timeMs,
				rule: `≥ ${Math.max(this.#nowMs, this.#days.startMs)}`,
			});
		}
		for (let index = 0; index < this.#loads.length; index++) this.#integrate(index, timeMs);
		this.#nowMs = timeMs;
		for (let n = this.#faults.length - 1; n >= 0; n--) {
			if ((this.#faults[n] as Fault).endMs <= timeMs) this.#faults.splice(n, 1);
		}
		this.#settleJobs(timeMs);
		return this.#read(timeMs);
	}

	/** What became of jobs since it was last asked: started, finished, stopped, failed with their machine. */
	takeReports(): JobReport[] {
		const reports = this.#reports;
		this.#reports = [];
		return reports;
	}

	#settleJobs(timeMs: number): void {
		for (const [index, { id }] of this.#loads.entries()) {
			this.#reports.push(...(this.#jobs[index]?.settle(id, timeMs, this.#broken(index, timeMs)) ?? []));
		}
	}

	#broken(index: number, timeMs: number): boolean {
		return this.#severity(this.#loads[index]?.id ?? "", "breakdown", timeMs) > 0;
	}

	/**
	 * @param input `{command: "start" | "stop" | "limit" | "release", limitKw?}`, or with a job
	 * `{command: "start" | "stop" | "set-point" | "release", job, operation, batch, powerKw, minutes, stepMinutes}`
	 * @throws EnergyError `plant.command-invalid`, `plant.machine-unknown`, `plant.not-controllable`, `plant.not-started`,
	 * `plant.broken`, `plant.job-busy`, `plant.job-unknown`
	 */
	command(id: string, input: unknown): CommandAnswer {
		const order = jobCommandOf(input);
		if (order) return this.#jobCommand(id, order);
		const command: Command = commandOf(
			input,
			this.definition.machines.find((machine) => machine.id === id),
			id,
		);
		this.#started();
		const index = this.#loads.findIndex((load) => load.id === id);
		const overlay = this.#overlays[index] as Overlay;
		if (!overlay.drive) {
			this.#settle(index);
			overlay.drive = new Drive(this.#loads[index] as LoadDefinition, overlay.kw);
		}
		return overlay.drive.obey(command, this.#nowMs);
	}

	#jobCommand(id: string, order: JobCommand): CommandAnswer {
		// The same rules of who may be commanded as for any start.
		commandOf(
			{ command: "start" },
			this.definition.machines.find((machine) => machine.id === id),
			id,
		);
		this.#started();
		const index = this.#loads.findIndex((load) => load.id === id);
		if (order.command === "start" && this.#broken(index, this.#nowMs)) {
			throw new EnergyError("plant.broken", { machine: id });
		}
		if (!this.#busy(index, this.#nowMs)) this.#settle(index);
		const report = this.#jobs[index]?.obey(order, id, this.#nowMs);
		if (report) this.#reports.push(report);
		const { command, job, operation } = order;
		return { machine: id, command, job, operation, effectiveMs: this.#nowMs };
	}

	/** @throws EnergyError `plant.fault-invalid`, `plant.machine-unknown`, `plant.not-started` */
	inject(order: FaultOrder): Fault {
		this.#started();
		this.#faultCount++;
		const fault = faultOf(order, this.definition.machines, this.#nowMs, `fault-${this.#faultCount}`);
		for (const [index, load] of this.#loads.entries()) {
			if (reaches(fault, load) && !this.#busy(index, this.#nowMs)) this.#settle(index);
		}
		this.#faults.push(fault);
		if (fault.fault === "air-leak") this.#leaking.clear();
		return fault;
	}

	/** Ends faults now: one by its id, all of a machine, or all; returns those that ended. */
	clear(which: { id?: string; machine?: string } = {}): Fault[] {
		const ended = this.#faults.filter(
			(fault) =>
				(which.id === undefined || fault.id === which.id) &&
				(which.machine === undefined || fault.machine === which.machine),
		);
		for (const fault of ended) {
			fault.endMs = Math.max(fault.startMs, Math.ceil(this.#nowMs / 1000) * 1000);
			if (fault.endMs <= this.#nowMs || fault.startMs > this.#nowMs) {
				this.#faults.splice(this.#faults.indexOf(fault), 1);
			}
		}
		if (ended.some(({ fault }) => fault === "air-leak")) this.#leaking.clear();
		return ended;
	}

	/** Give it to `restore` of a new plant with the same seed, and its counters go on without a step. */
	get state(): PlantState {
		return {
			offsets: Object.fromEntries(
				this.#loads.map(({ id }, index) => {
					const { offsetKwh, offsetMade } = this.#overlays[index] as Overlay;
					return [id, { kwh: offsetKwh, made: offsetMade }];
				}),
			),
		};
	}

	restore(state: PlantState): void {
		for (const [index, { id }] of this.#loads.entries()) {
			const offset = state.offsets[id];
			const overlay = this.#overlays[index] as Overlay;
			if (!offset) continue;
			overlay.offsetKwh = offset.kwh;
			overlay.offsetMade = offset.made;
		}
	}

	#started(): void {
		if (this.#nowMs === Number.NEGATIVE_INFINITY) throw new EnergyError("plant.not-started");
	}

	/** Whether something lies above the plan of a load at an instant. */
	#busy(index: number, timeMs: number): boolean {
		const load = this.#loads[index] as LoadDefinition;
		return (
			this.#overlays[index]?.drive != null ||
			this.#jobs[index]?.runsAt(timeMs) === true ||
			this.#faults.some(
				(fault) => reaches(fault, load) && changesPower(fault.fault) && timeMs >= fault.startMs && timeMs < fault.endMs,
			)
		);
	}

	/** Puts the second grid of an idle overlay at the present. */
	#settle(index: number): void {
		const overlay = this.#overlays[index] as Overlay;
		overlay.doneMs = Math.floor(this.#nowMs / 1000) * 1000;
		overlay.kw = this.#wish(index, overlay.doneMs).kw;
	}

	/** What a load does by its plan and its faults. */
	#wish(index: number, timeMs: number): Wish & { planned: LoadNow } {
		const table = this.#days.at(timeMs);
		const planned = this.#planned(index, table, timeMs);
		const load = this.#loads[index] as LoadDefinition;
		const own = load.profile === "compressor" ? this.#leakingKw(index, table, timeMs, planned.kw) : planned.kw;
		let kw = own + (this.#jobs[index]?.kwAt(timeMs) ?? 0);
		for (const fault of this.#faults) {
			if (fault.machine === load.id) kw = faultyKw(fault, load, kw, timeMs);
		}
		return { kw, working: planned.state === "running" || planned.state === "starting", planned };
	}

	/** What a compressor draws with the leaks of an instant, kW; its plan without any. */
	#leakingKw(index: number, table: DayTable, timeMs: number, plannedKw: number): number {
		if (leakAt(this.#faults, timeMs) === 0) return plannedKw;
		const { day } = table;
		const key = `${index}:${day.number}`;
		let kw = this.#leaking.get(key);
		if (!kw) {
			kw = this.#days.leaking(table, index, (atMs) => leakAt(this.#faults, atMs));
			this.#leaking.set(key, kw);
			const oldest = this.#leaking.keys().next().value;
			if (this.#leaking.size > LEAKING_KEPT && oldest !== undefined) this.#leaking.delete(oldest);
		}
		const { i, f } = placeOf(day, timeMs, (table.machines[index] as MachineDay).perMinute);
		const a = kw[i] as number;
		return a + ((kw[i + 1] as number) - a) * f;
	}

	/** Walks a load's overlay in whole seconds up to an instant: counters take what power does above its plan. */
	#integrate(index: number, timeMs: number): void {
		const overlay = this.#overlays[index] as Overlay;
		const load = this.#loads[index] as LoadDefinition;
		const last = Math.floor(timeMs / 1000) * 1000;
		let from = overlay.doneMs;
		if (from === Number.NEGATIVE_INFINITY) from = overlay.doneMs = last;
		let plannedKwh = Number.NaN;
		while (from < last) {
			const to = from + 1000;
			if (!this.#busy(index, from) && !this.#busy(index, to)) {
				// Nothing until the next fault begins: leap there.
				const next = this.#faults
					.filter((fault) => reaches(fault, load) && changesPower(fault.fault) && fault.startMs > from)
					.reduce((least, fault) => Math.min(least, fault.startMs - 1000), last);
				from = Math.max(to, next);
				overlay.kw = this.#wish(index, from).kw;
				plannedKwh = Number.NaN;
				continue;
			}
			if (Number.isNaN(plannedKwh)) plannedKwh = this.#wish(index, from).planned.kwh;
			const wish = this.#wish(index, to);
			const before = overlay.kw;
			this.#stepTo(overlay, wish, from, to);
			overlay.offsetKwh += (before + overlay.kw) / 7200 - (wish.planned.kwh - plannedKwh);
			if (overlay.drive && overlay.kw < 0.3 * wish.planned.kw) overlay.offsetMade -= this.#madeIn(index, from, to);
			plannedKwh = wish.planned.kwh;
			if (overlay.drive?.follows(wish)) overlay.drive = null;
			from = to;
		}
		overlay.doneMs = from;
	}

	#stepTo(overlay: Overlay, wish: Wish, from: number, to: number): void {
		if (overlay.drive) {
			overlay.drive.step(wish, from, to);
			overlay.kw = overlay.drive.kw;
		} else overlay.kw = wish.kw;
	}

	#madeIn(index: number, from: number, to: number): number {
		const made = (timeMs: number): number => this.#planned(index, this.#days.at(timeMs), timeMs).made;
		return made(to) - made(from);
	}

	/** A load by its plan: linear between marks, plus the swing until the next mark and its integral. */
	#planned(index: number, { day, machines }: DayTable, timeMs: number): LoadNow {
		const { perMinute, kw, kwh, state, made } = machines[index] as MachineDay;
		const load = this.#loads[index] as LoadDefinition;
		const { i, f } = placeOf(day, timeMs, perMinute);
		const a = kw[i] as number;
		const b = kw[i + 1] as number;
		let power = a + (b - a) * f;
		let area = (a + (b - a) * (f / 2)) * f;
		const swing = load.texture * Math.min(a, b);
		if (swing > 0 && f > 0) {
			const seed = hash(this.#seed, TEXTURE, this.#seeds[index] as number, (day.startMs / 60_000) * perMinute + i);
			for (const [n, k] of (perMinute === 1 ? HARMONICS : SHORT_HARMONICS).entries()) {
				// Five bits each make a weight of −1…1; a sixth of it so that all six together stay below the swing.
				const weight = (((seed >>> (n * 5)) & 31) / 15.5 - 1) * (swing / 6);
				const angle = 2 * Math.PI * k * f;
				power += weight * Math.sin(angle);
				area += (weight * (1 - Math.cos(angle))) / (2 * Math.PI * k);
			}
		}
		return {
			kw: power,
			kwh: (kwh[i] as number) + area / (60 * perMinute),
			made: (made[i] as number) + ((made[i + 1] as number) - (made[i] as number)) * f,
			state: states[load.profile === "compressor" ? compressorState(power / load.ratedKw) : (state[i] ?? OFF)] ?? "off",
		};
	}

	/** A load as it is, its overlay included. */
	#now(index: number, table: DayTable, timeMs: number): LoadNow {
		const overlay = this.#overlays[index] as Overlay;
		const planned = this.#planned(index, table, timeMs);
		const counters = { kwh: planned.kwh + overlay.offsetKwh, made: planned.made + overlay.offsetMade };
		if (!this.#busy(index, overlay.doneMs)) {
			// Until the next whole second: what begins in between begins there.
			return { ...planned, ...counters };
		}
		const wish = this.#wish(index, timeMs);
		const kw = overlay.drive ? overlay.drive.towards(wish, overlay.doneMs, timeMs) : wish.kw;
		const sinceKwh = ((overlay.kw + kw) / 2) * ((timeMs - overlay.doneMs) / 3_600_000);
		const done = this.#planned(index, this.#days.at(overlay.doneMs), overlay.doneMs);
		return {
			kw,
			kwh: done.kwh + overlay.offsetKwh + sinceKwh,
			made: (overlay.drive ? done.made : planned.made) + overlay.offsetMade,
			state: this.#stateOf(index, overlay, wish, planned.state, timeMs),
		};
	}

	#stateOf(index: number, { drive }: Overlay, wish: Wish, planned: MachineState, timeMs: number): MachineState {
		const id = this.#loads[index]?.id;
		if (
			this.#faults.some(
				(fault) =>
					fault.machine === id &&
					(fault.fault === "lost-phase" || fault.fault === "breakdown") &&
					severityAt(fault, timeMs),
			)
		) {
			return "fault";
		}
		const load = this.#loads[index] as LoadDefinition;
		if (!drive && load.profile === "compressor") return states[compressorState(wish.kw / load.ratedKw)] ?? planned;
		if (!drive) return planned !== "off" || wish.kw < 1 ? planned : (states[RUNNING] ?? planned);
		const phase = drive.phase(wish, timeMs);
		if (phase !== "running") return phase;
		return drive.mode === "start" ? "running" : planned;
	}

	#severity(machine: string, kind: Fault["fault"], timeMs: number): number {
		let most = 0;
		for (const fault of this.#faults) {
			if (fault.machine === machine && fault.fault === kind) most = Math.max(most, severityAt(fault, timeMs));
		}
		return most;
	}

	#read(timeMs: number): PlantSample[] {
		const table = this.#days.at(timeMs);
		const now = this.#loads.map((_, index) => this.#now(index, table, timeMs));
		const { losses } = this.definition;
		const sumKw = now.reduce((sum, { kw }) => sum + kw, 0);
		const siteKw = sumKw * (1 + losses.share) + losses.noLoadKw;
		const busV = busVoltageV(this.definition, this.#seed, timeMs, siteKw);
		const hz = frequencyHz(this.definition, this.#seed, timeMs);
		const outdoor = table.outdoorC[Math.floor((timeMs - table.day.startMs) / 60_000)] ?? 0;
		const samples = this.#loads.map((load, index) =>
			this.#sampleLoad(load, index, now[index] as LoadNow, timeMs, { busV, hz, outdoor }),
		);
		const kvar = samples.reduce((sum, { electrical }) => sum + electrical.reactivePowerKvar, 0);
		for (const machine of this.definition.machines) {
			if (machine.role !== "main") continue;
			const hours = (timeMs - this.#days.startMs) / 3_600_000;
			const kwh = now.reduce((sum, load) => sum + load.kwh, 0) * (1 + losses.share) + losses.noLoadKw * hours;
			// A failed stage of the compensation at the infeed is a quarter of the site's reactive power.
			const capacitor = this.#severity(machine.id, "capacitor-failure", timeMs);
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
		const seed = hash(this.#seed, this.#seeds[index] as number);
		const capacitor = this.#severity(load.id, "capacitor-failure", timeMs);
		const factor = powerFactorOf(load, seed, now.kw, timeMs, capacitor);
		const kvar = now.kw * Math.tan(Math.acos(factor));
		const electrical = phasesOf(now.kw, kvar, busV, seed, this.#severity(load.id, "lost-phase", timeMs));
		const sample = this.#sample(load, now, electrical, hz, timeMs);
		if (load.production) sample.reading.productionCount = Math.floor(now.made + 1e-9);
		if (load.temperature === "outdoor") sample.reading.temperatureC = round(outdoor, 1);
		else if (load.temperature) {
			const { baseC, riseC } = load.temperature;
			const wear = 14 * this.#severity(load.id, "bearing-wear", timeMs);
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
		const labels = this.#faults
			.filter((fault) => reaches(fault, machine) && severityAt(fault, timeMs) > 0)
			.map((fault) => ({ id: fault.id, fault: fault.fault, severity: severityAt(fault, timeMs) }));
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
		if (this.#severity(machine.id, "stuck-sensor", timeMs) > 0) {
			const frozen = this.#frozen.get(machine.id) ?? (reading.powerKw as number);
			this.#frozen.set(machine.id, frozen);
			reading.powerKw = frozen;
		} else this.#frozen.delete(machine.id);
		return { reading, machine, trueKw: now.kw, labels, electrical };
	}
}

/** The mark before an instant of a day, and how far it is to the next one, 0…1. */
function placeOf(day: PlantDay, timeMs: number, perMinute: number): { i: number; f: number } {
	const place = ((timeMs - day.startMs) / 60_000) * perMinute;
	const i = Math.min(Math.floor(place), day.minutes * perMinute - 1);
	return { i, f: place - i };
}

function round(value: number, digits: number): number {
	const scale = 10 ** digits;
	return Math.round(value * scale) / scale;
}
