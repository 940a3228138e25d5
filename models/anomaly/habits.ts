import type { ModelState } from "../model.ts";
import { quantileOf } from "./scaling.ts";

const SLOTS = 48;
const SLOT_MIN = 30;
/** Working days, Saturday, Sunday with holidays. */
const KINDS = 3;
/** Habits that a cell may have. */
const MOST = 2;
/** Values that a cell and a habit need, and days they come from: what one day shows is no habit. */
const LEAST_ROWS = 30;
const CELL_DAYS = 3;
const HABIT_DAYS = 2;
/** Parts that the days are dealt out to when each day is judged by the others; no part holds a weekday twice in a month. */
const FOLDS = 8;
/** Two habits are apart where nothing lies between them over so many of their spreads. */
const APART = 4;
/** Half-hours before and after whose spreads count with those of a cell: few days look too much alike. */
const NEIGHBOURS = 2;
/** Few days in all know little of how far a mean strays: room for that, in days. */
const ROOM_DAYS = 3;

interface Habit {
	/** The middle nine tenths. */
	low: number;
	high: number;
	middle: number;
	spread: number;
	days: number;
}

interface FitOptions {
	/** Least spread, kW. */
	floor: number;
	cellDays: number;
	habitDays: number;
}

/** Numbers of a habit in a cell: low, high, middle, spread. */
const WIDTH = 4;
/** Half-hours before and after whose habits are usual in a cell too: shifts end early and late. */
const JITTER = 1;
/** Half-hours after midnight whose means still hold the day before, of whatever kind. */
const MIDNIGHT = 2;
/** Habits of a cell and of those around it. */
const IN_CELL = MOST * (2 * JITTER + 1 + KINDS);

/**
 * What the mean power of a while usually is at a half-hour of a kind of day, whatever the states within: one habit, or
 * two where machines take turns or make one of two products. What lies between two habits is as unusual as what lies
 * beyond them, and what was usual half an hour before or after is usual.
 */
export class PowerHabits {
	/**
	 * Habits of each (kind of day, half-hour); where there are fewer than a cell may have, the first is repeated. NaN in a
	 * cell that too few days were seen of.
	 */
	readonly #cells: Float64Array;

	private constructor(cells: Float64Array) {
		this.#cells = cells;
	}

	/**
	 * @param means kW; not finite ones are passed over
	 * @param slots of each, as {@link slotOf} counts
	 * @param days day of each, any count
	 * @param floor least spread, kW
	 */
	static fit(means: Float64Array, slots: Uint8Array, days: Int32Array, floor: number): PowerHabits {
		return PowerHabits.#fit(means, slots, days, { floor, cellDays: CELL_DAYS, habitDays: HABIT_DAYS });
	}

