import type { FloatMatrix } from "../float-matrix.ts";
import type { CalendarGrid } from "./series.ts";

/** What is known ahead of time, by interval of the grid (beyond the load's end too); NaN where it isn't. */
export interface KnownAhead {
	/** Planned production: 1 where the plant is to run, 0 where it is to stand, or any planned level. */
	plan?: Float64Array;
	temperatureC?: Float64Array;
	/** Number of the shift at work. */
	shift?: Float64Array;
}

/** What makes features of a load repeatable: fixed when a model is trained, stored with it. */
export interface FeatureSpec {
	/** Mean load of a day from which the plant counts as having run, in the unit of the series. */
	operatingLevel: number;
	/** Which known-ahead columns the model was trained with. */
	known: readonly (keyof KnownAhead)[];
}

const loadColumns = [
	"slot",
	"weekday",
	"dayKind",
	"kindOfDayBefore",
	"kindOfDayAfter",
	"lead",
	"sameSlotDay1",
	"sameSlotDay2",
	"sameSlotDay3",
	"sameSlotWeek1",
	"sameSlotWeek2",
	"sameSlotWeek3",
	"sameSlotWeek4",
	"sameSlotMean4Weeks",
	"sameSlotMean7Days",
	"sameSlotOperatingDays",
	"sameSlotIdleDays",
	"aroundSlotDay1",
	"aroundSlotWeek1",
	"last1",
	"last2",
	"last3",
	"last4",
	"last8",
	"mean4",
	"mean16",
	"mean96",
	"max96",
	"min96",
	"dayMean1",
	"dayMean7",
	"operatedDay1",
	"operatedDays7",
	"idleFor",
	"operatedSameWeekday4",
	"dayMeanSameWeekday1",
	"todaySoFar",
	"yesterdaySoFar",
	"lastWeekSoFar",
	"slotAtIssue",
	"dayAheadOfIssue",
	"stepSinceYesterday",
	"stepSinceLastWeek",
	"stepSinceOperatingDays",
] as const;

/** Names of the columns, in order. */
export function featureNames(spec: FeatureSpec): string[] {
	return [...loadColumns, ...spec.known];
}

const DAYS_LOOKED_BACK = 21;
const OPERATING_DAYS = 5;
const IDLE_DAYS = 3;

/**
 * The one feature pipeline of training, backtest and serving. A row belongs to an issue (`origin`, the first interval
 * not yet known) and a target at or after it; nothing at or after the origin is read, except what is known ahead.
 */
export class FeatureBuilder {
	readonly spec: FeatureSpec;
	readonly columns: number;
	readonly #grid: CalendarGrid;
	readonly #values: Float64Array;
	readonly #known: readonly Float64Array[];
	/** Sums and counts of known values before each index. */
	readonly #sum: Float64Array;
	readonly #count: Int32Array;

	/**
	 * @param values the load on the grid; may be shorter than the grid, whose rest is the future
	 */
	constructor(grid: CalendarGrid, values: Float64Array, spec: FeatureSpec, known: KnownAhead = {}) {
		this.spec = spec;
		this.columns = loadColumns.length + spec.known.length;
		this.#grid = grid;
		this.#values = values;
		this.#known = spec.known.map((name) => known[name] ?? new Float64Array(grid.length).fill(Number.NaN));
		this.#sum = new Float64Array(values.length + 1);
		this.#count = new Int32Array(values.length + 1);
		for (let i = 0; i < values.length; i++) {
			const value = values[i] as number;
			const known = !Number.isNaN(value);
			this.#sum[i + 1] = (this.#sum[i] as number) + (known ? value : 0);
			this.#count[i + 1] = (this.#count[i] as number) + (known ? 1 : 0);
		}
	}

	/** What is planned, by interval of the grid: where the rows hold a plan. */
	get plan(): Float64Array | undefined {
		return this.#known[this.spec.known.indexOf("plan")];
	}

	/** Rows of every pair of issue and target. */
	matrix(origins: ArrayLike<number>, targets: ArrayLike<number>): FloatMatrix {
		const rows = origins.length;
		const data = new Float32Array(rows * this.columns);
		for (let row = 0; row < rows; row++) {
			this.fill(origins[row] as number, targets[row] as number, data, row * this.columns);
		}
		return { data, rows, columns: this.columns };
	}

