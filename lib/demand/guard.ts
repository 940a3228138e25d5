import { EnergyError } from "../errors.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import type { Reading } from "../telemetry/reading.ts";
import { bound, learnSpread } from "./bounds.ts";
import { PeakBudget } from "./budget.ts";
import { type Chooser, chooseLoads, greedyChooser } from "./choose.ts";
import { Clocks } from "./clocks.ts";
import { Limit, priceDetails } from "./limit.ts";
import { Loads } from "./loads.ts";
import { blank, type DemandSnapshot, type Memory, putBack } from "./memory.ts";
import { SiteMeters } from "./meters.ts";
import { Moved } from "./moved.ts";
import { hearPulse, missesPulse } from "./pulse.ts";
import { type Hearing, listen } from "./silence.ts";
import { Spread } from "./spread.ts";
import type { DemandConfig, DemandEvent, DemandStatus, GuardState, Load, LoadCommand, PeakPricer } from "./types.ts";

const MINUTE_MS = 60_000;
const EVALUATE_MS = 1_000;
/** A snapshot from further ahead than this is of another clock. */
const FUTURE_MS = 5_000;
/** A clock that is put back by more than this would leave everything waiting until it is there again. */
const BACK_MS = 5_000;
/** A quarter-hour is closed at the latest so long after its end, for meters that report late. */
const SETTLE_MS = 30_000;
/** In the last seconds a command no longer changes this quarter-hour. */
const LAST_MOMENT_MS = 15_000;
/** A snapshot older than this bridges nothing; what is shed stays known. */
const RESUME_MS = 3_600_000;

const none: readonly never[] = [];

export interface DemandOptions {
	/** What a demand costs; without it every kW above the limit counts. */
	price?: PeakPricer | undefined;
	chooser?: Chooser | undefined;
	/** Commands are advice that a person may or may not follow. */
	advice?: boolean | undefined;
	/** The peak as the schedule knows it: what it can move is shed first, and its limit is this guard's. */
	budget?: PeakBudget | undefined;
}

/**
 * The running quarter-hour of a site: how much it has used, where it will end, what that costs, and which loads to shed
 * or restore so that it stays below its limit. Readings are taken as they come; once a second the guard judges.
 */
export class DemandGuard {
	private readonly config: DemandConfig;
	private readonly advice: boolean;
	private chooser: Chooser;
	private readonly meters: SiteMeters;
	private readonly loads: Loads;
	private readonly budget: PeakBudget;
	private readonly moved: Moved;
	private readonly clocks: Clocks;
	private readonly spread = new Spread();
	private readonly minuteKw: (minute: number) => number;
	private readonly silentMeters: string[] = [];
	private events: DemandEvent[] = [];
	private commands: LoadCommand[] = [];
	private memory: Memory = { ...blank };
	private readonly limit: Limit;
	private readonly status: DemandStatus;

	/** @throws EnergyError `demand.no-meter` */
	constructor(config: DemandConfig, options: DemandOptions = {}) {
		if (config.meters.length === 0) throw new EnergyError("demand.no-meter");
		this.config = config;
		this.limit = new Limit(config.limit, options.price);
		this.advice = options.advice === true;
		this.budget = options.budget ?? new PeakBudget();
		this.budget.limitKw = (atMs) => new Limit(config.limit, options.price).kw(atMs);
		this.moved = new Moved(this.budget, config.responseS);
		this.chooser = options.chooser ?? greedyChooser("the solver was not loaded");
		const { meters, main, plausibleKw, silentAfterS, rolloverKwh } = config;
		// One second less than asked for: judged once a second, the alarm then comes in time.
		this.meters = new SiteMeters(meters, main, plausibleKw, silentAfterS * 1000 - EVALUATE_MS, rolloverKwh);
		this.clocks = new Clocks(meters);
		this.loads = new Loads(config.loads, config.responseS, this.advice);
		this.minuteKw = (minute) => this.meters.minuteKw(minute);
		this.status = {
			...{ state: "lockout", atMs: 0, windowStartMs: 0, endsAtMs: 0, elapsedS: 0, energySoFarKwh: 0 },
			...{ estimatedKwh: 0, powerKw: null, predictedKw: null, lowKw: null, highKw: null, basis: "wide" },
			...{ limitKw: null, headroomKw: null, unknownS: 0, partial: false, silentMeters: none, shedKw: 0 },
			...{ price: null, intervalHits: 0, intervalTrials: 0, method: "", commands: none, events: none },
		};
	}

