import { lastLocalHour, nextLocalHour } from "../../lib/calendar/local-hour.ts";
import { EnergyError } from "../../lib/errors.ts";
import type { Store } from "../../lib/store/store.ts";
import type { Reading } from "../../lib/telemetry/reading.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import type { ModelFailure, ModelRecord } from "../registry.ts";
import type { TrainingSettings } from "../training/settings.ts";
import type { Trainer, TrainingJob } from "../training/trainer.ts";
import { CHANNEL_CADENCE_MS } from "./channels.ts";
import { readRecent } from "./history.ts";
import { type MachineModel, machineModelKind } from "./machine-model.ts";
import { anomalyTask } from "./training.ts";
import { type AnomalyAlert, MachineWatch, type ScoredReading, type WatchOptions } from "./watch.ts";

export interface MachineSettings extends WatchOptions {
	machine: string;
}

export interface SiteWatchOptions {
	/** For all machines. */
	watch?: WatchOptions;
	/** For single ones, above those for all. */
	machines?: readonly MachineSettings[];
	/** Local hour of the nightly training, 0…23; absent means none. */
	nightlyHour?: number;
	/** Trains where the data moved away from what a model learnt. */
	trainOnDrift?: boolean;
	/** Days of history that a model learns from; default 28. */
	historyDays?: number;
	/** Cadence that a model learns at, ms; default a minute. */
	cadenceMs?: number;
	/** What the configuration says of trainings. */
	settings?: TrainingSettings;
}

/** What happened to a machine's model. */
export type ModelEvent = { site: string; machine: string; timeMs: number } & (
	| { event: "model-active"; model: string }
	| { event: "model-unusable"; model: string; failure: ModelFailure }
	| { event: "training-failed"; model: string; failure: ModelFailure }
	| { event: "training-asked"; model: string; why: string }
	| { event: "drift"; model: string; drifted: { feature: string; index: number }[] }
);

export interface SiteOutcome {
	/** In the order they came. */
	scored: ScoredReading[];
	alerts: AnomalyAlert[];
}

const TASK = machineModelKind.task;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** After a training was asked for without being wanted by a person, none is for so long. */
const PAUSE_MS = 20 * HOUR_MS;
/** What slow means and windows go on from. */
const RECALL_MS = 3 * HOUR_MS;
const MOST_RECALLED = 1_000;
/** A machine's first training waits for so much history. */
const FIRST_SPAN_MS = DAY_MS;

/**
 * Watches the machines of one site: loads their models, scores what comes, and asks for trainings — the first when
 * there is a day of history, then nightly and on drift. A machine that is being alarmed about is not trained: what is
 * wrong now would become usual.
 */
export class SiteWatch {
	readonly #site: Site;
	readonly #store: () => Promise<Store>;
	readonly #trainer: Trainer;
	readonly #options: SiteWatchOptions;
	readonly #happened: (event: ModelEvent) => void;
	readonly #machines = new Map<string, MachineWatch>();
	/** Machines whose model has to be looked up before the next reading. */
	readonly #stale = new Set<string>();
	/** Models that are being looked up: readings wait for them, in the order in which they came. */
	readonly #loading = new Map<string, Promise<void>>();
	readonly #stops: (() => void)[];
	#nightly: NodeJS.Timeout | undefined;
	#hourly: NodeJS.Timeout | undefined;
	#closed = false;

	constructor(
		site: Site,
		store: () => Promise<Store>,
		trainer: Trainer,
		options: SiteWatchOptions,
		happened: (event: ModelEvent) => void,
	) {
		this.#site = site;
		this.#store = store;
		this.#trainer = trainer;
		this.#options = options;
		this.#happened = happened;
		this.#stops = [trainer.registry.onChanged((record) => this.#changed(record))];
		for (const { id } of site.machines) this.#watchOf(id);
		this.#scheduleNight();
	}

	/** Begins to look for machines that have no model yet or missed the night's training, now and each hour. */
	start(): void {
		const look = (): void => {
			void this.trainFirst().then(() => this.trainMissed());
			this.#hourly = setTimeout(look, HOUR_MS).unref();
		};
		this.#hourly = setTimeout(look, 30_000).unref();
	}

