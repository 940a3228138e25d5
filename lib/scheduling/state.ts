import { chargeKrw, type Instance, lateKrwAt, type Machine, type Mode, type Op, type Placement } from "./instance.ts";

export type Guide = readonly (readonly Float64Array[])[];

const FREE = -1;
const CLOSED = -2;
const EPSILON = 1e-7;
const NEVER = Number.POSITIVE_INFINITY;

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
	private readonly taken: Int32Array;
	/** Members of each batch, by machine × slots + start. */
	private readonly batches = new Map<number, number[]>();
	private readonly peaks: Float64Array;
	private readonly share: number;
	/** Energy, carbon, lateness and setups of what is placed. */
	private krw = 0;
	/** What a place takes from others at the prices of a relaxation, by operation, mode and start; and how far to heed it. */
	guide: Guide | null = null;
	heed = 0;

	constructor(instance: Instance) {
		this.instance = instance;
		const { slots, machines, windows } = instance;
		this.placements = instance.ops.map(() => null);
		this.planKw = new Float64Array(windows);
		this.share = 1 / instance.width;
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

	/** Cost of what is placed, demand charge over that of the base load included. */
	get cost(): number {
		let krw = this.krw;
		this.instance.charges.forEach((charge, k) => {
			krw += chargeKrw(charge, this.peaks[k] ?? 0) - chargeKrw(charge, charge.baseKw);
		});
		for (const job of this.instance.jobs) {
			if (job.sinks.length > 0) krw += this.sinksKrw(job.sinks, job.due, job.lateKrw);
		}
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

	/** The intervals that what is placed before and after an operation leaves it: may start from, must end by. */
	windowOf(op: Op): { from: number; to: number } {
		let from = op.earliest;
		let to = op.latestEnd;
		for (const { op: before, lag } of op.preds) from = Math.max(from, this.endOf(before) + lag);
		for (const { op: after, lag } of op.succs) {
			const start = this.placements[after]?.pieces[0];
			if (start !== undefined) to = Math.min(to, start - lag);
		}
		return { from, to };
	}

	/**
	 * The cheapest place for an operation, or null where it fits nowhere.
	 * @param noise called for each place that fits; true passes it over
	 */
	best(op: Op, noise?: () => boolean): { placement: Placement; krw: number } | null {
		const { from, to } = this.windowOf(op);
		let [bestKrw, bestMode, bestStart] = [NEVER, -1, -1];
		let pieces: number[] | null = null;
		op.modes.forEach((mode, m) => {
			const found = this.bestStart(op, mode, from, to, bestKrw, noise);
			if (found.krw < bestKrw) {
				[bestKrw, bestMode, bestStart] = [found.krw, m, found.start];
				pieces = null;
			}
			if (!op.preemptible) return;
			const split = this.bestPieces(op, mode, from, to);
			if (!split || noise?.()) return;
			const krw = this.piecesKrw(op, mode, split);
			if (krw >= bestKrw) return;
			[bestKrw, bestMode, pieces] = [krw, m, split];
		});
		const mode = op.modes[bestMode];
		if (!mode) return null;
		return { placement: { mode: bestMode, pieces: pieces ?? [bestStart, bestStart + mode.length] }, krw: bestKrw };
	}

	private bestStart(
		op: Op,
		mode: Mode,
		from: number,
		to: number,
		limitKrw: number,
		noise: (() => boolean) | undefined,
	): { start: number; krw: number } {
		let bestKrw = limitKrw;
		let bestAt = -1;
		const batch = (this.instance.machines[mode.machine]?.batch ?? 1) > 1;
		const guide = this.heed > 0 ? this.guide?.[op.index]?.[op.modes.indexOf(mode)] : undefined;
		for (let t = from; t + mode.length <= to; t++) {
			const own = mode.run[t] as number;
			const late = lateKrwAt(op, t + mode.length) + (guide ? this.heed * (guide[t] as number) : 0);
			// What a place costs at least is known at once; what it costs fully is looked at only where it may win.
			if (!batch && own + late >= bestKrw) continue;
			const fit = this.fit(op, mode, t);
			if (fit.krw === NEVER) {
				t = Math.max(t, fit.next - 1);
				continue;
			}
			const krw = fit.krw + late + this.sinkKrw(op, t + mode.length);
			if (krw >= bestKrw || noise?.()) continue;
			bestKrw = krw;
			bestAt = t;
		}
		return bestAt < 0 ? { start: -1, krw: NEVER } : { start: bestAt, krw: bestKrw };
	}

	/** What an end adds to the lateness of a job that several operations end. */
	private sinkKrw(op: Op, end: number): number {
		const job = this.instance.jobs[op.job];
		if (!job || job.sinks.length === 0 || !job.sinks.includes(op.index)) return 0;
		let latest = job.due;
		for (const sink of job.sinks) if (sink !== op.index) latest = Math.max(latest, this.endOf(sink));
		return Math.max(0, end - latest) * job.lateKrw;
	}

	private readonly answer = { krw: 0, next: 0 };

	/** Cost of a whole run at t without lateness, infinite where it does not fit; `next`: the next start worth a look. */
	private fit(op: Op, mode: Mode, t: number): { krw: number; next: number } {
		const { answer, instance } = this;
		answer.krw = NEVER;
		answer.next = t + 1;
		const machine = instance.machines[mode.machine] as Machine;
		const own = mode.run[t] as number;
		if (own === NEVER) return answer;
		const base = mode.machine * instance.slots;
		if (machine.batch > 1 && op.family > 0) {
			const members = this.batches.get(base + t);
			if (members && this.joins(op, mode, members, machine.batch)) {
				answer.krw = 0;
				return answer;
			}
		}
		const end = t + mode.length;
		for (let u = end - 1; u >= t; u--) {
			if (this.taken[base + u] !== FREE) {
				// A batch further on may still be joined at its own start.
				answer.next = machine.batch > 1 ? t + 1 : u + 1;
				return answer;
			}
		}
		const over = this.overRoom(mode, t, 0, mode.length);
		if (over >= 0) {
			if (mode.flat && instance.width === 1 && machine.batch === 1) answer.next = over + 1;
			return answer;
		}
		const setup = this.betweenKrw(machine, mode.machine, op.family, t, end);
		if (setup === NEVER) return answer;
		answer.krw = own + setup + this.peakKrw(mode, t, 0, mode.length);
		return answer;
	}

	private joins(op: Op, mode: Mode, members: readonly number[], batch: number): boolean {
		const leader = this.instance.ops[members[0] ?? -1];
		if (!leader || leader.family !== op.family) return false;
		const same = leader.modes[this.placements[leader.index]?.mode ?? -1];
		let units = op.size;
		for (const member of members) units += this.instance.ops[member]?.size ?? 0;
		return same !== undefined && same.length === mode.length && units <= batch;
	}

	/** First interval in which a run of the mode's intervals [from, to) at t goes over the cap, or -1. */
	private overRoom(mode: Mode, t: number, from: number, to: number): number {
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

	/** What a run adds to the demand charges. */
	private peakKrw(mode: Mode, t: number, from: number, to: number): number {
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
	private betweenKrw(machine: Machine, m: number, family: number, from: number, to: number): number {
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
		if (before >= 0 && gapBefore > 0 && gapBefore < minPause) return NEVER;
		if (after < slots && gapAfter > 0 && gapAfter < minPause) return NEVER;
		if (!setupSlots || !setupKrw) return 0;
		const f = before >= 0 ? this.familyAt(base + before) : machine.initialFamily;
		const into = f * families + family;
		if (gapBefore < (setupSlots[into] as number)) return NEVER;
		if (after >= slots) return setupKrw[into] as number;
		const g = this.familyAt(base + after);
		const out = family * families + g;
		if (gapAfter < (setupSlots[out] as number)) return NEVER;
		return (setupKrw[into] as number) + (setupKrw[out] as number) - (setupKrw[f * families + g] as number);
	}

	private familyAt(at: number): number {
		return this.instance.ops[this.taken[at] as number]?.family ?? 0;
	}

	/** Cost of an interrupted run; infinite where one of its pieces does not fit. */
	private piecesKrw(op: Op, mode: Mode, pieces: readonly number[]): number {
		const machine = this.instance.machines[mode.machine] as Machine;
		const end = pieces[pieces.length - 1] as number;
		let krw = lateKrwAt(op, end) + this.sinkKrw(op, end);
		let done = 0;
		for (let p = 0; p < pieces.length; p += 2) {
			const [from, to] = [pieces[p] as number, pieces[p + 1] as number];
			if (this.overRoom(mode, from, done, done + to - from) >= 0) return NEVER;
			krw += this.betweenKrw(machine, mode.machine, op.family, from, to);
			krw += this.peakKrw(mode, from, done, done + to - from);
			for (let t = from; t < to; t++) krw += (mode.kw[done + t - from] ?? 0) * (this.instance.kwKrw[t] ?? 0);
			done += to - from;
		}
		// Pieces with setups or rests between them meet neighbours that are not there yet, this one's own among them.
		return machine.setupSlots || machine.minPause > 0 ? this.tried(op, mode, pieces, krw) : krw;
	}

	/** The true cost of pieces whose setups depend on each other: placed one by one and taken out again. */
	private tried(op: Op, mode: Mode, pieces: readonly number[], estimate: number): number {
		const machine = this.instance.machines[mode.machine] as Machine;
		const base = mode.machine * this.instance.slots;
		let setups = 0;
		let first = 0;
		for (let p = 0; p < pieces.length && setups < NEVER; p += 2) {
			const [from, to] = [pieces[p] as number, pieces[p + 1] as number];
			first += this.betweenKrw(machine, mode.machine, op.family, from, to);
			setups += this.between(machine, mode.machine, op, pieces, p);
			this.taken.fill(op.index, base + from, base + to);
		}
		for (let p = 0; p < pieces.length; p += 2) {
			for (let t = pieces[p] as number; t < (pieces[p + 1] as number); t++) {
				if (this.taken[base + t] === op.index) this.taken[base + t] = FREE;
			}
		}
		return setups === NEVER || first === NEVER ? NEVER : estimate + setups - first;
	}

	private between(machine: Machine, m: number, op: Op, pieces: readonly number[], p: number): number {
		return this.betweenKrw(machine, m, op.family, pieces[p] as number, pieces[p + 1] as number);
	}

	/** The cheapest pieces by energy and lateness (dynamic programming over intervals and units done). */
	private bestPieces(op: Op, mode: Mode, from: number, to: number): number[] | null {
		const { instance } = this;
		const { length } = mode;
		const span = to - from;
		if (span <= length || length < 2) return null;
		const base = mode.machine * instance.slots;
		const run = Math.min(op.minRun, length);
		// Cost of having done k units where the last one ran in the interval, r of them in a row (run: that many or more).
		const size = length * run;
		const cost = new Float64Array(span * size).fill(NEVER);
		const back = new Int32Array(span * size).fill(-1);
		const paused = new Float64Array(length).fill(NEVER);
		const pausedAt = new Int32Array(length).fill(-1);
		for (let s = 0; s < span; s++) {
			const t = from + s;
			const rested = s - 1 - op.minPause;
			if (rested >= 0) {
				for (let k = 0; k < length; k++) {
					const krw = cost[rested * size + k * run + run - 1] as number;
					if (krw < (paused[k] as number)) [paused[k], pausedAt[k]] = [krw, rested];
				}
			}
			if (this.taken[base + t] !== FREE) continue;
			for (let k = 0; k < length; k++) {
				if (this.overRoom(mode, t, k, k + 1) >= 0) continue;
				const krw = (mode.kw[k] as number) * (instance.kwKrw[t] as number) + this.peakKrw(mode, t, k, k + 1) / length;
				const here = s * size + k * run;
				const begin = k === 0 ? 0 : (paused[k - 1] as number);
				if (begin < NEVER) {
					cost[here] = begin + krw;
					back[here] = k === 0 ? -1 : (pausedAt[k - 1] as number) * size + (k - 1) * run + run - 1;
				}
				if (k === 0 || s === 0) continue;
				for (let r = 0; r < run; r++) {
					const before = (s - 1) * size + (k - 1) * run + r;
					const now = here + Math.min(r + 1, run - 1);
					if ((cost[before] as number) + krw >= (cost[now] as number)) continue;
					cost[now] = (cost[before] as number) + krw;
					back[now] = before;
				}
			}
		}
		return this.traced(op, cost, back, { from, span, size, last: (length - 1) * run + run - 1 });
	}

	private traced(
		op: Op,
		cost: Float64Array,
		back: Int32Array,
		{ from, span, size, last }: { from: number; span: number; size: number; last: number },
	): number[] | null {
		let [bestKrw, bestAt] = [NEVER, -1];
		for (let s = 0; s < span; s++) {
			const krw = (cost[s * size + last] as number) + lateKrwAt(op, from + s + 1) + this.sinkKrw(op, from + s + 1);
			if (krw < bestKrw) [bestKrw, bestAt] = [krw, s * size + last];
		}
		if (bestAt < 0) return null;
		const pieces: number[] = [];
		for (let at = bestAt; at >= 0; at = back[at] as number) {
			const t = from + Math.floor(at / size);
			if (pieces[0] === t + 1) pieces[0] = t;
			else pieces.unshift(t, t + 1);
		}
		return pieces;
	}

	/** Cost of one given placement as `best` counts it; infinite where it does not fit. */
	krwOf(op: Op, placement: Placement): number {
		const mode = op.modes[placement.mode] as Mode;
		const { from, to } = this.windowOf(op);
		const [start, end] = [placement.pieces[0] as number, placement.pieces[placement.pieces.length - 1] as number];
		if (start < from || end > to) return NEVER;
		if (placement.pieces.length > 2) {
			for (let p = 0; p < placement.pieces.length; p += 2) {
				for (let t = placement.pieces[p] as number; t < (placement.pieces[p + 1] as number); t++) {
					if (this.taken[mode.machine * this.instance.slots + t] !== FREE) return NEVER;
				}
			}
			return this.piecesKrw(op, mode, placement.pieces);
		}
		return this.fit(op, mode, start).krw + lateKrwAt(op, end) + this.sinkKrw(op, end);
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
				if (from >= 0) this.krw += this.settled(machine, mode.machine, op.family, from, to);
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
			if (from >= 0) this.krw -= this.settled(machine, mode.machine, op.family, from, to);
			this.mark(base, pieces, p, op.index);
		}
		for (let p = 0; p < pieces.length; p += 2) this.mark(base, pieces, p, FREE);
	}

	/** Setup cost of a block that is known to fit (or is fixed and must be taken as it is). */
	private settled(machine: Machine, m: number, family: number, from: number, to: number): number {
		if (!machine.setupSlots) return 0;
		const krw = this.betweenKrw(machine, m, family, from, to);
		return krw === NEVER ? 0 : krw;
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
		const { from, to } = this.windowOf(op);
		if (t < from || t + mode.length > to) return { kind: "order" };
		const base = mode.machine * this.instance.slots;
		for (let u = t; u < t + mode.length; u++) {
			const other = this.taken[base + u] as number;
			if (other >= 0) return { kind: "busy", op: other };
		}
		if (this.overRoom(mode, t, 0, mode.length) >= 0) return { kind: "cap" };
		const machine = this.instance.machines[mode.machine] as Machine;
		if (this.betweenKrw(machine, mode.machine, op.family, t, t + mode.length) === NEVER) return { kind: "setup" };
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
