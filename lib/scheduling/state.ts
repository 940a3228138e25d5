import { chargeKrw, type Instance, lateKrwAt, type Machine, type Mode, type Op, type Placement } from "./instance.ts";

export const FREE = -1;
const CLOSED = -2;
const EPSILON = 1e-7;
export const NEVER = Number.POSITIVE_INFINITY;
/** What an interval costs by which a run of a machine is too short: such a plan is none, but search passes through it. */
const SHORT_KRW = 1e9;

/** The intervals that what is placed before and after an operation leaves it. */
export interface StartWindow {
	/** First interval it may start in, and the last one. */
	from: number;
	startBy: number;
	/** First interval it may end before, and the last one. */
	endFrom: number;
	to: number;
}

/**
 * A partial plan that keeps every constraint at all times: operations are placed where they fit and taken out again.
 * Its cost is kept up to date; it holds no more than arrays of the horizon, so that thousands of moves a second are cheap.
 */
export class State {
	readonly instance: Instance;
	readonly placements: (Placement | null)[];
	/** Power of the jobs in each demand window, kW. */
	readonly planKw: Float64Array;
	/** Of each machine and interval the operation there (of a batch the first), or free, or closed. */
	readonly taken: Int32Array;
	/** Members of each batch, by machine × slots + start. */
	readonly batches = new Map<number, number[]>();
	private readonly peaks: Float64Array;
	private readonly share: number;
	/** Jobs that several operations end, where lateness costs. */
	private readonly ended: Instance["jobs"];
	/** Energy, carbon, lateness and setups of what is placed. */
	private krw = 0;
	/** Intervals by which runs of machines are too short. */
	short = 0;

	constructor(instance: Instance) {
		this.instance = instance;
		const { slots, machines, windows } = instance;
		this.placements = instance.ops.map(() => null);
		this.planKw = new Float64Array(windows);
		this.share = 1 / instance.width;
		this.ended = instance.jobs.filter(({ sinks }) => sinks.length > 0);
		this.taken = new Int32Array(machines.length * slots).fill(FREE);
		machines.forEach((machine, m) => {
			for (let t = 0; t < slots; t++) if (!machine.open[t]) this.taken[m * slots + t] = CLOSED;
		});
		this.peaks = Float64Array.from(instance.charges, ({ baseKw }) => baseKw);
		for (const op of instance.ops) {
			if (!op.fixed) continue;
			const length = op.modes[op.fixed.mode]?.length ?? 0;
			this.place(op, { mode: op.fixed.mode, pieces: [op.fixed.start, op.fixed.start + length] });
		}
	}

	/** Cost of what is placed, and far more while a run of a machine is too short. */
	get cost(): number {
		return this.planKrw + SHORT_KRW * this.short;
	}

	/** Cost of what is placed, demand charge over that of the base load included. */
	get planKrw(): number {
		let krw = this.krw;
		this.instance.charges.forEach((charge, k) => {
			krw += chargeKrw(charge, this.peaks[k] ?? 0) - chargeKrw(charge, charge.baseKw);
		});
		for (const { sinks, due, lateKrw } of this.ended) krw += this.sinksKrw(sinks, due, lateKrw);
		return krw;
	}

	private sinksKrw(sinks: readonly number[], due: number, lateKrw: number): number {
		let end = due;
		for (const op of sinks) end = Math.max(end, this.endOf(op));
		return (end - due) * lateKrw;
	}

	/** First interval after an operation; minus infinity while it is not placed. */
	endOf(op: number): number {
		const pieces = this.placements[op]?.pieces;
		return pieces ? (pieces[pieces.length - 1] ?? 0) : Number.NEGATIVE_INFINITY;
	}

