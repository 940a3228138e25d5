import { type Instance, lateKrwAt, type Mode, type Op, type Placement } from "./instance.ts";
import { type Guide, Places } from "./places.ts";
import { Random } from "./random.ts";
import { State } from "./state.ts";
import { Wishes } from "./wishes.ts";

/** Placements of every operation, and what they cost. */
export interface Found {
	placements: (Placement | null)[];
	krw: number;
	/** Operations that found no place, and one more where a machine runs too briefly; a plan has none. */
	missing: number;
}

const placeable = (instance: Instance): Op[] => instance.order.map((index) => instance.ops[index] as Op);

const energy = (op: Op): number => {
	const mode = op.modes[0] as Mode;
	return mode.kw.reduce((sum, kw) => sum + kw, 0);
};
const shortest = (op: Op): number => Math.min(...op.modes.map((mode) => mode.length));

/** Orders in which a list is filled: those that are short of room first, or those that cost most. */
const keys: readonly ((op: Op) => number)[] = [
	(op) => op.latestEnd - op.earliest - shortest(op),
	(op) => -energy(op),
	(op) => op.latestEnd,
	(op) => op.due,
	(op) => -shortest(op),
];

/** Sorts by key, with everything behind what it waits for. */
function sorted(instance: Instance, key: (op: Op) => number): Op[] {
	const ops = placeable(instance);
	const value = new Map(ops.map((op) => [op.index, key(op)]));
	for (let k = ops.length - 1; k >= 0; k--) {
		const op = ops[k] as Op;
		for (const { op: to } of op.succs) {
			value.set(op.index, Math.min(value.get(op.index) ?? 0, value.get(to) ?? Number.POSITIVE_INFINITY));
		}
	}
	const rank = new Map(ops.map((op, k) => [op.index, k]));
	return ops.sort(
		(a, b) =>
			(value.get(a.index) ?? 0) - (value.get(b.index) ?? 0) || (rank.get(a.index) ?? 0) - (rank.get(b.index) ?? 0),
	);
}

/** List scheduling: each operation in turn where it costs least. */
export function listed(instance: Instance, key: (op: Op) => number): State {
	const state = new State(instance);
	const places = new Places(state);
	for (const op of sorted(instance, key)) {
		const best = places.best(op);
		if (best) state.place(op, best.placement);
	}
	return state;
}

/** Each operation as soon as possible, those due first first: what a plant does without a plan. */
export function asSoonAsPossible(instance: Instance): Found {
	const state = new State(instance);
	const places = new Places(state);
	for (const op of sorted(instance, (entry) => Math.min(entry.due, entry.latestEnd) - shortest(entry))) {
		const placement = soonest(places, op);
		if (placement) state.place(op, placement);
	}
	return found(state);
}

function soonest(places: Places, op: Op): Placement | null {
	const { from, to } = places.state.windowOf(op);
	let best: Placement | null = null;
	let end = to + 1;
	op.modes.forEach((mode, m) => {
		for (let t = from; t + mode.length < end; t++) {
			const placement = { mode: m, pieces: [t, t + mode.length] };
			if (places.krwOf(op, placement) === Number.POSITIVE_INFINITY) continue;
			best = placement;
			end = t + mode.length;
		}
	});
	return best ?? places.best(op)?.placement ?? null;
}

export const found = (state: State): Found => ({
	placements: [...state.placements],
	krw: state.cost,
	missing: state.instance.order.filter((op) => !state.placements[op]).length + Number(state.short > 0),
});

/** Cheaper by more than the rounding of sums: which of equal plans is kept must not hang on when it was looked at. */
export const cheaper = (krw: number, than: number): boolean => krw < than - 1e-9 * Math.max(1, Math.abs(than));

export const better = (a: Found, b: Found): boolean =>
	a.missing !== b.missing ? a.missing < b.missing : cheaper(a.krw, b.krw);

