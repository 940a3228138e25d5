import { EnergyError } from "../errors.ts";
import { type AlarmCommand, decide, isByHand } from "./commands.ts";
import { FloodWatch } from "./flood.ts";
import { alarmId, evolve, isHidden, isHigher, stateOf } from "./state.ts";
import type { Alarm, AlarmEvent, AlarmIdentity, Cause, Change, Priority, Running } from "./types.ts";

/** What somebody who watches says about one alarm at an instant. */
export interface Signal extends AlarmIdentity {
	/** Whether the condition holds; null where that is not known, which changes nothing. */
	on: boolean | null;
	priority: Priority;
	cause: Cause;
	/** Holds so long before the alarm is raised, ms. */
	onDelayMs: number;
	/** Is gone so long before the alarm returns, ms. */
	offDelayMs: number;
	/** Why the design hides the alarm now (a machine's state); null where it does not. */
	suppress: string | null;
	/** Power above what it should be, kW, where that is known. */
	excessKw: number | null;
}

export interface BookOptions {
	/** KRW (or the tariff's currency) a kWh at an instant; null where it is not known. */
	priceAt?: (atMs: number) => number | null;
	/** No alarm is shelved longer than this, ms. */
	maxShelveMs?: number;
	/** What active alarms had cost when that was last kept, by their id. */
	costs?: Readonly<Record<string, number>>;
}

/** What was last heard about an alarm; it is not kept over a restart, for the next signal tells it again. */
interface Tracker {
	signal: Signal;
	/** Since when `signal.on` is what it is. */
	sinceMs: number;
	/** Since when no state of the machine explains the alarm away; null while one does. */
	clearMs: number | null;
	costKrw: number | null;
	costedMs: number;
}

const FLOOD_RULE = "flood";
const SYSTEM = "system";
/** Cost is not counted over a longer silence. */
const MAX_COST_STEP_MS = 60_000;
/** Alarms that are normal are forgotten beyond so many; their journals stay. */
const MAX_ALARMS = 10_000;
const DAY_MS = 86_400_000;

/**
 * All alarms of a site: signals and commands in, changes out. Time is a parameter, so the same calls make the same
 * alarms; the caller keeps the changes and calls `tick` about once a second.
 */
export class AlarmBook {
	readonly #alarms = new Map<string, Alarm>();
	readonly #trackers = new Map<string, Tracker>();
	/** Groups that were told of, by the alarm that was told. */
	readonly #told = new Map<string, string>();
	readonly #flood: FloodWatch;
	readonly #priceAt: (atMs: number) => number | null;
	readonly #maxShelveMs: number;
	readonly #costs: Map<string, number>;

	/** @param kept alarms as they stood when they were last kept */
	constructor(
		kept: readonly Alarm[] = [],
		{ priceAt = () => null, maxShelveMs = DAY_MS, costs = {} }: BookOptions = {},
	) {
		this.#costs = new Map(Object.entries(costs));
		this.#priceAt = priceAt;
		this.#maxShelveMs = maxShelveMs;
		for (const alarm of kept) this.#alarms.set(alarm.id, alarm);
		this.#flood = new FloodWatch(this.#alarms.get(FLOOD_RULE)?.active ?? false);
		const raised = kept.flatMap(({ rule, raisedMs }) => (rule === FLOOD_RULE || raisedMs === null ? [] : [raisedMs]));
		for (const raisedMs of raised.sort((a, b) => a - b)) this.#flood.raise(raisedMs);
	}

	get(id: string): Alarm | undefined {
		return this.#alarms.get(id);
	}

	/** All alarms that were ever raised, the ones that are normal again too. */
	all(): Iterable<Alarm> {
		return this.#alarms.values();
	}

	get size(): number {
		return this.#alarms.size;
	}

