/** A small seeded generator (mulberry32): the same seed gives the same plan everywhere. */
export class Random {
	private state: number;

	constructor(seed: number) {
		this.state = seed >>> 0;
	}

	/** Uniform in [0, 1). */
	unit(): number {
		this.state = (this.state + 0x6d2b79f5) >>> 0;
		let z = this.state;
		z = Math.imul(z ^ (z >>> 15), z | 1);
		z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
		return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
	}

	/** Uniform integer in [0, bound). */
	below(bound: number): number {
		return Math.floor(this.unit() * bound);
	}
}