export interface SearchOptions {
	seed: number;
	/** Iterations of large-neighbourhood search. */
	iterations: number;
	/** Epoch-free clock of `performance.now()` at which to stop whatever is reached. */
	stopAtMs: number;
	stopped: () => boolean;
	onBetter?: (found: Found) => void;
	/** A plan as cheap as this is good enough. */
	goalKrw?: number;
	from?: Found;
	/** Prices of a relaxation: they look ahead where a greedy place would not, and tell what is misplaced. */
	guide?: Guide | null;
}

/** What an operation costs wherever it lies, energy and its own lateness; 0 where a batch or interruptions may be cheaper. */
function leastKrw({ machines }: Instance, op: Op): number {
	if (op.preemptible) return 0;
	let least = Number.POSITIVE_INFINITY;
	for (const { machine, length, run } of op.modes) {
		if ((machines[machine]?.batch ?? 1) > 1) return 0;
		for (let t = op.earliest; t + length <= op.latestEnd && t <= op.latestStart; t++) {
			least = Math.min(least, (run[t] as number) + lateKrwAt(op, t + length));
		}
	}
	return Number.isFinite(least) ? least : 0;
}

/** Warmth at the start, as a share of what an operation costs on average. */
const WARMTH = 0.1;
/** Share of steps that look at the prices of the guide, that begin with what it finds misplaced, that take late ties. */
const HEEDED = 0.4;
const WISHED = 0.3;
const LATE = 0.5;

/** List schedules in several orders; the best of them. */
export function constructed(instance: Instance, options: Pick<SearchOptions, "stopAtMs" | "stopped">): Found {
	let best: Found | undefined;
	for (const key of keys) {
		const next = found(listed(instance, key));
		if (!best || better(next, best)) best = next;
		if (options.stopped() || performance.now() > options.stopAtMs) break;
	}
	return best as Found;
}

/**
 * Large-neighbourhood search: a few related operations are taken out and put back where they cost least, and slightly
 * worse plans are kept while it is warm (Schrimpf et al. 2000; Christiaens and Vanden Berghe 2020). Operations without a
 * place are forced in where they displace what was displaced least often. The same seed gives the same plan as long as
 * the clock does not cut it short.
 */
export class Search {
	private readonly instance: Instance;
	private readonly options: SearchOptions;
	private readonly random: Random;
	private readonly ops: Op[];
	private readonly state: State;
	private readonly places: Places;
	private readonly absent: Float64Array;
	private best: Found;
	private krw: number;
	private missing: Set<number>;
	private readonly wishes: Wishes | null;
	/** What an operation costs at least, and whether none makes others cheaper: a step can be given up half way. */
	private readonly leastKrw: Float64Array;
	private readonly additive: boolean;

	constructor(instance: Instance, options: SearchOptions) {
		this.instance = instance;
		this.options = options;
		this.random = new Random(options.seed);
		this.ops = placeable(instance);
		this.leastKrw = Float64Array.from(instance.ops, (op) => leastKrw(instance, op));
		this.additive = instance.machines.every(({ setupKrw, minRun }) => minRun <= 1 && !setupKrw?.some((krw) => krw > 0));
		this.state = new State(instance);
		this.places = new Places(this.state);
		this.absent = new Float64Array(instance.ops.length).fill(1);
		const from = options.from ?? constructed(instance, options);
		for (const op of this.ops) {
			const placement = from.placements[op.index];
			if (placement) this.state.place(op, placement);
		}
		this.places.guide = options.guide ?? null;
		this.wishes = options.guide ? new Wishes(instance, options.guide) : null;
		this.missing = new Set(this.ops.filter((op) => !this.state.placements[op.index]).map((op) => op.index));
		this.krw = this.state.cost;
		this.best = found(this.state);
	}

