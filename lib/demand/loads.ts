import type { Candidate } from "./choose.ts";
import type { Load } from "./types.ts";

const MINUTE_MS = 60_000;
/** Below this share of its power a machine counts as standing. */
const STANDING = 0.05;
/** A power older than this no longer says what a machine draws now. */
const FRESH_MS = 120_000;
/** Half of it gone: the machine follows its command. */
const FOLLOWED = 0.5;

/** What is known of one load; plain numbers, −1 for "never", so that it travels through JSON as it is. */
interface LoadState {
	machine: string;
	/** What it was told to save, kW; 0 while it is free. */
	shedKw: number;
	/** When it was last told something, or was seen to start; −1: never. */
	sinceMs: number;
	/** What the command in force changed, kW: positive saves, negative returns. */
	changeKw: number;
	/** When the change took effect, as seen or assumed; −1: not yet. */
	effectMs: number;
	/** Power before it was told to save, kW; −1: unknown. */
	beforeKw: number;
	/** 1 after it was found not to follow. */
	ignores: number;
	drawKw: number;
	drawMs: number;
}

export type LoadsSnapshot = LoadState[];

/** The loads that may be shed: what they draw, what they were told, and whether they followed. */
export class Loads {
	readonly loads: readonly Load[];
	/** Most protected first: the order of their return. */
	readonly returning: readonly number[];
	private readonly index = new Map<string, number>();
	private readonly states: LoadState[];
	private readonly responseMs: number;
	private readonly advice: boolean;

	/** @param advice commands are only advice: they take effect when a machine is seen to follow, never by assumption */
	constructor(loads: readonly Load[], responseS: number, advice: boolean) {
		this.loads = loads;
		this.responseMs = responseS * 1000;
		this.advice = advice;
		this.states = loads.map(({ machine }) => ({
			machine,
			shedKw: 0,
			sinceMs: -1,
			changeKw: 0,
			effectMs: -1,
			beforeKw: -1,
			ignores: 0,
			drawKw: -1,
			drawMs: -1,
		}));
		this.returning = loads
			.map((_, i) => i)
			.sort((a, b) => (loads[b] as Load).priority - (loads[a] as Load).priority || a - b);
		loads.forEach(({ machine }, i) => {
			this.index.set(machine, i);
		});
	}

	has(machine: string): boolean {
		return this.index.has(machine);
	}

	state(i: number): Readonly<LoadState> {
		return this.states[i] as LoadState;
	}

	/** A reading of the machine: what it draws, whether it started by itself, whether it followed. */
	take(machine: string, timeMs: number, powerKw: number): void {
		const i = this.index.get(machine);
		if (i === undefined) return;
		const state = this.states[i] as LoadState;
		if (timeMs < state.drawMs) return;
		const standing = STANDING * (this.loads[i] as Load).kw;
		const started = state.drawKw >= 0 && state.drawKw <= standing && powerKw > standing;
		if (started && state.shedKw === 0) state.sinceMs = Math.max(state.sinceMs, timeMs);
		state.drawKw = Math.max(0, powerKw);
		state.drawMs = timeMs;
		if (state.shedKw > 0 && state.effectMs < 0 && state.beforeKw - powerKw >= FOLLOWED * state.changeKw) {
			state.effectMs = timeMs;
			state.ignores = 0;
		}
	}

	private drawOf(i: number, nowMs: number): number {
		const state = this.states[i] as LoadState;
		return state.drawMs >= 0 && nowMs - state.drawMs <= FRESH_MS ? state.drawKw : -1;
	}

	/** Whether the minimum time of what it does now is over. */
	private free(i: number, nowMs: number): boolean {
		const { sinceMs, shedKw } = this.states[i] as LoadState;
		const { minOnS, minOffS } = this.loads[i] as Load;
		return sinceMs < 0 || nowMs - sinceMs >= (shedKw > 0 ? minOffS : minOnS) * 1000;
	}

	/** What could be saved now, machine by machine. */
	candidates(nowMs: number): Candidate[] {
		const candidates: Candidate[] = [];
		for (const [i, load] of this.loads.entries()) {
			const state = this.states[i] as LoadState;
			if (state.ignores || !this.free(i, nowMs)) continue;
			const draw = this.drawOf(i, nowMs);
			const whole = state.shedKw > 0 && state.beforeKw >= 0 ? state.beforeKw : draw >= 0 ? draw : load.kw;
			if (whole <= STANDING * load.kw) continue;
			const levels = load.stepsKw ? load.stepsKw.filter((kw) => kw < whole) : [];
			// The last step stops the machine where it has no steps, or where a step is all that it draws.
			if (!load.stepsKw || load.stepsKw.some((kw) => kw >= whole)) levels.push(whole);
			const optionsKw = levels.map((kw) => kw - state.shedKw).filter((kw) => kw > 0);
			if (optionsKw.length > 0) candidates.push({ machine: load.machine, priority: load.priority, optionsKw });
		}
		return candidates;
	}