	/** Mean of known values in [from, to), NaN where fewer than half are known. */
	#mean(from: number, to: number): number {
		const first = Math.max(from, 0);
		if (to <= first) return Number.NaN;
		const known = (this.#count[to] as number) - (this.#count[first] as number);
		if (2 * known < to - from) return Number.NaN;
		return ((this.#sum[to] as number) - (this.#sum[first] as number)) / known;
	}

	#at(index: number, origin: number): number {
		return index >= 0 && index < origin ? (this.#values[index] as number) : Number.NaN;
	}

	/** Mean load of a local day that is over at the origin, NaN otherwise. */
	#dayMean(day: number, origin: number): number {
		const { dayStart } = this.#grid;
		if (day < 0) return Number.NaN;
		const to = dayStart[day + 1] as number;
		return to > origin ? Number.NaN : this.#mean(dayStart[day] as number, to);
	}

	/** Writes one row. */
	fill(origin: number, target: number, out: Float32Array, at: number): void {
		const next = this.#calendarAndLags(origin, target, out, at);
		const after = this.#issue(origin, target, out, next);
		for (let k = 0; k < this.#known.length; k++) out[after + k] = (this.#known[k] as Float64Array)[target] as number;
	}

	#calendarAndLags(origin: number, target: number, out: Float32Array, start: number): number {
		const grid = this.#grid;
		const { perDay } = grid;
		const day = grid.day[target] as number;
		let at = start;
		out[at++] = grid.slot[target] as number;
		out[at++] = grid.weekday[day + 1] as number;
		out[at++] = grid.kind[day + 1] as number;
		out[at++] = grid.kind[day] as number;
		out[at++] = grid.kind[day + 2] as number;
		out[at++] = target - origin + 1;
		// The newest day and week whose same wall-clock time is known.
		let days = Math.max(1, Math.ceil((target - origin + 1) / perDay));
		if (grid.back(target, days) >= origin) days++;
		const weeks = Math.ceil(days / 7);
		for (let k = 0; k < 3; k++) out[at++] = this.#at(grid.back(target, days + k), origin);
		let sum = 0;
		let count = 0;
		for (let k = 0; k < 4; k++) {
			const value = this.#at(grid.back(target, 7 * (weeks + k)), origin);
			out[at++] = value;
			if (!Number.isNaN(value)) {
				sum += value;
				count++;
			}
		}
		out[at++] = sum / count;
		sum = 0;
		count = 0;
		for (let k = 0; k < 7; k++) {
			const value = this.#at(grid.back(target, days + k), origin);
			if (!Number.isNaN(value)) {
				sum += value;
				count++;
			}
		}
		out[at++] = sum / count;
		out[at++] = this.#meanOfDays(origin, target, days, true);
		out[at++] = this.#meanOfDays(origin, target, days, false);
		const dayBack = grid.back(target, days);
		const weekBack = grid.back(target, 7 * weeks);
		out[at++] = this.#mean(dayBack - 2, Math.min(dayBack + 3, origin));
		out[at++] = this.#mean(weekBack - 2, Math.min(weekBack + 3, origin));
		return at;
	}

	/** Mean at the target's slot over the newest days that ran (or stood still). */
	#meanOfDays(origin: number, target: number, days: number, operating: boolean): number {
		const grid = this.#grid;
		const day = grid.day[target] as number;
		let sum = 0;
		let count = 0;
		const wanted = operating ? OPERATING_DAYS : IDLE_DAYS;
		for (let k = days; k < days + DAYS_LOOKED_BACK && count < wanted; k++) {
			const mean = this.#dayMean(day - k, origin);
			if (!(operating ? mean >= this.spec.operatingLevel : mean < this.spec.operatingLevel)) continue;
			const value = this.#at(grid.back(target, k), origin);
			if (Number.isNaN(value)) continue;
			sum += value;
			count++;
		}
		return sum / count;
	}

