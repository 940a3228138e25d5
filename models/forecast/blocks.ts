import type { LoadView } from "./path-learners.ts";

/**
 * A load as means of blocks of `step` intervals, once for each phase: the blocks of phase p begin at the intervals
 * p, p + step, …, so that for any issue there is a phase whose blocks end where the issue begins.
 */
export class Blocks {
	readonly step: number;
	readonly perDay: number;
	readonly #values: Float64Array;
	readonly #known = new Map<number, Float64Array>();
	readonly #filled = new Map<number, Float64Array>();

	constructor({ grid, values }: LoadView, step: number) {
		this.step = step;
		this.perDay = Math.round(grid.perDay / step);
		this.#values = values;
	}

	/** Means by block; NaN where less than half of a block is known. */
	known(phase: number): Float64Array {
		return remembered(this.#known, phase, () => {
			const { step } = this;
			const blocks = new Float64Array(Math.max(0, Math.floor((this.#values.length - phase) / step)));
			for (let b = 0; b < blocks.length; b++) {
				let sum = 0;
				let count = 0;
				for (let i = phase + b * step; i < phase + (b + 1) * step; i++) {
					const value = this.#values[i] as number;
					if (Number.isNaN(value)) continue;
					sum += value;
					count++;
				}
				blocks[b] = 2 * count < step ? Number.NaN : sum / count;
			}
			return blocks;
		});
	}

	/** The same with gaps filled from a week before, else from the day before: only ever from the past. */
	filled(phase: number): Float64Array {
		return remembered(this.#filled, phase, () => {
			const blocks = this.known(phase).slice();
			for (let b = 0; b < blocks.length; b++) {
				if (!Number.isNaN(blocks[b] as number)) continue;
				const week = blocks[b - 7 * this.perDay] ?? Number.NaN;
				blocks[b] = Number.isNaN(week) ? (blocks[b - this.perDay] ?? Number.NaN) : week;
			}
			return blocks;
		});
	}
}

function remembered(map: Map<number, Float64Array>, phase: number, make: () => Float64Array): Float64Array {
	let found = map.get(phase);
	if (!found) {
		found = make();
		map.set(phase, found);
	}
	return found;
}

/** A stride of at least `least` that no multiple of a day shares a factor with: issues fall on all times of the day. */
export function strideOf(least: number): number {
	let stride = Math.max(1, Math.ceil(least));
	while (stride > 1 && (stride % 2 === 0 || stride % 3 === 0 || stride % 5 === 0 || stride % 7 === 0)) stride++;
	return stride;
}

/** Whether a horizon ends within two hours, where the newest values say most. */
export function isNear({ toLead }: { toLead: number }, perDay: number): boolean {
	return 12 * toLead <= perDay;
}

/** Length of a block of a horizon: an interval where near, an hour further out. */
export function blockStep(horizon: { toLead: number }, perDay: number): number {
	return isNear(horizon, perDay) ? 1 : Math.max(1, Math.round(perDay / 24));
}
