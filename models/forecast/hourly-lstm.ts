import { Lstm, type LstmOptions } from "./lstm.ts";
import type { CalendarGrid } from "./series.ts";

/** Hours that a forecast looks back on, and hours it answers. */
const PAST = 168;
const AHEAD = 24;
const INPUTS = 5;

/** A load by hours, ready to be read: standardised, with what the calendar says of each hour. */
interface Hours {
	/** Standardised load, NaN where unknown. */
	load: Float64Array;
	/** Sine and cosine of the hour, whether the day and the same hour a day on are workdays. */
	calendar: Float64Array;
}

/** A network that reads a week of hours and answers with the next day. */
export class HourlyLstm {
	readonly lstm: Lstm;
	readonly mean: number;
	readonly deviation: number;

	constructor(lstm: Lstm, mean: number, deviation: number) {
		this.lstm = lstm;
		this.mean = mean;
		this.deviation = deviation;
	}

	/**
	 * Learns from [0, to) of a load by hours.
	 *
	 * @param grid of hours, a day longer than what is learned from
	 * @param every a day begins at every nth hour; default 6
	 * @throws RangeError where no week with its day after is known
	 */
	static fit(
		grid: CalendarGrid,
		values: Float64Array,
		to: number,
		options: Pick<LstmOptions, "seed" | "epochs" | "hidden" | "progress"> & { every?: number },
	): HourlyLstm {
		const known = values.subarray(0, to).filter(Number.isFinite);
		const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
		const deviation = Math.sqrt(known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length) || 1;
		const hours = hoursOf(grid, values, mean, deviation);
		const origins: number[] = [];
		for (let origin = PAST; origin + AHEAD <= to; origin += options.every ?? 6) {
			if (hours.load.subarray(origin - PAST, origin + AHEAD).every(Number.isFinite)) origins.push(origin);
		}
		if (origins.length === 0) throw new RangeError("no week of known hours with the day after it");
		const sample = (n: number, x: Float64Array, y: Float64Array): void => {
			const origin = origins[n] as number;
			readPast(hours, origin, x);
			// Relative to the day before: what is left to learn is what changes.
			for (let h = 0; h < AHEAD; h++)
				y[h] = (hours.load[origin + h] as number) - (hours.load[origin + h - AHEAD] as number);
		};
		const { every: _every, ...rest } = options;
		const data = { count: origins.length, steps: PAST, sample };
		return new HourlyLstm(Lstm.fit(data, { ...rest, inputs: INPUTS, outputs: AHEAD }), mean, deviation);
	}

	/** The 24 hours from `origin` on; NaN throughout where an hour of the week before is unknown. */
	predict(grid: CalendarGrid, values: Float64Array, origin: number): Float64Array {
		const past = values.subarray(Math.max(0, origin - PAST), origin);
		if (past.length < PAST || !past.every(Number.isFinite)) return new Float64Array(AHEAD).fill(Number.NaN);
		const hours = hoursOf(grid, values, this.mean, this.deviation, origin - PAST, origin);
		const x = new Float64Array(PAST * INPUTS);
		readPast(hours, origin, x);
		return this.lstm
			.predict(x)
			.map((value, h) => this.mean + this.deviation * (value + (hours.load[origin + h - AHEAD] as number)));
	}
}

function hoursOf(
	grid: CalendarGrid,
	values: Float64Array,
	mean: number,
	deviation: number,
	from = 0,
	to = values.length,
): Hours {
	const load = new Float64Array(values.length).fill(Number.NaN);
	const calendar = new Float64Array(4 * values.length);
	const isWorkday = (hour: number): number => {
		const day = grid.day[Math.min(hour, grid.length - 1)] as number;
		return grid.kind[day + 1] === 0 ? 1 : 0;
	};
	for (let i = from; i < to; i++) {
		load[i] = ((values[i] as number) - mean) / deviation;
		const angle = (2 * Math.PI * (grid.slot[i] as number)) / grid.perDay;
		calendar[4 * i] = Math.sin(angle);
		calendar[4 * i + 1] = Math.cos(angle);
		calendar[4 * i + 2] = isWorkday(i);
		calendar[4 * i + 3] = isWorkday(i + AHEAD);
	}
	return { load, calendar };
}

function readPast({ load, calendar }: Hours, origin: number, x: Float64Array): void {
	for (let t = 0; t < PAST; t++) {
		const hour = origin - PAST + t;
		x[t * INPUTS] = load[hour] as number;
		for (let k = 0; k < 4; k++) x[t * INPUTS + 1 + k] = calendar[4 * hour + k] as number;
	}
}