	/** When an operation may start and end, for what is placed before and after it. */
	windowOf(op: Op): StartWindow {
		const window = { from: op.earliest, startBy: op.latestStart, endFrom: 0, to: op.latestEnd };
		for (const { op: before, lag, maxLag } of op.preds) {
			const end = this.endOf(before);
			window.from = Math.max(window.from, end + lag);
			if (end > Number.NEGATIVE_INFINITY) window.startBy = Math.min(window.startBy, end + maxLag);
		}
		for (const { op: after, lag, maxLag } of op.succs) {
			const start = this.placements[after]?.pieces[0];
			if (start === undefined) continue;
			window.to = Math.min(window.to, start - lag);
			window.endFrom = Math.max(window.endFrom, start - maxLag);
		}
		return window;
	}

	/** First interval in which a run of the mode's intervals [from, to) at t goes over the cap, or -1. */
	overRoom(mode: Mode, t: number, from: number, to: number): number {
		const { roomKw, width } = this.instance;
		const { kw } = mode;
		if (width === 1) {
			for (let i = to - 1; i >= from; i--) {
				const at = t + i - from;
				if ((this.planKw[at] as number) + (kw[i] as number) > (roomKw[at] as number) + EPSILON) {
					if ((kw[i] as number) > 0) return at;
				}
			}
			return -1;
		}
		let window = -1;
		let sum = 0;
		for (let i = from; i < to; i++) {
			const q = Math.floor((t + i - from) / width);
			if (q !== window) [window, sum] = [q, 0];
			sum += (kw[i] as number) * this.share;
			if (sum > 0 && (this.planKw[q] as number) + sum > (roomKw[q] as number) + EPSILON) return t + i - from;
		}
		return -1;
	}

	/** Whether an interval has no room for so much power; only where a demand window is no longer than an interval. */
	isFull(kw: number, t: number): boolean {
		const { roomKw, width } = this.instance;
		return width === 1 && kw > 0 && (this.planKw[t] as number) + kw > (roomKw[t] as number) + EPSILON;
	}

	/** What a run adds to the demand charges. */
	peakKrw(mode: Mode, t: number, from: number, to: number): number {
		const { charges, width, baseKw } = this.instance;
		let krw = 0;
		for (let k = 0; k < charges.length; k++) {
			const charge = charges[k] as (typeof charges)[number];
			const before = this.peaks[k] as number;
			let after = before;
			let window = -1;
			let sum = 0;
			for (let i = from; i < to; i++) {
				const q = width === 1 ? t + i - from : Math.floor((t + i - from) / width);
				if (q !== window) [window, sum] = [q, 0];
				sum += (mode.kw[i] as number) * this.share;
				if (!charge.counted[q]) continue;
				const kw = (this.planKw[q] as number) + (baseKw[q] as number) + sum;
				if (kw > after) after = kw;
			}
			if (after > before) krw += chargeKrw(charge, after) - chargeKrw(charge, before);
		}
		return krw;
	}

	/** What a block of a family at [from, to) costs in setups between its neighbours; infinite where there is no room. */
	betweenKrw(machine: Machine, m: number, family: number, from: number, to: number): number {
		const krw = this.setupKrw(machine, m, family, from, to);
		return machine.minRun > 1 ? krw + SHORT_KRW * this.shortBy(machine, m, from, to) : krw;
	}

	/** What a block at [from, to) changes in how much runs of its machine are too short. */
	private shortBy({ minRun }: Machine, m: number, from: number, to: number): number {
		const base = m * this.instance.slots;
		let before = Math.max(0, from);
		while (before > 0 && (this.taken[base + before - 1] as number) >= 0) before--;
		let after = to;
		while (after < this.instance.slots && (this.taken[base + after] as number) >= 0) after++;
		if (from < 0) before = from;
		else if (before === 0 && from > 0)
			before = Math.min(0, this.placements[this.taken[base] as number]?.pieces[0] ?? 0);
		const short = (length: number) => (length > 0 ? Math.max(0, minRun - length) : 0);
		return short(after - before) - short(from - before) - short(after - to);
	}

