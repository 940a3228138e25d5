import type { Plant, PlantSample } from "./plant.ts";

export interface RunnerOptions {
	/** Real time between steps, ms. */
	periodMs: number;
	/** Plant seconds in a real second; only while the plant is behind the clock. */
	speed: number;
	/** Where the plant begins, epoch ms; at most now. */
	startMs: number;
}

/**
 * Walks a plant along the clock. It may begin in the past and catch up at a higher speed; when it has reached the
 * present it goes on in real time, for readings of the future would be none. In real time the instants of its readings
 * are whole periods, so that a restart within a period repeats a reading instead of adding one.
 */
export class PlantRunner {
	readonly #plant: Plant;
	readonly #options: RunnerOptions;
	readonly #step: (samples: PlantSample[]) => void;
	readonly #begunMs: number;
	#timer: NodeJS.Timeout | undefined;
	#lastMs: number;

	constructor(plant: Plant, options: RunnerOptions, step: (samples: PlantSample[]) => void) {
		this.#plant = plant;
		this.#options = options;
		this.#step = step;
		this.#begunMs = Date.now();
		// Obeys at once; speaks with the first whole period, when whoever listens is there.
		this.#lastMs = this.#timeAt(this.#begunMs);
		plant.advanceTo(this.#lastMs);
		this.#wait();
	}

	/** Whether the plant has reached the clock. */
	get live(): boolean {
		return this.#timeAt(Date.now()) >= Date.now() - this.#options.periodMs;
	}

	stop(): void {
		clearTimeout(this.#timer);
	}

	#timeAt(nowMs: number): number {
		const { periodMs, speed, startMs } = this.#options;
		const grid = Math.max(1, Math.round(periodMs));
		return Math.floor(Math.min(nowMs, startMs + (nowMs - this.#begunMs) * speed) / grid) * grid;
	}

	#wait(): void {
		const { periodMs } = this.#options;
		this.#timer = setTimeout(() => this.#tick(), periodMs - (Date.now() % periodMs));
	}

	#tick(): void {
		const timeMs = this.#timeAt(Date.now());
		// A clock that was set back makes the plant wait, not fail.
		if (timeMs > this.#lastMs) {
			this.#lastMs = timeMs;
			this.#step(this.#plant.advanceTo(timeMs));
		}
		this.#wait();
	}
}
