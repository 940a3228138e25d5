import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";

const MS_PER_H = 3_600_000;
const SLOT_MS = 10_000;
const SLOTS = 16;
const MINUTE_MS = 60_000;
/** Four hours of one-minute powers: what the interval around a prediction learns from. */
export const MINUTES = 240;
/** A longer step between readings says nothing about the minutes in it. */
const MINUTE_STEP_MS = 90_000;
const UNMOVED = -1;
const ANCHOR = -2;

const numbers = (length: number, value: number): Float64Array => new Float64Array(length).fill(value);

/** Everything as plain numbers, so that it travels through JSON unchanged; NaN becomes null. */
export type MeterSnapshot = Record<string, (number | null)[]>;

/**
 * The energy of the meters that make up the site, in the running quarter-hour and the one before. Energy follows the
 * counter where there is one and the power (straight lines between readings) in between; a segment between two readings
 * is divided at the boundary of the quarter-hour, so that a poll that comes late leaves its energy where it was used.
 * All state is in typed arrays: taking a reading allocates nothing.
 */
export class SiteMeters {
	private readonly index = new Map<string, number>();
	private readonly lastMs: Float64Array;
	private readonly lastKw: Float64Array;
	private readonly firstMs: Float64Array;
	private readonly counterKwh: Float64Array;
	private readonly counterMs: Float64Array;
	/** Energy taken by power since the counter last moved. */
	private readonly sinceCounterKwh: Float64Array;
	/** Smallest step seen of a counter without a power beside it: its resolution. */
	private readonly stepKwh: Float64Array;
	private readonly windowKwh: Float64Array;
	private readonly beforeKwh: Float64Array;
	private readonly slotKwh = numbers(SLOTS, 0);
	private readonly slotAt = numbers(SLOTS, -1);
	private readonly minuteKwh = numbers(MINUTES, 0);
	private readonly minuteMs = numbers(MINUTES, 0);
	private readonly minuteAt = numbers(MINUTES, -1);
	/** boundary of the window, of the one before, bridged kWh of both, counter resets, readings not taken. */
	private readonly scalars = numbers(6, Number.NaN);
	private readonly rollover: Float64Array;

	readonly meters: readonly string[];
	private readonly main: boolean;
	private readonly plausibleKw: number;
	private readonly silentAfterMs: number;

	/**
	 * @param main export of a main meter counts as 0, for it is no demand
	 * @param plausibleKw a counter that moved faster was reset or exchanged
	 * @param silentAfterMs energy across a longer silence counts as estimated, unless a counter bridges it
	 */
	constructor(
		meters: readonly string[],
		main: boolean,
		plausibleKw: number,
		silentAfterMs: number,
		rolloverKwh: Readonly<Record<string, number>> = {},
	) {
		this.meters = meters;
		this.main = main;
		this.plausibleKw = plausibleKw;
		this.silentAfterMs = silentAfterMs;
		const n = meters.length;
		this.lastMs = numbers(n, Number.NaN);
		this.lastKw = numbers(n, Number.NaN);
		this.firstMs = numbers(n, Number.NaN);
		this.counterKwh = numbers(n, Number.NaN);
		this.counterMs = numbers(n, Number.NaN);
		this.sinceCounterKwh = numbers(n, 0);
		this.stepKwh = numbers(n, Number.NaN);
		this.windowKwh = numbers(n, 0);
		this.beforeKwh = numbers(n, 0);
		this.rollover = Float64Array.from(meters, (meter) => rolloverKwh[meter] ?? 0);
		this.scalars.fill(0, 2);
		meters.forEach((meter, i) => {
			this.index.set(meter, i);
		});
	}

	get boundaryMs(): number {
		return this.scalars[0] as number;
	}
	get estimatedKwh(): number {
		return this.scalars[2] as number;
	}
	get estimatedBeforeKwh(): number {
		return this.scalars[3] as number;
	}
	get counterResets(): number {
		return this.scalars[4] as number;
	}
	get notTaken(): number {
		return this.scalars[5] as number;
	}

	/** Begins the quarter-hour whose real boundary is `boundaryMs`; the one before is kept for late readings. */
	begin(boundaryMs: number): void {
		const follows = boundaryMs - this.boundaryMs < 2 * QUARTER_HOUR_MS - 1;
		for (let i = 0; i < this.windowKwh.length; i++) {
			this.beforeKwh[i] = follows ? (this.windowKwh[i] as number) : 0;
			this.windowKwh[i] = 0;
		}
		this.scalars[3] = follows ? this.estimatedKwh : 0;
		this.scalars[2] = 0;
		this.scalars[1] = follows ? this.boundaryMs : boundaryMs - QUARTER_HOUR_MS;
		this.scalars[0] = boundaryMs;
	}