	/** @param fits whether gaps must be long enough; of what is placed already only the cost counts */
	private setupKrw(machine: Machine, m: number, family: number, from: number, to: number, fits = true): number {
		const { setupSlots, setupKrw, minPause } = machine;
		if (!setupSlots && minPause === 0) return 0;
		const { slots, families } = this.instance;
		const base = m * slots;
		let before = from - 1;
		while (before >= 0 && (this.taken[base + before] as number) < 0) before--;
		let after = to;
		while (after < slots && (this.taken[base + after] as number) < 0) after++;
		const gapBefore = from - before - 1;
		const gapAfter = after - to;
		if (fits && before >= 0 && gapBefore > 0 && gapBefore < minPause) return NEVER;
		if (fits && after < slots && gapAfter > 0 && gapAfter < minPause) return NEVER;
		if (!setupSlots || !setupKrw) return 0;
		const f = before >= 0 ? this.familyAt(base + before) : machine.initialFamily;
		const into = f * families + family;
		if (fits && gapBefore < (setupSlots[into] as number)) return NEVER;
		if (after >= slots) return setupKrw[into] as number;
		const g = this.familyAt(base + after);
		const out = family * families + g;
		if (fits && gapAfter < (setupSlots[out] as number)) return NEVER;
		return (setupKrw[into] as number) + (setupKrw[out] as number) - (setupKrw[f * families + g] as number);
	}

	private familyAt(at: number): number {
		return this.instance.ops[this.taken[at] as number]?.family ?? 0;
	}

	/** Puts an operation where `best` or `krwOf` said that it fits. */
	place(op: Op, placement: Placement): void {
		const mode = op.modes[placement.mode] as Mode;
		const machine = this.instance.machines[mode.machine] as Machine;
		const { slots } = this.instance;
		const { pieces } = placement;
		this.placements[op.index] = placement;
		this.krw += lateKrwAt(op, pieces[pieces.length - 1] as number);
		const at = mode.machine * slots + (pieces[0] as number);
		if (machine.batch > 1) {
			const members = this.batches.get(at);
			if (members) {
				members.push(op.index);
				return;
			}
			this.batches.set(at, [op.index]);
		}
		this.fill(op, mode, machine, pieces, 1);
	}

	/** Takes an operation out. */
	remove(op: Op): void {
		const placement = this.placements[op.index];
		if (!placement) return;
		const mode = op.modes[placement.mode] as Mode;
		const machine = this.instance.machines[mode.machine] as Machine;
		const { slots } = this.instance;
		const { pieces } = placement;
		this.krw -= lateKrwAt(op, pieces[pieces.length - 1] as number);
		this.placements[op.index] = null;
		const at = mode.machine * slots + (pieces[0] as number);
		if (machine.batch > 1) {
			const left = (this.batches.get(at) ?? []).filter((member) => member !== op.index);
			if (left.length > 0) {
				this.batches.set(at, left);
				const base = mode.machine * slots;
				this.taken.fill(left[0] as number, base + Math.max(0, pieces[0] as number), base + (pieces[1] as number));
				return;
			}
			this.batches.delete(at);
		}
		this.fill(op, mode, machine, pieces, -1);
	}