	/** Whether readings of this machine matter here. */
	knows(machine: string): boolean {
		return this.config.meters.includes(machine) || this.loads.has(machine);
	}

	useChooser(chooser: Chooser): void {
		this.chooser = chooser;
	}

	/** The pricer has learnt of a peak: prices are asked anew. */
	repriced(): void {
		this.limit.forget();
	}

	/** Takes readings in the order of their times and judges, at most once a second. The status is reused. */
	take(readings: readonly Reading[], nowMs: number): DemandStatus {
		this.learn(readings, nowMs);
		return this.tick(nowMs);
	}

	/** Takes readings without judging: what is told of the past calls for no command that somebody would have to send. */
	learn(readings: readonly Reading[], nowMs: number): void {
		this.roll(nowMs);
		for (let k = 0; k < readings.length; k++) {
			const { machine, timeMs, powerKw, energyKwh, quality } = readings[k] as Reading;
			if (quality === "bad") continue;
			this.one(machine, timeMs, powerKw, energyKwh, nowMs);
		}
	}

	/** How it stands, for who only asks: what it calls for is told by the next `take` or `tick`. */
	look(nowMs: number): DemandStatus {
		this.roll(nowMs);
		this.measure(nowMs);
		this.appraise();
		return { ...this.status, commands: none, events: none };
	}

	private one(
		machine: string,
		timeMs: number,
		powerKw: number | undefined,
		energyKwh: number | undefined,
		now: number,
	) {
		const atMs = this.clocks.ours(machine, timeMs, now);
		if (Number.isNaN(atMs)) return;
		this.meters.take(machine, atMs, powerKw, energyKwh);
		if (powerKw !== undefined) this.loads.take(machine, atMs, powerKw);
	}

	/**
	 * The end-of-interval pulse of the utility's meter.
	 *
	 * @param atMs when it was, by its own word; one that is far from `nowMs` (a wrong clock, a message kept by the broker)
	 * is none of now
	 */
	pulse(atMs: number, nowMs = atMs): void {
		const { memory } = this;
		const heard = hearPulse(memory, atMs, nowMs);
		if (heard.kind === "stray") this.event("demand.pulse-stray", "warning", nowMs, { offS: heard.offS });
		if (heard.kind !== "end") return;
		if (memory.windowStartMs < 0) this.roll(atMs);
		memory.offsetMs = atMs - heard.nearestMs;
		if (heard.nearestMs === memory.windowStartMs) this.meters.moveBoundary(atMs);
		else this.begin(heard.nearestMs, atMs);
	}

	/** Judges the quarter-hour now, unless it did so less than a second ago. */
	tick(nowMs: number): DemandStatus {
		const { memory, status } = this;
		this.roll(nowMs);
		if (status.atMs > 0 && nowMs - memory.evaluatedMs < EVALUATE_MS && this.events.length === 0) {
			status.commands = none;
			status.events = none;
			return status;
		}
		memory.evaluatedMs = nowMs;
		if (memory.startedMs < 0) memory.startedMs = nowMs;
		this.measure(nowMs);
		this.closeLast(nowMs);
		this.judge(nowMs);
		status.commands = this.commands;
		status.events = this.events;
		if (this.commands.length > 0) this.commands = [];
		if (this.events.length > 0) this.events = [];
		return status;
	}

