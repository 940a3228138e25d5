import { randomUUID } from "node:crypto";
import { Rate } from "../metrics/rate.ts";
import type { EnergyToday } from "../store/store.ts";
import { tidy } from "../store/wire.ts";
import type { Quality, QualityReason, WireReading } from "../telemetry/reading.ts";
import { defaultRules } from "../telemetry/rules.ts";
import type { Machine, Site } from "../telemetry/site.ts";
import { nextDayMs, startOfDayMs } from "./local-day.ts";
import type { DataFlow, Delta, LiveEvent, MachineNow, Resumed, Snapshot } from "./messages.ts";
import { Recall } from "./recall.ts";

/** A power is held for at most so long when energy is counted from it. */
const MAX_HOLD_MS = 900_000;
const RATE_WINDOW_S = 10;
const REJECTED_WINDOW_S = 60;
/** So many machines that no list names are shown; a broken publisher must not fill the memory. */
const MAX_UNLISTED = 1_000;
/** A machine that no list names is forgotten after so long a silence. */
const UNLISTED_MS = 86_400_000;

interface Track {
	machine: Machine;
	/** The site names it. */
	listed: boolean;
	reading: WireReading | undefined;
	timeMs: number;
	/** When its newest reading arrived, by our clock: a replayed year speaks now, whatever its readings say. */
	heardMs: number;
	/** Newest counter value of the day, kWh. */
	counterKwh: number | undefined;
	/** Energy since midnight; null until the store has told, or the day began before our eyes. */
	todayKwh: number | null;
	silent: boolean;
	changed: boolean;
}

interface Total {
	totalKw: number | null;
	totalQuality: Quality;
	energyTodayKwh: number | null;
}

/**
 * What a site looks like now, from valid readings as they come: the power, energy and state of each machine, the total,
 * and whether data flows. Pure: it is told the time (epoch ms), reads no clock and sends nothing.
 *
 * Readings may arrive late or twice; only what is newer than the known moves a machine. The total is the main meters'
 * power while all of them are fresh; else the sum of the fresh machines, marked uncertain when some are missing.
 */
export class LiveHub {
	readonly #site: Site;
	readonly #tracks = new Map<string, Track>();
	readonly #stored = new Rate(RATE_WINDOW_S);
	readonly #rejected = new Rate(REJECTED_WINDOW_S);
	#dayStartMs: number;
	#dayEndMs: number;
	#newestMs = 0;
	/** The store has told today's energies: what it did not name begins at 0 with its first reading. */
	#dayKnown = false;
	#seq = 0;
	/** A restart counts from 0 again: this tells one run from the next. */
	readonly #stream = randomUUID().slice(0, 8);
	readonly #recall = new Recall();

	constructor(site: Site, nowMs: number) {
		this.#site = site;
		for (const machine of site.machines) this.#tracks.set(machine.id, emptyTrack(machine, true));
		this.#dayStartMs = startOfDayMs(nowMs, site.timeZone);
		this.#dayEndMs = nextDayMs(nowMs, site.timeZone);
	}

	/** The local midnight that "today" counts from, epoch ms: ask the store for the energy since then. */
	get dayStartMs(): number {
		return this.#dayStartMs;
	}

