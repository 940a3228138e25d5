import type { Scale } from "./scale.ts";

type Values = readonly (number | null)[];

const at = (x: number, y: number): string => `${x.toFixed(1)} ${y.toFixed(1)}`;

/** Runs of values between gaps, as [first, after last] indices. */
export function runs(values: Values): [number, number][] {
	const found: [number, number][] = [];
	let start = -1;
	for (let i = 0; i <= values.length; i++) {
		const there = i < values.length && values[i] !== null && values[i] !== undefined;
		if (there && start < 0) start = i;
		if (!there && start >= 0) {
			found.push([start, i]);
			start = -1;
		}
	}
	return found;
}

/** A line that breaks where a value is missing; a lone value becomes a dot by a stroke of no length. */
export function linePath(times: readonly number[], values: Values, x: Scale, y: Scale): string {
	return runs(values)
		.map(([start, end]) => {
			const points: string[] = [];
			for (let i = start; i < end; i++) points.push(at(x(times[i] ?? 0), y(values[i] ?? 0)));
			return points.length === 1 ? `M${points[0]}h0` : `M${points.join("L")}`;
		})
		.join("");
}

/** The area between two bounds, with the gaps of both. */
export function bandPath(times: readonly number[], low: Values, high: Values, x: Scale, y: Scale): string {
	const both = times.map((_, i) => (low[i] == null || high[i] == null ? null : 1));
	return runs(both)
		.map(([start, end]) => {
			const upper: string[] = [];
			const lower: string[] = [];
			for (let i = start; i < end; i++) {
				upper.push(at(x(times[i] ?? 0), y(high[i] ?? 0)));
				lower.unshift(at(x(times[i] ?? 0), y(low[i] ?? 0)));
			}
			return `M${[...upper, ...lower].join("L")}Z`;
		})
		.join("");
}

/** Moves labels apart so that each keeps its height, as near to its wish as it can, inside [top, bottom]. */
export function spread(wishes: readonly number[], height: number, top: number, bottom: number): number[] {
	const order = wishes.map((_, i) => i).sort((a, b) => (wishes[a] ?? 0) - (wishes[b] ?? 0));
	const placed = [...wishes];
	let edge = top;
	for (const i of order) {
		placed[i] = Math.max(wishes[i] ?? 0, edge);
		edge = (placed[i] ?? 0) + height;
	}
	edge = bottom;
	for (const i of order.reverse()) {
		placed[i] = Math.min(placed[i] ?? 0, edge);
		edge = (placed[i] ?? 0) - height;
	}
	return placed;
}

/** Index of the instant nearest to a time in a sorted list; -1 in an empty one. */
export function nearest(times: readonly number[], ms: number): number {
	let low = 0;
	let high = times.length - 1;
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((times[middle] ?? 0) < ms) low = middle + 1;
		else high = middle;
	}
	return low > 0 && ms - (times[low - 1] ?? 0) <= (times[low] ?? 0) - ms ? low - 1 : Math.min(low, times.length - 1);
}
