import { AIR_STEPS_PER_MINUTE, type AirDuty, airSystem } from "./air.ts";
import type { PlantDay } from "./calendar.ts";
import type { LoadDefinition, PlantDefinition, ProfileName } from "./definition.ts";
import { hash, smooth, stream } from "./random.ts";

/** States by number, so that a day of them fits into bytes. */
export const OFF = 0;
const IDLE = 1;
const STARTING = 2;
export const RUNNING = 3;
const STOPPING = 4;
export const FAULT = 5;

/** What a profile knows about the day it draws. */
export interface DayScene {
	definition: PlantDefinition;
	machine: LoadDefinition;
	day: PlantDay;
	seed: number;
	/** Seed word of this machine on this day. */
	daySeed: number;
	/** Local clock at each minute. */
	clock: Float64Array;
	/** Temperature outside at each minute, °C. */
	outdoorC: Float64Array;
	shift: { from: number; to: number } | null;
	/** 1 in breaks of the crew. */
	onBreak: Uint8Array;
	/** What leaks from the air system beside its usual losses; see airSystem. */
	leakAt?: (timeMs: number) => number;
	/** What the machine's plan wants it to use this day, kWh; a compressor meets it by its duty, for its levels are given. */
	kwh?: number;
}

/** Power at each mark of the day (kW, linear between), the state after each mark and how much is made until the next. */
export interface Drawing {
	kw: Float64Array;
	state: Uint8Array;
	made: Float64Array;
}

type Profile = (scene: DayScene, out: Drawing) => void;

const inShift = ({ shift }: DayScene, clock: number): boolean =>
	shift !== null && clock >= shift.from && clock < shift.to;

/** Heats of about an hour: charge, melt at nearly full power, refine, tap, turn round. */
const furnace: Profile = (scene, { kw, state, made }) => {
	const { machine, clock, shift, daySeed } = scene;
	const random = stream(daySeed);
	const standby = scene.day.kind === "closed" ? 0.003 : 0.012;
	kw.fill(machine.ratedKw * standby);
	state.fill(scene.day.kind === "closed" ? OFF : IDLE);
	if (!shift) return;
	const rated = machine.ratedKw;
	let i = clock.findIndex((c) => c >= shift.from + 6 + random() * 8);
	const put = (minutes: number, level: (at: number) => number, now: number, share = 0): void => {
		const end = Math.min(i + Math.round(minutes), kw.length);
		for (let n = 0; i < end; i++, n++) {
			kw[i] = rated * level(n);
			state[i] = now;
			made[i] = share;
		}
	};
	while (i >= 0 && i < kw.length && (clock[i] ?? 0) < shift.to - 52) {
		const power = 0.81 + 0.08 * random();
		put(3 + 3 * random(), () => 0.03, STARTING);
		// Boring in is rough, then the arc lies under slag and calms down.
		put(
			28 + 7 * random(),
			(n) => power * (n === 0 ? 0.55 : 1) * (1 + (n < 8 ? 0.11 : 0.05) * (2 * random() - 1)),
			RUNNING,
		);
		const refine = 0.36 + 0.1 * random();
		put(11 + 6 * random(), () => refine * (1 + 0.05 * (2 * random() - 1)), RUNNING);
		put(4 + 2 * random(), () => 0.05, STOPPING, 1);
		put(3 + 5 * random(), () => 0.025, IDLE);
	}
};

/** Campaigns of billets through the stands, short waits for hot material between. */
const mill: Profile = (scene, { kw, state, made }) => {
	const { machine, clock, shift, onBreak, daySeed } = scene;
	const random = stream(daySeed);
	kw.fill(machine.ratedKw * (scene.day.kind === "closed" ? 0.008 : 0.018));
	state.fill(scene.day.kind === "closed" ? OFF : IDLE);
	if (!shift) return;
	let left = 20 + 15 * random();
	let rolling = false;
	let level = 0.6;
	for (let i = 0; i < kw.length; i++) {
		const now = clock[i] ?? 0;
		if (now < shift.from + 15 || now >= shift.to - 25) continue;
		if (--left <= 0) {
			rolling = !rolling;
			left = rolling ? 35 + 35 * random() : 6 + 9 * random();
			level = 0.58 + 0.2 * random();
			if (rolling) state[i] = STARTING;
		}
		const works = rolling && !onBreak[i];
		kw[i] = machine.ratedKw * (works ? level + 0.09 * (2 * random() - 1) : 0.12 + 0.02 * random());
		if (state[i] !== STARTING) state[i] = works ? RUNNING : IDLE;
		if (works) made[i] = 1;
	}
};

