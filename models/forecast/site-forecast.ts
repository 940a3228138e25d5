import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readData } from "../../lib/data.ts";
import { EnergyError } from "../../lib/errors.ts";
import { packageRoot } from "../../lib/package-root.cjs";
import type { Store, StoredDocument } from "../../lib/store/store.ts";
import { QUARTER_HOUR_MS } from "../../lib/telemetry/interval.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import { decodeModel } from "../model-file.ts";
import type { Trainer, TrainingJob } from "../training/trainer.ts";
import { holidaysBetween, readLoad, TOTAL } from "./load-history.ts";
import {
	type ForecastMethod,
	type LoadForecast,
	type LoadHistory,
	type LoadModel,
	type LoadModelOptions,
	loadModelKind,
	MIN_DAYS,
	naiveForecast,
} from "./load-model.ts";
import { type LoadTraining, loadTraining } from "./training.ts";

export { TOTAL } from "./load-history.ts";

const DAY_MS = 86_400_000;
const STEP_MS = QUARTER_HOUR_MS;
/** Furthest lead: seven days of quarter-hours. */
export const MAX_LEAD = 672;
const TASK = loadModelKind.task;
const DOCUMENTS = "forecast";
const PRETRAINED = "models/pretrained";
/** History that a forecast looks back on: lags reach four weeks, and three more name the days that ran. */
const LOOK_BACK_DAYS = 56;

export interface SiteForecastOptions {
	/** Days of history that a model learns from. */
	historyDays: number;
	/** Days for which issued forecasts are kept. */
	keepDays: number;
	/** Share of values that an interval is to hold, e.g. 0.9. */
	share: number;
	/** Error of the last two days, in multiples of the backtest's, from which a model is trained anew. */
	driftFactor: number;
}

/** A forecast as it was issued: what was believed at that time. Energies in kWh by quarter-hour. */
export interface IssuedForecast {
	machine: string;
	issuedMs: number;
	stepMs: number;
	method: ForecastMethod;
	methods: LoadForecast["methods"];
	/** Why it did not come from the ensemble; absent where it did. */
	fallback?: "no-model" | "model-unusable" | "gaps-in-history" | "pretrained";
	modelId?: string;
	share: number;
	energyKwh: number[];
	lowerKwh: number[];
	upperKwh: number[];
}

/** Issued forecasts beside what came. */
export interface ForecastAccuracy {
	machine: string;
	/** Pairs of forecast and measurement. */
	values: number;
	maeKwh: number;
	/** Error in shares of the energy. */
	wape: number;
	/** Share of measurements inside the issued bounds, and the share that was promised. */
	coverage: number;
	promised: number;
}

/** A point of a series of forecasts: the newest that was issued early enough. */
export interface ForecastPoint {
	startMs: number;
	issuedMs: number;
	energyKwh: number;
	lowerKwh: number;
	upperKwh: number;
}

/** Models that come with the package. */
export interface Pretrained {
	/** The command that made them. */
	madeWith: string;
	source: string;
	models: { site: string; machine: string; meter: string; file: string; metrics: Readonly<Record<string, number>> }[];
}

/** Forecasts of the machines of a site and of the site itself, their models and what is remembered of them. */
export class SiteForecast {
	readonly #site: Site;
	readonly #store: () => Promise<Store>;
	readonly #trainer: Trainer;
	readonly #options: SiteForecastOptions;
	readonly #now: () => number;
	#shipped: LoadModel | undefined;

	constructor(
		site: Site,
		store: () => Promise<Store>,
		trainer: Trainer,
		options: SiteForecastOptions,
		now: () => number = Date.now,
	) {
		this.#site = site;
		this.#store = store;
		this.#trainer = trainer;
		this.#options = options;
		this.#now = now;
	}