	/** The clock was put back: every instant moves with it. What was seen before says nothing of the time by the new one. */
	setBack(byMs: number): void {
		for (const times of [this.lastMs, this.counterMs]) for (const [i, ms] of times.entries()) times[i] = ms - byMs;
		this.firstMs.set(this.lastMs);
		this.slotAt.fill(-1);
		this.minuteAt.fill(-1);
		this.scalars.fill(Number.NaN, 0, 2);
	}

	/** The running quarter-hour turns out to have begun only now: what it has so far belongs to the one before. */
	moveBoundary(boundaryMs: number): void {
		for (let i = 0; i < this.windowKwh.length; i++) {
			this.beforeKwh[i] = (this.beforeKwh[i] as number) + (this.windowKwh[i] as number);
			this.windowKwh[i] = 0;
		}
		this.scalars[3] = this.estimatedBeforeKwh + this.estimatedKwh;
		this.scalars[2] = 0;
		this.scalars[0] = boundaryMs;
	}

	/**
	 * @param powerKw undefined or NaN where the reading has none
	 * @param counterKwh likewise
	 * @returns whether the machine is one of the meters
	 */
	take(machine: string, timeMs: number, powerKw: number | undefined, counterKwh: number | undefined): boolean {
		const i = this.index.get(machine);
		if (i === undefined) return false;
		const last = this.lastMs[i] as number;
		let kw = powerKw ?? Number.NaN;
		if (this.main && kw < 0) kw = 0;
		if (Number.isNaN(last)) {
			this.firstMs[i] = timeMs;
			this.lastKw[i] = kw;
		} else if (timeMs < last) {
			this.scalars[5] = this.notTaken + 1;
			return true;
		}
		const moved = counterKwh === undefined ? UNMOVED : this.counterStep(i, timeMs, counterKwh);
		if (!Number.isNaN(last)) this.segment(i, last, timeMs, kw, moved);
		if (moved >= 0) this.correct(i, timeMs, moved);
		if (moved !== UNMOVED) this.anchor(i, timeMs, counterKwh as number);
		this.lastMs[i] = timeMs;
		if (!Number.isNaN(kw)) this.lastKw[i] = kw;
		return true;
	}

	/** How far the counter moved since it was anchored, kWh; or UNMOVED, or ANCHOR where it has to be anchored anew. */
	private counterStep(i: number, timeMs: number, counterKwh: number): number {
		if (Number.isNaN(counterKwh)) return UNMOVED;
		const anchor = this.counterKwh[i] as number;
		if (Number.isNaN(anchor)) return ANCHOR;
		let step = counterKwh - anchor;
		if (step < 0 && (this.rollover[i] as number) > 0) step += this.rollover[i] as number;
		// A coarse counter moves in whole steps, hence a minute more than the time that passed.
		const mostKwh = (this.plausibleKw * (timeMs - (this.counterMs[i] as number) + MINUTE_MS)) / MS_PER_H;
		if (step < 0 || step > mostKwh) {
			this.scalars[4] = this.counterResets + 1;
			return ANCHOR;
		}
		// Standing still says nothing between two steps, and a great deal across a silence.
		return step > 0 || timeMs - (this.lastMs[i] as number) > MINUTE_STEP_MS ? step : UNMOVED;
	}

	private anchor(i: number, timeMs: number, counterKwh: number): void {
		this.counterKwh[i] = counterKwh;
		this.counterMs[i] = timeMs;
		this.sinceCounterKwh[i] = 0;
	}

	/** Adds the energy between two readings: by power, or by the counter alone where there is no power. */
	private segment(i: number, fromMs: number, toMs: number, kw: number, moved: number): void {
		let startKw = this.lastKw[i] as number;
		let endKw = kw;
		if (Number.isNaN(kw)) {
			const sinceMs = toMs - (this.counterMs[i] as number);
			if (moved > 0 && toMs > fromMs) {
				this.stepKwh[i] = Math.min(moved, Number.isNaN(this.stepKwh[i]) ? moved : (this.stepKwh[i] as number));
				startKw = Math.max(0, ((moved - (this.sinceCounterKwh[i] as number)) * MS_PER_H) / (toMs - fromMs));
				endKw = startKw;
				this.lastKw[i] = (moved * MS_PER_H) / sinceMs;
			} else {
				// A counter that stands still has moved by less than its step.
				const mostKw = ((this.stepKwh[i] as number) * MS_PER_H) / sinceMs;
				if (mostKw < startKw) this.lastKw[i] = mostKw;
				endKw = this.lastKw[i] as number;
				startKw = endKw;
			}
		} else if (Number.isNaN(startKw)) startKw = kw;
		if (Number.isNaN(endKw) || toMs <= fromMs) return;
		const bridged = toMs - fromMs > this.silentAfterMs && moved < 0;
		const energy = this.split(i, fromMs, startKw, toMs, endKw, bridged);
		this.sinceCounterKwh[i] = (this.sinceCounterKwh[i] as number) + energy;
		this.remember(fromMs, startKw, toMs, endKw);
	}

