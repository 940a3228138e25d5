import { type Instance, lateKrwAt, type Machine, type Mode, type Op, type Placement } from "./instance.ts";
import { FREE, NEVER, type StartWindow, type State } from "./state.ts";

/** What a place takes from others at the prices of a relaxation, by operation, mode and start. */
export type Guide = readonly (readonly Float64Array[])[];

/** Where an operation fits into what a state holds, and what it costs there. */
export class Places {
	readonly state: State;
	private readonly instance: Instance;
	guide: Guide | null = null;
	/** How far to heed the guide: 0 not at all. */
	heed = 0;
	/** Of places that cost the same, whether the last one is taken instead of the first. */
	late = false;

	constructor(state: State) {
		this.state = state;
		this.instance = state.instance;
	}

	/**
	 * The cheapest place for an operation, or null where it fits nowhere.
	 * @param noise called for each place that fits; true passes it over
	 */
	best(op: Op, noise?: () => boolean): { placement: Placement; krw: number } | null {
		const window = this.state.windowOf(op);
		let [bestKrw, bestMode, bestStart] = [NEVER, -1, -1];
		let pieces: number[] | null = null;
		op.modes.forEach((mode, m) => {
			const found = this.bestStart(op, mode, window, bestKrw, noise);
			if (found.krw < bestKrw) {
				[bestKrw, bestMode, bestStart] = [found.krw, m, found.start];
				pieces = null;
			}
			if (!op.preemptible) return;
			const split = this.bestPieces(op, mode, window);
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
		window: StartWindow,
		limitKrw: number,
		noise: (() => boolean) | undefined,
	): { start: number; krw: number } {
		let bestKrw = limitKrw;
		const tie = this.late ? 1e-6 : 0;
		let bestAt = -1;
		const machine = this.instance.machines[mode.machine] as Machine;
		// Joining a batch, or a run that is too short yet, costs less than the run alone.
		const atLeastOwn = machine.batch === 1 && machine.minRun <= 1;
		const guide = this.heed > 0 ? this.guide?.[op.index]?.[op.modes.indexOf(mode)] : undefined;
		const last = Math.min(window.to - mode.length, window.startBy);
		for (let t = Math.max(window.from, window.endFrom - mode.length); t <= last; t++) {
			const own = mode.run[t] as number;
			const late = lateKrwAt(op, t + mode.length) + (guide ? this.heed * (guide[t] as number) : 0);
			// What a place costs at least is known at once; what it costs fully is looked at only where it may win.
			if (atLeastOwn && own + late >= bestKrw + tie) continue;
			const fit = this.fit(op, mode, t);
			if (fit.krw === NEVER) {
				t = Math.max(t, fit.next - 1);
				continue;
			}
			const krw = fit.krw + late + this.sinkKrw(op, t + mode.length);
			if (krw >= bestKrw + tie || noise?.()) continue;
			bestKrw = Math.min(krw, bestKrw);
			bestAt = t;
		}
		return bestAt < 0 ? { start: -1, krw: NEVER } : { start: bestAt, krw: bestKrw };
	}

	/** What an end adds to the lateness of a job that several operations end. */
	private sinkKrw(op: Op, end: number): number {
		const job = this.instance.jobs[op.job];
		if (!job || job.sinks.length === 0 || !job.sinks.includes(op.index)) return 0;
		let latest = job.due;
		for (const sink of job.sinks) if (sink !== op.index) latest = Math.max(latest, this.state.endOf(sink));
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
			const members = this.state.batches.get(base + t);
			if (members && this.joins(op, mode, members, machine.batch)) {
				answer.krw = 0;
				return answer;
			}
		}
		const end = t + mode.length;
		for (let u = end - 1; u >= t; u--) {
			if (this.state.taken[base + u] !== FREE) {
				// A batch further on may still be joined at its own start.
				answer.next = machine.batch > 1 ? t + 1 : u + 1;
				return answer;
			}
		}
		const over = this.state.overRoom(mode, t, 0, mode.length);
		if (over >= 0) {
			// Where not even its least power has room, no run across that interval has.
			if (machine.batch === 1 && this.state.isFull(mode.leastKw, over)) answer.next = over + 1;
			return answer;
		}
		const setup = this.state.betweenKrw(machine, mode.machine, op.family, t, end);
		if (setup === NEVER) return answer;
		answer.krw = own + setup + this.state.peakKrw(mode, t, 0, mode.length);
		return answer;
	}

	private joins(op: Op, mode: Mode, members: readonly number[], batch: number): boolean {
		const leader = this.instance.ops[members[0] ?? -1];
		if (!leader || leader.family !== op.family) return false;
		const same = leader.modes[this.state.placements[leader.index]?.mode ?? -1];
		let units = op.size;
		for (const member of members) units += this.instance.ops[member]?.size ?? 0;
		return same !== undefined && same.length === mode.length && units <= batch;
	}

	/** Cost of an interrupted run; infinite where one of its pieces does not fit. */
	private piecesKrw(op: Op, mode: Mode, pieces: readonly number[]): number {
		const machine = this.instance.machines[mode.machine] as Machine;
		const end = pieces[pieces.length - 1] as number;
		let krw = lateKrwAt(op, end) + this.sinkKrw(op, end);
		let done = 0;
		for (let p = 0; p < pieces.length; p += 2) {
			const [from, to] = [pieces[p] as number, pieces[p + 1] as number];
			if (this.state.overRoom(mode, from, done, done + to - from) >= 0) return NEVER;
			krw += this.state.betweenKrw(machine, mode.machine, op.family, from, to);
			krw += this.state.peakKrw(mode, from, done, done + to - from);
			for (let t = from; t < to; t++) krw += (mode.kw[done + t - from] ?? 0) * (this.instance.kwKrw[t] ?? 0);
			done += to - from;
		}
		// Pieces with setups or rests between them meet neighbours that are not there yet, this one's own among them.
		return machine.setupSlots || machine.minPause > 0 || machine.minRun > 1 ? this.tried(op, mode, pieces, krw) : krw;
	}

	/** The true cost of pieces whose setups depend on each other: placed one by one and taken out again. */
	private tried(op: Op, mode: Mode, pieces: readonly number[], estimate: number): number {
		const machine = this.instance.machines[mode.machine] as Machine;
		const base = mode.machine * this.instance.slots;
		let setups = 0;
		let first = 0;
		for (let p = 0; p < pieces.length && setups < NEVER; p += 2) {
			const [from, to] = [pieces[p] as number, pieces[p + 1] as number];
			first += this.state.betweenKrw(machine, mode.machine, op.family, from, to);
			setups += this.between(machine, mode.machine, op, pieces, p);
			this.state.taken.fill(op.index, base + from, base + to);
		}
		for (let p = 0; p < pieces.length; p += 2) {
			for (let t = pieces[p] as number; t < (pieces[p + 1] as number); t++) {
				if (this.state.taken[base + t] === op.index) this.state.taken[base + t] = FREE;
			}
		}
		return setups === NEVER || first === NEVER ? NEVER : estimate + setups - first;
	}

	private between(machine: Machine, m: number, op: Op, pieces: readonly number[], p: number): number {
		return this.state.betweenKrw(machine, m, op.family, pieces[p] as number, pieces[p + 1] as number);
	}

	/** The cheapest pieces by energy and lateness (dynamic programming over intervals and units done). */
	private bestPieces(op: Op, mode: Mode, { from, to, startBy, endFrom }: StartWindow): number[] | null {
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
			if (this.state.taken[base + t] !== FREE) continue;
			for (let k = 0; k < length; k++) {
				if (this.state.overRoom(mode, t, k, k + 1) >= 0) continue;
				const krw =
					(mode.kw[k] as number) * (instance.kwKrw[t] as number) + this.state.peakKrw(mode, t, k, k + 1) / length;
				const here = s * size + k * run;
				const begin = k > 0 ? (paused[k - 1] as number) : t <= startBy ? 0 : NEVER;
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
		return this.traced(op, cost, back, { from, span, size, last: (length - 1) * run + run - 1, endFrom });
	}

	private traced(
		op: Op,
		cost: Float64Array,
		back: Int32Array,
		{ from, span, size, last, endFrom }: { from: number; span: number; size: number; last: number; endFrom: number },
	): number[] | null {
		let [bestKrw, bestAt] = [NEVER, -1];
		for (let s = Math.max(0, endFrom - from - 1); s < span; s++) {
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

	/** Whether machine, cap and order have room for a placement, even if gaps beside it are still to be filled. */
	hasRoom(op: Op, { mode: m, pieces }: Placement): boolean {
		const mode = op.modes[m] as Mode;
		const { from, to, startBy, endFrom } = this.state.windowOf(op);
		const [start, end] = [pieces[0] as number, pieces[pieces.length - 1] as number];
		if (start < from || start > startBy || end > to || end < endFrom) return false;
		let done = 0;
		for (let p = 0; p < pieces.length; p += 2) {
			const [begin, stop] = [pieces[p] as number, pieces[p + 1] as number];
			if (this.state.overRoom(mode, begin, done, done + stop - begin) >= 0) return false;
			for (let t = begin; t < stop; t++) {
				if (this.state.taken[mode.machine * this.instance.slots + t] !== FREE) return false;
			}
			done += stop - begin;
		}
		return true;
	}

	/** Cost of one given placement as `best` counts it; infinite where it does not fit. */
	krwOf(op: Op, placement: Placement): number {
		const mode = op.modes[placement.mode] as Mode;
		const { from, to, startBy, endFrom } = this.state.windowOf(op);
		const [start, end] = [placement.pieces[0] as number, placement.pieces[placement.pieces.length - 1] as number];
		if (start < from || start > startBy || end > to || end < endFrom) return NEVER;
		if (placement.pieces.length > 2) {
			for (let p = 0; p < placement.pieces.length; p += 2) {
				for (let t = placement.pieces[p] as number; t < (placement.pieces[p + 1] as number); t++) {
					if (this.state.taken[mode.machine * this.instance.slots + t] !== FREE) return NEVER;
				}
			}
			return this.piecesKrw(op, mode, placement.pieces);
		}
		return this.fit(op, mode, start).krw + lateKrwAt(op, end) + this.sinkKrw(op, end);
	}
}