	/** What can be forecast: every machine, and the site as a whole. */
	get machines(): string[] {
		return [TOTAL, ...this.#site.machines.map(({ id }) => id)];
	}

	/**
	 * Forecasts one machine (or `total`) from now on and remembers it. Takes the next rung of the ladder where the model
	 * is missing or unusable, and says so.
	 *
	 * @param toLead quarter-hours ahead, 1…672
	 * @throws EnergyError `models.machine-unknown`, `models.horizon`, `models.too-little-data`, and those of the store
	 */
	async issue(machine: string, toLead: number): Promise<IssuedForecast> {
		this.#check(machine);
		if (!Number.isInteger(toLead) || toLead < 1 || toLead > MAX_LEAD) {
			throw new EnergyError("models.horizon", { value: toLead * 15, rule: "15…10080 minutes in steps of 15" });
		}
		const endMs = Math.floor(this.#now() / STEP_MS) * STEP_MS;
		const history = await this.#history(machine, endMs - LOOK_BACK_DAYS * DAY_MS, endMs);
		const issued = await this.#forecast(machine, history, toLead);
		await this.#keep(issued);
		return issued;
	}

	async #forecast(machine: string, history: LoadHistory, toLead: number): Promise<IssuedForecast> {
		const active = await this.#trainer.registry.active({ task: TASK, site: this.#site.id, machine });
		const calendar = { timeZone: this.#site.timeZone, holidays: this.#holidaysOf(history) };
		let said: LoadForecast | undefined;
		let fallback: IssuedForecast["fallback"];
		if (active.model && active.record.kind === loadModelKind.kind) {
			const model = active.model as unknown as LoadModel;
			// The model's calendar ends with its training; the days ahead come from today's.
			said = model.withHolidays(calendar.holidays).predict({ history, toLead });
			if (said.method !== "ensemble") fallback = "gaps-in-history";
		} else fallback = active.record ? "model-unusable" : "no-model";
		const shipped = fallback === "no-model" ? this.#pretrainedOf(machine) : undefined;
		if (shipped) {
			said = shipped.withHolidays(calendar.holidays).predict({ history, toLead });
			fallback = "pretrained";
		}
		said ??= naiveForecast(history, calendar, toLead, this.#options.share);
		const modelId = active.model ? active.record.id : undefined;
		return {
			machine,
			issuedMs: said.issuedMs,
			stepMs: said.stepMs,
			method: said.method,
			methods: said.methods,
			...(fallback && { fallback }),
			...(modelId && { modelId }),
			share: said.share,
			energyKwh: rounded(said.forecast),
			lowerKwh: rounded(said.lower, Math.floor),
			upperKwh: rounded(said.upper, Math.ceil),
		};
	}

	/** A model that came with the package, for the simulated plant it was made of: until the first training has ended. */
	#pretrainedOf(machine: string): LoadModel | undefined {
		if (!existsSync(join(packageRoot, PRETRAINED, "index.json"))) return undefined;
		const { models } = readData<Pretrained>(`${PRETRAINED}/index.json`);
		const found = models.find((one) => one.site === this.#site.id && one.machine === machine);
		if (!found || !this.#site.machines.some(({ id, role }) => id === found.meter && role === "main")) return undefined;
		this.#shipped ??= readShipped(found.file);
		return this.#shipped;
	}

	async #keep(issued: IssuedForecast): Promise<void> {
		const store = await this.#store();
		const { id: site } = this.#site;
		const oldest = await store.documents({ site, kind: DOCUMENTS, order: "asc", limit: 100 });
		const before = this.#now() - this.#options.keepDays * DAY_MS;
		await store.saveDocuments({
			site,
			kind: DOCUMENTS,
			put: [{ id: `${issued.machine}.${issued.issuedMs}`, atMs: issued.issuedMs, value: issued }],
			remove: oldest.items.filter(({ atMs }) => atMs < before).map(({ id }) => id),
		});
	}

	/** Issued forecasts of a machine that say something about [fromMs, toMs), newest first. */
	async *issues(machine: string, fromMs: number, toMs: number): AsyncGenerator<IssuedForecast> {
		const store = await this.#store();
		let cursor: string | undefined;
		do {
			const page: { items: StoredDocument[]; nextCursor?: string } = await store.documents({
				site: this.#site.id,
				kind: DOCUMENTS,
				limit: 200,
				...(cursor && { cursor }),
			});
			for (const { atMs, value } of page.items) {
				if (atMs < fromMs - MAX_LEAD * STEP_MS) return;
				const issued = value as IssuedForecast;
				if (issued.machine === machine && atMs < toMs) yield issued;
			}
			cursor = page.nextCursor;
		} while (cursor);
	}

	/** For each quarter-hour the newest forecast that was issued at least `leadMs` before it began. */
	async at(machine: string, fromMs: number, toMs: number, leadMs: number): Promise<ForecastPoint[]> {
		this.#check(machine);
		const points = new Map<number, ForecastPoint>();
		for await (const issued of this.issues(machine, fromMs, toMs)) {
			for (const [i, energyKwh] of issued.energyKwh.entries()) {
				const startMs = issued.issuedMs + i * issued.stepMs;
				if (startMs < fromMs || startMs >= toMs || startMs - issued.issuedMs < leadMs || points.has(startMs)) continue;
				const lowerKwh = issued.lowerKwh[i] as number;
				points.set(startMs, {
					startMs,
					issuedMs: issued.issuedMs,
					energyKwh,
					lowerKwh,
					upperKwh: issued.upperKwh[i] as number,
				});
			}
		}
		return [...points.values()].sort((a, b) => a.startMs - b.startMs);
	}

	/** What the forecasts of the last days were worth, at a lead of at least `leadMs`; undefined where none has passed. */
	async accuracy(machine: string, days: number, leadMs: number): Promise<ForecastAccuracy | undefined> {
		const toMs = Math.floor(this.#now() / STEP_MS) * STEP_MS;
		const fromMs = toMs - days * DAY_MS;
		const [points, { values }] = await Promise.all([
			this.at(machine, fromMs, toMs, leadMs),
			this.#history(machine, fromMs, toMs),
		]);
		let count = 0;
		let error = 0;
		let energy = 0;
		let held = 0;
		for (const { startMs, energyKwh, lowerKwh, upperKwh } of points) {
			const actual = values[(startMs - fromMs) / STEP_MS] as number;
			if (!Number.isFinite(actual)) continue;
			count++;
			error += Math.abs(energyKwh - actual);
			energy += Math.abs(actual);
			if (actual >= lowerKwh && actual <= upperKwh) held++;
		}
		if (count === 0) return undefined;
		const promised = this.#options.share;
		return {
			machine,
			values: count,
			maeKwh: error / count,
			wape: error / (energy || 1),
			coverage: held / count,
			promised,
		};
	}

	/**
	 * Asks for a training; the model takes over when its backtest beats the baselines and the active model.
	 *
	 * @param reason `asked`, `nightly`, `drift`, `first`
	 * @throws EnergyError `models.machine-unknown`, `models.busy`
	 */
	async train(machine: string, reason: string): Promise<TrainingJob> {
		this.#check(machine);
		const kind = loadModelKind.kind;
		return this.#trainer.train({
			...{ task: TASK, site: this.#site.id, machine, kind, reason },
			...this.#training(machine),
		});
	}

	/** What a model of a machine would learn from now, and how. */
	async trainingData(machine: string): Promise<{ data: LoadHistory; options: LoadModelOptions }> {
		const { options, read } = this.#training(machine);
		return { data: (await read()).data, options };
	}

	#training(machine: string): LoadTraining {
		const { share, historyDays } = this.#options;
		const subject = { site: this.#site, store: this.#store, machine, kind: loadModelKind.kind, historyDays };
		return loadTraining(subject, share, this.#now());
	}

	/** Trains every machine that has no model yet and history enough. @returns those asked for */
	async trainFirst(): Promise<string[]> {
		const asked: string[] = [];
		const toMs = this.#now();
		for (const machine of this.machines) {
			const { record } = await this.#trainer.registry.active({ task: TASK, site: this.#site.id, machine });
			if (record) continue;
			const [newest] = await this.#trainer.registry.list({ task: TASK, site: this.#site.id, machine });
			// A model that was fitted and not accepted, or failed, is not tried again before the night.
			if (newest && toMs - newest.createdMs < DAY_MS) continue;
			const { values } = await this.#history(machine, toMs - (MIN_DAYS + 7) * DAY_MS, toMs);
			if (values.filter(Number.isFinite).length < (MIN_DAYS * DAY_MS) / STEP_MS) continue;
			await this.train(machine, "first");
			asked.push(machine);
		}
		return asked;
	}

	/** Trains the machines whose forecasts of the last two days erred clearly more than in the backtest. */
	async trainDrifted(): Promise<string[]> {
		const drifted: string[] = [];
		for (const machine of this.machines) {
			const { model, record } = await this.#trainer.registry.active({ task: TASK, site: this.#site.id, machine });
			const expected = record?.metrics?.dayMae;
			if (!model || expected === undefined || this.#now() - (record?.trainedMs ?? 0) < DAY_MS) continue;
			const recent = await this.accuracy(machine, 2, 4 * STEP_MS);
			if (!recent || recent.values < 96 || recent.maeKwh <= this.#options.driftFactor * expected) continue;
			await this.train(machine, "drift");
			drifted.push(machine);
		}
		return drifted;
	}

	#check(machine: string): void {
		if (!this.machines.includes(machine)) {
			throw new EnergyError("models.machine-unknown", { machine, known: this.machines.join(", ") });
		}
	}

	async #history(machine: string, fromMs: number, toMs: number): Promise<LoadHistory> {
		return readLoad(await this.#store(), this.#site, machine, fromMs, toMs);
	}

	#holidaysOf({ startMs, stepMs, values }: LoadHistory): number[] {
		return holidaysBetween(this.#site.timeZone, startMs, startMs + values.length * stepMs);
	}
}

function readShipped(file: string): LoadModel {
	const path = join(packageRoot, PRETRAINED, file);
	const { kind, version } = loadModelKind;
	return loadModelKind.deserialise(decodeModel(readFileSync(path), { kind, version, path }));
}

/** Watt-hours are digits enough; bounds are rounded outwards. */
function rounded(values: Float64Array, round: (value: number) => number = Math.round): number[] {
	return Array.from(values, (value) => round(value * 1_000) / 1_000);
}