	/** Takes alarms that were kept before, where nothing newer is known of them. */
	adopt(kept: readonly Alarm[]): void {
		for (const alarm of kept) if (!this.#alarms.has(alarm.id)) this.#alarms.set(alarm.id, alarm);
	}

	/** What active alarms have cost so far; see `BookOptions.costs`. */
	costs(): Record<string, number> {
		const running = [...this.#trackers].flatMap(([id, { costKrw }]) =>
			costKrw === null ? [] : [[id, costKrw] as const],
		);
		return Object.fromEntries([...this.#costs, ...running]);
	}

	/** What an active alarm costs. */
	running(id: string, nowMs: number): Running {
		const tracker = this.#trackers.get(id);
		if (!tracker || !this.#alarms.get(id)?.active) return { excessKw: null, krwPerHour: null, costKrw: null };
		const { excessKw } = tracker.signal;
		const price = excessKw === null ? null : this.#priceAt(nowMs);
		return {
			excessKw,
			krwPerHour: excessKw === null || price === null ? null : Math.max(0, excessKw) * price,
			costKrw: tracker.costKrw,
		};
	}

	/** Takes what a watcher says. @returns what it changed, in order */
	observe(signal: Signal, nowMs: number): Change[] {
		const id = alarmId(signal);
		let tracker = this.#trackers.get(id);
		if (!tracker) {
			if (!this.#matters(signal, this.#alarms.get(id))) return [];
			tracker = { signal: { ...signal, on: false }, sinceMs: nowMs, clearMs: nowMs, costKrw: null, costedMs: nowMs };
			// An alarm that stood before a restart has to be seen gone for its whole off-delay.
			const standing = this.#alarms.get(id);
			if (standing?.active) {
				const { priority, cause } = standing;
				tracker.signal = { ...tracker.signal, on: true, priority, ...(cause && { cause }) };
				tracker.costKrw = this.#costs.get(id) ?? null;
				this.#costs.delete(id);
			}
			this.#trackers.set(id, tracker);
		}
		const before = tracker.signal.on;
		const on = signal.on ?? before;
		if (on !== before) tracker.sinceMs = nowMs;
		this.#count(id, tracker, nowMs);
		// Who does not know whether it holds knows no cause either.
		const { priority, cause, excessKw } = signal.on === null ? tracker.signal : signal;
		tracker.signal = { ...signal, on, priority, cause, excessKw };
		return this.#settle(id, tracker, nowMs);
	}

	/** What is off and was off needs no memory; almost every reading ends here. */
	#matters({ on, suppress }: Signal, alarm: Alarm | undefined): boolean {
		if (on === true) return true;
		return alarm !== undefined && (alarm.active || (alarm.suppression !== suppress && stateOf(alarm) !== "normal"));
	}

	/** Lets time pass: delays, the ends of shelvings, the end of a flood. */
	tick(nowMs: number): Change[] {
		const changes: Change[] = [];
		for (const alarm of [...this.#alarms.values()]) {
			if (alarm.shelving && alarm.shelving.untilMs <= nowMs) {
				changes.push(...this.#apply({ ...this.#system(alarm.id, nowMs, "expired"), type: "unshelved" }));
			}
		}
		for (const [id, tracker] of this.#trackers) {
			this.#count(id, tracker, nowMs);
			changes.push(...this.#settle(id, tracker, nowMs));
		}
		this.#flood.tick(nowMs);
		if (!this.#flood.flooding && this.#alarms.get(FLOOD_RULE)?.active) {
			changes.push(
				...this.#apply({ ...this.#system(FLOOD_RULE, nowMs, "condition"), type: "returned", costKrw: null }),
			);
		}
		return changes;
	}

	/**
	 * What a person (or another system) wants.
	 *
	 * @throws EnergyError `alarms.unknown`, `alarms.nothing-to-acknowledge`, `alarms.not-shelved`,
	 *   `alarms.not-suppressed`, `alarms.out-of-service`, `alarms.not-out-of-service`, `alarms.bad-command`
	 */
	command(command: AlarmCommand, nowMs: number): Change[] {
		const alarm = this.#alarms.get(command.alarm);
		if (!alarm) throw new EnergyError("alarms.unknown", { alarm: command.alarm });
		return decide(alarm, command, nowMs, this.#maxShelveMs).flatMap((event) => this.#apply(event));
	}

	/** Ends the alarms of rules and machines that are no more. */
	retire(lives: (alarm: Alarm) => boolean, nowMs: number): Change[] {
		const gone = [...this.#alarms.values()].filter(
			(alarm) => alarm.rule !== FLOOD_RULE && stateOf(alarm) !== "normal" && !lives(alarm),
		);
		return gone.flatMap(({ id }) => {
			this.#trackers.delete(id);
			return this.#apply({ ...this.#system(id, nowMs, "retired"), type: "retired" });
		});
	}

	/** Forgets the oldest normal alarms beyond a bound. @returns their ids, so that they are forgotten elsewhere too */
	prune(most = MAX_ALARMS): string[] {
		const surplus = this.#alarms.size - most;
		if (surplus <= 0) return [];
		const normal = [...this.#alarms.values()].filter((alarm) => stateOf(alarm) === "normal");
		const gone = normal.sort((a, b) => a.changedMs - b.changedMs).slice(0, surplus);
		for (const { id } of gone) {
			this.#alarms.delete(id);
			this.#trackers.delete(id);
		}
		return gone.map(({ id }) => id);
	}

	#system(alarm: string, atMs: number, reason: string): { alarm: string; atMs: number; by: string; reason: string } {
		return { alarm, atMs, by: SYSTEM, reason };
	}

	/** Money runs while the alarm is active. */
	#count(id: string, tracker: Tracker, nowMs: number): void {
		const elapsedMs = Math.min(MAX_COST_STEP_MS, Math.max(0, nowMs - tracker.costedMs));
		tracker.costedMs = nowMs;
		const { excessKw } = tracker.signal;
		if (excessKw === null || elapsedMs === 0 || !this.#alarms.get(id)?.active) return;
		const price = this.#priceAt(nowMs);
		if (price === null) return;
		tracker.costKrw = (tracker.costKrw ?? 0) + (Math.max(0, excessKw) * price * elapsedMs) / 3_600_000;
	}

	/** Brings an alarm to what its signal says, delays considered. */
	#settle(id: string, tracker: Tracker, nowMs: number): Change[] {
		const { signal } = tracker;
		const changes = this.#suppress(id, tracker, nowMs);
		const alarm = this.#alarms.get(id);
		const heldMs = nowMs - tracker.sinceMs;
		if (alarm?.active) {
			if (signal.on === false && heldMs >= signal.offDelayMs) {
				const { costKrw } = tracker;
				tracker.costKrw = null;
				changes.push(...this.#apply({ ...this.#system(id, nowMs, "condition"), type: "returned", costKrw }));
			} else if (signal.on === true && isNews(alarm, signal)) {
				const { priority, cause } = signal;
				changes.push(...this.#apply({ ...this.#system(id, nowMs, "condition"), type: "changed", priority, cause }));
			}
		} else if (signal.on === true && heldMs >= signal.onDelayMs && signal.suppress === null) {
			tracker.costKrw = null;
			changes.push(...this.#raise(id, signal, nowMs));
		}
		if (signal.on === false && !this.#alarms.get(id)?.active && !this.#alarms.get(id)?.suppression) {
			this.#trackers.delete(id);
		}
		return changes;
	}

	/**
	 * While a machine's state explains what is seen, nothing is raised and what stands is hidden. It is shown again when
	 * no such state came back for the on-delay: a machine that cycles does not make its alarm blink.
	 */
	#suppress(id: string, tracker: Tracker, nowMs: number): Change[] {
		const { signal } = tracker;
		const alarm = this.#alarms.get(id);
		const hidden = alarm?.suppression ?? null;
		// What a person hides, a person shows.
		if (isByHand(hidden)) return [];
		if (signal.suppress !== null) {
			tracker.clearMs = null;
			if (hidden !== null || stateOf(alarm) === "normal") return [];
			return this.#apply({ ...this.#system(id, nowMs, signal.suppress), type: "suppressed" });
		}
		if (tracker.clearMs === null) {
			tracker.clearMs = nowMs;
			if (!alarm?.active) tracker.sinceMs = nowMs;
		}
		if (hidden === null || nowMs - tracker.clearMs < signal.onDelayMs) return [];
		return this.#apply({ ...this.#system(id, nowMs, hidden), type: "unsuppressed" });
	}

	#raise(id: string, { rule, machine, group, priority, cause }: Signal, nowMs: number): Change[] {
		const existing = this.#alarms.get(id);
		const seen = existing === undefined || !isHidden(existing);
		const inFlood = seen && this.#flood.raise(nowMs);
		const event = { type: "raised", rule, machine, group, priority, cause, inFlood } as const;
		const changes = this.#apply({ ...this.#system(id, nowMs, "condition"), ...event });
		if (inFlood && !this.#alarms.get(FLOOD_RULE)?.active) changes.push(...this.#floodBegins(nowMs));
		return changes;
	}

	#floodBegins(nowMs: number): Change[] {
		const details = { count: this.#flood.count, minutes: 10 };
		return this.#apply({
			...this.#system(FLOOD_RULE, nowMs, "condition"),
			...{ type: "raised", rule: FLOOD_RULE, machine: "", group: FLOOD_RULE, priority: "high", inFlood: false },
			cause: { code: "alarms.cause.flood", details },
		});
	}

	/** Every event goes this way: the alarm evolves, the journal gets its line, and it is settled whom to tell. */
	#apply(event: AlarmEvent): Change[] {
		const before = this.#alarms.get(event.alarm);
		const alarm = evolve(before, event);
		this.#alarms.set(event.alarm, alarm);
		const line = { ...event, from: stateOf(before), to: stateOf(alarm) };
		return [{ line, alarm, announce: this.#announces(line, before, alarm) }];
	}

	/** Told is what newly asks for an acknowledgement, once for its group; within a flood only what is of high priority. */
	#announces(line: Change["line"], before: Alarm | undefined, alarm: Alarm): boolean {
		if (stateOf(alarm) !== "unacknowledged") {
			if (this.#told.get(alarm.group) === alarm.id) this.#told.delete(alarm.group);
			return false;
		}
		const escalated = before !== undefined && isHigher(alarm.priority, before.priority);
		if (line.from === "unacknowledged" && !escalated) return false;
		if (alarm.inFlood && alarm.priority !== "high") return false;
		const leader = this.#alarms.get(this.#told.get(alarm.group) ?? "");
		if (leader && leader.id !== alarm.id && !isHigher(alarm.priority, leader.priority)) return false;
		this.#told.set(alarm.group, alarm.id);
		return true;
	}
}

/** A figure that moves is no news; another priority or another kind of cause is. */
function isNews(alarm: Alarm, { priority, cause }: Signal): boolean {
	return priority !== alarm.priority || cause.code !== alarm.cause?.code;
}
