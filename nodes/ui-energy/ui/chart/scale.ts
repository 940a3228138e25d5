/** Maps a domain to pixels. */
export interface Scale {
	(value: number): number;
	invert(pixel: number): number;
}

export function linear(from: number, to: number, start: number, end: number): Scale {
	const slope = (end - start) / (to - from || 1);
	const scale = (value: number): number => start + (value - from) * slope;
	return Object.assign(scale, { invert: (pixel: number) => from + (pixel - start) / (slope || 1) });
}

/** Round values from `low` to beyond `high`, about `count` of them: steps of 1, 2 or 5 times a power of ten. */
export function niceTicks(low: number, high: number, count: number): number[] {
	const span = high - low || Math.abs(high) || 1;
	const raw = span / Math.max(1, count);
	const magnitude = 10 ** Math.floor(Math.log10(raw));
	const step = ([1, 2, 5, 10].find((m) => m * magnitude >= raw * 0.999) ?? 10) * magnitude;
	const first = Math.floor(low / step);
	const last = Math.ceil(high / step - 1e-9);
	return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