	/** Books (sign 1) or frees (sign -1) the machine, the power, the energy and the setups of a run. */
	private fill(op: Op, mode: Mode, machine: Machine, pieces: readonly number[], sign: 1 | -1): void {
		const { slots, width, kwKrw } = this.instance;
		const base = mode.machine * slots;
		if (sign < 0) for (let p = 0; p < pieces.length; p += 2) this.mark(base, pieces, p, FREE);
		let done = 0;
		let raised = false;
		for (let p = 0; p < pieces.length; p += 2) {
			const [from, to] = [pieces[p] as number, pieces[p + 1] as number];
			// Taken out in the order they were put in, pieces see the same neighbours; setups before the horizon are past.
			if (sign > 0) {
				this.krw += this.settled(machine, mode.machine, op.family, from, to);
				if (machine.minRun > 1) this.short += this.shortBy(machine, mode.machine, from, to);
				this.mark(base, pieces, p, op.index);
			}
			for (let t = Math.max(0, from); t < to && t < slots; t++) {
				const kw = mode.kw[done + t - from] as number;
				const q = width === 1 ? t : Math.floor(t / width);
				this.planKw[q] = (this.planKw[q] as number) + sign * kw * this.share;
				this.krw += sign * kw * (kwKrw[t] as number);
				if (sign < 0) raised = this.atPeak(q, kw * this.share) || raised;
				else this.raise(q);
			}
			done += to - from;
		}
		if (sign > 0) return;
		if (raised) this.recount();
		for (let p = 0; p < pieces.length; p += 2) {
			const [from, to] = [pieces[p] as number, pieces[p + 1] as number];
			this.krw -= this.settled(machine, mode.machine, op.family, from, to);
			if (machine.minRun > 1) this.short -= this.shortBy(machine, mode.machine, from, to);
			this.mark(base, pieces, p, op.index);
		}
		for (let p = 0; p < pieces.length; p += 2) this.mark(base, pieces, p, FREE);
	}

	/** Setup cost of a block that is known to fit, or that is fixed, or that taking out others has left too close. */
	private settled(machine: Machine, m: number, family: number, from: number, to: number): number {
		return !machine.setupSlots || from < 0 ? 0 : this.setupKrw(machine, m, family, from, to, false);
	}

	private mark(base: number, pieces: readonly number[], p: number, value: number): void {
		this.taken.fill(value, base + Math.max(0, pieces[p] as number), base + Math.max(0, pieces[p + 1] as number));
	}

	private raise(q: number): void {
		const { charges, baseKw } = this.instance;
		const kw = (this.planKw[q] as number) + (baseKw[q] as number);
		for (let k = 0; k < charges.length; k++) {
			if (charges[k]?.counted[q] && kw > (this.peaks[k] as number)) this.peaks[k] = kw;
		}
	}

	/** Whether a window stood at a peak before it lost so much. */
	private atPeak(q: number, lost: number): boolean {
		const kw = (this.planKw[q] as number) + (this.instance.baseKw[q] as number) + lost;
		return this.peaks.some((peak) => kw >= peak - EPSILON);
	}

	private recount(): void {
		const { charges, baseKw, windows } = this.instance;
		charges.forEach((charge, k) => {
			let peak = charge.baseKw;
			for (let q = 0; q < windows; q++) {
				if (charge.counted[q]) peak = Math.max(peak, (this.planKw[q] as number) + (baseKw[q] as number));
			}
			this.peaks[k] = peak;
		});
	}

	/** Why a run does not start at t: what is in its way, or what it would add to the demand charge. */
	obstacle(
		op: Op,
		mode: Mode,
		t: number,
	): { kind: "order" | "busy" | "cap" | "setup" | "demand" | "none"; op?: number; krw?: number } {
		const { from, to, startBy, endFrom } = this.windowOf(op);
		const end = t + mode.length;
		if (t < from || t > startBy || end > to || end < endFrom) return { kind: "order" };
		const base = mode.machine * this.instance.slots;
		for (let u = t; u < t + mode.length; u++) {
			const other = this.taken[base + u] as number;
			if (other >= 0) return { kind: "busy", op: other };
		}
		if (this.overRoom(mode, t, 0, mode.length) >= 0) return { kind: "cap" };
		const machine = this.instance.machines[mode.machine] as Machine;
		if (this.betweenKrw(machine, mode.machine, op.family, t, end) === NEVER) return { kind: "setup" };
		const krw = this.peakKrw(mode, t, 0, mode.length);
		return krw > 0 ? { kind: "demand", krw } : { kind: "none" };
	}