	run(): Found {
		const { iterations, stopAtMs, stopped, goalKrw = Number.NEGATIVE_INFINITY } = this.options;
		const startedMs = performance.now();
		let done = 0;
		const scale = Math.abs(this.state.planKrw) / Math.max(1, this.ops.length);
		for (let k = 0; k < iterations && this.ops.length > 0; k++) {
			if (k % 16 === 0) {
				const nowMs = performance.now();
				if (nowMs > stopAtMs || stopped() || (this.best.missing === 0 && this.best.krw <= goalKrw)) break;
				// Where time will end it before its steps do, it cools with the time.
				done = k / iterations;
				const [spent, given] = [nowMs - startedMs, stopAtMs - startedMs];
				if (k >= 1024 && spent > done * given) done = spent / given;
			}
			if (this.missing.size > 0) {
				this.force();
				continue;
			}
			const heat = 1 - done;
			this.step(WARMTH * scale * heat * heat);
		}
		return this.best;
	}

	private step(temperature: number): void {
		const taken = this.chosen();
		const old = taken.map((op) => this.state.placements[op.index] ?? null);
		for (const op of taken) this.state.remove(op);
		this.shuffle(taken, old);
		const noise = () => this.random.unit() < 0.02;
		// The true cost decides in the end, whatever the prices say.
		this.places.heed = this.places.guide && this.random.unit() < HEEDED ? this.random.unit() : 0;
		// A plan is kept that costs less than this; what is still to be placed costs something, too.
		const limit = this.krw - temperature * Math.log(1 - this.random.unit() + 1e-12);
		let left = taken.reduce((sum, op) => sum + (this.leastKrw[op.index] as number), 0);
		let hopeful = true;
		for (const op of taken) {
			this.places.late = this.random.unit() < LATE;
			const best = this.places.best(op, noise);
			if (best) this.state.place(op, best.placement);
			left -= this.leastKrw[op.index] as number;
			hopeful = best !== null && (!this.additive || this.state.cost + left < limit + 1e-6 * Math.abs(limit));
			if (!hopeful) break;
		}
		const krw = hopeful ? this.state.cost : Number.POSITIVE_INFINITY;
		if (krw < limit && this.state.sound()) {
			this.krw = krw;
			this.keep();
			return;
		}
		for (const op of taken) this.state.remove(op);
		taken.forEach((op, k) => {
			const placement = old[k];
			if (placement) this.state.place(op, placement);
		});
	}

	private keep(): void {
		if (this.best.missing === 0 && !cheaper(this.krw, this.best.krw)) return;
		this.best = found(this.state);
		this.options.onBetter?.(this.best);
	}

	/** A handful of operations that have to do with each other. */
	private chosen(): Op[] {
		const { random } = this;
		const many = 2 + random.below(Math.min(9, Math.max(1, this.ops.length - 1)));
		const wished = this.wishes !== null && random.unit() < WISHED;
		const seed = wished ? this.misplaced() : (this.ops[random.below(this.ops.length)] as Op);
		const dice = random.unit();
		let pool: number[];
		if (wished) pool = this.wishes?.inTheWay(seed, this.state, random) ?? [];
		else if (dice < 0.35) pool = this.around(seed, many);
		else if (dice < 0.6) pool = this.state.running(this.busyWindow());
		else if (dice < 0.75) pool = [seed, ...this.relatives(seed)].map((op) => (typeof op === "number" ? op : op.index));
		else pool = Array.from({ length: many }, () => (this.ops[random.below(this.ops.length)] as Op).index);
		const picked = new Set<number>([seed.index]);
		while (picked.size < many && pool.length > 0) {
			const [op] = pool.splice(random.below(pool.length), 1);
			if (op !== undefined && !this.instance.ops[op]?.fixed) picked.add(op);
		}
		// What waits for another can hardly move while that stays: mostly they go together.
		for (const op of [...picked]) {
			const { preds, succs } = this.instance.ops[op] as Op;
			if (preds.length + succs.length === 0 || random.unit() < 0.3) continue;
			for (const link of [...preds, ...succs]) if (!this.instance.ops[link.op]?.fixed) picked.add(link.op);
		}
		return [...picked].map((op) => this.instance.ops[op] as Op);
	}