/** Loaded, unloaded with the motor turning, or off: the state of a compressor follows its power as a share of its rating. */
export function compressorState(share: number): number {
	return share > 0.58 ? RUNNING : share > 0.13 ? IDLE : OFF;
}

/** Loaded, and unloaded with the motor turning, as shares of the rating. */
const LOADED = 0.91;
const UNLOADED = 0.26;

const compressor: Profile = (scene, { kw, state }) => {
	const air = airSystem(scene, scene.leakAt);
	const { ratedKw } = scene.machine;
	if (scene.kwh !== undefined) meetPlan(air, scene.kwh / ratedKw);
	for (let i = 0; i < kw.length; i++) {
		kw[i] = ratedKw * (air.loaded[i] ? LOADED : air.turning[i] ? UNLOADED : 0);
		state[i] = compressorState((kw[i] as number) / ratedKw);
	}
};

/** Days use a little more or less than their pressure control alone would: that much of the plan stays with the levels. */
const LEVELS_GIVE = 0.008;

/** Makes loaded runs longer or shorter at their ends, all alike, until the day's energy is near its plan. */
function meetPlan({ loaded, turning }: AirDuty, ratedHours: number): void {
	const perHour = 60 * AIR_STEPS_PER_MINUTE;
	let hours = 0;
	for (let i = 0; i < loaded.length; i++) hours += (loaded[i] ? LOADED : turning[i] ? UNLOADED : 0) / perHour;
	const step = (LOADED - UNLOADED) / perHour;
	const longer = ratedHours > hours;
	const wanted = Math.min(Math.max(hours, ratedHours / (1 + LEVELS_GIVE)), ratedHours / (1 - LEVELS_GIVE));
	for (let left = Math.round(Math.abs(wanted - hours) / step); left > 0; ) {
		const before = left;
		// From the end, so that what was just loaded is no new end of a run.
		for (let i = loaded.length - 1; i > 0 && left > 0; i--) {
			const ends = loaded[i - 1] === 1 && loaded[i] === 0 && turning[i] === 1;
			if (!ends) continue;
			if (longer) loaded[i] = 1;
			else loaded[i - 1] = 0;
			left--;
			// What was shortened is not shortened again in this round.
			if (!longer) i--;
		}
		if (left === before) return;
	}
}

const chiller: Profile = (scene, { kw, state }) => {
	const { machine, clock, outdoorC, daySeed } = scene;
	for (let i = 0; i < kw.length; i++) {
		const process = inShift(scene, clock[i] ?? 0) ? 0.3 : 0.1;
		const weather = Math.max(0, (outdoorC[i] ?? 0) - 12) * (process > 0.2 ? 0.022 : 0.008);
		const wave = 1 + 0.12 * smooth(daySeed, i / 23) + 0.05 * smooth(daySeed + 1, i / 5);
		kw[i] = machine.ratedKw * Math.min(0.9, (process + weather) * wave);
		state[i] = RUNNING;
	}
};

/** Parts of some minutes, then a change of part or tool. */
const cnc: Profile = (scene, { kw, state, made }) => {
	const { machine, clock, onBreak, daySeed } = scene;
	const random = stream(daySeed);
	let left = 0;
	let cutting = false;
	let level = 0.6;
	for (let i = 0; i < kw.length; i++) {
		if (!inShift(scene, clock[i] ?? 0)) {
			kw[i] = machine.ratedKw * 0.058;
			state[i] = IDLE;
			continue;
		}
		if (--left <= 0) {
			cutting = !cutting;
			left = cutting ? 6 + 7 * random() : 1 + 3 * random();
			level = 0.52 + 0.26 * random();
		}
		const works = cutting && !onBreak[i];
		kw[i] = machine.ratedKw * (works ? level * (1 + 0.1 * (2 * random() - 1)) : 0.17);
		state[i] = works ? RUNNING : IDLE;
		if (works) made[i] = 1;
	}
};

