import { existsSync } from "node:fs";
import { join } from "node:path";
import { readData } from "../../lib/data.ts";
import { EnergyError } from "../../lib/errors.ts";
import { packageRoot } from "../../lib/package-root.cjs";
import type { JournalEntry, Page, Store } from "../../lib/store/store.ts";
import { QUARTER_HOUR_MS } from "../../lib/telemetry/interval.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import type { ModelRecord } from "../registry.ts";
import type { EngineChoice, ModelFile, ServeAnswer, Served, ServeQuestion } from "../serving/protocol.ts";
import { type ServingThread, servingThread } from "../serving/thread.ts";
import type { Trainer } from "../training/trainer.ts";
import type { ForecastAccuracy, ForecastPoint, PastPath, Prediction, Pretrained, Unissued } from "./forecast-types.ts";
import { HistoryCache } from "./history-cache.ts";
import { FORECAST_JOURNAL, type IssuedForecast, packForecast, unpackForecast } from "./issued.ts";
import { holidaysBetween, TOTAL } from "./load-history.ts";
import { type LoadHistory, loadModelKind } from "./load-model.ts";
import { SiteTrainings, type SiteTrainingsOptions } from "./site-trainings.ts";
import { MEMBER_TASK } from "./training.ts";

export type { IssuedForecast } from "./issued.ts";
export { TOTAL } from "./load-history.ts";

const DAY_MS = 86_400_000;
const STEP_MS = QUARTER_HOUR_MS;
/** Furthest lead: seven days of quarter-hours. */
export const MAX_LEAD = 672;
const TASK = loadModelKind.task;
const PRETRAINED = "models/pretrained";
/** History that a forecast looks back on: lags reach four weeks, and three more name the days that ran. */
const LOOK_BACK_DAYS = 56;
/** Issued forecasts of a page: unpacking one page is a few milliseconds of the loop. */
const PAGE = 100;

export interface SiteForecastOptions extends SiteTrainingsOptions {
	/** Days for which issued forecasts are kept. */
	keepDays: number;
	/** What runs the models; default `auto` on `cpu`. */
	choice?: EngineChoice;
}

/** Forecasts of the machines of a site and of the site itself, their models and what is remembered of them. */
export class SiteForecast {
	readonly trainings: SiteTrainings;
	readonly #site: Site;
	readonly #store: () => Promise<Store>;
	readonly #trainer: Trainer;
	readonly #options: SiteForecastOptions;
	readonly #now: () => number;
	readonly #histories: HistoryCache;
	readonly #thread: ServingThread;
	/** Before this, issued forecasts were dropped last. */
	#droppedMs = Number.NEGATIVE_INFINITY;

	constructor(
		site: Site,
		store: () => Promise<Store>,
		trainer: Trainer,
		options: SiteForecastOptions,
		now: () => number = Date.now,
		thread = servingThread(),
	) {
		this.#site = site;
		this.#store = store;
		this.#trainer = trainer;
		this.#options = options;
		this.#now = now;
		this.#thread = thread;
		this.#histories = new HistoryCache(store, site, LOOK_BACK_DAYS, now);
		this.trainings = new SiteTrainings(site, store, trainer, options, now, this);
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
		this.check(machine);
		const { issued, missing } = await this.issueAll(toLead, [machine]);
		const [first] = issued;
		if (first) return first;
		throw (missing[0] as Unissued).error;
	}