	/** What the moment of issue knows: the newest values, the days behind, today so far. */
	#issue(origin: number, target: number, out: Float32Array, start: number): number {
		const grid = this.#grid;
		const { perDay } = grid;
		const level = this.spec.operatingLevel;
		let at = start;
		for (const lag of [1, 2, 3, 4, 8]) out[at++] = this.#at(origin - lag, origin);
		out[at++] = this.#mean(origin - 4, origin);
		out[at++] = this.#mean(origin - 16, origin);
		out[at++] = this.#mean(origin - perDay, origin);
		const [min, max] = this.#extremes(origin - perDay, origin);
		out[at++] = max;
		out[at++] = min;
		const today = (origin < grid.length ? grid.day[origin] : (grid.day[grid.length - 1] as number) + 1) as number;
		out[at++] = this.#dayMean(today - 1, origin);
		out[at++] = this.#mean(
			Math.max(0, grid.dayStart[Math.max(0, today - 7)] as number),
			grid.dayStart[today] as number,
		);
		out[at++] = this.#operated(today - 1, origin);
		let operated = 0;
		let idleFor = 0;
		let running = false;
		for (let k = 1; k <= DAYS_LOOKED_BACK; k++) {
			const mean = this.#dayMean(today - k, origin);
			if (mean >= level) {
				if (k <= 7) operated++;
				running = true;
			} else if (!running) idleFor++;
		}
		out[at++] = operated;
		out[at++] = idleFor;
		at = this.#sameWeekday(origin, target, out, at);
		const from = grid.dayStart[today] as number;
		const sinceMidnight = origin - from;
		out[at++] = this.#mean(from, origin);
		out[at++] = this.#mean(grid.back(origin - 1, 1) + 1 - sinceMidnight, grid.back(origin - 1, 1) + 1);
		out[at++] = this.#mean(grid.back(origin - 1, 7) + 1 - sinceMidnight, grid.back(origin - 1, 7) + 1);
		out[at++] = sinceMidnight;
		out[at++] = (grid.day[target] as number) - today;
		return this.#steps(origin, target, out, at);
	}

	#operated(day: number, origin: number): number {
		const mean = this.#dayMean(day, origin);
		return Number.isNaN(mean) ? mean : mean >= this.spec.operatingLevel ? 1 : 0;
	}

	/** Share of the target's weekdays of four weeks that ran, and how much the newest of them took. */
	#sameWeekday(origin: number, target: number, out: Float32Array, start: number): number {
		const day = this.#grid.day[target] as number;
		let ran = 0;
		let count = 0;
		let newest = Number.NaN;
		for (let week = 1; week <= 8 && count < 4; week++) {
			const mean = this.#dayMean(day - 7 * week, origin);
			if (Number.isNaN(mean)) continue;
			if (count === 0) newest = mean;
			count++;
			if (mean >= this.spec.operatingLevel) ran++;
		}
		out[start] = ran / count;
		out[start + 1] = newest;
		return start + 2;
	}

	/** How far the load of earlier days moved from the time of the newest value to the target's. */
	#steps(origin: number, target: number, out: Float32Array, start: number): number {
		const grid = this.#grid;
		const step = (days: number): number =>
			this.#at(grid.back(target, days), origin) - this.#at(grid.back(origin - 1, days), origin);
		const days = Math.max(1, Math.ceil((target - origin + 1) / grid.perDay));
		out[start] = step(days);
		out[start + 1] = step(7 * Math.ceil(days / 7));
		out[start + 2] =
			origin < 1
				? Number.NaN
				: this.#meanOfDays(origin, target, days, true) - this.#meanOfDays(origin, origin - 1, days, true);
		return start + 3;
	}

	#extremes(from: number, to: number): [number, number] {
		let min = Infinity;
		let max = -Infinity;
		for (let i = Math.max(0, from); i < to; i++) {
			const value = this.#values[i] as number;
			if (value < min) min = value;
			if (value > max) max = value;
		}
		return min <= max ? [min, max] : [Number.NaN, Number.NaN];
	}
}

/**
 * The mean load that parts days the plant ran from days it stood still: the split of the days' means that leaves the
 * least variance on either side (Otsu 1979). Below every day where days are alike, so that all count as operating.
 */
export function operatingLevelOf(dayMeans: readonly number[]): number {
	const sorted = dayMeans.filter(Number.isFinite).sort((a, b) => a - b);
	const total = sorted.reduce((sum, mean) => sum + mean, 0);
	let best = 0;
	let level = Number.NEGATIVE_INFINITY;
	let sum = 0;
	for (let i = 1; i < sorted.length; i++) {
		sum += sorted[i - 1] as number;
		const low = sum / i;
		const high = (total - sum) / (sorted.length - i);
		const between = i * (sorted.length - i) * (high - low) ** 2;
		// Two groups only where they stand clearly apart: a plant that never stops has one.
		if (between > best && high > 2 * low) {
			best = between;
			level = ((sorted[i - 1] as number) + (sorted[i] as number)) / 2;
		}
	}
	return Number.isFinite(level) ? level : (sorted[0] ?? 0) - 1;
}

/** Mean load of each whole local day of the grid before `end`; NaN where less than half of a day is known. */
export function dayMeansOf(grid: CalendarGrid, values: Float64Array, end: number): number[] {
	const means: number[] = [];
	for (let day = 0; day + 1 < grid.dayStart.length; day++) {
		const from = grid.dayStart[day] as number;
		const to = grid.dayStart[day + 1] as number;
		if (to > end) break;
		let sum = 0;
		let count = 0;
		for (let i = from; i < to; i++) {
			const value = values[i] as number;
			if (Number.isNaN(value)) continue;
			sum += value;
			count++;
		}
		means.push(2 * count < to - from ? Number.NaN : sum / count);
	}
	return means;
}