const conveyor: Profile = (scene, { kw, state, made }) => {
	const { machine, clock, onBreak, daySeed } = scene;
	for (let i = 0; i < kw.length; i++) {
		const works = inShift(scene, clock[i] ?? 0) && !onBreak[i];
		const load = 0.52 + 0.13 * smooth(daySeed, i / 17) + 0.08 * smooth(daySeed + 1, i / 2.5);
		kw[i] = works ? machine.ratedKw * load : 0;
		const worksNext = i + 1 < kw.length && inShift(scene, clock[i + 1] ?? 0) && !onBreak[i + 1];
		state[i] = works ? (worksNext ? RUNNING : STOPPING) : worksNext ? STARTING : OFF;
		if (works) made[i] = load;
	}
};

const pumps: Profile = (scene, { kw, state }) => {
	const { machine, clock, daySeed, shift } = scene;
	for (let i = 0; i < kw.length; i++) {
		const now = clock[i] ?? 0;
		// The second pump starts before the shift and runs on until the furnace is cool.
		const both = shift !== null && now >= shift.from - 20 && now < shift.to + 45;
		kw[i] = machine.ratedKw * (both ? 0.8 : 0.27) * (1 + 0.03 * smooth(daySeed, i / 31));
		state[i] = RUNNING;
	}
};

const hvac: Profile = (scene, { kw, state }) => {
	const { machine, clock, outdoorC, daySeed, shift } = scene;
	for (let i = 0; i < kw.length; i++) {
		const now = clock[i] ?? 0;
		const occupied = shift !== null && now >= shift.from - 60 && now < shift.to;
		const warm = Math.max(0, (outdoorC[i] ?? 0) - 19) * 0.042;
		const cold = Math.max(0, 15 - (outdoorC[i] ?? 0)) * 0.022;
		const demand = occupied ? 0.22 + warm + cold : 0.06 + 0.2 * (warm + cold);
		kw[i] = machine.ratedKw * Math.min(0.9, demand * (1 + 0.1 * smooth(daySeed, i / 13)));
		state[i] = occupied ? RUNNING : IDLE;
	}
};

const lighting: Profile = (scene, { kw, state }) => {
	const { machine, clock, daySeed } = scene;
	for (let i = 0; i < kw.length; i++) {
		const now = clock[i] ?? 0;
		const daylight = Math.max(0, Math.sin((Math.PI * (now - 360)) / 780));
		const lit = inShift(scene, now) ? 0.88 - 0.22 * daylight : 0.2 - 0.09 * daylight;
		kw[i] = machine.ratedKw * lit * (1 + 0.02 * smooth(daySeed, i / 40));
		state[i] = RUNNING;
	}
};

const profiles: Record<ProfileName, Profile> = {
	furnace,
	mill,
	compressor,
	chiller,
	cnc,
	conveyor,
	pumps,
	hvac,
	lighting,
};

/** Marks a minute of a profile's drawing. */
export function marksPerMinute(profile: ProfileName): number {
	return profile === "compressor" ? AIR_STEPS_PER_MINUTE : 1;
}

/** Draws a machine's day: the same seed and day always give the same drawing. */
export function draw(scene: DayScene): Drawing {
	const perMinute = marksPerMinute(scene.machine.profile);
	const marks = scene.day.minutes * perMinute + 1;
	const out = { kw: new Float64Array(marks), state: new Uint8Array(marks), made: new Float64Array(marks) };
	profiles[scene.machine.profile](scene, out);
	// No real meter shows the same power for minutes, however still the machine stands.
	for (let i = 0; i < marks; i++) {
		out.kw[i] = (out.kw[i] ?? 0) * (1 + 0.012 * smooth(scene.daySeed + 9, i / (1.7 * perMinute)));
	}
	return out;
}

/** Seed word of a machine on a day. */
export function daySeedOf(seed: number, machineSeed: number, dayNumber: number): number {
	return hash(seed, machineSeed, dayNumber);
}
