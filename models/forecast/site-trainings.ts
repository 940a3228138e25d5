import type { Store } from "../../lib/store/store.ts";
import { QUARTER_HOUR_MS } from "../../lib/telemetry/interval.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import type { ModelRecord } from "../registry.ts";
import type { TrainingSettings } from "../training/settings.ts";
import type { Trainer, TrainingJob } from "../training/trainer.ts";
import type { ForecastAccuracy } from "./forecast-types.ts";
import { type LoadHistory, type LoadModelOptions, loadModelKind, MIN_DAYS } from "./load-model.ts";
import { type LoadTraining, loadTraining } from "./training.ts";

const DAY_MS = 86_400_000;
const STEP_MS = QUARTER_HOUR_MS;
const TASK = loadModelKind.task;
/** A training must have had so long to show that it cured nothing. */
const DRIFT_PAUSE_MS = DAY_MS / 4;
/** One that was cut off so often in a row counts as tried: it may be what ends the program. */
const MOST_CUT_OFF = 3;

export interface SiteTrainingsOptions {
	/** Days of history that a model learns from. */
	historyDays: number;
	/** Share of values that an interval is to hold, e.g. 0.9. */
	share: number;
	/** Error of the last two days, in multiples of the backtest's, from which a model is trained anew. */
	driftFactor: number;
	/** What the configuration says of trainings. */
	settings?: TrainingSettings;
}

/** What a training is asked for by: loads, their measurements, and what their forecasts were worth. */
interface Forecasts {
	readonly machines: string[];
	/** @throws EnergyError `models.machine-unknown` */
	check(machine: string): void;
	actual(machine: string, fromMs: number, toMs: number): Promise<LoadHistory>;
	accuracy(machine: string, days: number, leadMs: number, issuedFromMs?: number): Promise<ForecastAccuracy | undefined>;
}

/** When the forecast models of a site are trained: first, each night, and where they drifted. */
export class SiteTrainings {
	readonly #site: Site;
	readonly #store: () => Promise<Store>;
	readonly #trainer: Trainer;
	readonly #options: SiteTrainingsOptions;
	readonly #now: () => number;
	readonly #forecasts: Forecasts;

	constructor(
		site: Site,
		store: () => Promise<Store>,
		trainer: Trainer,
		options: SiteTrainingsOptions,
		now: () => number,
		forecasts: Forecasts,
	) {
		this.#site = site;
		this.#store = store;
		this.#trainer = trainer;
		this.#options = options;
		this.#now = now;
		this.#forecasts = forecasts;
	}

	/**
	 * Asks for a training; the model takes over when its backtest beats the baselines and the active model.
	 *
	 * @param reason `asked`, `nightly`, `drift`, `first`
	 * @throws EnergyError `models.machine-unknown`, `models.busy`
	 */
	async train(machine: string, reason: string): Promise<TrainingJob> {
		this.#forecasts.check(machine);
		const kind = loadModelKind.kind;
		return this.#trainer.train({
			...{ task: TASK, site: this.#site.id, machine, kind, reason, askedMs: this.#now() },
			...this.#training(machine),
		});
	}

	/** What a model of a machine would learn from now, and how. */
	async data(machine: string): Promise<{ data: LoadHistory; options: LoadModelOptions }> {
		const { options, read } = this.#training(machine);
		return { data: (await read()).data, options };
	}

	#training(machine: string): LoadTraining {
		const { share, historyDays, settings } = this.#options;
		const kind = loadModelKind.kind;
		const subject = { site: this.#site, store: this.#store, machine, kind, historyDays, ...(settings && { settings }) };
		return loadTraining(subject, share, this.#now());
	}

	/** Trains every machine that has no model yet and history enough. @returns those asked for */
	async first(): Promise<string[]> {
		const asked: string[] = [];
		const toMs = this.#now();
		for (const machine of this.#forecasts.machines) {
			const all = await this.#trainer.registry.list({ task: TASK, site: this.#site.id, machine });
			if (all.some(({ status }) => status === "active")) continue;
			const newest = newestTried(all);
			// A model that was fitted and not accepted, or failed, is not tried again before the night.
			if (newest && toMs - newest.createdMs < DAY_MS) continue;
			const { values } = await this.#forecasts.actual(machine, toMs - (MIN_DAYS + 7) * DAY_MS, toMs);
			if (values.filter(Number.isFinite).length < (MIN_DAYS * DAY_MS) / STEP_MS) continue;
			await this.train(machine, "first");
			asked.push(machine);
		}
		return asked;
	}

	/**
	 * Trains every machine that was trained before, but not since the night began: where the night found the program
	 * switched off, or a restart cut the training off, it is made up for. A model that somebody brings is no training.
	 */
	async nightly(sinceMs: number): Promise<string[]> {
		const asked: string[] = [];
		for (const machine of this.#forecasts.machines) {
			const all = await this.#trainer.registry.list({ task: TASK, site: this.#site.id, machine });
			const own = all.filter(({ kind }) => kind === loadModelKind.kind);
			if (own.length === 0 || (newestTried(own)?.createdMs ?? 0) >= sinceMs) continue;
			await this.train(machine, "nightly");
			asked.push(machine);
		}
		return asked;
	}

	/**
	 * Trains the machines whose forecasts of the last two days erred clearly more than in the backtest, once a day at
	 * most. Where a training has been since, what was forecast after it must have erred as much: it may have cured it.
	 */
	async drifted(): Promise<string[]> {
		const asked: string[] = [];
		const nowMs = this.#now();
		for (const machine of this.#forecasts.machines) {
			const all = await this.#trainer.registry.list({ task: TASK, site: this.#site.id, machine });
			const expected = all.find(({ status }) => status === "active")?.metrics?.dayMae;
			const newestMs = newestTried(all)?.createdMs ?? 0;
			if (expected === undefined || nowMs - newestMs < DRIFT_PAUSE_MS) continue;
			if (all.some(({ reason, createdMs }) => reason === "drift" && nowMs - createdMs < DAY_MS)) continue;
			const most = this.#options.driftFactor * expected;
			const erred = ({ values, maeKwh }: ForecastAccuracy, least: number) => values >= least && maeKwh > most;
			const recent = await this.#forecasts.accuracy(machine, 2, 4 * STEP_MS);
			if (!recent || !erred(recent, 96)) continue;
			const since = await this.#forecasts.accuracy(machine, 2, 4 * STEP_MS, newestMs);
			if (!since || !erred(since, 16)) continue;
			await this.train(machine, "drift");
			asked.push(machine);
		}
		return asked;
	}
}

/** The newest training that came to an end or is under way: one that a restart cut off was not tried. */
function newestTried(newestFirst: readonly ModelRecord[]): ModelRecord | undefined {
	const ended = newestFirst.findIndex(({ failure }) => failure?.code !== "models.interrupted");
	const cutOff = ended < 0 ? newestFirst.length : ended;
	return newestFirst[cutOff >= MOST_CUT_OFF ? 0 : cutOff];
}