	/** Valid readings as sensor-validate lets them pass; those of other sites are ignored. */
	read(readings: readonly WireReading[], nowMs: number): void {
		this.#turnDay(nowMs);
		for (const reading of readings) {
			if (reading.site !== this.#site.id) continue;
			this.#stored.add(1, nowMs);
			const track = this.#trackOf(reading.machine);
			if (track) this.#move(track, reading, nowMs);
		}
	}

	/** So many readings were rejected. */
	reject(count: number, nowMs: number): void {
		this.#rejected.add(count, nowMs);
	}

	/**
	 * Takes the store's word for the energy since `sinceMs`; what was counted here since is replaced, because the store
	 * knows late readings, gaps and counter resets. An answer for yesterday is too late and ignored.
	 */
	correct(energies: readonly EnergyToday[], sinceMs: number): void {
		if (sinceMs !== this.#dayStartMs) return;
		this.#dayKnown = true;
		for (const { machine, energyKwh } of energies) {
			const track = this.#tracks.get(machine);
			if (!track || track.todayKwh === energyKwh) continue;
			track.todayKwh = energyKwh;
			track.changed = true;
		}
	}

	/**
	 * The newest stored readings: they fill the picture after a start, and bring in what another process stored. They do
	 * not count as data flow. A machine that the site does not list and that has not spoken for a day is left out: it was
	 * imported, replayed, misspelt or taken away, and nobody could silence the warning that it is silent.
	 */
	restore(latest: readonly WireReading[], nowMs: number): void {
		for (const reading of latest) {
			if (reading.site !== this.#site.id) continue;
			const timeMs = Date.parse(reading.time);
			const known = this.#tracks.get(reading.machine);
			if (known ? timeMs <= known.timeMs : nowMs - timeMs > UNLISTED_MS) continue;
			const track = this.#trackOf(reading.machine);
			if (track) this.#move(track, reading, Math.min(nowMs, timeMs));
		}
		this.#listen(nowMs);
	}

	snapshot(nowMs: number): Snapshot {
		this.#turnDay(nowMs);
		this.#listen(nowMs);
		return {
			type: "snapshot",
			site: this.#site.id,
			seq: this.#seq,
			time: new Date(nowMs).toISOString(),
			stream: this.#stream,
			timeZone: this.#site.timeZone,
			...this.#total(),
			machines: [...this.#tracks.values()].map(machineNow),
			flow: this.#flow(nowMs),
		};
	}

	/** What changed since the last call, whoever asks; call it once a second and send it to all. */
	delta(nowMs: number): Delta {
		this.#turnDay(nowMs);
		this.#listen(nowMs);
		const changed = [...this.#tracks.values()].filter((track) => track.changed);
		for (const track of changed) track.changed = false;
		const delta: Delta = {
			type: "delta",
			site: this.#site.id,
			seq: ++this.#seq,
			time: new Date(nowMs).toISOString(),
			...this.#total(),
			machines: changed.map(machineNow),
			flow: this.#flow(nowMs),
		};
		this.#recall.keep(delta);
		return delta;
	}

	event(event: string, data: unknown, nowMs: number): LiveEvent {
		const time = new Date(nowMs).toISOString();
		const message: LiveEvent = { type: "event", site: this.#site.id, seq: ++this.#seq, time, event, data };
		this.#recall.keep(message);
		return message;
	}

	/**
	 * What a client missed that saw `seq` of `stream` last, to be sent in this order; null where this run of the feed
	 * cannot tell: it begins with a snapshot then.
	 */
	resume(stream: string, seq: number, nowMs: number): (Resumed | Snapshot | Delta | LiveEvent)[] | null {
		const missed = stream === this.#stream ? this.#recall.since(seq) : null;
		if (!missed) return null;
		const { messages, deltasComplete, eventsComplete } = missed;
		const resumed: Resumed = {
			...{ type: "resumed", site: this.#site.id, seq, time: new Date(nowMs).toISOString(), stream },
			...{ replayed: messages.length, deltasComplete, eventsComplete },
		};
		return [resumed, ...messages, ...(deltasComplete ? [] : [this.snapshot(nowMs)])];
	}

	#trackOf(id: string): Track | undefined {
		const known = this.#tracks.get(id);
		if (known || this.#tracks.size >= this.#site.machines.length + MAX_UNLISTED) return known;
		const track = emptyTrack({ id, name: id, area: "", role: "sub" }, false);
		this.#tracks.set(id, track);
		return track;
	}

	#move(track: Track, reading: WireReading, heardMs: number): void {
		const timeMs = Date.parse(reading.time);
		// The same instant again is a correction, as in the store: the newer word stands.
		if (timeMs < track.timeMs) return;
		this.#count(track, reading, timeMs);
		track.reading = reading;
		track.timeMs = timeMs;
		track.heardMs = heardMs;
		track.silent = false;
		track.changed = true;
		if (timeMs > this.#newestMs) this.#newestMs = timeMs;
	}

	/** Adds the energy between two readings: by the counter where there is one, else power held from the earlier one. */
	#count(track: Track, reading: WireReading, timeMs: number): void {
		const counterKwh = reading.energyKwh;
		const before = track.counterKwh;
		if (counterKwh !== undefined) track.counterKwh = counterKwh;
		if (timeMs < this.#dayStartMs || !this.#dayKnown) return;
		track.todayKwh ??= 0;
		if (!track.reading) return;
		if (counterKwh !== undefined && before !== undefined) {
			// Backwards is a reset or a rollover: the store knows which, and corrects soon.
			if (counterKwh > before) track.todayKwh += counterKwh - before;
		} else if (counterKwh === undefined && track.reading.powerKw !== undefined) {
			const fromMs = Math.max(track.timeMs, this.#dayStartMs);
			const heldMs = Math.min(timeMs - fromMs, MAX_HOLD_MS);
			if (heldMs > 0) track.todayKwh += (track.reading.powerKw * heldMs) / 3_600_000;
		}
	}

	/** At local midnight today's energy starts again, whether a reading comes or not. */
	#turnDay(nowMs: number): void {
		if (nowMs < this.#dayEndMs) return;
		this.#dayStartMs = startOfDayMs(nowMs, this.#site.timeZone);
		this.#dayEndMs = nextDayMs(nowMs, this.#site.timeZone);
		for (const track of this.#tracks.values()) {
			if (track.todayKwh !== null) track.todayKwh = 0;
			track.changed = true;
		}
	}

	/** Marks machines that fell silent, and those that speak again; forgets strangers that spoke a day ago. */
	#listen(nowMs: number): void {
		for (const track of this.#tracks.values()) {
			if (!track.reading) continue;
			if (!track.listed && nowMs - track.heardMs > UNLISTED_MS) {
				this.#tracks.delete(track.machine.id);
				continue;
			}
			const silent = nowMs - track.heardMs > noDataMs(track.machine);
			if (silent !== track.silent) track.changed = true;
			track.silent = silent;
		}
	}

	#total(): Total {
		const tracks = [...this.#tracks.values()];
		const mains = tracks.filter((track) => track.machine.role === "main");
		const subs = tracks.filter((track) => track.machine.role === "sub");
		const metered = mains.length > 0 && mains.every(fresh);
		const parts = (metered ? mains : subs).filter(fresh);
		const total = sumOf(parts.map((track) => track.reading?.powerKw ?? null));
		return {
			totalKw: total,
			totalQuality: metered ? worst(parts) : totalled(parts, subs, mains.length > 0),
			energyTodayKwh: tidied(sumOf((mains.length > 0 ? mains : subs).map((track) => track.todayKwh))),
		};
	}

	#flow(nowMs: number): DataFlow {
		const silent = [...this.#tracks.values()].filter((track) => !track.reading || track.silent);
		return {
			readingsPerS: this.#stored.sum(nowMs) / RATE_WINDOW_S,
			rejectedPerMin: this.#rejected.sum(nowMs),
			silent: silent.map((track) => track.machine.id),
			lastReadingTime: this.#newestMs > 0 ? new Date(this.#newestMs).toISOString() : null,
		};
	}
}

function emptyTrack(machine: Machine, listed: boolean): Track {
	return {
		machine,
		listed,
		reading: undefined,
		timeMs: Number.NEGATIVE_INFINITY,
		heardMs: 0,
		counterKwh: undefined,
		todayKwh: null,
		silent: false,
		changed: false,
	};
}

function noDataMs(machine: Machine): number {
	return machine.rules?.noDataMs ?? defaultRules.noDataMs;
}

/** Has a power that may be shown and added. */
function fresh(track: Track): boolean {
	return !track.silent && track.reading?.powerKw !== undefined && track.reading.quality !== "bad";
}

/** Null where nothing is known; what is unknown beside known values is left out. */
function sumOf(values: readonly (number | null)[]): number | null {
	const known = values.filter((value) => value !== null);
	return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

function worst(parts: readonly Track[]): Quality {
	return parts.every((track) => (track.reading?.quality ?? "good") === "good") ? "good" : "uncertain";
}

/** A sum of machines is as good as they are, and uncertain where some are missing or the main meter is. */
function totalled(parts: readonly Track[], subs: readonly Track[], meterMissing: boolean): Quality {
	if (parts.length === 0) return "bad";
	return parts.length < subs.length || meterMissing ? "uncertain" : worst(parts);
}

function machineNow({ machine, reading, silent, todayKwh }: Track): MachineNow {
	const reason: QualityReason | null = !reading ? "Bad_NotConnected" : silent ? "Bad_Stale" : (reading.reason ?? null);
	return {
		machine: machine.id,
		name: machine.name,
		...(machine.names ? { names: machine.names } : {}),
		area: machine.area,
		role: machine.role,
		ratedKw: machine.ratedKw ?? null,
		time: reading?.time ?? null,
		powerKw: reading && !silent ? (reading.powerKw ?? null) : null,
		energyTodayKwh: tidied(todayKwh),
		powerFactor: reading && !silent ? (reading.powerFactor ?? null) : null,
		state: reading && !silent ? (reading.state ?? null) : null,
		quality: !reading || silent ? "bad" : (reading.quality ?? "good"),
		reason,
	};
}

const tidied = (kwh: number | null): number | null => (kwh === null ? null : tidy(kwh));