	/** Of a few operations the one that the prices would rather have elsewhere. */
	private misplaced(): Op {
		let [worst, most] = [this.ops[0] as Op, Number.NEGATIVE_INFINITY];
		for (let k = 0; k < 4; k++) {
			const op = this.ops[this.random.below(this.ops.length)] as Op;
			const placement = this.state.placements[op.index];
			const regret = placement ? (this.wishes?.regretKrw(op, placement) ?? 0) : 0;
			if (regret > most) [worst, most] = [op, regret];
		}
		return worst;
	}

	/** What lies beside an operation on its machine, or where it might go on another. */
	private around(op: Op, many: number): number[] {
		const placement = this.state.placements[op.index];
		const m = this.random.below(op.modes.length);
		const mode = op.modes[m] as Mode;
		const at = this.random.unit() < 0.5 ? (placement?.pieces[0] ?? 0) : this.startOf(op, mode);
		const reach = 1 + this.random.below(2 * many);
		return this.state.inTheWay(mode.machine, Math.max(0, at - reach), at + mode.length + reach);
	}

	private startOf(op: Op, mode: Mode): number {
		return op.earliest + this.random.below(Math.max(1, op.latestEnd - mode.length - op.earliest + 1));
	}

	private relatives(op: Op): number[] {
		const job = this.instance.jobs[op.job];
		return [...(job?.ops ?? []), ...op.preds.map((to) => to.op), ...op.succs.map((to) => to.op)];
	}

	/** A demand window that is high for its cap or its price: a peak is cut where it stands. */
	private busyWindow(): number {
		const { planKw, instance } = this.state;
		let [best, most] = [0, Number.NEGATIVE_INFINITY];
		for (let k = 0; k < 6; k++) {
			const q = this.random.below(instance.windows);
			const kw = (planKw[q] as number) + (instance.charges.length > 0 ? (instance.baseKw[q] as number) : 0);
			if (kw > most) [best, most] = [q, kw];
		}
		return best;
	}

	private shuffle(ops: Op[], old: (Placement | null)[]): void {
		const dice = this.random.unit();
		const key: (op: Op) => number =
			dice < 0.4
				? () => this.random.unit()
				: dice < 0.6
					? (op) => -energy(op)
					: dice < 0.8
						? (op) => op.latestEnd - op.earliest - shortest(op)
						: (op) => -shortest(op);
		const entries = ops.map((op, k) => ({ op, old: old[k] ?? null, key: key(op) })).sort((a, b) => a.key - b.key);
		entries.forEach((entry, k) => {
			ops[k] = entry.op;
			old[k] = entry.old;
		});
	}

	/** Places an operation that fits nowhere by taking out what was forced out least often. */
	private force(): void {
		const { random, state, places, absent } = this;
		const list = [...this.missing];
		const op = this.instance.ops[list[random.below(list.length)] as number] as Op;
		let best = places.best(op)?.placement ?? null;
		if (!best) {
			absent[op.index] = (absent[op.index] as number) + 1;
			let least = Number.POSITIVE_INFINITY;
			let out: number[] = [];
			for (let k = 0; k < 24; k++) {
				const m = random.below(op.modes.length);
				const mode = op.modes[m] as Mode;
				const at = this.startOf(op, mode);
				if (at + mode.length > op.latestEnd || mode.run[at] === Number.POSITIVE_INFINITY) continue;
				const blocking = this.blocking(op, mode, at);
				const weight = blocking.reduce((sum, other) => sum + (absent[other] as number), random.unit() * 0.5);
				if (weight < least) [least, out, best] = [weight, blocking, { mode: m, pieces: [at, at + mode.length] }];
			}
			if (!best) return;
			for (const other of out) {
				state.remove(this.instance.ops[other] as Op);
				this.missing.add(other);
			}
			// What blocked it may not have been all: power that several share, a setup further off.
			if (places.krwOf(op, best) === Number.POSITIVE_INFINITY) best = places.best(op)?.placement ?? null;
		}
		if (best) {
			state.place(op, best);
			this.missing.delete(op.index);
		}
		for (const other of [...this.missing].sort(() => random.unit() - 0.5)) {
			const back = this.instance.ops[other] as Op;
			const place = places.best(back);
			if (!place) continue;
			state.place(back, place.placement);
			this.missing.delete(other);
		}
		if (this.missing.size < this.best.missing && state.sound()) {
			this.best = found(state);
			if (this.best.missing === 0) this.options.onBetter?.(this.best);
		}
		this.krw = state.cost;
	}

