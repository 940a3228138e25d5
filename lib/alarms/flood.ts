/** ISA-18.2: more than 10 alarms in 10 minutes is a flood; it is over when fewer than 5 came in 10 minutes. */
export const FLOOD_WINDOW_MS = 600_000;
export const FLOOD_ABOVE = 10;
const FLOOD_OVER_BELOW = 5;

/** Counts alarms as they are raised and knows whether they are a flood. */
export class FloodWatch {
	#raisedMs: number[] = [];
	#flooding: boolean;
	#count = 0;

	/** @param flooding whether a flood stood when this process ended */
	constructor(flooding = false) {
		this.#flooding = flooding;
	}

	get flooding(): boolean {
		return this.#flooding;
	}

	/** Alarms of the window, or of the flood while it lasts. */
	get count(): number {
		return this.#flooding ? this.#count : this.#raisedMs.length;
	}

	/** Notes an alarm. @returns whether it belongs to a flood: not told on its own unless it is urgent */
	raise(atMs: number): boolean {
		this.tick(atMs);
		this.#raisedMs.push(atMs);
		if (!this.#flooding && this.#raisedMs.length > FLOOD_ABOVE) {
			this.#flooding = true;
			this.#count = this.#raisedMs.length - 1;
		}
		if (this.#flooding) this.#count++;
		return this.#flooding;
	}

	/** Lets time pass; the flood may end. */
	tick(atMs: number): void {
		this.#forget(atMs);
		if (this.#flooding && this.#raisedMs.length < FLOOD_OVER_BELOW) {
			this.#flooding = false;
			this.#count = 0;
		}
	}

	#forget(atMs: number): void {
		const from = atMs - FLOOD_WINDOW_MS;
		let old = 0;
		while (old < this.#raisedMs.length && (this.#raisedMs[old] as number) <= from) old++;
		if (old > 0) this.#raisedMs.splice(0, old);
	}
}