	/** The gap of each mean from the habits of the other days: what will be seen of days that are not learnt from. */
	static unseen(means: Float64Array, slots: Uint8Array, days: Int32Array, floor: number): Float64Array {
		const gaps = new Float64Array(means.length);
		for (let fold = 0; fold < FOLDS; fold++) {
			const others = means.map((mean, row) => ((days[row] as number) % FOLDS === fold ? Number.NaN : mean));
			const habits = PowerHabits.#fit(others, slots, days, {
				floor,
				cellDays: CELL_DAYS - 1,
				habitDays: HABIT_DAYS - 1,
			});
			for (let row = 0; row < means.length; row++) {
				if ((days[row] as number) % FOLDS === fold) gaps[row] = habits.gap(means[row] as number, slots[row] as number);
			}
		}
		return gaps;
	}

	static #fit(means: Float64Array, slots: Uint8Array, days: Int32Array, options: FitOptions): PowerHabits {
		const { floor, cellDays } = options;
		const rows: number[][] = Array.from({ length: KINDS * SLOTS }, () => []);
		for (let row = 0; row < means.length; row++) {
			if (Number.isFinite(means[row] as number)) rows[slots[row] as number]?.push(row);
		}
		const found = rows.map((of) => (isEnough(of, days, cellDays) ? habitsOf(of, means, days, options) : undefined));
		const roomy = found.map((habits, cell) =>
			habits?.map((habit) => ({ ...habit, spread: spreadAmong(habit, neighboursOf(cell, found, NEIGHBOURS), floor) })),
		);
		const cells = new Float64Array(KINDS * SLOTS * IN_CELL * WIDTH).fill(Number.NaN);
		for (const [cell, own] of roomy.entries()) {
			if (!own) continue;
			// In the cell's own spread: a half-hour in which much changes must not make those beside it blind.
			const evenings = cell % SLOTS < MIDNIGHT ? roomy.filter((_, other) => other % SLOTS === SLOTS - 1) : [];
			const beside = [...neighboursOf(cell, roomy, JITTER), ...evenings].flatMap((habits) => habits ?? []);
			const usual = [...own, ...beside.map((habit) => ({ ...habit, spread: nearestOf(own, habit).spread }))];
			for (let n = 0; n < IN_CELL; n++) {
				const { low, high, middle, spread } = (usual[n] ?? usual[0]) as Habit;
				cells.set([low, high, middle, spread], (cell * IN_CELL + n) * WIDTH);
			}
		}
		return new PowerHabits(cells);
	}

	static fromState({ arrays }: ModelState): PowerHabits {
		return new PowerHabits(arrays.cells as Float64Array);
	}

	get state(): ModelState {
		return { facts: {}, arrays: { cells: this.#cells } };
	}

	/** How far a mean is beyond the nearest habit of its slot, in its spreads; 0 within it, negative below, NaN where nothing is known. */
	gap(meanKw: number, slot: number): number {
		const at = this.#nearest(meanKw, slot);
		return this.#beyond(meanKw, at) / (this.#cells[at + 3] as number);
	}

	/** Middle of the habit that a mean is nearest to, kW; NaN where nothing is known. */
	usual(meanKw: number, slot: number): number {
		return this.#cells[this.#nearest(meanKw, slot) + 2] as number;
	}

	#nearest(meanKw: number, slot: number): number {
		let nearest = slot * IN_CELL * WIDTH;
		let least = Number.POSITIVE_INFINITY;
		for (let n = 0, at = nearest; n < IN_CELL && least > 0; n++, at += WIDTH) {
			const far = Math.abs(this.#beyond(meanKw, at)) / (this.#cells[at + 3] as number);
			if (far < least) [nearest, least] = [at, far];
		}
		return nearest;
	}

	/** kW */
	#beyond(meanKw: number, at: number): number {
		const [low, high] = [this.#cells[at] as number, this.#cells[at + 1] as number];
		return meanKw > high ? meanKw - high : meanKw < low ? meanKw - low : (meanKw - meanKw) * low;
	}
}

/** @param weekday 0 is Monday; a holiday is given as 6; @param minute of the local day */
export function slotOf(weekday: number, minute: number): number {
	const kind = weekday < 5 ? 0 : weekday - 4;
	return kind * SLOTS + Math.min(SLOTS - 1, Math.floor(minute / SLOT_MIN));
}

/** Habits of the half-hours around one and of itself, on days of its kind. */
function neighboursOf(
	cell: number,
	found: readonly (readonly Habit[] | undefined)[],
	reach: number,
): (readonly Habit[])[] {
	const kind = Math.floor(cell / SLOTS);
	return Array.from({ length: 2 * reach + 1 }, (_, n) => {
		const slot = (cell + n - reach + SLOTS) % SLOTS;
		return found[kind * SLOTS + slot] ?? [];
	}).filter((habits) => habits.length > 0);
}

/** Spread of a habit, not below what is typical of its like around it, and room for how few days they are. */
function spreadAmong(habit: Habit, around: readonly (readonly Habit[])[], floor: number): number {
	const like = around.map((habits) => nearestOf(habits, habit));
	const days = like.reduce((sum, one) => sum + one.days, 0);
	const typical = quantileOf(Float64Array.from(like, ({ spread }) => spread).sort(), 0.5);
	return Math.max(floor, habit.spread, typical) * (1 + ROOM_DAYS / Math.max(1, days - 1));
}

function nearestOf(habits: readonly Habit[], { middle }: Habit): Habit {
	return habits.reduce((near, one) => (Math.abs(one.middle - middle) < Math.abs(near.middle - middle) ? one : near));
}

function isEnough(rows: readonly number[], days: Int32Array, needed: number): boolean {
	return rows.length >= LEAST_ROWS && daysOf(rows, days) >= needed;
}

function daysOf(rows: readonly number[], days: Int32Array): number {
	return new Set(rows.map((row) => days[row] as number)).size;
}

function habitOf(rows: readonly number[], means: Float64Array, days: Int32Array, floor: number): Habit {
	const sorted = Float64Array.from(rows, (row) => means[row] as number).sort();
	const [low, middle, high] = [0.05, 0.5, 0.95].map((share) => quantileOf(sorted, share)) as [number, number, number];
	return { low, high, middle, spread: Math.max(floor, (high - low) / 3.29), days: daysOf(rows, days) };
}

/** One habit, or two where two groups of values that several days show keep clear of each other. */
function habitsOf(rows: number[], means: Float64Array, days: Int32Array, { floor, habitDays }: FitOptions): Habit[] {
	const sorted = [...rows].sort((a, b) => (means[a] as number) - (means[b] as number));
	const split = splitOf(Float64Array.from(sorted, (row) => means[row] as number));
	const parts = [sorted.slice(0, split), sorted.slice(split)] as const;
	const one = [habitOf(rows, means, days, floor)];
	if (!parts.every((part) => isEnough(part, days, habitDays))) return one;
	const [low, high] = parts.map((part) => habitOf(part, means, days, floor)) as [Habit, Habit];
	return high.low - low.high > APART * Math.max(low.spread, high.spread) ? [low, high] : one;
}

/** Where two groups of values have the least variance within them (Otsu's threshold). */
function splitOf(sorted: Float64Array): number {
	const total = sorted.reduce((sum, value) => sum + value, 0);
	let [best, place, before] = [-1, 0, 0];
	for (let i = 1; i < sorted.length; i++) {
		before += sorted[i - 1] as number;
		const between = (before / i - (total - before) / (sorted.length - i)) ** 2 * i * (sorted.length - i);
		if (between > best) [best, place] = [between, i];
	}
	return place;
}
