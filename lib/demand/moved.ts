import type { Movable, PeakBudget } from "./budget.ts";
import { type Chooser, chooseLoads } from "./choose.ts";

const MINUTE_MS = 60_000;

/** What demand control took off the schedule, until the readings show it. */
export class Moved {
	private readonly budget: PeakBudget;
	private readonly responseMs: number;
	private recent: { kw: number; atMs: number }[] = [];

	constructor(budget: PeakBudget, responseS: number) {
		this.budget = budget;
		this.responseMs = responseS * 1000;
	}

	/** Takes as much off the schedule as is needed, as far as the plan can move it. @returns what was taken */
	move(needKw: number, chooser: Chooser, nowMs: number): Movable[] {
		const movable = this.budget.movable(nowMs);
		if (movable.length === 0) return [];
		const candidates = movable.map(({ machine, kw }) => ({ machine, priority: 0, optionsKw: [kw] }));
		const picked = new Set(chooseLoads(candidates, needKw, chooser).map(({ machine }) => machine));
		const taken = movable.filter(({ machine }) => picked.has(machine));
		for (const each of taken) {
			this.recent.push({ kw: each.kw, atMs: nowMs });
			this.budget.move(each, nowMs);
		}
		return taken;
	}

	/** The clock was put back. */
	setBack(byMs: number): void {
		this.recent = this.recent.map(({ kw, atMs }) => ({ kw, atMs: atMs - byMs }));
	}

	/** What the mean of the last minute does not show yet, kW. */
	pendingKw(nowMs: number): number {
		if (this.recent.length === 0) return 0;
		const half = this.responseMs / 2;
		this.recent = this.recent.filter(({ atMs }) => nowMs - atMs < half + MINUTE_MS);
		return this.recent.reduce((sum, { kw, atMs }) => {
			const shown = Math.min(1, Math.max(0, (nowMs - atMs - half) / MINUTE_MS));
			return sum + kw * (1 - shown);
		}, 0);
	}
}
