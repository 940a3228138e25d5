/**
 * A small seeded generator (xoshiro128**, Blackman and Vigna 2018): the same seed gives the same model everywhere.
 */
export class Random {
	readonly #s = new Uint32Array(4);

	constructor(seed: number) {
		// splitmix32 spreads a small seed over the state.
		let x = seed >>> 0;
		for (let i = 0; i < 4; i++) {
			x = (x + 0x9e3779b9) >>> 0;
			let z = x;
			z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
			z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
			this.#s[i] = z ^ (z >>> 16);
		}
	}

	/** Uniform 32-bit integer. */
	next(): number {
		const s = this.#s as Uint32Array & { 0: number; 1: number; 2: number; 3: number };
		const m = Math.imul(s[1], 5);
		const result = Math.imul((m << 7) | (m >>> 25), 9) >>> 0;
		const t = s[1] << 9;
		s[2] ^= s[0];
		s[3] ^= s[1];
		s[1] ^= s[2];
		s[0] ^= s[3];
		s[2] ^= t;
		s[3] = (s[3] << 11) | (s[3] >>> 21);
		return result;
	}

	/** Uniform in [0, 1), 53 bits. */
	unit(): number {
		return ((this.next() >>> 5) * 67108864 + (this.next() >>> 6)) / 9007199254740992;
	}

	/** Uniform integer in [0, bound). */
	below(bound: number): number {
		return Math.floor(this.unit() * bound);
	}

	/** Puts the values in a random order, in place (Fisher–Yates). */
	shuffle(values: Int32Array): void {
		for (let i = values.length - 1; i > 0; i--) {
			const j = this.below(i + 1);
			const moved = values[i] as number;
			values[i] = values[j] as number;
			values[j] = moved;
		}
	}
}