	/** Machines by who judges them. */
	get counts(): { modelled: number; ruled: number; raised: number } {
		const all = [...this.#machines.values()];
		const modelled = all.filter(({ modelId }) => modelId !== undefined).length;
		return { modelled, ruled: all.length - modelled, raised: all.filter(({ level }) => level !== "normal").length };
	}

	/** Scores a batch: one call of the model for each machine in it. */
	async add(readings: readonly Reading[]): Promise<SiteOutcome> {
		const places = new Map<string, number[]>();
		for (const [place, { machine }] of readings.entries()) {
			const of = places.get(machine);
			if (of) of.push(place);
			else places.set(machine, [place]);
		}
		for (const machine of places.keys()) {
			this.#watchOf(machine);
			while (this.#stale.has(machine) || this.#loading.has(machine)) await this.#loaded(machine, readings);
		}
		const outcome: SiteOutcome = { scored: new Array(readings.length), alerts: [] };
		for (const [machine, of] of places) {
			of.sort((a, b) => (readings[a] as Reading).timeMs - (readings[b] as Reading).timeMs);
			const watch = this.#watchOf(machine);
			const { scored, alerts, drifted } = watch.add(of.map((place) => readings[place] as Reading));
			for (const [n, place] of of.entries()) outcome.scored[place] = scored[n] as ScoredReading;
			outcome.alerts.push(...alerts);
			if (drifted.length > 0) this.#drifted(machine, watch, drifted);
		}
		return outcome;
	}

	/** Asks for the training of a machine's model. @throws EnergyError `models.busy`, `models.name-invalid` */
	async train(machine: string, reason: string): Promise<TrainingJob> {
		const { historyDays, cadenceMs, settings } = this.#options;
		const job = await this.#trainer.train({
			...{ task: TASK, site: this.#site.id, machine, reason, kind: machineModelKind.kind },
			...anomalyTask.training({
				...{ site: this.#site, store: this.#store, machine, kind: machineModelKind.kind },
				...(historyDays !== undefined && { historyDays }),
				...(cadenceMs !== undefined && { cadenceMs }),
				...(settings && { settings }),
			}),
		});
		this.#tell(machine, { event: "training-asked", model: job.id, why: reason });
		return job;
	}

	/** Trains machines that have no model although the store knows enough of them. */
	async trainFirst(): Promise<void> {
		for (const machine of this.#machines.keys()) {
			if (this.#closed) return;
			await this.#unasked(machine, "first").catch(() => undefined);
		}
	}

	/** Trains every machine anew that isn't being alarmed about. */
	async trainNightly(): Promise<void> {
		for (const machine of this.#machines.keys()) {
			if (this.#closed) return;
			await this.#unasked(machine, "nightly").catch(() => undefined);
		}
	}

	/** Trains the machines that the night found switched off with the program, or raised. */
	async trainMissed(): Promise<void> {
		const { nightlyHour } = this.#options;
		if (nightlyHour === undefined) return;
		const sinceMs = lastLocalHour(nightlyHour, this.#site.timeZone, Date.now());
		for (const machine of this.#machines.keys()) {
			if (this.#closed) return;
			const [newest] = await this.#trainer.registry.list({ task: TASK, site: this.#site.id, machine });
			if (!newest || newest.createdMs >= sinceMs) continue;
			await this.#unasked(machine, "nightly").catch(() => undefined);
		}
	}

	close(): void {
		this.#closed = true;
		clearTimeout(this.#nightly);
		clearTimeout(this.#hourly);
		for (const stop of this.#stops) stop();
	}

	#watchOf(machine: string): MachineWatch {
		let watch = this.#machines.get(machine);
		if (!watch) {
			const { watch: forAll, machines = [] } = this.#options;
			const { machine: _, ...own } = machines.find((one) => one.machine === machine) ?? { machine };
			const rated = this.#site.machines.find(({ id }) => id === machine)?.ratedKw;
			watch = new MachineWatch(rated, { ...forAll, ...own });
			this.#machines.set(machine, watch);
			this.#stale.add(machine);
		}
		return watch;
	}

	#loaded(machine: string, readings: readonly Reading[]): Promise<void> {
		const running = this.#loading.get(machine);
		if (running) return running;
		this.#stale.delete(machine);
		const timesMs = readings.flatMap((reading) => (reading.machine === machine ? [reading.timeMs] : []));
		const loading = this.#load(machine, this.#watchOf(machine), Math.min(...timesMs)).finally(() =>
			this.#loading.delete(machine),
		);
		this.#loading.set(machine, loading);
		return loading;
	}

	async #load(machine: string, watch: MachineWatch, beforeMs: number): Promise<void> {
		try {
			const active = await this.#trainer.registry.active({ task: TASK, site: this.#site.id, machine });
			const { record } = active;
			if (active.model?.kind === machineModelKind.kind && record) {
				if (watch.modelId === record.id) return;
				watch.use(active.model as unknown as MachineModel, record.id);
				await this.#recall(machine, watch, beforeMs);
				this.#tell(machine, { event: "model-active", model: record.id });
			} else if (!active.model && record && active.failure) {
				watch.useRules("model-unusable");
				this.#tell(machine, { event: "model-unusable", model: record.id, failure: active.failure });
			} else {
				if (watch.modelId !== undefined) watch.useRules("no-model");
				await this.#recall(machine, watch, beforeMs);
			}
		} catch (error) {
			// A machine whose name can name no folder, or a disk that can't be read: rules go on.
			watch.useRules("model-unusable");
			const code = error instanceof EnergyError ? error.code : "nodes.unexpected";
			const details = { reason: error instanceof Error ? error.message : String(error) };
			this.#tell(machine, { event: "model-unusable", model: "", failure: { code, details } });
		}
	}

	/** What was seen lately is seen again, so that neither a restart nor a new model forgets what is going on. */
	async #recall(machine: string, watch: MachineWatch, beforeMs: number): Promise<void> {
		if (!Number.isFinite(beforeMs)) return;
		const { cadenceMs = CHANNEL_CADENCE_MS } = watch;
		// A stream learns of nothing else than what it has seen.
		const spanMs = Math.min(watch.cadenceMs === undefined ? DAY_MS * 7 : RECALL_MS, MOST_RECALLED * cadenceMs);
		try {
			const store = await this.#store();
			const span = { fromMs: beforeMs - spanMs, toMs: beforeMs };
			watch.recall(await readRecent(store, { site: this.#site.id, machine, cadenceMs }, span));
		} catch {
			// Without the store it begins anew: its windows fill in time.
		}
	}

	#changed(record: ModelRecord): void {
		if (record.task !== TASK || record.site !== this.#site.id || record.status === "training") return;
		this.#stale.add(record.machine);
		if (record.status === "failed" && record.failure) {
			this.#tell(record.machine, { event: "training-failed", model: record.id, failure: record.failure });
		}
	}

	#drifted(machine: string, watch: MachineWatch, drifted: { feature: string; index: number }[]): void {
		this.#tell(machine, { event: "drift", model: watch.modelId ?? "", drifted });
		if (this.#options.trainOnDrift !== false) void this.#unasked(machine, "drift").catch(() => undefined);
	}

	/** A training that no person asked for: only where it makes sense now. */
	async #unasked(machine: string, reason: "first" | "nightly" | "drift"): Promise<void> {
		const watch = this.#watchOf(machine);
		if (watch.streams || (reason === "first" && watch.modelId !== undefined)) return;
		if (watch.level !== "normal" && watch.modelId !== undefined) return;
		const site = this.#site.id;
		const known = await this.#trainer.registry.list({ task: TASK, site, machine });
		if (reason === "first" && known.some(({ status }) => status === "active" || status === "training")) return;
		// One that a restart cut off has not been tried.
		const tried = known.find(({ failure }) => failure?.code !== "models.interrupted");
		if (tried && Date.now() - tried.createdMs < PAUSE_MS) return;
		const store = await this.#store();
		const toMs = Date.now();
		const fromMs = toMs - (this.#options.historyDays ?? 28) * DAY_MS;
		const [oldest] = (await store.readings({ site, machine, fromMs, toMs, limit: 1 })).items;
		if (!oldest || toMs - oldest.timeMs < FIRST_SPAN_MS) return;
		await this.train(machine, reason);
	}

	#scheduleNight(): void {
		const { nightlyHour } = this.#options;
		if (nightlyHour === undefined || this.#closed) return;
		const wait = untilHour(nightlyHour, this.#site.timeZone, Date.now());
		this.#nightly = setTimeout(() => {
			void this.trainNightly();
			this.#scheduleNight();
		}, wait).unref();
	}

	#tell(
		machine: string,
		event: ModelEvent extends infer E ? (E extends ModelEvent ? Omit<E, "site" | "machine" | "timeMs"> : never) : never,
	): void {
		if (!this.#closed) this.#happened({ site: this.#site.id, machine, timeMs: Date.now(), ...event } as ModelEvent);
	}
}

/** Time until it is this hour the next time by the clocks of a zone, ms. */
export function untilHour(hour: number, timeZone: string, nowMs: number): number {
	return nextLocalHour(hour, timeZone, nowMs) - nowMs;
}