	/**
	 * Forecasts several machines in one batch and remembers them in one transaction; one that was never measured is
	 * missing, with its reason, and the others go on.
	 *
	 * @throws EnergyError `models.horizon`, `models.serving-failed`, and those of the store
	 */
	async issueAll(
		toLead: number,
		machines: readonly string[] = this.machines,
	): Promise<{ issued: IssuedForecast[]; missing: Unissued[] }> {
		checkLead(toLead);
		const endMs = Math.floor(this.#now() / STEP_MS) * STEP_MS;
		const questions: ServeQuestion[] = [];
		for (const machine of machines) questions.push(await this.#question({ machine, toLead }, endMs));
		const answers = await this.#serve(questions);
		const issued: IssuedForecast[] = [];
		const missing: Unissued[] = [];
		for (const answer of answers) {
			const { machine } = answer;
			if ("served" in answer) issued.push(issuedFrom(machine, answer.served));
			else missing.push({ machine, error: new EnergyError(answer.failure.code, answer.failure.details) });
		}
		await this.#keep(issued);
		return { issued, missing };
	}

	/**
	 * Answers a forecast without remembering it: by another version of the model, from other recent values, with further
	 * bands.
	 *
	 * @throws EnergyError `models.machine-unknown`, `models.horizon`, `models.too-little-data`, `models.unknown`,
	 *   `models.not-promotable`, `models.serving-failed`
	 */
	async predict(asked: Prediction): Promise<{ machine: string; served: Served }> {
		this.check(asked.machine);
		checkLead(asked.toLead);
		const endMs = Math.floor(this.#now() / STEP_MS) * STEP_MS;
		const [answer] = await this.#serve([await this.#question(asked, endMs)]);
		if (answer && "served" in answer) return answer;
		throw new EnergyError(answer?.failure.code ?? "models.serving-failed", answer?.failure.details ?? {});
	}

	/**
	 * Reads the models and the load of the last weeks before anybody asks, so that the first answer comes as fast as
	 * others: at the start, and when a model was taken into use. Machines without a model have nothing to wait for.
	 *
	 * @returns those that were warmed up
	 * @throws EnergyError `models.horizon`, and those of the store
	 */
	async warmUp(toLead: number, machines: readonly string[] = this.machines): Promise<string[]> {
		checkLead(toLead);
		const endMs = Math.floor(this.#now() / STEP_MS) * STEP_MS;
		const questions: ServeQuestion[] = [];
		for (const machine of machines) {
			const { model, behind } = await this.#filesFor(machine, undefined);
			if (model || behind) questions.push(await this.#question({ machine, toLead }, endMs));
		}
		await this.#thread.warmUp(questions, this.#choice);
		return questions.map(({ machine }) => machine);
	}

	get #choice(): EngineChoice {
		return this.#options.choice ?? { engine: "auto", provider: "cpu" };
	}

	async #serve(questions: ServeQuestion[]): Promise<ServeAnswer[]> {
		const answers = await this.#thread.serve(questions, this.#choice);
		for (const answer of answers) {
			if (!("served" in answer) || !answer.served.unusable || !answer.served.failure) continue;
			const id = questions.find(({ machine }) => machine === answer.machine)?.model?.id;
			const { code, details } = answer.served.failure;
			// Nobody is to ask a damaged file again; a file that this program put there is no model of the registry.
			if (id) await this.#trainer.registry.fail(id, new EnergyError(code, details));
		}
		return answers;
	}

	async #question(
		{ machine, toLead, model: wanted, recent, shares }: Prediction,
		nowMs: number,
	): Promise<ServeQuestion> {
		const endMs = recent ? recent.startMs + recent.values.length * STEP_MS : nowMs;
		const stored = recent
			? await this.#histories.read(machine, endMs - LOOK_BACK_DAYS * DAY_MS, recent.startMs)
			: await this.#histories.read(machine, endMs - LOOK_BACK_DAYS * DAY_MS, endMs);
		const values = recent ? Float64Array.from([...stored.values, ...recent.values]) : stored.values;
		const { timeZone } = this.#site;
		const holidays = holidaysBetween(timeZone, stored.startMs, endMs + toLead * STEP_MS);
		return {
			...{ machine, toLead, history: { ...stored, values }, share: this.#options.share },
			...(shares && { shares }),
			calendar: { timeZone, holidays },
			...(await this.#filesFor(machine, wanted)),
		};
	}

	/** The files that may answer: the model in use, one beside it and one behind it. */
	async #filesFor(
		machine: string,
		wanted: string | undefined,
	): Promise<Pick<ServeQuestion, "model" | "member" | "behind" | "shipped">> {
		const { registry } = this.#trainer;
		const site = this.#site.id;
		if (wanted !== undefined) {
			const record = await registry.get(wanted);
			if (record.trainedMs === undefined || record.status === "failed") {
				throw new EnergyError("models.not-promotable", { model: wanted, status: record.status });
			}
			return { model: this.#fileOf(record) };
		}
		const all = await registry.list({ task: TASK, site, machine });
		const active = all.find(({ status }) => status === "active");
		const [member] = await registry.list({ task: MEMBER_TASK, site, machine, status: "active" });
		const own = all
			.filter(({ kind, status }) => kind === loadModelKind.kind && (status === "active" || status === "retired"))
			.sort((a, b) => (b.promotedMs ?? 0) - (a.promotedMs ?? 0))[0];
		const behind = own && own.id !== active?.id ? this.#fileOf(own) : this.#pretrainedOf(machine);
		return {
			...(active && { model: this.#fileOf(active) }),
			...(member && active && { member: this.#fileOf(member) }),
			...(behind && { behind }),
			...(behind?.id.startsWith(SHIPPED) && { shipped: true }),
		};
	}

	#fileOf({ id, kind }: ModelRecord): ModelFile {
		return { id, kind, path: this.#trainer.registry.fileOf(id) };
	}

	/** A model that came with the package, for the simulated plant it was made of: until the first training has ended. */
	#pretrainedOf(machine: string): ModelFile | undefined {
		if (!existsSync(join(packageRoot, PRETRAINED, "index.json"))) return undefined;
		const { models } = readData<Pretrained>(`${PRETRAINED}/index.json`);
		const found = models.find((one) => one.site === this.#site.id && one.machine === machine);
		if (!found || !this.#site.machines.some(({ id, role }) => id === found.meter && role === "main")) return undefined;
		const path = join(packageRoot, PRETRAINED, found.file);
		return { id: `${SHIPPED}${found.file}`, kind: loadModelKind.kind, path };
	}

	async #keep(issued: readonly IssuedForecast[]): Promise<void> {
		if (issued.length === 0) return;
		const store = await this.#store();
		const { id: site } = this.#site;
		await store.saveDocuments({ site, kind: FORECAST_JOURNAL, journal: issued.map(packForecast) });
		const before = this.#now() - this.#options.keepDays * DAY_MS;
		if (before - this.#droppedMs < DAY_MS / 24) return;
		this.#droppedMs = before;
		await store.dropJournalBefore(site, FORECAST_JOURNAL, before);
	}

	/**
	 * Forecasts of a machine that were issued in [fromMs, toMs), newest first; what was issued again for the same
	 * quarter-hour comes first.
	 */
	async *issues(machine: string, fromMs: number, toMs: number): AsyncGenerator<IssuedForecast> {
		const store = await this.#store();
		let cursor: string | undefined;
		do {
			const page: Page<JournalEntry> = await store.journal({
				...{ site: this.#site.id, kind: FORECAST_JOURNAL, subject: machine, fromMs, toMs, limit: PAGE },
				...(cursor && { cursor }),
			});
			for (const entry of page.items) {
				const issued = unpackForecast(entry);
				if (issued) yield issued;
			}
			cursor = page.nextCursor;
		} while (cursor);
	}

	/** The newest forecast of a machine that was issued by then; undefined where none was. */
	async newest(machine: string, asOfMs = Number.MAX_SAFE_INTEGER): Promise<IssuedForecast | undefined> {
		this.check(machine);
		for await (const issued of this.issues(machine, 0, asOfMs === Number.MAX_SAFE_INTEGER ? asOfMs : asOfMs + 1)) {
			return issued;
		}
		return undefined;
	}

	/**
	 * For each quarter-hour the newest forecast that was issued at least `leadMs` before it began, and not after `asOfMs`:
	 * what was believed then.
	 */
	async at(
		machine: string,
		fromMs: number,
		toMs: number,
		leadMs: number,
		asOfMs = Number.MAX_SAFE_INTEGER,
	): Promise<ForecastPoint[]> {
		this.check(machine);
		const firstMs = Math.ceil(fromMs / STEP_MS) * STEP_MS;
		const length = Math.max(0, Math.ceil((toMs - firstMs) / STEP_MS));
		const points = new Array<ForecastPoint | undefined>(length);
		let open = length;
		const newestMs = Math.min(firstMs + (length - 1) * STEP_MS - leadMs, asOfMs);
		if (open === 0) return [];
		for await (const issued of this.issues(machine, firstMs - MAX_LEAD * STEP_MS, newestMs + 1)) {
			const { issuedMs, energyKwh, lowerKwh, upperKwh } = issued;
			const first = Math.max(0, Math.ceil((issuedMs + leadMs - firstMs) / STEP_MS));
			const last = Math.min(length, (issuedMs - firstMs) / STEP_MS + energyKwh.length);
			for (let slot = first; slot < last; slot++) {
				if (points[slot]) continue;
				const startMs = firstMs + slot * STEP_MS;
				const i = (startMs - issuedMs) / STEP_MS;
				points[slot] = {
					...{ startMs, issuedMs, energyKwh: energyKwh[i] as number },
					...{ lowerKwh: lowerKwh[i] as number, upperKwh: upperKwh[i] as number },
				};
				open--;
			}
			if (open === 0) break;
		}
		return points.filter((point) => point !== undefined);
	}

	/**
	 * What had been forecast of a span at several distances, read in one pass: by quarter-hour the newest forecast that was
	 * issued at least so many quarter-hours before it ended (a lead of 1 is the one issued as it began).
	 */
	async lookBack(machine: string, fromMs: number, toMs: number, leads: readonly number[]): Promise<PastPath[]> {
		this.check(machine);
		const length = Math.max(0, Math.floor((toMs - fromMs) / STEP_MS));
		const unknown = (): Float64Array => new Float64Array(length).fill(Number.NaN);
		const paths = leads.map(
			(lead): PastPath => ({
				...{ lead, energy: unknown(), lower: unknown(), upper: unknown() },
				promised: this.#options.share,
			}),
		);
		for await (const issued of this.issues(machine, fromMs - (Math.max(...leads) + DAY_MS / STEP_MS) * STEP_MS, toMs)) {
			const origin = (issued.issuedMs - fromMs) / STEP_MS;
			for (const { lead, energy, lower, upper } of paths) {
				const last = Math.min(length, origin + issued.energyKwh.length);
				for (let slot = Math.max(0, origin + lead - 1); slot < last; slot++) {
					// Newest first: what stands there already was issued later.
					if (!Number.isNaN(energy[slot] as number)) continue;
					energy[slot] = issued.energyKwh[slot - origin] as number;
					lower[slot] = issued.lowerKwh[slot - origin] as number;
					upper[slot] = issued.upperKwh[slot - origin] as number;
				}
			}
		}
		return paths;
	}

	/** Measured quarter-hours of a machine, kWh; NaN where not enough of one was measured. */
	async actual(machine: string, fromMs: number, toMs: number): Promise<LoadHistory> {
		this.check(machine);
		return this.#histories.read(machine, fromMs, toMs);
	}

	/**
	 * What the forecasts of the last days were worth, at a lead of at least `leadMs`; undefined where none has passed.
	 *
	 * @param issuedFromMs leaves out those that were issued before
	 */
	async accuracy(
		machine: string,
		days: number,
		leadMs: number,
		issuedFromMs = Number.NEGATIVE_INFINITY,
	): Promise<ForecastAccuracy | undefined> {
		const toMs = Math.floor(this.#now() / STEP_MS) * STEP_MS;
		const fromMs = toMs - days * DAY_MS;
		const [points, { values }] = await Promise.all([
			this.at(machine, fromMs, toMs, leadMs),
			this.#histories.read(machine, fromMs, toMs),
		]);
		let count = 0;
		let error = 0;
		let energy = 0;
		let held = 0;
		for (const { startMs, issuedMs, energyKwh, lowerKwh, upperKwh } of points) {
			if (issuedMs < issuedFromMs) continue;
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

	/** @throws EnergyError `models.machine-unknown` */
	check(machine: string): void {
		if (!this.machines.includes(machine)) {
			throw new EnergyError("models.machine-unknown", { machine, known: this.machines.join(", ") });
		}
	}
}

const SHIPPED = "shipped/";

/** @throws EnergyError `models.horizon` */
function checkLead(toLead: number): void {
	if (Number.isInteger(toLead) && toLead >= 1 && toLead <= MAX_LEAD) return;
	throw new EnergyError("models.horizon", { value: toLead * 15, rule: "15…10080 minutes in steps of 15" });
}

function issuedFrom(machine: string, served: Served): IssuedForecast {
	const { issuedMs, stepMs, forecast, bands, method, methods, fallback, failure, modelId, memberId, engine } = served;
	const [band] = bands;
	return {
		...{ machine, issuedMs, stepMs, method, methods, engine },
		...(fallback && { fallback }),
		...(failure && { failure }),
		...(modelId && { modelId }),
		...(memberId && { memberId }),
		share: band?.share ?? 0,
		energyKwh: rounded(forecast),
		lowerKwh: rounded(band?.lower ?? forecast, Math.floor),
		upperKwh: rounded(band?.upper ?? forecast, Math.ceil),
	};
}

/** Watt-hours are digits enough; bounds are rounded outwards. */
function rounded(values: Float64Array, round: (value: number) => number = Math.round): number[] {
	return Array.from(values, (value) => round(value * 1_000) / 1_000);
}
