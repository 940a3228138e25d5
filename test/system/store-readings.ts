import type { Reading } from "../../lib/telemetry/reading.ts";

const START_MS = Date.UTC(2026, 9, 31, 14, 50);

/** The nth reading of a machine, ten seconds after the one before; every seventh comes after its neighbours. */
export function crashReading(machine: string, n: number): Reading {
	const place = n % 7 === 3 ? n - 3 : n % 7 < 3 ? n + 1 : n;
	return {
		site: "works",
		machine,
		timeMs: START_MS + place * 10_000,
		powerKw: 50 + (place % 60),
		energyKwh: 1_000 + place * 0.15,
		quality: place % 97 === 0 ? "uncertain" : "good",
	};
}
