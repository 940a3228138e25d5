import { lastLocalHour } from "../../lib/calendar/local-hour.ts";
import { EnergyError } from "../../lib/errors.ts";
import { offerPart } from "../../lib/live/board.ts";
import { explain, languages } from "../../lib/messages.ts";
import { pastOf } from "../../models/forecast/forecast-answers.ts";
import { viewOf } from "../../models/forecast/forecast-view.ts";
import { wireForecast, wireMissing } from "../../models/forecast/forecast-wire.ts";
import { type IssuedForecast, SiteForecast, TOTAL } from "../../models/forecast/site-forecast.ts";
import type { ModelRecord } from "../../models/registry.ts";
import type { Trainer } from "../../models/training/trainer.ts";
import type { EnergySiteNode } from "../energy-site/config.ts";
import { trainingSettings } from "../training-settings.ts";
import { defaults, engines, type PowerForecastConfig, providers } from "./config.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const QUARTER_MS = 15 * MINUTE_MS;
/** A forecast is made when the meters' last quarter-hour is in the store. */
const AFTER_MS = 30_000;
/** The first forecast comes soon after the flow, when the store has opened. */
const FIRST_MS = 3_000;
/** As long as nothing could be forecast, a history may be on its way: ask again soon. */
const AGAIN_MS = 20_000;

/** Where the work of an issuer is told; all but the forecasts that somebody asked for. */
export interface Listener {
	/** Forecasts of a quarter-hour, as they travel. */
	forecasts(payload: object[]): void;
	/** A machine's training that ended, or why it has no forecast. */
	model(machine: string, payload: object): void;
	/** What the cards show of a machine. */
	view(machine: string, payload: object): void;
	/** Any forecasts were made, asked for or by the clock. */
	issued(forecasts: readonly IssuedForecast[]): void;
	/** Work that nobody waits for failed. */
	failed(error: unknown): void;
}

/** The forecasts of one site by the clock: issues them, trains their models, and tells what came of both. */
export class Issuer {
	readonly node: EnergySiteNode;
	readonly forecasts: SiteForecast;
	readonly #config: PowerForecastConfig;
	readonly #listener: Listener;
	readonly #stops: (() => void)[];
	#next: NodeJS.Timeout | undefined;
	#closed = false;

