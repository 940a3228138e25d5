import type { Quantities, Reading } from "../../lib/telemetry/reading.ts";
import { StreamDetector } from "./stream.ts";

/** What a sensor that tells no power may tell; counters only mean something by their differences. */
const channelNames = [
	"temperatureC",
	"voltageV",
	"currentA",
	"powerFactor",
	"frequencyHz",
] as const satisfies readonly (keyof Quantities)[];
export type ChannelName = (typeof channelNames)[number];

export interface ChannelVerdict {
	/** 0…1: 0.7 where the benchmark's threshold stands. */
	score: number;
	channel: ChannelName;
	value: number;
	usual: number;
}

/** Values are looked at so often: what the detector's spans, counted in values, were tried at. */
export const CHANNEL_CADENCE_MS = 300_000;
/** Decades at which the detector alarms, with NAB's files as in use; see the benchmark. */
export const ALARM_DECADES = 3.25;
const SCORE_OF_ALARM = 0.7;

/** Whether power can be known of a reading, which is what models are of. */
export function tellsPower({ powerKw, energyKwh }: Reading): boolean {
	return Number.isFinite(powerKw) || Number.isFinite(energyKwh);
}

/**
 * Watches what a sensor tells that is no power meter — a cold store's temperature, a voltage —, each quantity by a stream
 * detector of its own, without training.
 */
export class ChannelWatch {
	readonly #detectors = new Map<ChannelName, StreamDetector>();
	#lastMs = Number.NEGATIVE_INFINITY;

	/** @returns undefined where it is not time to look again, or there is nothing to look at */
	add(reading: Reading): ChannelVerdict | undefined {
		const { timeMs } = reading;
		if (Math.floor(timeMs / CHANNEL_CADENCE_MS) <= Math.floor(this.#lastMs / CHANNEL_CADENCE_MS)) return undefined;
		let worst: (Omit<ChannelVerdict, "score"> & { decades: number }) | undefined;
		for (const channel of channelNames) {
			const value = reading[channel];
			if (value === undefined || !Number.isFinite(value)) continue;
			const detector = this.#detectorOf(channel);
			const decades = detector.add(timeMs, value);
			if (!worst || decades > worst.decades) worst = { channel, value, usual: detector.usual, decades };
		}
		if (!worst) return undefined;
		this.#lastMs = timeMs;
		const { decades, ...verdict } = worst;
		// Each quantity is a chance of its own.
		const joint = Math.max(0, decades - Math.log10(this.#detectors.size));
		return { ...verdict, score: Math.min(1, (SCORE_OF_ALARM * joint) / ALARM_DECADES) };
	}

	#detectorOf(channel: ChannelName): StreamDetector {
		let detector = this.#detectors.get(channel);
		if (!detector) {
			detector = new StreamDetector();
			this.#detectors.set(channel, detector);
		}
		return detector;
	}
}
