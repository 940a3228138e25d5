import type { Reading } from "../../../lib/telemetry/reading.ts";
import { Random } from "../../../models/random.ts";

/** A press that works from 8 to 18, reading by reading of each minute, with a meter that agrees with itself. */
export function pressReadings(
	fromMs: number,
	minutes: number,
	change: (reading: Reading, row: number) => void = () => {},
) {
	const random = new Random(fromMs >>> 8);
	let energyKwh = 1_000;
	return Array.from({ length: minutes }, (_, row): Reading => {
		const timeMs = fromMs + row * 60_000;
		const hour = Math.floor(timeMs / 3_600_000) % 24;
		const running = hour >= 8 && hour < 18;
		const powerKw = Math.round((running ? 60 + 8 * random.unit() : 4 + random.unit()) * 1e3) / 1e3;
		energyKwh += powerKw / 60;
		const powerFactor = (running ? 0.9 : 0.6) + 0.01 * random.unit();
		const voltageV = 400 + 2 * random.unit();
		const reading: Reading = {
			...{ site: "demo", machine: "press", timeMs, powerKw, powerFactor, voltageV },
			energyKwh: Math.round(energyKwh * 1e3) / 1e3,
			currentA: (powerKw * 1e3) / (Math.sqrt(3) * voltageV * powerFactor),
			temperatureC: 30 + powerKw / 3 + random.unit(),
			state: running ? "running" : "idle",
			quality: "good",
		};
		change(reading, row);
		return reading;
	});
}

/** A machine that always runs alike: whatever the hour at which its history ends, a model of it is good enough. */
export function steadyReadings(machine: string, fromMs: number, minutes: number): Reading[] {
	const random = new Random(7);
	return Array.from({ length: minutes }, (_, row) => ({
		...{ site: "demo", machine, timeMs: fromMs + row * 60_000, quality: "good", state: "running" },
		...{ powerKw: 30 + random.unit(), voltageV: 400 + random.unit() },
	}));
}

export const DAY = 1_440;
export const FROM_MS = Date.UTC(2026, 9, 5);
