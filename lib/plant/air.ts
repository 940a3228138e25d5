import type { PlantDay } from "./calendar.ts";
import type { DayScene } from "./profiles.ts";
import { hash, smooth } from "./random.ts";

/** What each step of a day (ten seconds) finds a compressor doing. */
export interface AirDuty {
	/** 1 while it delivers, else 0. */
	loaded: Uint8Array;
	/** 1 while its motor turns. */
	turning: Uint8Array;
}

/** Marks a minute of what is drawn here: a compressor loads and unloads within seconds, not over minutes. */
export const AIR_STEPS_PER_MINUTE = 6;
/** Pressure in bar at which a compressor loads and unloads; the lagging one sits a little lower. */
const bands = { lead: { load: 6.8, unload: 7.3 }, lag: { load: 6.55, unload: 7.1 } };
/** How far one loaded compressor raises the receiver in a step without any demand, bar. */
const FILL = 0.055;
/** An unloaded motor is switched off after this many steps: ten minutes. */
const RUN_ON_STEPS = 10 * AIR_STEPS_PER_MINUTE;
/** Where leaks are rated, bar; what blows off follows the pressure. */
const RATED_BAR = 7;

/** The pair takes turns: whether a machine leads in the week of this day. */
export function leads(id: string, day: Pick<PlantDay, "number">): boolean {
	const odd = Math.floor((day.number + 3) / 7) % 2 === 1;
	return id.endsWith("1") !== odd;
}

/**
 * The compressed-air system as two compressors in load/unload control on one receiver. Demand is in units of one
 * compressor's output; what always leaks is in it, day and night. Both machines draw the same day and take their own part.
 *
 * @param leakAt what leaks beside that at an instant, as a share of one compressor's output at 7 bar: it is added to
 *   demand, so that whichever machine has room takes it — the lagging one in a shift, the leading one at night
 */
export function airSystem(
	{ machine, day, seed, clock, shift, onBreak }: DayScene,
	leakAt: (timeMs: number) => number = () => 0,
): AirDuty {
	const s = hash(seed, 0x616972, day.number);
	const marks = day.minutes * AIR_STEPS_PER_MINUTE + 1;
	const machineNow = () => ({
		...{ loaded: new Uint8Array(marks), turning: new Uint8Array(marks) },
		...{ on: false, idle: RUN_ON_STEPS },
	});
	const lead = machineNow();
	const lag = machineNow();
	const stepMs = 60_000 / AIR_STEPS_PER_MINUTE;
	let bar = RATED_BAR;
	let demand = 0;
	for (let mark = 0; mark < marks; mark++) {
		if (mark % AIR_STEPS_PER_MINUTE === 0) {
			const i = mark / AIR_STEPS_PER_MINUTE;
			const now = clock[i] ?? 0;
			const works = shift !== null && now >= shift.from - 10 && now < shift.to;
			const use = works ? (onBreak[i] ? 0.6 : 1.16) : day.kind === "closed" ? 0.08 : 0.13;
			demand = use * (1 + 0.13 * smooth(s, i / 6) + 0.1 * smooth(s + 1, i / 1.9));
		}
		for (const [one, band] of [
			[lead, bands.lead],
			[lag, bands.lag],
		] as const) {
			if (bar < band.load) one.on = true;
			else if (bar > band.unload) one.on = false;
			one.idle = one.on ? 0 : one.idle + 1;
			if (one.on) one.loaded[mark] = 1;
			if (one.idle < RUN_ON_STEPS) one.turning[mark] = 1;
		}
		const leak = leakAt(day.startMs + mark * stepMs) * (bar / RATED_BAR);
		bar += FILL * ((lead.on ? 1 : 0) + (lag.on ? 1 : 0) - demand - leak);
	}
	return leads(machine.id, day) ? lead : lag;
}
