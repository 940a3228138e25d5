/** Points of a line, in the order of time; a NaN value is a gap. */
export interface Line {
	timeMs: Float64Array;
	value: Float64Array;
}

/**
 * Marks the gaps of a line: where neighbours lie further apart than allowed, a NaN point goes between them.
 *
 * @param gapMs largest distance of two points that belong together
 */
export function withGaps({ timeMs, value }: Line, gapMs: number): Line {
	const times: number[] = [];
	const values: number[] = [];
	for (let i = 0; i < timeMs.length; i++) {
		const at = timeMs[i] as number;
		const before = times.at(-1);
		if (before !== undefined && at - before > gapMs) {
			times.push(before + Math.round((at - before) / 2));
			values.push(Number.NaN);
		}
		times.push(at);
		values.push(value[i] as number);
	}
	return { timeMs: Float64Array.from(times), value: Float64Array.from(values) };
}

/**
 * Thins a line to at most `maxPoints` so that every peak and every dip is still there: of each stretch of time the
 * smallest and the largest value stay, in their order, or one gap where the stretch holds nothing else.
 * A line that is short enough is left as it is.
 */
export function thin(line: Line, maxPoints: number): Line {
	const { timeMs, value } = line;
	if (timeMs.length <= maxPoints) return line;
	const fromMs = timeMs[0] as number;
	const buckets = Math.max(1, Math.floor(maxPoints / 2));
	const widthMs = ((timeMs.at(-1) as number) - fromMs + 1) / buckets;
	const times: number[] = [];
	const values: number[] = [];
	const keep = (index: number): void => {
		times.push(timeMs[index] as number);
		values.push(value[index] as number);
	};
	for (let i = 0; i < timeMs.length; ) {
		const end = fromMs + (Math.floor(((timeMs[i] as number) - fromMs) / widthMs) + 1) * widthMs;
		const gap = i;
		let low = -1;
		let high = -1;
		do {
			const at = value[i] as number;
			if (!Number.isNaN(at)) {
				if (low < 0 || at < (value[low] as number)) low = i;
				if (high < 0 || at > (value[high] as number)) high = i;
			}
			i++;
		} while (i < timeMs.length && (timeMs[i] as number) < end);
		if (low < 0) keep(gap);
		else if (maxPoints < 2 || low === high) keep(high);
		else {
			keep(Math.min(low, high));
			keep(Math.max(low, high));
		}
	}
	return { timeMs: Float64Array.from(times), value: Float64Array.from(values) };
}