	private blocking(op: Op, mode: Mode, at: number): number[] {
		const { state, instance } = this;
		const end = at + mode.length;
		const out = new Set(state.inTheWay(mode.machine, at, end));
		for (const { op: before, lag, maxLag } of op.preds) {
			const ended = state.endOf(before);
			if (ended + lag > at || at > ended + maxLag) out.add(before);
		}
		for (const { op: after, lag, maxLag } of op.succs) {
			const start = state.placements[after]?.pieces[0];
			if (start !== undefined && (start - lag < end || start > end + maxLag)) out.add(after);
		}
		for (let t = at; t < end; t++) {
			const q = Math.floor(t / instance.width);
			let over = (state.planKw[q] as number) + (mode.kw[t - at] as number) - (instance.roomKw[q] as number);
			if (!(over > 0)) continue;
			const running = state.running(q);
			for (const other of running) if (out.has(other)) over -= this.kwAt(other, t);
			const left = running.filter((other) => !out.has(other));
			left.sort((a, b) => (this.absent[a] as number) - (this.absent[b] as number));
			for (const other of left) {
				if (over <= 0) break;
				out.add(other);
				over -= this.kwAt(other, t);
			}
		}
		return [...out].filter((other) => !instance.ops[other]?.fixed && other !== op.index);
	}

	private kwAt(op: number, t: number): number {
		const placement = this.state.placements[op];
		const mode = this.instance.ops[op]?.modes[placement?.mode ?? 0];
		return mode?.kw[t - (placement?.pieces[0] ?? 0)] ?? mode?.kw[0] ?? 0;
	}
}

/** Among places of equal cost: fewer starts of machines, then an earlier end. Never dearer. */
export function polished(instance: Instance, from: Found): Found {
	const state = new State(instance);
	for (const op of placeable(instance)) {
		const placement = from.placements[op.index];
		if (placement) state.place(op, placement);
	}
	const ops = placeable(instance).sort((a, b) => state.endOf(a.index) - state.endOf(b.index));
	const places = new Places(state);
	for (let pass = 0; pass < 2; pass++) for (const op of ops) settle(places, op, 1e-9 * Math.abs(from.krw));
	const after = found(state);
	return state.sound() && after.krw <= from.krw * (1 + 1e-9) + 1e-9 && after.missing === from.missing ? after : from;
}

function settle(places: Places, op: Op, slackKrw: number): void {
	const { state } = places;
	const old = state.placements[op.index];
	if (!old || old.pieces.length > 2) return;
	state.remove(op);
	const { from, to } = state.windowOf(op);
	const limit = places.krwOf(op, old) + slackKrw / state.instance.ops.length;
	const touches = (m: number, start: number, end: number) =>
		Number(state.isTaken(m, start - 1)) + Number(state.isTaken(m, end));
	let best = old;
	let mode = op.modes[old.mode] as Mode;
	let most = touches(mode.machine, old.pieces[0] as number, old.pieces[1] as number);
	for (let m = 0; m < op.modes.length; m++) {
		mode = op.modes[m] as Mode;
		for (let t = from; t + mode.length <= to; t++) {
			if ((mode.run[t] as number) > limit && (state.instance.machines[mode.machine]?.batch ?? 1) === 1) continue;
			const side = touches(mode.machine, t, t + mode.length);
			const sooner = t + mode.length < (best.pieces[1] as number);
			if (side < most || (side === most && !sooner)) continue;
			const placement = { mode: m, pieces: [t, t + mode.length] };
			if (places.krwOf(op, placement) > limit) continue;
			[best, most] = [placement, side];
		}
	}
	state.place(op, best);
}
