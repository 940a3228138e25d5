import type { PlantDay } from "./calendar.ts";
import type { DayScene } from "./profiles.ts";
import { hash, smooth } from "./random.ts";

/** Share of each minute in which a compressor was loaded, and in which its motor turned. */
export interface AirDuty {
	loaded: Float64Array;
	turning: Float64Array;
}

const STEPS_PER_MINUTE = 6;
/** Pressure in bar at which a compressor loads and unloads; the lagging one sits a little lower. */
const bands = { lead: { load: 6.8, unload: 7.3 }, lag: { load: 6.55, unload: 7.1 } };
/** How far one loaded compressor raises the receiver in a step without any demand, bar. */
const FILL = 0.055;
/** An unloaded motor is switched off after this many minutes. */
const RUN_ON_MINUTES = 10;

/** The pair takes turns: whether a machine leads in the week of this day. */
export function leads(id: string, day: Pick<PlantDay, "number">): boolean {
	const odd = Math.floor((day.number + 3) / 7) % 2 === 1;
	return id.endsWith("1") !== odd;
}

/**
 * The compressed-air system as two compressors in load/unload control on one receiver. Demand is in units of one
 * compressor's output; what leaks is there day and night. Both machines draw the same day and take their own part.
 */
export function airSystem({ machine, day, seed, clock, shift, onBreak }: DayScene): AirDuty {
	const s = hash(seed, 0x616972, day.number);
	const marks = day.minutes + 1;
	const lead = { loaded: new Float64Array(marks), turning: new Float64Array(marks), on: false, idle: RUN_ON_MINUTES };
	const lag = { loaded: new Float64Array(marks), turning: new Float64Array(marks), on: false, idle: RUN_ON_MINUTES };
	let bar = 7;
	for (let i = 0; i < marks; i++) {
		const now = clock[i] ?? 0;
		const works = shift !== null && now >= shift.from - 10 && now < shift.to;
		const use = works ? (onBreak[i] ? 0.6 : 1.16) : day.kind === "closed" ? 0.08 : 0.13;
		const demand = use * (1 + 0.13 * smooth(s, i / 6) + 0.1 * smooth(s + 1, i / 1.9));
		for (let step = 0; step < STEPS_PER_MINUTE; step++) {
			for (const [one, band] of [
				[lead, bands.lead],
				[lag, bands.lag],
			] as const) {
				if (bar < band.load) one.on = true;
				else if (bar > band.unload) one.on = false;
				one.idle = one.on ? 0 : one.idle + 1 / STEPS_PER_MINUTE;
				if (one.on) one.loaded[i] = (one.loaded[i] ?? 0) + 1 / STEPS_PER_MINUTE;
				if (one.idle < RUN_ON_MINUTES) one.turning[i] = (one.turning[i] ?? 0) + 1 / STEPS_PER_MINUTE;
			}
			bar += FILL * ((lead.on ? 1 : 0) + (lag.on ? 1 : 0) - demand);
		}
	}
	return leads(machine.id, day) ? lead : lag;
}