	/** Whether a run could start at t as far as the machine's hours, what is placed and the cap decide; for models. */
	admits(op: Op, mode: Mode, t: number): boolean {
		if (mode.run[t] === NEVER) return false;
		const machine = this.instance.machines[mode.machine] as Machine;
		const base = mode.machine * this.instance.slots;
		for (let u = t; u < t + mode.length; u++) if (this.taken[base + u] !== FREE) return false;
		if (this.overRoom(mode, t, 0, mode.length) >= 0) return false;
		return machine.fragile || this.betweenKrw(machine, mode.machine, op.family, t, t + mode.length) < NEVER;
	}

	/** Whether a unit of an interruptible run could be worked on in an interval. */
	admitsUnit(mode: Mode, unit: number, t: number): boolean {
		const free = this.taken[mode.machine * this.instance.slots + t] === FREE;
		return free && this.overRoom(mode, t, unit, unit + 1) < 0;
	}

	/** Intervals of a machine that fixed operations hold, with their family; -1 where it is not held. */
	familyHeld(m: number, t: number): number {
		const at = m * this.instance.slots + t;
		return t >= 0 && t < this.instance.slots && (this.taken[at] as number) >= 0 ? this.familyAt(at) : -1;
	}

	/** Highest counted demand of a charge. */
	peakOf(charge: number): number {
		return this.peaks[charge] as number;
	}

	holds(op: Op, m: number, t: number): boolean {
		return this.taken[m * this.instance.slots + t] === op.index;
	}

	isTaken(m: number, t: number): boolean {
		return t >= 0 && t < this.instance.slots && (this.taken[m * this.instance.slots + t] as number) >= 0;
	}

	/** Operations on a machine that meet the intervals [from, to), setups and rests around them included. */
	inTheWay(m: number, from: number, to: number): number[] {
		const machine = this.instance.machines[m] as Machine;
		const reach = Math.max(machine.longestSetup, machine.minPause);
		const base = m * this.instance.slots;
		const found = new Set<number>();
		for (let t = Math.max(0, from - reach); t < Math.min(this.instance.slots, to + reach); t++) {
			const op = this.taken[base + t] as number;
			if (op >= 0) for (const member of this.membersOf(op)) found.add(member);
		}
		return [...found];
	}

	private membersOf(op: number): readonly number[] {
		const placement = this.placements[op];
		const mode = this.instance.ops[op]?.modes[placement?.mode ?? -1];
		const at = (mode?.machine ?? 0) * this.instance.slots + (placement?.pieces[0] ?? 0);
		return this.batches.get(at)?.includes(op) ? (this.batches.get(at) ?? [op]) : [op];
	}

	/** Whether every gap between neighbours is long enough; only what was taken out can have changed that. */
	sound(): boolean {
		const { machines, slots, families } = this.instance;
		return machines.every((machine, m) => {
			if (!machine.fragile) return true;
			let [last, lastEnd] = [-1, 0];
			for (let t = 0; t < slots; t++) {
				const op = this.taken[m * slots + t] as number;
				if (op < 0) continue;
				const gap = t - lastEnd;
				if (op !== last || gap > 0) {
					if (last >= 0 && gap > 0 && gap < machine.minPause) return false;
					const f = last >= 0 ? (this.instance.ops[last]?.family ?? 0) : machine.initialFamily;
					const g = this.instance.ops[op]?.family ?? 0;
					const past = last < 0 && (this.placements[op]?.pieces[0] ?? 0) < 0;
					if (!past && machine.setupSlots && gap < (machine.setupSlots[f * families + g] as number)) return false;
				}
				[last, lastEnd] = [op, t + 1];
			}
			return true;
		});
	}

	/** Placed operations that run in a demand window. */
	running(q: number): number[] {
		const { width, slots, machines } = this.instance;
		const found = new Set<number>();
		for (let m = 0; m < machines.length; m++) {
			for (let t = q * width; t < Math.min((q + 1) * width, slots); t++) {
				const op = this.taken[m * slots + t] as number;
				if (op >= 0) for (const member of this.membersOf(op)) found.add(member);
			}
		}
		return [...found];
	}
}
