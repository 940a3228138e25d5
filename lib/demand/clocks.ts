/** A clock further ahead than this tells nothing of when; the validation turns its readings away, too. */
const MOST_AHEAD_MS = 120_000;
/** A clock this far ahead is worth a word. */
const WORTH_SAYING_MS = 5_000;

/**
 * The clocks of the meters against ours. A reading cannot be of the future: one that says so has a clock that runs
 * ahead, and is taken as much earlier as that clock is known to be, so that its energy falls where it was used.
 */
export class Clocks {
	private readonly index: ReadonlyMap<string, number>;
	private readonly aheadMs: Float64Array;
	private readonly arrivedMs: Float64Array;
	private readonly said: Uint8Array;

	constructor(meters: readonly string[]) {
		this.index = new Map(meters.map((meter, i) => [meter, i]));
		this.aheadMs = new Float64Array(meters.length);
		this.arrivedMs = new Float64Array(meters.length).fill(Number.NEGATIVE_INFINITY);
		this.said = new Uint8Array(meters.length);
	}

	/** Time of a reading by our clock; NaN where its own is beyond use. */
	ours(machine: string, timeMs: number, nowMs: number): number {
		const aheadMs = timeMs - nowMs;
		if (aheadMs > MOST_AHEAD_MS) return Number.NaN;
		const i = this.index.get(machine);
		if (i === undefined) return Math.min(timeMs, nowMs);
		this.arrivedMs[i] = nowMs;
		const known = this.aheadMs[i] as number;
		// A clock that was put right is believed after a few readings; what came late by chance changes little.
		this.aheadMs[i] = Math.max(aheadMs, 0, aheadMs < known - WORTH_SAYING_MS ? known / 2 : known);
		return timeMs - (this.aheadMs[i] as number);
	}

	/** A meter whose clock turns out to be ahead, told once for each; undefined where there is none. */
	runsAhead(): { machine: string; seconds: number } | undefined {
		for (const [machine, i] of this.index) {
			const aheadMs = this.aheadMs[i] as number;
			if (aheadMs < WORTH_SAYING_MS / 2) this.said[i] = 0;
			if (aheadMs <= WORTH_SAYING_MS || this.said[i] === 1) continue;
			this.said[i] = 1;
			return { machine, seconds: Math.round(aheadMs / 1000) };
		}
		return undefined;
	}

	/** Whether readings of all these meters came within a time, however old they say they are. */
	arriving(machines: readonly string[], withinMs: number, nowMs: number): boolean {
		return machines.every(
			(machine) => nowMs - (this.arrivedMs[this.index.get(machine) ?? -1] ?? Number.NaN) < withinMs,
		);
	}
}
