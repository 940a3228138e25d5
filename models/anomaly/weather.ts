import type { ModelState } from "../model.ts";
import { quantileOf } from "./scaling.ts";

const HOURS = 24;
/** Working days, Saturday, Sunday with holidays. */
const KINDS = 3;
const CELLS = KINDS * HOURS;
/** Days that have to be known of both power and temperature. */
const LEAST_DAYS = 10;
/** A temperature that jumps with the power of its hour is the machine's own. */
const OWN_CORRELATION = 0.5;
/** Balance points that are tried, as shares of the temperatures seen. */
const BALANCES = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];
/** Days are dealt out to so many parts; each is foretold by the others. */
const FOLDS = 5;
/** Share of the error on days not learnt from that the weather has to explain. */
const LEAST_GAIN = 0.15;
/** How far beyond the temperatures seen the relation is believed, °C. */
const BEYOND_C = 3;

/** An hour of one day: what was drawn and how warm it was. */
interface Hour {
	day: number;
	cell: number;
	hour: number;
	kw: number;
	airC: number;
}

/** Above the one it is cooled, below the other heated; kW a degree in busy hours and in the others. */
interface Relation {
	coolC: number;
	heatC: number;
	/** Cooling busy, cooling else, heating busy, heating else; kW a degree. */
	kwPerC: Float64Array;
}

/**
 * How the power of a machine follows the air outside, where its temperature is that: chillers, ventilation, heating.
 * Two straight lines from a balance point each, steeper while the machine is busy than while it is not, over what is
 * usual at that hour of that kind of day.
 *
 * @see ASHRAE Guideline 14, five-parameter change-point models
 */
export class WeatherDependence {
	/** Balance points, the range of temperatures seen, and kW a degree; see Relation. */
	readonly #numbers: Float64Array;
	/** 1 where a cell (kind of day, hour) is a busy one. */
	readonly #busy: Float64Array;
	/** Mean degrees above and below the balance points that each cell had in training. */
	readonly #degrees: Float64Array;

	private constructor(numbers: Float64Array, busy: Float64Array, degrees: Float64Array) {
		this.#numbers = numbers;
		this.#busy = busy;
		this.#degrees = degrees;
	}

	/**
	 * @param kw NaN where it is missing
	 * @param temperatureC of the machine's sensor, of the air or not: that is found out
	 * @param hours hour of the week of each reading, 0 is Monday 00:00 local time; a holiday counts as a Sunday
	 * @param days day of each reading, any count
	 * @returns undefined where the temperature is the machine's own, or says nothing of power on days not learnt from
	 */
	static fit(
		kw: Float64Array,
		temperatureC: Float64Array,
		hours: Uint8Array,
		days: Int32Array,
	): WeatherDependence | undefined {
		const points = hourly(kw, temperatureC, hours, days);
		if (new Set(points.map(({ day }) => day)).size < LEAST_DAYS) return undefined;
		if (!(Math.abs(ownCorrelation(points)) < OWN_CORRELATION)) return undefined;
		const [busy, relation] = relationOf(points);
		const [plain, foretold] = errorsOf(points);
		if (!(foretold <= (1 - LEAST_GAIN) * plain)) return undefined;
		const air = Float64Array.from(points, ({ airC }) => airC).sort();
		const [least, most] = [air[0] as number, air[air.length - 1] as number];
		const numbers = Float64Array.of(
			relation.coolC,
			relation.heatC,
			least - BEYOND_C,
			most + BEYOND_C,
			...relation.kwPerC,
		);
		return new WeatherDependence(numbers, busy, meanDegrees(points, relation));
	}

	static fromState({ arrays }: ModelState): WeatherDependence {
		const { numbers, busy, degrees } = arrays as Record<"numbers" | "busy" | "degrees", Float64Array>;
		return new WeatherDependence(numbers, busy, degrees);
	}