	/** The counter has the last word: what the power missed since the anchor is spread over that time. */
	private correct(i: number, timeMs: number, moved: number): void {
		const fromMs = this.counterMs[i] as number;
		const kw = ((moved - (this.sinceCounterKwh[i] as number)) * MS_PER_H) / (timeMs - fromMs);
		if (timeMs > fromMs) this.split(i, fromMs, kw, timeMs, kw, false);
	}

	/** Divides a straight line of power among the running quarter-hour and the one before; answers its whole energy. */
	private split(i: number, fromMs: number, fromKw: number, toMs: number, toKw: number, bridged: boolean): number {
		const boundary = this.boundaryMs;
		const now = energyWithin(boundary, toMs, fromMs, fromKw, toMs, toKw);
		const before = energyWithin(this.scalars[1] as number, boundary, fromMs, fromKw, toMs, toKw);
		this.windowKwh[i] = (this.windowKwh[i] as number) + now;
		this.beforeKwh[i] = (this.beforeKwh[i] as number) + before;
		if (bridged) {
			this.scalars[2] = this.estimatedKwh + now;
			this.scalars[3] = this.estimatedBeforeKwh + before;
		}
		return ((fromKw + toKw) / 2) * ((toMs - fromMs) / MS_PER_H);
	}

	/** Keeps the recent course of the power in slots of ten seconds and in minutes. */
	private remember(fromMs: number, fromKw: number, toMs: number, toKw: number): void {
		for (let slot = Math.floor(Math.max(fromMs, toMs - SLOTS * SLOT_MS) / SLOT_MS); slot * SLOT_MS < toMs; slot++) {
			const at = slot % SLOTS;
			if (this.slotAt[at] !== slot) {
				if ((this.slotAt[at] as number) > slot) continue;
				this.slotAt[at] = slot;
				this.slotKwh[at] = 0;
			}
			const energy = energyWithin(slot * SLOT_MS, (slot + 1) * SLOT_MS, fromMs, fromKw, toMs, toKw);
			this.slotKwh[at] = (this.slotKwh[at] as number) + energy;
		}
		if (toMs - fromMs > MINUTE_STEP_MS) return;
		for (let minute = Math.floor(fromMs / MINUTE_MS); minute * MINUTE_MS < toMs; minute++) {
			const at = minute % MINUTES;
			if (this.minuteAt[at] !== minute) {
				if ((this.minuteAt[at] as number) > minute) continue;
				this.minuteAt[at] = minute;
				this.minuteKwh[at] = 0;
				this.minuteMs[at] = 0;
			}
			const start = minute * MINUTE_MS;
			const energy = energyWithin(start, start + MINUTE_MS, fromMs, fromKw, toMs, toKw);
			this.minuteKwh[at] = (this.minuteKwh[at] as number) + energy;
			const covered = Math.min(toMs, start + MINUTE_MS) - Math.max(fromMs, start);
			this.minuteMs[at] = (this.minuteMs[at] as number) + covered;
		}
	}

	/** Mean power of a minute, kW; NaN where the meters did not see nearly all of it. */
	minuteKw(minute: number): number {
		const at = ((minute % MINUTES) + MINUTES) % MINUTES;
		const whole = 0.9 * MINUTE_MS * this.meters.length;
		if (this.minuteAt[at] !== minute || (this.minuteMs[at] as number) < whole) return Number.NaN;
		return (this.minuteKwh[at] as number) * 60;
	}

	/** Energy of the running quarter-hour with the last powers held up to now, kWh. */
	energySoFarKwh(nowMs: number): number {
		let sum = 0;
		for (let i = 0; i < this.windowKwh.length; i++) {
			sum += this.windowKwh[i] as number;
			const held = nowMs - Math.max(this.lastMs[i] as number, this.boundaryMs);
			const kw = this.lastKw[i] as number;
			if (held > 0 && !Number.isNaN(kw)) sum += (kw * held) / MS_PER_H;
		}
		return this.main ? sum : Math.max(0, sum);
	}

	/** Energy of the quarter-hour before, with the last powers held up to its end, kWh. */
	energyBeforeKwh(): number {
		const boundary = this.boundaryMs;
		let sum = 0;
		for (let i = 0; i < this.beforeKwh.length; i++) {
			sum += this.beforeKwh[i] as number;
			const held = boundary - Math.max(this.lastMs[i] as number, this.scalars[1] as number);
			const kw = this.lastKw[i] as number;
			if (held > 0 && !Number.isNaN(kw)) sum += (kw * held) / MS_PER_H;
		}
		return this.main ? sum : Math.max(0, sum);
	}

