import type { PlantDefinition } from "./definition.ts";
import { hash, smooth } from "./random.ts";

const WEATHER = 0x77656174;

/** Mean temperature outside of a day, °C: the season, and weather that lasts some days. */
export function dayMeanC(
	{ climate }: PlantDefinition,
	seed: number,
	day: { number: number; dayOfYear: number },
): number {
	const season = Math.cos((2 * Math.PI * (day.dayOfYear - climate.warmestDay)) / 365.25);
	const s = hash(seed, WEATHER);
	const weather = 0.7 * smooth(s, day.number / 4.3) + 0.5 * smooth(s + 1, day.number / 1.7);
	return climate.meanC + climate.seasonC * season + climate.weatherC * weather;
}

/** Temperature outside at a local clock time (minutes after midnight), °C. */
export function outdoorC(definition: PlantDefinition, meanC: number, clockMinutes: number): number {
	const { dayC, warmestHour } = definition.climate;
	return meanC + dayC * Math.cos((2 * Math.PI * (clockMinutes / 60 - warmestHour)) / 24);
}