	get state(): ModelState {
		return { facts: {}, arrays: { numbers: this.#numbers, busy: this.#busy, degrees: this.#degrees } };
	}

	/**
	 * What the weather adds to what is usual at that hour of the week, kW; negative where it takes off. 0 where the
	 * temperature is not known.
	 */
	at(temperatureC: number, hour: number): number {
		if (Number.isNaN(temperatureC)) return 0;
		const [coolC, heatC, least, most] = this.#numbers as unknown as [number, number, number, number];
		const airC = Math.min(most, Math.max(least, temperatureC));
		const relation = { coolC, heatC, kwPerC: this.#numbers.subarray(4) };
		return partOf(relation, this.#busy, this.#degrees, airC, cellOf(hour));
	}
}

function partOf(
	{ coolC, heatC, kwPerC }: Relation,
	busy: Float64Array,
	degrees: Float64Array,
	airC: number,
	cell: number,
): number {
	const quiet = busy[cell] === 1 ? 0 : 1;
	return (
		(kwPerC[quiet] as number) * (Math.max(0, airC - coolC) - (degrees[2 * cell] as number)) +
		(kwPerC[2 + quiet] as number) * (Math.max(0, heatC - airC) - (degrees[2 * cell + 1] as number))
	);
}

function cellOf(hour: number): number {
	const day = Math.floor(hour / HOURS);
	return (day < 5 ? 0 : day - 4) * HOURS + (hour % HOURS);
}

function hourly(kw: Float64Array, airC: Float64Array, hours: Uint8Array, days: Int32Array): Hour[] {
	const sums = new Map<number, Hour & { count: number }>();
	for (let row = 0; row < kw.length; row++) {
		const [power, air] = [kw[row] as number, airC[row] as number];
		if (!Number.isFinite(power) || !Number.isFinite(air)) continue;
		const hour = hours[row] as number;
		const key = (days[row] as number) * HOURS + (hour % HOURS);
		const sum = sums.get(key) ?? {
			...{ day: days[row] as number, cell: cellOf(hour), hour: key, kw: 0, airC: 0, count: 0 },
		};
		sum.kw += power;
		sum.airC += air;
		sum.count++;
		sums.set(key, sum);
	}
	return Array.from(sums.values(), ({ count, kw: power, airC: air, ...rest }) => ({
		...rest,
		kw: power / count,
		airC: air / count,
	})).sort((a, b) => a.hour - b.hour);
}

/**
 * How temperature moves with power from hour to hour, or an hour behind it, beside what both do at that time of day: a
 * shift that does not begin on a Sunday leaves the air as warm as ever, but not a winding.
 */
function ownCorrelation(points: readonly Hour[]): number {
	const at = new Map(points.map((point) => [point.hour, point]));
	const change = (hour: number, of: "kw" | "airC"): number =>
		(at.get(hour)?.[of] ?? Number.NaN) - (at.get(hour - 1)?.[of] ?? Number.NaN);
	let most = 0;
	for (const lag of [0, 1]) {
		const pairs = points
			.map(({ hour }) => ({ time: hour % HOURS, kw: change(hour, "kw"), airC: change(hour + lag, "airC") }))
			.filter((pair) => Number.isFinite(pair.kw) && Number.isFinite(pair.airC));
		const times = Int32Array.from(pairs, ({ time }) => time);
		const found = correlationOf(
			withoutMeans(
				Float64Array.from(pairs, ({ kw }) => kw),
				times,
			),
			withoutMeans(
				Float64Array.from(pairs, ({ airC }) => airC),
				times,
			),
		);
		if (Math.abs(found) > Math.abs(most)) most = found;
	}
	return most;
}

/** Less the mean of each key. */
function withoutMeans(values: Float64Array, keys: Int32Array): Float64Array {
	const sums = new Float64Array(CELLS);
	const counts = new Float64Array(CELLS);
	for (const [row, key] of keys.entries()) {
		sums[key] = (sums[key] as number) + (values[row] as number);
		counts[key] = (counts[key] as number) + 1;
	}
	return values.map((value, row) => {
		const key = keys[row] as number;
		return value - (sums[key] as number) / (counts[key] as number);
	});
}

function correlationOf(a: Float64Array, b: Float64Array): number {
	let [aa, bb, ab] = [0, 0, 0];
	for (const [row, value] of a.entries()) {
		const other = b[row] as number;
		aa += value * value;
		bb += other * other;
		ab += value * other;
	}
	return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/** Cells that draw much, by Otsu's threshold over their means. */
function busyCells(points: readonly Hour[]): Float64Array {
	const sums = new Float64Array(CELLS);
	const counts = new Float64Array(CELLS);
	for (const { cell, kw } of points) {
		sums[cell] = (sums[cell] as number) + kw;
		counts[cell] = (counts[cell] as number) + 1;
	}
	const means = sums.map((sum, cell) => sum / (counts[cell] as number));
	const sorted = means.filter(Number.isFinite).sort();
	const total = sorted.reduce((sum, value) => sum + value, 0);
	let [best, limit, before] = [-1, Number.NEGATIVE_INFINITY, 0];
	for (let i = 1; i < sorted.length; i++) {
		before += sorted[i - 1] as number;
		const between = (before / i - (total - before) / (sorted.length - i)) ** 2 * i * (sorted.length - i);
		if (between > best) [best, limit] = [between, sorted[i] as number];
	}
	return means.map((mean) => (mean >= limit ? 1 : 0));
}

function meanDegrees(points: readonly Hour[], { coolC, heatC }: Pick<Relation, "coolC" | "heatC">): Float64Array {
	const degrees = new Float64Array(2 * CELLS);
	const counts = new Float64Array(CELLS);
	let [cool, heat] = [0, 0];
	for (const { cell, airC } of points) {
		const [above, below] = [Math.max(0, airC - coolC), Math.max(0, heatC - airC)];
		degrees[2 * cell] = (degrees[2 * cell] as number) + above;
		degrees[2 * cell + 1] = (degrees[2 * cell + 1] as number) + below;
		counts[cell] = (counts[cell] as number) + 1;
		cool += above / points.length;
		heat += below / points.length;
	}
	// An hour that was never seen is like the others.
	return degrees.map((sum, place) => {
		const count = counts[place >> 1] as number;
		return count > 0 ? sum / count : place % 2 === 0 ? cool : heat;
	});
}

/** The balance points and slopes that leave least of how power strays from what is usual at its hour. */
function relationOf(points: readonly Hour[]): [Float64Array, Relation] {
	const busy = busyCells(points);
	const cells = Int32Array.from(points, ({ cell }) => cell);
	const sorted = Float64Array.from(points, ({ airC }) => airC).sort();
	const balances = BALANCES.map((share) => quantileOf(sorted, share));
	const degrees = (above: 1 | -1): Float64Array[] =>
		balances.map((balanceC) =>
			withoutMeans(
				Float64Array.from(points, ({ airC }) => Math.max(0, above * (airC - balanceC))),
				cells,
			),
		);
	const [cool, heat] = [degrees(1), degrees(-1)];
	const kw = withoutMeans(
		Float64Array.from(points, (point) => point.kw),
		cells,
	);
	const isBusy = cells.map((cell) => busy[cell] as number);
	let best: { relation: Relation; left: number } | undefined;
	for (const [c, coolC] of balances.entries()) {
		for (const [h, heatC] of balances.entries()) {
			if (heatC > coolC) continue;
			const { kwPerC, left } = slopesOf(kw, cool[c] as Float64Array, heat[h] as Float64Array, isBusy);
			if (!best || left < best.left) best = { relation: { coolC, heatC, kwPerC }, left };
		}
	}
	return [busy, best?.relation ?? { coolC: 0, heatC: 0, kwPerC: new Float64Array(4) }];
}

/** Least squares in busy hours and in the others, and what they leave. */
function slopesOf(
	kws: Float64Array,
	cools: Float64Array,
	heats: Float64Array,
	isBusy: Int32Array,
): { kwPerC: Float64Array; left: number } {
	const kwPerC = new Float64Array(4);
	let left = 0;
	for (const quiet of [0, 1]) {
		let [cc, hh, ch, cy, hy, yy] = [0, 0, 0, 0, 0, 0];
		for (let row = 0; row < kws.length; row++) {
			if (isBusy[row] === quiet) continue;
			const [kw, cool, heat] = [kws[row] as number, cools[row] as number, heats[row] as number];
			cc += cool * cool;
			hh += heat * heat;
			ch += cool * heat;
			cy += cool * kw;
			hy += heat * kw;
			yy += kw * kw;
		}
		const [cool, heat] = slopes(cc, hh, ch, cy, hy);
		kwPerC[quiet] = cool;
		kwPerC[2 + quiet] = heat;
		left += yy - 2 * (cool * cy + heat * hy) + cool * cool * cc + 2 * cool * heat * ch + heat * heat * hh;
	}
	return { kwPerC, left };
}

/** Least squares of two slopes, none below 0: cooling costs with warmth, heating with cold, never the other way round. */
function slopes(cc: number, hh: number, ch: number, cy: number, hy: number): [number, number] {
	const alone = (xx: number, xy: number): number => (xx > 1e-9 ? Math.max(0, xy / xx) : 0);
	const determinant = cc * hh - ch * ch;
	if (determinant > 1e-9 * cc * hh) {
		const cool = (cy * hh - hy * ch) / determinant;
		const heat = (hy * cc - cy * ch) / determinant;
		if (cool >= 0 && heat >= 0) return [cool, heat];
	}
	const [cool, heat] = [alone(cc, cy), alone(hh, hy)];
	return cool * cy >= heat * hy ? [cool, 0] : [0, heat];
}

/** Squared errors on days not learnt from: by the hour alone, and with the weather. */
function errorsOf(points: readonly Hour[]): [number, number] {
	let [plain, foretold] = [0, 0];
	const order = new Map([...new Set(points.map(({ day }) => day))].map((day, place) => [day, place]));
	for (let fold = 0; fold < FOLDS; fold++) {
		const isOut = ({ day }: Hour): boolean => (order.get(day) as number) % FOLDS === fold;
		const rest = points.filter((point) => !isOut(point));
		const [busy, relation] = relationOf(rest);
		const degrees = meanDegrees(rest, relation);
		const usual = new Map<number, { sum: number; count: number }>();
		for (const { cell, kw } of rest) {
			const one = usual.get(cell) ?? { sum: 0, count: 0 };
			usual.set(cell, { sum: one.sum + kw, count: one.count + 1 });
		}
		for (const point of points) {
			const known = usual.get(point.cell);
			if (!isOut(point) || !known) continue;
			const apart = point.kw - known.sum / known.count;
			plain += apart ** 2;
			foretold += (apart - partOf(relation, busy, degrees, point.airC, point.cell)) ** 2;
		}
	}
	return [plain, foretold];
}