	private roll(nowMs: number): void {
		const { memory } = this;
		if (nowMs < memory.evaluatedMs - BACK_MS) this.setBack(memory.evaluatedMs - nowMs);
		const start = Math.floor((nowMs - memory.offsetMs) / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
		if (start > memory.windowStartMs) this.begin(start, start + memory.offsetMs);
	}

	/** The clock was put back: what is remembered moves with it, and the quarter-hour begins unseen. */
	private setBack(byMs: number): void {
		const { memory } = this;
		this.meters.setBack(byMs);
		this.loads.setBack(byMs);
		this.moved.setBack(byMs);
		putBack(memory, byMs);
	}

	private begin(startMs: number, boundaryMs: number): void {
		const { memory } = this;
		// Of a quarter-hour that this process slept through nobody knows how it ended.
		if (memory.windowStartMs >= 0 && startMs - memory.windowStartMs > QUARTER_HOUR_MS) memory.openMs = -1;
		else if (memory.windowStartMs >= 0) {
			memory.openMs = memory.windowStartMs;
			memory.openPartial = this.meters.unknownMs(boundaryMs) > 0 ? 1 : 0;
			// Asked of the limit, not of the status: after a restart at the boundary there was none yet.
			memory.openLimitKw = this.limit.kw(memory.windowStartMs) ?? -1;
			memory.lastLowKw = memory.midLowKw;
			memory.lastHighKw = memory.midHighKw;
		}
		memory.windowStartMs = startMs;
		memory.midLowKw = -1;
		memory.midHighKw = -1;
		memory.warned = 0;
		memory.short = 0;
		this.meters.begin(boundaryMs);
	}

	/** Everything of the status that is measured or predicted. */
	private measure(nowMs: number): void {
		const { memory, status, meters } = this;
		const endsAtMs = memory.windowStartMs + QUARTER_HOUR_MS + memory.offsetMs;
		const leftH = Math.max(0, endsAtMs - nowMs) / 3_600_000;
		const unknownMs = meters.unknownMs(nowMs);
		const averageKw = meters.averageKw(nowMs);
		status.atMs = nowMs;
		status.windowStartMs = memory.windowStartMs;
		status.endsAtMs = endsAtMs;
		status.elapsedS = (nowMs - meters.boundaryMs) / 1000;
		status.energySoFarKwh = meters.energySoFarKwh(nowMs);
		status.estimatedKwh = meters.estimatedKwh;
		status.unknownS = unknownMs / 1000;
		status.partial = unknownMs > 0;
		status.intervalHits = memory.hits;
		status.intervalTrials = memory.trials;
		status.shedKw = this.loads.shedKw();
		if (Number.isNaN(averageKw)) {
			status.powerKw = null;
			status.predictedKw = null;
			status.lowKw = null;
			status.highKw = null;
			return;
		}
		const pendingKw = this.advice ? 0 : this.loads.pendingKw(nowMs) + this.moved.pendingKw(nowMs);
		const unseenH = unknownMs / 3_600_000;
		const soFar = status.energySoFarKwh + averageKw * unseenH;
		status.powerKw = averageKw;
		status.predictedKw = (soFar + (averageKw - pendingKw) * leftH) * 4;
		this.interval(nowMs, leftH, unseenH, soFar, averageKw - pendingKw);
		if (memory.midHighKw < 0 && nowMs - meters.boundaryMs >= QUARTER_HOUR_MS / 2 && status.basis === "history") {
			memory.midLowKw = Math.max(0, status.lowKw ?? 0);
			memory.midHighKw = status.highKw ?? -1;
		}
	}

	private interval(nowMs: number, leftH: number, unseenH: number, soFarKwh: number, rateKw: number): void {
		const { memory, status, meters, config } = this;
		const heldH = meters.lagMs(nowMs) / 3_600_000;
		const openH = leftH + unseenH + Math.min(heldH, 0.25);
		learnSpread(memory, this.spread, this.minuteKw, nowMs, openH);
		// A main meter does not run backwards: what is used, is used.
		const floorKw = config.main ? status.energySoFarKwh * 4 : Number.NEGATIVE_INFINITY;
		bound(status, memory, { soFarKwh, rateKw, openH, floorKw, plausibleKw: config.plausibleKw });
	}

	/** Says how the quarter-hour before ended, once its late readings are in. */
	private closeLast(nowMs: number): void {
		const { memory, meters } = this;
		if (memory.openMs < 0) return;
		const sinceMs = nowMs - meters.boundaryMs;
		if (sinceMs < SETTLE_MS && meters.lagMs(nowMs) >= sinceMs) return;
		const demandKw = meters.energyBeforeKwh() * 4;
		if (!memory.openPartial && memory.lastHighKw >= 0) {
			memory.trials++;
			if (demandKw >= memory.lastLowKw && demandKw <= memory.lastHighKw) memory.hits++;
		}
		const over = memory.openLimitKw >= 0 && demandKw > memory.openLimitKw;
		this.event("demand.closed", over ? "warning" : "info", nowMs, {
			windowStart: new Date(memory.openMs).toISOString(),
			demandKw: round(demandKw),
			limitKw: memory.openLimitKw >= 0 ? round(memory.openLimitKw) : null,
			over,
			partial: memory.openPartial === 1,
			estimatedKwh: round(meters.estimatedBeforeKwh),
		});
		memory.openMs = -1;
	}

	/** The limit, how far it is, and what the prediction costs. */
	private appraise(): void {
		const { status, memory } = this;
		status.limitKw = this.limit.kw(memory.windowStartMs);
		status.price = status.predictedKw === null ? null : this.limit.price(status.predictedKw, memory.windowStartMs);
		status.headroomKw =
			status.limitKw === null || status.predictedKw === null ? null : status.limitKw - status.predictedKw;
	}

	private judge(nowMs: number): void {
		const { status, config, loads, memory } = this;
		this.appraise();
		if (missesPulse(memory, nowMs)) this.event("demand.pulse-missing", "warning", nowMs, {});
		for (const machine of loads.ignoring(nowMs)) {
			this.event("demand.not-followed", "alarm", nowMs, { machine, seconds: config.responseS });
		}
		const silent = this.meters.silent(nowMs, nowMs - memory.startedMs, this.silentMeters);
		status.silentMeters = this.silentMeters;
		const hearing = this.hear(silent, nowMs);
		if (hearing === "silent" && config.silentPolicy !== "estimate") {
			if (config.silentPolicy === "shed-all" && status.limitKw !== null) {
				this.shed(Number.POSITIVE_INFINITY, "demand.why-silent", nowMs);
			}
		} else if (hearing === "speaks" || config.silentPolicy === "estimate") this.control(nowMs, hearing === "silent");
		status.shedKw = loads.shedKw();
		if (hearing !== "speaks") status.state = "silent";
	}

	private hear(silent: boolean, nowMs: number): Hearing {
		const { config, memory, meters, silentMeters, clocks } = this;
		const ahead = clocks.runsAhead();
		if (ahead) this.event("demand.clock-ahead", "warning", nowMs, ahead);
		const silentAfterMs = config.silentAfterS * 1000;
		const arriving = silent && clocks.arriving(silentMeters, silentAfterMs / 2, nowMs);
		const heard = { silent, meters: silentMeters, arriving, lagMs: meters.lagMs(nowMs), policy: config.silentPolicy };
		return listen(memory, { ...heard, silentAfterMs, nowMs }, (code, severity, details) =>
			this.event(code, severity, nowMs, details),
		);
	}

	/** Sheds, restores, or leaves all as it is; sets the state. */
	private control(nowMs: number, silent: boolean): void {
		const { status, config, loads, memory } = this;
		const leftMs = status.endsAtMs - nowMs;
		this.budget.tight = false;
		if (status.limitKw === null) {
			this.restore(nowMs, Number.POSITIVE_INFINITY);
			status.state = this.calm(nowMs, "ok");
			return;
		}
		if (status.predictedKw === null || status.powerKw === null) {
			status.state = "lockout";
			return;
		}
		// As advice nothing has changed yet: it counts as if it had been followed, so that it is not given twice.
		const advisedKw = this.advice ? (loads.pendingKw(nowMs) * leftMs * 4) / 3_600_000 : 0;
		const expectedKw = (silent ? (status.highKw as number) : status.predictedKw) - advisedKw;
		const overKw = expectedKw - status.limitKw;
		const lockedOut = status.elapsedS < config.lockoutS;
		this.budget.tight = status.predictedKw > status.limitKw && !lockedOut;
		if (overKw > 0 && !lockedOut && leftMs > LAST_MOMENT_MS) {
			this.warn(nowMs, leftMs);
			// Half the margin below the limit, so that noise alone does not carry the quarter-hour over it.
			const needKw = ((overKw + config.restoreMarginKw / 2) * 900_000) / leftMs;
			this.shed(needKw, "demand.why-limit", nowMs);
			status.state = loads.anyShed() ? "shed" : "watch";
			return;
		}
		if (overKw <= 0) this.restore(nowMs, expectedKw);
		const near =
			overKw > -config.restoreMarginKw || (status.basis === "history" && (status.highKw ?? 0) > status.limitKw);
		const idle: GuardState = lockedOut ? "lockout" : near ? "watch" : "ok";
		status.state = this.calm(nowMs, idle);
		if (overKw <= 0) memory.short = 0;
	}

	private calm(nowMs: number, idle: GuardState): GuardState {
		if (this.loads.returningNow(nowMs)) return "restore";
		return this.loads.anyShed() ? "shed" : idle;
	}

	private warn(nowMs: number, leftMs: number): void {
		const { memory, status } = this;
		if (memory.warned) return;
		memory.warned = 1;
		this.event("demand.limit-ahead", "warning", nowMs, {
			predictedKw: round(status.predictedKw as number),
			limitKw: round(status.limitKw as number),
			minutes: Math.ceil(leftMs / MINUTE_MS),
			...priceDetails(status.price, status.predictedKw as number),
		});
	}

	/** What the schedule can do later goes first. @returns what it saves, kW */
	private move(needKw: number, nowMs: number): number {
		const taken = this.advice ? [] : this.moved.move(needKw, this.chooser, nowMs);
		if (taken.length === 0) return 0;
		const savesKw = taken.reduce((sum, { kw }) => sum + kw, 0);
		const jobs = taken.map(({ job, machine }) => `${job} (${machine})`).join(", ");
		this.event("demand.moved", "info", nowMs, { jobs, kw: round(savesKw) });
		return savesKw;
	}

	private shed(wholeKw: number, reason: string, nowMs: number): void {
		const { loads, status, memory, chooser } = this;
		const needKw = wholeKw - this.move(wholeKw, nowMs);
		if (needKw <= 0) return;
		const candidates = loads.candidates(nowMs);
		const picked = candidates.length > 0 ? chooseLoads(candidates, needKw, chooser) : [];
		let savesKw = 0;
		for (const { machine, savesKw: kw } of picked) {
			const left = loads.shed(machine, kw, nowMs);
			savesKw += kw;
			const details = { predictedKw: shown(status.predictedKw), limitKw: shown(status.limitKw) };
			const command = left > 0 ? "limit" : "stop";
			this.commands.push({ machine, command, limitKw: left > 0 ? round(left) : null, savesKw: kw, reason, details });
		}
		if (picked.length > 0) {
			memory.midHighKw = -1;
			status.method = chooser.why ? `${chooser.method}: ${chooser.why}` : chooser.method;
			const machines = picked.map(({ machine }) => machine).join(", ");
			this.event("demand.shed", "info", nowMs, { machines, kw: round(savesKw) });
		}
		if (Number.isFinite(needKw) && savesKw < needKw - 1e-6 && !memory.short) {
			memory.short = 1;
			this.event("demand.not-enough", "alarm", nowMs, { needKw: round(needKw), foundKw: round(savesKw) });
		}
	}

	/** Lets loads return, most protected first, while this quarter-hour and the pace of the next bear it. */
	private restore(nowMs: number, expectedKw: number): void {
		const { loads, status, config, memory } = this;
		if (!loads.anyShed()) return;
		const leftH = (status.endsAtMs - nowMs) / 3_600_000;
		const boundKw = (status.limitKw ?? Number.POSITIVE_INFINITY) - config.restoreMarginKw;
		let demandKw = status.limitKw === null ? Number.NEGATIVE_INFINITY : expectedKw;
		let paceKw = (status.powerKw ?? 0) - loads.pendingKw(nowMs);
		const { nextCounts } = this.limit;
		let waiting = 0;
		for (const i of loads.returning) {
			const { machine, priority } = loads.loads[i] as Load;
			// Room is kept for a more protected load that waits for it.
			if (priority < waiting || !loads.mayReturn(i, nowMs)) continue;
			const { shedKw } = loads.state(i);
			const after = demandKw + shedKw * leftH * 4;
			if (after > boundKw || (nextCounts && status.limitKw !== null && paceKw + shedKw > boundKw)) {
				waiting = priority;
				continue;
			}
			demandKw = after;
			paceKw += shedKw;
			loads.release(i, nowMs);
			memory.midHighKw = -1;
			const reason = status.limitKw === null ? "demand.why-not-counted" : "demand.why-room";
			const details = { limitKw: shown(status.limitKw) };
			this.commands.push({ machine, command: "release", limitKw: null, savesKw: -shedKw, reason, details });
			this.event("demand.restored", "info", nowMs, { machine, kw: round(shedKw) });
		}
	}

	/** Lets every load go, whatever its minimum times: for when nobody will watch over it any longer. */
	releaseAll(nowMs: number): DemandStatus {
		const { loads, status } = this;
		const shed = loads.loads.flatMap(({ machine }, i) => (loads.state(i).shedKw > 0 ? [{ machine, i }] : []));
		status.atMs = nowMs;
		status.commands = shed.map(({ machine, i }) => ({
			...{ machine, command: "release", limitKw: null, savesKw: -loads.release(i, nowMs) },
			...{ reason: "demand.why-leaving", details: {} },
		}));
		return status;
	}

	private event(
		code: DemandEvent["code"],
		severity: DemandEvent["severity"],
		atMs: number,
		details: DemandEvent["details"],
	): void {
		this.events.push({ code, severity, atMs, details });
	}

	/** All that a restart inside the quarter-hour must not lose, as plain JSON. */
	snapshot(): DemandSnapshot {
		return {
			version: 1,
			atMs: this.memory.evaluatedMs,
			meters: [...this.config.meters],
			energy: this.meters.snapshot(),
			loads: this.loads.snapshot(),
			memory: { ...this.memory },
		};
	}

	/**
	 * Goes on where a snapshot stopped; to be called before the first reading.
	 *
	 * @returns whether the energy was taken over; where it was not (other meters, over an hour old), what is shed is
	 * still known, so that it will be restored
	 */
	restoreFrom(snapshot: DemandSnapshot, nowMs: number): boolean {
		if (snapshot.version !== 1) return false;
		this.loads.restore(snapshot.loads);
		const same = snapshot.meters.join("\n") === this.config.meters.join("\n");
		if (!same || nowMs - snapshot.atMs > RESUME_MS || snapshot.atMs > nowMs + FUTURE_MS) return false;
		if (!this.meters.restore(snapshot.energy)) return false;
		this.memory = { ...this.memory, ...snapshot.memory };
		return true;
	}
}

const round = (kw: number): number => Math.round(kw * 10) / 10;
const shown = (kw: number | null): number | null => (kw === null ? null : round(kw));