	constructor(node: EnergySiteNode, config: PowerForecastConfig, trainer: Trainer, listener: Listener) {
		this.node = node;
		this.#config = config;
		this.#listener = listener;
		this.forecasts = new SiteForecast(node.site, () => node.store(), trainer, {
			historyDays: this.#setting("historyDays"),
			keepDays: this.#setting("keepDays"),
			share: this.#setting("intervalPercent") / 100,
			driftFactor: 1.5,
			choice: {
				engine: engines.find((each) => each === config.engine) ?? "auto",
				provider: providers.find((each) => each === config.provider) ?? "cpu",
			},
			settings: trainingSettings(),
		});
		this.#stops = [
			trainer.onEnded((record) => this.#trained(record)),
			trainer.registry.onChanged((record) => this.#changed(record)),
			offerPart(node.site.id, "forecast", (language) => {
				const nowMs = Math.floor(Date.now() / QUARTER_MS) * QUARTER_MS;
				return pastOf(this.forecasts, node.site, { from: nowMs, to: nowMs + 24 * HOUR_MS }, language);
			}),
		];
		this.#warm();
	}

	/** Quarter-hours ahead that are forecast unless told otherwise. */
	get horizon(): number {
		return Math.round(this.#setting("horizonMinutes") / 15);
	}

	/** Issues by the clock from now on; not at all where forecasts are only asked for. */
	start(): void {
		if (this.#byClock) this.#begin(FIRST_MS);
	}

	close(): void {
		this.#closed = true;
		clearTimeout(this.#next);
		for (const stop of this.#stops) stop();
	}

	/** Forecasts in one batch; what the cards show of them follows machine by machine. */
	async issueAll(toLead = this.horizon, machines?: readonly string[]): Promise<IssuedForecast[]> {
		const { issued, missing } = await this.forecasts.issueAll(toLead, machines);
		for (const { machine, error } of missing) {
			// A machine that was never measured says so in the models' output; the others go on.
			if (error.code !== "models.too-little-data") throw error;
			this.#listener.model(machine, wireMissing(machine, error));
		}
		this.#listener.issued(issued);
		this.#sendViews(issued).catch((error: unknown) => this.#failed(error));
		return issued;
	}

	get #byClock(): boolean {
		return this.#setting("everyMinutes") > 0;
	}

	#setting(name: keyof typeof defaults): number {
		const given = Number(this.#config[name]);
		return Number.isFinite(given) && String(this.#config[name] ?? "") !== "" ? given : defaults[name];
	}

	#isOurs({ task, site }: Pick<ModelRecord, "task" | "site">): boolean {
		return task.startsWith("forecast") && site === this.node.site.id;
	}

	#trained(record: ModelRecord): void {
		if (!this.#isOurs(record)) return;
		this.#listener.model(record.machine, wireModel(record));
		// A new model is seen at once, not with the next quarter-hour.
		if (record.status === "active" && this.#byClock) {
			this.issueAll(this.horizon, [record.machine]).catch((error: unknown) => this.#failed(error));
		}
	}

	/** Where forecasts are only asked for, each model is read when it is taken into use, not when somebody waits. */
	#changed(record: ModelRecord): void {
		if (record.status !== "active" || !this.#isOurs(record) || this.#byClock) return;
		if (this.forecasts.machines.includes(record.machine)) this.#warm([record.machine]);
	}

	/** What can't be read is said to whoever asks for it. */
	#warm(machines?: readonly string[]): void {
		setImmediate(() => {
			if (!this.#closed) this.forecasts.warmUp(this.horizon, machines).catch(() => undefined);
		});
	}

	#failed(error: unknown): void {
		if (!this.#closed) this.#listener.failed(error);
	}

	async #sendViews(issued: readonly IssuedForecast[]): Promise<void> {
		for (const one of issued) {
			if (this.#closed) return;
			const contractKw = one.machine === TOTAL ? contractOf(this.node) : null;
			this.#listener.view(one.machine, await viewOf(this.forecasts, this.node.site, one, contractKw));
		}
	}

	/** @returns whether there was anything to forecast */
	async #scheduled(): Promise<boolean> {
		const issued = await this.issueAll();
		if (issued.length > 0) this.#listener.forecasts(issued.map((one) => wireForecast(one, null)));
		await this.forecasts.trainings.first();
		if (this.#config.nightly !== false) {
			const hour = this.#setting("nightlyHour");
			await this.forecasts.trainings.nightly(lastLocalHour(hour, this.node.site.timeZone, Date.now()));
		}
		if (this.#config.trainOnDrift !== false) await this.forecasts.trainings.drifted();
		return issued.length > 0;
	}

	#begin(afterMs: number): void {
		if (this.#closed) return;
		this.#next = setTimeout(() => {
			this.#scheduled()
				.catch((error: unknown) => {
					this.#failed(error);
					return false;
				})
				.then((any) => {
					const every = this.#setting("everyMinutes") * MINUTE_MS;
					const now = Date.now();
					const regular = Math.floor((now - AFTER_MS) / every) * every + every + AFTER_MS - now;
					this.#begin(any ? regular : Math.min(regular, AGAIN_MS));
				});
		}, afterMs).unref();
	}
}

function contractOf(node: EnergySiteNode): number | null {
	try {
		return node.contract().contractKw;
	} catch {
		// What is wrong with the contract is said where prices are asked for.
		return null;
	}
}

/** What became of a training, its failure also in words. */
function wireModel({ id, machine, status, reason, metrics, failure }: ModelRecord): object {
	const error = failure && new EnergyError(failure.code, failure.details);
	return {
		model: id,
		...{ machine, status, reason, metrics },
		...(error && { failure, detail: inWords(error) }),
	};
}

const inWords = (error: EnergyError): object =>
	Object.fromEntries(languages.map((language) => [language, explain(error, language)]));