	/**
	 * Sheds `savesKw` more.
	 *
	 * @returns what the machine may still draw, kW; 0 is a stop
	 */
	shed(machine: string, savesKw: number, nowMs: number): number {
		const i = this.index.get(machine) as number;
		const state = this.states[i] as LoadState;
		const draw = this.drawOf(i, nowMs);
		const first = state.shedKw === 0;
		if (first) state.beforeKw = draw >= 0 ? draw : (this.loads[i] as Load).kw;
		state.shedKw += savesKw;
		this.told(state, savesKw, nowMs, draw >= 0);
		const left = state.beforeKw - state.shedKw;
		return left > 1e-6 ? left : 0;
	}

	/** Lets a machine go; answers what returns, kW. */
	release(i: number, nowMs: number): number {
		const state = this.states[i] as LoadState;
		const back = state.shedKw;
		state.shedKw = 0;
		// What never followed has nothing to return.
		this.told(state, state.ignores ? 0 : -back, nowMs, false);
		state.ignores = 0;
		return back;
	}

	private told(state: LoadState, changeKw: number, nowMs: number, measured: boolean): void {
		state.sinceMs = nowMs;
		state.changeKw = changeKw;
		// Where nobody sees the machine follow, it is taken to do so halfway through its time to respond.
		state.effectMs = measured || this.advice ? -1 : nowMs + this.responseMs / 2;
		if (this.advice && changeKw < 0) state.changeKw = 0;
	}

	mayReturn(i: number, nowMs: number): boolean {
		return (this.states[i] as LoadState).shedKw > 0 && this.free(i, nowMs);
	}

	/** What the mean of the last minute does not show yet of the commands given, kW: to be taken off it. */
	pendingKw(nowMs: number): number {
		let pending = 0;
		for (const { changeKw, effectMs, ignores } of this.states) {
			if (changeKw === 0 || ignores) continue;
			const shown = effectMs < 0 ? 0 : Math.min(1, Math.max(0, (nowMs - effectMs) / MINUTE_MS));
			pending += changeKw * (1 - shown);
		}
		return pending;
	}

	/** Machines that by now should have followed and did not; each is named once. */
	ignoring(nowMs: number): string[] {
		if (this.advice) return [];
		const found: string[] = [];
		for (const state of this.states) {
			const late = state.shedKw > 0 && state.effectMs < 0 && nowMs - state.sinceMs > this.responseMs;
			if (!late || state.ignores) continue;
			if (state.drawMs > state.sinceMs) {
				state.ignores = 1;
				found.push(state.machine);
				// Its readings stopped: nothing says that it did not follow.
			} else state.effectMs = state.sinceMs + this.responseMs / 2;
		}
		return found;
	}

	/** What is shed now, kW. */
	shedKw(): number {
		let sum = 0;
		for (const { shedKw, ignores } of this.states) if (!ignores) sum += shedKw;
		return sum;
	}

	anyShed(): boolean {
		for (const { shedKw } of this.states) if (shedKw > 0) return true;
		return false;
	}

	/** Whether a return of the last minute is still on its way into the mean. */
	returningNow(nowMs: number): boolean {
		for (const { shedKw, changeKw, sinceMs } of this.states) {
			if (shedKw === 0 && changeKw < 0 && nowMs - sinceMs < MINUTE_MS) return true;
		}
		return false;
	}

	/** The clock was put back: what happened moves with it. */
	setBack(byMs: number): void {
		for (const state of this.states) {
			for (const time of ["sinceMs", "effectMs", "drawMs"] as const) if (state[time] >= 0) state[time] -= byMs;
		}
	}

	snapshot(): LoadsSnapshot {
		return this.states.map((state) => ({ ...state }));
	}

	/** Loads that are no longer configured are dropped, new ones begin free. */
	restore(snapshot: LoadsSnapshot): void {
		for (const known of snapshot) {
			const i = this.index.get(known.machine);
			if (i !== undefined) Object.assign(this.states[i] as LoadState, known);
		}
	}
}
