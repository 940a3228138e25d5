import { type Instance, lateKrwAt, type Mode, type Op, type Placement } from "./instance.ts";
import type { Guide } from "./places.ts";
import type { Random } from "./random.ts";
import type { State } from "./state.ts";

/** Starts of an operation that count as good: so many of the best, and no more than this share of all. */
const NEAR = 40;
const NEAR_SHARE = 0.25;

interface Start {
	mode: number;
	t: number;
	krw: number;
}

/** Where the prices of a relaxation would have each operation, as if everything else were settled by them. */
export class Wishes {
	private readonly instance: Instance;
	private readonly guide: Guide;
	private readonly known = new Map<number, Start[]>();

	constructor(instance: Instance, guide: Guide) {
		this.instance = instance;
		this.guide = guide;
	}

	/** By how much a place is worse than the best one at these prices. */
	regretKrw(op: Op, { mode, pieces }: Placement): number {
		const least = this.near(op)[0]?.krw;
		return least === undefined || pieces.length > 2 ? 0 : this.krwAt(op, mode, pieces[0] as number) - least;
	}

	/** What stands in one of an operation's best places: on the machine, and in the power of one of its intervals. */
	inTheWay(op: Op, state: State, random: Random): number[] {
		const near = this.near(op);
		const wish = near[random.below(near.length)];
		const mode = op.modes[wish?.mode ?? -1];
		if (!wish || !mode) return [];
		const q = Math.floor((wish.t + random.below(mode.length)) / this.instance.width);
		return [...state.inTheWay(mode.machine, wish.t, wish.t + mode.length), ...state.running(q)];
	}

	private krwAt(op: Op, m: number, t: number): number {
		const mode = op.modes[m] as Mode;
		return (mode.run[t] as number) + lateKrwAt(op, t + mode.length) + (this.guide[op.index]?.[m]?.[t] ?? 0);
	}

	private near(op: Op): Start[] {
		const known = this.known.get(op.index);
		if (known) return known;
		const all: Start[] = [];
		op.modes.forEach(({ length }, mode) => {
			for (let t = op.earliest; t + length <= op.latestEnd; t++) {
				const krw = this.krwAt(op, mode, t);
				if (krw < Number.POSITIVE_INFINITY) all.push({ mode, t, krw });
			}
		});
		all.sort((a, b) => a.krw - b.krw);
		const near = all.slice(0, Math.max(1, Math.min(NEAR, Math.floor(all.length * NEAR_SHARE))));
		this.known.set(op.index, near);
		return near;
	}
}