	/** Mean power of about the last minute, kW; NaN before the first reading with a power. */
	averageKw(nowMs: number): number {
		const first = Math.floor((nowMs - MINUTE_MS) / SLOT_MS);
		const fromMs = first * SLOT_MS;
		let energy = 0;
		for (let slot = first; slot * SLOT_MS <= nowMs; slot++) {
			if (this.slotAt[slot % SLOTS] === slot) energy += this.slotKwh[slot % SLOTS] as number;
		}
		let known = false;
		for (let i = 0; i < this.lastMs.length; i++) {
			const kw = this.lastKw[i] as number;
			if (Number.isNaN(kw)) continue;
			known = true;
			const held = nowMs - Math.max(this.lastMs[i] as number, fromMs);
			const unseen = Math.min(nowMs, this.firstMs[i] as number) - fromMs;
			energy += (kw * (Math.max(0, held) + Math.max(0, unseen))) / MS_PER_H;
		}
		if (!known) return Number.NaN;
		return this.main ? Math.max(0, (energy * MS_PER_H) / (nowMs - fromMs)) : (energy * MS_PER_H) / (nowMs - fromMs);
	}

	/** How long the meter that lags most has said nothing, ms; meters that never spoke do not count. */
	lagMs(nowMs: number): number {
		let lag = 0;
		for (const ms of this.lastMs) if (nowMs - ms > lag) lag = nowMs - ms;
		return lag;
	}

	/** Time at the start of the quarter-hour that nobody saw, ms: meters that never spoke count only where all are so. */
	unknownMs(nowMs: number): number {
		let latest = Number.NaN;
		for (const ms of this.firstMs) if (!(ms <= latest) && !Number.isNaN(ms)) latest = ms;
		return Math.max(0, Math.min(Number.isNaN(latest) ? nowMs : latest, nowMs) - this.boundaryMs);
	}

	/**
	 * Whether what the site draws can no longer be told: all meters are silent, or those with over a tenth of its power.
	 *
	 * @param sinceStartMs how long the guard has listened
	 * @param into is filled with the silent ones
	 */
	silent(nowMs: number, sinceStartMs: number, into: string[]): boolean {
		into.length = 0;
		let total = 0;
		let lost = 0;
		for (let i = 0; i < this.lastMs.length; i++) {
			const last = this.lastMs[i] as number;
			const kw = Math.abs(this.lastKw[i] as number) || 0;
			total += kw;
			if ((Number.isNaN(last) ? sinceStartMs : nowMs - last) < this.silentAfterMs) continue;
			into.push(this.meters[i] as string);
			lost += kw;
		}
		return into.length > 0 && (into.length === this.lastMs.length || lost > 0.1 * total);
	}

	snapshot(): MeterSnapshot {
		return Object.fromEntries(this.arrays().map(([name, array]) => [name, Array.from(array, storable)]));
	}

	/** @returns false where the snapshot is of other meters: then nothing is taken */
	restore(snapshot: MeterSnapshot): boolean {
		const arrays = this.arrays();
		if (!arrays.every(([name, array]) => snapshot[name]?.length === array.length)) return false;
		for (const [name, array] of arrays) array.set((snapshot[name] ?? []).map((value) => value ?? Number.NaN));
		return true;
	}

	private arrays(): [string, Float64Array][] {
		const { lastMs, lastKw, firstMs, counterKwh, counterMs, sinceCounterKwh, stepKwh, windowKwh, beforeKwh } = this;
		const { slotKwh, slotAt, minuteKwh, minuteMs, minuteAt, scalars } = this;
		return Object.entries({
			...{ lastMs, lastKw, firstMs, counterKwh, counterMs, sinceCounterKwh, stepKwh, windowKwh, beforeKwh },
			...{ slotKwh, slotAt, minuteKwh, minuteMs, minuteAt, scalars },
		});
	}
}

const storable = (value: number): number | null => (Number.isNaN(value) ? null : value);

/** Energy within [startMs, endMs) of a power that runs straight from one instant to another, kWh. */
function energyWithin(
	startMs: number,
	endMs: number,
	fromMs: number,
	fromKw: number,
	toMs: number,
	toKw: number,
): number {
	const a = Math.max(startMs, fromMs);
	const b = Math.min(endMs, toMs);
	if (b <= a) return 0;
	const slope = (toKw - fromKw) / (toMs - fromMs);
	return ((fromKw + slope * ((a + b) / 2 - fromMs)) * (b - a)) / MS_PER_H;
}
