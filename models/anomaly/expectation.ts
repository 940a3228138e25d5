import type { ModelState } from "../model.ts";
import { NO_STATE } from "./readings.ts";
import { quantileOf } from "./scaling.ts";

const STATES = NO_STATE + 1;
const HOURS = 168;
/** Readings, and days that they come from, that a circle needs to speak for itself; one weekday needs more days. */
const CELL_ROWS = 30;
const CELL_DAYS = 2;
const WEEKDAY_DAYS = 6;
/** Days that the spread of a state over all hours counts as beside those of a circle: few days look too much alike. */
const PRIOR_DAYS = 2;
/** Least spread of a cell, as a share of the spread of its state over all hours. */
const STATE_SHARE = 0.2;
/** Power bins of a curve. */
const BINS = 16;

/**
 * What power is usual at an hour of the week in a state: middle and spread by cell, from the nearest wider circle where
 * a cell has seen too little — the hour on days of its kind, the state, everything.
 */
export class PowerExpectation {
	/** Middle and spread of (state, hour of the week), side by side. */
	readonly #cells: Float64Array;

	private constructor(cells: Float64Array) {
		this.#cells = cells;
	}

	/**
	 * @param hours hour of the week of each reading, 0 is Monday 00:00 local time; a holiday counts as a Sunday
	 * @param days day of each reading, any count
	 */
	static fit(power: Float64Array, state: Uint8Array, hours: Uint8Array, days: Int32Array): PowerExpectation {
		const groups = new Map<string, { values: number[]; days: number; lastDay: number }>();
		const add = (key: string, value: number, day: number): void => {
			let group = groups.get(key);
			if (!group) {
				group = { values: [], days: 0, lastDay: Number.NaN };
				groups.set(key, group);
			}
			group.values.push(value);
			if (day !== group.lastDay) group.days++;
			group.lastDay = day;
		};
		for (let row = 0; row < power.length; row++) {
			const value = power[row] as number;
			if (!Number.isFinite(value)) continue;
			for (const key of keysOf(state[row] as number, hours[row] as number)) add(key, value, days[row] as number);
		}
		const all = groups.get("all")?.values ?? [0];
		const floor = Math.max(1e-6, 0.05 * spreadAround(Float64Array.from(all).sort()).spread);
		const found = new Map<string, { middle: number; spread: number; days: number }>();
		for (const [key, { values, days }] of groups) {
			const needed = /^\d+:\d+$/.test(key) ? WEEKDAY_DAYS : CELL_DAYS;
			if ((values.length >= CELL_ROWS && days >= needed) || key === "all") {
				found.set(key, { ...spreadAround(Float64Array.from(values).sort()), days });
			}
		}
		const cells = new Float64Array(STATES * HOURS * 2);
		for (let s = 0; s < STATES; s++) {
			for (let hour = 0; hour < HOURS; hour++) {
				const known = keysOf(s, hour).find((key) => found.has(key)) ?? "all";
				const { middle, spread, days } = found.get(known) ?? { middle: 0, spread: 1, days: 0 };
				cells[(s * HOURS + hour) * 2] = middle;
				const wide = found.get(`${s}`)?.spread ?? spread;
				const shrunk = Math.sqrt((days * spread ** 2 + PRIOR_DAYS * wide ** 2) / (days + PRIOR_DAYS));
				cells[(s * HOURS + hour) * 2 + 1] = Math.max(floor, shrunk, STATE_SHARE * wide);
			}
		}
		return new PowerExpectation(cells);
	}

	static fromState({ arrays }: ModelState): PowerExpectation {
		return new PowerExpectation(arrays.cells as Float64Array);
	}

	get state(): ModelState {
		return { facts: {}, arrays: { cells: this.#cells } };
	}

	/** Usual power there, kW. */
	middle(state: number, hour: number): number {
		return this.#cells[(state * HOURS + hour) * 2] as number;
	}

	/** Spread of the usual power there, kW. */
	spread(state: number, hour: number): number {
		return this.#cells[(state * HOURS + hour) * 2 + 1] as number;
	}
}

/** From the narrowest circle to the widest. */
function keysOf(state: number, hour: number): string[] {
	const day = Math.floor(hour / 24);
	const kind = day < 5 ? 0 : day;
	return [`${state}:${hour}`, `${state}:k${kind}:${hour % 24}`, `${state}`, "all"];
}

function spreadAround(sorted: Float64Array): { middle: number; spread: number } {
	const middle = quantileOf(sorted, 0.5);
	return { middle, spread: (quantileOf(sorted, 0.95) - quantileOf(sorted, 0.05)) / 3.29 };
}

/** What one quantity usually is at a power: a curve through the medians of bins of power, straight between them. */
export class Curve {
	/** Power at each knot, then the value there. */
	readonly #knots: Float64Array;

	private constructor(knots: Float64Array) {
		this.#knots = knots;
	}

	/** @returns undefined where too few readings have both */
	static fit(power: Float64Array, values: Float64Array): Curve | undefined {
		const rows: number[] = [];
		for (let row = 0; row < power.length; row++) {
			if (Number.isFinite(power[row] as number) && Number.isFinite(values[row] as number)) rows.push(row);
		}
		if (rows.length < CELL_ROWS) return undefined;
		rows.sort((a, b) => (power[a] as number) - (power[b] as number));
		const x: number[] = [];
		const y: number[] = [];
		const bins = Math.min(BINS, Math.floor(rows.length / 8));
		for (let bin = 0; bin < bins; bin++) {
			const part = rows.slice(Math.floor((bin * rows.length) / bins), Math.floor(((bin + 1) * rows.length) / bins));
			const at = quantileOf(Float64Array.from(part, (row) => power[row] as number).sort(), 0.5);
			const value = quantileOf(Float64Array.from(part, (row) => values[row] as number).sort(), 0.5);
			// A machine that mostly stands has many bins at the same power: the first speaks for them.
			if (x.length > 0 && at - (x[x.length - 1] as number) < 1e-9) continue;
			x.push(at);
			y.push(value);
		}
		return new Curve(Float64Array.from([...x, ...y]));
	}

	static fromState({ arrays }: ModelState): Curve {
		return new Curve(arrays.knots as Float64Array);
	}

	get state(): ModelState {
		return { facts: {}, arrays: { knots: this.#knots } };
	}

	/** Beyond the first and last knot it stays level. */
	at(power: number): number {
		const count = this.#knots.length / 2;
		const knot = (place: number): number => this.#knots[place] as number;
		if (power <= knot(0)) return knot(count);
		if (power >= knot(count - 1)) return knot(2 * count - 1);
		let low = 0;
		let high = count - 1;
		while (high - low > 1) {
			const middle = (low + high) >> 1;
			if (knot(middle) <= power) low = middle;
			else high = middle;
		}
		const share = (power - knot(low)) / (knot(high) - knot(low));
		return knot(count + low) + (knot(count + high) - knot(count + low)) * share;
	}
}
