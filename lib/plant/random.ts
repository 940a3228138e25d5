/** Mixes integers into 32 well-spread bits (the finaliser of MurmurHash3 after each word); order matters. */
export function hash(...words: readonly number[]): number {
	let h = 0x9e3779b9;
	for (const word of words) {
		h = Math.imul(h ^ (word | 0), 0x85ebca6b);
		h ^= h >>> 13;
		h = Math.imul(h, 0xc2b2ae35);
		h ^= h >>> 16;
	}
	return h >>> 0;
}

/** A text as a seed word (FNV-1a), so that a machine's randomness hangs on its id and not on its place in a list. */
export function hashText(text: string): number {
	let h = 0x811c9dc5;
	for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
	return h >>> 0;
}

/** 0 ≤ x < 1 */
export function unit(h: number): number {
	return h / 4294967296;
}

/** A stream of numbers in [0, 1) from one seed word (mulberry32). */
export function stream(seed: number): () => number {
	let state = seed | 0;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), state | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

/**
 * Autocorrelated noise in −1…1, a function of its place alone: random values at whole x, joined smoothly.
 * Values less than 1 apart are alike, values more than 2 apart are independent.
 */
export function smooth(seed: number, x: number): number {
	const cell = Math.floor(x);
	const f = x - cell;
	const ease = f * f * (3 - 2 * f);
	const a = unit(hash(seed, cell));
	const b = unit(hash(seed, cell + 1));
	return (a + (b - a) * ease) * 2 - 1;
}
